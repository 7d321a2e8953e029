/* bare.c -- the program round blocks that make an arena of their own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mps.h"
#include "mpsavm.h"
#include "mpsacl.h"
#include "mpscamc.h"
#include "mpscmfs.h"
#include "mpscmvff.h"
#include "mpscmvt.h"
#include "mpslib.h"
#include "mpsx.h"

static void must(mps_res_t res, const char *what)
{
  if (res != MPS_RES_OK) {
    fprintf(stderr, "%s: result %d\n", what, (int)res);
    exit(1);
  }
}

/* functions */

int main(void)
{
  mps_arena_t arena = NULL;
  (void)arena;
  must(MPS_RES_OK, "");
/* statements */
  return 0;
}
