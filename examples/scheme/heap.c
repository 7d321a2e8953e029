/* heap.c -- setting up the arena, roots, and the allocation functions */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mpsavm.h"
#include "mpscamc.h"
#include "mpscawl.h"

#include "error.h"
#include "heap.h"
#include "stats.h"

heap_s heap;

enum { POLL_EVERY = 4096, ROOTS_MAX = 16 };

static mps_chain_t chain;
static mps_fmt_t format;
static mps_pool_t pool, weak_pool;
static mps_thr_t thread;
static mps_root_t stack_root, roots[ROOTS_MAX];
static size_t root_count;
static long force_every;
static size_t full_limit, working_limit;        /* 0: no limit */
static unsigned long long rescued_at;           /* heap.bytes then */
static unsigned long long bytes_seen;           /* see futile */
static mps_word_t collections_seen;
static unsigned strikes;
static void (*finalizer)(obj_t);

/* Sizes in kilobytes and expected death rates.  A small nursery keeps it in
 * the cache and makes for collections often enough to watch. */
static mps_gen_param_s generations[] = {
  { 4096, 0.9 }, { 16384, 0.6 }, { 65536, 0.4 }
};

static void must(mps_res_t res, const char *what)
{
  if (res != MPS_RES_OK) {
    fprintf(stderr, "scheme: cannot create %s (code %d%s)\n", what, (int)res,
            res == MPS_RES_COMMIT_LIMIT ? ", over the commit limit" : "");
    exit(3);
  }
}

void heap_create(const heap_options_s *options, void *cold)
{
  mps_res_t res;

  MPS_ARGS_BEGIN(args) {
    if (options->arena_size != 0)
      MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, options->arena_size);
    if (options->pause_time >= 0)
      MPS_ARGS_ADD(args, MPS_KEY_PAUSE_TIME, options->pause_time);
    if (options->commit_limit != 0)
      MPS_ARGS_ADD(args, MPS_KEY_COMMIT_LIMIT, options->commit_limit);
    res = mps_arena_create_k(&heap.arena, mps_arena_class_vm(), args);
  } MPS_ARGS_END(args);
  must(res, "arena");
  must(mps_chain_create(&chain, heap.arena,
                        sizeof generations / sizeof generations[0],
                        generations), "generation chain");
  must(format_create(&format, heap.arena), "object format");
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, format);
    MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
    res = mps_pool_create_k(&pool, heap.arena, mps_class_amc(), args);
  } MPS_ARGS_END(args);
  must(res, "pool");
  must(mps_ap_create_k(&heap.ap, pool, mps_args_none), "allocation point");

  /* Arrays of address-keyed tables come from their own allocation point so
   * that rehashing a big table does not by itself bring on the collection
   * that makes the table stale again. */
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_AP_HASH_ARRAYS, 1);
    res = mps_ap_create_k(&heap.hash_ap, pool, args);
  } MPS_ARGS_END(args);
  must(res, "allocation point");

  /* Weak tables have a pool of their own, the objects of which stay where
   * they are.  Each of its allocation points makes objects of one rank. */
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, format);
    MPS_ARGS_ADD(args, MPS_KEY_CHAIN, chain);
    MPS_ARGS_ADD(args, MPS_KEY_AWL_FIND_DEPENDENT, format_dependent);
    res = mps_pool_create_k(&weak_pool, heap.arena, mps_class_awl(), args);
  } MPS_ARGS_END(args);
  must(res, "pool");
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_weak());
    res = mps_ap_create_k(&heap.weak_ap, weak_pool, args);
  } MPS_ARGS_END(args);
  must(res, "allocation point");
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_RANK, mps_rank_exact());
    res = mps_ap_create_k(&heap.strong_ap, weak_pool, args);
  } MPS_ARGS_END(args);
  must(res, "allocation point");
  mps_message_type_enable(heap.arena, mps_message_type_finalization());

  must(mps_thread_reg(&thread, heap.arena), "thread");
  must(mps_root_create_thread(&stack_root, heap.arena, thread, cold),
       "stack root");
  full_limit = options->commit_limit;
  if (full_limit != 0) {
    size_t reserve = full_limit / 16;
    working_limit = full_limit - (reserve < 4u << 20 ? reserve : 4u << 20);
    heap_restore_reserve();
  }
  force_every = options->force_every;
  heap.budget = force_every != 0 ? force_every : POLL_EVERY;
}

void heap_root_area(obj_t *base, obj_t *limit, mps_area_scan_t scan)
{
  if (root_count == ROOTS_MAX)
    must(MPS_RES_LIMIT, "root");
  must(mps_root_create_area(&roots[root_count++], heap.arena, mps_rank_exact(),
                            0, base, limit, scan, NULL), "root");
}

void heap_root(obj_t *base, size_t count)
{
  heap_root_area(base, base + count, scan_values);
}

/* The order matters: nothing may be collected once roots start to go. */
void heap_destroy(void)
{
  mps_arena_park(heap.arena);
  while (root_count > 0)
    mps_root_destroy(roots[--root_count]);
  mps_root_destroy(stack_root);
  mps_thread_dereg(thread);
  mps_ap_destroy(heap.strong_ap);
  mps_ap_destroy(heap.weak_ap);
  mps_ap_destroy(heap.hash_ap);
  mps_ap_destroy(heap.ap);
  mps_pool_destroy(weak_pool);
  mps_pool_destroy(pool);
  mps_fmt_destroy(format);
  mps_chain_destroy(chain);
  mps_arena_destroy(heap.arena);
}

void heap_finalize(obj_t object)
{
  mps_addr_t p = (mps_addr_t)object;
  if (mps_finalize(heap.arena, &p) != MPS_RES_OK)
    error_memory();
}

void heap_set_finalizer(void (*f)(obj_t))
{
  finalizer = f;
}

static void finalize_pending(void)
{
  mps_message_t message;
  while (mps_message_get(&message, heap.arena,
                         mps_message_type_finalization())) {
    mps_addr_t p;
    mps_message_finalization_ref(&p, heap.arena, message);
    finalizer((obj_t)p);
    mps_message_discard(heap.arena, message);
  }
}

void heap_collect(void)
{
  /* Fails when there is nothing to collect, which is no harm. */
  (void)mps_arena_collect(heap.arena);
  mps_arena_release(heap.arena);
  finalize_pending();
  heap_measure();
}

/* The step makes sure that something has been done already. */
void heap_start_collect(void)
{
  (void)mps_arena_start_collect(heap.arena);
  (void)mps_arena_step(heap.arena, 0.0001, 0);
}

void heap_use_reserve(void)
{
  if (full_limit != 0)
    (void)mps_arena_commit_limit_set(heap.arena, full_limit);
}

/* If the limit cannot be lowered now, there is simply less of a reserve. */
void heap_restore_reserve(void)
{
  if (rescued_at != 0)
    heap_collect();
  rescued_at = 0;
  if (full_limit != 0)
    (void)mps_arena_commit_limit_set(heap.arena, working_limit);
}

void heap_measure(void)
{
  size_t committed = mps_arena_committed(heap.arena);
  size_t reserved = mps_arena_reserved(heap.arena);
  if (committed > heap.peak_committed)
    heap.peak_committed = committed;
  if (reserved > heap.peak_reserved)
    heap.peak_reserved = reserved;
  stats_poll();
}

/* With -g, whole collections alternate with merely starting one, so that both
 * finished and half-done collections get mixed with the program's work. */
void heap_tick(void)
{
  static unsigned turn;
  if (force_every == 0) {
    heap.allocations += POLL_EVERY;
    heap.budget = POLL_EVERY - 1;
  } else {
    heap.allocations += (unsigned long)force_every;
    heap.budget = force_every - 1;
    if (turn++ % 2 == 0)
      heap_collect();
    else
      heap_start_collect();
  }
  finalize_pending();
  stats_poll();
}

/* Near the commit limit -- and a copying collector is near it when half of it
 * is in use -- the library may still find a little room by collecting again
 * and again.  Several collections in a row with next to nothing allocated
 * between them count as being out of memory. */
static int futile(void)
{
  size_t limit = mps_arena_commit_limit(heap.arena);
  mps_word_t collections = mps_collections(heap.arena);
  if (full_limit == 0 || force_every != 0 || collections == collections_seen)
    return 0;
  if (heap.bytes - bytes_seen < limit / 64
      && mps_arena_committed(heap.arena) > limit / 2)
    ++strikes;
  else
    strikes = 0;
  bytes_seen = heap.bytes;
  collections_seen = collections;
  if (strikes < 8)
    return 0;
  strikes = 0;
  return 1;
}

void *heap_reserve_slow(mps_ap_t ap, size_t bytes)
{
  mps_addr_t p = NULL;
  double start = stats_clock();
  mps_res_t res;
  if (futile())
    error_memory();
  res = mps_reserve(&p, ap, bytes);
  if (res != MPS_RES_OK) {
    /* A collection may help, but if the last one to be needed was only a
     * little while ago then memory really is at an end, and collecting ever
     * more often would only delay the news. */
    int again = rescued_at == 0
      || heap.bytes - rescued_at > mps_arena_commit_limit(heap.arena) / 32;
    rescued_at = heap.bytes;
    if (again) {
      heap_collect();
      res = mps_reserve(&p, ap, bytes);
    }
    if (res != MPS_RES_OK)
      error_memory();
  }
  stats_stall(start);
  heap_measure();
  return p;
}

/* ---- objects ------------------------------------------------------------- */

static void fill(obj_t *p, size_t count, obj_t value)
{
  while (count-- > 0)
    *p++ = value;
}

obj_t make_filled(enum type type, size_t words, obj_t value)
{
  any_s *p;
  do {
    p = heap_reserve(heap.ap, words);
    p->header = HEADER(type, words);
    fill(p->slot, words - 1, value);
  } while (!HEAP_COMMIT(heap.ap, p, words));
  return (obj_t)p;
}

static obj_t make_vector_on(mps_ap_t ap, size_t length, obj_t value)
{
  vector_s *p;
  size_t words = length + 2;
  if (length > SIZE_MAX / 64)
    error_memory();
  do {
    p = heap_reserve(ap, words);
    p->header = HEADER(T_VECTOR, words);
    p->length = FIXNUM(length);
    fill(p->item, length, value);
  } while (!HEAP_COMMIT(ap, p, words));
  return (obj_t)p;
}

obj_t make_vector(size_t length, obj_t value)
{
  return make_vector_on(heap.ap, length, value);
}

obj_t make_hash_vector(size_t length, obj_t value)
{
  return make_vector_on(heap.hash_ap, length, value);
}

/* `data' may lie inside a heap object: the pointer on our stack pins it.
 * There is always a NUL after the last character, for the C library. */
obj_t make_string(const char *data, size_t length)
{
  string_s *p;
  size_t words = 2 + (length + 1 + sizeof(obj_t) - 1) / sizeof(obj_t);
  if (length > SIZE_MAX / 64)
    error_memory();
  do {
    p = heap_reserve(heap.ap, words);
    p->header = HEADER(T_STRING, words);
    p->length = length;
    if (data != NULL)
      memcpy(p->data, data, length);
    else
      memset(p->data, ' ', length);
    p->data[length] = '\0';
  } while (!HEAP_COMMIT(heap.ap, p, words));
  return (obj_t)p;
}

obj_t make_code(size_t length)
{
  code_s *p;
  size_t words = offsetof(code_s, instr) / sizeof(obj_t)
               + length * sizeof(uint64_t) / sizeof(obj_t);
  do {
    p = heap_reserve(heap.ap, words);
    p->header = HEADER(T_CODE, words);
    p->consts = p->name = FALSE_OBJ;
    p->required = p->rest = p->maxstack = 0;
    p->length = (int32_t)length;
    memset(p->instr, 0, length * sizeof(uint64_t));
  } while (!HEAP_COMMIT(heap.ap, p, words));
  return (obj_t)p;
}

obj_t make_slots(int weak, size_t length, obj_t value)
{
  slots_s *p;
  mps_ap_t ap = weak ? heap.weak_ap : heap.strong_ap;
  size_t words = offsetof(slots_s, item) / sizeof(obj_t) + length;
  if (length > SIZE_MAX / 64)
    error_memory();
  do {
    p = heap_reserve(ap, words);
    p->header = HEADER(T_SLOTS, words);
    p->length = FIXNUM(length);
    p->dependent = FALSE_OBJ;
    p->lost = FIXNUM(0);
    fill(p->item, length, value);
  } while (!HEAP_COMMIT(ap, p, words));
  return (obj_t)p;
}

obj_t make_table(int kind, obj_t keys, obj_t values)
{
  table_s *p;
  size_t words = sizeof(table_s) / sizeof(obj_t);
  do {
    p = heap_reserve(heap.ap, words);
    p->header = HEADER(T_TABLE, words);
    p->keys = keys;
    p->values = values;
    p->count = p->used = FIXNUM(0);
    p->kind = FIXNUM(kind);
    mps_ld_reset(&p->ld, heap.arena);
  } while (!HEAP_COMMIT(heap.ap, p, words));
  return (obj_t)p;
}
