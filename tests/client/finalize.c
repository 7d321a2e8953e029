/* finalize.c -- objects that announce their death
 *
 * There is no thread root: references are in tables that are exact roots,
 * and local variables hold nothing over an allocation.
 */

#include "common.h"

#include <time.h>

#define TABLE 4096

static mps_arena_t arena;
static mps_chain_t chain;
static mps_fmt_t fmt;
static mps_pool_t pool;
static mps_ap_t ap;
static mps_root_t root;
static mps_addr_t table[TABLE];

static void begin(size_t header)
{
  arena = arena_vm((size_t)64 << 20);
  chain = chain_make(arena, 3, 200);
  fmt = fmt_make(arena, header);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, table,
                                 TABLE));
  mps_message_type_enable(arena, mps_message_type_finalization());
}

static void end(void)
{
  memset(table, 0, sizeof table);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_chain_destroy(chain);
  mps_root_destroy(root);
  mps_arena_destroy(arena);
}

static void make(size_t i, size_t header, word serial)
{
  table[i] = obj_new(ap, header, KIND_VECTOR, 4, serial);
}

/* Take one message; its reference goes to table[i].  Answer: was there one. */
static int take(size_t i)
{
  mps_message_t m;
  if (!mps_message_get(&m, arena, mps_message_type_finalization()))
    return 0;
  CHECK_EQ(mps_message_type(arena, m), mps_message_type_finalization());
  CHECK_EQ(mps_message_clock(arena, m), 0);
  mps_message_finalization_ref(&table[i], arena, m);
  CHECK(table[i] != NULL);
  mps_message_discard(arena, m);
  return 1;
}

static size_t count(void)
{
  size_t n = 0;
  while (take(TABLE - 1))
    ++n;
  table[TABLE - 1] = NULL;
  return n;
}

static void life_and_death(size_t header)
{
  mps_message_t m;
  int i;
  begin(header);
  make(0, header, 11);
  make(1, header, 22);
  ((obj_t)table[0])->slot[0] = (word)table[1];
  CHECK_OK(mps_finalize(arena, &table[0]));
  table[1] = NULL;
  for (i = 0; i < 4; ++i)
    CHECK_OK(mps_arena_collect(arena));
  CHECK(!mps_message_poll(arena));      /* alive */
  table[0] = NULL;
  CHECK_OK(mps_arena_collect(arena));
  CHECK(mps_message_get(&m, arena, mps_message_type_finalization()));
  CHECK(!mps_message_poll(arena));
  for (i = 0; i < 6; ++i) {     /* held by the message, and moving */
    garbage(ap, header, 500, 30);
    mps_message_finalization_ref(&table[0], arena, m);
    CHECK(obj_is(table[0], KIND_VECTOR, 4, 11));
    CHECK(obj_is(obj_ref(((obj_t)table[0])->slot[0]), KIND_VECTOR, 4, 22));
    table[0] = NULL;
    CHECK_OK(mps_arena_collect(arena));
  }
  /* Back to life: once discarded, the table alone holds it. */
  mps_message_finalization_ref(&table[0], arena, m);
  mps_message_discard(arena, m);
  for (i = 0; i < 3; ++i)
    CHECK_OK(mps_arena_collect(arena));
  CHECK(obj_is(table[0], KIND_VECTOR, 4, 11));
  CHECK(!mps_message_poll(arena));      /* used up */
  CHECK_OK(mps_finalize(arena, &table[0]));
  table[0] = NULL;
  CHECK_OK(mps_arena_collect(arena));
  CHECK(take(0));
  CHECK(obj_is(table[0], KIND_VECTOR, 4, 11));
  end();
  part("a life, a death, and another life (header %d)", (int)header);
}

static void several_times(void)
{
  size_t i, n = 0;
  begin(0);
  make(0, 0, 5);
  for (i = 0; i < 5; ++i)
    CHECK_OK(mps_finalize(arena, &table[0]));
  table[0] = NULL;
  for (i = 0; i < 10; ++i) {
    CHECK_OK(mps_arena_collect(arena));
    n += count();
  }
  CHECK_EQ(n, 5);
  end();
  part("registered five times: five messages");
}

static void disabled(void)
{
  begin(0);
  make(0, 0, 5);
  CHECK_OK(mps_finalize(arena, &table[0]));
  table[0] = NULL;
  mps_message_type_disable(arena, mps_message_type_finalization());
  CHECK_OK(mps_arena_collect(arena));
  mps_message_type_enable(arena, mps_message_type_finalization());
  CHECK_OK(mps_arena_collect(arena));
  CHECK_EQ(count(), 0);
  /* Waiting messages are dropped. */
  make(0, 0, 6);
  CHECK_OK(mps_finalize(arena, &table[0]));
  table[0] = NULL;
  CHECK_OK(mps_arena_collect(arena));
  CHECK(mps_message_poll(arena));
  mps_message_type_disable(arena, mps_message_type_finalization());
  CHECK(!mps_message_poll(arena));
  mps_message_type_enable(arena, mps_message_type_finalization());
  CHECK_OK(mps_arena_collect(arena));
  CHECK_EQ(count(), 0);
  end();
  part("with the type off a registration is used up");
}

static void chain_of_objects(void)
{
  size_t i, n = 0;
  begin(0);
  /* Each refers to the one before: all are unreachable at once, however
   * they hang together. */
  for (i = 0; i < 100; ++i) {
    make(1, 0, i);
    ((obj_t)table[1])->slot[0] = (word)table[0];
    CHECK_OK(mps_finalize(arena, &table[1]));
    table[0] = table[1];
  }
  table[0] = table[1] = NULL;
  CHECK_OK(mps_arena_collect(arena));
  n = count();
  CHECK_EQ(n, 100);
  CHECK_OK(mps_arena_collect(arena));
  CHECK_EQ(count(), 0);
  end();
  part("a list of objects, all told of by one collection");
}

static void definalize(void)
{
  size_t i, n = 0, k;
  begin(0);
  make(0, 0, 1);
  CHECK_EQ(mps_definalize(arena, &table[0]), MPS_RES_FAIL);
  CHECK_OK(mps_finalize(arena, &table[0]));
  CHECK_OK(mps_finalize(arena, &table[0]));
  CHECK_OK(mps_definalize(arena, &table[0]));
  CHECK_OK(mps_definalize(arena, &table[0]));
  CHECK_EQ(mps_definalize(arena, &table[0]), MPS_RES_FAIL);
  table[0] = NULL;
  CHECK_OK(mps_arena_collect(arena));
  CHECK_EQ(count(), 0);
  /* Many, moving in between. */
  for (k = 0; k < 5; ++k) {
    mps_arena_release(arena);
    for (i = 0; i < 3000; ++i) {
      make(i, 0, i);
      CHECK_OK(mps_finalize(arena, &table[i]));
      if (i % 50 == 0)
        garbage(ap, 0, 200, 20);
    }
    for (i = 0; i < 3000; i += 2) {
      CHECK_OK(mps_definalize(arena, &table[i]));
      CHECK_EQ(mps_definalize(arena, &table[i]), MPS_RES_FAIL);
      if (i % 50 == 0)
        garbage(ap, 0, 200, 20);
    }
    CHECK_EQ(count(), 0);
    memset(table, 0, sizeof table);
    CHECK_OK(mps_arena_collect(arena));
    n = 0;
    while (take(0)) {
      CHECK_EQ(((obj_t)table[0])->serial % 2, 1);
      ++n;
    }
    CHECK_EQ(n, 1500);
  }
  end();
  part("taking registrations back, with collections in between");
}

static double definalize_time(size_t n)
{
  /* n registrations in all; then 1000 are taken back and made again. */
  double t;
  size_t i;
  for (i = 0; i < TABLE; ++i)
    make(i, 0, i);
  for (i = 0; i < n; ++i)
    CHECK_OK(mps_finalize(arena, &table[i % TABLE]));
  CHECK_OK(mps_definalize(arena, &table[0]));
  CHECK_OK(mps_finalize(arena, &table[0]));
  t = (double)clock() / CLOCKS_PER_SEC;     /* this process's alone */
  for (i = 0; i < 1000; ++i) {
    CHECK_OK(mps_definalize(arena, &table[i]));
    CHECK_OK(mps_finalize(arena, &table[i]));
  }
  return (double)clock() / CLOCKS_PER_SEC - t;
}

static void definalize_scales(void)
{
  double few, many;
  begin(0);
  few = definalize_time(TABLE);
  memset(table, 0, sizeof table);
  many = definalize_time(TABLE * 32);
  part("1000 definalizations: %.2f ms among %d, %.2f ms among %d",
       few * 1e3, TABLE, many * 1e3, TABLE * 32);
  if (!reference())
    CHECK(many < few * 16 + 0.02);
  end();
}

/* Objects that die and live at random, while collections go on by
 * themselves: everything that died is told of once, intact, and nothing
 * that is alive. */
#define SERIALS 60000
static unsigned char fate[SERIALS];     /* 0 none, 1 alive, 2 dropped, 3 told */

static void check_message(void)
{
  mps_message_t m;
  while (mps_message_get(&m, arena, mps_message_type_finalization())) {
    mps_addr_t *p = &table[TABLE - 1];
    obj_t o;
    mps_message_finalization_ref(p, arena, m);
    o = *p;
    CHECK(o->serial < SERIALS);
    CHECK(obj_is(o, KIND_VECTOR, 4, o->serial));
    CHECK_EQ(fate[o->serial], 2);
    CHECK(obj_is(obj_ref(o->slot[1]), KIND_VECTOR, 4, o->serial + 1000000));
    fate[o->serial] = 3;
    *p = NULL;
    mps_message_discard(arena, m);
  }
}

static void at_random(size_t header)
{
  word serial;
  size_t i, told = 0, collections;
  begin(header);
  memset(fate, 0, sizeof fate);
  mps_arena_pause_time_set(arena, rnd_below(2) ? 0.0 : 0.001);
  collections = mps_collections(arena);
  for (serial = 0; serial < SERIALS; ++serial) {
    size_t k = rnd_below(TABLE / 2);
    if (rnd_below(3) == 0)
      k = rnd_below(50);        /* these don't get old */
    make(TABLE - 2, header, serial + 1000000);
    make(TABLE - 3, header, serial);
    ((obj_t)table[TABLE - 3])->slot[1] = (word)table[TABLE - 2];
    table[TABLE - 2] = NULL;
    if (table[k] != NULL && fate[((obj_t)table[k])->serial] == 1)
      fate[((obj_t)table[k])->serial] = 2;
    table[k] = table[TABLE - 3];
    table[TABLE - 3] = NULL;
    if (rnd_below(4) != 0) {
      CHECK_OK(mps_finalize(arena, &table[k]));
      fate[serial] = 1;
      if (rnd_below(8) == 0) {
        CHECK_OK(mps_definalize(arena, &table[k]));
        fate[serial] = 0;
      }
    }
    k = rnd_below(TABLE / 2);   /* one that is older */
    if (table[k] != NULL && fate[((obj_t)table[k])->serial] == 1
        && rnd_below(4) == 0) {
      CHECK_OK(mps_definalize(arena, &table[k]));
      fate[((obj_t)table[k])->serial] = 0;
    }
    if (serial % 64 == 0)
      check_message();
  }
  for (i = 0; i < 2; ++i) {
    CHECK_OK(mps_arena_collect(arena));
    check_message();
  }
  for (i = 0; i < SERIALS; ++i) {
    CHECK(fate[i] != 2);        /* nothing was forgotten */
    told += fate[i] == 3;
  }
  part("%lu objects, %lu told of, %lu collections", (unsigned long)SERIALS,
       (unsigned long)told, (unsigned long)(mps_collections(arena)
                                            - collections));
  end();
}

static void left_over(void)
{
  size_t i;
  mps_pool_t pool2;
  mps_ap_t ap2;
  begin(0);
  /* Pools go with registrations and messages open. */
  pool2 = pool_amc(arena, fmt, chain);
  ap2 = ap_make(pool2);
  for (i = 0; i < 500; ++i) {
    table[i] = obj_new(i % 2 ? ap : ap2, 0, KIND_LEAF, 10, i);
    CHECK_OK(mps_finalize(arena, &table[i]));
  }
  memset(table, 0, sizeof table);
  mps_ap_destroy(ap2);
  mps_pool_destroy(pool2);
  CHECK_OK(mps_arena_collect(arena));
  CHECK_EQ(count(), 250);
  for (i = 0; i < 500; ++i) {
    make(i, 0, i);
    CHECK_OK(mps_finalize(arena, &table[i]));
  }
  memset(table, 0, 200 * sizeof table[0]);
  CHECK_OK(mps_arena_collect(arena));
  CHECK(take(0));
  end();
  part("pools go with registrations open");
}

/* Until memory runs out; what was registered is still told of. */
static void no_memory(void)
{
  size_t n = 0, i;
  mps_res_t res = MPS_RES_OK;
  begin(0);
  for (i = 0; i < TABLE; ++i)
    make(i, 0, i);
  mps_arena_park(arena);
  mps_arena_spare_set(arena, 0.0);
  CHECK_OK(mps_arena_commit_limit_set(arena, mps_arena_committed(arena)
                                             + 200000));
  for (; n < 100000; ++n) {
    res = mps_finalize(arena, &table[n % TABLE]);
    if (res != MPS_RES_OK)
      break;
  }
  CHECK(res != MPS_RES_OK);
  CHECK(n > 500);
  for (i = 0; i < 100 && i < n; ++i)
    CHECK_OK(mps_definalize(arena, &table[i]));
  n -= i;
  memset(table, 0, sizeof table);
  i = 0;
  CHECK_OK(mps_arena_commit_limit_set(arena, (size_t)-1));
  do {
    CHECK_OK(mps_arena_collect(arena));
    i += count();
  } while (mps_message_poll(arena) || (i < n && mps_collections(arena) < 200));
  CHECK_EQ(i, n);
  end();
  part("%lu registrations until memory ran out", (unsigned long)n);
}

int main(void)
{
  test_begin("finalize");
  life_and_death(0);
  life_and_death(HEADER);
  several_times();
  disabled();
  chain_of_objects();
  definalize();
  definalize_scales();
  at_random(0);
  at_random(HEADER);
  left_over();
  no_memory();
  return test_end();
}
