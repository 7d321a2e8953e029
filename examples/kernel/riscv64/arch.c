/* arch.c -- the machine: QEMU's RISC-V board "virt", one processor */

#include "arch.h"
#include "mpsport.h"

enum { STACK = 65536 };

/* What trap.S saves, as far as it is looked at here. */
struct frame { uint64_t pc, x1, status; };

const char arch_name[] = "RISC-V 64";

/* A 16550. */
void arch_put(char c)
{
  volatile uint8_t *uart = (volatile uint8_t *)0x10000000;
  while ((uart[5] & 0x20) == 0)
    ;
  uart[0] = (uint8_t)c;
}

/* The board's test device: QEMU's exit status is 0, or what stands in the upper
 * half. */
void arch_power_off(int ok)
{
  volatile uint32_t *test = (volatile uint32_t *)0x100000;
  __asm__("" : "+r"(test));     /* gcc takes small addresses for mistakes */
  for (;;)
    *test = ok ? 0x5555 : 1 << 16 | 0x3333;
}

/* The time counter. */
const size_t arch_clock_rate = 10000000;

size_t arch_clock(void)
{
  uint64_t t;
  __asm__ volatile("rdtime %0" : "=r"(t));
  return t;
}

extern char boot_stack[];

void arch_stack(void **base_o, void **limit_o)
{
  *base_o = boot_stack;
  *limit_o = boot_stack + STACK;
}

void arch_trap(struct frame *f, uint64_t cause, uintptr_t addr);

void arch_trap(struct frame *f, uint64_t cause, uintptr_t addr)
{
  /* 13: a page fault of a load; 15: of a store. */
  if ((cause == 13 || cause == 15) && memory_fault(addr, cause == 15))
    return;
  put_string("trap ");
  put_hex(cause);
  put_string(" at ");
  put_hex(addr);
  put_string(", instruction ");
  put_hex(f->pc);
  put_char('\n');
  fail(__FILE__, __LINE__, "an unexpected trap");
}

void arch_tables_on(uint64_t *top)
{
  uint64_t satp = (uint64_t)8 << 60 | (uintptr_t)top >> 12;
  __asm__ volatile("sfence.vma; csrw satp, %0; sfence.vma" : : "r"(satp) : "memory");
}

void arch_main(void);

void arch_main(void)
{
  memory_init();
  workload_main();
  arch_power_off(1);
}

void arch_start_other(size_t cpu) { (void)cpu; }
int arch_online(size_t cpu) { return cpu == 0; }
int arch_interrupt(void) { return -1; }
void arch_ticks(int on) { (void)on; }
