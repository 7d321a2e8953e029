/* trap.S -- faults on IA-32
 *
 * Each of the 32 entries pushes its number and, where the processor does not, a
 * word for the error code, so that a frame always looks like struct frame in
 * arch.c. The handlers run on the stack of the program.
 *
 * Only general registers are saved. The library for i686-unknown-none and this
 * kernel (-mgeneral-regs-only) use no others.
 */

        .text
        .globl  trap_entries
        .balign 16
trap_entries:
        .set    i, 0
        .rept   32
        .balign 16
        /* 8, 10 to 14, 17, 21, 29 and 30 push an error code. */
        .if     !(i == 8 || (i >= 10 && i <= 14) || i == 17 || i == 21 || i == 29 || i == 30)
        pushl   $0
        .endif
        pushl   $i
        jmp     trap_common
        .set    i, i + 1
        .endr

trap_common:
        pushal
        cld
        movl    %esp, %eax
        movl    %esp, %ebx              /* kept by the callee */
        andl    $-16, %esp              /* a call wants it aligned, with its argument */
        subl    $12, %esp
        pushl   %eax
        call    arch_trap
        movl    %ebx, %esp
        popal
        addl    $8, %esp
        iret

        .section .note.GNU-stack, "", @progbits
