/* stack.c -- how much stack the library's functions need
 *
 * The stack below the caller is painted, a function is called, and what is not painted any
 * more was used. The format's methods and the port's functions of this program use
 * a few dozen bytes of it. The arena has a software barrier, so that barrier hits are calls; it
 * is small, so that memory runs out and everything is collected in the middle of an
 * allocation. Prints a line for each function: bytes, name.
 */

#include "mps.h"
#include "mpsacl.h"
#include "mpscamc.h"
#include "mpscmfs.h"
#ifndef SMALL
#include "mpscmvff.h"
#endif
#include "mpsx.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(c) do { if (!(c)) { printf("stack.c:%d: %s\n", __LINE__, #c); exit(1); } } while (0)

/* What docs/memory.md promises. */
enum { BOUND = 4096 };

enum { PAINTED = 12 << 10, UNIT = 32, CELLS = 300, PAINT = 0xA5 };

typedef struct pair_s {
  size_t kind; /* PAIR, FORWARD or PAD | size */
  mps_addr_t next;
} pair_s;
enum { PAIR = 1, FORWARD = 2, PAD = 3 };

static char memory[96 << 10];
static mps_addr_t table[CELLS];
static mps_arena_t arena;
static mps_fmt_t format;
static mps_pool_t amc, mfs;
static mps_root_t root;
static mps_thr_t thread;
static mps_ap_t ap;
static mps_addr_t block;
static int soft;
#ifndef SMALL
static mps_pool_t mvff;
#endif

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
}

static mps_addr_t isfwd(mps_addr_t p)
{
  pair_s *o = p;
  return o->kind == FORWARD ? o->next : NULL;
}

static void pad(mps_addr_t p, size_t size) { *(size_t *)p = PAD | size; }

/* Where the paint ends that is next to be laid. */
static size_t low;

static void __attribute__((noinline)) paint(void)
{
  volatile char here[PAINTED];
  size_t i;
  for (i = 0; i < sizeof here; ++i)
    here[i] = (char)PAINT;
  low = (size_t)here;
}

/* Calls f on a painted stack. How many bytes were used, more or less: the caller takes off
 * what an empty f needs. */
static size_t __attribute__((noinline)) depth(void (*f)(void))
{
  volatile char *p;
  size_t i;
  paint();
  f();
  p = (volatile char *)low;
  for (i = 0; i < PAINTED && p[i] == (char)PAINT; ++i)
    ;
  return PAINTED - i;
}

static size_t none;
static void nothing(void) { }

static void say(const char *name, void (*f)(void))
{
  size_t d = depth(f);
  CHECK(d < PAINTED - 16);
  if (d > none + BOUND) {
    printf("%s: more than %d bytes of stack\n", name, BOUND);
    exit(1);
  }
  printf("%6lu %s\n", (unsigned long)(d > none ? d - none : 0), name);
}

static void arena_create(void)
{
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_CL_BASE, memory);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, sizeof memory);
    if (soft)
      MPS_ARGS_ADD(args, MPS_KEY_X_SOFT_BARRIER, 1);
    CHECK(mps_arena_create_k(&arena, mps_arena_class_cl(), args) == MPS_RES_OK);
  } MPS_ARGS_END(args);
}

static void fmt_create(void)
{
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, sizeof(mps_addr_t));
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, pad);
    CHECK(mps_fmt_create_k(&format, arena, args) == MPS_RES_OK);
  } MPS_ARGS_END(args);
}

static void amc_create(void)
{
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, format);
    CHECK(mps_pool_create_k(&amc, arena, mps_class_amc(), args) == MPS_RES_OK);
  } MPS_ARGS_END(args);
}

static void mfs_create(void)
{
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, UNIT);
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, 1024);
    CHECK(mps_pool_create_k(&mfs, arena, mps_class_mfs(), args) == MPS_RES_OK);
  } MPS_ARGS_END(args);
}

static void root_create(void)
{
  CHECK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, table, CELLS) == MPS_RES_OK);
}

static void thread_reg(void) { CHECK(mps_thread_reg(&thread, arena) == MPS_RES_OK); }
static void ap_create(void) { CHECK(mps_ap_create_k(&ap, amc, mps_args_none) == MPS_RES_OK); }

static void cons(size_t i)
{
  mps_addr_t p;
  do {
    pair_s *o;
    CHECK(mps_reserve(&p, ap, sizeof(pair_s)) == MPS_RES_OK);
    o = p;
    o->kind = PAIR;
    o->next = table[i * 7 % CELLS];
  } while (!mps_commit(ap, p, sizeof(pair_s)));
  table[i] = p;
}

/* Objects are let go of before lists become long. */
static void reserve_many(void)
{
  size_t i, k;
  for (k = 0; k < 40; ++k) {
    for (i = 0; i < CELLS; ++i)
      if (k % 4 == 3)
        table[i] = NULL;
    for (i = 0; i < CELLS; ++i)
      cons(i);
  }
}

static void collect(void) { CHECK(mps_arena_collect(arena) == MPS_RES_OK); }
static void release(void) { mps_arena_release(arena); }

static void accesses(void)
{
#ifndef SMALL
  size_t i, k;
  for (k = 0; k < 20; ++k) {
    CHECK(mps_arena_start_collect(arena) == MPS_RES_OK);
    for (i = 0; i < CELLS; ++i) {
      pair_s *o = table[i];
      if (o != NULL) {
        MPS_X_READ(arena, &o->next);
        (void)*(volatile mps_addr_t *)&o->next;
        MPS_X_WRITE(arena, &o->next);
        o->next = table[i * 11 % CELLS];
      }
    }
  }
#endif
}

static void alloc_free(void)
{
  mps_addr_t p[40];
  size_t i;
  for (i = 0; i < 40; ++i)
    CHECK(mps_alloc(&p[i], mfs, UNIT) == MPS_RES_OK);
  for (i = 0; i < 40; ++i)
    mps_free(mfs, p[i], UNIT);
}

static void quick_alloc(void) { CHECK(mps_alloc(&block, mfs, UNIT) == MPS_RES_OK); }
static void quick_free(void) { mps_free(mfs, block, UNIT); }

#ifndef SMALL
static void mvff_create(void)
{
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, 2048);
    CHECK(mps_pool_create_k(&mvff, arena, mps_class_mvff(), args) == MPS_RES_OK);
  } MPS_ARGS_END(args);
}

static void mvff_alloc_free(void)
{
  mps_addr_t p[40];
  size_t i;
  for (i = 0; i < 40; ++i)
    CHECK(mps_alloc(&p[i], mvff, 16 + i * 8) == MPS_RES_OK);
  for (i = 0; i < 40; ++i)
    mps_free(mvff, p[i], 16 + i * 8);
}

static void mvff_destroy(void) { mps_pool_destroy(mvff); }

static void step(void)
{
  size_t i;
  mps_arena_start_collect(arena);
  for (i = 0; i < 30; ++i)
    mps_x_arena_step_us(arena, 0, 0);
}

static void finalize(void)
{
  CHECK(mps_finalize(arena, &table[0]) == MPS_RES_OK);
}

static void messages(void)
{
  mps_message_t m;
  mps_message_type_enable(arena, mps_message_type_finalization());
  table[0] = NULL;
  collect();
  if (mps_message_get(&m, arena, mps_message_type_finalization()))
    mps_message_discard(arena, m);
}
#endif

static void ap_destroy(void) { mps_ap_destroy(ap); }
static void root_destroy(void) { mps_root_destroy(root); }
static void thread_dereg(void) { mps_thread_dereg(thread); }
static void amc_destroy(void) { mps_pool_destroy(amc); }
static void mfs_destroy(void) { mps_pool_destroy(mfs); }
static void fmt_destroy(void) { mps_fmt_destroy(format); }
static void arena_destroy(void) { mps_arena_destroy(arena); }

int main(void)
{
#ifndef SMALL
  soft = 1;
#endif
  none = depth(nothing);
  say("mps_arena_create_k", arena_create);
  say("mps_fmt_create_k", fmt_create);
  say("mps_pool_create_k, AMC", amc_create);
  say("mps_pool_create_k, MFS", mfs_create);
  say("mps_root_create_table", root_create);
  say("mps_thread_reg", thread_reg);
  say("mps_ap_create_k", ap_create);
  say("mps_ap_fill, with collections", reserve_many);
  say("mps_arena_collect", collect);
  say("mps_arena_release", release);
  say("mps_alloc and mps_free, MFS, growing", alloc_free);
  say("mps_alloc, MFS, quick", quick_alloc);
  say("mps_free, MFS, quick", quick_free);
#ifndef SMALL
  say("mps_pool_create_k, MVFF", mvff_create);
  say("mps_alloc and mps_free, MVFF", mvff_alloc_free);
  say("mps_pool_destroy, MVFF", mvff_destroy);
  say("mps_x_arena_step_us", step);
  say("mps_x_barrier_hit", accesses);
  say("mps_finalize", finalize);
  say("messages, with a collection", messages);
#else
  accesses();
#endif
  mps_arena_park(arena);
  say("mps_ap_destroy", ap_destroy);
  say("mps_root_destroy", root_destroy);
  say("mps_thread_dereg", thread_dereg);
  say("mps_pool_destroy, MFS", mfs_destroy);
  say("mps_pool_destroy, AMC", amc_destroy);
  say("mps_fmt_destroy", fmt_destroy);
  say("mps_arena_destroy", arena_destroy);
  return 0;
}
