/* barrier.c -- the write barrier and the read barrier
 *
 * Old objects get references to young ones after their promotion, and
 * nothing else keeps the young ones alive: without a write barrier they
 * die.  With pause time zero the client runs in the middle of collections
 * and reads everything: without a read barrier it meets old copies.
 *
 * Compiled with -DHAVE_MPSX, checks by mps_x_stats that barriers were hit.
 */

#include "common.h"

#include <errno.h>

#ifdef HAVE_MPSX
#include "mpsx.h"
#endif

static mps_arena_t arena;
static mps_chain_t chain;
static mps_fmt_t fmt;
static mps_pool_t pool;
static mps_ap_t ap;

static void setup(double pause, size_t capacity_kb)
{
  arena = arena_vm((size_t)64 << 20);
  mps_arena_pause_time_set(arena, pause);
  chain = chain_make(arena, 4, capacity_kb);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
}

static void teardown(void)
{
  mps_arena_park(arena);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

/* Allocate garbage until there have been so many more flips. */
static void flips(mps_word_t count)
{
  mps_word_t n = mps_collections(arena) + count;
  long i;
  for (i = 0; mps_collections(arena) < n; ++i) {
    garbage(ap, 0, 50, 40);
    CHECK(i < 1000000);
  }
}

/* --- write barrier --- */

static void test_write(double pause)
{
  enum { OLD = 2000, SLOTS = 6 };
  static word serial[OLD][SLOTS];
  mps_addr_t old = NULL;
  mps_root_t root;
  obj_t o;
  word next = 1, checked = 0;
  size_t i, s, round;
  setup(pause, 100);
  memset(serial, 0, sizeof serial);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, &old, 1));
  /* a directory of old objects, promoted as far as it goes */
  old = obj_new(ap, 0, KIND_VECTOR, OLD, 1);
  for (i = 0; i < OLD; ++i) {
    o = obj_new(ap, 0, KIND_VECTOR, SLOTS, 1000000 + i);
    ((obj_t)old)->slot[i] = (word)o;
  }
  for (i = 0; i < 6; ++i) {
    CHECK_OK(mps_arena_collect(arena));
    mps_arena_release(arena);
  }
  for (round = 0; round < 25; ++round) {
    /* young objects, referred to by old ones only */
    for (i = 0; i < 300; ++i) {
      obj_t young;
      size_t k = rnd_below(OLD);
      s = rnd_below(SLOTS);
      young = obj_new(ap, 0, KIND_VECTOR, 2, next);
      young->slot[0] = number(next);
      o = (obj_t)((obj_t)old)->slot[k];
      if (rnd_below(2) == 0 && serial[k][s] != 0)
        young->slot[1] = o->slot[s];    /* the former one stays reachable */
      o->slot[s] = (word)young;
      serial[k][s] = next++;
    }
    flips(1 + rnd_below(3));
    for (i = 0; i < OLD; ++i) {
      o = (obj_t)((obj_t)old)->slot[i];
      CHECK(obj_is(o, KIND_VECTOR, SLOTS, 1000000 + i));
      for (s = 0; s < SLOTS; ++s) {
        obj_t young = (obj_t)o->slot[s];
        word before = serial[i][s];
        if (before == 0) {
          CHECK(young == NULL);
          continue;
        }
        for (; young != NULL; young = (obj_t)young->slot[1]) {
          CHECK(obj_is(young, KIND_VECTOR, 2, young->serial));
          CHECK_EQ(young->slot[0], number(young->serial));
          CHECK(young->serial <= before);
          if ((obj_t)o->slot[s] == young)
            CHECK_EQ(young->serial, before);
          before = young->serial;
          ++checked;
        }
      }
    }
  }
  /* a single old object, written through one page only */
#ifdef HAVE_MPSX
  {
    mps_x_stats_s st;
    st.struct_size = sizeof st;
    CHECK_OK(mps_x_stats(arena, &st));
    CHECK(st.barrier_hits_write > 0);
    part("write barrier hit %lu times",
         (unsigned long)st.barrier_hits_write);
  }
#endif
  mps_root_destroy(root);
  teardown();
  part("old to young, pause %g: %lu compared", pause,
       (unsigned long)checked);
}

/* Write to an old object between every two collections of the nursery, so
 * that protection must be raised again each time; errno stays as it is. */
static void test_again(void)
{
  mps_addr_t r[1];
  mps_root_t root;
  word i;
  r[0] = NULL;
  setup(0.1, 50);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, r, 1));
  r[0] = obj_new(ap, 0, KIND_VECTOR, 100, 1);
  for (i = 0; i < 5; ++i) {
    CHECK_OK(mps_arena_collect(arena));
    mps_arena_release(arena);
  }
  for (i = 0; i < 150; ++i) {
    obj_t young = obj_new(ap, 0, KIND_LEAF, 3, i + 10), o;
    errno = 12345;
    o = r[0];
    o->slot[i % 100] = (word)young;
    CHECK_EQ(errno, 12345);
    flips(1);
    errno = 54321;
    o = (obj_t)((obj_t)r[0])->slot[i % 100];
    CHECK(obj_is(o, KIND_LEAF, 3, i + 10));
    CHECK_EQ(errno, 54321);
    if (i > 0) {
      o = (obj_t)((obj_t)r[0])->slot[(i - 1) % 100];
      CHECK(obj_is(o, KIND_LEAF, 3, i + 9));
    }
  }
  mps_root_destroy(root);
  teardown();
  part("one object written after every collection");
}

/* --- read barrier --- */

static void test_read(double pause)
{
  graph_s g;
  long i;
  mps_word_t n;
  setup(pause, 300);
  graph_init(&g, arena, 0, 50, 12000, 12, ap, 0, NULL, 0);
  for (i = 0; i < 100000; ++i)
    graph_step(&g);
  n = mps_collections(arena);
  /* collections in small steps, everything read and compared in between */
  for (i = 0; i < 15; ++i) {
    int k = 0;
    CHECK_OK(mps_arena_start_collect(arena));
    do {
      if (k % 4 == 0)
        graph_verify(&g);
      else {
        int j;
        for (j = 0; j < 30; ++j)
          graph_step(&g);
      }
      ++k;
    } while (mps_arena_step(arena, 0.0, 0.0) && k < 4000);
    graph_verify(&g);
  }
  CHECK(mps_collections(arena) >= n + 15);
#ifdef HAVE_MPSX
  {
    mps_x_stats_s st;
    st.struct_size = sizeof st;
    CHECK_OK(mps_x_stats(arena, &st));
    /* A step of any length may get to the end before anything is read. */
    CHECK(st.barrier_hits_read > 0 || pause > 0.0);
    part("read barrier hit %lu times", (unsigned long)st.barrier_hits_read);
  }
#endif
  mps_arena_park(arena);
  graph_verify(&g);
  graph_finish(&g);
  teardown();
  part("reading in the middle of collections, pause %g: %lu compared", pause,
       g.verified);
}

/* Accesses of other sizes and kinds than a word: bytes, halves, unaligned
 * ones, block copies, across the boundary of two protected pages. */
static void test_accesses(void)
{
  mps_addr_t r[2];
  mps_root_t root;
  size_t words = 20000, i, round;
  unsigned char *bytes;
  static unsigned char copy[20000 * WORD];
  r[0] = r[1] = NULL;
  setup(0.0, 100);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, r, 2));
  r[0] = obj_new(ap, 0, KIND_VECTOR, words, 1);
  for (i = 0; i < words; ++i)
    ((obj_t)r[0])->slot[i] = number(i);
  for (round = 0; round < 20; ++round) {
    CHECK_OK(mps_arena_start_collect(arena));
    (void)mps_arena_step(arena, 0.0, 0.0);
    bytes = (unsigned char *)((obj_t)r[0])->slot;
    switch (round % 5) {
    case 0:                                     /* unaligned, all over */
      for (i = 1; i + WORD < words * WORD; i += 4096 - 1) {
        word w;
        memcpy(&w, bytes + i, WORD);
      }
      break;
    case 1:
      memcpy(copy, bytes, words * WORD);        /* out */
      for (i = 0; i < words; ++i)
        CHECK_EQ(((word *)(void *)copy)[i], number(i));
      break;
    case 2:
      memmove(bytes, copy, words * WORD);       /* in */
      break;
    case 3:
      for (i = 0; i < words * WORD; i += 997) { /* read and write a byte */
        unsigned char b = bytes[i];
        bytes[i] = (unsigned char)~b;
        bytes[i] = b;
      }
      break;
    default:
      for (i = 0; i < words; i += 511)
        __sync_fetch_and_add(&((obj_t)r[0])->slot[i], 0);
      break;
    }
    r[1] = obj_new(ap, 0, KIND_LEAF, 10, round);
    flips(1);
    CHECK(obj_is(r[1], KIND_LEAF, 10, round));
    for (i = 0; i < words; ++i)
      CHECK_EQ(((obj_t)r[0])->slot[i], number(i));
  }
  mps_root_destroy(root);
  teardown();
  part("bytes, unaligned words, block copies, atomic operations");
}

#ifdef HAVE_MPSX
static mps_word_t protections(void)
{
  mps_x_stats_s st;
  st.struct_size = sizeof st;
  CHECK_OK(mps_x_stats(arena, &st));
  return st.syscalls_protect;
}

/* What is scanned first leads to every other object of many, each in a segment
 * of its own.  What lies between is hidden with these, by few calls: the
 * program can't reach it before later hits, which find it hidden already. */
static void test_together(void)
{
  enum { OBJECTS = 200, SLOTS = 7900 };
  mps_addr_t r = NULL;
  mps_root_t root;
  mps_pool_t ams;
  mps_ap_t from;
  mps_word_t n, before, calls;
  obj_t o;
  word i, steps = 0;
  setup(0.0, 100);
  ams = pool_class(arena, AMS, fmt);
  from = ap_make(ams);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, &r, 1));
  mps_arena_clamp(arena);
  r = obj_new(from, 0, KIND_VECTOR, SLOTS, 1);
  for (i = 0; i < OBJECTS; ++i) {
    o = obj_new(from, 0, KIND_VECTOR, SLOTS, i + 10);
    ((obj_t)r)->slot[i] = (word)o;
  }
  for (i = 0; i < OBJECTS; i += 2) {    /* the others through the one before */
    o = (obj_t)((obj_t)r)->slot[i];
    o->slot[SLOTS - 1] = ((obj_t)r)->slot[i + 1];
    ((obj_t)r)->slot[i + 1] = 0;
  }
  n = mps_collections(arena);
  CHECK_OK(mps_arena_start_collect(arena));
  do {
    before = protections();
    CHECK(mps_arena_step(arena, 0.0, 0.0) && ++steps < 100000);
  } while (mps_collections(arena) == n);
  for (i = 0; i < OBJECTS; i += 2) {
    o = (obj_t)((obj_t)r)->slot[i];
    CHECK(obj_is(o, KIND_VECTOR, SLOTS, i + 10));
    o = (obj_t)o->slot[SLOTS - 1];
    CHECK(obj_is(o, KIND_VECTOR, SLOTS, i + 11));
  }
  calls = protections() - before;
  part("%lu calls to protect for %d objects", (unsigned long)calls, OBJECTS);
  /* For each object one that opens it, and one that write protects it.  The
   * debug archive looks at each object that is found, and so opens it. */
  CHECK(calls < 2 * OBJECTS + OBJECTS / 8 || archive_is_debug());
  mps_arena_park(arena);
  o = (obj_t)((obj_t)r)->slot[OBJECTS - 2];
  CHECK(obj_is((obj_t)o->slot[SLOTS - 1], KIND_VECTOR, SLOTS, OBJECTS + 9));
  mps_ap_destroy(from);
  mps_root_destroy(root);
  mps_pool_destroy(ams);
  teardown();
}
#endif

int main(void)
{
  test_begin("barrier");
  test_write(0.1);
  test_write(0.0);
  test_again();
  test_read(0.0);
  test_read(0.001);
  test_accesses();
#ifdef HAVE_MPSX
  test_together();
#endif
  return test_end();
}
