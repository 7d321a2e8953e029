/* table.c -- hash tables, keyed by identity or by content
 *
 * The collector moves objects, so a hash of an address is good only until the
 * next move.  Each table has a location dependency to which every address is
 * added before it is hashed.  When a key is not found and the dependency says
 * that addresses may have changed, all entries are hashed anew, and during
 * that pass the key is looked for by comparison, which needs no hash.
 *
 * Content tables hash by content, but the content may include objects that
 * only have an identity (procedures, records ...); those use their address in
 * the same way.
 *
 * A weak table holds on to its keys, or its values, or either, only as long as
 * somebody else does.  Its arrays are `slots' (object.h): those of weak ones are
 * weak objects, and the collector itself takes out what has died.  The other
 * array of a pair is the dependent of a weak one, so that the collector can
 * take out the other half of the entry as well.  (A value that refers to its
 * key keeps it alive: for that the two would have to be weighed together.)
 */

#include <string.h>

#include "builtin.h"
#include "symbol.h"

enum kind { BY_IDENTITY, BY_CONTENT = 1, WEAK_KEYS = 2, WEAK_VALUES = 4 };
#define NOT_FOUND SIZE_MAX

static int kind_of(obj_t t) { return (int)FIXVAL(TABLE(t)->kind); }

/* ---- the arrays ---------------------------------------------------------- */

static obj_t *item(obj_t array, size_t i)
{
  return TYPE(array) == T_SLOTS ? &SLOTS(array)->item[i] : &VECREF(array, i);
}

static void make_arrays(int kind, size_t capacity, obj_t *keys_o, obj_t *values_o)
{
  int weak_keys = (kind & WEAK_KEYS) != 0, weak_values = (kind & WEAK_VALUES) != 0;
  if (!weak_keys && !weak_values) {
    *keys_o = make_hash_vector(capacity, EMPTY_SLOT);
    *values_o = make_hash_vector(capacity, UNSPEC);
    return;
  }
  *keys_o = make_slots(weak_keys, capacity, EMPTY_SLOT);
  *values_o = make_slots(weak_values, capacity, UNSPEC);
  if (weak_keys)
    SLOTS(*keys_o)->dependent = *values_o;
  if (weak_values)
    SLOTS(*values_o)->dependent = *keys_o;
}

/* Entries that there are: those that were put in, less those that died. */
static size_t live(obj_t t)
{
  size_t n = (size_t)FIXVAL(TABLE(t)->count);
  if (TYPE(TABLE(t)->keys) == T_SLOTS)
    n -= (size_t)(FIXVAL(SLOTS(TABLE(t)->keys)->lost)
                  + FIXVAL(SLOTS(TABLE(t)->values)->lost));
  return n;
}

static int same_key(obj_t t, obj_t a, obj_t b)
{
  return a == b || (kind_of(t) & BY_CONTENT ? equal(a, b) : eqv(a, b));
}

/* ---- hashing ------------------------------------------------------------- */

static size_t mix(uintptr_t h)
{
  h ^= h >> 29;
  h *= (uintptr_t)0x9e3779b97f4a7c15u;
  return (size_t)(h ^ (h >> 32));
}

/* The address of `x'.  The dependency comes first: a move between the two
 * steps is noticed, the other way round it would not be. */
static size_t hash_address(obj_t x, mps_ld_t ld)
{
  mps_ld_add(ld, heap.arena, (mps_addr_t)x);
  return mix(x >> 3);
}

static size_t hash_content(obj_t x, mps_ld_t ld, int budget)
{
  size_t h, i;
  if (!IS_HEAP(x))
    return mix(x);
  switch (TYPE(x)) {
  case T_FLONUM: {
    uintptr_t bits = 0;
    memcpy(&bits, &FLOVAL(x), sizeof bits);
    return mix(bits);
  }
  case T_STRING:
    return mix(hash_bytes(STRDATA(x), STRLEN(x)));
  case T_SYMBOL:
    return mix((uintptr_t)FIXVAL(SYM(x)->hash) + 1);
  case T_PAIR:
    for (h = 17; PAIR_P(x) && budget > 0; x = CDR(x), --budget)
      h = mix(h + hash_content(CAR(x), ld, budget / 2));
    return h;
  case T_VECTOR:
    for (h = 23, i = 0; i < VECLEN(x) && budget > 0; ++i, --budget)
      h = mix(h + hash_content(VECREF(x, i), ld, budget / 2));
    return h;
  default:
    return hash_address(x, ld);
  }
}

static size_t hash(obj_t t, obj_t key, mps_ld_t ld)
{
  if (!IS_HEAP(key))
    return mix(key);
  if (kind_of(t) & BY_CONTENT || FLONUM_P(key))
    return hash_content(key, ld, 16);
  return hash_address(key, ld);
}

/* Whether it makes sense to look again.  A lookup in an identity table
 * depends on one address; the content of a key may involve several. */
static int stale(obj_t t, obj_t key)
{
  if (kind_of(t) & BY_CONTENT)
    return mps_ld_isstale_any(&TABLE(t)->ld, heap.arena);
  return IS_HEAP(key)
    && mps_ld_isstale(&TABLE(t)->ld, heap.arena, (mps_addr_t)key);
}

/* ---- searching ----------------------------------------------------------- */

/* Index of the key, or NOT_FOUND; then *free_o is where it would go.  There
 * is always a slot that was never used, so the loop ends. */
static size_t probe(obj_t t, obj_t key, mps_ld_t ld, size_t *free_o)
{
  obj_t keys = TABLE(t)->keys;
  size_t mask = VECLEN(keys) - 1, i = hash(t, key, ld) & mask;
  size_t free = NOT_FOUND;
  for (;; i = (i + 1) & mask) {
    obj_t k = *item(keys, i);
    if (k == EMPTY_SLOT || k == DELETED_SLOT) {
      if (free == NOT_FOUND)
        free = i;
      if (k == EMPTY_SLOT)
        break;
    } else if (same_key(t, k, key))
      return i;
  }
  *free_o = free;
  return NOT_FOUND;
}

/* Move all entries to arrays of the given capacity, hashing them at their
 * present addresses.  Returns where `key' has gone, if it is there. */
static size_t rehash(obj_t t, size_t capacity, obj_t key)
{
  obj_t old_keys = TABLE(t)->keys, old_values = TABLE(t)->values;
  obj_t keys, values;
  size_t mask = capacity - 1, i, found = NOT_FOUND, n = 0;

  make_arrays(kind_of(t), capacity, &keys, &values);
  mps_ld_reset(&TABLE(t)->ld, heap.arena);
  for (i = 0; i < VECLEN(old_keys); ++i) {
    obj_t k = *item(old_keys, i);
    size_t j;
    if (k == EMPTY_SLOT || k == DELETED_SLOT)
      continue;
    j = hash(t, k, &TABLE(t)->ld) & mask;
    while (*item(keys, j) != EMPTY_SLOT)
      j = (j + 1) & mask;
    *item(keys, j) = k;
    *item(values, j) = *item(old_values, i);
    ++n;
    if (same_key(t, k, key))
      found = j;
  }
  TABLE(t)->keys = keys;
  TABLE(t)->values = values;
  TABLE(t)->count = TABLE(t)->used = FIXNUM(n);
  return found;
}

/* Looking up must not add to the table's dependency, which is why the hash
 * here uses a scratch one. */
static size_t find(obj_t t, obj_t key)
{
  mps_ld_s scratch;
  size_t i, unused;
  mps_ld_reset(&scratch, heap.arena);
  i = probe(t, key, &scratch, &unused);
  if (i == NOT_FOUND && stale(t, key))
    i = rehash(t, VECLEN(TABLE(t)->keys), key);
  return i;
}

/* ---- operations ---------------------------------------------------------- */

static obj_t get(obj_t t, obj_t key, obj_t absent)
{
  size_t i = find(t, key);
  return i == NOT_FOUND ? absent : *item(TABLE(t)->values, i);
}

static void put(obj_t t, obj_t key, obj_t value)
{
  size_t i = find(t, key), capacity = VECLEN(TABLE(t)->keys), vacant = 0;
  if (i == NOT_FOUND) {
    if (4 * (size_t)FIXVAL(TABLE(t)->used) >= 3 * capacity) {
      /* Mostly deleted entries: the same size will do. */
      if (2 * live(t) >= capacity)
        capacity *= 2;
      rehash(t, capacity, EMPTY_SLOT);
    }
    i = probe(t, key, &TABLE(t)->ld, &vacant);
  }
  if (i == NOT_FOUND) {
    i = vacant;
    if (*item(TABLE(t)->keys, i) == EMPTY_SLOT)
      TABLE(t)->used += 2;      /* fixnum plus one */
    TABLE(t)->count += 2;
    *item(TABLE(t)->keys, i) = key;
  }
  *item(TABLE(t)->values, i) = value;
}

static obj_t make(int kind)
{
  obj_t keys, values;
  make_arrays(kind, 8, &keys, &values);
  return make_table(kind, keys, values);
}

#define MAKE(name, kind) \
  static obj_t name(int argc, obj_t *argv) \
  { (void)argc; (void)argv; return make(kind); }
MAKE(b_make_eq, BY_IDENTITY)
MAKE(b_make_equal, BY_CONTENT)
MAKE(b_make_weak_key, WEAK_KEYS)
MAKE(b_make_weak_value, WEAK_VALUES)
MAKE(b_make_weak, WEAK_KEYS | WEAK_VALUES)

static obj_t b_table_p(int argc, obj_t *argv)
{ (void)argc; return BOOL(IS(T_TABLE, argv[0])); }

static obj_t b_set(int argc, obj_t *argv)
{
  (void)argc;
  arg_is("hash-table-set!", T_TABLE, argv[0]);
  put(argv[0], argv[1], argv[2]);
  return UNSPEC;
}

static obj_t b_ref(int argc, obj_t *argv)
{
  arg_is("hash-table-ref", T_TABLE, argv[0]);
  return get(argv[0], argv[1], argc == 3 ? argv[2] : FALSE_OBJ);
}

static obj_t b_contains(int argc, obj_t *argv)
{
  (void)argc;
  arg_is("hash-table-contains?", T_TABLE, argv[0]);
  return BOOL(find(argv[0], argv[1]) != NOT_FOUND);
}

static obj_t b_delete(int argc, obj_t *argv)
{
  obj_t t = argv[0];
  size_t i;
  (void)argc;
  arg_is("hash-table-delete!", T_TABLE, t);
  i = find(t, argv[1]);
  if (i == NOT_FOUND)
    return FALSE_OBJ;
  *item(TABLE(t)->keys, i) = DELETED_SLOT;
  *item(TABLE(t)->values, i) = UNSPEC;
  TABLE(t)->count -= 2;         /* fixnum minus one */
  return TRUE_OBJ;
}

static obj_t b_count(int argc, obj_t *argv)
{
  (void)argc;
  arg_is("hash-table-count", T_TABLE, argv[0]);
  return FIXNUM(live(argv[0]));
}

/* The order of entries changes as objects move. */
static obj_t b_to_alist(int argc, obj_t *argv)
{
  obj_t keys, values, list = NIL;
  size_t i;
  (void)argc;
  arg_is("hash-table->alist", T_TABLE, argv[0]);
  keys = TABLE(argv[0])->keys;
  values = TABLE(argv[0])->values;
  for (i = 0; i < VECLEN(keys); ++i) {
    obj_t k = *item(keys, i), v = *item(values, i);
    /* By now either may have died with the other. */
    if (k != EMPTY_SLOT && k != DELETED_SLOT && v != DELETED_SLOT)
      list = cons(cons(k, v), list);
  }
  return list;
}

static obj_t b_clear(int argc, obj_t *argv)
{
  obj_t t = argv[0], keys, values;
  (void)argc;
  arg_is("hash-table-clear!", T_TABLE, t);
  make_arrays(kind_of(t), 8, &keys, &values);
  TABLE(t)->keys = keys;
  TABLE(t)->values = values;
  TABLE(t)->count = TABLE(t)->used = FIXNUM(0);
  mps_ld_reset(&TABLE(t)->ld, heap.arena);
  return UNSPEC;
}

/* ---- weak pairs ---------------------------------------------------------- */

/* Each half is #f once it has died. */
static obj_t b_weak_pair(int argc, obj_t *argv)
{
  obj_t p = make_slots(1, 2, FALSE_OBJ);
  (void)argc;
  *item(p, 0) = argv[0];
  *item(p, 1) = argv[1];
  return p;
}

static obj_t half(const char *who, obj_t p, size_t i)
{
  arg_is(who, T_SLOTS, p);
  return *item(p, i) == DELETED_SLOT ? FALSE_OBJ : *item(p, i);
}

static obj_t b_weak_car(int argc, obj_t *argv)
{ (void)argc; return half("weak-car", argv[0], 0); }
static obj_t b_weak_cdr(int argc, obj_t *argv)
{ (void)argc; return half("weak-cdr", argv[0], 1); }

const builtin_s builtins_table[] = {
  { "make-eq-hashtable", b_make_eq, 0, 1 },
  { "make-eqv-hashtable", b_make_eq, 0, 1 },
  { "make-hashtable", b_make_equal, 0, 1 },
  { "make-string-hashtable", b_make_equal, 0, 1 },
  { "make-weak-key-hashtable", b_make_weak_key, 0, 1 },
  { "make-weak-value-hashtable", b_make_weak_value, 0, 1 },
  { "make-weak-hashtable", b_make_weak, 0, 1 },
  { "weak-pair", b_weak_pair, 2, 2 },
  { "weak-car", b_weak_car, 1, 1 }, { "weak-cdr", b_weak_cdr, 1, 1 },
  { "hash-table?", b_table_p, 1, 1 },
  { "hash-table-set!", b_set, 3, 3 }, { "hash-table-ref", b_ref, 2, 3 },
  { "hash-table-contains?", b_contains, 2, 2 },
  { "hash-table-delete!", b_delete, 2, 2 },
  { "hash-table-count", b_count, 1, 1 },
  { "hash-table->alist", b_to_alist, 1, 1 },
  { "hash-table-clear!", b_clear, 1, 1 },
  { NULL, NULL, 0, 0 }
};
