//! Drives through the kernel's own events. Loop devices stand in for them.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use isomirror::{
    sources::{DriveFilter, DriveSource, Readiness, SourceSet},
    sys::medium_file::MediumFile,
};
use isomirror_core::{drive::DriveSelection, image::ReadAt, medium::Identity};
use isomirror_tests::loop_drive::LoopDrive;
use tempfile::TempDir;
use tokio::{
    runtime::Runtime,
    sync::{Notify, watch},
};
use tokio_util::sync::CancellationToken;

/// Far less than the time between two enumerations.
const SOON: Duration = Duration::from_secs(3);
const SIZE: usize = 2 << 20;

struct Drives {
    runtime: Runtime,
    sets: watch::Receiver<Option<Arc<SourceSet>>>,
    cancel: CancellationToken,
}

impl Drives {
    fn start(drives: DriveFilter) -> Self {
        let runtime = Runtime::new().unwrap();
        let (sender, sets) = watch::channel(None);
        let cancel = CancellationToken::new();
        let (_, withheld) = watch::channel(Arc::default());
        let source = DriveSource { drives, withheld };
        runtime.spawn(source.run(sender, Arc::new(Notify::new()), cancel.clone()));
        let mut drives = Self { runtime, sets, cancel };
        drives.wait("the first set", |_| true);
        drives
    }

    fn wait(&mut self, what: &str, holds: impl Fn(&SourceSet) -> bool) -> Arc<SourceSet> {
        let Self { runtime, sets, .. } = self;
        let holds = |set: &Option<Arc<SourceSet>>| set.as_ref().is_some_and(|set| holds(set));
        let found = runtime.block_on(async {
            let found = tokio::time::timeout(SOON, sets.wait_for(holds)).await;
            found.ok().and_then(|set| set.unwrap().clone())
        });
        found.unwrap_or_else(|| panic!("{what} not within {SOON:?}, but {:?}", sets.borrow()))
    }
}

impl Drop for Drives {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn ready(set: &SourceSet) -> Option<&Arc<MediumFile>> {
    set.candidates.iter().find_map(|candidate| match &candidate.readiness {
        Readiness::Ready(file) => Some(file),
        Readiness::Waiting(_) | Readiness::Withheld(_) | Readiness::Unreadable(_) => None,
    })
}

/// A file that opens like a volume, filled with `mark`.
fn volume(directory: &TempDir, name: &str, mark: u8) -> PathBuf {
    let mut bytes = vec![mark; SIZE];
    bytes[32768..32774].copy_from_slice(b"\x01CD001");
    let path = directory.path().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn another_medium_in_the_same_drive_is_another_medium_and_no_image_is_none() {
    let directory = TempDir::new().unwrap();
    let [first, second] = [1, 2].map(|mark| volume(&directory, &format!("{mark}.iso"), mark));
    let blank = directory.path().join("blank");
    fs::write(&blank, vec![0; SIZE]).unwrap();
    let device = LoopDrive::attach(&first).unwrap();
    let mut drives = Drives::start(DriveFilter::Named([device.name()].into()));

    let set = drives.wait("the first medium", |set| ready(set).is_some());
    let old = Arc::clone(ready(&set).unwrap());
    assert_eq!(set.candidates.len(), 1);
    assert_eq!((old.path(), old.size()), (device.node(), SIZE as u64));
    let Identity::Disc { sequence, size, .. } = old.identity() else {
        panic!("{:?}", old.identity())
    };
    assert_eq!((sequence, size), (device.sequence().unwrap(), SIZE as u64));

    device.exchange(&second).unwrap();
    let set = drives
        .wait("the second medium", |set| ready(set).is_some_and(|new| !Arc::ptr_eq(new, &old)));
    let new = ready(&set).unwrap();
    let Identity::Disc { sequence: next, .. } = new.identity() else {
        panic!("{:?}", new.identity())
    };
    assert!(next > sequence, "{next} after {sequence}");
    assert!(!old.is_unchanged().unwrap(), "the old medium is taken for the one in the drive");
    // The old descriptor now leads to the new medium, and so yields nothing.
    let mut byte = [7];
    assert!(old.read_exact_at(&mut byte, 0).is_err());
    assert_eq!(byte, [0], "bytes of the new medium were left behind");
    new.read_exact_at(&mut byte, 0).unwrap();
    assert_eq!(byte, [2]);

    device.exchange(&blank).unwrap();
    let set = drives.wait("the drive without an image", |set| ready(set).is_none());
    assert_eq!(set.candidates.len(), 0);
    drop(drives);
}

#[test]
fn a_medium_that_is_announced_again_and_again_is_the_same() {
    let directory = TempDir::new().unwrap();
    let device = LoopDrive::attach(&volume(&directory, "a.iso", 1)).unwrap();
    let mut drives = Drives::start(DriveFilter::Named([device.name()].into()));
    drives.wait("the medium", |set| ready(set).is_some());
    drives.sets.mark_unchanged();
    for _ in 0..4 {
        device.announce().unwrap();
    }
    let news =
        drives.runtime.block_on(async { tokio::time::timeout(SOON, drives.sets.changed()).await });
    assert!(news.is_err(), "{:?}", drives.sets.borrow());
}

#[test]
fn no_drives_are_an_empty_set() {
    let mut drives = Drives::start(DriveFilter::Selection(DriveSelection::None));
    let set = drives.wait("the set", |_| true);
    assert_eq!((set.candidates.len(), set.problems.len()), (0, 0));
    let mut drives = Drives::start(DriveFilter::Named(["no-such-drive".to_owned()].into()));
    let set = drives.wait("the set", |_| true);
    assert_eq!((set.candidates.len(), set.problems.len()), (0, 0));
}
