/* doubles.c -- what a program says that is compiled without floating-point registers
 *
 * With CALL=n it calls a function of mps.h that is handed a double, or returns one: the
 * compiler must refuse that. Without, it sets and reads the same things in integers.
 */

#include "mps.h"
#include "mpsavm.h"
#include "mpsx.h"

#ifdef CALL
#if CALL == 1
mps_bool_t f(mps_arena_t a, double *p) { return mps_arena_step(a, *p, *p); }
#elif CALL == 2
void f(mps_arena_t a, double *p) { mps_arena_spare_set(a, *p); }
#elif CALL == 3
void f(mps_arena_t a, double *p) { mps_arena_pause_time_set(a, *p); }
#elif CALL == 4
void f(mps_arena_t a, double *p) { *p = mps_arena_spare(a); }
#elif CALL == 5
void f(mps_arena_t a, double *p) { *p = mps_arena_pause_time(a); }
#endif
#else
int main(void)
{
  mps_arena_t a;
  mps_res_t res;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_X_PAUSE_TIME_US, 1234);
    MPS_ARGS_ADD(args, MPS_KEY_X_SPARE_PERMILLE, 77);
    res = mps_arena_create_k(&a, mps_arena_class_vm(), args);
  } MPS_ARGS_END(args);
  if (res != MPS_RES_OK)
    return 1;
  if (mps_x_arena_pause_time_us(a) != 1234 || mps_x_arena_spare_permille(a) != 77)
    return 2;
  mps_x_arena_pause_time_us_set(a, 250000);
  mps_x_arena_spare_permille_set(a, 125);
  if (mps_x_arena_pause_time_us(a) != 250000 || mps_x_arena_spare_permille(a) != 125)
    return 3;
  mps_x_arena_pause_time_us_set(a, (size_t)-1);
  if (mps_x_arena_pause_time_us(a) != (size_t)-1)
    return 4;
  if (mps_x_arena_step_us(a, 1000, 1000)) /* there is nothing to collect */
    return 5;
  mps_arena_destroy(a);
  return 0;
}
#endif
