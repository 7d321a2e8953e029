/* awl.c -- AWL pools: weak references to objects of every class, dependent
 * objects, and what the mutator sees of both while a collection is running */

#include "common.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"

enum { POOLS = 4 };             /* AMC, AMS, AWL (exact), LO */

typedef struct setup_s {
  mps_arena_t arena;
  mps_chain_t chain;
  mps_fmt_t fmt;
  mps_pool_t pool[POOLS];
  mps_ap_t ap[POOLS];
  mps_ap_t weak;                /* on the AWL pool */
} setup_s;

static void setup(setup_s *s, double pause)
{
  mps_pool_class_t c[POOLS];
  size_t i;
  c[0] = mps_class_amc();
  c[1] = mps_class_ams();
  c[2] = mps_class_awl();
  c[3] = mps_class_lo();
  s->arena = arena_vm((size_t)64 << 20);
  mps_arena_pause_time_set(s->arena, pause);
  s->chain = chain_make(s->arena, 2, 200);
  s->fmt = fmt_make(s->arena, 0);
  for (i = 0; i < POOLS; ++i) {
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, s->fmt);
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, s->chain);
      MPS_ARGS_ADD(args, MPS_KEY_GEN, (unsigned)(i % 2));
      CHECK_OK(mps_pool_create_k(&s->pool[i], s->arena, c[i], args));
    } MPS_ARGS_END(args);
    s->ap[i] = ap_make(s->pool[i]);
  }
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_weak());
    CHECK_OK(mps_ap_create_k(&s->weak, s->pool[2], args));
  } MPS_ARGS_END(args);
}

static void teardown(setup_s *s)
{
  size_t i;
  mps_arena_park(s->arena);
  mps_ap_destroy(s->weak);
  for (i = 0; i < POOLS; ++i)
    mps_ap_destroy(s->ap[i]);
  for (i = 0; i < POOLS; ++i)
    mps_pool_destroy(s->pool[i]);
  mps_chain_destroy(s->chain);
  mps_fmt_destroy(s->fmt);
  mps_arena_destroy(s->arena);
}

/* --- weak references against a shadow --- */

enum { N = 600, TABLES = 120, SLOTS = 40 };
static mps_addr_t strong[N];            /* a root: null when let go of */
static mps_addr_t table[TABLES];        /* a root: the weak tables */
static int held[N], reached[N], known[N];
static size_t next[N];                  /* N: none */
static size_t refers[TABLES][SLOTS];    /* N: null */

static void object_make(setup_s *s, size_t i)
{
  size_t p = rnd_below(POOLS), t, k;
  obj_t o;
  next[i] = p == 3 || rnd_below(2) == 0 ? N : rnd_below(N);
  if (next[i] != N && strong[next[i]] == NULL)
    next[i] = N;
  o = obj_new(s->ap[p], 0, p == 3 ? KIND_LEAF : KIND_VECTOR, 3, i + 1);
  if (next[i] != N)
    o->slot[1] = (word)strong[next[i]];
  /* what refers to the former number i is no longer followed */
  for (t = 0; t < TABLES; ++t)
    for (k = 0; k < SLOTS; ++k)
      if (refers[t][k] == i) {
        refers[t][k] = N;
        ((obj_t)table[t])->slot[k] = 0;
      }
  for (k = 0; k < N; ++k)
    if (next[k] == i) {
      next[k] = N;              /* no longer to be followed from there */
      if (strong[k] != NULL)
        ((obj_t)strong[k])->slot[1] = 0;
    }
  strong[i] = o;
  held[i] = 1;
  known[i] = 1;
}

static void table_make(setup_s *s, size_t t)
{
  size_t k;
  table[t] = obj_new(s->weak, 0, KIND_VECTOR, SLOTS, 100000 + t);
  for (k = 0; k < SLOTS; ++k) {
    size_t i = rnd_below(N);
    refers[t][k] = strong[i] == NULL ? N : i;
    ((obj_t)table[t])->slot[k] = (word)strong[i];
  }
}

static void reach(void)
{
  size_t i, k;
  memset(reached, 0, sizeof reached);
  for (i = 0; i < N; ++i)
    if (held[i])
      for (k = i; k != N && !reached[k]; k = next[k])
        reached[k] = 1;
}

/* Compare all.  With gone, what can't be reached must have gone. */
static void verify(int gone)
{
  static word seen[N];
  static int met[N];
  size_t t, k, i;
  reach();
  memset(met, 0, sizeof met);
  for (t = 0; t < TABLES; ++t) {
    obj_t o = table[t];
    CHECK(obj_is(o, KIND_VECTOR, SLOTS, 100000 + t));
    for (k = 0; k < SLOTS; ++k) {
      word w = o->slot[k];
      i = refers[t][k];
      if (i == N) {
        CHECK_EQ(w, 0);
        continue;
      }
      if (met[i])
        CHECK_EQ(w, seen[i]);   /* all die together, or move together */
      met[i] = 1;
      seen[i] = w;
      if (reached[i]) {
        CHECK(w != 0);
        CHECK_EQ(((obj_t)w)->serial, i + 1);
      } else if (gone) {
        CHECK_EQ(w, 0);
      } else if (w != 0) {
        CHECK_EQ(((obj_t)w)->serial, i + 1);
      }
      if (held[i])
        CHECK_EQ(w, strong[i]);
    }
  }
}

static void test_weak(double pause, int rounds)
{
  setup_s s;
  mps_root_t r1, r2;
  size_t i, t;
  int round;
  unsigned long taken = 0, lost = 0;
  setup(&s, pause);
  memset(strong, 0, sizeof strong);
  memset(table, 0, sizeof table);
  for (i = 0; i < N; ++i)
    next[i] = N;
  for (t = 0; t < TABLES; ++t)
    for (i = 0; i < SLOTS; ++i)
      refers[t][i] = N;
  memset(held, 0, sizeof held);
  CHECK_OK(mps_root_create_table(&r1, s.arena, mps_rank_exact(), 0, strong,
                                 N));
  CHECK_OK(mps_root_create_table(&r2, s.arena, mps_rank_exact(), 0, table,
                                 TABLES));
  for (t = 0; t < TABLES; ++t)
    table_make(&s, t);
  for (i = 0; i < N; ++i)
    object_make(&s, i);
  for (t = 0; t < TABLES; ++t)
    table_make(&s, t);
  for (round = 0; round < rounds; ++round) {
    int step;
    for (i = 0; i < N; ++i)
      if (held[i] && rnd_below(3) == 0) {
        held[i] = 0;
        strong[i] = NULL;
      }
    verify(0);
    if (round % 3 == 0)
      CHECK_OK(mps_arena_start_collect(s.arena));
    /* while it is running, look into weak tables and take hold */
    for (step = 0; step < 60; ++step) {
      size_t k = rnd_below(SLOTS);
      t = rnd_below(TABLES);
      i = refers[t][k];
      if (i != N && !held[i]) {
        mps_addr_t p = (mps_addr_t)((obj_t)table[t])->slot[k];
        if (p != NULL && rnd_below(2) == 0) {
          strong[i] = p;
          held[i] = 1;
          ++taken;
        } else if (p == NULL)
          ++lost;
      }
      if (rnd_below(30) == 0)
        verify(0);
      garbage(s.ap[rnd_below(3)], 0, 40, 8);
    }
    if (round % 7 == 6) {
      CHECK_OK(mps_arena_collect(s.arena));
      verify(1);
    }
    /* only now is it sure that nothing leads to the former number i */
    for (i = 0; round % 7 == 6 && i < N; ++i) {
      reach();
      if (!reached[i] && rnd_below(3) != 0)
        object_make(&s, i);
    }
    mps_arena_release(s.arena);
    for (t = 0; t < TABLES; ++t)
      if (rnd_below(5) == 0)
        table_make(&s, t);
    verify(0);
  }
  CHECK(taken > 0 && lost > 0);
  part("weak, pause %g: %lu flips, %lu taken hold of, %lu found gone", pause,
       (unsigned long)mps_collections(s.arena), taken, lost);
  mps_root_destroy(r1);
  mps_root_destroy(r2);
  teardown(&s);
}

/* --- dependent objects --- */

/* A weak table of keys; slot 0 is the address of its table of values, plus
 * one.  When a key has gone the scan method says so in the values. */

static unsigned long forgotten;

static mps_addr_t find_values(mps_addr_t p)
{
  obj_t o = p;
  if (obj_kind(o) != KIND_VECTOR || !is_number(o->slot[0]))
    return NULL;
  return (mps_addr_t)(o->slot[0] - 1);
}

static mps_res_t keys_scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  MPS_SCAN_BEGIN(ss) {
    while (base < limit) {
      obj_t o = base;
      size_t n = obj_kind(o) == KIND_VECTOR ? obj_slots(o) : 0, i;
      obj_t values = find_values(o);
      for (i = 0; i < n; ++i) {
        mps_addr_t p = (mps_addr_t)o->slot[i];
        if (!is_number(o->slot[i]) && MPS_FIX1(ss, p)) {
          mps_res_t res = MPS_FIX2(ss, &p);
          if (res != MPS_RES_OK)
            return res;
          if (p == NULL && o->slot[i] != 0 && values != NULL
              && values->serial != 0) {
            CHECK(values->slot[i] == number(i));
            values->slot[i] = number(0);
            ++forgotten;
          }
          o->slot[i] = (word)p;
        }
      }
      base = obj_skip(base);
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static void test_dependent(double pause)
{
  enum { T = 40, K = 200 };
  setup_s s;
  mps_pool_t pool;
  mps_fmt_t fmt;
  mps_ap_t weak, exact;
  static mps_addr_t keys[T], values[T], objects[K];
  mps_root_t r[3];
  size_t t, i;
  int round;
  setup(&s, pause);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, WORD);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, keys_scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, obj_skip);
    CHECK_OK(mps_fmt_create_k(&fmt, s.arena, args));
  } MPS_ARGS_END(args);
  CHECK_OK(mps_pool_create(&pool, s.arena, mps_class_awl(), fmt,
                           (mps_awl_find_dependent_t)find_values));
  CHECK_OK(mps_ap_create(&weak, pool, mps_rank_weak()));
  CHECK_OK(mps_ap_create(&exact, pool, mps_rank_exact()));
  memset(keys, 0, sizeof keys);
  memset(values, 0, sizeof values);
  memset(objects, 0, sizeof objects);
  CHECK_OK(mps_root_create_table(&r[0], s.arena, mps_rank_exact(), 0, keys, T));
  CHECK_OK(mps_root_create_table(&r[1], s.arena, mps_rank_exact(), 0, values,
                                 T));
  CHECK_OK(mps_root_create_table(&r[2], s.arena, mps_rank_exact(), 0, objects,
                                 K));
  forgotten = 0;
  for (round = 0; round < 20; ++round) {
    size_t dead = 0;
    for (i = 0; i < K; ++i)
      objects[i] = obj_new(s.ap[i % POOLS], 0,
                           i % POOLS == 3 ? KIND_LEAF : KIND_VECTOR, 2, i + 1);
    for (t = 0; t < T; ++t) {
      values[t] = obj_new(exact, 0, KIND_VECTOR, K + 1, 500 + t);
      keys[t] = obj_new(weak, 0, KIND_VECTOR, K + 1, 700 + t);
      ((obj_t)values[t])->slot[0] = number(0);
      ((obj_t)keys[t])->slot[0] = (word)values[t] + 1;
      for (i = 0; i < K; ++i) {
        ((obj_t)values[t])->slot[i + 1] = number(i + 1);
        ((obj_t)keys[t])->slot[i + 1] = (word)objects[i];
      }
    }
    for (i = 0; i < K; ++i)
      if (rnd_below(2) == 0) {
        objects[i] = NULL;
        ++dead;
      }
    if (round % 2 == 0) {
      CHECK_OK(mps_arena_start_collect(s.arena));
      for (i = 0; i < 20000; ++i) {
        garbage(s.ap[i % 3], 0, 1, 10);
        if (i % 100 == 0) {     /* look, and write */
          obj_t v = values[rnd_below(T)];
          CHECK(is_number(v->slot[rnd_below(K + 1)]));
          v->slot[0] = number(0);
        }
      }
    }
    CHECK_OK(mps_arena_collect(s.arena));
    for (t = 0; t < T; ++t) {
      size_t gone = 0;
      for (i = 0; i < K; ++i) {
        word k = ((obj_t)keys[t])->slot[i + 1];
        CHECK_EQ(k, (word)objects[i]);
        CHECK_EQ(((obj_t)values[t])->slot[i + 1],
                 number(k == 0 ? 0 : i + 1));
        gone += k == 0;
      }
      CHECK_EQ(gone, dead);
    }
    mps_arena_release(s.arena);
  }
  CHECK(forgotten > T * K * 5);
  part("dependent, pause %g: %lu values forgotten", pause, forgotten);
  for (i = 0; i < 3; ++i)
    mps_root_destroy(r[i]);
  mps_arena_park(s.arena);
  mps_ap_destroy(weak);
  mps_ap_destroy(exact);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  teardown(&s);
}

int main(void)
{
  test_begin("awl");
  test_weak(0.1, 100);
  test_weak(0.0, 200);
  test_dependent(0.1);
  test_dependent(0.0);
  return test_end();
}
