/* ld.c -- location dependencies, and a hash table keyed by address */

#include "common.h"

static mps_arena_t arena;
static mps_chain_t chain;
static mps_fmt_t fmt;
static mps_pool_t pool;
static mps_ap_t ap;

static void collect(void)
{
  CHECK_OK(mps_arena_collect(arena));
  mps_arena_release(arena);
}

/* --- the rules, one by one --- */

static void test_rules(void)
{
  enum { N = 100 };
  static mps_addr_t r[N], pin[N], was[N];
  mps_root_t root, pins;
  mps_ld_s ld[N], sum, other;
  size_t i, round, stale = 0, fresh = 0;
  int local;
  memset(r, 0, sizeof r);
  memset(pin, 0, sizeof pin);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, r, N));
  CHECK_OK(mps_root_create_table(&pins, arena, mps_rank_ambig(), 0, pin, N));
  for (round = 0; round < 40; ++round) {
    mps_ld_reset(&sum, arena);
    CHECK(!mps_ld_isstale_any(&sum, arena));
    mps_arena_clamp(arena);
    for (i = 0; i < N; ++i) {
      was[i] = r[i] = obj_new(ap, 0, KIND_LEAF, 30, i);
      pin[i] = i % 4 == 0 ? r[i] : NULL;
      mps_ld_reset(&ld[i], arena);
      CHECK(!mps_ld_isstale(&ld[i], arena, r[i]));
      CHECK(!mps_ld_isstale_any(&ld[i], arena));
      mps_ld_add(&ld[i], arena, r[i]);
      CHECK(!mps_ld_isstale(&ld[i], arena, r[i]));
      CHECK(!mps_ld_isstale_any(&ld[i], arena));
    }
    for (i = 0; i < N; ++i)
      mps_ld_merge(&sum, arena, &ld[i]);
    CHECK(!mps_ld_isstale_any(&sum, arena));
    /* clamped: nothing goes stale however much is allocated */
    garbage(ap, 0, 3000, 30);
    for (i = 0; i < N; ++i)
      CHECK(!mps_ld_isstale(&ld[i], arena, r[i]));
    mps_arena_release(arena);
    /* some collections */
    for (i = 0; i <= round % 4; ++i)
      collect();
    if (round >= 30)            /* very many, more than any history holds */
      for (i = 0; i < 100; ++i)
        collect();
    for (i = 0; i < N; ++i) {
      CHECK(obj_is(r[i], KIND_LEAF, 30, i));
      if (r[i] != was[i]) {
        CHECK(mps_ld_isstale(&ld[i], arena, r[i]));
        CHECK(mps_ld_isstale(&ld[i], arena, was[i]));
        CHECK(mps_ld_isstale_any(&ld[i], arena));
        CHECK(mps_ld_isstale(&sum, arena, r[i]));
        ++stale;
      } else {
        ++fresh;
      }
    }
    CHECK(mps_ld_isstale_any(&sum, arena));
    /* merging carries staleness over */
    mps_ld_reset(&other, arena);
    mps_ld_merge(&other, arena, &sum);
    CHECK(mps_ld_isstale_any(&other, arena));
    /* and a reset ends it */
    mps_ld_reset(&sum, arena);
    CHECK(!mps_ld_isstale_any(&sum, arena));
    mps_ld_add(&sum, arena, r[1]);
    CHECK(!mps_ld_isstale(&sum, arena, r[1]));
  }
  CHECK(stale > N && fresh > N);
  /* not an address of the arena: harmless, and stale only by chance */
  mps_ld_reset(&other, arena);
  mps_ld_add(&other, arena, &local);
  collect();
  (void)mps_ld_isstale(&other, arena, &local);
  mps_ld_reset(&other, arena);
  CHECK(!mps_ld_isstale(&other, arena, &local));
  mps_root_destroy(root);
  mps_root_destroy(pins);
  part("rules: %lu moved, %lu not", (unsigned long)stale,
       (unsigned long)fresh);
}

/* --- a hash table keyed by address --- */

typedef struct table_s {
  size_t size;
  mps_addr_t *key;              /* an exact root */
  word *value;                  /* the key's serial */
  mps_ld_s ld;
  mps_root_t root;
  size_t rehashes, lookups, slow;
} table_s;

static size_t hash(mps_addr_t p, size_t size)
{
  word w = (word)p;
  return (size_t)((w >> 4) * 2654435761u ^ w >> 16) & (size - 1);
}

static void table_put(table_s *t, mps_addr_t *key, word *value, mps_addr_t p,
                      word v)
{
  size_t h;
  mps_ld_add(&t->ld, arena, p);
  h = hash(p, t->size);
  while (key[h] != NULL)
    h = (h + 1) & (t->size - 1);
  key[h] = p;
  value[h] = v;
}

static void table_rehash(table_s *t)
{
  mps_addr_t *key = calloc(t->size, sizeof *key);
  word *value = calloc(t->size, sizeof *value);
  size_t i;
  CHECK(key != NULL && value != NULL);
  mps_ld_reset(&t->ld, arena);
  for (i = 0; i < t->size; ++i)
    if (t->key[i] != NULL)
      table_put(t, key, value, t->key[i], t->value[i]);
  memcpy(t->key, key, t->size * sizeof *key);
  memcpy(t->value, value, t->size * sizeof *value);
  free(key);
  free(value);
  ++t->rehashes;
}

static int table_find(table_s *t, mps_addr_t p, word *v)
{
  size_t h = hash(p, t->size);
  for (; t->key[h] != NULL; h = (h + 1) & (t->size - 1))
    if (t->key[h] == p) {
      *v = t->value[h];
      return 1;
    }
  return 0;
}

/* Every key is in the table: if a lookup fails, the table must be stale. */
static void table_get(table_s *t, mps_addr_t p, word serial)
{
  word v = 0;
  ++t->lookups;
  if (!table_find(t, p, &v)) {
    CHECK(mps_ld_isstale(&t->ld, arena, p));
    ++t->slow;
    table_rehash(t);
    CHECK(table_find(t, p, &v));
  }
  CHECK_EQ(v, serial);
}

static void test_table(size_t keys, long ops, double pause)
{
  table_s t;
  size_t i;
  long op;
  mps_addr_t *obj = calloc(keys, sizeof *obj);
  mps_root_t root;
  mps_word_t n;
  mps_arena_pause_time_set(arena, pause);
  memset(&t, 0, sizeof t);
  for (t.size = 1024; t.size < 2 * keys; t.size *= 2)
    continue;
  t.key = calloc(t.size, sizeof *t.key);
  t.value = calloc(t.size, sizeof *t.value);
  CHECK(obj != NULL && t.key != NULL && t.value != NULL);
  CHECK_OK(mps_root_create_area(&t.root, arena, mps_rank_exact(), 0, t.key,
                                t.key + t.size, mps_scan_area, NULL));
  CHECK_OK(mps_root_create_area(&root, arena, mps_rank_exact(), 0, obj,
                                obj + keys, mps_scan_area, NULL));
  mps_ld_reset(&t.ld, arena);
  for (i = 0; i < keys; ++i) {
    obj[i] = obj_new(ap, 0, KIND_LEAF, 1, i + 1);
    table_put(&t, t.key, t.value, obj[i], i + 1);
  }
  n = mps_collections(arena);
  for (op = 0; op < ops; ++op) {
    i = rnd_below(keys);
    CHECK_EQ(((obj_t)obj[i])->serial, i + 1);
    table_get(&t, obj[i], i + 1);
    if (op % 10 == 0)
      garbage(ap, 0, 1, 60);
  }
  n = mps_collections(arena) - n;
  CHECK(n >= 3);
  CHECK(t.rehashes > 0);
  part("table of %lu, pause %g: %lu flips, %lu lookups, %lu rehashes",
       (unsigned long)keys, pause, (unsigned long)n,
       (unsigned long)t.lookups, (unsigned long)t.rehashes);
  mps_root_destroy(t.root);
  mps_root_destroy(root);
  free(obj);
  free(t.key);
  free(t.value);
}

/* --- not stale for nothing ---
 *
 * Old objects on a chain of their own, and forty collections of another
 * pool's nursery: the old ones do not move, and a dependency on them should
 * mostly stay good.  This is a matter of quality, so it is only printed; in
 * the reference all of them are stale. */
static void test_quiet(void)
{
  enum { N = 200 };
  static mps_addr_t r[N], was[N];
  mps_root_t root;
  mps_ld_s ld[N];
  mps_chain_t own = chain_make(arena, 1, 100000);
  mps_pool_t old_pool = pool_amc(arena, fmt, own);
  mps_ap_t old_ap = ap_make(old_pool);
  mps_word_t n;
  size_t i, moved = 0, stale = 0;
  mps_arena_pause_time_set(arena, 0.1);
  memset(r, 0, sizeof r);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, r, N));
  for (i = 0; i < N; ++i)
    r[i] = obj_new(old_ap, 0, KIND_LEAF, 50, i);
  collect();                    /* into the top generation */
  collect();
  for (i = 0; i < N; ++i) {
    was[i] = r[i];
    mps_ld_reset(&ld[i], arena);
    mps_ld_add(&ld[i], arena, r[i]);
  }
  n = mps_collections(arena);
  while (mps_collections(arena) < n + 40)
    garbage(ap, 0, 100, 60);
  for (i = 0; i < N; ++i) {
    moved += was[i] != r[i];
    stale += mps_ld_isstale(&ld[i], arena, r[i]);
    if (was[i] != r[i])
      CHECK(mps_ld_isstale(&ld[i], arena, r[i]));
  }
  part("after forty collections of another nursery: %lu of %d moved, %lu"
       " stale", (unsigned long)moved, N, (unsigned long)stale);
  mps_root_destroy(root);
  mps_ap_destroy(old_ap);
  mps_arena_park(arena);
  mps_pool_destroy(old_pool);
  mps_chain_destroy(own);
}

int main(void)
{
  test_begin("ld");
  arena = arena_vm((size_t)128 << 20);
  chain = chain_make(arena, 3, 500);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  test_rules();
  mps_arena_release(arena);
  test_table(1000, 1000000, 0.1);
  test_table(50000, 400000, 0.0);
  test_quiet();
  mps_arena_park(arena);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
  return test_end();
}
