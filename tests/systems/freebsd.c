/* freebsd.c -- what ports/freebsd relies on, against the system's headers
 *
 * Compiled for FreeBSD on x86-64 and on IA-32 (tools/test-systems.sh); nothing runs. The values
 * on the right are those of the port: ports/freebsd/sys.rs, thread.rs and context/.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pthread_np.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/thr.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define IS(what, value) _Static_assert((what) == (value), #what)
#define WORD sizeof(void *)
#ifdef __x86_64__
#define EITHER(x86_64, ia32) (x86_64)
#else
#define EITHER(x86_64, ia32) (ia32)
#endif

/* Numbers. */
#ifdef freebsd_wrong            /* must not compile: the script tries */
IS(SIGBUS, 7);
#endif
IS(PROT_NONE, 0);
IS(PROT_READ, 1);
IS(PROT_WRITE, 2);
IS(MAP_FIXED, 0x10);
IS(MAP_PRIVATE, 2);
IS(MAP_ANON, 0x1000);
IS(MADV_FREE, 5);
IS(_SC_PAGESIZE, 47);
IS(SIGILL, 4);
IS(SIGTRAP, 5);
IS(SIGFPE, 8);
IS(SIGKILL, 9);
IS(SIGBUS, 10);
IS(SIGSEGV, 11);
IS(SIGSTOP, 17);
IS(SIGXCPU, 24);
IS(SIGXFSZ, 25);
IS(SIGTHR, 32);
IS(SIGLIBRT, 33);
IS(SIGRTMAX, 126);
IS(SEGV_ACCERR, 2);
IS(SI_USER, 0x10001);
IS(SI_LWP, 0x10007);
_Static_assert(SI_QUEUE > SI_USER && SI_TIMER > SI_USER && SI_ASYNCIO > SI_USER &&
               SI_MESGQ > SI_USER && SI_KERNEL > SI_USER, "codes of signals that were sent");
_Static_assert(SEGV_MAPERR < SI_USER && SEGV_ACCERR > 0, "codes of faults");
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
IS(O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0x100601);
IS(CLOCK_PROCESS_CPUTIME_ID, 15);
IS(SYS_sigtimedwait, 345);

/* Structures. */
IS(sizeof(sigset_t), 16);
IS(_Alignof(sigset_t), 4);
IS(sizeof(struct sigaction), EITHER(32, 24));
IS(offsetof(struct sigaction, sa_sigaction), 0);
IS(offsetof(struct sigaction, sa_flags), WORD);
IS(offsetof(struct sigaction, sa_mask), WORD + 4);
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
IS(sizeof(pthread_attr_t), WORD);
IS(sizeof(pid_t), sizeof(int));
IS(sizeof(clockid_t), sizeof(int));
IS(sizeof(ssize_t), WORD);

/* Signal frames: context/x86_64.rs and context/ia32.rs. */
#ifdef __x86_64__
#define MC(field64, field32) offsetof(ucontext_t, uc_mcontext.field64)
#else
#define MC(field64, field32) offsetof(ucontext_t, uc_mcontext.field32)
#endif
IS(MC(mc_rdi, mc_edi), EITHER(24, 36));
IS(MC(mc_rsp, mc_esp), EITHER(200, 88));
IS(MC(mc_err, mc_err), EITHER(168, 72));
IS(MC(mc_xfpustate, mc_xfpustate), EITHER(768, 632));
IS(MC(mc_xfpustate_len, mc_xfpustate_len), EITHER(768, 632) + WORD);
IS(offsetof(ucontext_t, uc_stack), EITHER(824, 660));
IS(sizeof(ucontext_t), EITHER(880, 704));
/* All registers lie between the first and the frame's end. */
_Static_assert(MC(mc_rax, mc_eax) >= EITHER(24, 36) && MC(mc_r15, mc_ebx) >= EITHER(24, 36) &&
               MC(mc_fpstate, mc_fpstate) >= EITHER(24, 36), "registers");

/* Functions: each has the type that the port declares. */
#define TAKES(function, type) static __typeof__(type) *const check_##function = function
TAKES(thr_self, int(long *));
TAKES(thr_kill, int(long, int));
TAKES(pthread_attr_get_np, int(pthread_t, pthread_attr_t *));
TAKES(pthread_attr_getstack, int(const pthread_attr_t *, void **, size_t *));
TAKES(sigaltstack, int(const stack_t *, stack_t *));
TAKES(pthread_sigmask, int(int, const sigset_t *, sigset_t *));
TAKES(nanosleep, int(const struct timespec *, struct timespec *));
TAKES(mmap, void *(void *, size_t, int, int, int, off_t));
TAKES(mprotect, int(void *, size_t, int));
TAKES(madvise, int(void *, size_t, int));
static int *(*const check_error)(void) = __error;
static FILE **const check_streams[] = { &__stdoutp, &__stderrp };

const void *const freebsd_checked[] = {
  (const void *)&check_thr_self, (const void *)&check_thr_kill,
  (const void *)&check_pthread_attr_get_np, (const void *)&check_pthread_attr_getstack,
  (const void *)&check_sigaltstack, (const void *)&check_pthread_sigmask,
  (const void *)&check_nanosleep, (const void *)&check_mmap, (const void *)&check_mprotect,
  (const void *)&check_madvise, (const void *)&check_error, (const void *)check_streams,
};
