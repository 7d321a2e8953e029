/* link.c -- refers to every symbol the library is said to export
 *
 * Includes "implemented.def", which run.sh makes from symbols.def.  Runs too:
 * every symbol has an address, and no two keys share one.
 */

#include <stdarg.h>
#include <stdio.h>

#include "mps.h"
#include "mpsavm.h"
#include "mpsacl.h"
#include "mpscamc.h"
#include "mpscams.h"
#include "mpscawl.h"
#include "mpsclo.h"
#include "mpscmfs.h"
#include "mpscmvff.h"
#include "mpscmvt.h"
#include "mpscsnc.h"
#include "mpslib.h"
#include "mpsio.h"
#include "mpsx.h"

typedef void (*fun_t)(void);

static const struct { const char *name; fun_t fun; } functions[] = {
#define FUN(header, name) {#name, (fun_t)(name)},
#define VAR(header, name)
#include "implemented.def"
#undef FUN
#undef VAR
  {NULL, NULL}
};

static const struct { const char *name; const void *var; } variables[] = {
#define FUN(header, name)
#define VAR(header, name) {#name, (const void *)&name},
#include "implemented.def"
#undef FUN
#undef VAR
  {NULL, NULL}
};

int main(void)
{
  int i, j, bad = 0;
  for (i = 0; functions[i].name != NULL; ++i)
    if (functions[i].fun == (fun_t)0) {
      printf("link: %s is null\n", functions[i].name);
      ++bad;
    }
  for (j = 0; variables[j].name != NULL; ++j) {
    int k;
    for (k = 0; k < j; ++k)
      if (variables[j].var == variables[k].var) {
        printf("link: %s and %s are one\n", variables[j].name,
               variables[k].name);
        ++bad;
      }
  }
  printf("link: %d functions, %d variables\n", i, j);
  return bad != 0;
}
