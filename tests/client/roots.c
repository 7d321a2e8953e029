/* roots.c -- every kind of root
 *
 * Weak roots are not tried: the reference cannot collect with one.
 *
 * The reference may leave the memory of a root of mode MPS_RM_PROT protected
 * when the root is destroyed; that the client can write it again is not
 * tried there.
 */

#include "common.h"

#include <sys/mman.h>

enum { N = 64 };

static mps_arena_t arena;
static mps_chain_t chain;
static mps_fmt_t fmt;
static mps_pool_t pool;
static mps_ap_t ap;

/* Collect in different ways in turn. */
static void collect(void)
{
  static int turn;
  if (turn++ % 2 == 0) {
    CHECK_OK(mps_arena_collect(arena));
    mps_arena_release(arena);
  } else {
    mps_word_t n = mps_collections(arena);
    CHECK_OK(mps_arena_start_collect(arena));
    garbage(ap, 0, 100, 20);
    mps_arena_park(arena);
    CHECK(mps_collections(arena) > n);
    mps_arena_release(arena);
  }
}

/* --- roots with the client's functions --- */

static mps_addr_t table[N];
static unsigned long calls;
static int closure_object;

static mps_res_t scan_p_s(mps_ss_t ss, void *p, size_t s)
{
  ++calls;
  CHECK(p == table);
  CHECK_EQ(s, N);
  return mps_scan_area(ss, p, (mps_addr_t *)p + s, NULL);
}

static mps_res_t scan_fmt(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  mps_addr_t *p;
  ++calls;
  CHECK(base == table && limit == table + N);
  MPS_SCAN_BEGIN(ss) {
    for (p = base; p < (mps_addr_t *)limit; ++p) {
      mps_res_t res = MPS_FIX12(ss, p);
      if (res != MPS_RES_OK)
        return res;
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static mps_res_t scan_area(mps_ss_t ss, void *base, void *limit,
                           void *closure)
{
  ++calls;
  CHECK(base == table && limit == table + N);
  CHECK(closure == &closure_object);
  MPS_SCAN_BEGIN(ss) {
    mps_res_t res = MPS_RES_OK;
    mps_addr_t *middle = (mps_addr_t *)base + N / 2;
    MPS_FIX_CALL(ss, res = mps_scan_area(ss, base, middle, NULL));
    if (res != MPS_RES_OK)
      return res;
    MPS_FIX_CALL(ss, res = mps_scan_area(ss, middle, limit, NULL));
    if (res != MPS_RES_OK)
      return res;
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static word expect_mask, expect_pattern;

static mps_res_t scan_tagged(mps_ss_t ss, void *base, void *limit,
                             void *closure)
{
  mps_scan_tag_t tag = closure;
  ++calls;
  CHECK_EQ(tag->mask, expect_mask);
  CHECK_EQ(tag->pattern, expect_pattern);
  return mps_scan_area_tagged(ss, base, limit, closure);
}

static void fill(word tag)
{
  size_t i;
  mps_arena_park(arena);        /* nothing may move before it is hung in */
  for (i = 0; i < N; ++i) {
    obj_t o = obj_new(ap, 0, KIND_LEAF, 10 + i, i + 1);
    table[i] = (mps_addr_t)((word)o + tag);
  }
  mps_arena_release(arena);
}

static void verify(word tag)
{
  size_t i;
  for (i = 0; i < N; ++i) {
    CHECK_EQ((word)table[i] % WORD, tag);
    CHECK(obj_is((obj_t)((word)table[i] - tag), KIND_LEAF, 10 + i, i + 1));
  }
}

typedef mps_res_t (*make_t)(mps_root_t *, mps_rank_t, mps_rm_t);

static mps_res_t make_create(mps_root_t *r, mps_rank_t rank, mps_rm_t rm)
{ return mps_root_create(r, arena, rank, rm, scan_p_s, table, N); }

static mps_res_t make_fmt(mps_root_t *r, mps_rank_t rank, mps_rm_t rm)
{ return mps_root_create_fmt(r, arena, rank, rm, scan_fmt, table, table + N); }

static mps_res_t make_area(mps_root_t *r, mps_rank_t rank, mps_rm_t rm)
{ return mps_root_create_area(r, arena, rank, rm, table, table + N, scan_area,
                              &closure_object); }

static mps_res_t make_area_plain(mps_root_t *r, mps_rank_t rank, mps_rm_t rm)
{ return mps_root_create_area(r, arena, rank, rm, table, table + N,
                              mps_scan_area, NULL); }

static mps_res_t make_tagged(mps_root_t *r, mps_rank_t rank, mps_rm_t rm)
{ expect_mask = WORD - 1; expect_pattern = 3;
  return mps_root_create_area_tagged(r, arena, rank, rm, table, table + N,
                                     scan_tagged, WORD - 1, 3); }

static mps_res_t make_tagged0(mps_root_t *r, mps_rank_t rank, mps_rm_t rm)
{ return mps_root_create_area_tagged(r, arena, rank, rm, table, table + N,
                                     mps_scan_area_tagged_or_zero, WORD - 1,
                                     3); }

static mps_res_t make_masked(mps_root_t *r, mps_rank_t rank, mps_rm_t rm)
{ return mps_root_create_area_tagged(r, arena, rank, rm, table, table + N,
                                     mps_scan_area_masked, WORD - 1, 0); }

static mps_res_t make_table(mps_root_t *r, mps_rank_t rank, mps_rm_t rm)
{ return mps_root_create_table(r, arena, rank, rm, table, N); }

static mps_res_t make_table_masked(mps_root_t *r, mps_rank_t rank,
                                   mps_rm_t rm)
{ return mps_root_create_table_masked(r, arena, rank, rm, table, N,
                                      WORD - 1); }

static const struct {
  const char *name;
  make_t make;
  word tag;
  int counts;                   /* one of our functions is called */
} kinds[] = {
  {"create", make_create, 0, 1},
  {"create_fmt", make_fmt, 0, 1},
  {"create_area", make_area, 0, 1},
  {"create_area, mps_scan_area", make_area_plain, 0, 0},
  {"create_area_tagged", make_tagged, 3, 1},
  {"create_area_tagged, or zero: tagged", make_tagged0, 3, 0},
  {"create_area_tagged, or zero: zero", make_tagged0, 0, 0},
  {"create_area_tagged, masked", make_masked, 2, 0},
  {"create_table", make_table, 0, 0},
  {"create_table_masked", make_table_masked, 0, 0}
};

static void test_kind(size_t k)
{
  mps_root_t root = NULL;
  mps_addr_t before[N];
  size_t i, moved;
  unsigned long was;
  word tag = kinds[k].tag;
  /* exact: updated */
  memset(table, 0, sizeof table);
  calls = 0;
  CHECK_OK(kinds[k].make(&root, mps_rank_exact(), 0));
  CHECK_EQ(calls, 0);
  fill(tag);
  memcpy(before, table, sizeof table);
  collect();
  CHECK((calls > 0) == kinds[k].counts);
  verify(tag);
  for (i = moved = 0; i < N; ++i)
    moved += before[i] != table[i];
  CHECK(moved >= N / 2);
  for (i = 0; i < 3; ++i) {
    garbage(ap, 0, 3000, 30);
    collect();
    verify(tag);
  }
  was = calls;
  mps_root_destroy(root);
  collect();
  CHECK_EQ(calls, was);         /* never after its destruction */
  /* ambiguous: pinned */
  memset(table, 0, sizeof table);
  CHECK_OK(kinds[k].make(&root, mps_rank_ambig(), 0));
  fill(tag);
  memcpy(before, table, sizeof table);
  for (i = 0; i < 4; ++i) {
    collect();
    CHECK(memcmp(before, table, sizeof table) == 0);
    verify(tag);
    garbage(ap, 0, 3000, 30);
  }
  mps_root_destroy(root);
  part("%s", kinds[k].name);
}

/* Words that are not references are left alone, whatever they look like. */
static void test_not_references(void)
{
  mps_root_t root;
  size_t i;
  mps_addr_t odd[N];
  memset(table, 0, sizeof table);
  expect_mask = WORD - 1;
  CHECK_OK(make_tagged(&root, mps_rank_exact(), 0));
  mps_arena_park(arena);
  for (i = 0; i < N; ++i) {
    obj_t o = obj_new(ap, 0, KIND_LEAF, 10 + i, i + 1);
    table[i] = (mps_addr_t)((word)o + (i % 2 == 0 ? 3 : 1));
    odd[i] = table[i];
  }
  garbage(ap, 0, 1000, 60);     /* move the buffer on */
  CHECK_OK(mps_arena_collect(arena));
  for (i = 0; i < N; ++i)
    if (i % 2 == 0) {
      CHECK(table[i] != odd[i]);
      CHECK(obj_is((obj_t)((word)table[i] - 3), KIND_LEAF, 10 + i, i + 1));
    } else {
      CHECK(table[i] == odd[i]);
    }
  mps_arena_release(arena);
  mps_root_destroy(root);
  part("words without the tag are left alone");
}

/* Any word at all in an ambiguous root. */
static void test_garbage_words(void)
{
  mps_root_t root;
  size_t i, round;
  obj_t keep;
  mps_addr_t keeper = NULL;
  mps_root_t kroot;
  CHECK_OK(mps_root_create_table(&kroot, arena, mps_rank_exact(), 0, &keeper,
                                 1));
  memset(table, 0, sizeof table);
  CHECK_OK(make_table(&root, mps_rank_ambig(), 0));
  for (round = 0; round < 30; ++round) {
    keeper = keep = obj_new(ap, 0, KIND_LEAF, 20, 5);
    for (i = 0; i < N; ++i) {
      word w = (word)rnd() ^ (word)rnd() << (WORD * 4);
      if (i % 4 == 0)           /* somewhere near */
        w = (word)keep + (w & 0xfffffff) - 0x7ffffff;
      else if (i % 4 == 1)
        w = (word)keep + rnd_below(300);
      table[i] = (mps_addr_t)w;
    }
    collect();
    CHECK(obj_is(keeper, KIND_LEAF, 20, 5));
  }
  mps_root_destroy(root);
  mps_root_destroy(kroot);
  part("ambiguous roots full of junk");
}

/* --- root modes: written by the client between collections --- */

static void test_modes(mps_rm_t rm, size_t words)
{
  size_t size = words * WORD + 24, i, round;
  char *mem = mmap(NULL, size + 8192, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mps_addr_t *area;
  mps_root_t root;
  CHECK(mem != MAP_FAILED);
  area = (mps_addr_t *)(mem + 8 * (rm % 3));    /* not page aligned either */
  CHECK_OK(mps_root_create_area(&root, arena, mps_rank_exact(), rm, area,
                                area + words, mps_scan_area, NULL));
  for (round = 0; round < 12; ++round) {
    for (i = 0; i < 200; ++i) {
      size_t k = i == 0 ? 0 : i == 1 ? words - 1 : rnd_below(words);
      area[k] = obj_new(ap, 0, KIND_LEAF, 5, k);
    }
    mem[size + 4000] = (char)round;             /* the neighbourhood */
    collect();
    if (round % 2 == 0)
      collect();
    for (i = 0; i < words; ++i)
      if (area[i] != NULL)
        CHECK(obj_is(area[i], KIND_LEAF, 5, i));
    if (round % 3 == 0)
      for (i = 0; i < 50; ++i)
        area[rnd_below(words)] = NULL;
  }
  mps_root_destroy(root);
  if (!(reference() && rm & MPS_RM_PROT))
    memset(area, 0xff, words * WORD);           /* ours again */
  munmap(mem, size + 8192);
  part("root mode %u, %lu words", rm, (unsigned long)words);
}

/* --- threads as roots --- */

static mps_res_t thread_scan(mps_ss_t ss, void *base, void *limit,
                             void *closure)
{
  ++calls;
  CHECK(closure == &closure_object);
  CHECK((char *)base <= (char *)limit);
  return mps_scan_area(ss, base, limit, NULL);
}

static mps_res_t make_thread(mps_root_t *r, mps_thr_t thr, void *cold, int how)
{
  switch (how) {
  case 0:
    return mps_root_create_thread(r, arena, thr, cold);
  case 1:
    return mps_root_create_thread_tagged(r, arena, mps_rank_ambig(), 0, thr,
                                         mps_scan_area_tagged, WORD - 1, 2,
                                         cold);
  case 2:
    return mps_root_create_thread_scanned(r, arena, mps_rank_ambig(), 0, thr,
                                          thread_scan, &closure_object, cold);
  default:
    return mps_root_create_reg(r, arena, mps_rank_ambig(), 0, thr,
                               mps_stack_scan_ambig, cold, 0);
  }
}

/* Runs above the cold end, so its locals are on the scanned stack. */
__attribute__((noinline)) static void on_stack(int how)
{
  volatile word local[N];
  word tag = how == 1 ? 2 : 0;
  size_t i;
  mps_arena_park(arena);
  for (i = 0; i < N; ++i)
    local[i] = (word)obj_new(ap, 0, KIND_LEAF, 10 + i, i + 1) + tag;
  mps_arena_release(arena);
  scrub_stack();
  for (i = 0; i < 3; ++i) {
    collect();
    garbage(ap, 0, 5000, 20);
  }
  for (i = 0; i < N; ++i)
    CHECK(obj_is((obj_t)(local[i] - tag), KIND_LEAF, 10 + i, i + 1));
}

/* What lies beyond the cold end is not scanned. */
static word below[N];

__attribute__((noinline)) static void cold_part(void *beyond)
{
  mps_thr_t thr;
  mps_root_t root;
  volatile word *outside = beyond;
  size_t i, alive = 0;
  void *cold = __builtin_frame_address(0);
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK((char *)beyond > (char *)cold);
  CHECK_OK(make_thread(&root, thr, cold, 0));
  mps_arena_park(arena);
  for (i = 0; i < N; ++i) {
    obj_t o = obj_new(ap, 0, KIND_LEAF, 1000, i + 1);
    outside[i] = (word)o;
    below[i] = ~(word)o;
  }
  garbage(ap, 0, 2000, 60);
  scrub_stack();
  CHECK_OK(mps_arena_collect(arena));
  for (i = 0; i < N; ++i) {
    mps_addr_t p;
    alive += mps_addr_object(&p, arena, (mps_addr_t)~below[i]) == MPS_RES_OK
             && p == (mps_addr_t)~below[i];
  }
  CHECK(alive < N / 4);
  mps_arena_release(arena);
  mps_root_destroy(root);
  mps_thread_dereg(thr);
}

__attribute__((noinline)) static void test_cold(void)
{
  word outside[N * 2];
  memset(outside, 0, sizeof outside);
  cold_part(outside + N / 2);
  part("nothing beyond the cold end is a root");
}

__attribute__((noinline)) static void test_thread(int how)
{
  static const char *names[] = {"create_thread", "create_thread_tagged",
                                "create_thread_scanned", "create_reg"};
  mps_thr_t thr, again;
  mps_root_t root, root2;
  void *cold = NULL;
  int i;
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_thread_reg(&again, arena));
  CHECK(thr != again);
  for (i = 0; i < 3; ++i) {     /* again and again */
    calls = 0;
    CHECK_OK(make_thread(&root, thr, &cold, how));
    if (i == 1)
      CHECK_OK(make_thread(&root2, again, &cold, how));
    CHECK_EQ(calls, 0);
    on_stack(how);
    CHECK((calls > 0) == (how == 2));
    mps_root_destroy(root);
    if (i == 1)
      mps_root_destroy(root2);
  }
  mps_thread_dereg(again);
  mps_thread_dereg(thr);
  part("%s", names[how]);
}

/* A failing scan function makes the collection fail -- not tried: the
 * reference reports a failed check as well. */

int main(void)
{
  size_t k;
  test_begin("roots");
  arena = arena_vm((size_t)64 << 20);
  chain = chain_make(arena, 3, 200);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  garbage(ap, 0, 10, 10);
  for (k = 0; k < sizeof kinds / sizeof kinds[0]; ++k)
    test_kind(k);
  test_not_references();
  test_garbage_words();
  test_modes(0, 1000);
  test_modes(MPS_RM_CONST, 5);
  test_modes(MPS_RM_PROT, 1000);
  test_modes(MPS_RM_PROT, 100000);
  test_modes(MPS_RM_PROT | MPS_RM_PROT_INNER, 10);
  test_modes(MPS_RM_PROT | MPS_RM_PROT_INNER, 100000);
  test_modes((mps_rm_t)2 | (mps_rm_t)2, 5000);  /* the reference's value */
  test_modes((mps_rm_t)4 | (mps_rm_t)2, 5000);  /* ours */
  for (k = 0; k < 4; ++k)
    test_thread((int)k);
  test_cold();
  mps_arena_park(arena);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
  return test_end();
}
