/* control.c -- how much memory the library needs for its own structures
 *
 * Many of each are made, and what the arena has committed tells the rest. A line for each:
 * bytes, name.
 */

#include "mps.h"
#include "mpsacl.h"
#include "mpscamc.h"
#include "mpscmfs.h"
#include <stdio.h>
#include <stdlib.h>

#define CHECK(c) do { if (!(c)) { printf("control.c:%d: %s\n", __LINE__, #c); exit(1); } } while (0)

enum { MANY = 200, MEMORY = 1 << 20, GRAIN = 1024 };

static char memory[MEMORY];
static mps_arena_t arena;
static mps_addr_t place;
static size_t before;

static mps_res_t scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  (void)ss; (void)base; (void)limit;
  return MPS_RES_OK;
}

static mps_addr_t skip(mps_addr_t p) { return (char *)p + *(size_t *)p; }
static void fwd(mps_addr_t old, mps_addr_t new) { (void)old; (void)new; }
static mps_addr_t isfwd(mps_addr_t p) { (void)p; return NULL; }
static void pad(mps_addr_t p, size_t size) { *(size_t *)p = size; }

static void begin(void) { before = mps_arena_committed(arena); }

/* What has been committed since, without `heap`, divided by `count`. */
static void say(const char *name, size_t count, size_t heap)
{
  size_t more = mps_arena_committed(arena) - before - heap;
  printf("%6lu %s\n", (unsigned long)((more + count / 2) / count), name);
}

static void create(size_t size)
{
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_CL_BASE, memory);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, size);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_GRAIN_SIZE, GRAIN);
    CHECK(mps_arena_create_k(&arena, mps_arena_class_cl(), args) == MPS_RES_OK);
  } MPS_ARGS_END(args);
}

int main(void)
{
  mps_fmt_t format;
  mps_pool_t pool, amc;
  mps_root_t root;
  mps_ap_t ap, it;
  size_t i, heap;

  create(32 << 10);
  before = 0;
  say("arena of 32 KB", 1, 0);
  mps_arena_destroy(arena);
  create(MEMORY);
  say("arena of 1 MB", 1, 0);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, sizeof(mps_addr_t));
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, pad);
    CHECK(mps_fmt_create_k(&format, arena, args) == MPS_RES_OK);
  } MPS_ARGS_END(args);
  mps_arena_clamp(arena);

  begin();
  for (i = 0; i < MANY; ++i)
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, format);
      CHECK(mps_pool_create_k(&amc, arena, mps_class_amc(), args) == MPS_RES_OK);
    } MPS_ARGS_END(args);
  say("AMC pool", MANY, 0);
  begin();
  for (i = 0; i < MANY; ++i)
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, 32);
      CHECK(mps_pool_create_k(&pool, arena, mps_class_mfs(), args) == MPS_RES_OK);
    } MPS_ARGS_END(args);
  say("MFS pool", MANY, 0);
  begin();
  for (i = 0; i < MANY; ++i)
    CHECK(mps_ap_create_k(&it, amc, mps_args_none) == MPS_RES_OK);
  say("allocation point on AMC", MANY, 0);
  begin();
  for (i = 0; i < MANY; ++i)
    CHECK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, &place, 1) == MPS_RES_OK);
  say("root", MANY, 0);

  /* Objects that are large, so that each has a segment of its own. */
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, format);
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, GRAIN);
    MPS_ARGS_ADD(args, MPS_KEY_LARGE_SIZE, 2 * GRAIN);
    CHECK(mps_pool_create_k(&amc, arena, mps_class_amc(), args) == MPS_RES_OK);
  } MPS_ARGS_END(args);
  CHECK(mps_ap_create_k(&ap, amc, mps_args_none) == MPS_RES_OK);
  begin();
  heap = mps_pool_total_size(amc);
  for (i = 0; i < MANY; ++i) {
    mps_addr_t p;
    do {
      CHECK(mps_reserve(&p, ap, 2 * GRAIN) == MPS_RES_OK);
      *(size_t *)p = 2 * GRAIN;
    } while (!mps_commit(ap, p, 2 * GRAIN));
  }
  heap = mps_pool_total_size(amc) - heap;
  CHECK(heap == MANY * 2 * GRAIN);
  say("segment", MANY, heap);
  return 0;
}
