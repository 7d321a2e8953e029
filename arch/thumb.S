/* ARM in Thumb-2 (ARMv7-M and later), AAPCS: spill the callee-saved registers
 * and call. What x86_64.S says, with r4-r11 and the link register, and d8-d15
 * (which are s16-s31) where there is an FPU: compilers may keep integers there.
 * r3 is padding: calls want sp = 8n.
 */
        .syntax unified
        .thumb
        /* For debuggers only. There are no unwinding tables on these processors:
         * the ABI's own would ask for a function of a C++ library. */
        .cfi_sections .debug_frame
        .text
        .globl  mps_arch_with_registers
        .hidden mps_arch_with_registers
        .type   mps_arch_with_registers, %function
        .p2align 2
        .thumb_func
mps_arch_with_registers:
        .cfi_startproc
        .inst.w 0xf3af800f              /* bti: a hint, so nothing on older ones */
        push.w  {r3-r11, lr}
        .cfi_def_cfa_offset 40
        .cfi_offset r4, -36
        .cfi_offset r5, -32
        .cfi_offset r6, -28
        .cfi_offset r7, -24
        .cfi_offset r8, -20
        .cfi_offset r9, -16
        .cfi_offset r10, -12
        .cfi_offset r11, -8
        .cfi_offset lr, -4
#ifdef __ARM_FP
        vpush   {d8-d15}
        .cfi_adjust_cfa_offset 64
#endif
        mov     r2, r0                  /* f */
        mov     r0, sp                  /* hot; r1 is the closure already */
        blx     r2
#ifdef __ARM_FP
        vpop    {d8-d15}
        .cfi_adjust_cfa_offset -64
#endif
        pop.w   {r3-r11, pc}
        .cfi_endproc
        .size   mps_arch_with_registers, . - mps_arch_with_registers

        .section .note.GNU-stack, "", %progbits
