/* transform.c -- references to old objects become references to new ones
 */

#include "common.h"

#define N 1000

static mps_arena_t arena;
static mps_fmt_t fmt;
static mps_chain_t chain;
static mps_pool_t pool;
static mps_ap_t ap;
static mps_root_t root, ambig_root, tag_root;
static mps_addr_t table[N], ambig[4], old[N], new_[N];
static word tagged[N];

static mps_res_t scan_tagged(mps_ss_t ss, void *base, void *limit,
                             void *closure)
{
  word *p;
  (void)closure;
  MPS_SCAN_BEGIN(ss) {
    for (p = base; p < (word *)limit; ++p) {
      mps_addr_t ref = (mps_addr_t)(*p & ~(word)3);
      if (MPS_FIX1(ss, ref)) {
        mps_res_t res = MPS_FIX2(ss, &ref);
        if (res != MPS_RES_OK)
          return res;
        *p = (word)ref | (*p & 3);
      }
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static void begin(size_t header)
{
  arena = arena_vm((size_t)64 << 20);
  mps_arena_park(arena);
  chain = chain_make(arena, 3, 200);
  fmt = fmt_make(arena, header);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  memset(table, 0, sizeof table);
  memset(ambig, 0, sizeof ambig);
  memset(tagged, 0, sizeof tagged);
  /* The reference locks itself out of its own protected root. */
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(),
                                 reference() ? 0 : MPS_RM_PROT, table, N));
  CHECK_OK(mps_root_create_table(&ambig_root, arena, mps_rank_ambig(), 0,
                                 ambig, 4));
  CHECK_OK(mps_root_create_area(&tag_root, arena, mps_rank_exact(), 0,
                                tagged, tagged + N, scan_tagged, NULL));
}

static void end(void)
{
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_chain_destroy(chain);
  mps_root_destroy(root);
  mps_root_destroy(ambig_root);
  mps_root_destroy(tag_root);
  mps_arena_destroy(arena);
}

/* table[i] an object of serial i whose slots refer to others, and tagged[i]
 * to the next but one. */
static void fill(size_t header)
{
  size_t i;
  for (i = 0; i < N; ++i)
    table[i] = obj_new(ap, header, KIND_VECTOR, 4, i);
  for (i = 0; i < N; ++i) {
    obj_t o = table[i];
    o->slot[0] = (word)table[(i + 1) % N];
    o->slot[1] = (word)table[(i * 7) % N] + 2;
    o->slot[2] = number(i);
    tagged[i] = (word)table[(i + 2) % N] | 1;
  }
}

static word expect(word serial)         /* even ones are replaced */
{
  return serial % 2 == 0 ? serial + 10000 : serial;
}

static void check(int applied)
{
  size_t i;
  for (i = 0; i < N; ++i) {
    obj_t o = table[i];
    word s = o->serial, k = s >= 10000 ? s - 10000 : s;
    CHECK_EQ(s, applied ? expect(i) : i);
    CHECK_EQ(obj_ref(o->slot[0])->serial,
             applied ? expect((k + 1) % N) : (k + 1) % N);
    CHECK_EQ(obj_ref(o->slot[1])->serial,
             applied ? expect(k * 7 % N) : k * 7 % N);
    CHECK_EQ(o->slot[1] & 2, 2);
    CHECK_EQ(o->slot[2], number(k));
    CHECK_EQ(((obj_t)(tagged[i] & ~(word)3))->serial,
             applied ? expect((i + 2) % N) : (i + 2) % N);
    CHECK_EQ(tagged[i] & 3, 1);
  }
}

static size_t lists(size_t header)
{
  size_t i, n = 0;
  for (i = 0; i < N; i += 2) {
    obj_t o;
    old[n] = table[i];
    new_[n] = obj_new(ap, header, KIND_VECTOR, 4, i + 10000);
    o = new_[n];
    memcpy(o->slot, ((obj_t)old[n])->slot, 4 * WORD);
    ++n;
  }
  return n;
}

static void applies(size_t header, int old_ones)
{
  mps_transform_t t;
  mps_bool_t applied = 7;
  size_t n;
  begin(header);
  fill(header);
  if (old_ones) {               /* with protection on, in other generations */
    CHECK_OK(mps_arena_collect(arena));
    CHECK_OK(mps_arena_collect(arena));
  }
  n = lists(header);
  CHECK_OK(mps_transform_create(&t, arena));
  CHECK_OK(mps_transform_add_oldnew(t, old, new_, 0));
  CHECK_OK(mps_transform_add_oldnew(t, old, new_, 10));
  CHECK_OK(mps_transform_add_oldnew(t, old + 10, new_ + 10, n - 10));
  CHECK_OK(mps_transform_apply(&applied, t));
  CHECK_EQ(applied, 1);
  mps_transform_destroy(t);
  check(1);
  CHECK_OK(mps_arena_collect(arena));
  check(1);
  end();
  part("every reference is to the new object (header %d, %s)", (int)header,
       old_ones ? "old" : "fresh");
}

static void ambiguous(size_t header, size_t offset)
{
  mps_transform_t t;
  mps_bool_t applied = 7;
  size_t n;
  begin(header);
  fill(header);
  n = lists(header);
  ambig[2] = (char *)table[500] + offset;
  CHECK_OK(mps_transform_create(&t, arena));
  CHECK_OK(mps_transform_add_oldnew(t, old, new_, n));
  CHECK_OK(mps_transform_apply(&applied, t));
  CHECK_EQ(applied, 0);
  check(0);
  ambig[2] = (char *)table[501] + offset;       /* this one is not old */
  mps_transform_destroy(t);
  if (reference())              /* there things have moved by now */
    n = lists(header);
  CHECK_OK(mps_transform_create(&t, arena));
  CHECK_OK(mps_transform_add_oldnew(t, old, new_, n));
  CHECK_OK(mps_transform_apply(&applied, t));
  CHECK_EQ(applied, 1);
  check(1);
  mps_transform_destroy(t);
  end();
  part("an ambiguous reference at offset %d is in the way", (int)offset);
}

static void too_late(void)
{
  mps_transform_t t;
  mps_bool_t applied = 7;
  size_t n;
  begin(0);
  fill(0);
  n = lists(0);
  CHECK_OK(mps_transform_create(&t, arena));
  CHECK_OK(mps_transform_add_oldnew(t, old, new_, n));
  CHECK_OK(mps_arena_collect(arena));
  CHECK_EQ(mps_transform_apply(&applied, t), MPS_RES_PARAM);
  CHECK_EQ(applied, 7);
  check(0);
  mps_transform_destroy(t);
  end();
  part("not after a collection");
}

static void other_uses(void)
{
  mps_transform_t t, u;
  mps_bool_t applied = 7;
  mps_message_t m;
  begin(0);
  mps_message_type_enable(arena, mps_message_type_finalization());
  table[0] = obj_new(ap, 0, KIND_VECTOR, 4, 1);
  table[1] = obj_new(ap, 0, KIND_VECTOR, 4, 2);
  CHECK_OK(mps_transform_create(&t, arena));    /* nothing in it */
  CHECK_OK(mps_transform_apply(&applied, t));
  CHECK_EQ(applied, 1);
  CHECK_OK(mps_transform_create(&u, arena));
  mps_transform_destroy(t);
  /* A registration goes over to the new object. */
  CHECK_OK(mps_finalize(arena, &table[0]));
  CHECK_OK(mps_transform_add_oldnew(u, &table[0], &table[1], 1));
  CHECK_OK(mps_transform_apply(&applied, u));
  CHECK_EQ(applied, 1);
  CHECK(table[0] == table[1]);
  CHECK_EQ(((obj_t)table[0])->serial, 2);
  if (!reference())
    CHECK_OK(mps_transform_apply(&applied, u)); /* again: no harm */
  mps_transform_destroy(u);
  table[0] = NULL;
  CHECK_OK(mps_arena_collect(arena));
  CHECK(!mps_message_poll(arena));
  if (!reference())
    CHECK_OK(mps_definalize(arena, &table[1]));
  if (!reference())
    CHECK_OK(mps_finalize(arena, &table[1]));
  table[1] = NULL;
  CHECK_OK(mps_arena_collect(arena));
  CHECK(mps_message_get(&m, arena, mps_message_type_finalization()));
  mps_message_finalization_ref(&table[0], arena, m);
  CHECK_EQ(((obj_t)table[0])->serial, 2);
  mps_message_discard(arena, m);
  CHECK_OK(mps_transform_create(&t, arena));
  mps_arena_release(arena);
  mps_transform_destroy(t);     /* at any time */
  end();
  part("empty, twice, and with registrations");
}

int main(void)
{
  test_begin("transform");
  applies(0, 0);
  applies(0, 1);
  applies(HEADER, 0);
  applies(HEADER, 1);
  ambiguous(0, 0);
  if (!reference())             /* there only pointers to the beginning count */
    ambiguous(0, 2 * WORD);
  ambiguous(HEADER, 0);
  too_late();
  other_uses();
  return test_end();
}
