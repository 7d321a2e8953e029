/* teardown.c -- every registered object is told of, in order and in batches
 *
 * There is no thread root: references are in a table that is an exact root,
 * and local variables hold nothing over an allocation.
 */

#include "common.h"
#include "mpsx.h"

#define TABLE 3000
#define BATCH 64

static mps_arena_t arena;
static mps_chain_t chain;
static mps_fmt_t fmt;
static mps_pool_t pool;
static mps_ap_t ap;
static mps_root_t root;
static mps_addr_t table[TABLE];
static word expected[2 * TABLE];
static size_t expecting;
static int check_pairs;

static void begin(void)
{
  arena = arena_vm((size_t)64 << 20);
  chain = chain_make(arena, 3, 200);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, table,
                                 TABLE));
  mps_message_type_enable(arena, mps_message_type_finalization());
  expecting = 0;
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

static void watch(size_t i)
{
  CHECK_OK(mps_finalize(arena, &table[i]));
  expected[expecting++] = ((obj_t)table[i])->serial;
}

/* table[0] and what it refers to are intact. */
static void check_pair(word serial)
{
  CHECK(obj_is(table[0], KIND_VECTOR, 4, serial));
  CHECK(obj_is(obj_ref(((obj_t)table[0])->slot[0]), KIND_VECTOR, 100, serial));
}

/* Take all messages: they are the expected ones, with intact objects. */
static void told(void)
{
  mps_message_t m[BATCH + 1];
  mps_message_type_t type = mps_message_type_finalization();
  size_t n, i, at = 0;
  CHECK_EQ(mps_x_messages_get(arena, type, 0, NULL), 0);
  do {
    m[BATCH] = m[0] = NULL;
    n = mps_x_messages_get(arena, type, BATCH, m);
    CHECK(n <= BATCH);
    CHECK(m[BATCH] == NULL);
    CHECK_EQ(n, expecting - at < BATCH ? expecting - at : BATCH);
    for (i = 0; i < n; ++i, ++at) {
      CHECK_EQ(mps_message_type(arena, m[i]), type);
      mps_message_finalization_ref(&table[0], arena, m[i]);
      CHECK(obj_is(table[0], KIND_VECTOR, 4, expected[at]));
      if (check_pairs)
        check_pair(expected[at]);
      if (at % 100 == 0)        /* the others are held, and move */
        garbage(ap, 0, 200, 20);
      mps_message_discard(arena, m[i]);
    }
  } while (n != 0);
  CHECK_EQ(at, expecting);
  CHECK(!mps_message_poll(arena));
  expecting = 0;
}

/* Places of registrations that were taken back are used again, in another order
 * than that of registration. */
static void fill(void)
{
  size_t i;
  for (i = 0; i < TABLE; ++i) {
    table[i] = obj_new(ap, 0, KIND_VECTOR, 4, i);
    CHECK_OK(mps_finalize(arena, &table[i]));
  }
  for (i = 0; i < TABLE; ++i) {
    if (i % 3 != 0)
      CHECK_OK(mps_definalize(arena, &table[i]));
    else
      expected[expecting++] = i;
  }
  for (i = 1; i < TABLE; i += 3) {
    watch(i);
    if (i % 50 == 1)
      watch(i);
  }
}

static void all_alive(void)
{
  begin();
  CHECK_OK(mps_x_finalize_all(arena));  /* none */
  told();
  fill();
  CHECK_OK(mps_x_finalize_all(arena));
  told();
  CHECK_OK(mps_x_finalize_all(arena));  /* used up */
  told();
  memset(table, 0, sizeof table);
  CHECK_OK(mps_arena_collect(arena));
  CHECK(!mps_message_poll(arena));
  end();
  part("living objects are told of in the order of registration");
}

/* In each state of a collection, what is told of is held and intact. */
static void in_a_collection(void)
{
  size_t steps, most = 0, k;
  for (steps = 0; steps < 120; steps += 2) {
    begin();
    mps_arena_pause_time_set(arena, 0.0);
    fill();
    /* Each with another, so that there is something to do in steps. */
    for (k = 0; k < TABLE; ++k) {
      obj_t other = obj_new(ap, 0, KIND_VECTOR, 100, k);
      ((obj_t)table[k])->slot[0] = (word)other;
    }
    /* Half of them are held by their messages alone. */
    for (k = 0; k < TABLE; k += 2)
      table[k] = NULL;
    mps_arena_release(arena);
    CHECK_OK(mps_arena_start_collect(arena));
    for (k = 0; k < steps && mps_arena_step(arena, 0.0, 0.0); ++k)
      ;
    if (k > most)
      most = k;
    /* A step may have told of the dead. They come first, so count only. */
    if (mps_message_poll(arena)) {
      mps_message_t m;
      size_t n = 0;
      CHECK_OK(mps_x_finalize_all(arena));
      memset(table, 0, sizeof table);
      CHECK_OK(mps_arena_collect(arena));
      for (; mps_x_messages_get(arena, mps_message_type_finalization(), 1, &m); ++n) {
        mps_message_finalization_ref(&table[0], arena, m);
        check_pair(((obj_t)table[0])->serial);
        mps_message_discard(arena, m);
      }
      CHECK_EQ(n, expecting);
    } else {
      CHECK_OK(mps_x_finalize_all(arena));
      memset(table, 0, sizeof table);
      CHECK_OK(mps_arena_collect(arena));
      check_pairs = 1;
      told();
      check_pairs = 0;
    }
    end();
  }
  CHECK(most > 20);
  part("in the midst of a collection, after up to %lu steps", (unsigned long)most);
}

static void disabled(void)
{
  begin();
  fill();
  mps_message_type_disable(arena, mps_message_type_finalization());
  CHECK_EQ(mps_x_finalize_all(arena), MPS_RES_FAIL);
  mps_message_type_enable(arena, mps_message_type_finalization());
  CHECK(!mps_message_poll(arena));
  CHECK_OK(mps_x_finalize_all(arena));  /* nothing was lost */
  told();
  end();
  part("with the type off nothing is used up");
}

/* The messages' handles go into an object behind the barrier. */
static void into_an_object(void)
{
  mps_message_t *slots;
  size_t k;
  begin();
  mps_arena_pause_time_set(arena, 0.0);
  table[0] = obj_new(ap, 0, KIND_LEAF, 64, 7);
  for (k = 1; k < 33; ++k) {
    table[k] = obj_new(ap, 0, KIND_VECTOR, 4, k);
    watch(k);
  }
  CHECK_OK(mps_arena_collect(arena));
  CHECK_OK(mps_x_finalize_all(arena));
  slots = (mps_message_t *)((obj_t)table[0])->slot; /* parked: it does not move */
  CHECK_EQ(mps_x_messages_get(arena, mps_message_type_finalization(), 40, slots), 32);
  for (k = 0; k < 32; ++k) {
    mps_message_finalization_ref(&table[1], arena, slots[k]);
    CHECK(obj_is(table[1], KIND_VECTOR, 4, expected[k]));
    mps_message_discard(arena, slots[k]);
  }
  end();
  part("handles into an object of the arena");
}

int main(void)
{
  test_begin("teardown");
  all_alive();
  in_a_collection();
  disabled();
  into_an_object();
  return test_end();
}
