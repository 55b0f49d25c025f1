//! Metalink 4 (RFC 5854): where else a file is, and the digests of its pieces.
//!
//! What it says about digests is worth as much as the place it comes from: mirrors and pieces help to fetch, and the
//! published digest of the whole decides.

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use super::pieces::Pieces;
use crate::digest::{Algorithm, Digest};

/// Length of a document that is read at all, in bytes.
pub const LONGEST_DOCUMENT: usize = 4 << 20;
/// Mirrors of a file that are kept.
const MOST_MIRRORS: usize = 500;
/// Priority of a mirror that states none (RFC 5854 section 4.2.16.1: the last).
const LAST_PRIORITY: u32 = 999_999;

/// What is said about one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetalinkFile {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub size: Option<u64>,
    /// Digests of the whole.
    pub digests: Vec<Digest>,
    /// Digests of its pieces, of the strongest kind that was given.
    pub pieces: Option<Pieces>,
    /// HTTP addresses, the best first.
    pub urls: Vec<String>,
}

/// Why a document is of no use.
#[derive(Debug, thiserror::Error)]
pub enum InvalidMetalink {
    /// Too long.
    #[error("the metalink document is longer than 4 MiB")]
    TooLong,
    /// No XML.
    #[error("the metalink document is no well-formed XML")]
    Xml(#[source] quick_xml::Error),
    /// Something else than a Metalink of version 4.
    #[error("the document is no Metalink 4")]
    NotMetalink,
}

/// Reads all files of a document. What is unknown or malformed in one is left out; entities are never expanded.
///
/// # Errors
/// Where it is no Metalink 4.
pub fn parse(document: &[u8]) -> Result<Vec<MetalinkFile>, InvalidMetalink> {
    if document.len() > LONGEST_DOCUMENT {
        return Err(InvalidMetalink::TooLong);
    }
    let text = str::from_utf8(document).map_err(|_| InvalidMetalink::NotMetalink)?;
    let mut reader = Reader::from_str(text);
    let mut parser = Parser::default();
    loop {
        match reader.read_event().map_err(InvalidMetalink::Xml)? {
            Event::Start(element) => parser.start(&element)?,
            Event::Empty(element) => {
                parser.start(&element)?;
                parser.end();
            }
            Event::Text(text) => parser.text.push_str(&text),
            // In an address `&` stands as an entity; every other one makes the text worthless.
            Event::GeneralRef(entity) => {
                parser.text.push(if &*entity == "amp" { '&' } else { '\u{fffd}' });
            }
            Event::End(_) => parser.end(),
            Event::Eof => break,
            _ => {}
        }
    }
    if parser.is_metalink { Ok(parser.files) } else { Err(InvalidMetalink::NotMetalink) }
}

#[derive(Default)]
struct Parser {
    /// Names of the elements that are open.
    open: Vec<String>,
    is_metalink: bool,
    files: Vec<MetalinkFile>,
    file: MetalinkFile,
    urls: Vec<(u32, String)>,
    /// The kind of the digest or pieces that are being read.
    algorithm: Option<Algorithm>,
    piece_length: u64,
    piece_digests: Option<Vec<Digest>>,
    priority: u32,
    text: String,
}

impl Parser {
    fn start(&mut self, element: &BytesStart<'_>) -> Result<(), InvalidMetalink> {
        let name = element.local_name().as_ref().to_owned();
        let attribute = |key: &str| {
            let found = element.try_get_attribute(key).ok().flatten()?;
            Some(found.value.into_owned())
        };
        if self.open.is_empty() && name != "metalink" || self.open.len() > 16 {
            return Err(InvalidMetalink::NotMetalink);
        }
        self.is_metalink = true;
        self.text.clear();
        match name.as_str() {
            "file" => {
                let name = attribute("name").unwrap_or_default();
                self.file = MetalinkFile { name, ..MetalinkFile::default() };
            }
            "hash" if self.parent() == "file" => {
                self.algorithm = attribute("type").and_then(|kind| kind.parse().ok());
            }
            "pieces" => {
                self.algorithm = attribute("type").and_then(|kind| kind.parse().ok());
                self.piece_length = attribute("length").and_then(|n| n.parse().ok()).unwrap_or(0);
                self.piece_digests = Some(Vec::new());
            }
            "url" => {
                let told = attribute("priority").and_then(|priority| priority.parse().ok());
                self.priority = told.unwrap_or(LAST_PRIORITY);
            }
            _ => {}
        }
        self.open.push(name);
        Ok(())
    }

    fn parent(&self) -> &str {
        self.open.last().map_or("", String::as_str)
    }

    fn end(&mut self) {
        let Some(name) = self.open.pop() else { return };
        let text = std::mem::take(&mut self.text);
        let text = text.trim();
        match (name.as_str(), self.parent()) {
            ("size", "file") => self.file.size = text.parse().ok(),
            ("hash", "file") => self.file.digests.extend(self.digest(text)),
            ("hash", "pieces") => self.piece(text),
            ("pieces", "file") => self.pieces(),
            ("url", "file") => self.url(text),
            ("file", "metalink") => {
                self.urls.sort_by_key(|(priority, _)| *priority);
                self.file.urls = self.urls.drain(..).map(|(_, url)| url).collect();
                self.files.push(std::mem::take(&mut self.file));
            }
            _ => {}
        }
    }

    fn digest(&self, text: &str) -> Option<Digest> {
        Digest::from_hex(self.algorithm?, text).ok()
    }

    /// One digest that cannot be read makes all of its kind worthless: the others would be of the wrong pieces.
    fn piece(&mut self, text: &str) {
        let digest = self.digest(text);
        self.piece_digests = self.piece_digests.take().zip(digest).map(|(mut digests, digest)| {
            digests.push(digest);
            digests
        });
    }

    fn pieces(&mut self) {
        let digests = self.piece_digests.take().unwrap_or_default();
        let Some(pieces) = Pieces::new(self.piece_length, digests) else { return };
        let is_better = |kept: &Pieces| pieces.algorithm() > kept.algorithm();
        if self.file.pieces.as_ref().is_none_or(is_better) {
            self.file.pieces = Some(pieces);
        }
    }

    fn url(&mut self, text: &str) {
        let is_http = text.starts_with("http://") || text.starts_with("https://");
        let is_plain = text.chars().all(|c| c.is_ascii_graphic());
        if is_http && is_plain && self.urls.len() < MOST_MIRRORS {
            self.urls.push((self.priority, text.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mirrors_are_ordered_and_pieces_are_read() {
        let hash = |byte: &str, count: usize| byte.repeat(count);
        let document = format!(
            r#"<?xml version="1.0"?><metalink xmlns="urn:ietf:params:xml:ns:metalink">
            <generator>x</generator>
            <file name="a.iso"><size>10</size>
              <hash type="md5">{}</hash><hash type="sha-256">{}</hash><hash type="odd">1</hash>
              <pieces length="4" type="sha-1"><hash>{p}</hash><hash>{p}</hash><hash>{p}</hash></pieces>
              <url location="de" priority="2">http://b/a.iso?x=1&amp;y=2</url>
              <url priority="1">https://a/a.iso</url><url>http://c/a.iso</url>
              <url>ftp://d/a.iso</url><url>http://e/&evil;</url>
              <metaurl mediatype="torrent">http://t/</metaurl>
            </file><file name="b.iso"/></metalink>"#,
            hash("0a", 16),
            hash("0b", 32),
            p = hash("0c", 20),
        );
        let files = parse(document.as_bytes()).unwrap();
        assert_eq!(files.len(), 2);
        let file = &files[0];
        assert_eq!((file.name.as_str(), file.size), ("a.iso", Some(10)));
        assert_eq!(file.urls, ["https://a/a.iso", "http://b/a.iso?x=1&y=2", "http://c/a.iso"]);
        assert_eq!(file.digests.len(), 2);
        let pieces = file.pieces.as_ref().unwrap();
        assert!(pieces.is_of_size(10) && pieces.algorithm() == Algorithm::Sha1);
        assert_eq!(files[1], MetalinkFile { name: "b.iso".into(), ..MetalinkFile::default() });
    }

    #[test]
    fn a_broken_digest_makes_all_pieces_worthless() {
        let document = r#"<metalink><file name="a"><pieces length="4" type="md5"><hash>0</hash>
            </pieces></file></metalink>"#;
        assert_eq!(parse(document.as_bytes()).unwrap()[0].pieces, None);
    }

    #[test]
    fn what_is_no_metalink_is_refused() {
        for document in ["", "<html></html>", "<metalink><file></metalink>", "text"] {
            assert!(parse(document.as_bytes()).is_err(), "{document}");
        }
        assert!(matches!(parse(&vec![b' '; LONGEST_DOCUMENT + 1]), Err(InvalidMetalink::TooLong)));
        // A bomb of entities stays what it is.
        let bomb = r#"<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><metalink><file name="x">
            <url>http://a/&b;</url></file></metalink>"#;
        assert!(parse(bomb.as_bytes()).unwrap()[0].urls.is_empty());
    }

    proptest! {
        #[test]
        fn no_document_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "(<[/a-z]{1,9}( type=\"md5\")?/?>|[0-9a-f]{1,4}){0,30}") {
            let _ = parse(&bytes);
            let _ = parse(format!("<metalink>{text}").as_bytes());
        }
    }
}
