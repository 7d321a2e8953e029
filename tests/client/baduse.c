/* baduse.c -- bad uses of the interface are reported
 *
 * Each runs in a child whose handler for failed checks notes the report and
 * leaves.  The report must come, with a text and a file, and they should name
 * what was wrong: one of the given words (any case) must be in them.
 * The words are tried on this library only; the reference's texts are its
 * own.
 */

#include "common.h"

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
  (void)mps_arena_has_addr(arena, table);       /* takes the lock */
  return MPS_RES_OK;
}

static void reenter(void)
{
  world();
  CHECK_OK(mps_root_create(&root, arena, mps_rank_exact(), 0, scan_reenter,
                           NULL, 0));
  (void)mps_arena_collect(arena);
}

/* Words one of which should occur in the text. */
static const struct {
  const char *name;
  void (*run)(void);
  const char *words;
  int lenient;                  /* 1: no check can be sure to see it;
                                   2: the reference does not */
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
   "lock entered reent entry busy", 0}
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
    int status, good;
    pid_t pid;
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
    if (!good && uses[i].lenient == 1 && WIFSIGNALED(status))
      good = 1;                 /* a crash is as good */
    else if (!good && uses[i].lenient == 2 && reference())
      good = 1;
    else if (good && !reference()
             && !has_word(report->condition, uses[i].words)
             && !has_word(report->file, uses[i].words))
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
