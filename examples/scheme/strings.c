/* strings.c -- strings of bytes, and characters
 *
 * Pointers to characters inside a string are used only where nothing is
 * allocated, or with the string's start also in hand: a pointer that is not
 * word aligned does not keep an object in place.
 */

#include <ctype.h>
#include <string.h>

#include "builtin.h"

static size_t length_of(const char *who, obj_t s)
{
  arg_is(who, T_STRING, s);
  return STRLEN(s);
}

static unsigned char arg_byte(const char *who, obj_t c)
{
  if (!IS_CHAR(c))
    error_type(who, "character", c);
  return (unsigned char)CHARVAL(c);
}

static obj_t substring(obj_t s, size_t start, size_t end)
{
  obj_t result = make_string(NULL, end - start);
  memcpy(STRDATA(result), STRDATA(s) + start, end - start);
  return result;
}

static obj_t b_make_string(int argc, obj_t *argv)
{
  size_t n = (size_t)arg_index("make-string", argv[0]);
  obj_t s = make_string(NULL, n);
  if (argc == 2)
    memset(STRDATA(s), arg_byte("make-string", argv[1]), n);
  return s;
}

static obj_t b_string(int argc, obj_t *argv)
{
  obj_t s = make_string(NULL, (size_t)argc);
  int i;
  for (i = 0; i < argc; ++i)
    STRDATA(s)[i] = (char)arg_byte("string", argv[i]);
  return s;
}

static obj_t b_string_length(int argc, obj_t *argv)
{
  (void)argc;
  return FIXNUM(length_of("string-length", argv[0]));
}

static unsigned char *element(const char *who, obj_t s, obj_t i)
{
  size_t length = length_of(who, s);
  if ((size_t)arg_index(who, i) >= length)
    error_range(who, i);
  return (unsigned char *)STRDATA(s) + FIXVAL(i);
}

static obj_t b_string_ref(int argc, obj_t *argv)
{
  (void)argc;
  return CHAR(*element("string-ref", argv[0], argv[1]));
}

static obj_t b_string_set(int argc, obj_t *argv)
{
  unsigned char c = arg_byte("string-set!", argv[2]);
  (void)argc;
  *element("string-set!", argv[0], argv[1]) = c;
  return UNSPEC;
}

static obj_t b_substring(int argc, obj_t *argv)
{
  size_t start, end;
  arg_range("substring", argc, argv, 1, length_of("substring", argv[0]), &start,
        &end);
  return substring(argv[0], start, end);
}

static obj_t b_string_append(int argc, obj_t *argv)
{
  size_t total = 0, at = 0;
  obj_t s;
  int i;
  for (i = 0; i < argc; ++i)
    total += length_of("string-append", argv[i]);
  s = make_string(NULL, total);
  for (i = 0; i < argc; ++i) {
    memcpy(STRDATA(s) + at, STRDATA(argv[i]), STRLEN(argv[i]));
    at += STRLEN(argv[i]);
  }
  return s;
}

static obj_t b_string_to_list(int argc, obj_t *argv)
{
  size_t start, end;
  obj_t list = NIL;
  arg_range("string->list", argc, argv, 1, length_of("string->list", argv[0]),
        &start, &end);
  while (end-- > start)
    list = cons(CHAR((unsigned char)STRDATA(argv[0])[end]), list);
  return list;
}

static obj_t b_list_to_string(int argc, obj_t *argv)
{
  long n = list_length(argv[0]), i;
  obj_t s, list;
  (void)argc;
  if (n < 0)
    error_type("list->string", "list", argv[0]);
  s = make_string(NULL, (size_t)n);
  for (i = 0, list = argv[0]; i < n; ++i, list = CDR(list))
    STRDATA(s)[i] = (char)arg_byte("list->string", CAR(list));
  return s;
}

static obj_t b_string_fill(int argc, obj_t *argv)
{
  size_t n = length_of("string-fill!", argv[0]);
  (void)argc;
  memset(STRDATA(argv[0]), arg_byte("string-fill!", argv[1]), n);
  return UNSPEC;
}

/* (string-join list [separator]) */
static obj_t b_string_join(int argc, obj_t *argv)
{
  size_t total = 0, at = 0, gap = 0;
  obj_t list, s;
  if (list_length(argv[0]) < 0)
    error_type("string-join", "list", argv[0]);
  if (argc == 2)
    gap = length_of("string-join", argv[1]);
  for (list = argv[0]; list != NIL; list = CDR(list))
    total += length_of("string-join", CAR(list))
           + (CDR(list) != NIL ? gap : 0);
  s = make_string(NULL, total);
  for (list = argv[0]; list != NIL; list = CDR(list)) {
    memcpy(STRDATA(s) + at, STRDATA(CAR(list)), STRLEN(CAR(list)));
    at += STRLEN(CAR(list));
    if (CDR(list) != NIL && gap > 0) {
      memcpy(STRDATA(s) + at, STRDATA(argv[1]), gap);
      at += gap;
    }
  }
  return s;
}

/* (string-search pattern string [start]): index or #f */
static obj_t b_string_search(int argc, obj_t *argv)
{
  size_t n = length_of("string-search", argv[0]);
  size_t length = length_of("string-search", argv[1]), start, end;
  arg_range("string-search", argc, argv, 2, length, &start, &end);
  for (; start + n <= length; ++start)
    if (memcmp(STRDATA(argv[1]) + start, STRDATA(argv[0]), n) == 0)
      return FIXNUM(start);
  return FALSE_OBJ;
}

static obj_t convert(const char *who, obj_t s, int (*f)(int))
{
  size_t n = length_of(who, s), i;
  obj_t result = make_string(NULL, n);
  for (i = 0; i < n; ++i)
    STRDATA(result)[i] = (char)f((unsigned char)STRDATA(s)[i]);
  return result;
}

static obj_t b_string_upcase(int argc, obj_t *argv)
{ (void)argc; return convert("string-upcase", argv[0], toupper); }
static obj_t b_string_downcase(int argc, obj_t *argv)
{ (void)argc; return convert("string-downcase", argv[0], tolower); }

static int compare(const char *who, obj_t a, obj_t b)
{
  size_t m = length_of(who, a), n = length_of(who, b);
  int order = memcmp(STRDATA(a), STRDATA(b), m < n ? m : n);
  return order != 0 ? order : (m > n) - (m < n);
}

#define STRING_COMPARISON(name, who, op) \
  static obj_t name(int argc, obj_t *argv) \
  { \
    int i; \
    for (i = 0; i + 1 < argc; ++i) \
      if (!(compare(who, argv[i], argv[i + 1]) op 0)) \
        return FALSE_OBJ; \
    return TRUE_OBJ; \
  }
STRING_COMPARISON(b_string_eq, "string=?", ==)
STRING_COMPARISON(b_string_lt, "string<?", <)
STRING_COMPARISON(b_string_gt, "string>?", >)
STRING_COMPARISON(b_string_le, "string<=?", <=)
STRING_COMPARISON(b_string_ge, "string>=?", >=)

/* ---- characters ---------------------------------------------------------- */

static unsigned arg_char(const char *who, obj_t x)
{
  if (!IS_CHAR(x))
    error_type(who, "character", x);
  return CHARVAL(x);
}

static obj_t b_char_to_integer(int argc, obj_t *argv)
{
  (void)argc;
  return FIXNUM(arg_char("char->integer", argv[0]));
}

static obj_t b_integer_to_char(int argc, obj_t *argv)
{
  (void)argc;
  if (arg_index("integer->char", argv[0]) > 0xff)
    error_range("integer->char", argv[0]);
  return CHAR(FIXVAL(argv[0]));
}

static unsigned up(unsigned c) { return c >= 'a' && c <= 'z' ? c - 32 : c; }
static unsigned down(unsigned c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }

static obj_t b_char_upcase(int argc, obj_t *argv)
{ (void)argc; return CHAR(up(arg_char("char-upcase", argv[0]))); }
static obj_t b_char_downcase(int argc, obj_t *argv)
{ (void)argc; return CHAR(down(arg_char("char-downcase", argv[0]))); }

static obj_t b_char_alphabetic(int argc, obj_t *argv)
{
  unsigned c = down(arg_char("char-alphabetic?", argv[0]));
  (void)argc;
  return BOOL(c >= 'a' && c <= 'z');
}

static obj_t b_char_numeric(int argc, obj_t *argv)
{
  unsigned c = arg_char("char-numeric?", argv[0]);
  (void)argc;
  return BOOL(c >= '0' && c <= '9');
}

static obj_t b_char_whitespace(int argc, obj_t *argv)
{
  unsigned c = arg_char("char-whitespace?", argv[0]);
  (void)argc;
  return BOOL(c == ' ' || (c >= 9 && c <= 13));
}

#define CHAR_COMPARISON(name, who, op) \
  static obj_t name(int argc, obj_t *argv) \
  { \
    int i; \
    for (i = 0; i + 1 < argc; ++i) \
      if (!(arg_char(who, argv[i]) op arg_char(who, argv[i + 1]))) \
        return FALSE_OBJ; \
    return TRUE_OBJ; \
  }
CHAR_COMPARISON(b_char_eq, "char=?", ==)
CHAR_COMPARISON(b_char_lt, "char<?", <)
CHAR_COMPARISON(b_char_gt, "char>?", >)

const builtin_s builtins_string[] = {
  { "make-string", b_make_string, 1, 2 }, { "string", b_string, 0, -1 },
  { "string-length", b_string_length, 1, 1 },
  { "string-ref", b_string_ref, 2, 2 }, { "string-set!", b_string_set, 3, 3 },
  { "substring", b_substring, 2, 3 }, { "string-copy", b_substring, 1, 3 },
  { "string-append", b_string_append, 0, -1 },
  { "string->list", b_string_to_list, 1, 3 },
  { "list->string", b_list_to_string, 1, 1 },
  { "string-fill!", b_string_fill, 2, 2 },
  { "string-join", b_string_join, 1, 2 },
  { "string-search", b_string_search, 2, 3 },
  { "string-upcase", b_string_upcase, 1, 1 },
  { "string-downcase", b_string_downcase, 1, 1 },
  { "string=?", b_string_eq, 1, -1 }, { "string<?", b_string_lt, 1, -1 },
  { "string>?", b_string_gt, 1, -1 }, { "string<=?", b_string_le, 1, -1 },
  { "string>=?", b_string_ge, 1, -1 },
  { "char->integer", b_char_to_integer, 1, 1 },
  { "integer->char", b_integer_to_char, 1, 1 },
  { "char-upcase", b_char_upcase, 1, 1 },
  { "char-downcase", b_char_downcase, 1, 1 },
  { "char-alphabetic?", b_char_alphabetic, 1, 1 },
  { "char-numeric?", b_char_numeric, 1, 1 },
  { "char-whitespace?", b_char_whitespace, 1, 1 },
  { "char=?", b_char_eq, 1, -1 }, { "char<?", b_char_lt, 1, -1 },
  { "char>?", b_char_gt, 1, -1 },
  { NULL, NULL, 0, 0 }
};
