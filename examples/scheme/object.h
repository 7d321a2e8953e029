/* object.h -- how Scheme values are represented
 *
 * A value is one word.  The low three bits say what it is:
 *
 *     ......000   address of a heap object (all objects are word aligned)
 *     .......1    small integer (fixnum), 63 bits, shifted left once
 *     ......010   constant: #f #t () unspecified eof undefined
 *     ......110   character, code in the upper bits
 *
 * Heap addresses carry no tag, so that the collector's ambiguous scan of the
 * C stack recognizes them as they are, interior pointers included.
 */
#ifndef OBJECT_H
#define OBJECT_H

#include <stddef.h>
#include <stdint.h>

#include "mps.h"

typedef uintptr_t obj_t;

/* ---- immediate values ---------------------------------------------------- */

#define TAG_MASK        ((obj_t)7)
#define IS_HEAP(x)      (((x) & TAG_MASK) == 0)

#define IS_FIXNUM(x)    (((x) & 1) != 0)
#define FIXNUM(n)       ((obj_t)(((uintptr_t)(intptr_t)(n) << 1) | 1))
#define FIXVAL(x)       ((intptr_t)(x) >> 1)
#define FIXNUM_MAX      (INTPTR_MAX >> 1)
#define FIXNUM_MIN      (INTPTR_MIN >> 1)

#define IS_CHAR(x)      (((x) & TAG_MASK) == 6)
#define CHAR(c)         ((obj_t)(((obj_t)(c) << 3) | 6))
#define CHARVAL(x)      ((unsigned)((x) >> 3))

#define CONSTANT(n)     ((obj_t)(((obj_t)(n) << 3) | 2))
#define FALSE_OBJ       CONSTANT(0)
#define TRUE_OBJ        CONSTANT(1)
#define NIL             CONSTANT(2)
#define UNSPEC          CONSTANT(3)   /* value of set!, for-each and so on */
#define EOF_OBJ         CONSTANT(4)
#define UNDEF           CONSTANT(5)   /* variable without a value */
#define EMPTY_SLOT      CONSTANT(6)   /* hash table: never used */
#define DELETED_SLOT    CONSTANT(7)   /* hash table: used, then deleted */
#define BOOL(c)         ((c) ? TRUE_OBJ : FALSE_OBJ)

/* ---- heap objects -------------------------------------------------------- */

/* Every heap object starts with a header word: the type in the low byte and
 * the size of the whole object in words above it.  The size being there for
 * every type makes `skip' trivial and lets a forwarding marker keep the size
 * of the object it replaces.  Except for padding no object is smaller than
 * two words, because a forwarding marker needs two. */

enum type {
  T_PAD,                        /* filler made by the collector */
  T_FWD,                        /* object has moved; word 1 is the new address */
  T_PAIR, T_FLONUM, T_STRING, T_SYMBOL, T_VECTOR, T_CLOSURE, T_CODE, T_BOX,
  T_PRIM, T_TABLE, T_PORT, T_CONT, T_STACKSEG, T_RECORD,
  T_SLOTS = 17,                 /* a word of its pool may not end in 000 */
  T_LIMIT
};

#define HEADER(type, words)  ((uintptr_t)(type) | ((uintptr_t)(words) << 8))
#define HEADER_TYPE(h)       ((enum type)((h) & 0xff))
#define HEADER_WORDS(h)      ((size_t)((h) >> 8))

typedef struct { uintptr_t header; obj_t slot[1]; } any_s;
typedef struct { uintptr_t header; obj_t car, cdr; } pair_s;
typedef struct { uintptr_t header; double value; } flonum_s;
typedef struct { uintptr_t header; size_t length; char data[1]; } string_s;
typedef struct { uintptr_t header; obj_t name, hash, value, flags; } symbol_s;
typedef struct { uintptr_t header; obj_t length; obj_t item[1]; } vector_s;
typedef struct { uintptr_t header; obj_t code; obj_t free[1]; } closure_s;
typedef struct { uintptr_t header; obj_t value; } box_s;
typedef struct { uintptr_t header; obj_t index, name; } prim_s;

/* Compiled procedure body.  `consts' and `name' are references, the rest is
 * raw.  Instructions are words so that a pointer into them is word aligned
 * and therefore keeps the code in place while it is running. */
typedef struct {
  uintptr_t header;
  obj_t consts, name;
  int32_t required, rest;
  int32_t maxstack, length;
  uint64_t instr[1];
} code_s;

/* An array of a weak hash table, or a weak pair; in the pool that holds weak
 * objects, so it never moves.  When the collector finds that an item is dead
 * it puts DELETED_SLOT in its place, and in the same place of the array
 * `dependent', if that is not #f, and counts it in `lost'. */
typedef struct {
  uintptr_t header;
  obj_t length;                 /* as in a vector */
  obj_t dependent, lost;
  obj_t item[1];
} slots_s;

/* Hash table (open addressing).  The location dependency is raw data. */
typedef struct {
  uintptr_t header;
  obj_t keys, values;           /* vectors or slots, capacity a power of two */
  obj_t count, used;            /* live entries; live entries and deleted ones */
  obj_t kind;
  mps_ld_s ld;
} table_s;

typedef struct { uintptr_t header; obj_t buffer, pos, kind, line; } port_s;

/* A captured continuation is the chain of stack segments below the capture. */
typedef struct { uintptr_t header; obj_t segments; } cont_s;

/* A piece of the stack moved to the heap, with what is needed to go on
 * running in its topmost frame. */
typedef struct {
  uintptr_t header;
  obj_t next, closure, pc, fp, count;
  obj_t slot[1];
} stackseg_s;

typedef struct { uintptr_t header; obj_t tag; obj_t field[1]; } record_s;

#define HDR(x)          (((any_s *)(x))->header)
#define TYPE(x)         HEADER_TYPE(HDR(x))
#define IS(t, x)        (IS_HEAP(x) && TYPE(x) == (t))

#define PAIR_P(x)       IS(T_PAIR, x)
#define FLONUM_P(x)     IS(T_FLONUM, x)
#define STRING_P(x)     IS(T_STRING, x)
#define SYMBOL_P(x)     IS(T_SYMBOL, x)
#define VECTOR_P(x)     IS(T_VECTOR, x)

#define CAR(x)          (((pair_s *)(x))->car)
#define CDR(x)          (((pair_s *)(x))->cdr)
#define CADR(x)         CAR(CDR(x))
#define CDDR(x)         CDR(CDR(x))
#define FLOVAL(x)       (((flonum_s *)(x))->value)
#define STR(x)          ((string_s *)(x))
#define STRDATA(x)      (STR(x)->data)
#define STRLEN(x)       (STR(x)->length)
#define SYM(x)          ((symbol_s *)(x))
#define VEC(x)          ((vector_s *)(x))
#define VECLEN(x)       ((size_t)FIXVAL(VEC(x)->length))
#define VECREF(x, i)    (VEC(x)->item[i])
#define CLOSURE(x)      ((closure_s *)(x))
#define CODE(x)         ((code_s *)(x))
#define SLOTS(x)        ((slots_s *)(x))
#define BOX(x)          ((box_s *)(x))
#define PRIM(x)         ((prim_s *)(x))
#define TABLE(x)        ((table_s *)(x))
#define PORT(x)         ((port_s *)(x))
#define CONT(x)         ((cont_s *)(x))
#define SEG(x)          ((stackseg_s *)(x))
#define RECORD(x)       ((record_s *)(x))
#define RECORD_FIELDS(x) (HEADER_WORDS(HDR(x)) - 2)

/* ---- the object format, format.c ----------------------------------------- */

extern mps_addr_t format_dependent(mps_addr_t p);
extern mps_res_t format_create(mps_fmt_t *fmt_o, mps_arena_t arena);
extern mps_res_t scan_values(mps_ss_t ss, void *base, void *limit, void *closure);

#endif
