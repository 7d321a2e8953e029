/* mpsclo.h -- LO: automatic pools of leaf objects */

#ifndef mpsclo_h
#define mpsclo_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The LO class: collected, non-moving objects without references, never
 * scanned and never protected.
 * Keywords: FORMAT (required; needs skip), CHAIN, GEN.
 * Returns: the same class at every call.  Threads: any, at any time. */
extern mps_pool_class_t mps_class_lo(void);

#ifdef __cplusplus
}
#endif

#endif /* mpsclo_h */
