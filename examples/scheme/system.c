/* system.c -- input and output, control, and the collector, as builtins */

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

/* ---- output -------------------------------------------------------------- */

static obj_t port_arg(const char *who, int argc, obj_t *argv, int i)
{
  if (argc <= i)
    return port_stdout();
  arg_is(who, T_PORT, argv[i]);
  return argv[i];
}

static obj_t b_display(int argc, obj_t *argv)
{
  print(port_arg("display", argc, argv, 1), argv[0], 0);
  return UNSPEC;
}

static obj_t b_write(int argc, obj_t *argv)
{
  print(port_arg("write", argc, argv, 1), argv[0], 1);
  return UNSPEC;
}

static obj_t b_newline(int argc, obj_t *argv)
{
  port_putc(port_arg("newline", argc, argv, 0), '\n');
  return UNSPEC;
}

static obj_t b_write_char(int argc, obj_t *argv)
{
  if (!IS_CHAR(argv[0]))
    error_type("write-char", "character", argv[0]);
  port_putc(port_arg("write-char", argc, argv, 1), (int)CHARVAL(argv[0]));
  return UNSPEC;
}

static obj_t b_open_output_string(int argc, obj_t *argv)
{
  (void)argc; (void)argv;
  return make_port(PORT_OUT_STRING, make_string(NULL, 64));
}

static obj_t b_get_output_string(int argc, obj_t *argv)
{
  (void)argc;
  arg_is("get-output-string", T_PORT, argv[0]);
  if (port_kind(argv[0]) != PORT_OUT_STRING)
    error_type("get-output-string", "string port", argv[0]);
  return make_string(STRDATA(PORT(argv[0])->buffer),
                     (size_t)FIXVAL(PORT(argv[0])->pos));
}

static obj_t b_print_error(int argc, obj_t *argv)
{
  (void)argc;
  print_error(argv[0]);
  return UNSPEC;
}

/* ---- input --------------------------------------------------------------- */

static obj_t in_arg(const char *who, int argc, obj_t *argv)
{
  if (argc == 0)
    return port_stdin();
  arg_is(who, T_PORT, argv[0]);
  return argv[0];
}

static obj_t b_read(int argc, obj_t *argv)
{
  return read_datum(in_arg("read", argc, argv));
}

static obj_t b_read_char(int argc, obj_t *argv)
{
  int c = port_getc(in_arg("read-char", argc, argv));
  return c == EOF ? EOF_OBJ : CHAR(c);
}

static obj_t b_peek_char(int argc, obj_t *argv)
{
  int c = port_peek(in_arg("peek-char", argc, argv));
  return c == EOF ? EOF_OBJ : CHAR(c);
}

static obj_t b_eof_object(int argc, obj_t *argv)
{
  (void)argc; (void)argv;
  return EOF_OBJ;
}

static obj_t b_open_input_string(int argc, obj_t *argv)
{
  (void)argc;
  arg_is("open-input-string", T_STRING, argv[0]);
  return make_port(PORT_IN_STRING, make_string(STRDATA(argv[0]),
                                               STRLEN(argv[0])));
}

/* Read by pieces into memory of our own first, for the reason given at
 * port_put_string. */
static obj_t b_open_input_file(int argc, obj_t *argv)
{
  char name[1024], piece[4096];
  obj_t out;
  size_t n;
  FILE *f;
  (void)argc;
  arg_is("open-input-file", T_STRING, argv[0]);
  if (STRLEN(argv[0]) >= sizeof name)
    error_value("file name too long", argv[0]);
  memcpy(name, STRDATA(argv[0]), STRLEN(argv[0]) + 1);
  f = fopen(name, "r");
  if (f == NULL)
    error_value("cannot open file", argv[0]);
  out = make_port(PORT_OUT_STRING, make_string(NULL, 4096));
  while ((n = fread(piece, 1, sizeof piece - 1, f)) > 0) {
    size_t i;
    for (i = 0; i < n; ++i)
      port_putc(out, (unsigned char)piece[i]);
  }
  fclose(f);
  return make_port(PORT_IN_STRING,
                   make_string(STRDATA(PORT(out)->buffer),
                               (size_t)FIXVAL(PORT(out)->pos)));
}

static obj_t b_open_output_file(int argc, obj_t *argv)
{
  char name[1024];
  (void)argc;
  arg_is("open-output-file", T_STRING, argv[0]);
  if (STRLEN(argv[0]) >= sizeof name)
    error_value("file name too long", argv[0]);
  memcpy(name, STRDATA(argv[0]), STRLEN(argv[0]) + 1);
  return port_open_file(name);
}

static obj_t b_close_port(int argc, obj_t *argv)
{
  (void)argc;
  arg_is("close-port", T_PORT, argv[0]);
  port_close(argv[0]);
  return UNSPEC;
}

static obj_t b_open_files(int argc, obj_t *argv)
{ (void)argc; (void)argv; return FIXNUM(port_files()); }

static obj_t b_getenv(int argc, obj_t *argv)
{
  char name[256];
  const char *value;
  (void)argc;
  arg_is("getenv", T_STRING, argv[0]);
  if (STRLEN(argv[0]) >= sizeof name)
    return FALSE_OBJ;
  memcpy(name, STRDATA(argv[0]), STRLEN(argv[0]) + 1);
  value = getenv(name);
  return value == NULL ? FALSE_OBJ : make_string(value, strlen(value));
}

/* Shown only when a person is typing. */
static obj_t b_prompt(int argc, obj_t *argv)
{
  (void)argc; (void)argv;
  if (isatty(STDIN_FILENO)) {
    stats_hide();
    fputs("> ", stdout);
    fflush(stdout);
  }
  return UNSPEC;
}

/* ---- control ------------------------------------------------------------- */

static obj_t b_compile(int argc, obj_t *argv)
{
  (void)argc;
  return compile(argv[0]);
}

static obj_t b_handlers(int argc, obj_t *argv)
{ (void)argc; (void)argv; return vm_handlers(); }

static obj_t b_set_handlers(int argc, obj_t *argv)
{ (void)argc; vm_set_handlers(argv[0]); return UNSPEC; }

static obj_t b_uncaught(int argc, obj_t *argv)
{ (void)argc; vm_uncaught(argv[0]); return UNSPEC; }

static obj_t b_exit(int argc, obj_t *argv)
{
  int code = 0;
  if (argc == 1 && argv[0] != TRUE_OBJ)
    code = IS_FIXNUM(argv[0]) ? (int)FIXVAL(argv[0]) : 1;
  vm_exit(code);
  return UNSPEC;
}

static obj_t b_unspecified_p(int argc, obj_t *argv)
{ (void)argc; return BOOL(argv[0] == UNSPEC); }

static obj_t b_void(int argc, obj_t *argv)
{ (void)argc; (void)argv; return UNSPEC; }

/* A small generator of our own, so that runs can be repeated anywhere. */
static obj_t b_random(int argc, obj_t *argv)
{
  static uint64_t state = 20240229;
  intptr_t n = arg_index("random", argv[0]);
  (void)argc;
  if (n == 0)
    error_range("random", argv[0]);
  state = state * 6364136223846793005u + 1442695040888963407u;
  return FIXNUM((intptr_t)((state >> 33) % (uint64_t)n));
}

/* ---- the collector ------------------------------------------------------- */

static obj_t b_gc(int argc, obj_t *argv)
{
  (void)argc; (void)argv;
  heap_collect();
  return UNSPEC;
}

static obj_t b_gc_start(int argc, obj_t *argv)
{
  (void)argc; (void)argv;
  heap_start_collect();
  return UNSPEC;
}

static obj_t b_gc_stats(int argc, obj_t *argv)
{
  obj_t list = NIL;
  size_t i;
  struct { const char *name; unsigned long long value; } item[] = {
    { "collections", mps_collections(heap.arena) },
    { "allocated", heap.bytes },
    { "committed", mps_arena_committed(heap.arena) },
    { "spare", mps_arena_spare_committed(heap.arena) },
    { "reserved", mps_arena_reserved(heap.arena) },
    { "commit-limit", mps_arena_commit_limit(heap.arena) & INTPTR_MAX >> 2 }
  };
  (void)argc; (void)argv;
  heap_measure();
  for (i = sizeof item / sizeof item[0]; i-- > 0;)
    list = cons(cons(intern(item[i].name), FIXNUM(item[i].value)), list);
  return list;
}

static obj_t b_runtime(int argc, obj_t *argv)
{ (void)argc; (void)argv; return make_flonum(stats_now()); }

/* For seeing that objects move.  Do not hash by this without the care that
 * table.c takes. */
static obj_t b_address(int argc, obj_t *argv)
{ (void)argc; return FIXNUM(argv[0] >> 3); }

const builtin_s builtins_system[] = {
  { "display", b_display, 1, 2 }, { "write", b_write, 1, 2 },
  { "newline", b_newline, 0, 1 }, { "write-char", b_write_char, 1, 2 },
  { "write-string", b_display, 1, 2 },
  { "open-output-string", b_open_output_string, 0, 0 },
  { "get-output-string", b_get_output_string, 1, 1 },
  { "read", b_read, 0, 1 }, { "read-char", b_read_char, 0, 1 },
  { "peek-char", b_peek_char, 0, 1 }, { "eof-object", b_eof_object, 0, 0 },
  { "open-input-string", b_open_input_string, 1, 1 },
  { "open-input-file", b_open_input_file, 1, 1 },
  { "open-output-file", b_open_output_file, 1, 1 },
  { "close-port", b_close_port, 1, 1 },
  { "open-file-ports", b_open_files, 0, 0 }, { "getenv", b_getenv, 1, 1 },
  { "%print-error", b_print_error, 1, 1 }, { "%prompt", b_prompt, 0, 0 },
  { "%compile", b_compile, 1, 1 }, { "%handlers", b_handlers, 0, 0 },
  { "%set-handlers!", b_set_handlers, 1, 1 },
  { "%uncaught", b_uncaught, 1, 1 }, { "exit", b_exit, 0, 1 },
  { "%unspecified?", b_unspecified_p, 1, 1 }, { "void", b_void, 0, -1 },
  { "random", b_random, 1, 1 },
  { "gc", b_gc, 0, 0 }, { "gc-start", b_gc_start, 0, 0 },
  { "gc-stats", b_gc_stats, 0, 0 },
  { "runtime", b_runtime, 0, 0 }, { "%address", b_address, 1, 1 },
  { NULL, NULL, 0, 0 }
};
