/* format.c -- the object format: what the collector knows about our objects
 *
 * These functions may be called at any moment, in a signal handler too, so
 * they use nothing but the object in hand and the tables below.
 */

#include "object.h"

/* How many words after the header hold values.  Objects of the remaining
 * types hold values from there to the end. */
enum { ALL = -1 };
static const int value_words[T_LIMIT] = {
  [T_PAD] = 0, [T_FWD] = 0,
  [T_PAIR] = 2, [T_FLONUM] = 0, [T_STRING] = 0, [T_SYMBOL] = 4,
  [T_VECTOR] = ALL, [T_CLOSURE] = ALL, [T_CODE] = 2, [T_BOX] = 1,
  [T_PRIM] = 2, [T_TABLE] = 5, [T_PORT] = 4, [T_CONT] = 1,
  [T_STACKSEG] = ALL, [T_RECORD] = ALL,
  [T_SLOTS] = 0                 /* see below */
};

/* Fix one slot.  Fixnums, characters and constants are not addresses and
 * must not reach MPS_FIX2.  Needs `res' in scope. */
#define FIX_SLOT(ss, slot) \
  if (IS_HEAP(*(slot)) && MPS_FIX1(ss, *(slot))) { \
    mps_addr_t addr_ = (mps_addr_t)*(slot); \
    res = MPS_FIX2(ss, &addr_); \
    if (res != MPS_RES_OK) \
      return res; \
    *(slot) = (obj_t)addr_; \
  }

static mps_res_t format_scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  mps_res_t res;
  MPS_SCAN_BEGIN(ss) {
    uintptr_t *p = base;
    while (p < (uintptr_t *)limit) {
      size_t words = HEADER_WORDS(*p);
      int values = value_words[HEADER_TYPE(*p)];
      obj_t *slot = p + 1;
      obj_t *end = values == ALL ? p + words : slot + values;
      for (; slot < end; ++slot)
        FIX_SLOT(ss, slot);
      if (HEADER_TYPE(*p) == T_SLOTS) {
        slots_s *s = (slots_s *)p, *other;
        size_t i, n = (size_t)FIXVAL(s->length);
        FIX_SLOT(ss, &s->dependent);
        if (s->dependent == 0)
          s->dependent = FALSE_OBJ;     /* it is weak, too, and is dead */
        other = s->dependent == FALSE_OBJ ? NULL : SLOTS(s->dependent);
        for (i = 0; i < n; ++i) {
          FIX_SLOT(ss, &s->item[i]);
          if (s->item[i] == 0) {
            s->item[i] = DELETED_SLOT;
            s->lost += 2;               /* fixnum plus one */
            if (other != NULL)
              other->item[i] = DELETED_SLOT;
          }
        }
      }
      p += words;
    }
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

/* What an object's scan may write to besides the object.  Neither moves. */
mps_addr_t format_dependent(mps_addr_t p)
{
  slots_s *s = p;
  if (HEADER_TYPE(s->header) != T_SLOTS || s->dependent == FALSE_OBJ)
    return NULL;
  return (mps_addr_t)s->dependent;
}

/* An area of values, for roots. */
mps_res_t scan_values(mps_ss_t ss, void *base, void *limit, void *closure)
{
  mps_res_t res;
  (void)closure;
  MPS_SCAN_BEGIN(ss) {
    obj_t *slot;
    for (slot = base; slot < (obj_t *)limit; ++slot)
      FIX_SLOT(ss, slot);
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

static mps_addr_t format_skip(mps_addr_t p)
{
  return (uintptr_t *)p + HEADER_WORDS(*(uintptr_t *)p);
}

static void format_fwd(mps_addr_t old, mps_addr_t new)
{
  uintptr_t *p = old;
  p[0] = HEADER(T_FWD, HEADER_WORDS(p[0]));
  p[1] = (uintptr_t)new;
}

static mps_addr_t format_isfwd(mps_addr_t p)
{
  uintptr_t *w = p;
  return HEADER_TYPE(w[0]) == T_FWD ? (mps_addr_t)w[1] : NULL;
}

/* Only the header is written: that fits even a padding object of one word. */
static void format_pad(mps_addr_t p, size_t size)
{
  *(uintptr_t *)p = HEADER(T_PAD, size / sizeof(uintptr_t));
}

mps_res_t format_create(mps_fmt_t *fmt_o, mps_arena_t arena)
{
  mps_res_t res;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ALIGN, sizeof(uintptr_t));
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, format_scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, format_skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, format_fwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, format_isfwd);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, format_pad);
    res = mps_fmt_create_k(fmt_o, arena, args);
  } MPS_ARGS_END(args);
  return res;
}
