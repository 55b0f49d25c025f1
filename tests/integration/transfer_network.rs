//! Networks and servers that misbehave: each case ends in exactly the released bytes, or in nothing and a reason.

use std::time::{Duration, Instant};

use isomirror::fetch::{Download, Fetcher, Hold, Policy, Progress};
use isomirror_core::transfer::answer::Rejection;
use isomirror_tests::fault_server::{Fault, FaultServer, image};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::transfer_fixture::{Fixture, MIB, download, policy};

const SIZE: usize = 3 * MIB;

/// What a faulty answer leads to.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// The same mirror is asked once more, and gives the rest.
    Recovers,
    /// Another mirror is asked.
    OtherMirror,
}
use Outcome::{OtherMirror, Recovers};

/// Each fault once, from a mirror that is in order before and after.
fn cases() -> Vec<(&'static str, Vec<Fault>, Outcome)> {
    vec![
        ("2: no header", vec![Fault::SilentBeforeHeader], Recovers),
        ("3: a trickle", vec![Fault::TrickleFrom(MIB)], Recovers),
        ("4: silence in mid-body", vec![Fault::SilentAt(MIB)], Recovers),
        ("6: a reset near the end", vec![Fault::ResetAt(SIZE - 1000)], Recovers),
        ("6: many resets", vec![Fault::ResetAt(300_000); 8], Recovers),
        ("7: retry at once", vec![Fault::Status(503, Some("0".into()))], Recovers),
        ("7: retry in a second", vec![Fault::Status(429, Some("1".into()))], Recovers),
        ("8: gone", vec![Fault::Status(404, None)], OtherMirror),
        ("8: gone for good", vec![Fault::Status(410, None)], OtherMirror),
        ("9: forbidden", vec![Fault::Status(403, None)], OtherMirror),
        ("9: a page", vec![Fault::Page(200)], OtherMirror),
        ("9: a disguised page", vec![Fault::DisguisedPage], OtherMirror),
        ("11: a redirection to itself", vec![Fault::Redirect(None); 20], OtherMirror),
        ("12: a proxy's page", vec![Fault::Page(502)], Recovers),
        ("15: no ranges, early", vec![Fault::ClosedAt(200_000), Fault::IgnoresRange], Recovers),
        ("15: no ranges, late", vec![Fault::ClosedAt(2 * MIB), Fault::IgnoresRange], Recovers),
        (
            "16: no If-Range",
            vec![Fault::ClosedAt(2 * MIB), Fault::IgnoresIfRange, Fault::None],
            Recovers,
        ),
        ("17: another range", vec![Fault::ClosedAt(MIB), Fault::RangeOff(-5)], OtherMirror),
        ("17: a later range", vec![Fault::ClosedAt(MIB), Fault::RangeOff(5)], OtherMirror),
        ("17: another total", vec![Fault::ClosedAt(MIB), Fault::TotalOff(1)], OtherMirror),
        ("18: refused", vec![Fault::ClosedAt(MIB), Fault::RangeRefused], OtherMirror),
        ("19: no length", vec![Fault::Chunked], Recovers),
        ("20: it ends early", vec![Fault::ClosedAt(MIB)], Recovers),
        ("20: longer than announced", vec![Fault::LengthOff(500)], OtherMirror),
        ("20: shorter than announced", vec![Fault::LengthOff(-500)], OtherMirror),
        ("20: endless", vec![Fault::Endless], Recovers),
        ("21: compressed", vec![Fault::Compressed], OtherMirror),
        ("22: several parts", vec![Fault::Multipart], OtherMirror),
        ("26: a wrong bit", vec![Fault::Flipped(MIB)], OtherMirror),
    ]
}

/// What a server may do for ever, and why the download is held then.
fn lasting_cases() -> Vec<(&'static str, Fault, &'static str)> {
    vec![
        ("2: no header", Fault::SilentBeforeHeader, "Unreachable"),
        ("3: a trickle", Fault::TrickleFrom(0), "Unreachable"),
        ("4: silence", Fault::SilentAt(0), "Unreachable"),
        ("7: two hours of patience", Fault::Status(503, Some("7200".into())), "Busy"),
        ("8: gone", Fault::Status(404, None), "Gone"),
        ("9: forbidden", Fault::Status(403, None), "Forbidden"),
        ("9: a page", Fault::Page(200), "Rejected"),
        ("9: a disguised page", Fault::DisguisedPage, "Rejected"),
        ("11: a redirection to itself", Fault::Redirect(None), "Rejected"),
        ("12: a server that has failed", Fault::Status(500, None), "Unreachable"),
        ("20: longer than announced", Fault::LengthOff(500), "Rejected"),
        ("21: compressed", Fault::Compressed, "Rejected"),
        ("22: several parts", Fault::Multipart, "Rejected"),
        ("26: a wrong bit", Fault::Flipped(MIB), "Mismatch"),
    ]
}

/// Has everything happen that the tables know of one case: a fault that passes ends in the released bytes, and one that
/// lasts in nothing and a reason.
pub(crate) fn answers_of(case: u8) {
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(4).enable_all().build().unwrap();
    let is_of_it = |name: &str| name.split_once(':').unwrap().0.parse() == Ok(case);
    let passing: Vec<_> = cases().into_iter().filter(|(name, ..)| is_of_it(name)).collect();
    let lasting: Vec<_> = lasting_cases().into_iter().filter(|(name, ..)| is_of_it(name)).collect();
    assert!(!passing.is_empty() || !lasting.is_empty(), "case {case} is in neither table");
    for (name, script, outcome) in passing {
        runtime.block_on(survives(name, script, outcome));
    }
    for (name, fault, expected) in lasting {
        runtime.block_on(is_held(name, fault, expected));
    }
}

async fn survives(name: &str, script: Vec<Fault>, outcome: Outcome) {
    let content = image(SIZE, 1);
    let (fixture, second) = (Fixture::new(), FaultServer::start(content.clone()).unwrap());
    let first = FaultServer::with(content.clone(), script, Fault::None).unwrap();
    let mut urls = vec![first.url()];
    if let OtherMirror = outcome {
        urls.push(second.url());
    }
    let download = download(&content, &urls);
    match fixture.run(&download).await {
        Ok(staged) => fixture.assert_published(&download, &staged, &content),
        Err(hold) => panic!("{name}: {hold}: {:?}", first.seen()),
    }
    let is_asked = !second.seen().is_empty();
    assert_eq!(matches!(outcome, OtherMirror), is_asked, "{name}: whom it asked");
}

async fn is_held(name: &str, fault: Fault, expected: &str) {
    let content = image(SIZE, 1);
    let fixture = Fixture::new();
    let server = FaultServer::with(content.clone(), [], fault.clone()).unwrap();
    let hold = fixture.holds(&download(&content, &[server.url()])).await;
    assert!(format!("{hold:?}").starts_with(expected), "{name}: {fault:?}: {hold:?}");
    assert!(server.seen().len() < 30, "{name}: no storm: {}", server.seen().len());
    assert!(server.seen().iter().all(|s| s.accept_encoding.as_deref() == Some("identity")));
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn where_nothing_goes_wrong_one_request_is_made() {
    let content = image(SIZE, 1);
    let server = FaultServer::start(content.clone()).unwrap();
    Fixture::new().publishes(&download(&content, &[server.url()]), &content).await;
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
pub(crate) async fn a_name_that_is_not_known_is_no_fault_of_the_image() {
    let content = image(SIZE, 1);
    let nowhere = "http://name.invalid/image.iso".to_owned();
    let hold = Fixture::new().holds(&download(&content, &[nowhere])).await;
    assert!(matches!(hold, Hold::Unreachable { .. }), "{hold:?}");
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_slow_link_that_is_healthy_has_all_the_time_it_needs() {
    // Four times the stall timeout and more.
    let content = image(MIB, 1);
    let server = FaultServer::with(content.clone(), [], Fault::Limited(300_000)).unwrap();
    let one = Policy { connections: 1, ..policy() };
    let fixture = Fixture::with(one);
    let begun = Instant::now();
    fixture.publishes(&download(&content, &[server.url()]), &content).await;
    assert!(begun.elapsed() > policy().stall * 4);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn our_own_limit_is_no_stall() {
    let content = image(200_000, 1);
    let server = FaultServer::start(content.clone()).unwrap();
    let fixture = Fixture::with(Policy { minimum_speed: 10 * MIB as u64, ..policy() });
    fixture.fetcher.limiter().set_rate(Some(80_000));
    let begun = Instant::now();
    fixture.publishes(&download(&content, &[server.url()]), &content).await;
    assert!(begun.elapsed() > Duration::from_millis(1900), "{:?}", begun.elapsed());
    assert_eq!(server.seen().len(), 1, "{:?}", server.seen());
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_rest_is_asked_for_with_what_the_server_said() {
    let content = image(SIZE, 1);
    let server = FaultServer::with(content.clone(), [Fault::ClosedAt(MIB)], Fault::None).unwrap();
    Fixture::new().publishes(&download(&content, &[server.url()]), &content).await;
    let seen = server.seen();
    assert_eq!((seen[0].range.as_deref(), seen[0].if_range.as_deref()), (None, None));
    assert_eq!(seen[1].range.as_deref(), Some(format!("bytes={MIB}-").as_str()));
    assert_eq!(seen[1].if_range.as_deref(), Some("\"1\""));
    assert_eq!(seen.len(), 2);
}

/// An image for which nothing but the server vouches yet.
fn unpinned(content: &[u8], urls: &[String]) -> Download {
    Download { size: None, expected: Vec::new(), ..download(content, urls) }
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_file_that_is_replaced_midway_is_never_mixed_with_what_was_there() {
    let (old, new) = (image(SIZE, 1), image(SIZE + 5000, 2));
    for tag in [Some("\"2\""), None] {
        let server = FaultServer::with(old.clone(), [Fault::SilentAt(MIB)], Fault::None).unwrap();
        let fixture = Fixture::new();
        let download = unpinned(&old, &[server.url()]);
        let replace = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            server.replace(new.clone(), tag);
        };
        let (staged, ()) = tokio::join!(fixture.run(&download), replace);
        fixture.assert_published(&download, &staged.unwrap(), &new);
    }
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn without_a_digest_and_a_tag_nothing_is_joined() {
    let content = image(SIZE, 1);
    let server = FaultServer::with(content.clone(), [Fault::ClosedAt(MIB)], Fault::None).unwrap();
    server.replace(content.clone(), Some("W/\"1\""));
    Fixture::new().publishes(&unpinned(&content, &[server.url()]), &content).await;
    assert!(server.seen().iter().all(|seen| seen.range.is_none()), "{:?}", server.seen());
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn an_endless_body_is_cut_off() {
    let content = image(SIZE, 1);
    let server = FaultServer::with(content.clone(), [], Fault::Endless).unwrap();
    let download = Download { max_size: 8 << 20, ..unpinned(&content, &[server.url()]) };
    let hold = Fixture::new().holds(&download).await;
    assert!(matches!(hold, Hold::TooLarge { limit, .. } if limit == 8 << 20), "{hold:?}");
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn what_is_known_to_be_wrong_is_not_fetched_again() {
    let (right, wrong) = (image(SIZE, 1), image(SIZE, 2));
    let server = FaultServer::start(wrong).unwrap();
    let fixture = Fixture::new();
    let download = download(&right, &[server.url()]);
    assert!(matches!(fixture.holds(&download).await, Hold::Mismatch { .. }));
    let before = server.seen().len();
    // The header is looked at, and tells that it is the same file.
    let begun = Instant::now();
    assert!(matches!(fixture.holds(&download).await, Hold::Mismatch { .. }));
    assert!(server.seen().len() <= before + 1 && begun.elapsed() < Duration::from_secs(2));
    // Another file under that name is fetched at once.
    server.replace(right.clone(), Some("\"2\""));
    fixture.publishes(&download, &right).await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn only_bad_pieces_are_fetched_again() {
    use isomirror_core::transfer::pieces::Pieces;
    let content = image(SIZE, 1);
    let bad = FaultServer::with(content.clone(), [], Fault::Flipped(MIB + 7)).unwrap();
    let good = FaultServer::start(content.clone()).unwrap();
    let digests = content.chunks(256 << 10).map(crate::transfer_fixture::sha256).collect();
    let pieces = Pieces::new(256 << 10, digests);
    let download = Download { pieces, ..download(&content, &[bad.url(), good.url()]) };
    Fixture::new().publishes(&download, &content).await;
    let ranges: Vec<_> = good.seen().into_iter().map(|seen| seen.range).collect();
    assert_eq!(ranges, [Some(format!("bytes={}-{}", MIB, MIB + (256 << 10) - 1))]);
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn digests_that_contradict_each_other_stop_it_before_it_begins() {
    let (one, other) = (image(SIZE, 1), image(SIZE, 2));
    let server = FaultServer::start(one.clone()).unwrap();
    let mut download = download(&one, &[server.url()]);
    download.expected.push(crate::transfer_fixture::sha256(&other));
    let hold = Fixture::new().holds(&download).await;
    assert!(matches!(hold, Hold::Contradiction { .. }), "{hold:?}");
    assert!(server.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
pub(crate) async fn several_connections_are_made_where_each_is_limited() {
    let content = image(48 * MIB, 1);
    let server = FaultServer::with(content.clone(), [], Fault::Limited(4_000_000)).unwrap();
    let fixture = Fixture::with(Policy { measure: Duration::from_millis(100), ..policy() });
    let begun = Instant::now();
    fixture.publishes(&download(&content, &[server.url()]), &content).await;
    // Alone it takes twelve seconds.
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert!(server.seen().len() > 4, "{:?}", server.seen());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
pub(crate) async fn several_mirrors_with_other_tags_make_one_image() {
    let content = image(40 * MIB, 1);
    let servers: Vec<_> = (0..3)
        .map(|n| {
            let server = FaultServer::start(content.clone()).unwrap();
            server.script([], Fault::Limited(4_000_000));
            server.replace(content.clone(), Some(&format!("\"{n}\"")));
            server
        })
        .collect();
    let urls: Vec<_> = servers.iter().map(FaultServer::url).collect();
    let fixture = Fixture::with(Policy { measure: Duration::from_millis(100), ..policy() });
    fixture.publishes(&download(&content, &urls), &content).await;
    assert!(servers.iter().all(|server| !server.seen().is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
pub(crate) async fn a_server_without_ranges_is_asked_by_one_connection() {
    let content = image(40 * MIB, 1);
    let server =
        FaultServer::with(content.clone(), [Fault::Limited(8_000_000)], Fault::IgnoresRange);
    let server = server.unwrap();
    let fixture = Fixture::with(Policy { measure: Duration::from_millis(100), ..policy() });
    fixture.publishes(&download(&content, &[server.url()]), &content).await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_directory_is_a_mirror() {
    let content = image(SIZE, 1);
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a b.iso"), &content).unwrap();
    let url = |name: &str| format!("file://{}/{name}", directory.path().display());
    Fixture::new().publishes(&download(&content, &[url("a%20b.iso")]), &content).await;
    // What is wrong or missing there is fetched elsewhere.
    std::fs::write(directory.path().join("wrong.iso"), image(SIZE, 2)).unwrap();
    let server = FaultServer::start(content.clone()).unwrap();
    let urls = [url("none.iso"), url(""), url("wrong.iso"), server.url()];
    Fixture::new().publishes(&download(&content, &urls), &content).await;
    let hold = Fixture::new().holds(&download(&content, &[url("none.iso")])).await;
    assert!(matches!(hold, Hold::Gone { .. }), "{hold:?}");
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_directory_that_hangs_holds_up_nobody() {
    let content = image(SIZE, 1);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("hang.iso");
    // Opening a pipe that nobody writes to hangs, as a share does whose server is gone.
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    let server = FaultServer::start(content.clone()).unwrap();
    let urls = [format!("file://{}", path.display()), server.url()];
    Fixture::new().publishes(&download(&content, &urls), &content).await;
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn stopped_it_goes_on_where_it_was() {
    let content = image(SIZE, 1);
    let server =
        FaultServer::with(content.clone(), [Fault::SilentAt(2 * MIB)], Fault::None).unwrap();
    let fixture = Fixture::new();
    let download = download(&content, &[server.url()]);
    let (progress, _) = watch::channel(Progress::default());
    let cancel = CancellationToken::new();
    let stop = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        cancel.cancel();
    };
    let run = download.run(&fixture.fetcher, &fixture.store, &progress, &cancel);
    let (stopped, ()) = tokio::join!(run, stop);
    assert!(matches!(stopped, Err(Hold::Cancelled)), "{stopped:?}");
    fixture.publishes(&download, &content).await;
    assert_eq!(server.seen()[1].range.as_deref(), Some(format!("bytes={}-", 2 * MIB).as_str()));
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_stage_that_was_tampered_with_is_not_gone_on_with() {
    let content = image(SIZE, 1);
    let server =
        FaultServer::with(content.clone(), [Fault::ClosedAt(2 * MIB)], Fault::Status(404, None));
    let server = server.unwrap();
    let fixture = Fixture::new();
    let download = download(&content, &[server.url()]);
    assert!(matches!(fixture.run(&download).await, Err(Hold::Gone { .. })));
    let mut bytes = std::fs::read(fixture.staged()).unwrap();
    bytes[2 * MIB - 100] ^= 1;
    std::fs::write(fixture.staged(), &bytes).unwrap();
    server.script([], Fault::None);
    fixture.publishes(&download, &content).await;
}

#[tokio::test]
pub(crate) async fn names_that_leave_the_store_are_refused() {
    let content = image(SIZE, 1);
    let good = download(&content, &["http://127.0.0.1:1/a".to_owned()]);
    for download in [
        Download { id: "../x".into(), ..good.clone() },
        Download { version: String::new(), ..good.clone() },
        Download { file_name: ".hidden".into(), ..good },
    ] {
        assert!(matches!(Fixture::new().holds(&download).await, Hold::Name(_)));
    }
}

#[tokio::test]
pub(crate) async fn a_page_is_rejected_before_it_is_written() {
    let content = image(SIZE, 1);
    let server = FaultServer::with(content.clone(), [], Fault::DisguisedPage).unwrap();
    let fixture = Fixture::new();
    let download = Download { size: None, ..download(&content, &[server.url()]) };
    let hold = fixture.holds(&download).await;
    let is_page = matches!(hold, Hold::Rejected { rejection: Rejection::WebPage, .. });
    assert!(is_page, "{hold:?}");
    assert_eq!(std::fs::metadata(fixture.staged()).unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_process_may_have_several_fetchers() {
    // Two fetchers of one process share the provider of cryptography.
    Fetcher::new(policy(), None).unwrap();
    Fetcher::new(policy(), Some(1)).unwrap();
}
