/* stacks.c -- threads on their own stacks, and on others
 *
 * What a thread holds is looked for between its stack pointer and the cold end
 * of its stack.  When those are on two stacks, because the thread runs a
 * coroutine or a handler on a signal stack, the library must say so: there is
 * unmapped memory in between.
 */

#include "world.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#ifdef HAVE_MPSX
#include "mpsx.h"
#endif

int pthread_getattr_np(pthread_t, pthread_attr_t *);
extern char **environ;

enum { STACK = 256 << 10 };

static mps_thr_t thr;
static mps_root_t stack_root;

static void *memory(size_t size)
{
  void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(p != MAP_FAILED);
  return p;
}

static void collect(void)
{
  garbage(ap, 0, 100, 20);      /* something to be collected */
  CHECK_OK(mps_arena_collect(arena));
  mps_arena_release(arena);
}

/* --- coroutines --- */

static __thread ucontext_t back, there;

static void on_coroutine(void (*f)(void))
{
  CHECK_EQ(getcontext(&there), 0);
  there.uc_stack.ss_sp = memory(STACK);
  there.uc_stack.ss_size = STACK;
  there.uc_link = &back;
  makecontext(&there, f, 0);
  CHECK_EQ(swapcontext(&back, &there), 0);
}

/* --- signal stacks --- */

static void on_signal_stack(int sig, void (*f)(int))
{
  struct sigaction sa;
  stack_t st;
  memset(&st, 0, sizeof st);
  st.ss_sp = memory(STACK);
  st.ss_size = STACK;
  CHECK_EQ(sigaltstack(&st, NULL), 0);
  memset(&sa, 0, sizeof sa);
  sa.sa_handler = f;
  sa.sa_flags = SA_ONSTACK;
  CHECK_EQ(sigaction(sig, &sa, NULL), 0);
}

/* --- the calling thread --- */

static void signal_collects(int sig)
{
  (void)sig;
  collect();
}

static void calling_on_coroutine(void)
{
  void *cold = NULL;
  if (reference())
    return;
  world();
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread(&stack_root, arena, thr, &cold));
  reports_leave = 1;
  REPORTED(on_coroutine(collect));
  CHECK(strstr(reports_text, "the calling thread is on its own stack") != NULL);
}

static void fills_memory(void)
{
  garbage(ap, 0, 200000, 20);
}

static void allocating_on_coroutine(void)
{
  void *cold = NULL;
  if (reference())
    return;
  world();
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread(&stack_root, arena, thr, &cold));
  reports_leave = 1;
  REPORTED(on_coroutine(fills_memory));
  CHECK(strstr(reports_text, "the calling thread is on its own stack") != NULL);
}

static void calling_on_signal_stack(void)
{
  void *cold = NULL;
  if (reference())
    return;
  world();
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread(&stack_root, arena, thr, &cold));
  on_signal_stack(SIGUSR1, signal_collects);
  reports_leave = 1;
  REPORTED(raise(SIGUSR1));
  CHECK(strstr(reports_text, "the calling thread is on its own stack") != NULL);
}

/* Coroutines are no harm while nothing is collected, nor afterwards. */
static void nothing(void)
{
}

static void back_from_coroutine(void)
{
  void *cold = NULL;
  world();
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread(&stack_root, arena, thr, &cold));
  on_coroutine(nothing);
  collect();
}

static void report_and_return(const char *file, unsigned line, const char *what)
{
  (void)file;
  (void)line;
  (void)what;
}

/* What the thread holds cannot be found, so there is no going on. */
static void returning_handler(void)
{
  pid_t pid;
  int status;
  if (reference())
    return;
  pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    void *cold = NULL;
    world();
    CHECK_OK(mps_thread_reg(&thr, arena));
    CHECK_OK(mps_root_create_thread(&stack_root, arena, thr, &cold));
    (void)mps_lib_assert_fail_install(report_and_return);
    on_coroutine(collect);
    _exit(0);
  }
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGTRAP);
}

/* --- another thread, stopped --- */

static volatile int ready, quit;

static void spin(void)
{
  ready = 1;
  while (!quit)
    sched_yield();
}

static void *registered_then(void *f)
{
  void *cold = NULL;
  void (*run)(void);
  memcpy(&run, &f, sizeof run);
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread(&stack_root, arena, thr, &cold));
  run();
  mps_root_destroy(stack_root);
  mps_thread_dereg(thr);
  return NULL;
}

static pthread_t start(void (*run)(void))
{
  pthread_t t;
  void *f;
  memcpy(&f, &run, sizeof f);
  ready = quit = 0;
  CHECK_EQ(pthread_create(&t, NULL, registered_then, f), 0);
  while (!ready)
    sched_yield();
  return t;
}

static void join(pthread_t t)
{
  quit = 1;
  CHECK_EQ(pthread_join(t, NULL), 0);
}

/* A thread that stands in `run`, on no stack of its own, is reported when it is stopped. */
static void stopped_elsewhere(void (*run)(void))
{
  if (reference())
    return;
  world();
  (void)start(run);
  reports_leave = 1;
  REPORTED(collect());
  CHECK(strstr(reports_text, "a stopped thread is on its own stack") != NULL);
}

static void spins_on_coroutine(void)
{
  on_coroutine(spin);
}

static void stopped_on_coroutine(void)
{
  stopped_elsewhere(spins_on_coroutine);
}

static void signal_spins(int sig)
{
  (void)sig;
  spin();
}

static void raises(void)
{
  (void)raise(SIGUSR1);
}

static void signal_on_coroutine(void)
{
  on_signal_stack(SIGUSR1, signal_spins);
  on_coroutine(raises);
}

static void stopped_above_coroutine(void)
{
  stopped_elsewhere(signal_on_coroutine);
}

/* A handler on a signal stack that only runs when its thread is stopped: what the
 * thread holds on its own stack and what it holds in the handler stay. */
static void signal_holds(int sig)
{
  volatile word held = (word)obj_new(ap, 0, KIND_LEAF, 20, 2);
  (void)sig;
  spin();
  CHECK(obj_is((obj_t)held, KIND_LEAF, 20, 2));
}

static void holds_and_raises(void)
{
  volatile word held = (word)obj_new(ap, 0, KIND_LEAF, 20, 1);
  on_signal_stack(SIGUSR1, signal_holds);
  scrub_stack();
  CHECK_EQ(raise(SIGUSR1), 0);
  CHECK(obj_is((obj_t)held, KIND_LEAF, 20, 1));
}

static void stopped_on_signal_stack(void)
{
  pthread_t t;
  int i;
  if (reference())
    return;
  world();
  mps_arena_park(arena);        /* no collection in the handler itself */
  t = start(holds_and_raises);
  for (i = 0; i < 3; ++i)
    CHECK_OK(mps_arena_collect(arena));
  join(t);
}

/* Its stack has overflowed: the stack pointer is in the guard page. */
static sigjmp_buf out;

static void overflow_spins(int sig)
{
  (void)sig;
  spin();
  siglongjmp(out, 1);
}

__attribute__((noinline)) static word overflow(word n)
{
  volatile word local[8];
  local[n % 8] = n;
  return overflow(n + 1) + local[n % 8];
}

static void overflows(void)
{
  volatile word held = (word)obj_new(ap, 0, KIND_LEAF, 20, 1);
  on_signal_stack(SIGSEGV, overflow_spins);     /* the last to come, so no pass on */
  if (sigsetjmp(out, 1) == 0)
    (void)overflow(0);
  CHECK(obj_is((obj_t)held, KIND_LEAF, 20, 1));
}

static void stopped_after_overflow(void)
{
  pthread_t t;
  if (reference())
    return;
  world();
  mps_arena_park(arena);
  t = start(overflows);
  CHECK_OK(mps_arena_collect(arena));
  join(t);
}

/* --- cold ends --- */

static mps_res_t make(mps_root_t *r, void *cold, int how)
{
  switch (how) {
  case 0:
    return mps_root_create_thread(r, arena, thr, cold);
  case 1:
    return mps_root_create_thread_tagged(r, arena, mps_rank_ambig(), 0, thr,
                                         mps_scan_area_tagged, WORD - 1, 0,
                                         cold);
  case 2:
    return mps_root_create_thread_scanned(r, arena, mps_rank_ambig(), 0, thr,
                                          mps_scan_area, NULL, cold);
  default:
    return mps_root_create_reg(r, arena, mps_rank_ambig(), 0, thr,
                               mps_stack_scan_ambig, cold, 0);
  }
}

static void refused(void *cold)
{
  int how;
  for (how = 0; how < 4; ++how) {
    mps_res_t res = MPS_RES_OK;
    mps_root_t r = NULL;
    REPORTED(res = make(&r, cold, how));
    CHECK_EQ(res, MPS_RES_PARAM);
    CHECK(r == NULL);
    CHECK(strstr(reports_text, "cold end of stack is on the thread's own stack")
          != NULL);
  }
}

static void accepted(void *cold)
{
  int how;
  for (how = 0; how < 4; ++how) {
    mps_root_t r;
    CHECK_OK(make(&r, cold, how));
    collect();
    mps_root_destroy(r);
  }
}

static void *local_of_spin;
static void spin_with_local(void)
{
  word local = 0;
  local_of_spin = &local;
  spin();
}

/* The first thread's stack has the program's arguments at its cold end, and the
 * C library may call another place the end than the kernel. */
static void cold_ends_of_first(void)
{
  static word in_data;
  word local = 0;
  pthread_attr_t a;
  void *base;
  size_t size;
  pthread_t t;
  mps_thr_t mine;
  mps_root_t r;
  if (reference())
    return;
  world();
  CHECK_OK(mps_thread_reg(&mine, arena));
  thr = mine;
  accepted(&local);
  accepted(environ);
  accepted((void *)((word)environ[0] & ~(word)(WORD - 1)));
  CHECK_EQ(pthread_getattr_np(pthread_self(), &a), 0);
  CHECK_EQ(pthread_attr_getstack(&a, &base, &size), 0);
  pthread_attr_destroy(&a);
  accepted((char *)base + size);
  refused(&in_data);
  refused(malloc(sizeof(word)));
  refused((void *)(~(word)0 & ~(word)(WORD - 1)));
  /* Of another thread, and about another one. */
  t = start(spin_with_local);
  CHECK_OK(mps_root_create_thread(&r, arena, thr, local_of_spin));
  collect();
  mps_root_destroy(r);
  refused(&local);
  {
    mps_thr_t other = thr;
    thr = mine;
    refused(local_of_spin);
    thr = other;
  }
  join(t);
}

static void cold_ends_of_started(void)
{
  pthread_attr_t a;
  void *base;
  size_t size;
  word local = 0;
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_EQ(pthread_getattr_np(pthread_self(), &a), 0);
  CHECK_EQ(pthread_attr_getstack(&a, &base, &size), 0);
  pthread_attr_destroy(&a);
  accepted(&local);
  accepted((char *)base + size);
  refused((char *)base + size + WORD);
  refused(base);
  mps_thread_dereg(thr);
}

static void *in_thread(void *f)
{
  void (*run)(void);
  memcpy(&run, &f, sizeof run);
  run();
  return NULL;
}

static void run_in_thread(void (*run)(void), pthread_attr_t *attr)
{
  pthread_t t;
  void *f;
  memcpy(&f, &run, sizeof f);
  CHECK_EQ(pthread_create(&t, attr, in_thread, f), 0);
  CHECK_EQ(pthread_join(t, NULL), 0);
}

static void cold_ends_of_threads(void)
{
  if (reference())
    return;
  world();
  run_in_thread(cold_ends_of_started, NULL);
}

/* The function of a root may be given any cold end; what it does with it is
 * looked at when it scans. */
static mps_res_t scan_to_elsewhere(mps_ss_t ss, mps_thr_t t, void *p, size_t s)
{
  static word elsewhere;
  (void)p;
  return mps_stack_scan_ambig(ss, t, &elsewhere, s);
}

static void cold_end_seen_late(void)
{
  mps_root_t r;
  if (reference())
    return;
  world();
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_reg(&r, arena, mps_rank_ambig(), 0, thr,
                               scan_to_elsewhere, NULL, 0));
  reports_leave = 1;
  REPORTED(collect());
  CHECK(strstr(reports_text, "cold end of a thread root") != NULL);
}

/* --- stacks that are the thread's own after all --- */

/* A program that has changed stacks before it registers is not checked. */
static void whole_life_on_coroutine(void)
{
  void *cold = NULL;
  mps_root_t r;
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread(&r, arena, thr, &cold));
  {
    volatile word held = (word)obj_new(ap, 0, KIND_LEAF, 20, 1);
    scrub_stack();
    collect();
    CHECK(obj_is((obj_t)held, KIND_LEAF, 20, 1));
  }
#ifdef HAVE_MPSX
  {
    mps_root_t none = NULL;
    CHECK_EQ(mps_x_root_create_stack(&none, arena, thr), MPS_RES_UNIMPL);
    CHECK(none == NULL);
  }
#endif
  mps_root_destroy(r);
  mps_thread_dereg(thr);
}

static void registered_on_coroutine(void)
{
  world();
  on_coroutine(whole_life_on_coroutine);
}

/* The first thread's stack may grow further than the limit of when it was
 * registered. */
enum { DEEP = 20 << 20 };

__attribute__((noinline)) static word deep(char *from)
{
  volatile word local[128];
  word r;
  local[0] = (word)obj_new(ap, 0, KIND_LEAF, 20, 1);
  if ((size_t)(from - (char *)local) > DEEP)
    collect();
  else
    r = deep(from);
  r = (word)obj_is((obj_t)local[0], KIND_LEAF, 20, 1);
  CHECK(r);
  return r;
}

static void limit_raised(void)
{
  struct rlimit l;
  void *cold = NULL;
  word (*volatile go)(char *) = deep;
  if (!has_rlimit("a stack limit raised while the program runs"))
    return;
  CHECK_EQ(getrlimit(RLIMIT_STACK, &l), 0);
  if (l.rlim_max != RLIM_INFINITY && l.rlim_max < 4 * (rlim_t)DEEP)
    return;
  l.rlim_cur = DEEP / 4;
  CHECK_EQ(setrlimit(RLIMIT_STACK, &l), 0);
  world();
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread(&stack_root, arena, thr, &cold));
  l.rlim_cur = 4 * (rlim_t)DEEP;
  CHECK_EQ(setrlimit(RLIMIT_STACK, &l), 0);
  (void)go((char *)&cold);
}

static void hold_and_collect(void)
{
  void *cold = NULL;
  mps_root_t r;
  volatile word held;
  CHECK_OK(mps_thread_reg(&thr, arena));
#ifdef HAVE_MPSX
  (void)cold;
  CHECK_OK(mps_x_root_create_stack(&r, arena, thr));
#else
  CHECK_OK(mps_root_create_thread(&r, arena, thr, &cold));
#endif
  held = (word)obj_new(ap, 0, KIND_LEAF, 20, 1);
  scrub_stack();
  collect();
  CHECK(obj_is((obj_t)held, KIND_LEAF, 20, 1));
  mps_root_destroy(r);
  mps_thread_dereg(thr);
}

/* In a child the thread that forked is the first. */
static void forks(void)
{
  int status;
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    world();
    hold_and_collect();
    _exit(0);
  }
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK_EQ(status, 0);
}

static void forked_by_thread(void)
{
  if (!reference())
    run_in_thread(forks, NULL);
}

/* All kinds of stacks. */
static void whole_stacks(void)
{
  pthread_attr_t a;
  if (reference())
    return;
  world();
  hold_and_collect();
  run_in_thread(hold_and_collect, NULL);
  CHECK_EQ(pthread_attr_init(&a), 0);
  CHECK_EQ(pthread_attr_setstacksize(&a, STACK), 0);
  run_in_thread(hold_and_collect, &a);
  CHECK_EQ(pthread_attr_setstack(&a, memory(STACK), STACK), 0);
  run_in_thread(hold_and_collect, &a);
}

static const case_s cases[] = {
  {"collecting on a coroutine is reported", calling_on_coroutine},
  {"allocating on a coroutine is reported", allocating_on_coroutine},
  {"collecting on a signal stack is reported", calling_on_signal_stack},
  {"a coroutine that is done with is no harm", back_from_coroutine},
  {"a handler that returns from that ends the program", returning_handler},
  {"a thread stopped on a coroutine is reported", stopped_on_coroutine},
  {"one stopped on a signal stack over a coroutine is, too",
   stopped_above_coroutine},
  {"one stopped on a signal stack keeps what it holds",
   stopped_on_signal_stack},
  {"one stopped when its stack has overflowed does, too",
   stopped_after_overflow},
  {"cold ends: of the first thread's stack only", cold_ends_of_first},
  {"cold ends: of a thread's own stack only", cold_ends_of_threads},
  {"a cold end elsewhere in a client's scanner is reported",
   cold_end_seen_late},
  {"a thread that registers on a coroutine and stays there",
   registered_on_coroutine},
  {"a stack that grows beyond the limit of when it was registered",
   limit_raised},
  {"a thread that forked, in the child", forked_by_thread},
  {"the system's cold end, on stacks of all kinds", whole_stacks}
};

int main(void)
{
  test_begin("stacks");
  return CASES_RUN(cases);
}
