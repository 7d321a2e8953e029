/* symbol.h -- interned symbols, and those the system itself uses */
#ifndef SYMBOL_H
#define SYMBOL_H

#include "object.h"

extern void symbol_init(void);
extern obj_t intern(const char *name);
extern obj_t intern_bytes(const char *name, size_t length);
extern obj_t make_uninterned(const char *name);
extern uintptr_t hash_bytes(const char *data, size_t length);

#define WELL_KNOWN(X) \
  X(QUOTE, "quote") X(QUASIQUOTE, "quasiquote") X(UNQUOTE, "unquote") \
  X(UNQUOTE_SPLICING, "unquote-splicing") X(LAMBDA, "lambda") \
  X(DEFINE, "define") X(SET, "set!") X(IF, "if") X(BEGIN, "begin") \
  X(LET, "let") X(LETSTAR, "let*") X(LETREC, "letrec") \
  X(LETRECSTAR, "letrec*") X(COND, "cond") X(CASE, "case") X(AND, "and") \
  X(OR, "or") X(WHEN, "when") X(UNLESS, "unless") X(DO, "do") \
  X(GUARD, "guard") X(DELAY, "delay") X(CONS_STREAM, "cons-stream") \
  X(DEFINE_RECORD, "define-record-type") \
  X(ELSE, "else") X(ARROW, "=>") X(RAISE, "raise") X(ERROR, "error") \
  X(P_GUARD, "%guard") X(P_MAKE_PROMISE, "%make-promise") \
  X(P_MEMV, "%memv") X(P_EQV, "%eqv?") X(P_CONS, "%cons") \
  X(P_APPEND, "%append") X(P_LIST_VECTOR, "%list->vector") \
  X(P_RAISE, "%raise") X(P_RECORD, "%make-record") \
  X(P_RECORD_IS, "%record-is?") X(P_RECORD_REF, "%record-ref") \
  X(P_RECORD_SET, "%record-set!")

enum well_known {
#define X(ident, name) S_##ident,
  WELL_KNOWN(X)
#undef X
  S_LIMIT
};

extern obj_t well_known[S_LIMIT];
#define S(ident) (well_known[S_##ident])

#endif
