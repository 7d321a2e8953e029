/* commit.c -- reserve and commit with a collection between them */

#include "common.h"

static mps_arena_t arena;
static mps_pool_t pool;
static mps_ap_t ap;

static void init(obj_t o, size_t slots, word serial)
{
  size_t i;
  o->head = HEAD(slots + 2, KIND_VECTOR);
  o->serial = serial;
  for (i = 0; i < slots; ++i)
    o->slot[i] = 0;
}

/* One reserve, one flip, one commit that says no, then one that says yes. */
static void test_flip(int use_function)
{
  size_t size = 12 * WORD;
  mps_addr_t keep[2], p = NULL, was;
  mps_root_t root;
  mps_word_t n;
  int i;
  keep[0] = keep[1] = NULL;
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, keep, 2));
  for (i = 0; i < 50; ++i) {
    int flips = i % 3;
    CHECK(ap->init == ap->alloc);
    if (use_function)
      CHECK_OK((mps_reserve)(&p, ap, size));
    else if (i % 2 == 0)
      CHECK_OK(mps_reserve(&p, ap, size));
    else {
      mps_res_t res = MPS_RES_FAIL;
      MPS_RESERVE_BLOCK(res, p, ap, size);
      CHECK_OK(res);
    }
    CHECK(ap->init == p);
    CHECK((char *)ap->alloc == (char *)p + size);
    CHECK(mps_arena_has_addr(arena, p));
    init(p, 10, 77);
    ((obj_t)p)->slot[0] = (word)keep[0];
    was = keep[0];
    for (n = 0; n < (mps_word_t)flips; ++n) {
      CHECK_OK(mps_arena_collect(arena));
      mps_arena_release(arena);
    }
    if (flips == 0) {
      CHECK(use_function ? (mps_commit)(ap, p, size)
                         : mps_commit(ap, p, size));
    } else {
      CHECK(!(use_function ? (mps_commit)(ap, p, size)
                           : mps_commit(ap, p, size)));
      CHECK(ap->init == ap->alloc);
      (void)was;
      do {
        CHECK_OK(mps_reserve(&p, ap, size));
        init(p, 10, 77);
        ((obj_t)p)->slot[0] = (word)keep[0];
      } while (!mps_commit(ap, p, size));
    }
    CHECK(ap->init == ap->alloc);
    keep[0] = p;
  }
  CHECK_OK(mps_arena_collect(arena));
  {
    obj_t o;
    for (i = 0, o = keep[0]; o != NULL; o = (obj_t)o->slot[0], ++i)
      CHECK(obj_is(o, KIND_VECTOR, 10, 77));
    CHECK_EQ(i, 50);
  }
  mps_arena_release(arena);
  mps_root_destroy(root);
  part("flip between reserve and commit%s",
       use_function ? ", functions" : "");
}

/* Objects committed before the flip are good, through several points. */
static void test_others(void)
{
  enum { APS = 5 };
  mps_ap_t a[APS];
  mps_addr_t keep[APS][2], p[APS];
  mps_root_t root;
  size_t size = 20 * WORD;
  int i, round, yes = 0, no = 0;
  memset(keep, 0, sizeof keep);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, keep[0],
                                 APS * 2));
  for (i = 0; i < APS; ++i)
    a[i] = ap_make(pool);
  for (round = 0; round < 200; ++round) {
    int flip = rnd_below(3) == 0;
    for (i = 0; i < APS; ++i)
      keep[i][0] = obj_new(a[i], 0, KIND_LEAF, 10, (word)i + 1);
    for (i = 0; i < APS; ++i) {
      CHECK_OK(mps_reserve(&p[i], a[i], size));
      init(p[i], 18, (word)round);
    }
    if (flip) {
      CHECK_OK(mps_arena_collect(arena));
      mps_arena_release(arena);
    }
    for (i = 0; i < APS; ++i) {
      if (mps_commit(a[i], p[i], size)) {
        CHECK(!flip);
        keep[i][1] = p[i];
        ++yes;
      } else {
        keep[i][1] = NULL;
        ++no;
      }
    }
    for (i = 0; i < APS; ++i) {
      CHECK(obj_is(keep[i][0], KIND_LEAF, 10, (word)i + 1));
      if (keep[i][1] != NULL)
        CHECK(obj_is(keep[i][1], KIND_VECTOR, 18, (word)round));
    }
  }
  CHECK(no > 0 && yes > 0);
  for (i = 0; i < APS; ++i)
    mps_ap_destroy(a[i]);
  mps_root_destroy(root);
  part("five points at once: %d committed, %d not", yes, no);
}

/* The protocol by hand, as generated code does it. */
static void test_by_hand(void)
{
  mps_addr_t list = NULL;
  mps_root_t root;
  size_t size = 6 * WORD, i, fills = 0, trips = 0;
  obj_t o;
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, &list,
                                 1));
  for (i = 0; i < 20000; ++i) {
    mps_addr_t p;
    for (;;) {
      char *next = (char *)ap->alloc + size;
      if (ap->limit != NULL && next > (char *)ap->alloc
          && next <= (char *)ap->limit) {
        p = ap->init;
        ap->alloc = next;
      } else {
        CHECK_OK(mps_ap_fill(&p, ap, size));
        ++fills;
      }
      init(p, 4, i);
      ((obj_t)p)->slot[0] = (word)list;
      if (i % 5000 == 4999 && trips < 4) {
        CHECK_OK(mps_arena_collect(arena));
        mps_arena_release(arena);
      }
      __asm__ volatile("" ::: "memory");
      *(mps_addr_t volatile *)&ap->init = ap->alloc;
      if (*(mps_addr_t volatile *)&ap->limit != NULL)
        break;
      ++trips;
      if (mps_ap_trip(ap, p, size))
        break;
    }
    list = p;
  }
  for (o = list, i = 20000; o != NULL; o = (obj_t)o->slot[0])
    CHECK(obj_is(o, KIND_VECTOR, 4, --i));
  CHECK_EQ(i, 0);
  CHECK(fills > 10 && trips >= 3);
  mps_root_destroy(root);
  part("fields by hand: %lu fills, %lu trips", (unsigned long)fills,
       (unsigned long)trips);
}

/* Nothing is scanned, moved or kept alive by a block not committed. */
static void test_unscanned(void)
{
  mps_addr_t p;
  size_t size = 40 * WORD;
  int i;
  for (i = 0; i < 10; ++i) {
    size_t k;
    CHECK_OK(mps_reserve(&p, ap, size));
    for (k = 0; k < 40; ++k)            /* junk */
      ((word *)p)[k] = (word)rnd() * 8;
    CHECK_OK(mps_arena_collect(arena));
    mps_arena_release(arena);
    CHECK(!mps_commit(ap, p, size));
    (void)obj_new(ap, 0, KIND_VECTOR, 3, 3);
  }
  part("junk in a reserved block does no harm");
}

/* What cannot be had is refused with a code, the point stays usable. */
static void test_refused(void)
{
  mps_addr_t p = &arena;
  mps_res_t res;
  (void)obj_new(ap, 0, KIND_VECTOR, 3, 3);
  CHECK_OK(mps_arena_commit_limit_set(arena, mps_arena_committed(arena)
                                      + ((size_t)8 << 20)));
  res = mps_reserve(&p, ap, (size_t)100 << 20);
  CHECK(res != MPS_RES_OK);
  CHECK(p == &arena);
  (void)obj_new(ap, 0, KIND_VECTOR, 3, 3);
  CHECK_OK(mps_arena_commit_limit_set(arena, (size_t)-1));
  part("a reserve that is refused");
}

int main(void)
{
  mps_chain_t chain;
  mps_fmt_t fmt;
  test_begin("commit");
  arena = arena_vm((size_t)64 << 20);
  chain = chain_make(arena, 2, 200);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  CHECK(ap->init == NULL && ap->alloc == NULL && ap->limit == NULL);
  garbage(ap, 0, 10, 10);
  test_flip(0);
  test_flip(1);
  test_others();
  test_by_hand();
  test_unscanned();
  test_refused();
  mps_arena_park(arena);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
  return test_end();
}
