/* data.c -- pairs, vectors, symbols, records; equality */

#include <string.h>

#include "builtin.h"
#include "symbol.h"

/* ---- equality ------------------------------------------------------------ */

int eqv(obj_t a, obj_t b)
{
  if (a == b)
    return 1;
  return FLONUM_P(a) && FLONUM_P(b)
    && memcmp(&FLOVAL(a), &FLOVAL(b), sizeof(double)) == 0;
}

/* Recursion is on cars and vector elements only; lists may be of any length. */
static int equal_to_depth(obj_t a, obj_t b, int depth)
{
  size_t i;
  if (depth > 10000)
    error_list("equal?: structure nested too deeply", NIL);
  for (;;) {
    if (eqv(a, b))
      return 1;
    if (!IS_HEAP(a) || !IS_HEAP(b) || TYPE(a) != TYPE(b))
      return 0;
    switch (TYPE(a)) {
    case T_PAIR:
      if (!equal_to_depth(CAR(a), CAR(b), depth + 1))
        return 0;
      a = CDR(a);
      b = CDR(b);
      break;
    case T_STRING:
      return STRLEN(a) == STRLEN(b)
        && memcmp(STRDATA(a), STRDATA(b), STRLEN(a)) == 0;
    case T_VECTOR:
      if (VECLEN(a) != VECLEN(b))
        return 0;
      for (i = 0; i < VECLEN(a); ++i)
        if (!equal_to_depth(VECREF(a, i), VECREF(b, i), depth + 1))
          return 0;
      return 1;
    default:
      return 0;
    }
  }
}

int equal(obj_t a, obj_t b)
{
  return equal_to_depth(a, b, 0);
}

/* ---- small helpers ------------------------------------------------------- */

#define PREDICATE(name, condition) \
  static obj_t name(int argc, obj_t *argv) \
  { \
    obj_t x = argv[0]; \
    (void)argc; \
    return BOOL(condition); \
  }
PREDICATE(b_pair_p, PAIR_P(x))
PREDICATE(b_null_p, x == NIL)
PREDICATE(b_list_p, list_length(x) >= 0)
PREDICATE(b_symbol_p, SYMBOL_P(x))
PREDICATE(b_string_p, STRING_P(x))
PREDICATE(b_vector_p, VECTOR_P(x))
PREDICATE(b_char_p, IS_CHAR(x))
PREDICATE(b_boolean_p, x == TRUE_OBJ || x == FALSE_OBJ)
PREDICATE(b_procedure_p, IS(T_CLOSURE, x) || IS(T_PRIM, x) || IS(T_CONT, x))
PREDICATE(b_eof_p, x == EOF_OBJ)
PREDICATE(b_error_p, IS(T_RECORD, x) && RECORD(x)->tag == S(ERROR))
PREDICATE(b_not, x == FALSE_OBJ)

static obj_t b_eq(int argc, obj_t *argv) { (void)argc; return BOOL(argv[0] == argv[1]); }
static obj_t b_eqv(int argc, obj_t *argv) { (void)argc; return BOOL(eqv(argv[0], argv[1])); }
static obj_t b_equal(int argc, obj_t *argv) { (void)argc; return BOOL(equal(argv[0], argv[1])); }

/* ---- pairs and lists ----------------------------------------------------- */

static obj_t b_cons(int argc, obj_t *argv) { (void)argc; return cons(argv[0], argv[1]); }

static obj_t b_set_car(int argc, obj_t *argv)
{
  (void)argc;
  arg_is("set-car!", T_PAIR, argv[0]);
  CAR(argv[0]) = argv[1];
  return UNSPEC;
}

static obj_t b_set_cdr(int argc, obj_t *argv)
{
  (void)argc;
  arg_is("set-cdr!", T_PAIR, argv[0]);
  CDR(argv[0]) = argv[1];
  return UNSPEC;
}

/* `path' is the letters between c and r; they work from right to left. */
static obj_t pick(const char *who, const char *path, obj_t x)
{
  size_t n = strlen(path);
  while (n-- > 0) {
    arg_is(who, T_PAIR, x);
    x = path[n] == 'a' ? CAR(x) : CDR(x);
  }
  return x;
}

#define PICK(letters) \
  static obj_t b_c##letters##r(int argc, obj_t *argv) \
  { (void)argc; return pick("c" #letters "r", #letters, argv[0]); }
PICK(a) PICK(d) PICK(aa) PICK(ad) PICK(da) PICK(dd)
PICK(add) PICK(ddd) PICK(addd) PICK(aad) PICK(dad) PICK(ada) PICK(daa) PICK(dda)

static obj_t b_list(int argc, obj_t *argv)
{
  return list_of_vector(argv, (size_t)argc);
}

static obj_t b_cons_star(int argc, obj_t *argv)
{
  obj_t list = argv[--argc];
  while (argc-- > 0)
    list = cons(argv[argc], list);
  return list;
}

static obj_t b_length(int argc, obj_t *argv)
{
  long n = list_length(argv[0]);
  (void)argc;
  if (n < 0)
    error_type("length", "list", argv[0]);
  return FIXNUM(n);
}

static obj_t b_append(int argc, obj_t *argv)
{
  obj_t result = argc > 0 ? argv[argc - 1] : NIL;
  int i;
  for (i = argc - 2; i >= 0; --i) {
    obj_t list = argv[i], head = NIL, tail = NIL;
    if (list_length(list) < 0)
      error_type("append", "list", list);
    for (; list != NIL; list = CDR(list)) {
      obj_t p = cons(CAR(list), NIL);
      if (head == NIL)
        head = p;
      else
        CDR(tail) = p;
      tail = p;
    }
    if (head != NIL) {
      CDR(tail) = result;
      result = head;
    }
  }
  return result;
}

static obj_t b_reverse(int argc, obj_t *argv)
{
  obj_t list = argv[0], result = NIL;
  (void)argc;
  if (list_length(list) < 0)
    error_type("reverse", "list", list);
  for (; list != NIL; list = CDR(list))
    result = cons(CAR(list), result);
  return result;
}

static obj_t tail(const char *who, obj_t list, obj_t k)
{
  intptr_t n = arg_index(who, k);
  for (; n > 0; --n) {
    if (!PAIR_P(list))
      error_range(who, k);
    list = CDR(list);
  }
  return list;
}

static obj_t b_list_tail(int argc, obj_t *argv)
{
  (void)argc;
  return tail("list-tail", argv[0], argv[1]);
}

static obj_t b_list_ref(int argc, obj_t *argv)
{
  obj_t list = tail("list-ref", argv[0], argv[1]);
  (void)argc;
  if (!PAIR_P(list))
    error_range("list-ref", argv[1]);
  return CAR(list);
}

static int same(obj_t a, obj_t b) { return a == b; }

static obj_t mem(int (*test)(obj_t, obj_t), obj_t *argv)
{
  obj_t list = argv[1];
  for (; PAIR_P(list); list = CDR(list))
    if (test(argv[0], CAR(list)))
      return list;
  return FALSE_OBJ;
}

static obj_t ass(int (*test)(obj_t, obj_t), obj_t *argv)
{
  obj_t list = argv[1];
  for (; PAIR_P(list); list = CDR(list)) {
    arg_is("assoc", T_PAIR, CAR(list));
    if (test(argv[0], CAR(CAR(list))))
      return CAR(list);
  }
  return FALSE_OBJ;
}

static obj_t b_memq(int argc, obj_t *argv) { (void)argc; return mem(same, argv); }
static obj_t b_memv(int argc, obj_t *argv) { (void)argc; return mem(eqv, argv); }
static obj_t b_member(int argc, obj_t *argv) { (void)argc; return mem(equal, argv); }
static obj_t b_assq(int argc, obj_t *argv) { (void)argc; return ass(same, argv); }
static obj_t b_assv(int argc, obj_t *argv) { (void)argc; return ass(eqv, argv); }
static obj_t b_assoc(int argc, obj_t *argv) { (void)argc; return ass(equal, argv); }

/* ---- vectors ------------------------------------------------------------- */

static obj_t b_make_vector(int argc, obj_t *argv)
{
  return make_vector((size_t)arg_index("make-vector", argv[0]),
                     argc == 2 ? argv[1] : FIXNUM(0));
}

static obj_t b_vector(int argc, obj_t *argv)
{
  obj_t v = make_vector((size_t)argc, NIL);
  memcpy(&VECREF(v, 0), argv, (size_t)argc * sizeof(obj_t));
  return v;
}

static obj_t b_vector_length(int argc, obj_t *argv)
{
  (void)argc;
  arg_is("vector-length", T_VECTOR, argv[0]);
  return VEC(argv[0])->length;
}

static obj_t *element(const char *who, obj_t v, obj_t i)
{
  arg_is(who, T_VECTOR, v);
  if ((size_t)arg_index(who, i) >= VECLEN(v))
    error_range(who, i);
  return &VECREF(v, FIXVAL(i));
}

static obj_t b_vector_ref(int argc, obj_t *argv)
{
  (void)argc;
  return *element("vector-ref", argv[0], argv[1]);
}

static obj_t b_vector_set(int argc, obj_t *argv)
{
  (void)argc;
  *element("vector-set!", argv[0], argv[1]) = argv[2];
  return UNSPEC;
}

static obj_t b_vector_fill(int argc, obj_t *argv)
{
  size_t start, end;
  arg_is("vector-fill!", T_VECTOR, argv[0]);
  arg_range("vector-fill!", argc, argv, 2, VECLEN(argv[0]), &start, &end);
  while (start < end)
    VECREF(argv[0], start++) = argv[1];
  return UNSPEC;
}

static obj_t b_vector_to_list(int argc, obj_t *argv)
{
  size_t start, end;
  obj_t list = NIL;
  arg_is("vector->list", T_VECTOR, argv[0]);
  arg_range("vector->list", argc, argv, 1, VECLEN(argv[0]), &start, &end);
  while (end-- > start)
    list = cons(VECREF(argv[0], end), list);
  return list;
}

static obj_t b_list_to_vector(int argc, obj_t *argv)
{
  long n = list_length(argv[0]), i;
  obj_t v, list;
  (void)argc;
  if (n < 0)
    error_type("list->vector", "list", argv[0]);
  v = make_vector((size_t)n, NIL);
  for (i = 0, list = argv[0]; i < n; ++i, list = CDR(list))
    VECREF(v, i) = CAR(list);
  return v;
}

static obj_t b_subvector(int argc, obj_t *argv)
{
  size_t start, end;
  obj_t v;
  arg_is("vector-copy", T_VECTOR, argv[0]);
  arg_range("vector-copy", argc, argv, 1, VECLEN(argv[0]), &start, &end);
  v = make_vector(end - start, NIL);
  memcpy(&VECREF(v, 0), &VECREF(argv[0], start),
         (end - start) * sizeof(obj_t));
  return v;
}

/* ---- symbols ------------------------------------------------------------ */

static obj_t b_symbol_to_string(int argc, obj_t *argv)
{
  obj_t name;
  (void)argc;
  arg_is("symbol->string", T_SYMBOL, argv[0]);
  name = SYM(argv[0])->name;
  return make_string(STRDATA(name), STRLEN(name));
}

static obj_t b_string_to_symbol(int argc, obj_t *argv)
{
  (void)argc;
  arg_is("string->symbol", T_STRING, argv[0]);
  return intern_bytes(STRDATA(argv[0]), STRLEN(argv[0]));
}

static obj_t b_gensym(int argc, obj_t *argv)
{
  (void)argc;
  (void)argv;
  return make_uninterned("g");
}

/* ---- records and errors -------------------------------------------------- */

static obj_t b_make_record(int argc, obj_t *argv)
{
  obj_t r = make_filled(T_RECORD, (size_t)argc + 1, NIL);
  memcpy(&RECORD(r)->tag, argv, (size_t)argc * sizeof(obj_t));
  return r;
}

static obj_t b_record_is(int argc, obj_t *argv)
{
  (void)argc;
  return BOOL(IS(T_RECORD, argv[0]) && RECORD(argv[0])->tag == argv[1]);
}

static obj_t *field(obj_t *argv)
{
  if (!IS(T_RECORD, argv[0]) || RECORD(argv[0])->tag != argv[1])
    error_list("not a record of the right type",
               cons(argv[0], PAIR_P(argv[1]) ? cons(CAR(argv[1]), NIL) : NIL));
  if ((size_t)arg_index("record", argv[2]) >= RECORD_FIELDS(argv[0]))
    error_range("record", argv[2]);
  return &RECORD(argv[0])->field[FIXVAL(argv[2])];
}

static obj_t b_record_ref(int argc, obj_t *argv) { (void)argc; return *field(argv); }

static obj_t b_record_set(int argc, obj_t *argv)
{
  (void)argc;
  *field(argv) = argv[3];
  return UNSPEC;
}

static obj_t b_make_error(int argc, obj_t *argv)
{
  (void)argc;
  return make_condition(argv[0], argv[1]);
}

static obj_t b_error_message(int argc, obj_t *argv)
{
  if (b_error_p(argc, argv) == FALSE_OBJ)
    error_type("error-message", "error", argv[0]);
  return RECORD(argv[0])->field[0];
}

static obj_t b_error_irritants(int argc, obj_t *argv)
{
  if (b_error_p(argc, argv) == FALSE_OBJ)
    error_type("error-irritants", "error", argv[0]);
  return RECORD(argv[0])->field[1];
}

const builtin_s builtins_data[] = {
  { "pair?", b_pair_p, 1, 1 }, { "null?", b_null_p, 1, 1 },
  { "list?", b_list_p, 1, 1 }, { "symbol?", b_symbol_p, 1, 1 },
  { "string?", b_string_p, 1, 1 }, { "vector?", b_vector_p, 1, 1 },
  { "char?", b_char_p, 1, 1 }, { "boolean?", b_boolean_p, 1, 1 },
  { "procedure?", b_procedure_p, 1, 1 }, { "eof-object?", b_eof_p, 1, 1 },
  { "not", b_not, 1, 1 }, { "error?", b_error_p, 1, 1 },
  { "error-object?", b_error_p, 1, 1 },
  { "eq?", b_eq, 2, 2 }, { "eqv?", b_eqv, 2, 2 }, { "equal?", b_equal, 2, 2 },
  { "%eqv?", b_eqv, 2, 2 }, { "%memv", b_memv, 2, 2 },
  { "cons", b_cons, 2, 2 }, { "%cons", b_cons, 2, 2 },
  { "set-car!", b_set_car, 2, 2 }, { "set-cdr!", b_set_cdr, 2, 2 },
  { "car", b_car, 1, 1 }, { "cdr", b_cdr, 1, 1 }, { "caar", b_caar, 1, 1 },
  { "cadr", b_cadr, 1, 1 }, { "cdar", b_cdar, 1, 1 }, { "cddr", b_cddr, 1, 1 },
  { "caddr", b_caddr, 1, 1 }, { "cdddr", b_cdddr, 1, 1 },
  { "cadddr", b_cadddr, 1, 1 }, { "caadr", b_caadr, 1, 1 },
  { "cdadr", b_cdadr, 1, 1 }, { "cadar", b_cadar, 1, 1 },
  { "cdaar", b_cdaar, 1, 1 }, { "cddar", b_cddar, 1, 1 },
  { "list", b_list, 0, -1 }, { "cons*", b_cons_star, 1, -1 },
  { "length", b_length, 1, 1 }, { "append", b_append, 0, -1 },
  { "%append", b_append, 0, -1 }, { "reverse", b_reverse, 1, 1 },
  { "list-tail", b_list_tail, 2, 2 }, { "list-ref", b_list_ref, 2, 2 },
  { "memq", b_memq, 2, 2 }, { "memv", b_memv, 2, 2 },
  { "member", b_member, 2, 2 }, { "assq", b_assq, 2, 2 },
  { "assv", b_assv, 2, 2 }, { "assoc", b_assoc, 2, 2 },
  { "make-vector", b_make_vector, 1, 2 }, { "vector", b_vector, 0, -1 },
  { "vector-length", b_vector_length, 1, 1 },
  { "vector-ref", b_vector_ref, 2, 2 }, { "vector-set!", b_vector_set, 3, 3 },
  { "vector-fill!", b_vector_fill, 2, 4 },
  { "vector->list", b_vector_to_list, 1, 3 },
  { "list->vector", b_list_to_vector, 1, 1 },
  { "%list->vector", b_list_to_vector, 1, 1 },
  { "vector-copy", b_subvector, 1, 3 },
  { "symbol->string", b_symbol_to_string, 1, 1 },
  { "string->symbol", b_string_to_symbol, 1, 1 },
  { "gensym", b_gensym, 0, 1 },
  { "%make-record", b_make_record, 1, -1 },
  { "%record-is?", b_record_is, 2, 2 }, { "%record-ref", b_record_ref, 3, 3 },
  { "%record-set!", b_record_set, 4, 4 },
  { "%make-error", b_make_error, 2, 2 },
  { "error-message", b_error_message, 1, 1 },
  { "error-object-message", b_error_message, 1, 1 },
  { "error-irritants", b_error_irritants, 1, 1 },
  { "error-object-irritants", b_error_irritants, 1, 1 },
  { NULL, NULL, 0, 0 }
};
