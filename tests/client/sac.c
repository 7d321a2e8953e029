/* sac.c -- segregated allocation caches: layout, functions and macros */

#include "common.h"
#include "mpstd.h"
#include "mpscmfs.h"
#include "mpscmvff.h"

static mps_arena_t arena;
static mps_pool_t pool;

static mps_sac_t make(size_t n, mps_sac_classes_s *classes)
{
  mps_sac_t sac = NULL;
  CHECK_OK(mps_sac_create(&sac, pool, n, classes));
  CHECK(sac != NULL);
  CHECK_EQ(sac->_trapped, reference() ? 0 : 2);
  return sac;
}

/* Where the macros look for what.  In the debug archive they find each list
 * both empty and full, and call the library for every block. */
static void test_layout(void)
{
  mps_sac_classes_s c[3] = { { 16, 4, 1 }, { 64, 5, 1 }, { 256, 6, 1 } };
  mps_sac_classes_s heavy[3] = { { 16, 4, 1 }, { 64, 5, 1 }, { 256, 6, 9 } };
  mps_sac_t sac = make(3, c);
  size_t i, full = archive_is_debug() ? 0 : 1;
  CHECK_EQ(sac->_middle, 64);
  CHECK_EQ(sac->_freelists[0]._size, 256);
  CHECK_EQ(sac->_freelists[0]._count_max, 6 * full);
  CHECK_EQ(sac->_freelists[2]._size, (size_t)-1);
  CHECK_EQ(sac->_freelists[2]._count_max, 0);
  CHECK_EQ(sac->_freelists[1]._size, 16);
  CHECK_EQ(sac->_freelists[1]._count_max, 5 * full);
  CHECK_EQ(sac->_freelists[3]._size, 0);
  CHECK_EQ(sac->_freelists[3]._count_max, 4 * full);
  mps_sac_destroy(sac);
  sac = make(3, heavy);
  CHECK_EQ(sac->_middle, 256);
  CHECK_EQ(sac->_freelists[0]._size, (size_t)-1);
  CHECK_EQ(sac->_freelists[1]._size, 64);
  CHECK_EQ(sac->_freelists[3]._size, 16);
  CHECK_EQ(sac->_freelists[5]._size, 0);
  /* Past the last, so that all eight can be looked at. */
  for (i = 1; i < 8; ++i) {
    CHECK_EQ(sac->_freelists[2 * i]._size, (size_t)-1);
    CHECK_EQ(sac->_freelists[2 * i]._count_max, 0);
  }
  for (i = 3; i < 8; ++i)
    CHECK_EQ(sac->_freelists[2 * i + 1]._size, 0);
  mps_sac_destroy(sac);
  sac = make(1, c);
  CHECK_EQ(sac->_middle, 16);
  mps_sac_destroy(sac);
  part("layout");
}

static void test_reuse(void)
{
  mps_sac_classes_s c[2] = { { 32, 3, 1 }, { 128, 0, 1 } };
  mps_sac_t sac = make(2, c);
  mps_addr_t a, b, p, q;
  size_t before;
  CHECK_OK(mps_sac_alloc(&a, sac, 20, 0));
  CHECK_OK(mps_sac_alloc(&b, sac, 32, 0));
  CHECK(a != b);
  mps_sac_free(sac, a, 20);
  mps_sac_free(sac, b, 32);
  CHECK_OK(mps_sac_alloc(&p, sac, 25, 0));
  CHECK_OK(mps_sac_alloc(&q, sac, 1, 0));
  CHECK(p == b && q == a);
  mps_sac_free(sac, p, 25);
  mps_sac_free(sac, q, 1);
  mps_sac_flush(sac);
  CHECK_EQ(mps_pool_free_size(pool), mps_pool_total_size(pool));
  /* What is not cached, and what is too large. */
  CHECK_OK(mps_sac_alloc(&a, sac, 100, 0));
  CHECK_OK(mps_sac_alloc(&b, sac, 5001, 0));
  CHECK_EQ(mps_pool_total_size(pool) - mps_pool_free_size(pool),
           128 + (5001 + MPS_PF_ALIGN - 1) / MPS_PF_ALIGN * MPS_PF_ALIGN);
  mps_sac_free(sac, a, 100);
  mps_sac_free(sac, b, 5001);
  CHECK_EQ(mps_pool_free_size(pool), mps_pool_total_size(pool));
  /* A cache does not grow over its count. */
  {
    mps_addr_t many[50];
    int i;
    for (i = 0; i < 50; ++i)
      CHECK_OK(mps_sac_alloc(&many[i], sac, 32, 0));
    for (i = 0; i < 50; ++i)
      mps_sac_free(sac, many[i], 32);
  }
  before = mps_pool_total_size(pool) - mps_pool_free_size(pool);
  CHECK(before <= 3 * 32);
  mps_sac_destroy(sac);
  CHECK_EQ(mps_pool_free_size(pool), mps_pool_total_size(pool));
  part("reuse, no cache, too large");
}

/* Functions and macros mixed, two caches with the same classes. */
static void test_random(size_t classes)
{
  enum { N = 500 };
  mps_sac_classes_s c[20];
  mps_sac_t sac[2];
  unsigned char *b[N];
  size_t size[N], i, k, step, max;
  memset(b, 0, sizeof b);
  for (i = 0; i < classes; ++i) {
    c[i].mps_block_size = (i + 1) * 3 * MPS_PF_ALIGN;
    c[i].mps_cached_count = rnd_below(20);
    c[i].mps_frequency = (unsigned)rnd_below(5);
  }
  max = classes * 3 * MPS_PF_ALIGN + 100;
  sac[0] = make(classes, c);
  sac[1] = make(classes, c);
  for (step = 0; step < 60000; ++step) {
    mps_sac_t s = sac[rnd_below(2)];
    k = rnd_below(N);
    if (b[k] != NULL) {
      for (i = 0; i < size[k]; ++i)
        CHECK(b[k][i] == (unsigned char)(k + i));
      if (rnd_below(2))
        MPS_SAC_FREE_FAST(s, b[k], size[k]);
      else
        mps_sac_free(s, b[k], size[k]);
      b[k] = NULL;
    } else {
      mps_addr_t p = NULL;
      mps_res_t res;
      size[k] = 1 + rnd_below(max);
      if (rnd_below(2))
        MPS_SAC_ALLOC_FAST(res, p, s, size[k], 0);
      else
        res = mps_sac_alloc(&p, s, size[k], 0);
      CHECK_OK(res);
      CHECK((word)p % sizeof(void *) == 0);
      b[k] = p;
      for (i = 0; i < size[k]; ++i)
        b[k][i] = (unsigned char)(k + i);
    }
    if (rnd_below(5000) == 0)
      mps_sac_flush(s);
  }
  for (k = 0; k < N; ++k)
    if (b[k] != NULL)
      mps_sac_free(sac[0], b[k], size[k]);
  mps_sac_destroy(sac[0]);
  mps_sac_destroy(sac[1]);
  CHECK_EQ(mps_pool_free_size(pool), mps_pool_total_size(pool));
  part("%lu classes, random", (unsigned long)classes);
}

static void test_mfs(void)
{
  mps_pool_t old = pool;
  mps_sac_classes_s c = { 48, 10, 1 };
  mps_addr_t p[30];
  mps_sac_t sac;
  int i;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, 48);
    CHECK_OK(mps_pool_create_k(&pool, arena, mps_class_mfs(), args));
  } MPS_ARGS_END(args);
  sac = make(1, &c);
  for (i = 0; i < 30; ++i)
    CHECK_OK(mps_sac_alloc(&p[i], sac, 48, 0));
  for (i = 0; i < 30; ++i)
    mps_sac_free(sac, p[i], 48);
  mps_sac_destroy(sac);
  CHECK_EQ(mps_pool_free_size(pool), mps_pool_total_size(pool));
  mps_pool_destroy(pool);
  pool = old;
  part("on MFS");
}

static void test_oom(void)
{
  mps_sac_classes_s c = { 1024, 8, 1 };
  mps_sac_t sac = make(1, &c);
  mps_addr_t p = &pool, *list = NULL;
  mps_res_t res;
  CHECK_OK(mps_arena_commit_limit_set(arena, mps_arena_committed(arena)
                                      + 500000));
  while ((res = mps_sac_alloc(&p, sac, 1024, 0)) == MPS_RES_OK) {
    *(mps_addr_t *)p = list;
    list = p;
    p = &pool;
  }
  CHECK_EQ(res, MPS_RES_COMMIT_LIMIT);
  CHECK(p == &pool);
  while (list != NULL) {
    p = list;
    list = *(mps_addr_t *)p;
    mps_sac_free(sac, p, 1024);
  }
  mps_sac_destroy(sac);
  CHECK_OK(mps_arena_commit_limit_set(arena, (size_t)-1));
  CHECK_EQ(mps_pool_free_size(pool), mps_pool_total_size(pool));
  part("commit limit");
}

int main(void)
{
  test_begin("sac");
  arena = arena_vm((size_t)64 << 20);
  CHECK_OK(mps_pool_create_k(&pool, arena, mps_class_mvff(), mps_args_none));
  if (!reference())
    test_layout();
  test_reuse();
  test_random(1);
  test_random(8);
  test_random(20);
  test_mfs();
  test_oom();
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
  return test_end();
}
