/* stream.h -- reading an event stream (docs/telemetry.md) byte for byte */

#ifndef stream_h
#define stream_h

#include "common.h"

static unsigned char *bytes, *at, *stop;

/* Reads a file; is there anything in it? */
static int load(const char *file)
{
  FILE *f = fopen(file, "rb");
  long n;
  free(bytes);
  bytes = NULL;
  if (f == NULL)
    return 0;
  fseek(f, 0, SEEK_END);
  n = ftell(f);
  rewind(f);
  bytes = malloc((size_t)n + 1);
  CHECK(fread(bytes, 1, (size_t)n, f) == (size_t)n);
  fclose(f);
  at = bytes;
  stop = bytes + n;
  return n > 0;
}

static unsigned long long number_at(unsigned char **p, unsigned char *end)
{
  unsigned long long n = 0;
  int shift = 0;
  do {
    CHECK(*p < end);
    n |= (unsigned long long)(**p & 0x7f) << shift;
    shift += 7;
  } while (*(*p)++ & 0x80);
  return n;
}

/* The head of the stream; the clock as it begins. */
static unsigned long long read_head(void)
{
  CHECK(memcmp(at, "MPSE\1", 5) == 0);
  at += 5;
  CHECK_EQ(number_at(&at, stop), sizeof(void *));
  CHECK_EQ(number_at(&at, stop), mps_clocks_per_sec());
  return number_at(&at, stop);
}

#endif /* stream_h */
