//! Looks at names below a directory, over HTTP and in the state document, and prints as JSON when each came right or
//! was gone. See `isomirror_tests::bench::witness`.
//!
//! Usage: witness right|gone ROOT [--port N] [--document FILE] [--move FROM TO] [--device sr0]... [--pause MS]
//! [--for SECONDS] NAME=TEXT...

#![expect(clippy::print_stdout, reason = "what was seen is what it is for")]

use std::{collections::BTreeMap, env, io, time::Duration};

use isomirror_tests::bench::witness::{Place, Watch, Wish};

fn main() -> io::Result<()> {
    let watch = parse(env::args().skip(1))?;
    println!("{}", watch.run()?);
    Ok(())
}

fn parse(mut arguments: impl Iterator<Item = String>) -> io::Result<Watch> {
    let wish = match arguments.next().as_deref() {
        Some("right") => Wish::Right,
        Some("gone") => Wish::Gone,
        _ => return Err(io::Error::other("the first argument is `right` or `gone`")),
    };
    let mut next = || arguments.next().ok_or_else(|| io::Error::other("an argument is missing"));
    let place = Place { root: next()?.into(), port: None, document: None };
    // A look costs an emulated machine a fraction of a millisecond.
    let (pause, patience) = (Duration::from_millis(5), Duration::from_mins(1));
    let (names, devices) = (BTreeMap::new(), Vec::new());
    let mut watch = Watch { place, names, wish, moved: None, devices, pause, patience };
    while let Ok(argument) = next() {
        match argument.as_str() {
            "--port" => watch.place.port = Some(number(&next()?)?),
            "--document" => watch.place.document = Some(next()?.into()),
            "--move" => watch.moved = Some((next()?.into(), next()?.into())),
            "--device" => watch.devices.push(next()?),
            "--pause" => watch.pause = Duration::from_millis(number(&next()?)?),
            "--for" => watch.patience = Duration::from_secs(number(&next()?)?),
            _ => {
                let (name, text) = argument.split_once('=').unwrap_or((&argument, ""));
                watch.names.insert(name.to_owned(), text.to_owned());
            }
        }
    }
    Ok(watch)
}

fn number<T: std::str::FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>>>(
    text: &str,
) -> io::Result<T> {
    text.parse().map_err(io::Error::other)
}
