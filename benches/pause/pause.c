/* pause.c -- how a collector's work is spread over a program's time
 *
 * Two mutators.  "tree" replaces subtrees of a live binary tree at random
 * places and reads in between, as benches/tree does.  "array" stores new
 * objects at random places of one array of references, and reads others.
 *
 * Between operations the clock is read.  A long time between two of them is
 * a gap: the collector was at work.  All is CPU time of this thread
 * (CLOCK_THREAD_CPUTIME_ID), so other programs on the machine do not count.
 * Reading that clock each time would cost more than an operation; so the time
 * stamp counter is read, and the CPU clock only when the counter says that a
 * gap is long (GAP).  What the CPU clock has advanced since it was last
 * read, less the time that passed before the gap began, is the gap.  Hits of
 * a barrier that take less than GAP count as the program's own time.
 *
 * One source for both collectors: -DUSE_MPS or -DUSE_BOEHM.
 *
 *   pause [-m tree|array] [-n OBJECTS] [-d DEPTH] [-l REFERENCES] [-s SEED]
 *         [-p PAUSE] [-u UTILISATION] [-k CLASS] [-P] [-i] [-b]
 *
 *   -n  objects to allocate in all (20000000)
 *   -d  tree: depth; 22 is 128 MB live on 64 bits (22)
 *   -l  array: references (1000000)
 *   -p  MPS: pause time in seconds (0.001)
 *   -u  MPS: MPS_KEY_X_UTILISATION (the default)
 *   -k  MPS: pool class: amc, ams or awl (amc)
 *   -P  MPS: the format has no method that scans parts of an object
 *   -i  Boehm: incremental
 *   -b  leave out the time in which the first tree or array is built
 *
 * Prints one line of name=value pairs.  share: of the whole time, what the
 * program had.  w10, w20, w50, w100: of the worst stretch of so many
 * milliseconds.  gap_max_ms: the longest gap.
 */

#define PROGRAM "pause"
#include "../common.h"

#include <string.h>
#include <unistd.h>

#if defined(USE_MPS)
#include "mps.h"
#include "mpsavm.h"
#include "mpscamc.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsx.h"
#endif

/* Every object: a word with its size in words and its kind, then references;
 * in a node, the last word is no reference. */
typedef struct node_s {
  uintptr_t head;
  struct node_s *left, *right;
  uintptr_t value;
} node_s, *node_t;

enum { NODE = 1, FWD = 2, PAD = 3, ARRAY = 0 };
#define HEAD(words, kind) ((uintptr_t)(words) << 2 | (kind))
#define NODE_HEAD HEAD(sizeof(node_s) / sizeof(uintptr_t), NODE)

static unsigned long objects = 20000000, references = 1000000, made;
static int depth = 22, incremental = 0, only_steady = 0, in_parts = 1;
static double pause_time = 0.001, utilisation = -1.0;
static const char *mode = "tree", *pool_class = "amc";

/* --- clocks and gaps --- */

#define GAP 20e-6

static double tick_seconds;
static uint64_t gap_ticks, last_ticks, ref_ticks;
static double ref_cpu, first_cpu;

typedef struct { double at, length; } gap_s;
static gap_s *gap;
static size_t gaps, gap_room;

static void gaps_start(void)
{
  gaps = 0;
  first_cpu = ref_cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
  ref_ticks = last_ticks = ticks();
}

static __attribute__((noinline)) void long_one(uint64_t from)
{
  double c = seconds(CLOCK_THREAD_CPUTIME_ID), length;
  length = c - ref_cpu - (double)(from - ref_ticks) * tick_seconds;
  if (length >= GAP) {
    if (gaps == gap_room) {
      gap_room = gap_room == 0 ? 1 << 20 : gap_room * 2;
      gap = realloc(gap, gap_room * sizeof gap[0]);
      if (gap == NULL)
        fail("out of memory");
    }
    gap[gaps].at = c - length;
    gap[gaps++].length = length;
    c = seconds(CLOCK_THREAD_CPUTIME_ID);
  }
  ref_cpu = c;
  ref_ticks = last_ticks = ticks();
}

static inline void operation(void)
{
  uint64_t now = ticks();
  if (now - last_ticks < gap_ticks)
    last_ticks = now;
  else
    long_one(last_ticks);
}

static void calibrate(void)
{
  tick_seconds = tick_length();
  gap_ticks = (uint64_t)(GAP / tick_seconds);
}

/* The collector's time in the worst stretch of w seconds.  That begins where
 * a gap begins, or ends where one ends. */
static double worst(double w)
{
  size_t i, j = 0;
  double sum = 0.0, most = 0.0;
  for (i = 0; i < gaps; ++i) {  /* begins with i; j is the first not wholly in */
    double end = gap[i].at + w, part;
    while (j < gaps && gap[j].at + gap[j].length <= end)
      sum += gap[j++].length;
    part = j < gaps && gap[j].at < end ? end - gap[j].at : 0.0;
    if (sum + part > most)
      most = sum + part;
    if (j > i)
      sum -= gap[i].length;
    else
      ++j;
  }
  j = gaps;
  sum = 0.0;
  for (i = gaps; i-- > 0;) {    /* ends with i; j is the first wholly in */
    double begin = gap[i].at + gap[i].length - w, part = 0.0;
    while (j > 0 && gap[j - 1].at >= begin)
      sum += gap[--j].length;
    if (j > 0 && gap[j - 1].at + gap[j - 1].length > begin)
      part = gap[j - 1].at + gap[j - 1].length - begin;
    if (sum + part > most)
      most = sum + part;
    if (j <= i)
      sum -= gap[i].length;
    else
      j = i;
  }
  return most > w ? w : most;
}

/* --- the two collectors --- */

static void run(void);

#if defined(USE_MPS)

static mps_arena_t arena;
static mps_ap_t ap;
static void *root;

static uintptr_t words_of(mps_addr_t p)
{
  return *(uintptr_t *)p >> 2;
}

static mps_res_t scan_words(mps_ss_t ss, void **at, void **end)
{
  MPS_SCAN_BEGIN(ss) {
    for (; at < end; ++at) {
      mps_addr_t r = *at;
      if (MPS_FIX1(ss, r)) {
        mps_res_t res = MPS_FIX2(ss, &r);
        if (res != MPS_RES_OK)
          return res;
        *at = r;
      }
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static mps_res_t scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  MPS_SCAN_BEGIN(ss) {
    char *p = base;
    while (p < (char *)limit) {
      uintptr_t head = *(uintptr_t *)p;
      void **at = (void **)p + 1, **end = (void **)p + (head >> 2);
      if ((head & 3) == NODE)
        --end;
      if ((head & 3) == NODE || (head & 3) == ARRAY)
        for (; at < end; ++at) {
          mps_addr_t r = *at;
          if (MPS_FIX1(ss, r)) {
            mps_res_t res = MPS_FIX2(ss, &r);
            if (res != MPS_RES_OK)
              return res;
            *at = r;
          }
        }
      p += (head >> 2) * sizeof(uintptr_t);
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static mps_addr_t skip(mps_addr_t p)
{
  return (char *)p + words_of(p) * sizeof(uintptr_t);
}

static void fwd(mps_addr_t old, mps_addr_t new)
{
  ((uintptr_t *)old)[0] = HEAD(words_of(old), FWD);
  ((mps_addr_t *)old)[1] = new;
}

static mps_addr_t isfwd(mps_addr_t p)
{
  return (*(uintptr_t *)p & 3) == FWD ? ((mps_addr_t *)p)[1] : NULL;
}

static void pad(mps_addr_t p, size_t size)
{
  *(uintptr_t *)p = HEAD(size / sizeof(uintptr_t), PAD);
}

#ifdef MPS_KEY_X_FMT_SCAN_PART
static mps_res_t scan_part(mps_ss_t ss, mps_addr_t object, mps_addr_t base,
                           mps_addr_t limit)
{
  uintptr_t head = *(uintptr_t *)object;
  void **at = base, **end = limit;
  if (base == object)
    ++at;
  if ((head & 3) == NODE && limit == skip(object))
    --end;
  if ((head & 3) == PAD)
    return MPS_RES_OK;
  return scan_words(ss, at, end);
}
#endif

static void *new_object(size_t words, int kind)
{
  mps_addr_t p;
  do {
    if (mps_reserve(&p, ap, words * sizeof(uintptr_t)) != MPS_RES_OK)
      fail("out of memory");
    memset(p, 0, words * sizeof(uintptr_t));
    *(uintptr_t *)p = HEAD(words, kind);
  } while (!mps_commit(ap, p, words * sizeof(uintptr_t)));
  return p;
}

static inline node_t new_node(node_t left, node_t right)
{
  mps_addr_t p;
  operation();
  do {
    node_t n;
    if (mps_reserve(&p, ap, sizeof(node_s)) != MPS_RES_OK)
      fail("out of memory");
    n = p;
    n->head = NODE_HEAD;
    n->left = left;
    n->right = right;
    n->value = made;
  } while (!mps_commit(ap, p, sizeof(node_s)));
  ++made;
  return p;
}

static void begin(void *cold)
{
  static mps_pool_t pool;
  static mps_fmt_t fmt;
  static mps_thr_t thr;
  static mps_root_t r;
  mps_pool_class_t c = mps_class_amc();
  mps_res_t res;
  if (strcmp(pool_class, "ams") == 0)
    c = mps_class_ams();
  else if (strcmp(pool_class, "awl") == 0)
    c = mps_class_awl();
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_PAUSE_TIME, pause_time);
#ifdef MPS_KEY_X_UTILISATION
    if (utilisation >= 0.0)
      MPS_ARGS_ADD(args, MPS_KEY_X_UTILISATION, utilisation);
#endif
    res = mps_arena_create_k(&arena, mps_arena_class_vm(), args);
  } MPS_ARGS_END(args);
  if (res != MPS_RES_OK)
    fail("no arena");
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, sizeof(uintptr_t));
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, pad);
#ifdef MPS_KEY_X_FMT_SCAN_PART
    if (in_parts)
      MPS_ARGS_ADD(args, MPS_KEY_X_FMT_SCAN_PART, scan_part);
#endif
    res = mps_fmt_create_k(&fmt, arena, args);
  } MPS_ARGS_END(args);
  if (res != MPS_RES_OK)
    fail("no format");
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    res = mps_pool_create_k(&pool, arena, c, args);
  } MPS_ARGS_END(args);
  if (res != MPS_RES_OK
      || mps_ap_create_k(&ap, pool, mps_args_none) != MPS_RES_OK
      || mps_thread_reg(&thr, arena) != MPS_RES_OK
      || mps_root_create_thread(&r, arena, thr, cold) != MPS_RES_OK
      || mps_root_create_table(&r, arena, mps_rank_exact(), 0,
                               (mps_addr_t *)&root, 1) != MPS_RES_OK)
    fail("no pool or roots");
}

#define NAME "mps"

static void report(void)
{
  mps_x_stats_s s;
  s.struct_size = sizeof s;
  if (mps_x_stats(arena, &s) != MPS_RES_OK)
    fail("no counters");
  printf(" collections=%lu committed_kb=%lu steps=%lu longest_step_ms=%.3f"
         " pause_max_ms=%.3f pause_p999_ms=%.3f reads=%lu writes=%lu"
         " protect=%lu",
         (unsigned long)s.collections,
         (unsigned long)mps_arena_committed(arena) / 1024,
         (unsigned long)s.steps, s.longest_step_seconds * 1e3,
         s.pause_max_seconds * 1e3, s.pause_p999_seconds * 1e3,
         (unsigned long)s.barrier_hits_read,
         (unsigned long)s.barrier_hits_write,
         (unsigned long)s.syscalls_protect);
}

#else

static void *root;

static void *new_object(size_t words, int kind)
{
  uintptr_t *p = boehm_alloc(words * sizeof(uintptr_t));
  *p = HEAD(words, kind);
  return p;
}

static inline node_t new_node(node_t left, node_t right)
{
  node_t n;
  operation();
  n = boehm_alloc(sizeof(node_s));
  n->head = NODE_HEAD;
  n->left = left;
  n->right = right;
  n->value = made++;
  return n;
}

static void begin(void *cold)
{
  (void)cold;
  boehm_begin(incremental);
}

#define NAME "boehm"

static void report(void) { boehm_report(); }

#endif

/* --- the mutators --- */

static volatile uintptr_t sink;

static node_t build(int height)
{
  node_t left, right;
  if (height == 1)
    return new_node(NULL, NULL);
  left = build(height - 1);
  right = build(height - 1);
  return new_node(left, right);
}

static void tree(void)
{
  root = build(depth);
  if (only_steady)
    gaps_start();
  while (made < objects) {
    int height = 1 + (int)(rnd() % 8), level, reads;
    uint32_t path = rnd();
    node_t n = root, t;
    for (level = depth; level > height + 1; --level, path >>= 1) {
      operation();
      n = path & 1 ? n->left : n->right;
    }
    t = build(height);
    if (path & 1)
      n->left = t;
    else
      n->right = t;
    for (reads = 0; reads < 2; ++reads) {
      uintptr_t sum = 0;
      path = rnd();
      for (n = root; n != NULL; path >>= 1) {
        operation();
        sum += n->value;
        n = path & 1 ? n->left : n->right;
      }
      sink += sum;
    }
  }
}

static void array(void)
{
  unsigned long i;
  root = new_object(references + 1, ARRAY);
  gaps_start();                 /* to clear it took long, and was not the collector's work */
  for (i = 1; i <= references; ++i) {
    node_t n = new_node(NULL, NULL);
    ((node_t *)root)[i] = n;
  }
  if (only_steady)
    gaps_start();
  while (made < objects) {
    node_t n = new_node(NULL, NULL);
    ((node_t *)root)[1 + rnd() % references] = n;
    operation();
    n = ((node_t *)root)[1 + rnd() % references];
    operation();
    sink += n->value;
  }
}

static unsigned long count(node_t n)
{
  if (n == NULL)
    return 0;
  if (n->head != NODE_HEAD || n->value >= made)
    fail("an object is damaged");
  return 1 + count(n->left) + count(n->right);
}

static void check(void)
{
  unsigned long i, n = 0, expect = (1ul << depth) - 1;
  if (strcmp(mode, "tree") == 0)
    n = count(root);
  else
    for (expect = references, i = 1; i <= references; ++i)
      n += count(((node_t *)root)[i]);
  if (n != expect)
    fail("objects are lost");
}

static __attribute__((noinline)) void run(void)
{
  if (strcmp(mode, "tree") == 0)
    tree();
  else if (strcmp(mode, "array") == 0)
    array();
  else
    fail("the mode is tree or array");
}

int main(int argc, char **argv)
{
  static const int windows[] = { 10, 20, 50, 100 };
  void *cold = NULL;
  double end, all, sum = 0.0, longest = 0.0;
  size_t i;
  int c;
  while ((c = getopt(argc, argv, "m:n:d:l:s:p:u:k:Pib")) != -1)
    switch (c) {
    case 'm': mode = optarg; break;
    case 'n': objects = strtoul(optarg, NULL, 0); break;
    case 'd': depth = atoi(optarg); break;
    case 'l': references = strtoul(optarg, NULL, 0); break;
    case 's': state ^= strtoull(optarg, NULL, 0) * 0x9E3779B97F4A7C15ull; break;
    case 'p': pause_time = atof(optarg); break;
    case 'u': utilisation = atof(optarg); break;
    case 'k': pool_class = optarg; break;
    case 'P': in_parts = 0; break;
    case 'i': incremental = 1; break;
    case 'b': only_steady = 1; break;
    default: fail("see the top of pause.c for the options");
    }
  calibrate();
  begin(&cold);
  gaps_start();
  run();
  end = seconds(CLOCK_THREAD_CPUTIME_ID);
  for (i = 0; i < gaps; ++i) {
    sum += gap[i].length;
    if (gap[i].length > longest)
      longest = gap[i].length;
  }
  all = end - first_cpu;
  printf("prog=%s mode=%s objects=%lu cpu_s=%.3f rss_kb=%lu gaps=%lu"
         " gap_max_ms=%.3f share=%.3f", NAME, mode, made, all, peak_kb(),
         (unsigned long)gaps, longest * 1e3, 1.0 - sum / all);
  for (i = 0; i < sizeof windows / sizeof windows[0]; ++i) {
    double w = windows[i] * 1e-3;
    printf(" w%d=%.3f", windows[i], 1.0 - worst(w) / w);
  }
  check();
  report();
  printf("\n");
  return 0;
}
