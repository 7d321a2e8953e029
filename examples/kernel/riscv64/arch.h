/* arch.h -- RISC-V 64 for port.c: page tables of three levels (Sv39), one processor */

#ifndef arch_h
#define arch_h

#include "kernel.h"

enum { ARCH_LEVELS = 3, ARCH_RAM_MB = 256, ARCH_CAPABILITIES = 0 };
#define ARCH_RAM_BASE ((uintptr_t)0x80000000)
#define ARCH_WINDOW ((uintptr_t)1 << 36)
#define ARCH_WINDOW_SIZE ((uintptr_t)1 << 35)

/* What powers off; the serial port. */
static const uintptr_t arch_devices[] = { 0x00000000, 0x10000000 };

/* Accessed and dirty are set, so the processor need not ask for it. */
enum { PTE_VALID = 1, PTE_READ = 2, PTE_WRITE = 4, PTE_EXEC = 8, PTE_USED = 0xc0 };

static inline uint64_t arch_table(uintptr_t frame, unsigned level)
{
  (void)level;
  return frame >> 2 | PTE_VALID;
}

static inline uint64_t arch_block(uintptr_t frame, int device)
{
  return frame >> 2 | PTE_VALID | PTE_READ | PTE_WRITE | PTE_USED | (device ? 0 : PTE_EXEC);
}

/* denied: 1 for reads, which here denies all, 2 for writes. */
static inline uint64_t arch_leaf(uintptr_t frame, int denied)
{
  return frame >> 2 | PTE_READ | PTE_USED
    | (denied & 1 ? 0 : PTE_VALID) | (denied & 2 ? 0 : PTE_WRITE);
}

static inline uintptr_t arch_frame(uint64_t entry)
{
  return (uintptr_t)(entry >> 10 << 12);
}

void arch_tables_on(uint64_t *top);

/* Wanted after an entry has become valid as well. */
static inline void arch_flush(uintptr_t addr)
{
  __asm__ volatile("sfence.vma %0, zero" : : "r"(addr) : "memory");
}

static inline void arch_flush_others(void) {}

/* One processor without interrupts: nobody to lock out. */
typedef unsigned arch_lock_t;
static inline size_t arch_lock(arch_lock_t *lock) { (void)lock; return 0; }
static inline void arch_unlock(arch_lock_t *lock, size_t was) { (void)lock; (void)was; }

#endif
