/* blocking.c -- threads in blocking regions are not stopped, and keep what they hold
 *
 * Five threads sit in system calls while the main thread collects: nanosleep, poll,
 * epoll_wait, sem_timedwait and usleep.  Each has an object that only its stack
 * refers to.
 */

#define _GNU_SOURCE
#include "common.h"
#include "mpsx.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/epoll.h>
#endif

enum { KINDS = 5, SLOTS = 20, COLLECTIONS = 300 };

static mps_arena_t arena;
static mps_chain_t chain;
static mps_fmt_t fmt;
static mps_pool_t pool;
static mps_ap_t ap;

static size_t stops(void)
{
  mps_x_stats_s s;
  s.struct_size = sizeof s;
  CHECK_OK(mps_x_stats(arena, &s));
  return (size_t)s.thread_stops;
}

/* --- what each thread does --- */

typedef struct job_s {
  int kind;
  int regions;                  /* wait in a region? */
  int tight;                    /* no waiting at all: region after region */
  int twice;                    /* registered twice */
  unsigned long calls, interrupted, rounds;
  word masked;                  /* its object's address, disguised */
  mps_thr_t thr, other;
  sem_t never, ready, leave;
  pthread_t id;
} job_s;

static volatile int done;
static const word key = ~(word)0 / 3 ^ (word)0x5a5a;

static int system_call(job_s *j)
{
  struct timespec ts = {0, 3000000};
  switch (j->kind) {
  case 0:
    return nanosleep(&ts, NULL);
  case 1:
    return poll(NULL, 0, 3);
  case 2: {
#ifdef __linux__
    struct epoll_event e;
    int fd = epoll_create(1), rc, saved;
    CHECK(fd >= 0);
    rc = epoll_wait(fd, &e, 1, 3);
    saved = errno;
    close(fd);
    errno = saved;
    return rc;
#else
    return poll(NULL, 0, 3);
#endif
  }
  case 3:
    clock_gettime(CLOCK_REALTIME, &ts);
    ts.tv_nsec += 3000000;
    if (ts.tv_nsec >= 1000000000) {
      ts.tv_nsec -= 1000000000;
      ++ts.tv_sec;
    }
    return sem_timedwait(&j->never, &ts);
  default:
    return usleep(3000);
  }
}

/* The region: a function of its own, without references. */
__attribute__((noinline)) static void wait_once(job_s *j)
{
  if (j->regions)
    mps_x_blocking_begin(j->thr);
  if (!j->tight) {
    scrub_stack();
    if (system_call(j) < 0 && errno == EINTR)
      ++j->interrupted;
    ++j->calls;
  }
  if (j->regions)
    mps_x_blocking_end(j->thr);
}

/* In one region from the beginning of a test to its end. */
__attribute__((noinline)) static void wait_long(job_s *j)
{
  mps_x_blocking_begin(j->thr);
  mps_x_blocking_begin(j->thr);         /* regions nest */
  scrub_stack();
  mps_x_blocking_end(j->thr);
  CHECK_EQ(sem_post(&j->ready), 0);
  if (sem_wait(&j->leave) != 0)
    ++j->interrupted;
  mps_x_blocking_end(j->thr);
}

static void (*volatile once)(job_s *) = wait_once;
static void (*volatile at_length)(job_s *) = wait_long;

__attribute__((noinline)) static void live(job_s *j, int at_once)
{
  mps_ap_t own = ap_make(pool);
  obj_t o = obj_new(own, 0, KIND_LEAF, SLOTS, (word)j->kind + 100);
  mps_ap_destroy(own);
  j->masked = (word)o ^ key;
  if (at_once) {
    at_length(j);
    CHECK_EQ((word)o, j->masked ^ key);
    CHECK(obj_is(o, KIND_LEAF, SLOTS, (word)j->kind + 100));
    return;
  }
  while (!done) {
    once(j);
    CHECK(obj_is(o, KIND_LEAF, SLOTS, (word)j->kind + 100));
    ++j->rounds;
  }
}

static void *thread(void *p)
{
  job_s *j = p;
  mps_root_t root;
  CHECK_OK(mps_thread_reg(&j->thr, arena));
  j->other = j->thr;
  if (j->twice)
    CHECK_OK(mps_thread_reg(&j->thr, arena));
  CHECK_OK(mps_x_root_create_stack(&root, arena, j->thr));
  live(j, j->kind < 0);
  mps_root_destroy(root);
  mps_thread_dereg(j->thr);
  return NULL;
}

static void start(job_s *j, int kind, int regions, int tight, int twice)
{
  memset(j, 0, sizeof *j);
  j->kind = kind;
  j->regions = regions;
  j->tight = tight;
  j->twice = twice;
  CHECK_EQ(sem_init(&j->never, 0, 0), 0);
  CHECK_EQ(sem_init(&j->ready, 0, 0), 0);
  CHECK_EQ(sem_init(&j->leave, 0, 0), 0);
  CHECK_EQ(pthread_create(&j->id, NULL, thread, j), 0);
}

static void join(job_s *j)
{
  CHECK_EQ(pthread_join(j->id, NULL), 0);
  sem_destroy(&j->never);
  sem_destroy(&j->ready);
  sem_destroy(&j->leave);
}

/* Allocate, and collect in steps, until there were n collections more. */
static void collections(size_t n)
{
  mps_word_t until = mps_collections(arena) + n;
  mps_arena_release(arena);
  while (mps_collections(arena) < until) {
    garbage(ap, 0, 500, 60);
    if (rnd_below(4) == 0)
      CHECK_OK(mps_arena_start_collect(arena));
  }
}

/* --- tests --- */

static void calls(int regions)
{
  static job_s jobs[KINDS];
  unsigned long n = 0, interrupted = 0, rounds = 0;
  size_t before = stops();
  int i;
  done = 0;
  for (i = 0; i < KINDS; ++i)
    start(&jobs[i], i, regions, 0, 0);
  /* Each has to have been in several calls, however the machine is loaded. */
  do {
    collections(50);
    for (n = 0, i = 0; i < KINDS; ++i)
      n += jobs[i].rounds < 5;
  } while (n != 0);
  collections(COLLECTIONS);
  done = 1;
  for (n = 0, i = 0; i < KINDS; ++i) {
    join(&jobs[i]);
    n += jobs[i].calls;
    interrupted += jobs[i].interrupted;
    rounds += jobs[i].rounds;
  }
  if (regions)
    CHECK_EQ(interrupted, 0);
  else
    CHECK(stops() > before + COLLECTIONS / 2 && interrupted > 0);
  part("%s: %lu of %lu calls interrupted, %lu stops, %d collections",
       regions ? "in regions" : "without regions", interrupted, n,
       (unsigned long)(stops() - before), COLLECTIONS);
}

static void at_rest(int twice)
{
  static job_s jobs[3];
  size_t before, i;
  for (i = 0; i < 3; ++i) {
    start(&jobs[i], -1 - (int)i, 1, 0, twice);
    CHECK_EQ(sem_wait(&jobs[i].ready), 0);
    /* The registration that stands for the thread goes. */
    if (twice)
      mps_thread_dereg(jobs[i].other);
  }
  before = stops();
  collections(COLLECTIONS);
  CHECK_EQ(stops(), before);
  for (i = 0; i < 3; ++i) {
    mps_arena_park(arena);
    CHECK(mps_arena_has_addr(arena, (mps_addr_t)(jobs[i].masked ^ key)));
    mps_arena_release(arena);
    CHECK_EQ(sem_post(&jobs[i].leave), 0);
    join(&jobs[i]);
    CHECK_EQ(jobs[i].interrupted, 0);
  }
  part("none is stopped in a region, its objects stay%s",
       twice ? "; registered twice" : "");
}

/* A region's end comes in the midst of flips. */
static void in_turn(void)
{
  static job_s jobs[3];
  unsigned long rounds = 0;
  int i;
  done = 0;
  for (i = 0; i < 3; ++i)
    start(&jobs[i], i, 1, 1, 0);
  collections(COLLECTIONS);
  done = 1;
  for (i = 0; i < 3; ++i) {
    join(&jobs[i]);
    rounds += jobs[i].rounds;
  }
  CHECK(rounds > 3);
  part("region after region, in the midst of collections");
}

/* --- misuse is reported --- */

static void *end_of_another(void *p)
{
  mps_x_blocking_end(p);
  return NULL;
}

static void misuse(mps_thr_t thr)
{
  pthread_t t;
  REPORTED(mps_x_blocking_end(thr));
  CHECK(strstr(reports_text, "thread is in a blocking region") != NULL);
  mps_x_blocking_begin(thr);
  REPORTED((CHECK_EQ(pthread_create(&t, NULL, end_of_another, thr), 0),
            CHECK_EQ(pthread_join(t, NULL), 0)));
  mps_x_blocking_end(thr);
  part("an end without a beginning, and by another thread, are reported");
}

int main(void)
{
  mps_thr_t thr;
  mps_root_t root;
  test_begin("blocking");
  arena = arena_vm((size_t)64 << 20);
  chain = chain_make(arena, 2, 100);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_x_root_create_stack(&root, arena, thr));
  calls(0);
  calls(1);
  at_rest(0);
  at_rest(1);
  in_turn();
  misuse(thr);
  mps_arena_park(arena);
  mps_root_destroy(root);
  mps_thread_dereg(thr);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_chain_destroy(chain);
  mps_arena_destroy(arena);
  return test_end();
}
