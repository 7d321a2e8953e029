/* cells.c -- the program round the blocks of the guide: an arena with a pool of cells, as
 * the first page makes it. The two places are filled in by tools/manual-test.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include "mps.h"
#include "mpsavm.h"
#include "mpsacl.h"
#include "mpscamc.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"
#include "mpscmfs.h"
#include "mpscmvff.h"
#include "mpscmvt.h"
#include "mpscsnc.h"
#include "mpslib.h"
#include "mpsx.h"

enum { CELL, MOVED, PAD };
typedef struct cell_s {
  size_t kind, size;
  struct cell_s *next;
  long value;
} cell_s;

static mps_addr_t skip(mps_addr_t p) { return (char *)p + ((cell_s *)p)->size; }

static mps_res_t scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  MPS_SCAN_BEGIN(ss) {
    for (; base < limit; base = skip(base)) {
      cell_s *c = base;
      if (c->kind == CELL) {
        mps_res_t res = MPS_FIX12(ss, (mps_addr_t *)&c->next);
        if (res != MPS_RES_OK)
          return res;
      }
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static void forward(mps_addr_t old, mps_addr_t to)
{
  ((cell_s *)old)->kind = MOVED;
  ((cell_s *)old)->next = to;
}

static mps_addr_t forwarded(mps_addr_t p)
{
  return ((cell_s *)p)->kind == MOVED ? ((cell_s *)p)->next : NULL;
}

static void pad(mps_addr_t p, size_t size)
{
  ((cell_s *)p)->kind = PAD;
  ((cell_s *)p)->size = size;
}

static void must(mps_res_t res, const char *what)
{
  if (res != MPS_RES_OK) {
    fprintf(stderr, "%s: result %d\n", what, (int)res);
    exit(1);
  }
}

static mps_arena_t arena;
static mps_fmt_t format;
static mps_pool_t pool;
static mps_ap_t ap;
static mps_thr_t thread;
static mps_root_t stack;

static cell_s *cell(mps_ap_t at, long value, cell_s *next)
{
  mps_addr_t p;
  do {
    cell_s *c;
    must(mps_reserve(&p, at, sizeof(cell_s)), "reserve");
    c = p;
    c->kind = CELL;
    c->size = sizeof(cell_s);
    c->next = next;
    c->value = value;
  } while (!mps_commit(at, p, sizeof(cell_s)));
  return p;
}

/* functions */

static void block(void)
{
/* statements */
}

int main(void)
{
  (void)cell;
  must(mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none), "arena");
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, 16);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, forward);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, forwarded);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, pad);
    must(mps_fmt_create_k(&format, arena, args), "format");
  } MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, format);
    must(mps_pool_create_k(&pool, arena, mps_class_amc(), args), "pool");
  } MPS_ARGS_END(args);
  must(mps_thread_reg(&thread, arena), "thread");
  must(mps_x_root_create_stack(&stack, arena, thread), "stack");
  must(mps_ap_create_k(&ap, pool, mps_args_none), "allocation point");
  block();
  mps_arena_park(arena);
  mps_ap_destroy(ap);
  mps_root_destroy(stack);
  mps_thread_dereg(thread);
  mps_pool_destroy(pool);
  mps_fmt_destroy(format);
  mps_arena_destroy(arena);
  return 0;
}
