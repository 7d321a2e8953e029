/* boot.S -- from where QEMU starts a kernel to C, on ARM64
 *
 * QEMU loads the ELF file, clears .bss and starts it at EL1 without MMU. The
 * library uses the SIMD registers, so they are turned on.
 */

        .section .text.boot, "ax"
        .globl  boot
boot:
        msr     daifset, #15
        mov     x0, #3 << 20
        msr     cpacr_el1, x0
        adrp    x0, vectors
        add     x0, x0, :lo12:vectors
        msr     vbar_el1, x0
        isb
        msr     spsel, #1
        adrp    x0, boot_stack_end
        add     x0, x0, :lo12:boot_stack_end
        mov     sp, x0
        mov     x29, xzr
        mov     x30, xzr
        bl      arch_main
1:      wfe
        b       1b

        .bss
        .balign 4096
        .globl  boot_stack, boot_stack_end
boot_stack:     .skip 65536
boot_stack_end:

        .section .note.GNU-stack, "", @progbits
