/* mpscmv2.h -- former name of mpscmvt.h, for clients that still use it */

#ifndef mpscmv2_h
#define mpscmv2_h

#include "mpscmvt.h"

#endif /* mpscmv2_h */
