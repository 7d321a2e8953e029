/* ams.c -- AMS, AWL and LO as plain mark-and-sweep pools: random graphs
 * against a shadow copy, ambiguous references, large objects, reuse of
 * memory, sizes, headers, chains */

#include "common.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"

typedef struct setup_s {
  mps_arena_t arena;
  mps_chain_t chain;
  mps_fmt_t fmt, leaf_fmt;
  mps_pool_t pool, leaf_pool;
  mps_ap_t ap, leaf_ap;
} setup_s;

static mps_pool_t pool_make(mps_arena_t arena, mps_pool_class_t c,
                            mps_fmt_t fmt, mps_chain_t chain, unsigned gen)
{
  mps_pool_t pool = NULL;
  mps_res_t res = MPS_RES_FAIL;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    if (chain != NULL) {
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
      MPS_ARGS_ADD(args, MPS_KEY_GEN, gen);
    }
    res = mps_pool_create_k(&pool, arena, c, args);
  } MPS_ARGS_END(args);
  CHECK_OK(res);
  return pool;
}

static void setup(setup_s *s, mps_pool_class_t c, size_t header, size_t gens,
                  unsigned gen, double pause)
{
  memset(s, 0, sizeof *s);
  s->arena = arena_vm((size_t)64 << 20);
  mps_arena_pause_time_set(s->arena, pause);
  if (gens != 0)
    s->chain = chain_make(s->arena, gens, 100);
  s->fmt = fmt_make(s->arena, header);
  s->leaf_fmt = fmt_make(s->arena, header);
  s->pool = pool_make(s->arena, c, s->fmt, s->chain, gen);
  s->leaf_pool = pool_make(s->arena, mps_class_lo(), s->leaf_fmt, s->chain,
                           gen);
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

static void test_graph(const char *name, mps_pool_class_t c, size_t header,
                       size_t gens, unsigned gen, double pause, int steps)
{
  setup_s s;
  graph_s g;
  mps_word_t n = 0;
  size_t alive = 0;
  int i;
  setup(&s, c, header, gens, gen, pause);
  CHECK_EQ(mps_pool_total_size(s.pool), 0);
  graph_init(&g, s.arena, 0, 100, 5000, 12, s.ap, header, s.leaf_ap, header);
  for (i = 0; i < steps; ++i) {
    graph_step(&g);
    if (mps_collections(s.arena) != n) {
      n = mps_collections(s.arena);
      alive = graph_verify(&g);
    }
    if (i == steps / 4 || i == steps / 2) {
      CHECK_OK(mps_arena_collect(s.arena));
      graph_verify(&g);
      CHECK(mps_pool_free_size(s.pool) <= mps_pool_total_size(s.pool));
      CHECK(mps_pool_free_size(s.leaf_pool)
            <= mps_pool_total_size(s.leaf_pool));
      mps_arena_release(s.arena);
    } else if (i % 10000 == 9999) {
      CHECK_OK(mps_arena_start_collect(s.arena));
      graph_verify(&g);
    }
  }
  CHECK(n >= 2);
  mps_arena_park(s.arena);
  graph_verify(&g);
  part("%s graph, header %lu, %lu generations, pause %g: %lu objects made,"
       " %lu writes, %lu flips, %lu alive, %lu compared, total %lu free %lu",
       name, (unsigned long)header, (unsigned long)gens, pause, g.allocs,
       g.writes, (unsigned long)n, (unsigned long)alive, g.verified,
       (unsigned long)mps_pool_total_size(s.pool),
       (unsigned long)mps_pool_free_size(s.pool));
  graph_finish(&g);
  teardown(&s);
}

/* --- what holds an object, and that the rest goes --- */

static size_t live_count;
static void count_live(mps_addr_t o, mps_fmt_t fmt, mps_pool_t pool, void *p,
                       size_t size)
{
  (void)fmt;
  (void)size;
  if (pool == (mps_pool_t)p && obj_kind((obj_t)o) != KIND_PAD)
    ++live_count;
}

static size_t live(mps_arena_t arena, mps_pool_t pool)
{
  live_count = 0;
  mps_arena_formatted_objects_walk(arena, count_live, pool, 0);
  return live_count;
}

static void test_ambig(mps_pool_class_t c, size_t header)
{
  enum { N = 300 };
  setup_s s;
  mps_root_t root;
  static mps_addr_t ambig[N];
  obj_t object[N];
  size_t i;
  setup(&s, c, header, 0, 0, 0.1);
  memset(ambig, 0, sizeof ambig);
  CHECK_OK(mps_root_create_table(&root, s.arena, mps_rank_ambig(), 0, ambig,
                                 N));
  mps_arena_park(s.arena);
  for (i = 0; i < N; ++i) {
    object[i] = obj_new(s.ap, header, KIND_VECTOR, 1 + i % 20, i + 1);
    switch (i % 3) {
    case 0: ambig[i] = object[i]; break;
    case 1: ambig[i] = (char *)object[i] + WORD * (1 + i % 3); break;
    case 2: object[i - 2]->slot[0] = (word)object[i] + 2; break;
    }
    garbage(s.ap, header, i % 4, 10);
  }
  CHECK_OK(mps_arena_collect(s.arena));
  CHECK_EQ(live(s.arena, s.pool), N / 3 * 2);
  for (i = 0; i < N; ++i)
    if (i % 3 != 1)
      CHECK(obj_is(object[i], KIND_VECTOR, 1 + i % 20, i + 1));
  memset(ambig, 0, sizeof ambig);
  CHECK_OK(mps_arena_collect(s.arena));
  CHECK_EQ(live(s.arena, s.pool), 0);
  mps_root_destroy(root);
  teardown(&s);
}

/* Objects of all sizes; their memory is used again, and given back. */
static void test_reuse(mps_pool_class_t c, int leaf)
{
  enum { N = 2000 };
  setup_s s;
  static mps_addr_t exact[N];
  mps_root_t root;
  size_t i, round, most = 0;
  mps_pool_t pool;
  mps_ap_t ap;
  setup(&s, c, 0, 0, 0, 0.1);
  pool = leaf ? s.leaf_pool : s.pool;
  ap = leaf ? s.leaf_ap : s.ap;
  memset(exact, 0, sizeof exact);
  CHECK_OK(mps_root_create_table(&root, s.arena, mps_rank_exact(), 0, exact,
                                 N));
  for (round = 0; round < 40; ++round) {
    size_t total, want = 0;
    for (i = 0; i < N; ++i) {
      obj_t o = exact[i];
      if (o != NULL)
        CHECK_EQ(o->serial, i + 1);
      if (o == NULL || rnd_below(3) == 0) {
        size_t slots = rnd_below(20) == 0 ? rnd_below(4000) : rnd_below(30);
        exact[i] = obj_new(ap, 0, leaf ? KIND_LEAF : KIND_VECTOR, slots,
                           i + 1);
      }
    }
    if (round % 4 == 3) {
      CHECK_OK(mps_arena_collect(s.arena));
      CHECK_EQ(live(s.arena, pool), N);
      for (i = 0; i < N; ++i)
        want += obj_words((obj_t)exact[i]) * WORD;
      total = mps_pool_total_size(pool);
      CHECK(total - mps_pool_free_size(pool) >= want);
      /* no more than what is alive and a buffer's room */
      CHECK(total - mps_pool_free_size(pool) <= want + 65536);
      if (total > most)
        most = total;
      mps_arena_release(s.arena);
    }
    if (round == 20)
      CHECK(most != 0);
  }
  memset(exact, 0, sizeof exact);
  CHECK_OK(mps_arena_collect(s.arena));
  CHECK_EQ(live(s.arena, pool), 0);
  CHECK(mps_pool_total_size(pool) <= 65536);
  mps_root_destroy(root);
  teardown(&s);
  part("reuse: at most %lu KB", (unsigned long)most / 1024);
}

/* One large array of references, scanned in parts. */
static void test_large(mps_pool_class_t c)
{
  enum { N = 200000 };
  setup_s s;
  static mps_addr_t exact[1];
  mps_root_t root;
  obj_t a;
  size_t i, round;
  setup(&s, c, 0, 0, 0, 0.0);
  exact[0] = NULL;
  CHECK_OK(mps_root_create_table(&root, s.arena, mps_rank_exact(), 0, exact,
                                 1));
  exact[0] = obj_new(s.ap, 0, KIND_VECTOR, N, 7);
  for (i = 0; i < N; ++i) {
    obj_t o = obj_new(i % 5 == 0 ? s.leaf_ap : s.ap, 0,
                      i % 5 == 0 ? KIND_LEAF : KIND_VECTOR, i % 3, i + 1);
    a = exact[0];
    a->slot[i] = (word)o;
  }
  for (round = 0; round < 3; ++round) {
    CHECK_OK(mps_arena_start_collect(s.arena));
    garbage(s.ap, 0, 100000, 5);
    a = exact[0];
    for (i = 0; i < N; ++i)
      CHECK_EQ(((obj_t)a->slot[i])->serial, i + 1);
  }
  mps_root_destroy(root);
  teardown(&s);
}

/* Fill the arena up to its commit limit; let every other object go; fill it
 * up again: all that became free can be had, though it is in small pieces. */
static void test_full(mps_pool_class_t c, int leaf)
{
  enum { N = 200000, SLOTS_OF = 6 };
  setup_s s;
  static mps_addr_t exact[N];
  mps_root_t root;
  size_t i, n, round;
  mps_res_t res = MPS_RES_OK;
  mps_ap_t ap;
  int kind = leaf ? KIND_LEAF : KIND_VECTOR;
  setup(&s, c, 0, 0, 0, 0.1);
  ap = leaf ? s.leaf_ap : s.ap;
  memset(exact, 0, sizeof exact);
  CHECK_OK(mps_root_create_table(&root, s.arena, mps_rank_exact(), 0, exact,
                                 N));
  CHECK_OK(mps_arena_commit_limit_set(s.arena, mps_arena_committed(s.arena)
                                      + ((size_t)4 << 20)));
  for (n = 0; n < N; ++n) {
    obj_t o;
    res = obj_try(&o, ap, 0, kind, SLOTS_OF, n + 1);
    if (res != MPS_RES_OK)
      break;
    exact[n] = o;
  }
  CHECK(res == MPS_RES_COMMIT_LIMIT || res == MPS_RES_MEMORY
        || res == MPS_RES_RESOURCE);
  CHECK(n * (SLOTS_OF + 2) * WORD > (size_t)3 << 20);
  for (round = 0; round < 4; ++round) {
    size_t freed = 0, again = 0;
    for (i = round % 2; i < n; i += 2) {
      CHECK_EQ(((obj_t)exact[i])->serial, i + 1);
      exact[i] = NULL;
      ++freed;
    }
    CHECK_OK(mps_arena_collect(s.arena));
    mps_arena_release(s.arena);
    for (i = round % 2; i < n; i += 2) {
      obj_t o;
      if (obj_try(&o, ap, 0, kind, SLOTS_OF, i + 1) != MPS_RES_OK)
        break;
      exact[i] = o;
      ++again;
    }
    CHECK(again * 100 > freed * 95);
    for (i = 0; i < n; ++i)
      if (exact[i] != NULL)
        CHECK(obj_is(exact[i], kind, SLOTS_OF, i + 1));
      else
        exact[i] = exact[0];    /* something that is there */
    for (i = 0; i < n; ++i)
      if (((obj_t)exact[i])->serial != i + 1)
        n = i;
  }
  part("full: %lu objects", (unsigned long)n);
  mps_root_destroy(root);
  teardown(&s);
}

/* The debugging class: free memory is painted, and damage is reported. */
static int reports;
static void count_report(const char *file, unsigned line, const char *text)
{
  (void)file;
  (void)line;
  (void)text;
  ++reports;
}

static void test_debug(void)
{
  enum { N = 1000 };
  mps_arena_t arena = arena_vm((size_t)16 << 20);
  mps_fmt_t fmt = fmt_make(arena, 0);
  mps_pool_debug_option_s options;
  mps_pool_t pool;
  mps_ap_t ap;
  mps_root_t root;
  static mps_addr_t exact[N];
  mps_lib_assert_fail_t old;
  size_t i;
  word *hole;
  options.fence_template = NULL;
  options.fence_size = 0;
  options.free_template = "SPLATTED";
  options.free_size = 8;
  memset(exact, 0, sizeof exact);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, exact, N));
  CHECK_OK(mps_pool_create(&pool, arena, mps_class_ams_debug(), &options, fmt,
                           (mps_chain_t)NULL, 1));
  CHECK_OK(mps_ap_create(&ap, pool, mps_rank_exact()));
  for (i = 0; i < N; ++i)
    exact[i] = obj_new(ap, 0, KIND_VECTOR, 30, i + 1);
  hole = (word *)exact[501];
  for (i = 1; i < N; i += 2)
    exact[i] = NULL;
  CHECK_OK(mps_arena_collect(arena));
  CHECK(memcmp(hole + 6, "SPLATTED", 8) == 0);
  mps_pool_check_free_space(pool);
  mps_pool_check_fenceposts(pool);
  old = mps_lib_assert_fail_install(count_report);
  hole[7] = 99;
  mps_pool_check_free_space(pool);
  CHECK_EQ(reports, 1);
  for (i = 1; i < N; i += 2)    /* the hole is given out again */
    exact[i] = obj_new(ap, 0, KIND_VECTOR, 30, i + 1);
  CHECK_EQ(reports, 2);
  mps_pool_check_free_space(pool);
  CHECK_EQ(reports, 2);
  (void)mps_lib_assert_fail_install(old);
  CHECK_OK(mps_arena_collect(arena));
  for (i = 0; i < N; ++i)
    CHECK(obj_is(exact[i], KIND_VECTOR, 30, i + 1));
  mps_root_destroy(root);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

/* The old way of making them. */
static void test_varargs(void)
{
  mps_arena_t arena = arena_vm((size_t)4 << 20);
  mps_chain_t chain = chain_make(arena, 2, 100);
  mps_fmt_t fmt = fmt_make(arena, 0);
  mps_pool_t ams, lo;
  mps_ap_t a, b;
  CHECK_OK(mps_pool_create(&ams, arena, mps_class_ams(), fmt, chain, 1));
  CHECK_OK(mps_pool_create(&lo, arena, mps_class_lo(), fmt));
  CHECK_OK(mps_ap_create(&a, ams, mps_rank_ambig()));
  CHECK_OK(mps_ap_create(&b, lo));
  CHECK(obj_new(a, 0, KIND_VECTOR, 3, 1) != NULL);
  CHECK(obj_new(b, 0, KIND_LEAF, 3, 1) != NULL);
  mps_ap_destroy(a);
  mps_ap_destroy(b);
  mps_pool_destroy(ams);
  mps_pool_destroy(lo);
  mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

int main(void)
{
  test_begin("ams");
  test_varargs();
  test_debug();
  test_ambig(mps_class_ams(), 0);
  test_ambig(mps_class_ams(), HEADER);
  test_ambig(mps_class_awl(), 0);
  test_full(mps_class_ams(), 0);
  test_full(mps_class_awl(), 0);
  test_full(mps_class_ams(), 1);
  test_reuse(mps_class_ams(), 0);
  test_reuse(mps_class_awl(), 0);
  test_reuse(mps_class_ams(), 1);
  test_graph("AMS", mps_class_ams(), 0, 3, 0, 0.1, 100000);
  test_graph("AMS", mps_class_ams(), 0, 2, 1, 0.0, 100000);
  test_graph("AMS", mps_class_ams(), HEADER, 0, 0, 0.0, 100000);
  test_graph("AWL", mps_class_awl(), 0, 3, 0, 0.0, 100000);
  test_graph("AWL", mps_class_awl(), HEADER, 2, 2, 0.0, 100000);
  test_large(mps_class_ams());
  test_large(mps_class_awl());
  return test_end();
}
