/* bulk.c -- a client that reserves one large block and fills it with many objects
 *
 * Such a block is not one large object.  From its first collection on its objects
 * are like any others: each dies and moves by itself, and a write to one does not
 * have all of them scanned by every collection of young objects.  One large object
 * stays where it is. */

#include "common.h"

/* 2.5 MB, whatever a word is: segments are so many bytes, not words */
enum { SLOTS = 6, COUNT = 320000 / sizeof(word), WORDS = SLOTS + 2 };

static mps_arena_t arena;
static mps_fmt_t fmt;
static mps_chain_t chain;
static mps_pool_t pool;
static mps_root_t root;
static mps_ap_t ap, block_ap;
static mps_addr_t held[COUNT];

static void world(size_t generation)
{
  size_t i;
  arena = arena_vm((size_t)256 << 20);
  fmt = fmt_make(arena, 0);
  chain = chain_make(arena, 2, 256);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_GEN, (unsigned)generation);
    CHECK_OK(mps_ap_create_k(&block_ap, pool, args));
  } MPS_ARGS_END(args);
  for (i = 0; i < COUNT; ++i)
    held[i] = NULL;
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, held,
                                 COUNT));
}

static void end_world(void)
{
  mps_arena_park(arena);
  mps_root_destroy(root);
  mps_ap_destroy(ap);
  if (block_ap != NULL)
    mps_ap_destroy(block_ap);
  mps_pool_destroy(pool);
  mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

/* One reservation, many objects; all held. */
static void make_block(void)
{
  mps_addr_t p;
  size_t i;
  do {
    CHECK_OK(mps_reserve(&p, block_ap, COUNT * WORDS * WORD));
    for (i = 0; i < COUNT; ++i) {
      obj_t o = (obj_t)((word *)p + i * WORDS);
      size_t k;
      o->head = HEAD(WORDS, KIND_VECTOR);
      o->serial = i + 1;
      for (k = 0; k < SLOTS; ++k)
        o->slot[k] = 0;
    }
  } while (!mps_commit(block_ap, p, COUNT * WORDS * WORD));
  for (i = 0; i < COUNT; ++i)
    held[i] = (word *)p + i * WORDS;
}

/* So many words are scanned by a collection of young objects, on the average, if
 * an old object is written to before each. */
static double scanned_each(int collections)
{
  unsigned long before;
  mps_word_t n;
  int i;
  obj_t young;
  garbage(ap, 0, 100000, SLOTS);        /* the block is old news by now */
  n = mps_collections(arena);
  before = scan_words;
  for (i = 0; mps_collections(arena) < n + (mps_word_t)collections; ++i) {
    CHECK(i < 1000000);
    young = obj_new(ap, 0, KIND_VECTOR, SLOTS, 7);
    if (i % 100 == 0)
      ((obj_t)held[rnd_below(COUNT)])->slot[0] = (word)young;
    garbage(ap, 0, 10, SLOTS);
  }
  return (double)(scan_words - before) / collections;
}

static void verify(void)
{
  size_t i;
  for (i = 0; i < COUNT; ++i) {
    obj_t o = held[i];
    if (o != NULL) {
      CHECK(obj_is(o, KIND_VECTOR, SLOTS, i + 1));
      if (o->slot[0] != 0)
        CHECK(obj_is((obj_t)o->slot[0], KIND_VECTOR, SLOTS, 7));
    }
  }
}

static void writes_to(size_t generation, int keep_ap)
{
  double each;
  world(generation);
  make_block();
  if (!keep_ap) {
    mps_ap_destroy(block_ap);
    block_ap = NULL;
  } else {
    obj_new(block_ap, 0, KIND_VECTOR, SLOTS, 1);
  }
  each = scanned_each(20);
  verify();
  /* The roots are not counted, and the whole block is COUNT * WORDS words.  A write
   * costs a segment of at most 64 KB, for some collections. */
  part("generation %lu: %.0f words are scanned each time",
       (unsigned long)generation, each);
  if (!archive_is_debug())      /* there the check of the heap scans all */
    CHECK(each < COUNT * WORDS / 2);
  end_world();
}

static void young_block(void) { writes_to(0, 0); }
static void middle_block(void) { writes_to(1, 0); }
static void old_block(void) { writes_to(2, 0); }
static void old_block_kept(void) { writes_to(2, 1); }

/* What dies of it is gone, though something of it lives. */
static void dies_in_parts(void)
{
  size_t used, i;
  world(0);
  make_block();
  for (i = 0; i < COUNT; ++i)
    if (i % 100 != 0)
      held[i] = NULL;
  mps_ap_destroy(block_ap);
  block_ap = NULL;
  CHECK_OK(mps_arena_collect(arena));
  used = mps_pool_total_size(pool) - mps_pool_free_size(pool);
  verify();
  part("a hundredth lives: %lu bytes", (unsigned long)used);
  CHECK(used < COUNT * WORDS * WORD / 4);
  end_world();
}

/* With its allocation point still at work in it. */
static void collected_at_once(void)
{
  size_t i, moved = 0;
  static mps_addr_t was[COUNT];
  world(0);
  make_block();
  memcpy(was, held, sizeof was);
  CHECK_OK(mps_arena_collect(arena));
  mps_arena_release(arena);
  for (i = 0; i < COUNT; ++i)
    moved += was[i] != held[i];
  verify();
  CHECK(moved > COUNT / 2);
  obj_new(block_ap, 0, KIND_VECTOR, SLOTS, 1);
  CHECK_OK(mps_arena_collect(arena));
  verify();
  end_world();
}

/* And one object that large is not moved at all. */
static void one_object(void)
{
  obj_t o;
  int i;
  world(0);
  o = obj_new(ap, 0, KIND_VECTOR, COUNT, 5);
  held[0] = o;
  obj_new(ap, 0, KIND_VECTOR, SLOTS, 1);
  for (i = 0; i < 5; ++i) {
    CHECK_OK(mps_arena_collect(arena));
    CHECK(held[0] == o);
    CHECK(obj_is(o, KIND_VECTOR, COUNT, 5));
  }
  end_world();
}

int main(void)
{
  static const case_s cases[] = {
    {"a block in the nursery, written to", young_block},
    {"a block in the middle generation, written to", middle_block},
    {"a block in the last generation, written to", old_block},
    {"the same, and its allocation point goes on", old_block_kept},
    {"a block of which little lives", dies_in_parts},
    {"a block with its allocation point in it", collected_at_once},
    {"one large object stays", one_object},
  };
  test_begin("bulk");
  return CASES_RUN(cases);
}
