/* badrefs.c -- exact references that lead to no object are reported
 *
 * In the classes that mark and sweep a wrong reference, followed, would put a
 * mark where no object begins, and the heap would come apart much later.  Each
 * case runs in a child, and must end in a report; the good one must not.
 */

#include "common.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"

#include <sys/wait.h>
#include <unistd.h>

enum { GOOD, UNALIGNED, FREE_MEMORY, WAYS };
static const char *way_name[WAYS] =
  {"to an object", "between words", "to free memory"};

static void note(const char *file, unsigned line, const char *condition)
{
  (void)file; (void)line;
  _exit(strstr(condition, "exact reference") != NULL ? 42 : 43);
}

/* A table with two references, one good: the second must be noticed although
 * the first has marked its object, and the other way round. */
static void refer(mps_pool_class_t cls, int way, int bad_first)
{
  mps_arena_t arena = arena_vm((size_t)32 << 20);
  mps_fmt_t fmt = fmt_make(arena, 0);
  mps_pool_t pool;
  mps_ap_t ap;
  mps_root_t root;
  static mps_addr_t table[2];
  obj_t o;
  char *p;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
    CHECK_OK(mps_pool_create_k(&pool, arena, cls, args));
  } MPS_ARGS_END(args);
  ap = ap_make(pool);
  o = obj_new(ap, 0, KIND_LEAF, 6, 1);
  p = (char *)o;
  mps_ap_destroy(ap);
  mps_arena_park(arena);
  table[!bad_first] = p + (way == UNALIGNED ? 4
                           : way == FREE_MEMORY ? 8 * WORD : 0);
  table[bad_first] = p;
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, table, 2));
  CHECK_OK(mps_arena_collect(arena));
  CHECK_OK(mps_arena_collect(arena));
  mps_root_destroy(root);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

static int noticed(mps_pool_class_t cls, int way, int bad_first)
{
  int status;
  pid_t pid;
  fflush(stdout);
  pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    mps_lib_assert_fail_install(note);
    refer(cls, way, bad_first);
    _exit(0);
  }
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 42);
  return WEXITSTATUS(status) == 42;
}

int main(void)
{
  static const char *name[] = {"AMS", "AWL", "LO"};
  mps_pool_class_t cls[3];
  size_t i;
  int way, bad_first;
  test_begin("badrefs");
  cls[0] = mps_class_ams();
  cls[1] = mps_class_awl();
  cls[2] = mps_class_lo();
  for (i = 0; i < 3; ++i)
    for (way = 0; way < WAYS; ++way)
      for (bad_first = 0; bad_first < 2; ++bad_first) {
        int yes = noticed(cls[i], way, bad_first);
        part("%s: a reference %s%s: %s", name[i], way_name[way],
             bad_first ? ", first" : "", yes ? "reported" : "followed");
        CHECK_EQ(yes, way != GOOD);
      }
  return test_end();
}
