/* broken.c -- ports that break one sentence each: can the conformance test fail?
 *
 * The example's port under other names, and over it one function, or a few, with a
 * mistake. -DBREAK=n chooses; beside each stands what the test must say of it. run.sh
 * reads these lines. */

#include "mpsport.h"

#define mps_port_capabilities good_capabilities
#define mps_port_reserve good_reserve
#define mps_port_release good_release
#define mps_port_map good_map
#define mps_port_unmap good_unmap
#define mps_port_protect good_protect
#define mps_port_install_faults good_install_faults
#define mps_port_install_fork good_install_fork
#define mps_port_thread_id good_thread_id
#define mps_port_thread_stack good_thread_stack
#define mps_port_thread_register good_thread_register
#define mps_port_thread_deregister good_thread_deregister
#define mps_port_quiet_begin good_quiet_begin
#define mps_port_quiet_end good_quiet_end
#define mps_port_stop_begin good_stop_begin
#define mps_port_stop_end good_stop_end
#define mps_port_thread_stop good_thread_stop
#define mps_port_thread_wait good_thread_wait
#define mps_port_thread_context good_thread_context
#define mps_port_thread_resume good_thread_resume
#include "../../examples/port/c/port.c"
#undef mps_port_capabilities
#undef mps_port_reserve
#undef mps_port_release
#undef mps_port_map
#undef mps_port_unmap
#undef mps_port_protect
#undef mps_port_install_faults
#undef mps_port_install_fork
#undef mps_port_thread_id
#undef mps_port_thread_stack
#undef mps_port_thread_register
#undef mps_port_thread_deregister
#undef mps_port_quiet_begin
#undef mps_port_quiet_end
#undef mps_port_stop_begin
#undef mps_port_stop_end
#undef mps_port_thread_stop
#undef mps_port_thread_wait
#undef mps_port_thread_context
#undef mps_port_thread_resume

unsigned mps_port_capabilities(void)
{
#if BREAK == 1 /* mps_port_capabilities: a sum of known capabilities */
  return good_capabilities() | 1u << 20;
#else
  return good_capabilities();
#endif
}

int mps_port_reserve(void **base_o, size_t size, size_t align)
{
#if BREAK == 2 /* mps_port_reserve: the base is a multiple of align */
  align = mps_port_page_size();
#endif
#if BREAK == 3 /* mps_port_reserve: without address space it fails with 2 */
  return good_reserve(base_o, size, align) == 0 ? 0 : 3;
#elif BREAK == 4 /* all functions: functions that can fail return 0, 1, 2, 3 or 5 */
  return good_reserve(base_o, size, align) == 0 ? 0 : -1;
#elif BREAK == 5 /* all functions: on failure nothing has changed */
  *base_o = NULL;
  return good_reserve(base_o, size, align);
#elif BREAK == 6 /* mps_port_reserve: ranges do not overlap */
  static char *last;
  if (last != NULL && size == 3 * mps_port_page_size() && align > mps_port_page_size()) {
    *base_o = last;
    return 0;
  }
  int c = good_reserve(base_o, size, align);
  if (c == 0 && size == 3 * mps_port_page_size() && ((size_t)*base_o & 0xFFFFF) == 0)
    last = *base_o;
  if (c == 0 && last == NULL && align == mps_port_page_size() << 1)
    last = *base_o;
  return c;
#elif BREAK == 7 /* all functions: may be called while other threads are stopped at any instruction */
  /* A lock that a stopped thread may have. */
  static atomic_flag busy = ATOMIC_FLAG_INIT;
  int c;
  while (atomic_flag_test_and_set(&busy))
    mps_port_relax(300);
  c = good_reserve(base_o, size, align);
  sched_yield();
  atomic_flag_clear(&busy);
  return c;
#else
  return good_reserve(base_o, size, align);
#endif
}

void mps_port_release(void *base, size_t size)
{
#if BREAK == 8 /* mps_port_release: gives back a range that is reserved */
  if (size > 64 << 20)
    good_unmap(base, size);
  else
#endif
  good_release(base, size);
}

int mps_port_map(void *base, size_t size)
{
#if BREAK == 9 /* mps_port_map: mapped memory is never executable */
  return mprotect(base, size, PROT_READ | PROT_WRITE | PROT_EXEC) == 0 ? 0 : 3;
#elif BREAK == 10 /* mps_port_map: without memory it fails with 3 */
  return good_map(base, size) == 0 ? 0 : 2;
#elif BREAK == 11 /* mps_port_map: memory under reserved addresses is zeroed */
  int c = good_map(base, size);
  if (c == 0 && size == 2 * mps_port_page_size())
    ((char *)base)[size - 1] = 1;
  return c;
#else
  return good_map(base, size);
#endif
}

void mps_port_unmap(void *base, size_t size)
{
#if BREAK == 12 /* mps_port_unmap: the contents are lost */
  mprotect(base, size, PROT_NONE);
#elif BREAK == 13 /* mps_port_unmap: the address space is kept */
  munmap(base, size);
#else
  good_unmap(base, size);
#endif
}

int mps_port_protect(void *base, size_t size, int denied)
{
#if BREAK == 14 /* mps_port_protect: all of the range is protected */
  return good_protect(base, denied ? mps_port_page_size() : size, denied);
#elif BREAK == 15 /* mps_port_protect: 1 denies reads */
  return good_protect(base, size, denied & 2);
#elif BREAK == 16 /* mps_port_protect: 2 denies writes and no reads */
  return good_protect(base, size, denied ? 3 : 0);
#elif BREAK == 17 /* mps_port_protect: the last call decides */
  if (denied == 2)
    return 0; /* "denied already" */
  return good_protect(base, size, denied);
#else
  return good_protect(base, size, denied);
#endif
}

#define WRAPPED (BREAK >= 18 && BREAK <= 21 || BREAK == 26)
#if WRAPPED
static _Thread_local int inside;
static mps_port_fault_t theirs;
static int changed(size_t addr, int is_write)
{
#if BREAK == 18 /* fault handler: gets the address of the access */
  return theirs(addr & ~(size_t)4095, is_write);
#elif BREAK == 19 /* fault handler: is told a write from a read */
  (void)is_write;
  return theirs(addr, 1);
#elif BREAK == 20 /* fault handler: 0: the fault is not the MPS's, and is not tried for ever */
  return theirs(addr, is_write) || 1;
#else
  int r;
#if BREAK == 21 /* fault handler: may be entered again before it returns */
  if (inside)
    _exit(9);
#endif
  inside = 1;
  r = theirs(addr, is_write);
  inside = 0;
  return r;
#endif
}
#endif

#if BREAK == 22 /* fault handler: not 0: the instruction runs again, with registers and stack as they were */
static void spoiling(int sig, siginfo_t *info, void *context)
{
  on_fault(sig, info, context);
#if defined(__x86_64__)
  ((ucontext_t *)context)->uc_mcontext.fpregs->_xmm[7].element[0] ^= 1;
#endif
}
#endif

int mps_port_install_faults(mps_port_fault_t handler)
{
#if WRAPPED
  theirs = handler;
  handler = changed;
#endif
#if BREAK == 22
  struct sigaction sa;
  good_install_faults(handler);
  sigaction(SIGSEGV, NULL, &sa);
  sa.sa_sigaction = spoiling;
  return sigaction(SIGSEGV, &sa, NULL) == 0 ? 0 : 1;
#elif BREAK == 23 /* fault handler: has a stack with room for the client's scan methods */
  struct sigaction sa;
  static char room[12 << 10];
  stack_t small = {.ss_sp = room + 4096, .ss_size = sizeof room - 4096};
  good_install_faults(handler);
  mprotect((void *)(((size_t)room + 4095) & ~(size_t)4095), 4096, PROT_NONE);
  sigaltstack(&small, NULL);
  sigaction(SIGSEGV, NULL, &sa);
  sa.sa_flags |= SA_ONSTACK;
  return sigaction(SIGSEGV, &sa, NULL) == 0 ? 0 : 1;
#else
  return good_install_faults(handler);
#endif
}

int mps_port_install_fork(const mps_port_fork_s *hooks)
{
#if BREAK == 24 /* mps_port_install_fork: before, after in the parent, after in the child */
  static mps_port_fork_s swapped;
  swapped = *hooks;
  swapped.child = hooks->parent;
  return good_install_fork(&swapped);
#else
  return good_install_fork(hooks);
#endif
}

size_t mps_port_thread_id(void)
{
#if BREAK == 25 /* mps_port_thread_id: tells threads apart */
  return (size_t)getpid();
#elif BREAK == 26 /* mps_port_thread_id: is the same in the fault handler */
  return good_thread_id() + (size_t)inside;
#else
  return good_thread_id();
#endif
}

int mps_port_thread_stack(void **base_o, void **limit_o)
{
#if BREAK == 27 /* mps_port_thread_stack: from the lowest address to the cold end */
  int c = good_thread_stack(base_o, limit_o);
  *limit_o = *base_o;
  return c;
#elif BREAK == 28 /* mps_port_thread_stack: 5 on another stack */
  pthread_attr_t attr;
  size_t size;
  pthread_getattr_np(pthread_self(), &attr);
  pthread_attr_getstack(&attr, base_o, &size);
  pthread_attr_destroy(&attr);
  *limit_o = (char *)*base_o + size;
  return 0;
#else
  return good_thread_stack(base_o, limit_o);
#endif
}

int mps_port_thread_register(mps_port_thread_s *slot)
{
#if BREAK == 29 /* mps_port_thread_register: a thread may be registered more than once */
  if (me != NULL)
    return 1;
#endif
  return good_thread_register(slot);
}

void mps_port_thread_deregister(mps_port_thread_s *slot)
{
#if BREAK == 30 /* mps_port_thread_deregister: forgets it, on any thread */
  set_signal(STOP, SIG_BLOCK);
  ((thread_s *)slot->words[0])->gone = 1;
#endif
  good_thread_deregister(slot);
}

size_t mps_port_quiet_begin(void)
{
#if BREAK == 31 /* mps_port_quiet_begin: handlers are kept off */
  return 0;
#else
  size_t was = good_quiet_begin();
#if BREAK == 32 /* mps_port_quiet_begin: faults are still reported */
  set_signal(SIGSEGV, SIG_BLOCK);
#elif BREAK == 33 /* mps_port_stop_begin: a thread that waits there may itself be stopped */
  set_signal(STOP, SIG_BLOCK);
#endif
  return was;
#endif
}

void mps_port_quiet_end(size_t was)
{
#if BREAK == 31
  (void)was;
#elif BREAK == 34 /* mps_port_quiet_begin: pairs may nest */
  (void)was;
  good_quiet_end(0);
#else
  good_quiet_end(was);
#endif
}

void mps_port_stop_begin(void)
{
#if BREAK != 35 /* mps_port_stop_begin: one batch runs at a time */
  good_stop_begin();
#endif
}

void mps_port_stop_end(void) { good_stop_end(); }

int mps_port_thread_stop(mps_port_thread_s *slot)
{
#if BREAK == 36 /* mps_port_thread_stop: it or mps_port_thread_wait fails with 1 if the thread is gone */
  good_thread_stop(slot);
  return 0;
#else
  return good_thread_stop(slot);
#endif
}

int mps_port_thread_wait(mps_port_thread_s *slot)
{
#if BREAK == 37 /* mps_port_thread_stop: a stopped thread executes nothing */
  /* Lets it go as soon as it has stopped. */
  thread_s *t = (thread_s *)slot->words[0];
  int c = good_thread_wait(slot);
  atomic_store(&t->may_leave, atomic_load(&t->want));
  send(t, RESUME);
  return c;
#elif BREAK == 36
  good_thread_wait(slot);
  return 0;
#else
  return good_thread_wait(slot);
#endif
}

void mps_port_thread_context(mps_port_thread_s *slot, mps_port_context_s *context_o)
{
  good_thread_context(slot, context_o);
#if BREAK == 38 || BREAK == 39 || BREAK == 40
  ucontext_t *uc = ((thread_s *)slot->words[0])->context;
#if defined(__x86_64__)
  char *sp = (char *)uc->uc_mcontext.gregs[REG_RSP];
#else
#error "for another processor: its stack pointer"
#endif
#endif
#if BREAK == 38 /* mps_port_thread_context: hot is on its stack, below everything that is in use */
  context_o->hot = sp; /* without the red zone */
#elif BREAK == 39 /* mps_port_thread_context: what its registers hold is in regs */
  context_o->hot = sp - 128;
  context_o->reg_count = 0;
#elif BREAK == 40 /* mps_port_thread_context: registers for vectors are among them */
  context_o->hot = sp - 128;
#endif
}

void mps_port_thread_resume(mps_port_thread_s *slot)
{
#if BREAK == 41 /* mps_port_thread_resume: lets it run */
  thread_s *t = (thread_s *)slot->words[0];
  if (--t->asked == 0)
    send(t, RESUME); /* "wake up", and no word that it may leave */
#else
  good_thread_resume(slot);
#endif
}
