//! A page with plots that needs nothing but itself.
//!
//! Plotly draws; its script is part of the page. Every plot says in
//! `data-expect` how many marks of each sort it was given, so that a test can
//! see whether they were drawn.

mod plots;

use crate::Input;
use crate::model::{Arena, Process, Waits, percentile};
use plotly::Plot;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Error, Result, Write};

/// A plot and what goes with it.
struct Figure {
    id: String,
    title: &'static str,
    /// What is to be seen, in a sentence or two.
    caption: String,
    plot: Plot,
    expect: Expect,
}

/// Marks that are to be drawn.
#[derive(Default)]
struct Expect {
    bars: usize,
    points: usize,
    lines: usize,
    fills: usize,
}

/// Writes the page.
pub fn report(inputs: &[Input], out: &mut dyn Write) -> Result<()> {
    let script =
        plotly_script().ok_or_else(|| Error::other("the plotting library is not where it was"))?;
    page(inputs, &script, out)
}

fn page(inputs: &[Input], script: &str, out: &mut dyn Write) -> Result<()> {
    let mut processes = Vec::new();
    let mut wrong = Vec::new();
    for input in inputs {
        for (i, s) in input.streams.iter().enumerate() {
            processes.push(Process::new(&input.stream_name(i), s));
        }
        if let Some(e) = input.wrong {
            wrong.push(format!("{}: {e}. What came before it is shown.", input.name));
        }
    }
    let mut body = String::new();
    let mut calls = String::new();
    let mut nav = String::new();
    for (p, process) in processes.iter().enumerate() {
        section(p, process, &mut body, &mut calls, &mut nav);
    }
    let several = processes.iter().map(|p| p.arenas.len()).sum::<usize>() > 1;

    writeln!(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
    writeln!(out, "<title>Memory pool system: telemetry</title>\n<style>{STYLE}</style>")?;
    writeln!(
        out,
        "<!-- The script below is\n{LICENCE}-->\n<script>{script}</script>\n</head>\n<body>"
    )?;
    writeln!(out, "<header><h1>Memory pool system: telemetry</h1>")?;
    writeln!(
        out,
        "<p class=\"sub\">Times are those of the plinth's clock, by default the processor time of the whole process.</p>"
    )?;
    for w in &wrong {
        writeln!(out, "<p class=\"wrong\" role=\"alert\">{}</p>", escape(w))?;
    }
    if several {
        writeln!(out, "<nav><ul>{nav}</ul></nav>")?;
    }
    writeln!(
        out,
        "</header>\n<noscript><p class=\"wrong\">The plots need JavaScript.</p></noscript>"
    )?;
    writeln!(out, "{body}\n<script>\nconst drawn = [];\n{calls}")?;
    writeln!(
        out,
        "Promise.all(drawn).then(all => {{ document.body.dataset.drawn = all.length; }});\n</script>\n</body>\n</html>"
    )
}

/// A process, its arenas one after the other.
fn section(p: usize, process: &Process, body: &mut String, calls: &mut String, nav: &mut String) {
    let child = if process.forked { " <span class=\"tag\">child process</span>" } else { "" };
    // Writing to a string does not fail.
    let _ = writeln!(
        body,
        "<section class=\"process\"><h2>{}{child}</h2><p class=\"sub\">{} of clock time, {} events{}</p>",
        escape(&process.name),
        seconds(process.seconds),
        count(process.events as u64),
        if process.lost == 0 {
            String::new()
        } else {
            format!("; <b>{} events were lost</b>", count(process.lost))
        },
    );
    if process.arenas.is_empty() {
        let _ = writeln!(body, "<p>No arena appears in it.</p>");
    }
    for (n, arena) in process.arenas.iter().enumerate() {
        let id = format!("p{p}a{n}");
        let name = format!("Arena {}", arena.address);
        let _ =
            write!(nav, "<li><a href=\"#{id}\">{} \u{2013} {name}</a></li>", escape(&process.name));
        let _ = writeln!(body, "<article id=\"{id}\"><h3>{name}</h3>");
        if !arena.has_content() {
            let _ = writeln!(
                body,
                "<p>Nothing was recorded of its collections: is category <i>trace</i> on?</p></article>"
            );
            continue;
        }
        let waits = Waits::new(&arena.pauses);
        let _ = writeln!(body, "{}", figures(arena, &waits));
        for f in plots::all(&id, arena, &waits) {
            let e = &f.expect;
            let _ = writeln!(
                body,
                "<figure><h4>{}</h4><div class=\"plot\" id=\"{}\" data-expect='{{\"bars\":{},\"points\":{},\"lines\":{},\"fills\":{}}}'></div><figcaption>{}</figcaption></figure>",
                f.title, f.id, e.bars, e.points, e.lines, e.fills, f.caption
            );
            let _ = writeln!(
                calls,
                "drawn.push(Plotly.newPlot(\"{}\", {}));",
                f.id,
                in_script(&f.plot.to_json())
            );
        }
        let _ = writeln!(body, "{}</article>", reasons(arena));
    }
    let _ = writeln!(body, "</section>");
}

/// The table on top.
fn figures(a: &Arena, waits: &Waits) -> String {
    let sorted = a.sorted_pauses();
    let at = |q| percentile(&sorted, q).map_or("\u{2013}".to_string(), seconds);
    let waited = waits.between(a.from, a.to);
    let span = a.to - a.from;
    let share = if span > 0.0 {
        format!("{:.1} %", 100.0 * (1.0 - waited / span))
    } else {
        "\u{2013}".to_string()
    };
    let peak =
        |f: fn(&crate::model::Snapshot) -> u64| bytes(a.snapshots.iter().map(f).max().unwrap_or(0));
    let full = a.collections.iter().filter(|c| c.full).count();
    let condemned = a.collections.iter().map(|c| c.condemned).fold(0, u64::saturating_add);
    let live = a.collections.iter().map(|c| c.live).fold(0, u64::saturating_add);
    let w = &a.work;
    let groups = [
        (
            "Pauses",
            vec![
                ("longest", at(1.0)),
                ("99.9th percentile", at(0.999)),
                ("99th percentile", at(0.99)),
                ("50th percentile", at(0.5)),
                ("number", count(sorted.len() as u64)),
                ("all together", seconds(waited)),
                ("left for the program", share),
            ],
        ),
        (
            "Collections",
            vec![
                ("number", count(a.collections.len() as u64)),
                ("of everything", count(full as u64)),
                ("condemned", bytes(condemned)),
                ("survived", bytes(live)),
                ("moved", bytes(w.moved)),
                ("reclaimed", bytes(w.reclaimed)),
            ],
        ),
        (
            "Work",
            vec![
                ("barrier hits, reads", count(w.read_hits)),
                ("barrier hits, writes", count(w.write_hits)),
                ("calls to map", count(w.map_calls)),
                ("calls to unmap", count(w.unmap_calls)),
                ("calls to protect", count(w.protect_calls)),
            ],
        ),
        (
            "Memory",
            vec![
                ("most committed", peak(|s| s.committed)),
                ("most in use", peak(|s| s.committed.saturating_sub(s.spare))),
                ("most reserved", peak(|s| s.reserved)),
                ("grain size", a.grain.map_or("\u{2013}".to_string(), bytes)),
                (
                    "kind of arena",
                    if a.grain.is_none() {
                        "\u{2013}"
                    } else if a.client {
                        "client"
                    } else {
                        "VM"
                    }
                    .to_string(),
                ),
                ("pools", pools(a)),
            ],
        ),
    ];
    let mut out = String::from("<div class=\"figures\">");
    for (title, rows) in groups {
        let _ = write!(out, "<table><caption>{title}</caption>");
        for (what, value) in rows {
            let _ =
                write!(out, "<tr><th scope=\"row\">{what}</th><td>{}</td></tr>", escape(&value));
        }
        out.push_str("</table>");
    }
    out + "</div>"
}

/// Classes of pools, with how many of each.
fn pools(a: &Arena) -> String {
    let mut classes = BTreeMap::<&str, usize>::new();
    for c in &a.pools {
        *classes.entry(c).or_default() += 1;
    }
    let all: Vec<String> = classes
        .iter()
        .map(|(c, n)| if *n == 1 { c.to_string() } else { format!("{n} {c}") })
        .collect();
    if all.is_empty() { "\u{2013}".to_string() } else { all.join(", ") }
}

/// A table of why there were collections.
fn reasons(a: &Arena) -> String {
    if a.collections.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "<h4>Why there were collections</h4><table class=\"wide\"><tr><th>why</th><th>number</th><th>work</th><th>condemned</th><th>survived</th></tr>",
    );
    for (why, all) in plots::by_reason(a) {
        let work: f64 = all.iter().map(|c| c.work).sum();
        let condemned = all.iter().map(|c| c.condemned).fold(0, u64::saturating_add);
        let live = all.iter().map(|c| c.live).fold(0, u64::saturating_add);
        let share = if condemned == 0 {
            String::new()
        } else {
            format!(" ({:.0} %)", 100.0 * live as f64 / condemned as f64)
        };
        let _ = write!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}{share}</td></tr>",
            escape(&why),
            all.len(),
            seconds(work),
            bytes(condemned),
            bytes(live)
        );
    }
    out + "</table>"
}

/// The plotting library's own script; the crate brings another with it that
/// nothing here needs.
pub(crate) fn plotly_script() -> Option<String> {
    let all = Plot::offline_js_sources();
    let (_, rest) = all.split_once("<script type=\"text/javascript\">")?;
    let (script, _) = rest.split_once("</script>")?;
    script.contains("plotly.js v").then(|| script.to_string())
}

/// JSON that may stand in a script.
pub(crate) fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// Text that may stand in HTML.
pub(crate) fn escape(s: &str) -> String {
    s.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// With three digits and the unit that suits.
fn seconds(s: f64) -> String {
    let (n, unit) = match s {
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s => (s * 1e6, "\u{b5}s"),
    };
    format!("{} {unit}", digits(n))
}

/// The same for bytes.
pub(crate) fn bytes(n: u64) -> String {
    let n = n as f64;
    let units = [(1u64 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.iter().find(|(u, _)| n >= *u as f64) {
        Some((u, unit)) => format!("{} {unit}", digits(n / *u as f64)),
        None => format!("{n} B"),
    }
}

fn digits(n: f64) -> String {
    match n {
        0.0 => "0".to_string(),
        n if n < 10.0 => format!("{n:.2}"),
        n if n < 100.0 => format!("{n:.1}"),
        n => format!("{n:.0}"),
    }
}

/// With a space between thousands.
pub(crate) fn count(n: u64) -> String {
    let plain = n.to_string();
    let mut out = String::new();
    for (i, c) in plain.chars().enumerate() {
        if i > 0 && (plain.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(c);
    }
    out
}

pub(crate) const STYLE: &str = "
:root { color-scheme: light; --line: #d8dee6; --soft: #5b6775; --ink: #1d2733; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 72rem; font: 15px/1.5 system-ui, 'Segoe UI', sans-serif;
  color: var(--ink); background: #f5f7fa; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.15rem; margin: 2rem 0 0; overflow-wrap: anywhere; }
h3 { font-size: 1.05rem; margin: 0 0 .75rem; }
h4 { font-size: 1rem; margin: 2rem 0 0; }
figure h4 { margin: 0; }
.sub, figcaption { color: var(--soft); margin: .25rem 0; font-size: .9rem; }
.tag { background: #e3ecf7; border-radius: 4px; padding: 0 .4rem; font-size: .8rem; font-weight: normal; }
.wrong { background: #fdecea; border-left: 4px solid #c0392b; padding: .5rem .75rem; }
article { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 1.25rem; margin: 1rem 0; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: 1rem 2rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; align-self: start; }
caption { text-align: left; font-weight: 600; padding-bottom: .25rem; }
th { text-align: left; font-weight: normal; color: var(--soft); }
td { text-align: right; font-variant-numeric: tabular-nums; }
th, td { border-top: 1px solid var(--line); padding: .2rem 0; }
.wide { margin-top: .5rem; }
.wide th:not(:first-child) { text-align: right; }
.wide td:first-child { text-align: left; }
.wide th, .wide td { padding-right: .5rem; }
figure { margin: 2rem 0 0; }
.plot { height: 22rem; }
nav ul { padding-left: 1.2rem; }
";

pub(crate) const LICENCE: &str = "plotly.js, under the MIT licence:

Copyright (c) 2012-2025 Plotly, Inc. and others

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the \"Software\"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense,
and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so,
subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT
LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN
NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY,
WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::testing::{Random, Writer, sample, sample_of};

    /// The page without the library.
    fn own(inputs: &[Input]) -> String {
        let mut out = Vec::new();
        page(inputs, "", &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn has_all_plots() {
        let own = own(&[Input::of("a", &sample()), Input::of("b", &sample())]);
        for p in ["p0a0", "p1a0"] {
            for plot in ["heap", "pauses", "collections", "survival", "mmu", "utilisation"] {
                let id = format!("{p}-{plot}");
                assert!(own.contains(&format!("id=\"{id}\" data-expect")), "{id}");
                assert!(own.contains(&format!("Plotly.newPlot(\"{id}\", {{")), "{id}");
            }
        }
        assert!(own.contains("<th scope=\"row\">longest</th><td>3.00 ms</td>"));
        assert!(own.contains("<th scope=\"row\">50th percentile</th><td>20.0 \u{b5}s</td>"));
        assert!(own.contains("<th scope=\"row\">moved</th><td>3.00 MiB</td>"));
        assert!(own.contains(
            "<td>The client asked for a full collection.</td><td>1</td><td>3.00 ms</td>"
        ));
        assert!(!own.contains("role=\"alert\""));
    }

    #[test]
    fn needs_no_network() {
        let inputs = [Input::of("a", &sample())];
        let own = own(&inputs);
        for bad in [" src=", "<link", "http:", "https:", "import("] {
            assert!(!own.contains(bad), "{bad}");
        }
        let mut out = Vec::new();
        report(&inputs, &mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().contains("plotly.js v"));
    }

    #[test]
    fn what_others_wrote_stays_text() {
        let mut w = Writer::new(1000, 0);
        w.event(7, 5, &[0x10, 1], "</script><b>'\"&").event(5, 1, &[0x10, 0x20], "<i>class").event(
            9,
            5,
            &[0x10, 1 << 20, 2, 3],
            "",
        );
        let page = own(&[Input::of("<u>name", &w.0)]);
        for bad in ["<b>'", "<i>class", "<u>name"] {
            assert!(!page.contains(bad), "{bad}");
        }
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(page.contains("&lt;/script&gt;&lt;b&gt;"));
    }

    #[test]
    fn says_what_is_wrong() {
        let all = sample();
        let cut = own(&[Input::of("a", &all[..all.len() - 1])]);
        assert!(cut.contains("role=\"alert\">a: the stream breaks off"));
    }

    /// Whatever a damaged stream holds, there is a page.
    #[test]
    fn from_damaged_streams() {
        let mut r = Random::new();
        let all = sample();
        for round in 0..150 {
            let mut bytes = all.clone();
            for _ in 0..1 + r.below(8) {
                let at = r.below(bytes.len());
                bytes[at] = match r.below(3) {
                    0 => r.below(256) as u8,
                    1 => 0xFF,
                    _ => bytes[at] ^ (1 << r.below(8)),
                };
            }
            bytes.truncate(bytes.len() - if round % 3 == 0 { r.below(bytes.len()) } else { 0 });
            let input = [Input::of("a", &bytes)];
            let mut out = std::io::sink();
            page(&input, "", &mut out).unwrap();
            crate::text::text(&input, &mut out).unwrap();
            crate::text::json(&input, &mut out).unwrap();
            crate::chrome::trace(&input, &mut out).unwrap();
        }
    }

    /// And of every part of a good one.
    #[test]
    fn from_every_prefix() {
        let all = sample_of(1);
        for n in 0..all.len() {
            let input = [Input::of("a", &all[..n])];
            page(&input, "", &mut std::io::sink()).unwrap();
            let mut out = Vec::new();
            crate::chrome::trace(&input, &mut out).unwrap();
            serde_json::from_slice::<serde_json::Value>(&out).unwrap();
        }
    }

    #[test]
    fn units() {
        assert_eq!(
            (seconds(0.0), seconds(1e-6), seconds(0.0125)),
            ("0 \u{b5}s".into(), "1.00 \u{b5}s".into(), "12.5 ms".into())
        );
        assert_eq!(
            (bytes(0), bytes(1023), bytes(1536), bytes(200 << 20)),
            ("0 B".into(), "1023 B".into(), "1.50 KiB".into(), "200 MiB".into())
        );
        assert_eq!(
            (count(999), count(1_000), count(12_345_678)),
            ("999".into(), "1\u{202f}000".into(), "12\u{202f}345\u{202f}678".into())
        );
    }
}
