/* mpscsnc.h -- SNC: scanned pools whose memory is freed by popping frames */

#ifndef mpscsnc_h
#define mpscsnc_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The SNC class: objects are scanned as roots are and stay until the
 * allocation frame they belong to is popped.
 * Keywords: FORMAT (required; needs scan, skip and pad; no header).
 * Allocation points take RANK (exact).
 * Returns: the same class at every call.  Threads: any, at any time. */
extern mps_pool_class_t mps_class_snc(void);

#ifdef __cplusplus
}
#endif

#endif /* mpscsnc_h */
