#!/usr/bin/env bash
# wine.sh x86_64|i686 FOLDER -- what it takes to run a processor's programs for Windows under
#                               Wine, as lines for the shell: eval "$(tools/wine.sh i686 DIR)"
#
# Sets CC, CFLAGS_EXTRA, LIBS, EXE and RUN for tests/client/run.sh, and what Wine wants. Wine keeps
# its files in FOLDER, which has to stay as long as programs run. `eval "$STOP_WINE"` ends what
# Wine leaves running.
#
# IA-32 wants Wine's own 32-bit half. Debian has it for another architecture, whose libraries do
# not always fit in beside this one's. So it is unpacked under build/wine32, not
# installed; with the C library that gcc -m32 brings it runs console programs. (Wine 8 alone can
# run 32-bit programs on its 64-bit half, but then a thread that is stopped in an exception loses
# its segment register now and then.)
set -euo pipefail
cd "$(dirname "$0")/.."
processor=$1 folder=$2
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

dlls=(ntdll.dll kernel32.dll kernelbase.dll msvcrt.dll ucrtbase.dll)

wine64() {
    local w
    for w in /usr/lib/wine/wine64 "$(command -v wine64 2>/dev/null)"; do
        [ ! -x "$w" ] || { echo "$w"; return; }
    done
    echo "there is no wine64" >&2
    return 1
}

# Fetches the 32-bit half, once.
fetch() {
    local dir=build/wine32 list apt
    [ ! -e "$dir/root/usr/lib/wine/wine" ] || return 0
    command -v apt-get >/dev/null || { echo "no apt-get here, so Debian's wine32 can't be fetched" >&2; return 1; }
    rm -rf "$dir.new"
    mkdir -p "$dir.new"/{state/lists/partial,cache/archives/partial}
    # Debian's own release, whatever it is.
    list=$dir.new/list
    echo "deb [arch=i386] http://deb.debian.org/debian $(. /etc/os-release && echo "$VERSION_CODENAME") main" >"$list"
    apt=(-qq -o "Dir::State=$PWD/$dir.new/state" -o "Dir::Cache=$PWD/$dir.new/cache"
        -o "Dir::Etc::sourcelist=$PWD/$list" -o Dir::Etc::sourceparts=- -o APT::Architecture=i386
        -o APT::Architectures=i386 -o Debug::NoLocking=1 -o APT::Sandbox::User=root)
    (apt-get "${apt[@]}" update && cd "$dir.new" && apt-get "${apt[@]}" download libwine wine32) >&2
    for d in "$dir.new"/*.deb; do dpkg -x "$d" "$dir.new/root"; done
    # Of half a gigabyte a console program needs this.
    local wine=usr/lib/i386-linux-gnu/wine f
    for f in usr/lib/wine/wine usr/lib/wine/wineserver32 $wine/i386-unix/ntdll.so "${dlls[@]/#/$wine/i386-windows/}"; do
        install -D -m 755 "$dir.new/root/$f" "$dir.new/kept/$f"
    done
    mkdir -p "$dir.new/kept/usr/share/wine"
    cp -r "$dir.new/root/usr/share/wine/nls" "$dir.new/kept/usr/share/wine/"
    rm -rf "$dir.new/root"
    mv "$dir.new/kept" "$dir.new/root"
    rm -rf "$dir.new"/*.deb "$dir.new/state" "$dir.new/cache" "$dir"
    mv "$dir.new" "$dir"
}

compiler=$processor-w64-mingw32-gcc-posix
command -v "$compiler" >/dev/null || compiler=$processor-w64-mingw32-gcc
cat <<END
export CC=$compiler EXE=.exe LIBS="-static -lpthread -lm" MPS_TEST_NO_RLIMIT=1
export CFLAGS_EXTRA="-D__USE_MINGW_ANSI_STDIO=1 -Wno-format -I tests/client/windows -include posix.h"
export WINEDEBUG=-all WINEPREFIX=$folder/$processor
END
case $processor in
    x86_64)
        wine=$(wine64)
        cat <<END
unset WINEARCH WINEDLLPATH WINESERVER
export WINEDLLOVERRIDES="winedbg.exe,mscoree,mshtml=" WINELOADER=$wine RUN=$wine
STOP_WINE="WINEPREFIX=$folder/$processor $(dirname "$wine")/wineserver64 -k"
END
        ;;
    i686)
        fetch
        root=$PWD/build/wine32/root/usr/lib
        from=$root/i386-linux-gnu/wine
        # What wineboot would do, which wants more of the system than there is here.
        system=$folder/$processor/drive_c/windows/system32
        mkdir -p "$system"
        for d in "${dlls[@]}"; do cp -f "$from/i386-windows/$d" "$system"; done
        cat <<END
export WINEDLLOVERRIDES="wineboot.exe,winedbg.exe,mscoree,mshtml=" WINEARCH=win32 WINEDLLPATH=$from
export WINESERVER=$root/wine/wineserver32 WINELOADER=$root/wine/wine RUN=$root/wine/wine
STOP_WINE="WINEPREFIX=$folder/$processor $root/wine/wineserver32 -k"
END
        ;;
esac
