#!/usr/bin/env bash
# test-systems.sh [FILTER] -- the hosted archive in every way in which it is linked (make
# test-systems). One line a case: which client programs it ran, or that it was linked and not
# run. The last line is 'N passed, N failed'. FILTER is a part of a case's name.
#
# A few client programs serve: what can break here is how the archive's symbols, relocations
# and start are brought together, and what it needs of the C library.
set -uo pipefail
cd "$(dirname "$0")/.."
filter=${1-}
archive=build/libmps.a
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The barrier, the plinth's weak functions, registers, faults.
quick="barrier basics plinth registers-O2 sigsegv"
# Threads stopped by signals, and forks: seconds, so only where the C library or the way to its
# functions is another.
long="fork threads"
export TIMEOUT=${TIMEOUT:-120}

pass() { echo "PASS $*"; passed=$((passed + 1)); }
fail() { echo "FAIL $*"; failed=$((failed + 1)); }
wanted() { case $1 in *"$filter"*) ;; *) return 1 ;; esac; }

# What can't be installed is named here, and again by the case that misses it.
tools/needs.sh test-systems
"${MAKE:-make}" -s --no-print-directory "$archive" || { echo "0 passed, 1 failed"; exit 1; }

# case_ NAME ARCHIVE: the programs, with CC, CFLAGS_EXTRA, LIBS and RUN as they are; with LONG the
# long ones, too. CHECK, if
# it is set, is a command that looks at one of the built programs: is it what the case says?
case_() {
    local name=$1 lib=$2 p bad='' ran=() keep=$work/kept
    rm -rf "$keep"
    KEEP=$keep tests/client/run.sh "$lib" include "$quick ${LONG:+$long}" >"$work/log" 2>&1 || bad=' '
    for p in $quick ${LONG:+$long}; do
        if grep -q "^PASS $p\( \|-\)" "$work/log"; then ran+=("$p"); else bad="$bad $p"; fi
    done
    [ -z "$bad" ] || grep -v '^PASS' "$work/log" | sed 's/^/     /' | head -n 60 >"$work/bad"
    if [ -z "$bad" ] && [ -n "${CHECK:-}" ] && ! "$CHECK" "$keep/basics" >"$work/bad" 2>&1; then
        bad=" it is not linked in this way"
    fi
    if [ -z "$bad" ]; then
        pass "$name: linked, ran ${ran[*]}"
    else
        fail "$name:$bad"
        cat "$work/bad"
    fi
    rm -f "$work/bad"
}

# --- What a program is. Each look fails for a program of another kind. (grep reads all: with
# -q what feeds it would fail.)

type_of() { readelf -hW "$1" | awk '/Type:/ { print $2 }'; }
interpreter() { readelf -lW "$1" | sed -n 's/.*interpreter: \(.*\)]/\1/p'; }
is_static() { [ "$(type_of "$1")" = EXEC ] && [ -z "$(interpreter "$1")" ]; }
is_static_pie() { [ "$(type_of "$1")" = DYN ] && [ -z "$(interpreter "$1")" ]; }
is_pie() { [ "$(type_of "$1")" = DYN ] && [ -n "$(interpreter "$1")" ]; }
is_plain() { [ "$(type_of "$1")" = EXEC ] && [ -n "$(interpreter "$1")" ]; }
is_shared() { readelf -dW "$1" | grep >/dev/null 'NEEDED.*libmps\.so'; }
# The program's own file has the library, and no starting code.
is_object() { [ "$(type_of "$1")" = DYN ] && nm -D --defined-only "$1" | grep -w main >/dev/null; }
by_lld() { readelf -p .comment "$1" | grep LLD >/dev/null; }
by_gold() { readelf -SW "$1" | grep note.gnu.gold-version >/dev/null; }
by_bfd() { ! by_lld "$1" && ! by_gold "$1"; }
# No symbol of a version, which only glibc has.
on_musl() { [[ $(interpreter "$1") == *ld-musl* ]] && ! readelf -VW "$1" | grep GLIBC >/dev/null; }
is_static_musl() { is_static "$1" && ! strings "$1" | grep 'GNU C Library' >/dev/null; }

# --- Linux, this machine's own processor

base="-lpthread -lm"
linux() { # name, look, compiler, its options, libraries
    wanted "linux, $1" || return 0
    CHECK=$2 CC=$3 CFLAGS_EXTRA=$4 LIBS=$5 RUN='' case_ "linux, $1" "$archive"
}
LONG=1 linux "static" is_static gcc "" "-static $base"
LONG=1 linux "static-pie" is_static_pie gcc "-fPIE" "-static-pie $base"
linux "pie" is_pie gcc "-fPIE" "-pie $base"
linux "not pie" is_plain gcc "-fno-pie" "-no-pie $base"
linux "ld.bfd" by_bfd gcc "" "-fuse-ld=bfd $base"
linux "gold" by_gold gcc "" "-fuse-ld=gold $base"
linux "lld" by_lld gcc "" "-fuse-ld=lld $base"
linux "lld, unreached left out" by_lld clang "-ffunction-sections" "-fuse-ld=lld -Wl,--gc-sections $base"
linux "gcc -flto" is_pie gcc "-flto -fPIE" "-flto -pie $base"
linux "clang -flto" by_lld clang "-flto" "-flto -fuse-ld=lld $base"
linux "clang -flto=thin" by_lld clang "-flto=thin" "-flto=thin -fuse-ld=lld $base"
LONG=1 linux "musl" on_musl musl-gcc "" "$base"
LONG=1 linux "musl, static" is_static_musl musl-gcc "" "-static $base"

# Pages of 16 KB, as on ARM64 Macs: what the C library says, and where it maps. The real ones are smaller.
has_large_pages() { nm "$1" | grep >/dev/null __wrap_sysconf; }
if wanted "linux, pages of 16 KB"; then
    cat >"$work/pages.c" <<'C'
#include <sys/mman.h>
#include <unistd.h>
#define PAGE 16384UL
long __real_sysconf(int name);
long __wrap_sysconf(int name)
{
  return name == _SC_PAGESIZE ? (long)PAGE : __real_sysconf(name);
}
void *__real_mmap(void *at, size_t size, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t off)
{
  char *p;
  size_t skip, whole = (size + PAGE - 1) & ~(PAGE - 1);
  if (at != NULL || fd != -1 || whole < size || whole + PAGE < whole)
    return __real_mmap(at, size, prot, flags, fd, off);
  p = __real_mmap(at, whole + PAGE, prot, flags, fd, off);
  if (p == MAP_FAILED)
    return p;
  skip = -(unsigned long)p & (PAGE - 1);
  if (skip != 0)
    munmap(p, skip);
  munmap(p + skip + whole, PAGE - skip);
  return p + skip;
}
C
    if gcc -O2 -c -o "$work/pages.o" "$work/pages.c" >"$work/log" 2>&1; then
        quick="amc barrier basics commit sigsegv" CHECK=has_large_pages CC=gcc CFLAGS_EXTRA='' RUN='' \
            LIBS="$work/pages.o -Wl,--wrap=sysconf,--wrap=mmap $base" case_ "linux, pages of 16 KB" "$archive"
    else
        fail "linux, pages of 16 KB: what stands for the C library does not build"
        sed 's/^/     /' "$work/log"
    fi
fi

# The archive inside a shared object, and a program that is linked with that.
if wanted "linux, shared object"; then
    so=$work/libmps.so
    if gcc -shared -o "$so" -Wl,-z,defs -Wl,-z,text -Wl,--whole-archive "$archive" -Wl,--no-whole-archive \
        -lpthread >"$work/log" 2>&1; then
        LONG=1 CHECK=is_shared CC=gcc CFLAGS_EXTRA='' LIBS="-Wl,-rpath,$work $base" RUN='' \
            case_ "linux, shared object" "$so"
    else
        fail "linux, shared object: does not link"
        sed 's/^/     /' "$work/log"
    fi
fi

# Programs that are shared objects with the archive inside, and a host that loads them: its
# thread-local and weak symbols are bound after the start.
if wanted "linux, dlopen"; then
    cat >"$work/host.c" <<'C'
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv)
{
  void *plugin = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
  int (*start)(int, char **) = NULL;
  if (plugin != NULL)
    *(void **)&start = dlsym(plugin, "main");
  if (start == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 2;
  }
  return start(argc - 1, argv + 1);
}
C
    if gcc -o "$work/host" "$work/host.c" -ldl >"$work/log" 2>&1; then
        LONG=1 CHECK=is_object CC=gcc CFLAGS_EXTRA=-fPIC LIBS="-shared -Wl,-z,defs -Wl,-z,text $base" \
            RUN=$work/host case_ "linux, dlopen" "$archive"
    else
        fail "linux, dlopen: the host does not build"
        sed 's/^/     /' "$work/log"
    fi
fi

# --- FreeBSD and macOS, which nothing here runs

# PyPI's ziglang has their headers and the lists of their libraries' symbols: what is not in these
# does not link. Fetched once, if this machine has none.
zig() {
    PYTHONPATH=build/ziglang${PYTHONPATH:+:$PYTHONPATH} python3 -m ziglang "$@"
}
have_zig() {
    zig version >/dev/null 2>&1 ||
        python3 -m pip install --quiet --no-deps --upgrade --target build/ziglang ziglang >"$work/log" 2>&1
    zig version >/dev/null 2>&1 || { tools/needs.sh --check ziglang; tail -n 3 "$work/log"; return 1; }
}
linked="basics barrier fork sigsegv threads"
# The system, zig's name of the processor, the archive's target, what is said of a program
# for it (is_freebsd, is_macos).
foreign() {
    local system=$1 cc=(zig cc -target "$2-$1" -std=gnu11 -O2 -Wall -Wextra) target=$3 lib=build/$3/libmps.a p
    have_zig || return
    # The port's numbers and layouts against the headers.
    "${cc[@]}" -Werror -c -o "$work/facts.o" "tests/systems/$system.c" || return
    # And it would notice: one is wrong on purpose.
    ! "${cc[@]}" "-D${system}_wrong" -Werror -c -o "$work/facts.o" "tests/systems/$system.c" 2>/dev/null || {
        echo "a wrong number was not noticed"
        return 1
    }
    "${MAKE:-make}" -s --no-print-directory "$lib" || return
    tools/check-archive.sh "$lib" "$target" "link/undefined-$system.txt" link/plinth.txt || return
    for p in $linked; do
        "${cc[@]}" -Wno-everything -DHAVE_MPSX -I include -o "$work/$p" "tests/client/$p.c" tests/client/common.c \
            "$lib" -lpthread -lm || return
        "is_$system" "$work/$p" "$4" || {
            echo "$p is no program for $system on this processor"
            return 1
        }
    done
    others "${cc[@]}"
}
# Names that another library of Rust has, or the program itself, beside ours: none meets its like.
others() {
    cat >"$work/others.c" <<'C'
#include "mps.h"
#include "mpsavm.h"
#include "mpslib.h"
void rust_begin_unwind(void) {}
void rust_eh_personality(void) {}
void mps_arch_with_registers(void) {}
void mps_int_other(void) {}
mps_clock_t mps_clock(void) { return 1; }
mps_clock_t mps_clocks_per_sec(void) { return 1; }
int main(void)
{
  mps_arena_t arena;
  return mps_arena_create(&arena, mps_arena_class_vm(), (size_t)1 << 20);
}
C
    "$@" -Wno-everything -I include -o "$work/others" "$work/others.c" "$lib" -lpthread -lm
}
is_freebsd() {
    readelf -nW "$1" | grep FreeBSD >/dev/null && readelf -hW "$1" | grep "Machine:.*$2" >/dev/null
}
# The first bytes: the format, the processor.
is_macos() { [ "$(od -A n -t x4 -N 8 "$1" | tr -d ' ')" = "feedfacf$2" ]; }
foreign_case() { # as `foreign`
    wanted "$1, $2" || return 0
    if foreign "$@" >"$work/foreign" 2>&1; then
        pass "$1, $2: built, headers compared, linked $linked; not run"
    else
        fail "$1, $2"
        tail -n 30 "$work/foreign" | sed 's/^/     /'
    fi
}
foreign_case freebsd x86_64 x86_64-unknown-freebsd X86-64
foreign_case freebsd x86 i686-unknown-freebsd 80386
foreign_case macos x86_64 x86_64-apple-darwin 01000007
foreign_case macos aarch64 aarch64-apple-darwin 0100000c

# --- Windows, under Wine

# One step of a case: all it prints is shown if it fails.
step() { # name of the case, what passes, command
    local name=$1 what=$2
    shift 2
    if "$@" >"$work/step" 2>&1; then
        pass "$name: $what"
    else
        fail "$name"
        tail -n 30 "$work/step" | sed 's/^/     /'
    fi
}
is_windows() { "$processor-w64-mingw32-objdump" -f "$1.exe" | grep >/dev/null "file format $format"; }

# The port's numbers, layouts and declarations against the headers; a wrong one is noticed.
windows_facts() {
    local cc=("$processor-w64-mingw32-gcc" -std=gnu11 -O2 -Wall -Wextra -Werror -c -o "$work/facts.o")
    "${cc[@]}" tests/systems/windows.c || return
    ! "${cc[@]}" -Dwindows_wrong tests/systems/windows.c 2>/dev/null || {
        echo "a wrong number was not noticed"
        return 1
    }
}
# What the archives have and what they ask for.
windows_lists() {
    local target=$1
    BINUTILS=$processor-w64-mingw32- tools/check-archive.sh "build/$target/libmps.a" "$target" \
        link/undefined-windows.txt link/plinth.txt || return
    BINUTILS=$processor-w64-mingw32- tools/check-archive.sh "build/$target/libmps-debug.a" debug \
        link/undefined-windows.txt link/plinth.txt
}
msvc_lists() {
    BINUTILS=$processor-w64-mingw32- tools/check-archive.sh "build/$processor-pc-windows-msvc/mps.lib" \
        "$processor-pc-windows-msvc" link/undefined-windows.txt link/plinth.txt
}
# A program that is compiled and linked as Microsoft's compiler and linker do it, with the import
# libraries of MinGW-w64 and its C library's start. What Microsoft's own C library has besides is
# made here: _fltused, and on IA-32 a division.
msvc() {
    local lib=build/$processor-pc-windows-msvc/mps.lib of=/usr/$processor-w64-mingw32 gcc prefix=_ mingw=
    local cc=(clang --target=$processor-pc-windows-msvc -O2)
    [ $processor != x86_64 ] || prefix='' mingw=-D__MINGW64__
    gcc=$($processor-w64-mingw32-gcc -print-libgcc-file-name)
    cat >"$work/library.c" <<'C'
int _fltused = 1;
#ifdef __i386__
__asm__(".globl __aulldiv\n__aulldiv:\n  pushl 16(%esp)\n  pushl 16(%esp)\n  pushl 16(%esp)\n  pushl 16(%esp)\n"
        "  call ___udivdi3\n  addl $16, %esp\n  ret $16\n");
#endif
C
    "${cc[@]}" -c -o "$work/library.obj" "$work/library.c" &&
        "${cc[@]}" -fno-ms-compatibility -fgnuc-version=12 -U_MSC_VER -D__MINGW32__ -D_ALLOCA_S_MARKER_SIZE=16 \
            $mingw -isystem "$of/include" -I include -c -o "$work/minimal.obj" examples/minimal/main.c &&
        lld-link /nologo "/out:$work/minimal.exe" /subsystem:console /entry:mainCRTStartup /safeseh:no \
            "/alternatename:__image_base__=${prefix}__ImageBase" "$work/minimal.obj" "$work/library.obj" "$lib" \
            "$of"/lib/{crt2.o,libmingw32.a,libmingwex.a,libmsvcrt.a,libkernel32.a} "$gcc" &&
        "$RUN" "$work/minimal.exe" # ends with 0 if all is there
}
# The interpreter: its tests, and what its programs print. Text there has two characters at a line's end.
scheme() {
    local of=$work/scheme run="$RUN $work/scheme/scheme.exe" p
    "${MAKE:-make}" -s -C examples/scheme all CC="$CC" BUILD="$of" "MPS_LIB=$PWD/build/$target/libmps.a" \
        MPS_LDLIBS="-static -lpthread" CFLAGS="-O2 -D__USE_MINGW_ANSI_STDIO=1 -Wno-format" || return
    cd examples/scheme || return
    SCHEME_TEST_DIR=$of $run tests/harness.scm tests/t-*.scm tests/report.scm >"$of/suite" || return
    tail -n 1 "$of/suite" | tr -d '\r' | grep -x '[1-9][0-9]* passed, 0 failed' || return
    for p in programs/*.scm; do
        p=$(basename "$p" .scm)
        $run "programs/$p.scm" >"$of/$p.out" && tr -d '\r' <"$of/$p.out" | cmp - "expected/$p.out" || return
    done
}
is_in_dll() { "$processor-w64-mingw32-objdump" -p "$1.exe" | grep >/dev/null 'DLL Name: mps.dll'; }
left_out=$(sed -n 's/^\([a-z]*\): .*/\1/p' tests/client/windows/left-out.txt | tr '\n' ' ')
for processor in x86_64 i686; do
    name="windows, $processor" target=$processor-pc-windows-gnu format=pei-i386
    [ $processor != x86_64 ] || format=pei-x86-64
    wanted "$name" || continue
    step "$name, archives" "built, held to their lists, headers compared" eval \
        'windows_facts && "${MAKE:-make}" -s --no-print-directory TARGET=$target && windows_lists $target'
    if ! settings=$(tools/wine.sh $processor "$work/wine" 2>"$work/step"); then
        fail "$name: it can't be run"
        sed 's/^/     /' "$work/step"
        continue
    fi
    eval "$settings"
    quick="barrier basics exceptions pools registers-O2 threads" CHECK=is_windows \
        case_ "$name, libmps.a" "build/$target/libmps.a"
    quick="barrier basics exceptions" CHECK=is_windows \
        case_ "$name, libmps-debug.a" "build/$target/libmps-debug.a"
    if $CC -shared -static-libgcc -o "$work/mps.dll" -Wl,--whole-archive "build/$target/libmps.a" -Wl,--no-whole-archive \
        "-Wl,--out-implib,$work/libmps.dll.a" >"$work/step" 2>&1; then
        quick="barrier basics exceptions registers-O2" CHECK=is_in_dll WINEPATH=Z:${work//\//\\} LIBS="-static -lpthread" \
            case_ "$name, in a DLL" "$work/libmps.dll.a"
    else
        fail "$name, in a DLL: does not link"
        sed 's/^/     /' "$work/step"
    fi
    if [ $processor = x86_64 ]; then
        step "$name, Scheme" "its tests, and $(ls examples/scheme/programs | sed 's/\.scm$//' | tr '\n' ' ')" eval '(scheme)'
    fi
    step "$name, mps.lib" "built for Microsoft's linker, linked by lld-link, ran examples/minimal" eval \
        '"${MAKE:-make}" -s --no-print-directory TARGET=$processor-pc-windows-msvc lib && msvc_lists && msvc'
    eval "$STOP_WINE"
done
echo "windows: left out (tests/client/windows/left-out.txt says why): $left_out"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
