/* manual.c -- MFS, MVFF and MVT against a naive record of what is in use
 *
 * Every block is filled with words made from its address and serial number;
 * when it is freed, in whole or in parts, they must still be there, so an
 * overlap shows as damage. */

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "mpscmfs.h"
#include "mpscmvff.h"
#include "mpscmvt.h"

typedef struct block_s {
  char *p;
  size_t size;                  /* as asked for */
  word serial;
} block_s;

typedef struct model_s {
  mps_arena_t arena;
  mps_pool_t pool;
  mps_ap_t ap;                  /* or null */
  int calls;                    /* mps_alloc allowed? */
  int parts;                    /* partial frees allowed? */
  size_t align, unit, max;
  block_s *block;
  size_t n, most;
  word serial;
  size_t live;                  /* bytes, rounded up */
} model_s;

static size_t up(size_t n, size_t align)
{
  return (n + align - 1) / align * align;
}

static void fill(block_s *b)
{
  size_t i;
  for (i = 0; i < b->size; ++i)
    b->p[i] = (char)(b->serial * 7 + i);
}

static void check(block_s *b)
{
  size_t i;
  for (i = 0; i < b->size; ++i)
    if (b->p[i] != (char)(b->serial * 7 + i))
      check_failed(__FILE__, __LINE__, "block is as it was written", 3,
                   (word)b->p, (word)b->size, (word)i);
}

static mps_res_t get(model_s *m, size_t size, int by_ap, mps_addr_t *p)
{
  mps_res_t res;
  if (!by_ap)
    return mps_alloc(p, m->pool, size);
  do {
    res = mps_reserve(p, m->ap, size);
    if (res != MPS_RES_OK)
      return res;
  } while (!mps_commit(m->ap, *p, size));
  return MPS_RES_OK;
}

static int grab(model_s *m)
{
  mps_addr_t p;
  mps_pool_t in;
  mps_res_t res;
  block_s *b = &m->block[m->n];
  int by_ap = m->ap != NULL && (!m->calls || rnd_below(2));
  size_t size = m->unit;
  if (size == 0) {
    size = 1 + rnd_below(rnd_below(50) == 0 ? m->max * 40 : m->max);
    if (by_ap)
      size = up(size, m->align);
  }
  res = get(m, size, by_ap, &p);
  if (res != MPS_RES_OK)
    return 0;
  CHECK((word)p % m->align == 0);
  if (rnd_below(16) == 0) {
    in = NULL;
    CHECK(mps_arena_has_addr(m->arena, (char *)p + size - 1));
    CHECK(mps_addr_pool(&in, m->arena, (char *)p + size - 1));
    CHECK(in == m->pool);
  }
  b->p = p;
  b->size = size;
  b->serial = ++m->serial;
  fill(b);
  m->live += up(size, m->align);
  ++m->n;
  return 1;
}

static void drop(model_s *m, size_t k)
{
  block_s b = m->block[k];
  size_t whole = up(b.size, m->align);
  check(&b);
  m->block[k] = m->block[--m->n];
  m->live -= whole;
  if (m->parts && whole > m->align && rnd_below(4) == 0) {
    size_t cut = (1 + rnd_below(whole / m->align - 1)) * m->align;
    if (rnd_below(2)) {
      mps_free(m->pool, b.p, cut);
      mps_free(m->pool, b.p + cut, whole - cut);
    } else {
      mps_free(m->pool, b.p + cut, whole - cut);
      mps_free(m->pool, b.p, cut);
    }
  } else
    mps_free(m->pool, b.p, b.size);
}

static void run(model_s *m, size_t steps)
{
  size_t i, target = m->most / 2;
  for (i = 0; i < steps; ++i) {
    if (i % 5000 == 0)
      target = 1 + rnd_below(m->most - 1);
    if (m->n == 0 || (m->n < m->most && rnd_below(m->n + target) < target))
      CHECK(grab(m));
    else
      drop(m, rnd_below(m->n));
    if (i % 1024 == 0) {
      size_t total = mps_pool_total_size(m->pool);
      size_t spare = mps_pool_free_size(m->pool);
      CHECK(spare <= total);
      size_t room = m->ap == NULL ? 0 :
        (size_t)((char *)m->ap->limit - (char *)m->ap->init);
      CHECK_EQ(total - spare, m->live + room);
    }
  }
}

static void run_and_finish(model_s *m, size_t steps, const char *what)
{
  run(m, steps);
  while (m->n > 0)
    drop(m, rnd_below(m->n));
  if (m->ap != NULL)
    mps_ap_destroy(m->ap);
  CHECK_EQ(mps_pool_total_size(m->pool), mps_pool_free_size(m->pool));
  part("%s: %lu blocks", what, (unsigned long)m->serial);
  mps_pool_destroy(m->pool);
  free(m->block);
}

static void model(model_s *m, mps_arena_t arena, size_t most)
{
  memset(m, 0, sizeof *m);
  m->arena = arena;
  m->most = most;
  m->block = calloc(most + 1, sizeof *m->block);
  CHECK(m->block != NULL);
}

static void test_mvff(mps_arena_t arena)
{
  static const size_t aligns[] = { sizeof(void *), 16, 64, 1024, 4096 };
  size_t i;
  int keys;
  for (i = 0; i < sizeof aligns / sizeof aligns[0]; ++i)
    for (keys = 0; keys < 8; ++keys) {
      model_s m;
      model(&m, arena, i < 3 ? 4000 : 300);
      m.calls = m.parts = 1;
      m.align = aligns[i];
      m.max = i < 3 ? 300 : 6000;
      MPS_ARGS_BEGIN(args) {
        MPS_ARGS_ADD(args, MPS_KEY_ALIGN, aligns[i]);
        MPS_ARGS_ADD(args, MPS_KEY_MVFF_SLOT_HIGH, keys & 1);
        MPS_ARGS_ADD(args, MPS_KEY_MVFF_FIRST_FIT, (keys & 2) != 0);
        MPS_ARGS_ADD(args, MPS_KEY_SPARE, keys & 4 ? 0.0 : 0.75);
        CHECK_OK(mps_pool_create_k(&m.pool, arena, mps_class_mvff(), args));
        CHECK(args[0].key == MPS_KEY_ARGS_END);
      } MPS_ARGS_END(args);
      CHECK_EQ(mps_pool_total_size(m.pool), 0);
      if (rnd_below(2))
        m.ap = ap_make(m.pool);
      run_and_finish(&m, i < 3 ? 20000 : 5000, "MVFF");
    }
}

static void test_mvt(mps_arena_t arena)
{
  static const double frags[] = { 0.3, 0.0, 1.0 };
  int i;
  for (i = 0; i < 3; ++i) {
    model_s m;
    model(&m, arena, 5000);
    m.align = i == 1 ? 32 : sizeof(void *);
    m.max = 300;
    m.parts = 1;
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_ALIGN, m.align);
      MPS_ARGS_ADD(args, MPS_KEY_MIN_SIZE, m.align);
      MPS_ARGS_ADD(args, MPS_KEY_MEAN_SIZE, 150);
      MPS_ARGS_ADD(args, MPS_KEY_MAX_SIZE, 12000);
      MPS_ARGS_ADD(args, MPS_KEY_MVT_RESERVE_DEPTH, 100);
      MPS_ARGS_ADD(args, MPS_KEY_MVT_FRAG_LIMIT, frags[i]);
      CHECK_OK(mps_pool_create_k(&m.pool, arena, mps_class_mvt(), args));
      CHECK(args[0].key == MPS_KEY_ARGS_END);
    } MPS_ARGS_END(args);
    m.ap = ap_make(m.pool);
    run_and_finish(&m, 60000, "MVT");
  }
}

static void test_mfs(mps_arena_t arena)
{
  static const size_t units[] = { 1, 8, 24, 61, 500, 9000, 100000 };
  size_t i;
  for (i = 0; i < sizeof units / sizeof units[0]; ++i) {
    model_s m;
    mps_addr_t a, b, c;
    model(&m, arena, i < 5 ? 3000 : 100);
    m.align = sizeof(void *);
    m.unit = units[i];
    m.calls = 1;
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, m.unit);
      if (i & 1)
        MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, 1000);
      CHECK_OK(mps_pool_create_k(&m.pool, arena, mps_class_mfs(), args));
      CHECK(args[0].key == MPS_KEY_ARGS_END);
    } MPS_ARGS_END(args);
    CHECK_OK(mps_alloc(&a, m.pool, m.unit));
    CHECK_OK(mps_alloc(&b, m.pool, m.unit));
    CHECK((size_t)labs((char *)a - (char *)b) >= m.unit);
    mps_free(m.pool, a, m.unit);
    mps_free(m.pool, b, m.unit);
    CHECK_OK(mps_alloc(&c, m.pool, m.unit));
    CHECK(c == b);
    CHECK_OK(mps_alloc(&c, m.pool, m.unit));
    CHECK(c == a);
    mps_free(m.pool, a, m.unit);
    mps_free(m.pool, b, m.unit);
    run_and_finish(&m, i < 5 ? 30000 : 3000, "MFS");
  }
}

/* Which hole is taken, and which end of it. */
static void test_fit(mps_arena_t arena)
{
  int keys;
  for (keys = 0; keys < 4; ++keys) {
    mps_pool_t pool = NULL;
    mps_addr_t b[40], p;
    int slot_high = keys & 1, first = (keys & 2) != 0, i;
    size_t rounded = (100 + WORD - 1) / WORD * WORD;
    char *low, *high;
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_MVFF_SLOT_HIGH, slot_high);
      MPS_ARGS_ADD(args, MPS_KEY_MVFF_FIRST_FIT, first);
      CHECK_OK(mps_pool_create_k(&pool, arena, mps_class_mvff(), args));
    } MPS_ARGS_END(args);
    for (i = 0; i < 40; ++i)
      CHECK_OK(mps_alloc(&b[i], pool, 100));
    for (i = 1; i < 40; ++i)
      CHECK((b[i] < b[i - 1]) == slot_high);
    low = b[slot_high ? 30 : 10];
    high = b[slot_high ? 10 : 30];
    /* Two holes of two blocks each, and what is left at the free end. */
    mps_free(pool, b[10], 100);
    mps_free(pool, b[slot_high ? 9 : 11], 100);
    mps_free(pool, b[30], 100);
    mps_free(pool, b[slot_high ? 29 : 31], 100);
    CHECK_OK(mps_alloc(&p, pool, rounded));
    if (first && !slot_high)
      CHECK(p == low);
    if (!first && slot_high)
      CHECK(p == high + rounded);
    mps_free(pool, p, rounded);
    mps_pool_destroy(pool);
  }
  part("first fit and slot high");
}

/* One pool from the low end of the arena, one from the high end. */
static void test_arena_high(int zoned)
{
  enum { N = 400 };
  mps_arena_t arena;
  mps_pool_t low, high;
  mps_addr_t p;
  char *top = NULL, *bottom = (char *)-1;
  size_t i;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, (size_t)64 << 20);
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_ZONED, zoned);
    CHECK_OK(mps_arena_create_k(&arena, mps_arena_class_vm(), args));
  } MPS_ARGS_END(args);
  CHECK_OK(mps_pool_create_k(&low, arena, mps_class_mvff(), mps_args_none));
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_MVFF_ARENA_HIGH, 1);
    CHECK_OK(mps_pool_create_k(&high, arena, mps_class_mvff(), args));
  } MPS_ARGS_END(args);
  for (i = 0; i < N; ++i) {
    /* In zones, only so much can be at the low end. */
    size_t size = 1 + rnd_below(zoned ? 2000 : rnd_below(100) ? 50000 : 3000000);
    CHECK_OK(mps_alloc(&p, low, size));
    if ((char *)p + size > top)
      top = (char *)p + size;
    CHECK_OK(mps_alloc(&p, high, size));
    if ((char *)p < bottom)
      bottom = p;
  }
  CHECK(top <= bottom);
  mps_pool_destroy(low);
  mps_pool_destroy(high);
  mps_arena_destroy(arena);
  part("arena high%s", zoned ? " in zones" : "");
}

static mps_pool_t mvt(mps_arena_t arena, size_t depth, double limit)
{
  mps_pool_t pool = NULL;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_MEAN_SIZE, 100);
    MPS_ARGS_ADD(args, MPS_KEY_MVT_RESERVE_DEPTH, depth);
    MPS_ARGS_ADD(args, MPS_KEY_MVT_FRAG_LIMIT, limit);
    CHECK_OK(mps_pool_create_k(&pool, arena, mps_class_mvt(), args));
  } MPS_ARGS_END(args);
  return pool;
}

/* Memory for the reserve stays, the rest goes. */
static void test_reserve_depth(mps_arena_t arena)
{
  enum { N = 20000 };
  static const size_t depths[] = { 0, 500, 10000 };
  mps_addr_t *p = calloc(N, sizeof *p);
  size_t i, k;
  CHECK(p != NULL);
  for (i = 0; i < sizeof depths / sizeof depths[0]; ++i) {
    mps_pool_t pool = mvt(arena, depths[i], 0.3);
    mps_ap_t ap = ap_make(pool);
    for (k = 0; k < N; ++k)
      do
        CHECK_OK(mps_reserve(&p[k], ap, 104));
      while (!mps_commit(ap, p[k], 104));
    mps_ap_destroy(ap);
    for (k = 0; k < N; ++k)
      mps_free(pool, p[k], 104);
    CHECK(mps_pool_total_size(pool) >= depths[i] * 100);
    CHECK(mps_pool_total_size(pool) <= depths[i] * 100 + 65536);
    mps_pool_destroy(pool);
  }
  free(p);
  part("reserve depth");
}

/* Small holes are used again, or left to grow, as the limit says. */
static void test_frag_limit(mps_arena_t arena)
{
  enum { N = 300 };
  int temporal;
  for (temporal = 0; temporal < 2; ++temporal) {
    mps_pool_t pool = mvt(arena, 0, temporal ? 1.0 : 0.1);
    mps_ap_t ap = ap_make(pool);
    mps_addr_t p[N], q;
    int i, k, again = 0;
    for (i = 0; i < N; ++i)
      do
        CHECK_OK(mps_reserve(&p[i], ap, 48));
      while (!mps_commit(ap, p[i], 48));
    for (i = 0; i < N; i += 2)
      mps_free(pool, p[i], 48);
    for (k = 0; k < 2000; ++k) {
      do
        CHECK_OK(mps_reserve(&q, ap, 48));
      while (!mps_commit(ap, q, 48));
      for (i = 0; i < N; i += 2)
        again += q == p[i];
    }
    CHECK_EQ(again, temporal ? 0 : N / 2);
    mps_ap_destroy(ap);
    mps_pool_destroy(pool);
  }
  part("fragmentation limit");
}

/* What was freed goes back. */
static void test_return(void)
{
  int round;
  for (round = 0; round < 3; ++round) {
    mps_arena_t arena = arena_vm((size_t)256 << 20);
    model_s m;
    size_t before, after, memory, structures, steps = 200000;
    mps_arena_spare_set(arena, 0.0);
    model(&m, arena, 100000);
    m.align = sizeof(void *);
    m.max = 250;
    m.calls = round < 2;
    MPS_ARGS_BEGIN(args) {
      if (round == 1)
        MPS_ARGS_ADD(args, MPS_KEY_SPARE, 0.0);
      if (round == 2)           /* a reserve is memory that is to stay */
        MPS_ARGS_ADD(args, MPS_KEY_MVT_RESERVE_DEPTH, 0);
      CHECK_OK(mps_pool_create_k(&m.pool, arena, round < 2 ? mps_class_mvff()
                                 : mps_class_mvt(), args));
    } MPS_ARGS_END(args);
    before = mps_arena_committed(arena);
    if (round == 2)
      m.ap = ap_make(m.pool);
    while (m.n < m.most)
      CHECK(grab(&m));
    while (steps-- > 0) {
      drop(&m, rnd_below(m.n));
      CHECK(grab(&m));
    }
    part("committed %.2f of what is live", (double)
         (mps_arena_committed(arena) - before) / (double)m.live);
    /* With nothing kept aside, room made by large blocks fills with small
     * ones for a while.  Tables are two bits and a little for each grain, which
     * is a word here: of 32 bits another 4 in a hundred.  The debug archive has
     * another four bits, which say what is in use exactly. */
    CHECK(round == 1 || mps_arena_committed(arena) - before
          <= m.live / 3 * 4 + (sizeof(void *) < 8 ? m.live / 25 : 0)
             + (archive_is_debug() ? m.live / (sizeof(void *) < 8 ? 5 : 10) : 0));
    if (m.ap != NULL) {
      mps_ap_destroy(m.ap);
      m.ap = NULL;
    }
    while (m.n > 0)
      drop(&m, rnd_below(m.n));
    if (round == 1)
      CHECK_EQ(mps_pool_total_size(m.pool), 0);
    after = mps_arena_committed(arena);
    memory = mps_pool_total_size(m.pool);
    mps_pool_destroy(m.pool);
    /* What the pool had besides memory for blocks goes with it. */
    structures = after - mps_arena_committed(arena) - memory;
    part("after all was freed: %lu KB more than before; %lu KB memory, structures %lu KB",
         (unsigned long)(after - before) / 1024, (unsigned long)memory / 1024,
         (unsigned long)structures / 1024);
    CHECK(structures <= 48 * 1024);
    CHECK(after - before <= 64 * 1024 + structures);
    free(m.block);
    mps_arena_destroy(arena);
  }
}

/* A commit limit is an ordinary thing. */
static void test_oom(mps_pool_class_t class, size_t unit, int by_ap)
{
  mps_arena_t arena = arena_vm((size_t)64 << 20);
  model_s m;
  int round;
  model(&m, arena, 200000);
  m.align = sizeof(void *);
  m.unit = unit;
  m.max = 300;
  m.calls = !by_ap;
  MPS_ARGS_BEGIN(args) {
    if (unit != 0)
      MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, unit);
    CHECK_OK(mps_pool_create_k(&m.pool, arena, class, args));
  } MPS_ARGS_END(args);
  if (by_ap)
    m.ap = ap_make(m.pool);
  CHECK_OK(mps_arena_commit_limit_set(arena, mps_arena_committed(arena)
                                      + ((size_t)3 << 20)));
  for (round = 0; round < 4; ++round) {
    size_t had;
    mps_addr_t p = &arena;
    while (m.n < m.most && grab(&m))
      ;
    CHECK(m.n < m.most);
    CHECK(m.live > (size_t)1 << 20);
    had = m.live;
    if (unit == 0) {
      mps_res_t res = get(&m, (size_t)40 << 20, by_ap, &p);
      CHECK_EQ(res, MPS_RES_COMMIT_LIMIT);
      CHECK(p == &arena);
    }
    while (m.live > had / 3)
      drop(&m, rnd_below(m.n));
  }
  while (m.n > 0)
    drop(&m, rnd_below(m.n));
  CHECK_OK(mps_arena_commit_limit_set(arena, (size_t)-1));
  if (unit == 0) {
    mps_addr_t p = &arena;
    size_t huge = (size_t)1 << (WORD == 8 ? 46 : 31);
    mps_res_t res;
    if (WORD < 8)               /* filling 64-bit space takes an emulator minutes */
      no_room_for(huge);
    res = get(&m, huge, by_ap, &p);
    CHECK(res != MPS_RES_OK);
    CHECK(p == &arena);
    CHECK_OK(get(&m, (size_t)40 << 20, by_ap, &p));
    ((char *)p)[((size_t)40 << 20) - 1] = 1;
    mps_free(m.pool, p, (size_t)40 << 20);
  }
  if (by_ap)
    mps_ap_destroy(m.ap);
  mps_pool_destroy(m.pool);
  mps_arena_destroy(arena);
  free(m.block);
  part("commit limit: %lu blocks", (unsigned long)m.serial);
}

/* Several threads on one pool. */
static mps_pool_t shared_pool;
static int shared_ap;

/* A block of it, from a point of the caller's or, without one, by a call. */
static char *shared_get(mps_ap_t ap, size_t size)
{
  mps_addr_t q;
  if (ap == NULL) {
    CHECK_OK(mps_alloc(&q, shared_pool, size));
    return q;
  }
  do
    CHECK_OK(mps_reserve(&q, ap, size));
  while (!mps_commit(ap, q, size));
  return q;
}

static void *worker(void *p)
{
  enum { N = 300 };
  char *b[N];
  size_t size[N], i, k;
  unsigned long long x = (unsigned long long)(word)p * 77777 + 99;
  mps_ap_t ap = shared_ap ? ap_make(shared_pool) : NULL;
  memset(b, 0, sizeof b);
  for (i = 0; i < 100000; ++i) {
    x = x * 6364136223846793005ull + 1442695040888963407ull;
    k = (size_t)(x >> 33) % N;
    if (b[k] != NULL) {
      CHECK(b[k][0] == (char)k && b[k][size[k] - 1] == (char)(word)p);
      mps_free(shared_pool, b[k], size[k]);
      b[k] = NULL;
    } else {
      size[k] = up(8 + (size_t)(x >> 45) % 1000, 8);
      b[k] = shared_get(ap, size[k]);
      b[k][0] = (char)k;
      b[k][size[k] - 1] = (char)(word)p;
    }
  }
  for (k = 0; k < N; ++k)
    if (b[k] != NULL)
      mps_free(shared_pool, b[k], size[k]);
  if (ap != NULL)
    mps_ap_destroy(ap);
  return NULL;
}

static void *collector(void *p)
{
  mps_fmt_t fmt = fmt_make(p, 0);
  mps_pool_t amc = pool_amc(p, fmt, NULL);
  mps_ap_t ap = ap_make(amc);
  mps_thr_t thr;
  int i;
  CHECK_OK(mps_thread_reg(&thr, p));
  for (i = 0; i < 40; ++i) {
    garbage(ap, 0, 3000, 10);
    CHECK_OK(mps_arena_collect(p));
    mps_arena_release(p);
  }
  mps_thread_dereg(thr);
  mps_ap_destroy(ap);
  mps_arena_park(p);
  mps_pool_destroy(amc);
  mps_fmt_destroy(fmt);
  mps_arena_release(p);
  return NULL;
}

/* As worker, a registered thread: a flip stops it anywhere. */
static mps_arena_t worker_arena;
static void *registered(void *p)
{
  mps_thr_t thr;
  CHECK_OK(mps_thread_reg(&thr, worker_arena));
  (void)worker(p);
  mps_thread_dereg(thr);
  return NULL;
}

/* How much is in use goes up and down: what a pool does for threads that are in
 * each other's way it does only if it is large. */
static volatile int sway_on;
static void *sway(void *p)
{
  enum { HUGE = 16 << 20 };
  mps_ap_t ap = shared_ap ? ap_make(shared_pool) : NULL;
  (void)p;
  while (sway_on) {
    char *q = shared_get(ap, HUGE);
    q[HUGE - 1] = 1;
    usleep(20000);
    mps_free(shared_pool, q, HUGE);
    usleep(1000);
  }
  if (ap != NULL)
    mps_ap_destroy(ap);
  return NULL;
}

/* A child takes all locks with it, given back. */
static void forked(void)
{
  int i;
  for (i = 0; i < 5; ++i) {
    int status;
    pid_t pid;
    usleep(5000);
    fflush(stdout);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
      char *b[200];
      size_t k;
      mps_ap_t ap = shared_ap ? ap_make(shared_pool) : NULL;
      alarm(20);
      for (k = 0; k < 200; ++k)
        b[k] = memset(shared_get(ap, 8 + 8 * k), (int)k, 8 + 8 * k);
      for (k = 0; k < 200; ++k) {
        CHECK(b[k][0] == (char)k && b[k][7 + 8 * k] == (char)k);
        mps_free(shared_pool, b[k], 8 + 8 * k);
      }
      _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
  }
}

static void test_threads(mps_arena_t arena, mps_pool_class_t class, int by_ap,
                         int large)
{
  pthread_t id[5];
  word i;
  CHECK_OK(mps_pool_create_k(&shared_pool, arena, class, mps_args_none));
  shared_ap = by_ap;
  worker_arena = arena;
  sway_on = large;
  for (i = 0; i < 3; ++i)
    CHECK(pthread_create(&id[i], NULL, registered, (void *)(i + 1)) == 0);
  CHECK(pthread_create(&id[3], NULL, collector, arena) == 0);
  CHECK(pthread_create(&id[4], NULL, sway, NULL) == 0);
  if (large && !reference())
    forked();
  for (i = 0; i < 4; ++i)
    CHECK(pthread_join(id[i], NULL) == 0);
  sway_on = 0;
  CHECK(pthread_join(id[4], NULL) == 0);
  CHECK_EQ(mps_pool_total_size(shared_pool), mps_pool_free_size(shared_pool));
  mps_pool_destroy(shared_pool);
  part("three threads%s%s and a collector", by_ap ? " with points" : "",
       large ? ", a large pool," : "");
}

/* Threads that do nothing but get and free blocks of one size: each block is
 * one thread's at a time. */
static void *rival(void *p)
{
  enum { N = 8 };
  word me = (word)p, *b[N];
  mps_addr_t q;
  size_t i, k;
  for (i = 0; i < 60000; ++i) {
    for (k = 0; k < N; ++k) {
      CHECK_OK(mps_alloc(&q, shared_pool, 64));
      b[k] = q;
      b[k][0] = b[k][7] = me + k;
    }
    for (k = 0; k < N; ++k) {
      CHECK_EQ(b[k][0], me + k);
      CHECK_EQ(b[k][7], me + k);
      mps_free(shared_pool, b[k], 64);
    }
  }
  return NULL;
}

static void test_rivals(mps_arena_t arena, mps_pool_class_t class)
{
  enum { HELD = 2000 };
  pthread_t id[3];
  mps_addr_t held[HELD];
  word i;
  MPS_ARGS_BEGIN(args) {
    if (class == mps_class_mfs())
      MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, 64);
    CHECK_OK(mps_pool_create_k(&shared_pool, arena, class, args));
  } MPS_ARGS_END(args);
  for (i = 0; i < HELD; ++i)    /* pools this large set blocks aside */
    CHECK_OK(mps_alloc(&held[i], shared_pool, 64));
  for (i = 0; i < 3; ++i)
    CHECK(pthread_create(&id[i], NULL, rival, (void *)((i + 1) * 100)) == 0);
  for (i = 0; i < 3; ++i)
    CHECK(pthread_join(id[i], NULL) == 0);
  CHECK_EQ(mps_pool_total_size(shared_pool) - mps_pool_free_size(shared_pool),
           HELD * 64);
  /* it has not grown for their being in each other's way */
  CHECK(mps_pool_total_size(shared_pool) <= 4 * HELD * 64);
  mps_pool_destroy(shared_pool);
  part("three rivals");
}

/* The variadic forms. */
static void test_varargs(mps_arena_t arena)
{
  mps_pool_t p;
  mps_addr_t a;
  CHECK_OK(mps_pool_create(&p, arena, mps_class_mfs(), (size_t)4096,
                           (size_t)40));
  CHECK_OK(mps_alloc(&a, p, 40));
  mps_pool_destroy(p);
  CHECK_OK(mps_pool_create(&p, arena, mps_class_mvff(), (size_t)4096,
                           (size_t)32, (mps_align_t)16, 1, 1, 0));
  CHECK_OK(mps_alloc(&a, p, 40));
  CHECK((word)a % 16 == 0);
  mps_pool_destroy(p);
  CHECK_OK(mps_pool_create(&p, arena, mps_class_mvt(), (size_t)8, (size_t)32,
                           (size_t)500, (mps_word_t)10, (mps_word_t)30));
  mps_pool_destroy(p);
  part("variadic creation");
}

int main(void)
{
  mps_arena_t arena;
  int large;
  test_begin("manual");
  arena = arena_vm((size_t)64 << 20);
  test_varargs(arena);
  if (!reference())
    test_fit(arena);
  if (!reference()) {
    test_arena_high(0);
    test_arena_high(1);
    test_reserve_depth(arena);
    test_frag_limit(arena);
  }
  test_mvff(arena);
  test_mvt(arena);
  test_mfs(arena);
  test_rivals(arena, mps_class_mvff());
  test_rivals(arena, mps_class_mfs());
  for (large = 0; large < 2; ++large) {
    test_threads(arena, mps_class_mvff(), 0, large);
    test_threads(arena, mps_class_mvff(), 1, large);
    test_threads(arena, mps_class_mvt(), 1, large);
  }
  mps_arena_destroy(arena);
  test_return();
  test_oom(mps_class_mvff(), 0, 0);
  test_oom(mps_class_mvff(), 0, 1);
  test_oom(mps_class_mvt(), 0, 1);
  test_oom(mps_class_mfs(), 48, 0);
  return test_end();
}
