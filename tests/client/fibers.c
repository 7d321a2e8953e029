/* fibers.c -- stacks of the client's own: what lies on them is found
 *
 * Each fiber builds trees and goes down into recursions, switches to others in
 * the midst of them, and checks what it holds when it is back.  So do the stacks of the
 * threads.  Switches are made by ucontext, and on x86-64 by hand as well.  The main
 * thread collects, and stops the others anywhere in their switches.
 */

#define _GNU_SOURCE
#include "common.h"
#include "mpsx.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <ucontext.h>

enum { STACK = 64 * 1024, FIBERS = 12, THREADS = 3, SLOTS = 12 };

static mps_arena_t arena;
static mps_chain_t chain;
static mps_fmt_t fmt;
static mps_pool_t pool;
static const word key = ~(word)0 / 3 ^ (word)0x5a5a;

/* --- two ways to switch --- */

typedef struct stack_s {
  mps_x_fiber_t fiber;          /* null: the thread's own */
  ucontext_t context;
  void *sp;                     /* by hand */
  void (*begin)(struct stack_s *);
  void *memory;
  struct world_s *world;
  word serial;
  unsigned long rounds;
  int ended;
} stack_s;

/* What some stacks and a thread that runs on them in turn have together. */
typedef struct world_s {
  mps_thr_t thr;
  mps_ap_t ap;
  int by_hand;
  stack_s own, fibers[FIBERS];
  size_t count;
  stack_s *now;
  unsigned long long seed;
  volatile int stop;
  volatile unsigned long switches;
  int alone;                    /* collect on the fibers, too */
} world_s;

typedef struct pair_s { stack_s *from, *to; } pair_s;

#if defined(__x86_64__)
#define BY_HAND 1
void hand_swap(void **from, void *to);
__asm__(
  ".text\n"
  ".globl hand_swap\n"
  ".type hand_swap, @function\n"
  "hand_swap:\n"
  "  push %rbp\n  push %rbx\n  push %r12\n  push %r13\n  push %r14\n  push %r15\n"
  "  mov %rsp, (%rdi)\n"
  "  mov %rsi, %rsp\n"
  "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbx\n  pop %rbp\n"
  "  ret\n");
#else
#define BY_HAND 0
static void hand_swap(void **from, void *to)
{
  (void)from, (void)to;
  CHECK(0);
}
#endif

static void swap_by_hand(void *p)
{
  pair_s *q = p;
  hand_swap(&q->from->sp, q->to->sp);
}

static void swap_by_context(void *p)
{
  pair_s *q = p;
  CHECK_EQ(swapcontext(&q->from->context, &q->to->context), 0);
}

static void switch_to(world_s *w, stack_s *to)
{
  pair_s q;
  q.from = w->now;
  q.to = to;
  w->now = to;
  ++w->switches;
  mps_x_fiber_switch(w->thr, to->fiber, w->by_hand ? swap_by_hand : swap_by_context, &q);
}

/* Where a fiber begins: not to be returned from. */
static __thread stack_s *starting;

static void enter_fiber(void)
{
  stack_s *s = starting;
  s->begin(s);
  s->ended = 1;
  switch_to(s->world, &s->world->own);
  CHECK(0);
}

static void fiber_make(world_s *w, stack_s *s, void (*begin)(stack_s *))
{
  s->world = w;
  s->begin = begin;
  s->ended = 0;
  s->rounds = 0;
  s->memory = malloc(STACK);
  CHECK(s->memory != NULL);
  memset(s->memory, 0x5a, STACK);
  CHECK_OK(mps_x_fiber_create(&s->fiber, arena, s->memory, (char *)s->memory + STACK));
  if (w->by_hand) {
    void **top = (void **)((char *)s->memory + STACK) - 8;
    top[6] = (void *)(word)enter_fiber; /* entered as if called: sp = 16n - 8 */
    top[7] = NULL;
    s->sp = top;
  } else {
    CHECK_EQ(getcontext(&s->context), 0);
    s->context.uc_stack.ss_sp = s->memory;
    s->context.uc_stack.ss_size = STACK;
    s->context.uc_link = NULL;
    makecontext(&s->context, enter_fiber, 0);
  }
}

static void fiber_unmake(stack_s *s)
{
  mps_x_fiber_destroy(s->fiber);
  memset(s->memory, 0, STACK);
  free(s->memory);
  s->fiber = NULL;
}

/* --- what they do --- */

static word next(world_s *w)
{
  w->seed = w->seed * 6364136223846793005ull + 1442695040888963407ull;
  return (word)((w->seed >> 33) & 0x7fffffff);
}

/* Go to some other stack that has not ended. */
static void yield(world_s *w)
{
  stack_s *to;
  size_t i = next(w) % (w->count + 1);
  to = i == w->count ? &w->own : &w->fibers[i];
  if (to->fiber == NULL && to != &w->own)
    return;
  if (to->ended || to == w->now)
    return;
  if (to->rounds == 0 && to != &w->own)
    starting = to;
  ++to->rounds;
  switch_to(w, to);
}

static obj_t tree_make(world_s *w, int depth, word serial)
{
  obj_t left = NULL, right = NULL, o;
  if (depth > 0) {
    left = tree_make(w, depth - 1, 2 * serial);
    if (next(w) % 8 == 0)
      yield(w);                 /* with one half in hand */
    right = tree_make(w, depth - 1, 2 * serial + 1);
  }
  o = obj_new(w->ap, 0, KIND_VECTOR, 2, serial);
  o->slot[0] = (word)left;
  o->slot[1] = (word)right;
  return o;
}

static void tree_check(obj_t o, int depth, word serial)
{
  CHECK(obj_is(o, KIND_VECTOR, 2, serial));
  if (depth > 0) {
    tree_check((obj_t)o->slot[0], depth - 1, 2 * serial);
    tree_check((obj_t)o->slot[1], depth - 1, 2 * serial + 1);
  } else {
    CHECK(o->slot[0] == 0 && o->slot[1] == 0);
  }
}

__attribute__((noinline)) static void deep(world_s *w, int n)
{
  obj_t o = obj_new(w->ap, 0, KIND_LEAF, SLOTS, (word)n);
  if (n > 0)
    deep(w, n - 1);
  else
    yield(w);
  if (w->alone && next(w) % 64 == 0) {
    CHECK_OK(mps_arena_collect(arena));
    mps_arena_release(arena);
  }
  CHECK(obj_is(o, KIND_LEAF, SLOTS, (word)n));
}

static void work(stack_s *s)
{
  world_s *w = s->world;
  while (!w->stop) {
    int depth = (int)(next(w) % 6);
    obj_t t = tree_make(w, depth, 1);
    yield(w);
    deep(w, (int)(next(w) % 30));
    tree_check(t, depth, 1);
  }
}

/* Work on the thread's own stack and on fibers, until told to stop; then let all
 * of them come to their ends. */
__attribute__((noinline)) static unsigned long turns(world_s *w)
{
  unsigned long rounds = 0;
  size_t i;
  for (i = 0; i < w->count; ++i)
    fiber_make(w, &w->fibers[i], work);
  work(&w->own);
  for (i = 0; i < w->count; ++i) {
    stack_s *s = &w->fibers[i];
    rounds += s->rounds;
    while (!s->ended && s->rounds != 0)
      switch_to(w, s);
    fiber_unmake(s);
  }
  return rounds;
}

typedef struct job_s {
  world_s w;
  unsigned long rounds;
  pthread_t id;
} job_s;

static void world_begin(world_s *w, int by_hand, size_t count, word number)
{
  memset(w, 0, sizeof *w);
  w->by_hand = by_hand;
  w->count = count;
  w->seed = rnd_seed + number * 1000003u;
  w->now = &w->own;
  w->own.world = w;
  w->ap = ap_make(pool);
}

static void *thread(void *p)
{
  job_s *j = p;
  mps_root_t root;
  CHECK_OK(mps_thread_reg(&j->w.thr, arena));
  CHECK_OK(mps_x_root_create_stack(&root, arena, j->w.thr));
  j->rounds = turns(&j->w);
  mps_root_destroy(root);
  mps_thread_dereg(j->w.thr);
  return NULL;
}

static int have_begun(const job_s *jobs)
{
  size_t i;
  for (i = 0; i < THREADS; ++i)
    if (jobs[i].w.switches < 1000)
      return 0;
  return 1;
}

static void with_threads(int by_hand)
{
  static job_s jobs[THREADS];
  unsigned long rounds = 0;
  size_t i;
  int k;
  for (i = 0; i < THREADS; ++i) {
    world_begin(&jobs[i].w, by_hand, FIBERS, i);
    CHECK_EQ(pthread_create(&jobs[i].id, NULL, thread, &jobs[i]), 0);
  }
  for (k = 0; k < 40 || !have_begun(jobs); ++k) {
    if (k % 2 == 0) {
      mps_res_t res = mps_arena_collect(arena);
      /* At first the threads may have made nothing that could be collected. */
      CHECK(res == MPS_RES_OK || res == MPS_RES_FAIL);
      mps_arena_release(arena);
    } else {
      (void)mps_arena_start_collect(arena);
      while (mps_arena_step(arena, 0.0, 0.0))
        sched_yield();
    }
    sched_yield();
  }
  for (i = 0; i < THREADS; ++i)
    jobs[i].w.stop = 1;
  for (i = 0; i < THREADS; ++i) {
    CHECK_EQ(pthread_join(jobs[i].id, NULL), 0);
    mps_ap_destroy(jobs[i].w.ap);
    rounds += jobs[i].rounds;
  }
  CHECK(rounds > THREADS * FIBERS);
  part("%s: %d threads with %d fibers each, %lu switches", by_hand ? "by hand" : "ucontext",
       THREADS, FIBERS, rounds);
}

static int one_thread_left;
static void stop_after(stack_s *s)
{
  world_s *w = s->world;
  while (one_thread_left-- > 0) {
    deep(w, 5);
    garbage(w->ap, 0, 200, 30);
  }
  w->stop = 1;
}

/* The fibers themselves collect. */
static void alone(mps_thr_t thr, int by_hand)
{
  static world_s w;
  unsigned long rounds;
  mps_word_t before = mps_collections(arena);
  size_t i;
  world_begin(&w, by_hand, FIBERS, 77);
  w.thr = thr;
  w.alone = 1;
  one_thread_left = 300;
  for (i = 0; i + 1 < w.count; ++i)
    fiber_make(&w, &w.fibers[i], work);
  fiber_make(&w, &w.fibers[i], stop_after);
  work(&w.own);
  for (rounds = 0, i = 0; i < w.count; ++i) {
    rounds += w.fibers[i].rounds;
    while (!w.fibers[i].ended && w.fibers[i].rounds != 0)
      switch_to(&w, &w.fibers[i]);
    fiber_unmake(&w.fibers[i]);
  }
  CHECK(mps_collections(arena) > before + 20);
  mps_ap_destroy(w.ap);
  part("%s: collections on fibers, %lu switches", by_hand ? "by hand" : "ucontext", rounds);
}

/* --- what is held at rest, and what is not --- */

static word masked[3];

/* 0: on the fiber that sleeps. 1: on the thread's own stack meanwhile. */
__attribute__((noinline)) static void hold_and_leave(world_s *w, int which, stack_s *to)
{
  obj_t o = obj_new(w->ap, 0, KIND_LEAF, SLOTS, (word)which);
  masked[which] = (word)o ^ key;
  switch_to(w, to);
  CHECK_EQ((word)o, masked[which] ^ key);
  CHECK(obj_is(o, KIND_LEAF, SLOTS, (word)which));
}

static void sleeper(stack_s *s)
{
  hold_and_leave(s->world, 0, &s->world->own);
}

static void collector(stack_s *s)
{
  int i;
  for (i = 0; i < 5; ++i) {
    scrub_stack();
    CHECK_OK(mps_arena_collect(arena));
    CHECK(obj_is((obj_t)(masked[0] ^ key), KIND_LEAF, SLOTS, 0));
    CHECK(obj_is((obj_t)(masked[1] ^ key), KIND_LEAF, SLOTS, 1));
    mps_arena_release(arena);
    garbage(s->world->ap, 0, 300, 50);
    mps_arena_park(arena);
  }
}

static void go(world_s *w, stack_s *to)
{
  starting = to;
  ++to->rounds;
  switch_to(w, to);
}

__attribute__((noinline)) static void hold_and_go(world_s *w, stack_s *to)
{
  obj_t o = obj_new(w->ap, 0, KIND_LEAF, SLOTS, 1);
  masked[1] = (word)o ^ key;
  go(w, to);
  CHECK_EQ((word)o, masked[1] ^ key);
  CHECK(obj_is(o, KIND_LEAF, SLOTS, 1));
}

static void at_rest(mps_thr_t thr, int by_hand)
{
  static world_s w;
  mps_arena_park(arena);
  world_begin(&w, by_hand, 2, 5);
  w.thr = thr;
  fiber_make(&w, &w.fibers[0], sleeper);
  fiber_make(&w, &w.fibers[1], collector);
  go(&w, &w.fibers[0]);
  hold_and_go(&w, &w.fibers[1]);
  CHECK(w.fibers[1].ended);
  switch_to(&w, &w.fibers[0]);
  CHECK(w.fibers[0].ended);
  /* A fiber that has gone holds nothing. */
  fiber_unmake(&w.fibers[1]);
  fiber_unmake(&w.fibers[0]);
  scrub_stack();
  mps_arena_release(arena);
  garbage(w.ap, 0, 1000, 50);
  CHECK_OK(mps_arena_collect(arena));
  mps_arena_release(arena);
  mps_ap_destroy(w.ap);
  part("%s: a fiber and the thread's own stack hold what they were left with",
       by_hand ? "by hand" : "ucontext");
}

/* --- a fiber goes on on another thread --- */

static world_s moving;
static sem_t handed;

static void moves(stack_s *s)
{
  int i;
  for (i = 0; i < 50; ++i)
    hold_and_leave(s->world, 0, &s->world->own);
}

static void *second_thread(void *p)
{
  world_s *w = p;
  mps_root_t root;
  mps_thr_t mine, was = w->thr;
  stack_s own = w->own;
  CHECK_OK(mps_thread_reg(&mine, arena));
  CHECK_OK(mps_x_root_create_stack(&root, arena, mine));
  w->thr = mine;
  w->now = &w->own;
  switch_to(w, &w->fibers[0]);
  w->thr = was;
  w->own = own;
  w->now = &w->own;
  mps_root_destroy(root);
  mps_thread_dereg(mine);
  CHECK_EQ(sem_post(&handed), 0);
  return NULL;
}

static void on_another(mps_thr_t thr, int by_hand)
{
  int i;
  CHECK_EQ(sem_init(&handed, 0, 0), 0);
  world_begin(&moving, by_hand, 1, 6);
  moving.thr = thr;
  fiber_make(&moving, &moving.fibers[0], moves);
  go(&moving, &moving.fibers[0]);
  for (i = 0; !moving.fibers[0].ended; ++i) {
    CHECK_OK(mps_arena_collect(arena));
    mps_arena_release(arena);
    if (i % 2 == 0) {
      pthread_t t;
      CHECK_EQ(pthread_create(&t, NULL, second_thread, &moving), 0);
      CHECK_EQ(sem_wait(&handed), 0);
      CHECK_EQ(pthread_join(t, NULL), 0);
    } else {
      switch_to(&moving, &moving.fibers[0]);
    }
  }
  fiber_unmake(&moving.fibers[0]);
  mps_ap_destroy(moving.ap);
  CHECK_EQ(i, 50);
  part("%s: a fiber goes on on another thread", by_hand ? "by hand" : "ucontext");
}

/* --- misuse is reported --- */

static void destroys_itself(stack_s *s)
{
  REPORTED(mps_x_fiber_destroy(s->fiber));
  CHECK(strstr(reports_text, "no thread is on the fiber") != NULL);
}

static void misuse(mps_thr_t thr)
{
  static world_s w;
  static char stack[4 * sizeof(word)];
  mps_x_fiber_t f = NULL;
  volatile mps_res_t res = MPS_RES_OK;
  REPORTED(res = mps_x_fiber_create(&f, arena, stack + WORD, stack + WORD));
  CHECK_EQ(res, MPS_RES_PARAM);
  CHECK(f == NULL);
  REPORTED(mps_x_fiber_switch(thr, NULL, NULL, NULL));
  REPORTED(mps_x_fiber_switch(thr, (mps_x_fiber_t)(void *)thr, swap_by_context, NULL));
  world_begin(&w, 0, 1, 7);
  w.thr = thr;
  fiber_make(&w, &w.fibers[0], destroys_itself);
  go(&w, &w.fibers[0]);
  CHECK(w.fibers[0].ended);
  fiber_unmake(&w.fibers[0]);
  mps_ap_destroy(w.ap);
  part("misuse of fibers is reported");
}

int main(void)
{
  mps_thr_t thr;
  mps_root_t root;
  int by_hand;
  test_begin("fibers");
  arena = arena_vm((size_t)64 << 20);
  chain = chain_make(arena, 2, 100);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_x_root_create_stack(&root, arena, thr));
  for (by_hand = 0; by_hand <= BY_HAND; ++by_hand) {
    at_rest(thr, by_hand);
    alone(thr, by_hand);
    on_another(thr, by_hand);
    with_threads(by_hand);
  }
  misuse(thr);
  mps_arena_park(arena);
  mps_root_destroy(root);
  mps_thread_dereg(thr);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_chain_destroy(chain);
  mps_arena_destroy(arena);
  return test_end();
}
