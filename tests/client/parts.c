/* parts.c -- large objects that are scanned in parts
 *
 * Arrays of references under random writes, with a format that scans parts of
 * an object.  Each part is held against what mpsx.h says of it.
 */

#include "common.h"

#ifdef HAVE_MPSX
#include "mpsx.h"

#include <pthread.h>

enum { REFS = 40000, ARRAYS = 2, UNIT = 4096 };

static mps_arena_t arena;
static mps_fmt_t fmt;
static mps_chain_t chain;
static mps_pool_t pool;
static mps_ap_t ap;
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

static void made(double pause, size_t header)
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
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
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
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_chain_destroy(chain);
  mps_arena_destroy(arena);
}

static void arrays(void)
{
  int i;
  for (i = 0; i < ARRAYS; ++i)
    keep[i] = obj_new(ap, header_size, KIND_VECTOR, REFS, (word)i);
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
  for (n = 0; n < 6; ++n) {
    made(pauses[n / 2], n % 2 ? HEADER : 0);
    arrays();
    part_calls = 0;
    churn(400000);
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
static void no_part_twice(void)
{
  int n;
  size_t u;
  made(0.0, 0);
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

/* After a write to one place, a collection of young objects scans one part. */
static void one_write_one_part(void)
{
  mps_word_t before;
  int n;
  made(0.1, 0);
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

/* A method that refuses is reported. */
static void refusals_are_reported(void)
{
  made(0.1, 0);
  arrays();
  churn(1000);
  CHECK_OK(mps_arena_collect(arena));
  refuse = 1;
  REPORTED(mps_arena_collect(arena));
  refuse = 0;
  gone();
}

/* An array whose allocation point has left it only later, and arrays that die. */
static void many_arrays(void)
{
  int n;
  made(0.001, HEADER);
  for (n = 0; n < 60; ++n) {
    arrays();
    churn(rnd_below(5000));
    if (n % 10 == 0)
      CHECK_OK(mps_arena_start_collect(arena));
  }
  look_all();
  gone();
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
  int i;
  pthread_t t[2];
  made(0.001, 0);
  arrays();
  for (i = 0; i < 2; ++i)
    CHECK(pthread_create(&t[i], NULL, worker, &number[i]) == 0);
  for (i = 0; i < 2; ++i)
    CHECK(pthread_join(t[i], NULL) == 0);
  look_all();
  gone();
}

static const case_s cases[] = {
  {"random writes", random_writes},
  {"no part twice", no_part_twice},
  {"one write, one part", one_write_one_part},
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
