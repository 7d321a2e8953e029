/* pace.c -- the program keeps its share of the time, by a clock of our own
 *
 * The client's plinth gives the time here: 64 words scanned take a
 * microsecond, four objects moved one, a look at the clock one, and the program
 * says how long it works itself.  Nothing here is measured.
 */

#include "common.h"

#ifdef HAVE_MPSX
#include "mpsx.h"

static unsigned long looks, worked;

mps_clock_t mps_clock(void)
{
  ++looks;
  return (mps_clock_t)(1000 + looks + worked + scan_words / 64 + fwd_calls / 4);
}

mps_clock_t mps_clocks_per_sec(void)
{
  return 1000000;
}

/* Microseconds since the beginning. */
static unsigned long vnow(void)
{
  return looks + worked + scan_words / 64 + fwd_calls / 4;
}

enum { WINDOW = 20000, LIVE = 20000, SLOTS = 16, STRETCHES = 1 << 16 };

/* When the program waited for the collector. */
static struct { unsigned long from, to; } stretch[STRETCHES];
static size_t stretches;
static unsigned long worst_at;

/* The most that the collector had of any WINDOW. */
static unsigned long worst(void)
{
  unsigned long most = 0;
  size_t i, j;
  for (i = 0; i < stretches; ++i) {
    unsigned long sum = 0, end = stretch[i].from + WINDOW;
    for (j = i; j < stretches && stretch[j].from < end; ++j)
      sum += (stretch[j].to < end ? stretch[j].to : end) - stretch[j].from;
    if (sum > most) {
      most = sum;
      worst_at = stretch[i].from;
    }
  }
  return most;
}

static mps_arena_t arena;
static mps_fmt_t fmt;
static mps_pool_t pool;
static mps_ap_t ap;
static mps_root_t root;
enum { ROWS = 200 };
static mps_addr_t keep[1 + ROWS];        /* the list; rows of young objects */

/* An arena with a list in it that the program does not look at. */
static void world(double pause, double utilisation)
{
  int i;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, (size_t)256 << 20);
    MPS_ARGS_ADD(args, MPS_KEY_PAUSE_TIME, pause);
    if (utilisation >= 0)
      MPS_ARGS_ADD(args, MPS_KEY_X_UTILISATION, utilisation);
    CHECK_OK(mps_arena_create_k(&arena, mps_arena_class_vm(), args));
  } MPS_ARGS_END(args);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, NULL);
  ap = ap_make(pool);
  memset(keep, 0, sizeof keep);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, keep,
                                 1 + ROWS));
  for (i = 0; i < LIVE; ++i) {
    obj_t o = obj_new(ap, 0, KIND_VECTOR, SLOTS, (word)i);
    o->slot[0] = (word)keep[0];
    keep[0] = o;
  }
  for (i = 1; i <= ROWS; ++i)
    keep[i] = obj_new(ap, 0, KIND_VECTOR, LIVE / ROWS, 0);
  CHECK_OK(mps_arena_collect(arena));
  mps_arena_release(arena);
}

static void gone(void)
{
  obj_t o;
  word i = LIVE;
  mps_arena_park(arena);
  for (o = keep[0]; o != NULL; o = (obj_t)o->slot[0])
    CHECK(obj_is(o, KIND_VECTOR, SLOTS, --i));
  CHECK_EQ(i, 0);
  mps_root_destroy(root);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

/* Makes objects, of which the last LIVE are alive, `work` microseconds for each. */
static void churn(unsigned long objects, unsigned long work)
{
  stretches = 0;
  while (objects-- > 0) {
    unsigned long from = vnow(), looked = looks;
    obj_t young;
    young = obj_new(ap, 0, KIND_VECTOR, SLOTS, 1);
    ((obj_t)keep[1 + objects % ROWS])->slot[objects / ROWS % (LIVE / ROWS)] = (word)young;
    /* A look at the clock that finds nothing to do is not the collector's. */
    if (vnow() - from > looks - looked && stretches < STRETCHES) {
      stretch[stretches].from = from;
      stretch[stretches++].to = vnow();
    }
    worked += work;
  }
}

static mps_x_stats_s stats(void)
{
  mps_x_stats_s s;
  s.struct_size = sizeof s;
  CHECK_OK(mps_x_stats(arena, &s));
  return s;
}

/* With time to work in, the collector keeps to its share, whatever that is, and is
 * not late.  A step ends 32 KB of work after its time is up at the latest, and when the
 * scan of a segment has ended.  (The debug archive scans everything once more after
 * each collection, in one piece.) */
static void share(double utilisation, double kept)
{
  unsigned long most;
  mps_x_stats_s s, t;
  world(0.001, utilisation);
  CHECK_EQ(mps_x_arena_utilisation_permille(arena), (size_t)(kept * 1000 + .5));
  s = stats();
  churn(400000, 7);
  t = stats();
  most = worst();
  CHECK(t.collections > s.collections + 2);
  CHECK(t.steps > s.steps + 10);
  CHECK_EQ(t.collections_late, s.collections_late);
  if (!archive_is_debug() && most > (1 - kept) * WINDOW + 2000) {
    fprintf(stderr, "%lu us of %d at %lu\n", most, WINDOW, worst_at);
    CHECK(0);
  }
  CHECK(t.busiest_20ms_us * 10 >= most * 9);
  gone();
}

static void half_by_default(void)
{
  share(-1.0, 0.5);
}

static void more(void)
{
  share(0.75, 0.75);
}

/* If the program leaves no time, a collection is late, and ends all the same. */
static void late(void)
{
  mps_x_stats_s s, t;
  world(0.001, 1.0);
  s = stats();
  churn(400000, 0);
  t = stats();
  CHECK(t.collections > s.collections);
  CHECK(t.collections_late > s.collections_late);
  gone();
}

/* Without a limit a step is done for each 64 KB, and no collection is late. */
static void no_limit(void)
{
  mps_x_stats_s s, t;
  world(0.001, 0.0);
  CHECK_EQ(mps_x_arena_utilisation_permille(arena), 0);
  s = stats();
  churn(200000, 0);
  t = stats();
  CHECK(t.collections > s.collections);
  CHECK_EQ(t.collections_late, 0);
  gone();
}

static void defaults_follow_the_pause_time(void)
{
  world(0.1, -1.0);
  CHECK_EQ(mps_x_arena_utilisation_permille(arena), 0);
  mps_arena_pause_time_set(arena, 0.01);
  CHECK_EQ(mps_x_arena_utilisation_permille(arena), 500);
  mps_arena_pause_time_set(arena, 0.011);
  CHECK_EQ(mps_x_arena_utilisation_permille(arena), 0);
  mps_x_arena_utilisation_permille_set(arena, 250);
  CHECK_EQ(mps_x_arena_utilisation_permille(arena), 250);
  mps_x_arena_utilisation_permille_set(arena, 1000);
  CHECK_EQ(mps_x_arena_utilisation_permille(arena), 1000);
  mps_x_arena_utilisation_permille_set(arena, 0);
  CHECK_EQ(mps_x_arena_utilisation_permille(arena), 0);
  REPORTED(mps_x_arena_utilisation_permille_set(arena, 1001));
  CHECK_EQ(mps_x_arena_utilisation_permille(arena), 0);
  gone();
}

static void keys(void)
{
  volatile mps_res_t res = MPS_RES_OK;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_X_UTILISATION_PERMILLE, 333);
    CHECK_OK(mps_arena_create_k(&arena, mps_arena_class_vm(), args));
  } MPS_ARGS_END(args);
  CHECK_EQ(mps_x_arena_utilisation_permille(arena), 333);
  mps_arena_destroy(arena);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_X_UTILISATION, 1.5);
    REPORTED(res = mps_arena_create_k(&arena, mps_arena_class_vm(), args));
  } MPS_ARGS_END(args);
  CHECK_EQ(res, MPS_RES_PARAM);
}

static const case_s cases[] = {
  {"half by default", half_by_default},
  {"more", more},
  {"late", late},
  {"no limit", no_limit},
  {"defaults follow the pause time", defaults_follow_the_pause_time},
  {"keys", keys},
};

int main(void)
{
  return CASES_RUN(cases);
}

#else

int main(void)
{
  test_begin("pace");
  part("nothing: no mpsx.h here");
  return test_end();
}

#endif
