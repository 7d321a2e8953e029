/* error.h -- raising Scheme errors from C */
#ifndef ERROR_H
#define ERROR_H

#include "object.h"

#if defined(__GNUC__)
#define NORETURN __attribute__((noreturn))
#else
#define NORETURN
#endif

/* All of these leave the C function that calls them for good: the evaluator
 * goes on with a call of the Scheme procedure `raise'. */
extern void error_raise(obj_t condition) NORETURN;
extern void error_list(const char *message, obj_t irritants) NORETURN;
extern void error_value(const char *message, obj_t irritant) NORETURN;
extern void error_type(const char *who, const char *wanted, obj_t got) NORETURN;
extern void error_range(const char *who, obj_t index) NORETURN;
extern void error_memory(void) NORETURN;

extern obj_t make_condition(obj_t message, obj_t irritants);

#endif
