/* micro.h -- the benchmarks of micro.c, as a list that ends in nulls */

#ifndef micro_h
#define micro_h

#include <stdint.h>

typedef struct micro_s {
  const char *group, *name;
  void (*open)(void);
  uint64_t (*run)(uint64_t iterations);         /* nanoseconds that they took */
  void (*close)(void);
} micro_s;

extern const micro_s micro_all[];

#endif
