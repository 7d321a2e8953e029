/* codegen.c -- from trees to byte code
 *
 * The value of an expression goes to the accumulator.  `depth' counts the
 * slots in use above the frame pointer, so every local variable has a place
 * known in advance.  A variable that is assigned and might be shared -- with a
 * closure, or with a continuation's copy of the frame -- lives in a box.
 */

#include <stdio.h>
#include <string.h>

#include "builtin.h"
#include "compile.h"
#include "error.h"
#include "heap.h"
#include "symbol.h"
#include "vm.h"

typedef struct {
  obj_t lam;
  obj_t buffer;                 /* string holding the instructions so far */
  size_t count;
  obj_t consts;                 /* vector, partly filled */
  size_t const_count;
  size_t depth, max_depth;
} gen_s;

/* ---- open-coded procedures ----------------------------------------------- */

static const struct { const char *name; enum op op; size_t operands; }
inlined[] = {
  { "car", OP_CAR, 1 }, { "cdr", OP_CDR, 1 }, { "null?", OP_NULL_P, 1 },
  { "pair?", OP_PAIR_P, 1 }, { "not", OP_NOT, 1 }, { "zero?", OP_ZERO_P, 1 },
  { "cons", OP_CONS, 2 }, { "%cons", OP_CONS, 2 }, { "eq?", OP_EQ, 2 },
  { "+", OP_ADD, 2 }, { "-", OP_SUB, 2 }, { "*", OP_MUL, 2 },
  { "<", OP_LT, 2 }, { ">", OP_GT, 2 }, { "<=", OP_LE, 2 },
  { ">=", OP_GE, 2 }, { "=", OP_NUM_EQ, 2 },
  { "vector-ref", OP_VECTOR_REF, 2 }, { "set-car!", OP_SET_CAR, 2 },
  { "set-cdr!", OP_SET_CDR, 2 }, { "vector-set!", OP_VECTOR_SET, 3 }
};

void generate_init(void)
{
  size_t i;
  for (i = 0; i < sizeof inlined / sizeof inlined[0]; ++i) {
    obj_t symbol = intern(inlined[i].name);
    SYM(symbol)->flags = FIXNUM((i + 1) << 8);
  }
}

int inline_index(obj_t symbol, size_t operands)
{
  int i = FLAG_INLINE(SYM(symbol)->flags);
  return i >= 0 && inlined[i].operands == operands ? i : -1;
}

/* ---- output -------------------------------------------------------------- */

#define INSTRS(g)  ((uint64_t *)STRDATA((g)->buffer))

static size_t emit(gen_s *g, enum op op, size_t a, long b)
{
  size_t bytes = (g->count + 1) * sizeof(uint64_t);
  if (a > OPERAND_MAX)
    error_list("procedure too big to compile", NIL);
  if (bytes > STRLEN(g->buffer)) {
    obj_t bigger = make_string(NULL, 2 * bytes + 256);
    memcpy(STRDATA(bigger), STRDATA(g->buffer), g->count * sizeof(uint64_t));
    g->buffer = bigger;
  }
  INSTRS(g)[g->count] = INSTR(op, a, b);
  return g->count++;
}

/* Make the jump at `at' come here. */
static void land(gen_s *g, size_t at)
{
  uint64_t i = INSTRS(g)[at];
  INSTRS(g)[at] = INSTR(INSTR_OP(i), 0, (long)(g->count - at - 1));
}

static size_t add_const(gen_s *g, obj_t value)
{
  size_t i;
  for (i = 0; i < g->const_count; ++i)
    if (VECREF(g->consts, i) == value)
      return i;
  if (g->const_count == VECLEN(g->consts)) {
    obj_t bigger = make_vector(2 * g->const_count + 8, NIL);
    for (i = 0; i < g->const_count; ++i)
      VECREF(bigger, i) = VECREF(g->consts, i);
    g->consts = bigger;
  }
  VECREF(g->consts, g->const_count) = value;
  return g->const_count++;
}

static void deepen(gen_s *g, size_t words)
{
  g->depth += words;
  if (g->depth > g->max_depth)
    g->max_depth = g->depth;
}

static void push(gen_s *g)
{
  emit(g, OP_PUSH, 0, 0);
  deepen(g, 1);
}

/* ---- variables ----------------------------------------------------------- */

static int boxed(obj_t var)
{
  return VAR_ASSIGNED(var) != FALSE_OBJ
    || (VAR_LATE(var) != FALSE_OBJ && VAR_CAPTURED(var) != FALSE_OBJ);
}

static int is_local(const gen_s *g, obj_t var)
{
  return VAR_OWNER(var) == g->lam;
}

static size_t place(const gen_s *g, obj_t var)
{
  size_t i = 0;
  obj_t f;
  if (is_local(g, var))
    return (size_t)FIXVAL(VAR_SLOT(var));
  for (f = LAM_FREE(g->lam); CAR(f) != var; f = CDR(f))
    ++i;
  return i;
}

/* The variable's own slot: the box, if it has one. */
static void push_slot(gen_s *g, obj_t var)
{
  emit(g, is_local(g, var) ? OP_PUSH_LOCAL : OP_PUSH_FREE, place(g, var), 0);
  deepen(g, 1);
}

static void bind(gen_s *g, obj_t var, size_t slot)
{
  VAR_SLOT(var) = FIXNUM(slot);
  if (boxed(var))
    emit(g, OP_BOX, slot, 0);
}

/* ---- expressions --------------------------------------------------------- */

static void gen(gen_s *g, obj_t n, int tail);

static void gen_push(gen_s *g, obj_t n)
{
  if (NODE_OP(n) == N_CONST) {
    emit(g, OP_PUSH_CONST, add_const(g, NODE_A(n)), 0);
    deepen(g, 1);
  } else if (NODE_OP(n) == N_LOCAL && !boxed(NODE_A(n)))
    push_slot(g, NODE_A(n));
  else {
    gen(g, n, 0);
    push(g);
  }
}

static void gen_set(gen_s *g, obj_t var)
{
  if (!is_local(g, var))
    emit(g, OP_SET_FREE_BOX, place(g, var), 0);
  else
    emit(g, boxed(var) ? OP_SET_LOCAL_BOX : OP_SET_LOCAL, place(g, var), 0);
}

/* Pop `count' variables after a body that was not in tail position. */
static void unbind(gen_s *g, size_t count, int tail)
{
  if (!tail)
    emit(g, OP_POP, count, 0);
  g->depth -= count;
}

static void gen_let(gen_s *g, obj_t n, int tail)
{
  obj_t v, i;
  size_t count = 0, slot = g->depth;
  for (i = NODE_B(n); i != NIL; i = CDR(i), ++count)
    gen_push(g, CAR(i));
  for (v = NODE_A(n); v != NIL; v = CDR(v))
    bind(g, CAR(v), slot++);
  gen(g, NODE_C(n), tail);
  unbind(g, count, tail);
}

/* The closures of unassigned variables may refer to themselves and to one
 * another.  They are created with whatever is in the variables' slots, and
 * references to closures that did not exist yet are put in afterwards. */
static void gen_letrec(gen_s *g, obj_t n, int tail)
{
  obj_t v, i, f;
  size_t count = 0;
  for (v = NODE_A(n); v != NIL; v = CDR(v), ++count) {
    emit(g, OP_PUSH_CONST, add_const(g, UNDEF), 0);
    deepen(g, 1);
    bind(g, CAR(v), g->depth - 1);
  }
  for (v = NODE_A(n), i = NODE_B(n); v != NIL; v = CDR(v), i = CDR(i))
    if (CAR(i) != FALSE_OBJ && !boxed(CAR(v))) {
      gen(g, CAR(i), 0);
      gen_set(g, CAR(v));
    }
  for (v = NODE_A(n), i = NODE_B(n); v != NIL; v = CDR(v), i = CDR(i))
    if (CAR(i) != FALSE_OBJ && !boxed(CAR(v))) {
      size_t index = 0;
      for (f = LAM_FREE(CAR(i)); f != NIL; f = CDR(f), ++index) {
        obj_t w, j;
        for (w = v, j = i; w != NIL; w = CDR(w), j = CDR(j))
          if (CAR(w) == CAR(f) && CAR(j) != FALSE_OBJ && !boxed(CAR(w))) {
            if (index > 0x7fff)
              error_list("procedure too big to compile", NIL);
            emit(g, OP_PATCH, place(g, CAR(v)),
                 (long)(index << 16 | place(g, CAR(w))));
          }
      }
    }
  for (v = NODE_A(n), i = NODE_B(n); v != NIL; v = CDR(v), i = CDR(i))
    if (CAR(i) != FALSE_OBJ && boxed(CAR(v))) {
      gen(g, CAR(i), 0);
      gen_set(g, CAR(v));
    }
  gen(g, NODE_C(n), tail);
  unbind(g, count, tail);
}

static void gen_lambda(gen_s *g, obj_t lam)
{
  obj_t closure = generate(lam), f;
  size_t count = 0;
  if (LAM_FREE(lam) == NIL) {   /* the same one will do every time */
    emit(g, OP_CONST, add_const(g, closure), 0);
    return;
  }
  for (f = LAM_FREE(lam); f != NIL; f = CDR(f), ++count)
    push_slot(g, CAR(f));
  emit(g, OP_CLOSURE, add_const(g, CLOSURE(closure)->code), (long)count);
  g->depth -= count;
}

static int small_constant(obj_t n, intptr_t *value_o)
{
  obj_t x = NODE_A(n);
  if (NODE_OP(n) != N_CONST || !IS_FIXNUM(x))
    return 0;
  *value_o = FIXVAL(x);
  return *value_o > -1000000 && *value_o < 1000000;
}

/* Returns 0 if the call is not one of the open-coded ones. */
static int gen_inline(gen_s *g, obj_t symbol, obj_t operands)
{
  size_t count = (size_t)list_length(operands), i;
  int index = inline_index(symbol, count);
  intptr_t k;
  enum op op;
  if (index < 0)
    return 0;
  op = inlined[index].op;
  if ((op == OP_ADD || op == OP_SUB) && small_constant(CADR(operands), &k)) {
    gen(g, CAR(operands), 0);
    emit(g, OP_ADD_CONST, 0, op == OP_ADD ? (long)k : -(long)k);
    return 1;
  }
  for (i = 0; i + 1 < count; ++i, operands = CDR(operands))
    gen_push(g, CAR(operands));
  gen(g, CAR(operands), 0);
  emit(g, op, 0, 0);
  g->depth -= count - 1;
  return 1;
}

static void gen_call(gen_s *g, obj_t n, int tail)
{
  obj_t f = NODE_A(n), operands;
  size_t count = 0, frame = 0;
  if (NODE_OP(f) == N_GLOBAL && gen_inline(g, NODE_A(f), NODE_B(n))) {
    if (tail)
      emit(g, OP_RETURN, 0, 0);
    return;
  }
  if (!tail) {
    frame = emit(g, OP_FRAME, 0, 0);
    deepen(g, 3);
  }
  for (operands = NODE_B(n); operands != NIL; operands = CDR(operands), ++count)
    gen_push(g, CAR(operands));
  gen(g, f, 0);
  emit(g, tail ? OP_TAIL_CALL : OP_CALL, count, 0);
  g->depth -= count;
  if (!tail) {
    INSTRS(g)[frame] = INSTR(OP_FRAME, 0, (long)g->count);
    g->depth -= 3;
  }
}

static void gen_and_or(gen_s *g, obj_t n, int tail)
{
  enum op op = NODE_OP(n) == N_AND ? OP_JUMP_FALSE : OP_JUMP_TRUE;
  obj_t list = NODE_A(n), jumps = NIL;
  for (; CDR(list) != NIL; list = CDR(list)) {
    gen(g, CAR(list), 0);
    jumps = cons(FIXNUM(emit(g, op, 0, 0)), jumps);
  }
  gen(g, CAR(list), tail);
  for (; jumps != NIL; jumps = CDR(jumps))
    land(g, (size_t)FIXVAL(CAR(jumps)));
  if (tail)
    emit(g, OP_RETURN, 0, 0);
}

static void gen_if(gen_s *g, obj_t n, int tail)
{
  obj_t test = NODE_A(n);
  enum op op = OP_JUMP_FALSE;
  size_t other, end = 0;
  if (NODE_OP(test) == N_CALL && NODE_OP(NODE_A(test)) == N_GLOBAL
      && list_length(NODE_B(test)) == 1) {
    int index = inline_index(NODE_A(NODE_A(test)), 1);
    if (index >= 0 && inlined[index].op == OP_NOT) {
      op = OP_JUMP_TRUE;
      test = CAR(NODE_B(test));
    }
  }
  gen(g, test, 0);
  other = emit(g, op, 0, 0);
  gen(g, NODE_B(n), tail);
  if (!tail)
    end = emit(g, OP_JUMP, 0, 0);
  land(g, other);
  gen(g, NODE_C(n), tail);
  if (!tail)
    land(g, end);
}

static void gen(gen_s *g, obj_t n, int tail)
{
  obj_t var, list;
  switch (NODE_OP(n)) {
  case N_CONST:
    emit(g, OP_CONST, add_const(g, NODE_A(n)), 0);
    break;
  case N_LOCAL:
    var = NODE_A(n);
    if (is_local(g, var))
      emit(g, boxed(var) ? OP_LOCAL_BOX : OP_LOCAL, place(g, var), 0);
    else
      emit(g, boxed(var) ? OP_FREE_BOX : OP_FREE, place(g, var), 0);
    break;
  case N_GLOBAL:
    emit(g, OP_GLOBAL, add_const(g, NODE_A(n)), 0);
    break;
  case N_SET_LOCAL:
    gen(g, NODE_B(n), 0);
    gen_set(g, NODE_A(n));
    break;
  case N_SET_GLOBAL:
  case N_DEFINE:
    gen(g, NODE_B(n), 0);
    emit(g, NODE_OP(n) == N_DEFINE ? OP_DEFINE : OP_SET_GLOBAL,
         add_const(g, NODE_A(n)), 0);
    break;
  case N_LAMBDA:
    gen_lambda(g, n);
    break;
  case N_SEQ:
    for (list = NODE_A(n); CDR(list) != NIL; list = CDR(list))
      gen(g, CAR(list), 0);
    gen(g, CAR(list), tail);
    return;
  /* The following see to the return themselves. */
  case N_IF: gen_if(g, n, tail); return;
  case N_AND: case N_OR: gen_and_or(g, n, tail); return;
  case N_CALL: gen_call(g, n, tail); return;
  case N_LET: gen_let(g, n, tail); return;
  case N_LETREC: gen_letrec(g, n, tail); return;
  }
  if (tail)
    emit(g, OP_RETURN, 0, 0);
}

/* A closure without its free variables' values.  One spare instruction at the
 * end lets the instruction pointer, which is one ahead, stay inside. */
obj_t generate(obj_t lam)
{
  gen_s g;
  obj_t code, closure, consts, p;
  size_t slot = 0, i;

  g.lam = lam;
  g.buffer = make_string(NULL, 32 * sizeof(uint64_t));
  g.consts = make_vector(8, NIL);
  g.count = g.const_count = 0;
  g.depth = g.max_depth = (size_t)list_length(LAM_PARAMS(lam));
  for (p = LAM_PARAMS(lam); p != NIL; p = CDR(p))
    bind(&g, CAR(p), slot++);
  gen(&g, LAM_BODY(lam), 1);

  if (g.max_depth + 8 > FRAME_MAX)
    error_list("procedure too big to compile", NIL);
  vm_frame_size(g.max_depth + 8);
  consts = make_vector(g.const_count, NIL);
  for (i = 0; i < g.const_count; ++i)
    VECREF(consts, i) = VECREF(g.consts, i);
  code = make_code(g.count + 1);
  CODE(code)->consts = consts;
  CODE(code)->name = LAM_NAME(lam);
  CODE(code)->required = (int32_t)FIXVAL(LAM_REQUIRED(lam));
  CODE(code)->rest = LAM_REST(lam) != FALSE_OBJ;
  CODE(code)->maxstack = (int32_t)g.max_depth + 8;
  memcpy(CODE(code)->instr, INSTRS(&g), g.count * sizeof(uint64_t));
  closure = make_filled(T_CLOSURE, 2, NIL);
  CLOSURE(closure)->code = code;
  return closure;
}

/* ---- entry points -------------------------------------------------------- */

void compile_init(void)
{
  static const enum well_known special[] = {
    S_QUOTE, S_QUASIQUOTE, S_LAMBDA, S_DEFINE, S_SET, S_IF, S_BEGIN, S_LET,
    S_LETSTAR, S_LETREC, S_LETRECSTAR, S_COND, S_CASE, S_AND, S_OR, S_WHEN,
    S_UNLESS, S_DO, S_GUARD, S_DELAY, S_CONS_STREAM, S_DEFINE_RECORD
  };
  size_t i;
  for (i = 0; i < sizeof special / sizeof special[0]; ++i)
    SYM(well_known[special[i]])->flags = FIXNUM(special[i] + 1);
  generate_init();
}

obj_t compile(obj_t expression)
{
  return generate(analyse_toplevel(expression));
}
