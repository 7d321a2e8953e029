/* plinth.c -- the functions of mpslib.h and mpsio.h that the library wants */

#include "mpslib.h"
#include "mpsio.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int mps_lib_get_EOF(void) { return EOF; }
mps_lib_FILE *mps_lib_get_stderr(void) { return (mps_lib_FILE *)stderr; }
mps_lib_FILE *mps_lib_get_stdout(void) { return (mps_lib_FILE *)stdout; }
int mps_lib_fputc(int c, mps_lib_FILE *f) { return fputc(c, (FILE *)f); }
int mps_lib_fputs(const char *s, mps_lib_FILE *f) { return fputs(s, (FILE *)f); }

void mps_lib_assert_fail(const char *file, unsigned line, const char *condition)
{
  fprintf(stderr, "%s:%u: %s\n", file, line, condition);
  exit(3);
}

void *mps_lib_memset(void *p, int c, size_t n) { return memset(p, c, n); }
void *mps_lib_memcpy(void *p, const void *q, size_t n) { return memcpy(p, q, n); }
int mps_lib_memcmp(const void *p, const void *q, size_t n) { return memcmp(p, q, n); }

mps_clock_t mps_clock(void) { return (mps_clock_t)clock(); }
mps_clock_t mps_clocks_per_sec(void) { return (mps_clock_t)CLOCKS_PER_SEC; }

unsigned long mps_lib_telemetry_control(void) { return 0; }
mps_res_t mps_io_create(mps_io_t *io_o) { (void)io_o; return MPS_RES_IO; }
void mps_io_destroy(mps_io_t io) { (void)io; }
mps_res_t mps_io_write(mps_io_t io, void *p, size_t n) { (void)io; (void)p; (void)n; return MPS_RES_IO; }
mps_res_t mps_io_flush(mps_io_t io) { (void)io; return MPS_RES_IO; }
