//! Cases of lists of checksums, as whoever reads them meets them.

use isomirror_core::checksums::{ChecksumList, Hints};

const ONE: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const OTHER: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn parse(text: &str) -> Option<ChecksumList> {
    ChecksumList::parse(text.as_bytes(), &Hints::default()).ok()
}

pub(super) fn a_page_is_no_list() {
    let page = format!("<!DOCTYPE html><html><pre>\n{ONE}  linux.iso\n</pre></html>\n");
    assert!(parse(&page).is_none());
    assert!(parse("").is_none_or(|list| list.find("linux.iso").is_err()));
    assert!(parse(&format!("{ONE}  linux.iso\n")).unwrap().find("linux.iso").is_ok());
}

pub(super) fn a_list_that_contradicts_itself_is_refused() {
    let list = |second: &str| format!("{ONE}  linux.iso\n{second}  linux.iso\n");
    assert!(parse(&list(OTHER)).is_none_or(|list| list.find("linux.iso").is_err()));
    assert!(parse(&list(ONE)).unwrap().find("linux.iso").is_ok());
}

pub(super) fn names_that_are_hostile_are_not_in_a_list() {
    let long = "a".repeat(300);
    for name in ["../linux.iso", "/etc/linux.iso", "-rf", ".hidden", "a\u{7}b.iso", &long] {
        let found = parse(&format!("{ONE}  {name}\n{OTHER}  linux.iso\n"));
        let images =
            found.iter().flat_map(ChecksumList::files).filter_map(|file| file.image_name());
        assert!(images.into_iter().all(|name| name == "linux.iso"), "{name:?}");
    }
}

pub(super) fn a_digest_of_another_kind_is_none() {
    // As long as SHA-256, and announced as something else.
    let other = parse(&format!("BLAKE3 (linux.iso) = {ONE}\n"));
    assert!(other.is_none_or(|list| list.find("linux.iso").is_err()));
    let weak = parse("# md5\nd41d8cd98f00b204e9800998ecf8427e  linux.iso\n").unwrap();
    assert!(
        weak.find("linux.iso")
            .unwrap()
            .strongest()
            .is_none_or(|digest| !digest.algorithm().is_strong())
    );
}
