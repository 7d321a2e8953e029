/* mpscawl.h -- AWL: automatic pools with weak and linked objects */

#ifndef mpscawl_h
#define mpscawl_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Tells the dependent object of an object, or null if it has none.  Runs
 * under the rules for format methods. */
typedef mps_addr_t (*mps_awl_find_dependent_t)(mps_addr_t object);

/* The find-dependent function; one that answers null if not given. */
extern const struct mps_key_s _mps_key_AWL_FIND_DEPENDENT;
#define MPS_KEY_AWL_FIND_DEPENDENT (&_mps_key_AWL_FIND_DEPENDENT)
#define MPS_KEY_AWL_FIND_DEPENDENT_FIELD addr_method

/* The AWL class: non-moving objects, all exact, all weak or all ephemerons
 * on any one allocation point, each perhaps with a dependent object.
 * Keywords: FORMAT (required; needs scan and skip), CHAIN, GEN,
 * AWL_FIND_DEPENDENT.  Allocation points take RANK (exact, weak or
 * ephemeron).
 * Returns: the same class at every call.  Threads: any, at any time. */
extern mps_pool_class_t mps_class_awl(void);

/* The same class by the names that a fork of the original has: one whose
 * segments are scanned whole when they are touched, and one for ephemerons.
 * Ours is both.  Keywords, result and threads as above. */
extern mps_pool_class_t mps_class_awl0(void);
extern mps_pool_class_t mps_class_aeph(void);

#ifdef __cplusplus
}
#endif

#endif /* mpscawl_h */
