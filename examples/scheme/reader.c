/* reader.c -- from text to data */

#include <stdio.h>
#include <string.h>

#include "builtin.h"
#include "port.h"
#include "symbol.h"

enum { DEPTH_MAX = 2000, TOKEN_MAX = 1024 };

static obj_t read_at(obj_t port, int depth);

/* Read errors leave the reader in the middle of the text, so say where. */
static void read_error(obj_t port, const char *what)
{
  error_value(what, cons(intern("line"), cons(PORT(port)->line, NIL)));
}

static int delimiter(int c)
{
  return c == EOF || c == '(' || c == ')' || c == '"' || c == ';' || c == '\''
    || c == ' ' || (c >= 9 && c <= 13);
}

/* Skip white space and comments; return the next character, not taken. */
static int skip(obj_t port, int depth)
{
  for (;;) {
    int c = port_peek(port);
    if (c == ';') {
      while (c != '\n' && c != EOF)
        c = port_getc(port);
    } else if (c == ' ' || (c >= 9 && c <= 13))
      port_getc(port);
    else if (c == '#') {
      port_getc(port);
      c = port_peek(port);
      if (c == '|') {
        int level = 1;          /* these comments nest */
        port_getc(port);
        while (level > 0 && (c = port_getc(port)) != EOF) {
          int next = port_peek(port);
          if ((c == '|' && next == '#') || (c == '#' && next == '|')) {
            level += c == '#' ? 1 : -1;
            port_getc(port);
          }
        }
      } else if (c == ';') {
        port_getc(port);
        (void)read_at(port, depth + 1);
      } else
        return '#' + 256;       /* the # has been taken */
    } else
      return c;
  }
}

/* The rest of a token; `buffer' may already hold the beginning. */
static size_t token(obj_t port, char *buffer, size_t n)
{
  while (!delimiter(port_peek(port))) {
    if (n == TOKEN_MAX - 1)
      read_error(port, "name too long");
    buffer[n++] = (char)port_getc(port);
  }
  buffer[n] = '\0';
  return n;
}

static obj_t read_string(obj_t port)
{
  obj_t out = make_port(PORT_OUT_STRING, make_string(NULL, 32));
  obj_t text;
  for (;;) {
    int c = port_getc(port);
    if (c == '"')
      break;
    if (c == EOF)
      read_error(port, "end of input inside a string");
    if (c == '\\') {
      c = port_getc(port);
      switch (c) {
      case 'n': c = '\n'; break;
      case 't': c = '\t'; break;
      case 'r': c = '\r'; break;
      case '0': c = '\0'; break;
      case '\n':                /* continued on the next line */
        while (port_peek(port) == ' ' || port_peek(port) == '\t')
          port_getc(port);
        continue;
      default: break;
      }
    }
    port_putc(out, c);
  }
  text = PORT(out)->buffer;
  return make_string(STRDATA(text), (size_t)FIXVAL(PORT(out)->pos));
}

static obj_t read_char(obj_t port)
{
  static const struct { const char *name; int code; } names[] = {
    { "space", ' ' }, { "newline", '\n' }, { "tab", '\t' },
    { "return", '\r' }, { "null", 0 }, { "nul", 0 }, { "delete", 127 },
    { "linefeed", '\n' }
  };
  char buffer[TOKEN_MAX];
  size_t n, i;
  int c = port_getc(port);
  if (c == EOF)
    read_error(port, "end of input in a character");
  buffer[0] = (char)c;
  n = token(port, buffer, 1);
  if (n == 1)
    return CHAR((unsigned char)buffer[0]);
  for (i = 0; i < sizeof names / sizeof names[0]; ++i)
    if (strcmp(buffer, names[i].name) == 0)
      return CHAR(names[i].code);
  read_error(port, "unknown character name");
  return NIL;
}

static obj_t read_list(obj_t port, int depth)
{
  obj_t head = NIL, tail = NIL;
  for (;;) {
    int c = skip(port, depth);
    obj_t x;
    if (c == EOF)
      read_error(port, "end of input inside a list");
    if (c == ')') {
      port_getc(port);
      return head;
    }
    if (c == '#' + 256)
      x = read_at(port, -depth - 1);
    else
      x = read_at(port, depth + 1);
    if (x == UNDEF) {           /* a lone dot */
      if (head == NIL)
        read_error(port, "dot at the start of a list");
      x = read_at(port, depth + 1);
      if (skip(port, depth) != ')' || x == UNDEF)
        read_error(port, "misplaced dot");
      port_getc(port);
      CDR(tail) = x;
      return head;
    }
    x = cons(x, NIL);
    if (head == NIL)
      head = x;
    else
      CDR(tail) = x;
    tail = x;
  }
}

static obj_t read_hash_atom(obj_t port, int c)
{
  char buffer[TOKEN_MAX];
  if (c == EOF)
    read_error(port, "end of input after #");
  buffer[0] = (char)c;
  token(port, buffer, 1);
  if (strcmp(buffer, "t") == 0 || strcmp(buffer, "true") == 0)
    return TRUE_OBJ;
  if (strcmp(buffer, "f") == 0 || strcmp(buffer, "false") == 0)
    return FALSE_OBJ;
  if (c == 'x' || c == 'b' || c == 'o' || c == 'd') {
    obj_t n = num_parse(buffer + 1, c == 'x' ? 16 : c == 'b' ? 2
                        : c == 'o' ? 8 : 10);
    if (n != FALSE_OBJ)
      return n;
  }
  read_error(port, "unknown # syntax");
  return NIL;
}

static obj_t read_hash(obj_t port, int depth)
{
  int c = port_getc(port);
  if (c == '(') {
    obj_t list = read_list(port, depth), v;
    size_t i;
    v = make_vector((size_t)list_length(list), NIL);
    for (i = 0; PAIR_P(list); list = CDR(list))
      VECREF(v, i++) = CAR(list);
    return v;
  }
  return c == '\\' ? read_char(port) : read_hash_atom(port, c);
}

static obj_t read_quoted(obj_t port, enum well_known symbol, int depth)
{
  obj_t x = read_at(port, depth + 1);
  if (x == EOF_OBJ || x == UNDEF)
    read_error(port, "nothing to quote");
  return cons(well_known[symbol], cons(x, NIL));
}

/* A number or symbol that starts with c.  Apart from read_at so that its
 * buffer does not make the recursion's frames big. */
static obj_t read_atom(obj_t port, int c)
{
  char buffer[TOKEN_MAX];
  obj_t number;
  size_t n;
  buffer[0] = (char)c;
  n = token(port, buffer, 1);
  if (n == 1 && c == '.')
    return UNDEF;
  number = num_parse(buffer, 10);
  return number != FALSE_OBJ ? number : intern_bytes(buffer, n);
}

/* Negative depth: a # has been taken already.  A lone dot is UNDEF. */
static obj_t read_at(obj_t port, int depth)
{
  int c;

  if (depth < 0) {
    c = '#' + 256;
    depth = -depth;
  } else
    c = skip(port, depth);
  if (depth > DEPTH_MAX)
    read_error(port, "data nested too deeply");
  if (c == EOF)
    return EOF_OBJ;
  if (c == '#' + 256)
    return read_hash(port, depth);
  port_getc(port);
  switch (c) {
  case '(': return read_list(port, depth);
  case ')': read_error(port, "unbalanced )"); break;
  case '"': return read_string(port);
  case '\'': return read_quoted(port, S_QUOTE, depth);
  case '`': return read_quoted(port, S_QUASIQUOTE, depth);
  case ',':
    if (port_peek(port) == '@') {
      port_getc(port);
      return read_quoted(port, S_UNQUOTE_SPLICING, depth);
    }
    return read_quoted(port, S_UNQUOTE, depth);
  }
  return read_atom(port, c);
}

obj_t read_datum(obj_t port)
{
  obj_t x = read_at(port, 0);
  if (x == UNDEF)
    read_error(port, "misplaced dot");
  return x;
}
