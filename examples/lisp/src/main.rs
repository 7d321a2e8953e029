//! A Lisp without `unsafe`, on the face for Rust programs.

mod compile;
mod data;
mod prims;
mod text;
mod vm;

use data::*;
use mps::{Heap, Options};
use std::process::exit;
use vm::Vm;

const PRELUDE: &[u8] = include_bytes!("../../scheme/prelude.scm");

/// Runs texts one after the other; the exit code.
fn main() {
    let mut options = Options { limit: 1 << 30, ..Options::default() };
    let (mut texts, mut every) = (vec![PRELUDE.to_vec()], 0);
    let mut args = std::env::args().skip(1);
    let mut summary = false;
    while let Some(arg) = args.next() {
        let mut value = || args.next().unwrap_or_default();
        match arg.as_str() {
            "-p" => options.pause_time = value().parse().unwrap_or(0.0),
            "-g" => every = value().parse().unwrap_or(0),
            "-a" => {
                options.limit = value().trim_end_matches('M').parse::<usize>().unwrap_or(1024) << 20
            }
            "-e" => texts.push(value().into_bytes()),
            "-s" => summary = true,
            file => match std::fs::read(file) {
                Ok(text) => texts.push(text),
                Err(why) => {
                    eprintln!("{file}: {why}");
                    exit(2);
                }
            },
        }
    }
    // Deep expressions are compiled by recursion.
    let run = move || Heap::with(&options, |heap| run(heap, texts, every, summary));
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(run);
    match thread.map(std::thread::JoinHandle::join) {
        Ok(Ok(Ok(Ok(code)))) => exit(code),
        _ => {
            eprintln!("lisp: cannot start or go on");
            exit(3);
        }
    }
}

fn run<'id>(
    heap: &mut Heap<'id>,
    texts: Vec<Vec<u8>>,
    every: usize,
    summary: bool,
) -> Result<i32, mps::Res> {
    let roots = Roots {
        stack: heap.root_array(STACK)?,
        globals: heap.root_array(TABLES)?,
        consts: heap.root_array(TABLES)?,
        regs: heap.root_array(8)?,
    };
    let mut vm = Vm::new();
    vm.start(Cx { heap, roots: &roots })?;
    let mut code = 0;
    for (i, text) in texts.iter().enumerate() {
        vm.every = if i == 0 { 0 } else { every };
        code = vm.load(heap, &roots, text);
        if code != 0 {
            break;
        }
    }
    vm.flush();
    if summary {
        eprintln!(
            "{} collections, {} bytes allocated, {} committed",
            heap.collections(),
            heap.allocated(),
            heap.committed()
        );
    }
    Ok(code)
}
