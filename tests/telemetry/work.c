/* work.c -- something to look at with mps-telemetry
 *
 * work CAPACITY ALLOCATIONS FORK: the capacity of the youngest generation in
 * kilobytes, how many objects to allocate, and whether a child process is to
 * do the same from half way on.
 *
 * With MPS_TEST_SNAPSHOT in the environment heap snapshots are taken: after the first half, and
 * when all is collected.
 *
 * Each process prints a line of JSON: what mps_x_stats has to say of it.
 */

#include "../client/common.h"

#include <sys/wait.h>
#include <unistd.h>

#include "mpsx.h"

enum { TABLE = 2000 };
static mps_addr_t table[TABLE];
static mps_arena_t arena;
static mps_ap_t ap;

/* Most objects die young; of the others each refers to another. */
static void mutate(long count)
{
  while (count-- > 0) {
    obj_t o = obj_new(ap, 0, KIND_VECTOR, 2 + rnd_below(20), 1);
    obj_t other = table[rnd_below(TABLE)];
    o->slot[0] = (word)other;
    if (other != NULL && count % 7 == 0)
      other->slot[1] = (word)o;
    if (count % 20 == 0)
      table[rnd_below(TABLE)] = o;
    else if (count % 1000 == 1)
      memset(table, 0, TABLE / 4 * sizeof table[0]);
  }
}

static void stats(mps_x_stats_s *s)
{
  s->struct_size = sizeof *s;
  CHECK_OK(mps_x_stats(arena, s));
}

static void print(const char *role, const mps_x_stats_s *s,
                  const mps_x_stats_s *from)
{
  printf("{\"role\":\"%s\",\"pid\":%ld,\"pauses\":%lu,\"total\":%.9f,"
         "\"p50\":%.9f,\"p99\":%.9f,\"p999\":%.9f,\"max\":%.9f,"
         "\"moved\":%lu,\"reclaimed\":%lu,\"reads\":%lu,\"writes\":%lu,"
         "\"map\":%lu,\"unmap\":%lu,\"protect\":%lu,\"steps\":%lu}\n",
         role, (long)getpid(), (unsigned long)(s->pauses - from->pauses),
         s->pause_total_seconds - from->pause_total_seconds,
         s->pause_p50_seconds, s->pause_p99_seconds, s->pause_p999_seconds,
         s->pause_max_seconds, (unsigned long)s->bytes_copied,
         (unsigned long)s->bytes_reclaimed,
         (unsigned long)s->barrier_hits_read,
         (unsigned long)s->barrier_hits_write, (unsigned long)s->syscalls_map,
         (unsigned long)s->syscalls_unmap, (unsigned long)s->syscalls_protect,
         (unsigned long)(s->steps - from->steps));
}

static void snapshot(void)
{
  if (getenv("MPS_TEST_SNAPSHOT") != NULL)
    CHECK_OK(mps_x_heap_snapshot(arena));
}

int main(int argc, char **argv)
{
  mps_x_stats_s at_fork, s;
  mps_chain_t chain;
  mps_fmt_t fmt;
  mps_pool_t pool;
  mps_root_t root;
  pid_t child = 1;
  long count;
  int forking, status;

  CHECK(argc == 4);
  count = atol(argv[2]);
  forking = atoi(argv[3]);
  rnd_init(getenv("MPS_TEST_SEED") != NULL
           ? strtoull(getenv("MPS_TEST_SEED"), NULL, 0)
           : (unsigned long long)getpid());
  fprintf(stderr, "MPS_TEST_SEED=%llu\n", rnd_seed);

  arena = arena_vm((size_t)64 << 20);
  mps_arena_pause_time_set(arena, 0.001);
  chain = chain_make(arena, 3, (size_t)atol(argv[1]));
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, table,
                                 TABLE));
  memset(&at_fork, 0, sizeof at_fork);
  mps_telemetry_label(fmt, mps_telemetry_intern("vectors"));
  mutate(count / 2);
  snapshot();
  if (forking) {
    fflush(stdout);
    child = fork();
    CHECK(child >= 0);
    if (child == 0)
      stats(&at_fork);
  }
  mutate(count / 2);
  CHECK_OK(mps_arena_collect(arena));
  snapshot();
  stats(&s);
  print(child == 0 ? "child" : "parent", &s, &at_fork);
  memset(table, 0, sizeof table);
  mps_root_destroy(root);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_chain_destroy(chain);
  mps_arena_destroy(arena);
  if (child > 1) {
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  return 0;
}
