/* telemetry.c -- the filter, labels, and the stream (docs/telemetry.md)
 */

#include "stream.h"

#include <sys/wait.h>
#include <unistd.h>

static char name[] = "/tmp/mps-telemetry-XXXXXX";

/* --- the stream --- */

/* Count the events of each kind; what the arguments of the last were. */
static unsigned long kinds[256];
static unsigned long long last[256][8];
static char text[256][256];
static int first;              /* kind */
static char labels_seen[4096];  /* each after a blank */

static const int args_of[] = {0, 1, 3, 1, 4, 2, 1, 2, 3, 4, 2, 3, 2, 1, 2, 4,
                              3, 8, 0, 6};

static void read_events(void)
{
  unsigned long long before = 0;
  memset(kinds, 0, sizeof kinds);
  first = 0;
  labels_seen[0] = '\0';
  before = read_head();
  CHECK(before <= mps_clock());
  while (at < stop) {
    int kind = *at++, i;
    unsigned long long len = number_at(&at, stop);
    unsigned char *end = at + len;
    CHECK(end <= stop);
    ++kinds[kind];
    if (first == 0)
      first = kind;
    CHECK(kind > 0 && kind < (int)(sizeof args_of / sizeof args_of[0]));
    before += number_at(&at, end);
    for (i = 0; i < args_of[kind]; ++i)
      last[kind][i] = number_at(&at, end);
    CHECK(end - at < 256);
    memcpy(text[kind], at, (size_t)(end - at));
    text[kind][end - at] = '\0';
    at = end;
    if (kind == 13 && strlen(labels_seen) + 300 < sizeof labels_seen)
      sprintf(strchr(labels_seen, '\0'), " %s", text[kind]);
  }
  CHECK(at == stop);
  CHECK(before <= mps_clock());
}

/* --- parts --- */

static void filter(void)
{
  CHECK_EQ(mps_telemetry_get(), 0);
  mps_telemetry_set(5);
  mps_telemetry_set(2);
  CHECK_EQ(mps_telemetry_get(), 7);
  mps_telemetry_reset(6);
  CHECK_EQ(mps_telemetry_get(), 1);
  mps_telemetry_set(~(mps_word_t)0);
  CHECK_EQ(mps_telemetry_get(), ~(mps_word_t)0);
  mps_telemetry_reset(~(mps_word_t)0);
  CHECK_EQ(mps_telemetry_get(), 0);
  mps_telemetry_flush();
  mps_telemetry_label(name, 1);
  part("set, reset, get, before there is any arena");
}

static void labels(void)
{
  char longest[257];
  mps_label_t a = mps_telemetry_intern("a"), b = mps_telemetry_intern("a");
  memset(longest, 'x', 255);
  longest[255] = '\0';
  CHECK(a != 0 && b != 0 && a != b);
  CHECK(mps_telemetry_intern("") != 0);
  CHECK(mps_telemetry_intern(longest) != 0);
  mps_telemetry_set(1 << 6);
  b = mps_telemetry_intern(longest);
  CHECK(b != 0 && b != a);
  mps_telemetry_label(name, b);
  mps_telemetry_reset(1 << 6);
  part("labels are new every time");
}

static void work(void)
{
  static mps_addr_t table[64];
  mps_arena_t arena = arena_vm((size_t)64 << 20);
  mps_chain_t chain = chain_make(arena, 3, 200);
  mps_fmt_t fmt = fmt_make(arena, 0);
  mps_pool_t pool = pool_amc(arena, fmt, chain);
  mps_ap_t ap = ap_make(pool);
  mps_root_t root;
  int i;
  CHECK_OK(mps_root_create_table(&root, arena, mps_rank_exact(), 0, table,
                                 64));
  for (i = 0; i < 20000; ++i)
    table[rnd_below(64)] = obj_new(ap, 0, KIND_VECTOR, 20, 1);
  CHECK_OK(mps_arena_collect(arena));
  memset(table, 0, sizeof table);
  mps_root_destroy(root);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_chain_destroy(chain);
  mps_arena_destroy(arena);
}

static void everything(void)
{
  mps_label_t label;
  mps_telemetry_set(~(mps_word_t)0);
  label = mps_telemetry_intern("hello");
  mps_telemetry_label(&label, label);
  work();
  mps_telemetry_reset(~(mps_word_t)0);
  CHECK(load(name));
  read_events();
  CHECK_EQ(kinds[1], 0);
  CHECK_EQ(kinds[2], 1);
  CHECK_EQ(kinds[3], 1);
  CHECK_EQ(last[2][0], last[3][0]);
  CHECK_EQ(kinds[5], 1);
  CHECK_EQ(kinds[6], 1);
  CHECK_EQ(last[5][1], last[6][0]);
  CHECK(strcmp(text[5], "AMC") == 0);
  CHECK(kinds[7] > 3);
  CHECK_EQ(kinds[7], kinds[8]);
  CHECK_EQ(kinds[7], kinds[9]);
  CHECK(strlen(text[7]) > 5);
  CHECK_EQ(last[7][1], 1);
  CHECK(last[9][3] <= last[9][1] + 65536);
  CHECK(kinds[10] >= kinds[9]);
  CHECK(kinds[11] > 10);
  CHECK_EQ(kinds[11], kinds[12]);
  CHECK_EQ(kinds[13], 2);       /* one from `labels' */
  CHECK(strcmp(text[13], "hello") == 0);
  CHECK_EQ(last[13][0], label);
  CHECK_EQ(last[14][0], (word)&label);
  CHECK_EQ(last[14][1], label);
  CHECK_EQ(kinds[4], 2 * kinds[7]);     /* before and after */
  CHECK_EQ(kinds[15] % kinds[4], 0);
  CHECK(kinds[15] >= 4 * kinds[4]);     /* of the chain, and the top one */
  CHECK(kinds[16] >= kinds[9]);
  CHECK(last[16][1] <= mps_clock() && last[16][2] != 0);
  CHECK_EQ(kinds[17], kinds[9] + 1);    /* and as the arena goes */
  CHECK(last[17][1] > 0 && last[17][2] > 0);
  CHECK_EQ(kinds[18], 0);
  part("%lu collections, %lu segments, %ld bytes", kinds[7], kinds[11],
       (long)(stop - bytes));
}

/* A child process has a stream of its own. */
static void forks(void)
{
  char of_child[64];
  mps_arena_t arena;
  pid_t pid;
  int status;
  mps_telemetry_set(~(mps_word_t)0);
  arena = arena_vm((size_t)1 << 20);
  mps_telemetry_intern("before");       /* buffered as we fork */
  pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    mps_telemetry_intern("inside");
    work();
    mps_arena_destroy(arena);
    _exit(0);
  }
  sprintf(of_child, "%s.%ld", name, (long)pid);
  mps_telemetry_intern("after");
  work();
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  mps_arena_destroy(arena);
  mps_telemetry_reset(~(mps_word_t)0);
  CHECK(load(name));
  read_events();
  CHECK_EQ(kinds[18], 0);
  CHECK(strstr(labels_seen, " before after") != NULL);
  CHECK(strstr(labels_seen, "inside") == NULL);
  CHECK(load(of_child));
  read_events();
  CHECK_EQ(kinds[18], 1);
  CHECK_EQ(first, 18);
  CHECK(strcmp(labels_seen, " inside") == 0);
  CHECK(kinds[9] > 3);
  remove(of_child);
  part("a child's stream");
}

/* In a child: what the environment says counts once there is an arena. */
static void child(const char *control, mps_word_t filter_then)
{
  pid_t pid = fork();
  int status;
  CHECK(pid >= 0);
  if (pid == 0) {
    setenv("MPS_TELEMETRY_CONTROL", control, 1);
    CHECK_EQ(mps_telemetry_get(), 0);
    {
      mps_arena_t arena = arena_vm((size_t)1 << 20);
      CHECK_EQ(mps_telemetry_get(), filter_then);
      mps_arena_destroy(arena);
    }
    _exit(0);
  }
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void environment(void)
{
  setenv("MPS_TELEMETRY_FILENAME", "/nowhere/at/all", 1);
  child("5", 5);                /* and the file can't be opened */
  child("0x41", 0x41);
  child("010", 8);
  child("Arena user", 0x41);
  child("nothing", 0);
  child("all", ~(mps_word_t)0);
  part("the environment decides when the first arena is made");
}

int main(void)
{
  int fd;
  test_begin("telemetry");
  if (reference())
    return test_end();          /* its stream is another */
  environment();
  fd = mkstemp(name);
  CHECK(fd >= 0);
  close(fd);
  remove(name);
  setenv("MPS_TELEMETRY_FILENAME", name, 1);
  unsetenv("MPS_TELEMETRY_CONTROL");
  filter();
  CHECK(access(name, F_OK) != 0);       /* nothing to write, no file */
  work();
  CHECK(access(name, F_OK) != 0);
  labels();
  everything();
  forks();
  remove(name);
  free(bytes);
  return test_end();
}
