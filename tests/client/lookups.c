/* lookups.c -- a software barrier, by the macros of mpsx.h
 *
 * A table of objects in one large object, changed at random, with a shadow copy;
 * the program looks before each access. Then what happens if it forgets to.
 * (Every other program runs with such a barrier too: run.sh with SOFT.)
 */

#include "common.h"
#include "mpsx.h"
#include "mpscams.h"

enum { ROWS = 200, COLS = 100 };

static mps_arena_t arena;
static mps_pool_t pool;
static mps_ap_t ap;
static mps_fmt_t fmt;
static mps_addr_t table;                /* a root: an object of ROWS slots */
static mps_root_t root;
static word shadow[ROWS][COLS];
static mps_word_t hits_read, hits_write, protections;

/* The key comes first, so that what is given after it may follow. */
static void world(mps_arena_class_t class, void *base, size_t size, int moves)
{
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_X_SOFT_BARRIER, 1);
    MPS_ARGS_ADD(args, MPS_KEY_X_PAUSE_TIME_US, 0);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, size);
    if (base != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_ARENA_CL_BASE, base);
    CHECK_OK(mps_arena_create_k(&arena, class, args));
  } MPS_ARGS_END(args);
  fmt = fmt_make(arena, 0);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    CHECK_OK(mps_pool_create_k(&pool, arena, moves ? mps_class_amc() : mps_class_ams(), args));
  } MPS_ARGS_END(args);
  ap = ap_make(pool);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, &table, 1));
}

static void end_world(void)
{
  mps_x_stats_s stats;
  stats.struct_size = sizeof stats;
  CHECK_OK(mps_x_stats(arena, &stats));
  hits_read = stats.barrier_hits_read;
  hits_write = stats.barrier_hits_write;
  protections = stats.syscalls_protect;
  mps_arena_park(arena);
  mps_root_destroy(root);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

static word load(word *at)
{
  MPS_X_READ(arena, at);
  return *at;
}

static void store(word *at, word w)
{
  MPS_X_WRITE(arena, at);
  *at = w;
}

static word *slot(mps_addr_t row, size_t i)
{
  return &((obj_t)row)->slot[i];
}

static void build(void)
{
  size_t i, k;
  table = obj_new(ap, 0, KIND_VECTOR, ROWS, 1);
  for (i = 0; i < ROWS; ++i) {
    mps_addr_t row = obj_new(ap, 0, KIND_VECTOR, COLS, 2 + i);
    store(slot(table, i), (word)row);
    for (k = 0; k < COLS; ++k)
      store(slot(row, k), number(shadow[i][k] = 0));
  }
}

static void change(size_t count)
{
  while (count-- > 0) {
    size_t i = rnd_below(ROWS), k = rnd_below(COLS);
    mps_addr_t row = (mps_addr_t)load(slot(table, i));
    switch (rnd_below(4)) {
    case 0:                     /* a new row */
      row = obj_new(ap, 0, KIND_VECTOR, COLS, 2 + i);
      store(slot(table, i), (word)row);
      for (k = 0; k < COLS; ++k)
        store(slot(row, k), number(shadow[i][k] = 0));
      break;
    case 1:                     /* a number */
      shadow[i][k] = rnd();
      store(slot(row, k), number(shadow[i][k]));
      break;
    default:                    /* one, boxed in a new object */
      {
        obj_t box = obj_new(ap, 0, KIND_VECTOR, 1, 7);
        store(slot(box, 0), number(shadow[i][k] = rnd()));
        row = (mps_addr_t)load(slot(table, i));
        store(slot(row, k), (word)box);
      }
    }
  }
}

static void verify(void)
{
  size_t i, k;
  for (i = 0; i < ROWS; ++i)
    for (k = 0; k < COLS; ++k) {
      word w = load(slot((mps_addr_t)load(slot(table, i)), k));
      if (!is_number(w))
        w = load(slot((mps_addr_t)w, 0));
      CHECK_EQ(w, number(shadow[i][k]));
    }
}

static void works(const char *what, mps_arena_class_t class, void *base, size_t size, int moves)
{
  int round;
  world(class, base, size, moves);
  /* References held in registers and on the stack would pin everything. */
  build();
  for (round = 0; round < 20; ++round) {
    change(20000);
    verify();
  }
  CHECK(mps_collections(arena) > 5);
  end_world();
  part("%s: %lu reads and %lu writes denied", what,
       (unsigned long)hits_read, (unsigned long)hits_write);
  CHECK(hits_read > 0);
  CHECK(hits_write > 0);
  CHECK(protections > 0);
}

/* An arena that has to grow, by what lies near and by what lies far. */
static void grows(void)
{
  size_t size = (size_t)1 << 20;
  char *near = malloc(8 * size), *far = malloc(size);
  world(mps_arena_class_cl(), near, size, 1);
  CHECK_OK(mps_arena_extend(arena, near + 2 * size, 2 * size));
  CHECK_OK(mps_arena_extend(arena, far, size));
  CHECK_OK(mps_arena_extend(arena, near + 5 * size, 3 * size));
  CHECK_EQ(mps_arena_extend(arena, near + 4 * size, 100), MPS_RES_MEMORY);
  build();
  change(200000);
  verify();
  end_world();
  CHECK(hits_read + hits_write > 0);
  free(near);
  free(far);
}

/* A reference goes where the collector does not hear of it. */
static void forgets(void)
{
  int round;
  mps_word_t before;
  world(mps_arena_class_vm(), NULL, (size_t)16 << 20, 1);
  build();
  /* Until the barrier is up: not before memory has been left alone for a while. */
  for (round = 0; round < 8; ++round) {
    mps_arena_collect(arena);
    mps_arena_release(arena);
  }
  for (round = 0; round < 30; ++round) {
    obj_t box = obj_new(ap, 0, KIND_VECTOR, 1, 7);
    mps_addr_t row = (mps_addr_t)load(slot(table, rnd_below(ROWS)));
    *slot(row, 0) = (word)box;
  }
  /* A collection of what is young. */
  for (before = mps_collections(arena); mps_collections(arena) == before; )
    garbage(ap, 0, 1000, 20);
  mps_arena_park(arena);
}

int main(void)
{
  static char given[4 << 20];
  test_begin("lookups");
  works("VM arena, AMC", mps_arena_class_vm(), NULL, (size_t)64 << 20, 1);
  works("VM arena, AMS", mps_arena_class_vm(), NULL, (size_t)1 << 20, 0);
  works("given memory, AMC", mps_arena_class_cl(), given, sizeof given, 1);
  works("given memory, AMS", mps_arena_class_cl(), given, sizeof given, 0);
  grows();
  part("near and far memory that is added");
  if (soft_barrier()) {
    part("NOT CHECKED (soft.c forgets nothing): what is forgotten is found");
  } else if (archive_is_debug()) {
    reports_leave = 1;
    REPORTED(forgets());
    part("what is forgotten is found: %s", reports_text);
    CHECK(strstr(reports_text, ": object ") != NULL);
  }
  return test_end();
}
