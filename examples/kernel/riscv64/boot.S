/* boot.S -- from OpenSBI to C, on RISC-V 64
 *
 * QEMU loads the ELF file and clears .bss; its firmware starts it in supervisor
 * mode without address translation. The library uses the floating-point
 * registers, so they are turned on.
 */

        .section .text.boot, "ax"
        .globl  boot
boot:
        csrw    sie, zero
        csrci   sstatus, 2
        li      t0, 0x6000
        csrs    sstatus, t0
        la      t0, trap
        csrw    stvec, t0
        la      sp, boot_stack_end
        li      s0, 0
        li      ra, 0
        call    arch_main
1:      wfi
        j       1b

        .bss
        .balign 4096
        .globl  boot_stack, boot_stack_end
boot_stack:     .skip 65536
boot_stack_end:

        .section .note.GNU-stack, "", @progbits
