//! `isomirror ls`: a directory of an image.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};

use isomirror_core::{
    containment::FinalLink,
    image::{DirectoryEntry, Kind},
};

use super::{
    CommandError,
    escape::Escaped,
    listing::{Listed, long_line},
    output::Output,
    tree_path::{OpenImage, shown},
};

/// How entries are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Escaped names, one a line.
    Names,
    /// With attributes.
    Long,
    /// Names as they are, each ended by a NUL.
    Null,
    /// One JSON document.
    Json,
}

pub(super) fn run(image: &Path, path: &OsStr, style: Style) -> Result<(), CommandError> {
    let open = OpenImage::open(image)?;
    let keeps_link = style == Style::Long && !path.as_bytes().ends_with(b"/");
    let final_link = if keeps_link { FinalLink::Keep } else { FinalLink::Follow };
    let (id, kind) = open.find(path, final_link)?;
    let mut printer =
        Printer { open: &open, style, output: Output::new(), unreadable: 0, printed: 0 };
    printer.begin(path)?;
    if kind == Kind::Directory {
        let unreadable = |source| open.unreadable(path.as_bytes(), source);
        let directory = open.image.directory(id).map_err(unreadable)?;
        directory.entries().try_for_each(|entry| printer.entry(entry))?;
        printer.unreadable += u64::from(directory.damaged());
    } else {
        printer.entry(DirectoryEntry { name: path.as_bytes(), id, kind })?;
    }
    let count = printer.unreadable;
    printer.end()?;
    if count > 0 {
        let (image, object) = (image.to_owned(), shown(path));
        return Err(CommandError::Damaged { count, image, object });
    }
    Ok(())
}

/// Prints entries one by one: a directory may have a million.
struct Printer<'a> {
    open: &'a OpenImage,
    style: Style,
    output: Output,
    unreadable: u64,
    printed: u64,
}

impl Printer<'_> {
    fn begin(&mut self, path: &OsStr) -> Result<(), CommandError> {
        if self.style != Style::Json {
            return Ok(());
        }
        let path = serde_json::Value::from(path.to_string_lossy());
        self.output.write(format!("{{\"schema\":1,\"path\":{path},\"entries\":[").as_bytes())
    }

    fn entry(&mut self, entry: DirectoryEntry<'_>) -> Result<(), CommandError> {
        let image = &self.open.image;
        match self.style {
            Style::Names => self.output.line(&Escaped(entry.name).to_string())?,
            Style::Null => {
                self.output.write(entry.name)?;
                self.output.write(b"\0")?;
            }
            Style::Long => {
                let line = long_line(image, entry);
                self.unreadable += u64::from(line.is_err());
                let unknown = || format!("?{:>57} {}", "", Escaped(entry.name));
                self.output.line(&line.unwrap_or_else(|_| unknown()))?;
            }
            Style::Json => match Listed::read(image, entry) {
                Ok(listed) => {
                    let separator = if self.printed == 0 { "\n" } else { ",\n" };
                    let text = serde_json::to_string(&listed).expect("texts and numbers are JSON");
                    self.output.write(format!("{separator}{text}").as_bytes())?;
                    self.printed += 1;
                }
                Err(_) => self.unreadable += 1,
            },
        }
        Ok(())
    }

    fn end(mut self) -> Result<(), CommandError> {
        if self.style == Style::Json {
            self.output.line("\n]}")?;
        }
        self.output.finish()
    }
}
