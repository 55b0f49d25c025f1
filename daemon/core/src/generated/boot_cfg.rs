//! `boot.cfg` of `VMware ESXi`: key=value lines, of which `prefix` is where `kernel` and `modules` are fetched from.
//!
//! On the medium it has no prefix and absolute paths, for a CD; over HTTP its loader needs the tree's URL as the prefix
//! and paths below it.

use super::{GeneratedFile, Piece, key_and_value, split_end};

/// Its path, as media without Rock Ridge are shown too.
pub(super) const NAME: &str = "boot.cfg";

/// The same for an installation by an answer file.
const UNATTENDED: &str = "boot-unattended.cfg";

/// Both files; none where the text is another program's.
pub(super) fn rewrite(text: &[u8]) -> Vec<(&'static str, GeneratedFile)> {
    let has = |wanted: &[u8]| lines(text).any(|line| key(line) == Some(wanted));
    if !has(b"kernel") || !has(b"modules") {
        return Vec::new();
    }
    vec![(NAME, rewritten(text, false)), (UNATTENDED, rewritten(text, true))]
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n')
}

fn key(line: &[u8]) -> Option<&[u8]> {
    key_and_value(line).map(|(key, _)| key)
}

fn rewritten(text: &[u8], unattended: bool) -> GeneratedFile {
    let mut out = Output::default();
    let (mut has_prefix, mut has_options) = (false, false);
    for line in lines(text) {
        let (content, end) = split_end(line);
        match key_and_value(content) {
            Some((b"prefix", _)) => {
                has_prefix = true;
                out.prefix();
            }
            Some((b"kernel", path)) => {
                out.bytes(b"kernel=");
                out.bytes(relative(path));
            }
            Some((b"modules", paths)) => {
                out.bytes(b"modules=");
                out.words(paths.split(|b| *b == b' ').filter(|w| !w.is_empty()).map(relative));
            }
            Some((b"kernelopt", options)) => {
                has_options = true;
                out.options(options, unattended);
            }
            _ => out.bytes(content),
        }
        out.bytes(end);
    }
    let lacks_options = unattended && !has_options;
    if (!has_prefix || lacks_options) && !text.ends_with(b"\n") {
        out.bytes(b"\n");
    }
    if !has_prefix {
        out.prefix();
        out.bytes(b"\n");
    }
    if lacks_options {
        out.options(b"runweasel", true);
        out.bytes(b"\n");
    }
    out.finish()
}

/// A path without its leading slashes; other words are left alone.
fn relative(path: &[u8]) -> &[u8] {
    let slashes = path.iter().take_while(|byte| **byte == b'/').count();
    &path[slashes..]
}

#[derive(Default)]
struct Output {
    pieces: Vec<Piece>,
    bytes: Vec<u8>,
}

impl Output {
    fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn gap(&mut self, gap: Piece) {
        self.pieces.push(Piece::Bytes(std::mem::take(&mut self.bytes)));
        self.pieces.push(gap);
    }

    fn prefix(&mut self) {
        self.bytes(b"prefix=");
        self.gap(Piece::Tree);
    }

    fn words<'a>(&mut self, words: impl Iterator<Item = &'a [u8]>) {
        for (index, word) in words.enumerate() {
            self.bytes(if index == 0 { b"" } else { b" " });
            self.bytes(word);
        }
    }

    /// The installer's options without the one that makes it look for a CD.
    fn options(&mut self, options: &[u8], unattended: bool) {
        let is_kept = |word: &&[u8]| {
            let is_answers = unattended && word.starts_with(b"ks=");
            !word.is_empty() && *word != b"cdromBoot" && !is_answers
        };
        self.bytes(b"kernelopt=");
        self.words(options.split(|byte| *byte == b' ').filter(is_kept));
        if unattended {
            let is_empty = self.bytes.ends_with(b"=");
            self.bytes(if is_empty { b"ks=" } else { b" ks=" });
            self.gap(Piece::Answers);
        }
    }

    fn finish(mut self) -> GeneratedFile {
        self.pieces.push(Piece::Bytes(self.bytes));
        GeneratedFile(self.pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::Filling;

    const FILLING: Filling<'_> =
        Filling { tree: Some("http://m/ESXI"), answers: Some("http://m/esx.ks") };

    fn render(text: &str) -> Vec<(&'static str, String)> {
        let files = rewrite(text.as_bytes()).into_iter();
        let text = |file: GeneratedFile| String::from_utf8(file.render(FILLING).unwrap()).unwrap();
        files.map(|(name, file)| (name, text(file))).collect()
    }

    #[test]
    fn the_loader_gets_the_tree_as_prefix_and_paths_below_it() {
        let files = render(
            "bootstate=0\r\ntitle=Loading ESXi installer\r\ntimeout=5\r\nprefix=\r\nkernel=/b.b00\r\n\
             kernelopt=runweasel cdromBoot allowLegacyCPU=true\r\n\
             modules=/jumpstrt.gz --- /useropts.gz --- //k.b00\r\nbuild=8.0.3\r\nupdated=0\r\n",
        );
        assert_eq!(files[0].0, "boot.cfg");
        assert_eq!(
            files[0].1,
            "bootstate=0\r\ntitle=Loading ESXi installer\r\ntimeout=5\r\nprefix=http://m/ESXI\r\n\
             kernel=b.b00\r\nkernelopt=runweasel allowLegacyCPU=true\r\n\
             modules=jumpstrt.gz --- useropts.gz --- k.b00\r\nbuild=8.0.3\r\nupdated=0\r\n"
        );
        assert_eq!(files[1].0, "boot-unattended.cfg");
        let with_answers = "kernelopt=runweasel allowLegacyCPU=true ks=http://m/esx.ks\r\n";
        assert!(files[1].1.contains(with_answers), "{}", files[1].1);
    }

    #[test]
    fn what_is_missing_is_added_and_what_is_another_programs_is_left_alone() {
        let files = render("kernel=b.b00\nmodules=a.b00");
        assert_eq!(files[0].1, "kernel=b.b00\nmodules=a.b00\nprefix=http://m/ESXI\n");
        let unattended = "kernel=b.b00\nmodules=a.b00\nprefix=http://m/ESXI\n\
                          kernelopt=runweasel ks=http://m/esx.ks\n";
        assert_eq!(files[1].1, unattended);
        let gap = rewrite(b"kernel=a\nmodules=b\n");
        assert_eq!(gap[0].1.render(Filling::default()), None, "no address is known");
        assert_eq!(gap[1].1.render(Filling { answers: None, ..FILLING }), None);
        for other in ["", "default=linux\n", "kernel /a\nmodules=b\n"] {
            assert!(rewrite(other.as_bytes()).is_empty(), "{other}");
        }
    }
}
