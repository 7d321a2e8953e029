/* snapshot.c -- heap snapshots (mpsx.h) against the shadow of a random graph
 */

#include "stream.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpscmvff.h"
#include "mpsx.h"

#include <pthread.h>
#include <unistd.h>

static void *cold;              /* below main's frame nothing is of interest */
static char name[] = "/tmp/mps-snapshot-XXXXXX";

/* --- the stream, as docs/telemetry.md has it --- */

typedef struct seen_s {         /* an object, or a root */
  word at, pool, size, rank;
  size_t refs, first;           /* how many, and where in refs[] */
  char what[32];
} seen_s;

static struct {
  seen_s *object, *root;
  size_t objects, roots, complete, pools;
  word *ref;
  size_t refs, told_objects, told_refs;
  word pool[32], used[32];
  char class[32][32];
} snap;                         /* the last one in the stream */

static void text_until(unsigned char *end, char *to)
{
  size_t n = (size_t)(end - at);
  CHECK(n < 32);
  memcpy(to, at, n);
  to[n] = '\0';
  at = end;
}

static void *grown(void *p, size_t n, size_t each)
{
  if ((n & (n - 1)) == 0)
    p = realloc(p, (n + 1) * 2 * each);
  CHECK(p != NULL);
  return p;
}

/* Reads the whole stream; how many snapshots were begun. */
static size_t read_stream(void)
{
  size_t begun = 0;
  seen_s *of = NULL;
  CHECK(load(name));
  memset(&snap, 0, sizeof snap);
  (void)read_head();
  while (at < stop) {
    int kind = *at++;
    word len = (word)number_at(&at, stop);
    unsigned char *end = at + len;
    CHECK(end <= stop);
    (void)number_at(&at, end);
    switch (kind) {
    case 20:
      CHECK_EQ(begun, snap.complete);
      ++begun;
      snap.objects = snap.roots = snap.refs = snap.pools = 0;
      of = NULL;
      break;
    case 21:
      CHECK(snap.pools < 32);
      snap.pool[snap.pools] = (word)number_at(&at, end);
      (void)number_at(&at, end);
      snap.used[snap.pools] = (word)number_at(&at, end);
      snap.used[snap.pools] -= (word)number_at(&at, end);
      text_until(end, snap.class[snap.pools]);
      ++snap.pools;
      break;
    case 22:
      snap.object = grown(snap.object, snap.objects, sizeof *snap.object);
      of = &snap.object[snap.objects++];
      of->pool = (word)number_at(&at, end);
      of->at = (word)number_at(&at, end);
      of->size = (word)number_at(&at, end);
      of->refs = 0;
      of->first = snap.refs;
      break;
    case 23:
      snap.root = grown(snap.root, snap.roots, sizeof *snap.root);
      of = &snap.root[snap.roots++];
      of->pool = (word)number_at(&at, end);
      of->at = 0;
      of->rank = (word)number_at(&at, end);
      of->refs = 0;
      of->first = snap.refs;
      text_until(end, of->what);
      break;
    case 24:
      CHECK(of != NULL);
      of->rank = (word)number_at(&at, end);
      while (at < end) {
        word d = (word)number_at(&at, end);
        snap.ref = grown(snap.ref, snap.refs, sizeof *snap.ref);
        snap.ref[snap.refs++] = of->at + ((d >> 1) ^ -(d & 1));
        ++of->refs;
      }
      break;
    case 25:
      (void)number_at(&at, end);
      snap.told_objects = (word)number_at(&at, end);
      snap.told_refs = (word)number_at(&at, end);
      CHECK_EQ(snap.told_objects, snap.objects);
      CHECK_EQ(snap.told_refs, snap.refs);
      ++snap.complete;
      of = NULL;
      break;
    }
    at = end;
  }
  CHECK_EQ(begun, snap.complete);
  return begun;
}

static int by_at(const void *a, const void *b)
{
  const seen_s *x = a, *y = b;
  return x->at < y->at ? -1 : x->at > y->at;
}

static int by_value(const void *a, const void *b)
{
  word x = *(const word *)a, y = *(const word *)b;
  return x < y ? -1 : x > y;
}

static const seen_s *seen_at(word a)
{
  seen_s key;
  key.at = a;
  return bsearch(&key, snap.object, snap.objects, sizeof key, by_at);
}

static void to_file(void)
{
  int fd = mkstemp(name);
  CHECK(fd >= 0);
  close(fd);
  setenv("MPS_TELEMETRY_FILENAME", name, 1);
}

static const seen_s *root_of(const void *root)
{
  size_t i;
  for (i = 0; i < snap.roots; ++i)
    if (snap.root[i].pool == (word)root)
      return &snap.root[i];
  return NULL;
}

/* --- a graph and its shadow --- */

/* What one snapshot has of each live object is what the shadow has. */
static void compare(graph_t g, mps_pool_t vectors, mps_pool_t leaves)
{
  static word want[200000];
  size_t i, j, n, live = graph_verify(g), found = 0;
  const seen_s *root;
  (void)read_stream();
  qsort(snap.object, snap.objects, sizeof *snap.object, by_at);
  for (i = 1; i < snap.objects; ++i)
    CHECK(snap.object[i - 1].at < snap.object[i].at);
  for (i = 1; i <= g->nodes; ++i) {
    node_s *node = &g->node[i];
    const seen_s *s;
    size_t header = node->kind == KIND_LEAF ? g->leaf_header : g->header;
    if (node->serial == 0 || node->mark != g->mark)
      continue;
    ++found;
    s = seen_at((word)node->at);
    CHECK(s != NULL);
    CHECK_EQ(s->pool, node->kind == KIND_LEAF ? leaves : vectors);
    CHECK_EQ(s->size, obj_words(node->at) * WORD + header);
    n = 0;
    for (j = 0; node->kind == KIND_VECTOR && j < node->n; ++j) {
      word w = node->at->slot[j];
      if (!is_number(w) && obj_ref(w) != NULL)
        want[n++] = (word)obj_ref(w);
    }
    CHECK_EQ(s->refs, n);
    qsort(want, n, sizeof *want, by_value);
    qsort(snap.ref + s->first, n, sizeof *want, by_value);
    CHECK(memcmp(want, snap.ref + s->first, n * sizeof *want) == 0);
  }
  CHECK_EQ(found, live);
  root = root_of(g->mps_root);
  CHECK(root != NULL && strcmp(root->what, "area") == 0);
  for (i = n = 0; i < g->roots; ++i)
    if (g->root[i] != NULL) {
      CHECK(n < root->refs);
      CHECK_EQ(snap.ref[root->first + n], (word)g->root[i] & ~(word)3);
      ++n;
    }
  CHECK_EQ(root->refs, n);
}

static void graph_of(mps_pool_class_t class, size_t header, double pause)
{
  mps_arena_t arena;
  mps_fmt_t fmt, lfmt;
  mps_pool_t pool, leaves;
  mps_ap_t ap, leaf_ap;
  graph_s g;
  int round;
  to_file();
  arena = arena_vm((size_t)64 << 20);
  mps_arena_pause_time_set(arena, pause);
  fmt = fmt_make(arena, header);
  lfmt = fmt_make(arena, 0);
  pool = pool_auto(arena, class, fmt, NULL);
  leaves = pool_auto(arena, mps_class_amcz(), lfmt, NULL);
  ap = ap_make(pool);
  leaf_ap = ap_make(leaves);
  graph_init(&g, arena, 0, 50, 2000, 120, ap, header, leaf_ap, 0);
  for (round = 0; round < 6; ++round) {
    int i;
    for (i = 0; i < 3000; ++i)
      graph_step(&g);
    if (round % 3 == 1) {       /* in the midst of a collection */
      CHECK_OK(mps_arena_start_collect(arena));
      (void)mps_arena_step(arena, 0.0, 0.0);
    }
    if (round % 3 == 2)
      mps_arena_park(arena);
    CHECK_OK(mps_x_heap_snapshot(arena));
    /* Nothing moves until something is allocated: no collection is left. */
    compare(&g, pool, leaves);
    mps_arena_release(arena);
  }
  CHECK_EQ(snap.complete, 6);
  graph_finish(&g);
  mps_ap_destroy(leaf_ap);
  mps_ap_destroy(ap);
  mps_pool_destroy(leaves);
  mps_pool_destroy(pool);
  mps_fmt_destroy(lfmt);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
  unlink(name);
}

static void graph_amc(void) { graph_of(mps_class_amc(), 0, 0.0); }
static void graph_header(void) { graph_of(mps_class_amc(), HEADER, 0.001); }
static void graph_ams(void) { graph_of(mps_class_ams(), 0, 0.0); }

/* --- roots, ranks, pools without objects --- */

static void kinds(void)
{
  mps_arena_t arena;
  mps_thr_t thread;
  mps_root_t stack;
  mps_fmt_t fmt;
  mps_pool_t awl, mvff;
  mps_ap_t weak, strong;
  mps_addr_t block;
  mps_res_t res;
  volatile obj_t held;
  obj_t w;
  const seen_s *s;
  size_t i, ok = 0;
  to_file();
  arena = arena_vm((size_t)8 << 20);
  CHECK_OK(mps_thread_reg(&thread, arena));
  CHECK_OK(mps_root_create_thread(&stack, arena, thread, cold));
  fmt = fmt_make(arena, 0);
  awl = pool_auto(arena, mps_class_awl(), fmt, NULL);
  CHECK_OK(mps_pool_create_k(&mvff, arena, mps_class_mvff(), mps_args_none));
  CHECK_OK(mps_alloc(&block, mvff, 100000));
  strong = ap_make(awl);
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_weak());
    res = mps_ap_create_k(&weak, awl, args);
  } MPS_ARGS_END(args);
  CHECK_OK(res);
  held = obj_new(strong, 0, KIND_VECTOR, 2, 1);
  w = obj_new(weak, 0, KIND_VECTOR, 3, 2);
  w->slot[0] = (word)held;
  held->slot[0] = (word)w;
  {
    mps_addr_t a = w;
    CHECK_OK(mps_finalize(arena, &a));
  }
  CHECK_OK(mps_x_heap_snapshot(arena));
  CHECK_EQ(read_stream(), 1);
  qsort(snap.object, snap.objects, sizeof *snap.object, by_at);
  s = seen_at((word)w);
  CHECK(s != NULL && s->refs == 1 && s->rank == mps_rank_weak());
  CHECK_EQ(snap.ref[s->first], (word)held);
  s = seen_at((word)held);
  CHECK(s != NULL && s->refs == 1 && s->rank == mps_rank_exact());
  s = root_of(stack);
  CHECK(s != NULL && strcmp(s->what, "stack") == 0);
  for (i = 0; i < s->refs; ++i)
    ok |= snap.ref[s->first + i] == (word)held;
  CHECK(ok);
  s = root_of(NULL);
  CHECK(s != NULL && strcmp(s->what, "finalization") == 0 && s->refs == 1);
  CHECK_EQ(snap.ref[s->first], (word)w);
  for (i = 0; i < snap.pools && snap.pool[i] != (word)mvff; ++i)
    ;
  CHECK(i < snap.pools && strncmp(snap.class[i], "MVFF", 4) == 0);
  CHECK(snap.used[i] >= 100000 && snap.used[i] < 110000);
  /* After an end for good it works as well. */
  mps_arena_postmortem(arena);
  CHECK_OK(mps_x_heap_snapshot(arena));
  CHECK_EQ(read_stream(), 2);
  qsort(snap.object, snap.objects, sizeof *snap.object, by_at);
  CHECK(seen_at((word)held) != NULL);
  unlink(name);
}

/* --- other threads --- */

static volatile int stopped;
static mps_arena_t shared;
static mps_pool_t shared_pool;

static void *allocate(void *p)
{
  mps_thr_t thread;
  mps_root_t root;
  mps_ap_t ap;
  CHECK_OK(mps_thread_reg(&thread, shared));
  CHECK_OK(mps_root_create_thread(&root, shared, thread, &ap));
  ap = ap_make(shared_pool);
  while (!stopped) {
    garbage(ap, 0, 200, 6);
    /* Events of its own, which it may be in the midst of when it is held. */
    mps_telemetry_label(ap, 1);
  }
  mps_ap_destroy(ap);
  mps_root_destroy(root);
  mps_thread_dereg(thread);
  return p;
}

static void threads(void)
{
  pthread_t t[3];
  mps_fmt_t fmt;
  int i;
  to_file();
  mps_telemetry_set(0x7f); /* every category */
  shared = arena_vm((size_t)8 << 20);
  mps_arena_pause_time_set(shared, 0.0);
  fmt = fmt_make(shared, 0);
  shared_pool = pool_amc(shared, fmt, NULL);
  for (i = 0; i < 3; ++i)
    CHECK(pthread_create(&t[i], NULL, allocate, NULL) == 0);
  for (i = 0; i < 10; ++i) {
    usleep(2000);
    CHECK_OK(mps_x_heap_snapshot(shared));
  }
  stopped = 1;
  for (i = 0; i < 3; ++i)
    pthread_join(t[i], NULL);
  CHECK_EQ(read_stream(), 10);
  CHECK(snap.objects > 0);
  unlink(name);
}

/* --- a stream that can't be written --- */

static void refused(void)
{
  mps_arena_t arena;
  mps_fmt_t fmt;
  mps_ap_t ap;
  if (access("/dev/full", W_OK) != 0) {
    part("not checked: there is no /dev/full");
    return;
  }
  setenv("MPS_TELEMETRY_FILENAME", "/dev/full", 1);
  arena = arena_vm((size_t)8 << 20);
  fmt = fmt_make(arena, 0);
  ap = ap_make(pool_amc(arena, fmt, NULL));
  garbage(ap, 0, 5000, 6);
  CHECK_EQ(mps_x_heap_snapshot(arena), MPS_RES_IO);
  CHECK_EQ(mps_x_heap_snapshot(arena), MPS_RES_IO);
  garbage(ap, 0, 5000, 6);
  CHECK_OK(mps_arena_collect(arena));
}

static const case_s cases[] = {
  {"each object with its references, AMC", graph_amc},
  {"each object with its references, AMC with headers", graph_header},
  {"each object with its references, AMS", graph_ams},
  {"roots, ranks, pools; postmortem", kinds},
  {"threads that allocate and write events", threads},
  {"a stream that is full", refused},
};

int main(void)
{
  word here;
  test_begin("snapshot");
  cold = &here;
  return CASES_RUN(cases);
}
