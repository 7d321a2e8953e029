/* mpscams.h -- AMS: automatic mark-and-sweep pools */

#ifndef mpscams_h
#define mpscams_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Whether references to the pool's objects may be ambiguous (mps_bool_t);
 * true if not given. */
extern const struct mps_key_s _mps_key_AMS_SUPPORT_AMBIGUOUS;
#define MPS_KEY_AMS_SUPPORT_AMBIGUOUS (&_mps_key_AMS_SUPPORT_AMBIGUOUS)
#define MPS_KEY_AMS_SUPPORT_AMBIGUOUS_FIELD b

/* The AMS class: objects are traced but keep their addresses.
 * Keywords: FORMAT (required; needs scan and skip), CHAIN, GEN,
 * AMS_SUPPORT_AMBIGUOUS.  Allocation points take RANK (exact or ambiguous).
 * Returns: the same class at every call.  Threads: any, at any time. */
extern mps_pool_class_t mps_class_ams(void);

/* AMS with splatted free memory and fenceposts; also takes
 * POOL_DEBUG_OPTIONS.  Otherwise as mps_class_ams.  Threads: any, at any
 * time. */
extern mps_pool_class_t mps_class_ams_debug(void);

#ifdef __cplusplus
}
#endif

#endif /* mpscams_h */
