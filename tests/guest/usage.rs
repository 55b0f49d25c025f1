//! What is being done with a disc while something happens to it.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{
    discs::{Disc, LARGE, content, hash},
    station::{PATIENCE, Station},
};

/// Where in `large` a file that is open is read once more: nobody has read there before.
const LATER: usize = 150 << 20;

/// Bytes of a download when it counts as running.
const RUNNING: usize = 4 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    /// Nothing.
    Idle,
    /// A process has a file of the mount open.
    OpenFile,
    /// A client downloads 200 MB over HTTP, slowly.
    Download,
}

impl Usage {
    pub(crate) const ALL: [Self; 3] = [Self::Idle, Self::OpenFile, Self::Download];

    pub(crate) fn phrase(self) -> &'static str {
        match self {
            Self::Idle => "while_idle",
            Self::OpenFile => "with_an_open_file",
            Self::Download => "during_a_download",
        }
    }

    /// Begins to use `name`, which is a large disc.
    pub(crate) fn begin(self, station: &Station, name: &str) {
        match self {
            Self::Idle => {}
            Self::OpenFile => {
                station.check(&format!(
                    "systemd-run --quiet --unit reader-file \
                     bash -c 'exec 5</srv/isomirror/{name}/large; touch /var/tmp/test/open; sleep infinity'"
                ));
                station.guest.wait_until("test -e /var/tmp/test/open", PATIENCE).unwrap();
            }
            Self::Download => {
                station.check(&format!(
                    "systemd-run --quiet --unit reader-download curl --silent --limit-rate 8M \
                     --output /var/tmp/test/download http://127.0.0.1:8080/{name}/large"
                ));
                let running = format!("test $(stat -c %s /var/tmp/test/download) -gt {RUNNING}");
                station.guest.wait_until(&running, PATIENCE).unwrap();
            }
        }
    }

    /// Asserts, after `disc` has gone, that whoever used it got nothing but its bytes, and an end.
    pub(crate) fn saw_only(self, station: &Station, disc: &Disc) {
        match self {
            Self::Idle => {}
            Self::OpenFile => open_file_is_cut_off(station, disc),
            Self::Download => download_is_cut_off(station, disc),
        }
    }
}

/// Reads on in the open file: an error, or the right bytes out of the page cache.
fn open_file_is_cut_off(station: &Station, disc: &Disc) {
    let read = station
        .guest
        .run(&format!(
            "pid=$(systemctl show --property MainPID --value reader-file)
             dd if=/proc/$pid/fd/5 bs=1M skip={} count=1 of=/var/tmp/test/part 2>/dev/null || exit 3
             sha256sum </var/tmp/test/part",
            LATER >> 20
        ))
        .unwrap();
    let expected = hash(&content(&disc.label, LARGE)[LATER..LATER + (1 << 20)]);
    let is_right = read.success() && read.stdout.starts_with(&expected);
    assert!(is_right || read.status == 3, "bytes of another disc: {read:?}");
    assert!(!is_right, "a disc that is gone can still be read");
}

fn download_is_cut_off(station: &Station, disc: &Disc) {
    let deadline = Instant::now() + PATIENCE;
    while station.guest.run("systemctl --quiet is-active reader-download").unwrap().success() {
        assert!(Instant::now() < deadline, "the download goes on");
        sleep(Duration::from_millis(200));
    }
    let seen =
        station.check("stat -c %s /var/tmp/test/download; sha256sum </var/tmp/test/download");
    let (length, seen) = seen.split_once('\n').unwrap();
    let length: usize = length.parse().unwrap();
    assert!(length < LARGE, "it was downloaded whole");
    assert!(seen.starts_with(&hash(&content(&disc.label, LARGE)[..length])), "other bytes came");
}
