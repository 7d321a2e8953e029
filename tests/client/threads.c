/* threads.c -- several threads on one arena
 *
 * threads [SECONDS [THREADS [PAUSE]]], default 5 seconds, 4 threads and a
 * pause time of 0.002 seconds.
 *
 * Each worker has an allocation point (on AMC, AMS or AWL) and a graph of its own with a shadow;
 * all share a directory of lists guarded by locks, with a shadow too; some
 * threads come and go; some sit in system calls, holding a reference on
 * their stack; the main thread collects in various ways.
 */

#include "common.h"
#include "mpscams.h"
#include "mpscawl.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

static mps_arena_t arena;
static mps_chain_t chain;
static mps_fmt_t fmt;
static mps_pool_t pool, pools[3];        /* AMC, AMS, AWL; pool: AMC */
static volatile int done;
static double finish_at;

/* --- a generator for each thread --- */

static word next(unsigned long long *s)
{
  *s = *s * 6364136223846793005ull + 1442695040888963407ull;
  return (word)((*s >> 33) & 0x7fffffff);
}

/* --- the shared directory: lists of serials --- */

enum { LISTS = 64, LONGEST = 200 };
static struct {
  pthread_mutex_t lock;
  size_t length;
  word serial[LONGEST];         /* newest last */
} shadow[LISTS];
static mps_addr_t directory;    /* a vector of LISTS slots, exact root */
static unsigned long long pushes, pops, compares;

static void list_op(mps_ap_t ap, unsigned long long *seed)
{
  size_t k = next(seed) % LISTS;
  word serial = next(seed);
  obj_t cell;
  switch (next(seed) % 4) {
  case 0: case 1:
    cell = obj_new(ap, 0, KIND_VECTOR, 2, serial);
    CHECK_EQ(pthread_mutex_lock(&shadow[k].lock), 0);
    if (shadow[k].length == LONGEST) {
      ((obj_t)directory)->slot[k] = 0;
      shadow[k].length = 0;
    }
    cell->slot[0] = ((obj_t)directory)->slot[k];
    cell->slot[1] = number(serial);
    ((obj_t)directory)->slot[k] = (word)cell;
    shadow[k].serial[shadow[k].length++] = serial;
    ++pushes;
    break;
  case 2:
    CHECK_EQ(pthread_mutex_lock(&shadow[k].lock), 0);
    if (shadow[k].length > 0) {
      cell = (obj_t)((obj_t)directory)->slot[k];
      serial = shadow[k].serial[--shadow[k].length];
      CHECK(obj_is(cell, KIND_VECTOR, 2, serial));
      ((obj_t)directory)->slot[k] = cell->slot[0];
      ++pops;
    }
    break;
  default: {
    size_t i;
    CHECK_EQ(pthread_mutex_lock(&shadow[k].lock), 0);
    cell = (obj_t)((obj_t)directory)->slot[k];
    for (i = shadow[k].length; i-- > 0; cell = (obj_t)cell->slot[0]) {
      CHECK(obj_is(cell, KIND_VECTOR, 2, shadow[k].serial[i]));
      CHECK_EQ(cell->slot[1], number(shadow[k].serial[i]));
    }
    CHECK(cell == NULL);
    ++compares;
  }
  }
  CHECK_EQ(pthread_mutex_unlock(&shadow[k].lock), 0);
}

/* --- workers: a private tree, its shape a function of its serial --- */

static obj_t tree_make(mps_ap_t ap, int depth, word serial)
{
  obj_t left = NULL, right = NULL, o;
  if (depth > 0) {
    left = tree_make(ap, depth - 1, 2 * serial);
    right = tree_make(ap, depth - 1, 2 * serial + 1);
  }
  o = obj_new(ap, 0, KIND_VECTOR, 2, serial);
  o->slot[0] = (word)left;
  o->slot[1] = (word)right;
  return o;
}

static void tree_check(obj_t o, int depth, word serial)
{
  CHECK(obj_is(o, KIND_VECTOR, 2, serial));
  if (depth > 0) {
    tree_check((obj_t)o->slot[0], depth - 1, 2 * serial);
    tree_check((obj_t)o->slot[1], depth - 1, 2 * serial + 1);
  } else {
    CHECK(o->slot[0] == 0 && o->slot[1] == 0);
  }
}

static unsigned long trees[64];

__attribute__((noinline)) static void work(size_t me)
{
  mps_ap_t ap = ap_make(pools[me % 3]);
  unsigned long long seed = rnd_seed + me * 1000003u;
  obj_t old = NULL;
  int old_depth = 0;
  while (!done) {
    int i, depth = (int)(next(&seed) % 8);
    obj_t t = tree_make(ap, depth, 1);
    for (i = 0; i < 50; ++i)
      list_op(ap, &seed);
    tree_check(t, depth, 1);
    if (old != NULL)
      tree_check(old, old_depth, 1);
    if (old == NULL || next(&seed) % 8 == 0) {
      old = t;
      old_depth = depth;
    }
    ++trees[me];
  }
  mps_ap_destroy(ap);
}

static void *worker(void *p)
{
  mps_thr_t thr;
  mps_root_t root;
  void *cold = NULL;
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread(&root, arena, thr, &cold));
  work((size_t)(word)p);
  mps_root_destroy(root);
  mps_thread_dereg(thr);
  return NULL;
}

/* --- threads that come and go --- */

static unsigned long births;

__attribute__((noinline)) static void short_life(word seed)
{
  mps_ap_t ap = ap_make(pools[seed % 3]);
  obj_t t = tree_make(ap, (int)(seed % 7), 1);
  unsigned long long s = seed;
  int i;
  for (i = 0; i < 20; ++i)
    list_op(ap, &s);
  tree_check(t, (int)(seed % 7), 1);
  mps_ap_destroy(ap);
}

static void *mortal(void *p)
{
  int i;
  for (i = 0; i < 3; ++i) {     /* registers more than once in its life */
    mps_thr_t thr;
    mps_root_t root;
    void *cold = NULL;
    CHECK_OK(mps_thread_reg(&thr, arena));
    CHECK_OK(mps_root_create_thread(&root, arena, thr, &cold));
    short_life((word)p + (word)i);
    mps_root_destroy(root);
    mps_thread_dereg(thr);
  }
  return NULL;
}

static void *midwife(void *p)
{
  unsigned long long seed = rnd_seed ^ 0xabcdef;
  (void)p;                      /* itself not registered */
  while (!done) {
    pthread_t t[3];
    int i;
    for (i = 0; i < 3; ++i)
      CHECK_EQ(pthread_create(&t[i], NULL, mortal,
                              (void *)next(&seed)), 0);
    for (i = 0; i < 3; ++i)
      CHECK_EQ(pthread_join(t[i], NULL), 0);
    births += 3;
  }
  return NULL;
}

/* --- threads in system calls --- */

static int pipe_fd[2];
static unsigned long wakes, interrupted;

__attribute__((noinline)) static void sleep_with(mps_ap_t ap, word serial,
                                                 int how)
{
  obj_t o = obj_new(ap, 0, KIND_LEAF, 12, serial);
  volatile word pinned = (word)o;       /* the address must not change */
  char c;
  ssize_t n;
  switch (how) {
  case 0:
    if (usleep(3000) != 0) {
      CHECK_EQ(errno, EINTR);
      ++interrupted;
    }
    break;
  default:
    do
      n = read(pipe_fd[0], &c, 1);
    while (n < 0 && errno == EINTR && ++interrupted);
    CHECK_EQ(n, 1);
  }
  CHECK_EQ((word)o, pinned);
  CHECK(obj_is((obj_t)pinned, KIND_LEAF, 12, serial));
  ++wakes;
}

static void *sleeper(void *p)
{
  mps_thr_t thr;
  mps_root_t root;
  mps_ap_t ap;
  void *cold = NULL;
  word serial = 1;
  int how = (int)(word)p;
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread(&root, arena, thr, &cold));
  ap = ap_make(pool);
  while (!done)
    sleep_with(ap, serial++, how);
  mps_ap_destroy(ap);
  mps_root_destroy(root);
  mps_thread_dereg(thr);
  return NULL;
}

static void *waker(void *p)
{
  (void)p;
  while (!done) {
    usleep(2000);
    CHECK_EQ(write(pipe_fd[1], "x", 1), 1);
  }
  CHECK_EQ(write(pipe_fd[1], "xxxxxxxx", 8), 8);
  return NULL;
}

int main(int argc, char **argv)
{
  double seconds = argc > 1 ? atof(argv[1]) : 5.0;
  size_t threads = argc > 2 ? (size_t)atoi(argv[2]) : 4, i;
  pthread_t w[64], m, s[2], k;
  mps_root_t root;
  mps_ap_t ap;
  unsigned long total = 0;
  long rounds = 0;
  test_begin("threads");
  CHECK(threads >= 1 && threads <= 64);
  arena = arena_vm((size_t)64 << 20);
  mps_arena_pause_time_set(arena, argc > 3 ? atof(argv[3]) : 0.002);
  chain = chain_make(arena, 3, 300);
  fmt = fmt_make(arena, 0);
  pool = pools[0] = pool_amc(arena, fmt, chain);
  CHECK_OK(mps_pool_create(&pools[1], arena, mps_class_ams(), fmt, chain, 1));
  CHECK_OK(mps_pool_create(&pools[2], arena, mps_class_awl(), fmt, NULL));
  ap = ap_make(pool);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0,
                                 &directory, 1));
  directory = obj_new(ap, 0, KIND_VECTOR, LISTS, 1);
  for (i = 0; i < LISTS; ++i)
    CHECK_EQ(pthread_mutex_init(&shadow[i].lock, NULL), 0);
  CHECK_EQ(pipe(pipe_fd), 0);
  finish_at = now() + seconds;
  for (i = 0; i < threads; ++i)
    CHECK_EQ(pthread_create(&w[i], NULL, worker, (void *)i), 0);
  CHECK_EQ(pthread_create(&m, NULL, midwife, NULL), 0);
  for (i = 0; i < 2; ++i)
    CHECK_EQ(pthread_create(&s[i], NULL, sleeper, (void *)i), 0);
  CHECK_EQ(pthread_create(&k, NULL, waker, NULL), 0);
  while (now() < finish_at) {
    usleep(20000);
    switch (rounds++ % 8) {
    case 1:
      CHECK_OK(mps_arena_collect(arena));
      mps_arena_release(arena);
      break;
    case 3:
      CHECK_OK(mps_arena_start_collect(arena));
      break;
    case 5:
      mps_arena_park(arena);
      usleep(2000);
      mps_arena_release(arena);
      break;
    case 7:
      (void)mps_arena_step(arena, 0.002, 0.0);
      break;
    default:
      break;
    }
  }
  done = 1;
  for (i = 0; i < threads; ++i) {
    CHECK_EQ(pthread_join(w[i], NULL), 0);
    total += trees[i];
  }
  CHECK_EQ(pthread_join(m, NULL), 0);
  CHECK_EQ(pthread_join(k, NULL), 0);
  for (i = 0; i < 2; ++i)
    CHECK_EQ(pthread_join(s[i], NULL), 0);
  CHECK(total > 0 && births > 0 && wakes > 0);
  CHECK(mps_collections(arena) > 3);
  part("%lu workers for %g s: %lu trees, %llu pushes, %llu pops, %llu"
       " compared, %lu flips", (unsigned long)threads, seconds, total, pushes,
       pops, compares, (unsigned long)mps_collections(arena));
  part("%lu threads came and went; %lu wakes, %lu interrupted calls", births,
       wakes, interrupted);
  mps_arena_park(arena);
  mps_ap_destroy(ap);
  mps_root_destroy(root);
  for (i = 0; i < 3; ++i)
    mps_pool_destroy(pools[i]);
  mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
  return test_end();
}
