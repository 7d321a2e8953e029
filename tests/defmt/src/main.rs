//! Do events reach a defmt logger, and can they be read?
//!
//! The logger keeps what it is handed; afterwards it is decoded with what this
//! program's own file says of the frames, as a debugger's host would.
//! Build with `DEFMT_LOG=trace`, or defmt leaves everything out.

use defmt_decoder::{DecodeError, Table};
use mps::base::addr::Addr;
use mps::base::ptr::P;
use mps::mpm::{Config, Mpm};
use mps::object::format::{Format, Methods};
use mps::object::pool::ClassHandle;
use mps::pools::marksweep::LO;
use mps::seam::args;
use mps::seam::event;
use std::sync::Mutex;

/// What the logger was handed, and how many frames that was.
static SEEN: Mutex<(Vec<u8>, usize)> = Mutex::new((Vec::new(), 0));
static ENCODER: Mutex<defmt::Encoder> = Mutex::new(defmt::Encoder::new());

#[defmt::global_logger]
struct Logger;

fn keep(bytes: &[u8]) {
    SEEN.lock().unwrap().0.extend(bytes);
}

// SAFETY: only one thread logs here, and never from within.
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        ENCODER.lock().unwrap().start_frame(keep);
    }
    unsafe fn flush() {}
    unsafe fn release() {
        ENCODER.lock().unwrap().end_frame(keep);
        SEEN.lock().unwrap().1 += 1;
    }
    unsafe fn write(bytes: &[u8]) {
        ENCODER.lock().unwrap().write(bytes, keep);
    }
}

/// An object is its size and nothing more.
unsafe extern "C" fn skip(p: Addr) -> Addr {
    // SAFETY: the library asks about objects only.
    p.add(unsafe { *p.ptr::<usize>() })
}

static CLASS: ClassHandle = ClassHandle::new(&LO);

/// An arena, a pool of garbage, a collection.
fn work() {
    let params =
        mps::arena::Params { grain: 4096, size: 16 << 20, base: None, limit: usize::MAX, extra: 0 };
    let config = Config { spare: 0.5, pause_time: 0.1, ..Config::new(params) };
    let m = Mpm::create(mps::ports::DEFAULT, &config).unwrap();
    let format: P<Format> = Mpm::enter(m, |e| {
        let methods = Methods { align: size_of::<usize>(), skip, ..Methods::default() };
        let f = e.cx.arena.control_new(Format::new(m.addr().0, methods)).unwrap();
        e.formats.push_back(f);
        f
    });
    let pool = args::with(&[], |a| Mpm::enter(m, |e| e.new_pool(&CLASS, Some(format), a))).unwrap();
    let ap = args::with(&[], |a| Mpm::enter(m, |e| e.new_ap(pool, a))).unwrap();
    for _ in 0..1000 {
        let p = Mpm::enter(m, |e| e.fill(ap, 4096)).unwrap();
        // SAFETY: that much was reserved.
        unsafe { p.ptr::<usize>().write(4096) };
        ap.init.set(ap.alloc.get());
    }
    Mpm::enter(m, |e| {
        mps::object::buffer::detach(ap);
        e.collect().unwrap();
    });
    // SAFETY: nobody uses them any more, and each goes before what it is part of.
    unsafe {
        Mpm::enter(m, |e| e.ap_destroy(ap));
        Mpm::enter(m, |e| e.pool_destroy(pool));
        Mpm::enter(m, |e| e.formats.remove(format));
        Mpm::destroy(m);
    }
}

fn main() {
    work();
    let silent = SEEN.lock().unwrap().1 == 0;

    event::set(usize::MAX);
    let label = event::intern(b"a label\0 and more");
    let odd = event::intern(b"not \xff UTF-8");
    work();
    event::reset(usize::MAX);
    let (bytes, frames) = std::mem::take(&mut *SEEN.lock().unwrap());
    work();
    let silent_again = SEEN.lock().unwrap().1 == 0;

    let file = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let table =
        Table::parse(&file).unwrap().expect("no .defmt section: was it linked with defmt.x?");
    let mut decoder = table.new_stream_decoder();
    decoder.received(&bytes);
    let mut said = Vec::new();
    let mut good = true;
    loop {
        match decoder.decode() {
            Ok(f) => said.push(format!(
                "{:?} {}",
                f.level().map(|l| l.as_str().to_string()),
                f.display_message()
            )),
            Err(DecodeError::UnexpectedEof) => break,
            Err(DecodeError::Malformed) => {
                good = false;
                break;
            }
        }
    }

    let mut failed = 0;
    let mut passed = 0;
    let mut check = |what: &str, good: bool| {
        if good {
            passed += 1
        } else {
            failed += 1
        }
        println!("{} {what}", if good { "ok  " } else { "FAIL" });
    };
    let count = |level: &str, words: &[&str]| {
        said.iter().filter(|s| s.contains(level) && words.iter().all(|w| s.contains(w))).count()
    };
    check("nothing while no category is on", silent && silent_again);
    check("all frames can be read", good && said.len() == frames && frames > 20);
    check(
        "arena",
        count("info", &["arena 0x", "created, grain size 4096, client's memory: false"]) == 1,
    );
    check("pool", count("info", &["arena 0x", "pool 0x", "class LO"]) == 1);
    check("labels", count("info", &[&format!("label {label} is \"a label\"")]) == 1);
    check("labels that are not UTF-8", count("info", &[&format!("label {odd} is \"not \"")]) == 1);
    check(
        "why",
        count("info", &["collection starts, full: true; The client asked for a full collection."])
            == 1,
    );
    check("end", count("info", &["collection ends, "]) == count("info", &["collection starts"]));
    check(
        "steps and pauses",
        count("debug", &[": step, "]) >= 1 && count("debug", &[": pause, "]) >= 1,
    );
    check("generations", count("debug", &["generation 0 of chain 0x"]) >= 2);
    check("work", count("debug", &["bytes moved", "write hits, calls: "]) >= 2);
    check("segments", count("trace", &["segment 0x", "created"]) >= 10);
    check(
        "and their end",
        count("trace", &["segment 0x", "created"]) == count("trace", &["segment 0x", "destroyed"]),
    );
    if failed != 0 {
        said.iter().for_each(|s| println!("    {s}"));
    }
    println!("{passed} passed, {failed} failed");
    std::process::exit((failed != 0) as i32);
}
