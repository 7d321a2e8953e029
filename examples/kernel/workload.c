/* workload.c -- a program that makes a collector work, and judges it
 *
 * The same for all processors. Each worker (one for each processor) has a
 * directory in AMC, a tree of vectors of 96 slots, from which hang ENTRIES
 * objects of four levels. Leaves are filled with words; an object of a higher
 * level refers to some of the level below, and to the top of its directory, so
 * there are cycles. Again and again the worker puts another object in an entry's
 * place, changes a slot of one, looks at some, and makes garbage.
 *
 * The judge: for each object alive there is a node in MVFF, which says what the
 * object must hold. Nodes count who refers to them, which is all that is
 * needed, since references go down one level. The whole heap is compared from
 * time to time and at the end.
 *
 * In AWL each worker has a weak table: keys are objects, and a key's value is its
 * serial number. A key that an entry still holds must be there; one that is
 * gone must have taken its value with it.
 *
 * Objects that an ambiguous root holds stay where they are. The timer's handler
 * reads those, if there is one: what it finds is compared as well.
 *
 * A collection's references are found on the processors' stacks, too, so locals
 * may refer to objects as in any C program.
 *
 * RD and WR stand before each load from a managed object and each store to
 * one, outside of the format. They are nothing where page tables are the
 * barrier, and with SOFT they are the barrier. Then nothing may stop a processor
 * between RD or WR and the access, so if there are several, the interrupt
 * that stops one is masked for so long (BEGIN, END).
 */

#include "kernel.h"
#include "mps.h"
#include "mpsavm.h"
#include "mpscamc.h"
#include "mpscawl.h"
#include "mpscmvff.h"
#include "mpsx.h"

#ifdef SOFT
#define RD(p) MPS_X_READ(arena, p)
#define WR(p) MPS_X_WRITE(arena, p)
#define BARRIER "looks of the program"
#else
#define RD(p) ((void)(p))
#define WR(p) ((void)(p))
#define BARRIER "page faults"
#endif

#if defined(SOFT) && CPUS > 1
#include "mpsport.h"
#define BEGIN size_t was = mps_port_quiet_begin()
#define END mps_port_quiet_end(was)
#else
#define BEGIN ((void)0)
#define END ((void)0)
#endif

static mps_arena_t arena;
static mps_pool_t amc, awl, mvff;

#define ACTUAL(call) CHECK((call) == MPS_RES_OK)

/* --- objects --- */

/* A row of words: head, serial, slots. In the head, from the lowest bit: 4
 * bits for the kind, 4 for the level, the size in words. */
typedef struct obj {
  size_t head;
  size_t serial;
  struct obj *slot[];
} obj;

enum { LEAF, VECTOR, KEYS, VALUES, FORWARD, PAD };
enum { WORD = sizeof(size_t), FAN = 96, LEVELS = 4, DIRECTORY = 15, PINNED = 64, WEAK = 128 };

#define HEAD(words, level, kind) ((size_t)(words) << 8 | (size_t)(level) << 4 | (size_t)(kind))
#define KIND(head) ((head) & 15)
#define WORDS(head) ((head) >> 8)

/* A value in a weak table: not a reference, for its lowest bit is set. */
#define NUMBER(n) ((obj *)((size_t)(n) << 1 | 1))

static size_t splats;           /* keys that the collector took away */

static mps_res_t scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  MPS_SCAN_BEGIN(ss) {
    size_t *p = base;
    while ((mps_addr_t)p < limit) {
      obj *o = (obj *)p;
      size_t words = WORDS(o->head), n = words - 2, i;
      switch (KIND(o->head)) {
      case VECTOR:
        for (i = 0; i < n; ++i) {
          mps_res_t res = MPS_FIX12(ss, (mps_addr_t *)&o->slot[i]);
          if (res != MPS_RES_OK)
            return res;
        }
        break;
      case KEYS:                /* slot 0 leads to the values, which don't move */
        for (i = 1; i < n; ++i)
          if (o->slot[i] != 0) {
            mps_res_t res = MPS_FIX12(ss, (mps_addr_t *)&o->slot[i]);
            if (res != MPS_RES_OK)
              return res;
            if (o->slot[i] == 0) {
              ((obj *)((size_t)o->slot[0] - 1))->slot[i] = 0;
              ++splats;
            }
          }
        break;
      default:                  /* leaves, values, padding: no references */
        break;
      }
      p += words;
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static mps_addr_t skip(mps_addr_t p)
{
  return (size_t *)p + WORDS(((obj *)p)->head);
}

static void forward(mps_addr_t old, mps_addr_t new)
{
  obj *o = old;
  o->head = HEAD(WORDS(o->head), 0, FORWARD);
  o->serial = (size_t)new;
}

static mps_addr_t is_forwarded(mps_addr_t p)
{
  obj *o = p;
  return KIND(o->head) == FORWARD ? (mps_addr_t)o->serial : 0;
}

static void pad(mps_addr_t p, size_t size)
{
  *(size_t *)p = HEAD(size / WORD, 0, PAD);
}

static mps_addr_t values_of(mps_addr_t p)
{
  obj *o = p;
  return KIND(o->head) == KEYS ? (mps_addr_t)((size_t)o->slot[0] - 1) : 0;
}

/* --- workers --- */

/* What an object must hold. */
typedef struct node {
  size_t serial, head;
  size_t refs;                  /* entries and nodes that lead here */
  size_t seen;                  /* when it was compared: a mark */
  size_t epoch;                 /* and after how many collections */
  obj *at;                      /* and where it was then */
  struct node *slot[];          /* slot 0 is unused: the top, for all */
} node;

typedef struct worker {
  size_t number;
  size_t entries;
  size_t random;
  size_t serial;
  mps_ap_t ap, keys_ap, values_ap;
  mps_root_t root;
  obj *top, *keys, *values;     /* the root: the directory, the weak table */
  node **entry;                 /* what is in each entry */
  size_t weak_entry[WEAK], weak_serial[WEAK];
  size_t mark;
  size_t compared, replaced, written;
  int done;
} worker;

static worker workers[CPUS];

static obj *pinned[PINNED];     /* an ambiguous root */
static size_t ticks, tick_reads, tick_busy;
static int ticking;

static size_t rnd(worker *w)
{
  uint32_t x = (uint32_t)w->random;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  w->random = x;
  return x;
}

static size_t below(worker *w, size_t n) { return rnd(w) % n; }

/* What word k of a leaf holds. */
static size_t filling(size_t serial, size_t k) { return (serial + k) * 2654435761u ^ k << 7; }

static size_t next_serial(worker *w) { return w->serial++ * CPUS + w->number; }

/* Makes an object; its slots are given, or filled by the serial. */
static obj *make(mps_ap_t ap, size_t head, size_t serial, obj *const *slot)
{
  size_t size = WORDS(head) * WORD, n = WORDS(head) - 2, k;
  mps_addr_t p;
  do {
    obj *o;
    ACTUAL(mps_reserve(&p, ap, size));
    o = p;
    o->head = head;
    o->serial = serial;
    for (k = 0; k < n; ++k)
      o->slot[k] = KIND(head) == LEAF ? (obj *)filling(serial, k) : slot ? slot[k] : 0;
  } while (!mps_commit(ap, p, size));
  return p;
}

static obj *load(obj *o, size_t k)
{
  obj *v;
  BEGIN;
  RD(&o->slot[k]);
  v = *(obj *volatile *)&o->slot[k];
  END;
  return v;
}

static void store(obj *o, size_t k, obj *v)
{
  BEGIN;
  WR(&o->slot[k]);
  *(obj *volatile *)&o->slot[k] = v;
  END;
}

static size_t word(const size_t *p)
{
  size_t v;
  BEGIN;
  RD(p);
  v = *(const volatile size_t *)p;
  END;
  return v;
}

/* The vector that has an entry in its slot i % FAN. */
static obj *directory(worker *w, size_t i)
{
  return load(load(w->top, i / FAN / FAN), i / FAN % FAN);
}

static obj *get(worker *w, size_t i) { return load(directory(w, i), i % FAN); }

/* An entry whose objects are of a level. */
static size_t some(worker *w, size_t level)
{
  return below(w, w->entries / LEVELS) * LEVELS + level;
}

static size_t node_size(size_t head)
{
  return sizeof(node) + (KIND(head) == LEAF ? 0 : (WORDS(head) - 2) * sizeof(node *));
}

static void drop(node *n)
{
  size_t k;
  if (--n->refs > 0)
    return;
  if (KIND(n->head) == VECTOR)
    for (k = 1; k < WORDS(n->head) - 2; ++k)
      drop(n->slot[k]);
  mps_free(mvff, n, node_size(n->head));
}

/* Puts a new object into entry i. */
static void replace(worker *w, size_t i)
{
  size_t level = i % LEVELS, count = level == 0 ? 2 + below(w, 9) : 3 + below(w, 4), k;
  size_t head = HEAD(2 + count, level, level == 0 ? LEAF : VECTOR);
  obj *slot[8] = { w->top };
  mps_addr_t p;
  node *n, *old = w->entry[i];
  ACTUAL(mps_alloc(&p, mvff, node_size(head)));
  n = p;
  n->serial = next_serial(w);
  n->head = head;
  n->refs = 1;
  n->seen = 0;
  if (level > 0)
    for (k = 1; k < count; ++k) {
      size_t j = some(w, level - 1);
      slot[k] = get(w, j);
      n->slot[k] = w->entry[j];
      ++n->slot[k]->refs;
    }
  store(directory(w, i), i % FAN, make(w->ap, head, n->serial, slot));
  w->entry[i] = n;
  if (old != 0)
    drop(old);
  ++w->replaced;
}

/* Changes a slot of entry i. */
static void change(worker *w, size_t i)
{
  node *n = w->entry[i], *old;
  size_t j, k;
  if (KIND(n->head) != VECTOR)
    return;
  k = 1 + below(w, WORDS(n->head) - 3);
  j = some(w, i % LEVELS - 1);
  store(get(w, i), k, get(w, j));
  old = n->slot[k];
  n->slot[k] = w->entry[j];
  ++n->slot[k]->refs;
  drop(old);
  ++w->written;
}

/* Is this the object that the node says, down to the leaves? */
static void compare(worker *w, obj *o, node *n)
{
  size_t count = WORDS(n->head) - 2, k;
  CHECK(o != 0);
  /* One object is at one place, as long as nothing moves. */
  if (n->seen == w->mark) {
    if (CPUS > 1 || n->epoch != mps_collections(arena) || o == n->at)
      return;
    fail(__FILE__, __LINE__, "one object at two places");
  }
  n->seen = w->mark;
  n->epoch = mps_collections(arena);
  n->at = o;
  CHECK(word(&o->head) == n->head);
  CHECK(word(&o->serial) == n->serial);
  if (KIND(n->head) == LEAF) {
    for (k = 0; k < count; ++k)
      CHECK(load(o, k) == (obj *)filling(n->serial, k));
  } else {
    CHECK(load(o, 0) == w->top);
    for (k = 1; k < count; ++k)
      compare(w, load(o, k), n->slot[k]);
  }
  ++w->compared;
}

static void compare_weak(worker *w, size_t k)
{
  obj *key = load(w->keys, k), *value = load(w->values, k);
  if (key != 0) {
    CHECK(word(&key->serial) == w->weak_serial[k]);
    CHECK(value == NUMBER(w->weak_serial[k]));
  } else {
    CHECK(value == 0);
    CHECK(w->weak_serial[k] == 0 || w->entry[w->weak_entry[k]]->serial != w->weak_serial[k]);
  }
}

static void compare_all(worker *w)
{
  size_t i, k;
  ++w->mark;
  for (i = 0; i < w->entries; ++i)
    compare(w, get(w, i), w->entry[i]);
  for (k = 1; k < WEAK; ++k)
    compare_weak(w, k);
}

static void put_weak(worker *w)
{
  size_t i = below(w, w->entries), k = 1 + below(w, WEAK - 1);
  /* Only where there is none: most keys then grow old, and die there. */
  if (load(w->keys, k) != 0)
    return;
  store(w->keys, k, get(w, i));
  store(w->values, k, NUMBER(w->entry[i]->serial));
  w->weak_entry[k] = i;
  w->weak_serial[k] = w->entry[i]->serial;
}

/* A new weak table with the same contents; the old one is garbage. */
static void new_weak(worker *w)
{
  obj *old_keys = w->keys, *old_values = w->values, *keys, *values;
  obj *slot[WEAK] = { 0 };
  size_t k;
  values = make(w->values_ap, HEAD(2 + WEAK, 0, VALUES), 0, 0);
  slot[0] = (obj *)((size_t)values + 1);
  keys = make(w->keys_ap, HEAD(2 + WEAK, 0, KEYS), 0, slot);
  if (old_keys != 0)
    for (k = 1; k < WEAK; ++k) {
      obj *key = load(old_keys, k);
      if (key != 0) {
        store(keys, k, key);
        store(values, k, load(old_values, k));
      }
    }
  w->keys = keys;
  w->values = values;
}

/* A pinned object comes to refer to something new. */
static void change_pinned(worker *w)
{
  obj *o = pinned[w->number + CPUS * below(w, PINNED / CPUS)];
  store(o, 1 + below(w, 3), get(w, below(w, w->entries)));
}

/* In an interrupt. The words of pinned objects; what they refer to may be on
 * the move. */
void workload_tick(void)
{
  static size_t at;
  size_t i;
  __atomic_add_fetch(&ticks, 1, __ATOMIC_RELAXED);
  if (!__atomic_load_n(&ticking, __ATOMIC_ACQUIRE))
    return;
  for (i = 0; i < 8; ++i) {
    size_t which = __atomic_fetch_add(&at, 1, __ATOMIC_RELAXED) % PINNED;
    obj *o = pinned[which];
    CHECK(word(&o->head) == HEAD(6, 1, VECTOR));
    CHECK(word(&o->serial) == which);
    tick_busy ^= (size_t)load(o, 3);
    __atomic_add_fetch(&tick_reads, 1, __ATOMIC_RELAXED);
  }
}

static void work(worker *w)
{
  size_t i, k, level;
  mps_addr_t p;
  /* The directory: its vectors, from the top. */
  w->top = make(w->ap, HEAD(2 + FAN, DIRECTORY, VECTOR), 0, 0);
  for (i = 0; i < w->entries; i += FAN) {
    if (load(w->top, i / FAN / FAN) == 0)
      store(w->top, i / FAN / FAN, make(w->ap, HEAD(2 + FAN, DIRECTORY, VECTOR), 0, 0));
    store(load(w->top, i / FAN / FAN), i / FAN % FAN, make(w->ap, HEAD(2 + FAN, DIRECTORY, VECTOR), 0, 0));
  }
  ACTUAL(mps_alloc(&p, mvff, w->entries * sizeof(node *)));
  w->entry = p;
  memset(p, 0, w->entries * sizeof(node *));
  for (level = 0; level < LEVELS; ++level)
    for (i = level; i < w->entries; i += LEVELS)
      replace(w, i);
  new_weak(w);
  compare_all(w);

  for (i = 1; i <= STEPS; ++i) {
    replace(w, below(w, w->entries));
    for (k = 0; k < 2; ++k)
      change(w, below(w, w->entries));
    for (k = 0; k < 2; ++k)
      (void)make(w->ap, HEAD(12, 0, LEAF), 0, 0);
    if (i % 4 == 0) {
      size_t j = below(w, w->entries);
      ++w->mark;
      compare(w, get(w, j), w->entry[j]);
    }
    if (i % 32 == 0)
      put_weak(w);
    if (i % 8 == 0) {
      compare_weak(w, 1 + below(w, WEAK - 1));
      change_pinned(w);
    }
    if (i % 2048 == 0)
      new_weak(w);
    if (i % (STEPS / 2) == 0)
      compare_all(w);
  }
}

/* All that a worker does, on a processor of its own. Not inlined: what refers
 * to objects must be in frames below the one that made the root. */
static __attribute__((noinline)) void worker_run(worker *w)
{
  mps_thr_t thread;
  mps_root_t stack;
  size_t i;
  ACTUAL(mps_thread_reg(&thread, arena));
  ACTUAL(mps_x_root_create_stack(&stack, arena, thread));
  ACTUAL(mps_root_create_table(&w->root, arena, mps_rank_exact(), 0, (mps_addr_t *)&w->top, 3));
  ACTUAL(mps_ap_create_k(&w->ap, amc, mps_args_none));
  ACTUAL(mps_ap_create_k(&w->values_ap, awl, mps_args_none));
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_weak());
    ACTUAL(mps_ap_create_k(&w->keys_ap, awl, args));
  } MPS_ARGS_END(args);
  if (w->number == 0) {
    for (i = 0; i < PINNED; ++i)
      pinned[i] = make(w->ap, HEAD(6, 1, VECTOR), i, 0);
    __atomic_store_n(&ticking, 1, __ATOMIC_RELEASE);
    for (i = 1; i < CPUS; ++i)
      arch_start_other(i);
  }
  arch_ticks(TICK_HZ > 0);
  work(w);
  arch_ticks(0);
  __atomic_store_n(&w->done, 1, __ATOMIC_RELEASE);
  if (w->number == 0)
    for (i = 1; i < CPUS; ++i)
      while (!__atomic_load_n(&workers[i].done, __ATOMIC_ACQUIRE))
        ;
  mps_ap_destroy(w->ap);
  mps_ap_destroy(w->keys_ap);
  mps_ap_destroy(w->values_ap);
  mps_root_destroy(stack);
  mps_thread_dereg(thread);
  __atomic_store_n(&w->done, 2, __ATOMIC_RELEASE);
}

void workload_other(size_t cpu) { worker_run(&workers[cpu]); }

static void line(const char *what, size_t n)
{
  put_string(what);
  put_char(' ');
  put_number(n);
}

static void report(const mps_x_stats_s *s, size_t copied)
{
  line("collections", s->collections);
  line(", steps", s->steps);
  line(", flips", s->flips);
  line(", bytes copied", copied);
  line("\nbarrier hits read", s->barrier_hits_read);
  line(" write", s->barrier_hits_write);
  line(", page faults", memory_faults);
  line("\nlongest step", s->longest_step_us);
  line(" us, longest pause", s->pause_max_us);
  line(" us, half of the pauses within", s->pause_p50_us);
  line(" us, 99 of 100 within", s->pause_p99_us);
  line(" us, 999 of 1000 within", s->pause_p999_us);
  line(" us\nthread stops", s->thread_stops);
  line(", ticks", ticks);
  line(", objects read by them", tick_reads);
  put_char('\n');
}

void workload_main(void)
{
  static mps_gen_param_s gens[] = { { 256, 0.8 }, { 1024, 0.4 } };
  mps_x_stats_s stats;
  mps_chain_t chain;
  mps_fmt_t moving, fixed;
  mps_root_t pins;
  size_t i, compared = 0, replaced = 0, live;

  put_string("\n");
  put_string(arch_name);
  line(": processors", CPUS);
  line(", alive about", LIVE_KB);
  put_string(" KB, the barrier is " BARRIER);
  line(", interrupts a second", TICK_HZ);
  put_char('\n');

  memory_check();
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, (size_t)32 << 20);
    MPS_ARGS_ADD(args, MPS_KEY_X_PAUSE_TIME_US, 0);
#ifdef SOFT
    MPS_ARGS_ADD(args, MPS_KEY_X_SOFT_BARRIER, 1);
#endif
    ACTUAL(mps_arena_create_k(&arena, mps_arena_class_vm(), args));
  } MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, forward);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, is_forwarded);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, pad);
    ACTUAL(mps_fmt_create_k(&moving, arena, args));
  } MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip);
    ACTUAL(mps_fmt_create_k(&fixed, arena, args));
  } MPS_ARGS_END(args);
  ACTUAL(mps_chain_create(&chain, arena, sizeof gens / sizeof gens[0], gens));
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, moving);
    MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
    ACTUAL(mps_pool_create_k(&amc, arena, mps_class_amc(), args));
  } MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fixed);
    MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
    MPS_ARGS_ADD(args, MPS_KEY_AWL_FIND_DEPENDENT, values_of);
    ACTUAL(mps_pool_create_k(&awl, arena, mps_class_awl(), args));
  } MPS_ARGS_END(args);
  ACTUAL(mps_pool_create_k(&mvff, arena, mps_class_mvff(), mps_args_none));
  ACTUAL(mps_root_create_table(&pins, arena, mps_rank_ambig(), 0, (mps_addr_t *)pinned, PINNED));

  for (i = 0; i < CPUS; ++i) {
    workers[i].number = i;
    workers[i].random = 0x2545f491u + i;
    workers[i].serial = 1;
    workers[i].mark = 0;
    /* An entry comes to about 8 words of its own, and a third of what is alive are
     * objects that only others hold. */
    workers[i].entries = (size_t)LIVE_KB * 1024 / (12 * WORD) / CPUS / FAN * FAN;
    CHECK(workers[i].entries <= FAN * FAN * FAN);
  }
  worker_run(&workers[0]);
  for (i = 1; i < CPUS; ++i)
    while (__atomic_load_n(&workers[i].done, __ATOMIC_ACQUIRE) != 2)
      ;

  /* The figures of the work only: what comes now is collected in one go. */
  stats.struct_size = sizeof stats;
  ACTUAL(mps_x_stats(arena, &stats));
  ACTUAL(mps_arena_collect(arena));
  for (i = 0; i < CPUS; ++i) {
    compare_all(&workers[i]);
    compared += workers[i].compared;
    replaced += workers[i].replaced;
  }
  live = mps_pool_total_size(amc) - mps_pool_free_size(amc);
  report(&stats, stats.bytes_copied);
  line("alive at the end", live / 1024);
  line(" KB in AMC, objects made", replaced);
  line(", compared", compared);
  line(", weak keys gone", splats);
  line(", frames", memory_frames());
  put_char('\n');

  CHECK(stats.collections > 0 && stats.flips > 0);
  CHECK(stats.barrier_hits_read > 0);
  CHECK(stats.barrier_hits_write > 0);
  CHECK(splats > 0);
#ifdef SOFT
  CHECK(memory_faults == 0);
#else
  CHECK(memory_faults > 0);
#endif
  CHECK(TICK_HZ == 0 || (ticks > 100 && tick_reads > 100));
  CHECK(CPUS == 1 || stats.thread_stops > 0);

  /* All goes back, to the last frame. */
  mps_arena_park(arena);
  for (i = 0; i < CPUS; ++i)
    mps_root_destroy(workers[i].root);
  mps_root_destroy(pins);
  mps_pool_destroy(mvff);
  mps_pool_destroy(awl);
  mps_pool_destroy(amc);
  mps_fmt_destroy(fixed);
  mps_fmt_destroy(moving);
  mps_chain_destroy(chain);
  mps_arena_destroy(arena);
  CHECK(memory_frames() == 0);
  put_string("OK\n");
}
