//! Fetches one image into a store and publishes it, as a process that tests kill and the benchmark measures.
//!
//! `fetch_image STORE SIZE SHA256 URL…`; `$FETCH_PATIENCE=long` takes the times of production,
//! `$FETCH_UNPINNED` has the digest not known before,
//! `$FETCH_FILE_LIMIT` is the largest file, in bytes, that this process may write, as on a small file system.
//! It ends with 0 when the image is published, having told its path, what it read and its memory, and with 3 and the reason when it is held.

#![expect(clippy::print_stdout, reason = "it tells what happened")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{env, fs, path::Path, process::ExitCode, time::Duration};

use isomirror::fetch::{Download, Fetcher, Policy, Progress, store::Store};
use isomirror_core::{digest::Algorithm, digest::Digest, transfer::waiting::Backoff};
use isomirror_core::{trust::Trust, verified::Verified};
use nix::sys::{
    resource::{Resource, setrlimit},
    signal::{SigHandler, Signal},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    if let Some(limit) = env::var("FETCH_FILE_LIMIT").ok().and_then(|limit| limit.parse().ok()) {
        ignore_file_limit_signal();
        setrlimit(Resource::RLIMIT_FSIZE, limit, limit).unwrap();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(fetch())
}

/// Without it the kernel ends a process that writes beyond its limit, as no file system does.
#[expect(unsafe_code, reason = "ignoring a signal runs no code of ours")]
fn ignore_file_limit_signal() {
    // SAFETY: no handler is installed.
    unsafe { nix::sys::signal::signal(Signal::SIGXFSZ, SigHandler::SigIgn) }.unwrap();
}

async fn fetch() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [store, size, digest, urls @ ..] = &arguments[..] else { return ExitCode::from(2) };
    let download = Download {
        id: "linux".into(),
        version: "1.0".into(),
        file_name: "linux.iso".into(),
        urls: urls.iter().map(|url| url.parse().unwrap()).collect(),
        size: size.parse().ok(),
        expected: expected(digest),
        hashed_by: Vec::new(),
        pieces: None,
        is_iso: true,
        max_size: 1 << 40,
    };
    let store = Store::open(Path::new(store)).unwrap();
    let fetcher = Fetcher::new(policy(), None).unwrap();
    let (progress, _) = watch::channel(Progress::default());
    let staged = match download.run(&fetcher, &store, &progress, &CancellationToken::new()).await {
        Ok(staged) => staged,
        Err(hold) => {
            println!("{hold}");
            return ExitCode::from(3);
        }
    };
    let verified = Verified {
        trust: Trust::SignedList,
        digests: staged.digests().to_vec(),
        signer: None,
        verified_at: "2026-01-01T00:00:00Z".into(),
    };
    println!("{}", store.publish(&staged, &verified).unwrap().display());
    println!("read {}", own("io", "rchar:"));
    println!("resident {}", own("status", "VmHWM:"));
    ExitCode::SUCCESS
}

fn expected(digest: &str) -> Vec<Digest> {
    if env::var_os("FETCH_UNPINNED").is_some() {
        return Vec::new();
    }
    vec![Digest::from_hex(Algorithm::Sha256, digest).unwrap()]
}

/// A number that the kernel tells of this process: bytes that it read from files; the most KiB that were resident.
fn own(file: &str, key: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/self/{file}")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn policy() -> Policy {
    if env::var("FETCH_PATIENCE").is_ok_and(|patience| patience == "long") {
        return Policy::default();
    }
    let [first, longest] = [10, 50].map(Duration::from_millis);
    Policy {
        header: Duration::from_millis(500),
        stall: Duration::from_millis(500),
        backoff: Backoff { first, longest },
        measure: Duration::from_millis(50),
        checkpoint: 1 << 20,
        ..Policy::default()
    }
}
