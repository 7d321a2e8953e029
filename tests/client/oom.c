/* oom.c -- running out of memory, and going on afterwards
 *
 * Where the reference fails: when the system refuses memory it can fail a
 * check of its own; with MPS_TEST_REFERENCE set the setrlimit part only
 * allocates while parked.
 */

#include "common.h"
#include "mpscmvff.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static mps_arena_t arena;
static mps_chain_t chain;
static mps_fmt_t fmt;
static mps_pool_t pool, leaf_pool;
static mps_ap_t ap, leaf_ap;
static mps_addr_t list;
static size_t length;
static mps_root_t root;

static void setup(size_t size, size_t limit)
{
  arena = NULL;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, size);
    MPS_ARGS_ADD(args, MPS_KEY_COMMIT_LIMIT, limit);
    CHECK_OK(mps_arena_create_k(&arena, mps_arena_class_vm(), args));
  } MPS_ARGS_END(args);
  chain = chain_make(arena, 3, 500);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
    CHECK_OK(mps_pool_create_k(&leaf_pool, arena, mps_class_amcz(), args));
  } MPS_ARGS_END(args);
  ap = ap_make(pool);
  leaf_ap = ap_make(leaf_pool);
  list = NULL;
  length = 0;
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, &list,
                                 1));
}

static void teardown(void)
{
  mps_arena_park(arena);
  mps_ap_destroy(ap);
  mps_ap_destroy(leaf_ap);
  mps_root_destroy(root);
  mps_pool_destroy(pool);
  mps_pool_destroy(leaf_pool);
  mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

static mps_res_t cons(size_t slots)
{
  obj_t o = NULL;
  mps_res_t res = obj_try(&o, ap, 0, KIND_VECTOR, slots, length + 1);
  if (res == MPS_RES_OK) {
    o->slot[0] = (word)list;
    list = o;
    ++length;
  }
  return res;
}

static size_t verify(void)
{
  obj_t o = list;
  size_t i = length, bytes = 0;
  for (; o != NULL; o = (obj_t)o->slot[0], --i) {
    CHECK(obj_kind(o) == KIND_VECTOR);
    CHECK_EQ(o->serial, i);
    bytes += obj_words(o) * WORD;
  }
  CHECK_EQ(i, 0);
  return bytes;               /* in the list */
}

static void drop(size_t count)
{
  for (; count > 0 && list != NULL; --count, --length)
    list = (mps_addr_t)((obj_t)list)->slot[0];
}

/* Fill up to the commit limit, drop some, go on; many times. */
static void test_loops(double pause, int released)
{
  int round;
  size_t most = 0, limit = (size_t)12 << 20, bytes = 0;
  double end = now() + 2.0;     /* near the limit, collecting is slow */
  setup((size_t)32 << 20, limit);
  mps_arena_pause_time_set(arena, pause);
  for (round = 0; round < 40 && now() < end; ++round) {
    mps_res_t res;
    size_t slots = 50 + rnd_below(200);
    if (!released)
      mps_arena_park(arena);
    do {
      res = cons(slots);
      CHECK(mps_arena_committed(arena) <= limit);
    } while (res == MPS_RES_OK && now() < end);
    if (res != MPS_RES_OK)
      CHECK_EQ(res, MPS_RES_COMMIT_LIMIT);
    bytes = verify();
    if (bytes > most)
      most = bytes;
    /* again and again: the answer stays the same */
    for (; round % 4 == 0 && res != MPS_RES_OK && rnd_below(20) != 0;)
      res = cons(slots + 1000);
    drop(length * (size_t)(2 + rnd_below(6)) / 8);
    if (round % 10 == 9)
      drop(length);
    CHECK_OK(mps_arena_collect(arena));
    CHECK(mps_arena_committed(arena) <= limit);
    verify();
    mps_arena_release(arena);
    CHECK_OK(cons(1));
    verify();
  }
  CHECK(most > limit / 4);
  CHECK_OK(mps_arena_commit_limit_set(arena, (size_t)-1));
  drop(length);
  garbage(ap, 0, 50000, 60);
  teardown();
  part("commit limit, %d rounds, pause %g, %s: up to %lu bytes", round, pause,
       released ? "released" : "parked", (unsigned long)most);
}

/* Garbage only, under a limit: collection must make room by itself. */
static void test_garbage_only(void)
{
  size_t i, refused = 0;
  setup((size_t)32 << 20, (size_t)8 << 20);
  for (i = 0; i < 100000; ++i) {
    obj_t o = NULL;
    if (obj_try(&o, ap, 0, KIND_VECTOR, 100, 1) != MPS_RES_OK) {
      ++refused;
      CHECK_OK(mps_arena_collect(arena));
      mps_arena_release(arena);
    }
    if (i % 16 == 0) {
      o = NULL;
      if (obj_try(&o, leaf_ap, 0, KIND_LEAF, 5000, 1) != MPS_RES_OK)
        ++refused;
    }
  }
  CHECK(refused < 1000);
  teardown();
  part("80 MB of garbage under a limit of 8 MB: refused %lu times",
       (unsigned long)refused);
}

/* Large objects that do not fit. */
static void test_large(void)
{
  obj_t o;
  int i;
  setup((size_t)32 << 20, (size_t)16 << 20);
  for (i = 0; i < 20; ++i) {
    mps_addr_t p = &o;
    CHECK_OK(cons(100));
    CHECK_EQ(mps_reserve(&p, leaf_ap, (size_t)20 << 20),
             MPS_RES_COMMIT_LIMIT);
    CHECK(p == &o);
    o = NULL;
    CHECK_OK(obj_try(&o, leaf_ap, 0, KIND_LEAF, ((size_t)1 << 20) / WORD,
                     5));
    CHECK(obj_is(o, KIND_LEAF, ((size_t)1 << 20) / WORD, 5));
    o = NULL;
    CHECK_OK(mps_arena_collect(arena));
    mps_arena_release(arena);
    verify();
  }
  teardown();
  part("objects larger than the limit");
}

/* Creating things under a limit: a code, not a crash. */
/* What can't be leaves no address space and no tables for it behind. */
static void test_hopeless(void)
{
  mps_addr_t p;
  size_t reserved, committed;
  int i;
  setup((size_t)16 << 20, (size_t)256 << 20);
  while (length < 1000)
    CHECK_OK(cons(10));
  reserved = mps_arena_reserved(arena);
  committed = mps_arena_committed(arena);
  for (i = 0; i < 3; ++i) {
    /* A full collection may be tried, and takes what it takes. */
    CHECK_EQ(mps_reserve(&p, ap, (size_t)1 << (sizeof(size_t) > 4 ? 37 : 29)),
             MPS_RES_COMMIT_LIMIT);
    CHECK_EQ(mps_arena_reserved(arena), reserved);
    CHECK(mps_arena_committed(arena) < committed + ((size_t)1 << 20));
  }
  verify();
  teardown();
  part("a request that is far beyond the limit");
}

static void test_create(void)
{
  size_t i, limit, pools = 0, roots = 0;
  static mps_root_t r[10000];
  static mps_pool_t p[1000];
  static mps_addr_t word_of[1];
  mps_res_t res = MPS_RES_OK;
  setup((size_t)32 << 20, (size_t)-1);
  CHECK_OK(cons(10));
  limit = mps_arena_committed(arena) - mps_arena_spare_committed(arena)
          + 65536;
  mps_arena_spare_set(arena, 0.0);
  CHECK_OK(mps_arena_commit_limit_set(arena, limit));
  for (i = 0; i < 1000; ++i) {
    p[i] = (mps_pool_t)&res;
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
      res = mps_pool_create_k(&p[i], arena, mps_class_amc(), args);
    } MPS_ARGS_END(args);
    if (res != MPS_RES_OK) {
      CHECK(p[i] == (mps_pool_t)&res);
      break;
    }
    ++pools;
  }
  for (i = 0; i < 10000; ++i) {
    res = mps_root_create_table(&r[i], arena, mps_rank_exact(), 0, word_of,
                                1);
    if (res != MPS_RES_OK)
      break;
    ++roots;
  }
  CHECK(mps_arena_committed(arena) <= limit);
  verify();
  for (i = 0; i < roots; ++i)
    mps_root_destroy(r[i]);
  for (i = 0; i < pools; ++i)
    mps_pool_destroy(p[i]);
  CHECK_OK(mps_arena_commit_limit_set(arena, (size_t)-1));
  CHECK_OK(mps_arena_collect(arena));
  mps_arena_release(arena);
  verify();
  teardown();
  part("%lu pools and %lu roots fit under a limit", (unsigned long)pools,
       (unsigned long)roots);
}

/* The system itself refuses: in a child, with its address space limited. */
static void refuse_child(void)
{
  struct rlimit rl;
  int round;
  FILE *f;
  unsigned long pages = 0;
  setup((size_t)4 << 20, (size_t)-1);
  CHECK_OK(cons(10));
  f = fopen("/proc/self/statm", "r");
  CHECK(f != NULL);
  CHECK_EQ(fscanf(f, "%lu", &pages), 1);
  fclose(f);
  rl.rlim_cur = rl.rlim_max = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE)
                              + ((rlim_t)24 << 20);
  CHECK_EQ(setrlimit(RLIMIT_AS, &rl), 0);
  for (round = 0; round < 5; ++round) {
    mps_res_t res;
    if (reference() || round % 2 == 0)
      mps_arena_park(arena);
    while ((res = cons(500)) == MPS_RES_OK)
      CHECK(length < 100000);
    CHECK(res == MPS_RES_RESOURCE || res == MPS_RES_MEMORY
          || res == MPS_RES_COMMIT_LIMIT);
    verify();
    drop(length / 8 * 7);
    res = mps_arena_collect(arena);
    CHECK(res == MPS_RES_OK);
    mps_arena_release(arena);
    verify();
    CHECK_OK(cons(10));
  }
  {
    mps_arena_t none = NULL;
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, (size_t)512 << 20);
      CHECK_EQ(mps_arena_create_k(&none, mps_arena_class_vm(), args),
               MPS_RES_RESOURCE);
    } MPS_ARGS_END(args);
  }
  teardown();
}

static void test_refuse(void)
{
  int status;
  pid_t pid;
  if (!has_rlimit("address space refused by the system"))
    return;
  fflush(stdout);
  pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    refuse_child();
    _exit(0);
  }
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  part("address space refused by the system");
}

/* The system has no more memory to give: in a child, with a bound for what it
 * may write to (RLIMIT_DATA). What a commit limit of the same size serves is served. */

enum { HELD = 180 };
static struct { mps_addr_t at; size_t size; } held[HELD];

/* Blocks of manual pools come and go. Refused is only what does not fit beside the
 * others: spare memory of whichever pool goes back first. */
static void blocks_of(const char *what, size_t budget, mps_res_t refusal)
{
  mps_pool_t p[2];
  size_t i, live = 0, count = 0, refused = 0, most = 0;
  int k;
  for (k = 0; k < 2; ++k)
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_SPARE, 0.0);
      CHECK_OK(mps_pool_create_k(&p[k], arena, mps_class_mvff(), args));
    } MPS_ARGS_END(args);
  for (i = 0; i < 4000; ++i) {
    size_t at = rnd_below(HELD);
    if (held[at].at != NULL) {
      mps_free(p[at % 2], held[at].at, held[at].size);
      held[at].at = NULL;
      live -= held[at].size;
    } else {
      size_t size = (1 + rnd_below(100)) * (rnd_below(4) == 0 ? 8192 : 1024);
      mps_res_t res = mps_alloc(&held[at].at, p[at % 2], size);
      if (res == MPS_RES_OK) {
        memset(held[at].at, 0x5A, size);
        held[at].size = size;
        live += size;
        ++count;
        if (live > most)
          most = live;
      } else {
        held[at].at = NULL;
        CHECK_EQ(res, refusal);
        ++refused;
        if (live + size <= budget / 4 * 3)
          printf("%s: %lu bytes refused with %lu in blocks, %lu spare\n",
                 what, (unsigned long)size, (unsigned long)live,
                 (unsigned long)mps_arena_spare_committed(arena));
        CHECK(live + size > budget / 4 * 3);
      }
    }
  }
  CHECK(refused > 0 && most > budget / 2);
  for (i = 0; i < HELD; ++i)
    if (held[i].at != NULL) {
      mps_free(p[i % 2], held[i].at, held[i].size);
      held[i].at = NULL;
    }
  for (k = 0; k < 2; ++k)
    mps_pool_destroy(p[k]);
  part("%s: %lu blocks, %lu refused, up to %lu bytes", what, (unsigned long)count,
       (unsigned long)refused, (unsigned long)most);
}

/* Objects: garbage is no reason to refuse, however lately all was collected. Leaves
 * only: Linux does not count what is write protected, so that when this bound is
 * reached it refuses to take a barrier's protection off. */
static void objects_of(const char *what, size_t budget, mps_res_t refusal)
{
  /* so large that each has a segment, and twice as many as there is room for */
  enum { KEPT = 300, SLOTS = 80000 / sizeof(word) };
  static mps_addr_t kept[KEPT];
  size_t i, round, count;
  mps_root_t keeps;
  obj_t o;
  CHECK_OK(mps_root_create_table(&keeps, arena, mps_rank_exact(), 0, kept, KEPT));
  for (i = 0; i < 20000; ++i) {
    o = NULL;
    CHECK_OK(obj_try(&o, leaf_ap, 0, KIND_LEAF, 100, 1));
    kept[0] = o;
  }
  kept[0] = NULL;
  for (round = 0; round < 6; ++round) {
    mps_res_t res = MPS_RES_OK;
    for (i = count = 0; i < KEPT; ++i) {
      if (kept[i] != NULL)
        continue;
      o = NULL;
      res = obj_try(&o, leaf_ap, 0, KIND_LEAF, SLOTS, i);
      if (res != MPS_RES_OK)
        break;
      kept[i] = o;
      ++count;
    }
    CHECK_EQ(res, refusal);
    /* a third of all went, and there was a collection just before it did */
    if (count * SLOTS * WORD <= budget / 5)
      printf("%s: %lu objects in round %lu\n", what, (unsigned long)count,
             (unsigned long)round);
    CHECK(count * SLOTS * WORD > budget / 5);
    for (i = 0; i < KEPT; ++i)
      CHECK(kept[i] == NULL || obj_is(kept[i], KIND_LEAF, SLOTS, i));
    for (i = round % 3; i < KEPT; i += 3)
      kept[i] = NULL;
  }
  mps_root_destroy(keeps);
  part("%s: objects", what);
}

static size_t data_bytes(void)
{
  char line[200];
  unsigned long kb = 0;
  FILE *f = fopen("/proc/self/status", "r");
  CHECK(f != NULL);
  while (fgets(line, sizeof(line), f) != NULL)
    if (sscanf(line, "VmData: %lu", &kb) == 1)
      break;
  fclose(f);
  CHECK(kb > 0);
  return (size_t)kb << 10;
}

static void few_frames_child(int frames)
{
  size_t budget = (size_t)12 << 20;
  const char *what = frames ? "12 MB of memory" : "a commit limit of 12 MB";
  mps_res_t refusal = frames ? MPS_RES_MEMORY : MPS_RES_COMMIT_LIMIT;
  setup((size_t)64 << 20, frames ? (size_t)-1 : budget);
  CHECK_OK(cons(10));
  drop(length);
  if (frames) {
    struct rlimit rl;
    size_t now = data_bytes();
    rl.rlim_cur = rl.rlim_max = now - mps_arena_committed(arena) + budget;
    CHECK_EQ(setrlimit(RLIMIT_DATA, &rl), 0);
  }
  blocks_of(what, budget, refusal);
  objects_of(what, budget, refusal);
  teardown();
}

static void test_few_frames(int frames)
{
  int status;
  pid_t pid;
  if (frames && !has_rlimit("memory refused by the system"))
    return;
  fflush(stdout);
  pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    few_frames_child(frames);
    fflush(stdout);
    _exit(0);
  }
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
  test_begin("oom");
  test_loops(0.1, 0);
  test_loops(0.0, 1);
  test_loops(0.001, 1);
  test_garbage_only();
  test_large();
  if (!reference())
    test_hopeless();
  test_create();
  test_refuse();
  if (!reference()) {
    test_few_frames(0);
    test_few_frames(1);
  }
  return test_end();
}
