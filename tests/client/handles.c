/* handles.c -- words that stay the same for objects that move
 *
 * A shadow says which objects must be alive: those of strong handles, and what these
 * lead to.
 */

#include "common.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsx.h"

#include <pthread.h>

enum { N = 3000, POOLS = 3, THREADS = 3 };

static mps_arena_t arena;
static mps_chain_t chain;
static mps_fmt_t fmt;
static mps_pool_t pools[POOLS];
static mps_ap_t aps[POOLS];

static mps_x_handle_t strong[N], weak[N];
static size_t next[N];
static int live[N];

static void begin(double pause)
{
  size_t i;
  mps_pool_class_t c[POOLS];
  c[0] = mps_class_amc();
  c[1] = mps_class_ams();
  c[2] = mps_class_awl();
  arena = arena_vm((size_t)64 << 20);
  mps_arena_pause_time_set(arena, pause);
  chain = chain_make(arena, 2, 300);
  fmt = fmt_make(arena, 0);
  for (i = 0; i < POOLS; ++i) {
    pools[i] = pool_auto(arena, c[i], fmt, chain);
    aps[i] = ap_make(pools[i]);
  }
}

static void end(void)
{
  size_t i;
  mps_arena_park(arena);
  for (i = 0; i < POOLS; ++i) {
    mps_ap_destroy(aps[i]);
    mps_pool_destroy(pools[i]);
  }
  mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);     /* with its handles */
}

static void shadow(void)
{
  size_t i;
  int more = 1;
  for (i = 0; i < N; ++i)
    live[i] = strong[i] != NULL;
  while (more)
    for (more = 0, i = 0; i < N; ++i)
      if (live[i] && next[i] < N && !live[next[i]])
        live[next[i]] = more = 1;
}

static void check(size_t i, mps_addr_t a)
{
  CHECK(obj_is(a, KIND_VECTOR, 3, i));
  if (next[i] < N)
    CHECK(obj_is((obj_t)((obj_t)a)->slot[0], KIND_VECTOR, 3, next[i]));
}

/* There is no thread root: nothing is held by what is read, nor by the stack. */
static void shadowed(double pause)
{
  size_t i, r, moved = 0, gone = 0, steps = 0;
  static mps_addr_t was[N];
  begin(pause);
  mps_arena_clamp(arena);
  for (i = 0; i < N; ++i) {
    obj_t o = obj_new(aps[i % POOLS], 0, KIND_VECTOR, 3, i);
    CHECK_OK(mps_x_handle_create(&strong[i], arena, mps_rank_exact(), o));
    CHECK_OK(mps_x_handle_create(&weak[i], arena, mps_rank_weak(), o));
    CHECK_EQ((word)mps_x_handle_get(strong[i]), (word)o);
    CHECK_EQ((word)mps_x_handle_get(weak[i]), (word)o);
    next[i] = N;
  }
  for (i = 0; i < N; ++i)
    if (rnd_below(2) == 0) {
      next[i] = rnd_below(N);
      ((obj_t)mps_x_handle_get(strong[i]))->slot[0] = (word)mps_x_handle_get(weak[next[i]]);
    }
  for (r = 0; r < 20; ++r) {
    int look = r % 2;
    for (i = 0; i < N; ++i)
      if (strong[i] != NULL && rnd_below(8) == 0) {
        mps_x_handle_destroy(strong[i]);
        strong[i] = NULL;
      }
    for (i = 0; i < N; ++i)
      was[i] = mps_x_handle_get(weak[i]);
    shadow();
    mps_arena_release(arena);
    if (r % 4 < 2) {
      (void)mps_arena_start_collect(arena);
      for (; mps_arena_step(arena, 0.0, 0.0); ++steps) {
        i = rnd_below(N);
        if (strong[i] != NULL)
          check(i, mps_x_handle_get(strong[i]));
        if (look) {             /* holds what it leads to, unless that is gone */
          mps_addr_t a = mps_x_handle_get(weak[i]);
          if (a != NULL)
            check(i, a);
          else
            CHECK(!live[i]);
          if (a != NULL && strong[i] == NULL) {
            CHECK_OK(mps_x_handle_create(&strong[i], arena, mps_rank_exact(), a));
            CHECK_EQ((word)mps_x_handle_get(strong[i]), (word)a);
          }
        }
      }
      mps_arena_park(arena);
      shadow();
      for (i = 0; i < N; ++i) {
        mps_addr_t a = mps_x_handle_get(weak[i]);
        if (live[i])
          check(i, a);
      }
      mps_arena_release(arena);
    }
    CHECK_OK(mps_arena_collect(arena));
    for (i = 0; i < N; ++i) {
      mps_addr_t a = mps_x_handle_get(weak[i]);
      if (live[i]) {
        check(i, a);
        moved += a != was[i];
      } else {
        CHECK_EQ((word)a, 0);
        ++gone;
      }
      if (strong[i] != NULL)
        CHECK_EQ((word)mps_x_handle_get(strong[i]), (word)a);
    }
    mps_arena_clamp(arena);
  }
  CHECK(moved > 0 && gone > 0);
  for (i = 0; i < N; i += 2) {
    mps_x_handle_destroy(weak[i]);
    REPORTED(mps_x_handle_destroy(weak[i]));
    i += 500;
  }
  REPORTED(CHECK_EQ(mps_x_handle_create(&weak[0], arena, mps_rank_ambig(), NULL), MPS_RES_PARAM));
  end();
  part("a shadow, pause time %.1f: moved %lu times, gone %lu times, %lu steps", pause,
       (unsigned long)moved, (unsigned long)gone, (unsigned long)steps);
}

/* --- several threads make, read and give back, while collections run --- */

static volatile int ended;

static void *worker(void *p)
{
  enum { MINE = 700 };
  static mps_x_handle_t all[THREADS][2][MINE];
  mps_x_handle_t (*mine)[MINE] = all[(size_t)p];
  mps_thr_t thr;
  mps_root_t root;
  mps_ap_t ap;
  unsigned seed = 17 * (unsigned)(size_t)p + 5;
  size_t i;
  long n;
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_x_root_create_stack(&root, arena, thr));
  CHECK_OK(mps_ap_create_k(&ap, pools[0], mps_args_none));
  for (n = 0; n < 12000; ++n) {
    int w;
    mps_addr_t a;
    seed = seed * 1103515245u + 12345u;
    i = (seed >> 8) % MINE;
    w = (seed >> 20) & 1;
    if (mine[w][i] == NULL) {
      obj_t o = obj_new(ap, 0, KIND_VECTOR, 3, i);
      CHECK_OK(mps_x_handle_create(&mine[w][i], arena, w ? mps_rank_weak() : mps_rank_exact(), o));
      continue;
    }
    a = mps_x_handle_get(mine[w][i]);
    if (a != NULL)
      CHECK(obj_is(a, KIND_VECTOR, 3, i));
    else
      CHECK(w);
    if (a == NULL || (seed >> 24) % 4 == 0) {
      mps_x_handle_destroy(mine[w][i]);
      mine[w][i] = NULL;
    }
  }
  mps_ap_destroy(ap);
  mps_root_destroy(root);
  mps_thread_dereg(thr);
  return NULL;
}

static void *collector(void *p)
{
  mps_thr_t thr;
  (void)p;
  CHECK_OK(mps_thread_reg(&thr, arena));
  while (!ended) {
    (void)mps_arena_start_collect(arena);
    while (mps_arena_step(arena, 0.0, 0.0))
      ;
  }
  mps_thread_dereg(thr);
  return NULL;
}

static void threads(void)
{
  pthread_t t[THREADS], c;
  size_t i;
  begin(0.0);
  ended = 0;
  CHECK_EQ(pthread_create(&c, NULL, collector, NULL), 0);
  for (i = 0; i < THREADS; ++i)
    CHECK_EQ(pthread_create(&t[i], NULL, worker, (void *)i), 0);
  for (i = 0; i < THREADS; ++i)
    CHECK_EQ(pthread_join(t[i], NULL), 0);
  ended = 1;
  CHECK_EQ(pthread_join(c, NULL), 0);
  part("threads: %lu collections", (unsigned long)mps_collections(arena));
  end();
}

int main(void)
{
  test_begin("handles");
  shadowed(0.0);
  shadowed(0.1);
  threads();
  return test_end();
}
