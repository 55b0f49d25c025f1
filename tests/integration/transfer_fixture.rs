//! A store, a fetcher without patience, and images to be fetched.

use std::{
    fs,
    future::Future,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
    time::Duration,
};

use isomirror::fetch::{Download, Fetcher, Hold, Policy, Progress, Staged, store::Store};
use isomirror_core::{
    digest::{Algorithm, Digest, Hasher},
    transfer::waiting::Backoff,
    trust::Trust,
    verified::Verified,
};
use isomirror_tests::scratch;
use tempfile::TempDir;
use tokio::{runtime::Runtime, sync::watch};
use tokio_util::sync::CancellationToken;

pub(crate) const MIB: usize = 1 << 20;

pub(crate) struct Fixture {
    pub(crate) directory: TempDir,
    pub(crate) store: Store,
    pub(crate) fetcher: Fetcher,
}

/// Times in which a test can see the end of patience.
pub(crate) fn policy() -> Policy {
    Policy {
        connect: Duration::from_secs(5),
        header: Duration::from_millis(700),
        stall: Duration::from_millis(700),
        minimum_speed: 10 << 10,
        backoff: Backoff { first: Duration::from_millis(10), longest: Duration::from_millis(50) },
        patience: Duration::from_secs(3),
        checkpoint: 1 << 20,
        ..Policy::default()
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(bytes);
    hasher.finish()
}

/// Of `content`, from these places.
pub(crate) fn download(content: &[u8], urls: &[String]) -> Download {
    Download {
        id: "linux".into(),
        version: "1.0".into(),
        file_name: "linux.iso".into(),
        urls: urls.iter().map(|url| url.parse().unwrap()).collect(),
        size: Some(content.len() as u64),
        expected: vec![sha256(content)],
        hashed_by: Vec::new(),
        pieces: None,
        is_iso: true,
        max_size: 64 << 20,
    }
}

/// Runs what is asynchronous, always on the same threads: a fetcher's connections belong to them.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
    RUNTIME.block_on(work)
}

/// What a process of its own, whose environment is its own too, made of a download.
pub(crate) struct Fetched {
    store: TempDir,
    code: Option<i32>,
    said: String,
}

/// Fetches `content` in a process of its own that `prepare` has its way with.
pub(crate) fn fetch_process(
    content: &[u8],
    urls: &[String],
    prepare: impl FnOnce(&mut Command) -> &mut Command,
) -> Fetched {
    let store = scratch::directory().unwrap();
    let (code, said) = fetch_into(store.path(), content, urls, prepare);
    Fetched { store, code, said }
}

/// As [`fetch_process`], into this store; returns how it ended and what it said.
pub(crate) fn fetch_into(
    store: &Path,
    content: &[u8],
    urls: &[String],
    prepare: impl FnOnce(&mut Command) -> &mut Command,
) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fetch_image"));
    for variable in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(variable).env_remove(variable.to_uppercase());
    }
    command.arg(store).arg(content.len().to_string()).arg(sha256(content).hex()).args(urls);
    let output = prepare(&mut command).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

impl Fetched {
    pub(crate) fn assert_published(&self, content: &[u8]) {
        assert_eq!(self.code, Some(0), "{}", self.said);
        let published = fs::read(self.store.path().join("linux/1.0/linux.iso")).unwrap();
        assert!(published == content, "the bytes are those that were released");
    }

    /// That it was held for a reason in which `told` occurs.
    pub(crate) fn assert_held(&self, told: &str) {
        assert_eq!(self.code, Some(3), "{}", self.said);
        assert!(self.said.contains(told), "`{told}` is not told: {}", self.said);
        assert!(!self.store.path().join("linux").exists());
    }
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(policy())
    }

    pub(crate) fn with(policy: Policy) -> Self {
        let directory = scratch::directory().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let fetcher = Fetcher::new(policy, None).unwrap();
        Self { directory, store, fetcher }
    }

    /// Fetches, and fails if that takes a minute.
    pub(crate) async fn run(&self, download: &Download) -> Result<Staged, Hold> {
        let (progress, _) = watch::channel(Progress::default());
        let cancel = CancellationToken::new();
        let run = download.run(&self.fetcher, &self.store, &progress, &cancel);
        tokio::time::timeout(Duration::from_mins(1), run).await.expect("it comes to an end")
    }

    /// Fetches and publishes, and asserts that exactly `content` is what everybody can see.
    pub(crate) async fn publishes(&self, download: &Download, content: &[u8]) {
        let staged = self.run(download).await.unwrap();
        self.assert_published(download, &staged, content);
    }

    pub(crate) fn verified(staged: &Staged) -> Verified {
        let digests = staged.digests().to_vec();
        let verified_at = "2026-01-01T00:00:00Z".into();
        Verified { trust: Trust::SignedList, digests, signer: None, verified_at }
    }

    pub(crate) fn publish(&self, staged: &Staged) -> PathBuf {
        self.store.publish(staged, &Self::verified(staged)).unwrap()
    }

    pub(crate) fn assert_published(&self, download: &Download, staged: &Staged, content: &[u8]) {
        let path = self.publish(staged);
        assert!(fs::read(&path).unwrap() == content, "the bytes are those that were released");
        assert!(self.store.is_verified(&path));
        assert_eq!(self.images(), [path]);
        assert_eq!(download.file_name, "linux.iso");
    }

    /// Fetches in vain, and returns why; nothing can be seen of it.
    pub(crate) async fn holds(&self, download: &Download) -> Hold {
        let hold = self.run(download).await.unwrap_err();
        assert_eq!(self.images(), Vec::<PathBuf>::new(), "nothing is published");
        hold
    }

    /// Images that everybody can see.
    pub(crate) fn images(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![self.directory.path().to_owned()];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
                let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
                match entry.file_type().unwrap() {
                    _ if is_hidden => {}
                    kind if kind.is_dir() => open.push(entry.path()),
                    _ => found.push(entry.path()),
                }
            }
        }
        found
    }

    pub(crate) fn staged(&self) -> PathBuf {
        self.directory.path().join(".staging/linux/image")
    }
}
