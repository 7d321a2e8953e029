/* arenas.c -- arenas, one rule at a time (basics.c has them at work) */

#include "common.h"
#include "mpsclo.h"
#include "mpscmfs.h"
#include "mpscmvff.h"

#include <math.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef HAVE_MPSX
#include "mpsx.h"
#endif

static mps_arena_t arena;
static mps_fmt_t fmt;
static mps_pool_t pool;
static mps_ap_t ap;
static mps_addr_t keep[4];
static mps_root_t root;

static void world(mps_arena_t a)
{
  arena = a;
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, NULL);
  ap = ap_make(pool);
  memset(keep, 0, sizeof keep);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, keep, 4));
}

static void end_world(void)
{
  mps_arena_park(arena);
  mps_ap_destroy(ap);
  mps_root_destroy(root);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

static mps_arena_t client(void *base, size_t size, size_t limit)
{
  mps_arena_t a = NULL;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_CL_BASE, base);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, size);
    if (limit != 0)
      MPS_ARGS_ADD(args, MPS_KEY_COMMIT_LIMIT, limit);
    CHECK_OK(mps_arena_create_k(&a, mps_arena_class_cl(), args));
  } MPS_ARGS_END(args);
  return a;
}

/* --- creation --- */

static void starts_unclamped(void)
{
  int i;
  world(arena_vm((size_t)64 << 20));
  keep[0] = obj_new(ap, 0, KIND_LEAF, 10, 5);
  for (i = 0; mps_collections(arena) < 2; ++i) {
    garbage(ap, 0, 1000, 80);
    CHECK(i < 2000);
  }
  CHECK(obj_is(keep[0], KIND_LEAF, 10, 5));
  end_world();
}

static void no_traces_between(void)
{
  mps_arena_t other;
  mps_addr_t there;
  obj_t here;
  world(arena_vm((size_t)16 << 20));
  other = arena;
  there = obj_new(ap, 0, KIND_LEAF, 10000, 5);
  garbage(ap, 0, 2000, 80);     /* so that its buffer is elsewhere */
  mps_arena_park(other);
  world(arena_vm((size_t)16 << 20));
  mps_arena_park(arena);
  keep[1] = obj_new(ap, 0, KIND_VECTOR, 10, 5);
  here = keep[1];
  here->slot[0] = (word)there;
  CHECK(mps_arena_has_addr(other, there) && !mps_arena_has_addr(arena, there));
  CHECK_OK(mps_arena_collect(arena));
  here = keep[1];
  CHECK_EQ(here->slot[0], there);       /* left alone */
  CHECK(obj_is(there, KIND_LEAF, 10000, 5));
  CHECK_OK(mps_arena_collect(other));   /* and not held by it either */
  CHECK(reference() || !mps_arena_has_addr(other, there));
  CHECK_EQ(here->slot[0], there);
}

static int mapped(void *p)
{
  unsigned char vec;
  void *page = (void *)((word)p & ~(word)4095);
  return mincore(page, 1, &vec) == 0;
}

static void gives_back_address_space(void)
{
  mps_addr_t p;
  world(arena_vm((size_t)64 << 20));
  p = obj_new(ap, 0, KIND_LEAF, 10, 5);
  CHECK(mapped(p));
  end_world();
  CHECK(!mapped(p));
}

/* --- client arenas --- */

static void only_that_memory(void)
{
  enum { EDGE = 65536 };
  size_t size = (size_t)4 << 20, i;
  unsigned char *mem = malloc(size + 2 * EDGE);
  CHECK(mem != NULL);
  memset(mem, 0xA5, size + 2 * EDGE);
  world(client(mem + EDGE, size, 0));
  for (i = 0; i < WORDS_AS_64(30000); ++i) {
    char *p = (char *)obj_new(ap, 0, KIND_VECTOR, rnd_below(60), i);
    CHECK(p >= (char *)mem + EDGE && p < (char *)mem + EDGE + size);
  }
  CHECK(mps_collections(arena) > 0);
  end_world();
  for (i = 0; i < EDGE; ++i)
    CHECK(mem[i] == 0xA5 && mem[EDGE + size + i] == 0xA5);
}

static void client_minimum(void)
{
  size_t size = (size_t)512 << 10;
  char *mem = malloc(size);
  world(client(mem, size, 0));
  keep[0] = obj_new(ap, 0, KIND_LEAF, 10, 5);
  end_world();
}

static void client_grain(void)
{
  size_t size = (size_t)4 << 20;
  char *mem = malloc(size);
  mps_pool_t mfs = NULL;
  mps_addr_t p;
  arena = client(mem, size, 0);
  CHECK(reference() || mps_arena_reserved(arena) % 8192 == 0);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, 64);
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, 64);
    CHECK_OK(mps_pool_create_k(&mfs, arena, mps_class_mfs(), args));
  } MPS_ARGS_END(args);
  CHECK_OK(mps_alloc(&p, mfs, 64));
  CHECK(reference() || mps_pool_total_size(mfs) % 8192 == 0);
  mps_pool_destroy(mfs);
  mps_arena_destroy(arena);
  if (reference())
    return;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_CL_BASE, mem);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, size);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_GRAIN_SIZE, 12288);
    REPORTED((void)mps_arena_create_k(&arena, mps_arena_class_cl(), args));
  } MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_CL_BASE, mem);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, size);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_GRAIN_SIZE, sizeof(void *) / 2);
    REPORTED((void)mps_arena_create_k(&arena, mps_arena_class_cl(), args));
  } MPS_ARGS_END(args);
}

static void extend_too_small(void)
{
  size_t size = (size_t)4 << 20, before;
  char *mem = malloc(size), *more = malloc(size);
  arena = client(mem, size, 0);
  before = mps_arena_reserved(arena);
  CHECK_EQ(mps_arena_extend(arena, more, 20000), MPS_RES_MEMORY);
  CHECK_EQ(mps_arena_reserved(arena), before);
  CHECK_OK(mps_arena_extend(arena, more, size));
  CHECK(mps_arena_reserved(arena) > before + size / 2);
  mps_arena_destroy(arena);
}

static void never_given_back(void)
{
  size_t size = (size_t)8 << 20, reserved;
  char *mem = malloc(size);
  int i;
  world(client(mem, size, 0));
  reserved = mps_arena_reserved(arena);
  mps_arena_spare_set(arena, 0.5);      /* accepted, no other effect */
  CHECK(mps_arena_spare(arena) == 0.5);
  for (i = 0; i < 20; ++i) {
    keep[i % 4] = obj_new(ap, 0, KIND_LEAF, 100000, 5);
    if (i % 5 == 0)
      CHECK_OK(mps_arena_collect(arena));
    mps_arena_release(arena);
    CHECK_EQ(mps_arena_reserved(arena), reserved);
    CHECK_EQ(mps_arena_spare_committed(arena), 0);
    CHECK(mps_arena_committed(arena) <= reserved);
  }
  mps_arena_spare_set(arena, 0.0);
  CHECK_EQ(mps_arena_reserved(arena), reserved);
  end_world();
}

static void client_commit_limit(void)
{
  size_t size = (size_t)16 << 20, limit = (size_t)4 << 20;
  char *mem = malloc(size);
  mps_res_t res;
  obj_t o;
  world(client(mem, size, limit));
  CHECK_EQ(mps_arena_commit_limit(arena), limit);
  mps_arena_park(arena);
  do {
    res = obj_try(&o, ap, 0, KIND_LEAF, 1000, 1);
    CHECK(mps_arena_committed(arena) <= limit);
  } while (res == MPS_RES_OK);
  CHECK_EQ(res, MPS_RES_COMMIT_LIMIT);
  end_world();
}

static int called;
static void on_chunk(mps_arena_t a, void *base, size_t size)
{
  (void)a; (void)base; (void)size;
  ++called;
}

static void no_callbacks(void)
{
  size_t size = (size_t)4 << 20;
  char *mem = malloc(size);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_EXTENDED, (mps_fun_t)on_chunk);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_CL_BASE, mem);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_CONTRACTED, (mps_fun_t)on_chunk);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, size);
    CHECK_OK(mps_arena_create_k(&arena, mps_arena_class_cl(), args));
    CHECK(args[0].key == MPS_KEY_ARENA_EXTENDED);
    CHECK(args[1].key == MPS_KEY_ARENA_CONTRACTED);
    CHECK(args[2].key == MPS_KEY_ARGS_END);
  } MPS_ARGS_END(args);
  mps_arena_destroy(arena);
  CHECK_EQ(called, 0);
}

/* --- VM arenas --- */

static void vm_minimum(void)
{
  arena = arena_vm(1);
  CHECK(mps_arena_reserved(arena) >= WORD * 8 * 4096);
  mps_arena_destroy(arena);
  world(arena_vm(0));
  keep[0] = obj_new(ap, 0, KIND_LEAF, 100000, 5);       /* more as needed */
  CHECK(mps_arena_reserved(arena) > 100000 * WORD);
  end_world();
}

static void no_memory_to_begin(void)
{
  struct rlimit rl;
  mps_arena_t none = NULL;
  size_t i;
  if (!has_rlimit("address space there is, memory there is not"))
    return;
  /* Address space there is, but the system gives no memory for it. */
  rl.rlim_cur = rl.rlim_max = 4096;
  CHECK_EQ(setrlimit(RLIMIT_DATA, &rl), 0);
  for (i = 0; i < 3; ++i)
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, (size_t)16 << 20);
      CHECK_EQ(mps_arena_create_k(&none, mps_arena_class_vm(), args),
               MPS_RES_MEMORY);
    } MPS_ARGS_END(args);
  CHECK(none == NULL);
}

static void small_grain(void)
{
  mps_arena_t a = NULL;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_GRAIN_SIZE, 512);
    CHECK_OK(mps_arena_create_k(&a, mps_arena_class_vm(), args));
  } MPS_ARGS_END(args);
  world(a);
  keep[0] = obj_new(ap, 0, KIND_LEAF, 10, 5);
  CHECK_EQ(mps_pool_total_size(pool) % (size_t)sysconf(_SC_PAGESIZE), 0);
  end_world();
}

/* The library's own structures share grains, be they ever so large. */
static void large_grain(void)
{
  enum { N = 20 };
  size_t grain = (size_t)512 << 10, before, more;
  mps_arena_t a = NULL;
  mps_pool_t mvff = NULL;
  mps_addr_t p[N];
  int i;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, (size_t)100 << 20);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_GRAIN_SIZE, grain);
    CHECK_OK(mps_arena_create_k(&a, mps_arena_class_vm(), args));
  } MPS_ARGS_END(args);
  CHECK_OK(mps_pool_create_k(&mvff, a, mps_class_mvff(), mps_args_none));
  before = mps_arena_committed(a);
  for (i = 0; i < N; ++i) {
    CHECK_OK(mps_alloc(&p[i], mvff, 2 * grain));
    memset(p[i], i, 2 * grain);
  }
  more = mps_arena_committed(a) - before - N * 2 * grain;
  part("grains of 512 KB: %lu for structures", (unsigned long)(more / grain));
  /* not 28, one for each block; the debug archive knows what is in use, which
   * is a sixteenth of it */
  CHECK(more <= (archive_is_debug() ? 14 : 10) * grain || reference());
  for (i = 0; i < N; ++i) {
    CHECK(((char *)p[i])[2 * grain - 1] == i);
    mps_free(mvff, p[i], 2 * grain);
  }
  mps_pool_destroy(mvff);
  mps_arena_destroy(a);
}

static void vm_extend(void)
{
  static mps_res_t res;
  static char more[1 << 20];
  arena = arena_vm((size_t)4 << 20);
  REPORTED(res = mps_arena_extend(arena, more, sizeof more));
  if (!reference())
    CHECK_EQ(res, MPS_RES_UNIMPL);
}

extern mps_res_t mps_arena_vm_growth(mps_arena_t, size_t, size_t);

static void vm_growth(void)
{
  static char mem[4 << 20];
  arena = arena_vm((size_t)4 << 20);
  CHECK_OK(mps_arena_vm_growth(arena, (size_t)8 << 20, (size_t)1 << 20));
  CHECK_OK(mps_arena_vm_growth(arena, 4096, 4096));
  REPORTED((void)mps_arena_vm_growth(arena, 1, 2));
  if (reference())
    return;
  arena = client(mem, sizeof mem, 0);
  REPORTED((void)mps_arena_vm_growth(arena, 2, 1));
}

/* --- properties --- */

static void counts_all_flips(void)
{
  int c;
  for (c = 0; c < CLASSES; ++c) {
    mps_pool_t p;
    mps_ap_t a;
    int n, i;
    if (!(classes[c].is & IS_AUTO) || c == AMS_DEBUG)
      continue;
    arena = arena_vm((size_t)16 << 20);
    fmt = fmt_make(arena, 0);
    p = pool_class(arena, c, fmt);
    a = ap_make(p);
    CHECK_EQ(mps_collections(arena), 0);
    for (n = 1; n < 4; ++n) {
      for (i = 0; i < 5000; ++i)
        (void)block_in(p, a, c, 1);
      CHECK_OK(mps_arena_collect(arena));
      CHECK(reference() || mps_collections(arena) == (mps_word_t)n);
    }
  }
}

static void limit_refused(void)
{
  mps_res_t res;
  world(arena_vm((size_t)16 << 20));
  mps_arena_park(arena);
  keep[0] = obj_new(ap, 0, KIND_LEAF, 100000, 5);
  mps_arena_spare_set(arena, 0.0);
  CHECK_OK(mps_arena_commit_limit_set(arena, mps_arena_committed(arena)));
  CHECK_EQ(mps_arena_commit_limit(arena), mps_arena_committed(arena));
  res = mps_arena_commit_limit_set(arena, 65536);
  CHECK_EQ(res, MPS_RES_FAIL);
  CHECK_EQ(mps_arena_commit_limit(arena), mps_arena_committed(arena));
  CHECK_OK(mps_arena_commit_limit_set(arena, (size_t)-1));
  keep[1] = obj_new(ap, 0, KIND_LEAF, 100000, 5);
  end_world();
}

static int messages(mps_message_type_t type)
{
  mps_message_t m;
  int n = 0;
  for (; mps_message_get(&m, arena, type); ++n)
    mps_message_discard(arena, m);
  return n;
}

/* With an infinite pause time, whatever begins has ended when an allocation
 * returns. */
static void infinite_pause(void)
{
  int i, total = 0;
  world(arena_vm((size_t)64 << 20));
  mps_arena_pause_time_set(arena, INFINITY);
  mps_message_type_enable(arena, mps_message_type_gc());
  mps_message_type_enable(arena, mps_message_type_gc_start());
  for (i = 0; i < 300000 && mps_collections(arena) < 20; ++i) {
    int n;
    keep[i % 4] = obj_new(ap, 0, KIND_VECTOR, 80, 1);
    n = messages(mps_message_type_gc_start());
    CHECK_EQ(messages(mps_message_type_gc()), n);
    total += n;
  }
  CHECK(total >= 2);
  end_world();
}

/* With zero, a collection of much comes in many steps. */
static void zero_pause(void)
{
  int i, n = 0;
  world(arena_vm((size_t)64 << 20));
  mps_arena_pause_time_set(arena, 0.0);
  for (i = 0; i < 20000; ++i) {
    obj_t o = obj_new(ap, 0, KIND_VECTOR, 50, (word)i);
    o->slot[0] = (word)keep[0];
    keep[0] = o;
  }
  CHECK_OK(mps_arena_start_collect(arena));
  while (mps_arena_step(arena, 0.0, 0.0))
    ++n;
  CHECK(n > 10);
  end_world();
}

static void spare_bounds(void)
{
  arena = arena_vm((size_t)16 << 20);
  mps_arena_spare_set(arena, 0.0);
  mps_arena_spare_set(arena, 1.0);
  CHECK(mps_arena_spare(arena) == 1.0);
  REPORTED(mps_arena_spare_set(arena, 1.0001));
  if (reference())
    return;
  REPORTED(mps_arena_spare_set(arena, -0.5));
  CHECK(mps_arena_spare(arena) == 1.0);
}

static void spare_limit_bytes(void)
{
  size_t bytes, committed;
  world(arena_vm((size_t)16 << 20));
  keep[0] = obj_new(ap, 0, KIND_LEAF, 100000, 5);
  mps_arena_spare_set(arena, 0.5);
  mps_arena_park(arena);
  committed = mps_arena_committed(arena);
  bytes = mps_arena_spare_commit_limit(arena);
  CHECK(bytes <= committed / 2 + 1 && bytes + 1 >= committed / 2);
  mps_arena_spare_commit_limit_set(arena, committed / 4);
  CHECK(fabs(mps_arena_spare(arena) - 0.25) < 0.01);
  mps_arena_spare_commit_limit_set(arena, committed * 2);
  CHECK(mps_arena_spare(arena) == 1.0);
  end_world();
}

/* --- states --- */

static mps_res_t ask_committed(mps_ss_t ss, void *p, size_t s)
{
  (void)ss; (void)p; (void)s;
  CHECK(mps_arena_committed(arena) > 0);
  /* not promised of these, but ours are read without the lock as well */
  CHECK(reference() || mps_arena_reserved(arena) > 0);
  CHECK(reference() || mps_arena_spare_committed(arena)
                       < mps_arena_committed(arena));
  CHECK(reference() || mps_arena_commit_limit(arena) == (size_t)-1);
  ++called;
  return MPS_RES_OK;
}

static void committed_any_time(void)
{
  mps_root_t asks;
  world(arena_vm((size_t)16 << 20));
  CHECK(mps_arena_committed(arena) > 0);
  keep[0] = obj_new(ap, 0, KIND_LEAF, 10, 5);
  CHECK_OK(mps_root_create(&asks, arena, mps_rank_exact(), 0, ask_committed,
                           NULL, 0));
  mps_arena_clamp(arena);
  CHECK(mps_arena_committed(arena) > 0);
  if (!reference())             /* its lock is in the way */
    CHECK_OK(mps_arena_collect(arena));
  CHECK(reference() || called > 0);
  CHECK(mps_arena_committed(arena) > mps_arena_spare_committed(arena));
  mps_arena_postmortem(arena);
  CHECK(mps_arena_committed(arena) > 0);
}

static void clamped_middle(void)
{
  mps_ld_s ld;
  mps_addr_t was;
  mps_word_t n;
  int i;
  world(arena_vm((size_t)64 << 20));
  mps_arena_pause_time_set(arena, 0.0);
  for (i = 0; i < 20000; ++i) {
    obj_t o = obj_new(ap, 0, KIND_VECTOR, 50, (word)i);
    o->slot[0] = (word)keep[0];
    keep[0] = o;
  }
  mps_arena_park(arena);
  n = mps_collections(arena);
  CHECK_OK(mps_arena_start_collect(arena));
  for (i = 0; mps_collections(arena) == n; ++i) /* past its flip */
    CHECK(mps_arena_step(arena, 0.0, 0.0) && i < 100000);
  mps_arena_clamp(arena);
  mps_ld_reset(&ld, arena);
  mps_ld_add(&ld, arena, keep[0]);
  was = keep[0];
  n = mps_collections(arena);
  for (i = 0; mps_arena_step(arena, 0.0, 0.0); ++i)
    CHECK(i < 1000000);
  CHECK(i > 3);                 /* it did something */
  garbage(ap, 0, 10000, 60);
  CHECK(keep[0] == was);
  CHECK_EQ(mps_collections(arena), n);
  CHECK(!mps_ld_isstale(&ld, arena, was));
  end_world();
}

static void step_states(void)
{
  mps_word_t n;
  int i;
  world(arena_vm((size_t)64 << 20));
  keep[0] = obj_new(ap, 0, KIND_LEAF, 10, 5);
  /* parked before: clamped after */
  mps_arena_park(arena);
  (void)mps_arena_step(arena, 0.01, 0.0);
  n = mps_collections(arena);
  garbage(ap, 0, 30000, 60);
  CHECK_EQ(mps_collections(arena), n);
  /* unclamped before: unclamped after */
  mps_arena_release(arena);
  (void)mps_arena_step(arena, 0.01, 0.0);
  n = mps_collections(arena);
  for (i = 0; mps_collections(arena) == n; ++i) {
    garbage(ap, 0, 1000, 60);
    CHECK(i < 5000);
  }
  end_world();
}

/* start_collect unclamps a clamped and a parked arena. */
static void start_unclamps(void)
{
  mps_word_t n;
  int i, k;
  world(arena_vm((size_t)64 << 20));
  keep[0] = obj_new(ap, 0, KIND_LEAF, 10, 5);
  for (k = 0; k < 2; ++k) {
    if (k == 0)
      mps_arena_clamp(arena);
    else
      mps_arena_park(arena);
    CHECK_OK(mps_arena_start_collect(arena));
    while (mps_arena_step(arena, 1.0, 0.0))
      continue;
    n = mps_collections(arena);
    for (i = 0; mps_collections(arena) == n; ++i) {
      garbage(ap, 0, 1000, 60);
      CHECK(i < 5000);
    }
  }
  end_world();
}

static void collect_empty_parks(void)
{
  mps_word_t n;
  world(arena_vm((size_t)64 << 20));
  CHECK_EQ(mps_arena_collect(arena), MPS_RES_FAIL);
  if (reference())
    return;
  n = mps_collections(arena);
  garbage(ap, 0, 30000, 60);
  CHECK_EQ(mps_collections(arena), n);
  end_world();
}

/* In the middle of a collection: everything can be read afterwards. */
static void postmortem_middle(void)
{
  mps_pool_t p;
  mps_addr_t was;
  unsigned long before_words;
  obj_t o;
  size_t n = 0;
  int i;
  world(arena_vm((size_t)64 << 20));
  mps_arena_pause_time_set(arena, 0.0);
  for (i = 0; i < 20000; ++i) {
    o = obj_new(ap, 0, KIND_VECTOR, 50, (word)i);
    o->slot[0] = (word)keep[0];
    keep[0] = o;
  }
  CHECK_OK(mps_arena_start_collect(arena));
  (void)mps_arena_step(arena, 0.0, 0.0);
  mps_arena_postmortem(arena);
  before_words = scan_words;
#ifdef HAVE_MPSX
  {
    mps_x_stats_s before, after;
    before.struct_size = after.struct_size = sizeof before;
    CHECK_OK(mps_x_stats(arena, &before));
    for (o = keep[0]; o != NULL; ++n) {
      /* Old copies may be seen: they are forwarding objects. */
      if (obj_kind(o) == KIND_FWD)
        o = (obj_t)o->serial;
      CHECK(obj_kind(o) == KIND_VECTOR);
      o = (obj_t)o->slot[0];
    }
    CHECK_EQ(n, 20000);
    CHECK_OK(mps_x_stats(arena, &after));
    CHECK_EQ(before.barrier_hits_read, after.barrier_hits_read);
    CHECK_EQ(before.barrier_hits_write, after.barrier_hits_write);
  }
#endif
  (void)n;
  was = keep[0];
  for (i = 0; i < 100; ++i)     /* introspection moves nothing on */
    CHECK(mps_arena_has_addr(arena, keep[0]) && keep[0] == was);
  CHECK_EQ(scan_words, before_words);
  CHECK(mps_arena_has_addr(arena, keep[0]));
  CHECK(mps_addr_pool(&p, arena, keep[0]) && p == pool);
}

static mps_res_t die_here(mps_ss_t ss, void *p, size_t s)
{
  mps_pool_t found;
  (void)ss; (void)p; (void)s;
  mps_arena_postmortem(arena);
  CHECK(mps_arena_has_addr(arena, keep[0]));
  CHECK(mps_addr_pool(&found, arena, keep[0]) && found == pool);
  fflush(stdout);
  _exit(0);
}

static void postmortem_inside(void)
{
  mps_root_t dies;
  world(arena_vm((size_t)64 << 20));
  keep[0] = obj_new(ap, 0, KIND_LEAF, 10, 5);
  CHECK_OK(mps_root_create(&dies, arena, mps_rank_exact(), 0, die_here, NULL,
                           0));
  (void)mps_arena_collect(arena);
  CHECK(!"come back");
}

/* --- introspection --- */

static char *chunk_base;
static size_t chunk_size;
static void note_chunk(mps_arena_t a, void *base, size_t size)
{
  (void)a;
  chunk_base = base;
  chunk_size = size;
}

static void has_addr_edges(void)
{
  static char mem[8 << 20];
  mps_arena_t a = NULL;
  mps_pool_t p = NULL;
  char *o;
  size_t used = 0, at;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, (size_t)64 << 20);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_EXTENDED, (mps_fun_t)note_chunk);
    CHECK_OK(mps_arena_create_k(&a, mps_arena_class_vm(), args));
  } MPS_ARGS_END(args);
  world(a);
  o = (char *)obj_new(ap, 0, KIND_LEAF, 10, 5);
  mps_arena_park(arena);
  CHECK(o > chunk_base && o < chunk_base + chunk_size);
  /* right behind the object: nobody's yet, but in a grain of the pool's */
  CHECK(mps_arena_has_addr(arena, o + 12 * WORD + 8));
  CHECK(mps_addr_pool(&p, arena, o + 12 * WORD + 8) && p == pool);
  for (at = 0; at < chunk_size; at += 4096)
    used += (size_t)mps_arena_has_addr(arena, chunk_base + at);
  CHECK(used > 0 && used * 4096 < chunk_size / 4);
  /* a client arena's memory that no pool has */
  world(client(mem, sizeof mem, 0));
  o = (char *)obj_new(ap, 0, KIND_LEAF, 10, 5);
  mps_arena_park(arena);
  CHECK(mps_arena_has_addr(arena, o));
  for (used = at = 0; at < sizeof mem; at += 1024)
    used += (size_t)mps_arena_has_addr(arena, mem + at);
  CHECK(used > 0 && used * 1024 < sizeof mem / 2);
}

static void formats_by_class(void)
{
  mps_fmt_t f;
  int c;
  arena = arena_vm((size_t)16 << 20);
  fmt = fmt_make(arena, 0);
  for (c = 0; c < CLASSES; ++c) {
    mps_pool_t p = pool_class(arena, c, fmt), found = NULL;
    mps_ap_t a = classes[c].is & HAS_AP ? ap_make(p) : NULL;
    char *o = (char *)block_in(p, a, c, 1);
    f = NULL;
    CHECK(mps_addr_pool(&found, arena, o) && found == p);
    CHECK(mps_addr_pool(&found, arena, o + 11) && found == p);
    if (classes[c].is & NEEDS_FORMAT)
      CHECK(mps_addr_fmt(&f, arena, o + 5) && f == fmt);
    else
      CHECK(!mps_addr_fmt(&f, arena, o) && f == NULL);
  }
}

static void objects_by_class(void)
{
  int c, i;
  arena = arena_vm((size_t)16 << 20);
  fmt = fmt_make(arena, 0);
  for (c = 0; c < CLASSES; ++c) {
    mps_pool_t p = pool_class(arena, c, fmt);
    mps_ap_t a = classes[c].is & HAS_AP ? ap_make(p) : NULL;
    char *o;
    (void)block_in(p, a, c, 1);
    o = (char *)block_in(p, a, c, 1);
    for (i = 0; i < 200; ++i) {
      mps_addr_t found = &arena;
      mps_res_t res = mps_addr_object(&found, arena,
                                      o + i % (int)(6 * WORD));
      if (classes[c].is & MOVES) {
        CHECK_OK(res);
        CHECK(found == o);
      } else {
        CHECK_EQ(res, MPS_RES_UNIMPL);
        CHECK(found == &arena);
      }
    }
  }
}

static void objects_with_headers(void)
{
  mps_addr_t found;
  char *o;
  int i;
  arena = arena_vm((size_t)16 << 20);
  fmt = fmt_make(arena, HEADER);
  pool = pool_amc(arena, fmt, NULL);
  ap = ap_make(pool);
  (void)obj_new(ap, HEADER, KIND_LEAF, 10, 1);
  o = (char *)obj_new(ap, HEADER, KIND_LEAF, 10, 1);
  for (i = -(int)HEADER; i < 12 * (int)WORD; ++i) {
    CHECK_OK(mps_addr_object(&found, arena, o + i));
    CHECK(found == o);          /* the client's pointer, not the base */
  }
}

/* --- small arenas: everything follows their size --- */

static void small_start(void)
{
  size_t size = (size_t)128 << 10, table;
  mps_pool_t mvff = NULL;
  arena = client(malloc(size), size, 0);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, NULL);
  CHECK_OK(mps_pool_create_k(&mvff, arena, mps_class_mvff(), mps_args_none));
  ap = ap_make(pool);
  part("128 KB: %lu committed before the first object",
       (unsigned long)mps_arena_committed(arena));
  /* The table of a software barrier takes a grain, and so there are more regions. */
  table = soft_barrier() ? 2048 : 0;
  CHECK(reference() || mps_arena_committed(arena) <= ((size_t)12 << 10) + table);
  (void)obj_new(ap, 0, KIND_LEAF, 4, 1);
  CHECK(reference() || mps_arena_committed(arena) <= ((size_t)16 << 10) + table);
}

/* Counts the collections that have begun, by what began them. */
static void count_starts(size_t *chain, size_t *memory)
{
  mps_message_t m;
  while (mps_message_get(&m, arena, mps_message_type_gc_start())) {
    const char *why = mps_message_gc_start_why(arena, m);
    if (strstr(why, "Memory has run out") != NULL)
      ++*memory;
    else
      ++*chain;
    mps_message_discard(arena, m);
  }
}

/* 20 KB of objects that are replaced one by one, a hundred times the arena in all;
 * then, where objects move, an eighth of the arena in one piece. */
static void churn(mps_arena_t a, size_t size, mps_pool_class_t class)
{
  enum { LIVE = 80, SLOTS = 30 };
  static mps_addr_t live[LIVE];
  size_t i, chain = 0, memory = 0, count = size / ((SLOTS + 2) * WORD) * 100;
  mps_root_t lives;
  obj_t o;
  arena = a;
  fmt = fmt_make(arena, 0);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    CHECK_OK(mps_pool_create_k(&pool, arena, class, args));
  } MPS_ARGS_END(args);
  ap = ap_make(pool);
  memset(live, 0, sizeof live);
  CHECK_OK(mps_root_create_table(&lives, arena, mps_rank_exact(), 0, live, LIVE));
  mps_message_type_enable(arena, mps_message_type_gc_start());
  for (i = 0; i < count; ++i) {
    CHECK_OK(obj_try(&o, ap, 0, KIND_LEAF, SLOTS, i));
    /* most die at once */
    if (i % 4 == 0)
      live[rnd_below(LIVE)] = o;
    count_starts(&chain, &memory);
  }
  for (i = 0; i < LIVE; ++i)
    CHECK(live[i] == NULL
          || obj_is((obj_t)live[i], KIND_LEAF, SLOTS, ((obj_t)live[i])->serial));
  part("%lu KB: %lu collections as due, %lu because memory ran out",
       (unsigned long)(size >> 10), (unsigned long)chain, (unsigned long)memory);
  CHECK(chain > 100 && memory == 0);
  if (class == mps_class_amc()) {
    CHECK_OK(obj_try(&o, ap, 0, KIND_LEAF, size / 8 / WORD - 2, 7));
    CHECK(obj_is(o, KIND_LEAF, size / 8 / WORD - 2, 7));
  }
  mps_ap_destroy(ap);
  mps_root_destroy(lives);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

static void small_amc(void)
{
  size_t size = (size_t)128 << 10;
  if (!reference())
    churn(client(malloc(size), size, 0), size, mps_class_amc());
}

static void small_lo(void)
{
  size_t size = (size_t)128 << 10;
  if (!reference())
    churn(client(malloc(size), size, 0), size, mps_class_lo());
}

static void small_vm(void)
{
  size_t size = (size_t)512 << 10;
  mps_arena_t a = NULL;
  if (reference())
    return;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_COMMIT_LIMIT, size);
    CHECK_OK(mps_arena_create_k(&a, mps_arena_class_vm(), args));
  } MPS_ARGS_END(args);
  churn(a, size, mps_class_amc());
}

/* A limit that is set later counts as well. */
static void small_later(void)
{
  size_t size = (size_t)512 << 10;
  mps_arena_t a;
  if (reference())
    return;
  a = arena_vm((size_t)16 << 20);
  CHECK_OK(mps_arena_commit_limit_set(a, size));
  churn(a, size, mps_class_amc());
}

static const case_s cases[] = {
  {"a new arena is unclamped", starts_unclamped},
  {"references between arenas are not traced", no_traces_between},
  {"destroying a VM arena gives back its address space",
   gives_back_address_space},
  {"a client arena keeps to its memory", only_that_memory},
  {"a client arena works in 512 KB", client_minimum},
  {"client arena: grain size 8192, powers of two from a pointer",
   client_grain},
  {"extending by too small a chunk is MPS_RES_MEMORY", extend_too_small},
  {"a client arena gives nothing back, whatever the spare fraction",
   never_given_back},
  {"client arena: commit limit", client_commit_limit},
  {"client arena: extension callbacks stay in the list", no_callbacks},
  {"VM arena: sizes under the minimum, growing by itself", vm_minimum},
  {"VM arena: no memory for its own structures is MPS_RES_MEMORY",
   no_memory_to_begin},
  {"VM arena: a small grain size is rounded up to a page", small_grain},
  {"VM arena: large grains, with much in them", large_grain},
  {"VM arena: extending is reported and MPS_RES_UNIMPL", vm_extend},
  {"mps_arena_vm_growth", vm_growth},
  {"mps_collections counts every class's flips", counts_all_flips},
  {"a commit limit under what is committed fails and changes nothing",
   limit_refused},
  {"an infinite pause time leaves no work behind", infinite_pause},
  {"with pause time zero a collection comes in many steps", zero_pause},
  {"spare fraction: 0.0 to 1.0, others are reported", spare_bounds},
  {"spare commit limit: bytes and fraction", spare_limit_bytes},
  {"committed may be asked in any state, and from inside",
   committed_any_time},
  {"clamped: a running collection goes on unseen", clamped_middle},
  {"step: parked becomes clamped, unclamped stays", step_states},
  {"start_collect unclamps", start_unclamps},
  {"collect with nothing to collect parks", collect_empty_parks},
  {"postmortem in the middle of a collection", postmortem_middle},
  {"postmortem by the thread that is inside", postmortem_inside},
  {"has_addr: unused parts of pools' grains yes, of the reservation no",
   has_addr_edges},
  {"addr_pool and addr_fmt by class", formats_by_class},
  {"addr_object: AMC and AMCZ, again and again; UNIMPL for the others",
   objects_by_class},
  {"addr_object with headers gives the client's pointer",
   objects_with_headers},
  {"a client arena of 128 KB commits little to begin with", small_start},
  {"a client arena of 128 KB collects in time: AMC", small_amc},
  {"a client arena of 128 KB collects in time: LO", small_lo},
  {"a VM arena with a limit of 512 KB collects in time", small_vm},
  {"a VM arena with a limit that is set later collects in time", small_later}
};

int main(void)
{
  test_begin("arenas");
  return CASES_RUN(cases);
}
