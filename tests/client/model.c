/* model.c -- each manual pool against a naive allocator: a map of the address
 * space with a bit for every word that is in use, and a count of them.
 *
 * Both get the same operations, MODEL_STEPS (ten million) for each pool.
 * A block must be aligned and clear of all others, must still be what it was
 * filled with when it goes, and the pool must say that as many bytes are in use
 * as the naive allocator does.
 */

#include "common.h"
#include "mpscmfs.h"
#include "mpscmvff.h"
#include "mpscmvt.h"

#include <sys/wait.h>
#include <unistd.h>

enum { SLOTS = 20000, UNIT = 40, REGION_SHIFT = 20, REGIONS = 4096 };

/* --- the naive allocator --- */

typedef unsigned long long bits_t;

static struct {
  word region;                  /* address >> REGION_SHIFT, or 0 */
  bits_t *map;                  /* a bit for each 8 bytes */
} region[REGIONS];
static size_t live;             /* bytes in use */

static bits_t *map_of(word a)
{
  word r = a >> REGION_SHIFT;
  size_t i = (size_t)(r * 2654435761u) % REGIONS;
  while (region[i].region != r) {
    if (region[i].region == 0) {
      region[i].region = r;
      region[i].map = calloc(((size_t)1 << REGION_SHIFT) / 64, sizeof(bits_t));
      CHECK(region[i].map != NULL);
      break;
    }
    i = (i + 1) % REGIONS;
  }
  return region[i].map;
}

/* All bits of size bytes from a on must be the opposite of on; they change. */
static void mark(word a, size_t size, int on)
{
  word end = a + size;
  live += on ? size : (size_t)0 - size;
  while (a < end) {
    bits_t *map = map_of(a);
    size_t i = (size_t)(a & (((word)1 << REGION_SHIFT) - 1)) / 8;
    size_t n = 64 - i % 64, most = (size_t)(end - a) / 8;
    bits_t mask;
    if (n > most)
      n = most;
    mask = (~(bits_t)0 >> (64 - n)) << i % 64;
    if ((map[i / 64] & mask) != (on ? 0 : mask))
      check_failed(__FILE__, __LINE__, on ? "block overlaps no other"
                   : "block freed was in use", 2, a, (word)size);
    map[i / 64] ^= mask;
    a += n * 8;
  }
}

static void forget(void)
{
  size_t i;
  CHECK_EQ(live, 0);
  for (i = 0; i < REGIONS; ++i)
    free(region[i].map);
  memset(region, 0, sizeof region);
}

#define WHOLE(s, n) (((n) + (s)->align - 1) & ~((s)->align - 1))

/* --- the pools --- */

typedef struct block_s {
  char *p;                      /* null: none */
  size_t size;                  /* as asked for */
  unsigned char tag;            /* what it is filled with */
} block_s;

typedef struct subject_s {
  const char *name;
  size_t unit;                  /* the only size, or 0 */
  size_t align;
  int calls, aps;               /* mps_alloc, allocation points */
  int parts;                    /* may blocks be freed in part? */
  int debug;
} subject_s;

static const subject_s subjects[] = {
  { "MFS", UNIT, 8, 1, 0, 0, 0 },
  { "MVFF", 0, 8, 1, 0, 1, 0 },
  { "MVFF from both ends, by allocation points too", 0, 16, 1, 1, 1, 0 },
  { "MVFF debug", 0, 8, 1, 0, 0, 1 },
  { "MVT", 0, 8, 0, 1, 1, 0 },
};

static block_s block[SLOTS];
static mps_pool_t pool;
static mps_ap_t ap[2];

static mps_pool_t make_pool(const subject_s *s, mps_arena_t arena)
{
  mps_pool_t p = NULL;
  MPS_ARGS_BEGIN(args) {
    if (s->unit != 0) {
      MPS_ARGS_ADD(args, MPS_KEY_MFS_UNIT_SIZE, s->unit);
      CHECK_OK(mps_pool_create_k(&p, arena, mps_class_mfs(), args));
    } else {
      mps_pool_class_t c = !s->calls ? mps_class_mvt()
        : s->debug ? mps_class_mvff_debug() : mps_class_mvff();
      MPS_ARGS_ADD(args, MPS_KEY_ALIGN, s->align);
      if (s->calls && s->aps) {
        MPS_ARGS_ADD(args, MPS_KEY_MVFF_ARENA_HIGH, 1);
        MPS_ARGS_ADD(args, MPS_KEY_MVFF_SLOT_HIGH, 1);
        MPS_ARGS_ADD(args, MPS_KEY_MVFF_FIRST_FIT, 0);
      }
      CHECK_OK(mps_pool_create_k(&p, arena, c, args));
    }
  } MPS_ARGS_END(args);
  return p;
}

static size_t a_size(const subject_s *s)
{
  word n;
  if (s->unit != 0)
    return s->unit;
  n = rnd_below(4096);
  if (s->debug && n != 0)       /* it looks at every byte of free memory */
    n = 1 + rnd_below(n < 64 ? 256 : 64);
  else if (n == 0)
    n = 1 + rnd_below(65536);
  else if (n < 64)
    n = 1 + rnd_below(4096);
  else
    n = 1 + rnd_below(256);
  return (size_t)n;
}

static int filled(const block_s *b)
{
  size_t i = 0;
  word w;
  memset(&w, b->tag, sizeof w);
  for (; i + sizeof w <= b->size; i += sizeof w)
    if (*(word *)(b->p + i) != w)
      return 0;
  for (; i < b->size; ++i)
    if ((unsigned char)b->p[i] != b->tag)
      return 0;
  return 1;
}

static void get_block(const subject_s *s, block_s *b)
{
  mps_addr_t p = NULL;
  size_t size = a_size(s);
  if (s->aps && (!s->calls || (rnd() & 1) != 0)) {
    mps_ap_t a = ap[rnd() & 1];
    size = WHOLE(s, size);
    do
      CHECK_OK(mps_reserve(&p, a, size));
    while (!mps_commit(a, p, size));
  } else
    CHECK_OK(mps_alloc(&p, pool, size));
  CHECK_EQ((word)p % s->align, 0);
  mark((word)p, WHOLE(s, size), 1);
  b->p = p;
  b->size = size;
  b->tag = (unsigned char)rnd();
  memset(b->p, b->tag, size);
}

static void put_block(const subject_s *s, block_s *b)
{
  size_t whole = WHOLE(s, b->size);
  CHECK(filled(b));
  if (s->parts && whole >= 4 * s->align && rnd_below(16) == 0) {
    /* From somewhere in the middle; the front stays. */
    size_t keep = s->align * (1 + rnd_below(whole / s->align - 2));
    size_t gone = s->align * (1 + rnd_below((whole - keep) / s->align));
    block_s *rest = &block[rnd_below(SLOTS)];
    if (rest->p != NULL)
      gone = whole - keep;
    mark((word)b->p + keep, gone, 0);
    mps_free(pool, b->p + keep, gone);
    if (keep + gone < whole) {
      rest->p = b->p + keep + gone;
      rest->size = b->size - keep - gone;
      rest->tag = b->tag;
    }
    b->size = keep;
    return;
  }
  mark((word)b->p, whole, 0);
  mps_free(pool, b->p, b->size);
  b->p = NULL;
}

/* The pool's own count of what is in use. */
static void compare(const subject_s *s, size_t blocks)
{
  size_t used = mps_pool_total_size(pool) - mps_pool_free_size(pool);
  if (s->debug)                 /* heads and fences */
    CHECK(used >= live && used <= live + blocks * 96);
  else if (s->aps)              /* the room of allocation points */
    CHECK(used >= live && used <= live + 2 * (64 << 10));
  else
    CHECK_EQ(used, live);
}

static void test(const subject_s *s, size_t steps)
{
  mps_arena_t arena = arena_vm((size_t)256 << 20);
  size_t i, blocks = 0, most = 0, allocs = 0, up = 5, committed;
  double start = now();
  committed = mps_arena_committed(arena);
  pool = make_pool(s, arena);
  if (s->aps)
    for (i = 0; i < 2; ++i)
      ap[i] = ap_make(pool);
  for (i = 0; i < steps; ++i) {
    block_s *b;
    int tries = 4;
    if (i % 65536 == 0)         /* grows for a while, then shrinks */
      up = 1 + rnd_below(9);
    do                          /* a step of that kind, if it is easy */
      b = &block[rnd_below(SLOTS)];
    while ((b->p == NULL) != (i % 10 < up) && --tries > 0);
    if (b->p == NULL) {
      get_block(s, b);
      ++allocs;
    } else
      put_block(s, b);
    if (live > most)
      most = live;
    if (i % 65536 == 65535) {
      size_t k;
      for (blocks = 0, k = 0; k < SLOTS; ++k)
        blocks += block[k].p != NULL;
      compare(s, blocks);
    }
    if (s->debug && i % (steps / 16 + 1) == 0) {
      mps_pool_check_fenceposts(pool);
      mps_pool_check_free_space(pool);
    }
  }
  while (live != 0)             /* parts may come to lie in slots passed */
    for (i = 0; i < SLOTS; ++i)
      if (block[i].p != NULL)
        put_block(s, &block[i]);
  if (s->aps)
    for (i = 0; i < 2; ++i)
      mps_ap_destroy(ap[i]);
  forget();
  CHECK_EQ(mps_pool_total_size(pool), mps_pool_free_size(pool));
  mps_pool_destroy(pool);
  mps_arena_spare_set(arena, 0.0);
  CHECK(mps_arena_committed(arena) <= committed + (256 << 10));
  part("%s: %lu steps, %lu blocks, %lu bytes at most, %.0f ns a step",
       s->name, (unsigned long)steps, (unsigned long)allocs,
       (unsigned long)most, (now() - start) * 1e9 / (double)steps);
  mps_arena_destroy(arena);
}

/* Each in a process of its own, two at a time. */
int main(void)
{
  enum { N = sizeof subjects / sizeof subjects[0] };
  const char *text = getenv("MODEL_STEPS");
  size_t steps = text != NULL ? strtoul(text, NULL, 0) : 10000000, i;
  int running = 0, failed = 0, status;
  test_begin("model");
  fflush(stdout);
  for (i = 0; i < N || running > 0;) {
    if (i < N && running < 2) {
      pid_t pid = fork();
      CHECK(pid >= 0);
      if (pid == 0) {
        size_t k;
        for (k = 0; k < i; ++k) /* other numbers for each */
          (void)rnd();
        test(&subjects[i], steps);
        _exit(0);
      }
      ++i;
      ++running;
      continue;
    }
    CHECK(wait(&status) > 0);
    failed += status != 0;
    --running;
  }
  CHECK_EQ(failed, 0);
  return test_end();
}
