/* tell.c -- messages and finalization with four threads
 *
 * Every thread makes objects in AMC, AMS, AWL and LO, registers them, takes some
 * registrations back, lets the objects die, and takes whatever messages there
 * are: those of all threads.  In the end every registration must have come to
 * exactly one message, or to none if it was taken back, and every message must
 * have found its object as it was.  Messages about collections come in
 * between; two threads switch them on and off all the while.
 */

#include "common.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"

#include <pthread.h>

enum { THREADS = 4, POOLS = 4, HELD = 64, EACH = 25000 };

static mps_arena_t arena;
static mps_chain_t chain;
static mps_fmt_t fmt;
static mps_pool_t pools[POOLS];

/* What has become of registration number n. */
enum { NEVER, WATCHED, TAKEN_BACK, TOLD };
static unsigned char fate[THREADS * EACH];
static unsigned long told_by[THREADS], gcs, starts, in_hand;

static size_t any(unsigned long long *s, size_t below)
{
  *s = *s * 6364136223846793005ull + 1442695040888963407ull;
  return (size_t)(*s >> 33) % below;
}

static int kind_of(size_t number)
{
  return number % POOLS == 3 ? KIND_LEAF : KIND_VECTOR; /* LO has leaves */
}

/* Take a message of any kind there is; its object goes to *place, an exact
 * root.  Answer: was there one? */
static int take(size_t me, mps_addr_t *place)
{
  mps_message_type_t type;
  mps_message_t m;
  size_t n;
  if (!mps_message_queue_type(&type, arena))
    return 0;
  if (!mps_message_get(&m, arena, type))
    return 1;                   /* another thread was faster */
  CHECK_EQ(mps_message_type(arena, m), type);
  if (type == mps_message_type_gc()) {
    CHECK(mps_message_gc_live_size(arena, m)
          <= mps_message_gc_condemned_size(arena, m) + ((size_t)64 << 20));
    __atomic_add_fetch(&gcs, 1, __ATOMIC_RELAXED);
  } else if (type == mps_message_type_gc_start()) {
    CHECK(mps_message_gc_start_why(arena, m)[0] != '\0');
    __atomic_add_fetch(&starts, 1, __ATOMIC_RELAXED);
  } else {
    CHECK_EQ(type, mps_message_type_finalization());
    mps_message_finalization_ref(place, arena, m);
    n = (size_t)((obj_t)*place)->serial;
    CHECK(n < THREADS * EACH);
    CHECK(obj_is((obj_t)*place, kind_of(n), 3, n));
    CHECK_EQ(__atomic_exchange_n(&fate[n], TOLD, __ATOMIC_RELAXED), WATCHED);
    ++told_by[me];
    *place = NULL;
  }
  mps_message_discard(arena, m);
  return 1;
}

typedef struct worker_s {
  size_t me;
  mps_addr_t held[HELD + 1];    /* exact roots; the last: from messages */
} worker_s;

static void work(worker_s *w, unsigned long long seed)
{
  mps_ap_t ap[POOLS];
  size_t i;
  for (i = 0; i < POOLS; ++i)
    ap[i] = ap_make(pools[i]);
  for (i = 0; i < EACH; ++i) {
    size_t number = w->me * EACH + i, h = any(&seed, HELD);
    mps_addr_t *place = &w->held[h];
    if (*place != NULL && any(&seed, 4) == 0) {
      /* Watched for sure: it is held. */
      size_t n = (size_t)((obj_t)*place)->serial;
      CHECK_EQ(fate[n], WATCHED);
      CHECK_OK(mps_definalize(arena, place));
      fate[n] = TAKEN_BACK;
      CHECK_EQ(mps_definalize(arena, place), MPS_RES_FAIL);
    }
    *place = obj_new(ap[number % POOLS], 0, kind_of(number), 3, number);
    fate[number] = WATCHED;
    CHECK_OK(mps_finalize(arena, place));
    garbage(ap[0], 0, any(&seed, 8), 20);
    /* By fits and starts, so that messages wait for some collections. */
    while (i / 1024 % 2 == 1 && any(&seed, 3) != 0
           && take(w->me, &w->held[HELD]))
      ;
    if (w->me < 2 && any(&seed, 200) == 0) {
      mps_message_type_t t =
        w->me == 0 ? mps_message_type_gc() : mps_message_type_gc_start();
      mps_message_type_disable(arena, t);
      mps_message_type_enable(arena, t);
    }
    if (any(&seed, 3000) == 0)
      (void)mps_arena_start_collect(arena);
    if (any(&seed, 50) == 0)
      (void)mps_arena_step(arena, 0.0, 0.0);
  }
  for (i = 0; i < POOLS; ++i)
    mps_ap_destroy(ap[i]);
}

static mps_res_t scan_table(mps_ss_t ss, void *base, void *limit, void *p)
{
  (void)p;
  return mps_scan_area(ss, base, limit, NULL);
}

static void *thread(void *p)
{
  worker_s *w = p;
  mps_thr_t thr;
  mps_root_t stack, exact;
  void *marker = &marker;
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread(&stack, arena, thr, marker));
  CHECK_OK(mps_root_create_area(&exact, arena, mps_rank_exact(), 0, w->held,
                                w->held + HELD + 1, scan_table, NULL));
  work(w, rnd_seed + w->me * 1000003u);
  mps_root_destroy(stack);
  mps_root_destroy(exact);
  mps_thread_dereg(thr);
  return NULL;
}

int main(void)
{
  static worker_s worker[THREADS];
  mps_pool_class_t classes[POOLS];
  pthread_t id[THREADS];
  mps_root_t root;
  static mps_addr_t last[1];
  size_t i, round;
  unsigned long back = 0, told = 0;
  test_begin("tell");
  classes[0] = mps_class_amc();
  classes[1] = mps_class_ams();
  classes[2] = mps_class_awl();
  classes[3] = mps_class_lo();
  arena = arena_vm((size_t)64 << 20);
  mps_arena_pause_time_set(arena, 0.0);
  chain = chain_make(arena, 2, 300);
  fmt = fmt_make(arena, 0);
  for (i = 0; i < POOLS; ++i)
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
      CHECK_OK(mps_pool_create_k(&pools[i], arena, classes[i], args));
    } MPS_ARGS_END(args);
  mps_message_type_enable(arena, mps_message_type_finalization());
  mps_message_type_enable(arena, mps_message_type_gc());
  mps_message_type_enable(arena, mps_message_type_gc_start());
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, last, 1));
  for (i = 0; i < THREADS; ++i) {
    worker[i].me = i;
    CHECK_EQ(pthread_create(&id[i], NULL, thread, &worker[i]), 0);
  }
  for (i = 0; i < THREADS; ++i)
    CHECK_EQ(pthread_join(id[i], NULL), 0);
  in_hand = told_by[0] + told_by[1] + told_by[2] + told_by[3];
  /* All are dead now. */
  for (round = 0; round < 3; ++round) {
    mps_res_t res = mps_arena_collect(arena);
    CHECK(res == MPS_RES_OK || res == MPS_RES_FAIL);    /* nothing is left */
    while (take(0, &last[0]))
      ;
  }
  for (i = 0; i < THREADS * EACH; ++i) {
    CHECK(fate[i] == TOLD || fate[i] == TAKEN_BACK);
    back += fate[i] == TAKEN_BACK;
    told += fate[i] == TOLD;
  }
  for (i = 0; i < THREADS; ++i)
    CHECK(told_by[i] > 0);
  CHECK(back > 0 && gcs > 0 && starts > 0 && in_hand > told / 10);
  part("%lu told of (%lu of them meanwhile), %lu taken back, %lu and %lu"
       " messages about collections, %lu flips", told, in_hand, back, starts,
       gcs, (unsigned long)mps_collections(arena));
  mps_arena_park(arena);
  mps_root_destroy(root);
  for (i = 0; i < POOLS; ++i)
    mps_pool_destroy(pools[i]);
  mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
  return test_end();
}
