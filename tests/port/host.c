/* host.c -- what conform.h wants, on POSIX; and a watch over the test
 *
 * The test runs in a child. If that dies or hangs, the parent says which sentence was
 * being tried. Exit code: 0 all kept, 1 something broken.
 */

#define _GNU_SOURCE
#include "conform.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* What the parent reads, in memory that both have. */
static struct {
  char trying[200];
  volatile unsigned count;
  char broken[16][200];
  atomic_uint broken_count;
} *watched;

void host_print(const char *s) { fputs(s, stdout); }

void host_trying(const char *sentence)
{
  strncpy(watched->trying, sentence, sizeof watched->trying - 1);
  ++watched->count;
}

void host_broken(const char *sentence)
{
  unsigned i = atomic_fetch_add(&watched->broken_count, 1);
  if (i < 16)
    strncpy(watched->broken[i], sentence, sizeof watched->broken[i] - 1);
}

/* What the child no longer could say. */
static void say_broken(void)
{
  unsigned i;
  for (i = 0; i < 16 && watched->broken[i][0] != 0; ++i)
    printf("FAIL %s: broken before that\n", watched->broken[i]);
}

/* --- Threads --- */

enum { THREADS = 8 };
static struct { pthread_t thread; void (*f)(void *); void *arg; int used; } all[THREADS];

static void *run(void *i)
{
  all[(size_t)i].f(all[(size_t)i].arg);
  return NULL;
}

int host_thread(void (*f)(void *), void *arg)
{
  size_t i;
  for (i = 0; i < THREADS; ++i) {
    if (!all[i].used) {
      all[i].used = 1;
      all[i].f = f;
      all[i].arg = arg;
      return pthread_create(&all[i].thread, NULL, run, (void *)i) == 0 ? (int)i : -1;
    }
  }
  return -1;
}

void host_join(int thread)
{
  pthread_join(all[thread].thread, NULL);
  all[thread].used = 0;
}

void host_pause(void) { sched_yield(); }

/* --- Interrupts: a signal --- */

static void (*interrupt)(void);
static void on_signal(int sig) { (void)sig; interrupt(); }

int host_interrupts(void (*handler)(void))
{
#ifdef NO_INTERRUPTS
  /* The port keeps none off: it is for machines that have none. */
  (void)handler;
  (void)on_signal;
  return -1;
#endif
  struct sigaction sa;
  memset(&sa, 0, sizeof sa);
  interrupt = handler;
  sa.sa_handler = on_signal;
  return sigaction(SIGALRM, &sa, NULL);
}

void host_interrupt(void) { pthread_kill(pthread_self(), SIGALRM); }

/* --- Processes --- */

/* How a child ends: its exit code, or 256 and more. */
static int end_of(pid_t child)
{
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

int host_fork(int (*child)(void))
{
  pid_t pid;
  fflush(stdout);
  pid = fork();
  if (pid == 0) {
    alarm(20);
    signal(SIGALRM, SIG_DFL);
    _exit(child());
  }
  return pid < 0 ? -1 : end_of(pid);
}

static void (*deadly)(void);
static int dying(void)
{
  static const struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  deadly();
  return 0;
}

int host_dies(void (*f)(void))
{
  deadly = f;
  /* By the fault; not because it took too long (SIGALRM). */
  switch (host_fork(dying)) {
  case -1: return -1;
  case 256 + SIGSEGV: case 256 + SIGBUS: case 256 + SIGABRT: return 1;
  default: return 0;
  }
}

int host_executable(const void *p)
{
  FILE *maps = fopen("/proc/self/maps", "r");
  unsigned long base, limit, at = (unsigned long)p;
  char mode[5], line[512];
  int answer = -1;
  if (maps == NULL)
    return -1;
  while (answer < 0 && fgets(line, sizeof line, maps) != NULL)
    if (sscanf(line, "%lx-%lx %4s", &base, &limit, mode) == 3 && base <= at && at < limit)
      answer = mode[2] == 'x';
  fclose(maps);
  return answer;
}

int host_scarce(int on)
{
#ifdef NEVER_SCARCE
  (void)on;
  return -1;
#else
  struct rlimit limit = {0, 0};
  getrlimit(RLIMIT_DATA, &limit);
  limit.rlim_cur = on ? (rlim_t)48 << 20 : limit.rlim_max;
  return setrlimit(RLIMIT_DATA, &limit);
#endif
}

static ucontext_t back, there;
static void (*other)(void *);
static void *other_arg;
static void on_other(void) { other(other_arg); }

int host_other_stack(void (*f)(void *), void *arg)
{
  size_t size = 256 << 10;
  void *room = malloc(size);
  other = f;
  other_arg = arg;
  getcontext(&there);
  there.uc_stack.ss_sp = room;
  there.uc_stack.ss_size = size;
  there.uc_link = &back;
  makecontext(&there, on_other, 0);
  swapcontext(&back, &there);
  free(room);
  return 0;
}

/* --- The watch --- */

/* What a port wants before it is used. */
extern void port_prepare(void) __attribute__((weak));

#ifndef PATIENCE
#define PATIENCE 20 /* seconds without a new sentence */
#endif

int main(void)
{
  pid_t child;
  unsigned last = 0, waited = 0;
  int status;
  watched = mmap(NULL, sizeof *watched, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (watched == MAP_FAILED)
    return 2;
  child = fork();
  if (child == 0) {
    unsigned broken;
    if (port_prepare)
      port_prepare();
    broken = conform();
    fflush(stdout);
    _exit(broken != 0);
  }
  for (;;) {
    static const struct timespec moment = {0, 10000000};
    pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child)
      break;
    if (watched->count != last) {
      last = watched->count;
      waited = 0;
    } else if (++waited >= PATIENCE * 100) {
      printf("FAIL %s: the test hung here\n", watched->trying);
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      say_broken();
      return 1;
    }
    nanosleep(&moment, NULL);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) <= 1)
    return WEXITSTATUS(status);
  if (WIFEXITED(status))
    printf("FAIL %s: the program ended here, with exit code %d\n", watched->trying, WEXITSTATUS(status));
  else
    printf("FAIL %s: the program died here, of signal %d\n", watched->trying, WTERMSIG(status));
  say_broken();
  return 1;
}
