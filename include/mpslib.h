/* mpslib.h -- what the library needs from the C environment (the plinth)
 *
 * The library provides these functions for hosted systems, on top of the C
 * library; a client may provide its own instead.  They can be called with
 * the arena lock held and in a signal handler, so they must not call the
 * MPS nor touch memory it manages.
 */

#ifndef mpslib_h
#define mpslib_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- streams, for messages to a person --- */

typedef struct mps_lib_stream_s mps_lib_FILE;   /* a text stream; opaque */

#define mps_lib_EOF (mps_lib_get_EOF())
#define mps_lib_stderr (mps_lib_get_stderr())
#define mps_lib_stdout (mps_lib_get_stdout())

/* Returns: what the two output functions answer on failure (-1). */
extern int mps_lib_get_EOF(void);

/* Returns: the stream for error messages. */
extern mps_lib_FILE *mps_lib_get_stderr(void);

/* Returns: the stream for ordinary output. */
extern mps_lib_FILE *mps_lib_get_stdout(void);

/* Write one character.  Returns: the character, or mps_lib_EOF. */
extern int mps_lib_fputc(int c, mps_lib_FILE *stream);

/* Write a string.  Returns: a number not negative, or mps_lib_EOF. */
extern int mps_lib_fputs(const char *s, mps_lib_FILE *stream);

/* --- failed checks --- */

typedef void (*mps_lib_assert_fail_t)(const char *file, unsigned line,
                                      const char *condition);

/* Called when a check fails: where, and what should have held.  Passes the
 * report to the installed handler. */
extern void mps_lib_assert_fail(const char *file, unsigned line,
                                const char *condition);

/* Install another handler for failed checks.  Returns: the one before.  The
 * handler must not call the MPS nor touch memory it manages.  Threads: any,
 * at any time, also before there is an arena. */
extern mps_lib_assert_fail_t
mps_lib_assert_fail_install(mps_lib_assert_fail_t handler);

/* --- memory: as the C library functions of the same name --- */

/* Fill n bytes at s with c.  Returns s. */
extern void *mps_lib_memset(void *s, int c, size_t n);

/* Copy n bytes from s2 to s1; they never overlap.  Returns s1. */
extern void *mps_lib_memcpy(void *s1, const void *s2, size_t n);

/* Compare n bytes.  Returns a number less than, equal to or more than 0. */
extern int mps_lib_memcmp(const void *s1, const void *s2, size_t n);

/* --- time and settings --- */

/* Returns: time since some fixed moment, in units of
 * 1/mps_clocks_per_sec() seconds.  Used to schedule collection.  It may wrap
 * around from the largest mps_clock_t to 0. */
extern mps_clock_t mps_clock(void);

/* Returns: how many units of mps_clock make a second; constant. */
extern mps_clock_t mps_clocks_per_sec(void);

/* Returns: the telemetry filter to begin with, one bit a category. */
extern unsigned long mps_lib_telemetry_control(void);

#ifdef __cplusplus
}
#endif

#endif /* mpslib_h */
