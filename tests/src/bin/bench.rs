//! Prints the figures of `isomirror_tests::bench` as a table. Arguments choose sections: serve, trees, images, fetch,
//! idle, drives; `peers` prints the table of those that show discs, all of them or those that are named:
//! `peers autofs`.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use std::{env, io};

use isomirror_tests::bench::{self, Figure, Samples, figure};

type Section = (&'static str, fn(&Samples) -> io::Result<Vec<Figure>>);

const SECTIONS: [Section; 6] = [
    ("serve", bench::serve::figures),
    ("trees", bench::trees::figures),
    ("images", bench::many_images::figures),
    ("fetch", bench::fetch::figures),
    ("idle", bench::idle::figures),
    ("drives", bench::drives::figures),
];

fn main() -> io::Result<()> {
    let chosen: Vec<_> = env::args().skip(1).collect();
    if let Some(("peers", systems)) = chosen.split_first().map(|(first, rest)| (&**first, rest)) {
        println!("{}\n\n{}", bench::machine()?, bench::peers::table(&Samples::new()?, systems)?);
        return Ok(());
    }
    println!("{}\n\n{}", bench::machine()?, figure::HEAD);
    let mut failed = Vec::new();
    for (name, figures) in SECTIONS {
        if !chosen.is_empty() && !chosen.iter().any(|section| section == name) {
            continue;
        }
        // What one section leaves in the page cache and on the disk is not the next one's to carry.
        match Samples::new().and_then(|samples| figures(&samples)) {
            Ok(figures) => figures.iter().for_each(|figure| println!("{figure}")),
            Err(error) => failed.push(format!("{name}: {error}")),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(io::Error::other(failed.join("\n"))) }
}
