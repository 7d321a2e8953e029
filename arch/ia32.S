/* IA-32, cdecl: spill the callee-saved registers and call.
 * What x86_64.S says, with ebx esi edi ebp and arguments on the stack. On Windows C's names begin
 * with an underscore, and a stack is aligned to words only.
 */
#if defined(_WIN32)
#define NAME _mps_arch_with_registers
#else
#define NAME mps_arch_with_registers
#endif
        .text
        .globl  NAME
#if defined(_WIN32)
        .def    NAME
        .scl    2
        .type   32
        .endef
#else
        .hidden NAME
        .type   NAME, @function
#endif
        .p2align 4
NAME:
        .cfi_startproc
        endbr32
        pushl   %ebp
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset %ebp, 0
        pushl   %ebx
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset %ebx, 0
        pushl   %esi
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset %esi, 0
        pushl   %edi
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset %edi, 0
        movl    %esp, %edx              /* hot */
        movl    20(%esp), %eax          /* f */
        movl    24(%esp), %ecx          /* closure */
        subl    $4, %esp                /* entry: esp = 16n - 4; calls want 16n */
        .cfi_adjust_cfa_offset 4
        pushl   %ecx
        .cfi_adjust_cfa_offset 4
        pushl   %edx
        .cfi_adjust_cfa_offset 4
        call    *%eax
        addl    $12, %esp
        .cfi_adjust_cfa_offset -12
        popl    %edi
        .cfi_adjust_cfa_offset -4
        .cfi_restore %edi
        popl    %esi
        .cfi_adjust_cfa_offset -4
        .cfi_restore %esi
        popl    %ebx
        .cfi_adjust_cfa_offset -4
        .cfi_restore %ebx
        popl    %ebp
        .cfi_adjust_cfa_offset -4
        .cfi_restore %ebp
        ret
        .cfi_endproc
#if !defined(_WIN32)
        .size   NAME, . - NAME

        .section .note.GNU-stack, "", @progbits
#endif
