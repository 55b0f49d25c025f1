//! Whatever fails, and whenever it is killed: a transfer ends in exactly the released bytes, or in nothing and a reason.

use std::{
    fs,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use isomirror_tests::{
    fault_server::{Fault, FaultServer, image},
    scratch,
};

use crate::transfer_fixture::{MIB, sha256};

/// A generator whose seed is told when a test fails.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn fault(&mut self, size: usize) -> Fault {
        let at = usize::try_from(self.below(size as u64)).unwrap();
        match self.below(18) {
            0 => Fault::SilentBeforeHeader,
            1 => Fault::SilentAt(at),
            2 => Fault::TrickleFrom(at),
            3 | 4 => Fault::ClosedAt(at),
            5 | 6 => Fault::ResetAt(at),
            7 => Fault::LengthOff(i64::try_from(self.below(2000)).unwrap() - 1000),
            8 => Fault::Chunked,
            9 => Fault::IgnoresRange,
            10 => Fault::IgnoresIfRange,
            11 => Fault::RangeOff(7),
            12 => Fault::TotalOff(-1),
            13 => Fault::Flipped(at),
            14 => Fault::Status(503, Some("0".into())),
            15 => Fault::DisguisedPage,
            16 => Fault::Endless,
            _ => Fault::Limited(4_000_000),
        }
    }
}

fn story(seed: u64) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let content = image(4 * MIB, seed);
    let servers: Vec<_> = (0..=random.below(3))
        .map(|_| {
            let script: Vec<_> =
                (0..random.below(6)).map(|_| random.fault(content.len())).collect();
            let steady = if random.below(3) == 0 {
                random.fault(content.len())
            } else {
                Fault::Limited(8_000_000)
            };
            FaultServer::with(content.clone(), script, steady).unwrap()
        })
        .collect();
    let store = scratch::directory().unwrap();
    let published = store.path().join("linux/1.0/linux.iso");
    let begun = Instant::now();
    loop {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fetch_image"))
            .arg(store.path())
            .arg(content.len().to_string())
            .arg(sha256(&content).hex())
            .args(servers.iter().map(FaultServer::url))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let kill_after = Duration::from_millis(20 + random.below(600));
        // In the end it is let alone.
        if begun.elapsed() < Duration::from_secs(4) {
            sleep(kill_after);
            child.kill().unwrap();
        }
        let output = child.wait_with_output().unwrap();
        if let Ok(bytes) = fs::read(&published) {
            assert!(bytes == content, "seed {seed}: only the released bytes are published");
        }
        match output.status.code() {
            Some(0) => {
                assert!(published.exists(), "seed {seed}");
                return;
            }
            Some(3) => {
                let reason = String::from_utf8_lossy(&output.stdout);
                assert!(!published.exists() && !reason.trim().is_empty(), "seed {seed}: {reason}");
                return;
            }
            Some(code) => panic!("seed {seed}: it ended with {code}"),
            // Killed, it is started once more.
            None => assert!(begun.elapsed() < Duration::from_mins(1), "seed {seed}: no end"),
        }
    }
}

#[test]
pub(crate) fn any_interleaving_of_faults_kills_and_restarts_ends_well() {
    let seeds: Vec<u64> = (1..=24).collect();
    std::thread::scope(|scope| {
        for part in seeds.chunks(6) {
            scope.spawn(move || part.iter().for_each(|seed| story(*seed)));
        }
    });
}

#[test]
pub(crate) fn killed_it_goes_on_from_the_last_checkpoint() {
    let content = image(12 * MIB, 9);
    let store = scratch::directory().unwrap();
    let server = FaultServer::with(content.clone(), [Fault::SilentAt(10 * MIB)], Fault::None);
    let server = server.unwrap();
    let start = || {
        Command::new(env!("CARGO_BIN_EXE_fetch_image"))
            .arg(store.path())
            .arg(content.len().to_string())
            .arg(sha256(&content).hex())
            .arg(server.url())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut child = start();
    let staged = store.path().join(".staging/linux");
    let begun = Instant::now();
    let is_far = || {
        let length = fs::metadata(staged.join("image")).map_or(0, |found| found.len());
        length >= 9 * MIB as u64 && staged.join("checkpoint.json").exists()
    };
    while !is_far() {
        assert!(begun.elapsed() < Duration::from_secs(10));
        sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(start().wait().unwrap().success());
    assert!(fs::read(store.path().join("linux/1.0/linux.iso")).unwrap() == content);
    let seen = server.seen();
    let range = seen.last().unwrap().range.as_deref().unwrap();
    let offset: usize =
        range.trim_start_matches("bytes=").split('-').next().unwrap().parse().unwrap();
    assert!(offset >= 6 * MIB, "{range}");
}
