//! Runs each operation of `micro.c` under criterion. What is timed is what `micro.c` says that
//! it took, not the call: making objects and collecting is between.

use criterion::{Criterion, criterion_group, criterion_main};
use std::time::Duration;

fn operations(c: &mut Criterion) {
    let mut from = 0;
    let all = micro::all();
    while let Some(first) = all.get(from) {
        let same = all[from..].iter().take_while(|o| o.group() == first.group()).count();
        let mut group = c.benchmark_group(first.group());
        for o in &all[from..from + same] {
            let mut open = None;
            group.bench_function(o.name(), |b| {
                // Here, so that what a filter leaves out is not opened.
                let open = open.get_or_insert_with(|| o.open());
                b.iter_custom(|n| Duration::from_nanos(open.run(n)));
            });
        }
        group.finish();
        from += same;
    }
}

criterion_group!(benches, operations);
criterion_main!(benches);
