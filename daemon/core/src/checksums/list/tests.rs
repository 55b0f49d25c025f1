//! Lists as publishers write them, and as somebody would who wants another file to pass.

use proptest::prelude::*;

use super::*;

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn parse(text: &str) -> Result<ChecksumList, ChecksumListError> {
    ChecksumList::parse(text.as_bytes(), &Hints::default())
}

fn digest(algorithm: Algorithm, digit: &str) -> Digest {
    Digest::from_hex(algorithm, &digit.repeat(algorithm.length() * 2)).unwrap()
}

/// The digests of `name` in `text`, as algorithm and first digit.
fn found(text: &str, name: &str) -> Vec<String> {
    let list = parse(text).unwrap();
    let file = list.find(name).unwrap();
    file.digests.iter().map(|d| format!("{}:{}", d.algorithm(), &d.hex()[..1])).collect()
}

#[test]
fn the_lists_of_publishers_are_read() {
    let ubuntu = format!(
        "{A} *ubuntu-24.04.3-desktop-amd64.iso\n{B} *ubuntu-24.04.3-live-server-amd64.iso\n"
    );
    assert_eq!(found(&ubuntu, "ubuntu-24.04.3-live-server-amd64.iso"), ["sha256:b"]);
    let debian = format!(
        "{A}  debian-13.1.0-amd64-netinst.iso\n{B}  debian-edu-13.1.0-amd64-netinst.iso\r\n"
    );
    assert_eq!(found(&debian, "debian-13.1.0-amd64-netinst.iso"), ["sha256:a"]);
    let nobara = format!("{A}  ./Nobara-42-Official.iso\n");
    assert_eq!(found(&nobara, "Nobara-42-Official.iso"), ["sha256:a"]);
    let memtest = format!("{A}  v8.10/mt86plus_8.10_x86_64.iso.zip\n");
    assert_eq!(found(&memtest, "mt86plus_8.10_x86_64.iso.zip"), ["sha256:a"]);
}

#[test]
fn a_size_belongs_to_the_file_that_it_names() {
    let text = format!(
        "# Rocky-9.7-x86_64-boot.iso: 1285619712 bytes\nSHA256 (Rocky-9.7-x86_64-boot.iso) = {A}\n\
         # Rocky-9.7-x86_64-dvd.iso: 12 bytes\nSHA256 (Rocky-9.7-x86_64-dvd.iso) = {B}\n\
         # nothing: 5 bytes\n"
    );
    let list = parse(&text).unwrap();
    assert_eq!(list.files().len(), 2);
    assert_eq!(list.find("Rocky-9.7-x86_64-boot.iso").unwrap().size, Some(1_285_619_712));
    assert_eq!(list.find("Rocky-9.7-x86_64-dvd.iso").unwrap().size, Some(12));
    let twice = format!("# a: 1 bytes\n# a: 2 bytes\nSHA256 (a) = {A}\n");
    assert!(matches!(parse(&twice), Err(ChecksumListError::TwoSizes { .. })));
}

#[test]
fn headings_decide_what_hashes_are_of() {
    let clonezilla = format!(
        "### MD5SUMS:\n{}  a.iso\n### SHA1SUMS:\n{}  a.iso\n### SHA256SUMS:\n{A}  a.iso\n\
         ### SHA512SUMS:\n{}  a.iso\n### B3SUMS:\n{B}  a.iso\n",
        "1".repeat(32),
        "2".repeat(40),
        "5".repeat(128)
    );
    assert_eq!(found(&clonezilla, "a.iso"), ["md5:1", "sha1:2", "sha256:a", "sha512:5"]);
    let gentoo = format!(
        "# BLAKE2B HASH\n{}  a.iso\n# SHA512 HASH\n{}  a.iso\n",
        "1".repeat(128),
        "5".repeat(128)
    );
    assert_eq!(found(&gentoo, "a.iso"), ["blake2b:1", "sha512:5"]);
    let parrot =
        format!("md5\n{}  a.iso\n\nsha256\n{A}  a.iso\nblake3\n{B}  b.iso\n", "1".repeat(32));
    assert_eq!(found(&parrot, "a.iso"), ["md5:1", "sha256:a"]);
    assert_eq!(parse(&parrot).unwrap().find("b.iso"), Err(NotListed::Absent));
}

#[test]
fn without_headings_the_number_of_digits_decides() {
    let qubes = format!(
        "{} *q.iso\n{} *q.iso\n{A} *q.iso\n{} *q.iso\n",
        "1".repeat(32),
        "2".repeat(40),
        "5".repeat(128)
    );
    assert_eq!(found(&qubes, "q.iso"), ["md5:1", "sha1:2", "sha256:a", "sha512:5"]);
    let hints = Hints { algorithm: Some(Algorithm::Blake2b), ..Hints::default() };
    let text = format!("{}  a.iso\n", "5".repeat(128));
    let list = ChecksumList::parse(text.as_bytes(), &hints).unwrap();
    assert_eq!(list.files()[0].digests, [digest(Algorithm::Blake2b, "5")]);
}

#[test]
fn blake3_is_never_taken_for_sha256() {
    for text in [
        format!("### B3SUMS:\n{A}  a.iso\n"),
        format!("# BLAKE3 HASH\n{A}  a.iso\n"),
        format!("BLAKE3 (a.iso) = {A}\n"),
        format!("blake3:{A}  a.iso\n"),
        format!("SHA3-256 (a.iso) = {A}\n"),
        format!("blake3\n{A}\n"),
    ] {
        assert!(matches!(parse(&text), Err(ChecksumListError::Empty)), "{text}");
    }
}

#[test]
fn names_are_compared_whole() {
    let text = format!(
        "{A}  TinyCorePure64-17.1.iso\n{A}  foo.iso.zsync\n{A}  my-foo.iso\n{A}  fooXiso\n{A}  foo.iso.sig\n"
    );
    let list = parse(&text).unwrap();
    for name in ["CorePure64-17.1.iso", "foo.iso", "iso", "", "."] {
        assert_eq!(list.find(name), Err(NotListed::Absent), "{name}");
    }
    let text = format!("{A}  x/a.iso\n{B}  y/a.iso\n{A}  x/b.iso\n{B}  b.iso\n");
    let list = parse(&text).unwrap();
    assert_eq!(list.find("a.iso"), Err(NotListed::Ambiguous));
    assert_eq!(list.find("x/a.iso").unwrap().digests, [digest(Algorithm::Sha256, "a")]);
    assert_eq!(list.find("b.iso").unwrap().digests, [digest(Algorithm::Sha256, "b")]);
}

#[test]
fn a_list_that_contradicts_itself_is_refused() {
    for text in [
        format!("{A}  a.iso\n{B}  a.iso\n"),
        format!("{A}  a.iso\nSHA256 (./a.iso) = {B}\n"),
        format!("{A} *a.iso\n{B}  .//a.iso\n"),
    ] {
        let error = parse(&text).unwrap_err();
        assert!(matches!(error, ChecksumListError::Contradiction { .. }), "{text}");
    }
    assert_eq!(found(&format!("{A}  a.iso\n{A} *a.iso\n"), "a.iso"), ["sha256:a"]);
}

#[test]
fn a_page_is_no_list() {
    for text in [
        "<!DOCTYPE html>\n<html>not found</html>".to_owned(),
        format!("\u{feff}\n  <html>\n{A}  a.iso\n"),
        format!("{A}  a.iso\n<script>\n"),
    ] {
        assert!(matches!(parse(&text), Err(ChecksumListError::Page)), "{text}");
    }
    for text in ["", "\n\n", "404 not found", "# a: 12 bytes\n", "a.iso"] {
        assert!(matches!(parse(text), Err(ChecksumListError::Empty)), "{text}");
    }
}

#[test]
fn hostile_names_are_left_out() {
    let text = format!(
        "{A}  ../../etc/passwd\n{A}  /etc/passwd\n{A}  a\u{1b}[2J.iso\n\\{A}  a\\nb\n{B}  b.iso\n"
    );
    let list = parse(&text).unwrap();
    assert_eq!((list.files().len(), list.ignored()), (1, 4));
    let text = format!("{A}  -rf\n{A}  a b.iso\n{A}  c.iso\n");
    let list = parse(&text).unwrap();
    let names: Vec<_> = list.files().iter().filter_map(ListedFile::image_name).collect();
    assert_eq!(names, ["c.iso"]);
}

#[test]
fn a_hash_alone_is_of_the_file_that_is_known_to_have_it() {
    let text = format!("{A}\n");
    assert!(matches!(parse(&text), Err(ChecksumListError::Nameless)));
    let hints = Hints { only_file: Some("a.iso".to_owned()), ..Hints::default() };
    let read = |text: &str| ChecksumList::parse(text.as_bytes(), &hints);
    assert_eq!(
        read(&text).unwrap().find("a.iso").unwrap().digests,
        [digest(Algorithm::Sha256, "a")]
    );
    assert!(matches!(read(&format!("{A}\n{B}\n")), Err(ChecksumListError::Contradiction { .. })));
    // Beside names it is nobody's.
    let list = read(&format!("{A}\n{B}  b.iso\n")).unwrap();
    assert_eq!((list.find("a.iso"), list.ignored()), (Err(NotListed::Absent), 1));
}

#[test]
fn only_the_signed_text_of_a_message_counts() {
    let text = format!(
        "{B}  a.iso\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# a.iso: 3 bytes\nSHA256 (a.iso) = {A}\n\
         -----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n{B}  a.iso\n{B}  b.iso\n"
    );
    let list = parse(&text).unwrap();
    assert_eq!(list.files().len(), 1);
    assert_eq!(found(&text, "a.iso"), ["sha256:a"]);
}

#[test]
fn documents_have_hashes_where_the_catalog_says() {
    let read = |document: &str, files: &str, name: &str| {
        let places = JsonPlaces {
            files: files.to_owned(),
            name: name.to_owned(),
            digest: ("sha256".to_owned(), Algorithm::Sha256),
            size: Some("size".to_owned()),
        };
        let hints = Hints { json: Some(places), ..Hints::default() };
        ChecksumList::parse(document.as_bytes(), &hints)
    };
    let core_os = format!(
        r#"{{"architectures": {{"x86_64": {{"iso": {{"disk": {{"location": "https://x/y/c.iso?z", "sha256": "{A}"}}}}}}}}}}"#
    );
    let list = read(&core_os, "/architectures/x86_64/iso/disk", "location").unwrap();
    assert_eq!(list.find("c.iso").unwrap().digests, [digest(Algorithm::Sha256, "a")]);
    let fedora = format!(
        r#"[{{"link": "https://x/a.iso", "sha256": "{A}", "size": "12"}}, {{"link": "https://x/b.iso", "sha256": null}},
            {{"link": "https://x/d.iso", "sha256": "{B}", "size": 13}}]"#
    );
    let list = read(&fedora, "/*", "link").unwrap();
    assert_eq!((list.files().len(), list.ignored()), (2, 1));
    assert_eq!(list.find("a.iso").unwrap().size, Some(12));
    assert_eq!(list.find("d.iso").unwrap().size, Some(13));
    assert!(matches!(read("{}", "/a/b", "x"), Err(ChecksumListError::Empty)));
    assert!(matches!(read("<html>", "/a/b", "x"), Err(ChecksumListError::Json(_))));
    let twice =
        format!(r#"[{{"link": "a.iso", "sha256": "{A}"}}, {{"link": "/a.iso", "sha256": "{B}"}}]"#);
    assert!(matches!(read(&twice, "/*", "link"), Err(ChecksumListError::Contradiction { .. })));
}

#[test]
fn what_is_too_long_is_refused() {
    let hints = Hints { maximum_size: 100, ..Hints::default() };
    let error = ChecksumList::parse(&[b'\n'; 101], &hints).unwrap_err();
    assert!(matches!(error, ChecksumListError::TooLarge { limit: 100 }));
    let text = format!("{A}  a.iso\n{}", "x".repeat(9000));
    assert!(matches!(parse(&text), Err(ChecksumListError::LineTooLong { line: 2 })));
}

/// Any of the forms in which a publisher may write a line.
fn written(form: u8, name: &str, digest: &Digest) -> String {
    let (hex, tag) = (digest.hex(), digest.algorithm().name().to_uppercase());
    match form % 5 {
        0 => format!("{hex}  {name}\n"),
        1 => format!("{hex} *{name}\n"),
        2 => format!("{tag} ({name}) = {hex}\r\n"),
        3 => format!("{hex}  ./{name}\n"),
        _ => format!("# {tag} HASH\n{}  {name}\n", hex.to_uppercase()),
    }
}

proptest! {
    #[test]
    fn whatever_is_written_is_found_and_nothing_else(
        files in proptest::collection::btree_map("[A-Za-z0-9][A-Za-z0-9._+~-]{0,30}", (any::<[u8; 32]>(), any::<u8>()), 1..20),
        other in "[A-Za-z0-9._+~-]{1,8}",
    ) {
        let digest = |bytes: &[u8; 32]| Digest::from_bytes(Algorithm::Sha256, bytes).unwrap();
        let text: String = files.iter().map(|(name, (bytes, form))| written(*form, name, &digest(bytes))).collect();
        let list = parse(&text).unwrap();
        for (name, (bytes, _)) in &files {
            prop_assert_eq!(&list.find(name).unwrap().digests, &[digest(bytes)]);
        }
        prop_assert_eq!(list.files().len(), files.len());
        prop_assert_eq!(list.find(&other).is_ok(), files.contains_key(&other));
    }

    #[test]
    fn no_bytes_make_a_list_with_names_that_lead_elsewhere(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(list) = ChecksumList::parse(&bytes, &Hints::default()) {
            for file in list.files() {
                prop_assert_eq!(normalised(&file.name), Some(file.name.clone()));
                prop_assert!(!file.digests.is_empty());
            }
        }
    }
}
