/* ephemerons.c -- pairs whose value is kept only if their key is alive
 *
 * What must be alive is worked out by a shadow that knows all references.
 * References are in a table that is an exact root, and there is no thread root.
 */

#include "common.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"

enum { KEY = 4, EITHER = 8, BOTH = 12, EXACT = 16, N = 300, PAIRS = 400, TABLES = 20 };
enum { PER_TABLE = PAIRS / TABLES, POOLS = 5 };

static mps_arena_t arena;
static mps_chain_t chain;
static mps_fmt_t fmt, pairs_fmt;
static mps_pool_t pools[POOLS], pairs_pool, weak_pool;
static mps_ap_t aps[POOLS], pairs_ap, weak_ap;
static mps_root_t root;
static mps_addr_t *table;       /* the root */
static size_t table_size;

/* Objects of pairs: the serial says which kind. */
static mps_res_t pairs_scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  MPS_SCAN_BEGIN(ss) {
    while (base < limit) {
      obj_t o = base;
      size_t i;
      for (i = 0; obj_kind(o) == KIND_VECTOR && i + 1 < obj_slots(o); i += 2) {
        mps_addr_t *k = (mps_addr_t *)&o->slot[i], *v = k + 1;
        mps_res_t res = MPS_RES_OK;
        switch (o->serial & 28) {
        case KEY: MPS_FIX_CALL(ss, res = mps_fix_weak_pair(ss, o, k, v)); break;
        case EITHER: MPS_FIX_CALL(ss, res = mps_fix_weak_or_pair(ss, o, k, v)); break;
        case BOTH: MPS_FIX_CALL(ss, res = mps_fix_weak_and_pair(ss, o, k, v)); break;
        default:
          res = MPS_FIX12(ss, k);
          if (res == MPS_RES_OK)
            res = MPS_FIX12(ss, v);
        }
        if (res != MPS_RES_OK)
          return res;
      }
      base = obj_skip(base);
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static void begin(mps_pool_class_t c, size_t words, double pause, int gen)
{
  size_t i;
  mps_pool_class_t of[POOLS];
  of[0] = mps_class_amc();
  of[1] = mps_class_ams();
  of[2] = mps_class_awl();
  of[3] = mps_class_lo();
  of[4] = mps_class_amc();      /* for large ones */
  arena = arena_vm((size_t)1 << (sizeof(void *) == 8 ? 30 : 28));
  mps_arena_pause_time_set(arena, pause);
  chain = chain_make(arena, 2, 400);
  fmt = fmt_make(arena, 0);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, pairs_scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, obj_skip);
    CHECK_OK(mps_fmt_create_k(&pairs_fmt, arena, args));
  } MPS_ARGS_END(args);
  for (i = 0; i < POOLS; ++i) {
    pools[i] = pool_auto(arena, of[i], fmt, chain);
    aps[i] = ap_make(pools[i]);
  }
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, pairs_fmt);
    MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
    MPS_ARGS_ADD(args, MPS_KEY_GEN, (unsigned)gen);
    CHECK_OK(mps_pool_create_k(&pairs_pool, arena, c, args));
  } MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_ephemeron());
    CHECK_OK(mps_ap_create_k(&pairs_ap, pairs_pool, args));
  } MPS_ARGS_END(args);
  weak_pool = pool_auto(arena, mps_class_awl(), fmt, NULL);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_weak());
    CHECK_OK(mps_ap_create_k(&weak_ap, weak_pool, args));
  } MPS_ARGS_END(args);
  table_size = words;
  table = calloc(words, sizeof *table);
  CHECK(table != NULL);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, table, words));
}

static void end(void)
{
  size_t i;
  mps_arena_park(arena);
  mps_ap_destroy(weak_ap);
  mps_ap_destroy(pairs_ap);
  mps_pool_destroy(weak_pool);
  mps_pool_destroy(pairs_pool);
  for (i = 0; i < POOLS; ++i) {
    mps_ap_destroy(aps[i]);
    mps_pool_destroy(pools[i]);
  }
  mps_fmt_destroy(fmt);
  mps_fmt_destroy(pairs_fmt);
  mps_chain_destroy(chain);
  mps_root_destroy(root);
  free(table);
  mps_arena_destroy(arena);
}

/* --- a random graph --- */

static int held[N], lives[N];
static size_t next[N], key[PAIRS], value[PAIRS], weak_to[PAIRS];
static word kind[PAIRS];

static int kept(size_t p)
{
  switch (kind[p]) {
  case KEY: return lives[key[p]];
  case EITHER: return lives[key[p]] || lives[value[p]];
  case BOTH: return lives[key[p]] && lives[value[p]];
  default: return 1;
  }
}

/* What must be alive.  BOTH keeps nothing alive. */
static void shadow(void)
{
  size_t i;
  int more = 1;
  for (i = 0; i < N; ++i)
    lives[i] = held[i];
  while (more) {
    more = 0;
    for (i = 0; i < N; ++i)
      if (lives[i] && next[i] < N && !lives[next[i]])
        lives[next[i]] = more = 1;
    for (i = 0; i < PAIRS; ++i)
      if (kind[i] != BOTH && kept(i) && !(lives[key[i]] && lives[value[i]]))
        lives[key[i]] = lives[value[i]] = more = 1;
  }
}

static size_t slots_of(size_t i)
{
  return i % POOLS == 4 ? 5000 : 3;
}

static int is_leaf(size_t i)
{
  return i % POOLS == 3;
}

static void make_graph(void)
{
  size_t i;
  for (i = 0; i < N; ++i) {
    table[i] = obj_new(aps[i % POOLS], 0, is_leaf(i) ? KIND_LEAF : KIND_VECTOR, slots_of(i), i);
    next[i] = N;
    held[i] = 1;
  }
  for (i = 0; i < N; ++i)
    if (!is_leaf(i) && rnd_below(3) == 0) {
      next[i] = rnd_below(N);
      ((obj_t)table[i])->slot[1] = (word)table[next[i]];
    }
  for (i = 0; i < TABLES; ++i) {
    table[N + i] = obj_new(pairs_ap, 0, KIND_VECTOR, 2 * PER_TABLE, 0);
    table[N + TABLES + i] = obj_new(weak_ap, 0, KIND_VECTOR, PER_TABLE, 0);
  }
  for (i = 0; i < TABLES; ++i)
    ((obj_t)table[N + i])->serial = i % 5 == 0 ? EITHER : i % 5 == 1 ? BOTH : i == 2 ? EXACT : KEY;
  for (i = 0; i < PAIRS; ++i) {
    obj_t t = table[N + i / PER_TABLE], w = table[N + TABLES + i / PER_TABLE];
    size_t s = i % PER_TABLE;
    kind[i] = t->serial;
    key[i] = rnd_below(N);
    value[i] = rnd_below(N);
    weak_to[i] = key[i];
    t->slot[2 * s] = (word)table[key[i]];
    t->slot[2 * s + 1] = (word)table[value[i]];
    w->slot[s] = (word)table[weak_to[i]];
  }
  for (i = 0; i < N; ++i)
    if (rnd_below(6) != 0) {
      held[i] = 0;
      table[i] = NULL;
    }
}

static void check_object(word w, size_t i)
{
  CHECK(obj_is((obj_t)w, is_leaf(i) ? KIND_LEAF : KIND_VECTOR, slots_of(i), i));
  if (next[i] < N)
    CHECK(obj_is((obj_t)((obj_t)w)->slot[1], is_leaf(next[i]) ? KIND_LEAF : KIND_VECTOR,
                 slots_of(next[i]), next[i]));
}

/* sure: nothing was kept that need not be. */
static void check_graph(int sure)
{
  size_t i;
  shadow();
  for (i = 0; i < PAIRS; ++i) {
    size_t s = i % PER_TABLE;
    obj_t t = table[N + i / PER_TABLE], w = table[N + TABLES + i / PER_TABLE];
    word k = t->slot[2 * s], v = t->slot[2 * s + 1];
    CHECK_EQ(k == 0, v == 0);
    if (k != 0) {
      if (sure)
        CHECK(kept(i));
      check_object(k, key[i]);
      check_object(v, value[i]);
    } else {
      CHECK(!kept(i));
    }
    if (w->slot[s] != 0) {
      if (sure)
        CHECK(lives[weak_to[i]]);
      check_object(w->slot[s], weak_to[i]);
    } else {
      CHECK(!lives[weak_to[i]]);
      if (kind[i] != EITHER)
        CHECK(k == 0);          /* gone together */
    }
    if (held[key[i]] && k != 0)
      CHECK_EQ(k, (word)table[key[i]]);
  }
}

static void graphs(const char *name, mps_pool_class_t c, int rounds)
{
  int r;
  size_t steps, cleared = 0, left = 0, i;
  for (r = 0; r < rounds; ++r) {
    int touch = r % 2;
    begin(c, N + 2 * TABLES, r % 3 == 0 ? 0.1 : 0.0, r % 3);
    mps_arena_clamp(arena);
    make_graph();
    mps_arena_release(arena);
    if (touch) {
      (void)mps_arena_start_collect(arena);
      for (steps = 0; mps_arena_step(arena, 0.0, 0.0); ++steps) {
        if (rnd_below(6) == 0) {
          size_t p = rnd_below(PAIRS);
          obj_t t = table[N + p / PER_TABLE];
          word k = t->slot[2 * (p % PER_TABLE)], v = t->slot[2 * (p % PER_TABLE) + 1];
          CHECK_EQ(k == 0, v == 0);
          if (k != 0) {         /* taken hold of */
            check_object(k, key[p]);
            check_object(v, value[p]);
            table[key[p]] = (mps_addr_t)k;
            table[value[p]] = (mps_addr_t)v;
            held[key[p]] = held[value[p]] = 1;
          }
        }
      }
      mps_arena_park(arena);
      check_graph(0);
      mps_arena_release(arena);
    }
    CHECK_OK(mps_arena_collect(arena));
    check_graph(1);
    for (i = 0; i < PAIRS; ++i) {
      obj_t t = table[N + i / PER_TABLE];
      if (t->slot[2 * (i % PER_TABLE)] == 0)
        ++cleared;
      else
        ++left;
    }
    CHECK_OK(mps_arena_collect(arena));         /* what is old now is as before */
    check_graph(1);
    end();
  }
  CHECK(cleared > 0 && left > 0);
  part("%s: %d graphs, %lu pairs cleared, %lu kept", name, rounds, (unsigned long)cleared,
       (unsigned long)left);
}

/* --- pairs that lead from one to the next --- */

/* per: pairs in one object; kept: is the first key? */
static void chain_of(size_t n, size_t per, int keep, size_t limit)
{
  size_t i, tables = (n + per - 1) / per, left = 0, step = 7919;
  double t0;
  begin(mps_class_aeph(), tables + n + 1, 0.1, 0);
  mps_arena_clamp(arena);
  for (i = 0; i < tables; ++i)
    table[i] = obj_new(pairs_ap, 0, KIND_VECTOR, 2 * per, KEY);
  for (i = 0; i <= n; ++i)
    table[tables + i] = obj_new(aps[i % 2], 0, KIND_VECTOR, 1, i);
  for (i = 0; i < n; ++i) {
    /* Not in the order in which they are found. */
    size_t at = (size_t)((unsigned long long)(n - 1 - i) * (step % n == 0 ? 1 : step) % n);
    obj_t t = table[at / per];
    t->slot[2 * (at % per)] = (word)table[tables + i];
    t->slot[2 * (at % per) + 1] = (word)table[tables + i + 1];
  }
  for (i = keep ? 1 : 0; i <= n; ++i)
    table[tables + i] = NULL;
  if (limit != 0)
    CHECK_OK(mps_arena_commit_limit_set(arena, mps_arena_committed(arena) + limit));
  t0 = now();
  CHECK_OK(mps_arena_collect(arena));
  t0 = now() - t0;
  for (i = 0; i < n; ++i) {
    obj_t t = table[i / per];
    word k = t->slot[2 * (i % per)], v = t->slot[2 * (i % per) + 1];
    CHECK_EQ(k == 0, v == 0);
    if (k != 0) {
      ++left;
      CHECK_EQ(((obj_t)v)->serial, ((obj_t)k)->serial + 1);
    }
  }
  CHECK_EQ(left, keep ? n : 0);
  end();
  part("a chain of %lu, %lu to an object, %s%s: %.3f s", (unsigned long)n, (unsigned long)per,
       keep ? "kept" : "cleared", limit != 0 ? ", with little memory" : "", t0);
}

/* Each object of pairs is the value of a pair in the one before; all keys are
 * held, or only the first. */
static void nested(int keys)
{
  enum { DEEP = 3000 };
  size_t i;
  obj_t t;
  begin(mps_class_aeph(), 2 * DEEP + 1, 0.1, 0);
  mps_arena_clamp(arena);
  for (i = 0; i < DEEP; ++i) {
    table[i] = obj_new(pairs_ap, 0, KIND_VECTOR, 2, KEY);
    table[DEEP + i] = obj_new(aps[i % 3], 0, KIND_VECTOR, 1, i);
  }
  for (i = 0; i < DEEP; ++i) {
    size_t at = i * 1009 % DEEP, to = (i + 1) * 1009 % DEEP;
    ((obj_t)table[at])->slot[0] = (word)table[DEEP + i];
    if (i + 1 < DEEP)
      ((obj_t)table[at])->slot[1] = (word)table[to];
    if (i + 1 < DEEP && !keys)
      ((obj_t)table[DEEP + i])->slot[0] = (word)table[DEEP + i + 1];
  }
  for (i = 1; i < DEEP; ++i)
    table[i] = NULL;
  for (i = 1; i < DEEP && !keys; ++i)
    table[DEEP + i] = NULL;
  CHECK_OK(mps_arena_collect(arena));
  CHECK_OK(mps_arena_collect(arena));
  for (t = table[0], i = 0; i < DEEP; ++i) {
    CHECK(obj_is(t, KIND_VECTOR, 2, KEY));
    CHECK(obj_is((obj_t)t->slot[0], KIND_VECTOR, 1, i));
    t = (obj_t)t->slot[1];
  }
  end();
  part("objects of pairs that pairs lead to, keys %s", keys ? "held" : "in a chain");
}

/* --- finalization --- */

static void finalized(void)
{
  mps_message_t m;
  mps_addr_t a;
  obj_t t, w;
  begin(mps_class_awl0(), 10, 0.1, 0);
  mps_message_type_enable(arena, mps_message_type_finalization());
  table[0] = obj_new(aps[0], 0, KIND_VECTOR, 1, 77);
  table[1] = obj_new(aps[0], 0, KIND_VECTOR, 1, 78);
  table[2] = obj_new(pairs_ap, 0, KIND_VECTOR, 2, KEY);
  table[3] = obj_new(weak_ap, 0, KIND_VECTOR, 1, 0);
  ((obj_t)table[2])->slot[0] = ((obj_t)table[3])->slot[0] = (word)table[0];
  ((obj_t)table[2])->slot[1] = (word)table[1];
  ((obj_t)table[1])->slot[0] = (word)table[0];  /* the value leads to the key */
  CHECK_OK(mps_finalize(arena, &table[0]));
  table[0] = table[1] = NULL;
  CHECK_OK(mps_arena_collect(arena));
  t = table[2];
  w = table[3];
  CHECK(w->slot[0] != 0);
  CHECK_EQ(t->slot[0], w->slot[0]);     /* kept by the message, so the value is too */
  CHECK(obj_is((obj_t)t->slot[1], KIND_VECTOR, 1, 78));
  CHECK(mps_message_get(&m, arena, mps_message_type_finalization()));
  mps_message_finalization_ref(&a, arena, m);
  CHECK_EQ((word)a, t->slot[0]);
  mps_message_discard(arena, m);
  CHECK_OK(mps_arena_collect(arena));
  CHECK_EQ(t->slot[0], 0);
  CHECK_EQ(t->slot[1], 0);
  CHECK_EQ(w->slot[0], 0);
  end();
  part("a key that is finalized is kept, with its value, until its message is gone");
}

static size_t walked;

static void step(mps_addr_t object, mps_fmt_t f, mps_pool_t p, void *a, size_t s)
{
  (void)f, (void)a, (void)s;
  if (p == pairs_pool)
    walked += obj_kind((obj_t)object) == KIND_VECTOR;
}

static mps_res_t area(mps_ss_t ss, void *base, void *limit, void *closure)
{
  *(size_t *)closure += 1;
  return pairs_scan(ss, base, limit);
}

static void others(void)
{
  size_t areas = 0;
  mps_root_t r;
  begin(mps_class_aeph(), N + 2 * TABLES, 0.1, 0);
  mps_arena_park(arena);
  make_graph();
  mps_arena_formatted_objects_walk(arena, step, NULL, 0);
  CHECK_EQ(walked, TABLES);
  CHECK_OK(mps_pool_walk(pairs_pool, area, &areas));
  CHECK(areas > 0);
  REPORTED(CHECK_EQ(mps_root_create_table(&r, arena, mps_rank_ephemeron(), 0, table, 1),
                    MPS_RES_PARAM));
  mps_arena_release(arena);
  CHECK_OK(mps_arena_collect(arena));
  check_graph(1);
  end();
  part("walks; no root has that rank");
}

int main(void)
{
  size_t n = archive_is_debug() ? 100000 : 1000000;
  test_begin("ephemerons");
  graphs("AEPH", mps_class_aeph(), 40);
  graphs("AWL", mps_class_awl(), 30);
  chain_of(n, 1000, 1, 0);
  chain_of(n / 10, n / 10, 1, 0);
  chain_of(n, 1000, 0, 0);
  chain_of(2000, 10, 1, 16 * 1024);
  chain_of(2000, 2000, 1, 16 * 1024);
  chain_of(2000, 10, 0, 16 * 1024);
  nested(1);
  nested(0);
  finalized();
  others();
  return test_end();
}
