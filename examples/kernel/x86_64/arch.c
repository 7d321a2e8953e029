/* arch.c -- the machine: an x86-64 PC under QEMU
 *
 * Vectors: 14 page faults, TICK the timer, SERVE what another processor asks,
 * POLLED the same when this processor looks by itself.
 */

#include "arch.h"
#include "mpsport.h"

enum { TICK = 0x20, SERVE = 0xf0, POLLED = 0xf1, SPURIOUS = 0xff, STACK = 65536 };

/* What trap.S and the processor push. */
struct frame {
  uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
  uint64_t vector, error;
  uint64_t rip, cs, flags, rsp, ss;
};

/* A processor, which is a thread. %gs:0 leads to its own. */
struct cpu {
  struct cpu *self;
  size_t id;            /* the number of its interrupt controller, plus 1 */
  char *stack;          /* STACK bytes */
  int online;           /* started, and workload_other has not returned */
  size_t run;           /* how often it was started */
  int flush;            /* another one asks: forget all addresses */
  int stop;             /* how often another one asks: stop */
  int stopped;          /* it has */
  struct frame *frame;  /* where it stands, if it has */
};

static struct cpu cpus[CPUS];

const char arch_name[] = "x86-64";

static struct cpu *me(void)
{
  struct cpu *c;
  __asm__ volatile("movq %%gs:0, %0" : "=r"(c));
  return c;
}

static void out8(uint16_t port, uint8_t value)
{
  __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static void set_msr(uint32_t msr, uint64_t value)
{
  __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

/* --- output, the end, the clock --- */

void arch_put(char c)
{
  while ((in8(0x3fd) & 0x20) == 0)
    ;
  out8(0x3f8, (uint8_t)c);
}

/* QEMU's isa-debug-exit: it ends with twice the value and 1: 33 or 35. */
void arch_power_off(int ok)
{
  out8(0xf4, ok ? 16 : 17);
  for (;;)
    __asm__ volatile("cli; hlt");
}

/* The time stamp counter. Its rate is what QEMU has with icount; elsewhere it
 * is a guess. */
const size_t arch_clock_rate = 1000000000;

size_t arch_clock(void)
{
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
}

void arch_stack(void **base_o, void **limit_o)
{
  *base_o = me()->stack;
  *limit_o = me()->stack + STACK;
}

/* --- the interrupt controller that each processor has --- */

enum { APIC_ID = 0x20, APIC_EOI = 0xb0, APIC_SPURIOUS = 0xf0, APIC_LOW = 0x300,
       APIC_HIGH = 0x310, APIC_TIMER = 0x320, APIC_COUNT = 0x380, APIC_DIVIDE = 0x3e0 };

static volatile uint32_t *apic(unsigned reg)
{
  return (volatile uint32_t *)(0xfee00000u + (uintptr_t)reg);
}

#if CPUS > 1 || TICK_HZ > 0
static void send(uint32_t to, uint32_t what)
{
  /* Not interrupted between the two writes by a handler that sends as well. */
  size_t was = arch_quiet_begin();
  *apic(APIC_HIGH) = to << 24;
  *apic(APIC_LOW) = what;
  while ((*apic(APIC_LOW) & 0x1000) != 0)
    ;
  arch_quiet_end(was);
}
#endif

void arch_ticks(int on)
{
  /* In QEMU it counts nanoseconds. */
  *apic(APIC_DIVIDE) = 0xb;
  *apic(APIC_TIMER) = on ? 0x20000 | TICK : 0x10000;
  *apic(APIC_COUNT) = on && TICK_HZ != 0 ? 1000000000u / (TICK_HZ ? TICK_HZ : 1) : 0;
}

int arch_interrupt(void)
{
#if TICK_HZ > 0
  send(0, 0x44000 | TICK);      /* to itself */
  return 0;
#else
  return -1;
#endif
}

int arch_online(size_t cpu) { return __atomic_load_n(&cpus[cpu].online, __ATOMIC_ACQUIRE); }

/* --- faults and interrupts --- */

struct gate { uint16_t low; uint16_t selector; uint16_t kind; uint16_t middle; uint32_t high; uint32_t zero; };
static struct gate gates[256];
extern char trap_entries[];

static void set_gates(void)
{
  static struct __attribute__((packed)) { uint16_t limit; uint64_t base; } where;
  size_t i;
  for (i = 0; i < 256; ++i) {
    uint64_t at = (uint64_t)trap_entries + 16 * i;
    gates[i].low = (uint16_t)at;
    gates[i].middle = (uint16_t)(at >> 16);
    gates[i].high = (uint32_t)(at >> 32);
    gates[i].selector = 8;
    gates[i].kind = 0x8e00;             /* interrupts off at the start */
  }
  where.limit = sizeof gates - 1;
  where.base = (uint64_t)gates;
  __asm__ volatile("lidt %0" : : "m"(where));
}

static void flush_all(void)
{
  uintptr_t cr3;
  __asm__ volatile("movq %%cr3, %0; movq %0, %%cr3" : "=r"(cr3) : : "memory");
}

static int asked(const struct cpu *c)
{
  return __atomic_load_n(&c->flush, __ATOMIC_ACQUIRE) || __atomic_load_n(&c->stop, __ATOMIC_ACQUIRE);
}

/* Does what others ask of this processor: forgets addresses, stands still. */
static void serve(struct frame *f)
{
  struct cpu *c = me();
  for (;;) {
    if (__atomic_load_n(&c->flush, __ATOMIC_ACQUIRE)) {
      flush_all();
      __atomic_store_n(&c->flush, 0, __ATOMIC_RELEASE);
    }
    if (!__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE))
      break;
    if (!c->stopped) {
      c->frame = f;
      __atomic_store_n(&c->stopped, 1, __ATOMIC_RELEASE);
    }
    __builtin_ia32_pause();
  }
  __atomic_store_n(&c->stopped, 0, __ATOMIC_RELEASE);
}

void arch_trap(struct frame *f);

void arch_trap(struct frame *f)
{
  uintptr_t addr;
  switch (f->vector) {
  case 14:
    /* The address first: another fault would write over it. Only then
     * interrupts as they were. */
    __asm__ volatile("movq %%cr2, %0" : "=r"(addr));
    arch_quiet_end(f->flags & 0x200);
    if ((f->error & 0x18) == 0 && memory_fault(addr, (f->error & 2) != 0)) {
      /* Off again, as the way back wants it. */
      (void)arch_quiet_begin();
      return;
    }
    put_string("page fault at ");
    put_hex(addr);
    break;
  case TICK:
    *apic(APIC_EOI) = 0;
    workload_tick();
    return;
  case SERVE:
    *apic(APIC_EOI) = 0;
    serve(f);
    return;
  case POLLED:
    serve(f);
    return;
  case SPURIOUS:
    return;
  default:
    put_string("trap ");
    put_number(f->vector);
  }
  put_string(", error ");
  put_hex(f->error);
  put_string(", instruction ");
  put_hex(f->rip);
  put_string(", stack ");
  put_hex(f->rsp);
  put_char('\n');
  fail(__FILE__, __LINE__, "an unexpected trap");
}

/* --- waiting, and asking others --- */

void arch_wait(void)
{
  /* A processor that waits with interrupts off must look by itself. A trap, so that
   * its registers are in a frame, as when an interrupt comes. */
  if (asked(me()))
    __asm__ volatile("int %0" : : "i"(POLLED) : "memory");
  __builtin_ia32_pause();
}

void arch_flush_others(void)
{
#if CPUS > 1
  size_t was = arch_quiet_begin(), i;
  for (i = 0; i < CPUS; ++i) {
    struct cpu *c = &cpus[i];
    if (c != me() && __atomic_load_n(&c->online, __ATOMIC_ACQUIRE)) {
      __atomic_store_n(&c->flush, 1, __ATOMIC_SEQ_CST);
      if (!__atomic_load_n(&c->stopped, __ATOMIC_ACQUIRE))
        send((uint32_t)c->id - 1, 0x4000 | SERVE);
      /* One that goes off meanwhile has nothing to forget when it is on again. */
      while (__atomic_load_n(&c->flush, __ATOMIC_ACQUIRE) && arch_online(i))
        arch_wait();
    }
  }
  arch_quiet_end(was);
#endif
}

#if CPUS > 1 || TICK_HZ > 0
size_t mps_port_quiet_begin(void) { return arch_quiet_begin(); }
void mps_port_quiet_end(size_t was) { arch_quiet_end(was); }
#endif

#if CPUS > 1

size_t mps_port_thread_id(void) { return me()->id; }
void mps_port_relax(unsigned round) { (void)round; arch_wait(); }

/* A thread is one run of a processor, from its start until it goes off. */
int mps_port_thread_register(mps_port_thread_s *thread)
{
  thread->words[0] = (size_t)me();
  thread->words[1] = me()->run;
  return 0;
}

static int gone(const mps_port_thread_s *thread)
{
  const struct cpu *c = (const struct cpu *)thread->words[0];
  return !__atomic_load_n(&c->online, __ATOMIC_ACQUIRE)
    || __atomic_load_n(&c->run, __ATOMIC_ACQUIRE) != thread->words[1];
}

void mps_port_thread_deregister(mps_port_thread_s *thread) { (void)thread; }

static int stopping;

void mps_port_stop_begin(void)
{
  while (__atomic_exchange_n(&stopping, 1, __ATOMIC_ACQUIRE) != 0)
    arch_wait();
}

void mps_port_stop_end(void)
{
  __atomic_store_n(&stopping, 0, __ATOMIC_RELEASE);
}

int mps_port_thread_stop(mps_port_thread_s *thread)
{
  struct cpu *c = (struct cpu *)thread->words[0];
  if (gone(thread))
    return 1;
  __atomic_add_fetch(&c->stop, 1, __ATOMIC_SEQ_CST);
  send((uint32_t)c->id - 1, 0x4000 | SERVE);
  return 0;
}

int mps_port_thread_wait(mps_port_thread_s *thread)
{
  struct cpu *c = (struct cpu *)thread->words[0];
  for (;;) {
    /* This first: if it went off, and is on again, it may stop for nobody. */
    int stopped = __atomic_load_n(&c->stopped, __ATOMIC_ACQUIRE);
    if (gone(thread)) {
      __atomic_store_n(&c->stop, 0, __ATOMIC_RELEASE);
      return 1;
    }
    if (stopped)
      return 0;
    arch_wait();
  }
}

void mps_port_thread_context(mps_port_thread_s *thread, mps_port_context_s *context_o)
{
  struct cpu *c = (struct cpu *)thread->words[0];
  context_o->hot = (void *)c->frame->rsp;
  context_o->regs = c->frame;
  context_o->reg_count = 15;
}

void mps_port_thread_resume(mps_port_thread_s *thread)
{
  struct cpu *c = (struct cpu *)thread->words[0];
  if (__atomic_sub_fetch(&c->stop, 1, __ATOMIC_RELEASE) != 0)
    return;                     /* it is registered twice */
  /* Until it has seen that, it would count as stopped for the next who asks. */
  while (__atomic_load_n(&c->stopped, __ATOMIC_ACQUIRE))
    __builtin_ia32_pause();
}

#endif

/* --- the start --- */

extern char boot_stack[];
static uint64_t *tables;

void arch_tables_on(uint64_t *top)
{
  tables = top;
  __asm__ volatile("movq %0, %%cr3" : : "r"(top) : "memory");
}

static void cpu_init(struct cpu *c, char *stack)
{
  c->self = c;
  c->stack = stack;
  set_msr(0xc0000101, (uint64_t)c);     /* the base of gs */
  *apic(APIC_SPURIOUS) = 0x100 | SPURIOUS;
  c->id = (*apic(APIC_ID) >> 24) + 1;
  set_gates();
  c->flush = 0;
  __atomic_store_n(&c->online, 1, __ATOMIC_RELEASE);
  __atomic_store_n(&c->run, c->run + 1, __ATOMIC_RELEASE);
}

void arch_main(void);

void arch_main(void)
{
  memory_init();
  out8(0x21, 0xff);     /* nothing from the old interrupt controllers */
  out8(0xa1, 0xff);
  cpu_init(&cpus[0], boot_stack);
  if (CPUS > 1 || TICK_HZ > 0)
    __asm__ volatile("sti");
  workload_main();
  arch_power_off(1);
}

#if CPUS > 1

static char stacks[CPUS][STACK] __attribute__((aligned(4096)));
extern char trampoline[], trampoline_end[], trampoline_cr3[], trampoline_stack[];

static void wait_ns(size_t ns)
{
  size_t from = arch_clock();
  while (arch_clock() - from < ns)
    __builtin_ia32_pause();
}

void arch_start_other(size_t cpu)
{
  char *at = (char *)0x8000;
  size_t run = cpus[cpu].run;
  __asm__("" : "+r"(at));       /* gcc takes small addresses for mistakes */
  memcpy(at, trampoline, (size_t)(trampoline_end - trampoline));
  *(uint64_t *)(at + (trampoline_cr3 - trampoline)) = (uint64_t)tables;
  *(uint64_t *)(at + (trampoline_stack - trampoline)) = (uint64_t)(stacks[cpu] + STACK);
  send((uint32_t)cpu, 0x4500);          /* INIT: it forgets all addresses, too */
  wait_ns(10000000);
  send((uint32_t)cpu, 0x4600 | 8);      /* start at page 8 */
  /* It may be off again by now, so this does not wait for online. */
  while (__atomic_load_n(&cpus[cpu].run, __ATOMIC_ACQUIRE) == run)
    arch_wait();
}

void arch_other(void);

void arch_other(void)
{
  /* Places and controllers are numbered alike: arch_start_other sent to i. */
  size_t i = *apic(APIC_ID) >> 24;
  cpu_init(&cpus[i], stacks[i]);
  __asm__ volatile("sti");
  workload_other(i);
  (void)arch_quiet_begin();
  __atomic_store_n(&cpus[i].online, 0, __ATOMIC_RELEASE);
  for (;;)
    __asm__ volatile("hlt");
}

#else

void arch_start_other(size_t cpu) { (void)cpu; }
void arch_other(void);
void arch_other(void) {}

#endif
