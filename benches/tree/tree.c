/* tree.c -- a tree mutator, on an MPS pool or on the Boehm collector
 *
 * What it stresses: allocation of small objects, most of which die young,
 * over a live heap of constant size into which young objects are written.
 *
 * A full binary tree of 2^18 - 1 nodes of four words (8.4 MB on 64 bits) is
 * built once; then subtrees of random height at random places are replaced
 * by new ones, with some reading in between, until so many nodes have been
 * allocated in all.  Before every allocation the clock is read, so the gap
 * between two allocations tells how long the collector kept the program
 * waiting.
 *
 * One source for both: -DUSE_MPS or -DUSE_BOEHM.  With -DSOFT as well the arena
 * has a software barrier, and the program looks before each access.
 *
 *   tree [-n OBJECTS] [-d DEPTH] [-s SEED] [-g 0|1] [-p PAUSE] [-c KB]
 *        [-k CLASS] [-i]
 *
 *   -n  objects to allocate in all (8000000)
 *   -d  depth of the tree (18)
 *   -g  measure gaps? (1); without, the time for an object is more precise
 *   -p  MPS: pause time in seconds (the default, 0.1)
 *   -c  MPS: capacity of the nursery in KB (the default chain)
 *   -k  MPS: pool class: amc, ams, awl; or lo, which is AMS with the leaves
 *       of the tree in LO (amc)
 *   -i  Boehm: incremental
 *
 * Prints one line of name=value pairs.
 *
 * Gaps in CPU time.  Reading the thread's CPU clock for each object would
 * cost more than the object.  So the time stamp counter is read; only when
 * it says that a gap is long (LONG_GAP) is the CPU clock read.  What it has
 * advanced since it was last read, less the time that passed before the gap
 * began, is the gap in CPU time: in a stretch of short gaps the two clocks
 * agree, since being suspended makes a long one.
 */

#define PROGRAM "tree"
#include "../common.h"

#include <string.h>
#include <unistd.h>

#if defined(USE_MPS)
#include "mps.h"
#include "mpsavm.h"
#include "mpscamc.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"
#ifdef HAVE_MPSX
#include "mpsx.h"
#endif
#endif

typedef struct node_s {
  uintptr_t head;               /* words << 2 | kind */
  struct node_s *left, *right;
  uintptr_t value;
} node_s, *node_t;

enum { NODE = 1, FWD = 2, PAD = 3 };
#define NODE_WORDS (sizeof(node_s) / sizeof(uintptr_t))
#define NODE_HEAD ((uintptr_t)(NODE_WORDS << 2 | NODE))

/* --- options --- */

static unsigned long objects = 8000000;
static int depth = 18, gaps = 1, incremental = 0;
static double pause_time = -1.0;
static unsigned long nursery_kb = 0;
static const char *pool_class = "amc";

/* --- clocks and gaps --- */

static double tick_seconds;     /* one tick */
static uint64_t long_gap;       /* LONG_GAP in ticks */
#define LONG_GAP 20e-6

static uint64_t last_ticks, ref_ticks;
static double ref_cpu, longest_gap;

/* Gaps by size: 16 steps for each doubling, in nanoseconds. */
enum { STEPS = 16, BUCKETS = 48 * STEPS };
static uint64_t bucket[BUCKETS], gap_count;
static uint8_t short_gap[1 << 16];      /* bucket of a short gap */

static unsigned bucket_of(double ns)
{
  unsigned e = 0;
  if (ns < 1.0)
    return 0;
  while (ns >= 2.0) {
    ns /= 2.0;
    ++e;
  }
  return e * STEPS + (unsigned)((ns - 1.0) * STEPS);
}

static double bucket_ns(unsigned b)
{
  return (double)(1ull << (b / STEPS)) * (1.0 + (b % STEPS + 1) / (double)STEPS);
}

static void calibrate(void)
{
  unsigned i;
  tick_seconds = tick_length();
  long_gap = (uint64_t)(LONG_GAP / tick_seconds);
  if (long_gap >= sizeof short_gap)
    long_gap = sizeof short_gap - 1;
  for (i = 0; i < sizeof short_gap; ++i) {
    unsigned k = bucket_of((double)i * tick_seconds * 1e9);
    short_gap[i] = (uint8_t)(k > 255 ? 255 : k);
  }
}

static void gaps_start(void)
{
  ref_cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
  ref_ticks = last_ticks = ticks();
}

static __attribute__((noinline)) void long_one(uint64_t from)
{
  double c = seconds(CLOCK_THREAD_CPUTIME_ID);
  double before = (double)(from - ref_ticks) * tick_seconds;
  double gap = c - ref_cpu - before;
  if (gap > longest_gap)
    longest_gap = gap;
  ++bucket[bucket_of(gap * 1e9)];
  ref_cpu = c;
  ref_ticks = last_ticks = ticks();
}

static inline void operation(void)
{
  uint64_t now, gap;
  if (!gaps)
    return;
  now = ticks();
  gap = now - last_ticks;
  ++gap_count;
  if (gap < long_gap) {
    ++bucket[short_gap[gap]];
    last_ticks = now;
  } else
    long_one(last_ticks);
}

static double percentile(double part)
{
  uint64_t rest = (uint64_t)((double)gap_count * (1.0 - part));
  unsigned b = BUCKETS;
  while (b-- > 0) {
    if (bucket[b] > rest)
      return bucket_ns(b);
    rest -= bucket[b];
  }
  return 0.0;
}

/* --- the two collectors --- */

static node_t root;
static unsigned long made;

#if defined(USE_MPS)

#ifdef SOFT
#define READ(at) MPS_X_READ(arena, at)
#define WRITE(at) MPS_X_WRITE(arena, at)
#endif

static mps_arena_t arena;
static mps_pool_t pool;
static mps_ap_t ap, leaf_ap;

static mps_res_t scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  MPS_SCAN_BEGIN(ss) {
    while (base < limit) {
      node_t n = base;
      if ((n->head & 3) == NODE) {
        mps_addr_t p = n->left;
        mps_res_t res;
        if (MPS_FIX1(ss, p)) {
          if ((res = MPS_FIX2(ss, &p)) != MPS_RES_OK)
            return res;
          n->left = p;
        }
        p = n->right;
        if (MPS_FIX1(ss, p)) {
          if ((res = MPS_FIX2(ss, &p)) != MPS_RES_OK)
            return res;
          n->right = p;
        }
      }
      base = (uintptr_t *)base + (n->head >> 2);
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static mps_addr_t skip(mps_addr_t p)
{
  return (uintptr_t *)p + (((node_t)p)->head >> 2);
}

static void fwd(mps_addr_t old, mps_addr_t new_)
{
  node_t n = old;
  n->head = (n->head & ~(uintptr_t)3) | FWD;
  n->left = new_;
}

static mps_addr_t isfwd(mps_addr_t p)
{
  node_t n = p;
  return (n->head & 3) == FWD ? n->left : NULL;
}

static void pad(mps_addr_t p, size_t size)
{
  *(uintptr_t *)p = size / sizeof(uintptr_t) << 2 | PAD;
}

static inline node_t new_node(node_t left, node_t right)
{
  mps_addr_t p;
  node_t n;
  mps_ap_t a = left == NULL ? leaf_ap : ap;
  operation();
  do {
    if (mps_reserve(&p, a, sizeof(node_s)) != MPS_RES_OK)
      fail("out of memory");
    n = p;
    n->head = NODE_HEAD;
    n->left = left;
    n->right = right;
    n->value = made;
  } while (!mps_commit(a, p, sizeof(node_s)));
  ++made;
  return n;
}

static void run(void);

static void begin(void *cold)
{
  mps_fmt_t fmt;
  mps_chain_t chain;
  mps_thr_t thr;
  mps_root_t r;
  mps_res_t res;
  mps_pool_t leaf_pool;
  mps_pool_class_t c = mps_class_amc();
  if (strcmp(pool_class, "ams") == 0 || strcmp(pool_class, "lo") == 0)
    c = mps_class_ams();
  else if (strcmp(pool_class, "awl") == 0)
    c = mps_class_awl();
  else if (strcmp(pool_class, "amc") != 0)
    fail("no such pool class");
  MPS_ARGS_BEGIN(args) {
#ifdef SOFT
    MPS_ARGS_ADD(args, MPS_KEY_X_SOFT_BARRIER, 1);
#endif
    res = mps_arena_create_k(&arena, mps_arena_class_vm(), args);
  } MPS_ARGS_END(args);
  if (res != MPS_RES_OK)
    fail("no arena");
  if (pause_time >= 0.0)
    mps_arena_pause_time_set(arena, pause_time);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, sizeof(uintptr_t));
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, pad);
    res = mps_fmt_create_k(&fmt, arena, args);
  } MPS_ARGS_END(args);
  if (res != MPS_RES_OK)
    fail("no format");
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    if (nursery_kb != 0) {
      mps_gen_param_s g[2];
      g[0].mps_capacity = nursery_kb;
      g[0].mps_mortality = 0.85;
      g[1].mps_capacity = nursery_kb * 4;
      g[1].mps_mortality = 0.45;
      if (mps_chain_create(&chain, arena, 2, g) != MPS_RES_OK)
        fail("no chain");
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
    }
    res = mps_pool_create_k(&pool, arena, c, args);
  } MPS_ARGS_END(args);
  if (res != MPS_RES_OK
      || mps_ap_create_k(&ap, pool, mps_args_none) != MPS_RES_OK
      || mps_thread_reg(&thr, arena) != MPS_RES_OK
      || mps_root_create_thread(&r, arena, thr, cold) != MPS_RES_OK
      || mps_root_create_table(&r, arena, mps_rank_exact(), 0,
                               (mps_addr_t *)&root, 1) != MPS_RES_OK)
    fail("no pool or roots");
  leaf_ap = ap;
  if (strcmp(pool_class, "lo") == 0) {
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
      res = mps_pool_create_k(&leaf_pool, arena, mps_class_lo(), args);
    } MPS_ARGS_END(args);
    if (res != MPS_RES_OK
        || mps_ap_create_k(&leaf_ap, leaf_pool, mps_args_none) != MPS_RES_OK)
      fail("no pool for leaves");
  }
}

#ifdef SOFT
#define NAME "soft"
#else
#define NAME "mps"
#endif

static void report(void)
{
  printf(" collections=%lu committed_kb=%lu",
         (unsigned long)mps_collections(arena),
         (unsigned long)mps_arena_committed(arena) / 1024);
#ifdef HAVE_MPSX
  {
    mps_x_stats_s s;
    s.struct_size = sizeof s;
    if (mps_x_stats(arena, &s) == MPS_RES_OK)
      printf(" syscalls=%lu map=%lu unmap=%lu protect=%lu reads=%lu"
             " writes=%lu steps=%lu longest_step_ms=%.3f",
             (unsigned long)(s.syscalls_map + s.syscalls_unmap
                             + s.syscalls_protect),
             (unsigned long)s.syscalls_map, (unsigned long)s.syscalls_unmap,
             (unsigned long)s.syscalls_protect,
             (unsigned long)s.barrier_hits_read,
             (unsigned long)s.barrier_hits_write, (unsigned long)s.steps,
             s.longest_step_seconds * 1e3);
  }
#endif
}

#else

static inline node_t new_node(node_t left, node_t right)
{
  node_t n;
  operation();
  n = boehm_alloc(sizeof(node_s));
  n->head = NODE_HEAD;
  n->left = left;
  n->right = right;
  n->value = made;
  ++made;
  return n;
}

static void run(void);

static void begin(void *cold)
{
  (void)cold;
  boehm_begin(incremental);
}

#define NAME "boehm"

static void report(void) { boehm_report(); }

#endif

/* --- the mutator --- */

#ifndef READ
#define READ(at) ((void)0)
#define WRITE(at) ((void)0)
#endif

static inline node_t follow(node_t n, uint32_t path)
{
  if (path & 1) {
    READ(&n->left);
    return n->left;
  }
  READ(&n->right);
  return n->right;
}

static node_t build(int height)
{
  node_t left, right;
  if (height == 1)
    return new_node(NULL, NULL);
  left = build(height - 1);
  right = build(height - 1);
  return new_node(left, right);
}

static volatile uintptr_t sink;

static __attribute__((noinline)) void run(void)
{
  root = build(depth);
  while (made < objects) {
    int height = 1 + (int)(rnd() % 8), level, reads;
    uint32_t path = rnd();
    node_t n = root;
    for (level = depth; level > height + 1; --level, path >>= 1)
      n = follow(n, path);
    if (path & 1) {
      node_t t = build(height);
      WRITE(&n->left);
      n->left = t;
    } else {
      node_t t = build(height);
      WRITE(&n->right);
      n->right = t;
    }
    for (reads = 0; reads < 2; ++reads) {
      uintptr_t sum = 0;
      path = rnd();
      for (n = root; n != NULL; path >>= 1) {
        READ(&n->value);
        sum += n->value;
        n = follow(n, path);
      }
      sink += sum;
    }
  }
}

static unsigned long count(node_t n)
{
  if (n == NULL)
    return 0;
  READ(&n->head);
  READ(&n->value);
  if (n->head != NODE_HEAD || n->value >= made)
    fail("the tree is damaged");
  return 1 + count(follow(n, 1)) + count(follow(n, 0));
}

int main(int argc, char **argv)
{
  void *cold = NULL;
  double start, used;
  int c;
  while ((c = getopt(argc, argv, "n:d:s:g:p:c:k:i")) != -1)
    switch (c) {
    case 'n': objects = strtoul(optarg, NULL, 0); break;
    case 'd': depth = atoi(optarg); break;
    case 's': state ^= strtoull(optarg, NULL, 0) * 0x9E3779B97F4A7C15ull; break;
    case 'g': gaps = atoi(optarg); break;
    case 'p': pause_time = atof(optarg); break;
    case 'c': nursery_kb = strtoul(optarg, NULL, 0); break;
    case 'k': pool_class = optarg; break;
    case 'i': incremental = 1; break;
    default: fail("see the top of tree.c for the options");
    }
  calibrate();
  begin(&cold);
  start = seconds(CLOCK_PROCESS_CPUTIME_ID);
  gaps_start();
  run();
  used = seconds(CLOCK_PROCESS_CPUTIME_ID) - start;
  if (count(root) != (1ul << depth) - 1)
    fail("the tree has lost nodes");
  printf("prog=%s objects=%lu ns=%.2f rss_kb=%lu", NAME, made,
         used * 1e9 / (double)made, peak_kb());
  if (gaps)
    printf(" gap_max_ms=%.3f gap_p999_us=%.3f gap_p99999_us=%.3f",
           longest_gap * 1e3, percentile(0.999) / 1e3,
           percentile(0.99999) / 1e3);
  report();
  printf("\n");
  return 0;
}
