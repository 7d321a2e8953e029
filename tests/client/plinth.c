/* plinth.c -- what the library asks of its client's environment, and what it
 * says when something is wrong */

#include "common.h"
#include "mpsio.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static mps_arena_t arena;

/* --- a stream of our own: used instead of the library's --- */

static unsigned long creates, writes, flushes, written;
static int refuse_create, refuse_write;
static char first[8];

struct mps_io_s { int unused; };
static struct mps_io_s the_io;

mps_res_t mps_io_create(mps_io_t *io_o)
{
  ++creates;
  if (refuse_create)
    return MPS_RES_IO;
  *io_o = (mps_io_t)&the_io;
  return MPS_RES_OK;
}

mps_res_t mps_io_write(mps_io_t io, void *buf, size_t size)
{
  CHECK(io == (mps_io_t)&the_io);
  if (written == 0 && size >= sizeof first)
    memcpy(first, buf, sizeof first);
  ++writes;
  written += size;
  return refuse_write ? MPS_RES_IO : MPS_RES_OK;
}

mps_res_t mps_io_flush(mps_io_t io)
{
  CHECK(io == (mps_io_t)&the_io);
  ++flushes;
  return MPS_RES_OK;
}

static int asked_control;
static unsigned long control;

unsigned long mps_lib_telemetry_control(void)
{
  ++asked_control;
  return control;
}

static void work(void)
{
  mps_fmt_t fmt = fmt_make(arena, 0);
  mps_pool_t pool = pool_amc(arena, fmt, NULL);
  mps_ap_t ap = ap_make(pool);
  garbage(ap, 0, 1000, 10);
  CHECK_OK(mps_arena_collect(arena));
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
}

static void control_at_creation(void)
{
  control = 5;
  CHECK_EQ(mps_telemetry_get(), 0);
  CHECK_EQ(asked_control, 0);
  arena = arena_vm((size_t)4 << 20);
  CHECK_EQ(asked_control, 1);
  CHECK_EQ(mps_telemetry_get(), 5);
  mps_arena_destroy(arena);
}

static void nothing_to_write(void)
{
  arena = arena_vm((size_t)4 << 20);
  work();
  mps_arena_destroy(arena);
  mps_telemetry_flush();
  CHECK_EQ(creates, 0);
  CHECK_EQ(writes, 0);
}

static void writes_and_flushes(void)
{
  unsigned long before;
  arena = arena_vm((size_t)4 << 20);
  mps_telemetry_set(~(mps_word_t)0);
  work();
  mps_telemetry_flush();
  CHECK_EQ(creates, 1);
  CHECK(writes > 0 && written > 100 && flushes > 0);
  CHECK(memcmp(first, "MPSE", 4) == 0);
  before = written;
  work();
  mps_telemetry_reset(~(mps_word_t)0);
  flushes = 0;
  mps_arena_destroy(arena);     /* writes what is left */
  CHECK(written > before);
  CHECK(flushes > 0);
  CHECK_EQ(creates, 1);
}

static void refused_stream(void)
{
  refuse_create = 1;
  control = 127;
  arena = arena_vm((size_t)4 << 20);
  work();
  mps_telemetry_flush();
  work();
  mps_arena_destroy(arena);
  CHECK(creates > 0);
  CHECK_EQ(writes, 0);
}

static void refused_writes(void)
{
  refuse_write = 1;
  control = 127;
  arena = arena_vm((size_t)4 << 20);
  work();
  mps_telemetry_flush();
  work();
  mps_arena_destroy(arena);
  CHECK(writes > 0);
}

static void intern_first(void)
{
  mps_label_t a, b;
  if (reference())
    return;
  a = mps_telemetry_intern("before there is any arena");
  b = mps_telemetry_intern("before there is any arena");
  CHECK(a != 0 && b != 0 && a != b);
  mps_telemetry_label(&a, a);
  CHECK_EQ(creates, 0);
}

static void long_string(void)
{
  char s[300];
  memset(s, 'x', sizeof s);
  s[256] = '\0';
  arena = arena_vm((size_t)4 << 20);
  REPORTED((void)mps_telemetry_intern(s));
  s[255] = '\0';
  CHECK(mps_telemetry_intern(s) != 0);
}

/* --- the rest of the default plinth --- */

static void streams(void)
{
  CHECK_EQ(mps_lib_get_EOF(), -1);
  CHECK(mps_lib_get_stdout() != NULL && mps_lib_get_stderr() != NULL);
  CHECK_EQ(mps_lib_fputc(' ', mps_lib_get_stdout()), ' ');
  CHECK(mps_lib_fputs("\n", mps_lib_get_stdout()) >= 0);
  CHECK_EQ(mps_lib_memcmp("abc", "abd", 2), 0);
  CHECK(mps_lib_memcmp("abc", "abd", 3) < 0);
  {
    char to[8];
    CHECK(mps_lib_memcpy(to, "abcdefg", 8) == to);
    CHECK(strcmp(to, "abcdefg") == 0);
    CHECK(mps_lib_memset(to, 'z', 3) == to);
    CHECK(strcmp(to, "zzzdefg") == 0);
  }
}

static void processor_clock(void)
{
  volatile unsigned long n = 0;
  mps_clock_t a, b;
  clock_t c, d;
  CHECK_EQ(mps_clocks_per_sec(), CLOCKS_PER_SEC);
  c = clock();
  a = mps_clock();
  while (clock() - c < CLOCKS_PER_SEC / 50)     /* processor time */
    ++n;
  b = mps_clock();
  d = clock();
  CHECK(b > a);
  CHECK((clock_t)(b - a) <= d - c + CLOCKS_PER_SEC / 100);
  CHECK((clock_t)(b - a) >= CLOCKS_PER_SEC / 100);
}

/* --- reports --- */

/* Nobody installed a handler: the text goes to standard error, naming file
 * and line, and the process ends. */
static void default_handler(void)
{
  int fd[2], status;
  char text[400];
  ssize_t n;
  pid_t pid;
  CHECK_EQ(pipe(fd), 0);
  arena = arena_vm((size_t)4 << 20);
  fflush(stdout);
  pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    (void)mps_lib_assert_fail_install(assert_default);
    dup2(fd[1], 2);
    mps_arena_pause_time_set(arena, -1.0);
    _exit(0);
  }
  close(fd[1]);
  CHECK_EQ(waitpid(pid, &status, 0), pid);
  n = read(fd[0], text, sizeof text - 1);
  CHECK(n > 0);
  text[n] = '\0';
  CHECK(strstr(text, "pause time") != NULL);
  CHECK(strstr(text, ".rs:") != NULL || reference());
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static int got_line;
static char got_file[200], got_text[200];
static void my_handler(const char *file, unsigned line, const char *text)
{
  snprintf(got_file, sizeof got_file, "%s", file);
  snprintf(got_text, sizeof got_text, "%s", text);
  got_line = (int)line;
}

static void other_handler(const char *file, unsigned line, const char *text)
{
  (void)file; (void)line; (void)text;
}

static void handlers(void)
{
  mps_lib_assert_fail_t first_one;
  arena = arena_vm((size_t)4 << 20);
  first_one = mps_lib_assert_fail_install(other_handler);
  CHECK(first_one != NULL && first_one != other_handler);
  CHECK(mps_lib_assert_fail_install(my_handler) == other_handler);
  mps_arena_pause_time_set(arena, -1.0);
  CHECK(got_line > 0 && strlen(got_file) > 3 && strlen(got_text) > 5);
  /* it went on, and nothing was changed */
  CHECK(reference() || mps_arena_pause_time(arena) == 0.1);
  CHECK(mps_lib_assert_fail_install(first_one) == my_handler);
}

static const case_s cases[] = {
  {"telemetry control is asked when the first arena is made",
   control_at_creation},
  {"no stream while there is nothing to write", nothing_to_write},
  {"the client's stream is written and flushed", writes_and_flushes},
  {"a stream that can't be opened disables output only", refused_stream},
  {"a stream that can't be written to does no harm", refused_writes},
  {"intern before there is any arena", intern_first},
  {"a string of 256 characters is reported, 255 are not", long_string},
  {"default plinth: streams and memory", streams},
  {"default plinth: the clock is clock()'s", processor_clock},
  {"default handler: prints where and what, aborts", default_handler},
  {"handlers are replaced, given back, and may return", handlers}
};

int main(void)
{
  test_begin("plinth");
  if (reference())
    return test_end();          /* its plinth can't be replaced this way */
  return CASES_RUN(cases);
}
