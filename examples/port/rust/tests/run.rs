//! Runs the program on a host: memory from the host, and a clock that stands still, goes on
//! whenever it is looked at, or by a timer.

use port_example::board::{BOARD, set_clock, tick};
use port_example::{Report, run};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The machine is one; so one test at a time uses it.
static ONE: Mutex<()> = Mutex::new(());

/// Runs it with the clock at `ticks`, `look` more with each look.
fn collect(ticks: usize, look: usize) -> Report {
    set_clock(ticks, look);
    let mut memory = vec![0xA5u8; 256 << 10];
    // SAFETY: nobody else uses it meanwhile.
    let r = unsafe { run(&mut memory, 5000) }.expect("there is enough memory");
    println!("{r:?}");
    assert_eq!(r.wrong, 0);
    assert!(r.compared > 1000);
    assert!(r.collections > 5 && r.moved > 0);
    assert!(!BOARD.masked(), "interrupts are as they were");
    r
}

#[test]
fn collects_step_by_step() {
    let _one = ONE.lock();
    let r = collect(0, 1);
    assert!(r.steps >= 2 * r.collections, "in steps");
    assert!(r.hits > 0, "with a barrier");
}

#[test]
fn goes_on_by_a_timer() {
    let _one = ONE.lock();
    let stop = AtomicBool::new(false);
    std::thread::scope(|s| {
        s.spawn(|| {
            // Not for ever, or a failure would hang here.
            for _ in 0..100_000 {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                tick();
                std::thread::sleep(Duration::from_micros(100));
            }
        });
        collect(0, 0);
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn the_clock_stands_still() {
    let _one = ONE.lock();
    // No step ever ends in time: each collection is one.
    let r = collect(7, 0);
    assert!(r.steps >= r.collections);
}

#[test]
fn the_clock_wraps_around() {
    let _one = ONE.lock();
    let usual = collect(0, 1);
    let r = collect(usize::MAX - 200, 1);
    assert_eq!(r.steps, usual.steps, "nothing is different");
    assert_eq!(r.hits, usual.hits);
}

#[test]
fn too_little_memory_is_an_error() {
    let _one = ONE.lock();
    let mut memory = [0u8; 4096];
    // SAFETY: nobody else uses it meanwhile.
    assert!(unsafe { run(&mut memory, 10) }.is_err());
}
