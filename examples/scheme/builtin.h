/* builtin.h -- procedures written in C */
#ifndef BUILTIN_H
#define BUILTIN_H

#include "error.h"
#include "heap.h"
#include "object.h"

/* `argv' points into the evaluator's stack, which is a root: builtins may
 * allocate freely and reread their arguments there. */
typedef obj_t (*builtin_t)(int argc, obj_t *argv);

typedef struct {
  const char *name;
  builtin_t call;               /* null for those the evaluator handles */
  int min, max;                 /* number of arguments; max -1: no limit */
} builtin_s;

enum { SPECIAL_APPLY, SPECIAL_CALL_CC };  /* first entries of the table */

extern const builtin_s *builtin_get(size_t index);
extern void builtin_init(void);

extern const builtin_s builtins_number[], builtins_data[], builtins_string[],
  builtins_table[], builtins_system[];

/* ---- helpers shared by the builtins -------------------------------------- */

extern intptr_t arg_index(const char *who, obj_t x);  /* fixnum >= 0 */
extern void arg_is(const char *who, enum type type, obj_t x);
/* Optional start and end, from argv[first] on, of something of that length. */
extern void arg_range(const char *who, int argc, obj_t *argv, int first,
                      size_t length, size_t *start_o, size_t *end_o);
extern obj_t list_of_vector(const obj_t *items, size_t count);
extern long list_length(obj_t list);  /* -1 if not a proper list */

/* numbers.c */
extern obj_t num_add(obj_t a, obj_t b);
extern obj_t num_sub(obj_t a, obj_t b);
extern obj_t num_mul(obj_t a, obj_t b);
extern int num_compare(const char *who, obj_t a, obj_t b);  /* -1 0 1; 2: NaN */
extern obj_t num_parse(const char *text, int radix);  /* FALSE_OBJ if not one */
extern void num_format(char *buffer, size_t size, double value);

/* equality, data.c */
extern int eqv(obj_t a, obj_t b);
extern int equal(obj_t a, obj_t b);

#endif
