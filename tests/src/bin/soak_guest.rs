//! The part of the long run that works inside of its guest. See `isomirror_tests::soak`.
//!
//! Usage:
//!
//! ```text
//! soak_guest look SEED NAME...       prints what there is
//! soak_guest read DIR SEED           reads for ever, and keeps account in DIR
//! soak_guest write DISC FILE [MS]    writes an image, over what was there, with a pause of MS after each 256 KiB
//! ```

#![expect(clippy::print_stdout, reason = "what was seen is what it is for")]

use std::{env, fs, io, io::Write, path::Path, thread, time::Duration};

use isomirror_tests::soak::{Template, look, read_for_ever};

/// What images are stamped from.
const TEMPLATE: &str = "/payload/template.iso";
const PIECE: usize = 256 << 10;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["look", seed, ref names @ ..] => {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            let offset = Template::read(Path::new(TEMPLATE))?.blocks_offset();
            println!("{}", look(number(seed)?, offset, &names)?);
            Ok(())
        }
        ["read", directory, seed] => read_for_ever(Path::new(directory), number(seed)?),
        ["write", disc, file] => write(disc, file, Duration::ZERO),
        ["write", disc, file, pause] => write(disc, file, Duration::from_millis(number(pause)?)),
        _ => Err(io::Error::other("see the first lines of its source for how it is used")),
    }
}

fn write(disc: &str, file: &str, pause: Duration) -> io::Result<()> {
    let image = Template::read(Path::new(TEMPLATE))?.stamp(disc.parse().map_err(io::Error::other)?);
    let mut file = fs::File::options().write(true).create(true).truncate(true).open(file)?;
    for piece in image.chunks(PIECE) {
        file.write_all(piece)?;
        thread::sleep(pause);
    }
    Ok(())
}

fn number(text: &str) -> io::Result<u64> {
    text.parse().map_err(io::Error::other)
}
