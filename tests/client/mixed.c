/* mixed.c -- pools of every automatic class in one arena, with references
 * across all of them, several allocation points each, against a shadow */

#include "common.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"

static void test_mixed(size_t gens, double pause, size_t header, int steps)
{
  mps_arena_t arena = arena_vm((size_t)64 << 20);
  mps_chain_t chain = gens != 0 ? chain_make(arena, gens, 150) : NULL;
  mps_fmt_t fmt = fmt_make(arena, header);
  mps_pool_class_t c[4];
  mps_pool_t pool[4];
  graph_s g;
  mps_word_t n = 0;
  size_t i, alive = 0;
  int step;
  c[0] = mps_class_amc();
  c[1] = mps_class_ams();
  c[2] = mps_class_awl();
  c[3] = mps_class_lo();
  mps_arena_pause_time_set(arena, pause);
  for (i = 0; i < 4; ++i)
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
      if (chain != NULL) {
        MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
        MPS_ARGS_ADD(args, MPS_KEY_GEN, (unsigned)(i % gens));
      }
      CHECK_OK(mps_pool_create_k(&pool[i], arena, c[i], args));
    } MPS_ARGS_END(args);
  graph_init(&g, arena, 0, 100, 5000, 12, ap_make(pool[0]), header,
             ap_make(pool[3]), header);
  g.ap[1] = ap_make(pool[1]);
  g.ap[2] = ap_make(pool[2]);
  g.ap[3] = ap_make(pool[1]);
  g.aps = 4;
  for (step = 0; step < steps; ++step) {
    graph_step(&g);
    if (mps_collections(arena) != n) {
      n = mps_collections(arena);
      alive = graph_verify(&g);
    }
    if (step % 20000 == 19999)
      graph_verify(&g);
    if (step % 30000 == 10000)
      CHECK_OK(mps_arena_start_collect(arena));
    if (step == steps / 2) {
      CHECK_OK(mps_arena_collect(arena));
      graph_verify(&g);
      mps_arena_release(arena);
    }
  }
  CHECK(n >= 3);
  mps_arena_park(arena);
  graph_verify(&g);
  part("mixed, %lu generations, pause %g, header %lu: %lu objects made,"
       " %lu writes, %lu flips, %lu alive, %lu compared", (unsigned long)gens,
       pause, (unsigned long)header, g.allocs, g.writes, (unsigned long)n,
       (unsigned long)alive, g.verified);
  graph_finish(&g);
  for (i = 0; i < g.aps; ++i)
    mps_ap_destroy(g.ap[i]);
  mps_ap_destroy(g.leaf_ap);
  for (i = 0; i < 4; ++i)
    mps_pool_destroy(pool[i]);
  if (chain != NULL)
    mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

/* Old objects that stay, and refer to young ones that come and go: what is
 * written into them while nothing of theirs is collected must be seen. */
static void test_remember(const char *name, mps_pool_class_t c)
{
  enum { N = 2000 };
  mps_arena_t arena = arena_vm((size_t)64 << 20);
  mps_chain_t chain = chain_make(arena, 2, 200);
  mps_fmt_t fmt = fmt_make(arena, 0);
  mps_pool_t old, young = pool_amc(arena, fmt, chain);
  mps_ap_t ap, nursery = ap_make(young);
  static mps_addr_t exact[N];
  mps_root_t root;
  size_t i, round;
  mps_word_t flips;
  memset(exact, 0, sizeof exact);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    CHECK_OK(mps_pool_create_k(&old, arena, c, args));
  } MPS_ARGS_END(args);
  CHECK_OK(mps_ap_create(&ap, old, mps_rank_exact()));
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, exact,
                                 N));
  for (i = 0; i < N; ++i)
    exact[i] = obj_new(ap, 0, KIND_VECTOR, 20, i + 1);
  mps_ap_destroy(ap);
  flips = mps_collections(arena);
  for (round = 0; round < 100; ++round) {
    size_t k;
    if (round % 10 == 0) {      /* long enough for barriers to go up */
      for (k = 0; k < 6; ++k)
        CHECK_OK(mps_arena_collect(arena));
      mps_arena_release(arena);
    }
    for (k = 0; k < 5; ++k) {
      size_t slot = rnd_below(20);
      i = rnd_below(N);
      ((obj_t)exact[i])->slot[slot] =
        (word)obj_new(nursery, 0, KIND_VECTOR, 2, i * 100 + slot);
    }
    garbage(nursery, 0, 10000, 5);
    for (i = 0; i < N; ++i)
      for (k = 0; k < 20; ++k) {
        obj_t o = (obj_t)((obj_t)exact[i])->slot[k];
        CHECK(o == NULL || obj_is(o, KIND_VECTOR, 2, i * 100 + k));
      }
  }
  part("remembered in %s: %lu flips", name,
       (unsigned long)(mps_collections(arena) - flips));
  mps_root_destroy(root);
  mps_arena_park(arena);
  mps_ap_destroy(nursery);
  mps_pool_destroy(old);
  mps_pool_destroy(young);
  mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

int main(void)
{
  test_begin("mixed");
  test_remember("AMS", mps_class_ams());
  test_remember("AWL", mps_class_awl());
  test_mixed(0, 0.1, 0, 100000);
  test_mixed(0, 0.0, 0, 150000);
  test_mixed(3, 0.0, 0, 150000);
  test_mixed(3, 0.0, HEADER, 100000);
  test_mixed(2, 0.1, HEADER, 100000);
  return test_end();
}
