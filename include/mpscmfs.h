/* mpscmfs.h -- MFS: manually managed pools of blocks of one size */

#ifndef mpscmfs_h
#define mpscmfs_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Size of every block in bytes (size_t); required; less than a word is
 * rounded up to one. */
extern const struct mps_key_s _mps_key_MFS_UNIT_SIZE;
#define MPS_KEY_MFS_UNIT_SIZE (&_mps_key_MFS_UNIT_SIZE)
#define MPS_KEY_MFS_UNIT_SIZE_FIELD size

/* The MFS class: fixed-size blocks through mps_alloc and mps_free; freed
 * blocks are reused last-in first-out.
 * Keywords: MFS_UNIT_SIZE (required), EXTEND_BY.
 * Returns: the same class at every call.  Threads: any, at any time. */
extern mps_pool_class_t mps_class_mfs(void);

#ifdef __cplusplus
}
#endif

#endif /* mpscmfs_h */
