/* generations.c -- no bound on generations, pools and chains: whatever there is of
 * them, a collection of everything collects everything; and chains may go while a
 * collection is under way */

#include "common.h"
#include "mpsclo.h"
#include "mpscams.h"

enum { MB = 1 << 20 };

static mps_pool_t pool_without_chain(mps_arena_t arena, mps_pool_class_t class_,
                                     mps_fmt_t fmt)
{
  mps_pool_t pool;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    CHECK_OK(mps_pool_create_k(&pool, arena, class_, args));
  } MPS_ARGS_END(args);
  return pool;
}

/* Bytes of a pool that objects have. */
static size_t used(mps_pool_t pool)
{
  return mps_pool_total_size(pool) - mps_pool_free_size(pool);
}

static mps_addr_t root_word;

static mps_root_t root_of_word(mps_arena_t arena)
{
  mps_root_t root;
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, &root_word,
                                 1));
  return root;
}

/* A list of at least so many bytes, held by the root. */
static void fill(mps_ap_t ap, size_t bytes)
{
  size_t made = 0;
  root_word = NULL;
  while (made < bytes) {
    obj_t o = obj_new(ap, 0, KIND_VECTOR, 14, 1);
    o->slot[0] = (word)root_word;
    root_word = o;
    made += obj_words(o) * WORD;
  }
}

/* What is in the default chain grows old, beside so many pools that have a
 * chain each of their own. */
static void beside_pools(size_t pools)
{
  mps_arena_t arena = arena_vm((size_t)256 * MB);
  mps_fmt_t fmt = fmt_make(arena, 0);
  mps_pool_t amc = pool_without_chain(arena, mps_class_amc(), fmt);
  mps_ap_t ap = ap_make(amc);
  mps_root_t root = root_of_word(arena);
  mps_pool_t *pool = malloc(pools * sizeof *pool);
  size_t i;
  for (i = 0; i < pools; ++i)
    pool[i] = pool_without_chain(arena, mps_class_lo(), fmt);
  fill(ap, 8 * MB);
  CHECK_OK(mps_arena_collect(arena));
  CHECK(used(amc) >= 8 * MB);
  mps_arena_release(arena);
  fill(ap, 2 * MB);             /* the 8 MB are dead, and so old as can be */
  CHECK_OK(mps_arena_collect(arena));
  CHECK(used(amc) < 3 * MB);
  root_word = NULL;
  CHECK_OK(mps_arena_collect(arena));
  CHECK(used(amc) <= 64 * 1024);        /* the allocation point's room */
  part("%lu pools without a chain: all is collected", (unsigned long)pools);
  mps_root_destroy(root);
  mps_ap_destroy(ap);
  mps_pool_destroy(amc);
  for (i = 0; i < pools; ++i)
    mps_pool_destroy(pool[i]);
  free(pool);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

static void with_70_pools(void) { beside_pools(70); }
static void with_200_pools(void) { beside_pools(200); }
static void with_1000_pools(void) { beside_pools(1000); }

/* One chain of very many generations, through all of which objects go; and
 * many short ones. */
static void long_chain(void)
{
  enum { GENS = 100, CHAINS = 90 };
  mps_arena_t arena = arena_vm((size_t)256 * MB);
  mps_fmt_t fmt = fmt_make(arena, 0);
  mps_chain_t chain = chain_make(arena, GENS, 16), other[CHAINS];
  mps_pool_t pool = pool_amc(arena, fmt, chain);
  mps_ap_t ap = ap_make(pool);
  mps_root_t root = root_of_word(arena);
  size_t i, n = 0;
  obj_t o;
  for (i = 0; i < CHAINS; ++i)
    other[i] = chain_make(arena, 2, 16);
  fill(ap, MB);
  for (i = 0; i < GENS + 3; ++i)
    CHECK_OK(mps_arena_collect(arena));
  for (o = root_word; o != NULL; o = (obj_t)o->slot[0]) {
    CHECK(obj_is(o, KIND_VECTOR, 14, 1));
    ++n;
  }
  CHECK(n * 16 * WORD >= MB);
  root_word = NULL;
  CHECK_OK(mps_arena_collect(arena));
  CHECK(used(pool) <= 64 * 1024);
  part("%d generations, %d chains", GENS, CHAINS);
  mps_root_destroy(root);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_chain_destroy(chain);
  for (i = 0; i < CHAINS; ++i)
    mps_chain_destroy(other[i]);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

/* Chains that nobody uses go while a collection has chosen their generations and
 * not got to them yet: there are so many segments to be looked at before. */
static void go_meanwhile(void)
{
  enum { POOLS = 600, CHAINS = 60 };
  mps_arena_t arena = arena_vm((size_t)64 * MB);
  mps_fmt_t fmt = fmt_make(arena, 0);
  mps_pool_t pool[POOLS];
  mps_ap_t ap[POOLS];
  mps_chain_t chain[CHAINS];
  int round, i;
  mps_arena_pause_time_set(arena, 0.0);
  for (i = 0; i < POOLS; ++i) {
    pool[i] = pool_without_chain(arena,
      i % 2 == 0 ? mps_class_ams() : mps_class_lo(), fmt);
    ap[i] = ap_make(pool[i]);
  }
  for (round = 0; round < 20; ++round) {
    for (i = 0; i < POOLS; ++i)
      obj_new(ap[i], 0, i % 2 == 0 ? KIND_VECTOR : KIND_LEAF, 30, 1);
    for (i = 0; i < CHAINS; ++i)
      chain[i] = chain_make(arena, 1 + rnd_below(5), 100);
    CHECK_OK(mps_arena_start_collect(arena));
    for (i = 0; i < CHAINS; ++i) {
      mps_chain_destroy(chain[i]);
      /* Where it was there is another now, which was not chosen. */
      chain[i] = chain_make(arena, 1 + rnd_below(5), 100);
      if (rnd_below(CHAINS / 2) == 0)
        mps_arena_step(arena, 0.0, 0.0);
    }
    for (i = 0; i < CHAINS; ++i)
      mps_chain_destroy(chain[i]);
    if (rnd_below(2) == 0)
      mps_arena_park(arena);
    mps_arena_release(arena);
  }
  mps_arena_park(arena);
  for (i = 0; i < POOLS; ++i) {
    mps_ap_destroy(ap[i]);
    mps_pool_destroy(pool[i]);
  }
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

int main(void)
{
  static const case_s cases[] = {
    {"70 pools without a chain", with_70_pools},
    {"200 pools without a chain", with_200_pools},
    {"1000 pools without a chain", with_1000_pools},
    {"a chain of 100 generations, and 90 chains", long_chain},
    {"chains go while a collection is about to get to them", go_meanwhile},
  };
  test_begin("generations");
  return CASES_RUN(cases);
}
