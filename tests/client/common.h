/* common.h -- what the client programs share
 *
 * An object format, a random number generator, checks, and a random object
 * graph with a shadow copy in malloc memory.
 *
 * The format.  An object is a row of words:
 *
 *   head | serial | slot 0 | slot 1 | ...
 *
 * head is (size in words << 4) | kind.  Kinds: a vector of slots, a leaf
 * (filled with words made from the serial), a forwarding object (the second
 * word is the new address) and padding (which may be a single word).  A
 * slot whose lowest bit is set is a number; otherwise it is null or a
 * reference, which may carry 2 as a tag.
 *
 * The format comes in two forms: plain, and with HEADER bytes in front of
 * every object.  With a header, the word at the very front is HEADER_MAGIC,
 * or the head of a padding object.
 */

#ifndef common_h
#define common_h

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mps.h"
#include "mpsavm.h"
#include "mpsacl.h"
#include "mpscamc.h"
#include "mpslib.h"

typedef mps_word_t word;

/* --- checks --- */

/* Is every arena given a software barrier?  (run.sh with SOFT; soft.c) */
int soft_barrier(void);

#define CHECK(cond) \
  ((cond) ? (void)0 : check_failed(__FILE__, __LINE__, #cond, 0, 0))
#define CHECK_EQ(a, b) \
  check_equal(__FILE__, __LINE__, #a " == " #b, (word)(a), (word)(b))
#define CHECK_OK(call) \
  check_equal(__FILE__, __LINE__, #call " == MPS_RES_OK", (word)(call), \
              (word)MPS_RES_OK)

void check_failed(const char *file, int line, const char *what,
                  int numbers, ...);
void check_equal(const char *file, int line, const char *what, word a, word b);

/* Begin and end a program.  The first prints the name and the seed and makes
 * every failed check of the library fatal; the second says all is well. */
void test_begin(const char *name);
int test_end(void);
extern mps_lib_assert_fail_t assert_default;    /* the library's own handler */
void part(const char *fmt, ...);        /* print a line: what was checked */

/* Is the library under test the reference?  (MPS_TEST_REFERENCE is set.)
 * Then programs step round what is known to be wrong with it. */
int reference(void);

/* Is it the debug archive?  It checks the critical path as well, and the
 * whole heap after each collection. */
int archive_is_debug(void);

/* Use up address space until there is no hole of this size left.  Nothing
 * happens for what exceeds address space anyway. */
void no_room_for(size_t size);

/* Does the system under test keep to setrlimit?  (An emulator need not;
 * MPS_TEST_NO_RLIMIT is set then.)  Says so if not: what was not checked. */
int has_rlimit(const char *what);

/* --- many small cases ---
 *
 * Each runs in a child of its own, so that one that breaks the library, or
 * ends in it, does not disturb the others.  Its name says what must hold;
 * tests/INDEX.md refers to it.  MPS_TEST_CASE, part of a name, picks some.
 * What the reference fails is printed and forgiven: some of what is asked
 * here is where it deviates, or is past what its lock survives. */

typedef struct case_s {
  const char *name;
  void (*run)(void);
} case_s;

int cases_run(const case_s *cases, size_t count);
#define CASES_RUN(cases) cases_run(cases, sizeof (cases) / sizeof (cases)[0])

/* The statement must make the library report a failed check.  The handler
 * then returns; with reports_leave set, and always when the reference is
 * tried, it jumps out of the statement instead, and little can be done with
 * the arena any more. */
#define REPORTED(statement)                                             \
  do {                                                                  \
    reports_begin();                                                    \
    if (sigsetjmp(reports_exit, 1) == 0) {                              \
      statement;                                                        \
    }                                                                   \
    reports_end(__FILE__, __LINE__, #statement);                        \
  } while (0)

extern sigjmp_buf reports_exit;
extern volatile int reports_leave;
extern char reports_text[200];  /* what the last one said */
void reports_begin(void);
void reports_end(const char *file, int line, const char *statement);

/* --- random numbers --- */

extern unsigned long long rnd_seed;
void rnd_init(unsigned long long seed);
word rnd(void);                         /* 32 random bits */
word rnd_below(word n);                 /* 0 .. n-1 */

/* --- time --- */

double now(void);                       /* wall clock, seconds */

/* --- the format --- */

enum { KIND_VECTOR = 1, KIND_LEAF = 2, KIND_FWD = 3, KIND_PAD = 4 };

#define WORD sizeof(word)
/* How many words, or objects of words, are as many bytes as n would be with
 * words of 64 bits: for what is due after so many bytes. */
#define WORDS_AS_64(n) ((size_t)(n) * 8 / WORD)
#define HEADER (2 * sizeof(word))
#define HEADER_MAGIC ((word)0x4845414Du)

typedef struct obj_s {
  word head;
  word serial;
  word slot[1];
} obj_s, *obj_t;

#define HEAD(words, kind) (((word)(words) << 4) | (kind))
#define obj_kind(o) ((int)((o)->head & 15))
#define obj_words(o) ((o)->head >> 4)
#define obj_slots(o) (obj_words(o) - 2)
#define obj_ref(w) ((obj_t)((w) & ~(word)2))    /* slot to object */
#define is_number(w) (((w) & 1) != 0)
#define number(n) (((word)(n) << 1) | 1)

mps_res_t obj_scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit);
mps_addr_t obj_skip(mps_addr_t p);
void obj_fwd(mps_addr_t old, mps_addr_t new_);
mps_addr_t obj_isfwd(mps_addr_t p);
void obj_pad(mps_addr_t base, size_t size);

mps_res_t objh_scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit);
mps_addr_t objh_skip(mps_addr_t p);
void objh_fwd(mps_addr_t old, mps_addr_t new_);
mps_addr_t objh_isfwd(mps_addr_t p);
void objh_pad(mps_addr_t base, size_t size);

/* How often the methods have run. */
extern volatile unsigned long scan_calls, scan_words, fwd_calls, pad_calls;

/* Make a format of the plain form (header 0) or with a header (HEADER). */
mps_fmt_t fmt_make(mps_arena_t arena, size_t header);

/* Allocate and initialize an object; slots null, leaves filled.  The result
 * is a client pointer. */
mps_res_t obj_try(obj_t *o, mps_ap_t ap, size_t header, int kind,
                  size_t slots, word serial);
obj_t obj_new(mps_ap_t ap, size_t header, int kind, size_t slots,
              word serial);

/* Is this still the leaf or vector it should be? */
int obj_is(obj_t o, int kind, size_t slots, word serial);

/* Produce garbage: count vectors of slots slots. */
void garbage(mps_ap_t ap, size_t header, size_t count, size_t slots);

/* Overwrite the stack below the caller, so that no old copies of references
 * are lying there. */
void scrub_stack(void);

/* --- arenas, pools and roots in the usual way --- */

mps_arena_t arena_vm(size_t size);
/* Of a class that is collected; chain may be null. */
mps_pool_t pool_auto(mps_arena_t arena, mps_pool_class_t class_, mps_fmt_t fmt, mps_chain_t chain);
mps_pool_t pool_amc(mps_arena_t arena, mps_fmt_t fmt, mps_chain_t chain);
mps_ap_t ap_make(mps_pool_t pool);
mps_chain_t chain_make(mps_arena_t arena, size_t gens, size_t capacity_kb);

/* --- every pool class --- */

enum {
  HAS_AP = 1,                   /* allocation points */
  HAS_ALLOC = 2,                /* mps_alloc */
  HAS_FREE = 4,                 /* mps_free */
  NEEDS_FORMAT = 8,
  IS_AUTO = 16,                 /* collected */
  MOVES = 32,
  IS_LEAF = 64                  /* collected, without references */
};

typedef struct class_s {
  const char *name;
  mps_pool_class_t (*get)(void);
  unsigned is;
} class_s;

enum { AMC, AMCZ, AMS, AMS_DEBUG, AWL, LO, SNC, MFS, MVFF, MVFF_DEBUG, MVT,
       CLASSES };
extern const class_s classes[CLASSES];

/* A pool of class c; fmt for those that need one; units of MFS are 64. */
mps_pool_t pool_class(mps_arena_t arena, int c, mps_fmt_t fmt);
/* A block in it, an object of four slots where there is a format. */
obj_t block_in(mps_pool_t pool, mps_ap_t ap, int c, word serial);

/* --- a random graph and its shadow --- */

typedef struct node_s {
  word serial;                  /* 0 when the node is not in use */
  int kind;
  size_t n;                     /* slots */
  word *slot;                   /* as in the heap, but node number << 2 */
  obj_t at;                     /* where verify saw it */
  unsigned mark;
} node_s;

typedef struct graph_s {
  mps_arena_t arena;
  mps_ap_t ap[4];               /* for vectors */
  size_t aps;
  mps_ap_t leaf_ap;             /* for leaves; null for none */
  size_t header, leaf_header;
  size_t roots;
  mps_addr_t *root;             /* an exact root, registered here */
  mps_root_t mps_root;
  size_t *sroot;                /* node numbers */
  node_s *node;                 /* 1 .. nodes */
  size_t nodes, cursor;
  size_t max_slots;
  size_t *stack;
  unsigned mark;
  word serial;
  unsigned long allocs, writes, verified;
  int may_refuse;               /* memory; so often it was: */
  unsigned long refused;
} graph_s, *graph_t;

/* References in the graph carry tags: a thread that works on one while others
 * collect needs a thread root that takes tagged words for references too.
 *
 * Make an empty graph with so many roots and at most so many objects alive;
 * ap for vectors, leaf_ap (or null) for leaves. */
void graph_init(graph_t g, mps_arena_t arena, mps_rm_t rm, size_t roots,
                size_t nodes, size_t max_slots, mps_ap_t ap, size_t header,
                mps_ap_t leaf_ap, size_t leaf_header);
void graph_finish(graph_t g);
void graph_alloc(graph_t g);    /* allocate something and hang it in */
void graph_write(graph_t g);    /* change a slot somewhere */
void graph_step(graph_t g);     /* either */
size_t graph_verify(graph_t g); /* compare all; answer: objects alive */

#endif /* common_h */
