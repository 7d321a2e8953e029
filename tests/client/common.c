/* common.c -- see common.h */

#include "common.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"
#include "mpscmfs.h"
#include "mpscmvff.h"
#include "mpscmvt.h"
#include "mpscsnc.h"

#ifndef MAP_NORESERVE        /* FreeBSD sets no memory aside that can't be written to */
#define MAP_NORESERVE 0
#endif

static const char *test_name = "?";

/* --- checks --- */

void check_failed(const char *file, int line, const char *what,
                  int numbers, ...)
{
  va_list v;
  printf("%s: FAILED at %s:%d: %s\n", test_name, file, line, what);
  va_start(v, numbers);
  while (numbers-- > 0)
    printf("    value %#lx\n", (unsigned long)va_arg(v, word));
  va_end(v);
  printf("    seed MPS_TEST_SEED=%llu\n", rnd_seed);
  fflush(stdout);
  _exit(1);
}

void check_equal(const char *file, int line, const char *what, word a, word b)
{
  if (a != b)
    check_failed(file, line, what, 2, a, b);
}

static void assert_handler(const char *file, unsigned line, const char *cond)
{
  /* The reference meets a case it believes impossible when the client reads
   * through the barrier between a flip and the first scanning after it; it
   * then goes on correctly.  And its event buffers are not safe for two
   * arenas in two threads. */
  if (reference()
      && ((strstr(file, "trace.c") != NULL
           && strcmp(cond, "unreachable code") == 0)
          || strstr(cond, "EventLast") != NULL))
    return;
  printf("%s: the library reports %s:%u: %s\n", test_name, file, line, cond);
  printf("    seed MPS_TEST_SEED=%llu\n", rnd_seed);
  fflush(stdout);
  _exit(3);
}

mps_lib_assert_fail_t assert_default;

void test_begin(const char *name)
{
  const char *s = getenv("MPS_TEST_SEED");
  unsigned long long seed;
  if (s != NULL)
    seed = strtoull(s, NULL, 0);
  else
    seed = (unsigned long long)time(NULL) * 1000003u
           + (unsigned long long)getpid();
  test_name = name;
  setvbuf(stdout, NULL, _IOLBF, 0);
  rnd_init(seed);
  printf("%s: seed %llu\n", name, rnd_seed);
  assert_default = mps_lib_assert_fail_install(assert_handler);
}

int test_end(void)
{
  printf("%s: ok\n", test_name);
  return 0;
}

void part(const char *fmt, ...)
{
  va_list v;
  printf("  ");
  va_start(v, fmt);
  vprintf(fmt, v);
  va_end(v);
  printf("\n");
}

int reference(void)
{
  return getenv("MPS_TEST_REFERENCE") != NULL;
}

int soft_barrier(void)
{
  return getenv("MPS_TEST_SOFT") != NULL;
}

int archive_is_debug(void)
{
  const char *name = getenv("MPS_TEST_ARCHIVE");
  CHECK(name != NULL);          /* run.sh says so */
  return strstr(name, "debug") != NULL;
}

void no_room_for(size_t size)
{
  while (mmap(NULL, size, PROT_NONE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
         != MAP_FAILED)
    ;
}

int has_rlimit(const char *what)
{
  if (getenv("MPS_TEST_NO_RLIMIT") == NULL)
    return 1;
  part("NOT CHECKED (limits are not kept here): %s", what);
  return 0;
}

/* --- many small cases --- */

/* Runs a case in a process of its own.  Answers with how that ended: 0 if well. */
#ifdef _WIN32
static int case_status(const case_s *c)
{
  char program[MAX_PATH + 2], quoted[MAX_PATH + 4];
  const char *args[2] = { quoted, NULL };
  intptr_t status;
  CHECK(GetModuleFileNameA(NULL, program, sizeof program) != 0);
  snprintf(quoted, sizeof quoted, "\"%s\"", program);
  CHECK_EQ(setenv("MPS_TEST_ONLY", c->name, 1), 0);
  status = _spawnv(_P_WAIT, program, args);
  CHECK_EQ(unsetenv("MPS_TEST_ONLY"), 0);
  return (int)status;
}
#else
static int case_status(const case_s *c)
{
  int status;
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    alarm(soft_barrier() ? 150 : 30);       /* each access is a call then */
    c->run();
    fflush(stdout);
    _exit(0);
  }
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  return status;
}
#endif

int cases_run(const case_s *cases, size_t count)
{
  const char *wanted = getenv("MPS_TEST_CASE");
  size_t i, bad = 0, ran = 0;
#ifdef _WIN32
  const char *only = getenv("MPS_TEST_ONLY");   /* the one that this process is for */
  if (only != NULL) {
    for (i = 0; i < count; ++i)
      if (strcmp(only, cases[i].name) == 0) {
        cases[i].run();
        fflush(stdout);
        _exit(0);
      }
    CHECK(!"such a case");
  }
#endif
  for (i = 0; i < count; ++i) {
    int status;
    if (wanted != NULL && strstr(cases[i].name, wanted) == NULL)
      continue;
    ++ran;
    fflush(stdout);
    status = case_status(&cases[i]);
    if (status == 0) {
      part("%s", cases[i].name);
    } else {
      printf("  NO %s: status %#x\n", cases[i].name, (unsigned)status);
      ++bad;
    }
  }
  CHECK(ran > 0);
  if (bad != 0) {
    printf("%s: FAILED: %lu of %lu cases, seed MPS_TEST_SEED=%llu\n",
           test_name, (unsigned long)bad, (unsigned long)ran, rnd_seed);
    return reference() ? 0 : 1;
  }
  return test_end();
}

sigjmp_buf reports_exit;
volatile int reports_leave;
char reports_text[200];
static volatile int reports_seen;
static mps_lib_assert_fail_t reports_before;

static void reports_handler(const char *file, unsigned line, const char *cond)
{
  ++reports_seen;
  snprintf(reports_text, sizeof reports_text, "%s:%u: %s", file, line, cond);
  if (reports_leave || reference())
    siglongjmp(reports_exit, 1);
}

void reports_begin(void)
{
  reports_seen = 0;
  reports_before = mps_lib_assert_fail_install(reports_handler);
}

void reports_end(const char *file, int line, const char *statement)
{
  (void)mps_lib_assert_fail_install(reports_before);
  if (reports_seen == 0) {
    printf("    nothing reported\n");
    check_failed(file, line, statement, 0);
  }
}

/* --- random numbers: xorshift64* --- */

unsigned long long rnd_seed;
static unsigned long long rnd_state;

void rnd_init(unsigned long long seed)
{
  rnd_seed = seed;
  rnd_state = seed * 0x9E3779B97F4A7C15ull + 0x1234567ull;
  if (rnd_state == 0)
    rnd_state = 1;
}

word rnd(void)
{
  rnd_state ^= rnd_state >> 12;
  rnd_state ^= rnd_state << 25;
  rnd_state ^= rnd_state >> 27;
  return (word)((rnd_state * 0x2545F4914F6CDD1Dull) >> 32);
}

word rnd_below(word n)
{
  return n == 0 ? 0 : rnd() % n;
}

double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* --- the format --- */

volatile unsigned long scan_calls, scan_words, fwd_calls, pad_calls;

static mps_res_t scan_slots(mps_ss_t ss, obj_t o)
{
  MPS_SCAN_BEGIN(ss) {
    word *p = o->slot, *end = (word *)o + obj_words(o);
    scan_words += (unsigned long)(end - p);
    for (; p < end; ++p) {
      word w = *p;
      if (!is_number(w) && w != 0) {
        word tag = w & 2;
        mps_addr_t ref = (mps_addr_t)(w - tag);
        if (MPS_FIX1(ss, ref)) {
          mps_res_t res = MPS_FIX2(ss, &ref);
          if (res != MPS_RES_OK)
            return res;
          *p = (word)ref + tag;
        }
      }
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static void bad_object(const char *where, void *p, word head)
{
  printf("%s: no object at %p: its head is %#lx\n", where, p,
         (unsigned long)head);
  fflush(stdout);
  abort();
}

mps_res_t obj_scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  ++scan_calls;
  while (base < limit) {
    obj_t o = base;
    switch (obj_kind(o)) {
    case KIND_VECTOR: {
      mps_res_t res = scan_slots(ss, o);
      if (res != MPS_RES_OK)
        return res;
      break;
    }
    case KIND_LEAF: case KIND_FWD: case KIND_PAD:
      break;
    default:
      bad_object("scan", o, o->head);
    }
    base = (word *)base + obj_words(o);
  }
  return MPS_RES_OK;
}

mps_addr_t obj_skip(mps_addr_t p)
{
  obj_t o = p;
  if (obj_kind(o) < KIND_VECTOR || obj_kind(o) > KIND_PAD
      || obj_words(o) == 0)
    bad_object("skip", o, o->head);
  return (word *)p + obj_words(o);
}

void obj_fwd(mps_addr_t old, mps_addr_t new_)
{
  obj_t o = old;
  ++fwd_calls;
  if (obj_kind(o) != KIND_VECTOR && obj_kind(o) != KIND_LEAF)
    bad_object("forward", o, o->head);
  o->head = HEAD(obj_words(o), KIND_FWD);
  o->serial = (word)new_;
}

mps_addr_t obj_isfwd(mps_addr_t p)
{
  obj_t o = p;
  if (obj_kind(o) != KIND_FWD)
    return NULL;
  return (mps_addr_t)o->serial;
}

void obj_pad(mps_addr_t base, size_t size)
{
  ++pad_calls;
  if (size == 0 || size % WORD != 0)
    bad_object("padding", base, size);
  ((obj_t)base)->head = HEAD(size / WORD, KIND_PAD);
}

/* With a header: size in words of what lies at client pointer p. */
static word objh_words(mps_addr_t p)
{
  word *base = (word *)((char *)p - HEADER);
  if (base[0] == HEADER_MAGIC)
    return obj_words((obj_t)p) + HEADER / WORD;
  if ((base[0] & 15) != KIND_PAD || base[0] >> 4 == 0)
    bad_object("header", base, base[0]);
  return base[0] >> 4;
}

static int objh_is_pad(mps_addr_t p)
{
  return *(word *)((char *)p - HEADER) != HEADER_MAGIC;
}

mps_res_t objh_scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  ++scan_calls;
  while (base < limit) {
    if (!objh_is_pad(base) && obj_kind((obj_t)base) == KIND_VECTOR) {
      mps_res_t res = scan_slots(ss, base);
      if (res != MPS_RES_OK)
        return res;
    }
    base = (word *)base + objh_words(base);
  }
  return MPS_RES_OK;
}

mps_addr_t objh_skip(mps_addr_t p)
{
  return (word *)p + objh_words(p);
}

void objh_fwd(mps_addr_t old, mps_addr_t new_)
{
  if (objh_is_pad(old))
    bad_object("forward", old, 0);
  obj_fwd(old, new_);
}

mps_addr_t objh_isfwd(mps_addr_t p)
{
  return objh_is_pad(p) ? NULL : obj_isfwd(p);
}

void objh_pad(mps_addr_t base, size_t size)
{
  obj_pad(base, size);
}

mps_fmt_t fmt_make(mps_arena_t arena, size_t header)
{
  mps_fmt_t fmt = NULL;
  mps_res_t res = MPS_RES_FAIL;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, WORD);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_HEADER_SIZE, header);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, header ? objh_scan : obj_scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, header ? objh_skip : obj_skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, header ? objh_fwd : obj_fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, header ? objh_isfwd : obj_isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, header ? objh_pad : obj_pad);
    res = mps_fmt_create_k(&fmt, arena, args);
  } MPS_ARGS_END(args);
  CHECK_OK(res);
  return fmt;
}

static word leaf_word(word serial, size_t i)
{
  return (serial + 1) * 2654435761u ^ (word)i * 40503u;
}

mps_res_t obj_try(obj_t *o_out, mps_ap_t ap, size_t header, int kind,
                  size_t slots, word serial)
{
  size_t size = header + (slots + 2) * WORD, i;
  mps_addr_t p;
  do {
    obj_t o;
    mps_res_t res = mps_reserve(&p, ap, size);
    if (res != MPS_RES_OK)
      return res;
    o = (obj_t)((char *)p + header);
    if (header != 0) {
      ((word *)p)[0] = HEADER_MAGIC;
      ((word *)p)[1] = serial;
    }
    o->head = HEAD(slots + 2, kind);
    o->serial = serial;
    for (i = 0; i < slots; ++i)
      o->slot[i] = kind == KIND_LEAF ? leaf_word(serial, i) : 0;
    *o_out = o;
  } while (!mps_commit(ap, p, size));
  return MPS_RES_OK;
}

obj_t obj_new(mps_ap_t ap, size_t header, int kind, size_t slots, word serial)
{
  obj_t o = NULL;
  CHECK_OK(obj_try(&o, ap, header, kind, slots, serial));
  return o;
}

int obj_is(obj_t o, int kind, size_t slots, word serial)
{
  size_t i;
  if (o->head != HEAD(slots + 2, kind) || o->serial != serial)
    return 0;
  if (kind == KIND_LEAF)
    for (i = 0; i < slots; ++i)
      if (o->slot[i] != leaf_word(serial, i))
        return 0;
  return 1;
}

void garbage(mps_ap_t ap, size_t header, size_t count, size_t slots)
{
  size_t i;
  for (i = 0; i < count; ++i)
    (void)obj_new(ap, header, KIND_VECTOR, slots, 1);
}

static void scrub_more(volatile char *p, int depth)
{
  volatile char here[4096];
  size_t i;
  for (i = 0; i < sizeof here; ++i)
    here[i] = p != NULL ? p[i] : (char)0;
  if (depth > 0)
    scrub_more(here, depth - 1);
}

static void (*volatile scrub_fun)(volatile char *, int) = scrub_more;

void scrub_stack(void)
{
  (*scrub_fun)(NULL, 8);
}

/* --- arenas, pools and roots in the usual way --- */

mps_arena_t arena_vm(size_t size)
{
  mps_arena_t arena = NULL;
  mps_res_t res = MPS_RES_FAIL;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, size);
    res = mps_arena_create_k(&arena, mps_arena_class_vm(), args);
  } MPS_ARGS_END(args);
  CHECK_OK(res);
  return arena;
}

mps_pool_t pool_auto(mps_arena_t arena, mps_pool_class_t class, mps_fmt_t fmt, mps_chain_t chain)
{
  mps_pool_t pool = NULL;
  mps_res_t res = MPS_RES_FAIL;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    if (chain != NULL)
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
    res = mps_pool_create_k(&pool, arena, class, args);
  } MPS_ARGS_END(args);
  CHECK_OK(res);
  return pool;
}

mps_pool_t pool_amc(mps_arena_t arena, mps_fmt_t fmt, mps_chain_t chain)
{
  return pool_auto(arena, mps_class_amc(), fmt, chain);
}

mps_ap_t ap_make(mps_pool_t pool)
{
  mps_ap_t ap = NULL;
  CHECK_OK(mps_ap_create_k(&ap, pool, mps_args_none));
  return ap;
}

mps_chain_t chain_make(mps_arena_t arena, size_t gens, size_t capacity_kb)
{
  mps_gen_param_s *params = malloc(gens * sizeof *params);
  mps_chain_t chain = NULL;
  size_t i;
  for (i = 0; i < gens; ++i) {
    params[i].mps_capacity = capacity_kb << (i < 8 ? i : 8);
    params[i].mps_mortality = 0.8 / (double)(i + 1);
  }
  CHECK_OK(mps_chain_create(&chain, arena, gens, params));
  free(params);
  return chain;
}

/* --- every pool class --- */

const class_s classes[CLASSES] = {
  {"AMC", mps_class_amc, HAS_AP | NEEDS_FORMAT | IS_AUTO | MOVES},
  {"AMCZ", mps_class_amcz, HAS_AP | NEEDS_FORMAT | IS_AUTO | MOVES | IS_LEAF},
  {"AMS", mps_class_ams, HAS_AP | NEEDS_FORMAT | IS_AUTO},
  {"AMS debug", mps_class_ams_debug, HAS_AP | NEEDS_FORMAT | IS_AUTO},
  {"AWL", mps_class_awl, HAS_AP | NEEDS_FORMAT | IS_AUTO},
  {"LO", mps_class_lo, HAS_AP | NEEDS_FORMAT | IS_AUTO | IS_LEAF},
  {"SNC", mps_class_snc, HAS_AP | NEEDS_FORMAT},
  {"MFS", mps_class_mfs, HAS_ALLOC | HAS_FREE},
  {"MVFF", mps_class_mvff, HAS_AP | HAS_ALLOC | HAS_FREE},
  {"MVFF debug", mps_class_mvff_debug, HAS_AP | HAS_ALLOC | HAS_FREE},
  {"MVT", mps_class_mvt, HAS_AP | HAS_FREE}
};

mps_pool_t pool_class(mps_arena_t arena, int c, mps_fmt_t fmt)
{
  mps_pool_t pool = NULL;
  mps_res_t res = MPS_RES_FAIL;
  MPS_ARGS_BEGIN(args) {
    if (classes[c].is & NEEDS_FORMAT)
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    if (c == MFS)
      MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, 64);
    res = mps_pool_create_k(&pool, arena, classes[c].get(), args);
  } MPS_ARGS_END(args);
  CHECK_OK(res);
  return pool;
}

obj_t block_in(mps_pool_t pool, mps_ap_t ap, int c, word serial)
{
  mps_addr_t p = NULL;
  if (classes[c].is & HAS_AP)
    return obj_new(ap, 0, classes[c].is & IS_LEAF ? KIND_LEAF : KIND_VECTOR,
                   4, serial);
  CHECK_OK(mps_alloc(&p, pool, 64));
  return p;
}

/* --- a random graph and its shadow --- */

static mps_res_t scan_table(mps_ss_t ss, void *base, void *limit,
                            void *closure)
{
  (void)closure;
  return mps_scan_area(ss, base, limit, NULL);
}

void graph_init(graph_t g, mps_arena_t arena, mps_rm_t rm, size_t roots,
                size_t nodes, size_t max_slots, mps_ap_t ap, size_t header,
                mps_ap_t leaf_ap, size_t leaf_header)
{
  memset(g, 0, sizeof *g);
  g->arena = arena;
  g->ap[0] = ap;
  g->aps = 1;
  g->leaf_ap = leaf_ap;
  g->header = header;
  g->leaf_header = leaf_header;
  g->roots = roots;
  g->root = calloc(roots, sizeof *g->root);
  g->sroot = calloc(roots, sizeof *g->sroot);
  g->node = calloc(nodes + 1, sizeof *g->node);
  g->stack = calloc(nodes + 1, sizeof *g->stack);
  g->nodes = nodes;
  g->max_slots = max_slots;
  g->serial = 1000;
  CHECK(g->root != NULL && g->sroot != NULL && g->node != NULL
        && g->stack != NULL);
  CHECK_OK(mps_root_create_area(&g->mps_root, arena, mps_rank_exact(), rm,
                                g->root, g->root + roots, scan_table, NULL));
}

void graph_finish(graph_t g)
{
  size_t i;
  mps_root_destroy(g->mps_root);
  for (i = 1; i <= g->nodes; ++i)
    free(g->node[i].slot);
  free(g->root);
  free(g->sroot);
  free(g->node);
  free(g->stack);
}

/* Mark, in the shadow alone, what the roots reach. */
static size_t graph_mark(graph_t g)
{
  size_t i, top = 0, count = 0;
  unsigned mark = ++g->mark;
  for (i = 0; i < g->roots; ++i)
    if (g->sroot[i] != 0 && g->node[g->sroot[i]].mark != mark) {
      g->node[g->sroot[i]].mark = mark;
      g->stack[top++] = g->sroot[i];
    }
  while (top > 0) {
    node_s *n = &g->node[g->stack[--top]];
    ++count;
    if (n->kind == KIND_VECTOR)
      for (i = 0; i < n->n; ++i) {
        word w = n->slot[i];
        size_t k = (size_t)(w >> 2);
        if (!is_number(w) && k != 0 && g->node[k].mark != mark) {
          g->node[k].mark = mark;
          g->stack[top++] = k;
        }
      }
  }
  return count;
}

/* A node that is not in use; unreachable ones are taken back. */
static size_t graph_free_node(graph_t g)
{
  for (;;) {
    size_t i, alive;
    for (; g->cursor <= g->nodes; ++g->cursor)
      if (g->cursor != 0 && g->node[g->cursor].serial == 0)
        return g->cursor;
    alive = graph_mark(g);
    for (i = 1; i <= g->nodes; ++i)
      if (g->node[i].mark != g->mark) {
        free(g->node[i].slot);
        g->node[i].slot = NULL;
        g->node[i].serial = 0;
      }
    while (alive > g->nodes / 2) {      /* too full: cut something off */
      g->root[rnd_below(g->roots)] = NULL;
      for (i = 0; i < g->roots; ++i)
        if (g->root[i] == NULL)
          g->sroot[i] = 0;
      alive = graph_mark(g);
    }
    g->cursor = 1;
  }
}

/* Walk at random from a random root.  The answer may be null (node 0). */
static obj_t graph_pick(graph_t g, size_t *k_o)
{
  size_t r = rnd_below(g->roots), k = g->sroot[r];
  obj_t o = g->root[r];
  int depth = (int)rnd_below(12);
  while (k != 0 && depth-- > 0 && g->node[k].kind == KIND_VECTOR
         && g->node[k].n > 0) {
    size_t s = rnd_below(g->node[k].n);
    word w = g->node[k].slot[s], h = o->slot[s];
    if (is_number(w) || w >> 2 == 0)
      break;
    k = (size_t)(w >> 2);
    o = obj_ref(h);
  }
  *k_o = k;
  return o;
}

void graph_alloc(graph_t g)
{
  size_t k = graph_free_node(g), n, i, r;
  node_s *node = &g->node[k];
  int leaf = g->leaf_ap != NULL && rnd_below(4) == 0;
  mps_ap_t ap = leaf ? g->leaf_ap : g->ap[rnd_below(g->aps)];
  obj_t o = NULL;
  mps_res_t res;
  n = rnd_below(100) == 0 ? rnd_below(g->max_slots * 64)
                          : rnd_below(g->max_slots);
  node->kind = leaf ? KIND_LEAF : KIND_VECTOR;
  node->n = n;
  node->serial = ++g->serial;
  node->slot = calloc(n ? n : 1, sizeof(word));
  CHECK(node->slot != NULL);
  res = obj_try(&o, ap, leaf ? g->leaf_header : g->header, node->kind, n,
                node->serial);
  if (g->may_refuse && res == MPS_RES_MEMORY) {
    free(node->slot);
    node->slot = NULL;
    node->serial = 0;
    ++g->refused;
    return;
  }
  CHECK_OK(res);
  r = rnd_below(g->roots);
  if (!leaf) {
    size_t used = n < 8 ? n : 8;
    for (i = 0; i < used; ++i) {
      size_t s = n <= 8 ? i : rnd_below(n), to;
      obj_t t;
      switch (rnd_below(4)) {
      case 0:
        o->slot[s] = node->slot[s] = number(rnd());
        break;
      case 1:                   /* keep what the root had */
        o->slot[s] = (word)g->root[r];
        node->slot[s] = (word)g->sroot[r] << 2;
        break;
      default:
        t = graph_pick(g, &to);
        if (to != 0) {
          word tag = rnd() & 2;
          o->slot[s] = (word)t + tag;
          node->slot[s] = (word)to << 2 | tag;
        }
      }
    }
  }
  g->root[r] = o;
  g->sroot[r] = k;
  ++g->allocs;
}

void graph_write(graph_t g)
{
  size_t k, to, s;
  obj_t o = graph_pick(g, &k), t;
  if (k == 0 || g->node[k].kind != KIND_VECTOR || g->node[k].n == 0)
    return;
  s = rnd_below(g->node[k].n);
  t = graph_pick(g, &to);
  if (to != 0) {
    word tag = rnd() & 2;
    o->slot[s] = (word)t + tag;
    g->node[k].slot[s] = (word)to << 2 | tag;
  } else {
    o->slot[s] = g->node[k].slot[s] = number(rnd());
  }
  ++g->writes;
}

void graph_step(graph_t g)
{
  if (rnd_below(3) == 0)
    graph_alloc(g);
  else
    graph_write(g);
}

static void visit(graph_t g, size_t k, obj_t o, size_t *top)
{
  node_s *n = &g->node[k];
  if (n->mark == g->mark) {
    CHECK_EQ(n->at, o);         /* one object, one address */
    return;
  }
  n->mark = g->mark;
  n->at = o;
  if (!obj_is(o, n->kind, n->n, n->serial)) {
    printf("    object %p is head %#lx serial %lu, should be serial %lu\n",
           (void *)o, (unsigned long)o->head, (unsigned long)o->serial,
           (unsigned long)n->serial);
    CHECK(obj_is(o, n->kind, n->n, n->serial));
  }
  g->stack[(*top)++] = k;
}

size_t graph_verify(graph_t g)
{
  size_t i, top = 0, count = 0;
  ++g->mark;
  for (i = 0; i < g->roots; ++i) {
    if (g->sroot[i] == 0)
      CHECK(g->root[i] == NULL);
    else
      visit(g, g->sroot[i], g->root[i], &top);
  }
  while (top > 0) {
    node_s *n = &g->node[g->stack[--top]];
    ++count;
    if (n->kind != KIND_VECTOR)
      continue;
    for (i = 0; i < n->n; ++i) {
      word w = n->slot[i], h = n->at->slot[i];
      if (is_number(w) || w >> 2 == 0) {
        CHECK_EQ(h, w);
      } else {
        CHECK_EQ(h & 3, w & 2);
        visit(g, (size_t)(w >> 2), obj_ref(h), &top);
      }
    }
  }
  g->verified += (unsigned long)count;
  return count;
}
