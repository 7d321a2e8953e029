/* macos.c -- what ports/macos relies on, against the system's headers
 *
 * Compiled for macOS on x86-64 and on ARM64 (tools/test-systems.sh); nothing runs. The values
 * on the right are those of the port: ports/macos/sys.rs, thread.rs and context/.
 */

#include <errno.h>
#include <fcntl.h>
#include <mach/mach.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ucontext.h>
#include <time.h>
#include <unistd.h>

#define IS(what, value) _Static_assert((what) == (value), #what)
#define WORD sizeof(void *)
#ifdef __x86_64__
#define EITHER(x86_64, arm64) (x86_64)
#else
#define EITHER(x86_64, arm64) (arm64)
#endif

/* Numbers. */
#ifdef macos_wrong              /* must not compile: the script tries */
IS(SIGBUS, 7);
#endif
IS(PROT_NONE, 0);
IS(PROT_READ, 1);
IS(PROT_WRITE, 2);
IS((unsigned long)MAP_FAILED, ~0UL);
IS(MAP_FIXED, 0x10);
IS(MAP_PRIVATE, 2);
IS(MAP_ANON, 0x1000);
IS(MAP_NORESERVE, 0x40);
IS(MADV_FREE, 5);
IS(_SC_PAGESIZE, 29);
IS(SIGILL, 4);
IS(SIGTRAP, 5);
IS(SIGFPE, 8);
IS(SIGKILL, 9);
IS(SIGBUS, 10);
IS(SIGSEGV, 11);
IS(SIGSTOP, 17);
IS(SIGXCPU, 24);
IS(SIGXFSZ, 25);
IS(NSIG, 32);
IS((unsigned long)SIG_DFL, 0);
IS((unsigned long)SIG_IGN, 1);
/* No fault has the code 0, nor that of a signal that was sent. */
_Static_assert(SI_USER != 0 && BUS_ADRALN > 0 && BUS_ADRERR > 0 && BUS_OBJERR > 0, "codes of faults");
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
IS(O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0x1000601);
IS(CLOCK_PROCESS_CPUTIME_ID, 12);

/* Structures. */
IS(sizeof(sigset_t), 4);
IS(sizeof(struct sigaction), 16);
IS(offsetof(struct sigaction, sa_sigaction), 0);
IS(offsetof(struct sigaction, sa_mask), 8);
IS(offsetof(struct sigaction, sa_flags), 12);
IS(offsetof(siginfo_t, si_signo), 0);
IS(offsetof(siginfo_t, si_errno), 4);
IS(offsetof(siginfo_t, si_code), 8);
IS(offsetof(siginfo_t, si_pid), 12);
IS(offsetof(siginfo_t, si_addr), 24);
IS(sizeof(siginfo_t), 104);
IS(sizeof(stack_t), 24);
IS(offsetof(stack_t, ss_sp), 0);
IS(offsetof(stack_t, ss_size), 8);
IS(offsetof(stack_t, ss_flags), 16);
IS(sizeof(struct timespec), 16);
IS(sizeof(time_t), sizeof(long));
IS(offsetof(struct timespec, tv_nsec), 8);
IS(sizeof(off_t), 8);
IS(sizeof(pthread_t), WORD);
IS(sizeof(pid_t), sizeof(int));
IS(sizeof(clockid_t), sizeof(int));
IS(sizeof(ssize_t), WORD);
IS(sizeof(mach_port_t), sizeof(int));

/* Signal frames: context/mod.rs. */
IS(sizeof(ucontext_t), 56);
IS(offsetof(ucontext_t, uc_onstack), 0);
IS(offsetof(ucontext_t, uc_stack.ss_size), 16);
IS(offsetof(ucontext_t, uc_mcsize), 40);
IS(offsetof(ucontext_t, uc_mcontext), 48);
#define MC(x86_64, arm64) offsetof(struct __darwin_mcontext64, EITHER_OF(x86_64, arm64))
#ifdef __x86_64__
#define EITHER_OF(x86_64, arm64) x86_64
#else
#define EITHER_OF(x86_64, arm64) arm64
#endif
IS(MC(__ss.__rax, __ss.__x), 16);
IS(MC(__ss.__rsp, __ss.__sp), EITHER(72, 264));
IS(MC(__es.__err, __es.__esr), EITHER(4, 8));
IS(sizeof(((struct __darwin_mcontext64 *)0)->__es.EITHER_OF(__err, __esr)), 4);
/* What the kernel says is its length: the counts of its parts. */
IS(EITHER(sizeof(struct __darwin_mcontext64),
          (ARM_THREAD_STATE64_COUNT + ARM_EXCEPTION_STATE64_COUNT + ARM_NEON_STATE64_COUNT) * sizeof(int)),
   EITHER(712, 816));
/* All registers lie between the first and that. */
_Static_assert(MC(__ss.__r15, __ss.__lr) >= 16 && MC(__fs.__fpu_xmm15, __ns) >= 16 &&
               sizeof(struct __darwin_mcontext64) >= EITHER(712, 816), "registers");

/* Functions: each has the type that the port declares. */
#define TAKES(function, type) static __typeof__(type) *const check_##function = function
int __pthread_kill(mach_port_t, int); /* in no header; the list of symbols has it */
TAKES(__pthread_kill, int(mach_port_t, int));
TAKES(pthread_mach_thread_np, mach_port_t(pthread_t));
TAKES(pthread_get_stackaddr_np, void *(pthread_t));
TAKES(pthread_get_stacksize_np, size_t(pthread_t));
TAKES(sigaltstack, int(const stack_t *, stack_t *));
TAKES(sigsuspend, int(const sigset_t *));
TAKES(pthread_sigmask, int(int, const sigset_t *, sigset_t *));
TAKES(nanosleep, int(const struct timespec *, struct timespec *));
TAKES(mmap, void *(void *, size_t, int, int, int, off_t));
TAKES(mprotect, int(void *, size_t, int));
TAKES(madvise, int(void *, size_t, int));
static int *(*const check_error)(void) = __error;
static FILE **const check_streams[] = { &__stdoutp, &__stderrp };

const void *const macos_checked[] = {
  (const void *)&check___pthread_kill, (const void *)&check_pthread_mach_thread_np,
  (const void *)&check_pthread_get_stackaddr_np, (const void *)&check_pthread_get_stacksize_np,
  (const void *)&check_sigaltstack, (const void *)&check_sigsuspend,
  (const void *)&check_pthread_sigmask, (const void *)&check_nanosleep, (const void *)&check_mmap,
  (const void *)&check_mprotect, (const void *)&check_madvise, (const void *)&check_error,
  (const void *)check_streams,
};
