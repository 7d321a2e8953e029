/* registers.c -- a reference in a single register is a root
 *
 * An object whose only reference is in one callee-saved register, each in
 * turn, must live through every entry to the library that can collect; and
 * for a thread that is stopped by another one's collection the same holds
 * for every general register and for the red zone under the stack pointer.
 *
 * Elsewhere the reference is kept disguised, and the stack is scrubbed of
 * old copies.  A control run without any register must find the object dead,
 * or else the test would prove nothing.
 *
 * The reference loses rbp on x86-64 (setjmp stores it encrypted; the like may
 * happen with ebp and x29), and the red zone of a stopped thread.  With
 * MPS_TEST_REFERENCE set these failures are printed and forgiven.
 */

#include "common.h"
#ifdef HAVE_MPSX
#include "mpsx.h"
#endif

#include <pthread.h>
#include <sched.h>

/* Laid out for the assembly below. */
typedef struct hold_s {
  void *fn;                     /* what to call ... */
  word arg[5];                  /* ... with what (IA-32: as on the stack) */
  double d[2];
  word masked, key;             /* the reference is masked ^ key */
  word out;                     /* and so is the register afterwards */
  word ret;                     /* what the call returned */
  volatile int ready, stop;     /* for the spinning ones */
} hold_s;

/* Windows has no red zone. Its functions are called by its convention, those below by System
 * V's, after which the compiler has saved whatever they may change. */
#ifdef _WIN32
#define FUNCTION(name)
#if defined(__x86_64__)
#define ABI __attribute__((sysv_abi))
#endif
#else
#define FUNCTION(name) ".type " name ", @function\n"
#endif
#ifndef ABI
#define ABI
#endif
/* What C's names begin with. */
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define UL TEXT(__USER_LABEL_PREFIX__)

#if defined(__x86_64__)

/* offsets: fn 0, arg 8, d 48, masked 64, key 72, out 80, ret 88, ready 96,
 * stop 100 */
__asm__(
  ".text\n"
#ifdef _WIN32
  ".macro REGS_HOLD_BEGIN name\n"
  ".globl hold_\\name\n"
  "hold_\\name:\n"
  "  push %rbp\n  push %rbx\n  push %r12\n  push %r13\n  push %r14\n"
  "  push %r15\n  push %rdi\n"
  "  mov %rdi, %r9\n"
  "  xor %ebp, %ebp\n  xor %ebx, %ebx\n  xor %r12d, %r12d\n"
  "  xor %r13d, %r13d\n  xor %r14d, %r14d\n  xor %r15d, %r15d\n"
  "  xor %edi, %edi\n  xor %esi, %esi\n"
  "  .irp r, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
  "  pxor %xmm\\r, %xmm\\r\n"
  "  .endr\n"
  ".endm\n"
  /* Doubles are the second and the third argument. */
  ".macro REGS_HOLD_CALL\n"
  "  movsd 48(%r9), %xmm1\n  movsd 56(%r9), %xmm2\n"
  "  mov 8(%r9), %rcx\n  mov 16(%r9), %rdx\n  mov 24(%r9), %r8\n"
  "  mov 0(%r9), %rax\n  xor %r9d, %r9d\n"
  "  xor %r10d, %r10d\n  xor %r11d, %r11d\n"
  "  sub $32, %rsp\n"
  "  call *%rax\n"
  "  add $32, %rsp\n"
  "  mov (%rsp), %r9\n"
  "  mov %rax, 88(%r9)\n"
  ".endm\n"
  ".macro REGS_HOLD_END\n"
  "  pop %rdi\n  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbx\n"
  "  pop %rbp\n"
  "  ret\n"
  ".endm\n"
  ".macro REGS_HOLD name, reg\n"
  "  REGS_HOLD_BEGIN \\name\n"
  ".ifnc \\reg, none\n"
  "  mov 64(%r9), \\reg\n  xor 72(%r9), \\reg\n"
  ".endif\n"
  "  REGS_HOLD_CALL\n"
  ".ifnc \\reg, none\n"
  "  xor 72(%r9), \\reg\n  mov \\reg, 80(%r9)\n"
  ".else\n"
  "  mov 64(%r9), %rax\n  mov %rax, 80(%r9)\n"
  ".endif\n"
  "  REGS_HOLD_END\n"
  ".endm\n"
  ".macro REGS_HOLD_X name\n"
  "  REGS_HOLD_BEGIN \\name\n"
  "  movq 64(%r9), %xmm5\n  movq 72(%r9), %\\name\n"
  "  pxor %xmm5, %\\name\n  pxor %xmm5, %xmm5\n"
  "  REGS_HOLD_CALL\n"
  "  movq 72(%r9), %xmm5\n  pxor %xmm5, %\\name\n"
  "  movq %\\name, 80(%r9)\n"
  "  REGS_HOLD_END\n"
  ".endm\n"
  "REGS_HOLD rdi, %rdi\nREGS_HOLD rsi, %rsi\n"
  ".irp r, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
  "REGS_HOLD_X xmm\\r\n"
  ".endr\n"
#else
  ".macro REGS_HOLD name, reg\n"
  ".globl hold_\\name\n"
  FUNCTION("hold_\\name")
  "hold_\\name:\n"
  "  push %rbp\n  push %rbx\n  push %r12\n  push %r13\n  push %r14\n"
  "  push %r15\n  push %rdi\n"
  "  xor %ebp, %ebp\n  xor %ebx, %ebx\n  xor %r12d, %r12d\n"
  "  xor %r13d, %r13d\n  xor %r14d, %r14d\n  xor %r15d, %r15d\n"
  ".ifnc \\reg, none\n"
  "  mov 64(%rdi), \\reg\n  xor 72(%rdi), \\reg\n"
  ".endif\n"
  "  movsd 48(%rdi), %xmm0\n  movsd 56(%rdi), %xmm1\n"
  "  xor %r8d, %r8d\n  xor %r9d, %r9d\n  xor %r10d, %r10d\n"
  "  xor %r11d, %r11d\n  xor %ecx, %ecx\n"
  "  mov 0(%rdi), %rax\n  mov 16(%rdi), %rsi\n  mov 24(%rdi), %rdx\n"
  "  mov 8(%rdi), %rdi\n"
  "  call *%rax\n"
  "  mov (%rsp), %rdi\n"
  "  mov %rax, 88(%rdi)\n"
  ".ifnc \\reg, none\n"
  "  xor 72(%rdi), \\reg\n  mov \\reg, 80(%rdi)\n"
  ".else\n"
  "  mov 64(%rdi), %rax\n  mov %rax, 80(%rdi)\n"
  ".endif\n"
  "  pop %rdi\n  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbx\n"
  "  pop %rbp\n"
  "  ret\n"
  ".endm\n"
#endif
  "REGS_HOLD none, none\nREGS_HOLD rbx, %rbx\nREGS_HOLD rbp, %rbp\n"
  "REGS_HOLD r12, %r12\n"
  "REGS_HOLD r13, %r13\nREGS_HOLD r14, %r14\nREGS_HOLD r15, %r15\n"

  ".macro REGS_SPIN name, reg, base\n"
  ".globl spin_\\name\n"
  FUNCTION("spin_\\name")
  "spin_\\name:\n"
  "  push %rbp\n  push %rbx\n  push %r12\n  push %r13\n  push %r14\n"
  "  push %r15\n  push %rdi\n"
  "  xor %ebp, %ebp\n  xor %ebx, %ebx\n  xor %r12d, %r12d\n"
  "  xor %r13d, %r13d\n  xor %r14d, %r14d\n  xor %r15d, %r15d\n"
  "  xor %eax, %eax\n  xor %ecx, %ecx\n  xor %edx, %edx\n  xor %esi, %esi\n"
  "  xor %r8d, %r8d\n  xor %r9d, %r9d\n  xor %r10d, %r10d\n"
  "  xor %r11d, %r11d\n"
  ".ifc \\base, %rsi\n"
  "  mov %rdi, %rsi\n  xor %edi, %edi\n"
  ".endif\n"
  ".ifc \\reg, redzone\n"
  "  mov 64(\\base), %rax\n  xor 72(\\base), %rax\n"
  "  mov %rax, -64(%rsp)\n  xor %eax, %eax\n"
  ".else\n"
  ".ifnc \\reg, none\n"
  "  mov 64(\\base), \\reg\n  xor 72(\\base), \\reg\n"
  ".endif\n"
  ".endif\n"
  "  movl $1, 96(\\base)\n"
  "1: pause\n"
  "  cmpl $0, 100(\\base)\n"
  "  je 1b\n"
  ".ifc \\reg, redzone\n"
  "  mov -64(%rsp), %rax\n  xor 72(\\base), %rax\n  mov %rax, 80(\\base)\n"
  ".else\n"
  ".ifnc \\reg, none\n"
  "  xor 72(\\base), \\reg\n  mov \\reg, 80(\\base)\n"
  ".else\n"
  "  mov 64(\\base), %rax\n  mov %rax, 80(\\base)\n"
  ".endif\n"
  ".endif\n"
  "  pop %rdi\n  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbx\n"
  "  pop %rbp\n"
  "  ret\n"
  ".endm\n"
  "REGS_SPIN none, none, %rdi\nREGS_SPIN rax, %rax, %rdi\n"
  "REGS_SPIN rbx, %rbx, %rdi\n"
  "REGS_SPIN rcx, %rcx, %rdi\nREGS_SPIN rdx, %rdx, %rdi\n"
  "REGS_SPIN rsi, %rsi, %rdi\n"
  "REGS_SPIN rdi, %rdi, %rsi\nREGS_SPIN rbp, %rbp, %rdi\n"
  "REGS_SPIN r8, %r8, %rdi\n"
  "REGS_SPIN r9, %r9, %rdi\nREGS_SPIN r10, %r10, %rdi\n"
  "REGS_SPIN r11, %r11, %rdi\n"
  "REGS_SPIN r12, %r12, %rdi\nREGS_SPIN r13, %r13, %rdi\n"
  "REGS_SPIN r14, %r14, %rdi\n"
  "REGS_SPIN r15, %r15, %rdi\nREGS_SPIN redzone, redzone, %rdi\n"

  ".macro REGS_SPIN_X name, tmp\n"
  ".globl spin_\\name\n"
  FUNCTION("spin_\\name")
  "spin_\\name:\n"
  "  movq 64(%rdi), %\\name\n  movq 72(%rdi), %\\tmp\n"
  "  pxor %\\tmp, %\\name\n  pxor %\\tmp, %\\tmp\n"
  "  movl $1, 96(%rdi)\n"
  "1: pause\n"
  "  cmpl $0, 100(%rdi)\n"
  "  je 1b\n"
  "  movq 72(%rdi), %\\tmp\n  pxor %\\tmp, %\\name\n"
  "  movq %\\name, 80(%rdi)\n"
  "  ret\n"
  ".endm\n"
  "REGS_SPIN_X xmm0, xmm1\nREGS_SPIN_X xmm9, xmm1\nREGS_SPIN_X xmm15, xmm1\n"

  /* The upper half of ymm9. */
  ".globl spin_ymm9\n"
  FUNCTION("spin_ymm9")
  "spin_ymm9:\n"
  "  vmovq 64(%rdi), %xmm0\n  vmovq 72(%rdi), %xmm1\n"
  "  vpxor %xmm1, %xmm0, %xmm0\n"
  "  vxorps %ymm9, %ymm9, %ymm9\n  vinsertf128 $1, %xmm0, %ymm9, %ymm9\n"
  "  vpxor %xmm0, %xmm0, %xmm0\n  vpxor %xmm1, %xmm1, %xmm1\n"
  "  movl $1, 96(%rdi)\n"
  "1: pause\n"
  "  cmpl $0, 100(%rdi)\n"
  "  je 1b\n"
  "  vextractf128 $1, %ymm9, %xmm0\n  vmovq 72(%rdi), %xmm1\n"
  "  vpxor %xmm1, %xmm0, %xmm0\n  vmovq %xmm0, 80(%rdi)\n"
  "  vzeroupper\n"
  "  ret\n"
);

#ifdef _WIN32
#define HOLDS_MORE(X) X(rdi) X(rsi) X(xmm6) X(xmm7) X(xmm8) X(xmm9) X(xmm10) \
  X(xmm11) X(xmm12) X(xmm13) X(xmm14) X(xmm15)
#define SPINS_MORE(X)
#else
#define HOLDS_MORE(X)
#define SPINS_MORE(X) X(redzone)
#endif
#define HOLDS(X) X(none) X(rbx) X(rbp) X(r12) X(r13) X(r14) X(r15) HOLDS_MORE(X)
#define SPINS(X) X(none) X(rax) X(rbx) X(rcx) X(rdx) X(rsi) X(rdi) X(rbp) \
  X(r8) X(r9) X(r10) X(r11) X(r12) X(r13) X(r14) X(r15) SPINS_MORE(X) \
  X(xmm0) X(xmm9) X(xmm15) X(ymm9)

static int forgiven(const char *name, int spin)
{
  return reference()
         && (spin ? strcmp(name, "redzone") == 0 : strcmp(name, "rbp") == 0);
}

#elif defined(__i386__)

/* offsets: fn 0, arg 4, d 24, masked 40, key 44, out 48, ret 52, ready 56,
 * stop 60 */
__asm__(
  ".text\n"
  ".macro REGS_SAVE\n"
  "  push %ebp\n  push %ebx\n  push %esi\n  push %edi\n"
  "  mov 20(%esp), %ecx\n"
  "  xor %ebp, %ebp\n  xor %ebx, %ebx\n  xor %esi, %esi\n  xor %edi, %edi\n"
  "  xor %eax, %eax\n  xor %edx, %edx\n"
  ".endm\n"
  ".macro REGS_RESTORE\n"
  "  pop %edi\n  pop %esi\n  pop %ebx\n  pop %ebp\n  ret\n"
  ".endm\n"
  ".macro REGS_HOLD name, reg\n"
  ".globl " UL "hold_\\name\n"
  FUNCTION("hold_\\name")
  UL "hold_\\name:\n"
  "  REGS_SAVE\n"
  "  sub $8, %esp\n"
  ".ifnc \\reg, none\n"
  "  mov 40(%ecx), \\reg\n  xor 44(%ecx), \\reg\n"
  ".endif\n"
  "  pushl 20(%ecx)\n  pushl 16(%ecx)\n  pushl 12(%ecx)\n  pushl 8(%ecx)\n"
  "  pushl 4(%ecx)\n"
  "  mov 0(%ecx), %eax\n  xor %ecx, %ecx\n"
  "  call *%eax\n"
  "  add $28, %esp\n"
  "  mov 20(%esp), %ecx\n"
  "  mov %eax, 52(%ecx)\n"
  ".ifnc \\reg, none\n"
  "  xor 44(%ecx), \\reg\n  mov \\reg, 48(%ecx)\n"
  ".else\n"
  "  mov 40(%ecx), %eax\n  mov %eax, 48(%ecx)\n"
  ".endif\n"
  "  REGS_RESTORE\n"
  ".endm\n"
  "REGS_HOLD none, none\nREGS_HOLD ebx, %ebx\nREGS_HOLD esi, %esi\n"
  "REGS_HOLD edi, %edi\n"
  "REGS_HOLD ebp, %ebp\n"
  ".macro REGS_SPIN name, reg, base\n"
  ".globl " UL "spin_\\name\n"
  FUNCTION("spin_\\name")
  UL "spin_\\name:\n"
  "  REGS_SAVE\n"
  ".ifc \\base, %edx\n"
  "  mov %ecx, %edx\n  xor %ecx, %ecx\n"
  ".endif\n"
  ".ifnc \\reg, none\n"
  "  mov 40(\\base), \\reg\n  xor 44(\\base), \\reg\n"
  ".endif\n"
  "  movl $1, 56(\\base)\n"
  "1: pause\n"
  "  cmpl $0, 60(\\base)\n"
  "  je 1b\n"
  ".ifnc \\reg, none\n"
  "  xor 44(\\base), \\reg\n  mov \\reg, 48(\\base)\n"
  ".else\n"
  "  mov 40(\\base), %eax\n  mov %eax, 48(\\base)\n"
  ".endif\n"
  "  REGS_RESTORE\n"
  ".endm\n"
  "REGS_SPIN none, none, %ecx\nREGS_SPIN eax, %eax, %ecx\n"
  "REGS_SPIN ebx, %ebx, %ecx\n"
  "REGS_SPIN ecx, %ecx, %edx\nREGS_SPIN edx, %edx, %ecx\n"
  "REGS_SPIN esi, %esi, %ecx\n"
  "REGS_SPIN edi, %edi, %ecx\nREGS_SPIN ebp, %ebp, %ecx\n"
);

#define HOLDS(X) X(none) X(ebx) X(esi) X(edi) X(ebp)
#define SPINS(X) X(none) X(eax) X(ebx) X(ecx) X(edx) X(esi) X(edi) X(ebp)

static int forgiven(const char *name, int spin)
{
  return reference() && !spin && strcmp(name, "ebp") == 0;
}

#elif defined(__aarch64__)

/* offsets as on x86-64 */
__asm__(
  ".text\n"
  ".macro REGS_SAVE\n"
  "  sub sp, sp, #112\n"
  "  stp x29, x30, [sp]\n  stp x19, x20, [sp, #16]\n"
  "  stp x21, x22, [sp, #32]\n  stp x23, x24, [sp, #48]\n"
  "  stp x25, x26, [sp, #64]\n  stp x27, x28, [sp, #80]\n"
  "  str x0, [sp, #96]\n"
  "  .irp r, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29\n"
  "  mov x\\r, #0\n"
  "  .endr\n"
  ".endm\n"
  ".macro REGS_RESTORE\n"
  "  ldp x19, x20, [sp, #16]\n"
  "  ldp x21, x22, [sp, #32]\n  ldp x23, x24, [sp, #48]\n"
  "  ldp x25, x26, [sp, #64]\n  ldp x27, x28, [sp, #80]\n"
  "  ldp x29, x30, [sp]\n"
  "  add sp, sp, #112\n"
  "  ret\n"
  ".endm\n"
  ".macro REGS_HOLD name, reg\n"
  ".globl hold_\\name\n"
  ".type hold_\\name, %function\n"
  "hold_\\name:\n"
  "  REGS_SAVE\n"
  ".ifnc \\reg, none\n"
  "  ldr \\reg, [x0, #64]\n  ldr x9, [x0, #72]\n  eor \\reg, \\reg, x9\n"
  ".endif\n"
  "  ldr d0, [x0, #48]\n  ldr d1, [x0, #56]\n"
  "  ldr x9, [x0]\n  ldp x1, x2, [x0, #16]\n  ldr x0, [x0, #8]\n"
  "  blr x9\n"
  "  ldr x1, [sp, #96]\n"
  "  str x0, [x1, #88]\n"
  ".ifnc \\reg, none\n"
  "  ldr x9, [x1, #72]\n  eor x9, \\reg, x9\n"
  ".else\n"
  "  ldr x9, [x1, #64]\n"
  ".endif\n"
  "  str x9, [x1, #80]\n"
  "  REGS_RESTORE\n"
  ".endm\n"
  "REGS_HOLD none, none\n"
  ".irp r, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29\n"
  "REGS_HOLD x\\r, x\\r\n"
  ".endr\n"
  ".macro REGS_SPIN name, reg, base\n"
  ".globl spin_\\name\n"
  ".type spin_\\name, %function\n"
  "spin_\\name:\n"
  "  REGS_SAVE\n"
  "  mov \\base, x0\n"
  "  .irp r, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17\n"
  "  .ifnc \\base, x\\r\n"
  "  mov x\\r, #0\n"
  "  .endif\n"
  "  .endr\n"
  ".ifnc \\reg, none\n"
  "  ldr \\reg, [\\base, #64]\n  ldr x30, [\\base, #72]\n"
  "  eor \\reg, \\reg, x30\n"
  ".endif\n"
  "  mov w30, #1\n  str w30, [\\base, #96]\n"
  "1: yield\n"
  "  ldr w30, [\\base, #100]\n"
  "  cbz w30, 1b\n"
  ".ifnc \\reg, none\n"
  "  ldr x30, [\\base, #72]\n  eor x30, \\reg, x30\n"
  ".else\n"
  "  ldr x30, [\\base, #64]\n"
  ".endif\n"
  "  str x30, [\\base, #80]\n"
  "  REGS_RESTORE\n"
  ".endm\n"
  "REGS_SPIN none, none, x0\nREGS_SPIN x0, x0, x1\n"
  ".irp r, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17\n"
  "REGS_SPIN x\\r, x\\r, x0\n"
  ".endr\n"
  ".irp r, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29\n"
  "REGS_SPIN x\\r, x\\r, x0\n"
  ".endr\n"
);

#define HOLDS(X) X(none) X(x19) X(x20) X(x21) X(x22) X(x23) X(x24) X(x25) \
  X(x26) X(x27) X(x28) X(x29)
#define SPINS(X) X(none) X(x0) X(x1) X(x2) X(x3) X(x4) X(x5) X(x6) X(x7) \
  X(x8) X(x9) X(x10) X(x11) X(x12) X(x13) X(x14) X(x15) X(x16) X(x17) \
  X(x19) X(x20) X(x21) X(x22) X(x23) X(x24) X(x25) X(x26) X(x27) X(x28) \
  X(x29)

static int forgiven(const char *name, int spin)
{
  return reference() && !spin && strcmp(name, "x29") == 0;
}

#elif defined(__riscv) && __riscv_xlen == 64

/* offsets as on x86-64 */
__asm__(
  ".text\n"
  ".macro REGS_SAVE\n"
  "  addi sp, sp, -112\n"
  "  sd ra, 0(sp)\n  sd a0, 104(sp)\n"
  "  sd s0, 8(sp)\n  sd s1, 16(sp)\n  sd s2, 24(sp)\n  sd s3, 32(sp)\n"
  "  sd s4, 40(sp)\n  sd s5, 48(sp)\n  sd s6, 56(sp)\n  sd s7, 64(sp)\n"
  "  sd s8, 72(sp)\n  sd s9, 80(sp)\n  sd s10, 88(sp)\n  sd s11, 96(sp)\n"
  "  .irp r, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"
  "  li s\\r, 0\n"
  "  .endr\n"
  ".endm\n"
  ".macro REGS_RESTORE\n"
  "  ld s0, 8(sp)\n  ld s1, 16(sp)\n  ld s2, 24(sp)\n  ld s3, 32(sp)\n"
  "  ld s4, 40(sp)\n  ld s5, 48(sp)\n  ld s6, 56(sp)\n  ld s7, 64(sp)\n"
  "  ld s8, 72(sp)\n  ld s9, 80(sp)\n  ld s10, 88(sp)\n  ld s11, 96(sp)\n"
  "  ld ra, 0(sp)\n"
  "  addi sp, sp, 112\n"
  "  ret\n"
  ".endm\n"
  ".macro REGS_HOLD name, reg\n"
  ".globl hold_\\name\n"
  ".type hold_\\name, @function\n"
  "hold_\\name:\n"
  "  REGS_SAVE\n"
  ".ifnc \\reg, none\n"
  "  ld \\reg, 64(a0)\n  ld t0, 72(a0)\n  xor \\reg, \\reg, t0\n"
  ".endif\n"
  "  fld fa0, 48(a0)\n  fld fa1, 56(a0)\n"
  "  ld t0, 0(a0)\n  ld a1, 16(a0)\n  ld a2, 24(a0)\n  ld a0, 8(a0)\n"
  "  jalr t0\n"
  "  ld a1, 104(sp)\n"
  "  sd a0, 88(a1)\n"
  ".ifnc \\reg, none\n"
  "  ld t0, 72(a1)\n  xor t0, \\reg, t0\n"
  ".else\n"
  "  ld t0, 64(a1)\n"
  ".endif\n"
  "  sd t0, 80(a1)\n"
  "  REGS_RESTORE\n"
  ".endm\n"
  "REGS_HOLD none, none\n"
  ".irp r, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"
  "REGS_HOLD s\\r, s\\r\n"
  ".endr\n"
  /* ra is left for the key. */
  ".macro REGS_SPIN name, reg, base\n"
  ".globl spin_\\name\n"
  ".type spin_\\name, @function\n"
  "spin_\\name:\n"
  "  REGS_SAVE\n"
  "  mv \\base, a0\n"
  "  .irp r, a0, a1, a2, a3, a4, a5, a6, a7, t0, t1, t2, t3, t4, t5, t6\n"
  "  .ifnc \\base, \\r\n"
  "  li \\r, 0\n"
  "  .endif\n"
  "  .endr\n"
  ".ifnc \\reg, none\n"
  "  ld \\reg, 64(\\base)\n  ld ra, 72(\\base)\n  xor \\reg, \\reg, ra\n"
  ".endif\n"
  "  li ra, 1\n  sw ra, 96(\\base)\n"
  "1: lw ra, 100(\\base)\n"
  "  beqz ra, 1b\n"
  ".ifnc \\reg, none\n"
  "  ld ra, 72(\\base)\n  xor ra, \\reg, ra\n"
  ".else\n"
  "  ld ra, 64(\\base)\n"
  ".endif\n"
  "  sd ra, 80(\\base)\n"
  "  REGS_RESTORE\n"
  ".endm\n"
  "REGS_SPIN none, none, a0\nREGS_SPIN a0, a0, a1\n"
  ".irp r, a1, a2, a3, a4, a5, a6, a7, t0, t1, t2, t3, t4, t5, t6\n"
  "REGS_SPIN \\r, \\r, a0\n"
  ".endr\n"
  ".irp r, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\n"
  "REGS_SPIN s\\r, s\\r, a0\n"
  ".endr\n"
);

#define HOLDS(X) X(none) X(s0) X(s1) X(s2) X(s3) X(s4) X(s5) X(s6) X(s7) \
  X(s8) X(s9) X(s10) X(s11)
#define SPINS(X) X(none) X(a0) X(a1) X(a2) X(a3) X(a4) X(a5) X(a6) X(a7) \
  X(t0) X(t1) X(t2) X(t3) X(t4) X(t5) X(t6) X(s0) X(s1) X(s2) X(s3) X(s4) \
  X(s5) X(s6) X(s7) X(s8) X(s9) X(s10) X(s11)

static int forgiven(const char *name, int spin)
{
  (void)name, (void)spin; /* the reference does not run here */
  return 0;
}

#else
#error "registers.c: write the assembly for this processor"
#endif

#define DECLARE_HOLD(r) ABI void hold_##r(hold_s *);
#define DECLARE_SPIN(r) ABI void spin_##r(hold_s *);
HOLDS(DECLARE_HOLD)
SPINS(DECLARE_SPIN)

typedef struct reg_s {
  const char *name;
  ABI void (*fun)(hold_s *);
} reg_s;

#define ROW_HOLD(r) {#r, hold_##r},
#define ROW_SPIN(r) {#r, spin_##r},
static const reg_s holds[] = { HOLDS(ROW_HOLD) {NULL, NULL} };
static const reg_s spins[] = { SPINS(ROW_SPIN) {NULL, NULL} };

/* --- the world --- */

enum { SLOTS = 30, SERIAL = 4711 };

static mps_arena_t arena;
static mps_ap_t ap;
static word key;
static word ap_size = 62 * WORD;

/* An object nobody refers to, with garbage on both sides; its address,
 * disguised. */
__attribute__((noinline)) static word make_object(void)
{
  word masked;
  garbage(ap, 0, 300, 60);
  masked = (word)obj_new(ap, 0, KIND_LEAF, SLOTS, SERIAL) ^ key;
  garbage(ap, 0, 300, 60);
  return masked;
}

static word (*volatile make)(void) = make_object;

__attribute__((noinline)) static int alive(word masked)
{
  obj_t o = (obj_t)(masked ^ key);
  return mps_arena_has_addr(arena, o)
         && obj_is(o, KIND_LEAF, SLOTS, SERIAL);
}

/* --- entries to the library, each with the register held --- */

static const reg_s *held;
static hold_s h;

#define CALL0(f) call((word)(f), 0, 0, 0)
#define CALL1(f, a) call((word)(f), (word)(a), 0, 0)

static word call(word f, word a, word b, word c)
{
  memcpy(&h.fn, &f, sizeof f);
  h.arg[0] = a;
  h.arg[1] = b;
  h.arg[2] = c;
  h.arg[3] = h.arg[4] = 0;
  scrub_stack();
  held->fun(&h);
  return h.ret;
}

static word call_step(double interval, double multiplier)
{
  word f = (word)mps_arena_step;
  memcpy(&h.fn, &f, sizeof f);
  h.arg[0] = (word)arena;
  h.d[0] = interval;
  h.d[1] = multiplier;
#if defined(__i386__)
  memcpy(&h.arg[1], &interval, sizeof interval);
  memcpy(&h.arg[3], &multiplier, sizeof multiplier);
#endif
  scrub_stack();
  held->fun(&h);
  return (word)(int)h.ret;
}

static void entry_collect(void)
{
  CHECK_OK((int)CALL1(mps_arena_collect, arena));
}

static void entry_start_step(void)
{
  int i = 0;
  CHECK_OK((int)CALL1(mps_arena_start_collect, arena));
  while (call_step(0.0, 0.0) && i < 100000)
    ++i;
}

static void entry_start_park(void)
{
  CHECK_OK((int)CALL1(mps_arena_start_collect, arena));
  (void)CALL1(mps_arena_park, arena);
}

static void entry_start_collect(void)
{
  CHECK_OK((int)CALL1(mps_arena_start_collect, arena));
  CHECK_OK((int)CALL1(mps_arena_collect, arena));
}

static void fill_until(void *function, mps_word_t n)
{
  static mps_addr_t p;
  long i;
  for (i = 0; mps_collections(arena) < n; ++i) {
    size_t k;
    obj_t o;
    CHECK(i < 1000000);
    if (function == (void *)(word)mps_ap_fill && ap->limit != NULL
        && (char *)ap->limit - (char *)ap->alloc >= (long)ap_size)
      CHECK_OK(mps_reserve(&p, ap, ap_size));   /* inline */
    else
      CHECK_OK((int)call((word)function, (word)&p, (word)ap, ap_size));
    o = p;
    o->head = HEAD(62, KIND_VECTOR);
    o->serial = 1;
    for (k = 0; k < 60; ++k)
      o->slot[k] = 0;
    (void)mps_commit(ap, p, ap_size);
  }
}

static void entry_fill(void)
{
  mps_word_t n = mps_collections(arena);
  (void)CALL1(mps_arena_release, arena);
  fill_until((void *)(word)mps_ap_fill, n + 4);
}

static void entry_reserve(void)
{
  mps_word_t n = mps_collections(arena);
  (void)CALL1(mps_arena_release, arena);
  fill_until((void *)(word)(mps_reserve), n + 4);
}

static void entry_release(void)
{
  mps_word_t n = mps_collections(arena);
  garbage(ap, 0, 4000, 60);     /* parked: the nursery is over-full now */
  (void)CALL1(mps_arena_release, arena);
  fill_until((void *)(word)mps_ap_fill, n + 2);
}

static void entry_idle(void)
{
  int i;
  garbage(ap, 0, 4000, 60);
  (void)CALL1(mps_arena_release, arena);
  for (i = 0; i < 1000; ++i)
    if (!call_step(1.0, 1000.0))
      break;
  (void)CALL1(mps_arena_park, arena);
  CHECK_OK((int)CALL1(mps_arena_collect, arena));
}

static const struct {
  const char *name;
  void (*run)(void);
} entries[] = {
  {"collect", entry_collect},
  {"start_collect, step", entry_start_step},
  {"start_collect, park", entry_start_park},
  {"start_collect, collect", entry_start_collect},
  {"ap_fill", entry_fill},
  {"reserve", entry_reserve},
  {"release", entry_release},
  {"step that starts one", entry_idle}
};

static int failures;

static void judge(const char *entry, const char *name, int spin, int lives)
{
  if (strcmp(name, "none") == 0) {
    if (lives) {
      printf("  control: %s keeps an object that nothing refers to\n", entry);
      ++failures;
    }
  } else if (!lives) {
    int ok = forgiven(name, spin);
    printf("  %s: the object in %s died%s\n", entry, name,
           ok ? " (known of the reference)" : "");
    if (!ok)
      ++failures;
  }
}

__attribute__((noinline)) static void test_holds(void)
{
  size_t e, r;
  for (e = 0; e < sizeof entries / sizeof entries[0]; ++e) {
    for (r = 0; holds[r].name != NULL; ++r) {
      memset(&h, 0, sizeof h);
      mps_arena_park(arena);
      h.key = key;
      h.masked = make();
      h.out = 0;
      held = &holds[r];
      scrub_stack();
      entries[e].run();
      (void)CALL1(mps_arena_park, arena);
      CHECK_EQ(h.out, h.masked);        /* the register is preserved too */
      judge(entries[e].name, holds[r].name, 0, alive(h.masked));
    }
  }
  part("%lu registers, %lu entries", (unsigned long)r - 1, (unsigned long)e);
}

/* --- threads that are stopped --- */

typedef struct spinner_s {
  hold_s h;
  ABI void (*fun)(hold_s *);
} spinner_s;

__attribute__((noinline)) static void spin_here(spinner_s *s)
{
  s->fun(&s->h);
}

static void *spinner(void *p)
{
  spinner_s *s = p;
  mps_thr_t thr;
  mps_root_t root;
  void *cold = NULL;
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread(&root, arena, thr, &cold));
  scrub_stack();
  spin_here(s);
  mps_root_destroy(root);
  mps_thread_dereg(thr);
  return NULL;
}

__attribute__((noinline)) static void test_spins(void)
{
  static spinner_s s;
  size_t r;
  for (r = 0; spins[r].name != NULL; ++r) {
#ifdef __x86_64__
    if (strncmp(spins[r].name, "ymm", 3) == 0 && !__builtin_cpu_supports("avx")) {
      part("NOT CHECKED (no AVX here): %s", spins[r].name);
      continue;
    }
#endif
    pthread_t t;
    memset(&s, 0, sizeof s);
    mps_arena_park(arena);
    s.h.key = key;
    s.h.masked = make();
    s.fun = spins[r].fun;
    scrub_stack();
    CHECK_EQ(pthread_create(&t, NULL, spinner, &s), 0);
    while (!s.h.ready)
      sched_yield();
    CHECK_OK(mps_arena_collect(arena));
    CHECK_OK(mps_arena_start_collect(arena));
    mps_arena_park(arena);
    judge("stopped thread", spins[r].name, 1, alive(s.h.masked));
    s.h.stop = 1;
    CHECK_EQ(pthread_join(t, NULL), 0);
    CHECK_EQ(s.h.out, s.h.masked);
  }
  part("%lu registers of a stopped thread", (unsigned long)r - 1);
}

/* --- threads in blocking regions --- */

#ifdef HAVE_MPSX
typedef struct waiter_s {
  hold_s h;
  ABI void (*fun)(hold_s *);
  mps_thr_t thr;
  volatile int ready, leave;
} waiter_s;

static waiter_s waiter;

static word wait_here(void)
{
  mps_x_blocking_begin(waiter.thr);
  scrub_stack();
  waiter.ready = 1;
  while (!waiter.leave)
    sched_yield();
  mps_x_blocking_end(waiter.thr);
  return 0;
}

static void *wait_with(void *p)
{
  mps_root_t root;
  void *cold = NULL;
  word (*f)(void) = wait_here;
  (void)p;
  memcpy(&waiter.h.fn, &f, sizeof f);
  CHECK_OK(mps_thread_reg(&waiter.thr, arena));
  CHECK_OK(mps_root_create_thread(&root, arena, waiter.thr, &cold));
  scrub_stack();
  waiter.fun(&waiter.h);
  mps_root_destroy(root);
  mps_thread_dereg(waiter.thr);
  return NULL;
}

__attribute__((noinline)) static void test_waits(void)
{
  size_t r;
  for (r = 0; holds[r].name != NULL; ++r) {
    pthread_t t;
    memset(&waiter, 0, sizeof waiter);
    mps_arena_park(arena);
    waiter.h.key = key;
    waiter.h.masked = make();
    waiter.fun = holds[r].fun;
    scrub_stack();
    CHECK_EQ(pthread_create(&t, NULL, wait_with, NULL), 0);
    while (!waiter.ready)
      sched_yield();
    CHECK_OK(mps_arena_collect(arena));
    CHECK_OK(mps_arena_start_collect(arena));
    mps_arena_park(arena);
    judge("blocking region", holds[r].name, 0, alive(waiter.h.masked));
    waiter.leave = 1;
    CHECK_EQ(pthread_join(t, NULL), 0);
    CHECK_EQ(waiter.h.out, waiter.h.masked);
  }
  part("%lu registers of a thread in a blocking region", (unsigned long)r - 1);
}
#endif

/* --- as the compiler likes it --- */

__attribute__((noinline)) static void test_compiled(void)
{
  int round;
  mps_arena_release(arena);
  for (round = 0; round < 50; ++round) {
    obj_t a = obj_new(ap, 0, KIND_LEAF, 10, 1);
    obj_t b = obj_new(ap, 0, KIND_LEAF, 10, 2);
    obj_t c = obj_new(ap, 0, KIND_LEAF, 10, 3);
    obj_t d = obj_new(ap, 0, KIND_LEAF, 10, 4);
    obj_t e = obj_new(ap, 0, KIND_LEAF, 10, 5);
    obj_t f = obj_new(ap, 0, KIND_LEAF, 10, 6);
    obj_t g = obj_new(ap, 0, KIND_LEAF, 10, 7);
    obj_t i = obj_new(ap, 0, KIND_LEAF, 10, 8);
    if (round % 2 == 0)
      (void)mps_arena_collect(arena);
    else
      garbage(ap, 0, 3000, 30);
    CHECK(obj_is(a, KIND_LEAF, 10, 1) && obj_is(b, KIND_LEAF, 10, 2));
    CHECK(obj_is(c, KIND_LEAF, 10, 3) && obj_is(d, KIND_LEAF, 10, 4));
    CHECK(obj_is(e, KIND_LEAF, 10, 5) && obj_is(f, KIND_LEAF, 10, 6));
    CHECK(obj_is(g, KIND_LEAF, 10, 7) && obj_is(i, KIND_LEAF, 10, 8));
    mps_arena_release(arena);
  }
  part("eight references in locals");
}

int main(void)
{
  mps_chain_t chain;
  mps_fmt_t fmt;
  mps_pool_t pool;
  mps_thr_t thr;
  mps_root_t root;
  void *cold = NULL;
  test_begin("registers");
  key = ~(word)0 / 3 ^ (word)0x5a5a;    /* 0101..., changes every byte */
  arena = arena_vm((size_t)64 << 20);
  chain = chain_make(arena, 2, 200);
  fmt = fmt_make(arena, 0);
  pool = pool_amc(arena, fmt, chain);
  ap = ap_make(pool);
  CHECK_OK(mps_thread_reg(&thr, arena));
  CHECK_OK(mps_root_create_thread(&root, arena, thr, &cold));
  test_holds();
  test_spins();
#ifdef HAVE_MPSX
  test_waits();
#endif
  if (!reference())
    test_compiled();
  mps_arena_park(arena);
  mps_root_destroy(root);
  mps_thread_dereg(thr);
  mps_ap_destroy(ap);
  mps_pool_destroy(pool);
  mps_chain_destroy(chain);
  mps_fmt_destroy(fmt);
  mps_arena_destroy(arena);
  CHECK_EQ(failures, 0);
  return test_end();
}
