/* port.c -- ports on the standard streams and on strings
 *
 * A file is read into a string as a whole, so string ports do for it too.  A
 * file that is written to is open until its port is closed, or is found dead
 * by the collector: then the port comes back in a message, and is closed.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "builtin.h"
#include "port.h"
#include "stats.h"

static obj_t standard[3];       /* stdout, stderr, stdin */

/* Open files.  A port knows its place in this table, or -1 once closed. */
enum { FILES_MAX = 32 };
static FILE *files[FILES_MAX];

obj_t make_port(enum port_kind kind, obj_t buffer)
{
  obj_t p = make_filled(T_PORT, sizeof(port_s) / sizeof(obj_t), FIXNUM(0));
  PORT(p)->buffer = buffer;
  PORT(p)->kind = FIXNUM(kind);
  PORT(p)->line = FIXNUM(1);
  return p;
}

void port_init(void)
{
  size_t i;
  heap_set_finalizer(port_close);
  for (i = 0; i < 3; ++i)
    standard[i] = NIL;
  heap_root(standard, 3);
  for (i = 0; i < 3; ++i)
    standard[i] = make_port((enum port_kind)i, NIL);
}

obj_t port_stdout(void) { return standard[PORT_STDOUT]; }
obj_t port_stderr(void) { return standard[PORT_STDERR]; }
obj_t port_stdin(void) { return standard[PORT_STDIN]; }

enum port_kind port_kind(obj_t port)
{
  return (enum port_kind)FIXVAL(PORT(port)->kind);
}

/* ---- files ---------------------------------------------------------------- */

static int free_file(void)
{
  int i;
  for (i = 0; i < FILES_MAX; ++i)
    if (files[i] == NULL)
      return i;
  return -1;
}

/* The port comes first: if there is no memory for it, no file is left open. */
obj_t port_open_file(const char *name)
{
  obj_t p = make_port(PORT_FILE, NIL);
  FILE *f;
  int i;
  PORT(p)->pos = FIXNUM(-1);
  heap_finalize(p);
  /* Perhaps the program has dropped some that it did not close. */
  if (free_file() < 0)
    heap_collect();
  i = free_file();
  if (i < 0)
    error_list("too many open files", NIL);
  f = fopen(name, "w");
  if (f == NULL && errno == EMFILE) {
    heap_collect();
    f = fopen(name, "w");
  }
  if (f == NULL)
    error_value("cannot open file", make_string(name, strlen(name)));
  files[i] = f;
  PORT(p)->pos = FIXNUM(i);
  return p;
}

void port_close(obj_t port)
{
  intptr_t i = FIXVAL(PORT(port)->pos);
  if (port_kind(port) != PORT_FILE || i < 0)
    return;
  fclose(files[i]);
  files[i] = NULL;
  PORT(port)->pos = FIXNUM(-1);
}

size_t port_files(void)
{
  size_t i, n = 0;
  for (i = 0; i < FILES_MAX; ++i)
    n += files[i] != NULL;
  return n;
}

void port_finish(void)
{
  size_t i;
  for (i = 0; i < FILES_MAX; ++i)
    if (files[i] != NULL)
      fclose(files[i]);
}

/* ---- input --------------------------------------------------------------- */

int port_peek(obj_t port)
{
  size_t pos;
  if (port_kind(port) == PORT_STDIN) {
    int c = getc(stdin);
    if (c != EOF)
      ungetc(c, stdin);
    return c;
  }
  if (port_kind(port) != PORT_IN_STRING)
    error_value("not an input port", port);
  pos = (size_t)FIXVAL(PORT(port)->pos);
  if (pos >= STRLEN(PORT(port)->buffer))
    return EOF;
  return (unsigned char)STRDATA(PORT(port)->buffer)[pos];
}

int port_getc(obj_t port)
{
  int c;
  if (port_kind(port) == PORT_STDIN)
    c = getc(stdin);
  else {
    c = port_peek(port);
    if (c != EOF)
      PORT(port)->pos += 2;     /* fixnum plus one */
  }
  if (c == '\n')
    PORT(port)->line += 2;
  return c;
}

/* ---- output -------------------------------------------------------------- */

/* Make room for n more characters in a string port's buffer. */
static size_t reserve(obj_t port, size_t n)
{
  size_t pos = (size_t)FIXVAL(PORT(port)->pos);
  obj_t buffer = PORT(port)->buffer;
  if (pos + n > STRLEN(buffer)) {
    obj_t bigger = make_string(NULL, 2 * (pos + n) + 32);
    memcpy(STRDATA(bigger), STRDATA(buffer), pos);
    PORT(port)->buffer = bigger;
  }
  PORT(port)->pos = FIXNUM(pos + n);
  return pos;
}

static FILE *stream(obj_t port)
{
  switch (port_kind(port)) {
  case PORT_STDOUT: stats_hide(); return stdout;
  case PORT_STDERR: stats_hide(); return stderr;
  case PORT_FILE:
    if (FIXVAL(PORT(port)->pos) < 0)
      error_value("port is closed", port);
    return files[FIXVAL(PORT(port)->pos)];
  default: return NULL;
  }
}

static void check_output(obj_t port)
{
  if (port_kind(port) == PORT_STDIN || port_kind(port) == PORT_IN_STRING)
    error_value("not an output port", port);
}

void port_putc(obj_t port, int c)
{
  FILE *f = stream(port);
  check_output(port);
  if (f != NULL)
    putc(c, f);
  else {
    size_t at = reserve(port, 1);
    STRDATA(PORT(port)->buffer)[at] = (char)c;
  }
}

void port_puts(obj_t port, const char *text)
{
  FILE *f = stream(port);
  check_output(port);
  if (f != NULL)
    fputs(text, f);
  else {
    size_t n = strlen(text), at = reserve(port, n);
    memcpy(STRDATA(PORT(port)->buffer) + at, text, n);
  }
}

/* Standard I/O may make system calls on a buffer given to it, and those do
 * not survive meeting a protected page as ordinary accesses do; so characters
 * go over in small pieces through a buffer of our own. */
void port_put_string(obj_t port, obj_t string)
{
  size_t n = STRLEN(string), done, part;
  FILE *f = stream(port);
  check_output(port);
  if (f == NULL) {
    size_t at = reserve(port, n);
    memcpy(STRDATA(PORT(port)->buffer) + at, STRDATA(string), n);
    return;
  }
  for (done = 0; done < n; done += part) {
    char piece[512];
    part = n - done < sizeof piece ? n - done : sizeof piece;
    memcpy(piece, STRDATA(string) + done, part);
    fwrite(piece, 1, part, f);
  }
}
