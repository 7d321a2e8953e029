/* soft.c -- turns any program into one that has a software barrier
 *
 * run.sh links it to each program if SOFT is set.  The compiler is told to call
 * a function before every load and store (what -fsanitize=thread does; its
 * runtime is not linked: the functions are here).  These look at the tables of
 * all arenas, as MPS_X_READ and MPS_X_WRITE do.  And the linker sends the
 * calls that create and destroy arenas here, to add the key that asks for a
 * software barrier (--wrap).  So the programs are tested as they are.
 *
 * At the end of a program the library must never have asked for a handler for
 * SIGSEGV, nor made memory read-only.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mps.h"
#include "mpsavm.h"
#include "mpsacl.h"
#include "mpsx.h"

#define ARENAS 64       /* at a time; no program has more */

static mps_arena_t arenas[ARENAS];      /* read without a lock */
static int used;                        /* places that were ever used */
static unsigned long hits[2];

static void look(const volatile void *addr, unsigned mode)
{
  int i, n = __atomic_load_n(&used, __ATOMIC_ACQUIRE);
  for (i = 0; i < n; ++i) {
    mps_arena_t arena = __atomic_load_n(&arenas[i], __ATOMIC_ACQUIRE);
    if (arena != NULL)
      mps_x_look_(arena, addr, mode);
  }
}

/* A range in steps: no unit of protection is smaller. */
static void look_range(const volatile void *addr, size_t size, unsigned mode)
{
  uintptr_t a = (uintptr_t)addr, limit = a + size;
  while (a < limit) {
    look((void *)a, mode);
    a = (a | 255) + 1;
  }
}

#define BOTH(n) \
  void __tsan_read##n(void *a) { look(a, 1); } \
  void __tsan_write##n(void *a) { look(a, 2); } \
  void __tsan_unaligned_read##n(void *a) { look_range(a, n, 1); } \
  void __tsan_unaligned_write##n(void *a) { look_range(a, n, 2); } \
  void __tsan_volatile_read##n(void *a) { look(a, 1); } \
  void __tsan_volatile_write##n(void *a) { look(a, 2); }
BOTH(1) BOTH(2) BOTH(4) BOTH(8) BOTH(16)
void __tsan_read_range(void *a, size_t n) { look_range(a, n, 1); }
void __tsan_write_range(void *a, size_t n) { look_range(a, n, 2); }
void __tsan_vptr_update(void **a, void *v) { (void)v; look(a, 2); }
void __tsan_init(void) {}
void __tsan_func_entry(void *pc) { (void)pc; }
void __tsan_func_exit(void) {}

/* Atomic accesses are whole calls. */
#define ATOMIC(bits, t) \
  t __tsan_atomic##bits##_load(const volatile t *p, int o) \
  { (void)o; look(p, 1); return __atomic_load_n(p, __ATOMIC_SEQ_CST); } \
  void __tsan_atomic##bits##_store(volatile t *p, t v, int o) \
  { (void)o; look(p, 2); __atomic_store_n(p, v, __ATOMIC_SEQ_CST); } \
  t __tsan_atomic##bits##_exchange(volatile t *p, t v, int o) \
  { (void)o; look(p, 2); return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); } \
  t __tsan_atomic##bits##_fetch_add(volatile t *p, t v, int o) \
  { (void)o; look(p, 2); return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); } \
  t __tsan_atomic##bits##_fetch_sub(volatile t *p, t v, int o) \
  { (void)o; look(p, 2); return __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST); } \
  t __tsan_atomic##bits##_fetch_or(volatile t *p, t v, int o) \
  { (void)o; look(p, 2); return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST); } \
  t __tsan_atomic##bits##_fetch_and(volatile t *p, t v, int o) \
  { (void)o; look(p, 2); return __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST); } \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile t *p, t *e, t v, \
                                                    int o, int f) \
  { (void)o; (void)f; look(p, 2); \
    return __atomic_compare_exchange_n(p, e, v, 0, __ATOMIC_SEQ_CST, \
                                       __ATOMIC_SEQ_CST); } \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile t *p, t *e, t v, \
                                                  int o, int f) \
  { return __tsan_atomic##bits##_compare_exchange_strong(p, e, v, o, f); } \
  t __tsan_atomic##bits##_compare_exchange_val(volatile t *p, t e, t v, \
                                               int o, int f) \
  { (void)__tsan_atomic##bits##_compare_exchange_strong(p, &e, v, o, f); \
    return e; }
ATOMIC(8, uint8_t) ATOMIC(16, uint16_t) ATOMIC(32, uint32_t) ATOMIC(64, uint64_t)
void __tsan_atomic_thread_fence(int o) { (void)o; __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int o) { (void)o; __atomic_signal_fence(__ATOMIC_SEQ_CST); }

/* What the compiler leaves to the C library. */
void *__real_memcpy(void *d, const void *s, size_t n);
void *__real_memmove(void *d, const void *s, size_t n);
void *__real_memset(void *d, int c, size_t n);
int __real_memcmp(const void *a, const void *b, size_t n);
void *__wrap_memcpy(void *d, const void *s, size_t n);
void *__wrap_memmove(void *d, const void *s, size_t n);
void *__wrap_memset(void *d, int c, size_t n);
int __wrap_memcmp(const void *a, const void *b, size_t n);

void *__wrap_memcpy(void *d, const void *s, size_t n)
{
  look_range(s, n, 1);
  look_range(d, n, 2);
  return __real_memcpy(d, s, n);
}

void *__wrap_memmove(void *d, const void *s, size_t n)
{
  look_range(s, n, 1);
  look_range(d, n, 2);
  return __real_memmove(d, s, n);
}

void *__wrap_memset(void *d, int c, size_t n)
{
  look_range(d, n, 2);
  return __real_memset(d, c, n);
}

int __wrap_memcmp(const void *a, const void *b, size_t n)
{
  look_range(a, n, 1);
  look_range(b, n, 1);
  return __real_memcmp(a, b, n);
}

/* --- arenas --- */

mps_res_t __real_mps_arena_create_k(mps_arena_t *, mps_arena_class_t, mps_arg_s[]);
mps_res_t __wrap_mps_arena_create_k(mps_arena_t *, mps_arena_class_t, mps_arg_s[]);
mps_res_t __wrap_mps_arena_create(mps_arena_t *, mps_arena_class_t, ...);
void __real_mps_arena_destroy(mps_arena_t);
void __wrap_mps_arena_destroy(mps_arena_t);

mps_res_t __wrap_mps_arena_create_k(mps_arena_t *arena_o, mps_arena_class_t class,
                                    mps_arg_s args[])
{
  mps_arg_s more[MPS_ARGS_MAX + 1];
  mps_res_t res;
  int i, n = 0;
  while (n < MPS_ARGS_MAX - 1 && args[n].key != MPS_KEY_ARGS_END)
    ++n;
  more[0].key = MPS_KEY_X_SOFT_BARRIER;
  more[0].val.b = 1;
  for (i = 0; i <= n; ++i)
    more[i + 1] = args[i];
  res = __real_mps_arena_create_k(arena_o, class, more);
  /* What is known has been taken out of the list, as the client expects. */
  for (i = 0; i <= n; ++i) {
    args[i] = more[i];
    if (more[i].key == MPS_KEY_ARGS_END)
      break;
  }
  if (res != MPS_RES_OK)
    return res;
  for (i = 0; i < ARENAS; ++i) {
    mps_arena_t none = NULL;
    if (__atomic_compare_exchange_n(&arenas[i], &none, *arena_o, 0,
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
      int was = __atomic_load_n(&used, __ATOMIC_SEQ_CST);
      while (was <= i
             && !__atomic_compare_exchange_n(&used, &was, i + 1, 0,
                                             __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        ;
      return res;
    }
  }
  fprintf(stderr, "soft.c: more than %d arenas\n", ARENAS);
  _exit(4);
}

/* The older function: one positional argument, two for a client arena. */
mps_res_t __wrap_mps_arena_create(mps_arena_t *arena_o, mps_arena_class_t class, ...)
{
  mps_arg_s args[3];
  va_list values;
  int n = 0;
  va_start(values, class);
  args[n].key = MPS_KEY_ARENA_SIZE;
  args[n++].val.size = va_arg(values, size_t);
  if (class == mps_arena_class_cl()) {
    args[n].key = MPS_KEY_ARENA_CL_BASE;
    args[n++].val.addr = va_arg(values, mps_addr_t);
  }
  va_end(values);
  args[n].key = MPS_KEY_ARGS_END;
  return __wrap_mps_arena_create_k(arena_o, class, args);
}

void __wrap_mps_arena_destroy(mps_arena_t arena)
{
  int i;
  mps_x_stats_s stats;
  stats.struct_size = sizeof stats;
  /* Not of an arena that is none: the program wants to see the report. */
  for (i = 0; i < ARENAS; ++i)
    if (__atomic_load_n(&arenas[i], __ATOMIC_SEQ_CST) == arena && arena != NULL) {
      if (mps_x_stats(arena, &stats) == MPS_RES_OK) {
        __atomic_fetch_add(&hits[0], stats.barrier_hits_read, __ATOMIC_SEQ_CST);
        __atomic_fetch_add(&hits[1], stats.barrier_hits_write, __ATOMIC_SEQ_CST);
      }
      __atomic_store_n(&arenas[i], NULL, __ATOMIC_SEQ_CST);
    }
  __real_mps_arena_destroy(arena);
}

/* --- what must not happen --- */

static unsigned long protections, handlers;

/* What the programs call themselves (run.sh renames it). */
int program_mprotect(void *base, size_t size, int mode)
{
  return (int)syscall(SYS_mprotect, base, size, mode);
}

int program_sigaction(int sig, const struct sigaction *sa, struct sigaction *before)
{
  static int (*real)(int, const struct sigaction *, struct sigaction *);
  if (real == NULL)
    *(void **)&real = dlsym(RTLD_NEXT, "sigaction");
  return real(sig, sa, before);
}

/* In place of the C library's, for the library.  That maps and unmaps by it, too,
 * but only a barrier makes memory read-only. */
int mprotect(void *base, size_t size, int mode)
{
  if (mode == PROT_READ)
    __atomic_fetch_add(&protections, 1, __ATOMIC_SEQ_CST);
  return program_mprotect(base, size, mode);
}

int sigaction(int sig, const struct sigaction *sa, struct sigaction *before)
{
  if (sig == SIGSEGV && sa != NULL)
    __atomic_fetch_add(&handlers, 1, __ATOMIC_SEQ_CST);
  return program_sigaction(sig, sa, before);
}

__attribute__((destructor))
static void at_the_end(void)
{
  if (protections != 0 || handlers != 0) {
    fprintf(stderr, "soft.c: memory was made read-only %lu times, and a handler for "
            "SIGSEGV asked for %lu times\n", protections, handlers);
    _exit(4);
  }
  printf("soft barrier: %lu reads and %lu writes denied\n", hits[0], hits[1]);
}
