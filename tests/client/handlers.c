/* handlers.c -- signal handlers of the client's beside the library's
 *
 * A SIGSEGV handler installed before the library's sees its own faults (more
 * of that in sigsegv.c); one installed after it sees all, and hands on those
 * that are not its own.  A handler of a timer's signal may read managed
 * memory, the barrier notwithstanding, wherever it interrupts the program.
 */

#define _GNU_SOURCE
#include "common.h"
#include "mpscawl.h"
#include "mpscmfs.h"
#include "mpscmvff.h"
#include "mpscmvt.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static mps_arena_t arena;
static mps_fmt_t fmt;
static mps_chain_t chain;
static mps_pool_t pool;
static mps_ap_t ap;

static void world(double pause)
{
  arena = arena_vm((size_t)64 << 20);
  mps_arena_pause_time_set(arena, pause);
  chain = chain_make(arena, 3, 100);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
}

/* A workload that hits barriers all the time.  The comparison notes where
 * objects are, so no other thread's collection may come into it. */
static int with_others;

static void verify(graph_t g)
{
  if (with_others)
    mps_arena_park(arena);
  graph_verify(g);
  if (with_others)
    mps_arena_release(arena);
}

static volatile unsigned long done;     /* the program gets on */

static void work(int steps)
{
  graph_s g;
  int i;
  graph_init(&g, arena, 0, 50, 3000, 10, ap, 0, NULL, 0);
  for (i = 0; i < steps; ++i) {
    graph_step(&g);
    ++done;
    if (i % 1000 == 999) {
      CHECK_OK(mps_arena_start_collect(arena));
      (void)mps_arena_step(arena, 0.0, 0.0);
      verify(&g);
    }
  }
  verify(&g);
  graph_finish(&g);
}

/* --- two handlers of SIGSEGV, each with a page of its own --- */

static char *page[2];
static volatile sig_atomic_t hits[2], passed;
static struct sigaction before;         /* what the later one replaced */
static char alt[65536];
static int *volatile wild = (int *)64;

static int fault_in(int i, siginfo_t *info)
{
  char *a = info->si_addr;
  if (a < page[i] || a >= page[i] + 4096)
    return 0;
  ++hits[i];
  mprotect(page[i], 4096, PROT_READ | PROT_WRITE);
  return 1;
}

static void earlier(int sig, siginfo_t *info, void *context)
{
  (void)sig;
  (void)context;
  if (!fault_in(0, info))
    _exit(50);                  /* nobody's */
}

static void later(int sig, siginfo_t *info, void *context)
{
  if (fault_in(1, info))
    return;
  ++passed;
  before.sa_sigaction(sig, info, context);
}

static void install(void (*f)(int, siginfo_t *, void *), int flags,
                    struct sigaction *old)
{
  struct sigaction sa;
  memset(&sa, 0, sizeof sa);
  sa.sa_sigaction = f;
  sa.sa_flags = SA_SIGINFO | flags;
  sigemptyset(&sa.sa_mask);
  CHECK_EQ(sigaction(SIGSEGV, &sa, old), 0);
}

static void alternate_stack(void)
{
  stack_t s;
  memset(&s, 0, sizeof s);
  s.ss_sp = alt;
  s.ss_size = sizeof alt;
  CHECK_EQ(sigaltstack(&s, NULL), 0);
}

static void pages(void)
{
  int i;
  for (i = 0; i < 2; ++i) {
    page[i] = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page[i] != MAP_FAILED);
  }
}

static void touch(int i)
{
  int n = hits[i];
  CHECK_EQ(mprotect(page[i], 4096, PROT_NONE), 0);
  *(volatile char *)(page[i] + 7) = 1;
  CHECK_EQ(hits[i], n + 1);
}

static void installed_before(void)
{
  int i;
  pages();
  alternate_stack();
  install(earlier, SA_ONSTACK, NULL);
  world(0.0);
  for (i = 0; i < 5; ++i) {
    work(4000);
    touch(0);
  }
  CHECK_EQ(hits[0], 5);
}

static void installed_after(int first, int flags)
{
  int i;
  pages();
  if (flags & SA_ONSTACK)
    alternate_stack();
  if (first)
    install(earlier, flags, NULL);
  world(0.0);
  install(later, flags, &before);
  for (i = 0; i < 5; ++i) {
    work(4000);
    touch(1);
    if (first)
      touch(0);
  }
  CHECK_EQ(hits[1], 5);
  if (soft_barrier())
    part("NOT CHECKED (a software barrier has no faults): they pass through");
  else
    CHECK(passed > 20);         /* the barrier's faults came through it */
}

static void after_plain(void) { installed_after(0, 0); }
static void after_nodefer(void) { installed_after(0, SA_NODEFER); }
static void after_onstack(void) { installed_after(0, SA_ONSTACK); }
static void on_both_sides(void) { installed_after(1, SA_ONSTACK); }

/* What is nobody's still kills, through all of them. */
static void wild_fault(void)
{
  int status;
  pid_t pid;
  fflush(stdout);
  pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    pages();
    world(0.0);
    install(later, SA_NODEFER, &before);
    work(3000);
    *wild = 1;
    _exit(0);
  }
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

/* --- dependent objects are open while scanning --- */

static volatile int looking;
static volatile sig_atomic_t faults_while_looking;
static unsigned long looks;

static void notes_looks(int sig, siginfo_t *info, void *context)
{
  faults_while_looking += looking;
  before.sa_sigaction(sig, info, context);
}

static mps_addr_t values_of(mps_addr_t p)
{
  obj_t o = p;
  return obj_kind(o) == KIND_VECTOR && o->slot[0] & 1
         ? (mps_addr_t)(o->slot[0] - 1) : NULL;
}

static mps_res_t scan_keys(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  mps_addr_t p;
  for (p = base; p < limit; p = obj_skip(p)) {
    obj_t values = values_of(p);
    if (values != NULL) {
      looking = 1;
      *(volatile word *)&values->slot[1] = number(++looks);
      looking = 0;
    }
  }
  return obj_scan(ss, base, limit);
}

static void dependents_are_open(void)
{
  enum { TABLES = 60 };
  static mps_addr_t keys[TABLES], values[TABLES];
  mps_fmt_t f = NULL;
  mps_pool_t awl = NULL;
  mps_ap_t weak = NULL, exact;
  mps_root_t r[2];
  int i, round;
  world(0.0);
  install(notes_looks, SA_NODEFER, &before);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan_keys);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, obj_skip);
    CHECK_OK(mps_fmt_create_k(&f, arena, args));
  } MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, f);
    MPS_ARGS_ADD(args, MPS_KEY_AWL_FIND_DEPENDENT, values_of);
    CHECK_OK(mps_pool_create_k(&awl, arena, mps_class_awl(), args));
  } MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_weak());
    CHECK_OK(mps_ap_create_k(&weak, awl, args));
  } MPS_ARGS_END(args);
  exact = ap_make(awl);
  CHECK_OK(mps_root_create_table(&r[0], arena, mps_rank_exact(), 0, keys,
                                 TABLES));
  CHECK_OK(mps_root_create_table(&r[1], arena, mps_rank_exact(), 0, values,
                                 TABLES));
  mps_arena_park(arena);
  for (i = 0; i < TABLES; ++i) {        /* a good many segments */
    values[i] = obj_new(exact, 0, KIND_VECTOR, 2000, 1);
    keys[i] = obj_new(weak, 0, KIND_VECTOR, 3, 2);
    ((obj_t)keys[i])->slot[0] = (word)values[i] + 1;
    ((obj_t)values[i])->slot[3] = (word)keys[i];
  }
  for (round = 0; round < 12; ++round) {
    CHECK_OK(mps_arena_start_collect(arena));
    for (i = 0; mps_arena_step(arena, 0.0, 0.0); ++i)
      CHECK(i < 100000);
    CHECK_OK(mps_arena_collect(arena));
  }
  CHECK(looks > TABLES * 12);
  CHECK_EQ(faults_while_looking, 0);
}

/* --- a timer whose handler reads managed memory --- */

/* Objects that stay where they are, with references, so that the barrier
 * comes to be on them; they refer to each other and to young ones. */
enum { PINNED = 300, SLOTS = 40 };
static mps_addr_t pinned[PINNED];       /* an ambiguous root */
static volatile unsigned long ticks, reads;
static volatile word sum;
static timer_t timer;
static volatile long period;            /* of the timer, ns; 0 for none */

/* Where a signal takes as long as the period, the program would stand still. */
static void slower_if_stuck(void)
{
  static unsigned long was, since;
  struct itimerspec s;
  if (period == 0 || done != was) {
    was = done;
    since = ticks;
  } else if (ticks - since >= 2000) {
    since = ticks;
    period *= 2;
    s.it_interval.tv_sec = s.it_value.tv_sec = 0;
    s.it_interval.tv_nsec = s.it_value.tv_nsec = period;
    (void)timer_settime(timer, 0, &s, NULL);
  }
}

static void on_tick(int sig)
{
  int e = errno;
  static unsigned at;
  int i;
  (void)sig;
  ++ticks;
  for (i = 0; i < 10; ++i) {
    obj_t o = pinned[at++ % PINNED];
    if (o != NULL) {
      /* its own words only: what they refer to may be on the move */
      sum += o->head ^ o->serial ^ o->slot[at % SLOTS];
      ++reads;
    }
  }
  slower_if_stuck();
  errno = e;
}

static void tick_action(void)
{
  struct sigaction sa;
  memset(&sa, 0, sizeof sa);
  sa.sa_handler = on_tick;
  sa.sa_flags = SA_RESTART;
  sigemptyset(&sa.sa_mask);
  CHECK_EQ(sigaction(SIGPROF, &sa, NULL), 0);
}

/* References that were read from them, in an exact root, which a collection
 * under way does not look at any more. */
static mps_addr_t taken[200];

static void make_pinned(void)
{
  mps_root_t r;
  size_t i, k;
  CHECK_OK(mps_root_create_table(&r, arena, mps_rank_ambig(), 0, pinned,
                                 PINNED));
  CHECK_OK(mps_root_create_table(&r, arena, mps_rank_exact(), 0, taken, 200));
  mps_arena_park(arena);
  for (i = 0; i < PINNED; ++i) {
    pinned[i] = obj_new(ap, 0, KIND_VECTOR, SLOTS, i);
    garbage(ap, 0, 20, 20);
  }
  for (i = 0; i < PINNED; ++i)
    for (k = 0; k < SLOTS; ++k)
      ((obj_t)pinned[i])->slot[k] = k % 2 ? number(i)
                                    : (word)pinned[rnd_below(PINNED)];
  mps_arena_release(arena);
}

static void check_pinned(void)
{
  size_t i, k;
  for (i = 0; i < 200; ++i)
    if (taken[i] != NULL)
      CHECK(obj_is(taken[i], KIND_LEAF, 3, 4711));
  for (i = 0; i < PINNED; ++i) {
    obj_t o = pinned[i];
    CHECK(obj_is(o, KIND_VECTOR, SLOTS, i));
    ++done;
    for (k = 1; k < SLOTS; k += 2)
      CHECK_EQ(o->slot[k], number(i));
    for (k = 0; k < SLOTS; k += 2) {
      obj_t to = (obj_t)o->slot[k];
      /* another pinned one, or a leaf, which moves */
      if (obj_kind(to) == KIND_VECTOR)
        CHECK(obj_is(to, KIND_VECTOR, SLOTS, to->serial));
      else
        CHECK(obj_is(to, KIND_LEAF, 3, 4711));
      if (obj_kind(to) == KIND_LEAF && k % 8 == 2)
        taken[rnd_below(200)] = to;
    }
  }
}

static void write_pinned(void)
{
  size_t i;
  for (i = 0; i < 300; ++i) {
    obj_t o = pinned[rnd_below(PINNED)];
    size_t k = 2 * rnd_below(SLOTS / 2);
    word leaf = (word)obj_new(ap, 0, KIND_LEAF, 3, 4711);
    o->slot[k] = leaf;
    ++done;
  }
}

static void prof_timer(void)
{
  struct itimerval t;
  double end;
  world(0.0);
  make_pinned();
  tick_action();
  t.it_interval.tv_sec = t.it_value.tv_sec = 0;
  t.it_interval.tv_usec = t.it_value.tv_usec = 1000;    /* 1 kHz */
  CHECK_EQ(setitimer(ITIMER_PROF, &t, NULL), 0);
  for (end = now() + 60.0; ticks < 100 && now() < end;) {
    work(5000);
    write_pinned();
    check_pinned();
  }
  memset(&t, 0, sizeof t);
  CHECK_EQ(setitimer(ITIMER_PROF, &t, NULL), 0);
  CHECK(ticks >= 100 && reads >= 1000);
  work(1000);
}

/* The same many times as often, so that every place is interrupted. */
static void start_timer(long ns)
{
  struct sigevent e;
  struct itimerspec s;
  memset(&e, 0, sizeof e);
  e.sigev_notify = SIGEV_SIGNAL;
  e.sigev_signo = SIGPROF;
  CHECK_EQ(timer_create(CLOCK_MONOTONIC, &e, &timer), 0);
  period = ns;
  s.it_interval.tv_sec = s.it_value.tv_sec = 0;
  s.it_interval.tv_nsec = s.it_value.tv_nsec = ns;
  CHECK_EQ(timer_settime(timer, 0, &s, NULL), 0);
}

static void stop_timer(long ns)
{
  timer_delete(timer);
  if (period != ns)
    part("signals take long here: in the end one every %ld us", period / 1000);
  period = 0;
}

static void fast_timer(void)
{
  world(0.0);
  make_pinned();
  tick_action();
  start_timer(20000);
  while (ticks < 20000) {
    int i;
    work(1000);
    for (i = 0; i < 20; ++i) {
      write_pinned();
      CHECK_OK(mps_arena_start_collect(arena));
      (void)mps_arena_step(arena, 0.0, 0.0);
      check_pinned();
    }
  }
  stop_timer(20000);
  check_pinned();
}

static volatile int quit;
static void *other_thread(void *p)
{
  mps_thr_t thr;
  mps_root_t r;
  mps_ap_t a;
  void *cold = NULL;
  (void)p;
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread(&r, arena, thr, &cold));
  a = ap_make(pool);
  while (!quit) {
    obj_t o = obj_new(a, 0, KIND_VECTOR, 30, 9);
    o->slot[1] = (word)pinned[7];
    garbage(a, 0, 50, 20);
    CHECK(obj_is((obj_t)o->slot[1], KIND_VECTOR, SLOTS, 7));
  }
  mps_ap_destroy(a);
  mps_root_destroy(r);
  mps_thread_dereg(thr);
  return NULL;
}

/* Does a handler run with what its action says blocked?  QEMU 7.2 for RISC-V
 * looks for that in the wrong place; then no stopped thread can be left alone. */
static sigset_t in_handler;
static void looks_at_mask(int sig)
{
  (void)sig;
  pthread_sigmask(SIG_BLOCK, NULL, &in_handler);
}

static int has_masks(const char *what)
{
  struct sigaction a;
  memset(&a, 0, sizeof a);
  a.sa_handler = looks_at_mask;
  sigfillset(&a.sa_mask);
  CHECK_EQ(sigaction(SIGUSR2, &a, NULL), 0);
  raise(SIGUSR2);
  if (sigismember(&in_handler, SIGUSR1))
    return 1;
  CHECK(getenv("MPS_TEST_NO_RLIMIT") != NULL);  /* an emulator */
  part("NOT CHECKED (handlers' masks are not kept here): %s", what);
  return 0;
}

static void fast_timer_threads(void)
{
  pthread_t th[2];
  int i;
  mps_thr_t thr;
  mps_root_t r;
  void *cold = NULL;
  if (!has_masks("a timer's handler with other threads"))
    return;
  world(0.001);
  with_others = 1;
  /* Others collect while this one has references in its hands: the graph's are
   * tagged, which mps_root_create_thread does not take for references. */
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread_scanned(&r, arena, mps_rank_ambig(), 0, thr,
                                          mps_scan_area, NULL, &cold));
  make_pinned();
  for (i = 0; i < 2; ++i)
    CHECK_EQ(pthread_create(&th[i], NULL, other_thread, NULL), 0);
  tick_action();
  start_timer(100000);
  while (ticks < 5000) {
    work(3000);
    write_pinned();
    check_pinned();
  }
  stop_timer(100000);
  quit = 1;
  for (i = 0; i < 2; ++i)
    CHECK_EQ(pthread_join(th[i], NULL), 0);
  check_pinned();
}

/* --- the same, where threads have locks of manual pools --- */

/* The handler waits for the arena, or stops all other threads, wherever it
 * interrupts: with a pool's lock held, or in the midst of growing one.  Another
 * thread is inside then and needs that pool. */
enum { SHARED = 3, MINE = 600 };
static mps_pool_t shared[SHARED];       /* MVFF, MVT, MFS */
static volatile unsigned long rounds[2];

static void make_shared(void)
{
  mps_addr_t p;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_SPARE, 0.0);       /* give all back at once */
    CHECK_OK(mps_pool_create_k(&shared[0], arena, mps_class_mvff(), args));
  } MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_MVT_FRAG_LIMIT, 0.1);
    CHECK_OK(mps_pool_create_k(&shared[1], arena, mps_class_mvt(), args));
  } MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, 200);
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, 4096);
    CHECK_OK(mps_pool_create_k(&shared[2], arena, mps_class_mfs(), args));
  } MPS_ARGS_END(args);
  CHECK_OK(mps_alloc(&p, shared[0], (size_t)3 << 20));  /* enough for shards */
}

static mps_addr_t reserve(mps_ap_t a, size_t size)
{
  mps_addr_t p;
  do
    CHECK_OK(mps_reserve(&p, a, size));
  while (!mps_commit(a, p, size));
  return p;
}

static void *pool_user(void *arg)
{
  int me = (int)(word)arg;
  static mps_addr_t block[2][4][MINE];
  static size_t size[2][3][MINE];
  mps_thr_t thr;
  CHECK_OK(mps_thread_reg(&thr, arena));
  while (!quit) {
    mps_ap_t a[2];
    mps_addr_t large;
    size_t i, k;
    for (k = 0; k < 2; ++k)
      a[k] = ap_make(shared[k]);
    for (i = 0; i < MINE; ++i) {
      for (k = 0; k < 3; ++k)
        size[me][k][i] = 8 * (1 + (i * 7 + k + rounds[me]) % (i % 50 ? 30 : 900));
      CHECK_OK(mps_alloc(&block[me][0][i], shared[0], size[me][0][i]));
      block[me][1][i] = reserve(a[0], size[me][1][i]);
      block[me][2][i] = reserve(a[1], size[me][2][i]);
      CHECK_OK(mps_alloc(&block[me][3][i], shared[2], 200));
      *(word *)block[me][3][i] = i;
    }
    CHECK_OK(mps_alloc(&large, shared[0], (size_t)1 << 20));
    mps_free(shared[0], large, (size_t)1 << 20);
    for (i = 0; i < MINE; ++i) {
      CHECK_EQ(*(word *)block[me][3][i], i);
      mps_free(shared[0], block[me][0][i], size[me][0][i]);
      mps_free(shared[0], block[me][1][i], size[me][1][i]);
      mps_free(shared[1], block[me][2][i], size[me][2][i]);
      mps_free(shared[2], block[me][3][i], 200);
      if (i % 100 == 0)
        CHECK(mps_pool_free_size(shared[i / 100 % 3])
              <= mps_arena_committed(arena));
    }
    for (k = 0; k < 2; ++k)
      mps_ap_destroy(a[k]);
    ++rounds[me];
    ++done;
  }
  mps_thread_dereg(thr);
  return NULL;
}

static void interrupted_pool_users(void)
{
  enum { KICKS = 1000, FORKS = 10 };
  pthread_t th[2];
  mps_thr_t thr;
  mps_root_t r;
  void *cold = NULL;
  int i, status;
  if (!has_masks("a timer's handler with manual pools"))
    return;
  world(0.0);
  with_others = 1;
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread_scanned(&r, arena, mps_rank_ambig(), 0, thr,
                                          mps_scan_area, NULL, &cold));
  make_pinned();
  make_shared();
  tick_action();
  for (i = 0; i < 2; ++i)
    CHECK_EQ(pthread_create(&th[i], NULL, pool_user, (void *)(word)i), 0);
  for (i = 0; i < KICKS || ticks < 200 || rounds[0] < 10 || rounds[1] < 10;
       ++i) {
    CHECK_OK(mps_arena_start_collect(arena));
    (void)mps_arena_step(arena, 0.0, 0.0);
    CHECK_EQ(pthread_kill(th[i & 1], SIGPROF), 0);
    if (i % 8 == 0)
      write_pinned();
    if (i % (KICKS / FORKS) == 0) {
      pid_t pid;
      fflush(stdout);
      pid = fork();
      CHECK(pid >= 0);
      if (pid == 0) {           /* a child can use them all */
        mps_addr_t p;
        CHECK_OK(mps_alloc(&p, shared[0], (size_t)2 << 20));
        mps_free(shared[0], p, (size_t)2 << 20);
        CHECK_OK(mps_alloc(&p, shared[2], 200));
        mps_free(shared[2], p, 200);
        _exit(0);
      }
      CHECK_EQ(waitpid(pid, &status, 0), pid);
      CHECK_EQ(status, 0);
    }
  }
  quit = 1;
  for (i = 0; i < 2; ++i)
    CHECK_EQ(pthread_join(th[i], NULL), 0);
  check_pinned();
  CHECK(reads > 200);
}

static const case_s cases[] = {
  {"a SIGSEGV handler installed before the library's", installed_before},
  {"a SIGSEGV handler installed after the library's", after_plain},
  {"one after, that may be interrupted by itself", after_nodefer},
  {"one after, on an alternate stack", after_onstack},
  {"one on each side", on_both_sides},
  {"a fault that is nobody's still kills", wild_fault},
  {"AWL: dependents are open while scanning", dependents_are_open},
  {"a SIGPROF timer at 1 kHz that reads managed memory", prof_timer},
  {"the same at 50 kHz", fast_timer},
  {"the same with other threads", fast_timer_threads},
  {"the same on threads that use manual pools", interrupted_pool_users}
};

int main(void)
{
  test_begin("handlers");
  if (reference())
    return test_end();          /* its lock is in the way of such handlers */
  return CASES_RUN(cases);
}
