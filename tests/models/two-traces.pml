/* Two traces at once: the rules of docs/design.md, "Two traces", as a model for Spin.
 *
 * Objects have one reference each, and each is a segment of its own. The mutator has
 * registers, and runs between any two steps of the traces, which condemn whatever they like of
 * what the other one has not. Every step holds the arena's lock, so each is atomic here.
 *
 * Checked are in every state that the mutator's objects are there and are not old copies; that
 * what a trace frees is referred to by nobody, not even by what the other trace has condemned
 * and may still find alive; and, once a trace has flipped, that only grey and white objects
 * refer to its white ones.
 *
 *   spin -a two-traces.pml && cc -O2 -DSAFETY -DCOLLAPSE -DNOREDUCE -o pan pan.c && ./pan -m3000000 -n
 *
 * With -DNO_COLOUR, -DNO_COPIES, -DNO_WHITE, -DNO_HIT, -DNO_BIRTH or -DNO_WRITE one rule
 * is left out, and Spin finds a way to an error. With -DANY both traces run at any time (more
 * states than were gone through so far), with -DN=4 there is room for one more object.
 */

#ifndef N
#define N 3             /* objects that there is room for */
#endif
#ifndef REGS
#define REGS 2
#endif

#define NIL 0
#define IDLE 0
#define CONDEMN 1
#define GREY 2
#define FLIPPED 3

byte ref[N + 1];        /* what it refers to */
bit used[N + 1];
bit known[N + 1];       /* what it refers to is known, and a write is noticed */
byte white[N + 1];      /* 0, or 1 + the trace that has condemned it */
bit grey0[N + 1];       /* is it grey for trace 0, for trace 1 */
bit grey1[N + 1];
byte fwd[N + 1];        /* where its copy is */
byte by[N + 1];         /* 1 + the trace in progress that has copied it */
byte phase[2];
byte at[2];             /* how far the walk of the grey phase has come */
byte reg[REGS];

byte c, d, i, t, v;     /* used within a step only */
bit take;

#define grey(t, c) (t == 0 && grey0[c] || t == 1 && grey1[c])
#define OTHER (1 - t)

/* Trace 1 begins and ends while trace 0 is between its flip and its end. */
#ifdef ANY
#define MAY_BEGIN(tr) (phase[tr] <= CONDEMN)
#define MAY_END(tr) 1
#else
#define MAY_BEGIN(tr) (phase[tr] <= CONDEMN && phase[OTHER_THAN(tr)] == (tr == 0 -> IDLE : FLIPPED))
#define MAY_END(tr) (tr == 1 || phase[1] == IDLE)
#endif
#define OTHER_THAN(tr) (1 - tr)

#ifdef NO_COPIES
#define MAY(o) 1
#else
#define MAY(o) (by[o] == 0)
#endif
#ifdef NO_WHITE
#define OF_OTHER(o) (white[o] == 0)
#else
#define OF_OTHER(o) 1
#endif

inline set_grey(tr, o, yes) {
    if
    :: tr == 0 -> grey0[o] = yes
    :: else -> grey1[o] = yes
    fi
}

/* An object that has just come to be, or of which nothing is known any more, is grey for
 * traces that look for what may refer to white objects. */
inline widened(o) {
#ifdef NO_BIRTH
    skip
#else
    if
    :: phase[0] == GREY && white[o] != 1 -> grey0[o] = 1
    :: else
    fi;
    if
    :: phase[1] == GREY && white[o] != 2 -> grey1[o] = 1
    :: else
    fi
#endif
}

/* The first free place, or NIL. */
inline find_free(o) {
    o = 1;
    do
    :: o <= N && used[o] -> o++
    :: else -> break
    od;
    if
    :: o > N -> o = NIL
    :: else
    fi
}

/* Fixes the reference in r for trace t: if it is white, it stays in place, or a copy is made
 * (if there is room, and `take` says so). */
inline fix(r) {
    if
    :: r != NIL && white[r] == t + 1 ->
        if
        :: fwd[r] != NIL -> r = fwd[r]
        :: else ->
            find_free(d);
            if
            :: d != NIL && take ->
                used[d] = 1;
                ref[d] = ref[r];
                known[d] = 0;
                white[d] = 0;
                by[d] = t + 1;
                fwd[r] = d;
                widened(d);
                set_grey(t, d, 1);
#ifndef NO_COLOUR
                /* What is copied keeps its colour for the other trace. */
                if
                :: grey(OTHER, r) -> set_grey(OTHER, d, 1)
                :: else
                fi;
#endif
                grey0[r] = 0;
                grey1[r] = 0;
                ref[r] = NIL;
                r = d
            :: else ->
                white[r] = 0;
                set_grey(t, r, 1);
                widened(r)
            fi
        fi
    :: else
    fi
}

inline scan(o) {
    v = ref[o];
    fix(v);
    ref[o] = v;
    set_grey(t, o, 0);
    known[o] = 1
}

/* The mutator is about to use the object at x. */
inline hit(o) {
    t = 0;
    do
    :: t < 2 ->
        if
#ifdef NO_HIT
        :: phase[t] == FLIPPED && grey(t, o) && t == 0 -> scan(o)
#else
        :: phase[t] == FLIPPED && grey(t, o) -> scan(o)
#endif
        :: else
        fi;
        t++
    :: else -> break
    od;
    assert(used[o] && fwd[o] == NIL);
    assert(!(white[o] != 0 && phase[white[o] - 1] == FLIPPED))
}

/* The mutator has written to the object. */
inline written(o) {
#ifdef NO_WRITE
    skip
#else
    known[o] = 0;
    widened(o)
#endif
}

/* What is true after each step. */
inline check() {
    c = 1;
    do
    :: c <= N ->
        if
        :: used[c] && fwd[c] == NIL && ref[c] != NIL ->
            assert(used[ref[c]]);
            t = 0;
            do
            :: t < 2 ->
                assert(!(phase[t] == FLIPPED && white[c] != t + 1 && !grey(t, c)
                         && white[ref[c]] == t + 1));
                t++
            :: else -> break
            od
        :: else
        fi;
        c++
    :: else -> break
    od;
    i = 0;
    do
    :: i < REGS ->
        assert(reg[i] == NIL || used[reg[i]]);
        i++
    :: else -> break
    od;
    c = 0; d = 0; i = 0; t = 0; v = 0; take = 0
}


/* The mutator: a new object. */
#define NEW(r) \
    :: d_step { \
        used[1] == 0 || used[2] == 0 || used[N] == 0 -> \
        find_free(c); \
        used[c] = 1; \
        widened(c); \
        reg[r] = c; \
        check() \
    }
/* A reference less. */
#define DROP(r) \
    :: d_step { reg[r] != NIL -> reg[r] = NIL; check() }
/* A read: register to = the reference in what register r refers to. */
#define READ(to, r, copy) \
    :: d_step { \
        reg[r] != NIL -> \
        take = copy; \
        hit(reg[r]); \
        reg[to] = ref[reg[r]]; \
        check() \
    }
/* A write of register r into what register into refers to. */
#define WRITE(into, r, copy) \
    :: d_step { \
        reg[into] != NIL -> \
        take = copy; \
        hit(reg[into]); \
        ref[reg[into]] = reg[r]; \
        written(reg[into]); \
        check() \
    }
#define MUTATOR(r) \
    NEW(r) DROP(r) READ(r, 0, 0) READ(r, 1, 0) READ(r, 0, 1) READ(r, 1, 1) \
    WRITE(r, 0, 0) WRITE(r, 1, 0) WRITE(r, 0, 1) WRITE(r, 1, 1)

/* A trace begins, and condemns this object or that, but not what the other has condemned, nor
 * what it has copied: what leads to the old copy will lead there. */
#define CONDEMNS(tr, o) \
    :: d_step { \
        MAY_BEGIN(tr) && used[o] && white[o] == 0 && fwd[o] == NIL && MAY(o) -> \
        phase[tr] = CONDEMN; \
        white[o] = tr + 1; \
        set_grey(tr, o, 0); \
        check() \
    }
/* Its grey phase looks at one object after the other. */
#define CONDEMNED(tr) \
    :: d_step { phase[tr] == CONDEMN -> phase[tr] = GREY; at[tr] = 1; check() }
#define LOOKS(tr) \
    :: d_step { \
        phase[tr] == GREY && at[tr] <= N -> \
        c = at[tr]; \
        if \
        :: used[c] && fwd[c] == NIL && white[c] != tr + 1 && OF_OTHER(c) \
           && (!known[c] || (ref[c] != NIL && white[ref[c]] == tr + 1)) -> set_grey(tr, c, 1) \
        :: else \
        fi; \
        at[tr] = at[tr] + 1; \
        check() \
    }
#define FLIPS(tr, copy) \
    :: d_step { \
        phase[tr] == GREY && at[tr] > N -> \
        phase[tr] = FLIPPED; \
        at[tr] = 0; \
        take = copy; \
        t = tr; \
        i = 0; \
        do \
        :: i < REGS -> v = reg[i]; fix(v); reg[i] = v; i++ \
        :: else -> break \
        od; \
        check() \
    }
#define SCANS(tr, o, copy) \
    :: d_step { \
        phase[tr] == FLIPPED && grey(tr, o) -> \
        take = copy; \
        t = tr; \
        scan(o); \
        check() \
    }
/* Nothing is grey: what is white is freed. */
#define ENDS(tr) \
    :: d_step { \
        phase[tr] == FLIPPED && MAY_END(tr) && !(grey(tr, 1) || grey(tr, 2) || grey(tr, 3) || grey(tr, N)) -> \
        c = 1; \
        do \
        :: c <= N -> \
            if \
            :: used[c] && white[c] == tr + 1 -> \
                used[c] = 0; ref[c] = NIL; known[c] = 0; white[c] = 0; fwd[c] = NIL; \
                grey0[c] = 0; grey1[c] = 0; by[c] = 0 \
            :: else \
            fi; \
            if \
            :: by[c] == tr + 1 -> by[c] = 0 \
            :: else \
            fi; \
            c++ \
        :: else -> break \
        od; \
        phase[tr] = IDLE; \
        check() \
    }
#define EACH(tr, o) CONDEMNS(tr, o) SCANS(tr, o, 0) SCANS(tr, o, 1)
#if N > 3
#define MORE(tr) EACH(tr, 4)
#else
#define MORE(tr)
#endif
#define TRACE(tr) \
    CONDEMNED(tr) LOOKS(tr) FLIPS(tr, 0) FLIPS(tr, 1) ENDS(tr) \
    EACH(tr, 1) EACH(tr, 2) EACH(tr, 3) MORE(tr)

active proctype all() {
    do
    MUTATOR(0)
    MUTATOR(1)
    TRACE(0)
    TRACE(1)
    od
}
