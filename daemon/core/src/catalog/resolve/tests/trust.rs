//! What is not taken, though it is there.

use super::*;

#[test]
fn a_signature_that_is_missing_is_a_downgrade_and_one_that_cannot_be_read_is_unknown() {
    let entry = entry(SIGNED);
    let list = sums(&["x-7.iso"]);
    let mut world = world([("https://a.example/SUMS", list.as_str())]);
    assert!(matches!(outcome(&entry, &world), Outcome::Held(why) if why.starts_with("downgrade")));
    let at = "https://a.example/SUMS.sign";
    for (address, answer) in
        [page(at, "<html>"), page(at, ""), (at.to_owned(), Answer::Unreadable("503".to_owned()))]
    {
        world.insert(address, answer);
        assert!(matches!(outcome(&entry, &world), Outcome::Unknown(_)));
    }
    world.extend([page(at, "a signature")]);
    let release = resolved(&entry, &world);
    let (address, bytes) = release.signatures[0].detached.clone().unwrap();
    assert_eq!((address.as_str(), &*bytes), (at, &b"a signature"[..]));
    assert_eq!(&*release.list.unwrap().bytes, list.as_bytes());
}

#[test]
fn a_list_that_should_be_clearsigned_has_to_look_so() {
    let text = SIGNED.replace("file: SUMS.sign", "kind: clearsigned");
    let entry = entry(&text);
    let list = sums(&["x-7.iso"]);
    let plain = world([("https://a.example/SUMS", list.as_str())]);
    assert!(matches!(outcome(&entry, &plain), Outcome::Held(why) if why.starts_with("downgrade")));
    let signed = format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{list}-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n"
    );
    let release = resolved(&entry, &world([("https://a.example/SUMS", &signed)]));
    assert_eq!(release.digests[0].hex(), digest(1));
    assert!(release.signatures[0].detached.is_none());
}

#[test]
fn an_older_release_is_a_rollback_and_needs_no_more_documents() {
    let entry = entry(SIGNED);
    let list = sums(&["x-7.iso"]);
    let history = History { version: Some("8".to_owned()), ..History::default() };
    let (outcome, asked) = run(&entry, &history, &world([("https://a.example/SUMS", &list)]));
    assert!(matches!(outcome, Outcome::Held(why) if why == "rollback: 7 is offered after 8"));
    assert_eq!(asked, ["https://a.example/SUMS"]);
}

#[test]
fn a_digest_that_the_operator_wrote_down_outweighs_a_list_that_says_otherwise() {
    let list = sums(&["x-7.iso"]);
    let world = world([
        ("https://a.example/SUMS", list.as_str()),
        ("https://a.example/SUMS.sign", "signature"),
    ]);
    let pinned = |seed| entry(&format!("{SIGNED}    pinned: {{'7': 'sha256:{}'}}\n", digest(seed)));
    assert_eq!(resolved(&pinned(1), &world).told, crate::trust::Trust::Pinned);
    assert!(matches!(outcome(&pinned(2), &world), Outcome::Held(_)));
}

#[test]
fn what_should_have_a_digest_is_not_taken_without_one() {
    let entry = entry(
        "    find: {method: json, at: 'https://a.example/r', items: '[]', fields: {name: n, sha256: h}}\n    \
         directories: ['https://a.example/']\n    name: 'x-(?P<version>\\d+)\\.iso'\n    trust: one-source\n",
    );
    for document in ["[{\"n\": \"x-7.iso\"}]", "[{\"n\": \"x-7.iso\", \"h\": \"12\"}]"] {
        assert!(matches!(
            outcome(&entry, &world([("https://a.example/r", document)])),
            Outcome::Unknown(_)
        ));
    }
}

#[test]
fn what_is_told_without_a_signature_counts_by_who_tells_it_and_how() {
    use crate::trust::Trust;
    let told = |document: &str, list: &str, hash: &str| {
        let entry = entry(&format!(
            "    find: {{method: json, at: '{document}/r', items: '[]', fields: {{name: n, sha256: h}}}}\n    \
             directories: ['{list}/']\n    name: 'x-(?P<version>\\d+)\\.iso'\n    trust: unverified\n    \
             checksum: {{file: SUMS, algorithm: sha256}}\n"
        ));
        let page = format!("[{{\"n\": \"x-7.iso\", \"h\": \"{hash}\"}}]");
        let (document, at) = (format!("{document}/r"), format!("{list}/SUMS"));
        let list = sums(&["x-7.iso"]);
        resolved(&entry, &world([(document.as_str(), &*page), (at.as_str(), list.as_str())])).told
    };
    let known = digest(1);
    assert_eq!(told("https://a.example", "https://b.example", &known), Trust::TwoSources);
    assert_eq!(told("https://a.example", "https://a.example", &known), Trust::OneSource);
    assert_eq!(told("https://a.example", "https://b.example", ""), Trust::OneSource);
    assert_eq!(told("http://a.example", "https://b.example", &known), Trust::OneSource);
    assert_eq!(told("http://a.example", "http://b.example", &known), Trust::Unverified);
}
