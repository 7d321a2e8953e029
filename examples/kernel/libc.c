/* libc.c -- what a compiler calls without being asked, and output */

#include "kernel.h"

/* No builtins: gcc would make each of these loops a call of itself. */
#define PLAIN __attribute__((optimize("no-tree-loop-distribute-patterns")))

PLAIN void *memcpy(void *to, const void *from, size_t n)
{
  char *t = to;
  const char *f = from;
  if ((((uintptr_t)t | (uintptr_t)f) & (sizeof(size_t) - 1)) == 0)
    for (; n >= sizeof(size_t); n -= sizeof(size_t)) {
      *(size_t *)t = *(const size_t *)f;
      t += sizeof(size_t);
      f += sizeof(size_t);
    }
  while (n-- > 0)
    *t++ = *f++;
  return to;
}

PLAIN void *memmove(void *to, const void *from, size_t n)
{
  char *t = to;
  const char *f = from;
  if ((uintptr_t)t <= (uintptr_t)f)
    return memcpy(to, from, n);
  while (n-- > 0)
    t[n] = f[n];
  return to;
}

PLAIN void *memset(void *p, int c, size_t n)
{
  char *t = p;
  if (c == 0 && ((uintptr_t)t & (sizeof(size_t) - 1)) == 0)
    for (; n >= sizeof(size_t); n -= sizeof(size_t)) {
      *(size_t *)t = 0;
      t += sizeof(size_t);
    }
  while (n-- > 0)
    *t++ = (char)c;
  return p;
}

PLAIN int memcmp(const void *p, const void *q, size_t n)
{
  const unsigned char *a = p, *b = q;
  for (; n > 0; --n, ++a, ++b)
    if (*a != *b)
      return *a < *b ? -1 : 1;
  return 0;
}

void put_char(char c)
{
  arch_put(c);
}

void put_string(const char *s)
{
  while (*s != 0)
    put_char(*s++);
}

void put_number(size_t n)
{
  if (n >= 10)
    put_number(n / 10);
  put_char((char)('0' + n % 10));
}

void put_hex(size_t n)
{
  if (n >= 16)
    put_hex(n / 16);
  put_char("0123456789abcdef"[n % 16]);
}

void (*fail_first)(void);

void fail(const char *file, unsigned line, const char *what)
{
  put_string("FAIL ");
  put_string(file);
  put_char(':');
  put_number(line);
  put_string(": ");
  put_string(what);
  put_char('\n');
  if (fail_first != 0)
    fail_first();
  arch_power_off(0);
}
