/* plinth.c -- the functions of mpslib.h and mpsio.h
 *
 * No event stream, so mps_io_create refuses. A failed check ends the kernel.
 */

#include "kernel.h"
#include "mpsio.h"
#include "mpslib.h"

int mps_lib_get_EOF(void) { return -1; }
mps_lib_FILE *mps_lib_get_stderr(void) { return 0; }
mps_lib_FILE *mps_lib_get_stdout(void) { return 0; }

int mps_lib_fputc(int c, mps_lib_FILE *stream)
{
  (void)stream;
  put_char((char)c);
  return c;
}

int mps_lib_fputs(const char *s, mps_lib_FILE *stream)
{
  (void)stream;
  put_string(s);
  return 0;
}

void mps_lib_assert_fail(const char *file, unsigned line, const char *condition)
{
  fail(file, line, condition);
}

void *mps_lib_memset(void *p, int c, size_t n) { return memset(p, c, n); }
void *mps_lib_memcpy(void *p, const void *q, size_t n) { return memcpy(p, q, n); }
int mps_lib_memcmp(const void *p, const void *q, size_t n) { return memcmp(p, q, n); }

mps_clock_t mps_clock(void) { return arch_clock(); }
mps_clock_t mps_clocks_per_sec(void) { return arch_clock_rate; }

unsigned long mps_lib_telemetry_control(void) { return 0; }
mps_res_t mps_io_create(mps_io_t *io_o) { (void)io_o; return MPS_RES_IO; }
void mps_io_destroy(mps_io_t io) { (void)io; }
mps_res_t mps_io_write(mps_io_t io, void *p, size_t n) { (void)io; (void)p; (void)n; return MPS_RES_IO; }
mps_res_t mps_io_flush(mps_io_t io) { (void)io; return MPS_RES_IO; }
