/* amc.c -- AMC and AMCZ pools: random graphs against a shadow copy, pinning,
 * large objects, headers, padding, ramps, chains */

#include "common.h"

typedef struct setup_s {
  mps_arena_t arena;
  mps_chain_t chain;
  mps_fmt_t fmt, leaf_fmt;
  mps_pool_t pool, leaf_pool;
  mps_ap_t ap, leaf_ap;
} setup_s;

static void setup(setup_s *s, size_t header, size_t leaf_header, size_t gens,
                  size_t capacity_kb, double pause)
{
  memset(s, 0, sizeof *s);
  s->arena = arena_vm((size_t)64 << 20);
  mps_arena_pause_time_set(s->arena, pause);
  if (gens != 0)
    s->chain = chain_make(s->arena, gens, capacity_kb);
  s->fmt = fmt_make(s->arena, header);
  s->leaf_fmt = fmt_make(s->arena, leaf_header);
  s->pool = pool_amc(s->arena, s->fmt, s->chain);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, s->leaf_fmt);
    if (s->chain != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, s->chain);
    CHECK_OK(mps_pool_create_k(&s->leaf_pool, s->arena, mps_class_amcz(),
                               args));
  } MPS_ARGS_END(args);
  s->ap = ap_make(s->pool);
  s->leaf_ap = ap_make(s->leaf_pool);
}

static void teardown(setup_s *s)
{
  mps_arena_park(s->arena);
  mps_ap_destroy(s->ap);
  mps_ap_destroy(s->leaf_ap);
  mps_pool_destroy(s->pool);
  mps_pool_destroy(s->leaf_pool);
  if (s->chain != NULL)
    mps_chain_destroy(s->chain);
  mps_fmt_destroy(s->fmt);
  mps_fmt_destroy(s->leaf_fmt);
  mps_arena_destroy(s->arena);
}

/* --- graphs --- */

static void test_graph(size_t header, size_t leaf_header, size_t gens,
                       double pause, int steps)
{
  setup_s s;
  graph_s g;
  mps_word_t n = 0;
  int i;
  size_t alive = 0;
  setup(&s, header, leaf_header, gens, 100, pause);
  graph_init(&g, s.arena, 0, 100, 5000, 12, s.ap, header, s.leaf_ap,
             leaf_header);
  for (i = 0; i < steps; ++i) {
    graph_step(&g);
    if (mps_collections(s.arena) != n) {        /* after every flip */
      n = mps_collections(s.arena);
      alive = graph_verify(&g);
    }
    if (i == steps / 4 || i == steps / 2) {
      CHECK_OK(mps_arena_collect(s.arena));
      graph_verify(&g);
      mps_arena_release(s.arena);
    } else if (i == steps / 3) {
      CHECK_OK(mps_arena_start_collect(s.arena));
      graph_verify(&g);
    }
  }
  CHECK(n >= (gens == 0 ? 2 : 4));
  mps_arena_park(s.arena);
  graph_verify(&g);
  CHECK(mps_pool_free_size(s.pool) <= mps_pool_total_size(s.pool));
  part("graph, headers %lu/%lu, %lu generations, pause %g: %lu objects made,"
       " %lu writes, %lu flips, %lu alive, %lu compared",
       (unsigned long)header, (unsigned long)leaf_header,
       (unsigned long)gens, pause, g.allocs, g.writes, (unsigned long)n,
       (unsigned long)alive, g.verified);
  graph_finish(&g);
  teardown(&s);
}

/* --- pinning --- */

/* Objects allocated in the pool, some held by an ambiguous root, some by an
 * exact one. */
static void test_pinning(size_t header)
{
  enum { N = 400 };
  setup_s s;
  static mps_addr_t exact[N], ambig[N], was[N];
  mps_root_t r1, r2;
  size_t i, moved = 0, round;
  setup(&s, header, 0, 3, 256, 0.1);
  memset(exact, 0, sizeof exact);
  memset(ambig, 0, sizeof ambig);
  CHECK_OK(mps_root_create_table(&r1, s.arena, mps_rank_exact(), 0, exact,
                                 N));
  CHECK_OK(mps_root_create_table(&r2, s.arena, mps_rank_ambig(), 0, ambig,
                                 N));
  for (i = 0; i < N; ++i) {
    size_t slots = rnd_below(30);
    obj_t o = obj_new(s.ap, header, KIND_VECTOR, slots + 1, i + 1);
    o->slot[0] = i > 0 ? (word)exact[i - 1] : 0;
    o->slot[slots] = number(i);
    exact[i] = was[i] = o;
    if (i % 3 == 0) {
      size_t offset = i % 2 == 0 ? 0 : rnd_below(slots * WORD);
      ambig[i] = (char *)o + offset;
    }
    garbage(s.ap, header, 3, 5);
  }
  for (round = 0; round < 5; ++round) {
    mps_addr_t copy[N];
    memcpy(copy, ambig, sizeof copy);
    CHECK_OK(mps_arena_collect(s.arena));
    CHECK(memcmp(copy, ambig, sizeof copy) == 0);       /* never changed */
    for (i = 0; i < N; ++i) {
      obj_t o = exact[i];
      CHECK(o->serial == i + 1 && obj_kind(o) == KIND_VECTOR);
      CHECK(o->slot[obj_slots(o) - 1] == number(i)
            || obj_slots(o) == 1);
      if (obj_slots(o) > 1)
        CHECK_EQ(o->slot[0], i > 0 ? (word)exact[i - 1] : 0);
      if (ambig[i] != NULL)
        CHECK_EQ(exact[i], was[i]);
      else
        moved += exact[i] != was[i];
    }
    mps_arena_release(s.arena);
    garbage(s.ap, header, 5000, 20);
  }
  CHECK(moved > N * 2);         /* of 5 * N * 2 / 3 */
  /* let go of the pins: now they move */
  memset(ambig, 0, sizeof ambig);
  CHECK_OK(mps_arena_collect(s.arena));
  moved = 0;
  for (i = 0; i < N; i += 3)
    moved += exact[i] != was[i];
  CHECK(moved > N / 6);
  mps_root_destroy(r1);
  mps_root_destroy(r2);
  teardown(&s);
  part("pinning, header %lu", (unsigned long)header);
}

/* An ambiguous reference to the middle keeps an object or does not. */
static void test_interior(size_t header, int interior)
{
  enum { N = 200 };
  setup_s s;
  mps_pool_t pool;
  mps_ap_t ap;
  mps_root_t root;
  static mps_addr_t ambig[N];
  mps_addr_t object[N];
  size_t i, kept = 0, base_kept = 0;
  setup(&s, header, 0, 2, 1000, 0.1);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, s.fmt);
    MPS_ARGS_ADD(args, MPS_KEY_CHAIN, s.chain);
    MPS_ARGS_ADD(args, MPS_KEY_INTERIOR, interior);
    CHECK_OK(mps_pool_create_k(&pool, s.arena, mps_class_amc(), args));
  } MPS_ARGS_END(args);
  ap = ap_make(pool);
  memset(ambig, 0, sizeof ambig);
  CHECK_OK(mps_root_create_table(&root, s.arena, mps_rank_ambig(), 0, ambig,
                                 N));
  mps_arena_park(s.arena);
  for (i = 0; i < N; ++i) {     /* far apart, so no two on one page */
    object[i] = obj_new(ap, header, KIND_LEAF, 20, i + 1);
    ambig[i] = i % 2 == 0 ? (char *)object[i] + WORD * (1 + i % 20)
                          : (char *)object[i];
    garbage(ap, header, 200, 20);
  }
  CHECK_OK(mps_arena_collect(s.arena));
  for (i = 0; i < N; ++i) {
    mps_addr_t p = NULL;
    if (mps_addr_object(&p, s.arena, object[i]) == MPS_RES_OK
        && p == object[i] && obj_is(object[i], KIND_LEAF, 20, i + 1)) {
      if (i % 2 == 0)
        ++kept;
      else
        ++base_kept;
    }
  }
  CHECK_EQ(base_kept, N / 2);
  if (interior)
    CHECK_EQ(kept, N / 2);
  else
    CHECK_EQ(kept, 0);
  mps_ap_destroy(ap);
  mps_root_destroy(root);
  mps_pool_destroy(pool);
  teardown(&s);
  part("interior pointers %s, header %lu", interior ? "count" : "do not count",
       (unsigned long)header);
}

/* --- large objects --- */

static void test_large(size_t header)
{
  setup_s s;
  mps_addr_t r[4];
  mps_root_t root;
  size_t mb = ((size_t)1 << 20) / WORD, i, j, round;
  obj_t small;
  setup(&s, header, header, 3, 2000, 0.1);
  memset(r, 0, sizeof r);
  CHECK_OK(mps_root_create_table(&root, s.arena, mps_rank_exact(), 0, r, 4));
  r[0] = obj_new(s.ap, header, KIND_VECTOR, mb, 100);
  r[1] = obj_new(s.ap, header, KIND_VECTOR, 8 * mb, 101);
  r[2] = obj_new(s.leaf_ap, header, KIND_LEAF, 8 * mb, 102);
  /* every 1000th slot refers to a small object of its own */
  for (j = 0; j < 2; ++j)
    for (i = 0; i < obj_slots((obj_t)r[j]); i += 1000) {
      small = obj_new(s.ap, header, KIND_VECTOR, 1, i);
      small->slot[0] = (word)r[1 - j];
      ((obj_t)r[j])->slot[i] = (word)small;
    }
  for (round = 0; round < 4; ++round) {
    if (round % 2 == 0) {
      CHECK_OK(mps_arena_collect(s.arena));
      mps_arena_release(s.arena);
    } else {
      garbage(s.ap, header, 30000, 20);
      for (i = 0; i < 6; ++i)   /* large garbage */
        (void)obj_new(s.leaf_ap, header, KIND_LEAF, mb, 1);
    }
    for (j = 0; j < 2; ++j)
      for (i = 0; i < obj_slots((obj_t)r[j]); ++i) {
        if (i % 1000 != 0) {
          CHECK_EQ(((obj_t)r[j])->slot[i], 0);
          continue;
        }
        small = (obj_t)((obj_t)r[j])->slot[i];
        CHECK(obj_is(small, KIND_VECTOR, 1, i));
        CHECK_EQ(small->slot[0], r[1 - j]);
      }
    CHECK(obj_is(r[2], KIND_LEAF, 8 * mb, 102));
  }
  {
    size_t before = mps_pool_total_size(s.pool);
    memset(r, 0, sizeof r);
    CHECK_OK(mps_arena_collect(s.arena));
    CHECK(mps_pool_total_size(s.pool) + 8 * mb * WORD <= before);
    CHECK(mps_pool_total_size(s.leaf_pool) < 4 * mb * WORD);
  }
  mps_root_destroy(root);
  teardown(&s);
  part("arrays of 1 MB and 8 MB, header %lu", (unsigned long)header);
}

/* Sizes round the boundary between small and large, and all smaller ones. */
static void test_sizes(size_t header)
{
  setup_s s;
  enum { N = 3000 };
  static mps_addr_t r[N];
  mps_root_t root;
  size_t i, extend;
  for (extend = 0; extend < 3; ++extend) {
    mps_pool_t pool;
    mps_ap_t ap;
    setup(&s, header, 0, 2, 500, 0.1);
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, s.fmt);
      if (extend > 0)
        MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, extend == 1 ? 4096 : 65536);
      if (extend > 1)
        MPS_ARGS_ADD(args, MPS_KEY_LARGE_SIZE, 131072);
      CHECK_OK(mps_pool_create_k(&pool, s.arena, mps_class_amc(), args));
    } MPS_ARGS_END(args);
    ap = ap_make(pool);
    memset(r, 0, sizeof r);
    CHECK_OK(mps_root_create_table(&root, s.arena, mps_rank_exact(), 0, r,
                                   N));
    for (i = 0; i < N; ++i) {
      size_t n = i < 1000 ? i : i < 2000 ? 4 * i : rnd_below(20000);
      r[i] = obj_new(ap, header, KIND_LEAF, n, n);
    }
    CHECK_OK(mps_arena_collect(s.arena));
    for (i = 0; i < N; ++i) {
      obj_t o = r[i];
      CHECK(obj_is(o, KIND_LEAF, o->serial, o->serial));
      CHECK(i >= 2000 || o->serial == (i < 1000 ? i : 4 * i));
    }
    mps_ap_destroy(ap);
    mps_root_destroy(root);
    mps_pool_destroy(pool);
    teardown(&s);
  }
  part("sizes, header %lu, three segment sizes", (unsigned long)header);
}

/* --- ramps, hash arrays, sizes --- */

static void test_ramp(void)
{
  setup_s s;
  mps_alloc_pattern_t ramp = mps_alloc_pattern_ramp();
  mps_alloc_pattern_t all = mps_alloc_pattern_ramp_collect_all();
  graph_s g;
  int i, j;
  CHECK(ramp == mps_alloc_pattern_ramp());
  CHECK(all == mps_alloc_pattern_ramp_collect_all());
  CHECK(ramp != all);
  setup(&s, 0, 0, 3, 200, 0.01);
  graph_init(&g, s.arena, 0, 100, 4000, 12, s.ap, 0, s.leaf_ap, 0);
  CHECK_EQ(mps_ap_alloc_pattern_end(s.ap, ramp), MPS_RES_FAIL);
  CHECK_OK(mps_ap_alloc_pattern_reset(s.ap));
  for (i = 0; i < 30; ++i) {
    mps_alloc_pattern_t p = i % 3 == 2 ? all : ramp;
    CHECK_OK(mps_ap_alloc_pattern_begin(s.ap, p));
    for (j = 0; j < 1500; ++j)
      graph_step(&g);
    if (i % 5 == 0) {           /* nested */
      CHECK_OK(mps_ap_alloc_pattern_begin(s.ap, ramp));
      for (j = 0; j < 500; ++j)
        graph_step(&g);
      CHECK_OK(mps_ap_alloc_pattern_end(s.ap, ramp));
    }
    graph_verify(&g);
    if (i % 7 == 6) {
      CHECK_OK(mps_ap_alloc_pattern_reset(s.ap));
      CHECK_EQ(mps_ap_alloc_pattern_end(s.ap, p), MPS_RES_FAIL);
    } else {
      CHECK_OK(mps_ap_alloc_pattern_end(s.ap, p));
    }
    for (j = 0; j < 500; ++j)
      graph_step(&g);
    graph_verify(&g);
  }
  mps_arena_park(s.arena);
  graph_verify(&g);
  graph_finish(&g);
  teardown(&s);
  part("ramp patterns: nested, reset, with a full collection");
}

static void test_hash_arrays(void)
{
  setup_s s;
  mps_ap_t ap = NULL;
  mps_word_t n;
  size_t i;
  setup(&s, 0, 0, 2, 256, 0.1);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_AP_HASH_ARRAYS, 1);
    CHECK_OK(mps_ap_create_k(&ap, s.pool, args));
    CHECK(args[0].key == MPS_KEY_ARGS_END);
  } MPS_ARGS_END(args);
  garbage(ap, 0, 20000, 62);    /* 10 MB */
  CHECK_EQ(mps_collections(s.arena), 0);
  for (i = 0, n = 0; i < 40 && n < 2; ++i) {
    garbage(s.ap, 0, 1000, 62);
    n = mps_collections(s.arena);
  }
  CHECK(n >= 2);
  mps_ap_destroy(ap);
  teardown(&s);
  part("hash array allocation brings on no collection");
}

static void test_pool_sizes(void)
{
  setup_s s;
  size_t full;
  setup(&s, 0, 0, 2, 100000, 0.1);
  CHECK_EQ(mps_pool_total_size(s.pool), 0);
  CHECK_EQ(mps_pool_free_size(s.pool), 0);
  mps_arena_clamp(s.arena);
  garbage(s.ap, 0, 10000, 62);  /* 5 MB */
  full = mps_pool_total_size(s.pool);
  CHECK(full >= 10000 * 64 * WORD);
  CHECK(mps_pool_free_size(s.pool) < full / 4);
  CHECK(full <= mps_arena_committed(s.arena));
  CHECK_OK(mps_arena_collect(s.arena));
  CHECK(mps_pool_total_size(s.pool) < full / 10);
  CHECK(mps_pool_free_size(s.pool) <= mps_pool_total_size(s.pool));
  teardown(&s);
  part("pool sizes grow and shrink");
}

/* --- several pools with references between them, on one chain or two --- */

static void test_pools(void)
{
  mps_arena_t arena = arena_vm((size_t)64 << 20);
  mps_chain_t a = chain_make(arena, 2, 150), b = chain_make(arena, 4, 80);
  mps_fmt_t fmt = fmt_make(arena, 0);
  mps_pool_t pool[3];
  mps_ap_t extra;
  graph_s g;
  int i;
  mps_arena_pause_time_set(arena, 0.001);
  pool[0] = pool_amc(arena, fmt, a);
  pool[1] = pool_amc(arena, fmt, b);
  pool[2] = pool_amc(arena, fmt, NULL);         /* the default chain */
  extra = ap_make(pool[0]);
  graph_init(&g, arena, 0, 60, 4000, 12, ap_make(pool[0]), 0, NULL, 0);
  g.ap[1] = ap_make(pool[1]);
  g.ap[2] = ap_make(pool[2]);
  g.ap[3] = extra;
  g.aps = 4;
  for (i = 0; i < 150000; ++i) {
    graph_step(&g);
    if (i % 15000 == 0)
      graph_verify(&g);
  }
  CHECK_OK(mps_arena_collect(arena));
  graph_verify(&g);
  for (i = 0; i < 3; ++i)
    CHECK(mps_pool_total_size(pool[i]) > 0);
  for (i = 0; i < 4; ++i)
    mps_ap_destroy(g.ap[i]);
  graph_finish(&g);
  for (i = 0; i < 3; ++i)
    mps_pool_destroy(pool[i]);
  mps_chain_destroy(a);
  mps_chain_destroy(b);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
  part("three pools on three chains, four allocation points");
}

/* Dead objects go, live ones stay, over many full collections. */
static void test_stability(void)
{
  setup_s s;
  graph_s g;
  size_t i, j, size = 0;
  setup(&s, 0, 0, 3, 500, 0.1);
  graph_init(&g, s.arena, 0, 40, 3000, 12, s.ap, 0, s.leaf_ap, 0);
  for (i = 0; i < 40; ++i) {
    for (j = 0; j < 2000; ++j)
      graph_step(&g);
    CHECK_OK(mps_arena_collect(s.arena));
    graph_verify(&g);
    mps_arena_release(s.arena);
    if (i == 10)
      size = mps_pool_total_size(s.pool);
  }
  CHECK(mps_pool_total_size(s.pool) <= 8 * size + ((size_t)4 << 20));
  graph_finish(&g);
  teardown(&s);
  part("forty full collections do not make the heap grow");
}

int main(void)
{
  test_begin("amc");
  test_graph(0, 0, 0, 0.1, 60000);
  test_graph(0, 0, 3, 0.0, 120000);
  test_graph(0, HEADER, 1, 0.001, 60000);
  test_graph(HEADER, HEADER, 4, 0.0, 120000);
  test_graph(HEADER, 0, 2, 1.0, 60000);
  test_pinning(0);
  test_pinning(HEADER);
  test_interior(0, 1);
  test_interior(0, 0);
  test_interior(HEADER, 1);
  test_interior(HEADER, 0);
  test_large(0);
  test_large(HEADER);
  test_sizes(0);
  test_sizes(HEADER);
  test_ramp();
  test_hash_arrays();
  test_pool_sizes();
  test_pools();
  test_stability();
  return test_end();
}
