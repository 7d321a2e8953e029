/* heap.c -- automatic pools of every class in one arena, four threads, pause
 * time 0: a heap for each thread, with a shadow of it in malloc memory
 *
 * References go across all pools: exact ones in AMC, AMS and AWL, weak ones in
 * AWL, to leaves in AMCZ and LO, ambiguous ones in a table and on the stacks.
 * Threads hand each other leaves, which never change.
 *
 * What is at hand is compared after every step, and now and then all that a
 * thread's roots reach.  References are kept on the stack meanwhile, never in
 * memory that nobody scans: collections come at any time.
 */

#include "common.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"

#include <pthread.h>

enum {
  THREADS = 4, ROOTS = 300, PINS = 12, SLOTS = 6, NODES = 3000, BOX = 32,
  VECTORS = 3,                  /* AMC, AMS, AWL */
  LEAVES = 2                    /* AMCZ, LO */
};

static mps_arena_t arena;
static mps_chain_t chain;
static mps_fmt_t fmt;
static mps_pool_t pools[VECTORS + LEAVES];
static unsigned long steps = 300000;

/* --- leaves handed from thread to thread --- */

static mps_addr_t box[BOX];     /* exact roots */
static struct { word serial; size_t n; } box_shadow[BOX];
static pthread_mutex_t box_lock = PTHREAD_MUTEX_INITIALIZER;

/* --- a thread's heap --- */

enum { FREE, LEAF, STRONG, WEAK };

typedef struct shade_s {        /* what an object should be */
  int kind;
  word serial;
  size_t n;                     /* slots; of a leaf: words */
  int slot[SLOTS];              /* nodes; 0: null */
  unsigned strong, any;         /* marks: reached by strong references, by any */
  unsigned seen;                /* compared already */
  unsigned gone;                /* a weak reference to it was null */
} shade_s;

typedef struct heap_s {
  size_t me;
  unsigned long long rnd;
  mps_ap_t ap[VECTORS + 1 + LEAVES];    /* the one in between: weak, AWL */
  mps_addr_t root[ROOTS];
  int root_is[ROOTS];
  word pin[PINS];
  int pin_is[PINS];
  shade_s node[NODES];
  int todo[ROOTS + PINS + NODES * SLOTS];
  int cursor;
  unsigned mark, round;
  word serial;
  unsigned long made, written, compared, splatted, taken, ticks;
} heap_s, *heap_t;

static size_t any(heap_t h, size_t below)
{
  h->rnd = h->rnd * 6364136223846793005ull + 1442695040888963407ull;
  return (size_t)(h->rnd >> 33) % below;
}

static void must_be(heap_t h, obj_t o, int k)
{
  shade_s *s = &h->node[k];
  CHECK_EQ(s->kind != FREE, 1);
  CHECK(obj_is(o, s->kind == LEAF ? KIND_LEAF : KIND_VECTOR, s->n, s->serial));
}

/* A weak slot that is null though its shadow is not: its object must be dead,
 * for as far as this thread can tell. */
static int splatted(heap_t h, obj_t o, shade_s *s, size_t i)
{
  int to = s->slot[i];
  if (s->kind != WEAK || to == 0 || o->slot[i] != 0)
    return 0;
  h->node[to].gone = h->round;
  s->slot[i] = 0;
  ++h->splatted;
  return to;
}

/* Marks what is reached by references that hold, or by all of them. */
static void reach(heap_t h, int strongly)
{
  size_t top = 0, i;
  unsigned mark = ++h->mark;
  for (i = 0; i < ROOTS + PINS; ++i)
    h->todo[top++] = i < ROOTS ? h->root_is[i] : h->pin_is[i - ROOTS];
  while (top > 0) {
    int k = h->todo[--top];
    shade_s *s = &h->node[k];
    unsigned *m = strongly ? &s->strong : &s->any;
    if (k == 0 || *m == mark)
      continue;
    *m = mark;
    if (s->kind != LEAF && !(strongly && s->kind == WEAK))
      for (i = 0; i < s->n; ++i) {
        int to = s->slot[i];
        if (to != 0 && (strongly ? h->node[to].strong : h->node[to].any) != mark) {
          h->todo[top++] = to;
        }
      }
  }
}

/* Compares the object at o and what it leads to. */
static void compare(heap_t h, obj_t o, int k)
{
  shade_s *s = &h->node[k];
  size_t i;
  must_be(h, o, k);
  if (s->seen == h->round)
    return;
  s->seen = h->round;
  ++h->compared;
  for (i = 0; s->kind != LEAF && i < s->n; ++i) {
    int to = s->slot[i];
    obj_t next = (obj_t)o->slot[i];     /* on the stack: it stays */
    if (s->kind == WEAK && next == NULL) {
      to = splatted(h, o, s, i);
      CHECK(to == 0 || h->node[to].strong != h->mark);
      continue;
    }
    CHECK_EQ(next == NULL, to == 0);
    if (to == 0)
      continue;
    /* All weak references to an object go together. */
    CHECK(s->kind != WEAK || h->node[to].gone != h->round);
    compare(h, next, to);
  }
}

static void compare_all(heap_t h)
{
  size_t i;
  reach(h, 1);
  ++h->round;
  for (i = 0; i < ROOTS; ++i) {
    obj_t o = h->root[i];
    CHECK_EQ(o == NULL, h->root_is[i] == 0);
    if (o != NULL)
      compare(h, o, h->root_is[i]);
  }
  for (i = 0; i < PINS; ++i)
    if (h->pin_is[i] != 0)
      compare(h, (obj_t)h->pin[i], h->pin_is[i]);
}

/* A node for a new object; what nothing leads to any more is taken back. */
static int new_node(heap_t h)
{
  int round;
  for (round = 0;; ++round) {
    for (; h->cursor < NODES; ++h->cursor)
      if (h->node[h->cursor].kind == FREE)
        return h->cursor;
    if (round > 0)              /* too much of it: let something go */
      for (h->cursor = 0; h->cursor < ROOTS / 4; ++h->cursor) {
        size_t r = any(h, ROOTS);
        h->root[r] = NULL;
        h->root_is[r] = 0;
      }
    reach(h, 0);
    for (h->cursor = 1; h->cursor < NODES; ++h->cursor)
      if (h->node[h->cursor].any != h->mark)
        h->node[h->cursor].kind = FREE;
    h->cursor = 1;
    CHECK(round < 1000);
  }
}

/* A random walk; the answer may be null. */
static obj_t pick(heap_t h, int *k_o)
{
  size_t r, depth = any(h, 8);
  int k, tries = 8;
  obj_t o;
  do {
    r = any(h, ROOTS + PINS);
    k = r < ROOTS ? h->root_is[r] : h->pin_is[r - ROOTS];
    o = k == 0 ? NULL : r < ROOTS ? h->root[r] : (obj_t)h->pin[r - ROOTS];
  } while (k == 0 && --tries > 0);
  while (k != 0) {
    shade_s *s = &h->node[k];
    size_t i;
    obj_t next;
    must_be(h, o, k);
    if (depth-- == 0 || s->kind == LEAF || s->n == 0)
      break;
    i = any(h, s->n);
    next = (obj_t)o->slot[i];
    if (next == NULL) {
      /* Whether a weak one may be null is for compare to say. */
      CHECK(s->slot[i] == 0 || s->kind == WEAK);
      break;
    }
    CHECK(s->slot[i] != 0);
    k = s->slot[i];
    o = next;
  }
  *k_o = k;
  return o;
}

/* One with slots, if it is easy. */
static obj_t pick_vector(heap_t h, int *k_o)
{
  int tries = 8;
  obj_t o;
  do
    o = pick(h, k_o);
  while (--tries > 0
         && (*k_o == 0 || h->node[*k_o].kind == LEAF || h->node[*k_o].n == 0));
  return o;
}

static void set_slot(heap_t h, obj_t o, int k, obj_t t, int to)
{
  size_t i = any(h, h->node[k].n), tries = 3;
  while (h->node[k].slot[i] != 0 && tries-- > 0)
    i = any(h, h->node[k].n);
  o->slot[i] = (word)t;
  h->node[k].slot[i] = to;
  ++h->written;
}

static void make(heap_t h)
{
  static const int kinds[] = { STRONG, STRONG, STRONG, WEAK, LEAF, LEAF };
  size_t which = any(h, VECTORS + 1 + LEAVES), i, n;
  size_t r = any(h, ROOTS);
  int k = new_node(h), kind = kinds[which];
  shade_s *s = &h->node[k];
  obj_t o = NULL;
  word serial = ++h->serial * THREADS + h->me;
  n = kind == LEAF ? (any(h, 200) == 0 ? any(h, 6000) : any(h, 20))
                   : 1 + any(h, SLOTS);
  CHECK_OK(obj_try(&o, h->ap[which], 0,
                   kind == LEAF ? KIND_LEAF : KIND_VECTOR, n, serial));
  memset(s, 0, sizeof *s);
  s->kind = kind;
  s->serial = serial;
  s->n = n;
  if (kind != LEAF)
    for (i = 0; i < n; ++i) {
      int to;
      obj_t t = pick(h, &to);
      o->slot[i] = (word)t;
      s->slot[i] = to;
    }
  ++h->made;
  if (any(h, 24) != 0) {
    int in;
    obj_t v = pick_vector(h, &in);
    if (in != 0 && h->node[in].kind != LEAF && h->node[in].n != 0) {
      set_slot(h, v, in, o, k);
      return;
    }
  }
  h->root[r] = o;
  h->root_is[r] = k;
}

static void change(heap_t h)
{
  int k, to = 0;
  obj_t o = pick_vector(h, &k), t = NULL;
  if (k == 0 || h->node[k].kind == LEAF || h->node[k].n == 0)
    return;
  if (any(h, 12) != 0)
    t = pick(h, &to);
  set_slot(h, o, k, t, to);
}

static void change_root(heap_t h)
{
  size_t r = any(h, ROOTS), p = any(h, PINS);
  int k;
  obj_t o = pick(h, &k);
  if (any(h, 3) != 0) {
    h->root[r] = any(h, 12) == 0 ? NULL : o;
    h->root_is[r] = h->root[r] == NULL ? 0 : k;
  } else {
    h->pin[p] = o == NULL ? (word)rnd_seed : (word)o;
    h->pin_is[p] = k;
  }
}

static void exchange(heap_t h)
{
  size_t b = any(h, BOX), r = any(h, ROOTS);
  int k;
  obj_t o = pick(h, &k);
  CHECK_EQ(pthread_mutex_lock(&box_lock), 0);
  if (k != 0 && h->node[k].kind == LEAF) {
    box[b] = o;
    box_shadow[b].serial = h->node[k].serial;
    box_shadow[b].n = h->node[k].n;
  } else if ((o = box[b]) != NULL) {
    word serial = box_shadow[b].serial;
    size_t n = box_shadow[b].n;
    k = new_node(h);
    memset(&h->node[k], 0, sizeof h->node[k]);
    h->node[k].kind = LEAF;
    h->node[k].serial = serial;
    h->node[k].n = n;
    must_be(h, o, k);
    h->root[r] = o;
    h->root_is[r] = k;
    ++h->taken;
  }
  CHECK_EQ(pthread_mutex_unlock(&box_lock), 0);
}

static mps_res_t scan_table(mps_ss_t ss, void *base, void *limit, void *p)
{
  (void)p;
  return mps_scan_area(ss, base, limit, NULL);
}

__attribute__((noinline)) static void run(heap_t h)
{
  unsigned long i;
  for (i = 0; i < steps; ++i) {
    size_t what = any(h, 100);
    if (what < 40)
      make(h);
    else if (what < 70)
      change(h);
    else if (what < 72)
      change_root(h);
    else if (what < 76)
      exchange(h);
    else if (what == 76)
      h->ticks += mps_arena_step(arena, 0.0, 0.0) != 0;
    if (i % 1000 == 999)
      compare_all(h);
    if (i % 40000 == 1000 + h->me * 3000)
      (void)mps_arena_start_collect(arena);     /* there may be nothing yet */
    if (i % 50000 == h->me * 5000 + 4999) {
      CHECK_OK(mps_arena_collect(arena));
      mps_arena_release(arena);
    }
  }
  compare_all(h);
}

static mps_ap_t weak_ap(void)
{
  mps_ap_t ap = NULL;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_weak());
    CHECK_OK(mps_ap_create_k(&ap, pools[2], args));
  } MPS_ARGS_END(args);
  return ap;
}

static void *thread(void *p)
{
  heap_t h = p;
  mps_thr_t thr;
  mps_root_t stack, exact, ambig;
  void *marker = &marker;
  size_t i;
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread(&stack, arena, thr, marker));
  CHECK_OK(mps_root_create_area(&exact, arena, mps_rank_exact(), 0, h->root,
                                h->root + ROOTS, scan_table, NULL));
  CHECK_OK(mps_root_create_area(&ambig, arena, mps_rank_ambig(), 0, h->pin,
                                h->pin + PINS, scan_table, NULL));
  for (i = 0; i < VECTORS; ++i)
    h->ap[i] = ap_make(pools[i]);
  h->ap[VECTORS] = weak_ap();
  for (i = 0; i < LEAVES; ++i)
    h->ap[VECTORS + 1 + i] = ap_make(pools[VECTORS + i]);
  run(h);
  for (i = 0; i < VECTORS + 1 + LEAVES; ++i)
    mps_ap_destroy(h->ap[i]);
  mps_root_destroy(stack);
  mps_root_destroy(exact);
  mps_root_destroy(ambig);
  mps_thread_dereg(thr);
  return NULL;
}

static void test(size_t gens)
{
  mps_pool_class_t classes[VECTORS + LEAVES];
  static heap_s heap[THREADS];
  pthread_t id[THREADS];
  mps_root_t root;
  size_t i;
  unsigned long made = 0, written = 0, compared = 0, gone = 0, taken = 0;
  classes[0] = mps_class_amc();
  classes[1] = mps_class_ams();
  classes[2] = mps_class_awl();
  classes[3] = mps_class_amcz();
  classes[4] = mps_class_lo();
  arena = arena_vm((size_t)64 << 20);
  mps_arena_pause_time_set(arena, 0.0);
  chain = gens != 0 ? chain_make(arena, gens, 150) : NULL;
  fmt = fmt_make(arena, 0);
  for (i = 0; i < VECTORS + LEAVES; ++i)
    MPS_ARGS_BEGIN(args) {
      MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
      if (chain != NULL)
        MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
      CHECK_OK(mps_pool_create_k(&pools[i], arena, classes[i], args));
    } MPS_ARGS_END(args);
  memset(box, 0, sizeof box);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, box, BOX));
  memset(heap, 0, sizeof heap);
  for (i = 0; i < THREADS; ++i) {
    heap[i].me = i;
    heap[i].rnd = rnd_seed + i * 1000003u + gens;
    heap[i].cursor = 1;
    CHECK_EQ(pthread_create(&id[i], NULL, thread, &heap[i]), 0);
  }
  for (i = 0; i < THREADS; ++i) {
    CHECK_EQ(pthread_join(id[i], NULL), 0);
    made += heap[i].made;
    written += heap[i].written;
    compared += heap[i].compared;
    gone += heap[i].splatted;
    taken += heap[i].taken;
  }
  CHECK(mps_collections(arena) >= 10 && gone > 0 && taken > 0);
  part("%lu generations: %lu objects, %lu writes, %lu compared, %lu handed"
       " over, %lu weak references gone, %lu flips", (unsigned long)gens,
       made, written, compared, taken, gone,
       (unsigned long)mps_collections(arena));
  mps_arena_park(arena);
  mps_root_destroy(root);
  for (i = 0; i < VECTORS + LEAVES; ++i)
    mps_pool_destroy(pools[i]);
  if (chain != NULL)
    mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

int main(int argc, char **argv)
{
  if (argc > 1)
    steps = strtoul(argv[1], NULL, 0);
  test_begin("heap");
  test(3);
  test(0);
  return test_end();
}
