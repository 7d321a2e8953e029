/* quads.c -- a large tree that stays, and many small ones that die, in a bounded heap
 *
 * A complete tree of four-way nodes (five words each) is built: 53 MB with the depth of 10.
 * Then come rounds, each of which builds small trees that die at once, until an eighth of the
 * heap has been allocated. The heap is a multiple of what is alive: the arena's commit
 * limit, or the largest heap of the Boehm collector. At the end the large tree is counted.
 *
 * One source for both: -DUSE_MPS or -DUSE_BOEHM.
 *
 *   quads [-d DEPTH] [-f FACTOR] [-r ROUNDS] [-k CLASS]
 *
 *   -d  depth of the tree (10); one less is a quarter of the size
 *   -f  the heap, by what is alive (2.5); 0: no limit, rounds as with 2.5
 *   -r  rounds (20)
 *   -k  MPS: pool class: amc, ams, awl (amc)
 *
 * Prints one line of name=value pairs: CPU seconds of building and of the rounds.
 */

#define PROGRAM "quads"
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

typedef struct quad { size_t head; struct quad *kid[4]; } quad;

/* A head: words << 2 | kind. */
enum { QUAD = 1, FWD = 2, PAD = 3, SMALL_DEPTH = 3 };
#define QUAD_HEAD (sizeof(quad) / sizeof(size_t) << 2 | QUAD)

static int depth = 10, rounds = 20;
static double factor = 2.5;
static const char *pool_class = "amc";
static quad *root;

static size_t nodes(int d)
{
  size_t n = 1;
  for (; d > 0; --d)
    n = n * 4 + 1;
  return n;
}

#if defined(USE_MPS)

#define NAME "mps"

static mps_arena_t arena;
static mps_ap_t ap;

static mps_res_t scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  MPS_SCAN_BEGIN(ss) {
    while (base < limit) {
      quad *q = base;
      if ((q->head & 3) == QUAD) {
        int i;
        for (i = 0; i < 4; ++i) {
          mps_res_t res = MPS_FIX12(ss, (mps_addr_t *)&q->kid[i]);
          if (res != MPS_RES_OK)
            return res;
        }
      }
      base = (size_t *)base + (q->head >> 2);
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static mps_addr_t skip(mps_addr_t p) { return (size_t *)p + (((quad *)p)->head >> 2); }

static void fwd(mps_addr_t old, mps_addr_t new_)
{
  quad *q = old;
  q->head = (q->head & ~(size_t)3) | FWD;
  q->kid[0] = new_;
}

static mps_addr_t isfwd(mps_addr_t p)
{
  quad *q = p;
  return (q->head & 3) == FWD ? q->kid[0] : NULL;
}

static void pad(mps_addr_t p, size_t size) { *(size_t *)p = size / sizeof(size_t) << 2 | PAD; }

static quad *make(quad *const *kid)
{
  mps_addr_t p;
  quad *q;
  do {
    if (mps_reserve(&p, ap, sizeof(quad)) != MPS_RES_OK)
      fail("out of memory");
    q = p;
    q->head = QUAD_HEAD;
    memcpy(q->kid, kid, sizeof q->kid);
  } while (!mps_commit(ap, p, sizeof(quad)));
  return q;
}

static void begin(size_t heap)
{
  mps_fmt_t fmt;
  mps_pool_t pool;
  mps_thr_t thread;
  mps_root_t r;
  mps_res_t res;
  mps_pool_class_t c = strcmp(pool_class, "ams") == 0 ? mps_class_ams()
    : strcmp(pool_class, "awl") == 0 ? mps_class_awl() : mps_class_amc();
  MPS_ARGS_BEGIN(args) {
    if (heap != 0)
      MPS_ARGS_ADD(args, MPS_KEY_COMMIT_LIMIT, heap);
    res = mps_arena_create_k(&arena, mps_arena_class_vm(), args);
  } MPS_ARGS_END(args);
  if (res != MPS_RES_OK)
    fail("no arena");
  MPS_ARGS_BEGIN(args) {
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
    res = mps_pool_create_k(&pool, arena, c, args);
  } MPS_ARGS_END(args);
  if (res != MPS_RES_OK
      || mps_ap_create_k(&ap, pool, mps_args_none) != MPS_RES_OK
      || mps_thread_reg(&thread, arena) != MPS_RES_OK
      || mps_x_root_create_stack(&r, arena, thread) != MPS_RES_OK
      || mps_root_create_table(&r, arena, mps_rank_exact(), 0, (mps_addr_t *)&root, 1) != MPS_RES_OK)
    fail("no pool or roots");
}

static unsigned long collections(void) { return (unsigned long)mps_collections(arena); }

#else

#define NAME "boehm"

static quad *make(quad *const *kid)
{
  quad *q = boehm_alloc(sizeof(quad));
  q->head = QUAD_HEAD;
  memcpy(q->kid, kid, sizeof q->kid);
  return q;
}

static void begin(size_t heap)
{
  boehm_begin(0);
  if (heap != 0)
    GC_set_max_heap_size(heap);
}

static unsigned long collections(void) { return (unsigned long)GC_get_gc_no(); }

#endif

static quad *build(int d)
{
  quad *kid[4] = {NULL, NULL, NULL, NULL};
  int i;
  if (d > 0)
    for (i = 0; i < 4; ++i)
      kid[i] = build(d - 1);
  return make(kid);
}

static size_t count(const quad *q, int d)
{
  size_t n = 1;
  int i;
  if (q->head != QUAD_HEAD)
    fail("the tree is damaged");
  for (i = 0; i < 4; ++i)
    if (d > 0)
      n += count(q->kid[i], d - 1);
    else if (q->kid[i] != NULL)
      fail("the tree is damaged");
  return n;
}

static quad *volatile last;

static __attribute__((noinline)) void dead(size_t bytes)
{
  size_t done = 0;
  for (; done < bytes; done += nodes(SMALL_DEPTH) * sizeof(quad))
    last = build(SMALL_DEPTH);
  last = NULL;
}

int main(int argc, char **argv)
{
  double start, built, worked;
  size_t live;
  int c, i;
  while ((c = getopt(argc, argv, "d:f:r:k:")) != -1)
    switch (c) {
    case 'd': depth = atoi(optarg); break;
    case 'f': factor = atof(optarg); break;
    case 'r': rounds = atoi(optarg); break;
    case 'k': pool_class = optarg; break;
    default: fail("see the top of quads.c for the options");
    }
  live = nodes(depth) * sizeof(quad);
  begin((size_t)((double)live * factor));
  start = seconds(CLOCK_PROCESS_CPUTIME_ID);
  root = build(depth);
  built = seconds(CLOCK_PROCESS_CPUTIME_ID);
  for (i = 0; i < rounds; ++i)
    dead((size_t)((double)live * (factor > 0.0 ? factor : 2.5) / 8.0));
  worked = seconds(CLOCK_PROCESS_CPUTIME_ID);
  if (count(root, depth) != nodes(depth))
    fail("the tree has lost nodes");
  printf("prog=%s live_kb=%lu build_s=%.4f rounds_s=%.4f rss_kb=%lu collections=%lu\n", NAME,
         (unsigned long)(live / 1024), built - start, worked - built, peak_kb(), collections());
  return 0;
}
