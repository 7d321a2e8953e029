/* clients.c -- what large programs that use this interface rely on, each
 * thing under a name of its own
 *
 * More of the same kind: sigsegv.c and handlers.c (signal handlers), fork.c
 * (fork, vfork, posix_spawn), registers.c (references in registers).
 */

#include "world.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef HAVE_MPSX
#include "mpsx.h"
#endif

/* --- handlers and process --- */

#ifdef HAVE_MPSX
static volatile int quit, running;

static void *mutator(void *p)
{
  mps_thr_t thr;
  mps_root_t r;
  mps_ap_t a;
  void *cold = NULL;
  (void)p;
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread(&r, arena, thr, &cold));
  a = ap_make(pool);
  __sync_fetch_and_add(&running, 1);
  while (!quit) {
    obj_t o = obj_new(a, 0, KIND_LEAF, 30, 9);
    garbage(a, 0, 50, 20);
    CHECK(obj_is(o, KIND_LEAF, 30, 9));
  }
  mps_ap_destroy(a);
  mps_root_destroy(r);
  mps_thread_dereg(thr);
  return NULL;
}

static volatile sig_atomic_t others;
static void not_for_us(int sig)
{
  (void)sig;
  ++others;
}

static void real_time_signals(void)
{
  pthread_t t[2];
  int i;
  /* The usual ones are the client's, then. */
  signal(SIGXCPU, not_for_us);
  signal(SIGXFSZ, not_for_us);
  CHECK_OK(mps_x_thread_signals(SIGRTMIN + 3, SIGRTMIN + 4));
  world();
  for (i = 0; i < 2; ++i)
    CHECK_EQ(pthread_create(&t[i], NULL, mutator, NULL), 0);
  while (running < 2)
    usleep(1000);
  for (i = 0; i < 200; ++i) {
    keep[i] = obj_new(ap, 0, KIND_LEAF, 10, (word)i);
    CHECK_OK(mps_arena_collect(arena));
    mps_arena_release(arena);
  }
  CHECK_EQ(others, 0);
  raise(SIGXCPU);
  raise(SIGXFSZ);
  CHECK_EQ(others, 2);
  quit = 1;
  for (i = 0; i < 2; ++i)
    CHECK_EQ(pthread_join(t[i], NULL), 0);
  for (i = 0; i < 200; ++i)
    CHECK(obj_is(keep[i], KIND_LEAF, 10, (word)i));
  /* too late now, and never good */
  CHECK_EQ(mps_x_thread_signals(SIGRTMIN + 5, SIGRTMIN + 6), MPS_RES_FAIL);
}

static void bad_signals(void)
{
  CHECK_EQ(mps_x_thread_signals(SIGRTMIN + 1, SIGRTMIN + 1), MPS_RES_PARAM);
  CHECK_EQ(mps_x_thread_signals(SIGKILL, SIGRTMIN + 1), MPS_RES_PARAM);
  CHECK_EQ(mps_x_thread_signals(SIGRTMIN + 1, 0), MPS_RES_PARAM);
  CHECK_EQ(mps_x_thread_signals(-1, 9999), MPS_RES_PARAM);
}
#endif

static void prints_and_aborts(const char *file, unsigned line,
                              const char *text)
{
  fprintf(stderr, "%s:%u: %s\n", file, line, text);
  abort();
}

static void assert_handler(void)
{
  int status;
  pid_t pid;
  fflush(stdout);
  pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    (void)freopen("/dev/null", "w", stderr);
    (void)mps_lib_assert_fail_install(prints_and_aborts);
    world();
    mps_arena_spare_set(arena, 2.0);
    _exit(0);
  }
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void telemetry_off(void)
{
  char dir[] = "/tmp/mps-clients-XXXXXX";
  mps_label_t a;
  CHECK(mkdtemp(dir) != NULL);
  CHECK_EQ(chdir(dir), 0);
  unsetenv("MPS_TELEMETRY_CONTROL");
  unsetenv("MPS_TELEMETRY_FILENAME");
  world();
  CHECK_EQ(mps_telemetry_get(), 0);
  a = mps_telemetry_intern("weak table");
  CHECK(a != 0);
  mps_telemetry_label(&a, a);
  keep[0] = obj_new(ap, 0, KIND_LEAF, 10, 1);
  mps_telemetry_label(keep[0], a);
  CHECK_OK(mps_arena_collect(arena));
  mps_telemetry_flush();
  CHECK(access("mpsio.log", F_OK) != 0);
  CHECK_EQ(chdir("/"), 0);
  CHECK_EQ(rmdir(dir), 0);      /* nothing was left in it */
}

/* With it on, and no name given, the file is this one. */
static void telemetry_default_file(void)
{
  char dir[] = "/tmp/mps-clients-XXXXXX";
  CHECK(mkdtemp(dir) != NULL);
  CHECK_EQ(chdir(dir), 0);
  unsetenv("MPS_TELEMETRY_CONTROL");
  unsetenv("MPS_TELEMETRY_FILENAME");
  mps_telemetry_set(~(mps_word_t)0);
  world();
  (void)mps_arena_collect(arena);
  mps_telemetry_flush();
  CHECK_EQ(access("mpsio.log", F_OK), 0);
  CHECK_EQ(unlink("mpsio.log"), 0);
  CHECK_EQ(chdir("/"), 0);
  CHECK_EQ(rmdir(dir), 0);
}

/* --- arguments --- */

static void inapplicable(void)
{
  int c;
  world();
  for (c = AMS; c <= AWL; ++c) {
    mps_pool_t p = NULL;
    mps_ap_t a;
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
      MPS_ARGS_ADD(args, MPS_KEY_INTERIOR, 1);
      CHECK_OK(mps_pool_create_k(&p, arena, classes[c].get(), args));
    } MPS_ARGS_END(args);
    a = ap_make(p);
    keep[c] = block_in(p, a, c, 5);
    CHECK_OK(mps_arena_collect(arena));
    CHECK_EQ(((obj_t)keep[c])->serial, 5);
    mps_arena_release(arena);
  }
  for (c = AMS; c <= LO; ++c) { /* nor does a generation for their points */
    mps_ap_t a = NULL;
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_GEN, 77u);
      CHECK_OK(mps_ap_create_k(&a, pool_class(arena, c, fmt), args));
    } MPS_ARGS_END(args);
  }
}

static mps_ap_t point_in(mps_pool_t p, unsigned gen)
{
  mps_ap_t a = NULL;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_GEN, gen);
    CHECK_OK(mps_ap_create_k(&a, p, args));
  } MPS_ARGS_END(args);
  return a;
}

/* Objects made in generation g are not moved by collections of younger ones
 * only, and what is moved goes on from there; the number after the last is
 * the generation that comes after it. */
static void gen_of_point(int c, size_t header)
{
  enum { GENS = 2 };
  mps_gen_param_s params[GENS] = {{300, 0.9}, {100000, 0.5}};
  mps_pool_t p = NULL;
  mps_fmt_t f;
  mps_ap_t a[GENS + 1], plain;
  mps_addr_t was[GENS + 1];
  mps_message_t m;
  unsigned g;
  mps_word_t n;
  int kind = classes[c].is & IS_LEAF ? KIND_LEAF : KIND_VECTOR;
  world();
  f = fmt_make(arena, header);
  CHECK_OK(mps_chain_create(&chain, arena, GENS, params));
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, f);
    MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
    CHECK_OK(mps_pool_create_k(&p, arena, classes[c].get(), args));
  } MPS_ARGS_END(args);
  plain = ap_make(p);
  for (g = 0; g <= GENS; ++g) {
    size_t i;
    a[g] = point_in(p, g);
    was[g] = keep[g] = obj_new(a[g], header, kind, 20, g + 1);
    for (i = 0; i < 20; ++i)    /* large ones too */
      keep[10 + 20 * g + i] = obj_new(a[g], header, kind, i * 1000, i);
  }
  /* only the first generation fills up */
  n = mps_collections(arena);
  mps_message_type_enable(arena, mps_message_type_gc());
  while (mps_collections(arena) < n + 6) {
    size_t i;
    for (i = 0; i < 100; ++i)
      (void)obj_new(plain, header, kind, 20, 99);
    while (mps_message_get(&m, arena, mps_message_type_gc())) {
      CHECK(mps_message_gc_not_condemned_size(arena, m) > 2 * 20 * WORD);
      mps_message_discard(arena, m);
    }
  }
  CHECK(keep[0] != was[0]);
  for (g = 1; g <= GENS; ++g)
    CHECK(keep[g] == was[g]);
  /* a collection of everything moves them all, and they are intact */
  CHECK_OK(mps_arena_collect(arena));
  for (g = 0; g <= GENS; ++g) {
    size_t i;
    if (g > 0)
      CHECK(keep[g] != was[g]);
    CHECK(obj_is(keep[g], kind, 20, g + 1));
    for (i = 0; i < 20; ++i)
      CHECK(obj_is(keep[10 + 20 * g + i], kind, i * 1000, i));
  }
  mps_arena_release(arena);
}

static void gen_honoured(void)
{
  if (reference())
    return;                     /* an extension of a fork of it */
  gen_of_point(AMC, 0);
  gen_of_point(AMC, HEADER);
  gen_of_point(AMCZ, 0);
}

static void gen_too_high(void)
{
  static mps_ap_t a;
  if (reference())
    return;
  world();
  (void)point_in(pool, 2);      /* the chain's length: the last that is good */
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_GEN, 3u);
    REPORTED((void)mps_ap_create_k(&a, pool, args));
  } MPS_ARGS_END(args);
  CHECK(a == NULL);
}

/* Old objects referring to young ones are remembered from the start. */
static void gen_and_barrier(void)
{
  mps_ap_t old;
  word i, k;
  if (reference())
    return;
  world();
  old = point_in(pool, 2);
  for (i = 0; i < 100; ++i)
    keep[i] = obj_new(old, 0, KIND_VECTOR, 50, i);
  for (k = 0; k < 30; ++k) {
    mps_word_t n;
    for (i = 0; i < 100; ++i)
      ((obj_t)keep[i])->slot[k] = (word)obj_new(ap, 0, KIND_LEAF, 5,
                                                1000 * k + i);
    for (n = mps_collections(arena); mps_collections(arena) == n;)
      garbage(ap, 0, 100, 20);
  }
  for (i = 0; i < 100; ++i)
    for (k = 0; k < 30; ++k)
      CHECK(obj_is((obj_t)((obj_t)keep[i])->slot[k], KIND_LEAF, 5,
                   1000 * k + i));
}

/* One format and one chain serve pools of every class. */
static void one_format_one_chain(void)
{
  mps_pool_t p[CLASSES];
  mps_ap_t a[CLASSES];
  graph_s g;
  int c, i, n = 0;
  world();
  mps_arena_pause_time_set(arena, 0.01);
  graph_init(&g, arena, 0, 100, 4000, 12, ap, 0, NULL, 0);
  for (c = AMC; c <= LO; ++c) {
    if (c == AMS_DEBUG)
      continue;
    p[c] = NULL;
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
      MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
      CHECK_OK(mps_pool_create_k(&p[c], arena, classes[c].get(), args));
    } MPS_ARGS_END(args);
    a[c] = ap_make(p[c]);
    if (!(classes[c].is & IS_LEAF))
      g.ap[n++] = a[c];
    else
      g.leaf_ap = a[c];
  }
  g.aps = (size_t)n;
  for (i = 0; i < (int)WORDS_AS_64(60000); ++i) {
    graph_step(&g);
    if (i % 10000 == 0)
      graph_verify(&g);
  }
  CHECK(mps_collections(arena) > 2);
  mps_arena_park(arena);
  graph_verify(&g);
}

/* The sizes of generations that one client asks for, and no arena keyword at
 * all in another. */
static void large_chain(void)
{
  mps_gen_param_s gens[3] = {{16 * 1024, 0.8}, {128 * 1024, 0.8},
                             {640 * 1024, 0.4}};
  mps_word_t n;
  int i;
  CHECK_OK(mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none));
  mps_arena_pause_time_set(arena, 0.01);
  CHECK_OK(mps_chain_create(&chain, arena, 3, gens));
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, keep,
                                 200));
  n = mps_collections(arena);
  for (i = 0; i < (int)WORDS_AS_64(400000); ++i)        /* 85 MB */
    keep[rnd_below(200)] = obj_new(ap, 0, KIND_LEAF, 25, 5);
  CHECK(mps_collections(arena) >= n + 3);
  CHECK(mps_collections(arena) <= n + 20);
  for (i = 0; i < 200; ++i)
    CHECK(keep[i] == NULL || obj_is(keep[i], KIND_LEAF, 25, 5));
}

static void limit_below_need(void)
{
  mps_res_t res = MPS_RES_OK;
  obj_t o;
  int i;
  world();
  for (i = 0; i < 200; ++i)
    keep[i] = obj_new(ap, 0, KIND_LEAF, 1000, (word)i);
  CHECK_OK(mps_arena_commit_limit_set(arena, mps_arena_committed(arena)
                                      + 65536));
  for (i = 0; i < 1000 && res == MPS_RES_OK; ++i) {
    res = obj_try(&o, ap, 0, KIND_VECTOR, 1000, 1);
    if (res == MPS_RES_OK) {
      o->slot[0] = (word)keep[199];
      keep[199] = o;
    }
  }
  CHECK(res == MPS_RES_COMMIT_LIMIT || res == MPS_RES_MEMORY);
  for (i = 0; i < 199; ++i)
    CHECK(obj_is(keep[i], KIND_LEAF, 1000, (word)i));
  CHECK_OK(mps_arena_commit_limit_set(arena, (size_t)-1));
  (void)obj_new(ap, 0, KIND_LEAF, 1000, 1);
}

/* --- roots and scanning --- */

static unsigned long stack_scans;
static int stack_closure;

/* The client's own scanner of stacks: takes words with tag 0 or 3. */
static mps_res_t scan_stack(mps_ss_t ss, void *base, void *limit, void *c)
{
  word *p;
  ++stack_scans;
  CHECK(c == &stack_closure);
  MPS_SCAN_BEGIN(ss) {
    for (p = base; p < (word *)limit; ++p) {
      word tag = *p & 7;
      mps_addr_t ref = (mps_addr_t)(*p - tag);
      if ((tag == 0 || tag == 3) && MPS_FIX1(ss, ref)) {
        mps_res_t res = MPS_FIX2(ss, &ref);
        if (res != MPS_RES_OK)
          return res;
        CHECK(ref == (mps_addr_t)(*p - tag));   /* ambiguous */
      }
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

__attribute__((noinline)) static void with_stack(void)
{
  volatile word local[20];
  int i;
  mps_arena_park(arena);
  for (i = 0; i < 20; ++i)
    local[i] = (word)obj_new(ap, 0, KIND_LEAF, 10, (word)i)
               + (i % 2 ? 3 : 0);
  mps_arena_release(arena);
  scrub_stack();
  for (i = 0; i < 3; ++i) {
    garbage(ap, 0, 5000, 10);
    CHECK_OK(mps_arena_collect(arena));
    mps_arena_release(arena);
  }
  for (i = 0; i < 20; ++i)
    CHECK(obj_is((obj_t)(local[i] & ~(word)7), KIND_LEAF, 10, (word)i));
}

static void thread_scanned(void)
{
  mps_thr_t thr;
  mps_root_t r;
  void *cold = NULL;
  world();
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread_scanned(&r, arena, mps_rank_ambig(), 0,
                                          thr, scan_stack, &stack_closure,
                                          &cold));
  with_stack();
  CHECK(stack_scans > 0);
  mps_root_destroy(r);
  mps_thread_dereg(thr);
}

/* An area that the client scans, made anew all the time: the area moves. */
static mps_res_t scan_slots_of_area(mps_ss_t ss, void *base, void *limit, void *c)
{
  mps_addr_t *p = base;
  CHECK(c == &stack_closure);
  MPS_SCAN_BEGIN(ss) {
    for (; p < (mps_addr_t *)limit; ++p) {
      mps_res_t res = MPS_FIX12(ss, p);
      if (res != MPS_RES_OK)
        return res;
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static void roots_come_and_go(void)
{
  enum { ROOTS = 40, WORDS = 300 };
  static mps_addr_t *area[ROOTS];
  static mps_root_t r[ROOTS];
  int i, round;
  size_t k;
  world();
  mps_arena_pause_time_set(arena, 0.0);
  for (round = 0; round < 4000; ++round) {
    i = (int)rnd_below(ROOTS);
    if (area[i] != NULL) {
      mps_addr_t *to = malloc(WORDS * sizeof *to);
      CHECK(to != NULL);
      for (k = 0; k < WORDS; ++k)
        CHECK(area[i][k] == NULL
              || obj_is(area[i][k], KIND_LEAF, 5, k));
      /* copied, registered anew, the old one gone */
      mps_arena_park(arena);
      memcpy(to, area[i], WORDS * sizeof *to);
      mps_root_destroy(r[i]);
      memset(area[i], 0xff, WORDS * sizeof *to);
      free(area[i]);
      area[i] = to;
      CHECK_OK(mps_root_create_area(&r[i], arena, mps_rank_exact(), 0, to,
                                    to + WORDS, scan_slots_of_area, &stack_closure));
      mps_arena_release(arena);
    } else {
      area[i] = calloc(WORDS, sizeof *area[i]);
      CHECK_OK(mps_root_create_area(&r[i], arena, mps_rank_exact(),
                                    round % 2 ? MPS_RM_PROT : 0, area[i],
                                    area[i] + WORDS, scan_slots_of_area,
                                    &stack_closure));
    }
    k = rnd_below(WORDS);
    area[i][k] = obj_new(ap, 0, KIND_LEAF, 5, k);
    garbage(ap, 0, 10, 10);
  }
  CHECK(mps_collections(arena) > 5);
}

static void large_root(int rm)
{
  size_t words = ((size_t)16 << 20) / WORD, i;
  mps_addr_t *area = calloc(words, WORD);
  mps_root_t r;
  int round;
  world();
  CHECK(area != NULL);
  CHECK_OK(mps_root_create_area(&r, arena, mps_rank_exact(), (mps_rm_t)rm,
                                area, area + words, mps_scan_area, NULL));
  for (round = 0; round < 4; ++round) {
    for (i = (size_t)round; i < words; i += 1001)
      area[i] = obj_new(ap, 0, KIND_LEAF, 3, i);
    CHECK_OK(mps_arena_start_collect(arena));
    garbage(ap, 0, 20000, 10);
    for (i = 0; i < words; ++i)
      if (area[i] != NULL)
        CHECK(obj_is(area[i], KIND_LEAF, 3, i));
  }
  mps_root_destroy(r);
  free(area);
}

static void root_of_16_mb(void)
{
  large_root(0);
  large_root(MPS_RM_PROT);
}

/* Tags are taken off, FIX12 is used on a copy, and they go back on; in
 * a format's scan method and in an area's scanner. */
static mps_res_t scan_tags(mps_ss_t ss, void *base, void *limit, void *c)
{
  word *p = base;
  (void)c;
  MPS_SCAN_BEGIN(ss) {
    for (; p < (word *)limit; ++p) {
      word tag = *p & 7;
      if (tag != 7) {
        mps_addr_t ref = (mps_addr_t)(*p ^ tag);
        mps_res_t res = MPS_FIX12(ss, &ref);
        if (res != MPS_RES_OK)
          return res;
        *p = (word)ref | tag;
      }
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

/* The same in pieces, outside of MPS_SCAN_BEGIN: local variables stand in
 * for those the macro makes. */
static mps_res_t fix_one(mps_ss_t ss, word *p, mps_word_t *ufs)
{
  mps_word_t _mps_zs = ss->_zs, _mps_w = ss->_w, _mps_ufs = *ufs, _mps_wt;
  word tag = *p & 7;
  mps_addr_t ref = (mps_addr_t)(*p ^ tag);
  if (tag != 7 && MPS_FIX1(ss, ref)) {
    mps_res_t res = MPS_FIX2(ss, &ref);
    if (res != MPS_RES_OK)
      return res;
    *p = (word)ref | tag;
  }
  *ufs = _mps_ufs;
  return MPS_RES_OK;
}

static mps_res_t scan_outside(mps_ss_t ss, void *base, void *limit, void *c)
{
  mps_word_t ufs = ss->_ufs;
  word *p = base;
  (void)c;
  for (; p < (word *)limit; ++p) {
    mps_res_t res = fix_one(ss, p, &ufs);
    if (res != MPS_RES_OK)
      return res;
  }
  ss->_ufs = ufs;
  return MPS_RES_OK;
}

static void tagged(mps_area_scan_t scan)
{
  enum { WORDS = 6000 };        /* several pages, some left alone */
  static word area[WORDS];
  mps_root_t r;
  size_t i, round;
  world();
  memset(area, 0, sizeof area);
  CHECK_OK(mps_root_create_area(&r, arena, mps_rank_exact(), MPS_RM_PROT,
                                area, area + WORDS, scan, NULL));
  for (round = 0; round < 10; ++round) {
    mps_arena_park(arena);
    for (i = 0; i < 500; ++i) {
      size_t k = rnd_below(WORDS);
      area[k] = k % 8 == 7 ? (word)k * 8 + 7    /* a number */
                : (word)obj_new(ap, 0, KIND_LEAF, 4, k) + k % 8;
    }
    mps_arena_release(arena);
    garbage(ap, 0, 6000, 10);
    CHECK_OK(mps_arena_collect(arena));
    for (i = 0; i < WORDS; ++i)
      if (area[i] != 0) {
        CHECK_EQ(area[i] & 7, i % 8);
        if (i % 8 == 7)
          CHECK_EQ(area[i], (word)i * 8 + 7);
        else
          CHECK(obj_is((obj_t)(area[i] & ~(word)7), KIND_LEAF, 4, i));
      }
  }
}

static void tagged_fix12(void) { tagged(scan_tags); }
static void fix_outside_begin(void) { tagged(scan_outside); }

/* Weak and exact points on one AWL pool, with and without dependents. */
static mps_addr_t no_dependent(mps_addr_t p)
{
  (void)p;
  return NULL;
}

static void awl_points(void)
{
  int with, round;
  for (with = 0; with < 2; ++with) {
    mps_pool_t awl = NULL;
    mps_ap_t weak = NULL, exact = NULL;
    obj_t w, e;
    world();
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
      if (with)
        MPS_ARGS_ADD(args, MPS_KEY_AWL_FIND_DEPENDENT, no_dependent);
      CHECK_OK(mps_pool_create_k(&awl, arena, mps_class_awl(), args));
    } MPS_ARGS_END(args);
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_weak());
      CHECK_OK(mps_ap_create_k(&weak, awl, args));
    } MPS_ARGS_END(args);
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_exact());
      CHECK_OK(mps_ap_create_k(&exact, awl, args));
    } MPS_ARGS_END(args);
    for (round = 0; round < 5; ++round) {
      mps_arena_park(arena);
      keep[0] = w = obj_new(weak, 0, KIND_VECTOR, 3, 1);
      keep[1] = e = obj_new(exact, 0, KIND_VECTOR, 3, 2);
      w->slot[0] = (word)obj_new(ap, 0, KIND_LEAF, 5, 3);
      e->slot[0] = (word)obj_new(ap, 0, KIND_LEAF, 5, 4);
      w->slot[1] = e->slot[0];
      garbage(ap, 0, 3000, 10);
      CHECK_OK(mps_arena_collect(arena));
      CHECK_EQ(w->slot[0], 0);
      CHECK_EQ(w->slot[1], e->slot[0]);
      CHECK(obj_is((obj_t)e->slot[0], KIND_LEAF, 5, 4));
      mps_arena_release(arena);
    }
  }
}

/* A hash table by address: the dependency is part of a structure that is
 * copied about, the table's arrays come from a point of their own, and
 * building it is a ramp. */
typedef struct dict_s {
  mps_ld_s ld;
  size_t size;
} dict_s;

static dict_s with_key(dict_s d, mps_addr_t key)        /* by value */
{
  mps_ld_add(&d.ld, arena, key);
  return d;
}

static int stale(dict_s d)
{
  return mps_ld_isstale_any(&d.ld, arena);
}

static void hash_tables(void)
{
  mps_ap_t arrays = NULL;
  int round;
  size_t i, n, moved = 0;
  world();
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_AP_HASH_ARRAYS, 1);
    CHECK_OK(mps_ap_create_k(&arrays, pool, args));
  } MPS_ARGS_END(args);
  for (round = 0; round < 30; ++round) {
    dict_s d;
    mps_ld_reset(&d.ld, arena);
    CHECK_OK(mps_ap_alloc_pattern_begin(ap, mps_alloc_pattern_ramp()));
    keep[199] = obj_new(arrays, 0, KIND_VECTOR, 256, 9);
    for (i = 0; i < 100; ++i) {
      obj_t k = obj_new(ap, 0, KIND_LEAF, 3, i), t;
      keep[i] = k;
      d = with_key(d, keep[i]);
      t = keep[199];
      for (n = ((word)keep[i] >> 4) & 255; t->slot[n] != 0; n = (n + 1) & 255)
        continue;
      t->slot[n] = (word)keep[i];
    }
    CHECK_OK(mps_ap_alloc_pattern_end(ap, mps_alloc_pattern_ramp()));
    if (round % 3 == 0)
      CHECK_OK(mps_arena_collect(arena));
    mps_arena_release(arena);
    garbage(ap, 0, 1000, 10);
    for (i = 0; i < 100; ++i) {
      obj_t t = keep[199];
      size_t tries = 0;
      for (n = ((word)keep[i] >> 4) & 255;
           tries < 256 && t->slot[n] != (word)keep[i] && t->slot[n] != 0;
           n = (n + 1) & 255)
        ++tries;
      if (t->slot[n] != (word)keep[i]) {
        CHECK(stale(d));        /* not found: it must have moved */
        ++moved;
      }
    }
  }
  CHECK(moved > 100);
}

/* --- running --- */

static void parked_from_the_start(void)
{
  static obj_t bare[1000];      /* no root yet */
  mps_root_t r;
  int i;
  arena = arena_vm((size_t)64 << 20);
  mps_arena_park(arena);
  chain = chain_make(arena, 2, 100);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  for (i = 0; i < 1000; ++i) {
    bare[i] = obj_new(ap, 0, KIND_LEAF, 10, (word)i);
    garbage(ap, 0, 50, 10);     /* 5 MB in all */
  }
  CHECK_EQ(mps_collections(arena), 0);
  for (i = 0; i < 1000; ++i)
    CHECK(obj_is(bare[i], KIND_LEAF, 10, (word)i));
  CHECK_OK(mps_root_create_table(&r, arena, mps_rank_exact(), 0,
                                 (mps_addr_t *)bare, 1000));
  mps_arena_release(arena);
  garbage(ap, 0, 50000, 10);
  CHECK(mps_collections(arena) > 0);
  for (i = 0; i < 1000; ++i)
    CHECK(obj_is(bare[i], KIND_LEAF, 10, (word)i));
}

static unsigned long walked;
static mps_res_t walk_scan(mps_ss_t ss, void *base, void *limit, void *c)
{
  (void)c;
  ++walked;
  return obj_scan(ss, base, limit);     /* as the format's */
}

static unsigned long visited;
static void visit(mps_addr_t o, mps_fmt_t f, mps_pool_t p, void *c, size_t s)
{
  CHECK(o != NULL && f == fmt && p != NULL && c == NULL && s == 0);
  ++visited;
}

static void heap_walks(void)
{
  mps_pool_t p[CLASSES];
  mps_ap_t a[CLASSES];
  int c, i, round;
  world();
  mps_arena_pause_time_set(arena, 0.0);
  for (c = AMC; c <= SNC; ++c) {
    p[c] = pool_class(arena, c, fmt);
    a[c] = ap_make(p[c]);
  }
  for (round = 0; round < 10; ++round) {
    for (i = 0; i < 7000; ++i)
      for (c = AMC; c <= SNC; ++c)
        if (c != SNC || i % 10 == 0)
          keep[rnd_below(200)] = block_in(p[c], a[c], c, (word)i);
    mps_arena_park(arena);
    walked = visited = 0;
    for (c = AMC; c <= SNC; ++c)
      CHECK_OK(mps_pool_walk(p[c], walk_scan, NULL));
    mps_arena_formatted_objects_walk(arena, visit, NULL, 0);
    CHECK(walked >= SNC - AMC && visited > 200);
    mps_arena_release(arena);
  }
  for (i = 0; i < 200; ++i)
    if (keep[i] != NULL)
      CHECK(obj_words((obj_t)keep[i]) == 6);
}

static volatile sig_atomic_t idle;
static void on_alarm(int sig)
{
  (void)sig;
  idle = 1;
}

/* A loop of events with collection work when there is time; messages taken
 * and discarded at once. */
static void idle_steps(void)
{
  int i, steps = 0, told = 0, made = 0;
  word k;
  world();
  mps_arena_pause_time_set(arena, 0.01);
  mps_message_type_enable(arena, mps_message_type_finalization());
  mps_message_type_enable(arena, mps_message_type_gc_start());
  for (i = 0; i < 20000; ++i) {
    mps_message_type_t type;
    mps_message_t m;
    k = rnd_below(200);
    keep[k] = obj_new(ap, 0, KIND_LEAF, 20, k);
    CHECK_OK(mps_finalize(arena, &keep[k]));
    ++made;
    if (i % 50 == 0) {
      on_alarm(0);
      while (idle) {
        idle = 0;
        steps += mps_arena_step(arena, 0.01, i % 200 == 0 ? 100.0 : 0.0);
      }
    }
    if (i % 5000 == 0) {
      CHECK_OK(mps_arena_collect(arena));
      mps_arena_release(arena);
    }
    while (mps_message_queue_type(&type, arena)) {
      CHECK(mps_message_get(&m, arena, type));
      if (type == mps_message_type_finalization()) {
        mps_addr_t p;
        mps_message_finalization_ref(&p, arena, m);
        CHECK_EQ(obj_words((obj_t)p), 22);
        ++told;
      }
      mps_message_discard(arena, m);
    }
  }
  CHECK(steps > 0 && told > made / 2);
}

/* Nothing is destroyed: arena, pools, threads, messages, a collection and
 * a reserved block are left as they are. */
static void exit_without_destroying(void)
{
  int i, status;
  for (i = 0; i < 3; ++i) {
    pid_t pid;
    fflush(stdout);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
      mps_thr_t thr;
      mps_root_t r;
      mps_addr_t p;
      void *cold = NULL;
      world();
      mps_arena_pause_time_set(arena, 0.0);
      mps_telemetry_set(0);
      CHECK_OK(mps_thread_reg(&thr, arena));
      CHECK_OK(mps_root_create_thread(&r, arena, thr, &cold));
      mps_message_type_enable(arena, mps_message_type_gc());
      keep[0] = obj_new(ap, 0, KIND_VECTOR, 50000, 1);
      CHECK_OK(mps_finalize(arena, &keep[0]));
      if (i > 0)
        CHECK_OK(mps_arena_start_collect(arena));
      CHECK_OK(mps_reserve(&p, ap, 4 * WORD));
      if (i == 2)
        mps_arena_park(arena);
      exit(17);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 17);
  }
}

static const case_s cases[] = {
#ifdef HAVE_MPSX
  {"real-time signals of the client's choice stop threads",
   real_time_signals},
  {"signals that can't be are refused", bad_signals},
#endif
  {"an assertion handler that prints and aborts", assert_handler},
  {"telemetry off: intern, label and get do nothing", telemetry_off},
  {"telemetry on: mpsio.log is the default", telemetry_default_file},
  {"inapplicable keywords are ignored: INTERIOR, GEN", inapplicable},
  {"GEN given to an AMC allocation point is honoured", gen_honoured},
  {"GEN beyond the generation after the last is reported", gen_too_high},
  {"GEN and the write barrier", gen_and_barrier},
  {"one format and one chain for several pools", one_format_one_chain},
  {"chains of 16 to 640 MB, pause time 0.01, no arena keyword", large_chain},
  {"a commit limit under need fails with a code", limit_below_need},
  {"the client's own scanner of stacks", thread_scanned},
  {"roots destroyed and made anew all the time", roots_come_and_go},
  {"an exact root of 16 MB", root_of_16_mb},
  {"tagged words: strip, FIX12, put back", tagged_fix12},
  {"FIX1 and FIX2 outside MPS_SCAN_BEGIN", fix_outside_begin},
  {"AWL: weak and exact points, with and without find_dependent",
   awl_points},
  {"hash tables: dependencies by value, hash arrays, ramps", hash_tables},
  {"parked from the first moment until roots exist", parked_from_the_start},
  {"park, walk every pool with the client's scanner, release", heap_walks},
  {"steps from idle time, messages discarded at once", idle_steps},
  {"exit without destroying anything is clean", exit_without_destroying}
};

int main(void)
{
  test_begin("clients");
  return CASES_RUN(cases);
}
