//! One line an event: for people, and as JSON.

use crate::Input;
use crate::stream::{Event, WHY_READ, WHY_STEP, WHY_WRITE, Work};
use serde::Serialize;
use std::io::{Result, Write};

/// For people: seconds, then what happened.
pub fn text(inputs: &[Input], out: &mut dyn Write) -> Result<()> {
    for input in inputs {
        for (i, s) in input.streams.iter().enumerate() {
            let name = input.stream_name(i);
            writeln!(out, "# {name}: words of {} bytes, {} ticks a second", s.word, s.rate)?;
            for e in &s.events {
                writeln!(out, "{:14.6} {}", s.seconds(e.clock), line(&e.event))?;
            }
        }
        if let Some(e) = input.wrong {
            writeln!(out, "# {e}")?;
        }
    }
    Ok(())
}

/// Why a pause was, in words.
pub fn cause(why: u64) -> String {
    let words: Vec<&str> =
        [(WHY_STEP, "step"), (WHY_READ, "read barrier"), (WHY_WRITE, "write barrier")]
            .into_iter()
            .filter(|(bit, _)| why & bit != 0)
            .map(|(_, word)| word)
            .collect();
    if words.is_empty() { "unknown".to_string() } else { words.join(", ") }
}

fn line(e: &Event) -> String {
    match e {
        Event::Lost { events } => format!("lost          {events} events"),
        Event::ArenaCreate { arena, grain, client } => {
            let kind = if *client { "client" } else { "vm" };
            format!("arena create  {arena} {kind} grain {grain}")
        }
        Event::ArenaDestroy { arena } => format!("arena destroy {arena}"),
        Event::Memory { arena, reserved, committed, spare } => {
            format!("memory        {arena} reserved {reserved} committed {committed} spare {spare}")
        }
        Event::PoolCreate { arena, pool, class } => {
            format!("pool create   {arena} {pool} {class}")
        }
        Event::PoolDestroy { pool } => format!("pool destroy  {pool}"),
        Event::TraceStart { arena, full, why } => {
            format!("trace start   {arena}{} {why:?}", if *full { " full" } else { "" })
        }
        Event::TraceFlip { arena, condemned, not_condemned } => {
            format!("trace flip    {arena} condemned {condemned} not condemned {not_condemned}")
        }
        Event::TraceEnd { arena, condemned, not_condemned, live } => format!(
            "trace end     {arena} condemned {condemned} not condemned {not_condemned} live {live}"
        ),
        Event::Step { arena, ticks } => format!("step          {arena} {ticks} ticks"),
        Event::SegCreate { pool, base, size } => {
            format!("seg create    {pool} {base} size {size}")
        }
        Event::SegDestroy { base, size } => format!("seg destroy   {base} size {size}"),
        Event::Intern { label, text } => format!("intern        {label} {text:?}"),
        Event::Label { address, label } => format!("label         {address} {label}"),
        Event::Generation { arena, chain, number, bytes } => {
            format!("generation    {arena} chain {chain} number {number} bytes {bytes}")
        }
        Event::Pause { arena, ticks, why } => {
            format!("pause         {arena} {ticks} ticks ({})", cause(*why))
        }
        Event::Work(Work {
            arena,
            moved,
            reclaimed,
            read_hits,
            write_hits,
            map_calls,
            unmap_calls,
            protect_calls,
        }) => format!(
            "work          {arena} moved {moved} reclaimed {reclaimed} hits {read_hits} read {write_hits} write \
             calls {map_calls} map {unmap_calls} unmap {protect_calls} protect"
        ),
        Event::Forked => "forked        this is a child process".to_string(),
        Event::Pace { arena, expected, done, room, allocated, late } => format!(
            "pace          {arena} work {done} expected {expected} allocated {allocated} room {room}{}",
            if *late { " late" } else { "" }
        ),
        Event::HeapBegin { arena } => format!("heap begin    {arena}"),
        Event::HeapPool { pool, format, bytes, free, class } => {
            format!("heap pool     {pool} format {format} bytes {bytes} free {free} {class}")
        }
        Event::HeapObject { pool, address, size, generation } => {
            format!("heap object   {pool} {address} size {size} generation {generation}")
        }
        Event::HeapRoot { root, rank, kind } => format!("heap root     {root} rank {rank} {kind}"),
        Event::HeapRefs { rank, distances } => {
            format!("heap refs     rank {rank} distances {distances:?}")
        }
        Event::HeapEnd { arena, objects, references } => {
            format!("heap end      {arena} objects {objects} references {references}")
        }
        Event::Unknown { kind, payload } => format!("kind {kind:<8} {payload} bytes"),
    }
}

#[derive(Serialize)]
struct Line<'a> {
    stream: &'a str,
    seconds: f64,
    clock: u64,
    #[serde(flatten)]
    event: &'a Event,
}

/// As JSON, an object a line.
pub fn json(inputs: &[Input], out: &mut dyn Write) -> Result<()> {
    for input in inputs {
        for (i, s) in input.streams.iter().enumerate() {
            let stream = input.stream_name(i);
            for e in &s.events {
                let seconds = s.seconds(e.clock);
                let line = Line { stream: &stream, seconds, clock: e.clock, event: &e.event };
                serde_json::to_writer(&mut *out, &line)?;
                writeln!(out)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::testing::sample;

    #[test]
    fn as_text() {
        let mut out = Vec::new();
        let cut = sample().len() - 1;
        text(&[Input::of("a", &sample()), Input::of("b", &sample()[..cut])], &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out.lines().filter(|l| !l.starts_with('#')).count(), 50 + 49);
        assert!(out.contains("      0.000015 pool create   0x1000 0x2000 AMC\n"), "{out}");
        assert!(out.contains("pause         0x1000 20 ticks (write barrier)\n"));
        assert!(out.ends_with("is not all there\n"));
    }

    #[test]
    fn as_json() {
        let mut out = Vec::new();
        json(&[Input::of("a", &sample())], &mut out).unwrap();
        let lines: Vec<serde_json::Value> = String::from_utf8(out)
            .unwrap()
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect();
        assert_eq!(lines.len(), 50);
        assert_eq!(lines[1]["event"], "PoolCreate");
        assert_eq!(lines[1]["pool"], "0x2000");
        assert_eq!(lines[1]["clock"], 5015);
        assert_eq!(lines[1]["seconds"], 0.000015);
        let work = lines.iter().find(|l| l["event"] == "Work").unwrap();
        assert_eq!((&work["arena"], &work["moved"]), (&"0x1000".into(), &(1 << 20).into()));
    }
}
