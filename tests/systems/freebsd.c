/* freebsd.c -- what ports/freebsd relies on, against the system's headers
 *
 * Compiled for FreeBSD on x86-64 and on IA-32 (tools/test-systems.sh); nothing runs. The values
 * on the right are those of the port: ports/freebsd/sys.rs, thread.rs and context/,
 * ports/bsd.rs, ports/unix/sys.rs.
 */

#include "bsd.h"

#include <pthread_np.h>
#include <sys/syscall.h>
#include <sys/thr.h>
#include <ucontext.h>

#ifdef __x86_64__
#define EITHER(x86_64, ia32) (x86_64)
#else
#define EITHER(x86_64, ia32) (ia32)
#endif

/* Numbers. */
#ifdef freebsd_wrong            /* must not compile: the script tries */
IS(SIGBUS, 7);
#endif
IS(_SC_PAGESIZE, 47);
IS(SIGTHR, 32);
IS(SIGLIBRT, 33);
IS(SIGRTMAX, 126);
IS(SEGV_ACCERR, 2);
IS(SI_USER, 0x10001);
IS(SI_LWP, 0x10007);
_Static_assert(SI_QUEUE > SI_USER && SI_TIMER > SI_USER && SI_ASYNCIO > SI_USER &&
               SI_MESGQ > SI_USER && SI_KERNEL > SI_USER, "codes of signals that were sent");
_Static_assert(SEGV_MAPERR < SI_USER && SEGV_ACCERR > 0, "codes of faults");
IS(O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0x100601);
IS(CLOCK_PROCESS_CPUTIME_ID, 15);
IS(SYS_sigtimedwait, 345);

/* Structures. */
IS(sizeof(sigset_t), 16);
IS(_Alignof(sigset_t), 4);
IS(sizeof(struct sigaction), EITHER(32, 24));
IS(offsetof(struct sigaction, sa_flags), WORD);
IS(offsetof(struct sigaction, sa_mask), WORD + 4);
IS(sizeof(pthread_attr_t), WORD);

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
TAKES(thr_self, int(long *));
TAKES(thr_kill, int(long, int));
TAKES(pthread_attr_get_np, int(pthread_t, pthread_attr_t *));
TAKES(pthread_attr_getstack, int(const pthread_attr_t *, void **, size_t *));

const void *const freebsd_checked[] = {
  (const void *)&check_thr_self, (const void *)&check_thr_kill,
  (const void *)&check_pthread_attr_get_np, (const void *)&check_pthread_attr_getstack,
  CHECKED_ALIKE,
};
