/* desugar.c -- derived forms in terms of simpler ones
 *
 * Procedures that expansions call have names starting with %, and temporary
 * variables are uninterned symbols, so neither clashes with a program's names.
 */

#include "compile.h"
#include "builtin.h"
#include "error.h"
#include "heap.h"
#include "symbol.h"

obj_t list1(obj_t a) { return cons(a, NIL); }
obj_t list2(obj_t a, obj_t b) { return cons(a, list1(b)); }
obj_t list3(obj_t a, obj_t b, obj_t c) { return cons(a, list2(b, c)); }

static obj_t list4(obj_t a, obj_t b, obj_t c, obj_t d)
{
  return cons(a, list3(b, c, d));
}

void syntax_error(const char *what, obj_t form)
{
  error_value(what, form);
}

static void need(int ok, const char *what, obj_t form)
{
  if (!ok)
    syntax_error(what, form);
}

static obj_t reverse(obj_t list)
{
  obj_t result = NIL;
  for (; PAIR_P(list); list = CDR(list))
    result = cons(CAR(list), result);
  return result;
}

static obj_t lambda(obj_t params, obj_t body)
{
  return cons(S(LAMBDA), cons(params, body));
}

static obj_t quote(obj_t x)
{
  return list2(S(QUOTE), x);
}

/* ---- conditionals -------------------------------------------------------- */

static obj_t expand_cond(obj_t x)
{
  obj_t clauses = CDR(x), clause, test, rest;
  if (clauses == NIL)
    return list2(S(BEGIN), UNSPEC);
  need(PAIR_P(clauses) && PAIR_P(CAR(clauses)), "bad cond clause", x);
  clause = CAR(clauses);
  test = CAR(clause);
  if (test == S(ELSE))
    return cons(S(BEGIN), CDR(clause));
  rest = cons(S(COND), CDR(clauses));
  if (CDR(clause) == NIL)
    return list3(S(OR), test, rest);
  if (PAIR_P(CDR(clause)) && CADR(clause) == S(ARROW)) {
    obj_t tmp = make_uninterned("t");
    need(PAIR_P(CDDR(clause)), "bad => in cond", clause);
    return list3(S(LET), list1(list2(tmp, test)),
                 list4(S(IF), tmp, list2(CAR(CDDR(clause)), tmp), rest));
  }
  return list4(S(IF), test, cons(S(BEGIN), CDR(clause)), rest);
}

static obj_t expand_case(obj_t x)
{
  obj_t tmp = make_uninterned("key"), clauses, result = NIL;
  need(PAIR_P(CDR(x)), "bad case", x);
  for (clauses = CDDR(x); PAIR_P(clauses); clauses = CDR(clauses)) {
    obj_t clause = CAR(clauses), data, body, test;
    need(PAIR_P(clause) && PAIR_P(CDR(clause)), "bad case clause", x);
    data = CAR(clause);
    body = CDR(clause);
    if (CAR(body) == S(ARROW))
      body = list1(list2(CADR(body), tmp));
    if (data == S(ELSE))
      test = S(ELSE);
    else if (PAIR_P(data) && CDR(data) == NIL)
      test = list3(S(P_EQV), tmp, quote(CAR(data)));
    else
      test = list3(S(P_MEMV), tmp, quote(data));
    result = cons(cons(test, body), result);
  }
  return list3(S(LET), list1(list2(tmp, CADR(x))),
               cons(S(COND), reverse(result)));
}

/* ---- binding forms ------------------------------------------------------- */

static obj_t expand_let_star(obj_t x)
{
  obj_t bindings;
  need(PAIR_P(CDR(x)) && PAIR_P(CDDR(x)), "bad let*", x);
  bindings = CADR(x);
  if (!PAIR_P(bindings) || CDR(bindings) == NIL)
    return cons(S(LET), CDR(x));
  return list3(S(LET), list1(CAR(bindings)),
               cons(S(LETSTAR), cons(CDR(bindings), CDDR(x))));
}

static obj_t expand_letrec(obj_t x)
{
  obj_t bindings, body;
  need(PAIR_P(CDR(x)) && PAIR_P(CDDR(x)), "bad letrec", x);
  body = list1(cons(S(LET), cons(NIL, CDDR(x))));
  for (bindings = reverse(CADR(x)); PAIR_P(bindings); bindings = CDR(bindings))
    body = cons(cons(S(DEFINE), CAR(bindings)), body);
  return cons(S(LET), cons(NIL, body));
}

/* The initial values are outside the scope of the loop's name. */
static obj_t named_let(obj_t name, obj_t bindings, obj_t body)
{
  obj_t vars = NIL, values = NIL;
  for (; PAIR_P(bindings); bindings = CDR(bindings)) {
    obj_t b = CAR(bindings);
    need(PAIR_P(b) && PAIR_P(CDR(b)), "bad named let binding", b);
    vars = cons(CAR(b), vars);
    values = cons(CADR(b), values);
  }
  return cons(list4(S(LET), NIL,
                    list3(S(DEFINE), name, lambda(reverse(vars), body)), name),
              reverse(values));
}

static obj_t expand_do(obj_t x)
{
  obj_t loop = make_uninterned("do"), specs, exit, body;
  obj_t bindings = NIL, steps = NIL;
  need(PAIR_P(CDR(x)) && PAIR_P(CDDR(x)) && PAIR_P(CAR(CDDR(x))), "bad do", x);
  for (specs = CADR(x); PAIR_P(specs); specs = CDR(specs)) {
    obj_t spec = CAR(specs);
    need(PAIR_P(spec) && PAIR_P(CDR(spec)), "bad do variable", spec);
    bindings = cons(list2(CAR(spec), CADR(spec)), bindings);
    steps = cons(PAIR_P(CDDR(spec)) ? CAR(CDDR(spec)) : CAR(spec), steps);
  }
  exit = CAR(CDDR(x));
  body = reverse(CDR(CDDR(x)));
  body = reverse(cons(cons(loop, reverse(steps)), body));
  return named_let(loop, reverse(bindings),
                   list1(list4(S(IF), CAR(exit),
                               CDR(exit) == NIL ? list2(S(BEGIN), UNSPEC)
                               : cons(S(BEGIN), CDR(exit)),
                               cons(S(BEGIN), body))));
}

/* ---- quasiquotation ------------------------------------------------------ */

static int tagged(obj_t x, obj_t tag)
{
  return PAIR_P(x) && CAR(x) == tag && PAIR_P(CDR(x)) && CDDR(x) == NIL;
}

static obj_t quasi(obj_t x, int depth)
{
  if (!PAIR_P(x)) {
    if (VECTOR_P(x)) {
      obj_t list = NIL;
      size_t i = VECLEN(x);
      while (i-- > 0)
        list = cons(VECREF(x, i), list);
      return list2(S(P_LIST_VECTOR), quasi(list, depth));
    }
    return quote(x);
  }
  if (tagged(x, S(UNQUOTE))) {
    if (depth == 1)
      return CADR(x);
    return list3(S(P_CONS), quote(S(UNQUOTE)), quasi(CDR(x), depth - 1));
  }
  if (tagged(x, S(QUASIQUOTE)))
    return list3(S(P_CONS), quote(S(QUASIQUOTE)), quasi(CDR(x), depth + 1));
  if (tagged(CAR(x), S(UNQUOTE_SPLICING))) {
    if (depth == 1)
      return list3(S(P_APPEND), CADR(CAR(x)), quasi(CDR(x), depth));
    return list3(S(P_CONS), list3(S(P_CONS), quote(S(UNQUOTE_SPLICING)),
                                  quasi(CDR(CAR(x)), depth - 1)),
                 quasi(CDR(x), depth));
  }
  return list3(S(P_CONS), quasi(CAR(x), depth), quasi(CDR(x), depth));
}

/* ---- errors and records -------------------------------------------------- */

/* (guard (e clause ...) body ...) */
static obj_t expand_guard(obj_t x)
{
  obj_t spec, clauses, last = NIL;
  need(PAIR_P(CDR(x)) && PAIR_P(CADR(x)) && SYMBOL_P(CAR(CADR(x))),
       "bad guard", x);
  spec = CADR(x);
  for (clauses = CDR(spec); PAIR_P(clauses); clauses = CDR(clauses))
    last = CAR(clauses);
  clauses = CDR(spec);
  if (!PAIR_P(last) || CAR(last) != S(ELSE)) {
    clauses = reverse(cons(list2(S(ELSE), list2(S(P_RAISE), CAR(spec))),
                           reverse(clauses)));
  }
  return list3(S(P_GUARD), lambda(NIL, CDDR(x)),
               lambda(list1(CAR(spec)), list1(cons(S(COND), clauses))));
}

/* (define-record-type name (constructor field ...) predicate
 *   (field accessor [modifier]) ...) */
static obj_t expand_record(obj_t x)
{
  obj_t name, make, is, fields, f, result = NIL, tag, args, r, v;
  long i;
  need(list_length(x) >= 4, "bad define-record-type", x);
  x = CDR(x);
  name = CAR(x), make = CADR(x), is = CAR(CDDR(x)), fields = CDR(CDDR(x));
  need(SYMBOL_P(name) && PAIR_P(make), "bad define-record-type", x);
  tag = quote(list1(name));     /* a fresh pair: types are told apart by it */
  r = make_uninterned("record");
  v = make_uninterned("value");
  args = NIL;
  for (f = reverse(fields), i = 0; PAIR_P(f); f = CDR(f), ++i) {
    obj_t a, field;
    need(PAIR_P(CAR(f)), "bad record field", CAR(f));
    field = CAR(CAR(f));
    for (a = CDR(make); PAIR_P(a) && CAR(a) != field; a = CDR(a))
      ;
    args = cons(PAIR_P(a) ? field : FALSE_OBJ, args);
  }
  result = cons(list3(S(DEFINE), make, cons(S(P_RECORD), cons(tag, args))),
                result);
  result = cons(list3(S(DEFINE), list2(is, r),
                      list3(S(P_RECORD_IS), r, tag)), result);
  for (f = fields, i = 0; PAIR_P(f); f = CDR(f), ++i) {
    obj_t spec = CDR(CAR(f));
    if (PAIR_P(spec)) {
      result = cons(list3(S(DEFINE), list2(CAR(spec), r),
                          list4(S(P_RECORD_REF), r, tag, FIXNUM(i))), result);
      if (PAIR_P(CDR(spec)))
        result = cons(list3(S(DEFINE), list3(CADR(spec), r, v),
                            cons(S(P_RECORD_SET),
                                 list4(r, tag, FIXNUM(i), v))), result);
    }
  }
  return cons(S(BEGIN), reverse(result));
}

int desugar(int special, obj_t x, obj_t *x_o)
{
  switch (special) {
  case S_COND: *x_o = expand_cond(x); return 1;
  case S_CASE: *x_o = expand_case(x); return 1;
  case S_LETSTAR: *x_o = expand_let_star(x); return 1;
  case S_LETREC: case S_LETRECSTAR: *x_o = expand_letrec(x); return 1;
  case S_DO: *x_o = expand_do(x); return 1;
  case S_GUARD: *x_o = expand_guard(x); return 1;
  case S_DEFINE_RECORD: *x_o = expand_record(x); return 1;
  case S_LET:
    if (PAIR_P(CDR(x)) && SYMBOL_P(CADR(x))) {
      need(PAIR_P(CDDR(x)), "bad named let", x);
      *x_o = named_let(CADR(x), CAR(CDDR(x)), CDR(CDDR(x)));
      return 1;
    }
    return 0;
  case S_QUASIQUOTE:
    need(tagged(x, S(QUASIQUOTE)), "bad quasiquote", x);
    *x_o = quasi(CADR(x), 1);
    return 1;
  case S_WHEN: case S_UNLESS: {
    obj_t body;
    need(PAIR_P(CDR(x)), "bad when or unless", x);
    body = cons(S(BEGIN), CDDR(x));
    *x_o = special == S_WHEN
      ? list4(S(IF), CADR(x), body, UNSPEC)
      : list4(S(IF), CADR(x), UNSPEC, body);
    return 1;
  }
  case S_DELAY:
    *x_o = list2(S(P_MAKE_PROMISE), lambda(NIL, CDR(x)));
    return 1;
  case S_CONS_STREAM:
    need(list_length(x) == 3, "bad cons-stream", x);
    *x_o = list3(S(P_CONS), CADR(x),
                 list2(S(P_MAKE_PROMISE), lambda(NIL, CDDR(x))));
    return 1;
  default:
    return 0;
  }
}
