/* macos.c -- what ports/macos relies on, against the system's headers
 *
 * Compiled for macOS on x86-64 and on ARM64 (tools/test-systems.sh); nothing runs. The values
 * on the right are those of the port: ports/macos/sys.rs, thread.rs and context/,
 * ports/bsd.rs, ports/unix/sys.rs.
 */

#include "bsd.h"

#include <mach/mach.h>
#include <sys/ucontext.h>

#ifdef __x86_64__
#define EITHER(x86_64, arm64) (x86_64)
#else
#define EITHER(x86_64, arm64) (arm64)
#endif

/* Numbers. */
#ifdef macos_wrong              /* must not compile: the script tries */
IS(SIGBUS, 7);
#endif
IS(MAP_NORESERVE, 0x40);
IS(_SC_PAGESIZE, 29);
IS(NSIG, 32);
/* No fault has the code 0, nor that of a signal that was sent. */
_Static_assert(SI_USER != 0 && BUS_ADRALN > 0 && BUS_ADRERR > 0 && BUS_OBJERR > 0, "codes of faults");
IS(O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0x1000601);
IS(CLOCK_PROCESS_CPUTIME_ID, 12);

/* Structures. */
IS(sizeof(sigset_t), 4);
IS(sizeof(struct sigaction), 16);
IS(offsetof(struct sigaction, sa_mask), 8);
IS(offsetof(struct sigaction, sa_flags), 12);
IS(offsetof(siginfo_t, si_pid), 12);
IS(sizeof(siginfo_t), 104);
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
int __pthread_kill(mach_port_t, int); /* in no header; the list of symbols has it */
TAKES(__pthread_kill, int(mach_port_t, int));
TAKES(pthread_mach_thread_np, mach_port_t(pthread_t));
TAKES(pthread_get_stackaddr_np, void *(pthread_t));
TAKES(pthread_get_stacksize_np, size_t(pthread_t));
TAKES(sigsuspend, int(const sigset_t *));

const void *const macos_checked[] = {
  (const void *)&check___pthread_kill, (const void *)&check_pthread_mach_thread_np,
  (const void *)&check_pthread_get_stackaddr_np, (const void *)&check_pthread_get_stacksize_np,
  (const void *)&check_sigsuspend,
  CHECKED_ALIKE,
};
