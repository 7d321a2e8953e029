// cplusplus.cc -- the headers in C++, in the usual order, and their macros

#include "mps.h"
#include "mpstd.h"
#include "mpsavm.h"
#include "mpsacl.h"
#include "mpscamc.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"
#include "mpscmfs.h"
#include "mpscmvff.h"
#include "mpscmvt.h"
#include "mpscmv2.h"
#include "mpscsnc.h"
#include "mpslib.h"
#include "mpsio.h"
#include "mpsx.h"

extern "C" {

// The macros as a client uses them, so that their expansions are warned
// about too.
extern mps_res_t scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit);
mps_res_t scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  mps_addr_t *p;
  MPS_SCAN_BEGIN(ss) {
    mps_res_t res = MPS_RES_OK;
    for (p = (mps_addr_t *)base; p < (mps_addr_t *)limit; ++p) {
      if (MPS_FIX1(ss, *p))
        res = MPS_FIX2(ss, p);
      if (res == MPS_RES_OK)
        res = MPS_FIX12(ss, p);
      if (res != MPS_RES_OK)
        return res;
    }
    MPS_FIX_CALL(ss, res = scan(ss, base, base));
    if (res != MPS_RES_OK)
      return res;
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

extern mps_res_t scan_nothing(mps_ss_t ss);
mps_res_t scan_nothing(mps_ss_t ss)
{
  MPS_SCAN_BEGIN(ss) {
  } MPS_SCAN_END(ss);
  return MPS_RES_OK;
}

extern mps_addr_t allocate(mps_ap_t ap, size_t size);
mps_addr_t allocate(mps_ap_t ap, size_t size)
{
  mps_addr_t p = NULL;
  mps_res_t res = MPS_RES_FAIL;
  do {
    if (size < 100) {
      if (mps_reserve(&p, ap, size) != MPS_RES_OK)
        return NULL;
    } else
      MPS_RESERVE_BLOCK(res, p, ap, size);
    if (size >= 100 && res != MPS_RES_OK)
      return NULL;
  } while (!mps_commit(ap, p, size));
  return p;
}

extern mps_res_t cached(mps_sac_t sac, size_t size);
mps_res_t cached(mps_sac_t sac, size_t size)
{
  mps_addr_t p = NULL;
  mps_res_t res;
  if (size > 1)
    MPS_SAC_ALLOC_FAST(res, p, sac, size, 0);
  else
    MPS_SAC_ALLOC(res, p, sac, size, 0);
  if (res != MPS_RES_OK)
    return res;
  if (size > 1)
    MPS_SAC_FREE_FAST(sac, p, size);
  else
    MPS_SAC_FREE(sac, p, size);
  return MPS_RES_OK;
}

extern mps_res_t arguments(mps_arena_t *arena, mps_pool_t *pool,
                           mps_fmt_t fmt);
mps_res_t arguments(mps_arena_t *arena, mps_pool_t *pool, mps_fmt_t fmt)
{
  mps_res_t res = MPS_RES_FAIL;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_ARENA_SIZE, (size_t)1 << 20);
    MPS_ARGS_BEGIN(inner) {
      MPS_ARGS_ADD(inner, MPS_KEY_FORMAT, fmt);
      MPS_ARGS_ADD_FIELD(inner, MPS_KEY_SPARE, d, 0.5);
      MPS_ARGS_DONE(inner);
      res = mps_pool_create_k(pool, *arena, mps_class_amc(), inner);
    } MPS_ARGS_END(inner);
    if (res == MPS_RES_OK)
      res = mps_arena_create_k(arena, mps_arena_class_vm(), args);
  } MPS_ARGS_END(args);
  return res;
}

extern int messages(mps_message_type_t t);
int messages(mps_message_type_t t)
{
  switch (t) {
  case mps_message_type_finalization(): return 0;
  case mps_message_type_gc(): return 1;
  case mps_message_type_gc_start(): return 2;
  default: return mps_lib_EOF;
  }
}

} // extern "C"

// Linked and run as well: the names are C names.
int main()
{
  mps_arena_t arena = NULL;
  if (mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none)
      != MPS_RES_OK)
    return 1;
  mps_arena_destroy(arena);
  return 0;
}
