/* mpscmvt.h -- MVT: manually managed pools filled in allocation order */

#ifndef mpscmvt_h
#define mpscmvt_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How many free areas to remember at most (mps_word_t, 1024). */
extern const struct mps_key_s _mps_key_MVT_RESERVE_DEPTH;
#define MPS_KEY_MVT_RESERVE_DEPTH (&_mps_key_MVT_RESERVE_DEPTH)
#define MPS_KEY_MVT_RESERVE_DEPTH_FIELD count

/* Fraction of free space from which first fit is used (double, 0.3; not
 * more than 1.0). */
extern const struct mps_key_s _mps_key_MVT_FRAG_LIMIT;
#define MPS_KEY_MVT_FRAG_LIMIT (&_mps_key_MVT_FRAG_LIMIT)
#define MPS_KEY_MVT_FRAG_LIMIT_FIELD d

/* The MVT class: blocks are allocated through allocation points only, laid
 * out one after the other, and freed with mps_free.
 * Keywords, all optional: ALIGN, MIN_SIZE, MEAN_SIZE, MAX_SIZE,
 * MVT_RESERVE_DEPTH, MVT_FRAG_LIMIT.
 * Returns: the same class at every call.  Threads: any, at any time. */
extern mps_pool_class_t mps_class_mvt(void);

/* Older names of two generic functions. */
#define mps_mvt_free_size mps_pool_free_size
#define mps_mvt_size mps_pool_total_size

#ifdef __cplusplus
}
#endif

#endif /* mpscmvt_h */
