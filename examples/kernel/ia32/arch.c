/* arch.c -- the machine: a PC under QEMU, in 32-bit mode, one processor */

#include "arch.h"
#include "mpsport.h"

enum { STACK = 65536 };

/* What trap.S and the processor push. */
struct frame {
  uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax;
  uint32_t vector, error;
  uint32_t eip, cs, flags;
};

const char arch_name[] = "IA-32";

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

/* The time stamp counter, of which the lowest 6 bits are left out: a word of it would
 * go round after four seconds. This one does after 275, which is as well. Its
 * rate is what QEMU has with icount; elsewhere it is a guess. */
const size_t arch_clock_rate = 1000000000 / 64;

size_t arch_clock(void)
{
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return low >> 6 | high << 26;
}

extern char boot_stack[];

void arch_stack(void **base_o, void **limit_o)
{
  *base_o = boot_stack;
  *limit_o = boot_stack + STACK;
}

/* --- faults --- */

struct gate { uint16_t low; uint16_t selector; uint16_t kind; uint16_t high; };
static struct gate gates[32];
extern char trap_entries[];

static void set_gates(void)
{
  static struct __attribute__((packed)) { uint16_t limit; uint32_t base; } where;
  size_t i;
  for (i = 0; i < 32; ++i) {
    uint32_t at = (uint32_t)trap_entries + 16 * i;
    gates[i].low = (uint16_t)at;
    gates[i].high = (uint16_t)(at >> 16);
    gates[i].selector = 8;
    gates[i].kind = 0x8e00;
  }
  where.limit = sizeof gates - 1;
  where.base = (uint32_t)gates;
  __asm__ volatile("lidt %0" : : "m"(where));
}

void arch_trap(struct frame *f);

void arch_trap(struct frame *f)
{
  /* The address first: another fault, of a scan method, would write over it. */
  uintptr_t addr;
  __asm__ volatile("movl %%cr2, %0" : "=r"(addr));
  if (f->vector == 14 && (f->error & 0x18) == 0 && memory_fault(addr, (f->error & 2) != 0))
    return;
  put_string("trap ");
  put_number(f->vector);
  put_string(" at ");
  put_hex(addr);
  put_string(", error ");
  put_hex(f->error);
  put_string(", instruction ");
  put_hex(f->eip);
  put_char('\n');
  fail(__FILE__, __LINE__, "an unexpected trap");
}

/* --- the start --- */

void arch_tables_on(uint64_t *top)
{
  uint32_t low, high, i;
  /* The processor reads the four entries of the top now, and not again. So there
   * must be tables in all of them. */
  static uint64_t directory[4][512] __attribute__((aligned(4096)));
  for (i = 0; i < 4; ++i)
    if (top[i] == 0)
      top[i] = arch_table((uintptr_t)directory[i], ARCH_LEVELS - 1);
  __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(0xc0000080));
  __asm__ volatile("wrmsr" : : "c"(0xc0000080), "a"(low | 0x800), "d"(high)); /* no-execute */
  __asm__ volatile("movl %0, %%cr4" : : "r"(0x20));                             /* PAE */
  __asm__ volatile("movl %0, %%cr3" : : "r"(top) : "memory");
  /* Paging, and the kernel too obeys "no writes". */
  __asm__ volatile("movl %%cr0, %0; orl $0x80010000, %0; movl %0, %%cr0" : "=&r"(low) : : "memory");
}

void arch_main(void);

void arch_main(void)
{
  set_gates();
  memory_init();
  workload_main();
  arch_power_off(1);
}

void arch_start_other(size_t cpu) { (void)cpu; }
int arch_online(size_t cpu) { return cpu == 0; }
int arch_interrupt(void) { return -1; }
void arch_ticks(int on) { (void)on; }
