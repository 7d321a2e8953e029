/* basics.c -- arenas: creation, properties, states, collection control
 *
 * Where this library may differ from the reference:
 *  - mps_arena_committed right after creation and the minimum size of a
 *    client arena are only bounded, not fixed.
 */

#include "common.h"

#include <math.h>

/* --- extension callbacks --- */

#define CHUNKS 4096
static struct { void *base; size_t size; int live; } chunk[CHUNKS];
static size_t chunks, extended, contracted;
static mps_arena_t callback_arena;

static void on_extended(mps_arena_t arena, void *base, size_t size)
{
  size_t i;
  callback_arena = arena;
  for (i = 0; i < chunks; ++i)
    if (chunk[i].live)
      CHECK((char *)base + size <= (char *)chunk[i].base
            || (char *)chunk[i].base + chunk[i].size <= (char *)base);
  CHECK(chunks < CHUNKS);
  chunk[chunks].base = base;
  chunk[chunks].size = size;
  chunk[chunks].live = 1;
  ++chunks;
  ++extended;
}

static void on_contracted(mps_arena_t arena, void *base, size_t size)
{
  size_t i, found = 0;
  (void)arena;
  for (i = 0; i < chunks; ++i)
    if (chunk[i].live && chunk[i].base == base) {
      CHECK_EQ(chunk[i].size, size);
      chunk[i].live = 0;
      ++found;
    }
  CHECK_EQ(found, 1);
  ++contracted;
}

static void test_callbacks(void)
{
  mps_arena_t arena = NULL;
  mps_fmt_t fmt;
  mps_pool_t pool;
  mps_ap_t ap;
  mps_addr_t keep[8] = {0};
  mps_root_t root;
  mps_res_t res = MPS_RES_FAIL;
  size_t i;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, (size_t)1 << 20);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_EXTENDED, (mps_fun_t)on_extended);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_CONTRACTED, (mps_fun_t)on_contracted);
    res = mps_arena_create_k(&arena, mps_arena_class_vm(), args);
    CHECK(args[0].key == MPS_KEY_ARGS_END);
  } MPS_ARGS_END(args);
  CHECK_OK(res);
  CHECK(extended >= 1);
  CHECK(callback_arena == arena);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, keep, 8));
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, NULL);
  ap = ap_make(pool);
  for (i = 0; i < 8; ++i)       /* 16 MB alive in a 1 MB arena */
    keep[i] = obj_new(ap, 0, KIND_LEAF, (2 << 20) / WORD, i + 1);
  CHECK(extended >= 2);
  {
    size_t before = mps_arena_reserved(arena), total = 0;
    for (i = 0; i < chunks; ++i)
      if (chunk[i].live)
        total += chunk[i].size;
    CHECK(total <= before);
    CHECK(before - total <= (size_t)65536 * extended);
    for (i = 0; i < 8; ++i)
      CHECK(obj_is(keep[i], KIND_LEAF, (2 << 20) / WORD, i + 1));
    memset(keep, 0, sizeof keep);
    mps_arena_spare_set(arena, 0.0);
    CHECK_OK(mps_arena_collect(arena));
    CHECK(mps_arena_reserved(arena) <= before);
  }
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_root_destroy(root);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
  CHECK_EQ(extended, contracted);
  for (i = 0; i < chunks; ++i)
    CHECK(!chunk[i].live);
  part("extension callbacks: %lu chunks, matched one to one",
       (unsigned long)extended);
}

/* --- creation --- */

static void test_create_vm(void)
{
  size_t sizes[4] = {0, 1, 0, 0}, i;
  mps_arena_t arena = NULL;
  mps_res_t res;
  sizes[2] = (size_t)32 << 20;
  sizes[3] = (size_t)256 << 20;
  CHECK_OK(mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none));
  CHECK(mps_arena_class_vm() == mps_arena_class_vm());
  CHECK(mps_arena_reserved(arena) >= (size_t)256 << 20);
  CHECK(mps_arena_committed(arena) <= mps_arena_reserved(arena));
  CHECK_EQ(mps_arena_commit_limit(arena), (size_t)-1);
  CHECK(mps_arena_pause_time(arena) == 0.1);
  CHECK(mps_arena_spare(arena) == 0.75);
  CHECK_EQ(mps_collections(arena), 0);
  CHECK(!mps_arena_busy(arena));
  mps_arena_destroy(arena);
  for (i = 1; i < 4; ++i) {
    arena = arena_vm(sizes[i]);
    CHECK(mps_arena_reserved(arena) >= sizes[i]);
    mps_arena_destroy(arena);
  }
  /* deprecated creation */
  CHECK_OK(mps_arena_create(&arena, mps_arena_class_vm(), (size_t)1 << 22));
  CHECK(mps_arena_reserved(arena) >= (size_t)1 << 22);
  mps_arena_destroy(arena);
  /* all keywords; the last one is left over on this system */
  res = MPS_RES_FAIL;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_VMW3_TOP_DOWN, 1);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, (size_t)1 << 24);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_GRAIN_SIZE, 16384);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_ZONED, 0);
    MPS_ARGS_ADD(args, MPS_KEY_COMMIT_LIMIT, (size_t)1 << 23);
    MPS_ARGS_ADD(args, MPS_KEY_SPARE, 0.25);
    MPS_ARGS_ADD(args, MPS_KEY_PAUSE_TIME, 0.5);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_EXTENDED, (mps_fun_t)on_extended);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_CONTRACTED, (mps_fun_t)on_contracted);
    chunks = 0;
    res = mps_arena_create_k(&arena, mps_arena_class_vm(), args);
    CHECK_OK(res);
#if !defined(_WIN32)
    CHECK(args[0].key == MPS_KEY_VMW3_TOP_DOWN);
    CHECK(args[1].key == MPS_KEY_ARGS_END);
#endif
  } MPS_ARGS_END(args);
  CHECK_EQ(mps_arena_commit_limit(arena), (size_t)1 << 23);
  CHECK(mps_arena_spare(arena) == 0.25);
  CHECK(mps_arena_pause_time(arena) == 0.5);
  mps_arena_destroy(arena);
  extended = contracted = chunks = 0;
  /* a commit limit nothing fits in */
  MPS_ARGS_BEGIN(args) {
    mps_arena_t none = (mps_arena_t)&chunks;
    MPS_ARGS_ADD(args, MPS_KEY_COMMIT_LIMIT, 1);
    CHECK_EQ(mps_arena_create_k(&none, mps_arena_class_vm(), args),
             MPS_RES_COMMIT_LIMIT);
    CHECK(none == (mps_arena_t)&chunks);        /* untouched */
  } MPS_ARGS_END(args);
  /* more address space than there is */
  MPS_ARGS_BEGIN(args) {
    mps_arena_t none = NULL;
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE,
                 WORD == 4 ? ~(size_t)0 << 24 : ~(size_t)0 / 4);
    res = mps_arena_create_k(&none, mps_arena_class_vm(), args);
    CHECK(res == MPS_RES_RESOURCE);
    CHECK(none == NULL);
  } MPS_ARGS_END(args);
  part("VM arenas: defaults, sizes, all keywords, failures");
}

static mps_res_t create_cl(mps_arena_t *arena_o, void *base, size_t size,
                           size_t grain)
{
  mps_res_t res = MPS_RES_FAIL;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_CL_BASE, base);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, size);
    if (grain != 0)
      MPS_ARGS_ADD(args, MPS_KEY_ARENA_GRAIN_SIZE, grain);
    res = mps_arena_create_k(arena_o, mps_arena_class_cl(), args);
    if (res == MPS_RES_OK)
      CHECK(args[0].key == MPS_KEY_ARGS_END);
  } MPS_ARGS_END(args);
  return res;
}

static void test_create_cl(void)
{
  size_t size = (size_t)8 << 20, extra = (size_t)8 << 20;
  char *mem = malloc(size), *more = malloc(extra);
  mps_arena_t arena = NULL;
  mps_fmt_t fmt;
  mps_pool_t pool;
  mps_ap_t ap;
  mps_addr_t list = NULL;
  mps_root_t root;
  mps_res_t res;
  obj_t o = NULL;
  size_t made = 0, first, i;
  CHECK(mem != NULL && more != NULL);
  CHECK_EQ(create_cl(&arena, mem, 4096, 0), MPS_RES_MEMORY);
  CHECK(arena == NULL);
  /* odd base and size: the ends are lost */
  CHECK_OK(create_cl(&arena, mem + 3, size - 5, 0));
  CHECK(mps_arena_reserved(arena) <= size - 5);
  CHECK(mps_arena_reserved(arena) >= size - 5 - 3 * 8192);
  CHECK_EQ(mps_arena_spare_committed(arena), 0);
  CHECK(mps_arena_committed(arena) > 0);
  mps_arena_destroy(arena);
  CHECK_OK(create_cl(&arena, mem, size, 4096));
  mps_arena_destroy(arena);
  CHECK_OK(mps_arena_create(&arena, mps_arena_class_cl(), size,
                            (mps_addr_t)mem));
  /* fill it with a list, extend it, go on */
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, NULL);
  ap = ap_make(pool);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, &list,
                                 1));
  mps_arena_park(arena);        /* so that nothing is copied meanwhile */
  for (;;) {
    res = obj_try(&o, ap, 0, KIND_VECTOR, 100, made + 1);
    if (res != MPS_RES_OK)
      break;
    CHECK((char *)o >= mem && (char *)o < mem + size);
    CHECK(mps_arena_has_addr(arena, o));
    o->slot[0] = (word)list;
    list = o;
    ++made;
  }
  CHECK_EQ(res, MPS_RES_RESOURCE);
  CHECK(made > 1000);
  first = made;
  CHECK_OK(mps_arena_extend(arena, more, extra));
  CHECK(mps_arena_reserved(arena) > size);
  while (made < first + 1000) {
    CHECK_OK(obj_try(&o, ap, 0, KIND_VECTOR, 100, made + 1));
    CHECK(((char *)o >= mem && (char *)o < mem + size)
          || ((char *)o >= more && (char *)o < more + extra));
    o->slot[0] = (word)list;
    list = o;
    ++made;
  }
  CHECK(mps_arena_committed(arena) <= mps_arena_reserved(arena));
  CHECK(mps_arena_committed(arena) > size / 2);
  CHECK_EQ(mps_arena_spare_committed(arena), 0);
  for (o = list, i = made; o != NULL; o = (obj_t)o->slot[0], --i)
    CHECK(obj_is(o, KIND_VECTOR, 100, i));
  CHECK_EQ(i, 0);
  /* drop it; the memory can be used again */
  list = NULL;
  CHECK_OK(mps_arena_collect(arena));
  mps_arena_release(arena);
  for (i = 0; i < 20000; ++i)
    CHECK_OK(obj_try(&o, ap, 0, KIND_VECTOR, 100, 1));
  mps_ap_destroy(ap);
  mps_root_destroy(root);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
  /* it is the client's again */
  memset(mem, 1, size);
  memset(more, 1, extra);
  free(mem);
  free(more);
  part("client arenas: too small, unaligned, full after %lu objects, extended",
       (unsigned long)first);
}

static void test_grain(void)
{
  size_t grain;
  for (grain = 1024; grain <= (size_t)1 << 17; grain <<= 1) {
    mps_arena_t arena = NULL;
    mps_fmt_t fmt;
    mps_pool_t pool;
    mps_ap_t ap;
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_ARENA_GRAIN_SIZE, grain);
      MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, (size_t)32 << 20);
      CHECK_OK(mps_arena_create_k(&arena, mps_arena_class_vm(), args));
    } MPS_ARGS_END(args);
    fmt = fmt_make(arena, 0);
    pool = NULL;
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
      if (grain > 32768)
        MPS_ARGS_ADD(args, MPS_KEY_LARGE_SIZE, 2 * grain);
      CHECK_OK(mps_pool_create_k(&pool, arena, mps_class_amc(), args));
    } MPS_ARGS_END(args);
    ap = ap_make(pool);
    garbage(ap, 0, 1000, 50);
    CHECK_EQ(mps_pool_total_size(pool) % (grain < 4096 ? 4096 : grain), 0);
    CHECK_OK(mps_arena_collect(arena));
    mps_ap_destroy(ap);
    mps_pool_destroy(pool);
    mps_fmt_destroy(fmt);
    mps_arena_destroy(arena);
  }
  part("grain sizes from 1 KiB to 128 KiB");
}

/* --- introspection --- */

static void test_spare(void);

static mps_arena_t busy_arena;
static int busy_seen, busy_calls;

static mps_res_t scan_busy(mps_ss_t ss, void *p, size_t s)
{
  (void)ss; (void)p; (void)s;
  ++busy_calls;
  busy_seen += mps_arena_busy(busy_arena);
  return MPS_RES_OK;
}

static void test_introspection(void)
{
  mps_arena_t arena = arena_vm((size_t)32 << 20);
  mps_fmt_t fmt = fmt_make(arena, 0), fmt2 = fmt_make(arena, 0), f;
  mps_pool_t pool = pool_amc(arena, fmt, NULL), p;
  mps_pool_t pool2 = pool_amc(arena, fmt2, NULL);
  mps_ap_t ap = ap_make(pool), ap2 = ap_make(pool2);
  mps_addr_t r[2], old, found;
  mps_root_t root, busy;
  int local;
  r[0] = r[1] = NULL;
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, r, 2));
  CHECK_EQ(mps_pool_total_size(pool), 0);
  CHECK_EQ(mps_pool_free_size(pool), 0);
  r[0] = obj_new(ap, 0, KIND_VECTOR, 5, 7);
  r[1] = obj_new(ap2, 0, KIND_VECTOR, 5, 8);
  mps_arena_park(arena);
  CHECK(mps_arena_has_addr(arena, r[0]));
  CHECK(mps_arena_has_addr(arena, r[1]));
  CHECK(!mps_arena_has_addr(arena, NULL));
  CHECK(!mps_arena_has_addr(arena, &local));
  CHECK(!mps_arena_has_addr(arena, (mps_addr_t)(word)test_spare));
  p = NULL;
  CHECK(mps_addr_pool(&p, arena, r[0]) && p == pool);
  CHECK(mps_addr_pool(&p, arena, (char *)r[1] + 3) && p == pool2);
  p = (mps_pool_t)&local;
  CHECK(!mps_addr_pool(&p, arena, &local) && p == (mps_pool_t)&local);
  CHECK(!mps_addr_pool(&p, arena, NULL) && p == (mps_pool_t)&local);
  CHECK(mps_addr_fmt(&f, arena, r[0]) && f == fmt);
  CHECK(mps_addr_fmt(&f, arena, r[1]) && f == fmt2);
  f = (mps_fmt_t)&local;
  CHECK(!mps_addr_fmt(&f, arena, &local) && f == (mps_fmt_t)&local);
  CHECK(mps_addr_object(&found, arena, r[0]) == MPS_RES_OK && found == r[0]);
  CHECK(mps_addr_object(&found, arena, (char *)r[0] + 5 * WORD) == MPS_RES_OK
        && found == r[0]);
  found = &local;
  CHECK_EQ(mps_addr_object(&found, arena, &local), MPS_RES_FAIL);
  CHECK(found == &local);
  garbage(ap, 0, 1000, 50);     /* so that the buffer is elsewhere */
  garbage(ap2, 0, 1000, 50);
  old = r[0];
  CHECK_OK(mps_arena_collect(arena));
  CHECK(r[0] != old);
  CHECK(obj_is(r[0], KIND_VECTOR, 5, 7));
  CHECK(mps_addr_object(&found, arena, old) != MPS_RES_OK);
  CHECK(mps_addr_object(&found, arena, r[0]) == MPS_RES_OK && found == r[0]);
  CHECK_EQ(mps_collections(arena), 1);
  busy_arena = arena;
  CHECK(!mps_arena_busy(arena));
  CHECK_OK(mps_root_create(&busy, arena, mps_rank_exact(), 0, scan_busy, NULL,
                           0));
  CHECK_EQ(busy_calls, 0);
  CHECK_OK(mps_arena_collect(arena));
  CHECK(busy_calls >= 1);
  CHECK_EQ(busy_seen, busy_calls);
  CHECK(!mps_arena_busy(arena));
  mps_root_destroy(busy);
  /* the memory of another arena is not ours */
  {
    mps_arena_t other = arena_vm((size_t)1 << 22);
    CHECK(!mps_arena_has_addr(other, r[0]));
    CHECK(!mps_addr_pool(&p, other, r[0]));
    mps_arena_destroy(other);
  }
  mps_ap_destroy(ap);
  mps_ap_destroy(ap2);
  mps_pool_destroy(pool);
  mps_pool_destroy(pool2);
  mps_root_destroy(root);
  mps_fmt_destroy(fmt);
  mps_fmt_destroy(fmt2);
  mps_arena_destroy(arena);
  part("has_addr, addr_pool, addr_fmt, addr_object, busy in a scan function");
}

/* --- memory limits --- */

static void test_commit_limit(void)
{
  mps_arena_t arena = arena_vm((size_t)64 << 20);
  mps_fmt_t fmt = fmt_make(arena, 0);
  mps_pool_t pool = pool_amc(arena, fmt, NULL);
  mps_ap_t ap = ap_make(pool);
  mps_addr_t list = NULL;
  mps_root_t root;
  size_t made = 0, i, limit = (size_t)6 << 20, round;
  mps_res_t res;
  obj_t o;
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, &list,
                                 1));
  mps_arena_clamp(arena);
  CHECK_OK(mps_arena_commit_limit_set(arena, limit));
  for (round = 0; round < 3; ++round) {
    for (;;) {
      mps_addr_t probe = &made;
      res = obj_try(&o, ap, 0, KIND_VECTOR, 126, made + 1);
      CHECK(mps_arena_committed(arena) <= limit);
      if (res != MPS_RES_OK) {
        CHECK_EQ(mps_reserve(&probe, ap, 128 * WORD), MPS_RES_COMMIT_LIMIT);
        CHECK(probe == &made);
        break;
      }
      o->slot[0] = (word)list;
      list = o;
      ++made;
    }
    CHECK_EQ(res, MPS_RES_COMMIT_LIMIT);
    CHECK(made * 128 * WORD > limit / 2);
    for (o = list, i = made; o != NULL; o = (obj_t)o->slot[0], --i)
      CHECK(obj_is(o, KIND_VECTOR, 126, i));
    CHECK_EQ(i, 0);
    /* cannot go below what is in use, and says so without changing it */
    CHECK(mps_arena_commit_limit_set(arena, limit / 2) != MPS_RES_OK);
    CHECK_EQ(mps_arena_commit_limit(arena), limit);
    /* more room: go on */
    limit += (size_t)2 << 20;
    CHECK_OK(mps_arena_commit_limit_set(arena, limit));
    CHECK_OK(obj_try(&o, ap, 0, KIND_VECTOR, 126, made + 1));
    o->slot[0] = (word)list;
    list = o;
    ++made;
  }
  /* release three quarters of the list */
  for (o = list, i = 0; i < made * 3 / 4; ++i)
    o = (obj_t)o->slot[0];
  list = o;
  made -= i;
  CHECK_OK(mps_arena_commit_limit_set(arena, (size_t)-1));
  CHECK_OK(mps_arena_collect(arena));
  for (o = list, i = made; o != NULL; o = (obj_t)o->slot[0], --i)
    CHECK(obj_is(o, KIND_VECTOR, 126, i));
  CHECK_EQ(i, 0);
  /* now there is spare memory, and setting the limit gives it back */
  {
    size_t used = mps_arena_committed(arena)
                  - mps_arena_spare_committed(arena);
    size_t to = used + ((size_t)1 << 20);
    CHECK_OK(mps_arena_commit_limit_set(arena, to));
    CHECK(mps_arena_committed(arena) <= to);
  }
  CHECK_OK(mps_arena_commit_limit_set(arena, (size_t)-1));
  mps_arena_release(arena);
  garbage(ap, 0, 20000, 126);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_root_destroy(root);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
  part("commit limit: refused where asked, heap intact, goes on afterwards");
}

static void test_spare(void)
{
  mps_arena_t arena = arena_vm((size_t)64 << 20);
  mps_fmt_t fmt = fmt_make(arena, 0);
  mps_pool_t pool = pool_amc(arena, fmt, NULL);
  mps_ap_t ap = ap_make(pool);
  double f;
  size_t spare, before;
  mps_addr_t keep = NULL;
  mps_root_t root;
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, &keep,
                                 1));
  keep = obj_new(ap, 0, KIND_LEAF, 10, 5);
  for (f = 0.0; f <= 1.0; f += 0.25) {
    mps_arena_spare_set(arena, f);
    CHECK(mps_arena_spare(arena) == f);
    mps_arena_clamp(arena);
    garbage(ap, 0, 10000, 126);
    CHECK_OK(mps_arena_collect(arena));
    spare = mps_arena_spare_committed(arena);
    CHECK(spare <= mps_arena_committed(arena));
    CHECK((double)spare <= f * (double)mps_arena_committed(arena) + 65536.0);
  }
  before = mps_arena_committed(arena);
  CHECK(spare > (size_t)1 << 20);
  mps_arena_spare_set(arena, 0.0);
  CHECK_EQ(mps_arena_spare_committed(arena), 0);
  CHECK(mps_arena_committed(arena) < before);
  mps_arena_spare_commit_limit_set(arena, (size_t)-1);
  CHECK(mps_arena_spare(arena) == 1.0);
  mps_arena_spare_commit_limit_set(arena, 0);
  CHECK(mps_arena_spare(arena) == 0.0);
  CHECK_EQ(mps_arena_spare_commit_limit(arena), 0);
  CHECK(obj_is(keep, KIND_LEAF, 10, 5));
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_root_destroy(root);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
  part("spare fraction: set, kept to, given back at once");
}

/* --- states and collections --- */

static void test_states(void)
{
  mps_arena_t arena = arena_vm((size_t)64 << 20);
  mps_chain_t chain = chain_make(arena, 2, 256);
  mps_fmt_t fmt = fmt_make(arena, 0);
  mps_pool_t pool = pool_amc(arena, fmt, chain);
  mps_ap_t ap = ap_make(pool);
  mps_addr_t keep = NULL, old;
  mps_root_t root;
  word n;
  int i;
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, &keep,
                                 1));
  /* nothing to collect */
  CHECK_EQ(mps_arena_collect(arena), MPS_RES_FAIL);
  mps_arena_release(arena);
  CHECK_EQ(mps_arena_start_collect(arena), MPS_RES_FAIL);
  CHECK(!mps_arena_step(arena, 0.1, 0.0));
  keep = obj_new(ap, 0, KIND_LEAF, 10, 5);
  /* in any order, any number of times */
  mps_arena_park(arena); mps_arena_park(arena); mps_arena_clamp(arena);
  mps_arena_clamp(arena); mps_arena_release(arena); mps_arena_release(arena);
  mps_arena_clamp(arena); mps_arena_park(arena); mps_arena_release(arena);
  mps_arena_park(arena);
  /* parked: allocation goes on, nothing moves */
  n = mps_collections(arena);
  old = keep;
  garbage(ap, 0, 10000, 80);
  CHECK_EQ(mps_collections(arena), n);
  CHECK(keep == old);
  /* released: collections start by themselves */
  mps_arena_release(arena);
  for (i = 0; i < 200 && mps_collections(arena) < n + 3; ++i)
    garbage(ap, 0, 1000, 80);
  CHECK(mps_collections(arena) >= n + 3);
  /* clamped: neither */
  mps_arena_clamp(arena);
  n = mps_collections(arena);
  old = keep;
  garbage(ap, 0, 10000, 80);
  CHECK_EQ(mps_collections(arena), n);
  CHECK(keep == old);
  /* collect, and again, parked afterwards */
  CHECK_OK(mps_arena_collect(arena));
  CHECK(keep != old);
  CHECK_EQ(mps_collections(arena), n + 1);
  CHECK_OK(mps_arena_collect(arena));
  CHECK_EQ(mps_collections(arena), n + 2);
  old = keep;
  garbage(ap, 0, 10000, 80);
  CHECK_EQ(mps_collections(arena), n + 2);
  CHECK(keep == old);
  /* start, then step to the end */
  n = mps_collections(arena);
  CHECK_OK(mps_arena_start_collect(arena));
  CHECK_OK(mps_arena_start_collect(arena));     /* running: fine */
  for (i = 0; i < 100000 && mps_arena_step(arena, 0.01, 0.0); ++i)
    continue;
  CHECK(i < 100000);
  CHECK(mps_collections(arena) >= n + 1);
  CHECK(!mps_arena_step(arena, 0.01, 0.0));
  CHECK(!mps_arena_step(arena, 0.0, 0.0));
  /* start, then park finishes it */
  n = mps_collections(arena);
  CHECK_OK(mps_arena_start_collect(arena));
  mps_arena_park(arena);
  CHECK(mps_collections(arena) >= n + 1);
  n = mps_collections(arena);
  CHECK(!mps_arena_step(arena, 0.01, 0.0));
  /* start, then collect: finishes one and runs another */
  CHECK_OK(mps_arena_start_collect(arena));
  CHECK_OK(mps_arena_collect(arena));
  CHECK(mps_collections(arena) >= n + 1);
  /* step leaves a clamped arena clamped */
  garbage(ap, 0, 10000, 80);
  while (mps_arena_step(arena, 0.001, 0.0))
    continue;
  n = mps_collections(arena);
  garbage(ap, 0, 10000, 80);
  CHECK_EQ(mps_collections(arena), n);
  /* and an idle released one may start a collection with a multiplier */
  mps_arena_release(arena);
  for (i = 0; i < 1000; ++i)
    if (!mps_arena_step(arena, 0.1, 100.0))
      break;
  CHECK(obj_is(keep, KIND_LEAF, 10, 5));
  mps_arena_park(arena);
  mps_ap_destroy(ap);
  mps_root_destroy(root);
  mps_pool_destroy(pool);
  mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
  part("states: park, clamp, release, collect, start_collect, step");
}

static void test_pause_time(void)
{
  static const double times[] = {0.0, 0.0001, 0.001, 0.1, 1.0};
  size_t t;
  for (t = 0; t <= sizeof times / sizeof times[0]; ++t) {
    double pause = t < sizeof times / sizeof times[0] ? times[t] : INFINITY;
    mps_arena_t arena = arena_vm((size_t)64 << 20);
    mps_chain_t chain = chain_make(arena, 3, 128);
    mps_fmt_t fmt = fmt_make(arena, 0);
    mps_pool_t pool = pool_amc(arena, fmt, chain);
    mps_ap_t ap = ap_make(pool);
    graph_s g;
    int i;
    mps_arena_pause_time_set(arena, pause);
    CHECK(mps_arena_pause_time(arena) == pause);
    graph_init(&g, arena, 0, 50, 2000, 10, ap, 0, NULL, 0);
    for (i = 0; i < 60000; ++i) {
      graph_step(&g);
      if (i % 20000 == 0)
        graph_verify(&g);
    }
    graph_verify(&g);
    CHECK(mps_collections(arena) > 0);
    mps_arena_park(arena);
    graph_verify(&g);
    graph_finish(&g);
    mps_ap_destroy(ap);
    mps_pool_destroy(pool);
    mps_chain_destroy(chain);
    mps_fmt_destroy(fmt);
    mps_arena_destroy(arena);
  }
  part("pause times from 0 to infinity");
}

static void test_postmortem(void)
{
  mps_arena_t arena = arena_vm((size_t)64 << 20);
  mps_fmt_t fmt = fmt_make(arena, 0);
  mps_pool_t pool = pool_amc(arena, fmt, NULL), p;
  mps_ap_t ap = ap_make(pool);
  graph_s g;
  int i;
  mps_arena_pause_time_set(arena, 0.0);
  graph_init(&g, arena, 0, 50, 2000, 10, ap, 0, NULL, 0);
  for (i = 0; i < 30000; ++i)
    graph_step(&g);
  mps_arena_park(arena);
  mps_arena_postmortem(arena);
  graph_verify(&g);
  for (i = 0; i < 50; ++i)
    if (g.root[i] != NULL) {
      CHECK(mps_arena_has_addr(arena, g.root[i]));
      CHECK(mps_addr_pool(&p, arena, g.root[i]) && p == pool);
    }
  /* the arena is good for nothing else any more */
  part("postmortem: everything readable");
}

int main(void)
{
  test_begin("basics");
  test_create_vm();
  test_create_cl();
  test_grain();
  test_callbacks();
  test_introspection();
  test_commit_limit();
  test_spare();
  test_states();
  test_pause_time();
  test_postmortem();
  return test_end();
}
