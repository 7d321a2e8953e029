/* parts.c -- large objects that are scanned in parts
 *
 * Arrays of references under random writes, with a format that scans parts of
 * an object.  Each part is held against what mpsx.h says of it.
 */

#include "common.h"

#ifdef HAVE_MPSX
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsx.h"

#include <pthread.h>

/* Which pools the arrays are in, and where what they refer to is. */
enum { IN_AMC, IN_AMS, IN_AWL, AMS_TO_AMC, AWL_TO_AMC, WEAK_TO_AMC, KINDS };

enum { REFS = 40000, ARRAYS = 2, UNIT = 4096 };

static mps_arena_t arena;
static mps_fmt_t fmt;
static mps_chain_t chain;
static mps_pool_t pool, array_pool;
static mps_ap_t ap, array_ap;
static mps_root_t root, stack;
static mps_thr_t thread;
static mps_addr_t keep[ARRAYS];         /* the arrays */
static word shadow[ARRAYS][REFS];       /* the serials of what they refer to */
static size_t header_size;

/* What has been scanned since the last flip, in units of a part's alignment. */
static unsigned char seen[ARRAYS][REFS * sizeof(word) / UNIT + 4];
static unsigned long part_calls, part_words;
static int refuse, watch;

static mps_res_t scan_part(mps_ss_t ss, mps_addr_t object, mps_addr_t base,
                           mps_addr_t limit)
{
  obj_t o = object;
  char *begin = (char *)object - header_size;
  char *end = (char *)(o->slot + obj_slots(o));
  word *at = base, *last = limit;
  CHECK(obj_kind(o) == KIND_VECTOR);
  CHECK((char *)base < (char *)limit);
  CHECK((char *)base >= begin && (char *)limit <= end);
  CHECK((char *)base == begin || (word)base % UNIT == 0);
  CHECK((char *)limit == end || (word)limit % UNIT == 0);
  ++part_calls;
  part_words += (word)(last - at);
  if (watch) {
    int i = o == keep[1];
    size_t u = (size_t)((char *)base - begin + UNIT - 1) / UNIT;
    for (; begin + u * UNIT < (char *)limit; ++u)
      CHECK(seen[i][u]++ == 0);
  }
  if (refuse)
    return MPS_RES_FAIL;
  if (at < o->slot)
    at = o->slot;
  MPS_SCAN_BEGIN(ss) {
    for (; at < last; ++at) {
      mps_addr_t ref = (mps_addr_t)*at;
      if (ref != NULL && MPS_FIX1(ss, ref)) {
        mps_res_t res = MPS_FIX2(ss, &ref);
        if (res != MPS_RES_OK)
          return res;
        *at = (word)ref;
      }
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static void made(int kind, double pause, size_t header)
{
  mps_res_t res;
  header_size = header;
  rnd_init(rnd_seed + 1);
  arena = arena_vm((size_t)64 << 20);
  mps_arena_pause_time_set(arena, pause);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, WORD);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_HEADER_SIZE, header);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, header ? objh_scan : obj_scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, header ? objh_skip : obj_skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, header ? objh_fwd : obj_fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, header ? objh_isfwd : obj_isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, header ? objh_pad : obj_pad);
    MPS_ARGS_ADD(args, MPS_KEY_X_FMT_SCAN_PART, scan_part);
    res = mps_fmt_create_k(&fmt, arena, args);
  } MPS_ARGS_END(args);
  CHECK_OK(res);
  /* Of a chain of the program's own, young objects are collected by themselves. */
  chain = chain_make(arena, 2, 1024);
  array_pool = pool = NULL;
  if (kind != IN_AMC) {
    int ams = kind == IN_AMS || kind == AMS_TO_AMC;
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
      res = mps_pool_create_k(&array_pool, arena,
                              ams ? mps_class_ams() : mps_class_awl(), args);
    } MPS_ARGS_END(args);
    CHECK_OK(res);
    MPS_ARGS_BEGIN(args) {
      if (kind == WEAK_TO_AMC)
        MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_weak());
      res = mps_ap_create_k(&array_ap, array_pool, args);
    } MPS_ARGS_END(args);
    CHECK_OK(res);
  }
  if (kind == IN_AMS || kind == IN_AWL)
    pool = array_pool;
  else
    pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  if (kind == IN_AMC)
    array_pool = pool, array_ap = ap;
  CHECK_OK(mps_thread_reg(&thread, arena));
  CHECK_OK(mps_x_root_create_stack(&stack, arena, thread));
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, keep,
                                 ARRAYS));
}

static void gone(void)
{
  mps_arena_park(arena);
  mps_root_destroy(root);
  mps_root_destroy(stack);
  mps_thread_dereg(thread);
  mps_ap_destroy(ap);
  if (array_ap != ap)
    mps_ap_destroy(array_ap);
  mps_pool_destroy(pool);
  if (array_pool != pool)
    mps_pool_destroy(array_pool);
  mps_fmt_destroy(fmt);
  mps_chain_destroy(chain);
  mps_arena_destroy(arena);
}

static void arrays(void)
{
  int i;
  for (i = 0; i < ARRAYS; ++i)
    keep[i] = obj_new(array_ap, header_size, KIND_VECTOR, REFS, (word)i);
  /* Then another object, or the allocation point would not leave the last array. */
  if (array_ap != ap)
    garbage(array_ap, header_size, 1, 1);
  memset(shadow, 0, sizeof shadow);
}

/* A new object into a place of an array. */
static void put(mps_ap_t p, int i, size_t at, word serial)
{
  obj_t o = obj_new(p, header_size, KIND_LEAF, 2 + serial % 5, serial);
  ((obj_t)keep[i])->slot[at] = (word)o;
  shadow[i][at] = serial;
}

static void look(int i, size_t at)
{
  word serial = shadow[i][at];
  obj_t o = (obj_t)((obj_t)keep[i])->slot[at];
  if (serial == 0)
    CHECK(o == NULL);
  else
    CHECK(obj_is(o, KIND_LEAF, 2 + serial % 5, serial));
}

static void look_all(void)
{
  int i;
  size_t at;
  for (i = 0; i < ARRAYS; ++i)
    for (at = 0; at < REFS; ++at)
      look(i, at);
}

static void churn(unsigned long writes)
{
  static word serial;
  while (writes-- > 0) {
    int i = (int)rnd_below(ARRAYS);
    size_t from = rnd_below(REFS), to = rnd_below(REFS);
    put(ap, i, rnd_below(REFS), ++serial);
    /* What is read must have been scanned: it goes where scans may have been. */
    ((obj_t)keep[!i])->slot[to] = ((obj_t)keep[i])->slot[from];
    shadow[!i][to] = shadow[i][from];
    look(i, rnd_below(REFS));
    if (rnd_below(50) == 0)
      ((obj_t)keep[i])->slot[writes % REFS] = shadow[i][writes % REFS] = 0;
  }
}

/* Whatever the pause time, nothing is lost. */
static void random_writes(void)
{
  static const double pauses[] = {0.0, 0.001, 0.1};
  int n;
  for (n = 0; n < 6 * WEAK_TO_AMC; ++n) {
    made(n / 6, pauses[n / 2 % 3], n % 2 ? HEADER : 0);
    arrays();
    part_calls = 0;
    churn(n < 6 ? 400000 : 100000);
    look_all();
    CHECK_OK(mps_arena_collect(arena));
    CHECK_OK(mps_arena_collect(arena));
    CHECK(part_calls > 0);
    mps_arena_release(arena);
    churn(100000);
    look_all();
    gone();
  }
}

/* In one collection no part is scanned twice, and hits scan theirs. */
static void no_part_twice_in(int kind)
{
  int n;
  size_t u;
  made(kind, 0.0, 0);
  arrays();
  churn(20000);
  CHECK_OK(mps_arena_collect(arena));
  for (n = 0; n < 20; ++n) {
    unsigned long before;
    memset(seen, 0, sizeof seen);
    watch = 1;
    part_calls = 0;
    CHECK_OK(mps_arena_start_collect(arena));
    /* A step, and then the program goes about in the arrays. */
    while (mps_arena_step(arena, 0.0, 0.0)) {
      before = part_calls;
      look(rnd_below(ARRAYS) != 0, rnd_below(REFS));
      CHECK(part_calls <= before + 1);
    }
    watch = 0;
    /* A collection of everything has scanned everything, where there are any. */
    for (u = 0; u < REFS * sizeof(word) / UNIT; ++u)
      CHECK(seen[0][u] == 1 && seen[1][u] == 1);
    churn(100);
  }
  look_all();
  gone();
}

static void no_part_twice(void)
{
  int kind;
  for (kind = 0; kind < WEAK_TO_AMC; ++kind)
    no_part_twice_in(kind);
}

/* After a write to one place, a collection of young objects scans one part. */
static void one_write_one_part_in(int kind)
{
  mps_word_t before;
  int n;
  made(kind, 0.1, 0);
  arrays();
  churn(20000);
  /* After writes there is no barrier for a few scans. */
  for (n = 0; n < 6; ++n)
    CHECK_OK(mps_arena_collect(arena));
  mps_arena_release(arena);
  put(ap, 0, REFS / 2, 77);
  part_calls = part_words = 0;
  before = mps_collections(arena);
  while (mps_collections(arena) == before)
    garbage(ap, 0, 1000, 20);
  mps_arena_park(arena);
  CHECK_EQ(part_calls, 1);
  CHECK(part_words <= 16384 / sizeof(word));
  look_all();
  gone();
}

static void one_write_one_part(void)
{
  one_write_one_part_in(IN_AMC);
  one_write_one_part_in(AMS_TO_AMC);
  one_write_one_part_in(AWL_TO_AMC);
}

/* Of weak references those to the dead become null, in steps and by hits, and no other. */
static void weak_arrays(void)
{
  static mps_addr_t held[64];
  mps_root_t r;
  size_t at, n, nulls = 0;
  int round;
  made(WEAK_TO_AMC, 0.001, HEADER);
  CHECK_OK(mps_root_create_table(&r, arena, mps_rank_exact(), 0, held, 64));
  arrays();
  CHECK_OK(mps_arena_collect(arena));
  part_calls = 0;
  for (round = 0; round < 20; ++round) {
    int hits = round % 2;
    mps_arena_park(arena);
    for (at = 0; at < REFS; ++at)
      put(ap, 0, at, (word)(round + 1) * 100000 + at);
    for (n = 0; n < 64; ++n)
      held[n] = (mps_addr_t)((obj_t)keep[0])->slot[n * (REFS / 64)];
    CHECK_OK(mps_arena_start_collect(arena));
    while (mps_arena_step(arena, 0.0, 0.0))
      if (hits)
        look(0, rnd_below(64) * (REFS / 64));
    if (hits)
      CHECK_OK(mps_arena_collect(arena));
    for (at = 0; at < REFS; ++at)
      if (((obj_t)keep[0])->slot[at] == 0)
        shadow[0][at] = 0, ++nulls;
    for (n = 0; n < 64; ++n)
      CHECK_EQ(shadow[0][n * (REFS / 64)],
               (word)(round + 1) * 100000 + n * (REFS / 64));
    look_all();
  }
  CHECK(nulls > 19 * (REFS - 64) / 2);
  CHECK(part_calls > 0);
  mps_root_destroy(r);
  gone();
}

static mps_addr_t no_dependent(mps_addr_t object)
{
  (void)object;
  return NULL;
}

/* Arrays that may have dependent objects are scanned whole, as mpsx.h says. */
static void dependents(void)
{
  made(IN_AMC, 0.001, 0);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    MPS_ARGS_ADD(args, MPS_KEY_AWL_FIND_DEPENDENT, no_dependent);
    CHECK_OK(mps_pool_create_k(&array_pool, arena, mps_class_awl(), args));
  } MPS_ARGS_END(args);
  array_ap = ap_make(array_pool);
  arrays();
  part_calls = 0;
  churn(20000);
  CHECK_OK(mps_arena_collect(arena));
  CHECK_OK(mps_arena_collect(arena));
  look_all();
  CHECK_EQ(part_calls, 0);
  gone();
}

/* A large block of mark and sweep that the program puts two objects of one size into:
 * only the scan method sees them, also when the program has dropped the first.  (A stale
 * word on the stack may keep that alive: no proof that the dead one is never looked at.) */
static void two_in_one_block(void)
{
  enum { FIRST = 4000, MORE = 1, EACH = FIRST };
  int kind, i;
  for (kind = IN_AMS; kind <= IN_AWL; ++kind) {
    mps_addr_t p;
    obj_t o;
    size_t size = (FIRST + 2 + MORE * (EACH + 2)) * sizeof(word);
    made(kind, 0.001, 0);
    do {
      char *at;
      CHECK_OK(mps_reserve(&p, array_ap, size));
      at = p;
      for (i = 0; i <= MORE; ++i) {
        size_t slots = i == 0 ? FIRST : EACH, n;
        o = (obj_t)at;
        o->head = HEAD(slots + 2, KIND_VECTOR);
        o->serial = (word)i;
        for (n = 0; n < slots; ++n)
          o->slot[n] = 0;
        at += (slots + 2) * sizeof(word);
      }
    } while (!mps_commit(array_ap, p, size));
    keep[0] = p;
    keep[1] = (mps_addr_t)o;
    p = NULL;
    part_calls = 0;
    /* The second refers to the only small object. */
    o->slot[0] = (word)obj_new(ap, 0, KIND_LEAF, 100, 5);
    for (i = 0; i < 5; ++i) {
      CHECK_OK(mps_arena_collect(arena));
      garbage(ap, 0, 1000, 20);
    }
    CHECK(obj_is((obj_t)((obj_t)keep[1])->slot[0], KIND_LEAF, 100, 5));
    /* The first is dropped. */
    keep[0] = NULL;
    o = NULL;
    for (i = 0; i < 5; ++i) {
      CHECK_OK(mps_arena_collect(arena));
      garbage(ap, 0, 1000, 20);
    }
    CHECK(obj_is((obj_t)((obj_t)keep[1])->slot[0], KIND_LEAF, 100, 5));
    CHECK_EQ(part_calls, 0);
    gone();
    keep[1] = NULL;
  }
}

/* A method that refuses is reported. */
static void refusals_are_reported(void)
{
  int kind;
  for (kind = IN_AMC; kind <= IN_AWL; ++kind) {
    made(kind, 0.1, 0);
    arrays();
    churn(1000);
    CHECK_OK(mps_arena_collect(arena));
    CHECK_OK(mps_arena_collect(arena));
    refuse = 1;
    REPORTED(mps_arena_collect(arena));
    refuse = 0;
    gone();
  }
}

/* An array whose allocation point has left it only later, and arrays that die. */
static void many_arrays(void)
{
  int n, kind;
  for (kind = 0; kind < WEAK_TO_AMC; ++kind) {
    made(kind, 0.001, HEADER);
    for (n = 0; n < (kind == IN_AMC ? 60 : 20); ++n) {
      arrays();
      churn(rnd_below(5000));
      if (n % 10 == 0)
        CHECK_OK(mps_arena_start_collect(arena));
    }
    look_all();
    gone();
  }
}

static void *worker(void *closure)
{
  int me = *(int *)closure, n;
  mps_thr_t t;
  mps_root_t r;
  mps_ap_t p;
  word serial = 1000000u * (word)(me + 1);
  CHECK_OK(mps_thread_reg(&t, arena));
  CHECK_OK(mps_x_root_create_stack(&r, arena, t));
  CHECK_OK(mps_ap_create_k(&p, pool, mps_args_none));
  for (n = 0; n < 150000; ++n) {
    /* Each has every other place, so the parts are everybody's. */
    size_t at = (size_t)n * 7919 % (REFS / 2) * 2 + (size_t)me;
    put(p, n & 1, at, ++serial);
    look(n & 1, (size_t)n * 104729 % (REFS / 2) * 2 + (size_t)me);
  }
  mps_ap_destroy(p);
  mps_root_destroy(r);
  mps_thread_dereg(t);
  return NULL;
}

static void threads(void)
{
  static int number[2] = {0, 1};
  int i, kind;
  pthread_t t[2];
  for (kind = IN_AMC; kind <= IN_AWL; ++kind) {
    made(kind, 0.001, 0);
    arrays();
    for (i = 0; i < 2; ++i)
      CHECK(pthread_create(&t[i], NULL, worker, &number[i]) == 0);
    for (i = 0; i < 2; ++i)
      CHECK(pthread_join(t[i], NULL) == 0);
    look_all();
    gone();
  }
}

static const case_s cases[] = {
  {"random writes", random_writes},
  {"no part twice", no_part_twice},
  {"one write, one part", one_write_one_part},
  {"weak arrays", weak_arrays},
  {"dependents", dependents},
  {"two in one block", two_in_one_block},
  {"refusals are reported", refusals_are_reported},
  {"many arrays", many_arrays},
  {"threads", threads},
};

int main(void)
{
  return CASES_RUN(cases);
}

#else

int main(void)
{
  test_begin("parts");
  part("nothing: no mpsx.h here");
  return test_end();
}

#endif
