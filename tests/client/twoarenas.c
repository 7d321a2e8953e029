/* twoarenas.c -- two arenas at once: each with a thread of its own, and one
 * thread registered with both */

#include "common.h"

#include <pthread.h>

typedef struct world_s {
  mps_arena_t arena;
  mps_chain_t chain;
  mps_fmt_t fmt;
  mps_pool_t pool;
  mps_ap_t ap;
  graph_s g;
} world_s;

static world_s world[2];

static void world_make(world_s *w, double pause)
{
  w->arena = arena_vm((size_t)32 << 20);
  mps_arena_pause_time_set(w->arena, pause);
  w->chain = chain_make(w->arena, 3, 200);
  w->fmt = fmt_make(w->arena, 0);
  w->pool = pool_amc(w->arena, w->fmt, w->chain);
  w->ap = ap_make(w->pool);
}

static void world_destroy(world_s *w)
{
  mps_arena_park(w->arena);
  mps_ap_destroy(w->ap);
  mps_pool_destroy(w->pool);
  mps_chain_destroy(w->chain);
  mps_fmt_destroy(w->fmt);
  mps_arena_destroy(w->arena);
}

/* --- one thread, both arenas, turn by turn --- */

static void test_alternate(void)
{
  int i, k;
  for (k = 0; k < 2; ++k) {
    world_make(&world[k], 0.0);
    graph_init(&world[k].g, world[k].arena, 0, 50, 3000, 10, world[k].ap, 0,
               NULL, 0);
  }
  for (i = 0; i < 100000; ++i) {
    graph_step(&world[rnd_below(2)].g);
    if (i % 5000 == 4999) {
      CHECK_OK(mps_arena_start_collect(world[i / 5000 % 2].arena));
      (void)mps_arena_step(world[i / 5000 % 2].arena, 0.0, 0.0);
      graph_verify(&world[0].g);
      graph_verify(&world[1].g);
    }
  }
  for (k = 0; k < 2; ++k)
    for (i = 0; i < 50; ++i) {
      mps_pool_t p = NULL;
      mps_addr_t a = world[k].g.root[i];
      if (a == NULL)
        continue;
      CHECK(mps_arena_has_addr(world[k].arena, a));
      CHECK(!mps_arena_has_addr(world[1 - k].arena, a));
      CHECK(mps_addr_pool(&p, world[k].arena, a) && p == world[k].pool);
      CHECK(!mps_addr_pool(&p, world[1 - k].arena, a));
    }
  CHECK(mps_collections(world[0].arena) > 2);
  CHECK(mps_collections(world[1].arena) > 2);
  graph_finish(&world[0].g);
  world_destroy(&world[0]);
  for (i = 0; i < 20000; ++i)   /* the other one goes on alone */
    graph_step(&world[1].g);
  graph_verify(&world[1].g);
  graph_finish(&world[1].g);
  world_destroy(&world[1]);
  part("one thread, two arenas in turn");
}

/* --- two threads, an arena each, both with barriers --- */

static word next(unsigned long long *s)
{
  *s = *s * 6364136223846793005ull + 1442695040888963407ull;
  return (word)((*s >> 33) & 0x7fffffff);
}

enum { ROOTS = 200 };

/* A forest of lists in w; every list ends where another began. */
static void churn(world_s *w, unsigned long long seed, int rounds)
{
  static mps_addr_t table[2][ROOTS];
  static word serial[2][ROOTS];
  size_t me = (size_t)(w - world), i;
  mps_addr_t *r = table[me];
  mps_root_t root;
  int k;
  memset(table[me], 0, sizeof table[me]);
  memset(serial[me], 0, sizeof serial[me]);
  CHECK_OK(mps_root_create_table(&root, w->arena, mps_rank_exact(), 0, r,
                                 ROOTS));
  for (k = 0; k < rounds; ++k) {
    size_t from = next(&seed) % ROOTS, to = next(&seed) % ROOTS;
    obj_t o = obj_new(w->ap, 0, KIND_VECTOR, 3, (word)k + 1);
    word s = 0;
    o->slot[0] = k % 50 == 0 ? 0 : (word)r[from];
    o->slot[1] = number(k);
    r[to] = o;
    serial[me][to] = (word)k + 1;
    if (r[from] != NULL && from != to) {        /* old to young */
      o = r[from];
      o->slot[2] = (word)obj_new(w->ap, 0, KIND_LEAF, 3, (word)k);
      o = r[from];
      o->slot[1] = number(k);
      serial[me][from] = o->serial;
    }
    if (k % 500 == 0)
      for (i = 0; i < ROOTS; ++i) {
        int depth = 0;
        s = serial[me][i];
        for (o = r[i]; o != NULL && depth < 50;
             o = (obj_t)o->slot[0], ++depth) {
          CHECK(obj_is(o, KIND_VECTOR, 3, o->serial));
          if (depth == 0)
            CHECK_EQ(o->serial, s);
          CHECK(o->serial <= (word)k + 1);
          if (o->slot[2] != 0)
            CHECK(obj_is((obj_t)o->slot[2], KIND_LEAF, 3,
                         o->slot[1] >> 1));
        }
      }
  }
  mps_root_destroy(root);
}

typedef struct job_s {
  world_s *own, *other;
} job_s;

static void *run(void *p)
{
  job_s *job = p;
  mps_thr_t thr[2];
  mps_root_t root[2];
  void *cold = NULL;
  int both = job->other != NULL;
  CHECK_OK(mps_thread_reg(&thr[0], job->own->arena));
  CHECK_OK(mps_root_create_thread(&root[0], job->own->arena, thr[0], &cold));
  if (both) {
    CHECK_OK(mps_thread_reg(&thr[1], job->other->arena));
    CHECK_OK(mps_root_create_thread(&root[1], job->other->arena, thr[1],
                                    &cold));
  }
  churn(job->own, rnd_seed + (size_t)(job->own - world), 100000);
  if (both) {
    mps_root_destroy(root[1]);
    mps_thread_dereg(thr[1]);
  }
  mps_root_destroy(root[0]);
  mps_thread_dereg(thr[0]);
  return NULL;
}

static void test_threads(int both)
{
  pthread_t t[2];
  job_s job[2];
  int k;
  for (k = 0; k < 2; ++k)
    world_make(&world[k], 0.001);
  for (k = 0; k < 2; ++k) {
    job[k].own = &world[k];
    job[k].other = both ? &world[1 - k] : NULL;
    CHECK_EQ(pthread_create(&t[k], NULL, run, &job[k]), 0);
  }
  for (k = 0; k < 2; ++k)
    CHECK_EQ(pthread_join(t[k], NULL), 0);
  for (k = 0; k < 2; ++k) {
    CHECK(mps_collections(world[k].arena) > 2);
    world_destroy(&world[k]);
  }
  part("two threads, an arena each%s",
       both ? ", each registered with both" : "");
}

/* --- one thread registered with both; references on one stack --- */

__attribute__((noinline)) static void one_stack(void)
{
  obj_t a = obj_new(world[0].ap, 0, KIND_LEAF, 9, 1);
  obj_t b = obj_new(world[1].ap, 0, KIND_LEAF, 9, 2);
  volatile word pa = (word)a, pb = (word)b;
  int i;
  for (i = 0; i < 4; ++i) {
    garbage(world[0].ap, 0, 2000, 20);
    garbage(world[1].ap, 0, 2000, 20);
    CHECK_OK(mps_arena_collect(world[i % 2].arena));
    mps_arena_release(world[i % 2].arena);
    CHECK(obj_is((obj_t)pa, KIND_LEAF, 9, 1));
    CHECK(obj_is((obj_t)pb, KIND_LEAF, 9, 2));
  }
}

static void test_both(void)
{
  mps_thr_t thr[2];
  mps_root_t root[2];
  void *cold = NULL;
  int k;
  for (k = 0; k < 2; ++k) {
    world_make(&world[k], 0.1);
    CHECK_OK(mps_thread_reg(&thr[k], world[k].arena));
    CHECK_OK(mps_root_create_thread(&root[k], world[k].arena, thr[k],
                                    &cold));
  }
  one_stack();
  for (k = 0; k < 2; ++k) {
    mps_root_destroy(root[k]);
    mps_thread_dereg(thr[k]);
    world_destroy(&world[k]);
  }
  part("one thread registered with both");
}

int main(void)
{
  test_begin("twoarenas");
  test_alternate();
  test_threads(0);
  test_threads(1);
  test_both();
  return test_end();
}
