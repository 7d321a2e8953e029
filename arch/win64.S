/* x86-64, Microsoft's convention: spill the callee-saved registers and call.
 * What x86_64.S says, with rdi, rsi and xmm6 to xmm15 as well, and arguments in rcx and rdx.
 *
 * The stack holds, from the hot end up: xmm6 to xmm15, a word of padding, r15 r14 r13 r12 rsi
 * rdi rbx rbp, the return address. Below the hot end is the callee's home for its arguments.
 */
        .text
        .globl  mps_arch_with_registers
        .def    mps_arch_with_registers
        .scl    2
        .type   32
        .endef
        .p2align 4
        .seh_proc mps_arch_with_registers
mps_arch_with_registers:
        endbr64
        pushq   %rbp
        .seh_pushreg %rbp
        pushq   %rbx
        .seh_pushreg %rbx
        pushq   %rdi
        .seh_pushreg %rdi
        pushq   %rsi
        .seh_pushreg %rsi
        pushq   %r12
        .seh_pushreg %r12
        pushq   %r13
        .seh_pushreg %r13
        pushq   %r14
        .seh_pushreg %r14
        pushq   %r15
        .seh_pushreg %r15
        subq    $200, %rsp              /* entry: rsp = 16n - 8; calls want 16n */
        .seh_stackalloc 200
        movaps  %xmm6, 32(%rsp)
        .seh_savexmm %xmm6, 32
        movaps  %xmm7, 48(%rsp)
        .seh_savexmm %xmm7, 48
        movaps  %xmm8, 64(%rsp)
        .seh_savexmm %xmm8, 64
        movaps  %xmm9, 80(%rsp)
        .seh_savexmm %xmm9, 80
        movaps  %xmm10, 96(%rsp)
        .seh_savexmm %xmm10, 96
        movaps  %xmm11, 112(%rsp)
        .seh_savexmm %xmm11, 112
        movaps  %xmm12, 128(%rsp)
        .seh_savexmm %xmm12, 128
        movaps  %xmm13, 144(%rsp)
        .seh_savexmm %xmm13, 144
        movaps  %xmm14, 160(%rsp)
        .seh_savexmm %xmm14, 160
        movaps  %xmm15, 176(%rsp)
        .seh_savexmm %xmm15, 176
        .seh_endprologue
        movq    %rcx, %rax              /* f */
        leaq    32(%rsp), %rcx          /* hot; rdx is the closure already */
        callq   *%rax
        movaps  32(%rsp), %xmm6
        movaps  48(%rsp), %xmm7
        movaps  64(%rsp), %xmm8
        movaps  80(%rsp), %xmm9
        movaps  96(%rsp), %xmm10
        movaps  112(%rsp), %xmm11
        movaps  128(%rsp), %xmm12
        movaps  144(%rsp), %xmm13
        movaps  160(%rsp), %xmm14
        movaps  176(%rsp), %xmm15
        addq    $200, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rsi
        popq    %rdi
        popq    %rbx
        popq    %rbp
        ret
        .seh_endproc
