/* stack.h -- the evaluator's stack and registers, shared by stack.c and vm.c */
#ifndef STACK_H
#define STACK_H

#include "object.h"

extern obj_t *stack, *stack_limit;

/* The collector scans the stack up to here.  Slots from a frame's last value
 * up to `stack_top' hold old values, which are good references as long as they
 * stay below it; whatever it is moved over must be cleared first. */
extern obj_t *volatile stack_top;

/* The machine's registers that are values, an exact root. */
enum { R_CLOSURE, R_SEGMENTS, R_HANDLERS, R_VALUE, R_HALT, R_UNDERFLOW,
       R_MEMORY_ERROR, R_COUNT };
extern obj_t reg[R_COUNT];

extern void stack_init(void);
extern void stack_clear(void);          /* all that is below stack_top */
extern void stack_raise_top(obj_t *to);
extern void stack_trim(const obj_t *sp);  /* lower stack_top if worth while */

/* Largest frame of any procedure so far.  A frame below the running one may
 * extend beyond sp, but by no more than this. */
extern size_t frame_max;

/* Spill all frames below the one at fp, then move that frame (it ends at sp)
 * to the bottom.  Returns how far it has moved.  If memory runs out nothing
 * has changed. */
extern ptrdiff_t stack_spill(obj_t *fp, obj_t *sp);

/* Make room for `words' from fp, leaving `keep' words at the end of the stack
 * alone.  Returns how far the frame has moved down. */
extern ptrdiff_t stack_grow(obj_t *fp, obj_t *sp, size_t words, size_t keep);

#endif
