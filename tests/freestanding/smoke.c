/* smoke.c -- a collection on an archive that has no system under it
 *
 * Lists of pairs hang off an exact table and one pair is held by an ambiguous
 * word; most of what is allocated is garbage. After collections, forced and
 * by themselves, every list must hold the numbers that were put in. Where the
 * port knows the stack, a pair that only a local refers to stays as well.
 */

#include "mps.h"
#include "mpsacl.h"
#include "mpsavm.h"
#include "mpscamc.h"
#include "mpscmvt.h"
#include "mpsx.h"
#include "port.h"
#include <stdio.h>
#include <stdlib.h>

#define CHECK(c) do { if (!(c)) { printf("smoke.c:%d: %s\n", __LINE__, #c); exit(1); } } while (0)

enum { LISTS = 200, LENGTH = 500, ROUNDS = 12, MEMORY = 64 << 20 };

/* An object: a pair, moved to somewhere, or nothing at all of some size. */
typedef struct obj_s {
  size_t kind; /* PAIR, FORWARD or PAD | size */
  mps_addr_t a;
  mps_addr_t b;
  size_t number;
} obj_s;
enum { PAIR = 1, FORWARD = 2, PAD = 3 };

static size_t moved;

static mps_addr_t skip(mps_addr_t p)
{
  obj_s *o = p;
  return (char *)p + ((o->kind & 3) == PAD ? o->kind & ~(size_t)3 : sizeof(obj_s));
}

static mps_res_t scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  MPS_SCAN_BEGIN(ss) {
    mps_addr_t p;
    for (p = base; p < limit; p = skip(p)) {
      obj_s *o = p;
      if (o->kind == PAIR) {
        mps_res_t res = MPS_FIX12(ss, &o->a);
        if (res != MPS_RES_OK)
          return res;
        res = MPS_FIX12(ss, &o->b);
        if (res != MPS_RES_OK)
          return res;
      }
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static void fwd(mps_addr_t old, mps_addr_t new)
{
  obj_s *o = old;
  o->kind = FORWARD;
  o->a = new;
  ++moved;
}

static mps_addr_t isfwd(mps_addr_t p)
{
  obj_s *o = p;
  return o->kind == FORWARD ? o->a : NULL;
}

static void pad(mps_addr_t p, size_t size)
{
  *(size_t *)p = PAD | size;
}

/* The list comes by the address of its root: no stack is scanned here, so
 * what a local variable says is worth something only from reserve to commit. */
static obj_s *cons(mps_ap_t ap, mps_addr_t *list, size_t number)
{
  mps_addr_t p;
  obj_s *o;
  do {
    CHECK(mps_reserve(&p, ap, sizeof(obj_s)) == MPS_RES_OK);
    o = p;
    o->kind = PAIR;
    o->a = NULL;
    o->b = list == NULL ? NULL : *list;
    o->number = number;
  } while (!mps_commit(ap, p, sizeof(obj_s)));
  return o;
}

static mps_addr_t table[LISTS]; /* an exact root */
static mps_addr_t held;         /* an ambiguous one */

static void check_lists(void)
{
  size_t i;
  for (i = 0; i < LISTS; ++i) {
    size_t n = 0;
    obj_s *o;
    for (o = table[i]; o != NULL; o = o->b, ++n) {
      CHECK(o->kind == PAIR);
      CHECK(o->number == i * LENGTH + n);
    }
    CHECK(n == LENGTH);
  }
}

/* A root for the stack, if the port says where that is. */
static void with_stack(mps_arena_t arena, mps_ap_t ap)
{
  mps_thr_t thread;
  mps_root_t root;
  mps_res_t res;
  CHECK(mps_thread_reg(&thread, arena) == MPS_RES_OK);
  res = mps_x_root_create_stack(&root, arena, thread);
#ifdef STACK
  {
    obj_s *volatile local = cons(ap, NULL, 815);
    size_t pinned = (size_t)local;
    int i;
    CHECK(res == MPS_RES_OK);
    for (i = 0; i < 3; ++i) {
      CHECK(mps_arena_collect(arena) == MPS_RES_OK);
      CHECK((size_t)local == pinned && local->kind == PAIR && local->number == 815);
    }
    mps_arena_release(arena);
    mps_root_destroy(root);
  }
#else
  (void)ap;
  CHECK(res == MPS_RES_UNIMPL);
#endif
  mps_thread_dereg(thread);
}

static void with_arena(const char *name, mps_arena_t arena)
{
  mps_fmt_t format;
  mps_pool_t pool;
  mps_ap_t ap;
  mps_root_t exact, ambiguous;
  size_t round, i, n;
  mps_word_t before;
  obj_s *pinned;

  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, sizeof(mps_addr_t));
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, pad);
    CHECK(mps_fmt_create_k(&format, arena, args) == MPS_RES_OK);
  } MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, format);
    CHECK(mps_pool_create_k(&pool, arena, mps_class_amc(), args) == MPS_RES_OK);
  } MPS_ARGS_END(args);
  CHECK(mps_ap_create_k(&ap, pool, mps_args_none) == MPS_RES_OK);
  CHECK(mps_root_create_table(&exact, arena, mps_rank_exact(), 0, table, LISTS) == MPS_RES_OK);
  CHECK(mps_root_create_table(&ambiguous, arena, mps_rank_ambig(), 0, &held, 1) == MPS_RES_OK);

  moved = 0;
  before = mps_collections(arena);
  held = cons(ap, NULL, 4711); /* nothing else runs in between */
  pinned = held;
  for (round = 0; round < ROUNDS; ++round) {
    if (round % 3 == 0) { /* new lists; the old ones are garbage now */
      for (i = 0; i < LISTS; ++i)
        table[i] = NULL;
      for (n = LENGTH; n-- > 0; )
        for (i = 0; i < LISTS; ++i)
          table[i] = cons(ap, &table[i], i * LENGTH + n);
      check_lists();
      CHECK(mps_arena_collect(arena) == MPS_RES_OK);
      mps_arena_release(arena);
    }
    check_lists();
    /* References from old objects to new ones, and what makes them old. */
    for (i = 0; i < LISTS; ++i) {
      obj_s *fresh = cons(ap, NULL, round * LISTS + i);
      obj_s *head = table[i];
      head->a = fresh;
    }
    for (n = 0; n < LISTS * LENGTH; ++n)
      cons(ap, &table[n % LISTS], n); /* garbage */
    for (i = 0; i < LISTS; ++i) {
      obj_s *head = table[i];
      obj_s *fresh = head->a;
      CHECK(fresh->kind == PAIR && fresh->number == round * LISTS + i);
    }
    check_lists();
    CHECK(held == pinned && pinned->kind == PAIR && pinned->number == 4711);
  }
  printf("%s: %lu collections, %lu objects moved, %lu bytes committed; %u faults, %u maps, %u protects\n",
         name, (unsigned long)(mps_collections(arena) - before), (unsigned long)moved,
         (unsigned long)mps_arena_committed(arena), port_faults, port_maps, port_protects);
  CHECK(mps_collections(arena) - before >= ROUNDS / 3);
  CHECK(moved > LISTS * LENGTH);
  /* Several times as much was allocated. */
  CHECK(mps_arena_committed(arena) < (size_t)ROUNDS * LISTS * LENGTH * sizeof(obj_s));

  with_stack(arena, ap);
  mps_arena_park(arena);
  mps_root_destroy(ambiguous);
  mps_root_destroy(exact);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_fmt_destroy(format);
  mps_arena_destroy(arena);
}

/* Values that are doubles arrive: in keyword lists, where an integer stands for them,
 * and as arguments and results, where archive and C compiler pass them alike
 * (DOUBLES). */
static void doubles(mps_arena_t arena)
{
  size_t committed = mps_arena_committed(arena);
  size_t limit = mps_arena_spare_commit_limit(arena);
  mps_pool_t pool;
  mps_ap_t ap;
  mps_addr_t p;
  CHECK(limit > committed / 8 && limit < committed / 2); /* MPS_KEY_SPARE was a quarter */
  /* A percentage, in a variable argument list. */
  CHECK(mps_pool_create(&pool, arena, mps_class_mvt(), (size_t)32, (size_t)64, (size_t)256,
                        (mps_word_t)4, (mps_word_t)30) == MPS_RES_OK);
  CHECK(mps_ap_create(&ap, pool) == MPS_RES_OK);
  CHECK(mps_reserve(&p, ap, 64) == MPS_RES_OK && mps_commit(ap, p, 64));
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_x_arena_spare_permille_set(arena, 500);
  committed = mps_arena_committed(arena);
  limit = mps_arena_spare_commit_limit(arena);
  CHECK(limit > committed / 3 && limit < committed);
#ifdef DOUBLES
  mps_arena_spare_set(arena, 0.125);
  CHECK(mps_arena_spare(arena) == 0.125);
  committed = mps_arena_committed(arena);
  limit = mps_arena_spare_commit_limit(arena);
  CHECK(limit < committed / 4);
  mps_arena_pause_time_set(arena, 0.375);
  CHECK(mps_arena_pause_time(arena) == 0.375);
#endif
}

int main(void)
{
  mps_arena_t arena;
  void *memory = malloc(MEMORY);
  CHECK(memory != NULL);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, MEMORY);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_CL_BASE, memory);
    MPS_ARGS_ADD(args, MPS_KEY_SPARE, 0.25);
    CHECK(mps_arena_create_k(&arena, mps_arena_class_cl(), args) == MPS_RES_OK);
  } MPS_ARGS_END(args);
  doubles(arena);
  with_arena("client arena", arena);
#ifdef BARE
  CHECK(mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none) != MPS_RES_OK);
  CHECK(port_maps == 0);
#else
  CHECK(mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none) == MPS_RES_OK);
  with_arena("VM arena", arena);
  CHECK(port_maps > 0 && port_protects > 0 && port_faults > 0);
#endif
  free(memory);
  return 0;
}
