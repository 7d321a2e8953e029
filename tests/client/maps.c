/* maps.c -- the system refuses to change protection: too many mappings
 *
 * Linux allows a process so many mappings, and a protected stretch of memory
 * is one.  With the number used up, what the library asks for is refused in
 * unpredictable places; it then goes without barriers where it must.
 */

#include "common.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static char *area;
static size_t pages, page;

/* Give malloc memory for the judge.  With no mapping left it gets no more: a
 * process at the limit may be refused an mmap and even a brk.  The last block
 * stays, and what is below it is not given back. */
static void malloc_room(void)
{
  enum { BLOCKS = 8192, BLOCK = 4096 };
  static void *block[BLOCKS];
  size_t i;
  if (block[0] != NULL)
    return;                     /* the cases before got it */
  for (i = 0; i < BLOCKS; ++i) {
    block[i] = malloc(BLOCK);
    CHECK(block[i] != NULL);
  }
  for (i = 0; i + 1 < BLOCKS; ++i)
    free(block[i]);
}

/* Use up all mappings but about `left'. */
static void use_up(size_t left)
{
  size_t i, n = 0;
  page = (size_t)sysconf(_SC_PAGESIZE);
  pages = 400000;
  area = mmap(NULL, pages * page, PROT_NONE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(area != MAP_FAILED);
  for (i = 1; i < pages; i += 2) {
    if (mprotect(area + i * page, page, PROT_READ) != 0) {
      CHECK_EQ(errno, ENOMEM);
      break;
    }
    ++n;
  }
  CHECK(i < pages);             /* there was a limit, and it was met */
  /* a page made like its neighbours frees two */
  for (i -= 2; left >= 2; left -= 2, i -= 2)
    CHECK_EQ(mprotect(area + i * page, page, PROT_NONE), 0);
  part("%lu mappings used up", (unsigned long)(2 * n));
}

static void workload(double pause, size_t left)
{
  mps_arena_t arena = arena_vm((size_t)128 << 20);
  mps_chain_t chain = chain_make(arena, 3, 200);
  mps_fmt_t fmt = fmt_make(arena, 0);
  mps_pool_t pool = pool_amc(arena, fmt, chain);
  mps_pool_t ams = pool_class(arena, AMS, fmt), awl = pool_class(arena, AWL,
                                                                 fmt);
  graph_s g;
  mps_word_t n;
  int i;
  mps_arena_pause_time_set(arena, pause);
  graph_init(&g, arena, MPS_RM_PROT, 100, 20000, 12, ap_make(pool), 0, NULL,
             0);
  g.ap[1] = ap_make(ams);
  g.ap[2] = ap_make(awl);
  g.aps = 3;
  /* Memory would take mappings too: let there be enough of it beforehand. */
  mps_arena_spare_set(arena, 1.0);
  mps_arena_clamp(arena);
  garbage(g.ap[0], 0, 50000, 30);
  CHECK_OK(mps_arena_collect(arena));
  mps_arena_release(arena);
  for (i = 0; i < 40000; ++i)
    graph_step(&g);
  /* in the middle of a collection, protection being on already */
  CHECK_OK(mps_arena_start_collect(arena));
  (void)mps_arena_step(arena, 0.0, 0.0);
  malloc_room();
  use_up(left);
  /* what is new memory may need a mapping; but most is used again */
  g.may_refuse = 1;
  n = mps_collections(arena);
  graph_verify(&g);
  for (i = 0; i < 60000; ++i) {
    graph_step(&g);
    if (i % 4000 == 0) {
      CHECK_OK(mps_arena_start_collect(arena));
      graph_verify(&g);
    }
  }
  CHECK_OK(mps_arena_collect(arena));
  graph_verify(&g);
  mps_arena_release(arena);
  CHECK(mps_collections(arena) >= n + 2);
  part("%lu of %lu blocks refused", g.refused, g.allocs + g.refused);
  CHECK(g.refused < g.allocs / 4);
  g.may_refuse = 0;
  /* when there is room again, all is as before */
  CHECK_EQ(munmap(area, pages * page), 0);
  for (i = 0; i < 20000; ++i)
    graph_step(&g);
  mps_arena_park(arena);
  graph_verify(&g);
}

static void none_left(void) { workload(0.0, 0); }
static void few_left(void) { workload(0.0, 20); }
static void long_pauses(void) { workload(0.1, 6); }

static const case_s cases[] = {
  {"no mapping left", none_left},
  {"a few mappings left", few_left},
  {"a few left, long pauses", long_pauses}
};

int main(void)
{
  test_begin("maps");
  if (reference())
    return test_end();          /* it gives up there */
  return CASES_RUN(cases);
}
