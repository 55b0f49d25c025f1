use super::*;
use crate::{
    config::BaseUrl,
    digest::{Algorithm, Digest},
    state::{DownloadPhase, DownloadState, MediumState, Phase},
    trust::Trust,
    verified::Verified,
    view::document::tests::medium,
};

fn page(document: &StateDocument, is_exported: &dyn Fn(&Name) -> bool) -> String {
    let mirror = MirrorUrl::of_base(&BaseUrl::try_from("http://m".to_owned()).unwrap());
    index_page(&IndexView { document, is_exported, mirror: Some(&mirror), is_mirror_fixed: true })
}

fn body(page: &str) -> &str {
    page.split_once("<body>").unwrap().1
}

#[test]
fn every_medium_is_shown_and_those_that_are_served_are_linked() {
    let mut broken = medium("Broken");
    broken.state = Phase::Broken;
    broken.problem = Some("the image `/secret/a.iso` is truncated; copy it again".into());
    let media = vec![medium("Debian 12"), broken];
    let document = StateDocument { media, revision: 7, ..StateDocument::default() };
    let page = page(&document, &|name| name.as_str() == "Debian_12");
    let body = body(&page);
    assert!(body.contains("<h2><a href=\"Debian_12/\">Debian_12</a></h2>"));
    assert!(body.contains("<a href=\"_/Debian_12.iso\">"));
    assert!(body.contains("<h2>Broken</h2>") && !body.contains("_/Broken.iso"));
    assert!(body.contains("<span class=\"state broken\">1 broken</span>"));
    assert!(body.contains("data-revision=\"7\""));
    assert!(body.contains("<dd>&lt;script&gt;\\u{202e}</dd>") && !body.contains("<script"));
    assert!(body.contains("cannot be read; `isomirror status` on the host tells why"));
    assert!(!page.contains("secret"), "what only the host should know");
}

#[test]
fn nothing_is_fetched_from_elsewhere() {
    let media = vec![medium("A")];
    let document = StateDocument { media, ..StateDocument::default() };
    let page = page(&document, &|_| true).replace("http://www.w3.org/2000/svg", "");
    let urls: Vec<_> = page.match_indices("://").map(|(at, _)| &page[at..at + 4]).collect();
    assert!(urls.iter().all(|url| *url == "://m"), "{urls:?}");
    assert!(!page.contains("src=") && !page.contains("@import") && !page.contains("url("));
    let tags = body(&page).split('<').filter_map(|part| Some(part.split_once('>')?.0.to_owned()));
    let is_forbidden = |tag: String| tag.contains(" style=") || tag.contains(" on");
    assert!(!tags.into_iter().any(is_forbidden), "the policy forbids both");
}

#[test]
fn a_mirror_that_does_not_know_its_address_says_so() {
    let media = vec![medium("A")];
    let document = StateDocument { media, ..StateDocument::default() };
    let view = IndexView {
        document: &document,
        is_exported: &|_| true,
        mirror: None,
        is_mirror_fixed: false,
    };
    let page = index_page(&view);
    assert!(page.contains("chain <b>http://MIRROR</b>/boot.ipxe"));
    assert!(page.contains("id=\"placeholder\"") && page.contains("data-mirror=\"found\""));
}

#[test]
fn an_empty_mirror_says_so() {
    assert!(page(&StateDocument::default(), &|_| true).contains("No media yet"));
}

#[test]
fn downloads_have_their_progress_and_no_path_of_the_host() {
    let download = DownloadState {
        id: "debian-12<b>".into(),
        state: DownloadPhase::Downloading,
        since: "2026-08-01T12:34:00Z".into(),
        version: Some("12.11".into()),
        file: None,
        bytes: 1 << 30,
        size: Some(4 << 30),
        speed: 10 << 20,
        source: Some("mirror.example".into()),
        trust: None,
        next_check: None,
        look: 0,
        refused: false,
        problem: Some("`/secret` is full".into()),
    };
    let directory = DownloadState { source: Some("/secret/usb".into()), ..download.clone() };
    let fetch = vec![download, directory];
    let document = StateDocument { fetch, ..StateDocument::default() };
    let page = page(&document, &|_| true);
    assert!(page.contains("<progress max=\"4294967296\" value=\"1073741824\"></progress>"));
    let figures = "<span>1.0 GiB of 4.0 GiB · 10.0 MiB/s · 5 min left · from mirror.example</span>";
    assert!(page.contains(figures), "{page}");
    assert!(page.contains("debian-12&lt;b&gt;") && !page.contains("secret"));
}

#[test]
fn what_vouches_for_a_medium_is_said_and_nothing_more() {
    let with = |trust| MediumState {
        verified: Some(Verified {
            trust,
            digests: vec![Digest::from_bytes(Algorithm::Sha256, &[0xab; 32]).unwrap()],
            signer: Some("<i>F00D".into()),
            verified_at: "2026-08-01T12:34:00Z".into(),
        }),
        ..medium("A")
    };
    let shown = |medium: MediumState| {
        let document = StateDocument { media: vec![medium], ..StateDocument::default() };
        body(&page(&document, &|_| true)).to_owned()
    };
    let signed = shown(with(Trust::SignedList));
    assert!(signed.contains("verified: signed list") && signed.contains("&lt;i&gt;F00D"));
    assert!(signed.contains(&"ab".repeat(32)) && signed.contains("sha256sum -c"));
    for unverified in [with(Trust::Unverified), medium("A")] {
        let unverified = shown(unverified);
        assert!(unverified.contains(">not verified<") && !unverified.contains("sha256sum"));
        assert!(!unverified.contains("verified:"));
    }
}

#[test]
fn a_thousand_media_are_a_page() {
    let media = (0..1000).map(|index| medium(&format!("MEDIUM_{index}"))).collect();
    let document = StateDocument { media, ..StateDocument::default() };
    let page = page(&document, &|_| true);
    assert_eq!(page.matches("class=\"card\"").count(), 1000);
    assert!(page.len() < 4 << 20, "{} bytes", page.len());
}
