//! A live view of a running program in a terminal: memory, generations, pauses, collections, from the
//! stream that the program is writing.

use crate::model::{Arena, Process, percentile};
use crate::stream::{self, Address};
use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph, Row, Sparkline, Table};
use std::fs::File;
use std::io::{Read, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A file that grows, and what is known of it.
struct Source {
    path: PathBuf,
    bytes: Vec<u8>,
    process: Option<Process>,
    /// What stands in the last line.
    state: String,
}

impl Source {
    fn new(path: &Path) -> Source {
        Source { path: path.into(), bytes: Vec::new(), process: None, state: "waiting".into() }
    }

    /// Reads what has come. A file that has become shorter is another one.
    fn update(&mut self) {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(e) => {
                self.state = format!("waiting: {e}");
                return;
            }
        };
        let mut bytes = Vec::with_capacity(self.bytes.len());
        if let Err(e) = file.read_to_end(&mut bytes) {
            self.state = format!("{e}");
            return;
        }
        if bytes == self.bytes {
            return;
        }
        self.bytes = bytes;
        let (streams, wrong) = stream::read(&self.bytes);
        // An event of which only a part has been written is no mistake, but what comes next.
        self.state = match wrong {
            Some(e) if !e.is_cut_off() => format!("{e}"),
            _ => "live".into(),
        };
        // Of a process and its children, the one that began last.
        self.process = streams.last().map(|s| Process::new(&self.path.display().to_string(), s));
    }
}

/// Shows the stream until a key ends it.
pub fn watch(path: &Path, every: Duration) -> Result<()> {
    let mut source = Source::new(path);
    let mut chosen = 0;
    let mut terminal = ratatui::try_init()?;
    let done = loop {
        source.update();
        let drawn = terminal.draw(|f| draw(f, source.process.as_ref(), &source.state, chosen));
        if let Err(e) = drawn {
            break Err(e);
        }
        match event::poll(every)
            .and_then(|has| if has { event::read().map(Some) } else { Ok(None) })
        {
            Err(e) => break Err(e),
            Ok(Some(Event::Key(k))) => match k.code {
                KeyCode::Char('q') | KeyCode::Esc => break Ok(()),
                KeyCode::Char('c') if k.modifiers.contains(KeyModifiers::CONTROL) => break Ok(()),
                KeyCode::Tab => chosen += 1,
                _ => {}
            },
            Ok(_) => {}
        }
    };
    ratatui::restore();
    done
}

fn megabytes(n: u64) -> String {
    format!("{:.1} MB", n as f64 / (1 << 20) as f64)
}

fn duration(seconds: f64) -> String {
    if seconds >= 1.0 { format!("{seconds:.2} s") } else { format!("{:.2} ms", seconds * 1e3) }
}

/// The last of a series, as many as have room.
fn tail(all: impl ExactSizeIterator<Item = u64>, area: Rect) -> Vec<u64> {
    let room = usize::from(area.width.saturating_sub(2));
    let from = all.len().saturating_sub(room);
    all.skip(from).collect()
}

fn draw(f: &mut Frame, process: Option<&Process>, state: &str, chosen: usize) {
    let [top, middle, pauses, below, bottom] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(8),
        Constraint::Length(6),
        Constraint::Min(4),
        Constraint::Length(1),
    ])
    .areas(f.area());
    let keys = Line::from(format!(" {state}   q: quit   tab: next arena")).dim();
    f.render_widget(keys, bottom);
    let arenas: Vec<&Arena> =
        process.map_or(&[][..], |p| &p.arenas).iter().filter(|a| a.has_content()).collect();
    let (Some(p), false) = (process, arenas.is_empty()) else {
        f.render_widget(Line::from(" nothing yet").bold(), top);
        return;
    };
    let at = chosen % arenas.len();
    let Some(arena) = arenas.get(at) else { return };
    let lost = if p.lost > 0 { format!(", {} lost", p.lost) } else { String::new() };
    let title = format!(
        " {}: {:.1} s, {} events{lost}; arena {} of {}",
        p.name,
        p.seconds,
        p.events,
        at + 1,
        arenas.len()
    );
    f.render_widget(Line::from(title).bold(), top);

    let [memory, generations] =
        Layout::horizontal([Constraint::Percentage(60), Constraint::Percentage(40)]).areas(middle);
    memory_of(f, memory, arena);
    generations_of(f, generations, arena);
    pauses_of(f, pauses, arena);
    collections_of(f, below, arena);
}

fn memory_of(f: &mut Frame, area: Rect, arena: &Arena) {
    let last = arena.snapshots.last();
    let title = last.map_or("memory".to_string(), |s| {
        let (c, s, r) = (megabytes(s.committed), megabytes(s.spare), megabytes(s.reserved));
        format!("memory: {c} committed, {s} spare, {r} reserved")
    });
    let committed = tail(arena.snapshots.iter().map(|s| s.committed), area);
    let line = Sparkline::default().data(committed).style(Style::new().fg(Color::Cyan));
    f.render_widget(line.block(Block::bordered().title(title)), area);
}

fn generations_of(f: &mut Frame, area: Rect, arena: &Arena) {
    let bytes =
        |g| arena.snapshots.iter().rev().find_map(|s| s.generations.get(g)).copied().unwrap_or(0);
    let all = arena.generations();
    let most = all.iter().map(bytes).max().unwrap_or(0).max(1);
    let room = u64::from(area.width.saturating_sub(28));
    let lines: Vec<Line> = all
        .iter()
        .map(|g| {
            let name = if g.0 == Address(0) { "top".into() } else { format!("generation {}", g.1) };
            let n = bytes(g);
            let bar = "█".repeat((n as u128 * u128::from(room) / u128::from(most)) as usize);
            Line::from(format!("{name:<13}{:>10} {bar}", megabytes(n)))
        })
        .collect();
    f.render_widget(Paragraph::new(lines).block(Block::bordered().title("generations")), area);
}

fn pauses_of(f: &mut Frame, area: Rect, arena: &Arena) {
    let sorted = arena.sorted_pauses();
    let of = |q| percentile(&sorted, q).map_or("-".into(), duration);
    let title = format!(
        "{} pauses: half {}, 99% {}, 99.9% {}, longest {}",
        sorted.len(),
        of(0.5),
        of(0.99),
        of(0.999),
        of(1.0)
    );
    let recent = tail(arena.pauses.iter().map(|p| (p.seconds() * 1e6) as u64), area);
    let line = Sparkline::default().data(recent).style(Style::new().fg(Color::Yellow));
    f.render_widget(line.block(Block::bordered().title(title)), area);
}

fn collections_of(f: &mut Frame, area: Rect, arena: &Arena) {
    let room = usize::from(area.height.saturating_sub(3));
    let rows = arena.collections.iter().enumerate().rev().take(room).map(|(i, c)| {
        let live = (c.live * 100).checked_div(c.condemned).map_or("-".into(), |n| format!("{n} %"));
        let took = c.end.map_or("in progress".into(), |end| duration(end - c.start));
        Row::new([
            format!("{}", i + 1),
            format!("{:.2} s", c.start),
            took,
            duration(c.work),
            if c.full { "everything".into() } else { "young".into() },
            megabytes(c.condemned),
            live,
            c.why.clone(),
        ])
    });
    let widths =
        [5, 9, 12, 10, 10, 10, 6].map(Constraint::Length).into_iter().chain([Constraint::Min(10)]);
    let table = Table::new(rows, widths)
        .header(Row::new(["", "at", "took", "work", "of", "condemned", "live", "why"]).bold())
        .block(Block::bordered().title(format!("{} collections", arena.collections.len())));
    f.render_widget(table, area);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::testing;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    /// What stands on a screen of 100 by 30.
    fn screen(process: Option<&Process>, state: &str) -> String {
        let mut t = Terminal::new(TestBackend::new(100, 30)).unwrap();
        t.draw(|f| draw(f, process, state, 0)).unwrap();
        let cells = t.backend().buffer().content();
        cells
            .chunks(100)
            .map(|row| row.iter().map(|c| c.symbol()).collect::<String>() + "\n")
            .collect()
    }

    fn source(bytes: &[u8]) -> (Source, PathBuf) {
        let path =
            std::env::temp_dir().join(format!("watch-{}-{}", std::process::id(), bytes.len()));
        std::fs::write(&path, bytes).unwrap();
        (Source::new(&path), path)
    }

    #[test]
    fn shows_the_figures() {
        let (mut s, path) = source(&testing::sample());
        s.update();
        let text = screen(s.process.as_ref(), &s.state);
        for what in [
            "3 collections",
            "9 pauses",
            "longest 3.00 ms",
            "memory: 5.0 MB committed, 2.0 MB spare, 64.0 MB reserved",
            "generation 0",
            "top",
            "everything",
            "33 %",
            "live   q: quit",
        ] {
            assert!(text.contains(what), "{what} is not there:\n{text}");
        }
        std::fs::remove_file(path).unwrap();
    }

    /// A stream is cut off anywhere while it is written.
    #[test]
    fn every_beginning_is_shown() {
        let all = testing::sample();
        let (mut s, path) = source(&[]);
        let mut collections = 0;
        // Events are shorter than 40 bytes, so this cuts most of them somewhere, and the end is there.
        for n in (0..=all.len()).step_by(11).chain([all.len()]) {
            std::fs::write(&path, &all[..n]).unwrap();
            s.update();
            let text = screen(s.process.as_ref(), &s.state);
            assert!(n == 0 || text.contains("live   q: quit"), "{n}:\n{text}");
            let now = s
                .process
                .as_ref()
                .and_then(|p| p.arenas.first())
                .map_or(0, |a| a.collections.len());
            assert!(now >= collections);
            collections = now;
        }
        assert_eq!(collections, 3);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_is_no_stream_is_said() {
        let (mut s, path) = source(b"not a stream of events");
        s.update();
        assert!(screen(s.process.as_ref(), &s.state).contains("nothing yet"));
        assert_ne!(s.state, "live");
        std::fs::remove_file(&path).unwrap();
        s.update();
        assert!(s.state.starts_with("waiting"));
    }
}
