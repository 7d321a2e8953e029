//! Reads the event stream that the memory pool system writes
//! (docs/telemetry.md) and shows it: as text, as JSON, as a trace for a trace
//! viewer, as a page with plots, live in a terminal.

mod chrome;
mod heap;
mod model;
mod report;
mod stream;
mod text;
mod watch;

use clap::{Args, Parser, Subcommand};
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

#[derive(Parser)]
#[command(version, about = "Shows event streams of the memory pool system")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// One line an event
    Text(Files),
    /// One JSON object a line
    Json(Files),
    /// A trace for chrome://tracing or ui.perfetto.dev
    Trace(Files),
    /// A self-contained HTML page with plots
    Report(Files),
    /// Heap snapshots: what keeps objects alive, what takes the memory, what has grown
    Heap(Heap),
    /// A live view in the terminal of a program that is writing its stream
    Watch(Live),
}

#[derive(Args)]
struct Live {
    /// The stream, which need not be there yet
    file: PathBuf,
    /// How often to look, in milliseconds
    #[arg(long, default_value_t = 500, value_name = "MS")]
    every: u64,
}

#[derive(Args)]
struct Heap {
    #[command(flatten)]
    files: Files,
    /// How to show it
    #[arg(long, value_enum, default_value_t = heap::Form::Text)]
    form: heap::Form,
    /// How many of the largest to show
    #[arg(long, default_value_t = 20, value_name = "N")]
    top: usize,
    /// Show the shortest path from a root to the object at this address
    #[arg(long, value_name = "ADDRESS", value_parser = heap::address)]
    path: Option<stream::Address>,
}

#[derive(Args)]
struct Files {
    /// Streams, such as a process's and its children's; - is standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Where to write (standard output)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What a file held.
pub struct Input {
    name: String,
    streams: Vec<stream::Stream>,
    /// Why there is not more.
    wrong: Option<stream::Error>,
}

impl Input {
    fn of(name: &str, bytes: &[u8]) -> Input {
        let (streams, wrong) = stream::read(bytes);
        Input { name: name.to_string(), streams, wrong }
    }

    /// What to call one of the streams.
    fn stream_name(&self, i: usize) -> String {
        if self.streams.len() > 1 { format!("{}#{}", self.name, i + 1) } else { self.name.clone() }
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    std::fs::read(path)
}

fn show(command: &Command, inputs: &[Input], out: &mut dyn Write) -> std::io::Result<()> {
    match command {
        Command::Text(_) => text::text(inputs, out),
        Command::Json(_) => text::json(inputs, out),
        Command::Trace(_) => chrome::trace(inputs, out),
        Command::Report(_) => report::report(inputs, out),
        Command::Heap(h) => heap::heap(inputs, h.form, h.top, h.path, out),
        Command::Watch(_) => Ok(()), // it has no inputs: `main`
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let files = match &cli.command {
        Command::Watch(live) => {
            return match watch::watch(&live.file, Duration::from_millis(live.every)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(e) => {
                    eprintln!("mps-telemetry: {e}");
                    ExitCode::FAILURE
                }
            };
        }
        Command::Heap(h) => &h.files,
        Command::Text(files)
        | Command::Json(files)
        | Command::Trace(files)
        | Command::Report(files) => files,
    };
    let mut good = true;
    let mut inputs = Vec::new();
    for path in &files.files {
        let name = if path.as_os_str() == "-" {
            "standard input".into()
        } else {
            path.display().to_string()
        };
        match read(path) {
            Ok(bytes) => {
                let input = Input::of(&name, &bytes);
                if let Some(e) = input.wrong {
                    eprintln!("mps-telemetry: {name}: {e}");
                    good = false;
                }
                inputs.push(input);
            }
            Err(e) => {
                eprintln!("mps-telemetry: {name}: {e}");
                good = false;
            }
        }
    }
    if inputs.iter().all(|i| i.streams.is_empty()) {
        return ExitCode::FAILURE;
    }
    let written = match &files.output {
        None => {
            let mut out = BufWriter::new(std::io::stdout().lock());
            show(&cli.command, &inputs, &mut out).and_then(|()| out.flush())
        }
        Some(path) => File::create(path).and_then(|f| {
            let mut out = BufWriter::new(f);
            show(&cli.command, &inputs, &mut out)?;
            out.flush()
        }),
    };
    match written {
        Ok(()) if good => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        // Whoever reads has seen enough.
        Err(e) if e.kind() == ErrorKind::BrokenPipe && files.output.is_none() => ExitCode::SUCCESS,
        Err(e) => {
            let to = files
                .output
                .as_deref()
                .map_or("standard output".into(), |p| p.display().to_string());
            eprintln!("mps-telemetry: cannot write {to}: {e}");
            ExitCode::FAILURE
        }
    }
}
