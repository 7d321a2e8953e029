/* pools.c -- what is promised of pool classes, one thing at a time */

#include "common.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"
#include "mpscmfs.h"
#include "mpscmvff.h"
#include "mpscmvt.h"
#include "mpscsnc.h"

#include <pthread.h>
#include <unistd.h>

#ifdef HAVE_MPSX
#include "mpsx.h"
#endif

static mps_arena_t arena;
static mps_fmt_t fmt;
static mps_addr_t keep[100];
static mps_root_t root;

static void world(void)
{
  arena = arena_vm((size_t)64 << 20);
  fmt = fmt_make(arena, 0);
  memset(keep, 0, sizeof keep);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, keep,
                                 100));
}

static mps_ap_t point(mps_pool_t pool, int c)
{
  return classes[c].is & HAS_AP ? ap_make(pool) : NULL;
}

/* --- pools in general --- */

static void sizes(void)
{
  int c, i;
  for (c = 0; c < CLASSES; ++c) {
    mps_pool_t pool;
    mps_ap_t ap;
    size_t total, before;
    world();
    before = mps_arena_committed(arena) - mps_arena_spare_committed(arena);
    pool = pool_class(arena, c, fmt);
    CHECK_EQ(mps_pool_total_size(pool), 0);
    CHECK_EQ(mps_pool_free_size(pool), 0);
    ap = point(pool, c);
    mps_arena_park(arena);
    for (i = 0; i < 20000; ++i) {
      (void)block_in(pool, ap, c, (word)i);
      if (i % 1000 == 0) {
        total = mps_pool_total_size(pool);
        CHECK(mps_pool_free_size(pool) <= total);
        CHECK(total - mps_pool_free_size(pool)
              >= ((size_t)i + 1) * 6 * WORD);
        CHECK(total <= mps_arena_committed(arena));
      }
    }
    total = mps_pool_total_size(pool);
    CHECK(total >= 20000 * 6 * WORD);
    if (ap != NULL)
      mps_ap_destroy(ap);
    mps_pool_destroy(pool);
    CHECK(mps_arena_committed(arena) - mps_arena_spare_committed(arena)
          < before + total / 2);
  }
}

static void destroyed_is_gone(void)
{
  int c;
  for (c = 0; c < CLASSES; ++c) {
    mps_pool_t pool, found;
    mps_ap_t ap;
    obj_t o;
    world();
    pool = pool_class(arena, c, fmt);
    ap = point(pool, c);
    o = block_in(pool, ap, c, 1);
    CHECK(mps_addr_pool(&found, arena, o));
    if (ap != NULL)
      mps_ap_destroy(ap);
    mps_pool_destroy(pool);
    CHECK(!mps_addr_pool(&found, arena, o));
    CHECK(!mps_arena_has_addr(arena, o));
  }
}

static void buffers_are_in_use(void)
{
  int c;
  for (c = 0; c < CLASSES; ++c) {
    mps_pool_t pool;
    mps_ap_t ap;
    size_t room;
    if (!(classes[c].is & HAS_AP))
      continue;
    world();
    pool = pool_class(arena, c, fmt);
    ap = ap_make(pool);
    (void)block_in(pool, ap, c, 1);
    room = (size_t)((char *)ap->limit - (char *)ap->init);
    CHECK(ap->limit != NULL && room > 0);
    CHECK(mps_pool_total_size(pool) - mps_pool_free_size(pool)
          >= room + 6 * WORD);
  }
}

static void getters(void)
{
  mps_pool_class_t before[CLASSES];
  int c, d;
  for (c = 0; c < CLASSES; ++c) {
    before[c] = classes[c].get();
    CHECK(before[c] != NULL);
    for (d = 0; d < c; ++d)
      CHECK(before[c] != before[d]);
  }
  world();
  for (c = 0; c < CLASSES; ++c)
    CHECK(classes[c].get() == before[c]);
}

static void header_names(void)
{
  mps_pool_t ff, vt;
  mps_addr_t p;
  mps_ap_t ap;
  world();
  ff = pool_class(arena, MVFF, fmt);
  vt = pool_class(arena, MVT, fmt);
  CHECK_OK(mps_alloc(&p, ff, 1000));
  ap = ap_make(vt);
  (void)block_in(vt, ap, MVT, 1);
  CHECK_EQ(mps_mvff_size(ff), mps_pool_total_size(ff));
  CHECK_EQ(mps_mvff_free_size(ff), mps_pool_free_size(ff));
  CHECK_EQ(mps_mvt_size(vt), mps_pool_total_size(vt));
  CHECK_EQ(mps_mvt_free_size(vt), mps_pool_free_size(vt));
  CHECK(mps_mvff_size(ff) > 0 && mps_mvt_size(vt) > 0);
}

/* --- what a class can't do --- */

static void no_alloc(void)
{
  static int c;
  for (c = 0; c < CLASSES; ++c) {
    static mps_res_t res;
    mps_pool_t pool;
    static mps_addr_t p;
    world();
    pool = pool_class(arena, c, fmt);
    p = &arena;
    if (classes[c].is & HAS_ALLOC) {
      CHECK_OK(mps_alloc(&p, pool, 64));
      mps_free(pool, p, 64);
      continue;
    }
    REPORTED(res = mps_alloc(&p, pool, 64));
    CHECK(p == &arena);
    if (!reference())
      CHECK_EQ(res, MPS_RES_UNIMPL);
  }
}

static void no_free(void)
{
  static int c;
  for (c = 0; c < CLASSES; ++c) {
    mps_pool_t pool;
    mps_ap_t ap;
    obj_t o;
    world();
    pool = pool_class(arena, c, fmt);
    ap = point(pool, c);
    o = block_in(pool, ap, c, 1);
    if (classes[c].is & HAS_FREE)
      mps_free(pool, o, c == MFS ? 64 : 6 * WORD);
    else
      REPORTED(mps_free(pool, o, 6 * WORD));
  }
}

static void no_point(void)
{
  static mps_ap_t ap;
  mps_pool_t pool;
  world();
  pool = pool_class(arena, MFS, fmt);
  REPORTED((void)mps_ap_create_k(&ap, pool, mps_args_none));
  CHECK(ap == NULL);
}

static void caches(void)
{
  static int c;
  mps_sac_classes_s cl = {64, 4, 1};
  for (c = 0; c < CLASSES; ++c) {
    static mps_res_t res;
    static mps_sac_t sac;
    static mps_addr_t p;
    mps_pool_t pool;
    world();
    pool = pool_class(arena, c, fmt);
    CHECK_OK(mps_sac_create(&sac, pool, 1, &cl));
    p = &arena;
    if (classes[c].is & HAS_ALLOC) {
      CHECK_OK(mps_sac_alloc(&p, sac, 64, 0));
      mps_sac_free(sac, p, 64);
      mps_sac_destroy(sac);
      continue;
    }
    REPORTED(res = mps_sac_alloc(&p, sac, 64, 0));
    CHECK(p == &arena);
    if (!reference())
      CHECK_EQ(res, MPS_RES_UNIMPL);
  }
}

static void formats_needed(void)
{
  static int c;
  for (c = 0; c < CLASSES; ++c)
    if (classes[c].is & NEEDS_FORMAT) {
      static mps_pool_t pool;
      pool = NULL;
      world();
      REPORTED((void)mps_pool_create_k(&pool, arena, classes[c].get(),
                                       mps_args_none));
      CHECK(pool == NULL);
    }
}

/* --- automatic classes --- */

/* Who moves, who stays; the objects are intact either way. */
static void who_moves(void)
{
  int c, i, round;
  for (c = 0; c < CLASSES; ++c) {
    mps_pool_t pool;
    mps_ap_t ap;
    mps_addr_t was[100];
    int moved = 0;
    if (!(classes[c].is & IS_AUTO))
      continue;
    world();
    pool = pool_class(arena, c, fmt);
    ap = ap_make(pool);
    for (round = 0; round < 4; ++round) {
      for (i = 0; i < 100; ++i) {
        if (round == 0)
          keep[i] = block_in(pool, ap, c, (word)i);
        was[i] = keep[i];
      }
      for (i = 0; i < 3000; ++i)
        (void)block_in(pool, ap, c, 1);
      CHECK_OK(mps_arena_collect(arena));
      mps_arena_release(arena);
      for (i = 0; i < 100; ++i) {
        CHECK_EQ(((obj_t)keep[i])->serial, i);
        moved += keep[i] != was[i];
      }
    }
    CHECK_EQ(moved, classes[c].is & MOVES ? 400 : 0);
  }
}

/* An ambiguous reference to the inside holds, or doesn't. */
static int inside_holds(int c, int set, int interior, size_t header,
                        int offset)
{
  static mps_addr_t ambig[1];
  mps_pool_t pool = NULL;
  mps_fmt_t f;
  mps_ap_t ap;
  mps_root_t r;
  mps_message_t m;
  mps_addr_t p;
  int held;
  arena = arena_vm((size_t)16 << 20);
  f = fmt_make(arena, header);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, f);
    if (set)
      MPS_ARGS_ADD(args, MPS_KEY_INTERIOR, interior);
    CHECK_OK(mps_pool_create_k(&pool, arena, classes[c].get(), args));
  } MPS_ARGS_END(args);
  ap = ap_make(pool);
  ambig[0] = NULL;
  CHECK_OK(mps_root_create_table(&r, arena, mps_rank_ambig(), 0, ambig, 1));
  mps_message_type_enable(arena, mps_message_type_finalization());
  mps_arena_park(arena);
  p = obj_new(ap, header, KIND_LEAF, 30, 77);
  CHECK_OK(mps_finalize(arena, &p));
  ambig[0] = (char *)p + offset;
  p = NULL;
  garbage(ap, header, 3000, 30);
  CHECK_OK(mps_arena_collect(arena));
  held = !mps_message_get(&m, arena, mps_message_type_finalization());
  mps_root_destroy(r);
  return held;
}

static void interior(void)
{
  int c;
  for (c = AMC; c <= AMCZ; ++c) {
    CHECK(inside_holds(c, 0, 0, 0, 8 * (int)WORD));     /* the default */
    CHECK(inside_holds(c, 1, 1, 0, 8 * (int)WORD));
    CHECK(!inside_holds(c, 1, 0, 0, 8 * (int)WORD));
    CHECK(inside_holds(c, 1, 0, 0, 0));
    CHECK(inside_holds(c, 1, 0, HEADER, 0));
    CHECK(!inside_holds(c, 1, 0, HEADER, 8 * (int)WORD));
    CHECK(inside_holds(c, 0, 0, HEADER, -(int)WORD));
  }
  for (c = AMS; c <= LO; ++c)
    if (c != AMS_DEBUG) {
      CHECK(inside_holds(c, 0, 0, 0, 0));
      CHECK(!inside_holds(c, 0, 0, 0, 8 * (int)WORD));
      CHECK(inside_holds(c, 0, 0, HEADER, 0));
      CHECK(!inside_holds(c, 0, 0, HEADER, 8 * (int)WORD));
    }
}

static void amc_extend(void)
{
  static mps_pool_t pool;
  mps_ap_t ap;
  size_t large;
  world();
  pool = pool_amc(arena, fmt, NULL);
  ap = ap_make(pool);
  (void)block_in(pool, ap, AMC, 1);
  CHECK_EQ(mps_pool_total_size(pool), 8192);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, 4096);
    CHECK_OK(mps_pool_create_k(&pool, arena, mps_class_amc(), args));
  } MPS_ARGS_END(args);
  ap = ap_make(pool);
  (void)block_in(pool, ap, AMC, 1);
  CHECK_EQ(mps_pool_total_size(pool), 4096);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, 32768);       /* as the default */
    CHECK_OK(mps_pool_create_k(&pool, arena, mps_class_amc(), args));
  } MPS_ARGS_END(args);
  for (large = 32768; large <= 65536; large *= 2)
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
      MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, large + 1);
      MPS_ARGS_ADD(args, MPS_KEY_LARGE_SIZE, large);
      REPORTED((void)mps_pool_create_k(&pool, arena, mps_class_amc(), args));
    } MPS_ARGS_END(args);
}

/* What survives a nursery collection is out of the nursery: the next one
 * moves only what is younger. */
static void promoted(void)
{
  mps_chain_t chain;
  mps_pool_t pool;
  mps_ap_t ap;
  mps_gen_param_s gens[2] = {{200, 0.9}, {100000, 0.5}};
  mps_addr_t was;
  mps_word_t n;
  int i;
  world();
  CHECK_OK(mps_chain_create(&chain, arena, 2, gens));
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  was = keep[0] = obj_new(ap, 0, KIND_LEAF, 10, 1);
  n = mps_collections(arena);
  for (i = 0; mps_collections(arena) == n; ++i)
    garbage(ap, 0, 100, 20);
  CHECK(keep[0] != was);        /* into the second generation */
  was = keep[0];
  for (i = 0; mps_collections(arena) < n + 10; ++i) {
    keep[1] = obj_new(ap, 0, KIND_LEAF, 10, 2);
    garbage(ap, 0, 100, 20);
  }
  CHECK(keep[0] == was);
  CHECK(obj_is(keep[0], KIND_LEAF, 10, 1));
  CHECK_OK(mps_arena_collect(arena));
  CHECK(keep[0] != was);        /* and from there to the top */
}

/* Mark and sweep pools stay in their generation: it is condemned again and
 * again with all that is alive in it. */
static void not_promoted(void)
{
  int c;
  for (c = AMS; c <= LO; ++c) {
    mps_gen_param_s gens[2] = {{300, 0.9}, {100000, 0.5}};
    mps_chain_t chain;
    mps_pool_t pool = NULL;
    mps_ap_t ap;
    mps_message_t m;
    int i, seen = 0;
    if (c == AMS_DEBUG)
      continue;
    world();
    CHECK_OK(mps_chain_create(&chain, arena, 2, gens));
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);         /* generation 0 */
      CHECK_OK(mps_pool_create_k(&pool, arena, classes[c].get(), args));
    } MPS_ARGS_END(args);
    ap = ap_make(pool);
    mps_arena_park(arena);
    for (i = 0; i < 100; ++i)
      keep[i] = obj_new(ap, 0, classes[c].is & IS_LEAF ? KIND_LEAF
                        : KIND_VECTOR, 500, (word)i);
    mps_message_type_enable(arena, mps_message_type_gc());
    mps_arena_release(arena);
    for (i = 0; i < 100000 && seen < 6; ++i) {
      (void)block_in(pool, ap, c, 1);
      while (mps_message_get(&m, arena, mps_message_type_gc())) {
        CHECK(mps_message_gc_condemned_size(arena, m) >= 100 * 500 * WORD);
        mps_message_discard(arena, m);
        ++seen;
      }
    }
    CHECK(seen >= 6);
  }
}

/* Generation 0 of a chain is the default; another can be asked for. */
static void which_generation(void)
{
  int c, asked;
  for (c = AMS; c <= LO; ++c)
    for (asked = -1; asked < 2; ++asked) {
      mps_gen_param_s gens[2] = {{300, 0.9}, {1000000, 0.5}};
      mps_chain_t chain;
      mps_pool_t pool = NULL;
      mps_ap_t ap;
      int i;
      if (c == AMS_DEBUG)
        continue;
      world();
      CHECK_OK(mps_chain_create(&chain, arena, 2, gens));
      MPS_ARGS_BEGIN(args) {
        MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
        MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
        if (asked >= 0)
          MPS_ARGS_ADD(args, MPS_KEY_GEN, (unsigned)asked);
        CHECK_OK(mps_pool_create_k(&pool, arena, classes[c].get(), args));
      } MPS_ARGS_END(args);
      ap = ap_make(pool);
      for (i = 0; i < 40000; ++i)       /* 2 MB */
        (void)block_in(pool, ap, c, 1);
      CHECK((mps_collections(arena) > 0) == (asked <= 0));
    }
}

static void bad_generation(void)
{
  static int c;
  for (c = AMS; c <= LO; ++c) {
    static mps_pool_t pool;
    mps_chain_t chain;
    if (c == AMS_DEBUG || reference())
      continue;
    world();
    chain = chain_make(arena, 2, 100);
    pool = NULL;
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
      MPS_ARGS_ADD(args, MPS_KEY_GEN, 3);
      REPORTED((void)mps_pool_create_k(&pool, arena, classes[c].get(), args));
    } MPS_ARGS_END(args);
    CHECK(pool == NULL);
  }
}

static void ranks(void)
{
  static int c;
  static mps_rank_t rank;
  for (c = 0; c < CLASSES; ++c)
    for (rank = 0; rank < 4; ++rank) {
      static mps_ap_t ap;
      static int good;
      mps_pool_t pool;
      good = rank == mps_rank_exact()
             || (rank == mps_rank_ambig() && (c == AMS || c == AMS_DEBUG))
             || (rank == mps_rank_weak() && c == AWL);
      if (c != AMS && c != AMS_DEBUG && c != AWL && c != SNC)
        continue;
      if (!good && reference())
        continue;
      world();
      pool = pool_class(arena, c, fmt);
      ap = NULL;
      MPS_ARGS_BEGIN(args) {
        MPS_ARGS_ADD(args, MPS_KEY_RANK, rank);
        if (good)
          CHECK_OK(mps_ap_create_k(&ap, pool, args));
        else
          REPORTED((void)mps_ap_create_k(&ap, pool, args));
      } MPS_ARGS_END(args);
      CHECK((ap != NULL) == good);
    }
}

/* AMS objects with ambiguous references: they pin, and are not changed. */
static void ambiguous_objects(void)
{
  mps_pool_t ams, amc;
  mps_ap_t ap = NULL, to;
  obj_t o;
  word was;
  int i;
  world();
  ams = pool_class(arena, AMS, fmt);
  amc = pool_amc(arena, fmt, NULL);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_ambig());
    CHECK_OK(mps_ap_create_k(&ap, ams, args));
  } MPS_ARGS_END(args);
  to = ap_make(amc);
  mps_arena_park(arena);
  keep[0] = obj_new(ap, 0, KIND_VECTOR, 3, 1);
  o = keep[0];
  o->slot[0] = was = (word)obj_new(to, 0, KIND_LEAF, 10, 9) + 4 * WORD;
  o->slot[1] = 0x1234560;       /* anything at all */
  o->slot[2] = (word)o + 2 * WORD;
  garbage(to, 0, 3000, 20);
  for (i = 0; i < 3; ++i) {
    CHECK_OK(mps_arena_collect(arena));
    CHECK(keep[0] == (mps_addr_t)o);
    CHECK_EQ(o->slot[0], was);
    CHECK_EQ(o->slot[1], 0x1234560);
    CHECK(obj_is((obj_t)(was - 4 * WORD), KIND_LEAF, 10, 9));
  }
}

static mps_res_t scan_never(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  (void)ss; (void)base; (void)limit;
  CHECK(!"called");
  return MPS_RES_FAIL;
}

static void fwd_never(mps_addr_t old, mps_addr_t new_)
{
  (void)old; (void)new_;
  CHECK(!"called");
}

static mps_addr_t isfwd_never(mps_addr_t p)
{
  (void)p;
  CHECK(!"called");
  return NULL;
}

/* Pools whose objects stay never ask about forwarding, and work without the
 * methods for it; leaf objects are not scanned. */
static void methods_needed(void)
{
  int c, with, i;
  for (c = AMCZ; c <= LO; ++c)
    for (with = 0; with < 2; ++with) {
      mps_fmt_t f = NULL;
      mps_pool_t pool;
      mps_ap_t ap;
      int leaf = (classes[c].is & IS_LEAF) != 0;
      int moves = (classes[c].is & MOVES) != 0;
      world();
      MPS_ARGS_BEGIN(args) {
        MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, obj_skip);
        if (!leaf)
          MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, obj_scan);
        else if (with)
          MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan_never);
        if (moves) {
          MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, obj_fwd);
          MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, obj_isfwd);
          MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, obj_pad);
        } else if (with) {
          MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, fwd_never);
          MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, isfwd_never);
        }
        CHECK_OK(mps_fmt_create_k(&f, arena, args));
      } MPS_ARGS_END(args);
      pool = pool_class(arena, c, f);
      ap = ap_make(pool);
      for (i = 0; i < 100; ++i) {
        obj_t o = block_in(pool, ap, c, (word)i);
        if (!leaf && i > 0)
          o->slot[0] = (word)keep[i - 1];
        keep[i] = o;
      }
      for (i = 0; i < 4; ++i) {
        garbage(ap, 0, leaf ? 0 : 2000, 10);
        CHECK_OK(mps_arena_collect(arena));
        mps_arena_release(arena);
      }
      for (i = 0; i < 100; ++i)
        CHECK_EQ(((obj_t)keep[i])->serial, i);
    }
}

#ifdef HAVE_MPSX
static void leaf_unprotected(void)
{
  int c, i;
  for (c = AMCZ; c <= LO; c += LO - AMCZ) {
    mps_pool_t pool;
    mps_ap_t ap;
    mps_x_stats_s st;
    world();
    mps_arena_pause_time_set(arena, 0.0);
    pool = pool_class(arena, c, fmt);
    ap = ap_make(pool);
    for (i = 0; i < 400000; ++i)
      keep[rnd_below(100)] = block_in(pool, ap, c, 1);
    CHECK_OK(mps_arena_collect(arena));
    CHECK(mps_collections(arena) > 1);
    st.struct_size = sizeof st;
    CHECK_OK(mps_x_stats(arena, &st));
    CHECK_EQ(st.syscalls_protect, 0);
  }
}
#endif

static void frames_accepted(void)
{
  int c, i;
  for (c = 0; c < CLASSES; ++c) {
    mps_pool_t pool;
    mps_ap_t ap;
    mps_frame_t f = NULL, g = NULL;
    size_t used;
    if (!(classes[c].is & HAS_AP))
      continue;
    world();
    mps_arena_park(arena);
    pool = pool_class(arena, c, fmt);
    ap = ap_make(pool);
    CHECK_OK(mps_ap_frame_push(&f, ap));
    for (i = 0; i < 5000; ++i)
      keep[i % 100] = block_in(pool, ap, c, (word)i);
    CHECK_OK(mps_ap_frame_push(&g, ap));
    used = mps_pool_total_size(pool) - mps_pool_free_size(pool);
    CHECK_OK(mps_ap_frame_pop(ap, f));
    if (c == SNC) {
      CHECK(mps_pool_total_size(pool) - mps_pool_free_size(pool) < used / 2);
    } else {
      CHECK(mps_pool_total_size(pool) - mps_pool_free_size(pool) >= used);
      if (classes[c].is & NEEDS_FORMAT)
        for (i = 4900; i < 5000; ++i)
          CHECK_EQ(((obj_t)keep[i % 100])->serial, i);
    }
  }
}

static void patterns_accepted(void)
{
  mps_alloc_pattern_t p[2];
  int c, i;
  p[0] = mps_alloc_pattern_ramp();
  p[1] = mps_alloc_pattern_ramp_collect_all();
  for (c = 0; c < CLASSES; ++c) {
    mps_pool_t pool;
    mps_ap_t ap;
    if (!(classes[c].is & HAS_AP)
        || (reference() && !(classes[c].is & IS_AUTO)))
      continue;
    world();
    pool = pool_class(arena, c, fmt);
    ap = ap_make(pool);
    for (i = 0; i < 4; ++i) {
      CHECK_OK(mps_ap_alloc_pattern_begin(ap, p[i % 2]));
      (void)block_in(pool, ap, c, 1);
      CHECK_OK(mps_ap_alloc_pattern_begin(ap, p[0]));
      CHECK_OK(mps_ap_alloc_pattern_end(ap, p[0]));
      CHECK_OK(mps_ap_alloc_pattern_end(ap, p[i % 2]));
      CHECK_OK(mps_ap_alloc_pattern_reset(ap));
    }
    mps_ap_destroy(ap);
  }
}

/* Allocation in a ramp does not by itself start nursery collections. */
static void ramps_wait(void)
{
  mps_chain_t chain;
  mps_pool_t pool;
  mps_ap_t ap;
  mps_alloc_pattern_t ramp = mps_alloc_pattern_ramp();
  mps_word_t in_ramp, after;
  int i;
  world();
  chain = chain_make(arena, 2, 500);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  CHECK_OK(mps_ap_alloc_pattern_begin(ap, ramp));
  garbage(ap, 0, 20000, 10);    /* 2 MB */
  in_ramp = mps_collections(arena);
  CHECK_OK(mps_ap_alloc_pattern_end(ap, ramp));
  for (i = 0; i < 5; ++i)
    garbage(ap, 0, 20000, 10);
  after = mps_collections(arena);
  CHECK_EQ(in_ramp, 0);
  CHECK(after >= 5);
}

static void collect_all_at_end(void)
{
  mps_pool_t pool;
  mps_ap_t ap;
  mps_addr_t was;
  mps_alloc_pattern_t all = mps_alloc_pattern_ramp_collect_all();
  int i;
  world();
  pool = pool_amc(arena, fmt, NULL);
  ap = ap_make(pool);
  keep[0] = obj_new(ap, 0, KIND_LEAF, 10, 1);
  CHECK_OK(mps_arena_collect(arena));   /* old */
  mps_arena_release(arena);
  was = keep[0];
  CHECK_OK(mps_ap_alloc_pattern_begin(ap, all));
  garbage(ap, 0, 1000, 10);
  CHECK(keep[0] == was);
  CHECK_OK(mps_ap_alloc_pattern_end(ap, all));
  for (i = 0; i < 1000 && keep[0] == was; ++i)
    garbage(ap, 0, 100, 10);
  CHECK(keep[0] != was);        /* though it was old */
}

/* An exact reference to a block that is dead. */
static void dead_reference(void)
{
  mps_pool_t pool;
  mps_ap_t ap;
  mps_addr_t dead;
  int i;
  world();
  pool = pool_class(arena, AMS, fmt);
  ap = ap_make(pool);
  for (i = 0; i < 100; ++i)
    keep[i] = block_in(pool, ap, AMS, (word)i);
  for (i = 0; i < 5000; ++i)
    (void)block_in(pool, ap, AMS, 1);
  dead = keep[50];
  keep[50] = NULL;
  CHECK_OK(mps_arena_collect(arena));
  CHECK_OK(mps_arena_collect(arena));
  keep[50] = dead;
  reports_leave = 1;
  REPORTED((void)mps_arena_collect(arena));
}

/* A reference that is not aligned leads nowhere. */
static void misaligned(void)
{
  mps_pool_t pool;
  mps_ap_t ap;
  world();
  pool = pool_amc(arena, fmt, NULL);
  ap = ap_make(pool);
  keep[0] = (char *)obj_new(ap, 0, KIND_LEAF, 10, 1) + 4;
  garbage(ap, 0, 3000, 10);
  if (!archive_is_debug())
    return;
  reports_leave = 1;
  REPORTED((void)mps_arena_collect(arena));
}

/* --- LO --- */

static mps_addr_t lo_object;

static void *reads_it(void *p)
{
  int i;
  for (i = 0; i < 2000; ++i)
    CHECK(obj_is(lo_object, KIND_LEAF, 400, 7));
  *(int *)p = 1;
  return NULL;
}

static void lo_unregistered(void)
{
  mps_pool_t lo, amc;
  mps_ap_t ap, other;
  pthread_t t;
  volatile int done = 0;
  world();
  mps_arena_pause_time_set(arena, 0.0);
  lo = pool_class(arena, LO, fmt);
  amc = pool_amc(arena, fmt, NULL);
  ap = ap_make(lo);
  other = ap_make(amc);
  keep[0] = lo_object = obj_new(ap, 0, KIND_LEAF, 400, 7);
  CHECK_EQ(pthread_create(&t, NULL, reads_it, (void *)&done), 0);
  while (!done) {
    CHECK_OK(mps_arena_start_collect(arena));
    garbage(other, 0, 1000, 20);
    keep[1 + rnd_below(90)] = obj_new(ap, 0, KIND_LEAF, 50, 1);
  }
  CHECK_EQ(pthread_join(t, NULL), 0);
}

/* Finalization, by class; of LO even with the block in the buffer. */
static void finalized(void)
{
  int c, i;
  for (c = 0; c < CLASSES; ++c) {
    mps_pool_t pool;
    mps_ap_t ap;
    mps_message_t m;
    mps_addr_t p;
    if (!(classes[c].is & IS_AUTO) || c == AMS_DEBUG)
      continue;
    world();
    mps_message_type_enable(arena, mps_message_type_finalization());
    mps_arena_park(arena);
    pool = pool_class(arena, c, fmt);
    ap = ap_make(pool);
    keep[0] = block_in(pool, ap, c, 70);
    keep[1] = block_in(pool, ap, c, 71);
    for (i = 0; i < 2; ++i)
      CHECK_OK(mps_finalize(arena, &keep[i]));
    if (c != LO)
      for (i = 0; i < 3000; ++i)
        (void)block_in(pool, ap, c, 1);
    CHECK_OK(mps_arena_collect(arena));
    CHECK(!mps_message_poll(arena));    /* alive */
    keep[0] = NULL;
    CHECK_OK(mps_arena_collect(arena));
    CHECK(mps_message_get(&m, arena, mps_message_type_finalization()));
    mps_message_finalization_ref(&p, arena, m);
    CHECK_EQ(((obj_t)p)->serial, 70);
    p = NULL;
    mps_message_discard(arena, m);
    CHECK(!mps_message_poll(arena));
    CHECK_EQ(((obj_t)keep[1])->serial, 71);
  }
}

static void not_finalized(void)
{
  static int c;
  static mps_addr_t p;
  for (c = SNC; c < CLASSES; ++c) {
    mps_pool_t pool;
    world();
    pool = pool_class(arena, c, fmt);
    p = block_in(pool, point(pool, c), c, 1);
    REPORTED((void)mps_finalize(arena, &p));
  }
  p = &c;
  REPORTED((void)mps_finalize(arena, &p));
}

/* --- MFS --- */

static void mfs_wrong_size(void)
{
  mps_pool_t pool;
  static mps_addr_t p;
  static mps_res_t res;
  world();
  pool = pool_class(arena, MFS, fmt);
  p = NULL;
  REPORTED(res = mps_alloc(&p, pool, 32));
  if (!reference()) {
    CHECK_EQ(res, MPS_RES_PARAM);
    CHECK(p == NULL);
  }
}

static void mfs_keeps(void)
{
  enum { N = 20000 };
  static mps_addr_t p[N];
  mps_pool_t pool;
  size_t total, i;
  world();
  mps_arena_spare_set(arena, 0.0);
  pool = pool_class(arena, MFS, fmt);
  for (i = 0; i < N; ++i)
    CHECK_OK(mps_alloc(&p[i], pool, 64));
  total = mps_pool_total_size(pool);
  CHECK_EQ(total - mps_pool_free_size(pool), N * 64);
  for (i = 0; i < N; ++i)
    mps_free(pool, p[i], 64);
  CHECK_EQ(mps_pool_total_size(pool), total);
  CHECK_EQ(mps_pool_free_size(pool), total);
}

/* --- MVFF and MVT --- */

static void mvff_rounding(void)
{
  size_t align, size;
  for (align = sizeof(void *); align <= 256; align *= 2) {
    mps_pool_t pool = NULL;
    world();
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_ALIGN, align);
      CHECK_OK(mps_pool_create_k(&pool, arena, mps_class_mvff(), args));
    } MPS_ARGS_END(args);
    for (size = 1; size < 600; size += 7) {
      mps_addr_t p;
      CHECK_OK(mps_alloc(&p, pool, size));
      CHECK((word)p % align == 0);
      CHECK_EQ(mps_pool_total_size(pool) - mps_pool_free_size(pool),
               (size + align - 1) / align * align);
      mps_free(pool, p, size);
      CHECK_EQ(mps_pool_total_size(pool), mps_pool_free_size(pool));
    }
  }
}

static void bad_alignment(void)
{
  static const size_t bad[] = {sizeof(void *) / 2, 24, 1 << 20};
  static size_t i;
  static int c;
  for (c = MVFF; c <= MVT; ++c)
    for (i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
      static mps_pool_t pool;
      world();
      pool = NULL;
      MPS_ARGS_BEGIN(args) {
        MPS_ARGS_ADD(args, MPS_KEY_ALIGN, bad[i]);
        if (c == MVT) {
          MPS_ARGS_ADD(args, MPS_KEY_MIN_SIZE, bad[i]);
          MPS_ARGS_ADD(args, MPS_KEY_MEAN_SIZE, bad[i]);
          MPS_ARGS_ADD(args, MPS_KEY_MAX_SIZE, bad[i]);
        }
        REPORTED((void)mps_pool_create_k(&pool, arena, classes[c].get(),
                                         args));
      } MPS_ARGS_END(args);
      CHECK(pool == NULL || reference());
    }
}

static void odd_sizes(void)
{
  const size_t much = (size_t)1 << (WORD == 8 ? 47 : 30);
  mps_pool_t pool;
  static mps_addr_t p;
  world();
  pool = pool_class(arena, MVFF, fmt);
  p = &arena;
  no_room_for(much);
  CHECK_EQ(mps_alloc(&p, pool, much), MPS_RES_RESOURCE);
  CHECK(p == &arena);
  REPORTED((void)mps_alloc(&p, pool, 0));
  CHECK(p == &arena);
  if (reference())
    return;
  REPORTED((void)mps_alloc(&p, pool, (size_t)-1));
  REPORTED((void)mps_alloc(&p, pool, (size_t)-16));
  CHECK(p == &arena);
}

/* An allocation point's blocks go upwards; what it did not use is the
 * pool's again when it goes. */
static void mvff_points(void)
{
  mps_pool_t pool;
  mps_ap_t ap;
  char *before = NULL;
  size_t i, total;
  world();
  pool = pool_class(arena, MVFF, fmt);
  ap = ap_make(pool);
  for (i = 0; i < 100; ++i) {
    mps_addr_t p;
    CHECK_OK(mps_reserve(&p, ap, 32));
    CHECK(mps_commit(ap, p, 32));
    CHECK(before == NULL || (char *)p == before + 32);
    before = p;
  }
  CHECK((char *)ap->limit > before + 32);
  total = mps_pool_total_size(pool);
  CHECK(total - mps_pool_free_size(pool) > 100 * 32);
  mps_ap_destroy(ap);
  CHECK_EQ(mps_pool_total_size(pool) - mps_pool_free_size(pool), 100 * 32);
  mps_free(pool, before, 32);
  CHECK_EQ(mps_pool_total_size(pool) - mps_pool_free_size(pool), 99 * 32);
}

static void mvt_hints(void)
{
  static const struct { size_t min, mean, max; double frag; int good; } h[] = {
    {16, 32, 64, 0.3, 1}, {64, 64, 64, 1.0, 1}, {16, 32, 64, 0.0, 1},
    {64, 32, 128, 0.3, 0}, {16, 128, 64, 0.3, 0}, {16, 32, 64, 1.5, 0},
    {16, 32, 64, -0.5, 0}
  };
  static size_t i;
  for (i = 0; i < sizeof h / sizeof h[0]; ++i) {
    static mps_pool_t pool;
    if (h[i].frag < 0 && reference())
      continue;
    world();
    pool = NULL;
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_MIN_SIZE, h[i].min);
      MPS_ARGS_ADD(args, MPS_KEY_MEAN_SIZE, h[i].mean);
      MPS_ARGS_ADD(args, MPS_KEY_MAX_SIZE, h[i].max);
      MPS_ARGS_ADD(args, MPS_KEY_MVT_FRAG_LIMIT, h[i].frag);
      if (h[i].good)
        CHECK_OK(mps_pool_create_k(&pool, arena, mps_class_mvt(), args));
      else
        REPORTED((void)mps_pool_create_k(&pool, arena, mps_class_mvt(),
                                         args));
    } MPS_ARGS_END(args);
  }
}

static void mvt_twice(void)
{
  mps_pool_t pool;
  mps_ap_t ap;
  mps_addr_t p, q;
  world();
  pool = pool_class(arena, MVT, fmt);
  ap = ap_make(pool);
  p = block_in(pool, ap, MVT, 1);
  q = block_in(pool, ap, MVT, 1);
  CHECK((char *)q == (char *)p + 6 * WORD);     /* next to each other */
  mps_free(pool, p, 6 * WORD);
  REPORTED(mps_free(pool, p, 6 * WORD));
}

/* --- SNC --- */

static void foreign_frame(void)
{
  mps_pool_t pool;
  mps_ap_t a, b;
  mps_frame_t f;
  int i;
  world();
  pool = pool_class(arena, SNC, fmt);
  a = ap_make(pool);
  b = ap_make(pool);
  for (i = 0; i < 1000; ++i) {
    (void)block_in(pool, a, SNC, 1);
    (void)block_in(pool, b, SNC, 1);
  }
  CHECK_OK(mps_ap_frame_push(&f, a));
  if (reference())
    return;
  REPORTED((void)mps_ap_frame_pop(b, f));
  CHECK_OK(mps_ap_frame_pop(a, f));
}

/* --- AWL dependents elsewhere --- */

static obj_t dependent;         /* in malloc memory, or in the pool */
static unsigned long looked;

static mps_addr_t find(mps_addr_t p)
{
  (void)p;
  return dependent;
}

static mps_res_t scan_with_dependent(mps_ss_t ss, mps_addr_t base,
                                     mps_addr_t limit)
{
  /* It may be read and written here. */
  if (dependent != NULL) {
    CHECK(obj_kind(dependent) == KIND_VECTOR);
    dependent->slot[2] = number(++looked);
  }
  return obj_scan(ss, base, limit);
}

static void dependents(int inside)
{
  mps_fmt_t f = NULL;
  mps_pool_t pool = NULL;
  mps_ap_t weak = NULL, exact;
  obj_t o;
  int i;
  world();
  dependent = NULL;
  looked = 0;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan_with_dependent);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, obj_skip);
    CHECK_OK(mps_fmt_create_k(&f, arena, args));
  } MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, f);
    MPS_ARGS_ADD(args, MPS_KEY_AWL_FIND_DEPENDENT, find);
    CHECK_OK(mps_pool_create_k(&pool, arena, mps_class_awl(), args));
  } MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_weak());
    CHECK_OK(mps_ap_create_k(&weak, pool, args));
  } MPS_ARGS_END(args);
  exact = ap_make(pool);
  mps_arena_pause_time_set(arena, 0.0);
  mps_arena_park(arena);
  keep[0] = o = obj_new(weak, 0, KIND_VECTOR, 4, 1);
  if (inside) {
    keep[1] = dependent = obj_new(exact, 0, KIND_VECTOR, 4, 2);
    o->slot[1] = (word)dependent;       /* a weak reference, and fixed */
  } else {
    static word memory[8];
    dependent = (obj_t)memory;
    dependent->head = HEAD(6, KIND_VECTOR);
    dependent->serial = 2;
  }
  mps_arena_release(arena);
  for (i = 0; i < 6; ++i) {
    CHECK_OK(mps_arena_start_collect(arena));
    garbage(exact, 0, 3000, 10);
    dependent->slot[0] = number(i);
    CHECK_OK(mps_arena_collect(arena));
    CHECK(!inside || o->slot[1] == (word)dependent);
    mps_arena_release(arena);
  }
  CHECK(looked >= 6);
  if (inside) {
    /* Only the weak object refers to it now. */
    keep[1] = NULL;
    mps_arena_park(arena);
    dependent = NULL;           /* so that find says: none */
    CHECK_OK(mps_arena_collect(arena));
    CHECK_EQ(o->slot[1], 0);
  }
}

static void dependent_outside(void) { dependents(0); }
static void dependent_inside(void) { dependents(1); }

/* --- caches --- */

static void cache_classes(void)
{
  static const struct { size_t n; mps_sac_classes_s c[3]; } bad[] = {
    {0, {{16, 1, 1}, {0, 0, 0}, {0, 0, 0}}},
    {2, {{64, 1, 1}, {64, 1, 1}, {0, 0, 0}}},
    {2, {{64, 1, 1}, {32, 1, 1}, {0, 0, 0}}},
    {1, {{18, 1, 1}, {0, 0, 0}, {0, 0, 0}}},
    {1, {{0, 1, 1}, {0, 0, 0}, {0, 0, 0}}}
  };
  static size_t i;
  for (i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    static mps_sac_t sac;
    static mps_sac_classes_s c[3];
    mps_pool_t pool;
    world();
    pool = pool_class(arena, MVFF, fmt);
    memcpy(c, bad[i].c, sizeof c);
    sac = NULL;
    REPORTED((void)mps_sac_create(&sac, pool, bad[i].n, c));
    CHECK(sac == NULL || reference());
  }
}

static void cache_copies_classes(void)
{
  mps_sac_classes_s c[2] = {{32, 3, 1}, {128, 3, 1}};
  mps_pool_t pool;
  mps_sac_t sac;
  mps_addr_t p;
  world();
  pool = pool_class(arena, MVFF, fmt);
  CHECK_OK(mps_sac_create(&sac, pool, 2, c));
  memset(c, 0xff, sizeof c);
  CHECK_OK(mps_sac_alloc(&p, sac, 100, 0));
  mps_sac_free(sac, p, 100);
  mps_sac_flush(sac);
  CHECK_OK(mps_sac_alloc(&p, sac, 30, 0));
  CHECK(mps_pool_total_size(pool) - mps_pool_free_size(pool) >= 32);
  mps_sac_free(sac, p, 30);
  mps_sac_destroy(sac);
  CHECK_EQ(mps_pool_total_size(pool), mps_pool_free_size(pool));
}

static void cache_limit(void)
{
  mps_sac_classes_s c = {64, 1000, 1};
  mps_pool_t pool;
  mps_sac_t sac = NULL;
  mps_res_t res = MPS_RES_OK;
  int i;
  world();
  pool = pool_class(arena, MVFF, fmt);
  mps_arena_spare_set(arena, 0.0);
  CHECK_OK(mps_arena_commit_limit_set(arena, mps_arena_committed(arena)));
  for (i = 0; i < 100000 && res == MPS_RES_OK; ++i)
    res = mps_sac_create(&sac, pool, 1, &c);
  CHECK(res == MPS_RES_COMMIT_LIMIT || res == MPS_RES_MEMORY);
}

static void cache_zero(void)
{
  mps_sac_classes_s c = {64, 10, 1};
  mps_pool_t pool;
  mps_sac_t sac;
  static mps_addr_t p;
  world();
  pool = pool_class(arena, MVFF, fmt);
  CHECK_OK(mps_sac_create(&sac, pool, 1, &c));
  p = &arena;
  REPORTED((void)mps_sac_alloc(&p, sac, 0, 0));
  CHECK(p == &arena || reference());
}

/* On a debugging pool an overwrite is found when the block goes back. */
static void cache_on_debug(void)
{
  mps_sac_classes_s c = {64, 10, 1};
  mps_pool_t pool;
  mps_sac_t sac;
  mps_addr_t p;
  world();
  pool = pool_class(arena, MVFF_DEBUG, fmt);
  CHECK_OK(mps_sac_create(&sac, pool, 1, &c));
  CHECK_OK(mps_sac_alloc(&p, sac, 64, 0));
  ((char *)p)[64] ^= 1;
  mps_sac_free(sac, p, 64);     /* nothing yet */
  REPORTED(mps_sac_flush(sac));
}

/* Two threads, a cache each, one pool. */
static mps_pool_t cache_pool;

static void *with_cache(void *arg)
{
  mps_sac_classes_s c[2] = {{32, 8, 2}, {256, 4, 1}};
  mps_sac_t sac;
  unsigned char *b[64];
  unsigned seed = (unsigned)(word)arg;
  int i;
  memset(b, 0, sizeof b);
  CHECK_OK(mps_sac_create(&sac, cache_pool, 2, c));
  for (i = 0; i < 100000; ++i) {
    size_t k, size;
    seed = seed * 1103515245u + 12345u;
    k = seed >> 16 & 63;
    size = 1 + k * 4;
    if (b[k] != NULL) {
      CHECK(b[k][0] == (unsigned char)(word)arg
            && b[k][size - 1] == (unsigned char)(word)arg);
      mps_sac_free(sac, b[k], size);
      b[k] = NULL;
    } else {
      mps_addr_t p;
      CHECK_OK(mps_sac_alloc(&p, sac, size, 0));
      b[k] = p;
      memset(p, (int)(word)arg, size);
    }
  }
  for (i = 0; i < 64; ++i)
    if (b[i] != NULL)
      mps_sac_free(sac, b[i], 1 + (size_t)i * 4);
  mps_sac_destroy(sac);
  return NULL;
}

static void cache_threads(void)
{
  pthread_t t[3];
  word i;
  world();
  cache_pool = pool_class(arena, MVFF, fmt);
  for (i = 0; i < 3; ++i)
    CHECK_EQ(pthread_create(&t[i], NULL, with_cache, (void *)(i + 1)), 0);
  for (i = 0; i < 3; ++i)
    CHECK_EQ(pthread_join(t[i], NULL), 0);
  CHECK_EQ(mps_pool_total_size(cache_pool), mps_pool_free_size(cache_pool));
}

/* --- debugging --- */

static void debug_defaults(void)
{
  mps_pool_t pool;
  unsigned char *p;
  mps_addr_t a;
  int i;
  world();
  pool = pool_class(arena, MVFF_DEBUG, fmt);
  CHECK_OK(mps_alloc(&a, pool, 64));
  p = a;
  for (i = 0; i < 4; ++i) {
    CHECK(strchr("POST", p[-1 - i]) != NULL);
    CHECK(strchr("POST", p[64 + i]) != NULL);
  }
  if (!reference())
    for (i = 0; i < 64; ++i)
      CHECK(strchr("FREE", p[i]) != NULL);
  mps_free(pool, a, 64);
}

/* No room is left between the objects of a debugging AMS pool. */
static void debug_no_fences(void)
{
  mps_pool_t pool;
  mps_ap_t ap;
  obj_t a, b;
  world();
  pool = pool_class(arena, AMS_DEBUG, fmt);
  ap = ap_make(pool);
  a = block_in(pool, ap, AMS_DEBUG, 1);
  b = block_in(pool, ap, AMS_DEBUG, 2);
  CHECK((char *)b == (char *)a + 6 * WORD);
  mps_pool_check_fenceposts(pool);      /* silent */
  mps_pool_check_free_space(pool);
}

static void debug_on_ordinary(void)
{
  int c;
  for (c = 0; c < CLASSES; ++c) {
    mps_pool_t pool;
    world();
    pool = pool_class(arena, c, fmt);
    (void)block_in(pool, point(pool, c), c, 1);
    mps_pool_check_fenceposts(pool);
    mps_pool_check_free_space(pool);
  }
}

static const case_s cases[] = {
  {"total and free size, every class", sizes},
  {"a pool that is destroyed gives back its memory", destroyed_is_gone},
  {"an allocation point's buffer is not free", buffers_are_in_use},
  {"class getters", getters},
  {"mps_mvff_size and the like", header_names},
  {"mps_alloc where there is none: reported, UNIMPL", no_alloc},
  {"mps_free where there is none: reported", no_free},
  {"no allocation points on MFS: reported", no_point},
  {"caches on every class: created, used only with mps_alloc", caches},
  {"classes that need a format", formats_needed},
  {"who moves and who stays", who_moves},
  {"interior pointers, by class, flag and header", interior},
  {"AMC: extend-by and large size", amc_extend},
  {"AMC: survivors are promoted", promoted},
  {"AMS, AWL, LO: nothing is promoted", not_promoted},
  {"AMS, AWL, LO: generation of a chain", which_generation},
  {"a generation beyond the chain is reported", bad_generation},
  {"ranks of allocation points, by class", ranks},
  {"AMS: objects with ambiguous references", ambiguous_objects},
  {"format methods needed, by class", methods_needed},
#ifdef HAVE_MPSX
  {"AMCZ and LO are never protected", leaf_unprotected},
#endif
  {"allocation frames: accepted everywhere, memory from SNC only",
   frames_accepted},
  {"allocation patterns are accepted everywhere", patterns_accepted},
  {"a ramp holds off nursery collections", ramps_wait},
  {"a ramp that ends with a full collection", collect_all_at_end},
  {"AMS: an exact reference to a dead block is reported", dead_reference},
  {"AMC: a misaligned exact reference is reported (debug)", misaligned},
  {"LO: read by a thread that is not registered", lo_unregistered},
  {"finalization, by class", finalized},
  {"no finalization of manual and SNC blocks", not_finalized},
  {"MFS: a wrong size is reported and refused", mfs_wrong_size},
  {"MFS: memory stays with the pool", mfs_keeps},
  {"MVFF: sizes are rounded up to the alignment", mvff_rounding},
  {"MVFF and MVT: alignments that can't be", bad_alignment},
  {"MVFF: size 0, near the maximum, too much", odd_sizes},
  {"MVFF: allocation points go upwards and give back", mvff_points},
  {"MVT: hints that can't be are reported", mvt_hints},
  {"MVT: freed twice is reported; neighbours", mvt_twice},
  {"SNC: a frame of another allocation point is reported", foreign_frame},
  {"AWL: a dependent outside", dependent_outside},
  {"AWL: a dependent in the pool that is referred to", dependent_inside},
  {"caches: classes that can't be", cache_classes},
  {"caches: the class array is copied", cache_copies_classes},
  {"caches: creation at the commit limit", cache_limit},
  {"caches: size 0 is reported", cache_zero},
  {"caches: on a debugging pool", cache_on_debug},
  {"caches: threads with one each", cache_threads},
  {"debug pools: default templates", debug_defaults},
  {"debug pools: no fences round AMS objects", debug_no_fences},
  {"debug checks are silent everywhere else", debug_on_ordinary}
};

int main(void)
{
  test_begin("pools");
  return CASES_RUN(cases);
}
