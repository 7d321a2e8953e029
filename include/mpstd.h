/* mpstd.h -- which platform is this?
 *
 * Detects the operating system, the processor and the compiler from the
 * compiler's own macros, and defines
 *
 *   MPS_PF_xxx       one flag for the combination, e.g. MPS_PF_LII6GC
 *   MPS_PF_STRING    the same as a lower-case string
 *   MPS_OS_xx        LI Linux, FR FreeBSD, XC macOS, W3 Windows
 *   MPS_ARCH_xx      I3 IA-32, I6 x86-64, A6 ARM64, R6 RISC-V 64
 *   MPS_BUILD_xx     GC GCC, LL Clang, MV Microsoft C, PC Pelles C
 *   MPS_T_WORD       unsigned integer type of pointer size
 *   MPS_T_ULONGEST   widest unsigned integer type the library prints
 *   MPS_WORD_WIDTH   bits in MPS_T_WORD
 *   MPS_WORD_SHIFT   binary logarithm of MPS_WORD_WIDTH
 *   MPS_PF_ALIGN     natural alignment of allocated blocks, in bytes
 *
 * An unknown platform stops the compilation.  A build system that believes
 * it knows the platform defines CONFIG_PF_STRING together with one
 * CONFIG_PF_xxx; compilation stops if the flag is not the detected one.
 *
 * No other public header includes this one.
 */

#ifndef mpstd_h
#define mpstd_h

/* Step one: the three parts, each found independently. */

#if defined(_WIN32)
#define MPS_OS_W3
#elif defined(__APPLE__) && defined(__MACH__)
#define MPS_OS_XC
#elif defined(__FreeBSD__)
#define MPS_OS_FR
#elif defined(__linux__)
#define MPS_OS_LI
#else
#error "mpstd.h: this operating system is not one the MPS knows"
#endif

#if defined(__x86_64__) || defined(_M_X64) || defined(_M_AMD64)
#if defined(__ILP32__)
#error "mpstd.h: the x32 ABI is not supported"
#endif
#define MPS_ARCH_I6
#elif defined(__i386__) || defined(_M_IX86)
#define MPS_ARCH_I3
#elif defined(__aarch64__) || defined(__arm64__) || defined(_M_ARM64)
#define MPS_ARCH_A6
#elif defined(__riscv) && __riscv_xlen == 64
#define MPS_ARCH_R6
#else
#error "mpstd.h: this processor is not one the MPS knows"
#endif

#if defined(__POCC__)
#define MPS_BUILD_PC
#elif defined(__clang__)
#define MPS_BUILD_LL
#elif defined(__GNUC__)
#define MPS_BUILD_GC
#elif defined(_MSC_VER)
#define MPS_BUILD_MV
#else
#error "mpstd.h: this compiler is not one the MPS knows"
#endif

/* Step two: the combination.  Those marked (*) have no counterpart in the
 * reference; they are named by the same rule. */

#if defined(MPS_OS_LI)

#if defined(MPS_ARCH_I6) && defined(MPS_BUILD_GC)
#define MPS_PF_LII6GC
#define MPS_PF_STRING "lii6gc"
#elif defined(MPS_ARCH_I6) && defined(MPS_BUILD_LL)
#define MPS_PF_LII6LL
#define MPS_PF_STRING "lii6ll"
#elif defined(MPS_ARCH_I3) && defined(MPS_BUILD_GC)
#define MPS_PF_LII3GC
#define MPS_PF_STRING "lii3gc"
#elif defined(MPS_ARCH_I3) && defined(MPS_BUILD_LL)     /* (*) */
#define MPS_PF_LII3LL
#define MPS_PF_STRING "lii3ll"
#elif defined(MPS_ARCH_A6) && defined(MPS_BUILD_GC)
#define MPS_PF_LIA6GC
#define MPS_PF_STRING "lia6gc"
#elif defined(MPS_ARCH_A6) && defined(MPS_BUILD_LL)
#define MPS_PF_LIA6LL
#define MPS_PF_STRING "lia6ll"
#elif defined(MPS_ARCH_R6) && defined(MPS_BUILD_GC)     /* (*) */
#define MPS_PF_LIR6GC
#define MPS_PF_STRING "lir6gc"
#elif defined(MPS_ARCH_R6) && defined(MPS_BUILD_LL)     /* (*) */
#define MPS_PF_LIR6LL
#define MPS_PF_STRING "lir6ll"
#endif

#elif defined(MPS_OS_FR)

#if defined(MPS_ARCH_I6) && defined(MPS_BUILD_GC)
#define MPS_PF_FRI6GC
#define MPS_PF_STRING "fri6gc"
#elif defined(MPS_ARCH_I6) && defined(MPS_BUILD_LL)
#define MPS_PF_FRI6LL
#define MPS_PF_STRING "fri6ll"
#elif defined(MPS_ARCH_I3) && defined(MPS_BUILD_GC)
#define MPS_PF_FRI3GC
#define MPS_PF_STRING "fri3gc"
#elif defined(MPS_ARCH_I3) && defined(MPS_BUILD_LL)
#define MPS_PF_FRI3LL
#define MPS_PF_STRING "fri3ll"
#endif

#elif defined(MPS_OS_XC)

#if defined(MPS_ARCH_I6) && defined(MPS_BUILD_LL)
#define MPS_PF_XCI6LL
#define MPS_PF_STRING "xci6ll"
#elif defined(MPS_ARCH_I6) && defined(MPS_BUILD_GC)
#define MPS_PF_XCI6GC
#define MPS_PF_STRING "xci6gc"
#elif defined(MPS_ARCH_I3) && defined(MPS_BUILD_LL)
#define MPS_PF_XCI3LL
#define MPS_PF_STRING "xci3ll"
#elif defined(MPS_ARCH_I3) && defined(MPS_BUILD_GC)
#define MPS_PF_XCI3GC
#define MPS_PF_STRING "xci3gc"
#elif defined(MPS_ARCH_A6) && defined(MPS_BUILD_LL)
#define MPS_PF_XCA6LL
#define MPS_PF_STRING "xca6ll"
#endif

#elif defined(MPS_OS_W3)

#if defined(MPS_ARCH_I6) && defined(MPS_BUILD_MV)
#define MPS_PF_W3I6MV
#define MPS_PF_STRING "w3i6mv"
#elif defined(MPS_ARCH_I6) && defined(MPS_BUILD_PC)
#define MPS_PF_W3I6PC
#define MPS_PF_STRING "w3i6pc"
#elif defined(MPS_ARCH_I6) && defined(MPS_BUILD_GC)     /* (*) */
#define MPS_PF_W3I6GC
#define MPS_PF_STRING "w3i6gc"
#elif defined(MPS_ARCH_I6) && defined(MPS_BUILD_LL)     /* (*) */
#define MPS_PF_W3I6LL
#define MPS_PF_STRING "w3i6ll"
#elif defined(MPS_ARCH_I3) && defined(MPS_BUILD_MV)
#define MPS_PF_W3I3MV
#define MPS_PF_STRING "w3i3mv"
#elif defined(MPS_ARCH_I3) && defined(MPS_BUILD_PC)
#define MPS_PF_W3I3PC
#define MPS_PF_STRING "w3i3pc"
#elif defined(MPS_ARCH_I3) && defined(MPS_BUILD_GC)     /* (*) */
#define MPS_PF_W3I3GC
#define MPS_PF_STRING "w3i3gc"
#elif defined(MPS_ARCH_I3) && defined(MPS_BUILD_LL)     /* (*) */
#define MPS_PF_W3I3LL
#define MPS_PF_STRING "w3i3ll"
#endif

#endif

#if !defined(MPS_PF_STRING)
#error "mpstd.h: this system, processor and compiler are not supported together"
#endif

/* Step three: sizes. */

#if defined(MPS_ARCH_I3)
#define MPS_WORD_WIDTH 32
#define MPS_WORD_SHIFT 5
#if defined(MPS_OS_W3)
#define MPS_PF_ALIGN 8
#else
#define MPS_PF_ALIGN 4
#endif
#else
#define MPS_WORD_WIDTH 64
#define MPS_WORD_SHIFT 6
#if defined(MPS_OS_W3)
#define MPS_PF_ALIGN 16
#else
#define MPS_PF_ALIGN 8
#endif
#endif

#if defined(MPS_OS_W3) && !defined(MPS_ARCH_I3)
#define MPS_T_WORD unsigned __int64
#define MPS_T_ULONGEST unsigned __int64
#else
#define MPS_T_WORD unsigned long
#define MPS_T_ULONGEST unsigned long
#endif

/* Step four: hold the build system to what it said. */

#if defined(CONFIG_PF_STRING)
#if !((defined(CONFIG_PF_LII6GC) && defined(MPS_PF_LII6GC)) || \
      (defined(CONFIG_PF_LII6LL) && defined(MPS_PF_LII6LL)) || \
      (defined(CONFIG_PF_LII3GC) && defined(MPS_PF_LII3GC)) || \
      (defined(CONFIG_PF_LII3LL) && defined(MPS_PF_LII3LL)) || \
      (defined(CONFIG_PF_LIA6GC) && defined(MPS_PF_LIA6GC)) || \
      (defined(CONFIG_PF_LIA6LL) && defined(MPS_PF_LIA6LL)) || \
      (defined(CONFIG_PF_LIR6GC) && defined(MPS_PF_LIR6GC)) || \
      (defined(CONFIG_PF_LIR6LL) && defined(MPS_PF_LIR6LL)) || \
      (defined(CONFIG_PF_FRI6GC) && defined(MPS_PF_FRI6GC)) || \
      (defined(CONFIG_PF_FRI6LL) && defined(MPS_PF_FRI6LL)) || \
      (defined(CONFIG_PF_FRI3GC) && defined(MPS_PF_FRI3GC)) || \
      (defined(CONFIG_PF_FRI3LL) && defined(MPS_PF_FRI3LL)) || \
      (defined(CONFIG_PF_XCI6LL) && defined(MPS_PF_XCI6LL)) || \
      (defined(CONFIG_PF_XCI6GC) && defined(MPS_PF_XCI6GC)) || \
      (defined(CONFIG_PF_XCI3LL) && defined(MPS_PF_XCI3LL)) || \
      (defined(CONFIG_PF_XCI3GC) && defined(MPS_PF_XCI3GC)) || \
      (defined(CONFIG_PF_XCA6LL) && defined(MPS_PF_XCA6LL)) || \
      (defined(CONFIG_PF_W3I6MV) && defined(MPS_PF_W3I6MV)) || \
      (defined(CONFIG_PF_W3I6PC) && defined(MPS_PF_W3I6PC)) || \
      (defined(CONFIG_PF_W3I6GC) && defined(MPS_PF_W3I6GC)) || \
      (defined(CONFIG_PF_W3I6LL) && defined(MPS_PF_W3I6LL)) || \
      (defined(CONFIG_PF_W3I3MV) && defined(MPS_PF_W3I3MV)) || \
      (defined(CONFIG_PF_W3I3PC) && defined(MPS_PF_W3I3PC)) || \
      (defined(CONFIG_PF_W3I3GC) && defined(MPS_PF_W3I3GC)) || \
      (defined(CONFIG_PF_W3I3LL) && defined(MPS_PF_W3I3LL)))
#error "mpstd.h: the build's CONFIG_PF_ flag is not the platform detected here"
#endif
#endif

#endif /* mpstd_h */
