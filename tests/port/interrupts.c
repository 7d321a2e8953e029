/* interrupts.c -- handlers that read managed memory, while threads collect
 *
 * A few threads make lists and let go of them; so one collection follows the other. Each
 * has a timer that interrupts it 10,000 times a second. The handler looks up a list in a
 * root and reads it: the collector may have moved it or be about to, and any thread may be
 * anywhere, in the library too. All must be as it was put in, and nobody may hang: a watch
 * ends the program if a thread makes nothing for ten seconds. One thing a handler must
 * reckon with: if it interrupted the collector itself, an object may be an old copy, with a
 * forwarding marker in it (docs/porting.md).
 *
 * interrupts.c SECONDS. Linux: a timer for each thread is its own.
 */

#define _GNU_SOURCE
#include "mps.h"
#include "mpsavm.h"
#include "mpscamc.h"
#include "mpsx.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CHECK(c) do { if (!(c)) { printf("interrupts.c:%d: %s\n", __LINE__, #c); fflush(stdout); _exit(1); } } while (0)

enum { THREADS = 3, LISTS = 256, LENGTH = 40, HERTZ = 10000, PATIENCE = 10 };

typedef struct obj_s {
  size_t kind; /* PAIR, FORWARD or PAD | size */
  mps_addr_t next;
  size_t number;
} obj_s;
enum { PAIR = 1, FORWARD = 2, PAD = 3 };

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
  obj_s *o = old;
  o->kind = FORWARD;
  o->next = new;
}

static mps_addr_t isfwd(mps_addr_t p)
{
  obj_s *o = p;
  return o->kind == FORWARD ? o->next : NULL;
}

static void pad(mps_addr_t p, size_t size)
{
  *(size_t *)p = PAD | size;
}

static mps_arena_t arena;
static mps_pool_t pool;
/* An exact root: the lists of all threads. */
static mps_addr_t volatile table[THREADS * LISTS];
static atomic_size_t made[THREADS], handled[THREADS], ready;
static atomic_int over;
static atomic_size_t old_copies; /* that the handler met */
static _Thread_local size_t me, where;

/* Any list, of any thread. It grows at its head only, so it may be read while it does. */
static void handler(int sig)
{
  size_t i = (where += 37) % (THREADS * LISTS), n = 0;
  obj_s *o;
  (void)sig;
  for (o = table[i]; o != NULL && n < 10; o = o->next, ++n) {
    if (o->kind == FORWARD) { /* this thread is in the library, and moved it just now */
      atomic_fetch_add(&old_copies, 1);
      o = o->next;
    }
    CHECK(o->kind == PAIR);
    CHECK(o->number == i);
  }
  atomic_fetch_add(&handled[me], 1);
}

static timer_t start_timer(void)
{
  struct sigevent e;
  struct itimerspec every = {{0, 1000000000 / HERTZ}, {0, 1000000000 / HERTZ}};
  timer_t t;
  memset(&e, 0, sizeof e);
  e.sigev_notify = SIGEV_THREAD_ID;
  e.sigev_signo = SIGRTMIN;
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif
  e.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
  CHECK(timer_create(CLOCK_MONOTONIC, &e, &t) == 0);
  CHECK(timer_settime(t, 0, &every, NULL) == 0);
  return t;
}

/* Not inlined: its variables are to lie on the scanned side of `cold`. */
__attribute__((noinline)) static void work(mps_ap_t ap)
{
  size_t round = 0, first = me * LISTS;
  timer_t timer = start_timer();
  while (!over) {
    size_t i = first + round++ * 13 % LISTS, n;
    table[i] = NULL;
    for (n = 0; n < LENGTH; ++n) {
      mps_addr_t p;
      obj_s *o;
      do {
        CHECK(mps_reserve(&p, ap, sizeof(obj_s)) == MPS_RES_OK);
        o = p;
        o->kind = PAIR;
        o->next = table[i];
        o->number = i;
      } while (!mps_commit(ap, p, sizeof(obj_s)));
      /* Or a handler on another thread might see it before what is in it. */
      atomic_thread_fence(memory_order_release);
      table[i] = p;
    }
    atomic_fetch_add(&made[me], 1);
    if (me == 0 && round % 20000 == 0) {
      CHECK(mps_arena_collect(arena) == MPS_RES_OK);
      mps_arena_release(arena);
    }
  }
  CHECK(timer_delete(timer) == 0);
}

static void *thread(void *number)
{
  mps_thr_t thr;
  mps_root_t root;
  mps_ap_t ap;
  void *volatile cold = (void *)&cold;
  me = (size_t)number;
  where = me * 101;
  CHECK(mps_thread_reg(&thr, arena) == MPS_RES_OK);
  CHECK(mps_root_create_thread(&root, arena, thr, cold) == MPS_RES_OK);
  CHECK(mps_ap_create_k(&ap, pool, mps_args_none) == MPS_RES_OK);
  atomic_fetch_add(&ready, 1);
  work(ap);
  mps_ap_destroy(ap);
  mps_root_destroy(root);
  mps_thread_dereg(thr);
  return NULL;
}

/* Lets the time go by; ends the program if a thread stands still. */
static void watch(unsigned seconds)
{
  size_t last[THREADS] = {0};
  unsigned still[THREADS] = {0}, tenths, i;
  static const struct timespec tenth = {0, 100000000};
  for (tenths = 0; tenths < seconds * 10; ++tenths) {
    nanosleep(&tenth, NULL);
    for (i = 0; i < THREADS; ++i) {
      if (made[i] != last[i]) {
        still[i] = 0;
      } else if (++still[i] > PATIENCE * 10) {
        printf("thread %u hangs\n", i);
        fflush(stdout);
        _exit(2);
      } else if (still[i] > 1) {
        --tenths; /* not before it goes on */
      }
      last[i] = made[i];
    }
  }
  over = 1;
}

int main(int argc, char **argv)
{
  mps_fmt_t format;
  mps_root_t root;
  mps_x_stats_s stats;
  pthread_t threads[THREADS];
  struct sigaction sa;
  size_t i, handlers = 0, lists = 0;

  memset(&sa, 0, sizeof sa);
  sa.sa_handler = handler;
  sa.sa_flags = SA_RESTART;
  CHECK(sigaction(SIGRTMIN, &sa, NULL) == 0);

  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, (size_t)16 << 20);
    MPS_ARGS_ADD(args, MPS_KEY_X_PAUSE_TIME_US, 200);
    CHECK(mps_arena_create_k(&arena, mps_arena_class_vm(), args) == MPS_RES_OK);
  } MPS_ARGS_END(args);
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
  CHECK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, (mps_addr_t *)table, THREADS * LISTS)
        == MPS_RES_OK);

  for (i = 0; i < THREADS; ++i)
    CHECK(pthread_create(&threads[i], NULL, thread, (void *)i) == 0);
  while (ready < THREADS)
    sched_yield();
  watch(argc > 1 ? (unsigned)atoi(argv[1]) : 2);
  for (i = 0; i < THREADS; ++i) {
    CHECK(pthread_join(threads[i], NULL) == 0);
    handlers += handled[i];
    lists += made[i];
  }
  stats.struct_size = sizeof stats;
  mps_x_stats(arena, &stats);
  printf("%lu collections, %lu lists, %lu runs of the handler (%lu old copies), %lu and %lu barrier hits\n",
         (unsigned long)mps_collections(arena), (unsigned long)lists, (unsigned long)handlers,
         (unsigned long)old_copies,
         (unsigned long)stats.barrier_hits_read, (unsigned long)stats.barrier_hits_write);
  CHECK(handlers > 1000);
  CHECK(mps_collections(arena) > 5);
  CHECK(stats.barrier_hits_read > 0);

  mps_arena_park(arena);
  mps_root_destroy(root);
  mps_pool_destroy(pool);
  mps_fmt_destroy(format);
  mps_arena_destroy(arena);
  return 0;
}
