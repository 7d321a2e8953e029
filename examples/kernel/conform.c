/* conform.c -- what tests/port/conform.h wants, on the example kernels
 *
 * In place of workload.c and plinth.c, and without the library: an image that puts the kernel's
 * port through the contract of mpsport.h and reports on the serial port. A thread is a
 * processor. With BREAK the port has a mistake, which the report must name.
 */

#include "arch.h"
#include "conform.h"
#include "mpsport.h"

void host_print(const char *s) { put_string(s); }

/* The last of these is what was tried when an image says no more. */
void host_trying(const char *sentence)
{
  static const char *last;
  if (sentence == last)
    return;
  last = sentence;
  put_string("trying ");
  put_string(sentence);
  put_char('\n');
}

void host_broken(const char *sentence)
{
  put_string("broken ");
  put_string(sentence);
  put_char('\n');
}

/* --- Threads --- */

static struct { void (*f)(void *); void *arg; } jobs[CPUS];

int host_thread(void (*f)(void *), void *arg)
{
  size_t cpu;
  for (cpu = 1; cpu < CPUS; ++cpu)
    if (!arch_online(cpu)) {
      jobs[cpu].f = f;
      jobs[cpu].arg = arg;
      arch_start_other(cpu);
      return (int)cpu;
    }
  return -1;
}

void workload_other(size_t cpu) { jobs[cpu].f(jobs[cpu].arg); }

void host_pause(void) { mps_port_relax(0); }

void host_join(int thread)
{
  while (arch_online((size_t)thread))
    host_pause();
}

/* --- Interrupts: the timer's, provoked --- */

static void (*interrupt)(void);

void workload_tick(void) { interrupt(); }

int host_interrupts(void (*handler)(void))
{
  interrupt = handler;
  return TICK_HZ > 0 ? 0 : -1;
}

void host_interrupt(void) { (void)arch_interrupt(); }

/* --- What ends in a failure, and goes on after it --- */

static void *back[5];           /* as __builtin_setjmp wants it */

static void go_back(void) { __builtin_longjmp(back, 1); }

int host_dies(void (*f)(void))
{
  volatile int died = 0;
  fail_first = go_back;
  if (__builtin_setjmp(back) == 0)
    f();
  else
    died = 1;
  fail_first = 0;
  return died;
}

/* A function that does nothing, in this processor's code. */
#if defined(__x86_64__) || defined(__i386__)
static const unsigned char nothing[4] = { 0xc3 };
#define NEW_CODE ((void)0)
#elif defined(__aarch64__)
static const unsigned char nothing[4] = { 0xc0, 0x03, 0x5f, 0xd6 };
#define NEW_CODE __asm__ volatile("dsb ish; ic iallu; dsb ish; isb" : : : "memory")
#elif defined(__riscv)
static const unsigned char nothing[4] = { 0x67, 0x80, 0x00, 0x00 };
#define NEW_CODE __asm__ volatile("fence.i" : : : "memory")
#endif

static void (*candidate)(void);
static void call_candidate(void) { candidate(); }

int host_executable(const void *p)
{
  unsigned char *q = (unsigned char *)(uintptr_t)p, was[sizeof nothing];
  int died;
  memcpy(was, q, sizeof nothing);
  memcpy(q, nothing, sizeof nothing);
  NEW_CODE;
  candidate = (void (*)(void))(uintptr_t)p;
  died = host_dies(call_candidate);
  memcpy(q, was, sizeof nothing);
  return !died;
}

/* --- The rest --- */

/* Takes all memory but 32 MB, from the port, as anybody would. */
int host_scarce(int on)
{
  enum { MB = 1 << 20 };
  static void *base;
  static size_t taken;
  if (on && base == 0) {
    if (mps_port_reserve(&base, (size_t)ARCH_RAM_MB * MB, MB) != 0)
      return -1;
    while (mps_port_map((char *)base + taken, MB) == 0)
      taken += MB;
    taken -= (size_t)32 * MB;
    mps_port_unmap((char *)base + taken, (size_t)32 * MB);
  } else if (!on && base != 0) {
    mps_port_release(base, (size_t)ARCH_RAM_MB * MB);
    base = 0;
    taken = 0;
  }
  return 0;
}

int host_fork(int (*child)(void)) { (void)child; return -1; }

int host_other_stack(void (*f)(void *), void *arg)
{
  static char room[16384] __attribute__((aligned(16)));
  char *top = room + sizeof room;
#if defined(__x86_64__)
  __asm__ volatile("movq %%rsp, %%rbx; movq %1, %%rsp; call *%2; movq %%rbx, %%rsp"
    : "+D"(arg) : "r"(top), "r"(f)
    : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
#elif defined(__i386__)
  __asm__ volatile("movl %%esp, %%ebx; movl %0, %%esp; subl $12, %%esp; pushl %1; call *%2; movl %%ebx, %%esp"
    : : "S"(top), "D"(arg), "r"(f) : "ebx", "memory", "cc");
  (void)top;
#elif defined(__aarch64__)
  register void *x0 __asm__("x0") = arg;
  __asm__ volatile("mov x19, sp; mov sp, %1; blr %2; mov sp, x19"
    : "+r"(x0) : "r"(top), "r"(f)
    : "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
      "x15", "x16", "x17", "x18", "x19", "x30", "memory", "cc");
#elif defined(__riscv)
  register void *a0 __asm__("a0") = arg;
  __asm__ volatile("mv s1, sp; mv sp, %1; jalr %2; mv sp, s1"
    : "+r"(a0) : "r"(top), "r"(f)
    : "s1", "ra", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "t0", "t1", "t2", "t3", "t4", "t5",
      "t6", "memory");
#endif
  return 0;
}

void workload_main(void)
{
  unsigned broken;
  put_char('\n');
  put_string(arch_name);
  put_char('\n');
  broken = conform();
  if (memory_frames() != 0) {
    put_number(memory_frames());
    put_string(" frames were not given back\n");
    broken = 1;
  }
  if (broken != 0)
    arch_power_off(0);
  put_string("OK\n");
}

/* --- Ports with a mistake --- */

/* The linker puts __wrap_f in the place of f (--wrap). run.sh reads the sentences. */
#if BREAK == 1 /* mps_port_thread_context: what its registers hold is in regs */
void __real_mps_port_thread_context(mps_port_thread_s *, mps_port_context_s *);
void __wrap_mps_port_thread_context(mps_port_thread_s *, mps_port_context_s *);
void __wrap_mps_port_thread_context(mps_port_thread_s *thread, mps_port_context_s *context_o)
{
  __real_mps_port_thread_context(thread, context_o);
  context_o->reg_count = 0;
}
#elif BREAK == 2 /* fault handler: is told a write from a read */
static mps_port_fault_t told;
static int always_write(size_t addr, int is_write) { (void)is_write; return told(addr, 1); }
int __real_mps_port_install_faults(mps_port_fault_t);
int __wrap_mps_port_install_faults(mps_port_fault_t);
int __wrap_mps_port_install_faults(mps_port_fault_t handler)
{
  told = handler;
  return __real_mps_port_install_faults(always_write);
}
#elif BREAK == 3 /* mps_port_map: memory under reserved addresses is zeroed */
int __real_mps_port_map(void *, size_t);
int __wrap_mps_port_map(void *, size_t);
int __wrap_mps_port_map(void *base, size_t size)
{
  int res = __real_mps_port_map(base, size);
  if (res == 0 && size == 2 * mps_port_page_size())
    ((char *)base)[size - 1] = 1;
  return res;
}
#elif BREAK == 4 /* mps_port_protect: all of the range is protected */
int __real_mps_port_protect(void *, size_t, int);
int __wrap_mps_port_protect(void *, size_t, int);
int __wrap_mps_port_protect(void *base, size_t size, int denied)
{
  return __real_mps_port_protect(base, denied ? mps_port_page_size() : size, denied);
}
#endif
