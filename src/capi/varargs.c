/* varargs.c -- the variadic forms of creation
 *
 * Only C can define a function with a variable argument list. Each of these
 * puts its values into a keyword list and calls the _k form; which values a
 * class takes, in which order, is a property of the class, told by a number.
 */

#include <stdarg.h>
#include <stddef.h>

#include "mps.h"
#include "mpsacl.h"
#include "mpsavm.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpscmfs.h"
#include "mpscmvff.h"
#include "mpscmvt.h"

/* From src/capi/varargs.rs: the values a pool class takes, as a string of the
 * letters below, or null for what is no class. */
extern const char *mps_int_pool_values(mps_pool_class_t);
/* The same for allocation points on a pool. */
extern const char *mps_int_ap_values(mps_pool_t);
/* Stores that many hundredths. Nothing here computes with doubles or passes them, so
 * this file can be compiled for kernels that keep clear of floating point
 * registers, and no two compilers have to agree on how doubles are passed. */
extern void mps_int_percentage(double *, mps_word_t);

static void gather(mps_arg_s *arg, const char *letters, va_list values)
{
  for (; *letters != '\0'; ++letters, ++arg) {
    switch (*letters) {
#define VALUE(letter, k, field, type, promoted)        \
    case letter:                                       \
      arg->key = (k);                                  \
      arg->val.field = (type)va_arg(values, promoted); \
      break;
    VALUE('f', MPS_KEY_FORMAT, format, mps_fmt_t, mps_fmt_t)
    VALUE('c', MPS_KEY_CHAIN, chain, mps_chain_t, mps_chain_t)
    VALUE('a', MPS_KEY_AMS_SUPPORT_AMBIGUOUS, b, mps_bool_t, mps_bool_t)
    VALUE('d', MPS_KEY_AWL_FIND_DEPENDENT, addr_method,
          mps_awl_find_dependent_t, mps_awl_find_dependent_t)
    VALUE('o', MPS_KEY_POOL_DEBUG_OPTIONS, pool_debug_options,
          mps_pool_debug_option_s *, mps_pool_debug_option_s *)
    VALUE('x', MPS_KEY_EXTEND_BY, size, size_t, size_t)
    VALUE('u', MPS_KEY_MFS_UNIT_SIZE, size, size_t, size_t)
    VALUE('n', MPS_KEY_MIN_SIZE, size, size_t, size_t)
    VALUE('m', MPS_KEY_MEAN_SIZE, size, size_t, size_t)
    VALUE('M', MPS_KEY_MAX_SIZE, size, size_t, size_t)
    VALUE('l', MPS_KEY_ALIGN, align, mps_align_t, mps_align_t)
    VALUE('S', MPS_KEY_MVFF_SLOT_HIGH, b, mps_bool_t, mps_bool_t)
    VALUE('A', MPS_KEY_MVFF_ARENA_HIGH, b, mps_bool_t, mps_bool_t)
    VALUE('F', MPS_KEY_MVFF_FIRST_FIT, b, mps_bool_t, mps_bool_t)
    VALUE('r', MPS_KEY_MVT_RESERVE_DEPTH, count, mps_word_t, mps_word_t)
    VALUE('R', MPS_KEY_RANK, rank, mps_rank_t, mps_rank_t)
    VALUE('z', MPS_KEY_ARENA_SIZE, size, size_t, size_t)
    VALUE('b', MPS_KEY_ARENA_CL_BASE, addr, mps_addr_t, mps_addr_t)
#undef VALUE
    case 'p': /* fragmentation limit: here a percentage, there a fraction */
      arg->key = MPS_KEY_MVT_FRAG_LIMIT;
      mps_int_percentage(&arg->val.d, va_arg(values, mps_word_t));
      break;
    }
  }
  arg->key = MPS_KEY_ARGS_END;
}

mps_res_t mps_arena_create_v(mps_arena_t *arena_o, mps_arena_class_t arena_class,
                             va_list values)
{
  mps_arg_s args[MPS_ARGS_MAX];
  gather(args, arena_class == mps_arena_class_cl() ? "zb" : "z", values);
  return mps_arena_create_k(arena_o, arena_class, args);
}

mps_res_t mps_arena_create(mps_arena_t *arena_o, mps_arena_class_t arena_class, ...)
{
  mps_res_t res;
  va_list values;
  va_start(values, arena_class);
  res = mps_arena_create_v(arena_o, arena_class, values);
  va_end(values);
  return res;
}

mps_res_t mps_pool_create_v(mps_pool_t *pool_o, mps_arena_t arena,
                            mps_pool_class_t pool_class, va_list values)
{
  mps_arg_s args[MPS_ARGS_MAX];
  const char *letters = mps_int_pool_values(pool_class);
  gather(args, letters == NULL ? "" : letters, values);
  return mps_pool_create_k(pool_o, arena, pool_class, args);
}

mps_res_t mps_pool_create(mps_pool_t *pool_o, mps_arena_t arena,
                          mps_pool_class_t pool_class, ...)
{
  mps_res_t res;
  va_list values;
  va_start(values, pool_class);
  res = mps_pool_create_v(pool_o, arena, pool_class, values);
  va_end(values);
  return res;
}

mps_res_t mps_ap_create_v(mps_ap_t *ap_o, mps_pool_t pool, va_list values)
{
  mps_arg_s args[MPS_ARGS_MAX];
  const char *letters = mps_int_ap_values(pool);
  gather(args, letters == NULL ? "" : letters, values);
  return mps_ap_create_k(ap_o, pool, args);
}

mps_res_t mps_ap_create(mps_ap_t *ap_o, mps_pool_t pool, ...)
{
  mps_res_t res;
  va_list values;
  va_start(values, pool);
  res = mps_ap_create_v(ap_o, pool, values);
  va_end(values);
  return res;
}
