/* protocol.c -- formats, roots, threads, allocation points, scanning and
 * chains, one rule at a time */

#include "world.h"
#include "mpscams.h"
#include "mpscmvff.h"
#include "mpstd.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- formats --- */

static void format_defaults(void)
{
  mps_fmt_t f = NULL;
  mps_pool_t p;
  mps_ap_t a;
  static mps_addr_t b;
  world();
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, obj_scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, obj_skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, obj_fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, obj_isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, obj_pad);
    CHECK_OK(mps_fmt_create_k(&f, arena, args));
  } MPS_ARGS_END(args);
  p = pool_amc(arena, f, NULL);
  a = ap_make(p);
  keep[0] = obj_new(a, 0, KIND_LEAF, 3, 1);     /* 5 words: no header */
  CHECK_OK(mps_arena_collect(arena));
  CHECK(obj_is(keep[0], KIND_LEAF, 3, 1));
  REPORTED((void)mps_ap_fill(&b, a, MPS_PF_ALIGN / 2));
}

/* Padding: always bases, and multiples of the alignment. */
static size_t pads;

static void pad_noted(mps_addr_t base, size_t size)
{
  CHECK(size > 0 && size % WORD == 0 && (word)base % WORD == 0);
  ++pads;
  obj_pad(base, size);
}

static void padding(void)
{
  static mps_addr_t ambig[50];
  mps_fmt_t f = NULL;
  mps_pool_t p;
  mps_ap_t a;
  mps_root_t r;
  size_t i, round;
  world();
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, WORD);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_HEADER_SIZE, HEADER);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, objh_scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, objh_skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, objh_fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, objh_isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, pad_noted);
    CHECK_OK(mps_fmt_create_k(&f, arena, args));
  } MPS_ARGS_END(args);
  p = pool_amc(arena, f, chain);
  a = ap_make(p);
  CHECK_OK(mps_root_create_table(&r, arena, mps_rank_ambig(), 0, ambig, 50));
  for (round = 0; round < 20; ++round) {
    mps_arena_park(arena);
    for (i = 0; i < 50; ++i) {  /* pinned, between others that die */
      ambig[i] = obj_new(a, HEADER, KIND_LEAF, rnd_below(8), i);
      garbage(a, HEADER, 5, rnd_below(5));
    }
    CHECK_OK(mps_arena_collect(arena));
    for (i = 1; i < 50; ++i)
      CHECK_EQ(((obj_t)ambig[i])->serial, i);
    mps_arena_release(arena);
  }
  CHECK(pads > 100);
}

/* A scanner that gives up: its code comes out of the collection. */
static int gives_up = 1;

static mps_res_t scan_gives_up(mps_ss_t ss, void *p, size_t s)
{
  (void)p;
  (void)s;
  MPS_SCAN_BEGIN(ss) {
    if (gives_up)
      return MPS_RES_IO;        /* no MPS_SCAN_END */
    if (MPS_FIX1(ss, keep[1])) {
      mps_res_t res = MPS_FIX2(ss, &keep[1]);
      if (res != MPS_RES_OK)
        return res;
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static void root_gives_up(void)
{
  mps_root_t r;
  static mps_res_t res;
  world();
  keep[0] = obj_new(ap, 0, KIND_LEAF, 10, 1);
  CHECK_OK(mps_root_create(&r, arena, mps_rank_exact(), 0, scan_gives_up,
                           NULL, 0));
  REPORTED(res = mps_arena_collect(arena));
  if (reference())
    return;
  CHECK_EQ(res, MPS_RES_IO);
  CHECK(obj_is(keep[0], KIND_LEAF, 10, 1));
  gives_up = 0;                 /* and the next time goes well */
  CHECK_OK(mps_arena_collect(arena));
  CHECK(obj_is(keep[0], KIND_LEAF, 10, 1));
  mps_root_destroy(r);
}

/* --- roots --- */

static void unmanaged(void)
{
  static mps_addr_t t[8];
  mps_root_t r;
  void *heap = malloc(100);
  void *map = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int i;
  world();
  t[0] = heap;
  t[1] = &i;
  t[2] = map;
  t[3] = (mps_addr_t)(word)unmanaged;
  t[4] = (mps_addr_t)~(word)7;
  t[5] = (mps_addr_t)(word)8;
  CHECK_OK(mps_root_create_table(&r, arena, mps_rank_exact(), 0, t, 8));
  keep[0] = obj_new(ap, 0, KIND_LEAF, 10, 1);
  for (i = 0; i < 3; ++i)
    CHECK_OK(mps_arena_collect(arena));
  CHECK(t[0] == heap && t[1] == &i && t[2] == map);
  CHECK(t[3] == (mps_addr_t)(word)unmanaged);
  CHECK(t[4] == (mps_addr_t)~(word)7 && t[5] == (mps_addr_t)(word)8);
  CHECK(t[6] == NULL);
}

static void in_manual_pool(void)
{
  mps_pool_t manual;
  mps_addr_t block;
  mps_root_t r;
  mps_addr_t was;
  int i;
  world();
  CHECK_OK(mps_pool_create_k(&manual, arena, mps_class_mvff(),
                             mps_args_none));
  for (i = 0; i < 20; ++i) {
    CHECK_OK(mps_alloc(&block, manual, 10 * WORD));
    memset(block, 0, 10 * WORD);
    CHECK_OK(mps_root_create_table(&r, arena, mps_rank_exact(), 0, block,
                                   10));
    was = ((mps_addr_t *)block)[3] = obj_new(ap, 0, KIND_LEAF, 10, 5);
    garbage(ap, 0, 2000, 10);
    CHECK_OK(mps_arena_collect(arena));
    CHECK(((mps_addr_t *)block)[3] != was);
    CHECK(obj_is(((mps_addr_t *)block)[3], KIND_LEAF, 10, 5));
    mps_arena_release(arena);
    mps_root_destroy(r);
    mps_free(manual, block, 10 * WORD);
  }
}

static void bad_rank_or_mode(void)
{
  static mps_root_t r;
  static mps_addr_t t[1];
  if (reference())
    return;
  world();
  REPORTED((void)mps_root_create_table(&r, arena, 9, 0, t, 1));
  REPORTED((void)mps_root_create_table(&r, arena, 2, 0, t, 1));
  REPORTED((void)mps_root_create_table(&r, arena, mps_rank_exact(), 64, t,
                                       1));
  CHECK(r == NULL);
}

static void other_arenas_thread(void)
{
  mps_thr_t thr;
  static mps_root_t r;
  mps_arena_t other = arena_vm((size_t)4 << 20);
  world();
  CHECK_OK(mps_thread_reg(&thr, other));
  REPORTED((void)mps_root_create_thread(&r, arena, thr, &thr));
  CHECK(r == NULL || reference());
}

/* Words on the stack that are not at word boundaries do not hold. */
__attribute__((noinline)) static int held_on_stack(void *cold, size_t offset,
                                                   word tag)
{
  volatile unsigned char place[40 * WORD];
  mps_thr_t thr;
  mps_root_t r;
  mps_message_t m;
  int i, n = 0;
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread(&r, arena, thr, cold));
  mps_arena_park(arena);
  memset((void *)place, 0, sizeof place);
  for (i = 0; i < 10; ++i) {
    mps_addr_t p = obj_new(ap, 0, KIND_LEAF, 30, (word)i);
    word w = (word)p + tag;
    CHECK_OK(mps_finalize(arena, &p));
    memcpy((char *)place + 3 * (size_t)i * WORD + offset, &w, WORD);
    p = NULL;
    w = 0;
    __asm__ volatile("" : : "r"(p), "r"(w) : "memory");
  }
  garbage(ap, 0, 3000, 20);
  scrub_stack();
  CHECK_OK(mps_arena_collect(arena));
  while (mps_message_get(&m, arena, mps_message_type_finalization())) {
    mps_message_discard(arena, m);
    ++n;
  }
  mps_root_destroy(r);
  mps_thread_dereg(thr);
  return 10 - n;
}

static void stack_words(void)
{
  void *cold = NULL;            /* its address: in the caller's frame */
  world();
  mps_message_type_enable(arena, mps_message_type_finalization());
  CHECK_EQ(held_on_stack(&cold, 0, 0), 10);
  CHECK(held_on_stack(&cold, 3, 0) <= 2);       /* a stray copy is allowed for */
  CHECK(held_on_stack(&cold, 0, 1) <= 2);      /* low bits: not an aligned word */
}

/* --- threads --- */

static void reenter_quietly(void)
{
  (void)mps_arena_park(arena);
}

static mps_res_t reentering_scan(mps_ss_t ss, mps_addr_t base,
                                 mps_addr_t limit)
{
  reenter_quietly();
  return obj_scan(ss, base, limit);
}

static void reenter_from_format(void)
{
  mps_fmt_t f = NULL;
  mps_pool_t p;
  world();
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, reentering_scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, obj_skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, obj_fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, obj_isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, obj_pad);
    CHECK_OK(mps_fmt_create_k(&f, arena, args));
  } MPS_ARGS_END(args);
  p = pool_amc(arena, f, NULL);
  keep[0] = obj_new(ap_make(p), 0, KIND_VECTOR, 5, 1);
  reports_leave = 1;
  REPORTED((void)mps_arena_collect(arena));
}

/* In the child of a parent with more threads: they must be deregistered
 * before the arena goes. */
static volatile int up, quit;
static mps_thr_t others[3];

static void *sits(void *p)
{
  int i = (int)(word)p;
  CHECK_OK(mps_thread_reg(&others[i], arena));
  __sync_fetch_and_add(&up, 1);
  while (!quit)
    usleep(1000);
  mps_thread_dereg(others[i]);
  return NULL;
}

static void fork_deregisters(void)
{
  pthread_t t[3];
  int i, status;
  pid_t pid;
  world();
  for (i = 0; i < 3; ++i)
    CHECK_EQ(pthread_create(&t[i], NULL, sits, (void *)(word)i), 0);
  while (up < 3)
    usleep(1000);
  keep[0] = obj_new(ap, 0, KIND_LEAF, 10, 3);
  fflush(stdout);
  pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    garbage(ap, 0, 20000, 20);
    CHECK_OK(mps_arena_collect(arena));
    CHECK(obj_is(keep[0], KIND_LEAF, 10, 3));
    mps_ap_destroy(ap);
    mps_root_destroy(root);
    mps_pool_destroy(pool);
    mps_chain_destroy(chain);
    mps_fmt_destroy(fmt);
    if (!reference())
      REPORTED(mps_arena_destroy(arena));       /* they are still there */
    for (i = 0; i < 3; ++i)
      mps_thread_dereg(others[i]);
    mps_arena_destroy(arena);
    _exit(7);
  }
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  garbage(ap, 0, 20000, 20);    /* the parent goes on with its threads */
  CHECK_OK(mps_arena_collect(arena));
  CHECK(obj_is(keep[0], KIND_LEAF, 10, 3));
  quit = 1;
  for (i = 0; i < 3; ++i)
    CHECK_EQ(pthread_join(t[i], NULL), 0);
}

/* --- allocation points --- */

static void destroying_points(void)
{
  int c, i;
  for (c = 0; c < CLASSES; ++c) {
    static mps_addr_t block[100];
    mps_root_t r;
    mps_pool_t p;
    mps_ap_t a;
    if (!(classes[c].is & HAS_AP))
      continue;
    world();
    p = pool_class(arena, c, fmt);
    a = ap_make(p);
    memset(block, 0, sizeof block);
    CHECK_OK(mps_root_create_table(&r, arena, mps_rank_exact(), 0, block,
                                   100));
    for (i = 0; i < 100; ++i) {
      block[i] = block_in(p, a, c, (word)i);
      if (i % 10 == 9) {
        mps_ap_destroy(a);
        a = ap_make(p);
      }
    }
    if (c == SNC)               /* the frame goes with the point */
      continue;
    mps_ap_destroy(a);
    (void)mps_arena_collect(arena);     /* fails where all is manual */
    for (i = 0; i < 100; ++i)
      CHECK_EQ(((obj_t)block[i])->serial, i);
  }
}

static void adjacent(void)
{
  int c, i;
  for (c = 0; c < CLASSES; ++c) {
    mps_pool_t p;
    mps_ap_t a;
    char *before = NULL;
    int apart = 0;
    if (!(classes[c].is & HAS_AP))
      continue;
    world();
    p = pool_class(arena, c, fmt);
    a = ap_make(p);
    for (i = 0; i < 1000; ++i) {
      char *b = (char *)block_in(p, a, c, (word)i);
      apart += i > 0 && b != before + 6 * WORD;
      before = b;
    }
    CHECK(apart < 100);
  }
}

static void impossible(void)
{
  const size_t quarter = (size_t)1 << (8 * WORD - 2);
  size_t i, size;
  int c;
  mps_addr_t p = &arena;
  mps_res_t res;
  world();
  (void)obj_new(ap, 0, KIND_LEAF, 10, 1);
  no_room_for(quarter);
  for (i = 1; i <= 3; ++i) {
    res = mps_reserve(&p, ap, i * quarter);
    CHECK(res == MPS_RES_MEMORY || res == MPS_RES_RESOURCE);
    CHECK(p == &arena);
  }
  for (c = 0; c < CLASSES && !reference(); ++c) {
    mps_pool_t q = pool_class(arena, c, fmt);
    mps_ap_t a = classes[c].is & HAS_AP ? ap_make(q) : NULL;
    /* up to all but what can't be rounded up any more */
    for (i = 0; i < 12; ++i) {
      size = i < 7 ? (i + 1) * (quarter / 2) : 0 - ((size_t)1 << (i + 9));
      /* the last are over the commit limit, which is at the end of sizes */
      if (a != NULL) {
        res = mps_reserve(&p, a, size);
        CHECK(res == MPS_RES_MEMORY || res == MPS_RES_RESOURCE
              || (res == MPS_RES_COMMIT_LIMIT && i >= 7));
      }
      if (classes[c].is & HAS_ALLOC && c != MFS && i < 5) {
        res = mps_alloc(&p, q, size);
        CHECK(res == MPS_RES_MEMORY || res == MPS_RES_RESOURCE);
      }
      CHECK(p == &arena);
    }
    (void)block_in(q, a, c, 1);
  }
  (void)obj_new(ap, 0, KIND_LEAF, 10, 1);       /* still good */
}

static void negative_sizes(void)
{
  static mps_addr_t p;
  static int i;
  for (i = 0; i < 2; ++i) {
    world();
    (void)obj_new(ap, 0, KIND_LEAF, 3, 1);
    p = &arena;
    REPORTED((void)mps_reserve(&p, ap, i == 0 ? 0 : (size_t)-8));
    CHECK(p == &arena);
  }
}

/* --- scanning --- */

static mps_addr_t fix_me[4];
static int fix1_live, fix1_null, fix1_inside, fix1_tagged, checked;
static mps_res_t outside_res;
static int outside_value;

static mps_res_t scan_asks(mps_ss_t ss, void *p, size_t s)
{
  (void)p;
  (void)s;
  ++checked;
  MPS_SCAN_BEGIN(ss) {
    mps_addr_t out = &outside_value, null = NULL;
    mps_res_t res;
    /* every object of the collection at stake answers yes */
    fix1_live += MPS_FIX1(ss, fix_me[0]) != 0;
    fix1_inside += MPS_FIX1(ss, (char *)fix_me[0] + 3 * WORD + 5) != 0;
    fix1_tagged += MPS_FIX1(ss, (char *)fix_me[0] + 3) != 0;
    fix1_null += MPS_FIX1(ss, null) != 0;
    outside_res = MPS_FIX2(ss, &out);
    CHECK(out == &outside_value);
    if (MPS_FIX1(ss, fix_me[0])) {
      res = MPS_FIX2(ss, &fix_me[0]);
      if (res != MPS_RES_OK)
        return res;
    }
    /* fix_me[1] is left out on purpose */
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static void fixing(void)
{
  mps_root_t r;
  mps_addr_t was[2];
  mps_message_t m;
  world();
  mps_message_type_enable(arena, mps_message_type_finalization());
  mps_arena_park(arena);
  fix_me[0] = obj_new(ap, 0, KIND_LEAF, 20, 1);
  fix_me[1] = obj_new(ap, 0, KIND_LEAF, 20, 2);
  CHECK_OK(mps_finalize(arena, &fix_me[1]));
  garbage(ap, 0, 3000, 20);
  was[0] = fix_me[0];
  was[1] = fix_me[1];
  CHECK_OK(mps_root_create(&r, arena, mps_rank_exact(), 0, scan_asks, NULL,
                           0));
  CHECK_OK(mps_arena_collect(arena));
  CHECK(checked >= 1);
  CHECK_EQ(fix1_live, checked);
  CHECK_EQ(fix1_inside, checked);
  CHECK_EQ(fix1_tagged, checked);
  /* The debug archive's own checking of the heap scans without a filter. */
  CHECK(fix1_null < checked);
  CHECK_OK(outside_res);
  CHECK(fix_me[0] != was[0] && obj_is(fix_me[0], KIND_LEAF, 20, 1));
  CHECK(fix_me[1] == was[1]);   /* not updated, and not held either */
  CHECK(mps_message_get(&m, arena, mps_message_type_finalization()));
}

/* The area scanners on one area of all sorts of words. */
static mps_addr_t area[64];
static int area_how;

static void area_scanner(int how, mps_area_scan_t scan, word mask,
                         word pattern)
{
  static word was[64];
  mps_root_t r;
  size_t i, moved = 0;
  world();
  memset(area, 0, sizeof area);
  area_how = how;
  mps_arena_park(arena);
  for (i = 0; i < 64; ++i) {
    word tag = i % 8;
    /* mps_scan_area takes every word as it is */
    if (how == 0)
      tag = 0;
    area[i] = (mps_addr_t)((word)obj_new(ap, 0, KIND_LEAF, 10, i) + tag);
    was[i] = (word)area[i];
  }
  garbage(ap, 0, 3000, 20);
  if (how == 0)
    CHECK_OK(mps_root_create_area(&r, arena, mps_rank_exact(), 0, area,
                                  area + 64, scan, &area_how));
  else
    CHECK_OK(mps_root_create_area_tagged(&r, arena, mps_rank_exact(), 0,
                                         area, area + 64, scan, mask,
                                         pattern));
  CHECK_OK(mps_arena_collect(arena));
  for (i = 0; i < 64; ++i) {
    word w = (word)area[i], bits = was[i] & mask;
    int taken = how < 2 || bits == pattern || (how == 3 && bits == 0);
    if (taken) {
      CHECK_EQ(w & mask, bits);
      CHECK(w != was[i]);
      CHECK(obj_is((obj_t)(w & ~mask), KIND_LEAF, 10, i));
      ++moved;
    } else {
      CHECK_EQ(w, was[i]);
    }
  }
  CHECK(moved > 0 && (how < 2 || moved < 64));
}

static void area_plain(void) { area_scanner(0, mps_scan_area, 0, 0); }
static void area_masked(void) { area_scanner(1, mps_scan_area_masked, 7, 0); }
static void area_tagged(void) { area_scanner(2, mps_scan_area_tagged, 7, 5); }
static void area_or_zero(void)
{
  area_scanner(3, mps_scan_area_tagged_or_zero, 7, 5);
}

/* --- chains --- */

static void default_chain(void)
{
  int c, i;
  for (c = 0; c < CLASSES; ++c) {
    mps_pool_t p;
    mps_ap_t a;
    if (!(classes[c].is & IS_AUTO) || c == AMS_DEBUG)
      continue;
    world();
    p = pool_class(arena, c, fmt);      /* no chain given */
    a = ap_make(p);
    for (i = 0; i < 3000000 && mps_collections(arena) < 2; ++i)
      (void)block_in(p, a, c, 1);
    CHECK(mps_collections(arena) >= 2);
  }
}

/* A full collection of many generations; then they go, and the memory they
 * were described in; then a collection of few.  Or they go while the collection
 * is looking at them. */
static void chains_forgotten(void)
{
  mps_chain_t many[8];
  mps_pool_t p[8];
  int i, round, steps;
  world();
  mps_arena_pause_time_set(arena, 0.0);
  mps_arena_spare_commit_limit_set(arena, 0);
  for (round = 0; round < 40; ++round) {
    for (i = 0; i < 8; ++i) {
      mps_ap_t a;
      many[i] = chain_make(arena, 8, 100);
      p[i] = pool_amc(arena, fmt, many[i]);
      a = ap_make(p[i]);
      garbage(a, 0, 1000, 10);
      mps_ap_destroy(a);
    }
    if (round % 2 == 0)
      CHECK_OK(mps_arena_collect(arena));
    for (i = 0; i < 8; ++i)
      mps_pool_destroy(p[i]);
    if (round % 2 != 0) {
      CHECK_OK(mps_arena_start_collect(arena));
      for (steps = 0; steps < round / 2; ++steps)
        (void)mps_arena_step(arena, 0.0, 0.0);
    }
    for (i = 0; i < 8; ++i)
      mps_chain_destroy(many[i]);
    for (i = 0; i < 3; ++i) {
      garbage(ap, 0, 1000, 10);
      CHECK_OK(mps_arena_collect(arena));
    }
    mps_arena_release(arena);
  }
}

static void bad_chains(void)
{
  static mps_gen_param_s g[3] = {{0, 0.5}, {100, 1.5}, {100, -0.5}};
  static mps_chain_t c;
  static int i;
  if (reference())
    return;
  world();
  for (i = 0; i < 3; ++i)
    REPORTED((void)mps_chain_create(&c, arena, 1, &g[i]));
  CHECK(c == NULL);
  REPORTED(mps_chain_destroy(chain));   /* a pool uses it */
  garbage(ap, 0, 20000, 20);            /* and goes on doing so */
  CHECK(mps_collections(arena) > 0);
}

/* Memory in buffers is not counted: many points with little in each. */
static void buffers_do_not_count(void)
{
  enum { POINTS = 500 };        /* 4 MB of buffers, 300 KB of capacity */
  static mps_ap_t a[POINTS];
  int i;
  world();
  for (i = 0; i < POINTS; ++i) {
    a[i] = ap_make(pool);
    (void)obj_new(a[i], 0, KIND_LEAF, 3, 1);
  }
  CHECK(mps_pool_total_size(pool) > (size_t)2 << 20);
  CHECK_EQ(mps_collections(arena), 0);
}

/* More in the second generation than it is for: both are collected. (Only
 * this library can allocate straight into it.) */
static void up_to_the_highest(void)
{
  mps_gen_param_s gens[2] = {{100000, 0.9}, {400, 0.5}};
  mps_chain_t c;
  mps_pool_t p;
  mps_ap_t young, old = NULL;
  mps_addr_t was;
  int i;
  if (reference())
    return;
  world();
  CHECK_OK(mps_chain_create(&c, arena, 2, gens));
  p = pool_amc(arena, fmt, c);
  young = ap_make(p);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_GEN, 1);
    CHECK_OK(mps_ap_create_k(&old, p, args));
  } MPS_ARGS_END(args);
  was = keep[0] = obj_new(young, 0, KIND_LEAF, 10, 1);
  for (i = 0; i < 20000 && mps_collections(arena) == 0; ++i)
    (void)obj_new(old, 0, KIND_LEAF, 10, 2);
  CHECK_EQ(mps_collections(arena), 1);
  CHECK(i >= 400 * 1024 / (12 * (int)WORD) - 1000);
  mps_arena_park(arena);
  CHECK(keep[0] != was);
}

static void nothing_to_collect(void)
{
  mps_pool_t manual;
  mps_addr_t p;
  int i;
  arena = arena_vm((size_t)64 << 20);
  CHECK_OK(mps_pool_create_k(&manual, arena, mps_class_mvff(),
                             mps_args_none));
  for (i = 0; i < 2000; ++i)
    CHECK_OK(mps_alloc(&p, manual, 10000));
  CHECK_EQ(mps_collections(arena), 0);
  CHECK_EQ(mps_arena_start_collect(arena), MPS_RES_FAIL);
  CHECK(!mps_arena_step(arena, 0.01, 1000.0));
  CHECK_EQ(mps_collections(arena), 0);
}

static void capacity_is_no_limit(void)
{
  int i;
  world();
  mps_arena_clamp(arena);
  for (i = 0; i < 40000; ++i) { /* 8 MB into a nursery of 300 KB */
    obj_t o = obj_new(ap, 0, KIND_VECTOR, 20, (word)i);
    o->slot[0] = (word)keep[0];
    keep[0] = o;
  }
  CHECK_EQ(mps_collections(arena), 0);
  mps_arena_release(arena);
  garbage(ap, 0, 1000, 20);
  CHECK(mps_collections(arena) > 0);
}

static const case_s cases[] = {
  {"formats: default alignment and no header", format_defaults},
  {"formats: padding gets bases and multiples of the alignment", padding},
  {"a root's scanner that fails: reported, and its code comes out", root_gives_up},
  {"references to memory that is not managed", unmanaged},
  {"a root in a manual pool's block", in_manual_pool},
  {"unknown ranks and modes are reported", bad_rank_or_mode},
  {"a thread root needs a thread of its arena", other_arenas_thread},
  {"stack: aligned words only", stack_words},
  {"re-entry from a format method is reported", reenter_from_format},
  {"fork: threads of the parent's must be deregistered", fork_deregisters},
  {"destroying an allocation point leaves its blocks", destroying_points},
  {"consecutive blocks are neighbours", adjacent},
  {"reserve: an impossible size is refused with a code", impossible},
  {"reserve: zero and negative sizes are reported", negative_sizes},
  {"FIX1 and FIX2: null, inside, tagged, outside, left out", fixing},
  {"mps_scan_area", area_plain},
  {"mps_scan_area_masked", area_masked},
  {"mps_scan_area_tagged", area_tagged},
  {"mps_scan_area_tagged_or_zero", area_or_zero},
  {"pools without a chain are collected", default_chain},
  {"chains that are gone are forgotten", chains_forgotten},
  {"chains that can't be, or are in use, are reported", bad_chains},
  {"memory in buffers does not count as new", buffers_do_not_count},
  {"all generations up to the highest that is too full", up_to_the_highest},
  {"no collection where there is nothing to collect", nothing_to_collect},
  {"a generation's capacity limits nothing", capacity_is_no_limit}
};

int main(void)
{
  test_begin("protocol");
  return CASES_RUN(cases);
}
