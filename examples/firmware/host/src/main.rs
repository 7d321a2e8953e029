//! frames IMAGE FRAMES -- shows the defmt frames in a file as lines of text, by what the
//! image says of them. Fails if one can't be read.

use defmt_decoder::{DecodeError, Table};
use std::process::exit;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, image, frames] = &args[..] else {
        eprintln!("frames IMAGE FRAMES");
        exit(2);
    };
    let read = |f: &str| {
        std::fs::read(f).unwrap_or_else(|e| {
            eprintln!("{f}: {e}");
            exit(2)
        })
    };
    let image = read(image);
    let Ok(Some(table)) = Table::parse(&image) else {
        eprintln!("the image has no .defmt section");
        exit(1);
    };
    let mut decoder = table.new_stream_decoder();
    decoder.received(&read(frames));
    loop {
        match decoder.decode() {
            Ok(f) => {
                let level = f.level().map_or("-", |l| l.as_str());
                println!("{level} {}", f.display_message());
            }
            Err(DecodeError::UnexpectedEof) => return,
            Err(DecodeError::Malformed) => {
                eprintln!("a frame that can't be read");
                exit(1);
            }
        }
    }
}
