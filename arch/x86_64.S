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
#include "x86_64.inc"
        .cfi_endproc
        .size   mps_arch_with_registers, . - mps_arch_with_registers

        .section .note.GNU-stack, "", @progbits
