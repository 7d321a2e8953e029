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

/* What an arena has done since it was created.  Counters only grow.
 *
 * A pause is a time that the program waits for the collector: from the first
 * piece of collection work in a call to the library until the call returns,
 * or for as long as a barrier hit takes.  What the client asks for by
 * mps_arena_collect and the like counts as well.  Pauses are measured in units
 * of mps_clock (the default plinth's: microseconds of the process's CPU time).
 *
 * Percentiles come from a histogram of fixed size: they are never less than
 * the exact ones, and more by less than a 16th of them.  Pauses of less than
 * 32 clock units, and the longest, are exact. */
typedef struct mps_x_stats_s {
  size_t struct_size;           /* in: sizeof(mps_x_stats_s); see below */
  mps_word_t collections;       /* collections finished */
  mps_word_t barrier_hits_read; /* accesses stopped by the read barrier */
  mps_word_t barrier_hits_write;/* accesses stopped by the write barrier */
  mps_word_t bytes_condemned;   /* put at stake by all collections */
  mps_word_t bytes_copied;      /* moved from one place to another */
  mps_word_t bytes_reclaimed;   /* found dead and taken back */
  mps_word_t syscalls_map;      /* calls to commit memory */
  mps_word_t syscalls_unmap;    /* calls to give memory back */
  mps_word_t syscalls_protect;  /* calls to change protection */
  mps_word_t steps;             /* slices of collection work */
  mps_word_t flips;             /* moments at which references changed */
  double longest_step_seconds;  /* the longest slice */
  mps_word_t pauses;            /* how many, barrier hits included */
  mps_word_t thread_stops;      /* threads stopped: two signals each */
  double pause_total_seconds;   /* all pauses together */
  double pause_p50_seconds;     /* half of the pauses take no longer */
  double pause_p99_seconds;     /* 99 of 100 */
  double pause_p999_seconds;    /* 999 of 1000 */
  double pause_max_seconds;     /* the longest */
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

/* A root for all of a thread: registers and stack, up to the cold end that the
 * system knows.  What mps_root_create_thread makes, but nothing can lie beyond
 * the cold end, whatever the compiler does with frames.  Arguments of the
 * program and, in threads other than the first, thread-local variables are
 * scanned as well.
 * thread: registered with this arena.
 * Returns: MPS_RES_OK; MPS_RES_UNIMPL if the port does not know where stacks
 * are, or if the thread registered while it ran on a stack of the program's
 * (a coroutine, a signal handler); MPS_RES_MEMORY and the like as for any root.
 * Threads: any; takes the arena lock. */
extern mps_res_t mps_x_root_create_stack(mps_root_t *root_o,
                                         mps_arena_t arena,
                                         mps_thr_t thread);

#ifdef __cplusplus
}
#endif

#endif /* mpsx_h */
