//! The trace event format that chrome://tracing and ui.perfetto.dev read.
//!
//! Each stream is a process; its arenas have three tracks each (collections,
//! steps, pauses) and counters for memory.

use crate::Input;
use crate::model::Process;
use crate::stream::{Event, Timed};
use crate::text::cause;
use serde_json::{Value, json};
use std::io::{Result, Write};

/// Tracks of an arena.
const TRACKS: [&str; 3] = ["collections", "steps", "pauses"];

/// Writes the whole file.
pub fn trace(inputs: &[Input], out: &mut dyn Write) -> Result<()> {
    let mut first = true;
    let mut put = |out: &mut dyn Write, v: Value| -> Result<()> {
        out.write_all(if first { b"\n" } else { b",\n" })?;
        first = false;
        serde_json::to_writer(out, &v).map_err(Into::into)
    };
    write!(out, "{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[")?;
    let mut pid = 0;
    for input in inputs {
        for (i, s) in input.streams.iter().enumerate() {
            pid += 1;
            let name = input.stream_name(i);
            put(
                out,
                json!({"ph": "M", "name": "process_name", "pid": pid, "args": {"name": name}}),
            )?;
            let us = |seconds: f64| seconds * 1e6;
            for Timed { clock, event } in &s.events {
                let ts = us(s.seconds(*clock));
                match event {
                    Event::Memory { arena, reserved: _, committed, spare } => put(
                        out,
                        json!({"ph": "C", "pid": pid, "ts": ts, "name": format!("{arena} memory"),
                               "args": {"used": committed.saturating_sub(*spare), "spare": spare}}),
                    )?,
                    Event::Generation { arena, chain, number, bytes } => {
                        let name = if chain.0 == 0 {
                            format!("{arena} top generation")
                        } else {
                            format!("{arena} generation {number} of {chain}")
                        };
                        put(
                            out,
                            json!({"ph": "C", "pid": pid, "ts": ts, "name": name, "args": {"bytes": bytes}}),
                        )?;
                    }
                    Event::TraceFlip { arena, condemned, not_condemned } => put(
                        out,
                        json!({"ph": "i", "s": "p", "pid": pid, "tid": 0, "ts": ts, "name": "flip",
                               "args": {"arena": arena, "condemned": condemned, "not condemned": not_condemned}}),
                    )?,
                    Event::Forked => put(
                        out,
                        json!({"ph": "i", "s": "p", "pid": pid, "tid": 0, "ts": ts, "name": "forked"}),
                    )?,
                    Event::Lost { events } => put(
                        out,
                        json!({"ph": "i", "s": "p", "pid": pid, "tid": 0, "ts": ts,
                               "name": "events lost", "args": {"events": events}}),
                    )?,
                    _ => {}
                }
            }
            // What takes more than one event to know.
            for (n, a) in Process::new(&name, s).arenas.iter().enumerate() {
                for (track, what) in TRACKS.iter().enumerate() {
                    let args = json!({"name": format!("{} {what}", a.address)});
                    let tid = n * TRACKS.len() + track + 1;
                    put(
                        out,
                        json!({"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": args}),
                    )?;
                }
                let slice = |track: usize, start: f64, end: f64, name: &str, args: Value| {
                    json!({"ph": "X", "pid": pid, "tid": n * TRACKS.len() + track + 1, "name": name,
                           "ts": us(start), "dur": us(end - start).max(0.0), "args": args})
                };
                for (start, end) in &a.steps {
                    put(out, slice(1, *start, *end, "step", Value::Null))?;
                }
                for p in &a.pauses {
                    put(out, slice(2, p.start, p.end, &cause(p.why), Value::Null))?;
                }
                for c in &a.collections {
                    let end = c.end.unwrap_or(a.to);
                    let name = if c.full { "full collection" } else { "collection" };
                    let args = json!({"why": c.why, "condemned": c.condemned, "survived": c.live,
                                      "not condemned": c.not_condemned, "moved": c.moved,
                                      "finished": c.end.is_some()});
                    put(out, slice(0, c.start, end, name, args))?;
                }
            }
        }
    }
    writeln!(out, "\n]}}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::testing::sample;

    #[test]
    fn as_a_trace() {
        let mut out = Vec::new();
        trace(&[Input::of("a", &sample()), Input::of("b", &sample())], &mut out).unwrap();
        let all: Value = serde_json::from_slice(&out).unwrap();
        let events = all["traceEvents"].as_array().unwrap();
        let of = |pid: u64, tid: u64| -> Vec<&Value> {
            events.iter().filter(|e| e["ph"] == "X" && e["pid"] == pid && e["tid"] == tid).collect()
        };
        for pid in [1, 2] {
            let (collections, steps, pauses) = (of(pid, 1), of(pid, 2), of(pid, 3));
            assert_eq!((collections.len(), steps.len(), pauses.len()), (3, 3, 9));
            assert_eq!(collections[1]["name"], "full collection");
            assert_eq!(collections[1]["args"]["survived"], 1 << 20);
            let end = |e: &Value| e["ts"].as_f64().unwrap() + e["dur"].as_f64().unwrap();
            assert!((steps[1]["dur"].as_f64().unwrap() - 3000.0).abs() < 1e-6);
            // The pause that the last step makes ends with the collection.
            assert!((end(collections[2]) - end(pauses[8])).abs() < 1e-6);
        }
        let names: Vec<_> = events
            .iter()
            .filter(|e| e["name"] == "process_name")
            .map(|e| &e["args"]["name"])
            .collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(events.iter().filter(|e| e["ph"] == "C").count(), 2 * 3 * 6);
    }
}
