/* fork.c -- a child goes on with its copy of the arena, or execs at once */

#include "common.h"

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static mps_arena_t arena;
static mps_chain_t chain;
static mps_fmt_t fmt;
static mps_pool_t pool;
static mps_ap_t ap;
static graph_s g;

static void run(int steps)
{
  int i;
  for (i = 0; i < steps; ++i)
    graph_step(&g);
  graph_verify(&g);
}

static void expect(pid_t pid, int code)
{
  int status;
  CHECK(pid > 0);
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
    printf("    child's status %#x\n", status);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == code);
}

/* What the children do. */
static void child_life(int level)
{
  mps_word_t n = mps_collections(arena);
  alarm(60);
  rnd_init(rnd_seed + (unsigned long long)getpid());
  run(15000);
  CHECK_OK(mps_arena_collect(arena));
  graph_verify(&g);
  mps_arena_release(arena);
  run(15000);
  CHECK(mps_collections(arena) > n);
  if (level > 0) {              /* a grandchild */
    pid_t pid;
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
      child_life(level - 1);
      _exit(21);
    }
    expect(pid, 21);
    run(1000);
  }
  mps_arena_park(arena);
}

static void destroy_all(void)
{
  mps_arena_park(arena);
  mps_ap_destroy(ap);
  graph_finish(&g);
  mps_pool_destroy(pool);
  mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
}

static void test_single(void)
{
  int i;
  for (i = 0; i < 6; ++i) {
    pid_t pid;
    run(5000);
    if (i % 3 == 1)
      CHECK_OK(mps_arena_start_collect(arena)); /* in the middle of one */
    if (i % 3 == 2)
      mps_arena_park(arena);
    fflush(stdout);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
      mps_arena_release(arena);
      child_life(i == 0);
      if (i % 2 == 0)
        destroy_all();
      _exit(21);
    }
    mps_arena_release(arena);
    run(5000);                  /* at the same time */
    expect(pid, 21);
    run(5000);
  }
  part("six children and a grandchild go on by themselves");
}

/* --- with other threads about --- */

static volatile int done;

static void *busy(void *p)
{
  mps_thr_t thr;
  mps_root_t root;
  mps_ap_t my_ap;
  void *cold = NULL;
  (void)p;
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread(&root, arena, thr, &cold));
  my_ap = ap_make(pool);
  while (!done) {
    obj_t o = obj_new(my_ap, 0, KIND_LEAF, 20, 9);
    garbage(my_ap, 0, 50, 30);
    CHECK(obj_is(o, KIND_LEAF, 20, 9));
  }
  mps_ap_destroy(my_ap);
  mps_root_destroy(root);
  mps_thread_dereg(thr);
  return NULL;
}

/* The parent's graph is in exact roots only, and this thread holds no
 * reference at a fork; others hold theirs, which the child just keeps.
 *
 * The contract promises a best effort only, and a fork copies the pages of a
 * running process one after the other, so that a child may see an allocation
 * point that is ahead of the objects it covers.  This library sees to that;
 * the reference's children are only counted. */
static void test_threads(void)
{
  pthread_t t[3];
  int i, status, good = 0;
  for (i = 0; i < 3; ++i)
    CHECK_EQ(pthread_create(&t[i], NULL, busy, NULL), 0);
  for (i = 0; i < 8; ++i) {
    pid_t pid;
    usleep(20000);
    fflush(stdout);
    mps_arena_park(arena);
    graph_verify(&g);
    mps_arena_release(arena);
    if (i % 2 == 1)
      CHECK_OK(mps_arena_start_collect(arena)); /* in the middle of one */
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
      alarm(20);
      run(20000);               /* alone now */
      CHECK_OK(mps_arena_collect(arena));
      graph_verify(&g);
      mps_arena_release(arena);
      run(20000);
      _exit(22);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    good += WIFEXITED(status) && WEXITSTATUS(status) == 22;
  }
  done = 1;
  for (i = 0; i < 3; ++i)
    CHECK_EQ(pthread_join(t[i], NULL), 0);
  run(5000);
  part("children of a parent with four threads: %d of 8 go on", good);
  if (!reference())
    CHECK_EQ(good, 8);
}

/* --- exec, vfork, posix_spawn, exit --- */

static void test_exec(void)
{
  volatile int i;             /* vfork is like setjmp */
  for (i = 0; i < 10; ++i) {
    pid_t pid;
    char *argv[] = {(char *)"true", NULL};
    run(1000);
    fflush(stdout);
    switch (i % 3) {
    case 0:
      pid = fork();
      break;
    case 1:
      pid = vfork();
      break;
    default:
      CHECK_EQ(posix_spawnp(&pid, "true", NULL, NULL, argv, environ), 0);
    }
    if (pid == 0) {
      execvp("true", argv);
      _exit(99);
    }
    expect(pid, 0);
  }
  part("fork, vfork and posix_spawn with exec");
}

static void test_exit(void)
{
  pid_t pid;
  fflush(stdout);
  pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    run(1000);
    CHECK_OK(mps_arena_start_collect(arena));
    exit(23);                   /* nothing destroyed */
  }
  expect(pid, 23);
  part("exit without destroying anything");
}

int main(void)
{
  test_begin("fork");
  arena = arena_vm((size_t)64 << 20);
  mps_arena_pause_time_set(arena, 0.001);
  chain = chain_make(arena, 3, 200);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  graph_init(&g, arena, 0, 50, 3000, 10, ap, 0, NULL, 0);
  run(5000);
  test_single();
  test_exec();
  test_exit();
  test_threads();
  destroy_all();
  return test_end();
}
