/* vm.c -- running byte code; see vm.h for the stack's layout */

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builtin.h"
#include "error.h"
#include "heap.h"
#include "port.h"
#include "stack.h"
#include "stats.h"
#include "symbol.h"
#include "vm.h"

static int memory_low;          /* "out of memory" is being handled */

/* Machine registers, up to date only when C code that may raise an error (and
 * that includes every allocation) is called.  `pc' is good for as long as the
 * evaluator, whose own copy pins the code, is on the C stack. */
static struct { obj_t *sp, *fp; const uint64_t *pc; int fuel; } vm;
static volatile sig_atomic_t interrupted;

static jmp_buf escape;
static int running;
static size_t error_pc;         /* instruction index where it happened */
enum { JUMP_ERROR = 1, JUMP_UNCAUGHT, JUMP_EXIT };

/* ---- set-up -------------------------------------------------------------- */

static obj_t make_stub(enum op op)
{
  obj_t code = make_code(2), closure;
  CODE(code)->instr[0] = INSTR(op, 0, 0);
  CODE(code)->maxstack = 8;
  closure = make_filled(T_CLOSURE, 2, NIL);
  CLOSURE(closure)->code = code;
  return closure;
}

void vm_init(void)
{
  stack_init();
  reg[R_HALT] = make_stub(OP_HALT);
  reg[R_UNDERFLOW] = make_stub(OP_UNDERFLOW);
  reg[R_MEMORY_ERROR] =
    make_condition(make_string("out of memory", 13), NIL);
}

void vm_frame_size(size_t words)
{
  if (words > frame_max)
    frame_max = words;
}

obj_t vm_handlers(void) { return reg[R_HANDLERS]; }
void vm_set_handlers(obj_t handlers) { reg[R_HANDLERS] = handlers; }

/* ---- errors and exits ---------------------------------------------------- */

static void leave(int how)
{
  if (!running) {
    fprintf(stderr, "scheme: cannot start or go on\n");
    print_error(reg[R_VALUE]);
    exit(3);
  }
  error_pc = (size_t)(vm.pc - CODE(CLOSURE(reg[R_CLOSURE])->code)->instr);
  longjmp(escape, how);
}

void error_raise(obj_t condition)
{
  reg[R_VALUE] = condition;
  leave(JUMP_ERROR);
  abort();
}

/* The condition was made in advance.  If memory gives out a second time
 * before the first error has been dealt with, stop trying. */
void error_memory(void)
{
  reg[R_VALUE] = reg[R_MEMORY_ERROR];
  if (memory_low)
    leave(JUMP_UNCAUGHT);
  memory_low = 1;
  heap_use_reserve();
  leave(JUMP_ERROR);
  abort();
}

void vm_uncaught(obj_t condition)
{
  reg[R_VALUE] = condition;
  leave(JUMP_UNCAUGHT);
}

void vm_exit(int code)
{
  reg[R_VALUE] = FIXNUM(code);
  leave(JUMP_EXIT);
}

void vm_interrupt(int signal)
{
  (void)signal;
  interrupted = 1;
  vm.fuel = 0;
}

/* How much of the stack is left alone: some is kept for the handling of "out
 * of memory", when spilling may not be possible. */
static size_t kept(void)
{
  return memory_low ? 64 : RESERVE_WORDS;
}

/* Now and then: measure, and let the collector scan less of the stack if it
 * has become shallow. */
static void tick(const obj_t *sp)
{
  vm.fuel = stats_fuel();
  stack_trim(sp);
  stats_sample();
  if (interrupted) {
    interrupted = 0;
    error_list("interrupted", NIL);
  }
}

/* ---- the machine --------------------------------------------------------- */

static obj_t make_closure(obj_t code, const obj_t *values, size_t count)
{
  closure_s *p;
  do {
    size_t i;
    p = heap_reserve(heap.ap, 2 + count);
    p->header = HEADER(T_CLOSURE, 2 + count);
    p->code = code;
    for (i = 0; i < count; ++i)
      p->free[i] = values[i];
  } while (!HEAP_COMMIT(heap.ap, p, 2 + count));
  return (obj_t)p;
}

static void arity_error(obj_t procedure, size_t count)
{
  error_list("wrong number of arguments",
             cons(procedure, cons(FIXNUM(count), NIL)));
}

#define SYNC()  (vm.sp = sp, vm.fp = fp, vm.pc = pc, reg[R_CLOSURE] = closure)
#define BOTH_FIXNUM(a, b)  (((a) & (b) & 1) != 0)
#define COMPARE(op, who) \
  { obj_t x = *--sp; \
    if (BOTH_FIXNUM(x, acc)) \
      acc = BOOL((intptr_t)x op (intptr_t)acc); \
    else { \
      int order; \
      SYNC(); \
      order = num_compare(who, x, acc); \
      acc = BOOL(order != 2 && order op 0); \
    } }
#define EXPECT_PAIR(who, x) \
  if (!PAIR_P(x)) { SYNC(); error_type(who, "pair", x); }

/* Call `acc' with the n values at the top of the stack vm.sp.  Below them is
 * a return record, and vm.fp is the frame of the caller.  Returns when the
 * bottom of the stack is returned to. */
static obj_t execute(obj_t acc, size_t n)
{
  obj_t *sp = vm.sp, *fp = vm.sp - n, *consts;
  obj_t closure = reg[R_HALT];
  const uint64_t *pc = CODE(CLOSURE(closure)->code)->instr;
  const builtin_s *builtin;
  code_s *code;

  fp[-1] = FIXNUM(fp - vm.fp);

  /* The frame is in place; call what acc is. */
callee:
  if (IS(T_CLOSURE, acc)) {
  enter:
    closure = acc;
    code = CODE(CLOSURE(closure)->code);
    pc = code->instr;
    if (n != (size_t)code->required || code->rest) {
      obj_t list = NIL;
      SYNC();
      if (n < (size_t)code->required || !code->rest)
        arity_error(closure, n);
      for (; n > (size_t)code->required; --n)
        list = cons(*--sp, list);
      if (fp + n >= stack_top)
        stack_raise_top(fp + n + 1);
      *sp++ = list;
    }
    consts = VEC(code->consts)->item;
    if (fp + code->maxstack > stack_top) {
      ptrdiff_t distance;
      SYNC();
      distance = stack_grow(fp, sp, (size_t)code->maxstack, kept());
      fp -= distance;
      sp -= distance;
    }
    if (--vm.fuel < 0) {
      SYNC();
      tick(sp);
    }
    goto run;
  }
  SYNC();
  if (IS(T_PRIM, acc)) {
    builtin = builtin_get((size_t)FIXVAL(PRIM(acc)->index));
    if (n < (size_t)builtin->min
        || (builtin->max >= 0 && n > (size_t)builtin->max))
      arity_error(acc, n);
    if (builtin->call != NULL) {
      acc = builtin->call((int)n, fp);
      goto do_return;
    }
    if (FIXVAL(PRIM(acc)->index) == SPECIAL_APPLY) {
      obj_t list = fp[n - 1];
      long length = list_length(list);
      if (length < 0)
        error_type("apply", "list", list);
      if (length > APPLY_MAX)
        error_value("apply: too many arguments", FIXNUM(length));
      if (fp + n + length > stack_top) {
        ptrdiff_t distance = stack_grow(fp, sp, n + (size_t)length,
                                        kept());
        fp -= distance;
      }
      acc = fp[0];
      memmove(fp, fp + 1, (n - 2) * sizeof(obj_t));
      sp = fp + n - 2;
      for (; list != NIL; list = CDR(list))
        *sp++ = CAR(list);
      n = (size_t)(sp - fp);
    } else {                    /* capture the continuation */
      obj_t k;
      ptrdiff_t distance = stack_spill(fp, sp);
      fp -= distance;
      sp -= distance;
      SYNC();
      k = make_filled(T_CONT, 2, reg[R_SEGMENTS]);
      acc = fp[0];
      fp[0] = k;
    }
    goto callee;
  }
  if (IS(T_CONT, acc)) {
    if (n != 1)
      arity_error(acc, n);
    reg[R_SEGMENTS] = CONT(acc)->segments;
    acc = fp[0];
    if (memory_low) {           /* the way out of the error has been found */
      stack_clear();
      memory_low = 0;
      heap_restore_reserve();
    }
    goto underflow;
  }
  error_value("not a procedure", acc);

underflow:                      /* bring back the frames spilled last */
  if (reg[R_SEGMENTS] == NIL)
    return acc;
  {
    stackseg_s *seg = SEG(reg[R_SEGMENTS]);
    size_t count = (size_t)FIXVAL(seg->count);
    stack_raise_top(stack + count + frame_max);
    memcpy(stack, seg->slot, count * sizeof(obj_t));
    sp = stack + count;
    fp = stack + FIXVAL(seg->fp);
    closure = seg->closure;
    code = CODE(CLOSURE(closure)->code);
    consts = VEC(code->consts)->item;
    pc = code->instr + FIXVAL(seg->pc);
    reg[R_SEGMENTS] = seg->next;
    goto run;
  }

do_return:
  sp = fp - 3;
  closure = sp[0];
  fp -= FIXVAL(sp[2]);
  code = CODE(CLOSURE(closure)->code);
  if (code->consts == FALSE_OBJ) {      /* one of the stubs */
    if (INSTR_OP(code->instr[0]) == OP_UNDERFLOW)
      goto underflow;
    return acc;
  }
  consts = VEC(code->consts)->item;
  pc = code->instr + FIXVAL(sp[1]);

run:
  for (;;) {
    uint64_t instr = *pc++;
    switch (INSTR_OP(instr)) {
    case OP_HALT: return acc;
    case OP_UNDERFLOW: goto underflow;

    case OP_CONST: acc = consts[INSTR_A(instr)]; break;
    case OP_LOCAL: acc = fp[INSTR_A(instr)]; break;
    case OP_LOCAL_BOX: acc = BOX(fp[INSTR_A(instr)])->value; break;
    case OP_FREE: acc = CLOSURE(closure)->free[INSTR_A(instr)]; break;
    case OP_FREE_BOX:
      acc = BOX(CLOSURE(closure)->free[INSTR_A(instr)])->value;
      break;
    case OP_GLOBAL:
      acc = SYM(consts[INSTR_A(instr)])->value;
      if (acc == UNDEF) {
        SYNC();
        error_value("unbound variable", consts[INSTR_A(instr)]);
      }
      break;

    case OP_PUSH: *sp++ = acc; break;
    case OP_PUSH_CONST: *sp++ = consts[INSTR_A(instr)]; break;
    case OP_PUSH_LOCAL: *sp++ = fp[INSTR_A(instr)]; break;
    case OP_PUSH_FREE: *sp++ = CLOSURE(closure)->free[INSTR_A(instr)]; break;

    case OP_SET_LOCAL: fp[INSTR_A(instr)] = acc; acc = UNSPEC; break;
    case OP_SET_LOCAL_BOX:
      BOX(fp[INSTR_A(instr)])->value = acc;
      acc = UNSPEC;
      break;
    case OP_SET_FREE_BOX:
      BOX(CLOSURE(closure)->free[INSTR_A(instr)])->value = acc;
      acc = UNSPEC;
      break;
    case OP_SET_GLOBAL:
      if (SYM(consts[INSTR_A(instr)])->value == UNDEF) {
        SYNC();
        error_value("set! of unbound variable", consts[INSTR_A(instr)]);
      }
      /* fall through */
    case OP_DEFINE:
      SYM(consts[INSTR_A(instr)])->value = acc;
      acc = UNSPEC;
      break;

    case OP_BOX: {
      obj_t box;
      SYNC();
      box = make_filled(T_BOX, 2, fp[INSTR_A(instr)]);
      fp[INSTR_A(instr)] = box;
      break;
    }
    case OP_POP: sp -= INSTR_A(instr); break;

    case OP_JUMP: pc += INSTR_B(instr); break;
    case OP_JUMP_FALSE: if (acc == FALSE_OBJ) pc += INSTR_B(instr); break;
    case OP_JUMP_TRUE: if (acc != FALSE_OBJ) pc += INSTR_B(instr); break;

    case OP_FRAME:
      sp[0] = closure;
      sp[1] = FIXNUM(INSTR_B(instr));
      sp[2] = FIXNUM(0);
      sp += 3;
      break;
    case OP_CALL:
      n = INSTR_A(instr);
      if (IS(T_PRIM, acc)) {    /* quick way for the most frequent case */
        builtin = builtin_get((size_t)FIXVAL(PRIM(acc)->index));
        if (n >= (size_t)builtin->min && builtin->call != NULL
            && (builtin->max < 0 || n <= (size_t)builtin->max)) {
          SYNC();
          acc = builtin->call((int)n, sp - n);
          sp -= n + 3;
          break;
        }
      }
      sp[-(ptrdiff_t)n - 1] = FIXNUM(sp - n - fp);
      fp = sp - n;
      goto callee;
    case OP_TAIL_CALL: {
      obj_t *from;
      size_t i;
      n = INSTR_A(instr);
      from = sp - n;
      for (i = 0; i < n; ++i)
        fp[i] = from[i];
      sp = fp + n;
      if (IS(T_CLOSURE, acc))
        goto enter;
      goto callee;
    }
    case OP_RETURN: goto do_return;

    case OP_CLOSURE:
      SYNC();
      acc = make_closure(consts[INSTR_A(instr)], sp - INSTR_B(instr),
                         (size_t)INSTR_B(instr));
      sp -= INSTR_B(instr);
      break;
    case OP_PATCH:
      CLOSURE(fp[INSTR_A(instr)])->free[(uint32_t)INSTR_B(instr) >> 16] =
        fp[(uint32_t)INSTR_B(instr) & 0xffff];
      break;

    case OP_CAR: EXPECT_PAIR("car", acc); acc = CAR(acc); break;
    case OP_CDR: EXPECT_PAIR("cdr", acc); acc = CDR(acc); break;
    case OP_NULL_P: acc = BOOL(acc == NIL); break;
    case OP_PAIR_P: acc = BOOL(PAIR_P(acc)); break;
    case OP_NOT: acc = BOOL(acc == FALSE_OBJ); break;
    case OP_ZERO_P:
      if (IS_FIXNUM(acc))
        acc = BOOL(acc == FIXNUM(0));
      else {
        SYNC();
        acc = BOOL(num_compare("zero?", acc, FIXNUM(0)) == 0);
      }
      break;
    case OP_CONS:
      SYNC();
      acc = cons(sp[-1], acc);
      --sp;
      break;
    case OP_EQ: acc = BOOL(*--sp == acc); break;
    case OP_ADD:
    case OP_SUB:
    case OP_MUL: {
      obj_t x = *--sp;
      intptr_t r;
      if (BOTH_FIXNUM(x, acc)
          && !(INSTR_OP(instr) == OP_ADD
               ? __builtin_add_overflow((intptr_t)x, (intptr_t)acc - 1, &r)
               : INSTR_OP(instr) == OP_SUB
               ? __builtin_sub_overflow((intptr_t)x, (intptr_t)acc - 1, &r)
               : (__builtin_mul_overflow((intptr_t)x - 1, FIXVAL(acc), &r)
                  || (++r, 0))))
        acc = (obj_t)r;
      else {
        SYNC();
        acc = INSTR_OP(instr) == OP_ADD ? num_add(x, acc)
            : INSTR_OP(instr) == OP_SUB ? num_sub(x, acc) : num_mul(x, acc);
      }
      break;
    }
    case OP_ADD_CONST: {
      intptr_t r;
      if (IS_FIXNUM(acc)
          && !__builtin_add_overflow((intptr_t)acc,
                                     (intptr_t)INSTR_B(instr) * 2, &r))
        acc = (obj_t)r;
      else {
        SYNC();
        acc = num_add(acc, FIXNUM(INSTR_B(instr)));
      }
      break;
    }
    case OP_LT: COMPARE(<, "<") break;
    case OP_GT: COMPARE(>, ">") break;
    case OP_LE: COMPARE(<=, "<=") break;
    case OP_GE: COMPARE(>=, ">=") break;
    case OP_NUM_EQ: COMPARE(==, "=") break;
    case OP_VECTOR_REF: {
      obj_t v = *--sp;
      if (!VECTOR_P(v) || !IS_FIXNUM(acc) || (size_t)FIXVAL(acc) >= VECLEN(v)) {
        SYNC();
        arg_is("vector-ref", T_VECTOR, v);
        error_range("vector-ref", acc);
      }
      acc = VECREF(v, FIXVAL(acc));
      break;
    }
    case OP_VECTOR_SET: {
      obj_t i = *--sp, v = *--sp;
      if (!VECTOR_P(v) || !IS_FIXNUM(i) || (size_t)FIXVAL(i) >= VECLEN(v)) {
        SYNC();
        arg_is("vector-set!", T_VECTOR, v);
        error_range("vector-set!", i);
      }
      VECREF(v, FIXVAL(i)) = acc;
      acc = UNSPEC;
      break;
    }
    case OP_SET_CAR:
      --sp;
      EXPECT_PAIR("set-car!", *sp);
      CAR(*sp) = acc;
      acc = UNSPEC;
      break;
    case OP_SET_CDR:
      --sp;
      EXPECT_PAIR("set-cdr!", *sp);
      CDR(*sp) = acc;
      acc = UNSPEC;
      break;
    }
  }
}

/* Forget the program that was running, so that what it held can go. */
static void reset(void)
{
  reg[R_SEGMENTS] = reg[R_HANDLERS] = NIL;
  reg[R_CLOSURE] = reg[R_HALT];
  stack_clear();
  stack_trim(stack);
  if (memory_low) {
    memory_low = 0;
    heap_restore_reserve();
  }
}

/* An error in the running procedure becomes a call of `raise' from there. */
enum vm_outcome vm_run(obj_t thunk, obj_t *result_o)
{
  obj_t procedure;
  size_t n;

  reset();
  vm.pc = CODE(CLOSURE(reg[R_HALT])->code)->instr;
  vm.fuel = stats_fuel();
  stack[0] = reg[R_HALT];
  stack[1] = stack[2] = FIXNUM(0);
  vm.sp = vm.fp = stack + 3;
  running = 1;
  reg[R_VALUE] = thunk;

  switch (setjmp(escape)) {
  case 0:
    procedure = reg[R_VALUE];
    n = 0;
    break;
  case JUMP_ERROR:
    stack_raise_top(vm.sp + 8);
    vm.sp[0] = reg[R_CLOSURE];
    vm.sp[1] = FIXNUM(error_pc);
    vm.sp[3] = reg[R_VALUE];
    vm.sp += 4;
    procedure = SYM(S(P_RAISE))->value;
    n = 1;
    break;
  case JUMP_EXIT:
    running = 0;
    *result_o = reg[R_VALUE];
    return VM_EXIT;
  default:
    running = 0;
    *result_o = reg[R_VALUE];
    reset();
    return VM_UNCAUGHT;
  }
  *result_o = execute(procedure, n);
  running = 0;
  return VM_DONE;
}
