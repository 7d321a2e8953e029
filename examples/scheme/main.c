/* main.c -- command line and the life of the process */

#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "builtin.h"
#include "compile.h"
#include "port.h"
#include "stats.h"
#include "symbol.h"
#include "vm.h"

/* Made from prelude.scm when the program is built. */
static const char *const prelude[] = {
#include "prelude.inc"
  NULL
};

typedef struct {
  heap_options_s heap;
  stats_options_s stats;
  const char *expression;
  char **files;
  int file_count;
} options_s;

/* ---- running things ------------------------------------------------------ */

/* Returns an exit code, or -1 to go on. */
static int run(obj_t expression)
{
  obj_t result;
  enum vm_outcome outcome = vm_run(compile(expression), &result);
  stats_hide();
  fflush(stdout);
  if (outcome == VM_EXIT)
    return (int)FIXVAL(result) & 0xff;
  if (outcome == VM_UNCAUGHT) {
    print_error(result);
    return 1;
  }
  return -1;
}

/* What the user gives us is read and compiled inside the evaluator, where
 * errors have somewhere to go. */
static int run_with(const char *procedure, const char *text)
{
  return run(list2(intern(procedure), make_string(text, strlen(text))));
}

static int load_prelude(void)
{
  obj_t port = make_port(PORT_OUT_STRING, make_string(NULL, 64));
  size_t i;
  for (i = 0; prelude[i] != NULL; ++i)
    port_puts(port, prelude[i]);
  PORT(port)->kind = FIXNUM(PORT_IN_STRING);
  PORT(port)->buffer = make_string(STRDATA(PORT(port)->buffer),
                                   (size_t)FIXVAL(PORT(port)->pos));
  PORT(port)->pos = FIXNUM(0);
  for (;;) {
    obj_t x = read_datum(port);
    if (x == EOF_OBJ)
      return -1;
    if (run(x) >= 0)
      return 3;
  }
}

static void catch_interrupts(void)
{
#ifdef SA_RESTART
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = vm_interrupt;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
#else
  signal(SIGINT, vm_interrupt);
#endif
}

static int work(const options_s *options)
{
  int i, code;
  symbol_init();
  port_init();
  builtin_init();
  compile_init();
  vm_init();
  code = load_prelude();
  if (code >= 0)
    return code;
  catch_interrupts();
  for (i = 0; i < options->file_count; ++i) {
    code = run_with("load", options->files[i]);
    if (code >= 0)
      return code;
  }
  if (options->expression != NULL)
    code = run_with("%load-text", options->expression);
  else if (options->file_count == 0) {
    /* The loop itself deals with ordinary errors. */
    do
      code = run(list1(intern("%repl")));
    while (code == 1 && !feof(stdin));
  }
  return code < 0 ? 0 : code;
}

/* ---- command line -------------------------------------------------------- */

static void usage(void)
{
  fputs("usage: scheme [options] [file ...]\n"
        "  -e TEXT     run TEXT (after the files)\n"
        "  -m          report collections: on a terminal in one line that"
        " moves,\n"
        "              else in a line for each\n"
        "  -l          a line for each, on a terminal too\n"
        "  -s          print a summary at the end\n"
        "  -p SECONDS  pause time for the collector to aim at\n"
        "  -a BYTES    commit limit (K, M, G understood; 0 for none;"
        " default 1G)\n"
        "  -n BYTES    address space to reserve at the start\n"
        "  -g COUNT    force a collection every COUNT allocations\n"
        "Without files or text: a read-eval-print loop.\n", stderr);
  exit(2);
}

static double number(const char *text)
{
  char *end;
  double value = strtod(text, &end);
  if (*end == 'K' || *end == 'k')
    value *= 1024, ++end;
  else if (*end == 'M' || *end == 'm')
    value *= 1024 * 1024, ++end;
  else if (*end == 'G' || *end == 'g')
    value *= 1024.0 * 1024 * 1024, ++end;
  if (end == text || *end != '\0' || !(value >= 0))
    usage();
  return value;
}

static void parse(int argc, char **argv, options_s *o)
{
  int c;
  memset(o, 0, sizeof *o);
  o->heap.pause_time = -1;
  /* Endless recursion should end with an error, not with a machine that
   * swaps; hence a limit by default. */
  o->heap.commit_limit = (size_t)1 << 30;
  while ((c = getopt(argc, argv, "e:mlsp:a:n:g:h")) != -1)
    switch (c) {
    case 'e': o->expression = optarg; break;
    case 'm': o->stats.monitor = 1; break;
    case 'l': o->stats.monitor = o->stats.log = 1; break;
    case 's': o->stats.summary = 1; break;
    case 'p': o->heap.pause_time = number(optarg); break;
    case 'a': o->heap.commit_limit = (size_t)number(optarg); break;
    case 'n': o->heap.arena_size = (size_t)number(optarg); break;
    case 'g': o->heap.force_every = (long)number(optarg); break;
    default: usage();
    }
  o->files = argv + optind;
  o->file_count = argc - optind;
}

/* Everything that handles heap objects runs in frames above `cold', and this
 * function is called through a pointer so that it stays out of main's. */
int main(int argc, char **argv)
{
  int (*volatile start)(const options_s *) = work;
  options_s options;
  void *cold = &cold;
  int code;

  parse(argc, argv, &options);
  heap_create(&options.heap, cold);
  stats_start(&options.stats);
  code = start(&options);
  stats_hide();
  fflush(stdout);
  stats_poll();
  stats_summary();
  port_finish();
  heap_destroy();
  return code;
}
