/* RISC-V 64: spill the callee-saved registers and call.
 * What x86_64.S says, with ra and s0-s11, and fs0-fs11 where there is an FPU:
 * compilers may keep integers there. gp and tp hold no references.
 */
#ifdef MPS_BARE
        /* Rust has no unwinding tables there either. */
        .cfi_sections .debug_frame
#endif
        .text
        .globl  mps_arch_with_registers
        .hidden mps_arch_with_registers
        .type   mps_arch_with_registers, @function
        .p2align 2
mps_arch_with_registers:
        .cfi_startproc
        .4byte  0x00000017              /* lpad 0, which is auipc zero, 0 */
        addi    sp, sp, -208
        .cfi_def_cfa_offset 208
        sd      ra, 0(sp)
        .cfi_offset ra, -208
        sd      s0, 8(sp)
        .cfi_offset s0, -200
        sd      s1, 16(sp)
        .cfi_offset s1, -192
        sd      s2, 24(sp)
        .cfi_offset s2, -184
        sd      s3, 32(sp)
        .cfi_offset s3, -176
        sd      s4, 40(sp)
        .cfi_offset s4, -168
        sd      s5, 48(sp)
        .cfi_offset s5, -160
        sd      s6, 56(sp)
        .cfi_offset s6, -152
        sd      s7, 64(sp)
        .cfi_offset s7, -144
        sd      s8, 72(sp)
        .cfi_offset s8, -136
        sd      s9, 80(sp)
        .cfi_offset s9, -128
        sd      s10, 88(sp)
        .cfi_offset s10, -120
        sd      s11, 96(sp)
        .cfi_offset s11, -112
#ifdef __riscv_float_abi_double
        fsd     fs0, 104(sp)
        fsd     fs1, 112(sp)
        fsd     fs2, 120(sp)
        fsd     fs3, 128(sp)
        fsd     fs4, 136(sp)
        fsd     fs5, 144(sp)
        fsd     fs6, 152(sp)
        fsd     fs7, 160(sp)
        fsd     fs8, 168(sp)
        fsd     fs9, 176(sp)
        fsd     fs10, 184(sp)
        fsd     fs11, 192(sp)
#endif
        mv      a2, a0                  /* f */
        mv      a0, sp                  /* hot; a1 is the closure already */
        jalr    a2
#ifdef __riscv_float_abi_double
        fld     fs0, 104(sp)
        fld     fs1, 112(sp)
        fld     fs2, 120(sp)
        fld     fs3, 128(sp)
        fld     fs4, 136(sp)
        fld     fs5, 144(sp)
        fld     fs6, 152(sp)
        fld     fs7, 160(sp)
        fld     fs8, 168(sp)
        fld     fs9, 176(sp)
        fld     fs10, 184(sp)
        fld     fs11, 192(sp)
#endif
        ld      s0, 8(sp)
        .cfi_restore s0
        ld      s1, 16(sp)
        .cfi_restore s1
        ld      s2, 24(sp)
        .cfi_restore s2
        ld      s3, 32(sp)
        .cfi_restore s3
        ld      s4, 40(sp)
        .cfi_restore s4
        ld      s5, 48(sp)
        .cfi_restore s5
        ld      s6, 56(sp)
        .cfi_restore s6
        ld      s7, 64(sp)
        .cfi_restore s7
        ld      s8, 72(sp)
        .cfi_restore s8
        ld      s9, 80(sp)
        .cfi_restore s9
        ld      s10, 88(sp)
        .cfi_restore s10
        ld      s11, 96(sp)
        .cfi_restore s11
        ld      ra, 0(sp)
        .cfi_restore ra
        addi    sp, sp, 208
        .cfi_def_cfa_offset 0
        ret
        .cfi_endproc
        .size   mps_arch_with_registers, . - mps_arch_with_registers

        .section .note.GNU-stack, "", @progbits
