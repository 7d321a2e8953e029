/* trap.S -- faults on ARM64
 *
 * The handler runs on the stack of the program, below it: there is no red zone.
 *
 * All 32 SIMD registers are saved, whole. The library's code uses them (its
 * target, aarch64-unknown-none, has them), so whatever a fault interrupts may
 * have something there; and of v8 to v15 a C function keeps only the lower half.
 * The kernel's own C uses none (-mgeneral-regs-only).
 */

        .set    FRAME, 34 * 8 + 32 * 16 + 16

        .text
        .balign 2048
        .globl  vectors
vectors:
        .set    i, 0
        .rept   16
        .balign 128
        sub     sp, sp, #FRAME
        stp     x0, x1, [sp]
        mov     x1, #i
        b       trap_common
        .set    i, i + 1
        .endr

trap_common:
        stp     x2, x3, [sp, #16]
        stp     x4, x5, [sp, #32]
        stp     x6, x7, [sp, #48]
        stp     x8, x9, [sp, #64]
        stp     x10, x11, [sp, #80]
        stp     x12, x13, [sp, #96]
        stp     x14, x15, [sp, #112]
        stp     x16, x17, [sp, #128]
        stp     x18, x19, [sp, #144]
        stp     x20, x21, [sp, #160]
        stp     x22, x23, [sp, #176]
        stp     x24, x25, [sp, #192]
        stp     x26, x27, [sp, #208]
        stp     x28, x29, [sp, #224]
        mrs     x2, elr_el1
        mrs     x3, spsr_el1
        stp     x30, x2, [sp, #240]
        str     x3, [sp, #256]
        mrs     x2, fpcr
        mrs     x3, fpsr
        stp     x2, x3, [sp, #272]
        add     x4, sp, #288
        stp     q0, q1, [x4]
        stp     q2, q3, [x4, #32]
        stp     q4, q5, [x4, #64]
        stp     q6, q7, [x4, #96]
        stp     q8, q9, [x4, #128]
        stp     q10, q11, [x4, #160]
        stp     q12, q13, [x4, #192]
        stp     q14, q15, [x4, #224]
        stp     q16, q17, [x4, #256]
        stp     q18, q19, [x4, #288]
        stp     q20, q21, [x4, #320]
        stp     q22, q23, [x4, #352]
        stp     q24, q25, [x4, #384]
        stp     q26, q27, [x4, #416]
        stp     q28, q29, [x4, #448]
        stp     q30, q31, [x4, #480]
        mov     x0, sp
        mrs     x2, esr_el1
        mrs     x3, far_el1
        bl      arch_trap
        add     x4, sp, #288
        ldp     q0, q1, [x4]
        ldp     q2, q3, [x4, #32]
        ldp     q4, q5, [x4, #64]
        ldp     q6, q7, [x4, #96]
        ldp     q8, q9, [x4, #128]
        ldp     q10, q11, [x4, #160]
        ldp     q12, q13, [x4, #192]
        ldp     q14, q15, [x4, #224]
        ldp     q16, q17, [x4, #256]
        ldp     q18, q19, [x4, #288]
        ldp     q20, q21, [x4, #320]
        ldp     q22, q23, [x4, #352]
        ldp     q24, q25, [x4, #384]
        ldp     q26, q27, [x4, #416]
        ldp     q28, q29, [x4, #448]
        ldp     q30, q31, [x4, #480]
        ldp     x2, x3, [sp, #272]
        msr     fpcr, x2
        msr     fpsr, x3
        ldr     x3, [sp, #256]
        ldp     x30, x2, [sp, #240]
        msr     elr_el1, x2
        msr     spsr_el1, x3
        ldp     x28, x29, [sp, #224]
        ldp     x26, x27, [sp, #208]
        ldp     x24, x25, [sp, #192]
        ldp     x22, x23, [sp, #176]
        ldp     x20, x21, [sp, #160]
        ldp     x18, x19, [sp, #144]
        ldp     x16, x17, [sp, #128]
        ldp     x14, x15, [sp, #112]
        ldp     x12, x13, [sp, #96]
        ldp     x10, x11, [sp, #80]
        ldp     x8, x9, [sp, #64]
        ldp     x6, x7, [sp, #48]
        ldp     x4, x5, [sp, #32]
        ldp     x2, x3, [sp, #16]
        ldp     x0, x1, [sp]
        add     sp, sp, #FRAME
        eret

        .section .note.GNU-stack, "", @progbits
