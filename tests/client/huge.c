/* huge.c -- objects and blocks over 2 GB
 *
 * Of each only a few pages are touched, so this takes address space and a
 * commit limit that allows it, but little memory.  There is nothing to try
 * where a pointer has 32 bits.
 */

#include "common.h"
#include "mpscams.h"
#include "mpsclo.h"
#include "mpscmvff.h"
#include "mpscmvt.h"

#define HUGE_SIZE (((size_t)5 << 29) + 4096)    /* 2.5 GB and a page */
#define PIECE ((size_t)64 << 20)        /* a word is written in each */

static mps_arena_t arena;
static mps_fmt_t fmt;
static mps_addr_t keep[8];
static mps_root_t root;

static void world(void)
{
  arena = arena_vm((size_t)64 << 20);
  mps_arena_spare_set(arena, 0.0);
  fmt = fmt_make(arena, 0);
  memset(keep, 0, sizeof keep);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, keep, 8));
}

/* A leaf object of that size; only words here and there are written. */
static obj_t huge_leaf(mps_ap_t ap, word serial)
{
  mps_addr_t p;
  do {
    obj_t o;
    size_t at;
    CHECK_OK(mps_reserve(&p, ap, HUGE_SIZE));
    o = p;
    o->head = HEAD(HUGE_SIZE / WORD, KIND_LEAF);
    o->serial = serial;
    for (at = PIECE; at < HUGE_SIZE; at += PIECE)
      *(word *)(void *)((char *)o + at) = serial + at;
    *(word *)(void *)((char *)o + HUGE_SIZE - WORD) = serial;
  } while (!mps_commit(ap, p, HUGE_SIZE));
  return p;
}

static void check_leaf(obj_t o, word serial)
{
  size_t at;
  CHECK_EQ(o->head, HEAD(HUGE_SIZE / WORD, KIND_LEAF));
  CHECK_EQ(o->serial, serial);
  for (at = PIECE; at < HUGE_SIZE; at += PIECE)
    CHECK_EQ(*(word *)(void *)((char *)o + at), serial + at);
  CHECK_EQ(*(word *)(void *)((char *)o + HUGE_SIZE - WORD), serial);
}

static void objects(int c)
{
  mps_pool_t pool, found;
  mps_ap_t ap;
  size_t before;
  int i;
  world();
  pool = pool_class(arena, c, fmt);
  ap = ap_make(pool);
  before = mps_arena_committed(arena);
  keep[0] = obj_new(ap, 0, KIND_LEAF, 10, 1);
  keep[1] = huge_leaf(ap, 77);
  keep[2] = obj_new(ap, 0, KIND_LEAF, 10, 3);
  CHECK(mps_arena_committed(arena) >= before + HUGE_SIZE);
  CHECK(mps_pool_total_size(pool) >= HUGE_SIZE);
  CHECK(mps_arena_has_addr(arena, (char *)keep[1] + HUGE_SIZE - 1));
  CHECK(mps_addr_pool(&found, arena, (char *)keep[1] + HUGE_SIZE - 1)
        && found == pool);
  for (i = 0; i < 3; ++i) {
    CHECK_OK(mps_arena_collect(arena));
    mps_arena_release(arena);
    check_leaf(keep[1], 77);
    CHECK(obj_is(keep[0], KIND_LEAF, 10, 1));
    CHECK(obj_is(keep[2], KIND_LEAF, 10, 3));
    keep[3] = obj_new(ap, 0, KIND_LEAF, 1000, 5);
  }
  if (classes[c].is & MOVES) {
    mps_addr_t p;
    CHECK_OK(mps_addr_object(&p, arena, (char *)keep[1] + HUGE_SIZE - WORD));
    CHECK(p == keep[1]);
  }
  keep[1] = NULL;
  CHECK_OK(mps_arena_collect(arena));
  CHECK(mps_pool_total_size(pool) < HUGE_SIZE / 2);
  CHECK(mps_arena_committed(arena) < before + HUGE_SIZE / 2);
  mps_arena_release(arena);
  keep[1] = huge_leaf(ap, 78);  /* and again */
  CHECK_OK(mps_arena_collect(arena));
  check_leaf(keep[1], 78);
}

static void in_amc(void) { objects(AMC); }
static void in_amcz(void) { objects(AMCZ); }
static void in_ams(void) { objects(AMS); }
static void in_lo(void) { objects(LO); }

/* In the middle of collections, at pause time zero. */
static void in_steps(void)
{
  mps_pool_t pool;
  mps_ap_t ap;
  int i, n;
  world();
  mps_arena_pause_time_set(arena, 0.0);
  pool = pool_class(arena, AMC, fmt);
  ap = ap_make(pool);
  keep[1] = huge_leaf(ap, 77);
  for (i = 0; i < 3; ++i) {
    CHECK_OK(mps_arena_start_collect(arena));
    for (n = 0; mps_arena_step(arena, 0.0, 0.0); ++n) {
      keep[2] = obj_new(ap, 0, KIND_LEAF, 100, 3);
      check_leaf(keep[1], 77);
      CHECK(n < 10000);
    }
  }
}

static mps_res_t grab(mps_pool_t pool, int c, mps_ap_t ap, size_t size,
                      mps_addr_t *p)
{
  mps_res_t res;
  if (c != MVT)
    return mps_alloc(p, pool, size);
  do {
    res = mps_reserve(p, ap, size);
    if (res != MPS_RES_OK)
      return res;
  } while (!mps_commit(ap, *p, size));
  return res;
}

static void blocks(int c)
{
  mps_pool_t pool;
  mps_ap_t ap = NULL;
  mps_addr_t a, b, small;
  size_t before, at;
  world();
  pool = NULL;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_SPARE, 0.0);
    CHECK_OK(mps_pool_create_k(&pool, arena, classes[c].get(), args));
  } MPS_ARGS_END(args);
  before = mps_arena_committed(arena);
  if (classes[c].is & HAS_AP)
    ap = ap_make(pool);
  CHECK_OK(grab(pool, c, ap, HUGE_SIZE, &a));
  CHECK_OK(grab(pool, c, ap, 64, &small));
  for (at = 0; at < HUGE_SIZE; at += PIECE)
    ((char *)a)[at] = (char)(at / PIECE);
  ((char *)a)[HUGE_SIZE - 1] = 99;
  CHECK(mps_pool_total_size(pool) - mps_pool_free_size(pool) >= HUGE_SIZE);
  CHECK_OK(grab(pool, c, ap, HUGE_SIZE, &b));
  CHECK((char *)b >= (char *)a + HUGE_SIZE
        || (char *)b + HUGE_SIZE <= (char *)a);
  ((char *)b)[0] = ((char *)b)[HUGE_SIZE - 1] = 1;
  for (at = 0; at < HUGE_SIZE; at += PIECE)
    CHECK(((char *)a)[at] == (char)(at / PIECE));
  CHECK(((char *)a)[HUGE_SIZE - 1] == 99);
  mps_free(pool, b, HUGE_SIZE);
  if (c == MVFF) {              /* in two parts, each over 1 GB */
    mps_free(pool, a, (size_t)5 << 28);
    mps_free(pool, (char *)a + ((size_t)5 << 28),
             HUGE_SIZE - ((size_t)5 << 28));
    mps_free(pool, small, 64);
    CHECK_EQ(mps_pool_free_size(pool), mps_pool_total_size(pool));
    CHECK(mps_arena_committed(arena) < before + HUGE_SIZE / 2);
  } else {
    mps_free(pool, a, HUGE_SIZE);
  }
  CHECK_OK(grab(pool, c, ap, HUGE_SIZE, &a));
  ((char *)a)[HUGE_SIZE - 1] = 1;
}

static void in_mvff(void) { blocks(MVFF); }
static void in_mvt(void) { blocks(MVT); }

static const case_s cases[] = {
  {"an AMC object over 2 GB", in_amc},
  {"an AMCZ object over 2 GB", in_amcz},
  {"an AMS object over 2 GB", in_ams},
  {"an LO object over 2 GB", in_lo},
  {"an AMC object over 2 GB, collections in steps", in_steps},
  {"MVFF blocks over 2 GB", in_mvff},
  {"MVT blocks over 2 GB", in_mvt}
};

int main(void)
{
  test_begin("huge");
  if (sizeof(void *) < 8) {
    part("nothing to try with 32-bit pointers");
    return test_end();
  }
  return CASES_RUN(cases);
}
