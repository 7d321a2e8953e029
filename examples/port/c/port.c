/* port.c -- a whole port, in C: memory, protection, faults, threads, interrupts
 *
 * Here the machine is a POSIX system: address space comes from mmap, faults come
 * as SIGSEGV, threads are pthreads and an interrupt is a signal. For another
 * machine, take the parts one by one, from the top, and put yours in their place.
 * The line above each part says what yours has to do; include/mpsport.h has the
 * contract, docs/porting.md the way there, and tests/port a program that says which
 * sentence of the contract is broken.
 *
 * Nothing here is called on a hot path: a collection makes some hundred calls.
 */

#define _GNU_SOURCE /* registers by name in ucontext.h, pthread_getattr_np */
#include "mpsport.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

MPS_PORT_DEFINE

unsigned mps_port_capabilities(void)
{
  return MPS_PORT_VM | MPS_PORT_PROTECT | MPS_PORT_THREADS;
}

/* --- Memory. Yours: a range of virtual addresses that nobody else gets, and page
 * tables. Without an MMU: none of this, and MPS_PORT_DEFINE_NO_VM. --- */

size_t mps_port_page_size(void)
{
  return (size_t)sysconf(_SC_PAGESIZE);
}

int mps_port_reserve(void **base_o, size_t size, size_t align)
{
  size_t extra = align - mps_port_page_size();
  char *p, *base;
  if (size + extra < size)
    return 2; /* larger than all address space */
  p = mmap(NULL, size + extra, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED)
    return 2;
  /* The system aligns to pages. So take more, and give back both ends. */
  base = (char *)(((uintptr_t)p + align - 1) & ~(uintptr_t)(align - 1));
  if (base != p)
    munmap(p, (size_t)(base - p));
  if (base != p + extra)
    munmap(base + size, (size_t)(p + extra - base));
  *base_o = base;
  return 0;
}

void mps_port_release(void *base, size_t size)
{
  munmap(base, size);
}

/* Fresh pages of the system are zero. Yours may have to clear them. */
int mps_port_map(void *base, size_t size)
{
  if (mprotect(base, size, PROT_READ | PROT_WRITE) == 0)
    return 0;
  mprotect(base, size, PROT_NONE); /* it may have failed half way */
  return 3;
}

/* A new mapping in place of the old one, so that nobody gets the addresses between. */
void mps_port_unmap(void *base, size_t size)
{
  if (mmap(base, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED) {
    /* The system has no room to describe it: the contents go in another way. */
    madvise(base, size, MADV_DONTNEED);
    mprotect(base, size, PROT_NONE);
  }
}

/* --- Protection and faults. Yours: a bit in the page table and the invalidation of
 * what processors remember of it (all processors); the page fault handler. --- */

int mps_port_protect(void *base, size_t size, int denied)
{
  /* This system can't deny reads alone, so it denies both. */
  int mode = denied & 1 ? PROT_NONE : denied & 2 ? PROT_READ : PROT_READ | PROT_WRITE;
  return mprotect(base, size, mode) == 0 ? 0 : 3;
}

static mps_port_fault_t fault_handler;

/* Was the access a write? The processor knows. A port that doesn't may say yes:
 * what allows a write allows a read too. */
static int is_write(const ucontext_t *uc)
{
#if defined(__x86_64__) || defined(__i386__)
  return (uc->uc_mcontext.gregs[REG_ERR] & 2) != 0;
#elif defined(__aarch64__)
  /* Records of different kinds, one after the other; one has the syndrome register. */
  const unsigned char *p = (const unsigned char *)uc->uc_mcontext.__reserved;
  struct { uint32_t magic, size; uint64_t syndrome; } record;
  for (;;) {
    memcpy(&record, p, sizeof record);
    if (record.magic == 0x45535201) /* the kernel's ESR_MAGIC */
      return (record.syndrome & 1 << 6) != 0;
    if (record.size == 0)
      return 1;
    p += record.size;
  }
#else
  (void)uc;
  return 1;
#endif
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
  int error = errno;
  if (info->si_code == SEGV_ACCERR && fault_handler((size_t)info->si_addr, is_write(context))) {
    errno = error;
    return; /* the instruction runs again, all registers as they were */
  }
  /* Not the library's: the instruction runs again and ends the program. Yours goes
   * on to the kernel's own handler. */
  signal(sig, SIG_DFL);
}

int mps_port_install_faults(mps_port_fault_t handler)
{
  struct sigaction sa;
  memset(&sa, 0, sizeof sa);
  fault_handler = handler;
  sa.sa_sigaction = on_fault;
  /* Nothing is masked: the handler may be entered again, and be interrupted. */
  sa.sa_flags = SA_SIGINFO | SA_NODEFER;
  return sigaction(SIGSEGV, &sa, NULL) == 0 ? 0 : 1;
}

/* --- Waiting. Yours: a pause instruction, then the scheduler. --- */

void mps_port_relax(unsigned round)
{
  int error = errno;
  if (round < 16) {
    atomic_signal_fence(memory_order_seq_cst); /* spin: most waits are over at once */
  } else if (round < 256) {
    sched_yield();
  } else {
    struct timespec moment = {0, 50000};
    nanosleep(&moment, NULL);
  }
  errno = error;
}

/* --- Interrupts. Yours: the interrupt flag, and what it was. An interrupt that stops
 * threads is best one that the flag does not mask; see stop_begin below. --- */

enum { STOP = SIGXFSZ, RESUME = SIGXCPU };

/* The mask that was there before the outermost pair, and how deep pairs are nested.
 * These are read and written with handlers kept off. */
static _Thread_local sigset_t mask_before;
static _Thread_local size_t quiet_depth;

size_t mps_port_quiet_begin(void)
{
  sigset_t all, before;
  sigfillset(&all);
  sigdelset(&all, STOP);
  sigdelset(&all, RESUME);
  sigdelset(&all, SIGSEGV);
  sigdelset(&all, SIGBUS);
  sigdelset(&all, SIGFPE);
  sigdelset(&all, SIGILL);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  if (quiet_depth == 0)
    mask_before = before;
  return quiet_depth++;
}

void mps_port_quiet_end(size_t was)
{
  quiet_depth = was;
  if (was == 0)
    pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
}

/* --- Threads. Yours: an interrupt to the processor that the thread runs on, or a word
 * to the scheduler; a thread that isn't running has stopped already. --- */

/* What the port knows of a thread. It is the port's own memory, not the slot that the
 * library gives, for one thread may have several slots. */
typedef struct thread_s {
  atomic_size_t users;          /* slots, and 1 for the thread itself; 0: free */
  pthread_t thread;
  atomic_flag lock;             /* held while a signal is sent, and when the thread ends */
  int gone;                     /* it has ended; under the lock */
  size_t asked;                 /* slots that ask it to stop; the batch's own */
  atomic_size_t want;           /* the number of the stop that it is asked for */
  atomic_size_t seen;           /* the stop that it is in */
  atomic_size_t may_leave;      /* the last stop that it may leave */
  void *context;                /* its ucontext, while it is stopped */
} thread_s;

enum { MOST_THREADS = 256 };
static thread_s threads[MOST_THREADS];
/* Read in a signal handler. In a program it is always there; a port in a shared library
 * must make it so (the TLS model initial-exec). */
static _Thread_local thread_s *me;

size_t mps_port_thread_id(void)
{
  return (size_t)pthread_self();
}

int mps_port_thread_stack(void **base_o, void **limit_o)
{
  pthread_attr_t attr;
  void *base;
  size_t size;
  char here;
  if (pthread_getattr_np(pthread_self(), &attr) != 0)
    return 5;
  pthread_attr_getstack(&attr, &base, &size);
  pthread_attr_destroy(&attr);
  if ((uintptr_t)&here - (uintptr_t)base >= size)
    return 5; /* on another stack now */
  *base_o = base;
  *limit_o = (char *)base + size;
  return 0;
}

static void set_signal(int sig, int how)
{
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, sig);
  pthread_sigmask(how, &set, NULL);
}

/* Short, and with the stop signal blocked if the thread is one that may be stopped: so
 * whoever has it runs. */
static void lock(thread_s *t)
{
  unsigned round = 0;
  while (atomic_flag_test_and_set_explicit(&t->lock, memory_order_acquire))
    mps_port_relax(round++);
}

static void unlock(thread_s *t)
{
  atomic_flag_clear_explicit(&t->lock, memory_order_release);
}

/* Sends a signal; 1 if the thread is gone. */
static int send(thread_s *t, int sig)
{
  int gone;
  lock(t);
  gone = t->gone;
  if (!gone)
    pthread_kill(t->thread, sig);
  unlock(t);
  return gone;
}

static void on_stop(int sig, siginfo_t *info, void *context)
{
  int error = errno;
  thread_s *t = me;
  size_t want;
  sigset_t all_but_resume;
  (void)sig;
  (void)info;
  if (t == NULL)
    return; /* not from us */
  want = atomic_load(&t->want);
  if (want == atomic_load(&t->seen))
    return; /* nor this */
  sigfillset(&all_but_resume);
  sigdelset(&all_but_resume, RESUME);
  t->context = context;
  atomic_store(&t->seen, want); /* from here on others look at our stack */
  /* All signals are blocked here but while it sleeps, so none is missed. */
  while (atomic_load(&t->may_leave) != want)
    sigsuspend(&all_but_resume);
  errno = error;
}

static void on_resume(int sig) { (void)sig; }

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_end;
static int ready;

static void leave_record(thread_s *t)
{
  atomic_fetch_sub(&t->users, 1);
}

/* A thread that has been registered ends, deregistered or not. */
static void on_end(void *record)
{
  thread_s *t = record;
  set_signal(STOP, SIG_BLOCK);
  lock(t);
  t->gone = 1;
  unlock(t);
  me = NULL;
  leave_record(t);
}

static void set_up(void)
{
  struct sigaction sa;
  memset(&sa, 0, sizeof sa);
  sigfillset(&sa.sa_mask);
  /* Not on an alternate stack: the frame is to lie on the stack that is looked at. */
  sa.sa_sigaction = on_stop;
  sa.sa_flags = SA_SIGINFO | SA_RESTART;
  if (sigaction(STOP, &sa, NULL) != 0)
    return;
  sa.sa_handler = on_resume;
  sa.sa_flags = SA_RESTART;
  if (sigaction(RESUME, &sa, NULL) != 0)
    return;
  ready = pthread_key_create(&at_end, on_end) == 0;
}

static thread_s *new_record(void)
{
  size_t i;
  for (i = 0; i < MOST_THREADS; ++i) {
    size_t nobody = 0;
    if (atomic_compare_exchange_strong(&threads[i].users, &nobody, 1))
      return &threads[i];
  }
  return NULL;
}

int mps_port_thread_register(mps_port_thread_s *slot)
{
  pthread_once(&once, set_up);
  if (!ready)
    return 1;
  if (me == NULL) {
    thread_s *t = new_record();
    if (t == NULL)
      return 2;
    t->thread = pthread_self();
    t->gone = 0;
    t->asked = 0;
    atomic_store(&t->want, atomic_load(&t->seen)); /* whoever had the record before */
    if (pthread_setspecific(at_end, t) != 0) {
      leave_record(t);
      return 3;
    }
    me = t;
    set_signal(STOP, SIG_UNBLOCK); /* a thread may have begun with it blocked */
  }
  atomic_fetch_add(&me->users, 1);
  slot->words[0] = (size_t)me;
  return 0;
}

/* The record stays for as long as anybody has it, so this waits for nothing. */
void mps_port_thread_deregister(mps_port_thread_s *slot)
{
  leave_record((thread_s *)slot->words[0]);
  slot->words[0] = 0;
}

static atomic_flag batch = ATOMIC_FLAG_INIT;

/* The library waits here with handlers kept off, and may be stopped all the same. Yours, if
 * the interrupt that stops is masked then: look here whether this thread is to stop. */
void mps_port_stop_begin(void)
{
  unsigned round = 0;
  while (atomic_flag_test_and_set_explicit(&batch, memory_order_acquire))
    mps_port_relax(round++);
}

void mps_port_stop_end(void)
{
  atomic_flag_clear_explicit(&batch, memory_order_release);
}

int mps_port_thread_stop(mps_port_thread_s *slot)
{
  thread_s *t = (thread_s *)slot->words[0];
  if (t->asked++ == 0) { /* else another slot has asked in this batch */
    atomic_store(&t->want, atomic_load(&t->want) + 1);
    if (send(t, STOP)) {
      t->asked = 0;
      return 1;
    }
  }
  return 0;
}

int mps_port_thread_wait(mps_port_thread_s *slot)
{
  thread_s *t = (thread_s *)slot->words[0];
  unsigned round = 0;
  while (atomic_load(&t->seen) != atomic_load(&t->want)) {
    int gone;
    lock(t);
    gone = t->gone;
    unlock(t);
    if (gone) {
      t->asked = 0;
      return 1;
    }
    mps_port_relax(round++);
  }
  return 0;
}

/* The signal's frame lies on the thread's stack, below its red zone, and has all of
 * its registers, those for vectors too. So the frame is where the stack begins. */
void mps_port_thread_context(mps_port_thread_s *slot, mps_port_context_s *context_o)
{
  thread_s *t = (thread_s *)slot->words[0];
  ucontext_t *uc = t->context;
  context_o->hot = uc;
  context_o->regs = &uc->uc_mcontext;
  context_o->reg_count = sizeof uc->uc_mcontext / sizeof(size_t);
}

void mps_port_thread_resume(mps_port_thread_s *slot)
{
  thread_s *t = (thread_s *)slot->words[0];
  if (t->asked == 0 || --t->asked != 0)
    return; /* another slot does it */
  atomic_store(&t->may_leave, atomic_load(&t->want));
  send(t, RESUME);
}

/* --- Forks. Yours, most likely: MPS_PORT_DEFINE_NO_FORK. --- */

static const mps_port_fork_s *fork_hooks;

static void in_child(void)
{
  size_t i;
  /* Of the threads only this one is here. */
  for (i = 0; i < MOST_THREADS; ++i) {
    thread_s *t = &threads[i];
    atomic_flag_clear(&t->lock);
    t->asked = 0;
    if (t != me && atomic_load(&t->users) != 0 && !t->gone) {
      t->gone = 1;
      leave_record(t);
    }
  }
  atomic_flag_clear(&batch);
  fork_hooks->child();
}

int mps_port_install_fork(const mps_port_fork_s *hooks)
{
  fork_hooks = hooks;
  return pthread_atfork(hooks->prepare, hooks->parent, in_child) == 0 ? 0 : 3;
}
