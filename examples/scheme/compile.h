/* compile.h -- from S-expressions to byte code
 *
 *   desugar.c   rewrites derived forms (cond, do, quasiquote ...) into simple
 *               ones
 *   analyse.c   turns those into a tree, finding out which variables are
 *               captured and assigned
 *   codegen.c   turns the tree into instructions
 *
 * Trees are Scheme vectors and so are looked after by the collector; the C
 * code just keeps pointers on its stack.
 */
#ifndef COMPILE_H
#define COMPILE_H

#include "object.h"

extern void compile_init(void);
extern obj_t compile(obj_t expression);         /* a procedure of no arguments */

/* ---- symbol flags -------------------------------------------------------- */

/* Symbols with a meaning to the compiler are marked, until a program defines
 * a global variable of that name. */
#define FLAG_SPECIAL(f)  ((int)(FIXVAL(f) & 0xff) - 1)       /* enum well_known */
#define FLAG_INLINE(f)   ((int)((FIXVAL(f) >> 8) & 0xff) - 1)

/* ---- desugar.c ----------------------------------------------------------- */

/* Returns 1 and the rewritten form if `special' is a derived form. */
extern int desugar(int special, obj_t x, obj_t *x_o);
extern obj_t list1(obj_t a), list2(obj_t a, obj_t b),
  list3(obj_t a, obj_t b, obj_t c);
extern void syntax_error(const char *what, obj_t form);

/* ---- trees --------------------------------------------------------------- */

enum node {
  N_CONST,                      /* value */
  N_LOCAL,                      /* variable */
  N_GLOBAL,                     /* symbol */
  N_SET_LOCAL,                  /* variable, expression */
  N_SET_GLOBAL, N_DEFINE,       /* symbol, expression */
  N_IF,                         /* test, then, else */
  N_AND, N_OR, N_SEQ,           /* list of expressions */
  N_CALL,                       /* operator, list of operands */
  N_LET,                        /* list of variables, of values, body */
  N_LETREC,                     /* same; value #f: set in the body */
  N_LAMBDA                      /* as below */
};

#define NODE_OP(n)      ((enum node)FIXVAL(VECREF(n, 0)))
#define NODE_A(n)       VECREF(n, 1)
#define NODE_B(n)       VECREF(n, 2)
#define NODE_C(n)       VECREF(n, 3)

#define LAM_PARAMS(l)   VECREF(l, 1)    /* list of variables */
#define LAM_REQUIRED(l) VECREF(l, 2)
#define LAM_REST(l)     VECREF(l, 3)    /* boolean: last one takes the rest */
#define LAM_BODY(l)     VECREF(l, 4)
#define LAM_FREE(l)     VECREF(l, 5)    /* variables captured from outside */
#define LAM_NAME(l)     VECREF(l, 6)
#define LAM_PARENT(l)   VECREF(l, 7)
enum { LAM_SIZE = 8 };

#define VAR_NAME(v)     VECREF(v, 0)
#define VAR_OWNER(v)    VECREF(v, 1)    /* the lambda it belongs to */
#define VAR_CAPTURED(v) VECREF(v, 2)    /* used by an inner lambda */
#define VAR_ASSIGNED(v) VECREF(v, 3)    /* set! somewhere */
#define VAR_LATE(v)     VECREF(v, 4)    /* value stored after creation */
#define VAR_SLOT(v)     VECREF(v, 5)    /* place in the frame */
enum { VAR_SIZE = 6 };

extern obj_t analyse_toplevel(obj_t expression);        /* an N_LAMBDA */
extern void generate_init(void);
extern obj_t generate(obj_t lambda);                    /* a closure */
extern int inline_index(obj_t symbol, size_t operands); /* -1: no */

#endif
