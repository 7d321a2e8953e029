/* arch.h -- x86-64 for port.c: page tables of four levels, interrupts */

#ifndef arch_h
#define arch_h

#include "kernel.h"

enum { ARCH_LEVELS = 4, ARCH_RAM_MB = 256 };
#define ARCH_RAM_BASE ((uintptr_t)0)
#define ARCH_WINDOW ((uintptr_t)1 << 40)
#define ARCH_WINDOW_SIZE ((uintptr_t)1 << 36)

/* The local interrupt controller, and nothing else that is not behind ports. */
static const uintptr_t arch_devices[] = { 0xfee00000 };

enum { PTE_VALID = 1, PTE_WRITE = 2, PTE_UNCACHED = 0x18, PTE_LARGE = 0x80 };
#define PTE_NO_EXEC ((uint64_t)1 << 63)

static inline uint64_t arch_table(uintptr_t frame, unsigned level)
{
  (void)level;
  return frame | PTE_VALID | PTE_WRITE;
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
  return (uintptr_t)(entry & 0x000ffffffffff000u);
}

/* Turns them on: on the first processor, and the others follow. */
void arch_tables_on(uint64_t *top);

/* Makes this processor forget what it knows of an address; and all others
 * what they know of any. The second waits until they have. */
static inline void arch_flush(uintptr_t addr)
{
  __asm__ volatile("invlpg (%0)" : : "r"(addr) : "memory");
}
void arch_flush_others(void);

/* --- interrupts --- */

static inline size_t arch_quiet_begin(void)
{
  size_t flags;
  __asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
  return flags & 0x200;
}

static inline void arch_quiet_end(size_t was)
{
  if (was != 0)
    __asm__ volatile("sti" : : : "memory");
}

/* --- a spin lock, with interrupts off while it is held --- */

typedef unsigned arch_lock_t;

/* What another processor asks of this one is looked at while waiting. */
void arch_wait(void);

static inline size_t arch_lock(arch_lock_t *lock)
{
  size_t was = arch_quiet_begin();
  while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE) != 0)
    arch_wait();
  return was;
}

static inline void arch_unlock(arch_lock_t *lock, size_t was)
{
  __atomic_store_n(lock, 0, __ATOMIC_RELEASE);
  arch_quiet_end(was);
}

#if CPUS > 1 && defined(SOFT)
/* MPS_PORT_THREADS and MPS_PORT_STOPS_BETWEEN_ACCESSES: see BEGIN in workload.c. */
enum { ARCH_CAPABILITIES = 4 | 8 };
#elif CPUS > 1
enum { ARCH_CAPABILITIES = 4 };         /* MPS_PORT_THREADS */
#else
enum { ARCH_CAPABILITIES = 0 };
#endif

#endif
