/* small.c -- a moving and a manual pool in 32 KB
 *
 * One client arena of 32 KB, on an archive that has these two pools and next to nothing
 * else in (make ONLY="amc mfs"). Lists of pairs in AMC, most of which is garbage, and
 * blocks of MFS that a table outside of the arena knows. Many times as much as the
 * arena has is allocated; every list and block must keep what was put in. With -v it
 * says how much memory each step takes.
 */

#include "mps.h"
#include "mpsacl.h"
#include "mpscamc.h"
#include "mpscmfs.h"
#include "mpsx.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(c) do { if (!(c)) { printf("small.c:%d: %s\n", __LINE__, #c); exit(1); } } while (0)

#ifndef MEMORY
#define MEMORY 32
#endif
enum { LISTS = 10, LENGTH = 10, BLOCKS = 60, UNIT = 32, ROUNDS = 400 };

typedef struct pair_s {
  size_t kind; /* PAIR, FORWARD or PAD | size */
  mps_addr_t next;
  size_t number;
} pair_s;
enum { PAIR = 1, FORWARD = 2, PAD = 3 };

static char memory[MEMORY << 10];
static mps_addr_t table[LISTS]; /* an exact root */
static unsigned char *blocks[BLOCKS];
static mps_arena_t arena;
static mps_ap_t ap;
static size_t moved;

static mps_addr_t skip(mps_addr_t p)
{
  pair_s *o = p;
  return (char *)p + ((o->kind & 3) == PAD ? o->kind & ~(size_t)3 : sizeof(pair_s));
}

static mps_res_t scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  MPS_SCAN_BEGIN(ss) {
    mps_addr_t p;
    for (p = base; p < limit; p = skip(p)) {
      pair_s *o = p;
      if (o->kind == PAIR) {
        mps_res_t res = MPS_FIX12(ss, &o->next);
        if (res != MPS_RES_OK)
          return res;
      }
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static void fwd(mps_addr_t old, mps_addr_t new)
{
  pair_s *o = old;
  o->kind = FORWARD;
  o->next = new;
  ++moved;
}

static mps_addr_t isfwd(mps_addr_t p)
{
  pair_s *o = p;
  return o->kind == FORWARD ? o->next : NULL;
}

static void pad(mps_addr_t p, size_t size)
{
  *(size_t *)p = PAD | size;
}

static void cons(size_t list, size_t number)
{
  mps_addr_t p;
  pair_s *o;
  do {
    CHECK(mps_reserve(&p, ap, sizeof(pair_s)) == MPS_RES_OK);
    o = p;
    o->kind = PAIR;
    o->next = table[list];
    o->number = number;
  } while (!mps_commit(ap, p, sizeof(pair_s)));
  table[list] = o;
}

static void check_lists(void)
{
  size_t i;
  for (i = 0; i < LISTS; ++i) {
    size_t n = LENGTH;
    pair_s *o;
    for (o = table[i]; o != NULL; o = o->next) {
      CHECK(o->kind == PAIR);
      CHECK(o->number == i * LENGTH + --n);
    }
    CHECK(n == 0);
  }
}

static void tell(int verbose, const char *what)
{
  static size_t before;
  size_t now = mps_arena_committed(arena);
  if (verbose)
    printf("%-12s %6lu bytes, %6lu more\n", what, (unsigned long)now, (unsigned long)(now - before));
  before = now;
}

int main(int argc, char **argv)
{
  int verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
  mps_fmt_t format;
  mps_pool_t amc, mfs;
  mps_root_t root;
  size_t i, round, seed = 1;

  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_CL_BASE, memory);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, sizeof memory);
    CHECK(mps_arena_create_k(&arena, mps_arena_class_cl(), args) == MPS_RES_OK);
  } MPS_ARGS_END(args);
  tell(verbose, "arena");
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, sizeof(mps_addr_t));
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, pad);
    CHECK(mps_fmt_create_k(&format, arena, args) == MPS_RES_OK);
  } MPS_ARGS_END(args);
  tell(verbose, "format");
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, format);
    CHECK(mps_pool_create_k(&amc, arena, mps_class_amc(), args) == MPS_RES_OK);
  } MPS_ARGS_END(args);
  tell(verbose, "AMC pool");
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, UNIT);
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, 1024);
    CHECK(mps_pool_create_k(&mfs, arena, mps_class_mfs(), args) == MPS_RES_OK);
  } MPS_ARGS_END(args);
  tell(verbose, "MFS pool");
  CHECK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, table, LISTS) == MPS_RES_OK);
  tell(verbose, "root");
  CHECK(mps_ap_create_k(&ap, amc, mps_args_none) == MPS_RES_OK);
  tell(verbose, "ap");
  cons(0, 0);
  table[0] = NULL;
  tell(verbose, "an object");
  for (i = 0; i < BLOCKS; ++i) {
    mps_addr_t p;
    CHECK(mps_alloc(&p, mfs, UNIT) == MPS_RES_OK);
    blocks[i] = memset(p, (int)i, UNIT);
  }
  tell(verbose, "blocks");

  for (round = 0; round < ROUNDS; ++round) {
    for (i = 0; i < LISTS; ++i) {
      size_t n;
      table[i] = NULL;
      for (n = 0; n < LENGTH; ++n)
        cons(i, i * LENGTH + n);
    }
    check_lists();
    for (i = 0; i < BLOCKS; ++i) {
      size_t k;
      mps_addr_t p;
      seed = seed * 1103515245u + 12345u;
      if (seed >> 8 & 1)
        continue;
      for (k = 0; k < UNIT; ++k)
        CHECK(blocks[i][k] == i);
      mps_free(mfs, blocks[i], UNIT);
      CHECK(mps_alloc(&p, mfs, UNIT) == MPS_RES_OK);
      blocks[i] = memset(p, (int)i, UNIT);
    }
  }
  CHECK(mps_arena_collect(arena) == MPS_RES_OK);
  check_lists();
  CHECK(moved > 0 && mps_collections(arena) > 10);
  tell(verbose, "the end");
  printf("small: %lu KB of memory, %lu collections, %lu objects moved\n",
         (unsigned long)(sizeof memory >> 10), (unsigned long)mps_collections(arena), (unsigned long)moved);

  mps_arena_park(arena);
  mps_ap_destroy(ap);
  mps_root_destroy(root);
  mps_pool_destroy(mfs);
  mps_pool_destroy(amc);
  mps_fmt_destroy(format);
  mps_arena_destroy(arena);
  return 0;
}
