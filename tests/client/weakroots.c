/* weakroots.c -- roots that do not hold on
 *
 * There is no thread root; references are in tables that are roots.
 */

#include "common.h"

#define N 2000

static mps_arena_t arena;
static mps_fmt_t fmt;
static mps_chain_t chain;
static mps_pool_t pool;
static mps_ap_t ap;
static mps_root_t strong_root, weak_root;
static mps_addr_t strong[N];
static mps_addr_t *weak;        /* whole pages */

static void begin(mps_rm_t rm)
{
  arena = arena_vm((size_t)64 << 20);
  chain = chain_make(arena, 3, 200);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  CHECK(posix_memalign((void **)&weak, 4096, 4096 * 4) == 0);
  memset(weak, 0, 4096 * 4);
  memset(strong, 0, sizeof strong);
  CHECK_OK(mps_root_create_table(&strong_root, arena, mps_rank_exact(), 0,
                                 strong, N));
  CHECK_OK(mps_root_create_table(&weak_root, arena, mps_rank_weak(), rm,
                                 weak, 4096 * 4 / sizeof *weak));
}

static void end(void)
{
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_chain_destroy(chain);
  mps_root_destroy(strong_root);
  mps_root_destroy(weak_root);
  mps_arena_destroy(arena);
  free(weak);
}

static void cleared(mps_rm_t rm)
{
  size_t i, round;
  begin(rm);
  for (round = 0; round < 3; ++round) {
    mps_arena_release(arena);
    for (i = 0; i < N; ++i) {
      strong[i] = obj_new(ap, 0, KIND_VECTOR, 3, i);
      weak[i] = strong[i];
    }
    for (i = 0; i < N; i += 2)
      strong[i] = NULL;
    CHECK_OK(mps_arena_collect(arena));
    for (i = 0; i < N; ++i) {
      CHECK(weak[i] == strong[i]);
      if (weak[i] != NULL)
        CHECK(obj_is(weak[i], KIND_VECTOR, 3, i));
    }
    CHECK_OK(mps_arena_collect(arena));         /* no writes in between */
    for (i = 0; i < N; ++i)
      CHECK(weak[i] == strong[i]);
  }
  end();
  part("cleared when nothing else refers to it, followed when something does");
}

/* What is reachable only from a weak root through another object. */
static void chained(void)
{
  begin(0);
  strong[0] = obj_new(ap, 0, KIND_VECTOR, 3, 1);
  strong[1] = obj_new(ap, 0, KIND_VECTOR, 3, 2);
  ((obj_t)strong[0])->slot[0] = (word)strong[1];
  weak[0] = strong[0];
  weak[1] = strong[1];
  strong[1] = NULL;
  CHECK_OK(mps_arena_collect(arena));
  CHECK(weak[0] == strong[0]);
  CHECK((word)weak[1] == ((obj_t)strong[0])->slot[0]);
  strong[0] = NULL;
  CHECK_OK(mps_arena_collect(arena));
  CHECK(weak[0] == NULL && weak[1] == NULL);
  end();
  part("strong references through objects count, weak ones don't");
}

static void finalized(void)
{
  mps_message_t m;
  begin(0);
  mps_message_type_enable(arena, mps_message_type_finalization());
  strong[0] = obj_new(ap, 0, KIND_VECTOR, 3, 7);
  weak[0] = strong[0];
  CHECK_OK(mps_finalize(arena, &strong[0]));
  strong[0] = NULL;
  CHECK_OK(mps_arena_collect(arena));
  CHECK(mps_message_get(&m, arena, mps_message_type_finalization()));
  CHECK(weak[0] != NULL);       /* not before the message is discarded */
  mps_message_finalization_ref(&strong[0], arena, m);
  CHECK(weak[0] == strong[0]);
  CHECK(obj_is(weak[0], KIND_VECTOR, 3, 7));
  strong[0] = NULL;
  CHECK_OK(mps_arena_collect(arena));
  CHECK(weak[0] != NULL);
  mps_message_discard(arena, m);
  CHECK_OK(mps_arena_collect(arena));
  CHECK(weak[0] == NULL);
  end();
  part("a registered object's weak references live until it is told of");
}

/* The mutator reads weak references all the time, while collections go on in
 * the smallest steps. */
static void all_the_time(void)
{
  size_t i, seen = 0, gone = 0;
  mps_word_t n;
  begin(0);
  mps_arena_pause_time_set(arena, 0.0);
  n = mps_collections(arena);
  for (i = 0; mps_collections(arena) - n < 40; ++i) {
    size_t k = rnd_below(N);
    strong[k] = obj_new(ap, 0, KIND_VECTOR, 10, k);
    weak[k] = strong[k];
    if (rnd_below(2) == 0)
      strong[rnd_below(N)] = NULL;
    k = rnd_below(N);
    if (weak[k] != NULL) {
      CHECK(obj_is(weak[k], KIND_VECTOR, 10, k));
      ++seen;
    } else {
      CHECK(strong[k] == NULL);
      ++gone;
    }
  }
  part("%lu seen, %lu gone", (unsigned long)seen, (unsigned long)gone);
  CHECK(seen > 100 && gone > 100);
  end();
}

int main(void)
{
  test_begin("weakroots");
  if (reference())
    return test_end();          /* it has no weak roots */
  cleared(0);
  cleared(MPS_RM_PROT);
  chained();
  finalized();
  all_the_time();
  return test_end();
}
