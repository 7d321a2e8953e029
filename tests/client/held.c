/* held.c -- what is held for long grows old
 *
 * Objects that an ambiguous root refers to stay where they are, and at first
 * in their generation.  If they stayed there for good, every collection of
 * young objects would go through all of them.  When they are let go, they go.
 */

#include "common.h"

enum { HELD = 300, APART = 16 * 1024, NURSERY_KB = 200 };

/* Allocate until n collections have ended; the least that one of the last
 * five of them condemned. */
static size_t collections(mps_arena_t arena, mps_ap_t ap, int n)
{
  size_t least = (size_t)-1;
  while (n > 0) {
    mps_message_t m;
    garbage(ap, 0, 100, 20);
    while (mps_message_get(&m, arena, mps_message_type_gc())) {
      size_t c = mps_message_gc_condemned_size(arena, m);
      mps_message_discard(arena, m);
      if (n <= 5 && c < least)
        least = c;
      --n;
    }
  }
  return least;
}

int main(void)
{
  static mps_addr_t table[HELD];
  mps_arena_t arena;
  mps_chain_t chain;
  mps_fmt_t fmt;
  mps_pool_t pool;
  mps_ap_t ap;
  mps_root_t root;
  size_t i, first, later, total;
  test_begin("held");
  arena = arena_vm((size_t)64 << 20);
  mps_message_type_enable(arena, mps_message_type_gc());
  chain = chain_make(arena, 2, NURSERY_KB);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_ambig(), 0, table,
                                 HELD));
  mps_arena_clamp(arena);
  for (i = 0; i < HELD; ++i) {
    table[i] = obj_new(ap, 0, KIND_LEAF, 4, i + 1);
    garbage(ap, 0, APART / 100 / WORD, 98);
  }
  mps_arena_release(arena);
  (void)collections(arena, ap, 1);
  first = collections(arena, ap, 1);
  later = collections(arena, ap, 60);
  part("condemned at first %lu KB, later %lu KB", (unsigned long)first / 1024,
       (unsigned long)later / 1024);
  CHECK(first > (size_t)HELD * 4096);
  CHECK(later < first / 4);
  for (i = 0; i < HELD; ++i)
    CHECK(obj_is(table[i], KIND_LEAF, 4, i + 1));
  total = mps_pool_total_size(pool);
  memset(table, 0, sizeof table);
  CHECK_OK(mps_arena_collect(arena));
  CHECK_OK(mps_arena_collect(arena));
  part("in the pool while they were held %lu KB, then %lu KB",
       (unsigned long)total / 1024,
       (unsigned long)mps_pool_total_size(pool) / 1024);
  CHECK(mps_pool_total_size(pool) < total / 4);
  mps_arena_release(arena);
  mps_root_destroy(root);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_chain_destroy(chain);
  mps_arena_destroy(arena);
  return test_end();
}
