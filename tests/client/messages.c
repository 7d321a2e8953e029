/* messages.c -- the message queue, and what collections say about themselves
 */

#include "common.h"

static mps_arena_t arena;
static mps_ap_t ap;
static mps_addr_t table[64];

static mps_bool_t next(mps_message_t *m, mps_message_type_t type)
{
  return mps_message_get(m, arena, type);
}

static unsigned drain(mps_message_type_t type)
{
  mps_message_t m;
  unsigned n = 0;
  while (next(&m, type)) {
    CHECK_EQ(mps_message_type(arena, m), type);
    mps_message_discard(arena, m);
    ++n;
  }
  return n;
}

static void nothing_by_itself(void)
{
  mps_message_t m;
  mps_message_type_t type = 77;
  (void)mps_arena_collect(arena);
  mps_arena_release(arena);
  CHECK(!mps_message_poll(arena));
  CHECK(!mps_message_queue_type(&type, arena));
  CHECK_EQ(type, 77);
  CHECK(!next(&m, mps_message_type_gc()));
  CHECK(!next(&m, mps_message_type_gc_start()));
  CHECK(!next(&m, mps_message_type_finalization()));
  part("nothing is posted that nobody asked for");
}

static void one_of_each(void)
{
  mps_message_t start, end;
  mps_message_type_t type = 77;
  size_t live, condemned, rest;
  const char *why;
  int i;
  mps_message_type_enable(arena, mps_message_type_gc());
  mps_message_type_enable(arena, mps_message_type_gc_start());
  mps_message_type_enable(arena, mps_message_type_gc_start());
  for (i = 0; i < 64; ++i)
    table[i] = obj_new(ap, 0, KIND_VECTOR, 100, (word)i);
  garbage(ap, 0, 1000, 50);
  mps_arena_park(arena);
  (void)drain(mps_message_type_gc());
  (void)drain(mps_message_type_gc_start());
  CHECK(!mps_message_poll(arena));
  CHECK_OK(mps_arena_collect(arena));
  CHECK(mps_message_poll(arena));
  CHECK(mps_message_queue_type(&type, arena));
  CHECK_EQ(type, mps_message_type_gc_start());
  CHECK(next(&start, mps_message_type_gc_start()));
  CHECK(mps_message_queue_type(&type, arena));
  CHECK_EQ(type, mps_message_type_gc());
  CHECK(next(&end, mps_message_type_gc()));
  CHECK(!mps_message_poll(arena));
  CHECK_EQ(mps_message_type(arena, start), mps_message_type_gc_start());
  CHECK_EQ(mps_message_type(arena, end), mps_message_type_gc());
  CHECK(mps_message_clock(arena, start) != 0);
  CHECK(mps_message_clock(arena, start) <= mps_message_clock(arena, end));
  why = mps_message_gc_start_why(arena, start);
  CHECK(why != NULL && strlen(why) > 5);
  live = mps_message_gc_live_size(arena, end);
  condemned = mps_message_gc_condemned_size(arena, end);
  rest = mps_message_gc_not_condemned_size(arena, end);
  part("live %lu, condemned %lu, not condemned %lu: %s",
       (unsigned long)live, (unsigned long)condemned, (unsigned long)rest,
       why);
  CHECK(live >= 64 * 100 * WORD);
  CHECK(condemned >= live);
  CHECK(live < 64 * 100 * WORD * 2 + 65536);
  mps_message_discard(arena, end);
  mps_message_discard(arena, start);
  mps_arena_release(arena);
  part("one message when a collection begins and one when it ends");
}

static void out_of_order(void)
{
  mps_message_t m;
  mps_message_type_t type;
  mps_clock_t last = 0;
  int i;
  mps_arena_park(arena);
  (void)drain(mps_message_type_gc());
  (void)drain(mps_message_type_gc_start());
  for (i = 0; i < 10; ++i)
    CHECK_OK(mps_arena_collect(arena));
  CHECK(mps_message_queue_type(&type, arena));
  CHECK_EQ(type, mps_message_type_gc_start());
  for (i = 0; i < 10; ++i) {    /* from the middle of the queue */
    CHECK(next(&m, mps_message_type_gc()));
    CHECK(mps_message_clock(arena, m) >= last);
    last = mps_message_clock(arena, m);
    mps_message_discard(arena, m);
  }
  CHECK(!next(&m, mps_message_type_gc()));
  CHECK_EQ(drain(mps_message_type_gc_start()), 10);
  CHECK(!mps_message_poll(arena));
  part("types are taken from anywhere in the queue, each in order");
}

static void disable(void)
{
  mps_message_t kept;
  CHECK_OK(mps_arena_collect(arena));
  CHECK_OK(mps_arena_collect(arena));
  CHECK(next(&kept, mps_message_type_gc()));
  mps_message_type_disable(arena, mps_message_type_gc());
  mps_message_type_disable(arena, mps_message_type_gc());
  CHECK_EQ(drain(mps_message_type_gc()), 0);
  CHECK_EQ(drain(mps_message_type_gc_start()), 2);
  CHECK_OK(mps_arena_collect(arena));
  CHECK_EQ(drain(mps_message_type_gc()), 0);
  CHECK_EQ(drain(mps_message_type_gc_start()), 1);
  /* One that was taken before is still good. */
  CHECK_EQ(mps_message_type(arena, kept), mps_message_type_gc());
  CHECK(mps_message_gc_condemned_size(arena, kept) > 0);
  mps_message_discard(arena, kept);
  mps_message_type_enable(arena, mps_message_type_gc());
  CHECK_OK(mps_arena_collect(arena));
  CHECK_EQ(drain(mps_message_type_gc()), 1);
  CHECK_EQ(drain(mps_message_type_gc_start()), 1);
  part("disabling drops what waits, and only that");
}

static void in_memory(void)
{
  mps_message_t m;
  CHECK_OK(mps_arena_collect(arena));
  CHECK(next(&m, mps_message_type_gc()));
  table[0] = m;                 /* a scanned place */
  CHECK_OK(mps_arena_collect(arena));
  CHECK(table[0] == (mps_addr_t)m);
  CHECK_EQ(mps_message_type(arena, table[0]), mps_message_type_gc());
  mps_message_discard(arena, table[0]);
  table[0] = NULL;
  part("a message can be kept in scanned memory");
}

static void as_they_come(void)
{
  unsigned long starts, ends = 0;
  mps_message_t m;
  mps_word_t before;
  (void)drain(mps_message_type_gc());
  (void)drain(mps_message_type_gc_start());
  before = mps_collections(arena);
  mps_arena_release(arena);
  while (mps_collections(arena) - before < 20) {
    table[1 + rnd_below(63)] = obj_new(ap, 0, KIND_VECTOR, 50, 5);
    while (next(&m, mps_message_type_gc())) {
      CHECK(mps_message_gc_live_size(arena, m)
            <= mps_message_gc_condemned_size(arena, m) + 65536);
      mps_message_discard(arena, m);
      ++ends;
    }
  }
  mps_arena_park(arena);
  ends += drain(mps_message_type_gc());
  starts = drain(mps_message_type_gc_start());
  CHECK_EQ(starts, ends);
  CHECK_EQ(starts, mps_collections(arena) - before);
  part("%lu collections, as many messages", starts);
}

static void many_unread(void)
{
  int i;
  for (i = 0; i < 300; ++i)
    CHECK_OK(mps_arena_collect(arena));
  CHECK_EQ(drain(mps_message_type_gc()), 300);
  CHECK_EQ(drain(mps_message_type_gc_start()), 300);
  CHECK_OK(mps_arena_collect(arena));   /* and some left at the end */
  part("messages wait as long as nobody reads them");
}

int main(void)
{
  mps_chain_t chain;
  mps_fmt_t fmt;
  mps_pool_t pool;
  mps_root_t root;
  test_begin("messages");
  arena = arena_vm((size_t)64 << 20);
  chain = chain_make(arena, 3, 200);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, table,
                                 64));
  nothing_by_itself();
  one_of_each();
  out_of_order();
  disable();
  in_memory();
  as_they_come();
  many_unread();
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_chain_destroy(chain);
  mps_root_destroy(root);
  mps_arena_destroy(arena);
  return test_end();
}
