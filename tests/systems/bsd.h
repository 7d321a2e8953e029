/* bsd.h -- what ports/bsd.rs and ports/unix/sys.rs rely on, against a BSD's headers: for
 * freebsd.c and macos.c
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define IS(what, value) _Static_assert((what) == (value), #what)
#define WORD sizeof(void *)

/* Numbers. */
IS(PROT_NONE, 0);
IS(PROT_READ, 1);
IS(PROT_WRITE, 2);
IS((unsigned long)MAP_FAILED, ~0UL);
IS(MAP_FIXED, 0x10);
IS(MAP_PRIVATE, 2);
IS(MAP_ANON, 0x1000);
IS(MADV_FREE, 5);
IS(SIGILL, 4);
IS(SIGTRAP, 5);
IS(SIGFPE, 8);
IS(SIGKILL, 9);
IS(SIGBUS, 10);
IS(SIGSEGV, 11);
IS(SIGSTOP, 17);
IS(SIGXCPU, 24);
IS(SIGXFSZ, 25);
IS((unsigned long)SIG_DFL, 0);
IS((unsigned long)SIG_IGN, 1);
IS(SA_SIGINFO, 0x40);
IS(SA_ONSTACK, 1);
IS(SA_RESTART, 2);
IS(SA_NODEFER, 0x10);
IS(SA_RESETHAND, 4);
IS(SIG_BLOCK, 1);
IS(SIG_UNBLOCK, 2);
IS(SIG_SETMASK, 3);
IS(SS_DISABLE, 4);
IS(EINTR, 4);
IS(EAGAIN, 35);

/* Structures. */
IS(offsetof(struct sigaction, sa_sigaction), 0);
IS(offsetof(siginfo_t, si_signo), 0);
IS(offsetof(siginfo_t, si_errno), 4);
IS(offsetof(siginfo_t, si_code), 8);
IS(offsetof(siginfo_t, si_addr), 24);
IS(sizeof(stack_t), 3 * WORD);
IS(offsetof(stack_t, ss_sp), 0);
IS(offsetof(stack_t, ss_size), WORD);
IS(offsetof(stack_t, ss_flags), 2 * WORD);
IS(sizeof(struct timespec), 2 * WORD);
IS(sizeof(time_t), sizeof(long));
IS(offsetof(struct timespec, tv_nsec), WORD);
IS(sizeof(off_t), 8);
IS(sizeof(pthread_t), WORD);
IS(sizeof(pid_t), sizeof(int));
IS(sizeof(clockid_t), sizeof(int));
IS(sizeof(ssize_t), WORD);

/* Functions: each has the type that the port declares. */
#define TAKES(function, type) static __typeof__(type) *const check_##function = function
TAKES(sigaltstack, int(const stack_t *, stack_t *));
TAKES(pthread_sigmask, int(int, const sigset_t *, sigset_t *));
TAKES(nanosleep, int(const struct timespec *, struct timespec *));
TAKES(mmap, void *(void *, size_t, int, int, int, off_t));
TAKES(mprotect, int(void *, size_t, int));
TAKES(madvise, int(void *, size_t, int));
static int *(*const check_error)(void) = __error;
static FILE **const check_streams[] = { &__stdoutp, &__stderrp };

#define CHECKED_ALIKE \
  (const void *)&check_sigaltstack, (const void *)&check_pthread_sigmask, (const void *)&check_nanosleep, \
  (const void *)&check_mmap, (const void *)&check_mprotect, (const void *)&check_madvise, \
  (const void *)&check_error, (const void *)check_streams
