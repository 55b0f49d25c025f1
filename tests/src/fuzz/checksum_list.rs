//! Checksum lists: any text, and any JSON document.

use isomirror_core::{
    checksums::{ChecksumList, Hints, JsonPlaces, normalised},
    digest::Algorithm,
};

/// Reads `data` as a list, with and without hints.
///
/// # Panics
/// Where a file of the list has no digest, two of one algorithm, or a name that leads elsewhere.
pub fn run(data: &[u8]) {
    let places = JsonPlaces {
        files: "/*".to_owned(),
        name: "link".to_owned(),
        digest: ("sha256".to_owned(), Algorithm::Sha256),
        size: Some("size".to_owned()),
    };
    let named = Hints { only_file: Some("a.iso".to_owned()), ..Hints::default() };
    let blake = Hints { algorithm: Some(Algorithm::Blake2b), ..Hints::default() };
    let json = Hints { json: Some(places), ..Hints::default() };
    for hints in [Hints::default(), named, blake, json] {
        let Ok(list) = ChecksumList::parse(data, &hints) else { continue };
        assert!(!list.files().is_empty());
        for file in list.files() {
            assert_eq!(normalised(&file.name).as_deref(), Some(&*file.name));
            assert!(!file.digests.is_empty());
            assert!(file.digests.is_sorted_by(|one, next| one.algorithm() < next.algorithm()));
            assert_eq!(list.find(&file.name), Ok(file));
        }
    }
}
