/* x86-64, System V ABI: spill the callee-saved registers and call.
 *
 *   size_t mps_arch_with_registers(size_t (*f)(const size_t *hot, void *closure),
 *                                  void *closure)
 *
 * On return from the pushes the stack holds, from the hot end up: a word of
 * padding, r15 r14 r13 r12 rbx rbp, the return address. The callee may change
 * the registers (it saves them again); the copies here stay put, and a
 * collector that moves nothing they refer to leaves them right.
 */
        .text
        .globl  mps_arch_with_registers
        .hidden mps_arch_with_registers
        .type   mps_arch_with_registers, @function
        .p2align 4
mps_arch_with_registers:
        .cfi_startproc
        endbr64
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
        pushq   $0                      /* calls want rsp = 16n */
        .cfi_adjust_cfa_offset 8
        movq    %rdi, %rax              /* f */
        movq    %rsp, %rdi              /* hot; rsi is the closure already */
        callq   *%rax
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r15
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r14
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r13
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r12
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbp
        ret
        .cfi_endproc
        .size   mps_arch_with_registers, . - mps_arch_with_registers

        .section .note.GNU-stack, "", @progbits
