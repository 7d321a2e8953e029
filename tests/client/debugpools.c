/* debugpools.c -- MVFF debug: fences, patterns, and what is reported */

#include "common.h"
#include "mpstd.h"
#include "mpscmvff.h"

static mps_arena_t arena;
static int reports;

static void count(const char *file, unsigned line, const char *cond)
{
  (void)file;
  (void)line;
  (void)cond;
  ++reports;
}

#define REPORTS(n, what)                        \
  do {                                          \
    reports = 0;                                \
    what;                                       \
    CHECK_EQ(reports, (n));                     \
  } while (0)

static const char pattern[] = "emptyABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

static mps_pool_t make(size_t fence, size_t free_size)
{
  static const char f[] = "Fence!";
  mps_pool_debug_option_s o;
  mps_pool_t pool = NULL;
  o.fence_template = fence ? f : NULL;
  o.fence_size = fence;
  o.free_template = free_size ? pattern : NULL;
  o.free_size = free_size;
  MPS_ARGS_BEGIN(args) {
    if (fence != 99)
      MPS_ARGS_ADD(args, MPS_KEY_POOL_DEBUG_OPTIONS, &o);
    CHECK_OK(mps_pool_create_k(&pool, arena, mps_class_mvff_debug(), args));
  } MPS_ARGS_END(args);
  return pool;
}

static void check_both(mps_pool_t pool)
{
  mps_pool_check_fenceposts(pool);
  mps_pool_check_free_space(pool);
}

static void test_fences(size_t fence)
{
  mps_pool_t pool = make(fence, 5);
  mps_addr_t p, q;
  char *c, was;
  size_t size;
  for (size = 1; size < 70; ++size) {
    CHECK_OK(mps_alloc(&p, pool, size));
    CHECK((word)p % sizeof(void *) == 0);
    memset(p, 0x55, size);
    REPORTS(0, check_both(pool));
    c = p;
    was = c[-1];
    c[-1] = (char)~was;
    REPORTS(1, mps_pool_check_fenceposts(pool));
    REPORTS(0, mps_pool_check_free_space(pool));
    c[-1] = was;
    was = c[size];
    c[size] = (char)~was;
    REPORTS(1, mps_pool_check_fenceposts(pool));
    if (size & 1)
      c[size] = was;
    REPORTS(size & 1 ? 0 : 1, mps_free(pool, p, size));
    REPORTS(0, check_both(pool));
  }
  /* Wrong size, wrong address, twice. */
  CHECK_OK(mps_alloc(&p, pool, 64));
  CHECK_OK(mps_alloc(&q, pool, 64));
  REPORTS(1, mps_free(pool, p, 128));
  REPORTS(1, mps_free(pool, (char *)p + 8, 64));
  REPORTS(1, mps_free(pool, &pool, 64));
  REPORTS(0, mps_free(pool, p, 64));
  REPORTS(1, mps_free(pool, p, 64));
  REPORTS(0, check_both(pool));
  /* Damage found when the pool goes. */
  ((char *)q)[64] = (char)~((char *)q)[64];
  REPORTS(1, mps_pool_destroy(pool));
  part("fences of %lu", (unsigned long)fence);
}

/* Every byte of a large free block has the pattern of its address, and is
 * looked at. */
static void test_every_byte(size_t free_size)
{
  enum { SIZE = 3000 };
  mps_pool_t pool = make(6, free_size);
  mps_addr_t p, q;
  unsigned char *c;
  size_t k;
  int times;
  CHECK_OK(mps_alloc(&q, pool, 8 * (1 + rnd_below(9))));
  CHECK_OK(mps_alloc(&p, pool, SIZE));
  c = p;
  memset(c, 0, SIZE);
  mps_free(pool, p, SIZE);
  for (k = 0; k < SIZE; ++k)
    CHECK_EQ(c[k], (unsigned char)pattern[(size_t)(c + k) % free_size]);
  for (times = 0; times < 300; ++times) {
    k = times < 40 ? (size_t)times : rnd_below(SIZE);
    c[k] ^= 1;
    REPORTS(1, mps_pool_check_free_space(pool));
    c[k] ^= 1;
    REPORTS(0, check_both(pool));
  }
  mps_pool_destroy(pool);
  part("every byte of a pattern of %lu", (unsigned long)free_size);
}

static void test_free_space(void)
{
  mps_pool_t pool = make(6, 5);
  mps_addr_t p[100];
  unsigned char *c;
  int i;
  size_t k;
  for (i = 0; i < 100; ++i) {
    CHECK_OK(mps_alloc(&p[i], pool, 40));
    /* Nobody has written here: the pattern shows. */
    for (k = 0; k < 40; ++k)
      CHECK(strchr("empty", ((char *)p[i])[k]) != NULL);
    memset(p[i], 0, 40);
  }
  for (i = 0; i < 100; i += 2)
    REPORTS(0, mps_free(pool, p[i], 40));
  REPORTS(0, check_both(pool));
  c = p[50];
  for (k = 0; k < 40; ++k)
    CHECK(strchr("empty", c[k]) != NULL);
  c[17] ^= 1;
  REPORTS(1, mps_pool_check_free_space(pool));
  REPORTS(0, mps_pool_check_fenceposts(pool));
  for (i = 0; i < 100; i += 2)          /* found when it is used again */
    CHECK_OK(mps_alloc(&p[i], pool, 40));
  CHECK_EQ(reports, 1);
  REPORTS(0, check_both(pool));
  for (i = 0; i < 100; ++i)
    REPORTS(0, mps_free(pool, p[i], 40));
  REPORTS(0, mps_pool_destroy(pool));
  part("free space");
}

static void test_random(size_t fence, size_t free_size)
{
  enum { N = 400 };
  mps_pool_t pool = make(fence, free_size);
  mps_ap_t ap = NULL;
  char *b[N];
  size_t size[N], i, step;
  reports = 0;
  memset(b, 0, sizeof b);
  for (step = 0; step < 8000; ++step) {
    i = rnd_below(N);
    if (step == 4000)
      ap = ap_make(pool);
    if (b[i] != NULL) {
      CHECK(b[i][0] == (char)i && b[i][size[i] - 1] == (char)i);
      mps_free(pool, b[i], size[i]);
      b[i] = NULL;
    } else {
      mps_addr_t p;
      size[i] = 1 + rnd_below(rnd_below(20) == 0 ? 3000 : 100);
      if (ap != NULL && rnd_below(2)) {
        size[i] = (size[i] + MPS_PF_ALIGN - 1) & ~(size_t)(MPS_PF_ALIGN - 1);
        do
          CHECK_OK(mps_reserve(&p, ap, size[i]));
        while (!mps_commit(ap, p, size[i]));
      } else
        CHECK_OK(mps_alloc(&p, pool, size[i]));
      b[i] = p;
      memset(p, (int)i, size[i]);
    }
    if (step % 200 == 0)
      check_both(pool);
  }
  for (i = 0; i < N; ++i)
    if (b[i] != NULL)
      mps_free(pool, b[i], size[i]);
  mps_ap_destroy(ap);
  check_both(pool);
  CHECK_EQ(mps_pool_total_size(pool), mps_pool_free_size(pool));
  mps_pool_destroy(pool);
  CHECK_EQ(reports, 0);
  part("random, fences %lu, pattern %lu", (unsigned long)fence,
       (unsigned long)free_size);
}

/* Fences count as in use; what the library keeps with a block does not count
 * at all. */
static void test_sizes(size_t align, size_t fence)
{
  enum { N = 100 };
  mps_pool_debug_option_s o;
  mps_pool_t pool;
  mps_addr_t p[N];
  size_t size[N], in_use = 0, fences = (fence + align - 1) / align * align * 2;
  int i;
  o.fence_template = "0123456789abcdef";
  o.fence_size = fence;
  o.free_template = "free";
  o.free_size = 4;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_POOL_DEBUG_OPTIONS, &o);
    MPS_ARGS_ADD(args, MPS_KEY_ALIGN, align);
    CHECK_OK(mps_pool_create_k(&pool, arena, mps_class_mvff_debug(), args));
  } MPS_ARGS_END(args);
  for (i = 0; i < N; ++i) {
    size[i] = (1 + rnd_below(50)) * align;
    CHECK_OK(mps_alloc(&p[i], pool, size[i]));
    in_use += size[i] + fences;
    CHECK_EQ(mps_pool_total_size(pool) - mps_pool_free_size(pool), in_use);
  }
  for (i = 0; i < N; ++i) {
    mps_free(pool, p[i], size[i]);
    in_use -= size[i] + fences;
    CHECK_EQ(mps_pool_total_size(pool) - mps_pool_free_size(pool), in_use);
  }
  mps_pool_destroy(pool);
  part("sizes, alignment %lu", (unsigned long)align);
}

/* Ordinary pools have nothing to check. */
static void test_ordinary(void)
{
  mps_pool_t pool;
  mps_addr_t p;
  CHECK_OK(mps_pool_create_k(&pool, arena, mps_class_mvff(), mps_args_none));
  CHECK_OK(mps_alloc(&p, pool, 100));
  REPORTS(0, check_both(pool));
  mps_free(pool, p, 100);
  mps_pool_destroy(pool);
  part("ordinary pools");
}

int main(void)
{
  test_begin("debugpools");
  mps_lib_assert_fail_install(count);
  arena = arena_vm((size_t)64 << 20);
  test_fences(1);
  test_fences(6);
  test_fences(99);
  test_free_space();
  test_every_byte(1);
  test_every_byte(2);
  test_every_byte(4);
  test_every_byte(5);
  test_every_byte(12);
  test_every_byte(41);
  test_random(6, 5);
  test_random(6, 12);
  test_random(0, 5);
  test_random(4, 0);
  test_random(99, 0);
  test_sizes(8, 4);
  test_sizes(16, 15);
  test_sizes(64, 0);
  test_sizes(4096, 16);
  test_ordinary();
  mps_arena_destroy(arena);
  return test_end();
}
