/* vm.h -- the evaluator: a byte-code machine with its own stack
 *
 * The stack is an array outside the heap.  When it fills up, or when a
 * continuation is captured, the older frames are copied to stack segments in
 * the heap, and come back when the program returns to them.  So recursion is
 * limited by the heap only, and a collection has to scan no more of a deep
 * stack than what has not been spilled.
 *
 * A frame, from low addresses to high:
 *
 *     closure to return to        \
 *     instruction index in it      > return record, pushed by OP_FRAME
 *     distance to the frame below /
 *     arguments                   <- fp
 *     local variables, temporaries, return record of the next call ...
 *
 * Every slot is a value, so the stack is an exact root.
 */
#ifndef VM_H
#define VM_H

#include "object.h"

/* One instruction: operation in the low byte, operand a in the next three,
 * signed operand b in the upper half. */
#define INSTR(op, a, b) \
  ((uint64_t)(op) | ((uint64_t)(a) << 8) | ((uint64_t)(uint32_t)(b) << 32))
#define INSTR_OP(i)     ((enum op)((i) & 0xff))
#define INSTR_A(i)      ((size_t)(((i) >> 8) & 0xffffff))
#define INSTR_B(i)      ((int32_t)((i) >> 32))
#define OPERAND_MAX     0xffff

enum op {
  OP_HALT, OP_UNDERFLOW,
  OP_CONST, OP_LOCAL, OP_LOCAL_BOX, OP_FREE, OP_FREE_BOX, OP_GLOBAL,
  OP_PUSH, OP_PUSH_CONST, OP_PUSH_LOCAL, OP_PUSH_FREE,
  OP_SET_LOCAL, OP_SET_LOCAL_BOX, OP_SET_FREE_BOX, OP_SET_GLOBAL, OP_DEFINE,
  OP_BOX, OP_POP,
  OP_JUMP, OP_JUMP_FALSE, OP_JUMP_TRUE,
  OP_FRAME, OP_CALL, OP_TAIL_CALL, OP_RETURN,
  OP_CLOSURE, OP_PATCH,
  /* open-coded procedures: last argument in the accumulator, others on the
   * stack */
  OP_CAR, OP_CDR, OP_NULL_P, OP_PAIR_P, OP_NOT, OP_ZERO_P,
  OP_CONS, OP_EQ, OP_ADD, OP_SUB, OP_MUL,
  OP_LT, OP_GT, OP_LE, OP_GE, OP_NUM_EQ,
  OP_VECTOR_REF, OP_SET_CAR, OP_SET_CDR, OP_VECTOR_SET,
  OP_ADD_CONST                  /* b is the constant */
};

enum {
  STACK_WORDS = 128 * 1024,
  FRAME_MAX = 8 * 1024,         /* most slots one procedure body may use */
  APPLY_MAX = 32 * 1024,        /* most arguments `apply' will spread */
  SEGMENT_WORDS = 4 * 1024,     /* spilled pieces are about this big */
  RESERVE_WORDS = 4 * 1024      /* kept for handling "out of memory" */
};

enum vm_outcome { VM_DONE, VM_UNCAUGHT, VM_EXIT };

extern void vm_init(void);

/* Call a procedure of no arguments from outside.  VM_UNCAUGHT: *result_o is
 * what was raised; VM_EXIT: the exit code as a fixnum. */
extern enum vm_outcome vm_run(obj_t thunk, obj_t *result_o);

extern void vm_uncaught(obj_t condition);       /* leaves vm_run */
extern void vm_exit(int code);                  /* leaves vm_run */
extern void vm_interrupt(int signal);           /* signal handler */
extern void vm_frame_size(size_t words);        /* the compiler tells */
extern obj_t vm_handlers(void);
extern void vm_set_handlers(obj_t handlers);

#endif
