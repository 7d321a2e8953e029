/* stack.c -- the evaluator's stack, and moving parts of it to the heap
 *
 * See vm.h for the layout.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "stack.h"
#include "vm.h"

obj_t *stack, *stack_limit;
obj_t *volatile stack_top;
obj_t reg[R_COUNT];
size_t frame_max = 16;

enum { MARGIN = 2048 };         /* stack_top is moved by about this much */

static mps_res_t scan_stack(mps_ss_t ss, void *base, void *limit, void *closure)
{
  (void)limit;
  return scan_values(ss, base, stack_top, closure);
}

static void clear(obj_t *from, obj_t *to)
{
  while (from < to)
    *from++ = FIXNUM(0);
}

void stack_init(void)
{
  size_t i;
  for (i = 0; i < R_COUNT; ++i)
    reg[i] = NIL;
  heap_root(reg, R_COUNT);
  stack = malloc(STACK_WORDS * sizeof(obj_t));
  if (stack == NULL) {
    fprintf(stderr, "scheme: no memory for the stack\n");
    exit(3);
  }
  stack_limit = stack + STACK_WORDS;
  stack_top = stack + MARGIN;
  clear(stack, stack_top);
  heap_root_area(stack, stack_limit, scan_stack);
}

void stack_clear(void)
{
  clear(stack, stack_top);
}

void stack_trim(const obj_t *sp)
{
  size_t used = (size_t)(sp - stack) + frame_max;
  if ((size_t)(stack_top - stack) > used + 4 * MARGIN)
    stack_top = stack + used + MARGIN;
}

static obj_t make_segment(obj_t next, const obj_t *low, const obj_t *record)
{
  const obj_t *callee_fp = record + 3;
  size_t count = (size_t)(record - low);
  obj_t seg = make_filled(T_STACKSEG,
                          offsetof(stackseg_s, slot) / sizeof(obj_t) + count,
                          FIXNUM(0));
  SEG(seg)->next = next;
  SEG(seg)->closure = record[0];
  SEG(seg)->pc = record[1];
  SEG(seg)->fp = FIXNUM(callee_fp - FIXVAL(record[2]) - low);
  SEG(seg)->count = FIXNUM(count);
  memcpy(SEG(seg)->slot, low, count * sizeof(obj_t));
  return seg;
}

static void set_underflow(obj_t *record)
{
  record[0] = reg[R_UNDERFLOW];
  record[1] = record[2] = FIXNUM(0);
}

ptrdiff_t stack_spill(obj_t *fp, obj_t *sp)
{
  obj_t *cut[STACK_WORDS / SEGMENT_WORDS + 2];
  obj_t *f = fp;
  size_t n = 0;
  obj_t segments = reg[R_SEGMENTS];
  obj_t *low = stack;
  ptrdiff_t distance = (fp - 3) - stack;

  if (distance == 0)
    return 0;
  cut[n++] = fp - 3;
  while (FIXVAL(f[-1]) != 0) {
    f -= FIXVAL(f[-1]);
    if (cut[n - 1] - (f - 3) >= SEGMENT_WORDS && f - 3 > stack)
      cut[n++] = f - 3;
  }
  while (n-- > 0) {             /* from the oldest frames up */
    obj_t seg = make_segment(segments, low, cut[n]);
    if (low != stack)           /* its lowest frame now returns to a segment */
      set_underflow(SEG(seg)->slot);
    segments = seg;
    low = cut[n];
  }
  reg[R_SEGMENTS] = segments;
  memmove(stack, fp - 3, (size_t)(sp - (fp - 3)) * sizeof(obj_t));
  set_underflow(stack);
  return distance;
}

void stack_raise_top(obj_t *to)
{
  if (to > stack_top) {
    obj_t *new_top = to + MARGIN < stack_limit ? to + MARGIN : stack_limit;
    clear(stack_top, new_top);
    stack_top = new_top;
  }
}

ptrdiff_t stack_grow(obj_t *fp, obj_t *sp, size_t words, size_t keep)
{
  ptrdiff_t distance = 0;
  if (words + keep > (size_t)(stack_limit - fp))
    distance = stack_spill(fp, sp);
  stack_raise_top(fp - distance + words);
  return distance;
}
