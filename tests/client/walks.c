/* walks.c -- walking objects and roots, and what only a few cases are needed
 * for of messages, finalization, location dependency and transforms */

#include "world.h"
#include "mpscawl.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

static void collect(void)
{
  CHECK_OK(mps_arena_collect(arena));
  mps_arena_release(arena);
}

/* --- objects --- */

enum { N = 300 };
static unsigned char seen[N + 1];
static size_t seen_total, seen_other, areas;
static int closure;

static void note(obj_t o)
{
  if ((obj_kind(o) == KIND_VECTOR || obj_kind(o) == KIND_LEAF)
      && o->serial >= 1 && o->serial <= N) {
    ++seen[o->serial];
    ++seen_total;
  } else {
    CHECK(obj_kind(o) != KIND_FWD);
    ++seen_other;
  }
}

/* The objects of an area, one after the other, up to its end. */
static mps_res_t walk_area(mps_ss_t ss, void *base, void *limit, void *c)
{
  CHECK(c == &closure);
  CHECK(base < limit);
  ++areas;
  while (base < limit) {
    obj_t o = base;
    note(o);
    base = obj_skip(o);
    CHECK(base <= limit);
  }
  (void)ss;
  return MPS_RES_OK;
}

static mps_res_t scanning_walk(mps_ss_t ss, void *base, void *limit, void *c)
{
  mps_res_t res = walk_area(ss, base, limit, c);
  if (res != MPS_RES_OK)
    return res;
  return obj_scan(ss, base, limit);     /* fix all references, as one must */
}

/* Live objects 1 .. N among garbage, some pinned, some forwarded. */
static void populate(int c, mps_pool_t p, mps_ap_t a)
{
  int leaf = (classes[c].is & IS_LEAF) != 0;
  size_t i;
  for (i = 0; i < N; ++i) {
    obj_t o = obj_new(a, 0, leaf ? KIND_LEAF : KIND_VECTOR,
                      1 + rnd_below(20), i + 1);
    if (!leaf && i > 0)
      o->slot[0] = (word)keep[i - 1];
    keep[i] = o;
    (void)obj_new(a, 0, leaf ? KIND_LEAF : KIND_VECTOR, rnd_below(9), 99999);
    if (i % 50 == 49 && classes[c].is & IS_AUTO)
      collect();
  }
  (void)p;
}

static void start_counting(void)
{
  memset(seen, 0, sizeof seen);
  seen_total = seen_other = areas = 0;
}

static void all_once(void)
{
  size_t i;
  for (i = 1; i <= N; ++i)
    CHECK_EQ(seen[i], 1);
  CHECK_EQ(seen_total, N);
}

/* Runs a check in a new world for each class of which `flags` hold. */
static void each_class(int flags, void (*check)(int c, mps_pool_t p, mps_ap_t a))
{
  int c;
  for (c = 0; c < CLASSES; ++c)
    if (classes[c].is & flags) {
      mps_pool_t p;
      world();
      p = pool_class(arena, c, fmt);
      check(c, p, ap_make(p));
    }
}

static void pool_walk_of(int c, mps_pool_t p, mps_ap_t a)
{
  int round;
  populate(c, p, a);
  for (round = 0; round < 3; ++round) {
    mps_arena_park(arena);
    start_counting();
    CHECK_OK(mps_pool_walk(p, scanning_walk, &closure));
    all_once();
    CHECK(areas > 0);
    mps_arena_release(arena);
    (void)obj_new(a, 0, KIND_LEAF, 30, 99999);
    collect();
  }
}

static void pool_walk(void)
{
  each_class(IS_AUTO, pool_walk_of);
}

/* The scanner of a walk may put other references in. */
static obj_t replace_from, replace_to;

static mps_res_t replace_scan(mps_ss_t ss, void *base, void *limit, void *c)
{
  size_t i;
  (void)ss;
  (void)c;
  for (; base < limit; base = obj_skip(base)) {
    obj_t o = base;
    if (obj_kind(o) == KIND_VECTOR)
      for (i = 0; i < obj_slots(o); ++i)
        if (o->slot[i] == (word)replace_from)
          o->slot[i] = (word)replace_to;
  }
  return MPS_RES_OK;
}

static void pool_walk_changes(void)
{
  mps_ap_t leaf;
  size_t i;
  world();
  leaf = ap_make(pool_amc(arena, fmt, chain));
  keep[0] = obj_new(leaf, 0, KIND_LEAF, 5, 7);
  for (i = 1; i < 100; ++i) {
    keep[i] = obj_new(ap, 0, KIND_VECTOR, 3, i);
    ((obj_t)keep[i])->slot[1] = (word)keep[0];
  }
  for (i = 0; i < 4; ++i)
    collect();                  /* old, and write protected */
  mps_arena_park(arena);
  keep[200] = obj_new(leaf, 0, KIND_LEAF, 5, 8);
  replace_from = keep[0];
  replace_to = keep[200];
  CHECK_OK(mps_pool_walk(pool, replace_scan, NULL));
  keep[0] = keep[200] = NULL;   /* it hangs on old objects only */
  mps_arena_release(arena);
  for (i = 0; i < 3; ++i)
    garbage(ap, 0, 20000, 10);
  for (i = 1; i < 100; ++i)
    CHECK(obj_is((obj_t)((obj_t)keep[i])->slot[1], KIND_LEAF, 5, 8));
}

static int stop_after;
static mps_res_t stops(mps_ss_t ss, void *base, void *limit, void *c)
{
  (void)ss; (void)base; (void)limit; (void)c;
  ++areas;
  return areas == (size_t)stop_after ? MPS_RES_IO : MPS_RES_OK;
}

static void pool_walk_stops(void)
{
  world();
  populate(AMC, pool, ap);
  garbage(ap, 0, 5000, 20);
  mps_arena_park(arena);
  start_counting();
  stop_after = 2;
  CHECK_EQ(mps_pool_walk(pool, stops, NULL), MPS_RES_IO);
  CHECK_EQ(areas, 2);
  start_counting();
  stop_after = -1;
  CHECK_OK(mps_pool_walk(pool, stops, NULL));
  CHECK(areas > 2);
}

static void pool_walk_refused(void)
{
  mps_pool_t manual;
  mps_addr_t p;
  int c;
  world();
  keep[0] = obj_new(ap, 0, KIND_LEAF, 5, 7);
  mps_arena_park(arena);
  for (c = MFS; c < CLASSES; ++c) {
    manual = pool_class(arena, c, fmt);
    if (classes[c].is & HAS_ALLOC)
      CHECK_OK(mps_alloc(&p, manual, 64));
    start_counting();
    CHECK_OK(mps_pool_walk(manual, walk_area, &closure));
    CHECK_EQ(areas, 0);
  }
  mps_arena_release(arena);
  REPORTED((void)mps_pool_walk(pool, walk_area, &closure));
}

static mps_pool_t expect_pool;
static void step_object(mps_addr_t o, mps_fmt_t f, mps_pool_t p, void *c,
                        size_t s)
{
  mps_pool_t of = NULL;
  mps_fmt_t in = NULL;
  CHECK(f == fmt && c == &closure && s == 4711);
  /* What only looks may be called from within. */
  CHECK(mps_arena_has_addr(arena, o));
  CHECK(!mps_arena_has_addr(arena, &of));
  CHECK(mps_addr_pool(&of, arena, o) && of == p);
  CHECK(mps_addr_fmt(&in, arena, o) && in == f);
  if (p != expect_pool)
    return;
  note(o);
}

static void formatted_walk_of(int c, mps_pool_t p, mps_ap_t a)
{
  int round;
  expect_pool = p;
  populate(c, p, a);
  for (round = 0; round < 4; ++round) {
    /* in every state; parked for certain */
    if (round == 1)
      mps_arena_clamp(arena);
    else if (round == 2)
      mps_arena_release(arena);
    else
      mps_arena_park(arena);
    start_counting();
    mps_arena_formatted_objects_walk(arena, step_object, &closure, 4711);
    all_once();
  }
}

static void formatted_walk(void)
{
  each_class(NEEDS_FORMAT, formatted_walk_of);
}

/* In the middle of a collection only what is known to be good is shown. */
static void formatted_walk_middle(void)
{
  size_t i;
  int n = 0;
  world();
  expect_pool = pool;
  mps_arena_pause_time_set(arena, 0.0);
  populate(AMC, pool, ap);
  for (i = 0; i < 20000; ++i) { /* and a list, so that it takes a while */
    obj_t o = obj_new(ap, 0, KIND_VECTOR, 10, 99999);
    o->slot[0] = (word)keep[399];
    keep[399] = o;
  }
  CHECK_OK(mps_arena_start_collect(arena));
  do {
    start_counting();
    mps_arena_formatted_objects_walk(arena, step_object, &closure, 4711);
    for (i = 1; i <= N; ++i)
      CHECK(seen[i] <= 1);
    ++n;
  } while (mps_arena_step(arena, 0.0, 0.0) && n < 400);
  CHECK(n > 3);
}

/* What is not free is objects, padding and the allocation point's room. */
static size_t bytes_seen;

static mps_res_t add_up(mps_ss_t ss, void *base, void *limit, void *c)
{
  (void)c;
  bytes_seen += (size_t)((char *)limit - (char *)base);
  return obj_scan(ss, base, limit);
}

static void sizes_of(int c, mps_pool_t p, mps_ap_t a)
{
  int i;
  (void)c;
  for (i = 0; i < 3000; ++i)
    (void)obj_new(a, 0, KIND_LEAF, rnd_below(60), 1);
  mps_arena_park(arena);
  bytes_seen = 0;
  CHECK_OK(mps_pool_walk(p, add_up, &closure));
  CHECK_EQ(bytes_seen + (size_t)((char *)a->limit - (char *)a->init),
           mps_pool_total_size(p) - mps_pool_free_size(p));
  mps_arena_release(arena);
}

static void sizes_add_up(void)
{
  each_class(NEEDS_FORMAT, sizes_of);
}

static void step_amc(mps_addr_t o, void *c, size_t s)
{
  CHECK(c == &closure && s == 99);
  note(o);
}

static void amc_apply(void)
{
  world();
  populate(AMC, pool, ap);
  mps_arena_park(arena);
  start_counting();
  mps_amc_apply(pool, step_amc, &closure, 99);
  all_once();
  mps_arena_release(arena);
  REPORTED(mps_amc_apply(pool, step_amc, &closure, 99));
}

/* --- roots --- */

static mps_addr_t wtable[20], watable[20];
static mps_root_t wroot, waroot;
static size_t exact_seen, ambig_seen, stack_seen;

static void step_root(mps_addr_t *ref, mps_root_t r, void *c, size_t s)
{
  CHECK(c == &closure && s == 31);
  if (r == wroot) {
    CHECK(ref >= wtable && ref < wtable + 20);
    CHECK(((obj_t)*ref)->serial >= 500);
    ++exact_seen;
  } else if (r == waroot) {
    ++ambig_seen;
  } else {
    ++stack_seen;
  }
}

static void roots_walk(void)
{
  int i, round;
  world();
  CHECK_OK(mps_root_create_table(&wroot, arena, mps_rank_exact(), 0, wtable,
                                 20));
  CHECK_OK(mps_root_create_table(&waroot, arena, mps_rank_ambig(), 0,
                                 watable, 20));
  mps_arena_park(arena);
  for (i = 0; i < 20; ++i) {
    wtable[i] = i % 4 == 0 ? NULL : obj_new(ap, 0, KIND_LEAF, 9, 500
                                            + (word)i);
    watable[i] = i % 2 ? (char *)wtable[i] + 3 * WORD : (mps_addr_t)&i;
  }
  wtable[4] = NULL;
  for (round = 0; round < 3; ++round) {
    exact_seen = ambig_seen = stack_seen = 0;
    mps_arena_roots_walk(arena, step_root, &closure, 31);
    CHECK_EQ(exact_seen, 15);
    CHECK_EQ(ambig_seen, 10);
    CHECK_EQ(stack_seen, 0);    /* the table of `world' is empty */
  }
  for (i = 0; i < 20; ++i)
    if (wtable[i] != NULL)
      CHECK(obj_is(wtable[i], KIND_LEAF, 9, 500 + (word)i));
  mps_arena_release(arena);
  REPORTED(mps_arena_roots_walk(arena, step_root, &closure, 31));
}

/* References into any pool with a format are shown, SNC's too. */
static void roots_walk_of(int c, mps_pool_t p, mps_ap_t a)
{
  int i;
  (void)c;
  (void)p;
  memset(wtable, 0, sizeof wtable);
  CHECK_OK(mps_root_create_table(&wroot, arena, mps_rank_exact(), 0, wtable,
                                 20));
  waroot = NULL;
  for (i = 0; i < 20; ++i)
    wtable[i] = obj_new(a, 0, KIND_LEAF, 9, 500 + (word)i);
  mps_arena_park(arena);
  exact_seen = ambig_seen = stack_seen = 0;
  mps_arena_roots_walk(arena, step_root, &closure, 31);
  CHECK_EQ(exact_seen, 20);
  mps_arena_release(arena);
}

static void roots_walk_classes(void)
{
  each_class(NEEDS_FORMAT, roots_walk_of);
}

/* --- messages --- */

static void message_errors(void)
{
  static mps_message_t m;
  world();
  keep[0] = obj_new(ap, 0, KIND_LEAF, 9, 1);
  mps_message_type_enable(arena, mps_message_type_gc());
  collect();
  CHECK(mps_message_get(&m, arena, mps_message_type_gc()));
  if (reference())
    return;
  REPORTED((void)mps_message_gc_start_why(arena, m));
  REPORTED(mps_message_finalization_ref(&keep[1], arena, m));
  CHECK(keep[1] == NULL);
  REPORTED(mps_message_type_enable(arena, 77));
  REPORTED(mps_message_type_disable(arena, 3));
  mps_message_discard(arena, m);
}

static void clocks(void)
{
  mps_message_t f, e;
  world();
  mps_message_type_enable(arena, mps_message_type_gc());
  mps_message_type_enable(arena, mps_message_type_finalization());
  keep[0] = obj_new(ap, 0, KIND_LEAF, 9, 1);
  CHECK_OK(mps_finalize(arena, &keep[0]));
  keep[0] = NULL;
  garbage(ap, 0, 3000, 10);
  collect();
  CHECK(mps_message_get(&f, arena, mps_message_type_finalization()));
  CHECK(mps_message_get(&e, arena, mps_message_type_gc()));
  CHECK_EQ(mps_message_clock(arena, f), 0);
  CHECK(mps_message_clock(arena, e) != 0);
}

static void why_lasts(void)
{
  mps_message_t m;
  const char *why;
  char copy[200];
  int i;
  world();
  keep[0] = obj_new(ap, 0, KIND_LEAF, 9, 1);
  mps_message_type_enable(arena, mps_message_type_gc_start());
  collect();
  CHECK(mps_message_get(&m, arena, mps_message_type_gc_start()));
  why = mps_message_gc_start_why(arena, m);
  snprintf(copy, sizeof copy, "%s", why);
  for (i = 0; i < 10; ++i)
    collect();
  CHECK(strcmp(why, copy) == 0 && strlen(why) > 5);
  mps_message_discard(arena, m);
}

/* --- finalization --- */

static void reference_only_read(void)
{
  mps_addr_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  world();
  keep[0] = *page = obj_new(ap, 0, KIND_LEAF, 9, 1);
  CHECK_EQ(mprotect(page, 4096, PROT_READ), 0);
  CHECK_OK(mps_finalize(arena, page));
  CHECK_OK(mps_definalize(arena, page));
}

/* The message's reference follows moves while nobody takes it. */
static void message_follows(void)
{
  mps_message_t m;
  mps_addr_t first;
  int i;
  world();
  mps_message_type_enable(arena, mps_message_type_finalization());
  keep[0] = obj_new(ap, 0, KIND_VECTOR, 9, 1);
  ((obj_t)keep[0])->slot[3] = (word)obj_new(ap, 0, KIND_LEAF, 9, 2);
  CHECK_OK(mps_finalize(arena, &keep[0]));
  keep[0] = NULL;
  garbage(ap, 0, 3000, 10);
  collect();
  CHECK(mps_message_get(&m, arena, mps_message_type_finalization()));
  mps_message_finalization_ref(&keep[0], arena, m);
  first = keep[0];
  keep[0] = NULL;
  for (i = 0; i < 3; ++i) {
    garbage(ap, 0, 3000, 10);
    collect();
  }
  mps_message_finalization_ref(&keep[0], arena, m);
  CHECK(keep[0] != first);
  CHECK_EQ(((obj_t)keep[0])->serial, 1);
  CHECK(obj_is((obj_t)((obj_t)keep[0])->slot[3], KIND_LEAF, 9, 2));
  mps_message_discard(arena, m);
  collect();
  CHECK(obj_is((obj_t)((obj_t)keep[0])->slot[3], KIND_LEAF, 9, 2));
}

/* An AWL object's weak reference goes when the message has gone. */
static void weak_after_message(void)
{
  mps_pool_t awl;
  mps_ap_t weak = NULL;
  mps_message_t m;
  obj_t w;
  world();
  mps_message_type_enable(arena, mps_message_type_finalization());
  awl = pool_class(arena, AWL, fmt);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_weak());
    CHECK_OK(mps_ap_create_k(&weak, awl, args));
  } MPS_ARGS_END(args);
  keep[0] = w = obj_new(weak, 0, KIND_VECTOR, 3, 1);
  keep[1] = obj_new(ap, 0, KIND_LEAF, 9, 2);
  w->slot[0] = (word)keep[1];
  CHECK_OK(mps_finalize(arena, &keep[1]));
  keep[1] = NULL;
  garbage(ap, 0, 3000, 10);
  collect();
  CHECK(mps_message_get(&m, arena, mps_message_type_finalization()));
  CHECK(obj_is((obj_t)w->slot[0], KIND_LEAF, 9, 2));    /* weak held it not,
                                                           nor was it cut */
  collect();
  CHECK(obj_is((obj_t)w->slot[0], KIND_LEAF, 9, 2));
  mps_message_discard(arena, m);
  collect();
  CHECK_EQ(w->slot[0], 0);
}

/* --- location dependency --- */

static mps_ld_s inside_ld;
static int inside_stale = -1;

static mps_res_t ld_inside(mps_ss_t ss, void *p, size_t s)
{
  mps_ld_s ld;
  (void)ss; (void)p; (void)s;
  inside_stale = mps_ld_isstale(&inside_ld, arena, NULL);
  mps_ld_reset(&ld, arena);
  mps_ld_add(&ld, arena, keep[0]);
  mps_ld_merge(&ld, arena, &inside_ld);
  (void)mps_ld_isstale_any(&ld, arena);
  return MPS_RES_OK;
}

static void ld_without_lock(void)
{
  mps_root_t r;
  world();
  keep[0] = obj_new(ap, 0, KIND_LEAF, 9, 2);
  mps_ld_reset(&inside_ld, arena);
  mps_ld_add(&inside_ld, arena, keep[0]);
  CHECK_OK(mps_root_create(&r, arena, mps_rank_exact(), 0, ld_inside, NULL,
                           0));
  CHECK_OK(mps_arena_collect(arena));
  CHECK(inside_stale == 0 || inside_stale == 1);
}

static void ld_parked(void)
{
  static mps_addr_t outside;
  mps_ld_s ld, other;
  world();
  keep[0] = obj_new(ap, 0, KIND_LEAF, 9, 2);
  mps_arena_park(arena);
  mps_ld_reset(&ld, arena);
  mps_ld_add(&ld, arena, keep[0]);
  garbage(ap, 0, 50000, 10);
  CHECK(!mps_ld_isstale(&ld, arena, keep[0]));
  /* an address that is nobody's */
  mps_ld_reset(&other, arena);
  mps_ld_add(&other, arena, &outside);
  CHECK(!mps_ld_isstale(&other, arena, &outside));
  collect();
  CHECK(mps_ld_isstale(&ld, arena, keep[0]));
}

/* isstale and add by several threads at once, and no stale answer missed. */
static mps_ld_s shared_ld;
static volatile int stop_asking;

static void *asks(void *p)
{
  unsigned long n = 0;
  while (!stop_asking)
    n += (unsigned long)mps_ld_isstale(&shared_ld, arena, p);
  return (void *)n;
}

static void ld_threads(void)
{
  pthread_t t[2];
  mps_addr_t was;
  int i, k;
  world();
  mps_ld_reset(&shared_ld, arena);
  for (i = 0; i < 2; ++i)
    CHECK_EQ(pthread_create(&t[i], NULL, asks, NULL), 0);
  for (k = 0; k < 300; ++k) {
    mps_arena_park(arena);
    was = keep[0] = obj_new(ap, 0, KIND_LEAF, 9, 2);
    mps_ld_add(&shared_ld, arena, was); /* they ask meanwhile */
    for (i = 0; i < 20; ++i) {
      keep[1 + i] = obj_new(ap, 0, KIND_LEAF, 9, 2);
      mps_ld_add(&shared_ld, arena, keep[1 + i]);
    }
    garbage(ap, 0, 100, 10);
    collect();
    if (keep[0] != was)
      CHECK(mps_ld_isstale(&shared_ld, arena, was));
  }
  stop_asking = 1;
  for (i = 0; i < 2; ++i)
    CHECK_EQ(pthread_join(t[i], NULL), 0);
}

/* --- transforms --- */

static void transform_states(void)
{
  mps_transform_t t;
  static mps_bool_t applied;
  static mps_res_t res;
  mps_addr_t o, n;
  mps_word_t flips;
  world();
  /* clamped, no collection running: as good as parked, and parked after */
  mps_arena_clamp(arena);
  keep[0] = o = obj_new(ap, 0, KIND_LEAF, 9, 1);
  keep[1] = n = obj_new(ap, 0, KIND_LEAF, 9, 2);
  CHECK_OK(mps_transform_create(&t, arena));
  CHECK_OK(mps_transform_add_oldnew(t, &o, &n, 1));
  CHECK_OK(mps_transform_apply(&applied, t));
  CHECK_EQ(applied, 1);
  CHECK(keep[0] == n && keep[1] == n);
  mps_transform_destroy(t);
  flips = mps_collections(arena);
  garbage(ap, 0, 50000, 10);
  CHECK_EQ(mps_collections(arena), flips);
  start_counting();
  CHECK_OK(mps_pool_walk(pool, stops, NULL));   /* parked, or reported */
  /* unclamped */
  mps_arena_park(arena);
  CHECK_OK(mps_transform_create(&t, arena));
  CHECK_OK(mps_transform_add_oldnew(t, &n, &o, 0));
  mps_arena_release(arena);
  if (mps_collections(arena) != flips)
    return;                     /* one came at once: PARAM, as tried before */
  applied = 7;
  REPORTED(res = mps_transform_apply(&applied, t));
  CHECK_EQ(applied, 7);
  if (!reference())
    CHECK_EQ(res, MPS_RES_LIMIT);
}

static void transform_twice_old(void)
{
  mps_transform_t t;
  mps_bool_t applied;
  mps_addr_t o, n[2];
  world();
  mps_arena_park(arena);
  keep[0] = o = obj_new(ap, 0, KIND_LEAF, 9, 1);
  n[0] = obj_new(ap, 0, KIND_LEAF, 9, 2);
  n[1] = obj_new(ap, 0, KIND_LEAF, 9, 3);
  CHECK_OK(mps_transform_create(&t, arena));
  CHECK_OK(mps_transform_add_oldnew(t, &o, &n[0], 1));
  if (!reference())
    CHECK_OK(mps_transform_add_oldnew(t, &o, &n[1], 1));
  CHECK_OK(mps_transform_apply(&applied, t));
  CHECK(keep[0] == n[0]);       /* the first counts */
  mps_transform_destroy(t);
}

static const case_s cases[] = {
  {"pool walk: every live object once, every class", pool_walk},
  {"pool walk: the scanner may put other references in", pool_walk_changes},
  {"pool walk: a code stops it and comes out", pool_walk_stops},
  {"pool walk: nothing in manual pools; not unless parked",
   pool_walk_refused},
  {"formatted objects walk: every object once, any state, every class",
   formatted_walk},
  {"formatted objects walk in the middle of collections",
   formatted_walk_middle},
  {"mps_amc_apply", amc_apply},
  {"walk: what is seen, what is free and the buffer make the whole",
   sizes_add_up},
  {"roots walk", roots_walk},
  {"roots walk: every class with a format", roots_walk_classes},
  {"messages: another type's accessor and no type at all are reported",
   message_errors},
  {"messages: the clock of a finalization message is 0", clocks},
  {"messages: why-strings last", why_lasts},
  {"finalize and definalize only read the reference", reference_only_read},
  {"finalization: a message's reference follows moves", message_follows},
  {"finalization: weak references are cut after the message",
   weak_after_message},
  {"location dependency: callable from inside", ld_without_lock},
  {"location dependency: parked, and of foreign addresses", ld_parked},
  {"location dependency: asked by threads at once", ld_threads},
  {"transforms: clamped, parked after, refused unclamped", transform_states},
  {"transforms: an old reference twice", transform_twice_old}
};

int main(void)
{
  test_begin("walks");
  return CASES_RUN(cases);
}
