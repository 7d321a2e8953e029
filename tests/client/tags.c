/* tags.c -- a scanner that strips a tag, fixes, and writes back without a test for
 * null: as long as it is never offered null, its words stay as they are
 *
 * References carry 1 to 7 in their low bits.  A word that is only a tag refers to
 * nothing.  The scanner passes every word to fix without its tag, and if that is
 * wanted, writes back what comes of it: nothing at all if that is null.  So a word
 * that is only a tag is lost as soon as anybody wants to see null.  No collection
 * does, and so nothing else may: not the check of the heap after it, no walk, no
 * transform. */

#include "common.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpscsnc.h"

enum { TAG = 7, SLOTS = 12 };

static mps_res_t fix_words(mps_ss_t ss, word *at, word *end)
{
  MPS_SCAN_BEGIN(ss) {
    for (; at < end; ++at) {
      mps_addr_t p = (mps_addr_t)(*at & ~(word)TAG);
      if (MPS_FIX1(ss, p)) {
        mps_res_t res = MPS_FIX2(ss, &p);
        if (res != MPS_RES_OK)
          return res;
        *at = p == NULL ? 0 : (word)p | (*at & TAG);
      }
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static mps_res_t scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  while (base < limit) {
    obj_t o = base;
    mps_addr_t next = obj_skip(base);
    if (obj_kind(o) == KIND_VECTOR) {
      mps_res_t res = fix_words(ss, o->slot, (word *)next);
      if (res != MPS_RES_OK)
        return res;
    }
    base = next;
  }
  return MPS_RES_OK;
}

static mps_res_t scan_area(mps_ss_t ss, void *base, void *limit, void *closure)
{
  (void)closure;
  return fix_words(ss, base, limit);
}

static mps_res_t scan_root(mps_ss_t ss, void *p, size_t s)
{
  return fix_words(ss, p, (word *)p + s);
}

static mps_fmt_t fmt_tags(mps_arena_t arena)
{
  mps_fmt_t fmt;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, obj_skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, obj_fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, obj_isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, obj_pad);
    CHECK_OK(mps_fmt_create_k(&fmt, arena, args));
  } MPS_ARGS_END(args);
  return fmt;
}

/* Slot i of an object: a reference with tag i % 7 + 1, or that tag alone. */
static word slot(size_t i, obj_t to)
{
  return (word)to | (i % 7 + 1);
}

/* An object whose even slots refer to `to`, and whose odd ones to nothing. */
static obj_t make(mps_ap_t ap, obj_t to)
{
  obj_t o = obj_new(ap, 0, KIND_VECTOR, SLOTS, 1);
  size_t i;
  for (i = 0; i < SLOTS; ++i)
    o->slot[i] = slot(i, i % 2 == 0 ? to : NULL);
  return o;
}

enum { ROOTS = 64 };
static word area[ROOTS], by_function[ROOTS];

typedef struct world_s {
  mps_arena_t arena;
  mps_fmt_t fmt;
  mps_pool_t pool;
  mps_ap_t ap;
  mps_root_t roots[2];
} world_s;

static mps_pool_class_t class_;

static void begin(world_s *w)
{
  size_t i;
  obj_t o = NULL;
  w->arena = arena_vm((size_t)256 << 20);
  w->fmt = fmt_tags(w->arena);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, w->fmt);
    CHECK_OK(mps_pool_create_k(&w->pool, w->arena, class_, args));
  } MPS_ARGS_END(args);
  w->ap = ap_make(w->pool);
  mps_arena_park(w->arena);
  for (i = 0; i < ROOTS; ++i) {
    o = make(w->ap, o);
    area[i] = slot(i, i % 3 == 0 ? o : NULL);
    by_function[i] = slot(i, i % 3 == 1 ? o : NULL);
  }
  area[0] = slot(0, o);         /* holds them all */
  CHECK_OK(mps_root_create_area(&w->roots[0], w->arena, mps_rank_exact(), 0,
                                area, area + ROOTS, scan_area, NULL));
  CHECK_OK(mps_root_create(&w->roots[1], w->arena, mps_rank_exact(), 0,
                           scan_root, by_function, ROOTS));
}

/* Every word is what it was, but for where objects are. */
static void verify(void)
{
  size_t i, n = 0;
  obj_t o = (obj_t)(area[0] & ~(word)TAG);
  for (i = 0; i < ROOTS; ++i) {
    CHECK_EQ(area[i] & TAG, i % 7 + 1);
    CHECK_EQ(by_function[i] & TAG, i % 7 + 1);
    CHECK((area[i] & ~(word)TAG) == 0 ? i % 3 != 0 : i % 3 == 0);
    CHECK((by_function[i] & ~(word)TAG) == 0 ? i % 3 != 1 : i % 3 == 1);
  }
  while (o != NULL) {
    CHECK(obj_is(o, KIND_VECTOR, SLOTS, 1));
    for (i = 0; i < SLOTS; ++i) {
      CHECK_EQ(o->slot[i] & TAG, i % 7 + 1);
      CHECK(i % 2 == 0 || (o->slot[i] & ~(word)TAG) == 0);
    }
    ++n;
    o = (obj_t)(o->slot[0] & ~(word)TAG);
  }
  CHECK_EQ(n, ROOTS);
}

static void end(world_s *w)
{
  mps_arena_park(w->arena);
  mps_root_destroy(w->roots[0]);
  mps_root_destroy(w->roots[1]);
  mps_ap_destroy(w->ap);
  mps_pool_destroy(w->pool);
  mps_fmt_destroy(w->fmt);
  mps_arena_destroy(w->arena);
}

static void collections(void)
{
  world_s w;
  int i;
  begin(&w);
  for (i = 0; i < 6; ++i) {
    CHECK_OK(mps_arena_collect(w.arena));
    verify();
  }
  end(&w);
}

static void step_root(mps_addr_t *ref, mps_root_t root, void *p, size_t s)
{
  (void)root; (void)s;
  CHECK(*ref != NULL);
  ++*(size_t *)p;
}

static void roots_walk(void)
{
  world_s w;
  size_t seen = 0;
  begin(&w);
  mps_arena_roots_walk(w.arena, step_root, &seen, 0);
  CHECK_EQ(seen, (ROOTS + 2) / 3 + ROOTS / 3);
  verify();
  end(&w);
}

static mps_res_t walk_area(mps_ss_t ss, void *base, void *limit, void *closure)
{
  ++*(size_t *)closure;
  return scan(ss, base, limit);
}

static void pool_walk(void)
{
  world_s w;
  size_t seen = 0;
  begin(&w);
  CHECK_OK(mps_pool_walk(w.pool, walk_area, &seen));
  CHECK(seen != 0);
  verify();
  end(&w);
}

static void transform(void)
{
  world_s w;
  mps_transform_t t;
  mps_bool_t applied;
  mps_addr_t old, new_;
  obj_t o;
  size_t i;
  begin(&w);
  o = (obj_t)(area[0] & ~(word)TAG);
  old = o;
  new_ = make(w.ap, (obj_t)(o->slot[0] & ~(word)TAG));
  CHECK_OK(mps_transform_create(&t, w.arena));
  CHECK_OK(mps_transform_add_oldnew(t, &old, &new_, 1));
  CHECK_OK(mps_transform_apply(&applied, t));
  CHECK(applied);
  mps_transform_destroy(t);
  CHECK((area[0] & ~(word)TAG) == (word)new_);
  for (i = 0; i < SLOTS; ++i)
    CHECK_EQ(o->slot[i] & TAG, i % 7 + 1);
  verify();
  end(&w);
}

#define ALL_OF(name, get) \
  static void name##_collections(void) { class_ = get(); collections(); } \
  static void name##_roots_walk(void) { class_ = get(); roots_walk(); } \
  static void name##_pool_walk(void) { class_ = get(); pool_walk(); } \
  static void name##_transform(void) { class_ = get(); transform(); }
ALL_OF(amc, mps_class_amc)
ALL_OF(ams, mps_class_ams)
ALL_OF(awl, mps_class_awl)

int main(void)
{
  static const case_s cases[] = {
    {"AMC, collections", amc_collections},
    {"AMC, a walk of the roots", amc_roots_walk},
    {"AMC, a walk of the pool", amc_pool_walk},
    {"AMC, a transform", amc_transform},
    {"AMS, collections", ams_collections},
    {"AMS, a walk of the roots", ams_roots_walk},
    {"AMS, a walk of the pool", ams_pool_walk},
    {"AMS, a transform", ams_transform},
    {"AWL, collections", awl_collections},
    {"AWL, a walk of the roots", awl_roots_walk},
    {"AWL, a walk of the pool", awl_pool_walk},
    {"AWL, a transform", awl_transform},
  };
  test_begin("tags");
  return CASES_RUN(cases);
}
