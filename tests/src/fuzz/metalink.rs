//! Metalink documents.

use isomirror_core::transfer::metalink::parse;

/// Reads `data` as such a document.
///
/// # Panics
/// Where an address is none of HTTP, or pieces do not cover a file of their size.
pub fn run(data: &[u8]) {
    for file in parse(data).unwrap_or_default() {
        assert!(file.urls.iter().all(|url| url.starts_with("http") && !url.contains(' ')));
        let (Some(size), Some(pieces)) = (file.size, file.pieces) else { continue };
        if pieces.is_of_size(size) {
            let covered: u64 = pieces.each(size).map(|(range, _)| range.end - range.start).sum();
            assert_eq!(covered, size);
        }
    }
}
