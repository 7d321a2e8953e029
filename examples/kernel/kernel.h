/* kernel.h -- what the parts of the example kernel know of each other
 *
 *   workload.c   the program: objects, collections, a judge, a report
 *   port.c       mpsport.h: memory and protection
 *   plinth.c     mpslib.h and mpsio.h: the clock, failed checks
 *   libc.c       what the compiler calls by itself, and output
 *   <processor>/ arch.c, arch.h, boot.S, trap.S, kernel.ld: the machine
 */

#ifndef kernel_h
#define kernel_h

#include <stddef.h>
#include <stdint.h>

/* What an image is built for; the Makefile says it. */
#ifndef LIVE_KB
#define LIVE_KB 2048    /* about so much is alive in the managed heap */
#endif
#ifndef CPUS
#define CPUS 1
#endif
#ifndef TICK_HZ
#define TICK_HZ 0       /* interrupts a second that read managed memory */
#endif
#ifndef STEPS
#define STEPS 100000    /* of each worker, after the heap has been filled */
#endif

/* --- libc.c --- */

void put_char(char c);
void put_string(const char *s);
void put_number(size_t n);
void put_hex(size_t n);

/* Says what failed, and powers off with an exit status that is not success. */
_Noreturn void fail(const char *file, unsigned line, const char *what);

/* If not null: called when that has been said, and need not return. */
extern void (*fail_first)(void);

#define CHECK(c) ((c) ? (void)0 : fail(__FILE__, __LINE__, #c))

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *p, int c, size_t n);
int memcmp(const void *p, const void *q, size_t n);

/* --- port.c --- */

/* Makes page tables of the kernel's own and turns them on: RAM and devices at
 * their own addresses, and nothing yet in the window that the MPS uses. */
void memory_init(void);

/* Is what is denied a fault, at once? Fails if not. */
void memory_check(void);

/* An access that the page tables deny. Called by the machine's fault handler,
 * with interrupts as they were when the access was made. 0: nobody's. */
int memory_fault(uintptr_t addr, int is_write);

extern size_t memory_faults;    /* how many were the MPS's */
size_t memory_frames(void);     /* frames in use by reserved ranges */

/* --- workload.c --- */

/* The first processor's part, and that of each other one. */
void workload_main(void);
void workload_other(size_t cpu);

/* What the timer's interrupt does. */
void workload_tick(void);

/* --- <processor>/arch.c --- */

extern const char arch_name[];

void arch_put(char c);
_Noreturn void arch_power_off(int ok);

/* A clock that counts up, and how many of its units are a second. Under QEMU's
 * icount an instruction takes a nanosecond. */
size_t arch_clock(void);
extern const size_t arch_clock_rate;

/* Whose stack is this? The lowest address, and the one above the highest. */
void arch_stack(void **base_o, void **limit_o);

/* Starts another processor, which calls workload_other and then is off. It may be
 * started again. */
void arch_start_other(size_t cpu);
int arch_online(size_t cpu);

/* Begins and ends interrupts from the timer, on this processor. */
void arch_ticks(int on);

/* Provokes that interrupt, once, on this processor. -1: there are none. */
int arch_interrupt(void);

#endif
