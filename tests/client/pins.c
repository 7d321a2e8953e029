/* pins.c -- pinned objects live, and stay where they are
 *
 * References are in a table that is an exact root, and there is no thread root, so
 * nothing but a pin holds an object or keeps it in place.
 */

#include "common.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"
#include "mpscmvff.h"
#include "mpsx.h"

enum { N = 300, POOLS = 5 };

static mps_arena_t arena;
static mps_addr_t table[N];
static mps_addr_t pinned[N];    /* no root */
static int pins[N];

static int is_leaf(size_t i)
{
  return i % POOLS == 3;
}

static size_t slots(size_t i)
{
  return i % POOLS == 4 ? 6000 : 4;
}

static void check(size_t i, obj_t o)
{
  CHECK(obj_is(o, is_leaf(i) ? KIND_LEAF : KIND_VECTOR, slots(i), i));
  if (!is_leaf(i))
    CHECK(obj_is((obj_t)o->slot[2], KIND_LEAF, 3, i + 1000));
}

static void live_and_stay(double pause)
{
  mps_pool_class_t c[POOLS];
  mps_chain_t chain;
  mps_fmt_t fmt;
  mps_pool_t pool[POOLS];
  mps_ap_t ap[POOLS];
  mps_root_t root;
  size_t i, r, moved = 0, died = 0;
  c[0] = c[4] = mps_class_amc();
  c[1] = mps_class_ams();
  c[2] = mps_class_awl();
  c[3] = mps_class_lo();
  arena = arena_vm((size_t)128 << 20);
  mps_arena_pause_time_set(arena, pause);
  mps_arena_clamp(arena);
  chain = chain_make(arena, 2, 300);
  fmt = fmt_make(arena, 0);
  for (i = 0; i < POOLS; ++i) {
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
      if (i == 0)
        MPS_ARGS_ADD(args, MPS_KEY_INTERIOR, pause == 0.0);
      CHECK_OK(mps_pool_create_k(&pool[i], arena, c[i], args));
    } MPS_ARGS_END(args);
    ap[i] = ap_make(pool[i]);
  }
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, table, N));
  for (i = 0; i < N; ++i) {
    table[i] = obj_new(ap[i % POOLS], 0, is_leaf(i) ? KIND_LEAF : KIND_VECTOR, slots(i), i);
    if (!is_leaf(i)) {
      obj_t o = obj_new(ap[0], 0, KIND_LEAF, 3, i + 1000);
      ((obj_t)table[i])->slot[2] = (word)o;
    }
    pins[i] = 0;
  }
  for (r = 0; r < 12; ++r) {
    for (i = 0; i < N; ++i) {
      if (table[i] == NULL)
        continue;
      if (pins[i] < 3 && rnd_below(3) == 0) {
        CHECK_OK(mps_x_pin(arena, table[i]));
        pinned[i] = table[i];
        ++pins[i];
      }
    }
    for (i = 0; i < N; ++i) {           /* some are held by their pins only */
      if (pins[i] > 0 && rnd_below(3) == 0)
        table[i] = NULL;
      else if (pins[i] > 0)
        CHECK_EQ((word)pinned[i], (word)table[i]);
    }
    mps_arena_release(arena);
    if (r % 3 == 0) {
      (void)mps_arena_start_collect(arena);
      do {
        i = rnd_below(N);
        if (pins[i] > 0)
          check(i, pinned[i]);
      } while (mps_arena_step(arena, 0.0, 0.0));
    }
    for (i = 0; i < N; ++i)
      if (pins[i] == 0)
        pinned[i] = table[i];
    CHECK_OK(mps_arena_collect(arena));
    for (i = 0; i < N; ++i) {
      if (pins[i] > 0) {
        check(i, pinned[i]);
        if (table[i] != NULL)
          CHECK_EQ((word)table[i], (word)pinned[i]);
        table[i] = pinned[i];
      } else if (table[i] != NULL) {
        check(i, table[i]);
        moved += table[i] != pinned[i];
      }
    }
    mps_arena_release(arena);
    garbage(ap[0], 0, 3000, 20);
    mps_arena_clamp(arena);
    for (i = 0; i < N; ++i)
      for (; pins[i] > 0 && rnd_below(2) == 0; --pins[i])
        mps_x_unpin(arena, pinned[i]);
  }
  /* Unpinned, they die. */
  for (i = 0; i < N; ++i)
    for (; pins[i] > 0; --pins[i])
      mps_x_unpin(arena, pinned[i]);
  mps_message_type_enable(arena, mps_message_type_finalization());
  for (i = 0; i < N; ++i) {
    CHECK_OK(mps_finalize(arena, &table[i]));
    if (i % 2 == 0)
      CHECK_OK(mps_x_pin(arena, table[i]));
    table[i] = NULL;
  }
  CHECK_OK(mps_arena_collect(arena));
  {
    mps_message_t m;
    while (mps_message_get(&m, arena, mps_message_type_finalization())) {
      mps_addr_t a;
      mps_message_finalization_ref(&a, arena, m);
      CHECK(((obj_t)a)->serial % 2 == 1);
      mps_message_discard(arena, m);
      ++died;
    }
  }
  CHECK_EQ(died, N / 2);
  CHECK(moved > 0);
  mps_arena_park(arena);
  mps_root_destroy(root);
  for (i = 0; i < POOLS; ++i) {
    mps_ap_destroy(ap[i]);
    mps_pool_destroy(pool[i]);
  }
  mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);     /* some are pinned still */
  part("pinned objects live and stay, pause time %.1f: others moved %lu times, %lu died", pause,
       (unsigned long)moved, (unsigned long)died);
}

static void misuse(void)
{
  mps_pool_t pool;
  mps_addr_t a;
  static word elsewhere[4];
  arena = arena_vm((size_t)16 << 20);
  CHECK_OK(mps_pool_create_k(&pool, arena, mps_class_mvff(), mps_args_none));
  CHECK_OK(mps_alloc(&a, pool, 64));
  CHECK_OK(mps_x_pin(arena, a));
  (void)mps_arena_collect(arena);       /* that there is nothing to collect is a failure */
  mps_x_unpin(arena, a);
  REPORTED(mps_x_unpin(arena, a));
  REPORTED(CHECK_EQ(mps_x_pin(arena, elsewhere), MPS_RES_PARAM));
  REPORTED(CHECK_EQ(mps_x_pin(NULL, a), MPS_RES_PARAM));
  mps_free(pool, a, 64);
  mps_pool_destroy(pool);
  mps_arena_destroy(arena);
  part("misuse is reported; blocks of manual pools");
}

int main(void)
{
  test_begin("pins");
  live_and_stay(0.0);
  live_and_stay(0.1);
  misuse();
  return test_end();
}
