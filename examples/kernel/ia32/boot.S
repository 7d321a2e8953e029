/* boot.S -- from where QEMU starts a kernel to C, on IA-32
 *
 * QEMU loads the ELF file and, as the note asks (the PVH boot protocol), jumps to
 * boot in 32-bit protected mode without paging. C makes the page tables.
 */

        .section .note.pvh, "a", @note
        .balign 4
        .long   4, 4, 18                /* name, contents; the 32-bit entry */
        .asciz  "Xen"
        .long   boot

        .section .text.boot, "ax"
        .globl  boot
boot:
        cli
        cld
        movl    $boot_stack_end, %esp
        lgdt    gdt_where
        ljmp    $8, $1f
1:      movl    $16, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        xorl    %eax, %eax
        movl    %eax, %fs
        movl    %eax, %gs
        xorl    %ebp, %ebp
        call    arch_main
2:      hlt
        jmp     2b

        .section .rodata
        .balign 8
gdt:
        .quad   0
        .quad   0x00cf9a000000ffff      /* 8: code */
        .quad   0x00cf92000000ffff      /* 16: data */
gdt_where:
        .word   23
        .long   gdt

        .bss
        .balign 4096
        .globl  boot_stack, boot_stack_end
boot_stack:     .skip 65536
boot_stack_end:

        .section .note.GNU-stack, "", @progbits
