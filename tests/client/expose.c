/* expose.c -- memory that the system reads and writes while collections run
 *
 * There is no thread root but in the part with threads: references are in a table that is an exact root, so nothing
 * but an exposure keeps an object in its place.  Every class, large objects with and
 * without a method that scans parts, in each state of a collection.
 */

#define _GNU_SOURCE
#include "common.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsx.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

enum { TABLE = 400, SLOTS = 30, LARGE = 20000, CHUNK = 64 };

static mps_arena_t arena;
static mps_chain_t chain;
static mps_fmt_t fmt;
static mps_pool_t pool;
static mps_ap_t ap;
static mps_root_t root;
static mps_addr_t table[TABLE];
static int fds[2];

typedef struct kind_s {
  const char *name;
  mps_pool_class_t (*class)(void);
  size_t slots;
  int parts;
} kind_s;

static const kind_s kinds[] = {
  {"AMC", mps_class_amc, SLOTS, 0},
  {"AMC, large", mps_class_amc, LARGE, 0},
  {"AMC, large, in parts", mps_class_amc, LARGE, 1},
  {"AMS", mps_class_ams, SLOTS, 0},
  {"AMS, large, in parts", mps_class_ams, LARGE, 1},
  {"AWL", mps_class_awl, SLOTS, 0},
};

static mps_res_t scan_part(mps_ss_t ss, mps_addr_t object, mps_addr_t base, mps_addr_t limit)
{
  obj_t o = object;
  word *p = base, *end = limit, *first = o->slot;
  if (obj_kind(o) != KIND_VECTOR)
    return MPS_RES_OK;
  if (p < first)
    p = first;
  MPS_SCAN_BEGIN(ss) {
    for (; p < end; ++p) {
      if (!is_number(*p) && MPS_FIX1(ss, *p)) {
        mps_addr_t a = (mps_addr_t)*p;
        mps_res_t res = MPS_FIX2(ss, &a);
        if (res != MPS_RES_OK)
          return res;
        *p = (word)a;
      }
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static void begin(const kind_s *k)
{
  arena = arena_vm((size_t)256 << 20);
  mps_arena_pause_time_set(arena, 0.0);
  chain = chain_make(arena, 2, 200);
  if (k->parts) {
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, obj_scan);
      MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, obj_skip);
      MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, obj_fwd);
      MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, obj_isfwd);
      MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, obj_pad);
      MPS_ARGS_ADD(args, MPS_KEY_X_FMT_SCAN_PART, scan_part);
      CHECK_OK(mps_fmt_create_k(&fmt, arena, args));
    } MPS_ARGS_END(args);
  } else {
    fmt = fmt_make(arena, 0);
  }
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
    CHECK_OK(mps_pool_create_k(&pool, arena, k->class(), args));
  } MPS_ARGS_END(args);
  CHECK_OK(mps_ap_create_k(&ap, pool, mps_args_none));
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, table, TABLE));
}

static void end(void)
{
  memset(table, 0, sizeof table);
  mps_arena_park(arena);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_chain_destroy(chain);
  mps_root_destroy(root);
  mps_arena_destroy(arena);
}

/* table[i] refers to a vector, that to small ones. */
static void fill(const kind_s *k, size_t n)
{
  size_t i, j;
  for (i = 0; i < n; ++i) {
    table[i] = obj_new(ap, 0, KIND_VECTOR, k->slots, i);
    for (j = 0; j < 5; ++j) {
      obj_t o = obj_new(ap, 0, KIND_VECTOR, 3, 1000 * i + j);
      ((obj_t)table[i])->slot[j] = (word)o;
      o = obj_new(ap, 0, KIND_LEAF, 3, 1000 * i + j);
      ((obj_t)((obj_t)table[i])->slot[j])->slot[0] = (word)o;
    }
  }
}

static void check(const kind_s *k, size_t i)
{
  size_t j;
  CHECK(obj_is(table[i], KIND_VECTOR, k->slots, i));
  for (j = 0; j < 5; ++j) {
    obj_t o = (obj_t)((obj_t)table[i])->slot[j];
    CHECK(obj_is(o, KIND_VECTOR, 3, 1000 * i + j));
    CHECK(obj_is((obj_t)o->slot[0], KIND_LEAF, 3, 1000 * i + j));
  }
}

/* The system reads and writes the object's last words.  How often it can't. */
static int transfer(obj_t o)
{
  word to[CHUNK / WORD];
  char *at;
  size_t n, i;
  int faults = 0;
  n = CHUNK / WORD;
  at = (char *)&o->slot[obj_slots(o) - n];
  for (i = 0; i < n; ++i)
    to[i] = number(i + 17);
  CHECK_EQ(write(fds[1], to, CHUNK), CHUNK);
  if (read(fds[0], at, CHUNK) != CHUNK) {
    CHECK_EQ(errno, EFAULT);
    ++faults;
    CHECK_EQ(read(fds[0], to, CHUNK), CHUNK);
  }
  if (write(fds[1], at, CHUNK) != CHUNK) {
    CHECK_EQ(errno, EFAULT);
    ++faults;
  } else {
    memset(to, 0, sizeof to);
    CHECK_EQ(read(fds[0], to, CHUNK), CHUNK);
    for (i = 0; faults == 0 && i < n; ++i)
      CHECK_EQ(to[i], number(i + 17));
  }
  return faults;
}

static void expose(mps_addr_t a, int begins)
{
  char *limit = obj_skip(a);
  if (begins)
    CHECK_OK(mps_x_expose_begin(arena, (char *)a + WORD, limit));
  else
    mps_x_expose_end(arena, (char *)a + WORD, limit);
}

static void each_state(const kind_s *k)
{
  size_t steps, most = 0, n = k->slots == LARGE ? 12 : TABLE, i;
  int faults = 0, without = 0, moved = 0;
  word was[4];
  begin(k);
  fill(k, n);
  for (steps = 0; steps < 60; ++steps) {
    size_t s = 0, x[4];
    mps_arena_release(arena);
    CHECK_OK(mps_arena_collect(arena));         /* so that barriers are up */
    mps_arena_release(arena);
    (void)mps_arena_start_collect(arena);
    for (; s < steps && mps_arena_step(arena, 0.0, 0.0); ++s)
      ;
    if (s > most)
      most = s;
    without += transfer(table[rnd_below(n)]);
    for (i = 0; i < 4; ++i) {
      x[i] = rnd_below(n);
      expose(table[x[i]], 1);
      was[i] = (word)table[x[i]];
    }
    do {
      for (i = 0; i < 4; ++i) {
        CHECK_EQ((word)table[x[i]], was[i]);
        faults += transfer(table[x[i]]);
        check(k, x[i]);
      }
      check(k, rnd_below(n));
    } while (mps_arena_step(arena, 0.0, 0.0));
    CHECK_OK(mps_arena_collect(arena));         /* from beginning to end */
    for (i = 0; i < 4; ++i) {
      obj_t o;
      CHECK_EQ((word)table[x[i]], was[i]);
      faults += transfer(table[x[i]]);
      /* A reference that nobody hears of.  x[0] may be x[1]. */
      o = obj_new(ap, 0, KIND_VECTOR, 3, 1000 * x[i] + 4);
      o->slot[0] = ((obj_t)((obj_t)table[x[i]])->slot[4])->slot[0];
      ((obj_t)table[x[i]])->slot[4] = (word)o;
    }
    mps_arena_release(arena);
    garbage(ap, 0, 300, 60);
    for (i = 0; i < 4; ++i)
      expose(table[x[i]], 0);
    for (i = 0; i < n; ++i)
      check(k, i);
    CHECK_OK(mps_arena_collect(arena));
    for (i = 0; i < 4; ++i)
      moved += (word)table[x[i]] != was[i];
    for (i = 0; i < n; ++i)
      check(k, i);
  }
  CHECK_EQ(faults, 0);
  CHECK(most > 3);
  if (k->class == mps_class_amc && k->slots == SLOTS)
    CHECK(moved > 0);           /* an exposure has an end */
  if (!soft_barrier())
    CHECK(without > 0);
  end();
  part("%s: in the midst of a collection, after up to %lu steps; unexposed, %d faults",
       k->name, (unsigned long)most, without);
}

/* --- another thread collects --- */

static volatile int done;

static void *collector(void *p)
{
  mps_thr_t thr;
  int i;
  (void)p;
  CHECK_OK(mps_thread_reg(&thr, arena));
  for (i = 0; i < 300; ++i) {
    if (i % 2 == 0) {
      CHECK_OK(mps_arena_collect(arena));
      mps_arena_release(arena);
    } else {
      (void)mps_arena_start_collect(arena);
      while (mps_arena_step(arena, 0.0, 0.0))
        sched_yield();
    }
  }
  done = 1;
  mps_thread_dereg(thr);
  return NULL;
}

static void meanwhile(void)
{
  const kind_s *k = &kinds[0];
  pthread_t t;
  mps_thr_t thr;
  mps_root_t stack;             /* the checks here are made while objects move */
  unsigned long n = 0, faults = 0;
  begin(k);
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_x_root_create_stack(&stack, arena, thr));
  mps_arena_park(arena);
  fill(k, TABLE);
  mps_arena_release(arena);
  done = 0;
  CHECK_EQ(pthread_create(&t, NULL, collector, NULL), 0);
  while (!done) {
    size_t i = rnd_below(TABLE);
    mps_addr_t a;
    /* Until the range is exposed the object may move. */
    for (;;) {
      a = table[i];
      CHECK_OK(mps_x_expose_begin(arena, a, (char *)a + (SLOTS + 2) * WORD));
      if (a == table[i])
        break;
      mps_x_expose_end(arena, a, (char *)a + (SLOTS + 2) * WORD);
    }
    faults += (unsigned long)transfer(a);
    check(k, i);
    CHECK(a == table[i]);
    expose((char *)a, 1);
    mps_x_expose_end(arena, a, (char *)a + (SLOTS + 2) * WORD);
    faults += (unsigned long)transfer(a);
    CHECK(a == table[i]);
    expose(a, 0);
    ++n;
  }
  CHECK_EQ(pthread_join(t, NULL), 0);
  CHECK_EQ(faults, 0);
  mps_root_destroy(stack);
  mps_thread_dereg(thr);
  end();
  part("another thread collects: %lu transfers, no fault", n);
}

static void others(void)
{
  static char buffer[100];
  char *b;
  begin(&kinds[0]);
  fill(&kinds[0], 10);
  b = buffer;
  CHECK_OK(mps_x_expose_begin(arena, b, b + sizeof buffer));
  mps_x_expose_end(arena, b, b + sizeof buffer);
  CHECK_OK(mps_x_expose_begin(arena, NULL, (void *)~(word)0));
  CHECK_OK(mps_arena_collect(arena));
  mps_x_expose_end(arena, NULL, (void *)~(word)0);
  REPORTED(mps_x_expose_end(arena, b, b + 1));
  CHECK_OK(mps_x_expose_begin(arena, b, b));    /* nothing */
  mps_x_expose_end(arena, b, b);
  end();
  part("ranges elsewhere; misuse is reported");
}

/* Every other object of many, each in a segment of its own, is found before
 * those between, which are hidden with it: but not what is exposed. */
static void between(void)
{
  enum { OBJECTS = 60, WORDS = 7900 };
  obj_t o[OBJECTS];
  mps_word_t n;
  size_t i;
  begin(&kinds[3]);
  mps_arena_clamp(arena);
  table[0] = obj_new(ap, 0, KIND_VECTOR, WORDS, 1);
  for (i = 0; i < OBJECTS; ++i) {
    o[i] = obj_new(ap, 0, KIND_VECTOR, WORDS, i + 10);
    if (i % 2 == 0)
      ((obj_t)table[0])->slot[i] = (word)o[i];
    else
      o[i - 1]->slot[0] = (word)o[i];
  }
  for (i = 1; i < OBJECTS; i += 4)
    expose(o[i], 1);
  n = mps_collections(arena);
  CHECK_OK(mps_arena_start_collect(arena));
  while (mps_collections(arena) == n)
    CHECK(mps_arena_step(arena, 0.0, 0.0));
  CHECK(obj_is(table[0], KIND_VECTOR, WORDS, 1));       /* now it has been scanned */
  for (i = 1; i < OBJECTS; i += 4)      /* nothing of it read by the program before */
    CHECK_EQ(write(fds[1], &o[i]->slot[10], CHUNK), CHUNK);
  for (i = 1; i < OBJECTS; i += 4)
    CHECK_EQ(read(fds[0], &o[i]->slot[20], CHUNK), CHUNK);
  mps_arena_park(arena);
  for (i = 1; i < OBJECTS; i += 4)
    expose(o[i], 0);
  for (i = 1; i < OBJECTS; ++i)
    CHECK(obj_is(o[i], KIND_VECTOR, WORDS, i + 10));
  end();
  part("between segments that are hidden");
}

int main(void)
{
  size_t i;
  test_begin("expose");
  CHECK_EQ(pipe(fds), 0);
  for (i = 0; i < sizeof kinds / sizeof kinds[0]; ++i)
    each_state(&kinds[i]);
  meanwhile();
  others();
  between();
  return test_end();
}
