/* arch.h -- IA-32 for port.c: page tables of three levels (PAE), one processor
 *
 * PAE and not the older tables, since those have no bit that forbids to execute. */

#ifndef arch_h
#define arch_h

#include "kernel.h"

enum { ARCH_LEVELS = 3, ARCH_RAM_MB = 256, ARCH_CAPABILITIES = 0 };
#define ARCH_RAM_BASE ((uintptr_t)0)
#define ARCH_WINDOW ((uintptr_t)0x40000000)
#define ARCH_WINDOW_SIZE ((uintptr_t)0x80000000)

/* Everything used here is behind ports; the first block is RAM anyway. */
static const uintptr_t arch_devices[] = { 0xfee00000 };

enum { PTE_VALID = 1, PTE_WRITE = 2, PTE_UNCACHED = 0x18, PTE_LARGE = 0x80 };
#define PTE_NO_EXEC ((uint64_t)1 << 63)

/* In the four entries of the top level only the valid bit may be set. */
static inline uint64_t arch_table(uintptr_t frame, unsigned level)
{
  return frame | PTE_VALID | (level == ARCH_LEVELS - 1 ? 0 : PTE_WRITE);
}

static inline uint64_t arch_block(uintptr_t frame, int device)
{
  return frame | PTE_VALID | PTE_WRITE | PTE_LARGE
    | (device ? PTE_UNCACHED | PTE_NO_EXEC : 0);
}

/* denied: 1 for reads, which here denies all, 2 for writes. */
static inline uint64_t arch_leaf(uintptr_t frame, int denied)
{
  return frame | PTE_NO_EXEC
    | (denied & 1 ? 0 : denied & 2 ? PTE_VALID : PTE_VALID | PTE_WRITE);
}

static inline uintptr_t arch_frame(uint64_t entry)
{
  return (uintptr_t)entry & 0xfffff000u;
}

void arch_tables_on(uint64_t *top);

static inline void arch_flush(uintptr_t addr)
{
  __asm__ volatile("invlpg (%0)" : : "r"(addr) : "memory");
}

static inline void arch_flush_others(void) {}

/* One processor without interrupts: nobody to lock out. */
typedef unsigned arch_lock_t;
static inline size_t arch_lock(arch_lock_t *lock) { (void)lock; return 0; }
static inline void arch_unlock(arch_lock_t *lock, size_t was) { (void)lock; (void)was; }

#endif
