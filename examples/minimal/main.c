/* main.c -- a list that lives through collections, in the fewest steps */

#include <stdio.h>
#include <stdlib.h>
#include "mps.h"
#include "mpsavm.h"    /* arenas of virtual memory */
#include "mpscamc.h"   /* the pool class AMC: automatic, mostly copying */
#include "mpsx.h"      /* mps_x_root_create_stack */

/* An object. head is its size in bytes, with its kind in the two lowest bits; padding
 * may be as short as that one word. */
enum { CELL = 0, MOVED = 1, PAD = 2 };
typedef struct cell_s {
  size_t head;
  struct cell_s *next;          /* of a moved object: its new address */
  long value;
} cell_s;

/* --- What the collector asks about objects: the format --- */

static mps_addr_t skip(mps_addr_t p) { return (char *)p + (((cell_s *)p)->head & ~(size_t)3); }

static mps_res_t scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  MPS_SCAN_BEGIN(ss) {
    for (; base < limit; base = skip(base)) {
      cell_s *cell = base;
      if ((cell->head & 3) == CELL) {
        mps_res_t res = MPS_FIX12(ss, (mps_addr_t *)&cell->next);
        if (res != MPS_RES_OK)
          return res;
      }
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static void forward(mps_addr_t old, mps_addr_t new) { ((cell_s *)old)->head |= MOVED; ((cell_s *)old)->next = new; }
static mps_addr_t forwarded(mps_addr_t p) { return (((cell_s *)p)->head & 3) == MOVED ? ((cell_s *)p)->next : NULL; }
static void pad(mps_addr_t p, size_t size) { ((cell_s *)p)->head = size | PAD; }

/* --- The program --- */

static void must(mps_res_t res, const char *what)
{
  if (res != MPS_RES_OK) {
    fprintf(stderr, "%s: error %d\n", what, (int)res);
    exit(1);
  }
}

static cell_s *cons(mps_ap_t ap, long value, cell_s *next)
{
  mps_addr_t p;
  do {                          /* a collection may come in between: then again */
    cell_s *cell;
    must(mps_reserve(&p, ap, sizeof(cell_s)), "reserve");
    cell = p;
    cell->head = sizeof(cell_s) | CELL;
    cell->next = next;
    cell->value = value;
  } while (!mps_commit(ap, p, sizeof(cell_s)));
  return p;
}

int main(void)
{
  mps_arena_t arena;  mps_fmt_t format;  mps_pool_t pool;  mps_ap_t ap;  mps_thr_t thread;  mps_root_t root;
  cell_s *list = NULL, *cell;
  long i, count = 0;

  must(mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none), "arena");
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, sizeof(void *));
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan);   MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, forward); MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, forwarded);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, pad);     must(mps_fmt_create_k(&format, arena, args), "format");
  } MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, format);   must(mps_pool_create_k(&pool, arena, mps_class_amc(), args), "pool");
  } MPS_ARGS_END(args);
  must(mps_thread_reg(&thread, arena), "thread");       /* this thread's registers and whole stack */
  must(mps_x_root_create_stack(&root, arena, thread), "root");  /* are a root: `list' is on it */
  must(mps_ap_create_k(&ap, pool, mps_args_none), "allocation point");

  for (i = 0; i < 20000000; ++i)        /* one cell of a hundred stays */
    if (i % 100 == 0)
      list = cons(ap, i, list);
    else
      (void)cons(ap, i, NULL);
  for (cell = list; cell != NULL && cell->value == 20000000 - 100 * (count + 1); cell = cell->next)
    ++count;
  printf("%ld cells of 200000 are there after %lu collections\n", count, (unsigned long)mps_collections(arena));

  mps_arena_park(arena);                /* no more collections; then the last first */
  mps_ap_destroy(ap);  mps_root_destroy(root);  mps_thread_dereg(thread);
  mps_pool_destroy(pool);  mps_fmt_destroy(format);  mps_arena_destroy(arena);
  return count == 200000 ? 0 : 1;
}
