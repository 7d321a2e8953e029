/* plinth.c -- what the library wants besides the port: a clock, a place for reports
 *
 * include/mpslib.h and include/mpsio.h have the contract. These may be called with the
 * library's lock held and in a fault handler, so they call nothing of the library.
 */

#include "mpslib.h"
#include "mpsio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- The clock. Yours: a counter of cycles or a timer, as wide as a word. It is used to
 * end a step of collection in time. It may wrap round from the largest value to 0
 * (mpslib.h says what it must not do). --- */

mps_clock_t mps_clock(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (mps_clock_t)t.tv_sec * 1000000 + (mps_clock_t)t.tv_nsec / 1000;
}

mps_clock_t mps_clocks_per_sec(void) { return 1000000; }

/* --- Reports. Yours: the serial port, and a halt. --- */

void mps_lib_assert_fail(const char *file, unsigned line, const char *condition)
{
  fprintf(stderr, "%s:%u: MPS: this should hold: %s\n", file, line, condition);
  abort();
}

/* Streams are handed back as they come; a machine without streams returns 0 here. */
mps_lib_FILE *mps_lib_get_stderr(void) { return (mps_lib_FILE *)stderr; }
mps_lib_FILE *mps_lib_get_stdout(void) { return (mps_lib_FILE *)stdout; }
int mps_lib_get_EOF(void) { return EOF; }
int mps_lib_fputc(int c, mps_lib_FILE *stream) { return fputc(c, (FILE *)stream); }
int mps_lib_fputs(const char *s, mps_lib_FILE *stream) { return fputs(s, (FILE *)stream); }

/* --- The event stream. Off here: what opens it says no. --- */

unsigned long mps_lib_telemetry_control(void) { return 0; }
mps_res_t mps_io_create(mps_io_t *io_o) { (void)io_o; return MPS_RES_IO; }
void mps_io_destroy(mps_io_t io) { (void)io; }
mps_res_t mps_io_write(mps_io_t io, void *p, size_t n) { (void)io; (void)p; (void)n; return MPS_RES_IO; }
mps_res_t mps_io_flush(mps_io_t io) { (void)io; return MPS_RES_IO; }

/* --- Memory, as the C library's. --- */

void *mps_lib_memset(void *p, int c, size_t n) { return memset(p, c, n); }
void *mps_lib_memcpy(void *p, const void *q, size_t n) { return memcpy(p, q, n); }
int mps_lib_memcmp(const void *p, const void *q, size_t n) { return memcmp(p, q, n); }
