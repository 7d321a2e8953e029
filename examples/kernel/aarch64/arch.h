/* arch.h -- ARM64 for port.c: page tables of three levels, one processor */

#ifndef arch_h
#define arch_h

#include "kernel.h"

enum { ARCH_LEVELS = 3, ARCH_RAM_MB = 256, ARCH_CAPABILITIES = 0 };
#define ARCH_RAM_BASE ((uintptr_t)0x40000000)
#define ARCH_WINDOW ((uintptr_t)1 << 37)
#define ARCH_WINDOW_SIZE ((uintptr_t)1 << 35)

/* The serial port. */
static const uintptr_t arch_devices[] = { 0x09000000 };

enum { PTE_VALID = 1, PTE_NOT_BLOCK = 2, PTE_DEVICE = 1 << 2, PTE_READ_ONLY = 1 << 7,
       PTE_SHARED = 3 << 8, PTE_ACCESSED = 1 << 10 };
#define PTE_NO_EXEC ((uint64_t)3 << 53)

static inline uint64_t arch_table(uintptr_t frame, unsigned level)
{
  (void)level;
  return frame | PTE_VALID | PTE_NOT_BLOCK;
}

static inline uint64_t arch_block(uintptr_t frame, int device)
{
  return frame | PTE_VALID | PTE_SHARED | PTE_ACCESSED
    | (device ? PTE_DEVICE | PTE_NO_EXEC : 0);
}

/* denied: 1 for reads, which here denies all, 2 for writes. */
static inline uint64_t arch_leaf(uintptr_t frame, int denied)
{
  return frame | PTE_NOT_BLOCK | PTE_SHARED | PTE_ACCESSED | PTE_NO_EXEC
    | (denied & 1 ? 0 : PTE_VALID) | (denied & 2 ? PTE_READ_ONLY : 0);
}

static inline uintptr_t arch_frame(uint64_t entry)
{
  return (uintptr_t)(entry & 0x0000fffffffff000u);
}

void arch_tables_on(uint64_t *top);

/* The entry must be in memory before, and the old one forgotten after. */
static inline void arch_flush(uintptr_t addr)
{
  __asm__ volatile("dsb ishst; tlbi vaae1is, %0; dsb ish; isb" : : "r"(addr >> 12) : "memory");
}

static inline void arch_flush_others(void) {}

/* One processor without interrupts: nobody to lock out. */
typedef unsigned arch_lock_t;
static inline size_t arch_lock(arch_lock_t *lock) { (void)lock; return 0; }
static inline void arch_unlock(arch_lock_t *lock, size_t was) { (void)lock; (void)was; }

#endif
