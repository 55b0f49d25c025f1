//! Drives through the kernel's own events. Loop devices stand in for them: a read-only one can have its backing file
//! exchanged, which is to the kernel what a medium change is.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use isomirror::{
    sources::{DriveFilter, DriveSource, Readiness, SourceSet},
    sys::medium_file::MediumFile,
};
use isomirror_core::{drive::DriveSelection, image::ReadAt, medium::Identity};
use tempfile::TempDir;
use tokio::{
    runtime::Runtime,
    sync::{Notify, watch},
};
use tokio_util::sync::CancellationToken;

/// Far less than the time between two enumerations.
const SOON: Duration = Duration::from_secs(3);
const SIZE: usize = 2 << 20;

/// A loop device that is detached when it goes.
struct LoopDevice {
    node: PathBuf,
}

impl LoopDevice {
    fn attach(image: &Path) -> Self {
        let output =
            Command::new("losetup").args(["--find", "--show", "--read-only"]).arg(image).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { node: String::from_utf8(output.stdout).unwrap().trim_end().into() }
    }

    fn name(&self) -> String {
        self.node.file_name().unwrap().to_str().unwrap().to_owned()
    }

    fn sequence(&self) -> u64 {
        let path = format!("/sys/block/{}/diskseq", self.name());
        fs::read_to_string(path).unwrap().trim_end().parse().unwrap()
    }

    /// `LOOP_CHANGE_FD` of linux/loop.h: another file of the same size, and the next DISKSEQ.
    fn exchange(&self, image: &Path) {
        const SCRIPT: &str = "open(L,'<',$ARGV[0]) and open(F,'<',$ARGV[1]) \
                              and ioctl(L,0x4C06,fileno(F)) or die $!";
        let status = Command::new("perl").args(["-e", SCRIPT]).arg(&self.node).arg(image).status();
        assert!(status.unwrap().success());
    }

    /// Has the kernel announce the device once more, as udev's own rules do.
    fn announce(&self) {
        fs::write(format!("/sys/block/{}/uevent", self.name()), "change").unwrap();
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        let status = Command::new("losetup").arg("--detach").arg(&self.node).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "{} is left over",
            self.node.display()
        );
    }
}

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
        Readiness::Waiting(_) | Readiness::Unreadable(_) => None,
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
    let device = LoopDevice::attach(&first);
    let mut drives = Drives::start(DriveFilter::Named([device.name()].into()));

    let set = drives.wait("the first medium", |set| ready(set).is_some());
    let old = Arc::clone(ready(&set).unwrap());
    assert_eq!(set.candidates.len(), 1);
    assert_eq!((old.path(), old.size()), (device.node.as_path(), SIZE as u64));
    let Identity::Disc { sequence, size, .. } = old.identity() else {
        panic!("{:?}", old.identity())
    };
    assert_eq!((sequence, size), (device.sequence(), SIZE as u64));

    device.exchange(&second);
    let set = drives
        .wait("the second medium", |set| ready(set).is_some_and(|new| !Arc::ptr_eq(new, &old)));
    let new = ready(&set).unwrap();
    let Identity::Disc { sequence: next, .. } = new.identity() else {
        panic!("{:?}", new.identity())
    };
    assert!(next > sequence, "{next} after {sequence}");
    assert!(!old.is_unchanged().unwrap(), "the old medium is taken for the one in the drive");
    let mut byte = [0];
    new.read_exact_at(&mut byte, 0).unwrap();
    assert_eq!(byte, [2]);

    device.exchange(&blank);
    let set = drives.wait("the drive without an image", |set| ready(set).is_none());
    assert_eq!(set.candidates.len(), 0);
    drop(drives);
}

#[test]
fn a_medium_that_is_announced_again_and_again_is_the_same() {
    let directory = TempDir::new().unwrap();
    let device = LoopDevice::attach(&volume(&directory, "a.iso", 1));
    let mut drives = Drives::start(DriveFilter::Named([device.name()].into()));
    drives.wait("the medium", |set| ready(set).is_some());
    drives.sets.mark_unchanged();
    for _ in 0..4 {
        device.announce();
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
