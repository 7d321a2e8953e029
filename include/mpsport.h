/* mpsport.h -- the port: what the MPS needs from the machine under it
 *
 * For programs that run the MPS where it has no port of its own: on bare
 * metal, in a kernel, in an enclave. Write these functions, link them with an
 * archive built with the port hooks (README, "Bare metal, other systems"). The functions
 * of mpslib.h are wanted too.
 *
 * Everything below is said once, for all functions:
 *
 *   - Ranges are never empty; base and size are multiples of
 *     mps_port_page_size().
 *   - Functions that can fail return 0 for success, or one of the codes of
 *     mps.h: 1 fail, 2 resource (no address space), 3 memory, 5 unimplemented.
 *     On failure nothing has changed.
 *   - Each range is in one state, and a function is called from the state
 *     named only:
 *
 *       function          from                 to
 *       mps_port_reserve  -                    reserved
 *       mps_port_map      reserved             mapped: zeroed, readable and
 *                                              writable, never executable
 *       mps_port_protect  mapped               mapped, accesses denied as told
 *       mps_port_unmap    mapped               reserved; the contents are lost
 *       mps_port_release  reserved or mapped   -
 *
 *   - A port decides nothing and never calls the MPS, but for the fault
 *     handler and the fork hooks that it was given.
 *   - Functions may be called inside the fault handler, and while other
 *     threads are stopped at any instruction: take no lock that those may hold.
 *   - "Interrupt" means an interrupt or a signal whose handler runs on one of
 *     the program's own threads. The section on interrupts says what a handler
 *     may do.
 *
 * Thread rule, if nothing else is said: any thread may call at any time, so several
 * may be in the same function at once. Not so: one thread at a time is between
 * mps_port_stop_begin and mps_port_stop_end, and what stops, waits for, shows or
 * resumes threads is called there only; of one range, or one thread's slot, there is
 * one call at a time; install functions are called once, before threads are stopped.
 *
 * Stack: a call of the library needs up to 4 KB of the caller's stack, with what
 * the program's format methods and these functions need besides; so does the fault
 * handler. docs/memory.md has it for each function.
 *
 * Clock (mps_clock, in mpslib.h): it counts up, in all bits of its type, and may
 * wrap around from the largest number to 0. While it stands still, or if it always
 * does, a step of a collection ends with the collection. If it goes back, or has
 * fewer bits and wraps around, the step under way ends early.
 *
 * docs/porting.md is the way from nothing to a port; tests/port has a program that
 * says which sentence of this file a port breaks.
 */

#ifndef mpsport_h
#define mpsport_h

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* This contract's version. A port for another one lacks the symbol, and fails
 * to link rather than to work. MPS_PORT_DEFINE, once in a port, defines it. */
extern const int mps_port_abi_2;

#ifdef __cplusplus
#define MPS_PORT_DEFINE extern "C" { extern const int mps_port_abi_2; const int mps_port_abi_2 = 2; }
#else
#define MPS_PORT_DEFINE const int mps_port_abi_2 = 2;
#endif

/* A thing that ports can do, for mps_port_capabilities. */
#define MPS_PORT_VM      1u /* reserve, map, unmap: arenas of the VM class work */
#define MPS_PORT_PROTECT 2u /* protect, and faults are reported: barriers work */
#define MPS_PORT_THREADS 4u /* threads can be stopped and looked at */
/* With MPS_PORT_THREADS and arenas that have a software barrier (mpsx.h,
 * MPS_KEY_X_SOFT_BARRIER): a thread is never stopped between MPS_X_READ or
 * MPS_X_WRITE and the access after it, because threads stop only where they
 * look whether to, or because the program masks the interrupt that stops them
 * for so long. Without it such an arena works without a barrier as long as it
 * has more than one registered thread: it collects in one go. */
#define MPS_PORT_STOPS_BETWEEN_ACCESSES 8u

/* What the port can do: the sum. Asked for when an arena is created. */
unsigned mps_port_capabilities(void);

/* --- Memory (MPS_PORT_VM). Without it only client arenas work, and none of
 * these but mps_port_page_size is called. --- */

/* The unit of mapping and protection in bytes: a power of two. */
size_t mps_port_page_size(void);

/* Takes size bytes of address space at a multiple of align, a power of two and
 * at least a page, and stores where. Fails with 2. */
int mps_port_reserve(void **base_o, size_t size, size_t align);

/* Gives back exactly a range that mps_port_reserve gave. */
void mps_port_release(void *base, size_t size);

/* Puts memory under reserved addresses. Fails with 3. */
int mps_port_map(void *base, size_t size);

/* Takes it away again, keeping the address space. */
void mps_port_unmap(void *base, size_t size);

/* --- Protection (MPS_PORT_PROTECT) --- */

/* Denies accesses: the sum of 1 for reads and 2 for writes; 0 allows all. A
 * port that cannot deny reads alone denies both. */
int mps_port_protect(void *base, size_t size, int denied);

/* What the MPS does about a denied access, to addr, a write or not. Call it on
 * the thread that made the access, on a stack with room for the client's scan
 * methods. Not 0: run the instruction again. 0: the address is not the MPS's.
 * It may be entered again before it returns. */
typedef int (*mps_port_fault_t)(size_t addr, int is_write);

/* Says where faults go. Called once. */
int mps_port_install_faults(mps_port_fault_t handler);

/* --- Forks --- */

/* Run on the forking thread: before, after in the parent, after in the child. */
typedef struct mps_port_fork_s {
  void (*prepare)(void);
  void (*parent)(void);
  void (*child)(void);
} mps_port_fork_s;

/* Says what to run round forks. Called once; where there are no forks, 5. The
 * structure stays. */
int mps_port_install_fork(const mps_port_fork_s *hooks);

/* --- Threads --- */

/* A number that tells the calling thread from all others alive; not 0. Called
 * in the fault handler too. Wanted without MPS_PORT_THREADS as well. */
size_t mps_port_thread_id(void);

/* Called while waiting for a spin lock; round counts up from 0. Spin, yield
 * or sleep. Wanted without MPS_PORT_THREADS as well. */
void mps_port_relax(unsigned round);

/* --- Interrupts ---
 *
 * A handler may
 *   - read and write managed objects that it finds through roots, as long as it
 *     can be entered by a fault there: its accesses meet the barrier as all do;
 *   - allocate from and free to a manual pool that nobody else uses, in an
 *     arena that nobody else uses; or, with the interrupt masked round
 *     each use elsewhere, one that others use.
 * Apart from that it calls nothing of the library: the thread that it interrupted
 * may have a lock, which nobody would give back while the handler waits.
 *
 * While the MPS stops threads and lets them go, a handler that met a barrier would
 * wait for the MPS, and the MPS for the handler. So it keeps them off by these. */

/* Keeps handlers off, on the processor that this thread runs on, and returns
 * what had been the case; puts that back. Pairs may nest. Faults are still
 * reported, and the interrupt by which mps_port_thread_stop stops a thread may
 * still do so. Wanted without MPS_PORT_THREADS as well. */
size_t mps_port_quiet_begin(void);
void mps_port_quiet_end(size_t was);

/* --- Other threads (MPS_PORT_THREADS) --- */

/* Room for what the port knows of a registered thread. The MPS keeps it, all
 * zero at first; the port fills it. */
typedef struct mps_port_thread_s {
  size_t words[8];
} mps_port_thread_s;

/* Where a stopped thread stands. */
typedef struct mps_port_context_s {
  void *hot;        /* the lowest address of its stack in use, red zone included */
  void *regs;       /* its registers, as words in memory until it resumes */
  size_t reg_count; /* how many words */
} mps_port_context_s;

/* Optional: a port may leave this function out, with or without
 * MPS_PORT_THREADS. Stores the calling thread's own stack: the lowest address
 * that it may grow down to, and its cold end (the address above the highest).
 * Fails with 5 if the port does not know, or if the thread is on another stack
 * now. Called when a thread registers, before the MPS has taken any lock; this
 * function may allocate. With it a thread found on another stack than its own is
 * reported instead of scanned (mpsx.h, mps_x_root_create_stack, uses it too);
 * without, nothing is checked. */
int mps_port_thread_stack(void **base_o, void **limit_o);

/* Makes the calling thread known, so that others can stop it; forgets it (on
 * any thread). A thread may be registered more than once. */
int mps_port_thread_register(mps_port_thread_s *thread);
void mps_port_thread_deregister(mps_port_thread_s *thread);

/* Round a batch of stops: one batch runs at a time; others wait here, and may
 * themselves be stopped while they do. */
void mps_port_stop_begin(void);
void mps_port_stop_end(void);

/* Asks a registered thread, not the caller, to stop; waits until it has. Both
 * fail with 1 if it is gone. From then until it is resumed it executes
 * nothing. Threads are all asked first, then waited for. */
int mps_port_thread_stop(mps_port_thread_s *thread);
int mps_port_thread_wait(mps_port_thread_s *thread);

/* Where it stands; only while stopped. */
void mps_port_thread_context(mps_port_thread_s *thread, mps_port_context_s *context_o);

/* Lets it run. */
void mps_port_thread_resume(mps_port_thread_s *thread);

/* --- What a simple port need not write. Each line, once in a port, defines
 * the functions of a group that the capabilities do not name. --- */

#ifdef __cplusplus
#define MPS_PORT_C_ extern "C"
#else
#define MPS_PORT_C_
#endif

#define MPS_PORT_DEFINE_NO_VM \
  MPS_PORT_C_ int mps_port_reserve(void **b, size_t s, size_t a) { (void)b; (void)s; (void)a; return 2; } \
  MPS_PORT_C_ void mps_port_release(void *b, size_t s) { (void)b; (void)s; } \
  MPS_PORT_C_ int mps_port_map(void *b, size_t s) { (void)b; (void)s; return 3; } \
  MPS_PORT_C_ void mps_port_unmap(void *b, size_t s) { (void)b; (void)s; }

#define MPS_PORT_DEFINE_NO_PROTECT \
  MPS_PORT_C_ int mps_port_protect(void *b, size_t s, int d) { (void)b; (void)s; (void)d; return 5; } \
  MPS_PORT_C_ int mps_port_install_faults(mps_port_fault_t h) { (void)h; return 5; }

#define MPS_PORT_DEFINE_NO_FORK \
  MPS_PORT_C_ int mps_port_install_fork(const mps_port_fork_s *h) { (void)h; return 5; }

#define MPS_PORT_DEFINE_NO_INTERRUPTS \
  MPS_PORT_C_ size_t mps_port_quiet_begin(void) { return 0; } \
  MPS_PORT_C_ void mps_port_quiet_end(size_t w) { (void)w; }

#define MPS_PORT_DEFINE_ONE_THREAD \
  MPS_PORT_C_ size_t mps_port_thread_id(void) { return 1; } \
  MPS_PORT_C_ void mps_port_relax(unsigned r) { (void)r; } \
  MPS_PORT_C_ int mps_port_thread_register(mps_port_thread_s *t) { (void)t; return 0; } \
  MPS_PORT_C_ void mps_port_thread_deregister(mps_port_thread_s *t) { (void)t; } \
  MPS_PORT_C_ void mps_port_stop_begin(void) {} \
  MPS_PORT_C_ void mps_port_stop_end(void) {} \
  MPS_PORT_C_ int mps_port_thread_stop(mps_port_thread_s *t) { (void)t; return 5; } \
  MPS_PORT_C_ int mps_port_thread_wait(mps_port_thread_s *t) { (void)t; return 5; } \
  MPS_PORT_C_ void mps_port_thread_context(mps_port_thread_s *t, mps_port_context_s *c) { (void)t; (void)c; } \
  MPS_PORT_C_ void mps_port_thread_resume(mps_port_thread_s *t) { (void)t; }

#ifdef __cplusplus
}
#endif

#endif /* mpsport_h */
