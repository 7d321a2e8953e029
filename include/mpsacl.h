/* mpsacl.h -- the arena class that lives in memory the client provides */

#ifndef mpsacl_h
#define mpsacl_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the arena's first chunk begins (mps_addr_t); required. */
extern const struct mps_key_s _mps_key_ARENA_CL_BASE;
#define MPS_KEY_ARENA_CL_BASE (&_mps_key_ARENA_CL_BASE)
#define MPS_KEY_ARENA_CL_BASE_FIELD addr

/* The class of arenas that use exactly the memory they are given.
 * Keywords: ARENA_CL_BASE and ARENA_SIZE (both required),
 * ARENA_GRAIN_SIZE, ARENA_ZONED, COMMIT_LIMIT, SPARE,
 * SPARE_COMMIT_LIMIT, PAUSE_TIME.  The memory must stay available, and
 * unused by anyone else, until the arena has been destroyed; it remains the
 * client's.  Returns: the same class at every call.  Threads: any. */
extern mps_arena_class_t mps_arena_class_cl(void);

#ifdef __cplusplus
}
#endif

#endif /* mpsacl_h */
