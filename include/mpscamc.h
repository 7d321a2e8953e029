/* mpscamc.h -- AMC and AMCZ: automatic, mostly copying pools */

#ifndef mpscamc_h
#define mpscamc_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The AMC class: objects are traced, copied and promoted through the
 * generations of a chain; those with ambiguous references stay put.
 * Keywords: FORMAT (required; needs scan, skip, fwd, isfwd and pad), CHAIN,
 * INTERIOR, EXTEND_BY, LARGE_SIZE.  Allocation points take AP_HASH_ARRAYS.
 * Returns: the same class at every call.  Threads: any, at any time. */
extern mps_pool_class_t mps_class_amc(void);

/* The AMCZ class: as AMC for objects that hold no references; they are
 * never scanned nor protected, and the format needs no scan method.
 * Keywords as mps_class_amc.  Returns: the same class at every call.
 * Threads: any, at any time. */
extern mps_pool_class_t mps_class_amcz(void);

/* What mps_amc_apply calls: the object, and the two values passed on. */
typedef void (*mps_amc_apply_stepper_t)(mps_addr_t object,
                                        void *closure_p, size_t closure_s);

/* Visit the objects of an AMC or AMCZ pool (deprecated: mps_pool_walk).
 * The arena must be parked.  Padding and dead objects may be visited too.
 * f must not call the MPS and must not touch protected memory other than
 * the object at hand.  Holds the arena lock throughout.  Cost: f is called
 * for all objects of the pool. */
extern void mps_amc_apply(mps_pool_t pool, mps_amc_apply_stepper_t f,
                          void *closure_p, size_t closure_s);

#ifdef __cplusplus
}
#endif

#endif /* mpscamc_h */
