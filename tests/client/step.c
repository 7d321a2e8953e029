/* step.c -- steps and pauses keep to their times, by a clock of our own
 *
 * The client's plinth gives the time here: a word scanned takes a
 * microsecond, an object moved ten, a look at the clock one.  So what takes
 * how long depends on nothing else, and nothing here is measured.
 */

#include "common.h"

static unsigned long looks;

mps_clock_t mps_clock(void)
{
  ++looks;
  return (mps_clock_t)(1000 + looks + scan_words + 10 * fwd_calls);
}

mps_clock_t mps_clocks_per_sec(void)
{
  return 1000000;
}

static double vnow(void)
{
  return (double)(looks + scan_words + 10 * fwd_calls) * 1e-6;
}

/* What may come on top: 32 KB of work between two looks at the clock (4096
 * words and as many objects moved as have them), the roots, the flip. */
#define SLACK 0.02

static mps_arena_t arena;
static mps_fmt_t fmt;
static mps_chain_t chain;
static mps_pool_t pool;
static mps_ap_t ap;
static mps_addr_t keep[4];
static mps_root_t root;

/* A list that takes about a second to collect, none of it due. */
static void world(void)
{
  mps_gen_param_s gens[1] = {{200000, 0.5}};
  int i;
  arena = arena_vm((size_t)256 << 20);
  mps_arena_pause_time_set(arena, 0.0);
  CHECK_OK(mps_chain_create(&chain, arena, 1, gens));
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  memset(keep, 0, sizeof keep);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, keep, 4));
  for (i = 0; i < 20000; ++i) {
    obj_t o = obj_new(ap, 0, KIND_VECTOR, 40, (word)i);
    o->slot[0] = (word)keep[0];
    keep[0] = o;
  }
  CHECK_OK(mps_arena_collect(arena));
  mps_arena_release(arena);
  mps_arena_pause_time_set(arena, 0.0);
}

static void verify(void)
{
  obj_t o = keep[0];
  word i = 20000;
  for (; o != NULL; o = (obj_t)o->slot[0])
    CHECK(obj_is(o, KIND_VECTOR, 40, --i));
  CHECK_EQ(i, 0);
}

static int steps_of(double interval)
{
  double t, total = 0.0;
  int n = 0;
  CHECK_OK(mps_arena_start_collect(arena));
  for (;;) {
    mps_bool_t more;
    t = vnow();
    more = mps_arena_step(arena, interval, 0.0);
    t = vnow() - t;
    if (t > interval + SLACK)
      printf("    a step of %g s took %g s\n", interval, t);
    CHECK(t <= interval + SLACK);
    total += t;
    if (!more)
      break;
    ++n;
  }
  CHECK(total > 0.5);
  verify();
  return n;
}

static void keeps_to_interval(void)
{
  int a, b, c;
  if (archive_is_debug())       /* its own look at the heap takes a second */
    return;
  world();
  a = steps_of(0.0);
  b = steps_of(0.05);
  c = steps_of(10.0);
  CHECK(a > 2 * b && b > 2 * c);
  CHECK(b >= 10 && c <= 3);
}

static void pays_for_it(void)
{
  mps_word_t n;
  int i, k;
  double t;
  world();
  for (k = 0; k < 3; ++k) {
    garbage(ap, 0, 10000, 10);
    n = mps_collections(arena);
    /* 0.1 s, and 0: not enough for a second's work, however often asked */
    for (i = 0; i < 50; ++i) {
      CHECK(!mps_arena_step(arena, 0.01, 10.0));
      CHECK(!mps_arena_step(arena, 0.01, 0.0));
      CHECK(!mps_arena_step(arena, 0.0, 1000.0));
    }
    CHECK_EQ(mps_collections(arena), n);
    /* 10 s: it begins, in steps, and takes no longer than was offered */
    t = vnow();
    CHECK(mps_arena_step(arena, 0.01, 1000.0));
    CHECK(vnow() - t <= 0.01 + SLACK);
    for (i = 0; mps_arena_step(arena, 0.01, 0.0); ++i)
      CHECK(i < 10000);
    CHECK(i > 10);
    CHECK(vnow() - t <= 10.0);
    CHECK_EQ(mps_collections(arena), n + 1);
    verify();
    /* with nothing new it does not begin again */
    CHECK(!mps_arena_step(arena, 0.01, 1000.0));
  }
}

/* Allocation does not stand still for longer than the pause time, much. */
static void pauses(void)
{
  static const double asked[] = {0.0, 0.03, 0.2};
  size_t a;
  if (archive_is_debug())
    return;
  world();
  for (a = 0; a < sizeof asked / sizeof asked[0]; ++a) {
    double longest = 0.0;
    int i;
    mps_arena_pause_time_set(arena, asked[a]);
    CHECK_OK(mps_arena_start_collect(arena));
    for (i = 0; i < 40000; ++i) {
      double t = vnow();
      keep[1] = obj_new(ap, 0, KIND_LEAF, 20, 1);
      t = vnow() - t;
      if (t > longest)
        longest = t;
    }
    if (longest > asked[a] + SLACK)
      printf("    %g s asked, %g s\n", asked[a], longest);
    CHECK(longest <= asked[a] + SLACK);
    CHECK(longest > 0.0);
    mps_arena_park(arena);
    mps_arena_release(arena);
    verify();
  }
}

static void one_clock(void)
{
  mps_message_t m;
  mps_clock_t before;
  world();
  CHECK_EQ(mps_clocks_per_sec(), 1000000);
  mps_message_type_enable(arena, mps_message_type_gc());
  before = mps_clock();
  CHECK_OK(mps_arena_collect(arena));
  CHECK(mps_message_get(&m, arena, mps_message_type_gc()));
  CHECK(mps_message_clock(arena, m) >= before);
  CHECK(mps_message_clock(arena, m) <= mps_clock());
}

static const case_s cases[] = {
  {"a step keeps to its interval", keeps_to_interval},
  {"a step starts nothing that can't be paid for", pays_for_it},
  {"allocation keeps to the pause time", pauses},
  {"the client's own clock is the one that counts", one_clock}
};

int main(void)
{
  test_begin("step");
  if (reference())
    return test_end();          /* its plinth can't be replaced this way */
  return CASES_RUN(cases);
}
