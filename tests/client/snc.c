/* snc.c -- SNC pools: objects that hold others as roots do, until the frame
 * they were made in is popped */

#include "common.h"
#include "mpscams.h"
#include "mpscsnc.h"

enum { DEPTH = 200, KEEP = 50000 };

typedef struct frame_s {
  mps_frame_t frame;
  size_t objects;               /* in all, when it was pushed */
} frame_s;

/* The stack: object k of the SNC pool, and the object it holds. */
static obj_t stack[KEEP];
static size_t target_pool[KEEP];

static size_t walked;
static void count(mps_addr_t o, mps_fmt_t fmt, mps_pool_t pool, void *p,
                  size_t size)
{
  (void)fmt;
  (void)size;
  if (pool == (mps_pool_t)p && obj_kind((obj_t)o) == KIND_VECTOR)
    ++walked;
}

static void test_frames(double pause, int steps)
{
  mps_arena_t arena = arena_vm((size_t)64 << 20);
  mps_chain_t chain = chain_make(arena, 2, 200);
  mps_fmt_t fmt = fmt_make(arena, 0);
  mps_pool_t snc, amc = pool_amc(arena, fmt, chain), ams;
  mps_ap_t ap, other, heap[2];
  frame_s frames[DEPTH];
  size_t depth = 0, n = 0, i, most = 0;
  unsigned long made = 0;
  int step;
  mps_arena_pause_time_set(arena, pause);
  CHECK_OK(mps_pool_create(&ams, arena, mps_class_ams(), fmt, chain, 1));
  CHECK_OK(mps_pool_create(&snc, arena, mps_class_snc(), fmt));
  CHECK_OK(mps_ap_create(&ap, snc, mps_rank_exact()));
  other = ap_make(snc);
  heap[0] = ap_make(amc);
  heap[1] = ap_make(ams);
  {
    mps_frame_t f = &f;
    CHECK_OK(mps_ap_frame_push(&f, other));
    CHECK(f == NULL);           /* nothing there yet */
  }
  for (step = 0; step < steps; ++step) {
    word what = rnd_below(100);
    if (what < 12 && depth < DEPTH) {
      CHECK_OK(mps_ap_frame_push(&frames[depth].frame, ap));
      frames[depth++].objects = n;
    } else if (what < 22 && depth > 0) {
      depth = rnd_below(8) == 0 ? rnd_below(depth) : depth - 1;
      CHECK_OK(mps_ap_frame_pop(ap, frames[depth].frame));
      n = frames[depth].objects;
    } else if (n < KEEP) {
      size_t slots = rnd_below(200) == 0 ? 1 + rnd_below(5000)
                                         : 1 + rnd_below(40);
      size_t p = rnd_below(2);
      obj_t o = obj_new(ap, 0, KIND_VECTOR, slots, n + 1);
      o->slot[0] = (word)obj_new(heap[p], 0, KIND_VECTOR, 2, n + 1000000);
      ((obj_t)o->slot[0])->slot[1] = number(n);
      stack[n] = o;
      target_pool[n] = p;
      ++n;
      ++made;
      (void)obj_new(other, 0, KIND_LEAF, 1, 1);
      garbage(heap[rnd_below(2)], 0, 3, 6);
    }
    if (n > most)
      most = n;
    if (step % 5000 == 4999) {
      CHECK_OK(mps_arena_start_collect(arena));
    }
    if (step % 1000 == 999) {
      for (i = 0; i < n; ++i) {
        obj_t o = stack[i], t = (obj_t)o->slot[0];
        CHECK(obj_kind(o) == KIND_VECTOR && o->serial == i + 1);
        CHECK(obj_is(t, KIND_VECTOR, 2, i + 1000000));
        CHECK_EQ(t->slot[1], number(i));
      }
    }
  }
  mps_arena_park(arena);
  walked = 0;
  mps_arena_formatted_objects_walk(arena, count, snc, 0);
  CHECK_EQ(walked, n);
  CHECK(mps_pool_free_size(snc) < mps_pool_total_size(snc));
  /* without a frame nothing holds anything */
  CHECK_OK(mps_ap_frame_pop(ap, NULL));
  walked = 0;
  mps_arena_formatted_objects_walk(arena, count, snc, 0);
  CHECK_EQ(walked, 0);
  CHECK_OK(mps_arena_collect(arena));
  walked = 0;
  mps_arena_formatted_objects_walk(arena, count, amc, 0);
  mps_arena_formatted_objects_walk(arena, count, ams, 0);
  CHECK_EQ(walked, 0);
  {                             /* not while a block is reserved */
    mps_addr_t p;
    mps_frame_t f;
    CHECK_OK(mps_reserve(&p, ap, 4 * WORD));
    CHECK_EQ(mps_ap_frame_push(&f, ap), MPS_RES_FAIL);
    CHECK_EQ(mps_ap_frame_pop(ap, NULL), MPS_RES_FAIL);
    ((obj_t)p)->head = HEAD(4, KIND_LEAF);
    ((obj_t)p)->serial = 9;
    (void)mps_commit(ap, p, 4 * WORD);
  }
  part("frames, pause %g: %lu objects made, at most %lu at a time, %lu flips,"
       " %lu KB", pause, made, (unsigned long)most,
       (unsigned long)mps_collections(arena),
       (unsigned long)mps_pool_total_size(snc) / 1024);
  mps_ap_destroy(ap);
  mps_ap_destroy(other);
  mps_ap_destroy(heap[0]);
  mps_ap_destroy(heap[1]);
  mps_pool_destroy(snc);
  mps_pool_destroy(amc);
  mps_pool_destroy(ams);
  mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

int main(void)
{
  test_begin("snc");
  test_frames(0.1, 40000);
  test_frames(0.0, 80000);
  return test_end();
}
