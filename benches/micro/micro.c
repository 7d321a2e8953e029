/* micro.c -- single operations of the library, timed where they happen
 *
 * Each benchmark is opened, run as often as wanted, and closed: micro.h. What is timed is a
 * loop over the operation alone, in C as a client would write it, on the archive that clients
 * link. The operations of a collection are timed inside the collection: a root's scanner
 * looks at the clock before and after it has fixed its references.
 *
 * Time is the thread's CPU time, so that other programs count little. Reading that clock takes
 * some hundred nanoseconds; loops are long enough for that not to matter, but for the shortest
 * ones, which criterion makes only to warm up.
 *
 * The arena is parked, so that nothing is collected but where the benchmark says so.
 *
 * With -DMAIN a program of its own, which runs each of them a few times and fails if one
 * does not work: the smoke test. `micro ITERATIONS` prints nanoseconds as well.
 */

#include "micro.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mps.h"
#include "mpsavm.h"
#include "mpscamc.h"
#include "mpscams.h"
#include "mpscmfs.h"
#include "mpscmvff.h"
#include "mpscmvt.h"
#include "mpsx.h"

static void fail(const char *what)
{
  fprintf(stderr, "micro: %s\n", what);
  exit(1);
}

#define MUST(c) do { if (!(c)) fail(#c); } while (0)
#define OK(call) MUST((call) == MPS_RES_OK)

static uint64_t now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t state;
static size_t rnd(size_t n)
{
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (size_t)(state >> 11) % n;
}

/* --- Objects: a head (words << 2 | kind) and references --- */

typedef struct obj { size_t head; struct obj *slot[]; } obj;
enum { OBJ = 1, GONE = 2, PAD = 3, WORD = sizeof(size_t) };

/* So many references are fixed in one collection, and looked at in one table. */
enum { MANY = 4096 };

static mps_res_t scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  MPS_SCAN_BEGIN(ss) {
    size_t *p = base;
    while ((mps_addr_t)p < limit) {
      obj *o = (obj *)p;
      size_t words = o->head >> 2, i;
      if ((o->head & 3) == OBJ)
        for (i = 0; i + 1 < words; ++i) {
          mps_res_t res = MPS_FIX12(ss, (mps_addr_t *)&o->slot[i]);
          if (res != MPS_RES_OK)
            return res;
        }
      p += words;
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static mps_addr_t skip(mps_addr_t p) { return (size_t *)p + (((obj *)p)->head >> 2); }

static void forward(mps_addr_t old, mps_addr_t new)
{
  obj *o = old;
  o->head = (o->head & ~(size_t)3) | GONE;
  o->slot[0] = new;
}

static mps_addr_t is_forwarded(mps_addr_t p)
{
  obj *o = p;
  return (o->head & 3) == GONE ? (mps_addr_t)o->slot[0] : NULL;
}

static void pad(mps_addr_t p, size_t size) { *(size_t *)p = size / WORD << 2 | PAD; }

/* --- An arena and what is in it --- */

static mps_arena_t arena;
static mps_fmt_t format;
static mps_pool_t pool, blocks;
static mps_ap_t ap;
static mps_root_t root;
static mps_thr_t thread;

/* What the root has: what it fixes, and copies of that. */
static mps_addr_t refs[MANY], copies[MANY];
static size_t ref_count;
static uint64_t scan_ns;        /* of the root's last scan */

/* What the scanner of the root does with them. */
static enum { JUST_FIX, FIX_AGAIN, STAGE_1, STAGE_2 } how;

static mps_res_t fix_all(mps_ss_t ss, mps_addr_t *p, size_t n)
{
  MPS_SCAN_BEGIN(ss) {
    for (; n > 0; --n, ++p) {
      mps_res_t res = MPS_FIX12(ss, p);
      if (res != MPS_RES_OK)
        return res;
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static mps_res_t fix_unlooked(mps_ss_t ss, mps_addr_t *p, size_t n)
{
  for (; n > 0; --n, ++p) {
    mps_res_t res = MPS_FIX2(ss, p);
    if (res != MPS_RES_OK)
      return res;
  }
  return MPS_RES_OK;
}

/* An address that stage 1 refuses. */
static mps_addr_t uninteresting(mps_ss_t ss)
{
  size_t zone;
  mps_addr_t found = NULL;
  MPS_SCAN_BEGIN(ss) {
    for (zone = 0; zone < sizeof(mps_word_t) * 8; ++zone)
      if (!MPS_FIX1(ss, zone << _mps_zs)) {
        found = (mps_addr_t)(zone << _mps_zs);
        break;
      }
  } MPS_SCAN_END(ss);
  return found;
}

static mps_res_t scan_root(mps_ss_t ss, void *p, size_t s)
{
  mps_res_t res = MPS_RES_OK;
  size_t i;
  uint64_t from;
  (void)p, (void)s;
  if (how == FIX_AGAIN)
    res = fix_all(ss, copies, ref_count);
  if (how == STAGE_1)
    for (i = 0; i < ref_count; ++i)
      refs[i] = uninteresting(ss);
  if (res != MPS_RES_OK)
    return res;
  from = now();
  res = how == STAGE_2 ? fix_unlooked(ss, refs, ref_count) : fix_all(ss, refs, ref_count);
  scan_ns += now() - from;
  return res;
}

static obj *make(size_t words)
{
  mps_addr_t p;
  do {
    OK(mps_reserve(&p, ap, words * WORD));
    memset(p, 0, words * WORD);
    ((obj *)p)->head = words << 2 | OBJ;
  } while (!mps_commit(ap, p, words * WORD));
  return p;
}

enum { FEW_CHUNKS = 1, MANY_CHUNKS = 2, AMBIGUOUS = 4, AMS = 8, SOFT = 16 };

/* An arena with a pool to collect, and, with many chunks, 64 MB in chunks as small as the
 * library makes them. */
static void begin(unsigned what)
{
  size_t size = what & MANY_CHUNKS ? (size_t)1 << 20 : (size_t)512 << 20;
  size_t i;
  state = 88172645463325252u;
  ref_count = 0;
  how = JUST_FIX;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, size);
    if (what & SOFT)
      MPS_ARGS_ADD(args, MPS_KEY_X_SOFT_BARRIER, 1);
    OK(mps_arena_create_k(&arena, mps_arena_class_vm(), args));
  } MPS_ARGS_END(args);
  mps_arena_park(arena);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, forward);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, is_forwarded);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, pad);
    OK(mps_fmt_create_k(&format, arena, args));
  } MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, format);
    OK(mps_pool_create_k(&pool, arena, what & AMS ? mps_class_ams() : mps_class_amc(), args));
  } MPS_ARGS_END(args);
  OK(mps_ap_create_k(&ap, pool, mps_args_none));
  OK(mps_pool_create_k(&blocks, arena, mps_class_mvff(), mps_args_none));
  OK(mps_thread_reg(&thread, arena));
  OK(mps_root_create(&root, arena, what & AMBIGUOUS ? mps_rank_ambig() : mps_rank_exact(), 0,
                     scan_root, NULL, 0));
  if (what & MANY_CHUNKS)
    for (i = 0; i < 64; ++i) {
      mps_addr_t p;
      OK(mps_alloc(&p, blocks, (size_t)1 << 20));
    }
}

static void end(void)
{
  mps_arena_park(arena);
  mps_root_destroy(root);
  mps_thread_dereg(thread);
  mps_ap_destroy(ap);
  mps_pool_destroy(blocks);
  mps_pool_destroy(pool);
  mps_fmt_destroy(format);
  mps_arena_destroy(arena);
}

/* --- Fix --- */

/* Fixes references to n new objects in one collection; the scanner times it. */
static void fix_new(size_t n)
{
  size_t i;
  for (i = 0; i < n; ++i)
    copies[i] = refs[i] = make(4);
  ref_count = n;
  scan_ns = 0;
  OK(mps_arena_collect(arena));
  ref_count = 0;
}

/* The same for what stays: no objects are made but one, so that there is something white. */
static void fix_old(size_t n)
{
  (void)make(4);
  ref_count = n;
  scan_ns = 0;
  OK(mps_arena_collect(arena));
  ref_count = 0;
}

static uint64_t in_parts(uint64_t iterations, void (*part)(size_t))
{
  uint64_t ns = 0;
  while (iterations > 0) {
    size_t n = iterations < MANY ? (size_t)iterations : MANY;
    part(n);
    ns += scan_ns;
    iterations -= n;
  }
  return ns;
}

static uint64_t run_fix_new(uint64_t n) { return in_parts(n, fix_new); }
static uint64_t run_fix_old(uint64_t n) { return in_parts(n, fix_old); }

static void open_copy(void) { begin(0); }
static void open_copy_chunks(void) { begin(MANY_CHUNKS); }
static void open_forwarded(void) { begin(0); how = FIX_AGAIN; }
static void open_forwarded_chunks(void) { begin(MANY_CHUNKS); how = FIX_AGAIN; }
static void open_nail(void) { begin(AMBIGUOUS); }
static void open_nailed(void) { begin(AMBIGUOUS); how = FIX_AGAIN; }
static void open_mark(void) { begin(AMS); }
static void open_marked(void) { begin(AMS); how = FIX_AGAIN; }
static void open_zone(void) { begin(0); how = STAGE_1; }

/* Blocks that are in the arena and not white. */
static void fill_refs(void)
{
  size_t i;
  for (i = 0; i < MANY; ++i)
    OK(mps_alloc(&refs[i], blocks, 16384));
  for (i = MANY - 1; i > 0; --i) {
    size_t j = rnd(i + 1);
    mps_addr_t t = refs[i];
    refs[i] = refs[j];
    refs[j] = t;
  }
}

static void open_black(void) { begin(0); how = STAGE_2; fill_refs(); }
static void open_black_chunks(void) { begin(MANY_CHUNKS); how = STAGE_2; fill_refs(); }

/* Addresses that look like ours and are nobody's: far above all that systems give out. */
static void fill_outside(void)
{
  size_t i;
  for (i = 0; i < MANY; ++i)
    refs[i] = (mps_addr_t)((size_t)arena ^ (size_t)1 << (sizeof(size_t) * 8 - 17) ^ i << 14);
}
static void open_outside(void) { begin(0); how = STAGE_2; fill_outside(); }
static void open_outside_chunks(void) { begin(MANY_CHUNKS); how = STAGE_2; fill_outside(); }

/* --- Allocation points --- */

static uint64_t run_reserve(uint64_t iterations, size_t words)
{
  uint64_t ns = 0;
  while (iterations > 0) {
    uint64_t n = iterations < 65536 ? iterations : 65536, i, from = now();
    for (i = 0; i < n; ++i) {
      mps_addr_t p;
      do {
        OK(mps_reserve(&p, ap, words * WORD));
        ((obj *)p)->head = words << 2 | OBJ;
        ((obj *)p)->slot[0] = NULL;
        ((obj *)p)->slot[1] = NULL;
        ((obj *)p)->slot[2] = NULL;
        if (words > 4)
          memset(&((obj *)p)->slot[3], 0, (words - 4) * WORD);
      } while (!mps_commit(ap, p, words * WORD));
    }
    ns += now() - from;
    iterations -= n;
    OK(mps_arena_collect(arena));
  }
  return ns;
}
static void open_ap(void) { begin(0); }
static void open_ap_ams(void) { begin(AMS); }
static uint64_t run_reserve_4(uint64_t n) { return run_reserve(n, 4); }
static uint64_t run_reserve_32(uint64_t n) { return run_reserve(n, 32); }

/* --- Addresses, from outside --- */

static uint64_t run_addr_pool(uint64_t iterations)
{
  uint64_t i, from = now();
  for (i = 0; i < iterations; ++i) {
    mps_pool_t p;
    MUST(mps_addr_pool(&p, arena, refs[i % MANY]) && p == blocks);
  }
  return now() - from;
}

/* --- Barrier --- */

static mps_x_stats_s stats(void)
{
  mps_x_stats_s s;
  s.struct_size = sizeof s;
  OK(mps_x_stats(arena, &s));
  return s;
}

static size_t hits(int writes)
{
  return writes ? stats().barrier_hits_write : stats().barrier_hits_read;
}

/* Objects of a page each, in the root. */
static void make_old(void)
{
  size_t i;
  for (i = 0; i < MANY / 2; ++i)
    refs[i] = make(4096 / WORD);
  ref_count = MANY / 2;
}

static uint64_t run_hits(uint64_t iterations, int writes)
{
  uint64_t ns = 0, got = 0;
  volatile size_t sum = 0;
  while (got < iterations) {
    size_t i, before;
    uint64_t from;
    make_old();
    if (writes) {
      OK(mps_arena_collect(arena));
      OK(mps_arena_collect(arena));
    } else {
      /* Until the flip, in steps that do as little as can be. */
      size_t flips = stats().flips;
      mps_arena_release(arena);
      OK(mps_arena_start_collect(arena));
      while (stats().flips == flips)
        MUST(mps_x_arena_step_us(arena, 0, 0));
      mps_arena_clamp(arena);
    }
    before = hits(writes);
    from = now();
    for (i = 0; i < MANY / 2; ++i) {
      obj *o = refs[i];
      if (writes)
        *(obj *volatile *)&o->slot[1] = NULL;
      else
        sum += *(obj *volatile *)&o->slot[1] != NULL;
    }
    from = now() - from;
    before = hits(writes) - before;
    mps_arena_park(arena);
    ref_count = 0;
    OK(mps_arena_collect(arena));
    MUST(before > 0);
    got += before;
    ns += from;
  }
  return (uint64_t)((double)ns * (double)iterations / (double)got);
}
static uint64_t run_write_hits(uint64_t n) { return run_hits(n, 1); }
static uint64_t run_read_hits(uint64_t n) { return run_hits(n, 0); }
static void open_hits(void) { begin(0); mps_x_arena_pause_time_us_set(arena, 0); }

static void open_look(void)
{
  begin(SOFT);
  make_old();
  mps_arena_park(arena);
}
static uint64_t run_look(uint64_t iterations)
{
  uint64_t i, from = now();
  volatile size_t sum = 0;
  for (i = 0; i < iterations; ++i) {
    obj *o = refs[i % (MANY / 2)];
    MPS_X_READ(arena, &o->slot[1]);
    sum += *(obj *volatile *)&o->slot[1] != NULL;
  }
  return now() - from;
}

/* --- Manual pools: a pair of free and alloc, at random among LIVE blocks of one size --- */

enum { LIVE = 1000 };
static size_t block_size;
static mps_pool_t manual;
static mps_ap_t point;

static mps_addr_t point_alloc(void)
{
  mps_addr_t p;
  do
    OK(mps_reserve(&p, point, block_size));
  while (!mps_commit(point, p, block_size));
  return p;
}

enum { MVFF, MVFF_POINT, MVT, MFS };    /* MVT has only points */

static void open_manual(size_t size, int kind)
{
  size_t i;
  begin(0);
  block_size = size;
  point = NULL;
  if (kind == MFS) {
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, size);
      OK(mps_pool_create_k(&manual, arena, mps_class_mfs(), args));
    } MPS_ARGS_END(args);
  } else {
    OK(mps_pool_create_k(&manual, arena, kind == MVT ? mps_class_mvt() : mps_class_mvff(),
                         mps_args_none));
  }
  if (kind == MVFF_POINT || kind == MVT)
    OK(mps_ap_create_k(&point, manual, mps_args_none));
  for (i = 0; i < LIVE; ++i)
    if (point != NULL)
      refs[i] = point_alloc();
    else
      OK(mps_alloc(&refs[i], manual, size));
}
static void close_manual(void)
{
  if (point != NULL)
    mps_ap_destroy(point);
  mps_pool_destroy(manual);
  end();
}
static uint64_t run_manual(uint64_t iterations)
{
  uint64_t i, from = now();
  for (i = 0; i < iterations; ++i) {
    mps_addr_t *p = &refs[rnd(LIVE)];
    mps_free(manual, *p, block_size);
    OK(mps_alloc(p, manual, block_size));
    *(volatile char *)*p = 1;
  }
  return now() - from;
}
static uint64_t run_point(uint64_t iterations)
{
  uint64_t i, from = now();
  for (i = 0; i < iterations; ++i) {
    mps_addr_t *p = &refs[rnd(LIVE)];
    mps_free(manual, *p, block_size);
    *p = point_alloc();
    *(volatile char *)*p = 1;
  }
  return now() - from;
}
#define SIZES(S) S(16) S(64) S(256) S(1024) S(4096) S(65536)
#define OPEN(n) \
  static void open_mvff_##n(void) { open_manual(n, MVFF); } \
  static void open_point_##n(void) { open_manual(n, MVFF_POINT); } \
  static void open_mvt_##n(void) { open_manual(n, MVT); } \
  static void open_mfs_##n(void) { open_manual(n, MFS); }
SIZES(OPEN)

/* --- Entering, messages, location dependencies --- */

static void open_plain(void) { begin(0); }

/* Takes the instance's lock, and gives it back. */
static uint64_t run_enter(uint64_t iterations)
{
  uint64_t i, from = now();
  for (i = 0; i < iterations; ++i)
    MUST(!mps_message_poll(arena));
  return now() - from;
}

/* Objects die that have been registered: what a collection takes for each, and what it takes
 * to get the messages. */
static uint64_t run_messages(uint64_t iterations, int get)
{
  uint64_t ns = 0;
  mps_message_type_enable(arena, mps_message_type_finalization());
  while (iterations > 0) {
    size_t n = iterations < MANY ? (size_t)iterations : MANY, i;
    uint64_t from;
    for (i = 0; i < n; ++i) {
      mps_addr_t p = make(4);
      OK(mps_finalize(arena, &p));
    }
    from = now();
    OK(mps_arena_collect(arena));
    if (!get)
      ns += now() - from;
    from = now();
    for (i = 0; i < n; ++i) {
      mps_message_t m;
      mps_addr_t p;
      MUST(mps_message_get(&m, arena, mps_message_type_finalization()));
      mps_message_finalization_ref(&p, arena, m);
      mps_message_discard(arena, m);
    }
    if (get)
      ns += now() - from;
    iterations -= n;
  }
  return ns;
}
static uint64_t run_post(uint64_t n) { return run_messages(n, 0); }
static uint64_t run_get(uint64_t n) { return run_messages(n, 1); }

static mps_ld_s ld;
static uint64_t run_ld_add(uint64_t iterations)
{
  uint64_t i, from = now();
  mps_ld_reset(&ld, arena);
  for (i = 0; i < iterations; ++i)
    mps_ld_add(&ld, arena, refs[i % MANY]);
  return now() - from;
}
static uint64_t run_ld_isstale(uint64_t iterations)
{
  uint64_t i, from = now();
  for (i = 0; i < iterations; ++i)
    MUST(mps_ld_isstale(&ld, arena, refs[0]) == 0);
  return now() - from;
}
static uint64_t run_ld_stale(uint64_t iterations)
{
  uint64_t i, from = now();
  for (i = 0; i < iterations; ++i)
    MUST(mps_ld_isstale(&ld, arena, refs[0]) != 0);
  return now() - from;
}
static void open_ld(void)
{
  begin(0);
  refs[0] = make(4);
  mps_ld_reset(&ld, arena);
  mps_ld_add(&ld, arena, refs[0]);
}
static void open_ld_add(void)
{
  size_t i;
  begin(0);
  for (i = 0; i < MANY; ++i)
    refs[i] = make(4);
}
/* The object has moved since. */
static void open_ld_stale(void)
{
  open_ld();
  ref_count = 1;
  OK(mps_arena_collect(arena));
}

/* --- All of them --- */

#define MVFF_ROW(n) {"MVFF", #n, open_mvff_##n, run_manual, close_manual},
#define POINT_ROW(n) {"MVFF, a point", #n, open_point_##n, run_point, close_manual},
#define MVT_ROW(n) {"MVT", #n, open_mvt_##n, run_point, close_manual},
#define MFS_ROW(n) {"MFS", #n, open_mfs_##n, run_manual, close_manual},

const micro_s micro_all[] = {
  {"fix", "not in a condemned zone", open_zone, run_fix_old, end},
  {"fix", "not in the arena", open_outside, run_fix_old, end},
  {"fix", "not in the arena, many chunks", open_outside_chunks, run_fix_old, end},
  {"fix", "not condemned", open_black, run_fix_old, end},
  {"fix", "not condemned, many chunks", open_black_chunks, run_fix_old, end},
  {"fix", "forwarded", open_forwarded, run_fix_new, end},
  {"fix", "forwarded, many chunks", open_forwarded_chunks, run_fix_new, end},
  {"fix", "copy", open_copy, run_fix_new, end},
  {"fix", "copy, many chunks", open_copy_chunks, run_fix_new, end},
  {"fix", "nail", open_nail, run_fix_new, end},
  {"fix", "nailed", open_nailed, run_fix_new, end},
  {"fix", "mark", open_mark, run_fix_new, end},
  {"fix", "marked", open_marked, run_fix_new, end},
  {"allocate", "AMC 4 words", open_ap, run_reserve_4, end},
  {"allocate", "AMC 32 words", open_ap, run_reserve_32, end},
  {"allocate", "AMS 4 words", open_ap_ams, run_reserve_4, end},
  {"look-up", "one chunk", open_black, run_addr_pool, end},
  {"look-up", "many chunks", open_black_chunks, run_addr_pool, end},
  {"barrier", "write hit", open_hits, run_write_hits, end},
  {"barrier", "read hit", open_hits, run_read_hits, end},
  {"barrier", "software, allowed", open_look, run_look, end},
  SIZES(MVFF_ROW) SIZES(POINT_ROW) SIZES(MVT_ROW) SIZES(MFS_ROW)
  {"instance", "enter and leave", open_plain, run_enter, end},
  {"message", "an object dies, and it is posted", open_plain, run_post, end},
  {"message", "get, look, discard", open_plain, run_get, end},
  {"dependency", "add", open_ld_add, run_ld_add, end},
  {"dependency", "is stale, no", open_ld, run_ld_isstale, end},
  {"dependency", "is stale, yes", open_ld_stale, run_ld_stale, end},
  {NULL, NULL, NULL, NULL, NULL}
};

#ifdef MAIN
int main(int argc, char **argv)
{
  uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 0) : 0;
  const micro_s *m;
  for (m = micro_all; m->run != NULL; ++m) {
    uint64_t ns, many = n != 0 ? n : 5000;
    m->open();
    (void)m->run(1);
    ns = m->run(many);
    m->close();
    MUST(ns > 0);
    if (n != 0)
      printf("%-12s %-34s %8.2f ns\n", m->group, m->name, (double)ns / (double)many);
  }
  printf("%u operations were timed\n", (unsigned)(sizeof micro_all / sizeof micro_all[0] - 1));
  return 0;
}
#endif
