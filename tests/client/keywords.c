/* keywords.c -- keyword argument lists */

#include "common.h"
#include "mpscamc.h"

static mps_arg_s static_args[] = {
  {MPS_KEY_ARENA_SIZE, {0}},
  {MPS_KEY_PAUSE_TIME, {0}},
  {MPS_KEY_ARGS_END, {0}}
};

static void test_build(void)
{
  mps_arg_s hand[MPS_ARGS_MAX];
  unsigned i;
  MPS_ARGS_BEGIN(args) {
    CHECK_EQ(args_i, 0);
    CHECK(args[0].key == MPS_KEY_ARGS_END);
    for (i = 0; i < MPS_ARGS_MAX - 1; ++i) {
      MPS_ARGS_ADD(args, MPS_KEY_SPARE, (double)i);
      CHECK_EQ(args_i, i + 1);
      CHECK(args[i].key == MPS_KEY_SPARE);
      CHECK(args[i].val.d == (double)i);
      CHECK(args[i + 1].key == MPS_KEY_ARGS_END);
    }
  } MPS_ARGS_END(args);
  /* values and keys are evaluated once */
  MPS_ARGS_BEGIN(args) {
    size_t n = 5;
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, n++);
    CHECK_EQ(n, 6);
    CHECK_EQ(args[0].val.size, 5);
    MPS_ARGS_ADD_FIELD(args, MPS_KEY_INTERIOR, b, 1);
    CHECK_EQ(args[1].val.b, 1);
    MPS_ARGS_DONE(args);
    CHECK(args[2].key == MPS_KEY_ARGS_END);
  } MPS_ARGS_END(args);
  /* nesting, and as a branch */
  for (i = 0; i < 2; ++i)
    if (i == 0)
      MPS_ARGS_BEGIN(outer) {
        MPS_ARGS_ADD(outer, MPS_KEY_MIN_SIZE, 1);
        MPS_ARGS_BEGIN(inner) {
          MPS_ARGS_ADD(inner, MPS_KEY_MAX_SIZE, 2);
          CHECK(inner[0].key == MPS_KEY_MAX_SIZE);
        } MPS_ARGS_END(inner);
        MPS_ARGS_ADD(outer, MPS_KEY_MEAN_SIZE, 3);
        CHECK(outer[0].key == MPS_KEY_MIN_SIZE);
        CHECK(outer[1].key == MPS_KEY_MEAN_SIZE);
        CHECK(outer[2].key == MPS_KEY_ARGS_END);
      } MPS_ARGS_END(outer);
    else
      CHECK(i == 1);
  _mps_args_set_key(hand, MPS_ARGS_MAX - 1, MPS_KEY_GEN);
  CHECK(hand[MPS_ARGS_MAX - 1].key == MPS_KEY_GEN);
  CHECK(mps_args_none[0].key == MPS_KEY_ARGS_END);
  part("lists: building, nesting, by hand, 31 arguments");
}

static void test_use(void)
{
  mps_arena_t arena = NULL;
  mps_fmt_t fmt = NULL;
  mps_pool_t pool = NULL;
  mps_ap_t ap = NULL;
  static_args[0].val.size = (size_t)1 << 24;
  static_args[1].val.d = 0.25;
  CHECK_OK(mps_arena_create_k(&arena, mps_arena_class_vm(), static_args));
  CHECK(static_args[0].key == MPS_KEY_ARGS_END);        /* all used */
  CHECK(mps_arena_pause_time(arena) == 0.25);
  mps_arena_destroy(arena);
  /* what does not apply stays, in order, with its values */
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_weak());
    MPS_ARGS_ADD(args, MPS_KEY_PAUSE_TIME, 0.5);
    MPS_ARGS_ADD(args, MPS_KEY_MIN_SIZE, 77);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, (size_t)1 << 24);
    MPS_ARGS_ADD(args, MPS_KEY_PAUSE_TIME, 0.75);       /* again */
    MPS_ARGS_ADD(args, MPS_KEY_GEN, 3u);
    CHECK_OK(mps_arena_create_k(&arena, mps_arena_class_vm(), args));
    CHECK(args[0].key == MPS_KEY_RANK);
    CHECK_EQ(args[0].val.rank, mps_rank_weak());
    CHECK(args[1].key == MPS_KEY_MIN_SIZE);
    CHECK_EQ(args[1].val.size, 77);
    CHECK(args[2].key == MPS_KEY_PAUSE_TIME);
    CHECK(args[2].val.d == 0.75);
    CHECK(args[3].key == MPS_KEY_GEN);
    CHECK_EQ(args[3].val.u, 3);
    CHECK(args[4].key == MPS_KEY_ARGS_END);
  } MPS_ARGS_END(args);
  CHECK(mps_arena_pause_time(arena) == 0.5);            /* the first counts */
  /* formats: nothing, everything */
  CHECK_OK(mps_fmt_create_k(&fmt, arena, mps_args_none));
  CHECK(mps_args_none[0].key == MPS_KEY_ARGS_END);
  mps_fmt_destroy(fmt);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_CLASS, obj_isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, obj_pad);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, obj_isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, obj_fwd);
    MPS_ARGS_ADD(args, MPS_KEY_INTERIOR, 1);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, obj_skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, obj_scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_HEADER_SIZE, 0);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, WORD);
    CHECK_OK(mps_fmt_create_k(&fmt, arena, args));
    CHECK(args[0].key == MPS_KEY_INTERIOR);
    CHECK(args[1].key == MPS_KEY_ARGS_END);
  } MPS_ARGS_END(args);
  /* pools: inapplicable ones do no harm */
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ALIGN, 4096);
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, 16384);
    MPS_ARGS_ADD(args, MPS_KEY_GEN, 1u);
    MPS_ARGS_ADD(args, MPS_KEY_INTERIOR, 0);
    MPS_ARGS_ADD(args, MPS_KEY_LARGE_SIZE, 65536);
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    CHECK_OK(mps_pool_create_k(&pool, arena, mps_class_amc(), args));
    CHECK(args[0].key == MPS_KEY_ALIGN);
    CHECK_EQ(args[0].val.align, 4096);
  } MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_exact());
    MPS_ARGS_ADD(args, MPS_KEY_AP_HASH_ARRAYS, 1);
    CHECK_OK(mps_ap_create_k(&ap, pool, args));
    CHECK(args[0].key == MPS_KEY_RANK);
    CHECK(args[1].key == MPS_KEY_ARGS_END);
  } MPS_ARGS_END(args);
  CHECK(ap->init == NULL && ap->alloc == NULL && ap->limit == NULL);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  /* positional creation takes the same values */
  {
    mps_chain_t chain = chain_make(arena, 2, 64);
    CHECK_OK(mps_pool_create(&pool, arena, mps_class_amc(), fmt, chain));
    CHECK_OK(mps_ap_create(&ap, pool));
    garbage(ap, 0, 1000, 10);
    mps_ap_destroy(ap);
    mps_pool_destroy(pool);
    CHECK_OK(mps_pool_create(&pool, arena, mps_class_amcz(), fmt, chain));
    CHECK_OK(mps_ap_create(&ap, pool));
    (void)obj_new(ap, 0, KIND_LEAF, 10, 10);
    mps_ap_destroy(ap);
    mps_pool_destroy(pool);
    mps_chain_destroy(chain);
  }
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
  part("use: left over, repeated, inapplicable, in any order, positional");
}

/* Every key has an address of its own that can be a static initializer. */
static const mps_key_t keys[] = {
  MPS_KEY_ARGS_END, MPS_KEY_ARENA_SIZE, MPS_KEY_ARENA_CL_BASE,
  MPS_KEY_ARENA_GRAIN_SIZE, MPS_KEY_ARENA_ZONED, MPS_KEY_ARENA_EXTENDED,
  MPS_KEY_ARENA_CONTRACTED, MPS_KEY_COMMIT_LIMIT, MPS_KEY_SPARE,
  MPS_KEY_SPARE_COMMIT_LIMIT, MPS_KEY_PAUSE_TIME, MPS_KEY_VMW3_TOP_DOWN,
  MPS_KEY_FORMAT, MPS_KEY_CHAIN, MPS_KEY_GEN, MPS_KEY_INTERIOR,
  MPS_KEY_EXTEND_BY, MPS_KEY_LARGE_SIZE, MPS_KEY_MIN_SIZE,
  MPS_KEY_MEAN_SIZE, MPS_KEY_MAX_SIZE, MPS_KEY_ALIGN, MPS_KEY_RANK,
  MPS_KEY_AP_HASH_ARRAYS, MPS_KEY_POOL_DEBUG_OPTIONS, MPS_KEY_FMT_ALIGN,
  MPS_KEY_FMT_HEADER_SIZE, MPS_KEY_FMT_SCAN, MPS_KEY_FMT_SKIP,
  MPS_KEY_FMT_FWD, MPS_KEY_FMT_ISFWD, MPS_KEY_FMT_PAD, MPS_KEY_FMT_CLASS
};

int main(void)
{
  size_t i, j;
  test_begin("keywords");
  for (i = 0; i < sizeof keys / sizeof keys[0]; ++i) {
    CHECK(keys[i] != NULL);
    for (j = 0; j < i; ++j)
      CHECK(keys[i] != keys[j]);
  }
  part("keys: %lu different addresses", (unsigned long)i);
  test_build();
  test_use();
  return test_end();
}
