/* arch.c -- the machine: QEMU's ARM64 board "virt", one processor */

#include "arch.h"
#include "mpsport.h"

enum { STACK = 65536 };

/* What trap.S saves, as far as it is looked at here. */
struct frame { uint64_t x[31], elr, spsr; };

const char arch_name[] = "ARM64";

/* A PL011. */
void arch_put(char c)
{
  volatile uint32_t *uart = (volatile uint32_t *)0x09000000;
  while ((uart[6] & 0x20) != 0)
    ;
  uart[0] = (uint8_t)c;
}

/* Semihosting: the call "exit", with a reason and QEMU's exit status. */
void arch_power_off(int ok)
{
  uint64_t block[2] = { 0x20026, ok ? 0 : 1 };
  register uint64_t what __asm__("x0") = 0x18;
  register uint64_t *where __asm__("x1") = block;
  for (;;)
    __asm__ volatile("hlt #0xf000" : : "r"(what), "r"(where) : "memory");
}

/* The generic timer's counter. */
const size_t arch_clock_rate = 62500000;

size_t arch_clock(void)
{
  uint64_t t;
  __asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(t) : : "memory");
  return t;
}

extern char boot_stack[];

void arch_stack(void **base_o, void **limit_o)
{
  *base_o = boot_stack;
  *limit_o = boot_stack + STACK;
}

void arch_trap(struct frame *f, unsigned entry, uint64_t syndrome, uintptr_t addr);

void arch_trap(struct frame *f, unsigned entry, uint64_t syndrome, uintptr_t addr)
{
  /* Entry 4: a fault of this level, on this stack. Class 0x25: an access to data;
   * of its statuses those of translation and permission. */
  unsigned status = syndrome & 0x3c;
  if (entry == 4 && syndrome >> 26 == 0x25 && (status == 4 || status == 12)
      && memory_fault(addr, (syndrome & 0x40) != 0))
    return;
  put_string("trap ");
  put_number(entry);
  put_string(" at ");
  put_hex(addr);
  put_string(", syndrome ");
  put_hex(syndrome);
  put_string(", instruction ");
  put_hex(f->elr);
  put_char('\n');
  fail(__FILE__, __LINE__, "an unexpected trap");
}

void arch_tables_on(uint64_t *top)
{
  uint64_t sctlr;
  /* Attributes 0: memory, cached; 1: devices. */
  __asm__ volatile("msr mair_el1, %0" : : "r"((uint64_t)0xff));
  /* Addresses of 39 bits, pages of 4 KB, walks cached and shared; nothing in the
   * upper half; 36 bits of physical addresses. */
  __asm__ volatile("msr tcr_el1, %0" : : "r"(25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | (uint64_t)1 << 32));
  __asm__ volatile("msr ttbr0_el1, %0" : : "r"(top));
  __asm__ volatile("dsb sy; isb; tlbi vmalle1; dsb sy; isb" : : : "memory");
  __asm__ volatile("mrs %0, sctlr_el1" : "=r"(sctlr));
  /* MMU and caches on, alignment not checked. */
  __asm__ volatile("msr sctlr_el1, %0; isb" : : "r"((sctlr | 0x1005) & ~(uint64_t)2) : "memory");
}

void arch_main(void);

void arch_main(void)
{
  uint64_t rate;
  memory_init();
  __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(rate));
  CHECK(rate == arch_clock_rate);
  workload_main();
  arch_power_off(1);
}

void arch_start_other(size_t cpu) { (void)cpu; }
int arch_online(size_t cpu) { return cpu == 0; }
int arch_interrupt(void) { return -1; }
void arch_ticks(int on) { (void)on; }
