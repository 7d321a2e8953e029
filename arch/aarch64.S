/* ARM64, AAPCS64: spill the callee-saved registers and call.
 * What x86_64.S says, with x19-x28, the frame pointer and the link register,
 * and the low halves of v8-v15, where compilers do keep integers (not in soft-float
 * builds, which leave them alone).
 */
#ifdef __ARM_FP
#define L_DOUBLES 1
#else
#define L_DOUBLES 0
#endif
        .text
        .globl  mps_arch_with_registers
        .hidden mps_arch_with_registers
        .type   mps_arch_with_registers, %function
        .p2align 2
mps_arch_with_registers:
        .cfi_startproc
        hint    #34                     /* bti c */
#include "aarch64.inc"
        .cfi_endproc
        .size   mps_arch_with_registers, . - mps_arch_with_registers

        .section .note.GNU-stack, "", %progbits
