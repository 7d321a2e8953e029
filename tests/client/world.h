/* world.h -- what most cases of a program begin with: an arena, a moving pool
 * with a chain, an allocation point, and an exact root */

#ifndef world_h
#define world_h

#include "common.h"

enum { KEEP = 400 };

static mps_arena_t arena;
static mps_fmt_t fmt;
static mps_chain_t chain;
static mps_pool_t pool;
static mps_ap_t ap;
static mps_addr_t keep[KEEP];
static mps_root_t root;

static void world(void)
{
  arena = arena_vm((size_t)64 << 20);
  chain = chain_make(arena, 2, 300);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  memset(keep, 0, sizeof keep);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, keep,
                                 KEEP));
}

#endif /* world_h */
