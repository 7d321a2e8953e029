//! The default plinth: `mpslib.h` and `mpsio.h`, on top of what the C standard's library has.
//! What else it needs (the clock, a file, the two streams) is `ports::process`, the system's own.
//!
//! A client that defines a function of one of these names gets its own. In ELF and Mach-O the symbols
//! here are weak. Each is a jump to the function below. It is not the function itself, because the
//! compiler would then see what calls from the core do, inline them, and never call the client's.
//!
//! COFF has no weak definitions that GNU ld takes when it meets the reference first. There the
//! symbols are in members of the archive of their own, which linkers take only for what is
//! not defined yet. Each jumps to its place in the table `mps_int_plinth`.
//!
//! The core calls them in signal handlers, too, and with the arena's lock held.

use super::process::{self, File};
use crate::base::res::Res;
use core::ffi::{CStr, c_char, c_int, c_uint, c_ulong, c_void};
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// The C standard's.
mod sys {
    use super::File;
    use core::ffi::{c_char, c_int};

    unsafe extern "C" {
        pub fn abort() -> !;
        pub fn getenv(name: *const c_char) -> *const c_char;
        pub fn fputc(c: c_int, stream: *mut File) -> c_int;
        pub fn fputs(s: *const c_char, stream: *mut File) -> c_int;
        pub fn fflush(stream: *mut File) -> c_int;
    }
}

macro_rules! replaceable {
    ($($symbol:ident => $function:path;)*) => {
        $(
            #[cfg(all(not(windows), not(mach_o), any(target_arch = "x86_64", target_arch = "x86")))]
            replaceable!(weak $symbol, $function, "@function", "jmp {}");
            #[cfg(all(mach_o, target_arch = "x86_64"))]
            replaceable!(coalesced $symbol, $function, "jmp {}");
            #[cfg(all(mach_o, target_arch = "aarch64"))]
            replaceable!(coalesced $symbol, $function, "b {}");
            #[cfg(all(not(mach_o), target_arch = "aarch64"))]
            replaceable!(weak $symbol, $function, "%function", "b {}");
            #[cfg(target_arch = "riscv64")]
            replaceable!(weak $symbol, $function, "@function", "tail {}");
        )*
        #[cfg(all(windows, target_arch = "x86_64"))]
        replaceable!(table "mps_int_plinth", $($symbol => $function;)*);
        // There C's names begin with an underscore.
        #[cfg(all(windows, target_arch = "x86"))]
        replaceable!(table "_mps_int_plinth", $($symbol => $function;)*);
        #[cfg(test)]
        const NAMES: &[&str] = &[$(stringify!($symbol)),*];
    };
    (weak $symbol:ident, $function:path, $type:literal, $jump:literal) => {
        core::arch::global_asm!(
            concat!(".pushsection .text.", stringify!($symbol), ",\"ax\""),
            concat!(".weak ", stringify!($symbol)),
            concat!(".type ", stringify!($symbol), ",", $type),
            concat!(stringify!($symbol), ":"),
            $jump,
            concat!(".size ", stringify!($symbol), ", . - ", stringify!($symbol)),
            ".popsection",
            sym $function,
        );
    };
    // There C's names begin with an underscore.
    (coalesced $symbol:ident, $function:path, $jump:literal) => {
        core::arch::global_asm!(
            ".pushsection __TEXT,__text,regular,pure_instructions",
            concat!(".globl _", stringify!($symbol)),
            concat!(".weak_definition _", stringify!($symbol)),
            ".p2align 2",
            concat!("_", stringify!($symbol), ":"),
            $jump,
            ".popsection",
            sym $function,
        );
    };
    (table $table:literal, $($symbol:ident => $function:path;)*) => {
        core::arch::global_asm!(
            concat!(".globl ", $table),
            concat!(".def ", $table, "; .scl 2; .type 32; .endef"),
            ".text",
            ".p2align 3",
            concat!($table, ":"),
            $(concat!(".p2align 3\njmp {} # ", stringify!($symbol)),)*
            $(sym $function,)*
        );
    };
}

// In the order of link/plinth.txt: link/localize.mk counts.
replaceable! {
    mps_clock => clock;
    mps_clocks_per_sec => clocks_per_sec;
    mps_io_create => io_create;
    mps_io_destroy => io_destroy;
    mps_io_flush => io_flush;
    mps_io_write => io_write;
    mps_lib_assert_fail => assert_fail;
    mps_lib_assert_fail_install => assert_fail_install;
    mps_lib_fputc => fputc;
    mps_lib_fputs => fputs;
    mps_lib_get_EOF => get_eof;
    mps_lib_get_stderr => get_stderr;
    mps_lib_get_stdout => get_stdout;
    mps_lib_memcmp => memcmp;
    mps_lib_memcpy => memcpy;
    mps_lib_memset => memset;
    mps_lib_telemetry_control => telemetry_control;
}

// Streams.

extern "C" fn get_eof() -> c_int {
    -1
}

extern "C" fn get_stderr() -> *mut File {
    process::stderr()
}

extern "C" fn get_stdout() -> *mut File {
    process::stdout()
}

unsafe extern "C" fn fputc(c: c_int, stream: *mut File) -> c_int {
    // SAFETY: the caller got the stream from us.
    unsafe { sys::fputc(c, stream) }
}

unsafe extern "C" fn fputs(s: *const c_char, stream: *mut File) -> c_int {
    // SAFETY: the caller got the stream from us and passes a string.
    unsafe { sys::fputs(s, stream) }
}

// Assertions.

type AssertHandler = unsafe extern "C" fn(*const c_char, c_uint, *const c_char);

/// The client's handler; 0: the default one below.
static ASSERT_HANDLER: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn assert_fail(file: *const c_char, line: c_uint, condition: *const c_char) {
    // SAFETY: the caller passes strings.
    unsafe { assert_handler()(file, line, condition) }
}

extern "C" fn assert_fail_install(handler: AssertHandler) -> AssertHandler {
    let old = assert_handler();
    ASSERT_HANDLER.store(handler as usize, Ordering::Release);
    old
}

fn assert_handler() -> AssertHandler {
    match ASSERT_HANDLER.load(Ordering::Acquire) {
        0 => print_assertion,
        // SAFETY: nothing else is stored there.
        f => unsafe { core::mem::transmute::<usize, AssertHandler>(f) },
    }
}

/// Prints the report and aborts, in both archives. A client that wants to go on installs a
/// handler that returns; then a call that is refused for its arguments gives an error code.
unsafe extern "C" fn print_assertion(file: *const c_char, line: c_uint, condition: *const c_char) {
    let mut digits = [0u8; 12];
    let mut n = line;
    for d in digits.iter_mut().rev().skip(1) {
        *d = b'0' + (n % 10) as u8;
        n /= 10;
    }
    // The last byte stays the string's end.
    let number = digits.iter().position(|d| *d != b'0').unwrap_or(0);
    let number = digits.get(number.min(10)..).unwrap_or_default();
    let out = get_stderr();
    // SAFETY: strings all, and a stream of libc's.
    unsafe {
        sys::fflush(get_stdout());
        sys::fputs(file, out);
        sys::fputs(c":".as_ptr(), out);
        sys::fputs(number.as_ptr().cast(), out);
        sys::fputs(c": MPS assertion failed: ".as_ptr(), out);
        sys::fputs(condition, out);
        sys::fputs(c"\n".as_ptr(), out);
        sys::fflush(out);
    }
    // SAFETY: no preconditions.
    unsafe { sys::abort() }
}

// Memory.

unsafe extern "C" fn memset(p: *mut c_void, byte: c_int, n: usize) -> *mut c_void {
    // SAFETY: the caller has `n` bytes there.
    unsafe { p.cast::<u8>().write_bytes(byte as u8, n) };
    p
}

unsafe extern "C" fn memcpy(to: *mut c_void, from: *const c_void, n: usize) -> *mut c_void {
    // SAFETY: the caller has `n` bytes at each, apart.
    unsafe { to.cast::<u8>().copy_from_nonoverlapping(from.cast(), n) };
    to
}

unsafe extern "C" fn memcmp(a: *const c_void, b: *const c_void, n: usize) -> c_int {
    if n == 0 {
        return 0;
    }
    // SAFETY: the caller has `n` bytes at each.
    let (a, b) = unsafe {
        (
            core::slice::from_raw_parts(a.cast::<u8>(), n),
            core::slice::from_raw_parts(b.cast::<u8>(), n),
        )
    };
    match a.cmp(b) {
        core::cmp::Ordering::Less => -1,
        core::cmp::Ordering::Equal => 0,
        core::cmp::Ordering::Greater => 1,
    }
}

// The clock, in microseconds. It wraps where a word has 32 bits.

extern "C" fn clock() -> usize {
    process::microseconds() as usize
}

extern "C" fn clocks_per_sec() -> usize {
    1_000_000
}

// Telemetry.

/// The categories and their bits.
const CATEGORIES: [(&[u8], u32); 9] = [
    (b"arena", 0),
    (b"pool", 1),
    (b"trace", 2),
    (b"seg", 3),
    (b"segment", 3),
    (b"ref", 4),
    (b"reference", 4),
    (b"object", 5),
    (b"user", 6),
];

extern "C" fn telemetry_control() -> c_ulong {
    owner();
    match variable(c"MPS_TELEMETRY_CONTROL") {
        Some(s) => filter(s.to_bytes()),
        None => 0,
    }
}

/// The filter that a control string asks for: a number as C writes it, or
/// names of categories.
fn filter(s: &[u8]) -> c_ulong {
    let s = s.trim_ascii_start();
    if s.first().is_some_and(u8::is_ascii_digit) {
        return number(s);
    }
    let mut set = 0;
    for word in s.split(|c| *c == b' ') {
        if word.eq_ignore_ascii_case(b"all") {
            return c_ulong::MAX;
        }
        for (name, bit) in CATEGORIES {
            if word.eq_ignore_ascii_case(name) {
                set |= 1 << bit;
            }
        }
    }
    set
}

/// As `strtoul` reads it with base 0.
fn number(s: &[u8]) -> c_ulong {
    let (digits, base) = match s {
        [b'0', b'x' | b'X', d, ..] if d.is_ascii_hexdigit() => (s.get(2..).unwrap_or_default(), 16),
        [b'0', ..] => (s, 8),
        _ => (s, 10),
    };
    let mut n: c_ulong = 0;
    for c in digits {
        let Some(d) = (*c as char).to_digit(base) else { break };
        let next = n.checked_mul(c_ulong::from(base)).and_then(|m| m.checked_add(c_ulong::from(d)));
        match next {
            Some(m) => n = m,
            None => return c_ulong::MAX,
        }
    }
    n
}

fn variable(name: &CStr) -> Option<&'static CStr> {
    // SAFETY: a string.
    let p = unsafe { sys::getenv(name.as_ptr()) };
    if p.is_null() {
        return None;
    }
    // SAFETY: the environment's own string; clients do not change it while the
    // library starts.
    Some(unsafe { CStr::from_ptr(p) })
}

// The stream goes by system calls, not by stdio: other threads may be stopped
// while it is written, one of them with the allocator's lock. A handle is the system's number
// for the file and one more.

/// The process whose stream has the plain name: the first to have an arena or a
/// stream. What it forks adds its number, or they would write over each other.
fn owner() -> u32 {
    static OWNER: AtomicU32 = AtomicU32::new(0);
    let me = process::number();
    match OWNER.compare_exchange(0, me, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => me,
        Err(other) => other,
    }
}

/// A file's name, in room for one.
struct Name([u8; 1024]);

impl Name {
    /// `name`, a dot and `number`; `None` if that is too long.
    fn numbered(name: &CStr, number: u32) -> Option<Name> {
        let mut digits = [0u8; 10];
        let mut n = number;
        let mut first = digits.len();
        for (i, d) in digits.iter_mut().enumerate().rev() {
            *d = b'0' + (n % 10) as u8;
            first = i;
            n /= 10;
            if n == 0 {
                break;
            }
        }
        let mut all = Name([0; 1024]);
        let text = name.to_bytes().iter().chain(b".").chain(digits.get(first..)?);
        let mut room = all.0.iter_mut();
        for c in text {
            *room.next()? = *c;
        }
        // What ends the string.
        room.next()?;
        Some(all)
    }
}

unsafe extern "C" fn io_create(out: *mut *mut c_void) -> c_int {
    let plain = variable(c"MPS_TELEMETRY_FILENAME").unwrap_or(c"mpsio.log");
    let me = process::number();
    let of_child;
    let name = if owner() == me {
        plain
    } else {
        of_child = Name::numbered(plain, me);
        match of_child.as_ref().and_then(|n| CStr::from_bytes_until_nul(&n.0).ok()) {
            Some(name) => name,
            None => return Res::Io.code(),
        }
    };
    let Some(file) = process::create_file(name) else {
        return Res::Io.code();
    };
    // SAFETY: the caller has room for a handle.
    unsafe { *out = core::ptr::without_provenance_mut(file + 1) };
    Res::OK
}

fn file(io: *mut c_void) -> usize {
    io.addr() - 1
}

unsafe extern "C" fn io_destroy(io: *mut c_void) {
    process::close_file(file(io));
}

unsafe extern "C" fn io_write(io: *mut c_void, buf: *const c_void, n: usize) -> c_int {
    let mut done = 0usize;
    while done < n {
        // SAFETY: a file of ours and `n` bytes.
        let wrote =
            unsafe { process::write_file(file(io), buf.cast::<u8>().wrapping_add(done), n - done) };
        match wrote {
            Some(bytes) => done += bytes,
            None => return Res::Io.code(),
        }
    }
    Res::OK
}

/// Does nothing: no bytes are kept back.
unsafe extern "C" fn io_flush(_: *mut c_void) -> c_int {
    Res::OK
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::ToOwned;

    #[test]
    fn control_strings() {
        assert_eq!(filter(b""), 0);
        assert_eq!(filter(b"arena TRACE Seg ref bogus"), 0b11101);
        assert_eq!(filter(b"all"), c_ulong::MAX);
        assert_eq!(filter(b"0x1F arena"), 0x1F);
        assert_eq!(filter(b"010"), 8);
        assert_eq!(filter(b"12,3"), 12);
        assert_eq!(filter(b"arena,pool"), 0);
        assert_eq!(filter(b"0x"), 0);
        assert_eq!(filter(b"99999999999999999999999999"), c_ulong::MAX);
    }

    #[test]
    fn names_with_numbers() {
        let named = |s: &CStr, n| {
            let all = Name::numbered(s, n)?;
            Some(CStr::from_bytes_until_nul(&all.0).unwrap().to_str().unwrap().to_owned())
        };
        assert_eq!(named(c"a.log", 0).unwrap(), "a.log.0");
        assert_eq!(named(c"a.log", 4096).unwrap(), "a.log.4096");
        assert_eq!(named(c"", c_int::MAX as u32).unwrap(), ".2147483647");
        let long = |n| std::ffi::CString::new(std::vec![b'x'; n]).unwrap();
        assert_eq!(named(&long(1020), 12).unwrap().len(), 1023);
        assert_eq!(named(&long(1021), 12), None);
    }

    /// What counts the names in link/plinth.txt finds each function.
    #[test]
    fn names_are_in_the_order_of_the_list() {
        let list = include_str!("../link/plinth.txt");
        let names: std::vec::Vec<_> = list.lines().filter(|l| !l.starts_with('#')).collect();
        assert_eq!(names, NAMES);
    }

    #[test]
    fn clock_goes_on() {
        let t = clock();
        let mut n = 0u64;
        while clock() == t {
            n += 1;
        }
        assert!(n < 1_000_000 && clocks_per_sec() == 1_000_000);
    }

    #[test]
    fn weak_symbols_reach_the_functions() {
        unsafe extern "C" {
            fn mps_clocks_per_sec() -> usize;
            fn mps_lib_get_EOF() -> c_int;
            fn mps_lib_memcmp(a: *const c_void, b: *const c_void, n: usize) -> c_int;
        }
        // SAFETY: as declared above.
        unsafe {
            assert_eq!(mps_clocks_per_sec(), 1_000_000);
            assert_eq!(mps_lib_get_EOF(), -1);
            assert!(mps_lib_memcmp(c"abc".as_ptr().cast(), c"abd".as_ptr().cast(), 3) < 0);
        }
    }
}
