/* alloc.c -- random allocation and freeing, through several allocators
 *
 * Stresses: one table of LIVE blocks; each step frees a random one and puts a
 * block of random size (1 to MAX, evenly) in its place, writing its first and
 * last byte.  With THREADS > 1 every thread has its own table of LIVE/THREADS
 * blocks, all on one pool.  Prints one line:
 *
 *   ns=.. (a pair of free and alloc, CPU time of the process by threads)
 *   wall=.. live_kb=.. used_kb=.. (committed by the arena, or resident)
 *
 * usage: alloc WAY [-n LIVE] [-s MAX] [-i STEPS] [-t THREADS] [-b [-h]] [-f]
 * WAY: malloc, or with -DUSE_MPS: mvff, mvff_ap, mvff_sac, mvt, mfs.  mfs uses
 * blocks of MAX bytes, all alike; give malloc -e for the same.
 * -b instead: bulk.  All LIVE blocks in turn, then all (or with -h each time
 * half) freed in random order, and so on 20 times: CPU time for one allocation
 * and for one free, the median of the 20, and memory with all in use.
 * -f instead: fragments.  LIVE free holes between blocks in use, then the
 * median, the 99.9th percentile and the slowest of 20,000 calls, each at its
 * fastest of nine times (clock reads included).
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef USE_MPS
#include "mps.h"
#include "mpsavm.h"
#include "mpscmfs.h"
#include "mpscmvff.h"
#include "mpscmvt.h"
#endif

static size_t live = 100000, max = 256, steps = 5000000;
static int threads = 1, equal = 0, fragments = 0, bulk = 0, half = 0;
static const char *way = "malloc";

static double clock_now(clockid_t id)
{
  struct timespec t;
  clock_gettime(id, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

typedef struct ctx_s {
  void **block;
  size_t *size;
  size_t n;
  unsigned long long seed;
#ifdef USE_MPS
  mps_ap_t ap;
  mps_sac_t sac;
#endif
  char apart[192];              /* no line of memory has two threads' */
} ctx_s;

static unsigned long long rnd(ctx_s *c)
{
  c->seed ^= c->seed << 13;
  c->seed ^= c->seed >> 7;
  c->seed ^= c->seed << 17;
  return c->seed >> 11;
}

static void out_of_memory(void)
{
  fprintf(stderr, "out of memory\n");
  exit(1);
}

#ifdef USE_MPS
static mps_arena_t arena;
static mps_pool_t pool;

static void *alloc_call(ctx_s *c, size_t size)
{
  mps_addr_t p;
  (void)c;
  if (mps_alloc(&p, pool, size) != MPS_RES_OK)
    out_of_memory();
  return p;
}
static void free_call(ctx_s *c, void *p, size_t size)
{
  (void)c;
  mps_free(pool, p, size);
}
static void *alloc_ap(ctx_s *c, size_t size)
{
  mps_addr_t p;
  size = (size + 7) & ~(size_t)7;
  do {
    if (mps_reserve(&p, c->ap, size) != MPS_RES_OK)
      out_of_memory();
  } while (!mps_commit(c->ap, p, size));
  return p;
}
static void *alloc_sac(ctx_s *c, size_t size)
{
  mps_addr_t p;
  mps_res_t res;
  MPS_SAC_ALLOC_FAST(res, p, c->sac, size, 0);
  if (res != MPS_RES_OK)
    out_of_memory();
  return p;
}
static void free_sac(ctx_s *c, void *p, size_t size)
{
  MPS_SAC_FREE_FAST(c->sac, p, size);
}
#else
static void *alloc_call(ctx_s *c, size_t size)
{
  void *p = malloc(size);
  (void)c;
  if (p == NULL)
    out_of_memory();
  return p;
}
static void free_call(ctx_s *c, void *p, size_t size)
{
  (void)c;
  (void)size;
  free(p);
}
#endif

static size_t pick(ctx_s *c)
{
  return equal ? max : 1 + (size_t)(rnd(c) % max);
}

static void touch(char *p, size_t size)
{
  p[0] = 1;
  p[size - 1] = 1;
}

#define LOOP(alloc_f, free_f)                                   \
  do {                                                          \
    if (fill)                                                   \
      for (i = 0; i < c->n; ++i) {                              \
        c->size[i] = pick(c);                                   \
        c->block[i] = alloc_f(c, c->size[i]);                   \
        touch(c->block[i], c->size[i]);                         \
      }                                                         \
    else                                                        \
      for (i = 0; i < count; ++i) {                             \
        size_t k = (size_t)(rnd(c) % c->n), s = pick(c);        \
        free_f(c, c->block[k], c->size[k]);                     \
        c->block[k] = alloc_f(c, s);                            \
        c->size[k] = s;                                         \
        touch(c->block[k], s);                                  \
      }                                                         \
  } while (0)

static void work(ctx_s *c, size_t count, int fill)
{
  size_t i;
#ifdef USE_MPS
  if (c->ap != NULL)
    LOOP(alloc_ap, free_call);
  else if (c->sac != NULL)
    LOOP(alloc_sac, free_sac);
  else
#endif
    LOOP(alloc_call, free_call);
}

static void *thread(void *p)
{
  work(p, steps / (size_t)threads, 0);
  return NULL;
}

#ifndef USE_MPS
static size_t resident_kb(void)
{
  size_t a = 0, b = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (f != NULL) {
    if (fscanf(f, "%zu %zu", &a, &b) != 2)
      b = 0;
    fclose(f);
  }
  return b * 4;
}

#endif

static size_t used_kb(void)
{
#ifdef USE_MPS
  return (mps_arena_committed(arena) - mps_arena_spare_committed(arena)) / 1024;
#else
  return resident_kb();
#endif
}

static int cmp_double(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void *alloc_any(ctx_s *c, size_t size)
{
#ifdef USE_MPS
  if (c->ap != NULL)
    return alloc_ap(c, size);
  if (c->sac != NULL)
    return alloc_sac(c, size);
#endif
  return alloc_call(c, size);
}

/* Holes of equal size between blocks; then calls of up to 4 KB, most of which
 * fit none of them, and most of which are too large to be set aside by size.
 * The same calls are made REPEATS times over, and of each
 * the fastest counts: what is left is what the call itself takes, without
 * what else the machine was doing. */
static void run_fragments(ctx_s *c)
{
  enum { CALLS = 10000, REPEATS = 9 };
  static double took[2 * CALLS];
  size_t n = 2 * live, i, r, m = 2 * CALLS;
  void **b = malloc(n * sizeof *b);
  unsigned long long seed = c->seed;
  if (b == NULL)
    out_of_memory();
  for (i = 0; i < n; ++i)
    b[i] = alloc_any(c, 64);
  for (i = 0; i < n; i += 2)
    free_call(c, b[i], 64);
  for (r = 0; r < REPEATS; ++r) {
    c->seed = seed;
    for (i = 0; i < m; i += 2) {
      size_t s = 8 + (size_t)(rnd(c) % 512) * 8;
      double t0 = clock_now(CLOCK_MONOTONIC), t1, t2;
      void *p = alloc_any(c, s);
      t1 = clock_now(CLOCK_MONOTONIC);
      free_call(c, p, s);
      t2 = clock_now(CLOCK_MONOTONIC);
      if (r == 0 || t1 - t0 < took[i])
        took[i] = t1 - t0;
      if (r == 0 || t2 - t1 < took[i + 1])
        took[i + 1] = t2 - t1;
    }
  }
  qsort(took, m, sizeof took[0], cmp_double);
  printf("  %-8s %8lu free holes: median %4.0f  99.9th percentile %5.0f"
         "  slowest %6.0f ns\n", way, (unsigned long)live, took[m / 2],
         took[m - m / 1000], took[m - 1]);
  free(b);
}

static void free_any(ctx_s *c, void *p, size_t size)
{
#ifdef USE_MPS
  if (c->sac != NULL) {
    free_sac(c, p, size);
    return;
  }
#endif
  free_call(c, p, size);
}

static void run_bulk(ctx_s *c, size_t before)
{
  enum { TIMES = 20 };
  static double allocs[TIMES], frees[TIMES];
  size_t n = half ? c->n / 2 : c->n, bytes = 0, i, t, most = 0;
  work(c, 0, 1);
  for (t = 0; t < TIMES; ++t) {
    double t0, t1;
    for (i = c->n - 1; i > 0; --i) {
      size_t k = (size_t)(rnd(c) % (i + 1)), z = c->size[i];
      void *p = c->block[i];
      c->block[i] = c->block[k];
      c->size[i] = c->size[k];
      c->block[k] = p;
      c->size[k] = z;
    }
    t0 = clock_now(CLOCK_PROCESS_CPUTIME_ID);
    for (i = 0; i < n; ++i)
      free_any(c, c->block[i], c->size[i]);
    t1 = clock_now(CLOCK_PROCESS_CPUTIME_ID);
    frees[t] = (t1 - t0) / (double)n;
    for (i = 0; i < n; ++i)
      c->size[i] = pick(c);
    t0 = clock_now(CLOCK_PROCESS_CPUTIME_ID);
    for (i = 0; i < n; ++i) {
      c->block[i] = alloc_any(c, c->size[i]);
      touch(c->block[i], c->size[i]);
    }
    t1 = clock_now(CLOCK_PROCESS_CPUTIME_ID);
    allocs[t] = (t1 - t0) / (double)n;
    if (used_kb() - before > most)
      most = used_kb() - before;
  }
  for (i = 0; i < c->n; ++i)
    bytes += c->size[i];
  qsort(allocs, TIMES, sizeof allocs[0], cmp_double);
  qsort(frees, TIMES, sizeof frees[0], cmp_double);
  printf("way=%s ns=%.1f free_ns=%.1f live_kb=%lu used_kb=%lu\n", way,
         allocs[TIMES / 2], frees[TIMES / 2], (unsigned long)(bytes / 1024),
         (unsigned long)most);
}

int main(int argc, char **argv)
{
  int i, k;
  double t0, w0, t1, w1;
  size_t bytes = 0, before;
  ctx_s *ctx;
  pthread_t *id;
  for (i = 1; i < argc; ++i) {
    if (argv[i][0] != '-')
      way = argv[i];
    else if (argv[i][1] == 'e')
      equal = 1;
    else if (argv[i][1] == 'f')
      fragments = 1;
    else if (argv[i][1] == 'b')
      bulk = 1;
    else if (argv[i][1] == 'h')
      half = 1;
    else if (i + 1 < argc) {
      size_t v = strtoul(argv[i + 1], NULL, 0);
      switch (argv[i++][1]) {
      case 'n': live = v; break;
      case 's': max = v; break;
      case 'i': steps = v; break;
      case 't': threads = (int)v; break;
      }
    }
  }
#ifdef USE_MPS
  if (strcmp(way, "mfs") == 0)
    equal = 1;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, (size_t)1 << 30);
    if (mps_arena_create_k(&arena, mps_arena_class_vm(), args) != MPS_RES_OK)
      out_of_memory();
  } MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args) {
    mps_res_t res;
    if (equal)
      MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, max);
    res = mps_pool_create_k(&pool, arena,
                            strcmp(way, "mvt") == 0 ? mps_class_mvt()
                            : strcmp(way, "mfs") == 0 ? mps_class_mfs()
                            : mps_class_mvff(), args);
    if (res != MPS_RES_OK)
      out_of_memory();
  } MPS_ARGS_END(args);
#endif
  before = used_kb();
  ctx = calloc((size_t)threads, sizeof *ctx);
  id = calloc((size_t)threads, sizeof *id);
  if (ctx == NULL || id == NULL)
    out_of_memory();
  for (k = 0; k < threads; ++k) {
    ctx_s *c = &ctx[k];
    c->seed = 0x9E3779B97F4A7C15ull * (unsigned)(k + 1) + 12345;
    c->n = live / (size_t)threads;
    c->block = calloc(c->n, sizeof *c->block);
    c->size = calloc(c->n, sizeof *c->size);
#ifdef USE_MPS
    if (strcmp(way, "mvt") == 0 || strcmp(way, "mvff_ap") == 0)
      if (mps_ap_create_k(&c->ap, pool, mps_args_none) != MPS_RES_OK)
        out_of_memory();
    if (strcmp(way, "mvff_sac") == 0) {
      static mps_sac_classes_s classes[8] = {
        { 32, 500, 1 }, { 64, 500, 1 }, { 96, 500, 1 }, { 128, 500, 1 },
        { 160, 500, 1 }, { 192, 500, 1 }, { 224, 500, 1 }, { 256, 500, 1 }
      };
      if (mps_sac_create(&c->sac, pool, 8, classes) != MPS_RES_OK)
        out_of_memory();
    }
#endif
  }
  if (fragments) {
    run_fragments(&ctx[0]);
    return 0;
  }
  if (bulk) {
    run_bulk(&ctx[0], before);
    return 0;
  }
  for (k = 0; k < threads; ++k)
    work(&ctx[k], 0, 1);
  work(&ctx[0], ctx[0].n, 0);           /* warm up */
  t0 = clock_now(CLOCK_PROCESS_CPUTIME_ID);
  w0 = clock_now(CLOCK_MONOTONIC);
  if (threads == 1) {
    (void)thread(&ctx[0]);
  } else {
    for (k = 0; k < threads; ++k)
      pthread_create(&id[k], NULL, thread, &ctx[k]);
    for (k = 0; k < threads; ++k)
      pthread_join(id[k], NULL);
  }
  t1 = clock_now(CLOCK_PROCESS_CPUTIME_ID);
  w1 = clock_now(CLOCK_MONOTONIC);
  for (k = 0; k < threads; ++k) {
    size_t j;
    for (j = 0; j < ctx[k].n; ++j)
      bytes += ctx[k].size[j];
  }
  printf("way=%s threads=%d ns=%.1f wall=%.1f live_kb=%lu used_kb=%lu\n", way,
         threads, (t1 - t0) / (double)steps, (w1 - w0) / (double)steps,
         (unsigned long)(bytes / 1024), (unsigned long)(used_kb() - before));
  return 0;
}
