/* mpscmvff.h -- MVFF: manually managed pools of blocks of any size */

#ifndef mpscmvff_h
#define mpscmvff_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Take memory from the arena at high addresses? (mps_bool_t, false) */
extern const struct mps_key_s _mps_key_MVFF_ARENA_HIGH;
#define MPS_KEY_MVFF_ARENA_HIGH (&_mps_key_MVFF_ARENA_HIGH)
#define MPS_KEY_MVFF_ARENA_HIGH_FIELD b

/* Cut the block from the high end of the free area? (mps_bool_t, false) */
extern const struct mps_key_s _mps_key_MVFF_SLOT_HIGH;
#define MPS_KEY_MVFF_SLOT_HIGH (&_mps_key_MVFF_SLOT_HIGH)
#define MPS_KEY_MVFF_SLOT_HIGH_FIELD b

/* Use the lowest free area that fits, rather than the highest?
 * (mps_bool_t, true) */
extern const struct mps_key_s _mps_key_MVFF_FIRST_FIT;
#define MPS_KEY_MVFF_FIRST_FIT (&_mps_key_MVFF_FIRST_FIT)
#define MPS_KEY_MVFF_FIRST_FIT_FIELD b

/* The MVFF class: variable-size blocks through mps_alloc or allocation
 * points, freed with mps_free, also in parts; supports caches.
 * Keywords, all optional: EXTEND_BY, MEAN_SIZE, ALIGN, SPARE,
 * MVFF_ARENA_HIGH, MVFF_SLOT_HIGH, MVFF_FIRST_FIT.
 * Returns: the same class at every call.  Threads: any, at any time. */
extern mps_pool_class_t mps_class_mvff(void);

/* MVFF with fenceposts round blocks and splatted free memory; also takes
 * POOL_DEBUG_OPTIONS.  Otherwise as mps_class_mvff.  Threads: any, at any
 * time. */
extern mps_pool_class_t mps_class_mvff_debug(void);

/* Older names of two generic functions. */
#define mps_mvff_free_size mps_pool_free_size
#define mps_mvff_size mps_pool_total_size

#ifdef __cplusplus
}
#endif

#endif /* mpscmvff_h */
