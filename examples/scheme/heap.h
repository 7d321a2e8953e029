/* heap.h -- the garbage-collected heap and allocation */
#ifndef HEAP_H
#define HEAP_H

#include "object.h"

typedef struct {
  size_t arena_size;            /* initial reservation, 0 for the default */
  size_t commit_limit;          /* 0 for none */
  double pause_time;            /* negative for the library's default */
  long force_every;             /* collect every so many allocations, 0 never */
} heap_options_s;

typedef struct {
  mps_arena_t arena;
  mps_ap_t ap;                  /* ordinary objects */
  mps_ap_t hash_ap;             /* arrays of hash tables */
  mps_ap_t weak_ap, strong_ap;  /* those of weak ones */
  long budget;                  /* allocations until heap_tick */
  unsigned long allocations;
  unsigned long long bytes;     /* allocated since the start */
  size_t peak_committed, peak_reserved;
} heap_s;

extern heap_s heap;

extern void heap_create(const heap_options_s *options, void *cold);
extern void heap_destroy(void);
extern void heap_collect(void);         /* a whole collection */
extern void heap_start_collect(void);   /* one that goes on by and by */
extern void heap_measure(void);

/* When nothing but the collector knows of the object any more, `finalizer' is
 * called with it; not at once, and never in the middle of an allocation. */
extern void heap_finalize(obj_t object);
extern void heap_set_finalizer(void (*finalizer)(obj_t));

/* A part of what the commit limit allows is kept back for getting out of an
 * "out of memory" error. */
extern void heap_use_reserve(void);
extern void heap_restore_reserve(void);

/* Exact roots, which stay until heap_destroy. */
extern void heap_root(obj_t *base, size_t count);
extern void heap_root_area(obj_t *base, obj_t *limit, mps_area_scan_t scan);

/* Called every so many allocations; and when the allocation point has no
 * room, which is where the collector gets its time. */
extern void heap_tick(void);
extern void *heap_reserve_slow(mps_ap_t ap, size_t bytes);

/* Returns a reserved block of `words' words.  The caller fills it in
 * completely and then calls mps_commit; if that fails it starts again. */
static inline void *heap_reserve(mps_ap_t ap, size_t words)
{
  mps_addr_t p;
  size_t bytes = words * sizeof(obj_t);
  if (--heap.budget < 0)
    heap_tick();
  heap.bytes += bytes;
  if ((uintptr_t)ap->alloc + bytes <= (uintptr_t)ap->limit
      && mps_reserve(&p, ap, bytes) == MPS_RES_OK)
    return p;
  return heap_reserve_slow(ap, bytes);
}

#define HEAP_COMMIT(ap, p, words) mps_commit(ap, p, (words) * sizeof(obj_t))

static inline obj_t cons(obj_t car, obj_t cdr)
{
  pair_s *p;
  do {
    p = heap_reserve(heap.ap, 3);
    p->header = HEADER(T_PAIR, 3);
    p->car = car;
    p->cdr = cdr;
  } while (!HEAP_COMMIT(heap.ap, p, 3));
  return (obj_t)p;
}

static inline obj_t make_flonum(double value)
{
  flonum_s *p;
  do {
    p = heap_reserve(heap.ap, 2);
    p->header = HEADER(T_FLONUM, 2);
    p->value = value;
  } while (!HEAP_COMMIT(heap.ap, p, 2));
  return (obj_t)p;
}

/* An object whose words after the header are all values, each `fill'.  Sound
 * for every type that has no raw words; the caller then stores the fields. */
extern obj_t make_filled(enum type type, size_t words, obj_t fill);

extern obj_t make_vector(size_t length, obj_t fill);
extern obj_t make_hash_vector(size_t length, obj_t fill);
extern obj_t make_slots(int weak, size_t length, obj_t fill);
extern obj_t make_string(const char *data, size_t length);  /* data may be NULL */
extern obj_t make_code(size_t length);
extern obj_t make_table(int kind, obj_t keys, obj_t values);

#endif
