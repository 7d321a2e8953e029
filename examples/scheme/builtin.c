/* builtin.c -- making the C procedures known, and helpers for them */

#include "builtin.h"
#include "symbol.h"

/* Handled by the evaluator itself; the order is that of the SPECIAL_ names. */
static const builtin_s specials[] = {
  { "apply", NULL, 2, -1 },
  { "%call/cc", NULL, 1, 1 },
  { NULL, NULL, 0, 0 }
};

static const builtin_s *const groups[] = {
  specials, builtins_number, builtins_data, builtins_string, builtins_table,
  builtins_system
};

enum { BUILTIN_MAX = 512 };
static builtin_s all[BUILTIN_MAX];
static size_t count;

const builtin_s *builtin_get(size_t index)
{
  return &all[index];
}

void builtin_init(void)
{
  size_t g;
  for (g = 0; g < sizeof groups / sizeof groups[0]; ++g) {
    const builtin_s *b;
    for (b = groups[g]; b->name != NULL && count < BUILTIN_MAX; ++b) {
      obj_t symbol = intern(b->name);
      obj_t procedure = make_filled(T_PRIM, 3, FIXNUM(count));
      PRIM(procedure)->name = symbol;
      SYM(symbol)->value = procedure;
      all[count++] = *b;
    }
  }
}

/* ---- errors -------------------------------------------------------------- */

obj_t make_condition(obj_t message, obj_t irritants)
{
  obj_t c = make_filled(T_RECORD, 4, S(ERROR));
  RECORD(c)->field[0] = message;
  RECORD(c)->field[1] = irritants;
  return c;
}

void error_list(const char *message, obj_t irritants)
{
  size_t length = 0;
  while (message[length] != '\0')
    ++length;
  error_raise(make_condition(make_string(message, length), irritants));
}

void error_value(const char *message, obj_t irritant)
{
  error_list(message, cons(irritant, NIL));
}

static void error_who(const char *who, const char *what, obj_t irritants)
{
  char message[160];
  size_t n = 0;
  const char *p;
  for (p = who; *p != '\0' && n < 60; ++p)
    message[n++] = *p;
  message[n++] = ':';
  message[n++] = ' ';
  for (p = what; *p != '\0' && n < 158; ++p)
    message[n++] = *p;
  message[n] = '\0';
  error_list(message, irritants);
}

void error_type(const char *who, const char *wanted, obj_t got)
{
  char what[80];
  size_t n = 0;
  const char *p;
  for (p = "expected a "; *p != '\0'; ++p)
    what[n++] = *p;
  for (p = wanted; *p != '\0' && n < 70; ++p)
    what[n++] = *p;
  what[n] = '\0';
  error_who(who, what, cons(got, NIL));
  error_memory();               /* not reached */
}

void error_range(const char *who, obj_t index)
{
  error_who(who, "index out of range", cons(index, NIL));
  error_memory();               /* not reached */
}

/* ---- arguments ----------------------------------------------------------- */

void arg_is(const char *who, enum type type, obj_t x)
{
  static const char *const names[T_LIMIT] = {
    [T_PAIR] = "pair", [T_STRING] = "string", [T_SYMBOL] = "symbol",
    [T_VECTOR] = "vector", [T_TABLE] = "hash table", [T_PORT] = "port",
    [T_RECORD] = "record", [T_SLOTS] = "weak pair"
  };
  if (!IS(type, x))
    error_type(who, names[type] != NULL ? names[type] : "different type", x);
}

intptr_t arg_index(const char *who, obj_t x)
{
  if (!IS_FIXNUM(x))
    error_type(who, "integer", x);
  if (FIXVAL(x) < 0)
    error_range(who, x);
  return FIXVAL(x);
}

void arg_range(const char *who, int argc, obj_t *argv, int first,
               size_t length, size_t *start_o, size_t *end_o)
{
  *start_o = argc > first ? (size_t)arg_index(who, argv[first]) : 0;
  *end_o = argc > first + 1 ? (size_t)arg_index(who, argv[first + 1]) : length;
  if (*end_o > length)
    error_range(who, argv[first + 1]);
  if (*start_o > *end_o)
    error_range(who, argv[first]);
}

long list_length(obj_t list)
{
  long n = 0;
  obj_t slow = list;            /* goes at half the speed */
  while (PAIR_P(list)) {
    list = CDR(list);
    if ((++n & 1) == 0) {
      slow = CDR(slow);
      if (slow == list && PAIR_P(list))
        return -1;              /* circular */
    }
  }
  return list == NIL ? n : -1;
}

obj_t list_of_vector(const obj_t *items, size_t n)
{
  obj_t list = NIL;
  while (n-- > 0)
    list = cons(items[n], list);
  return list;
}
