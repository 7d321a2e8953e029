/* common.h -- what the benchmark programs share: clocks, random numbers, memory, and the
 * Boehm collector's side
 *
 * PROGRAM is the program's name, for messages.  Each program uses a part of this. */

#ifndef COMMON_H
#define COMMON_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(USE_BOEHM)
#include <gc.h>
#elif !defined(USE_MPS)
#error "define USE_MPS or USE_BOEHM"
#endif

#define UNUSED __attribute__((unused))

static UNUSED void fail(const char *what)
{
  fprintf(stderr, PROGRAM ": %s\n", what);
  exit(1);
}

/* --- random numbers: xorshift64 --- */

static UNUSED uint64_t state = 88172645463325252ull;

static UNUSED inline uint32_t rnd(void)
{
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32);
}

/* --- clocks, in seconds --- */

static UNUSED double seconds(clockid_t id)
{
  struct timespec t;
  clock_gettime(id, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The time stamp counter, or what there is like it. */
static UNUSED inline uint64_t ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  uint64_t t;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(t));
  return t;
#else
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#endif
}

/* How long a tick is. */
static UNUSED double tick_length(void)
{
  double a = seconds(CLOCK_MONOTONIC), b;
  uint64_t u = ticks(), v;
  do {
    b = seconds(CLOCK_MONOTONIC);
    v = ticks();
  } while (b - a < 0.05);
  return (b - a) / (double)(v - u);
}

/* --- memory --- */

static UNUSED unsigned long peak_kb(void)
{
  char line[200];
  unsigned long kb = 0;
  FILE *f = fopen("/proc/self/status", "r");
  while (f != NULL && fgets(line, sizeof line, f) != NULL)
    if (sscanf(line, "VmHWM: %lu", &kb) == 1)
      break;
  if (f != NULL)
    fclose(f);
  return kb;
}

/* --- the Boehm collector --- */

#if defined(USE_BOEHM)

static UNUSED void boehm_begin(int incremental)
{
  setenv("GC_MARKERS", "1", 0); /* no help from other threads */
  GC_INIT();
  if (incremental)
    GC_enable_incremental();
}

static UNUSED void *boehm_alloc(size_t size)
{
  void *p = GC_MALLOC(size);
  if (p == NULL)
    fail("out of memory");
  return p;
}

static UNUSED void boehm_report(void)
{
  printf(" collections=%lu committed_kb=%lu", (unsigned long)GC_get_gc_no(),
         (unsigned long)GC_get_heap_size() / 1024);
}

#endif

#endif
