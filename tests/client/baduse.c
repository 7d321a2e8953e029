/* baduse.c -- bad uses of the interface are reported
 *
 * Each runs in a child whose handler for failed checks notes the report and
 * leaves.  The report must come, with a text and a file, and they should name
 * what was wrong: one of the given words (any case) must be in them.
 * The words are tried on this library only; the reference's texts are its
 * own.
 */

#include "common.h"
#include "mpstd.h"

#include <ctype.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct report_s {
  int called;
  unsigned line;
  char file[200], condition[400];
} report_s;

static report_s *report;        /* shared with the children */

static void note(const char *file, unsigned line, const char *condition)
{
  ++report->called;
  report->line = line;
  snprintf(report->file, sizeof report->file, "%s", file ? file : "");
  snprintf(report->condition, sizeof report->condition, "%s",
           condition ? condition : "");
  _exit(42);
}

/* --- the world each child starts with --- */

static mps_arena_t arena;
static mps_fmt_t fmt;
static mps_chain_t chain;
static mps_pool_t pool;
static mps_ap_t ap;
static mps_addr_t table[4];
static mps_root_t root;
static mps_thr_t thr;

static void world(void)
{
  arena = arena_vm((size_t)32 << 20);
  chain = chain_make(arena, 2, 100);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  (void)obj_new(ap, 0, KIND_LEAF, 5, 1);
}

/* --- the bad uses --- */

static void arena_with_pool(void)
{
  arena = arena_vm((size_t)1 << 22);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, NULL);
  mps_arena_destroy(arena);
}

static void arena_with_format(void)
{
  arena = arena_vm((size_t)1 << 22);
  fmt = fmt_make(arena, 0);
  mps_arena_destroy(arena);
}

static void arena_with_root(void)
{
  arena = arena_vm((size_t)1 << 22);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, table,
                                 4));
  mps_arena_destroy(arena);
}

static void arena_with_thread(void)
{
  arena = arena_vm((size_t)1 << 22);
  CHECK_OK(mps_thread_reg(&thr, arena));
  mps_arena_destroy(arena);
}

static void arena_with_chain(void)
{
  arena = arena_vm((size_t)1 << 22);
  chain = chain_make(arena, 2, 100);
  mps_arena_destroy(arena);
}

static void arena_twice(void)
{
  arena = arena_vm((size_t)1 << 22);
  mps_arena_destroy(arena);
  mps_arena_destroy(arena);
}

static void arena_null(void) { mps_arena_collect(NULL); }

static void arena_wrong(void)
{
  static char junk[4096];
  mps_arena_park((mps_arena_t)(void *)junk);
}

static void arena_class_null(void)
{
  (void)mps_arena_create_k(&arena, NULL, mps_args_none);
}

static void arena_cl_no_base(void)
{
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, 1 << 20);
    (void)mps_arena_create_k(&arena, mps_arena_class_cl(), args);
  } MPS_ARGS_END(args);
}

static void arena_cl_no_size(void)
{
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_CL_BASE, (mps_addr_t)table);
    (void)mps_arena_create_k(&arena, mps_arena_class_cl(), args);
  } MPS_ARGS_END(args);
}

static void arena_grain(void)
{
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_GRAIN_SIZE, 5000);
    (void)mps_arena_create_k(&arena, mps_arena_class_vm(), args);
  } MPS_ARGS_END(args);
}

static void pause_negative(void)
{
  world();
  mps_arena_pause_time_set(arena, -1.0);
}

static void spare_large(void)
{
  world();
  mps_arena_spare_set(arena, 1.5);
}

static void step_negative(void)
{
  world();
  (void)mps_arena_step(arena, -1.0, 0.0);
}

static void vm_extend(void)
{
  world();
  (void)mps_arena_extend(arena, table, sizeof table);
}

static void pool_class_null(void)
{
  world();
  (void)mps_pool_create_k(&pool, arena, NULL, mps_args_none);
}

static void pool_no_format(void)
{
  world();
  (void)mps_pool_create_k(&pool, arena, mps_class_amc(), mps_args_none);
}

static void pool_extend_by(void)
{
  world();
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    MPS_ARGS_ADD(args, MPS_KEY_EXTEND_BY, 1 << 20);
    (void)mps_pool_create_k(&pool, arena, mps_class_amc(), args);
  } MPS_ARGS_END(args);
}

static void pool_with_ap(void)
{
  world();
  mps_pool_destroy(pool);
}

static void pool_null(void) { mps_pool_destroy(NULL); }

static void pool_alloc(void)
{
  mps_addr_t p;
  world();
  (void)mps_alloc(&p, pool, 64);
}

static void pool_free(void)
{
  world();
  mps_free(pool, obj_new(ap, 0, KIND_LEAF, 6, 1), 8 * WORD);
}

static void format_in_use(void)
{
  world();
  mps_fmt_destroy(fmt);
}

static void format_align(void)
{
  world();
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, 24);
    (void)mps_fmt_create_k(&fmt, arena, args);
  } MPS_ARGS_END(args);
}

static void method_missing(void)
{
  mps_pool_t p;
  mps_ap_t a;
  mps_fmt_t f;
  world();
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, obj_skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, obj_pad);
    CHECK_OK(mps_fmt_create_k(&f, arena, args));
  } MPS_ARGS_END(args);
  p = pool_amc(arena, f, chain);
  a = ap_make(p);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, table,
                                 4));
  table[0] = obj_new(a, 0, KIND_LEAF, 5, 1);
  (void)mps_arena_collect(arena);
}

static void chain_empty(void)
{
  mps_gen_param_s g[1] = {{100, 0.5}};
  world();
  (void)mps_chain_create(&chain, arena, 0, g);
}

static void reserve_misaligned(void)
{
  mps_addr_t p;
  world();
  (void)mps_ap_fill(&p, ap, ((size_t)1 << 20) + 3);
}

static void reserve_zero(void)
{
  mps_addr_t p;
  world();
  (void)mps_reserve(&p, ap, 0);
}

static void reserve_twice(void)
{
  mps_addr_t p;
  world();
  (void)mps_reserve(&p, ap, 4 * WORD);
  (void)mps_reserve(&p, ap, (size_t)1 << 20);   /* reaches the library */
}

static void ap_reserved(void)
{
  mps_addr_t p;
  world();
  (void)mps_reserve(&p, ap, 4 * WORD);
  mps_ap_destroy(ap);
}

static void ap_null(void)
{
  mps_ap_destroy(NULL);
}

static void root_empty(void)
{
  world();
  (void)mps_root_create_area(&root, arena, mps_rank_exact(), 0, table, table,
                             mps_scan_area, NULL);
}

static void root_table_empty(void)
{
  world();
  (void)mps_root_create_table(&root, arena, mps_rank_exact(), 0, table, 0);
}

static void root_reg_exact(void)
{
  world();
  CHECK_OK(mps_thread_reg(&thr, arena));
  (void)mps_root_create_reg(&root, arena, mps_rank_exact(), 0, thr,
                            mps_stack_scan_ambig, table, 0);
}

static void root_twice(void)
{
  world();
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, table,
                                 4));
  mps_root_destroy(root);
  mps_root_destroy(root);
}

static void thread_twice(void)
{
  world();
  CHECK_OK(mps_thread_reg(&thr, arena));
  mps_thread_dereg(thr);
  mps_thread_dereg(thr);
}

static void args_full(void)
{
  mps_arg_s args[MPS_ARGS_MAX + 1];
  _mps_args_set_key(args, MPS_ARGS_MAX, MPS_KEY_ARGS_END);
}

static mps_res_t scan_reenter(mps_ss_t ss, void *p, size_t s)
{
  (void)ss; (void)p; (void)s;
  (void)mps_arena_committed(arena);
  (void)mps_arena_pause_time(arena);            /* takes the lock */
  return MPS_RES_OK;
}

static void reenter(void)
{
  world();
  CHECK_OK(mps_root_create(&root, arena, mps_rank_exact(), 0, scan_reenter,
                           NULL, 0));
  (void)mps_arena_collect(arena);
}

/* --- frees that can't be --- */

/* The hot archive sees what costs it next to nothing; the debug archive, and
 * pools for debugging in both, see all.  A report there names block and pool. */

static mps_addr_t block[4];

static void make_pool(int c)
{
  int i;
  arena = arena_vm((size_t)32 << 20);
  pool = pool_class(arena, c, NULL);
  for (i = 0; i < 4; ++i) {
    if (c == MVT) {
      if (ap == NULL)
        ap = ap_make(pool);
      do
        CHECK_OK(mps_reserve(&block[i], ap, 64));
      while (!mps_commit(ap, block[i], 64));
    } else
      CHECK_OK(mps_alloc(&block[i], pool, 64));
  }
}

/* Enough for the pool to set freed blocks aside. */
static void make_large_pool(int c)
{
  mps_addr_t p;
  make_pool(c);
  if (c != MFS && c != MVT)
    CHECK_OK(mps_alloc(&p, pool, 200000));
}

static void twice(int c)
{
  make_large_pool(c);
  mps_free(pool, block[1], 64);
  mps_free(pool, block[1], 64);
}

static void twice_later(int c)
{
  make_large_pool(c);
  mps_free(pool, block[1], 64);
  mps_free(pool, block[2], 64);
  mps_free(pool, block[3], 64);
  mps_free(pool, block[1], 64);
}

static void inside(int c)
{
  make_large_pool(c);
  mps_free(pool, (char *)block[1] + 16, 64);
}

static void too_large(int c)
{
  make_large_pool(c);
  mps_free(pool, block[1], 80);
}

static void of_another(int c)
{
  mps_pool_t other;
  make_large_pool(c);
  other = pool_class(arena, c, NULL);
  mps_free(other, block[1], 64);
}

/* Both have blocks of that size in use. */
static void of_another_in_use(int c)
{
  mps_pool_t first;
  mps_addr_t mine = NULL;
  make_large_pool(c);
  first = pool;
  mine = block[1];
  ap = NULL;
  make_large_pool(c);
  CHECK(first != pool);
  mps_free(pool, mine, 64);
}

static void nobodys(int c)
{
  static char junk[256];
  make_large_pool(c);
  mps_free(pool, (char *)(((word)junk + 63) & ~(word)63), 64);
}

static void misplaced(int c)
{
  make_large_pool(c);
  mps_free(pool, (char *)block[1] + MPS_PF_ALIGN / 2, 64);
}

static void mfs_twice(void) { twice(MFS); }
static void mvff_twice(void) { twice(MVFF); }
static void mvt_freed_twice(void) { twice(MVT); }
static void mvffd_twice(void) { twice(MVFF_DEBUG); }
static void mfs_later(void) { twice_later(MFS); }
static void mvff_later(void) { twice_later(MVFF); }
static void mvt_later(void) { twice_later(MVT); }
static void mvffd_later(void) { twice_later(MVFF_DEBUG); }
static void mfs_inside(void) { inside(MFS); }
static void mvff_inside(void) { inside(MVFF); }
static void mvffd_inside(void) { inside(MVFF_DEBUG); }
static void mfs_too_large(void) { too_large(MFS); }
static void mvff_too_large(void) { too_large(MVFF); }
static void mvffd_too_large(void) { too_large(MVFF_DEBUG); }
static void mfs_of_another(void) { of_another(MFS); }
static void mvff_of_another(void) { of_another(MVFF); }
static void mvt_of_another(void) { of_another(MVT); }
static void mfs_of_another_in_use(void) { of_another_in_use(MFS); }
static void mvff_of_another_in_use(void) { of_another_in_use(MVFF); }
static void mvt_of_another_in_use(void) { of_another_in_use(MVT); }
static void mvffd_of_another(void) { of_another_in_use(MVFF_DEBUG); }
static void mfs_nobodys(void) { nobodys(MFS); }
static void mvff_nobodys(void) { nobodys(MVFF); }
static void mfs_misplaced(void) { misplaced(MFS); }
static void mvff_misplaced(void) { misplaced(MVFF); }
static void mvt_misplaced(void) { misplaced(MVT); }

/* In a debugging pool with an allocation point, the inside of a block that was
 * allocated by a call. */
static void mvffd_inside_with_ap(void)
{
  make_pool(MVFF_DEBUG);
  ap = ap_make(pool);
  mps_free(pool, (char *)block[1] + 16, 16);
}

/* A write to a block of MFS after it was freed, and then as many allocations
 * as were freed: none of them is where that points. */
static void written(word what)
{
  enum { N = 400 };
  static mps_addr_t all[N];
  static word target[64];
  size_t i, k;
  make_pool(MFS);
  for (i = 0; i < N; ++i)
    CHECK_OK(mps_alloc(&all[i], pool, 64));
  for (i = 0; i < N; ++i)
    mps_free(pool, all[i], 64);
  for (i = 0; i < N; ++i)
    for (k = 0; k < 8; ++k)
      ((word *)all[i])[k] = what == 1 ? (word)target : what;
  for (i = 0; i < N; ++i) {
    mps_addr_t p;
    if (mps_alloc(&p, pool, 64) != MPS_RES_OK)
      break;
    CHECK(p != (mps_addr_t)target);
  }
}
static void mfs_written(void) { written(1); }
static void mfs_zeroed(void) { written(0); }
static void mfs_flooded(void) { written((word)-1); }

/* --- the same through a cache --- */

static mps_sac_t sac;

static void make_cache(int c)
{
  mps_sac_classes_s classes_[1] = {{64, 100, 1}};
  int i;
  make_pool(c);
  CHECK_OK(mps_sac_create(&sac, pool, 1, classes_));
  for (i = 0; i < 4; ++i)
    CHECK_OK(mps_sac_alloc(&block[i], sac, 64, 0));
}

static void cache_twice(int c)
{
  make_cache(c);
  mps_sac_free(sac, block[1], 64);
  mps_sac_free(sac, block[1], 64);
}

static void cache_later(int c)
{
  make_cache(c);
  MPS_SAC_FREE_FAST(sac, block[1], 64);
  mps_sac_free(sac, block[2], 64);
  MPS_SAC_FREE_FAST(sac, block[1], 64);
}

static void cache_inside(int c)
{
  make_cache(c);
  MPS_SAC_FREE_FAST(sac, (mps_addr_t)((char *)block[1] + 16), 64);
}

static void cache_of_another(int c)
{
  mps_addr_t p;
  mps_pool_t other;
  make_cache(c);
  other = pool_class(arena, c, NULL);
  CHECK_OK(mps_alloc(&p, other, 64));
  mps_sac_free(sac, p, 64);
}

static void cache_and_pool(int c)
{
  make_cache(c);
  mps_sac_free(sac, block[1], 64);
  mps_free(pool, block[1], 64);
}

static void cache_freed(int c)
{
  make_cache(c);
  mps_free(pool, block[1], 64);
  mps_sac_free(sac, block[1], 64);
}

static void cache_written(int c)
{
  make_cache(c);
  mps_sac_free(sac, block[1], 64);
  mps_sac_free(sac, block[2], 64);
  *(mps_addr_t *)block[2] = &block[3];  /* the link */
  CHECK_OK(mps_sac_alloc(&block[2], sac, 64, 0));
  CHECK_OK(mps_sac_alloc(&block[1], sac, 64, 0));
}

static void cache_wrong_size(void)
{
  mps_sac_classes_s classes_[2] = {{64, 10, 1}, {128, 10, 1}};
  make_pool(MVFF);
  CHECK_OK(mps_sac_create(&sac, pool, 2, classes_));
  CHECK_OK(mps_sac_alloc(&block[0], sac, 60, 0));
  CHECK_OK(mps_sac_alloc(&block[1], sac, 60, 0));
  mps_sac_free(sac, block[0], 100);
}

static void cache_twice_mvff(void) { cache_twice(MVFF); }
static void cache_twice_mfs(void) { cache_twice(MFS); }
static void cache_twice_mvffd(void) { cache_twice(MVFF_DEBUG); }
static void cache_later_mvff(void) { cache_later(MVFF); }
static void cache_later_mfs(void) { cache_later(MFS); }
static void cache_later_mvffd(void) { cache_later(MVFF_DEBUG); }
static void cache_inside_mvff(void) { cache_inside(MVFF); }
static void cache_inside_mfs(void) { cache_inside(MFS); }
static void cache_inside_mvffd(void) { cache_inside(MVFF_DEBUG); }
static void cache_of_another_mvff(void) { cache_of_another(MVFF); }
static void cache_of_another_mfs(void) { cache_of_another(MFS); }
static void cache_and_pool_mvff(void) { cache_and_pool(MVFF); }
static void cache_and_pool_mfs(void) { cache_and_pool(MFS); }
static void cache_and_pool_mvffd(void) { cache_and_pool(MVFF_DEBUG); }
static void cache_freed_mvff(void) { cache_freed(MVFF); }
static void cache_freed_mfs(void) { cache_freed(MFS); }
static void cache_freed_mvffd(void) { cache_freed(MVFF_DEBUG); }
static void cache_written_mvff(void) { cache_written(MVFF); }
static void cache_written_mfs(void) { cache_written(MFS); }
static void cache_written_mvffd(void) { cache_written(MVFF_DEBUG); }

enum { DEBUG = 4, NAMES = 8 };

/* Words one of which should occur in the text. */
static const struct {
  const char *name;
  void (*run)(void);
  const char *words;
  int lenient;                  /* 1: no check can be sure to see it;
                                   2: the reference does not;
                                   DEBUG: only the debug archive does, and the
                                   report names block and pool;
                                   NAMES: it names them, in both */
} uses[] = {
  {"destroy arena with pool", arena_with_pool, "pool format fmt", 0},
  {"destroy arena with format", arena_with_format, "format fmt", 0},
  {"destroy arena with root", arena_with_root, "root", 0},
  {"destroy arena with thread", arena_with_thread, "thread", 0},
  {"destroy arena with chain", arena_with_chain, "chain", 0},
  {"destroy arena twice", arena_twice, "arena", 1},
  {"null arena", arena_null, "arena", 0},
  {"junk as arena", arena_wrong, "arena", 0},
  {"null arena class", arena_class_null, "class", 0},
  {"client arena without base", arena_cl_no_base, "base key arg", 0},
  {"client arena without size", arena_cl_no_size, "size key arg", 0},
  {"grain size 5000", arena_grain, "grain power", 0},
  {"negative pause time", pause_negative, "pause", 0},
  {"spare fraction 1.5", spare_large, "spare", 0},
  {"negative step interval", step_negative, "interval", 0},
  {"extending a VM arena", vm_extend, "extend class", 0},
  {"null pool class", pool_class_null, "class", 0},
  {"AMC without format", pool_no_format, "format key arg", 0},
  {"AMC extending by more than large", pool_extend_by, "extend large", 0},
  {"destroy pool with allocation point", pool_with_ap,
   "ap alloc buffer point", 0},
  {"null pool", pool_null, "pool", 0},
  {"mps_alloc on AMC", pool_alloc, "alloc", 0},
  {"mps_free on AMC", pool_free, "free", 0},
  {"destroy format in use", format_in_use, "format fmt pool", 0},
  {"format alignment 24", format_align, "align", 2},
  {"format method missing", method_missing,
   "method format fmt fwd forward", 0},
  {"chain without generations", chain_empty, "gen", 0},
  {"reserve misaligned size", reserve_misaligned, "align size", 0},
  {"reserve zero bytes", reserve_zero, "size", 0},
  {"reserve twice", reserve_twice, "reserve init commit", 0},
  {"destroy allocation point with block", ap_reserved,
   "reserve init commit ready", 0},
  {"null allocation point", ap_null, "ap point buffer", 0},
  {"empty area root", root_empty, "base limit empty area", 0},
  {"empty table root", root_table_empty, "count size empty base", 0},
  {"exact register root", root_reg_exact, "rank ambig", 0},
  {"destroy root twice", root_twice, "root", 1},
  {"deregister thread twice", thread_twice, "thread", 1},
  {"argument 33", args_full, "arg", 0},
  {"re-entry from a scan function", reenter,
   "lock entered reent entry busy", 0},
  {"MFS: freed twice in a row", mfs_twice,
   "free", NAMES},
  {"MVFF: freed twice in a row", mvff_twice,
   "free", NAMES},
  {"MVT: freed twice in a row", mvt_freed_twice,
   "free", NAMES},
  {"MVFF debug: freed twice in a row", mvffd_twice,
   "free", NAMES},
  {"MFS: freed twice, others in between", mfs_later,
   "free", DEBUG},
  {"MVFF: freed twice, others in between", mvff_later,
   "free", DEBUG},
  {"MVT: freed twice, others in between", mvt_later,
   "free", NAMES},
  {"MVFF debug: freed twice, others in between", mvffd_later,
   "free", NAMES},
  {"MFS: the inside of a block freed", mfs_inside,
   "free", NAMES},
  {"MVFF: from the inside of a block into the next", mvff_inside,
   "free size", DEBUG},
  {"MVFF debug: the inside of a block freed", mvffd_inside,
   "free", NAMES},
  {"MVFF debug: the inside freed, with a point", mvffd_inside_with_ap,
   "free", NAMES},
  {"MFS: freed with too large a size", mfs_too_large,
   "size", 0},
  {"MVFF: freed with too large a size", mvff_too_large,
   "size", DEBUG},
  {"MVFF debug: freed with too large a size", mvffd_too_large,
   "size", NAMES},
  {"MFS: a block of another pool, empty", mfs_of_another,
   "pool", NAMES},
  {"MVFF: a block of another pool, empty", mvff_of_another,
   "pool", NAMES},
  {"MVT: a block of another pool, empty", mvt_of_another,
   "pool", NAMES},
  {"MFS: a block of another pool", mfs_of_another_in_use,
   "pool", NAMES},
  {"MVFF: a block of another pool", mvff_of_another_in_use,
   "pool", NAMES},
  {"MVT: a block of another pool", mvt_of_another_in_use,
   "pool", NAMES},
  {"MVFF debug: a block of another pool", mvffd_of_another,
   "pool", NAMES},
  {"MFS: what is no block freed", mfs_nobodys,
   "pool", NAMES},
  {"MVFF: what is no block freed", mvff_nobodys,
   "pool", NAMES},
  {"MFS: freed at no multiple of a word", mfs_misplaced,
   "align", NAMES},
  {"MVFF: freed at no multiple of the alignment", mvff_misplaced,
   "align use", NAMES},
  {"MVT: freed at no multiple of the alignment", mvt_misplaced,
   "align use", NAMES},
  {"MFS: an address written to free blocks", mfs_written,
   "written", NAMES},
  {"MFS: zeros written to free blocks", mfs_zeroed,
   "written", NAMES},
  {"MFS: ones written to free blocks", mfs_flooded,
   "written", NAMES},
  {"cache on MVFF: freed twice in a row", cache_twice_mvff,
   "cache", NAMES},
  {"cache on MFS: freed twice in a row", cache_twice_mfs,
   "cache", NAMES},
  {"cache on MVFF debug: freed twice in a row", cache_twice_mvffd,
   "cache", NAMES},
  {"cache on MVFF: freed twice", cache_later_mvff,
   "cache", DEBUG},
  {"cache on MFS: freed twice", cache_later_mfs,
   "cache", DEBUG},
  {"cache on MVFF debug: freed twice", cache_later_mvffd,
   "cache", DEBUG},
  {"cache on MVFF: the inside of a block", cache_inside_mvff,
   "free size", DEBUG},
  {"cache on MFS: the inside of a block", cache_inside_mfs,
   "free", DEBUG},
  {"cache on MVFF debug: the inside of a block", cache_inside_mvffd,
   "free", DEBUG},
  {"cache on MVFF: a block of another pool", cache_of_another_mvff,
   "pool", DEBUG},
  {"cache on MFS: a block of another pool", cache_of_another_mfs,
   "pool", DEBUG},
  {"cache on MVFF: then freed to the pool", cache_and_pool_mvff,
   "cache", DEBUG},
  {"cache on MFS: then freed to the pool", cache_and_pool_mfs,
   "cache", DEBUG},
  {"cache on MVFF debug: then freed to the pool", cache_and_pool_mvffd,
   "cache", DEBUG},
  {"cache on MVFF: freed to the pool before", cache_freed_mvff,
   "free", DEBUG},
  {"cache on MFS: freed to the pool before", cache_freed_mfs,
   "free", DEBUG},
  {"cache on MVFF debug: freed to the pool before", cache_freed_mvffd,
   "free", DEBUG},
  {"cache on MVFF: a free block written to", cache_written_mvff,
   "written", DEBUG},
  {"cache on MFS: a free block written to", cache_written_mfs,
   "written", DEBUG},
  {"cache on MVFF debug: a free block written to", cache_written_mvffd,
   "written", DEBUG},
  {"cache: freed with the size of another class", cache_wrong_size,
   "size", DEBUG}
};

static int has_word(const char *text, const char *words)
{
  char lower[400], word_[64];
  size_t i;
  for (i = 0; i < sizeof lower - 1 && text[i] != '\0'; ++i)
    lower[i] = (char)tolower((unsigned char)text[i]);
  lower[i] = '\0';
  while (*words != '\0') {
    size_t n = strcspn(words, " ");
    memcpy(word_, words, n);
    word_[n] = '\0';
    if (strstr(lower, word_) != NULL)
      return 1;
    words += n + (words[n] == ' ');
  }
  return 0;
}

int main(void)
{
  size_t i;
  int bad = 0;
  mps_lib_assert_fail_t first, second;
  test_begin("baduse");
  report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(report != MAP_FAILED);
  first = mps_lib_assert_fail_install(note);
  second = mps_lib_assert_fail_install(note);
  CHECK(second == note);
  CHECK(first != note && first != NULL);
  for (i = 0; i < sizeof uses / sizeof uses[0]; ++i) {
    int status, good, lenient = uses[i].lenient;
    pid_t pid;
    if (reference() && lenient >= DEBUG)
      continue;                 /* its free lists are not ours */
    if (lenient == DEBUG && !archive_is_debug())
      continue;                 /* docs/design.md says which */
    memset(report, 0, sizeof *report);
    fflush(stdout);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
      alarm(5);
      uses[i].run();
      _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    good = WIFEXITED(status) && WEXITSTATUS(status) == 42
           && report->called == 1 && report->condition[0] != '\0'
           && report->file[0] != '\0';
    if (!good && lenient == 1 && WIFSIGNALED(status))
      good = 1;                 /* a crash is as good */
    else if (!good && lenient == 2 && reference())
      good = 1;
    else if (good && !reference()
             && !has_word(report->condition, uses[i].words)
             && !has_word(report->file, uses[i].words))
      good = 0;
    else if (good && lenient >= DEBUG
             && (strstr(report->condition, "block 0x") == NULL
                 || strstr(report->condition, "pool 0x") == NULL))
      good = 0;
    if (!good)
      ++bad;
    printf("  %s %s: status %#x, %s:%u: %s\n", good ? "  " : "NO",
           uses[i].name, status, report->file, report->line,
           report->condition);
  }
  if (bad != 0)
    printf("baduse: FAILED: %d of %lu not reported as they should\n", bad,
           (unsigned long)i);
  return bad != 0 ? 1 : test_end();
}
