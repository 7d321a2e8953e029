/* sigsegv.c -- the client's own SIGSEGV handler
 *
 * It is installed, on an alternate stack, before the arena exists.  The
 * library takes the faults its barriers cause and passes every other one
 * on with everything the handler could ask for.
 *
 * Where the reference fails (forgiven with MPS_TEST_REFERENCE set): its
 * handler sends the signal again instead of passing it on, so that si_code,
 * si_addr and si_value are lost; and a stack overflow kills the process,
 * because its handler does not run on the alternate stack.
 */

#include "common.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* macOS has SIGBUS for memory that denies the access, SIGSEGV where nothing is, and says
 * neither in si_code nor elsewhere which are sent. */
#ifdef __APPLE__
#define DENIED SIGBUS
#define TELLS 0
#else
#define DENIED SIGSEGV
#define TELLS 1
#endif

static mps_arena_t arena;
static mps_chain_t chain;
static mps_fmt_t fmt;
static mps_pool_t pool;
static mps_ap_t ap;
static mps_addr_t keep;
static mps_root_t root;

static volatile sig_atomic_t hits, on_alt_stack, blocked_usr1;
static siginfo_t seen;
static int seen_errno;
static int *volatile wild = (int *)64;
static char *mine;              /* a page of the client's */
static sigjmp_buf out;
static volatile int jump;
static int is_reference;
static char alt[65536];
static stack_t alt_stack;

static void handler(int sig, siginfo_t *info, void *context)
{
  char here;
  sigset_t mask;
  (void)context;
  ++hits;
  seen_errno = errno;
  seen = *info;
  on_alt_stack = &here >= (char *)alt_stack.ss_sp
                 && &here < (char *)alt_stack.ss_sp + alt_stack.ss_size;
  sigprocmask(SIG_SETMASK, NULL, &mask);
  blocked_usr1 = sigismember(&mask, SIGUSR1);
  if (sig != DENIED && sig != SIGSEGV)
    _exit(9);
  if (jump)
    siglongjmp(out, 1);
  if (info->si_code == SEGV_ACCERR || is_reference || !TELLS)
    mprotect(mine, 4096, PROT_READ | PROT_WRITE);
  errno = 77;                   /* a handler may spoil it */
  errno = seen_errno;
}

static void install(void)
{
  struct sigaction sa;
  alt_stack.ss_sp = alt;
  alt_stack.ss_size = sizeof alt;
  CHECK_EQ(sigaltstack(&alt_stack, NULL), 0);
  memset(&sa, 0, sizeof sa);
  sa.sa_sigaction = handler;
  sa.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&sa.sa_mask);
  sigaddset(&sa.sa_mask, SIGUSR1);
  CHECK_EQ(sigaction(SIGSEGV, &sa, NULL), 0);
  if (DENIED != SIGSEGV)
    CHECK_EQ(sigaction(DENIED, &sa, NULL), 0);
}

static void setup(void)
{
  arena = arena_vm((size_t)64 << 20);
  mps_arena_pause_time_set(arena, 0.0);
  chain = chain_make(arena, 3, 100);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, &keep,
                                 1));
}

static void teardown(void)
{
  mps_arena_park(arena);
  mps_ap_destroy(ap);
  mps_root_destroy(root);
  mps_pool_destroy(pool);
  mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

/* A workload that hits barriers. */
static void work(int steps)
{
  graph_s g;
  int i;
  graph_init(&g, arena, 0, 50, 3000, 10, ap, 0, NULL, 0);
  for (i = 0; i < steps; ++i) {
    graph_step(&g);
    if (i % 2000 == 1999) {
      CHECK_OK(mps_arena_start_collect(arena));
      (void)mps_arena_step(arena, 0.0, 0.0);
      errno = 4242;
      graph_verify(&g);
      CHECK_EQ(errno, 4242);    /* preserved by faults */
    }
  }
  graph_verify(&g);
  graph_finish(&g);
}

static void test_own(void)
{
  long i;
  CHECK_EQ(hits, 0);
  work(40000);
  CHECK_EQ(hits, 0);            /* the barriers' faults are not ours */
  part("no fault of a barrier reaches the client");
  for (i = 0; i < 5; ++i) {
    CHECK_EQ(mprotect(mine, 4096, i % 2 ? PROT_READ : PROT_NONE), 0);
    errno = 1234;
    *(volatile char *)(mine + 100 * i + 3) = (char)i;   /* repaired */
    CHECK_EQ(errno, 1234);
    CHECK_EQ(seen_errno, 1234);
    CHECK_EQ(hits, i + 1);
    CHECK_EQ(mine[100 * i + 3], i);
    CHECK_EQ(seen.si_signo, DENIED);
    if (!is_reference) {
      if (TELLS)
        CHECK_EQ(seen.si_code, SEGV_ACCERR);
      CHECK(seen.si_addr == mine + 100 * i + 3);
    }
    work(500);
  }
  CHECK_EQ(hits, 5);
  part("the client's faults: address, code, errno; repaired and gone on");
  hits = 0;
  jump = 1;
  for (i = 0; i < 5; ++i) {
    sigset_t mask;
    if (sigsetjmp(out, 1) == 0) {
      wild = (int *)(word)(16 * i);     /* unmapped */
      *wild = 1;
      CHECK(!"a null pointer was written through");
    }
    CHECK_EQ(hits, i + 1);
    if (!is_reference) {
      if (TELLS)
        CHECK_EQ(seen.si_code, SEGV_MAPERR);
      CHECK(seen.si_addr == (void *)(word)(16 * i));
    }
    sigprocmask(SIG_SETMASK, NULL, &mask);
    CHECK(!sigismember(&mask, SIGSEGV));
    work(500);
  }
  jump = 0;
  part("null pointers, left by siglongjmp");
  if (!reference()) {
    CHECK(on_alt_stack);
    CHECK(blocked_usr1);
    part("on the alternate stack, with the mask asked for");
  }
}

#if TELLS
static void test_sent(void)
{
  union sigval v;
  hits = 0;
  v.sival_int = 777;
  CHECK_EQ(sigqueue(getpid(), SIGSEGV, v), 0);
  CHECK_EQ(hits, 1);
  if (!reference()) {
    CHECK_EQ(seen.si_code, SI_QUEUE);
    CHECK_EQ(seen.si_value.sival_int, 777);
    CHECK_EQ(seen.si_pid, getpid());
  }
  CHECK_EQ(kill(getpid(), SIGSEGV), 0);
  CHECK_EQ(hits, 2);
  if (!reference())
    CHECK_EQ(seen.si_code, SI_USER);
  work(1000);
  part("signals that were sent");
}
#endif

/* --- in children, since they may kill --- */

static int child(void (*f)(void))
{
  int status;
  pid_t pid;
  fflush(stdout);
  pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    alarm(is_reference ? 2 : 20);
    f();
    _exit(0);
  }
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  return status;
}

static volatile int depth_limit = 1 << 30;

__attribute__((noinline)) static int overflow(volatile int depth)
{
  volatile char frame[1024];
  frame[depth % 1024] = 1;
  if (depth >= depth_limit)
    return 0;
  return overflow(depth + 1) + frame[depth % 1024];
}

static char alt2[65536];

static void *overflow_thread(void *p)
{
  (void)p;
  memset(&alt_stack, 0, sizeof alt_stack);
  alt_stack.ss_sp = alt2;
  alt_stack.ss_size = sizeof alt2;
  CHECK_EQ(sigaltstack(&alt_stack, NULL), 0);
  jump = 1;
  if (sigsetjmp(out, 1) == 0)
    (void)overflow(0);
  CHECK_EQ(hits, 1);
  CHECK(on_alt_stack);
  jump = 0;
  return NULL;
}

static void overflow_child(void)
{
  pthread_attr_t a;
  pthread_t t;
  int i;
  for (i = 0; i < 2; ++i) {
    hits = 0;
    CHECK_EQ(pthread_attr_init(&a), 0);
    CHECK_EQ(pthread_attr_setstacksize(&a, 256 * 1024), 0);
    CHECK_EQ(pthread_create(&t, &a, overflow_thread, NULL), 0);
    CHECK_EQ(pthread_join(t, NULL), 0);
    work(2000);
  }
}

/* Default disposition before the arena: a wild fault still kills. */
static void default_child(void)
{
  signal(SIGSEGV, SIG_DFL);
  setup();
  work(3000);
  *wild = 1;
}

static volatile sig_atomic_t old_style_hits;

static void old_style(int sig)
{
  if (sig == DENIED && ++old_style_hits == 1)
    mprotect(mine, 4096, PROT_READ | PROT_WRITE);
  else
    _exit(8);
}

static void old_style_child(void)
{
  signal(DENIED, old_style);
  setup();
  work(3000);
  CHECK_EQ(mprotect(mine, 4096, PROT_NONE), 0);
  *(volatile char *)mine = 1;
  CHECK_EQ(old_style_hits, 1);
  work(3000);
}

/* A fault in managed memory that is not the barrier's doing. */
static void stale_child(void)
{
  mps_addr_t old;
  keep = obj_new(ap, 0, KIND_LEAF, ((size_t)4 << 20) / WORD, 1);
  old = keep;
  keep = NULL;
  mps_arena_spare_set(arena, 0.0);
  (void)obj_new(ap, 0, KIND_LEAF, ((size_t)1 << 20) / WORD, 1);
  CHECK_OK(mps_arena_collect(arena));
  if (mps_arena_has_addr(arena, (char *)old + (2 << 20)))
    _exit(0);                   /* kept; nothing to see */
  hits = 0;
  jump = 1;
  if (sigsetjmp(out, 1) == 0) {
    (void)*((volatile char *)old + (2 << 20));
    _exit(0);                   /* still mapped: allowed */
  }
  CHECK_EQ(hits, 1);
  if (!is_reference)
    CHECK(seen.si_addr == (char *)old + (2 << 20));
}

int main(void)
{
  int status;
  test_begin("sigsegv");
  is_reference = reference();
  mine = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
              -1, 0);
  CHECK(mine != MAP_FAILED);
  status = child(default_child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  part("without a handler a wild fault kills");
  status = child(old_style_child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  part("a handler with one argument");
  install();
  setup();
  test_own();
#if TELLS
  test_sent();
#endif
  status = child(overflow_child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    part("stack overflow goes through to the alternate stack");
  else {
    part("stack overflow: child's status %#x", status);
    CHECK(reference());
  }
  status = child(stale_child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  part("memory given back faults as the client's");
  teardown();
  return test_end();
}
