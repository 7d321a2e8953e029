/* interface.c -- conventions, result codes and keyword arguments */

#include "common.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"
#include "mpscmfs.h"
#include "mpscmvff.h"
#include "mpscmvt.h"
#include "mpscsnc.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- results --- */

/* After the report the call gives up with a code. */
static void refused(void)
{
  static mps_res_t res;
  static mps_root_t root;
  static mps_chain_t chain;
  static mps_pool_t pool;
  static mps_fmt_t fmt;
  mps_arena_t arena = arena_vm((size_t)1 << 22);
  mps_gen_param_s bad = {100, 1.5};
  mps_addr_t table[1] = {NULL};
  REPORTED(res = mps_root_create_table(&root, arena, mps_rank_exact(), 0,
                                       table, 0));
  if (reference())
    return;
  CHECK_EQ(res, MPS_RES_PARAM);
  REPORTED(res = mps_chain_create(&chain, arena, 1, &bad));
  CHECK_EQ(res, MPS_RES_PARAM);
  REPORTED(res = mps_pool_create_k(&pool, arena, mps_class_amc(),
                                   mps_args_none));
  CHECK_EQ(res, MPS_RES_PARAM);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, 24);
    REPORTED(res = mps_fmt_create_k(&fmt, arena, args));
  } MPS_ARGS_END(args);
  CHECK_EQ(res, MPS_RES_PARAM);
  CHECK(root == NULL && chain == NULL && pool == NULL && fmt == NULL);
  mps_arena_destroy(arena);     /* nothing was left behind */
}

/* Every function that stores a handle, asked for what it can't give. */
static void out_parameters(void)
{
  static char poison;
  void *const was = &poison;
  mps_arena_t arena = was;
  mps_fmt_t fmt = was;
  mps_pool_t pool = was, mvff = was;
  mps_ap_t ap = was;
  mps_chain_t chain = was;
  mps_root_t root = was;
  mps_thr_t thr = was;
  mps_addr_t p = was;
  mps_sac_t sac = was;
  mps_message_t message = was;
  mps_message_type_t type = 99;
  mps_transform_t transform = was;
  mps_gen_param_s gen = {100, 0.5};
  mps_sac_classes_s classes_[1] = {{64, 10, 1}};
  mps_bool_t applied = 99;
  size_t i;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_COMMIT_LIMIT, 1);
    CHECK(mps_arena_create_k(&arena, mps_arena_class_vm(), args)
          != MPS_RES_OK);
  } MPS_ARGS_END(args);
  CHECK(arena == was);
  /* What was there before is not read: these all have junk in them. */
  CHECK_OK(mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none));
  CHECK_OK(mps_pool_create_k(&mvff, arena, mps_class_mvff(), mps_args_none));
  CHECK(arena != was && mvff != was);
  CHECK(!mps_message_get(&message, arena, mps_message_type_gc()));
  CHECK(message == was);
  CHECK(!mps_message_queue_type(&type, arena));
  CHECK_EQ(type, 99);
  CHECK(!mps_addr_pool(&pool, arena, &poison) && pool == was);
  CHECK(!mps_addr_fmt(&fmt, arena, &poison) && fmt == was);
  CHECK_EQ(mps_addr_object(&p, arena, &poison), MPS_RES_FAIL);
  CHECK(p == was);
  /* With no memory to be had: fill up what there is. */
  mps_arena_spare_set(arena, 0.0);
  CHECK_OK(mps_arena_commit_limit_set(arena, mps_arena_committed(arena)));
  CHECK(mps_alloc(&p, mvff, (size_t)10 << 20) != MPS_RES_OK && p == was);
  for (i = 0; i < 100000; ++i) {
    fmt = was;
    if (mps_fmt_create_k(&fmt, arena, mps_args_none) != MPS_RES_OK)
      break;
    CHECK(fmt != was);
  }
  CHECK(i < 100000 && fmt == was);
  for (i = 0; i < 100000; ++i) {
    root = was;
    if (mps_root_create_table(&root, arena, mps_rank_exact(), 0, &p, 1)
        != MPS_RES_OK)
      break;
    CHECK(root != was);
  }
  CHECK(i < 100000 && root == was);
  for (i = 0; i < 100000; ++i) {
    chain = was;
    if (mps_chain_create(&chain, arena, 1, &gen) != MPS_RES_OK)
      break;
  }
  CHECK(i < 100000 && chain == was);
  for (i = 0; i < 100000; ++i) {
    thr = was;
    if (mps_thread_reg(&thr, arena) != MPS_RES_OK)
      break;
  }
  CHECK(i < 100000 && thr == was);
  for (i = 0; i < 100000; ++i) {
    ap = was;
    if (mps_ap_create_k(&ap, mvff, mps_args_none) != MPS_RES_OK)
      break;
  }
  CHECK(i < 100000 && ap == was);
  for (i = 0; i < 100000; ++i) {
    sac = was;
    if (mps_sac_create(&sac, mvff, 1, classes_) != MPS_RES_OK)
      break;
  }
  CHECK(i < 100000 && sac == was);
  for (i = 0; i < 100000; ++i) {
    pool = was;
    if (mps_pool_create_k(&pool, arena, mps_class_mvff(), mps_args_none)
        != MPS_RES_OK)
      break;
  }
  CHECK(i < 100000 && pool == was);
  mps_arena_park(arena);
  for (i = 0; i < 100000; ++i) {
    transform = was;
    if (mps_transform_create(&transform, arena) != MPS_RES_OK)
      break;
  }
  CHECK(i < 100000 && transform == was);
  CHECK_EQ(applied, 99);
}

static void booleans(void)
{
  mps_arena_t arena = arena_vm((size_t)4 << 20);
  mps_fmt_t fmt = fmt_make(arena, 0), f;
  mps_pool_t pool = pool_amc(arena, fmt, NULL), pl;
  mps_ap_t ap = ap_make(pool);
  obj_t o = obj_new(ap, 0, KIND_LEAF, 4, 1);
  mps_addr_t p;
  mps_message_t m;
  mps_message_type_t type;
  mps_ld_s ld;
  CHECK_EQ(mps_arena_has_addr(arena, o), 1);
  CHECK_EQ(mps_arena_has_addr(arena, &p), 0);
  CHECK_EQ(mps_addr_pool(&pl, arena, o), 1);
  CHECK_EQ(mps_addr_fmt(&f, arena, o), 1);
  CHECK_EQ(mps_arena_busy(arena), 0);
  mps_ld_reset(&ld, arena);
  CHECK_EQ(mps_ld_isstale(&ld, arena, o), 0);
  mps_ld_add(&ld, arena, o);
  mps_message_type_enable(arena, mps_message_type_gc());
  CHECK_EQ(mps_message_poll(arena), 0);
  CHECK_OK(mps_reserve(&p, ap, 4 * WORD));
  ((obj_t)p)->head = HEAD(4, KIND_LEAF);
  ((obj_t)p)->serial = 2;
  CHECK_OK(mps_arena_collect(arena));
  CHECK_EQ((mps_commit)(ap, p, 4 * WORD), 0);
  CHECK_EQ(mps_message_poll(arena), 1);
  CHECK_EQ(mps_message_queue_type(&type, arena), 1);
  CHECK_EQ(mps_message_get(&m, arena, type), 1);
  mps_message_discard(arena, m);
  CHECK_EQ(mps_ld_isstale(&ld, arena, o), 1);
  CHECK_EQ(mps_ld_isstale_any(&ld, arena), 1);
  CHECK_OK(mps_reserve(&p, ap, 4 * WORD));
  ((obj_t)p)->head = HEAD(4, KIND_LEAF);
  ((obj_t)p)->serial = 2;
  CHECK_EQ((mps_commit)(ap, p, 4 * WORD), 1);
  CHECK_OK(mps_arena_start_collect(arena));
  while ((type = (mps_message_type_t)mps_arena_step(arena, 0.0, 0.0)) != 0)
    CHECK_EQ(type, 1);
  /* Any value but zero goes for true. */
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    MPS_ARGS_ADD(args, MPS_KEY_INTERIOR, 256);
    CHECK_OK(mps_pool_create_k(&pl, arena, mps_class_amc(), args));
  } MPS_ARGS_END(args);
  {
    static mps_addr_t inside[1];
    mps_root_t root;
    mps_addr_t q = NULL;
    mps_ap_t ap2 = ap_make(pl);
    CHECK_OK(mps_root_create_table(&root, arena, mps_rank_ambig(), 0, inside,
                                   1));
    mps_arena_park(arena);
    o = obj_new(ap2, 0, KIND_LEAF, 30, 7);
    inside[0] = &o->slot[9];
    CHECK_OK(mps_arena_collect(arena));
    CHECK_OK(mps_addr_object(&q, arena, o));
    CHECK(obj_is(o, KIND_LEAF, 30, 7));
  }
}

/* --- argument lists --- */

static void null_list(void)
{
  mps_arena_t arena = arena_vm((size_t)4 << 20);
  mps_pool_t pool = NULL;
  mps_arg_s *volatile none = NULL;
  /* A report will do as well as a crash. */
  signal(SIGSEGV, SIG_DFL);
  if (fork() == 0) {
    REPORTED((void)mps_pool_create_k(&pool, arena, mps_class_mvff(), none));
    CHECK(pool == NULL);
    _exit(0);
  } else {
    int status;
    CHECK(wait(&status) > 0);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0)
          || WIFSIGNALED(status));
  }
}

static void missing_required(void)
{
  mps_arena_t arena = arena_vm((size_t)4 << 20);
  mps_pool_t pool = NULL;
  int c;
  for (c = 0; c < CLASSES; ++c)
    if (classes[c].is & NEEDS_FORMAT || c == MFS) {
      REPORTED((void)mps_pool_create_k(&pool, arena, classes[c].get(),
                                       mps_args_none));
      CHECK(pool == NULL);
      if (reference())
        return;
    }
}

/* All keys with values that any taker likes. */
static mps_arena_t key_arena;
static mps_fmt_t key_fmt;
static mps_chain_t key_chain;
static mps_pool_debug_option_s key_options = {"fence", 5, "free", 4};
static char key_memory[2 << 20];

static mps_addr_t no_dependent(mps_addr_t p)
{
  (void)p;
  return NULL;
}

static void extended(mps_arena_t arena, void *base, size_t size)
{
  (void)arena; (void)base; (void)size;
}

enum { KEYS = 33 };
static size_t key_count;
static struct { mps_arg_s arg; const char *name; } key_list[KEYS];

#define KEY(k, field, value)                                    \
  (key_list[key_count].arg.key = k,                             \
   key_list[key_count].arg.val.field = (value),                 \
   key_list[key_count++].name = #k)

static void keys_make(void)
{
  key_count = 0;
  KEY(MPS_KEY_ARENA_SIZE, size, sizeof key_memory);
  KEY(MPS_KEY_ARENA_CL_BASE, addr, key_memory);
  KEY(MPS_KEY_ARENA_GRAIN_SIZE, size, 8192);
  KEY(MPS_KEY_ARENA_ZONED, b, 1);
  KEY(MPS_KEY_ARENA_EXTENDED, fun, (mps_fun_t)extended);
  KEY(MPS_KEY_ARENA_CONTRACTED, fun, (mps_fun_t)extended);
  KEY(MPS_KEY_COMMIT_LIMIT, size, (size_t)64 << 20);
  KEY(MPS_KEY_SPARE, d, 0.5);
  KEY(MPS_KEY_SPARE_COMMIT_LIMIT, size, (size_t)1 << 20);
  KEY(MPS_KEY_PAUSE_TIME, d, 0.2);
  KEY(MPS_KEY_VMW3_TOP_DOWN, b, 0);
  KEY(MPS_KEY_FORMAT, format, key_fmt);
  KEY(MPS_KEY_CHAIN, chain, key_chain);
  KEY(MPS_KEY_GEN, u, 1);
  KEY(MPS_KEY_INTERIOR, b, 1);
  KEY(MPS_KEY_EXTEND_BY, size, 8192);
  KEY(MPS_KEY_LARGE_SIZE, size, 65536);
  KEY(MPS_KEY_MIN_SIZE, size, 16);
  KEY(MPS_KEY_MEAN_SIZE, size, 64);
  KEY(MPS_KEY_MAX_SIZE, size, 4096);
  KEY(MPS_KEY_ALIGN, align, 16);
  KEY(MPS_KEY_MFS_UNIT_SIZE, size, 64);
  KEY(MPS_KEY_MVFF_ARENA_HIGH, b, 0);
  KEY(MPS_KEY_MVFF_SLOT_HIGH, b, 0);
  KEY(MPS_KEY_MVFF_FIRST_FIT, b, 1);
  KEY(MPS_KEY_MVT_RESERVE_DEPTH, count, 100);
  KEY(MPS_KEY_MVT_FRAG_LIMIT, d, 0.5);
  KEY(MPS_KEY_AMS_SUPPORT_AMBIGUOUS, b, 1);
  KEY(MPS_KEY_AWL_FIND_DEPENDENT, addr_method, no_dependent);
  KEY(MPS_KEY_POOL_DEBUG_OPTIONS, pool_debug_options, &key_options);
  KEY(MPS_KEY_RANK, rank, mps_rank_exact());
  KEY(MPS_KEY_AP_HASH_ARRAYS, b, 1);
  KEY(MPS_KEY_FMT_HEADER_SIZE, size, 0);
  CHECK_EQ(key_count, KEYS);
}

/* Who takes which, as in the published table; spaces round every name. */
static const struct { const char *who, *takes; } takers[] = {
  {"vm", " ARENA_SIZE ARENA_GRAIN_SIZE ARENA_ZONED ARENA_EXTENDED"
   " ARENA_CONTRACTED COMMIT_LIMIT SPARE SPARE_COMMIT_LIMIT PAUSE_TIME "},
  {"cl", " ARENA_SIZE ARENA_CL_BASE ARENA_GRAIN_SIZE ARENA_ZONED"
   " COMMIT_LIMIT SPARE SPARE_COMMIT_LIMIT PAUSE_TIME "},
  {"AMC", " FORMAT CHAIN INTERIOR EXTEND_BY LARGE_SIZE "},
  {"AMCZ", " FORMAT CHAIN INTERIOR EXTEND_BY LARGE_SIZE "},
  {"AMS", " FORMAT CHAIN GEN AMS_SUPPORT_AMBIGUOUS "},
  {"AMS debug", " FORMAT CHAIN GEN AMS_SUPPORT_AMBIGUOUS"
   " POOL_DEBUG_OPTIONS "},
  {"AWL", " FORMAT CHAIN GEN AWL_FIND_DEPENDENT "},
  {"LO", " FORMAT CHAIN GEN "},
  {"SNC", " FORMAT "},
  {"MFS", " FORMAT EXTEND_BY MFS_UNIT_SIZE "},
  {"MVFF", " FORMAT SPARE EXTEND_BY MEAN_SIZE ALIGN MVFF_ARENA_HIGH"
   " MVFF_SLOT_HIGH MVFF_FIRST_FIT "},
  {"MVFF debug", " FORMAT SPARE EXTEND_BY MEAN_SIZE ALIGN MVFF_ARENA_HIGH"
   " MVFF_SLOT_HIGH MVFF_FIRST_FIT POOL_DEBUG_OPTIONS "},
  {"MVT", " FORMAT MIN_SIZE MEAN_SIZE MAX_SIZE ALIGN MVT_RESERVE_DEPTH"
   " MVT_FRAG_LIMIT "}
};

static int takes(const char *who, const char *key)
{
  char padded[64];
  size_t i;
  snprintf(padded, sizeof padded, " %s ", key + strlen("MPS_KEY_"));
  for (i = 0; i < sizeof takers / sizeof takers[0]; ++i)
    if (strcmp(takers[i].who, who) == 0)
      return strstr(takers[i].takes, padded) != NULL;
  CHECK(!"known");
  return 0;
}

/* At most 31 fit, so in two halves: what is taken and every other of the
 * rest. */
static void try_taker(const char *who, int c, int half)
{
  mps_arg_s args[MPS_ARGS_MAX];
  size_t i, n = 0, left = 0;
  mps_arena_t arena = NULL;
  mps_pool_t pool = NULL;
  mps_res_t res;
  const char *stays[KEYS];
  for (i = 0; i < KEYS; ++i) {
    size_t k = half ? KEYS - 1 - i : i; /* the order does not matter */
    int taken = takes(who, key_list[k].name);
    if (!taken && k % 2 != (size_t)half)
      continue;
    CHECK(n < MPS_ARGS_MAX - 1);
    args[n++] = key_list[k].arg;
    if (!taken)
      stays[left++] = key_list[k].name;
  }
  args[n].key = MPS_KEY_ARGS_END;
  if (c < 0)
    res = mps_arena_create_k(&arena, c == -1 ? mps_arena_class_vm()
                             : mps_arena_class_cl(), args);
  else
    res = mps_pool_create_k(&pool, key_arena, classes[c].get(), args);
  CHECK_OK(res);
  for (i = 0; i < left; ++i) {
    size_t k;
    for (k = 0; strcmp(key_list[k].name, stays[i]) != 0; ++k)
      continue;
    if (args[i].key != key_list[k].arg.key)
      printf("    %s: %s is not where it was left\n", who, stays[i]);
    CHECK(args[i].key == key_list[k].arg.key);
    CHECK(memcmp(&args[i].val, &key_list[k].arg.val, sizeof(int)) == 0);
  }
  CHECK(args[left].key == MPS_KEY_ARGS_END);
  if (arena != NULL)
    mps_arena_destroy(arena);
  if (pool != NULL)
    mps_pool_destroy(pool);
}

static void who_takes_what(void)
{
  int half, c;
  key_arena = arena_vm((size_t)4 << 20);
  key_fmt = fmt_make(key_arena, 0);
  key_chain = chain_make(key_arena, 2, 100);
  keys_make();
  for (half = 0; half < 2; ++half) {
    try_taker("vm", -1, half);
    try_taker("cl", -2, half);
    for (c = 0; c < CLASSES; ++c)
      try_taker(classes[c].name, c, half);
  }
}

static void points_take(void)
{
  mps_arena_t arena = arena_vm((size_t)4 << 20);
  mps_fmt_t fmt = fmt_make(arena, 0);
  int c;
  for (c = 0; c < CLASSES; ++c) {
    mps_pool_t pool = pool_class(arena, c, fmt);
    mps_ap_t ap = NULL;
    int rank = c == AMS || c == AMS_DEBUG || c == AWL || c == SNC;
    int hash = c == AMC || c == AMCZ;
    if (!(classes[c].is & HAS_AP))
      continue;
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_exact());
      MPS_ARGS_ADD(args, MPS_KEY_SPARE, 0.5);
      MPS_ARGS_ADD(args, MPS_KEY_AP_HASH_ARRAYS, 1);
      CHECK_OK(mps_ap_create_k(&ap, pool, args));
      CHECK(args[0].key == (rank ? MPS_KEY_SPARE : MPS_KEY_RANK));
      CHECK(args[rank ? 0 : 1].key == MPS_KEY_SPARE);
      CHECK(args[(rank ? 1 : 2)].key
            == (hash ? MPS_KEY_ARGS_END : MPS_KEY_AP_HASH_ARRAYS));
    } MPS_ARGS_END(args);
    mps_ap_destroy(ap);
  }
}

static void formats_take(void)
{
  mps_arena_t arena = arena_vm((size_t)4 << 20);
  mps_fmt_t fmt = NULL;
  size_t i;
  key_count = 0;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_CLASS, (mps_fmt_class_t)obj_skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, obj_scan);
    MPS_ARGS_ADD(args, MPS_KEY_SPARE, 0.25);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, obj_skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, obj_fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, obj_isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_ALIGN, 32);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, obj_pad);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, WORD);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_HEADER_SIZE, 0);
    CHECK_OK(mps_fmt_create_k(&fmt, arena, args));
    CHECK(args[0].key == MPS_KEY_SPARE && args[0].val.d == 0.25);
    CHECK(args[1].key == MPS_KEY_ALIGN && args[1].val.align == 32);
    CHECK(args[2].key == MPS_KEY_ARGS_END);
  } MPS_ARGS_END(args);
  for (i = 0; i < 2; ++i)
    CHECK(mps_args_none[0].key == MPS_KEY_ARGS_END);
}

/* --- positional creation --- */

static mps_res_t arena_v(mps_arena_t *o, mps_arena_class_t c, ...)
{
  mps_res_t res;
  va_list v;
  va_start(v, c);
  res = mps_arena_create_v(o, c, v);
  va_end(v);
  return res;
}

static mps_res_t pool_v(mps_pool_t *o, mps_arena_t arena, mps_pool_class_t c,
                        ...)
{
  mps_res_t res;
  va_list v;
  va_start(v, c);
  res = mps_pool_create_v(o, arena, c, v);
  va_end(v);
  return res;
}

static mps_res_t ap_v(mps_ap_t *o, mps_pool_t pool, ...)
{
  mps_res_t res;
  va_list v;
  va_start(v, pool);
  res = mps_ap_create_v(o, pool, v);
  va_end(v);
  return res;
}

/* Both forms, and that the pool works. */
#define BOTH(c, ...)                                            \
  do {                                                          \
    CHECK_OK(mps_pool_create(&pool, arena, classes[c].get(),    \
                             __VA_ARGS__));                     \
    use_pool(arena, pool, c);                                   \
    CHECK_OK(pool_v(&pool, arena, classes[c].get(),             \
                    __VA_ARGS__));                              \
    use_pool(arena, pool, c);                                   \
  } while (0)

static void use_pool(mps_arena_t arena, mps_pool_t pool, int c)
{
  mps_ap_t ap = NULL, ap2 = NULL;
  mps_pool_t found;
  mps_fmt_t fmt;
  obj_t o;
  if (c == AMS || c == AMS_DEBUG || c == AWL || c == SNC) {
    CHECK_OK(mps_ap_create(&ap, pool, mps_rank_exact()));
    CHECK_OK(ap_v(&ap2, pool, c == AWL ? mps_rank_weak() : mps_rank_exact()));
  } else if (classes[c].is & HAS_AP) {
    CHECK_OK(mps_ap_create(&ap, pool));
    CHECK_OK(ap_v(&ap2, pool));
  }
  o = block_in(pool, ap, c, 5);
  CHECK(mps_addr_pool(&found, arena, o) && found == pool);
  CHECK(mps_addr_fmt(&fmt, arena, o) == ((classes[c].is & NEEDS_FORMAT) != 0));
  if (ap != NULL) {
    (void)block_in(pool, ap2, c, 6);
    mps_ap_destroy(ap);
    mps_ap_destroy(ap2);
  }
  mps_pool_destroy(pool);
}

static void positional(void)
{
  mps_arena_t arena = NULL;
  mps_fmt_t fmt;
  mps_chain_t chain;
  mps_pool_t pool = NULL;
  CHECK_OK(arena_v(&arena, mps_arena_class_cl(), sizeof key_memory,
                   (mps_addr_t)key_memory));
  CHECK(mps_arena_reserved(arena) <= sizeof key_memory);
  mps_arena_destroy(arena);
  CHECK_OK(mps_arena_create(&arena, mps_arena_class_cl(), sizeof key_memory,
                            (mps_addr_t)key_memory));
  mps_arena_destroy(arena);
  CHECK_OK(mps_arena_create(&arena, mps_arena_class_vm(), (size_t)4 << 20));
  mps_arena_destroy(arena);
  CHECK_OK(arena_v(&arena, mps_arena_class_vm(), (size_t)8 << 20));
  CHECK(mps_arena_reserved(arena) >= (size_t)8 << 20);
  CHECK(mps_arena_reserved(arena) < (size_t)128 << 20);
  fmt = fmt_make(arena, 0);
  chain = chain_make(arena, 2, 100);
  BOTH(AMC, fmt, chain);
  BOTH(AMCZ, fmt, chain);
  BOTH(AMS, fmt, chain, (mps_bool_t)1);
  if (!reference())             /* its fence check fails on its own blocks */
    BOTH(AMS_DEBUG, &key_options, fmt, chain, (mps_bool_t)1);
  BOTH(AWL, fmt, (mps_awl_find_dependent_t)no_dependent);
  BOTH(LO, fmt);
  BOTH(SNC, fmt);
  BOTH(MFS, (size_t)4096, (size_t)64);
  BOTH(MVFF, (size_t)65536, (size_t)32, (mps_align_t)(2 * WORD), (mps_bool_t)0,
       (mps_bool_t)0, (mps_bool_t)1);
  if (!reference())
    BOTH(MVFF_DEBUG, &key_options, (size_t)65536, (size_t)32,
         (mps_align_t)(2 * WORD), (mps_bool_t)0, (mps_bool_t)0,
         (mps_bool_t)1);
  BOTH(MVT, (size_t)16, (size_t)32, (size_t)4096, (mps_word_t)100,
       (mps_word_t)30);
  mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);     /* no chain, format or pool is left */
}

/* The values get to where they belong: seen by what the pool does. */
static void positional_values(void)
{
  mps_arena_t arena = arena_vm((size_t)8 << 20);
  mps_pool_t pool = NULL;
  mps_addr_t p, q;
  static mps_res_t res;
  size_t i;
  /* MFS: extend-by first, unit size second */
  CHECK_OK(mps_pool_create(&pool, arena, mps_class_mfs(), (size_t)65536,
                           (size_t)40));
  CHECK_OK(mps_alloc(&p, pool, 40));
  mps_free(pool, p, 40);
  /* MVFF: the third is the alignment, the fourth puts blocks at the top */
  CHECK_OK(mps_pool_create(&pool, arena, mps_class_mvff(), (size_t)65536,
                           (size_t)32, (mps_align_t)128, (mps_bool_t)1,
                           (mps_bool_t)0, (mps_bool_t)1));
  CHECK_OK(mps_alloc(&p, pool, 100));
  CHECK_OK(mps_alloc(&q, pool, 100));
  CHECK((word)p % 128 == 0 && (word)q % 128 == 0);
  CHECK((char *)p - (char *)q == 128);
  CHECK_OK(mps_pool_create(&pool, arena, mps_class_mvff(), (size_t)65536,
                           (size_t)32, (mps_align_t)64, (mps_bool_t)0,
                           (mps_bool_t)0, (mps_bool_t)1));
  CHECK_OK(mps_alloc(&p, pool, 50));
  CHECK_OK(mps_alloc(&q, pool, 50));
  CHECK((char *)q - (char *)p == 64);
  /* MVFF debug: options first */
  CHECK_OK(mps_pool_create(&pool, arena, mps_class_mvff_debug(), &key_options,
                           (size_t)65536, (size_t)32, (mps_align_t)8,
                           (mps_bool_t)0, (mps_bool_t)0, (mps_bool_t)1));
  CHECK_OK(mps_alloc(&p, pool, 16));
  for (i = 0; i < 16; ++i)      /* painted with what the options say */
    CHECK(strchr("free", ((char *)p)[i]) != NULL);
  /* MVT: a limit of 101 percent is too much, 100 is not */
  CHECK_OK(mps_pool_create(&pool, arena, mps_class_mvt(), (size_t)16,
                           (size_t)32, (size_t)4096, (mps_word_t)100,
                           (mps_word_t)100));
  REPORTED(res = mps_pool_create(&pool, arena, mps_class_mvt(), (size_t)16,
                                 (size_t)32, (size_t)4096, (mps_word_t)100,
                                 (mps_word_t)101));
  (void)res;
}

/* --- macros that are functions too --- */

static void macros(void)
{
  mps_arena_t arena = arena_vm((size_t)4 << 20);
  mps_fmt_t fmt = fmt_make(arena, 0);
  mps_ap_t ap = ap_make(pool_amc(arena, fmt, NULL));
  mps_addr_t p;
  mps_res_t (*reserve)(mps_addr_t *, mps_ap_t, size_t) = mps_reserve;
  mps_bool_t (*commit)(mps_ap_t, mps_addr_t, size_t) = mps_commit;
  int i;
  for (i = 0; i < 1000; ++i) {
    CHECK_OK((*reserve)(&p, ap, 4 * WORD));
    ((obj_t)p)->head = HEAD(4, KIND_LEAF);
    ((obj_t)p)->serial = 3;
    CHECK((*commit)(ap, p, 4 * WORD));
    CHECK_OK(mps_reserve(&p, ap, 4 * WORD));
    ((obj_t)p)->head = HEAD(4, KIND_LEAF);
    ((obj_t)p)->serial = 4;
    CHECK(mps_commit(ap, p, 4 * WORD));
  }
}

static const case_s cases[] = {
  {"MPS_RES_PARAM after the report, nothing left behind", refused},
  {"out parameters are written on success only, never read", out_parameters},
  {"booleans: out 0 or 1, in any value", booleans},
  {"a null argument list does not pass for an empty one", null_list},
  {"a missing required argument is reported, every class", missing_required},
  {"who takes which keyword: arenas and pools", who_takes_what},
  {"who takes which keyword: allocation points", points_take},
  {"who takes which keyword: formats", formats_take},
  {"positional creation, variadic and va_list, every class", positional},
  {"positional values arrive in the right order", positional_values},
  {"mps_reserve and mps_commit as macros and as functions", macros}
};

int main(void)
{
  test_begin("interface");
  return CASES_RUN(cases);
}
