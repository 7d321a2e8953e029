/* mpsavm.h -- the arena class that takes its memory from the system */

#ifndef mpsavm_h
#define mpsavm_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The class of arenas that reserve address space themselves and grow as
 * needed.  Keywords, all optional: ARENA_SIZE, ARENA_GRAIN_SIZE,
 * ARENA_ZONED, ARENA_EXTENDED, ARENA_CONTRACTED, COMMIT_LIMIT, SPARE,
 * SPARE_COMMIT_LIMIT, PAUSE_TIME, VMW3_TOP_DOWN.
 * Returns: the same class at every call.  Threads: any, at any time. */
extern mps_arena_class_t mps_arena_class_vm(void);

/* Advise how much address space to reserve when the arena must grow.
 * desired: bytes wished for; minimum: least that is useful, not more than
 * desired (asserted).  Returns MPS_RES_OK.  Asserts on a client arena. */
extern mps_res_t mps_arena_vm_growth(mps_arena_t arena, size_t desired,
                                     size_t minimum);

#ifdef __cplusplus
}
#endif

#endif /* mpsavm_h */
