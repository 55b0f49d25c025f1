//! Sources before the internet: each has what it has, whoever does not answer is left, and nobody is trusted.

use std::{
    fs::{self, File, FileTimes},
    net::TcpListener,
    os::unix::fs::FileExt,
    path::Path,
    time::{Duration, Instant},
};

use isomirror::fetch::{
    Download, Fetcher, Origin, Policy, Progress, SmbAccess,
    sources::{Sources, Wanted},
    store::Store,
};
use isomirror_core::{config::SourceUrl, digest::Digest, trust::Trust, verified::Verified};
use isomirror_tests::{
    daemon::{Daemon, DaemonOptions},
    fault_server::{Fault, FaultServer, image},
    hung_directory::HungDirectory,
    samba::Samba,
    scratch,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    publishing,
    transfer_fixture::{Fixture, MIB, download, policy, sha256},
};

const SIZE: usize = 3 * MIB;
const PATIENCE: Duration = Duration::from_secs(20);

fn source(text: &str) -> SourceUrl {
    SourceUrl::try_from(text.to_owned()).unwrap()
}

fn directory_source(path: &Path) -> SourceUrl {
    SourceUrl::Directory(path.to_owned())
}

fn access(samba: &Samba) -> SmbAccess {
    SmbAccess::File(samba.credentials())
}

fn sources(fixture: &Fixture, sources: &[SourceUrl], access: &SmbAccess) -> Sources {
    Sources::new(sources, access, &fixture.fetcher)
}

fn wanted(size: usize, digests: &[Digest]) -> Wanted<'_> {
    let size = Some(size as u64);
    Wanted { id: "linux", version: "1.0", file_name: "linux.iso", size, digests }
}

async fn only_origin(sources: &Sources, wanted: &Wanted<'_>) -> Origin {
    let (mut origins, problems) = sources.origins(wanted).await;
    assert_eq!((origins.len(), problems), (1, Vec::new()), "{origins:?}");
    origins.remove(0)
}

/// `content` is to be had from these places, then from the internet.
fn with_sources(content: &[u8], mut origins: Vec<Origin>, internet: &[String]) -> Download {
    let mut download = download(content, internet);
    origins.append(&mut download.urls);
    Download { urls: origins, ..download }
}

fn in_store_layout(root: &Path, content: &[u8]) {
    fs::create_dir_all(root.join("linux/1.0")).unwrap();
    fs::write(root.join("linux/1.0/linux.iso"), content).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_is_read_by_its_user_and_by_a_guest() {
    let (samba, content) = (Samba::start().unwrap(), image(SIZE, 1));
    fs::write(samba.share("open").join("linux.iso"), &content).unwrap();
    fs::create_dir(samba.share("isos").join("my isos")).unwrap();
    in_store_layout(&samba.share("isos").join("my isos"), &content);
    for (url, access, file) in [
        ("open", SmbAccess::Guest, "open/linux.iso"),
        ("open", access(&samba), "open/linux.iso"),
        ("isos/my isos", access(&samba), "isos/my%20isos/linux/1.0/linux.iso"),
    ] {
        let fixture = Fixture::new();
        let sources = sources(&fixture, &[source(&samba.url(url))], &access);
        let origin = only_origin(&sources, &wanted(SIZE, &[])).await;
        assert_eq!(origin.to_string(), samba.url(file));
        fixture.publishes(&with_sources(&content, vec![origin], &[]), &content).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn a_share_that_cannot_be_used_is_left_out_with_the_reason_and_nobody_waits_for_it()
 {
    let samba = Samba::start().unwrap();
    let fixture = Fixture::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("smb://{}/isos", silent.local_addr().unwrap());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let wrong = samba.share("open").join("wrong");
    fs::write(&wrong, "username=daemon\npassword=wrong\n").unwrap();
    let wrong = SmbAccess::File(wrong);
    let lost = SmbAccess::File("/nonexistent/credentials".into());
    let own = access(&samba);
    for (url, access, reason) in [
        (samba.url("isos"), &wrong, "does not let `daemon` in"),
        (samba.url("isos"), &lost, "cannot read the credentials"),
        (samba.url("isos"), &SmbAccess::Guest, "gives no access to"),
        (samba.url("none"), &own, "there is no share"),
        (samba.url("isos/none"), &own, "there is no `smb://"),
        (silent, &own, "does not answer"),
        (format!("smb://{closed}/isos"), &own, "cannot be reached"),
        ("smb://name.invalid/isos".to_owned(), &own, "cannot be reached"),
    ] {
        let begun = Instant::now();
        let sources = sources(&fixture, &[source(&url)], access);
        let (origins, problems) = sources.origins(&wanted(SIZE, &[])).await;
        assert!(begun.elapsed() < policy().header + Duration::from_secs(1), "{url}");
        assert_eq!((origins.len(), problems.len()), (0, 1), "{url}: {problems:?}");
        let problem = &problems[0];
        assert!(problem.contains(reason) && problem.contains(&url), "{reason}: {problem}");
        assert!(!problem.contains("password"), "{problem}");
    }
}

/// Fetches until this many bytes are there.
async fn fetch_some(fixture: &Fixture, download: &Download, bytes: u64) {
    let fetcher = Fetcher::new(policy(), Some(4 << 20)).unwrap();
    let (sender, mut progress) = watch::channel(Progress::default());
    let cancel = CancellationToken::new();
    let enough = async {
        while progress.borrow_and_update().bytes < bytes {
            progress.changed().await.unwrap();
        }
        cancel.cancel();
    };
    let run = download.run(&fetcher, &fixture.store, &sender, &cancel);
    let mut run = std::pin::pin!(run);
    tokio::select! {
        ended = &mut run => panic!("it ended before: {ended:?}"),
        () = enough => {}
    }
    assert!(run.await.is_err(), "it was stopped in the middle");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_from_a_share_goes_on_in_the_middle() {
    let (samba, content) = (Samba::start().unwrap(), image(16 * MIB, 1));
    let path = samba.share("open").join("linux.iso");
    fs::write(&path, &content).unwrap();
    let fixture = Fixture::new();
    let download = download(&content, &[samba.url("open/linux.iso")]);
    fetch_some(&fixture, &download, 6 << 20).await;
    // What is there already is not asked for again: it would be wrong now.
    let file = File::options().write(true).open(&path).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    file.write_all_at(&vec![0; 2 * MIB], 0).unwrap();
    file.set_times(FileTimes::new().set_modified(modified)).unwrap();
    fixture.publishes(&download, &content).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_whose_server_dies_is_left_in_the_middle() {
    let (samba, content) = (Samba::start().unwrap(), image(16 * MIB, 1));
    fs::write(samba.share("open").join("linux.iso"), &content).unwrap();
    let internet = FaultServer::start(content.clone()).unwrap();
    let fixture = Fixture::new();
    let urls = [samba.url("open/linux.iso"), internet.url()];
    let download = download(&content, &urls);
    fetch_some(&fixture, &download, 6 << 20).await;
    assert_eq!(internet.seen(), [], "the share goes first");
    drop(samba);
    fixture.publishes(&download, &content).await;
    assert!(internet.seen()[0].range.is_some(), "the rest, and no more: {:?}", internet.seen());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_has_images_plainly_or_as_a_store_has_them() {
    let (fixture, content) = (Fixture::new(), image(SIZE, 1));
    let directory = scratch::directory().unwrap();
    let sources = sources(&fixture, &[directory_source(directory.path())], &SmbAccess::Guest);
    assert_eq!(sources.origins(&wanted(SIZE, &[])).await, (Vec::new(), Vec::new()));
    let plain = directory.path().join("linux.iso");
    fs::write(&plain, &content).unwrap();
    let origin = only_origin(&sources, &wanted(SIZE, &[])).await;
    assert_eq!(origin, Origin::File(plain.clone()));
    assert_eq!(sources.origins(&wanted(SIZE + 1, &[])).await, (Vec::new(), Vec::new()));
    in_store_layout(directory.path(), &content);
    let origin = only_origin(&sources, &wanted(SIZE, &[])).await;
    assert_eq!(origin, Origin::File(directory.path().join("linux/1.0/linux.iso")));
    fixture.publishes(&with_sources(&content, vec![origin], &[]), &content).await;
    let outside = Wanted { version: "../1.0", ..wanted(SIZE, &[]) };
    let (origins, problems) = sources.origins(&outside).await;
    assert_eq!((origins.len(), problems.len()), (0, 1), "{problems:?}");
}

#[tokio::test(flavor = "multi_thread")]
pub(crate) async fn directories_that_are_gone_or_hang_are_told_and_hold_up_nobody() {
    let (fixture, content) = (Fixture::new(), image(SIZE, 1));
    let (hung, good) = (HungDirectory::mount().unwrap(), scratch::directory().unwrap());
    fs::write(good.path().join("linux.iso"), &content).unwrap();
    let gone = directory_source(Path::new("/nonexistent/isos"));
    let all = [directory_source(hung.path()), gone, directory_source(good.path())];
    let sources = sources(&fixture, &all, &SmbAccess::Guest);
    for _ in 0..2 {
        let begun = Instant::now();
        let (origins, problems) = sources.origins(&wanted(SIZE, &[])).await;
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        assert_eq!(origins, [Origin::File(good.path().join("linux.iso"))]);
        assert!(problems[0].contains("does not answer"), "{problems:?}");
        assert!(problems[1].contains("No such file or directory"), "{problems:?}");
    }
    // A file of it that was found before it hung does not stop the download either.
    let hanging = Origin::File(hung.path().join("linux.iso"));
    let internet = FaultServer::start(content.clone()).unwrap();
    let download = with_sources(&content, vec![hanging], &[internet.url()]);
    fixture.publishes(&download, &content).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_isomirror_has_what_its_index_tells_by_digest_and_by_name() {
    let content = tokio::task::spawn_blocking(|| {
        let directory = scratch::directory().unwrap();
        let path = directory.path().join("linux.iso");
        publishing::image(&path, "LINUX +1", "an image");
        fs::read(path).unwrap()
    });
    let (content, fixture) = (content.await.unwrap(), Fixture::new());
    // Only of the daemon's own store are records of verified images believed.
    let state = scratch::directory().unwrap();
    let store = state.path().join("images");
    fs::create_dir(&store).unwrap();
    let mut options = DaemonOptions::default();
    options.environment.push(("STATE_DIRECTORY".into(), state.path().into()));
    options.arguments.extend(["--images".into(), store.clone().into()]);
    let daemon = Daemon::start(options).unwrap();
    let peer = source(&format!("http://127.0.0.1:{}/", daemon.port()));
    let sources = sources(&fixture, &[peer], &SmbAccess::Guest);
    let digests = [sha256(&content)];
    let wanted = wanted(content.len(), &digests);
    assert_eq!(sources.origins(&wanted).await, (Vec::new(), Vec::new()));
    // By name and size.
    let beside = daemon.images().parent().unwrap().join("new");
    fs::write(&beside, &content).unwrap();
    fs::rename(&beside, daemon.images().join("linux.iso")).unwrap();
    daemon.wait_for_serving(PATIENCE, &["LINUX_+1"]).unwrap();
    let by_name = only_origin(&sources, &wanted).await;
    let expected = format!("http://127.0.0.1:{}/_/LINUX_%2B1.iso", daemon.port());
    assert_eq!(by_name.to_string(), expected);
    fs::remove_file(daemon.images().join("linux.iso")).unwrap();
    daemon.wait_for_serving(PATIENCE, &[]).unwrap();
    // By digest, whatever it is called there.
    let file = FaultServer::start(content.clone()).unwrap();
    let elsewhere = Fixture::new();
    let other = Download { file_name: "other.iso".into(), ..download(&content, &[file.url()]) };
    let store = Store::open(&store).unwrap();
    let (progress, _) = watch::channel(Progress::default());
    let cancel = CancellationToken::new();
    let run = other.run(&elsewhere.fetcher, &store, &progress, &cancel);
    let staged = run.await.unwrap();
    let verified = Verified {
        trust: Trust::SignedList,
        digests: staged.digests().to_vec(),
        signer: None,
        verified_at: "2026-01-01T00:00:00Z".into(),
    };
    store.publish(&staged, &verified).unwrap();
    daemon.wait_for_serving(PATIENCE, &["LINUX_+1"]).unwrap();
    let origin = only_origin(&sources, &wanted).await;
    assert_eq!(origin, by_name);
    fixture.publishes(&with_sources(&content, vec![origin], &[]), &content).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_server_without_an_index_is_a_plain_directory_of_images() {
    let (fixture, content) = (Fixture::new(), image(SIZE, 1));
    let daemon = Daemon::start(DaemonOptions::default()).unwrap();
    // A tree with images in it: what is asked for below it has no index.
    let tree = scratch::directory().unwrap();
    in_store_layout(tree.path(), &content);
    let made = std::process::Command::new("xorriso")
        .args(["-as", "mkisofs", "-quiet", "-R", "-V", "TREE", "-o"])
        .arg(daemon.images().join("tree.iso"))
        .arg(tree.path())
        .status()
        .unwrap();
    assert!(made.success());
    daemon.wait_for_serving(PATIENCE, &["TREE"]).unwrap();
    let base = format!("http://127.0.0.1:{}/TREE", daemon.port());
    for (base, file) in
        [(base.clone(), "linux/1.0/linux.iso"), (format!("{base}/linux/1.0"), "linux.iso")]
    {
        let sources = sources(&fixture, &[source(&base)], &SmbAccess::Guest);
        let origin = only_origin(&sources, &wanted(SIZE, &[])).await;
        assert_eq!(origin.to_string(), format!("{base}/{file}"));
        assert_eq!(sources.origins(&wanted(SIZE - 1, &[])).await, (Vec::new(), Vec::new()));
        let download = with_sources(&content, vec![origin], &[]);
        assert_eq!(fixture.run(&download).await.unwrap().digests(), [sha256(&content)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn places_are_tried_in_their_order_and_the_internet_is_the_last() {
    let content = image(SIZE, 1);
    let (samba, corrupted) = (Samba::start().unwrap(), scratch::directory().unwrap());
    fs::write(samba.share("open").join("linux.iso"), &content).unwrap();
    let mut wrong = content.clone();
    wrong[2 * MIB] ^= 1;
    fs::write(corrupted.path().join("linux.iso"), wrong).unwrap();
    let internet = FaultServer::start(content.clone()).unwrap();
    let fixture = Fixture::new();
    let all = [directory_source(corrupted.path()), source(&samba.url("open"))];
    let sources = sources(&fixture, &all, &SmbAccess::Guest);
    let (origins, problems) = sources.origins(&wanted(SIZE, &[sha256(&content)])).await;
    assert_eq!((origins.len(), problems), (2, Vec::new()));
    assert!(matches!(origins[..], [Origin::File(_), Origin::Smb(_)]), "{origins:?}");
    let download = with_sources(&content, origins, &[internet.url()]);
    let staged = fixture.run(&download).await.unwrap();
    assert_eq!(staged.url(), samba.url("open/linux.iso"), "the corrupted one is left");
    fixture.assert_published(&download, &staged, &content);
    assert_eq!(internet.seen(), [], "a source has it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_slow_fails_or_lies_is_left_for_the_next_place() {
    let content = image(SIZE, 1);
    for fault in [
        Fault::SilentBeforeHeader,
        Fault::SilentAt(MIB),
        Fault::TrickleFrom(MIB),
        Fault::Status(404, None),
        Fault::Status(500, None),
        Fault::Page(200),
        Fault::Flipped(MIB),
    ] {
        let peer = FaultServer::with(content.clone(), [], fault.clone()).unwrap();
        let internet = FaultServer::start(content.clone()).unwrap();
        let fixture = Fixture::new();
        let origin = Origin::Peer(peer.url().parse().unwrap());
        let download = with_sources(&content, vec![origin], &[internet.url()]);
        fixture.publishes(&download, &content).await;
        assert!(!peer.seen().is_empty() && !internet.seen().is_empty(), "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_source_takes_no_bytes_from_the_internet_while_it_is_fast_enough() {
    let content = image(2 * MIB, 1);
    let peer = FaultServer::with(content.clone(), [], Fault::Limited(700_000)).unwrap();
    let internet = FaultServer::start(content.clone()).unwrap();
    // As many connections as it likes: none of them goes to the internet.
    let fixture = Fixture::with(Policy { connections: 8, ..policy() });
    let origin = Origin::Peer(peer.url().parse().unwrap());
    let download = with_sources(&content, vec![origin], &[internet.url()]);
    fixture.publishes(&download, &content).await;
    assert_eq!(internet.seen(), []);
}
