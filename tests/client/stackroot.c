/* stackroot.c -- a plain program, with its references in main's own locals
 *
 * It is compiled with -O0 and with -O2.  With -O0 every local is in memory, some
 * of them above `cold' if that stands among them, and so beyond the end of a
 * root that ends there: WITH_COLD, a definition for the compiler, makes it do
 * that, and it fails.  With mps_x_root_create_stack nothing is beyond the end.
 */

#include "common.h"

#ifdef HAVE_MPSX
#include "mpsx.h"

enum { OBJECTS = 30000, HELD = 64 };

/* Which of them were finalized, so lost. */
static unsigned long lost(mps_arena_t arena)
{
  mps_message_t m;
  unsigned long n = 0;
  while (mps_message_get(&m, arena, mps_message_type_finalization())) {
    mps_message_discard(arena, m);
    ++n;
  }
  return n;
}

int main(void)
{
  mps_arena_t arena;
  mps_fmt_t fmt;
  mps_pool_t pool;
  mps_ap_t ap;
  mps_thr_t thr;
  mps_root_t root;
  obj_t first, last;            /* a list */
  obj_t held[HELD];             /* and objects that nothing else refers to */
#ifdef WITH_COLD
  void *cold = &cold;
#endif
  obj_t one, more, o;
  unsigned long i, n;

  test_begin("stackroot");
  arena = arena_vm((size_t)64 << 20);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, NULL);
  ap = ap_make(pool);
  mps_message_type_enable(arena, mps_message_type_finalization());
  CHECK_OK(mps_thread_reg(&thr, arena));
#ifdef WITH_COLD
  CHECK_OK(mps_root_create_thread(&root, arena, thr, cold));
#else
  CHECK_OK(mps_x_root_create_stack(&root, arena, thr));
#endif

  first = last = one = more = NULL;
  for (i = 0; i < HELD; ++i)
    held[i] = NULL;
  for (i = 0; i < OBJECTS; ++i) {
    mps_addr_t p;
    o = obj_new(ap, 0, KIND_VECTOR, 20, i + 1);
    if (first == NULL)
      first = o;
    else
      last->slot[0] = (word)o;
    last = o;
    p = o;
    CHECK_OK(mps_finalize(arena, &p));
    if (i % (OBJECTS / HELD) == 0 && i / (OBJECTS / HELD) < HELD) {
      o = obj_new(ap, 0, KIND_LEAF, 20, i + 1);
      held[i / (OBJECTS / HELD)] = o;
      p = o;
      CHECK_OK(mps_finalize(arena, &p));
    }
  }
  one = obj_new(ap, 0, KIND_LEAF, 20, 1);
  more = obj_new(ap, 0, KIND_LEAF, 20, 2);
  for (i = 0; i < 3; ++i) {
    CHECK_OK(mps_arena_collect(arena));
    mps_arena_release(arena);
    garbage(ap, 0, 20000, 20);
  }
  CHECK_EQ(lost(arena), 0);
  CHECK(obj_is(one, KIND_LEAF, 20, 1) && obj_is(more, KIND_LEAF, 20, 2));
  for (i = 0; i < HELD; ++i)
    CHECK(obj_is(held[i], KIND_LEAF, 20, i * (OBJECTS / HELD) + 1));
  for (n = 0, o = first; o != NULL; o = (obj_t)o->slot[0]) {
    ++n;
    CHECK(obj_is(o, KIND_VECTOR, 20, n));
  }
  CHECK_EQ(n, OBJECTS);
  part("%lu objects on main's own locals: none lost in %lu collections", n,
       (unsigned long)mps_collections(arena));

  mps_arena_park(arena);
  mps_root_destroy(root);
  mps_thread_dereg(thr);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
  return test_end();
}

#else /* not HAVE_MPSX */

int main(void)
{
  test_begin("stackroot");
  part("nothing: no mpsx.h here");
  return test_end();
}

#endif
