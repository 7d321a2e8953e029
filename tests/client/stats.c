/* stats.c -- pause and work figures: mps_x_stats
 */

#include "common.h"

#include <pthread.h>
#include <sched.h>

#ifdef HAVE_MPSX
#include "mpsx.h"

static mps_arena_t arena;
static mps_fmt_t fmt;
static mps_pool_t pool;
static mps_ap_t ap;
static mps_root_t root;
enum { TABLE = 1000, SLOTS = 10 };
static mps_addr_t table[TABLE];

static void setup(void)
{
  arena = arena_vm((size_t)64 << 20);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, NULL);
  ap = ap_make(pool);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, table,
                                 TABLE));
}

static void teardown(void)
{
  mps_arena_park(arena);
  memset(table, 0, sizeof table);
  mps_root_destroy(root);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

/* What must hold at all times. */
static void consistent(const mps_x_stats_s *s)
{
  CHECK(s->pause_p50_seconds >= 0);
  CHECK(s->pause_p50_seconds <= s->pause_p99_seconds);
  CHECK(s->pause_p99_seconds <= s->pause_p999_seconds);
  CHECK(s->pause_p999_seconds <= s->pause_max_seconds);
  CHECK(s->pause_max_seconds <= s->pause_total_seconds);
  CHECK(s->pause_total_seconds
        <= s->pause_max_seconds * (double)s->pauses + 1e-9);
  CHECK(s->longest_step_seconds <= s->pause_max_seconds);
  CHECK(s->pauses >= s->barrier_hits_write);
  CHECK(s->bytes_condemned >= s->bytes_reclaimed);
}

static void stats(mps_x_stats_s *s)
{
  memset(s, 0x55, sizeof *s);
  s->struct_size = sizeof *s;
  CHECK_OK(mps_x_stats(arena, s));
  CHECK_EQ(s->struct_size, sizeof *s);
  consistent(s);
}

static void nothing_yet(void)
{
  mps_x_stats_s s;
  setup();
  stats(&s);
  CHECK_EQ(s.collections | s.steps | s.flips | s.pauses, 0);
  CHECK_EQ(s.barrier_hits_read | s.barrier_hits_write, 0);
  CHECK_EQ(s.bytes_condemned | s.bytes_copied | s.bytes_reclaimed, 0);
  CHECK_EQ(s.thread_stops | s.syscalls_protect, 0);
  CHECK(s.syscalls_map > 0);
  CHECK(s.pause_max_seconds == 0 && s.pause_total_seconds == 0);
  teardown();
  part("nothing yet");
}

/* Objects that are alive are moved, the others reclaimed. */
static void copying(void)
{
  mps_x_stats_s before, after;
  size_t size = (SLOTS + 2) * sizeof(word);
  int i;
  setup();
  stats(&before);
  for (i = 0; i < 2 * TABLE; ++i)
    table[i / 2] = obj_new(ap, 0, KIND_VECTOR, SLOTS, 1);
  CHECK_OK(mps_arena_collect(arena));
  stats(&after);
  CHECK(after.bytes_copied >= TABLE * size);
  /* Allocation points hold back no more than a segment. */
  CHECK(after.bytes_copied < (TABLE + 1) * size + 65536);
  CHECK(after.bytes_reclaimed >= after.bytes_copied);
  CHECK(after.bytes_condemned >= 2 * TABLE * size);
  CHECK_EQ(after.flips, before.flips + 1);
  CHECK_EQ(after.collections, before.collections + 1);
  CHECK(after.pauses > before.pauses && after.pause_total_seconds > 0);
  teardown();
  part("%lu bytes copied", (unsigned long)after.bytes_copied);
}

/* Every write to an object whose references are known is a hit, and a pause. */
static void barrier(void)
{
  mps_x_stats_s before, after;
  int i;
  setup();
  for (i = 0; i < TABLE; ++i)
    table[i] = obj_new(ap, 0, KIND_VECTOR, SLOTS, 1);
  CHECK_OK(mps_arena_collect(arena));
  CHECK_OK(mps_arena_collect(arena));
  stats(&before);
  CHECK(before.syscalls_protect > 0);
  for (i = 0; i < TABLE; ++i)
    ((obj_t)table[i])->slot[0] = (word)table[TABLE - 1 - i];
  stats(&after);
  CHECK(after.barrier_hits_write > before.barrier_hits_write);
  CHECK(after.barrier_hits_write <= before.barrier_hits_write + TABLE);
  CHECK_EQ(after.pauses - before.pauses,
           after.barrier_hits_write - before.barrier_hits_write);
  CHECK(after.syscalls_protect > before.syscalls_protect);
  CHECK_EQ(after.steps, before.steps);
  CHECK_EQ(after.bytes_copied, before.bytes_copied);
  teardown();
  part("%lu barrier hits",
       (unsigned long)(after.barrier_hits_write - before.barrier_hits_write));
}

/* A long pause among short ones: the percentiles tell them apart. */
static void percentiles(void)
{
  mps_x_stats_s s;
  int i;
  setup();
  mps_arena_pause_time_set(arena, 0);
  for (i = 0; i < 500000; ++i) {
    obj_t o = obj_new(ap, 0, KIND_VECTOR, SLOTS, 1), to = table[rnd_below(TABLE)];
    if (to != NULL)
      to->slot[0] = (word)o;
    if (i % 16 == 0)
      table[rnd_below(TABLE)] = o;
  }
  stats(&s);
  CHECK(s.pauses > 10 && s.collections > 2);
  CHECK_OK(mps_arena_collect(arena));
  stats(&s);
  CHECK(s.pause_p50_seconds < s.pause_max_seconds);
  teardown();
  part("%lu pauses: 50 of 100 at most %.0f us, 99.9 %.0f us, all %.0f us",
       (unsigned long)s.pauses, s.pause_p50_seconds * 1e6,
       s.pause_p999_seconds * 1e6, s.pause_max_seconds * 1e6);
}

static volatile int running, stop;

static void *spin(void *unused)
{
  mps_thr_t thread;
  CHECK_OK(mps_thread_reg(&thread, arena));
  running = 1;
  while (!stop)
    sched_yield();
  mps_thread_dereg(thread);
  return unused;
}

static void threads(void)
{
  mps_x_stats_s s;
  pthread_t t;
  int i;
  setup();
  running = stop = 0;
  CHECK(pthread_create(&t, NULL, spin, NULL) == 0);
  while (!running)
    sched_yield();
  for (i = 0; i < TABLE; ++i)
    table[i] = obj_new(ap, 0, KIND_VECTOR, SLOTS, 1);
  CHECK_OK(mps_arena_collect(arena));
  stats(&s);
  CHECK(s.thread_stops > 0);
  stop = 1;
  CHECK(pthread_join(t, NULL) == 0);
  teardown();
  part("%lu stops", (unsigned long)s.thread_stops);
}

/* A program may know less of the structure than the library, or more. */
static void sizes(void)
{
  struct { mps_x_stats_s s; char more[32]; } big;
  mps_x_stats_s s;
  size_t i;
  setup();
  memset(&s, 0x55, sizeof s);
  s.struct_size = sizeof(size_t) - 1;
  CHECK_EQ(mps_x_stats(arena, &s), MPS_RES_PARAM);
  CHECK(s.pause_max_seconds != 0);
  s.struct_size = offsetof(mps_x_stats_s, pauses);
  CHECK_OK(mps_x_stats(arena, &s));
  CHECK(s.longest_step_seconds == 0);
  for (i = offsetof(mps_x_stats_s, pauses); i < sizeof s; ++i)
    CHECK_EQ(((unsigned char *)&s)[i], 0x55);
  memset(&big, 0x55, sizeof big);
  big.s.struct_size = sizeof big;
  CHECK_OK(mps_x_stats(arena, &big.s));
  CHECK_EQ(big.s.struct_size, sizeof big);
  CHECK(big.s.pause_max_seconds == 0);
  for (i = 0; i < sizeof big.more; ++i)
    CHECK_EQ(big.more[i], 0);
  teardown();
  part("sizes of the structure");
}

int main(void)
{
  test_begin("stats");
  if (reference())
    return test_end();
  nothing_yet();
  copying();
  barrier();
  percentiles();
  threads();
  sizes();
  return test_end();
}

#else /* not HAVE_MPSX */

int main(void)
{
  test_begin("stats");
  part("nothing: no mpsx.h here");
  return test_end();
}

#endif
