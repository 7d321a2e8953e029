/* boot.S -- from where QEMU starts a kernel to C, on x86-64
 *
 * QEMU loads the ELF file and, as the note asks (the PVH boot protocol), jumps to
 * boot in 32-bit protected mode without paging. Long mode wants page tables: the
 * ones here map the first GB to itself, until memory_init makes better ones.
 * Other processors start in real mode at the trampoline, with the tables that
 * the first one uses by then.
 */

        .section .note.pvh, "a", @note
        .balign 4
        .long   4, 4, 18                /* name, contents; the 32-bit entry */
        .asciz  "Xen"
        .long   boot

        .set    CR0_PG_PE, 0x80000001
        .set    CR0_WP, 0x00010000      /* the kernel too obeys "no writes" */
        .set    CR4_PAE, 0x20
        .set    EFER, 0xc0000080
        .set    EFER_NXE_LME, 0x900

        .section .text.boot, "ax"
        .code32
        .globl  boot
boot:
        cli
        cld
        movl    $boot_stack_end, %esp
        /* Tables: one entry each at the two upper levels, 512 blocks of 2 MB. */
        movl    $boot_pdpt + 3, boot_pml4
        movl    $boot_pd + 3, boot_pdpt
        xorl    %ecx, %ecx
1:      movl    %ecx, %eax
        shll    $21, %eax
        orl     $0x83, %eax
        movl    %eax, boot_pd(, %ecx, 8)
        incl    %ecx
        cmpl    $512, %ecx
        jne     1b
        movl    $boot_pml4, %eax
        movl    %eax, %cr3
        movl    $CR4_PAE, %eax
        movl    %eax, %cr4
        movl    $EFER, %ecx
        rdmsr
        orl     $EFER_NXE_LME, %eax
        wrmsr
        movl    %cr0, %eax
        orl     $CR0_PG_PE | CR0_WP, %eax
        movl    %eax, %cr0
        lgdt    boot_gdt_where
        ljmp    $8, $2f
        .code64
2:      movl    $16, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movl    %eax, %fs
        movl    %eax, %gs
        movabsq $boot_stack_end, %rsp
        xorl    %ebp, %ebp
        call    arch_main
3:      hlt
        jmp     3b

        /* Copied to 32 KB. No address in it but those computed from there. */
        .globl  trampoline, trampoline_end, trampoline_cr3, trampoline_stack
#define AT(x) (0x8000 + x - trampoline)
        .code16
trampoline:
        cli
        cld
        xorw    %ax, %ax
        movw    %ax, %ds
        lgdtl   AT(trampoline_gdt_where)
        movl    $CR4_PAE, %eax
        movl    %eax, %cr4
        movl    AT(trampoline_cr3), %eax
        movl    %eax, %cr3
        movl    $EFER, %ecx
        rdmsr
        orl     $EFER_NXE_LME, %eax
        wrmsr
        movl    %cr0, %eax
        orl     $CR0_PG_PE | CR0_WP, %eax
        movl    %eax, %cr0
        ljmpl   $8, $AT(4f)
        .code64
4:      movl    $16, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movl    %eax, %fs
        movl    %eax, %gs
        movq    AT(trampoline_stack), %rsp
        xorl    %ebp, %ebp
        movabsq $arch_other, %rax
        call    *%rax
5:      hlt
        jmp     5b
        .balign 8
trampoline_cr3:
        .quad   0
trampoline_stack:
        .quad   0
trampoline_gdt_where:
        .word   23
        .long   boot_gdt
trampoline_end:

        .section .rodata
        .balign 8
        .globl  boot_gdt
boot_gdt:
        .quad   0
        .quad   0x00af9a000000ffff      /* 8: code of 64 bits */
        .quad   0x00cf92000000ffff      /* 16: data */
boot_gdt_where:
        .word   23
        .long   boot_gdt

        .bss
        .balign 4096
boot_pml4:      .skip 4096
boot_pdpt:      .skip 4096
boot_pd:        .skip 4096
        .globl  boot_stack, boot_stack_end
boot_stack:     .skip 65536
boot_stack_end:

        .section .note.GNU-stack, "", @progbits
