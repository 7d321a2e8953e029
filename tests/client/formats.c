/* formats.c -- every way of making an object format */

#include "common.h"

static void copy_unused(mps_addr_t object, mps_addr_t to)
{
  (void)object; (void)to;
  CHECK(!"the copy method is not used");
}

static unsigned long class_calls;

static mps_addr_t class_of(mps_addr_t object)
{
  (void)object;
  ++class_calls;
  return NULL;
}

/* Run a graph in an AMC pool with the format. */
static void run(mps_arena_t arena, mps_fmt_t fmt, size_t header,
                const char *how)
{
  mps_chain_t chain = chain_make(arena, 3, 100);
  mps_pool_t pool = pool_amc(arena, fmt, chain), twin = pool_amc(arena, fmt,
                                                                 chain);
  mps_ap_t ap = ap_make(pool);
  graph_s g;
  mps_fmt_t found;
  unsigned long fwd = fwd_calls, scans = scan_calls;
  int i;
  graph_init(&g, arena, 0, 50, 1500, 10, ap, header, NULL, 0);
  g.ap[1] = ap_make(twin);
  g.aps = 2;
  for (i = 0; i < 30000; ++i) {
    graph_step(&g);
    if (i % 5000 == 0)
      graph_verify(&g);
  }
  for (i = 0; i < 50; ++i)
    if (g.root[i] != NULL) {
      CHECK(mps_addr_fmt(&found, arena, g.root[i]) && found == fmt);
      break;
    }
  CHECK_OK(mps_arena_collect(arena));
  graph_verify(&g);
  mps_arena_release(arena);
  CHECK(fwd_calls > fwd && scan_calls > scans);
  mps_arena_park(arena);
  mps_ap_destroy(g.ap[0]);
  mps_ap_destroy(g.ap[1]);
  graph_finish(&g);
  mps_pool_destroy(pool);
  mps_pool_destroy(twin);
  mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  part("%s", how);
}

/* Leaf objects need no scan method. */
static mps_res_t scan_never(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  (void)ss; (void)base; (void)limit;
  CHECK(!"leaf objects are not scanned");
  return MPS_RES_OK;
}

static void test_leaf(mps_arena_t arena, int with_scan)
{
  mps_fmt_t fmt = NULL;
  mps_pool_t pool = NULL;
  mps_ap_t ap;
  mps_addr_t r[100];
  mps_root_t root;
  size_t i, round;
  MPS_ARGS_BEGIN(args) {
    if (with_scan)
      MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan_never);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, obj_skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, obj_fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, obj_isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, obj_pad);
    CHECK_OK(mps_fmt_create_k(&fmt, arena, args));
  } MPS_ARGS_END(args);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    CHECK_OK(mps_pool_create_k(&pool, arena, mps_class_amcz(), args));
  } MPS_ARGS_END(args);
  ap = ap_make(pool);
  memset(r, 0, sizeof r);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, r, 100));
  for (round = 0; round < 5; ++round) {
    for (i = 0; i < 100; ++i)
      r[i] = obj_new(ap, 0, KIND_LEAF, 100 + 2 * i, i + 1);
    CHECK_OK(mps_arena_collect(arena));
    mps_arena_release(arena);
    for (i = 0; i < 100; ++i)
      CHECK(obj_is(r[i], KIND_LEAF, 100 + 2 * i, i + 1));
  }
  mps_ap_destroy(ap);
  mps_root_destroy(root);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  part("leaf format %s scan method", with_scan ? "with an unused" : "without");
}

/* Wider alignments: everything in multiples of it. */
static size_t wide;

static mps_addr_t wide_skip(mps_addr_t p)
{
  return obj_skip(p);
}

static void test_alignment(mps_arena_t arena, size_t align)
{
  mps_fmt_t fmt = NULL;
  mps_pool_t pool;
  mps_ap_t ap;
  mps_addr_t r[300];
  mps_root_t root;
  size_t i, round;
  wide = align;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, align);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, obj_scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, wide_skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, obj_fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, obj_isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, obj_pad);
    CHECK_OK(mps_fmt_create_k(&fmt, arena, args));
  } MPS_ARGS_END(args);
  pool = pool_amc(arena, fmt, NULL);
  ap = ap_make(pool);
  memset(r, 0, sizeof r);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, r, 300));
  for (round = 0; round < 5; ++round) {
    for (i = 0; i < 300; ++i) {
      size_t slots = (1 + rnd_below(8)) * align / WORD - 2;
      obj_t o = obj_new(ap, 0, KIND_VECTOR, slots, i);
      if (i > 0 && slots > 0)
        o->slot[0] = (word)r[i - 1];
      r[i] = o;
      garbage(ap, 0, 3, align * (1 + rnd_below(4)) / WORD - 2);
    }
    CHECK_OK(mps_arena_collect(arena));
    mps_arena_release(arena);
    for (i = 0; i < 300; ++i) {
      obj_t o = r[i];
      CHECK_EQ((word)o % align, 0);
      CHECK_EQ(o->serial, i);
      if (i > 0 && obj_slots(o) > 0)
        CHECK_EQ(o->slot[0], (word)r[i - 1]);
    }
  }
  mps_ap_destroy(ap);
  mps_root_destroy(root);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  part("alignment %lu", (unsigned long)align);
}

int main(void)
{
  mps_arena_t arena;
  mps_fmt_t fmt = NULL;
  size_t align;
  test_begin("formats");
  arena = arena_vm((size_t)64 << 20);
  run(arena, fmt_make(arena, 0), 0, "mps_fmt_create_k");
  run(arena, fmt_make(arena, HEADER), HEADER, "mps_fmt_create_k, header");
  {
    mps_fmt_A_s a = {WORD, obj_scan, obj_skip, copy_unused, obj_fwd,
                     obj_isfwd, obj_pad};
    CHECK_OK(mps_fmt_create_A(&fmt, arena, &a));
    memset(&a, 0xff, sizeof a);         /* not needed any more */
    run(arena, fmt, 0, "mps_fmt_create_A");
  }
  {
    mps_fmt_B_s b = {WORD, obj_scan, obj_skip, copy_unused, obj_fwd,
                     obj_isfwd, obj_pad, class_of};
    CHECK_OK(mps_fmt_create_B(&fmt, arena, &b));
    memset(&b, 0xff, sizeof b);
    run(arena, fmt, 0, "mps_fmt_create_B");
  }
  {
    mps_fmt_auto_header_s h = {WORD, objh_scan, objh_skip, objh_fwd,
                               objh_isfwd, objh_pad, HEADER};
    CHECK_OK(mps_fmt_create_auto_header(&fmt, arena, &h));
    memset(&h, 0xff, sizeof h);
    run(arena, fmt, HEADER, "mps_fmt_create_auto_header");
  }
  {
    mps_fmt_fixed_s f = {WORD, obj_scan, obj_fwd, obj_isfwd, obj_pad};
    CHECK_OK(mps_fmt_create_fixed(&fmt, arena, &f));
    mps_fmt_destroy(fmt);
    part("mps_fmt_create_fixed");
  }
  CHECK_OK(mps_fmt_create_k(&fmt, arena, mps_args_none));
  mps_fmt_destroy(fmt);
  test_leaf(arena, 1);
  test_leaf(arena, 0);
  for (align = 2 * WORD; align <= 256; align *= 2)
    test_alignment(arena, align);
  mps_arena_destroy(arena);
  return test_end();
}
