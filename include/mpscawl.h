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

/* The AWL class: non-moving objects, all exact or all weak on any one
 * allocation point, each perhaps with a dependent object.
 * Keywords: FORMAT (required; needs scan and skip), CHAIN, GEN,
 * AWL_FIND_DEPENDENT.  Allocation points take RANK (exact or weak).
 * Returns: the same class at every call.  Threads: any, at any time. */
extern mps_pool_class_t mps_class_awl(void);

#ifdef __cplusplus
}
#endif

#endif /* mpscawl_h */
