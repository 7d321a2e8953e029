/* trap.S -- faults and interrupts on x86-64
 *
 * Each of the 256 entries pushes its number and, where the processor does not,
 * a word for the error code, so that a frame always looks like struct frame in
 * arch.c. The handlers run on the stack of whoever was interrupted: there is no
 * red zone (the kernel and the library are compiled without), and a collector
 * that scans this stack finds the registers on it.
 *
 * Only general registers are saved. The library for x86_64-unknown-none and
 * this kernel (-mgeneral-regs-only) use no others.
 */

        .text
        .globl  trap_entries
        .balign 16
trap_entries:
        .set    i, 0
        .rept   256
        .balign 16
        /* 8, 10 to 14, 17, 21, 29 and 30 push an error code. */
        .if     !(i == 8 || (i >= 10 && i <= 14) || i == 17 || i == 21 || i == 29 || i == 30)
        pushq   $0
        .endif
        pushq   $i
        jmp     trap_common
        .set    i, i + 1
        .endr

trap_common:
        pushq   %rax
        pushq   %rbx
        pushq   %rcx
        pushq   %rdx
        pushq   %rsi
        pushq   %rdi
        pushq   %rbp
        pushq   %r8
        pushq   %r9
        pushq   %r10
        pushq   %r11
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        cld
        movq    %rsp, %rdi
        /* The processor aligned the stack to 16 and pushed 5 words; with the
         * 17 here it is aligned again. */
        call    arch_trap
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %r11
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rbp
        popq    %rdi
        popq    %rsi
        popq    %rdx
        popq    %rcx
        popq    %rbx
        popq    %rax
        addq    $16, %rsp
        iretq

        .section .note.GNU-stack, "", @progbits
