//! Lists that are text.

use super::{
    ChecksumListError, Hints, MAXIMUM_LINE,
    clear_text::clear_text,
    heading::{Section, heading},
    line::{self, Line, digest},
    list::Collector,
};
use crate::digest::Digest;

/// What was read so far. Hashes without a name wait for the end: they count only if there are no others.
#[derive(Default)]
struct Reader {
    section: Option<Section>,
    files: Collector,
    nameless: Vec<Digest>,
}

/// Reads `bytes`, which are not too long, as a list.
pub(super) fn read(bytes: &[u8], hints: &Hints) -> Result<Collector, ChecksumListError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut unreadable = 0;
    let mut lines = Vec::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.len() > MAXIMUM_LINE {
            return Err(ChecksumListError::LineTooLong { line: index + 1 });
        }
        if line.trim_ascii_start().starts_with(b"<") {
            return Err(ChecksumListError::Page);
        }
        match str::from_utf8(line) {
            Ok(line) => lines.push(line),
            Err(_) => unreadable += 1,
        }
    }
    let mut reader = Reader::default();
    reader.files.ignored = unreadable;
    for line in clear_text(&lines)? {
        reader.take(line, hints)?;
    }
    reader.finish(hints)
}

impl Reader {
    fn take(&mut self, text: &str, hints: &Hints) -> Result<(), ChecksumListError> {
        match line::line(text) {
            Line::Blank => {}
            Line::Size { name, bytes } => self.files.size(name, bytes)?,
            Line::Other => {
                self.section = heading(text.trim()).or(self.section);
            }
            Line::Hash { tag, digits, name } => {
                match (digest(tag.or(self.section), hints.algorithm, digits), name) {
                    (None, _) => self.files.ignored += 1,
                    (Some(digest), Some(name)) => self.files.digest(&name, digest)?,
                    (Some(digest), None) => self.nameless.push(digest),
                }
            }
        }
        Ok(())
    }

    /// Gives a hash without a name to the file that the list is known to be for.
    fn finish(mut self, hints: &Hints) -> Result<Collector, ChecksumListError> {
        if self.files.has_digests() {
            self.files.ignored += self.nameless.len();
            return Ok(self.files);
        }
        match &hints.only_file {
            Some(name) => {
                for digest in self.nameless {
                    self.files.digest(name, digest)?;
                }
            }
            None if self.nameless.is_empty() => {}
            None => return Err(ChecksumListError::Nameless),
        }
        Ok(self.files)
    }
}
