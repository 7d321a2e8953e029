/* analyse.c -- from simple forms to trees; see compile.h for their shape
 *
 * `env' is the list of local variables in scope, innermost first, and `lam'
 * the lambda node being analysed.
 */

#include "builtin.h"
#include "compile.h"
#include "error.h"
#include "heap.h"
#include "symbol.h"

enum { DEPTH_MAX = 2000 };
static int depth;               /* how deeply nested we are in the source */

static obj_t analyse(obj_t x, obj_t env, obj_t lam);
static obj_t analyse_body(obj_t forms, obj_t env, obj_t lam);

static obj_t node(enum node op, obj_t a, obj_t b, obj_t c)
{
  obj_t n = make_vector(4, c);
  VECREF(n, 0) = FIXNUM(op);
  VECREF(n, 1) = a;
  VECREF(n, 2) = b;
  return n;
}

static obj_t constant(obj_t value)
{
  return node(N_CONST, value, NIL, NIL);
}

static obj_t make_variable(obj_t name, obj_t lam)
{
  obj_t v = make_vector(VAR_SIZE, FALSE_OBJ);
  VAR_NAME(v) = name;
  VAR_OWNER(v) = lam;
  return v;
}

/* Lists here are built in order, by appending at a tail. */
typedef struct { obj_t head, tail; } queue_s;
#define EMPTY_QUEUE { NIL, NIL }

static void append(queue_s *q, obj_t x)
{
  obj_t p = list1(x);
  if (q->head == NIL)
    q->head = p;
  else
    CDR(q->tail) = p;
  q->tail = p;
}

/* ---- variables ----------------------------------------------------------- */

static obj_t lookup(obj_t name, obj_t env)
{
  for (; env != NIL; env = CDR(env))
    if (VAR_NAME(CAR(env)) == name)
      return CAR(env);
  return FALSE_OBJ;
}

/* A use of `var' inside `lam': every lambda between there and the variable's
 * owner has to carry it. */
static void note_use(obj_t var, obj_t lam)
{
  for (; lam != VAR_OWNER(var); lam = LAM_PARENT(lam)) {
    obj_t f;
    VAR_CAPTURED(var) = TRUE_OBJ;
    for (f = LAM_FREE(lam); f != NIL; f = CDR(f))
      if (CAR(f) == var)
        break;
    if (f == NIL)
      LAM_FREE(lam) = cons(var, LAM_FREE(lam));
  }
}

/* What a form's first symbol means, if it means something to us here. */
static int special_of(obj_t x, obj_t env)
{
  if (PAIR_P(x) && SYMBOL_P(CAR(x)) && lookup(CAR(x), env) == FALSE_OBJ)
    return FLAG_SPECIAL(SYM(CAR(x))->flags);
  return -1;
}

static obj_t analyse_variable(obj_t name, obj_t env, obj_t lam)
{
  obj_t var = lookup(name, env);
  if (var == FALSE_OBJ) {
    if (FLAG_SPECIAL(SYM(name)->flags) >= 0)
      syntax_error("keyword used as a variable", name);
    return node(N_GLOBAL, name, NIL, NIL);
  }
  note_use(var, lam);
  return node(N_LOCAL, var, NIL, NIL);
}

static obj_t analyse_set(obj_t name, obj_t value, obj_t env, obj_t lam)
{
  obj_t var = lookup(name, env);
  if (var == FALSE_OBJ) {
    SYM(name)->flags = FIXNUM(0);
    return node(N_SET_GLOBAL, name, value, NIL);
  }
  VAR_ASSIGNED(var) = TRUE_OBJ;
  note_use(var, lam);
  return node(N_SET_LOCAL, var, value, NIL);
}

/* ---- procedures and bodies ----------------------------------------------- */

static obj_t analyse_lambda(obj_t params, obj_t body, obj_t name, obj_t env,
                            obj_t parent)
{
  queue_s vars = EMPTY_QUEUE;
  obj_t lam = make_vector(LAM_SIZE, NIL), p;
  int required = 0;

  VECREF(lam, 0) = FIXNUM(N_LAMBDA);
  LAM_NAME(lam) = name;
  LAM_PARENT(lam) = parent;
  LAM_REST(lam) = FALSE_OBJ;
  for (p = params; PAIR_P(p); p = CDR(p), ++required) {
    obj_t var;
    if (!SYMBOL_P(CAR(p)))
      syntax_error("parameter is not a symbol", params);
    var = make_variable(CAR(p), lam);
    append(&vars, var);
    env = cons(var, env);
  }
  if (p != NIL) {
    obj_t var;
    if (!SYMBOL_P(p))
      syntax_error("parameter is not a symbol", params);
    var = make_variable(p, lam);
    append(&vars, var);
    env = cons(var, env);
    LAM_REST(lam) = TRUE_OBJ;
  }
  LAM_PARAMS(lam) = vars.head;
  LAM_REQUIRED(lam) = FIXNUM(required);
  LAM_BODY(lam) = analyse_body(body, env, lam);
  return lam;
}

/* Take (define name value) or (define (name . params) body ...) apart.  The
 * second kind may be nested, for curried definitions. */
static void split_define(obj_t x, obj_t *name_o, obj_t *value_o)
{
  obj_t target;
  if (!PAIR_P(CDR(x)))
    syntax_error("bad define", x);
  target = CADR(x);
  if (PAIR_P(target)) {
    obj_t value = cons(S(LAMBDA), cons(CDR(target), CDDR(x)));
    for (target = CAR(target); PAIR_P(target); target = CAR(target))
      value = list3(S(LAMBDA), CDR(target), value);
    *value_o = value;
  } else
    *value_o = PAIR_P(CDDR(x)) ? CAR(CDDR(x)) : UNSPEC;
  if (!SYMBOL_P(target))
    syntax_error("bad define", x);
  *name_o = target;
}

static obj_t analyse_named(obj_t x, obj_t name, obj_t env, obj_t lam)
{
  if (special_of(x, env) == S_LAMBDA && PAIR_P(CDR(x)))
    return analyse_lambda(CADR(x), CDDR(x), name, env, lam);
  return analyse(x, env, lam);
}

static obj_t sequence(obj_t nodes)
{
  if (nodes == NIL)
    return constant(UNSPEC);
  if (CDR(nodes) == NIL)
    return CAR(nodes);
  return node(N_SEQ, nodes, NIL, NIL);
}

static obj_t analyse_list(obj_t forms, obj_t env, obj_t lam)
{
  queue_s nodes = EMPTY_QUEUE;
  obj_t f;
  for (f = forms; PAIR_P(f); f = CDR(f))
    append(&nodes, analyse(CAR(f), env, lam));
  if (f != NIL)
    syntax_error("improper list", forms);
  return nodes.head;
}

/* Add the forms of a body to `out', with `begin' and record definitions
 * opened up.  Returns how many definitions there are. */
static int flatten(obj_t forms, obj_t env, queue_s *out)
{
  int defines = 0;
  for (; PAIR_P(forms); forms = CDR(forms)) {
    obj_t form = CAR(forms);
    int special = special_of(form, env);
    if (special == S_DEFINE_RECORD && desugar(special, form, &form))
      special = S_BEGIN;
    if (special == S_BEGIN)
      defines += flatten(CDR(form), env, out);
    else {
      defines += special == S_DEFINE;
      append(out, form);
    }
  }
  return defines;
}

/* Internal definitions are a letrec*.  Those of a lambda are created before
 * anything runs; the others are set in order, between the expressions. */
static obj_t analyse_body(obj_t forms, obj_t env, obj_t lam)
{
  queue_s flat = EMPTY_QUEUE, vars = EMPTY_QUEUE, inits = EMPTY_QUEUE,
    body = EMPTY_QUEUE;
  obj_t f, v, inner = env;

  if (!PAIR_P(forms))
    syntax_error("empty body", forms);
  if (flatten(forms, env, &flat) == 0)
    return sequence(analyse_list(flat.head, env, lam));

  for (f = flat.head; f != NIL; f = CDR(f))
    if (special_of(CAR(f), env) == S_DEFINE) {
      obj_t name, value;
      split_define(CAR(f), &name, &value);
      for (v = vars.head; v != NIL && VAR_NAME(CAR(v)) != name; v = CDR(v))
        ;
      if (v == NIL) {
        append(&vars, make_variable(name, lam));
        inner = cons(CAR(vars.tail), inner);
      }
    }
  for (v = vars.head; v != NIL; v = CDR(v))
    append(&inits, FALSE_OBJ);
  for (f = flat.head; f != NIL; f = CDR(f)) {
    obj_t name, value, n, i;
    if (special_of(CAR(f), env) != S_DEFINE) {
      append(&body, analyse(CAR(f), inner, lam));
      continue;
    }
    split_define(CAR(f), &name, &value);
    n = analyse_named(value, name, inner, lam);
    for (v = vars.head, i = inits.head; VAR_NAME(CAR(v)) != name;
         v = CDR(v), i = CDR(i))
      ;
    if (NODE_OP(n) == N_LAMBDA && CAR(i) == FALSE_OBJ
        && VAR_LATE(CAR(v)) == FALSE_OBJ)
      CAR(i) = n;
    else {
      if (CAR(i) != FALSE_OBJ || VAR_LATE(CAR(v)) != FALSE_OBJ)
        VAR_ASSIGNED(CAR(v)) = TRUE_OBJ;        /* defined twice */
      VAR_LATE(CAR(v)) = TRUE_OBJ;
      append(&body, node(N_SET_LOCAL, CAR(v), n, NIL));
    }
  }
  return node(N_LETREC, vars.head, inits.head, sequence(body.head));
}

static obj_t analyse_let(obj_t x, obj_t env, obj_t lam)
{
  queue_s vars = EMPTY_QUEUE, inits = EMPTY_QUEUE;
  obj_t inner = env, b, body;
  if (!PAIR_P(CDR(x)))
    syntax_error("bad let", x);
  for (b = CADR(x); PAIR_P(b); b = CDR(b)) {
    obj_t binding = CAR(b);
    if (!PAIR_P(binding) || !SYMBOL_P(CAR(binding)) || !PAIR_P(CDR(binding))
        || CDDR(binding) != NIL)
      syntax_error("bad binding", binding);
    append(&vars, make_variable(CAR(binding), lam));
    append(&inits, analyse_named(CADR(binding), CAR(binding), env, lam));
    inner = cons(CAR(vars.tail), inner);
  }
  body = analyse_body(CDDR(x), inner, lam);
  if (vars.head == NIL)
    return body;
  return node(N_LET, vars.head, inits.head, body);
}

/* ---- forms --------------------------------------------------------------- */

static obj_t analyse_special(int special, obj_t x, obj_t env, obj_t lam)
{
  long length = list_length(x);
  switch (special) {
  case S_QUOTE:
    if (length != 2)
      syntax_error("bad quote", x);
    return constant(CADR(x));
  case S_IF:
    if (length != 3 && length != 4)
      syntax_error("bad if", x);
    return node(N_IF, analyse(CADR(x), env, lam),
                analyse(CAR(CDDR(x)), env, lam),
                length == 4 ? analyse(CADR(CDDR(x)), env, lam)
                : constant(UNSPEC));
  case S_SET:
    if (length != 3 || !SYMBOL_P(CADR(x)))
      syntax_error("bad set!", x);
    return analyse_set(CADR(x), analyse(CAR(CDDR(x)), env, lam), env, lam);
  case S_LAMBDA:
    if (length < 3)
      syntax_error("bad lambda", x);
    return analyse_lambda(CADR(x), CDDR(x), FALSE_OBJ, env, lam);
  case S_BEGIN:
    return sequence(analyse_list(CDR(x), env, lam));
  case S_LET:
    return analyse_let(x, env, lam);
  case S_AND:
  case S_OR:
    if (length == 1)
      return constant(BOOL(special == S_AND));
    return node(special == S_AND ? N_AND : N_OR,
                analyse_list(CDR(x), env, lam), NIL, NIL);
  case S_DEFINE: {
    obj_t name, value;
    if (env != NIL || LAM_PARENT(lam) != NIL)
      syntax_error("define in the middle of an expression", x);
    split_define(x, &name, &value);
    SYM(name)->flags = FIXNUM(0);
    return node(N_DEFINE, name, analyse_named(value, name, env, lam), NIL);
  }
  default:
    syntax_error("keyword out of place", x);
    return NIL;
  }
}

static obj_t analyse(obj_t x, obj_t env, obj_t lam)
{
  obj_t result;
  int special;
  if (SYMBOL_P(x))
    return analyse_variable(x, env, lam);
  if (!PAIR_P(x)) {
    if (x == NIL)
      syntax_error("empty combination", x);
    return constant(x);
  }
  if (++depth > DEPTH_MAX)
    error_list("expression nested too deeply", NIL);
  special = special_of(x, env);
  if (special >= 0 && desugar(special, x, &result))
    result = analyse(result, env, lam);
  else if (special >= 0)
    result = analyse_special(special, x, env, lam);
  else {
    obj_t operator = analyse(CAR(x), env, lam);
    result = node(N_CALL, operator, analyse_list(CDR(x), env, lam), NIL);
  }
  --depth;
  return result;
}

/* A top-level expression has no local variables, so definitions in it, also
 * inside `begin', are global. */
obj_t analyse_toplevel(obj_t expression)
{
  obj_t lam = make_vector(LAM_SIZE, NIL);
  depth = 0;
  VECREF(lam, 0) = FIXNUM(N_LAMBDA);
  LAM_NAME(lam) = LAM_REST(lam) = FALSE_OBJ;
  LAM_REQUIRED(lam) = FIXNUM(0);
  LAM_BODY(lam) = analyse(expression, NIL, lam);
  return lam;
}
