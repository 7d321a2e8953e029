/* numbers.c -- fixnums and floating-point numbers
 *
 * Integers that do not fit a fixnum become floating-point numbers.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"

#define NUMBER_P(x)  (IS_FIXNUM(x) || FLONUM_P(x))

static double to_double(const char *who, obj_t x)
{
  if (IS_FIXNUM(x))
    return (double)FIXVAL(x);
  if (!FLONUM_P(x))
    error_type(who, "number", x);
  return FLOVAL(x);
}

static obj_t from_integer(intptr_t n)
{
  if (n > FIXNUM_MAX || n < FIXNUM_MIN)
    return make_flonum((double)n);
  return FIXNUM(n);
}

/* ---- arithmetic ---------------------------------------------------------- */

obj_t num_add(obj_t a, obj_t b)
{
  if (IS_FIXNUM(a) && IS_FIXNUM(b))     /* two 63-bit numbers: no overflow */
    return from_integer(FIXVAL(a) + FIXVAL(b));
  return make_flonum(to_double("+", a) + to_double("+", b));
}

obj_t num_sub(obj_t a, obj_t b)
{
  if (IS_FIXNUM(a) && IS_FIXNUM(b))
    return from_integer(FIXVAL(a) - FIXVAL(b));
  return make_flonum(to_double("-", a) - to_double("-", b));
}

obj_t num_mul(obj_t a, obj_t b)
{
  intptr_t r;
  if (IS_FIXNUM(a) && IS_FIXNUM(b)
      && !__builtin_mul_overflow(FIXVAL(a), FIXVAL(b), &r))
    return from_integer(r);
  return make_flonum(to_double("*", a) * to_double("*", b));
}

static obj_t num_div(obj_t a, obj_t b)
{
  double y = to_double("/", b);
  if (b == FIXNUM(0))
    error_list("/: division by zero", NIL);
  if (IS_FIXNUM(a) && IS_FIXNUM(b) && FIXVAL(a) % FIXVAL(b) == 0)
    return from_integer(FIXVAL(a) / FIXVAL(b));
  return make_flonum(to_double("/", a) / y);
}

int num_compare(const char *who, obj_t a, obj_t b)
{
  if (IS_FIXNUM(a) && IS_FIXNUM(b))
    return (FIXVAL(a) > FIXVAL(b)) - (FIXVAL(a) < FIXVAL(b));
  {
    double x = to_double(who, a), y = to_double(who, b);
    return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;
  }
}

#define FOLD(name, who, op, unit) \
  static obj_t name(int argc, obj_t *argv) \
  { \
    obj_t r = argc > 0 ? argv[0] : FIXNUM(unit); \
    int i; \
    if (!NUMBER_P(r)) \
      error_type(who, "number", r); \
    for (i = 1; i < argc; ++i) \
      r = op(r, argv[i]); \
    return r; \
  }
FOLD(b_add, "+", num_add, 0)
FOLD(b_mul, "*", num_mul, 1)

static obj_t b_sub(int argc, obj_t *argv)
{
  obj_t r = argv[0];
  int i;
  if (argc == 1)
    return num_sub(FIXNUM(0), r);
  for (i = 1; i < argc; ++i)
    r = num_sub(r, argv[i]);
  return r;
}

static obj_t b_div(int argc, obj_t *argv)
{
  obj_t r = argv[0];
  int i;
  if (argc == 1)
    return num_div(FIXNUM(1), r);
  for (i = 1; i < argc; ++i)
    r = num_div(r, argv[i]);
  return r;
}

/* ---- comparison ---------------------------------------------------------- */

#define COMPARISON(name, who, op) \
  static obj_t name(int argc, obj_t *argv) \
  { \
    int i, ok = 1; \
    for (i = 0; i + 1 < argc; ++i) { \
      int order = num_compare(who, argv[i], argv[i + 1]); \
      ok = ok && order != 2 && order op 0; \
    } \
    return BOOL(ok); \
  }
COMPARISON(b_eq, "=", ==)
COMPARISON(b_lt, "<", <)
COMPARISON(b_gt, ">", >)
COMPARISON(b_le, "<=", <=)
COMPARISON(b_ge, ">=", >=)

static obj_t extreme(const char *who, int argc, obj_t *argv, int sign)
{
  obj_t r = argv[0];
  int i, inexact = FLONUM_P(r);
  to_double(who, r);
  for (i = 1; i < argc; ++i) {
    inexact = inexact || FLONUM_P(argv[i]);
    if (num_compare(who, argv[i], r) == sign)
      r = argv[i];
  }
  return inexact && IS_FIXNUM(r) ? make_flonum((double)FIXVAL(r)) : r;
}

static obj_t b_max(int argc, obj_t *argv) { return extreme("max", argc, argv, 1); }
static obj_t b_min(int argc, obj_t *argv) { return extreme("min", argc, argv, -1); }

/* ---- integers ------------------------------------------------------------ */

enum division { QUOTIENT, REMAINDER, MODULO };

static obj_t divide(const char *who, enum division kind, obj_t a, obj_t b)
{
  double x, y, r;
  if (IS_FIXNUM(a) && IS_FIXNUM(b)) {
    intptr_t n = FIXVAL(a), d = FIXVAL(b), m;
    if (d == 0)
      error_value("division by zero", a);
    if (kind == QUOTIENT)
      return from_integer(n / d);
    m = n % d;
    if (kind == MODULO && m != 0 && (m < 0) != (d < 0))
      m += d;
    return FIXNUM(m);
  }
  x = to_double(who, a);
  y = to_double(who, b);
  if (x != floor(x) || y != floor(y) || y == 0)
    error_type(who, "nonzero integer", b);
  if (kind == QUOTIENT)
    return make_flonum(trunc(x / y));
  r = fmod(x, y);
  if (kind == MODULO && r != 0 && (r < 0) != (y < 0))
    r += y;
  return make_flonum(r);
}

static obj_t b_quotient(int argc, obj_t *argv)
{ (void)argc; return divide("quotient", QUOTIENT, argv[0], argv[1]); }
static obj_t b_remainder(int argc, obj_t *argv)
{ (void)argc; return divide("remainder", REMAINDER, argv[0], argv[1]); }
static obj_t b_modulo(int argc, obj_t *argv)
{ (void)argc; return divide("modulo", MODULO, argv[0], argv[1]); }

static obj_t bits(const char *who, int argc, obj_t *argv, int kind)
{
  intptr_t r = kind == 0 ? -1 : 0;
  int i;
  for (i = 0; i < argc; ++i) {
    if (!IS_FIXNUM(argv[i]))
      error_type(who, "integer", argv[i]);
    if (kind == 0)
      r &= FIXVAL(argv[i]);
    else if (kind == 1)
      r |= FIXVAL(argv[i]);
    else
      r ^= FIXVAL(argv[i]);
  }
  return FIXNUM(r);
}

static obj_t b_and(int argc, obj_t *argv) { return bits("bitwise-and", argc, argv, 0); }
static obj_t b_or(int argc, obj_t *argv) { return bits("bitwise-or", argc, argv, 1); }
static obj_t b_xor(int argc, obj_t *argv) { return bits("bitwise-xor", argc, argv, 2); }

/* ---- predicates and conversions ------------------------------------------ */

static int integer_p(obj_t x)
{
  return IS_FIXNUM(x) || (FLONUM_P(x) && floor(FLOVAL(x)) == FLOVAL(x)
                          && !isinf(FLOVAL(x)));
}

static obj_t b_number_p(int argc, obj_t *argv)
{ (void)argc; return BOOL(NUMBER_P(argv[0])); }
static obj_t b_integer_p(int argc, obj_t *argv)
{ (void)argc; return BOOL(integer_p(argv[0])); }
static obj_t b_exact_p(int argc, obj_t *argv)
{ (void)argc; to_double("exact?", argv[0]); return BOOL(IS_FIXNUM(argv[0])); }
static obj_t b_inexact_p(int argc, obj_t *argv)
{ (void)argc; to_double("inexact?", argv[0]); return BOOL(!IS_FIXNUM(argv[0])); }
static obj_t b_nan_p(int argc, obj_t *argv)
{ (void)argc; return BOOL(isnan(to_double("nan?", argv[0]))); }
static obj_t b_zero_p(int argc, obj_t *argv)
{ (void)argc; return BOOL(to_double("zero?", argv[0]) == 0); }

static obj_t b_inexact(int argc, obj_t *argv)
{
  (void)argc;
  return FLONUM_P(argv[0]) ? argv[0]
                           : make_flonum(to_double("inexact", argv[0]));
}

static obj_t b_exact(int argc, obj_t *argv)
{
  double x;
  (void)argc;
  if (IS_FIXNUM(argv[0]))
    return argv[0];
  x = to_double("exact", argv[0]);
  if (!(fabs(x) < 4.6e18) || x != floor(x))
    error_type("exact", "number with an exact representation", argv[0]);
  return FIXNUM((intptr_t)x);
}

#define ROUNDING(name, who, f) \
  static obj_t name(int argc, obj_t *argv) \
  { \
    (void)argc; \
    return IS_FIXNUM(argv[0]) ? argv[0] : make_flonum(f(to_double(who, argv[0]))); \
  }
ROUNDING(b_floor, "floor", floor)
ROUNDING(b_ceiling, "ceiling", ceil)
ROUNDING(b_truncate, "truncate", trunc)
ROUNDING(b_round, "round", nearbyint)

#define REAL(name, who, f) \
  static obj_t name(int argc, obj_t *argv) \
  { \
    (void)argc; \
    return make_flonum(f(to_double(who, argv[0]))); \
  }
REAL(b_exp, "exp", exp)
REAL(b_sin, "sin", sin)
REAL(b_cos, "cos", cos)
REAL(b_tan, "tan", tan)
REAL(b_asin, "asin", asin)
REAL(b_acos, "acos", acos)

static obj_t b_log(int argc, obj_t *argv)
{
  double x = log(to_double("log", argv[0]));
  return make_flonum(argc == 2 ? x / log(to_double("log", argv[1])) : x);
}

static obj_t b_atan(int argc, obj_t *argv)
{
  double y = to_double("atan", argv[0]);
  return make_flonum(argc == 2 ? atan2(y, to_double("atan", argv[1]))
                               : atan(y));
}

static obj_t b_sqrt(int argc, obj_t *argv)
{
  double r = sqrt(to_double("sqrt", argv[0]));
  (void)argc;
  if (IS_FIXNUM(argv[0]) && r == floor(r) && r < 2e9
      && (intptr_t)r * (intptr_t)r == FIXVAL(argv[0]))
    return FIXNUM((intptr_t)r);
  return make_flonum(r);
}

static obj_t b_expt(int argc, obj_t *argv)
{
  obj_t result = FIXNUM(1), base = argv[0];
  intptr_t n;
  (void)argc;
  if (!IS_FIXNUM(base) || !IS_FIXNUM(argv[1]) || FIXVAL(argv[1]) < 0)
    return make_flonum(pow(to_double("expt", base),
                           to_double("expt", argv[1])));
  for (n = FIXVAL(argv[1]); n > 0; n >>= 1) {
    if (n & 1)
      result = num_mul(result, base);
    if (n > 1)
      base = num_mul(base, base);
  }
  return result;
}

/* ---- text ---------------------------------------------------------------- */

/* The shortest of a few precisions that reads back as the same number. */
void num_format(char *buffer, size_t size, double value)
{
  int precision;
  if (isnan(value)) {
    snprintf(buffer, size, "+nan.0");
    return;
  }
  if (isinf(value)) {
    snprintf(buffer, size, value > 0 ? "+inf.0" : "-inf.0");
    return;
  }
  for (precision = 15; precision <= 17; ++precision) {
    snprintf(buffer, size, "%.*g", precision, value);
    if (strtod(buffer, NULL) == value)
      break;
  }
  if (strpbrk(buffer, ".e") == NULL && strlen(buffer) + 3 <= size)
    strcat(buffer, ".0");
}

static int digit_value(int c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z')
    return c - 'A' + 10;
  return 99;
}

obj_t num_parse(const char *text, int radix)
{
  const char *p = text;
  int negative = *p == '-', overflow = 0, digits = 0;
  intptr_t n = 0;
  char *end;
  double d;

  if (*p == '+' || *p == '-')
    ++p;
  for (; digit_value((unsigned char)*p) < radix; ++p, ++digits)
    overflow |= __builtin_mul_overflow(n, radix, &n)
      || __builtin_add_overflow(n, digit_value((unsigned char)*p), &n);
  if (*p == '\0' && digits > 0 && !overflow)
    return from_integer(negative ? -n : n);
  if (strcmp(text, "+inf.0") == 0)
    return make_flonum(INFINITY);
  if (strcmp(text, "-inf.0") == 0)
    return make_flonum(-INFINITY);
  if (strcmp(text, "+nan.0") == 0)
    return make_flonum(NAN);
  /* strtod takes more than we do: names, hexadecimal. */
  if (radix != 10 || text[strspn(text, "+-.eE0123456789")] != '\0'
      || strpbrk(text, "0123456789") == NULL || *text == 'e' || *text == 'E')
    return FALSE_OBJ;
  d = strtod(text, &end);
  return *end == '\0' && end != text ? make_flonum(d) : FALSE_OBJ;
}

static obj_t b_number_to_string(int argc, obj_t *argv)
{
  char buffer[80], *p = buffer + sizeof buffer;
  intptr_t radix = argc == 2 ? arg_index("number->string", argv[1]) : 10;
  uintptr_t n;
  if (radix < 2 || radix > 36)
    error_range("number->string", argv[1]);
  if (!IS_FIXNUM(argv[0])) {
    num_format(buffer, sizeof buffer, to_double("number->string", argv[0]));
    return make_string(buffer, strlen(buffer));
  }
  n = FIXVAL(argv[0]) < 0 ? (uintptr_t)0 - (uintptr_t)FIXVAL(argv[0])
                          : (uintptr_t)FIXVAL(argv[0]);
  do
    *--p = "0123456789abcdefghijklmnopqrstuvwxyz"[n % (uintptr_t)radix];
  while ((n /= (uintptr_t)radix) != 0);
  if (FIXVAL(argv[0]) < 0)
    *--p = '-';
  return make_string(p, (size_t)(buffer + sizeof buffer - p));
}

static obj_t b_string_to_number(int argc, obj_t *argv)
{
  intptr_t radix = argc == 2 ? arg_index("string->number", argv[1]) : 10;
  arg_is("string->number", T_STRING, argv[0]);
  if (radix < 2 || radix > 36)
    error_range("string->number", argv[1]);
  return num_parse(STRDATA(argv[0]), (int)radix);
}

const builtin_s builtins_number[] = {
  { "+", b_add, 0, -1 }, { "*", b_mul, 0, -1 }, { "-", b_sub, 1, -1 },
  { "/", b_div, 1, -1 }, { "=", b_eq, 1, -1 }, { "<", b_lt, 1, -1 },
  { ">", b_gt, 1, -1 }, { "<=", b_le, 1, -1 }, { ">=", b_ge, 1, -1 },
  { "max", b_max, 1, -1 }, { "min", b_min, 1, -1 },
  { "quotient", b_quotient, 2, 2 }, { "remainder", b_remainder, 2, 2 },
  { "modulo", b_modulo, 2, 2 },
  { "bitwise-and", b_and, 0, -1 }, { "bitwise-or", b_or, 0, -1 },
  { "bitwise-xor", b_xor, 0, -1 },
  { "number?", b_number_p, 1, 1 }, { "real?", b_number_p, 1, 1 },
  { "integer?", b_integer_p, 1, 1 }, { "exact?", b_exact_p, 1, 1 },
  { "inexact?", b_inexact_p, 1, 1 }, { "nan?", b_nan_p, 1, 1 },
  { "zero?", b_zero_p, 1, 1 },
  { "inexact", b_inexact, 1, 1 }, { "exact->inexact", b_inexact, 1, 1 },
  { "exact", b_exact, 1, 1 }, { "inexact->exact", b_exact, 1, 1 },
  { "floor", b_floor, 1, 1 }, { "ceiling", b_ceiling, 1, 1 },
  { "truncate", b_truncate, 1, 1 }, { "round", b_round, 1, 1 },
  { "exp", b_exp, 1, 1 }, { "log", b_log, 1, 2 }, { "sin", b_sin, 1, 1 },
  { "cos", b_cos, 1, 1 }, { "tan", b_tan, 1, 1 }, { "asin", b_asin, 1, 1 },
  { "acos", b_acos, 1, 1 }, { "atan", b_atan, 1, 2 }, { "sqrt", b_sqrt, 1, 1 },
  { "expt", b_expt, 2, 2 },
  { "number->string", b_number_to_string, 1, 2 },
  { "string->number", b_string_to_number, 1, 2 },
  { NULL, NULL, 0, 0 }
};
