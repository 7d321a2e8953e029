/* conform.h -- what the conformance test for ports wants besides the port
 *
 * Each is a few lines. What a machine does not have answers -1, and the sentences
 * that want it are listed as not tried, with that reason. host.c has them for POSIX.
 */

#ifndef conform_h
#define conform_h

#include <stddef.h>

/* Runs all of it on the calling thread. Returns how many sentences are broken. */
unsigned conform(void);

/* Prints a string. */
void host_print(const char *s);

/* Called before each sentence is tried: it is what is broken if the program dies or
 * hangs now. May do nothing. */
void host_trying(const char *sentence);

/* Called when one turns out to be broken, on any thread and inside the fault handler: for
 * the case that the report is not reached. May do nothing. */
void host_broken(const char *sentence);

/* Starts a thread that runs f(arg): a number of it, or -1. Up to eight at a time. */
int host_thread(void (*f)(void *), void *arg);
/* Waits until that thread has ended. */
void host_join(int thread);
/* Lets other threads run, if there are any. */
void host_pause(void);

/* Says what an interrupt runs. 0, or -1 if there are no interrupts. */
int host_interrupts(void (*handler)(void));
/* Provokes one, on the processor and thread that call: taken at once or, if held off,
 * when it no longer is. */
void host_interrupt(void);

/* Forks; runs child there, and returns its result (0 to 100) in the parent. -1: no forks. */
int host_fork(int (*child)(void));

/* Runs f where it does no harm if it dies by a fault: 1 it died, 0 it returned, -1
 * can't be tried. */
int host_dies(void (*f)(void));

/* May code run at p? 1 yes, 0 no, -1 can't say. */
int host_executable(const void *p);

/* Makes memory scarce (on), so that mapping 64 MB fails; undoes that. -1: can't. */
int host_scarce(int on);

/* Runs f(arg) on another stack than the thread's own. -1: can't. */
int host_other_stack(void (*f)(void *), void *arg);

#endif
