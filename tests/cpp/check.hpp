// check.hpp -- what each of these programs needs

#ifndef CHECK_HPP
#define CHECK_HPP

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include "mps.hpp"

inline int failures = 0;

#define CHECK(x) ((x) ? (void)0 : (void)(++failures, std::printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #x)))

// Another one each time, unless SEED says which.
inline unsigned seed_of()
{
  const char *given = std::getenv("SEED");
  const unsigned seed = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : static_cast<unsigned>(std::time(nullptr));
  std::printf("SEED=%u\n", seed);
  return seed;
}

inline int done() { return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE; }

#endif
