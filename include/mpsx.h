/* mpsx.h -- extensions of this implementation
 *
 * Nothing here exists in the reference.  Everything is optional for a
 * client, and a structure can grow at its end: the caller says how much of
 * it it knows.
 */

#ifndef mpsx_h
#define mpsx_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What an arena has done since it was created.  Counters only grow. */
typedef struct mps_x_stats_s {
  size_t struct_size;           /* in: sizeof(mps_x_stats_s); see below */
  mps_word_t collections;       /* collections finished */
  mps_word_t barrier_hits_read; /* accesses stopped by the read barrier */
  mps_word_t barrier_hits_write;/* accesses stopped by the write barrier */
  mps_word_t bytes_condemned;   /* put at stake by all collections */
  mps_word_t bytes_copied;      /* objects moved */
  mps_word_t bytes_reclaimed;   /* found dead and taken back */
  mps_word_t syscalls_map;      /* calls to obtain or commit memory */
  mps_word_t syscalls_unmap;    /* calls to give memory back */
  mps_word_t syscalls_protect;  /* calls to change protection */
  mps_word_t steps;             /* slices of collection work */
  mps_word_t flips;             /* moments at which references changed */
  double longest_step_seconds;  /* the longest slice */
} mps_x_stats_s;

/* Read the counters of an arena.
 * stats: the caller's structure.  Its struct_size says how many bytes the
 * caller has; members that do not fit are not written, members the library
 * does not have are set to zero, and struct_size is left alone.
 * Returns: MPS_RES_OK; MPS_RES_PARAM if struct_size is less than its own
 * size.  Threads: any; takes the arena lock. */
extern mps_res_t mps_x_stats(mps_arena_t arena, mps_x_stats_s *stats);

/* Choose the two signals that stop and restart registered threads, for the
 * whole process.  Hosted Unix only.
 * suspend_signal, resume_signal: two different signals, real-time ones
 * included, that the client neither handles nor blocks.
 * Returns: MPS_RES_OK; MPS_RES_PARAM for signals that cannot be used;
 * MPS_RES_FAIL once any thread has been registered with any arena;
 * MPS_RES_UNIMPL where threads are not stopped by signals.
 * Threads: any; call it before the first mps_thread_reg. */
extern mps_res_t mps_x_thread_signals(int suspend_signal, int resume_signal);

#ifdef __cplusplus
}
#endif

#endif /* mpsx_h */
