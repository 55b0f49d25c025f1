//! Windows Imaging files: any header, and the XML that it leads to.

use isomirror_core::boot::metadata::wim::{HEADER, MOST_XML, facts, xml_place};

/// Reads `data` as such a file.
///
/// # Panics
/// Where the XML is longer than is ever read, or a version is no version.
pub fn run(data: &[u8]) {
    let Some(place) = xml_place(&data[..data.len().min(HEADER)]) else { return };
    assert!(place.length as u64 <= MOST_XML);
    let start = usize::try_from(place.offset).unwrap_or(usize::MAX).min(data.len());
    let end = start.saturating_add(place.length).min(data.len());
    let facts = facts(&data[start..end]);
    if let Some(version) = facts.version {
        assert!(version.bytes().all(|b| b.is_ascii_digit() || b == b'.'), "{version:?}");
    }
}
