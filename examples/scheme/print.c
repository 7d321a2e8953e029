/* print.c -- display and write
 *
 * Addresses are never printed: what a program prints must not depend on what
 * the collector does.
 */

#include <stdio.h>
#include <string.h>

#include "builtin.h"
#include "port.h"
#include "stats.h"
#include "symbol.h"

enum { DEPTH_MAX = 2000 };

static const struct { const char *name; int code; } char_names[] = {
  { "space", ' ' }, { "newline", '\n' }, { "tab", '\t' }, { "return", '\r' },
  { "null", 0 }, { "delete", 127 }, { NULL, 0 }
};

static void print_char(obj_t port, obj_t x)
{
  int c = (int)CHARVAL(x), i;
  port_puts(port, "#\\");
  for (i = 0; char_names[i].name != NULL; ++i)
    if (char_names[i].code == c) {
      port_puts(port, char_names[i].name);
      return;
    }
  port_putc(port, c);
}

static void print_string(obj_t port, obj_t s)
{
  size_t i;
  port_putc(port, '"');
  for (i = 0; i < STRLEN(s); ++i) {
    char c = STRDATA(s)[i];
    switch (c) {
    case '"': port_puts(port, "\\\""); break;
    case '\\': port_puts(port, "\\\\"); break;
    case '\n': port_puts(port, "\\n"); break;
    case '\t': port_puts(port, "\\t"); break;
    default: port_putc(port, c); break;
    }
  }
  port_putc(port, '"');
}

static void print_named(obj_t port, const char *what, obj_t name)
{
  port_puts(port, "#<");
  port_puts(port, what);
  if (SYMBOL_P(name)) {
    port_putc(port, ' ');
    port_put_string(port, SYM(name)->name);
  }
  port_putc(port, '>');
}

static void print_at(obj_t port, obj_t x, int write, int depth);

static void print_list(obj_t port, obj_t x, int write, int depth)
{
  static const struct { enum well_known symbol; const char *mark; } marks[] = {
    { S_QUOTE, "'" }, { S_QUASIQUOTE, "`" }, { S_UNQUOTE, "," },
    { S_UNQUOTE_SPLICING, ",@" }
  };
  size_t i;
  if (PAIR_P(CDR(x)) && CDDR(x) == NIL)
    for (i = 0; i < sizeof marks / sizeof marks[0]; ++i)
      if (CAR(x) == well_known[marks[i].symbol]) {
        port_puts(port, marks[i].mark);
        print_at(port, CADR(x), write, depth);
        return;
      }
  port_putc(port, '(');
  for (;;) {
    print_at(port, CAR(x), write, depth);
    x = CDR(x);
    if (!PAIR_P(x))
      break;
    port_putc(port, ' ');
  }
  if (x != NIL) {
    port_puts(port, " . ");
    print_at(port, x, write, depth);
  }
  port_putc(port, ')');
}

static void print_constant(obj_t port, obj_t x)
{
  port_puts(port, x == TRUE_OBJ ? "#t" : x == FALSE_OBJ ? "#f"
            : x == NIL ? "()" : x == UNSPEC ? "#<unspecified>"
            : x == EOF_OBJ ? "#<eof>" : "#<undefined>");
}

static void print_at(obj_t port, obj_t x, int write, int depth)
{
  char buffer[48];
  size_t i;

  if (depth > DEPTH_MAX) {
    port_puts(port, "...");
    return;
  }
  if (IS_FIXNUM(x)) {
    snprintf(buffer, sizeof buffer, "%lld", (long long)FIXVAL(x));
    port_puts(port, buffer);
    return;
  }
  if (IS_CHAR(x)) {
    if (write)
      print_char(port, x);
    else
      port_putc(port, (int)CHARVAL(x));
    return;
  }
  if (!IS_HEAP(x)) {
    print_constant(port, x);
    return;
  }
  switch (TYPE(x)) {
  case T_PAIR: print_list(port, x, write, depth + 1); break;
  case T_FLONUM:
    num_format(buffer, sizeof buffer, FLOVAL(x));
    port_puts(port, buffer);
    break;
  case T_STRING:
    if (write)
      print_string(port, x);
    else
      port_put_string(port, x);
    break;
  case T_SYMBOL: port_put_string(port, SYM(x)->name); break;
  case T_VECTOR:
    port_puts(port, "#(");
    for (i = 0; i < VECLEN(x); ++i) {
      if (i > 0)
        port_putc(port, ' ');
      print_at(port, VECREF(x, i), write, depth + 1);
    }
    port_putc(port, ')');
    break;
  case T_CLOSURE:
    print_named(port, "procedure", CODE(CLOSURE(x)->code)->name);
    break;
  case T_PRIM: print_named(port, "procedure", PRIM(x)->name); break;
  case T_CONT: print_named(port, "continuation", NIL); break;
  case T_TABLE: print_named(port, "hash-table", NIL); break;
  case T_PORT: print_named(port, "port", NIL); break;
  case T_SLOTS: print_named(port, "weak-pair", NIL); break;
  case T_RECORD:
    if (RECORD(x)->tag == S(ERROR)) {
      port_puts(port, "#<error ");
      print_at(port, RECORD(x)->field[0], write, depth + 1);
      port_putc(port, '>');
    } else if (PAIR_P(RECORD(x)->tag))
      print_named(port, "record", CAR(RECORD(x)->tag));
    else
      print_named(port, "record", NIL);
    break;
  default: print_named(port, "object", NIL); break;
  }
}

void print(obj_t port, obj_t x, int write)
{
  print_at(port, x, write, 0);
}

void print_error(obj_t x)
{
  obj_t port = port_stderr(), irritants;
  stats_hide();
  fflush(stdout);
  port_puts(port, "error: ");
  if (IS(T_RECORD, x) && RECORD(x)->tag == S(ERROR)) {
    print(port, RECORD(x)->field[0], 0);
    for (irritants = RECORD(x)->field[1]; PAIR_P(irritants);
         irritants = CDR(irritants)) {
      port_putc(port, ' ');
      print(port, CAR(irritants), 1);
    }
  } else {
    port_puts(port, "uncaught object ");
    print(port, x, 1);
  }
  port_putc(port, '\n');
}
