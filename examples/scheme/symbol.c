/* symbol.c -- the symbol table
 *
 * Symbols are never dropped.  They are hashed by the characters of the name,
 * so the table does not care that symbols move.
 */

#include <string.h>

#include "heap.h"
#include "symbol.h"

obj_t well_known[S_LIMIT];

static obj_t table[1];          /* vector, power of two; NIL marks a free slot */
static size_t symbol_count;

uintptr_t hash_bytes(const char *data, size_t length)
{
  uintptr_t h = 5381;
  size_t i;
  for (i = 0; i < length; ++i)
    h = (h * 33) ^ (unsigned char)data[i];
  return (h ^ (h >> 15)) & (uintptr_t)0xffffffff;
}

static obj_t make_symbol(const char *name, size_t length)
{
  obj_t string = make_string(name, length);
  obj_t hash = FIXNUM(hash_bytes(STRDATA(string), length));
  obj_t symbol = make_filled(T_SYMBOL, 5, UNDEF);
  SYM(symbol)->name = string;
  SYM(symbol)->hash = hash;
  SYM(symbol)->flags = FIXNUM(0);
  return symbol;
}

obj_t make_uninterned(const char *name)
{
  return make_symbol(name, strlen(name));
}

static void insert(obj_t vector, obj_t symbol)
{
  size_t mask = VECLEN(vector) - 1;
  size_t i = (size_t)FIXVAL(SYM(symbol)->hash) & mask;
  while (VECREF(vector, i) != NIL)
    i = (i + 1) & mask;
  VECREF(vector, i) = symbol;
}

obj_t intern_bytes(const char *name, size_t length)
{
  size_t mask = VECLEN(table[0]) - 1;
  size_t i = hash_bytes(name, length) & mask;
  obj_t symbol;

  for (; VECREF(table[0], i) != NIL; i = (i + 1) & mask) {
    obj_t other = SYM(VECREF(table[0], i))->name;
    if (STRLEN(other) == length && memcmp(STRDATA(other), name, length) == 0)
      return VECREF(table[0], i);
  }
  symbol = make_symbol(name, length);
  if (2 * ++symbol_count > mask) {
    obj_t bigger = make_vector(4 * (mask + 1), NIL);
    for (i = 0; i <= mask; ++i)
      if (VECREF(table[0], i) != NIL)
        insert(bigger, VECREF(table[0], i));
    table[0] = bigger;
  }
  insert(table[0], symbol);
  return symbol;
}

obj_t intern(const char *name)
{
  return intern_bytes(name, strlen(name));
}

void symbol_init(void)
{
  static const char *const names[] = {
#define X(ident, name) name,
    WELL_KNOWN(X)
#undef X
  };
  size_t i;

  table[0] = NIL;
  for (i = 0; i < S_LIMIT; ++i)
    well_known[i] = NIL;
  heap_root(table, 1);
  heap_root(well_known, S_LIMIT);
  table[0] = make_vector(1024, NIL);
  for (i = 0; i < S_LIMIT; ++i)
    well_known[i] = intern(names[i]);
}
