//! A watched directory on a real file system: what appears in it, when, and what leaves before it changes.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use isomirror::{
    sources::{DirectorySource, DriveFilter, DriveSource, Readiness, SourceSet},
    sys::{medium_file::MediumFile, resource::raise_open_file_limit},
};
use isomirror_core::{drive::DriveSelection, image::ReadAt, medium::Identity};
use rustix::fs::{FallocateFlags, fallocate};
use tempfile::TempDir;
use tokio::{
    runtime::Runtime,
    sync::{Notify, watch},
};
use tokio_util::sync::CancellationToken;

const SETTLE: Duration = Duration::from_secs(2);
/// Longer than any test takes: what is seen before it was told by an event.
const NEVER: Duration = Duration::from_mins(10);
const WITHIN_A_SECOND: Duration = Duration::from_secs(1);
const IMAGE_SIZE: usize = 128 * 1024;

/// A source at work on a directory of its own.
struct Watched {
    directory: TempDir,
    runtime: Runtime,
    sets: watch::Receiver<Option<Arc<SourceSet>>>,
    rescan: Arc<Notify>,
    cancel: CancellationToken,
}

impl Watched {
    fn start() -> Self {
        Self::start_below("", NEVER)
    }

    /// Watches `below` in a new directory, whether it exists or not.
    fn start_below(below: &str, scan_interval: Duration) -> Self {
        Self::start_in(directory(), below, scan_interval)
    }

    fn start_in(directory: TempDir, below: &str, scan_interval: Duration) -> Self {
        let runtime = Runtime::new().unwrap();
        let (sender, sets) = watch::channel(None);
        let source = DirectorySource {
            path: directory.path().join(below),
            recursive: true,
            settle: SETTLE,
            known: Arc::default(),
            scan_interval: Some(scan_interval),
        };
        let (rescan, cancel) = (Arc::new(Notify::new()), CancellationToken::new());
        runtime.spawn(source.run(sender, Arc::clone(&rescan), cancel.clone()));
        let mut watched = Self { directory, runtime, sets, rescan, cancel };
        watched.wait(Duration::from_secs(5), "the first set", |_| true);
        watched
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What is told now, by path below the directory: `ready`, or why not.
    fn told(&mut self) -> BTreeMap<String, String> {
        let set = self.sets.borrow_and_update().clone().expect("the first set was awaited");
        describe(&set, self.directory.path())
    }

    fn file(&mut self, name: &str) -> Arc<MediumFile> {
        let path = self.path(name);
        let set = self.sets.borrow_and_update().clone().expect("the first set was awaited");
        let found = set.candidates.iter().find(|candidate| candidate.source.path() == path);
        match &found.expect("a candidate").readiness {
            Readiness::Ready(file) => Arc::clone(file),
            other => panic!("{name} is {other:?}"),
        }
    }

    /// Waits for a set of which `holds` is true, and returns how long that took.
    fn wait(
        &mut self,
        within: Duration,
        what: &str,
        holds: impl Fn(&BTreeMap<String, String>) -> bool,
    ) -> Duration {
        let (start, root) = (Instant::now(), self.directory.path().to_owned());
        let holds = |set: &Option<Arc<SourceSet>>| {
            set.as_ref().is_some_and(|set| holds(&describe(set, &root)))
        };
        let outcome = self.runtime.block_on(async {
            tokio::time::timeout(within, self.sets.wait_for(holds)).await.is_ok()
        });
        assert!(
            outcome,
            "{what} not within {within:?}, but {:?} {:?}",
            self.told(),
            self.problems()
        );
        start.elapsed()
    }

    fn wait_ready(&mut self, within: Duration, name: &str) -> Duration {
        self.wait(within, &format!("{name} ready"), |told| {
            told.get(name).is_some_and(|state| state == "ready")
        })
    }

    /// Waits for a set in which some other file is ready, and not this one.
    fn wait_other_than(&mut self, old: &Arc<MediumFile>) {
        let is_other = |set: &Option<Arc<SourceSet>>| {
            let ready =
                set.iter().flat_map(|set| &set.candidates).filter_map(|candidate| match &candidate
                    .readiness
                {
                    Readiness::Ready(file) => Some(file.identity()),
                    Readiness::Waiting(_) | Readiness::Withheld(_) | Readiness::Unreadable(_) => {
                        None
                    }
                });
            let identities: Vec<_> = ready.collect();
            !identities.is_empty() && !identities.contains(&old.identity())
        };
        let outcome = self.runtime.block_on(async {
            tokio::time::timeout(WITHIN_A_SECOND, self.sets.wait_for(is_other)).await.is_ok()
        });
        assert!(outcome, "no other file in {:?}", self.told());
    }

    fn wait_gone(&mut self, name: &str) -> Duration {
        self.wait(WITHIN_A_SECOND, &format!("{name} gone"), |told| !told.contains_key(name))
    }

    fn problems(&self) -> Vec<String> {
        self.sets.borrow().as_ref().expect("the first set was awaited").problems.clone()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn directory() -> TempDir {
    tempfile::Builder::new().prefix("isomirror-source-").tempdir_in("/var/tmp").unwrap()
}

fn describe(set: &SourceSet, root: &Path) -> BTreeMap<String, String> {
    set.candidates
        .iter()
        .map(|candidate| {
            let path = candidate.source.path().strip_prefix(root).unwrap();
            let state = match &candidate.readiness {
                Readiness::Ready(_) => "ready".to_owned(),
                Readiness::Waiting(text) | Readiness::Unreadable(text) => text.clone(),
                Readiness::Withheld(_) => "withheld".to_owned(),
            };
            (path.display().to_string(), state)
        })
        .collect()
}

/// Bytes whose volume descriptor claims all of them; `mark` tells one from another.
fn image(mark: u8) -> Vec<u8> {
    let mut bytes = vec![mark; IMAGE_SIZE];
    let descriptor = &mut bytes[32768..34816];
    descriptor.fill(0);
    descriptor[..6].copy_from_slice(b"\x01CD001");
    let blocks = u32::try_from(IMAGE_SIZE / 2048).unwrap();
    descriptor[80..84].copy_from_slice(&blocks.to_le_bytes());
    descriptor[128..130].copy_from_slice(&2048_u16.to_le_bytes());
    bytes
}

/// Puts a complete image to its place by a rename, as a downloader does.
fn move_in(path: &Path, mark: u8) {
    let hidden = path.with_file_name(".moving.part");
    fs::write(&hidden, image(mark)).unwrap();
    fs::rename(hidden, path).unwrap();
}

#[test]
fn a_file_that_is_moved_in_appears_within_a_second_and_leaves_when_it_is_removed() {
    let mut watched = Watched::start();
    assert_eq!(watched.told(), BTreeMap::new());
    move_in(&watched.path("a.iso"), 1);
    watched.wait_ready(WITHIN_A_SECOND, "a.iso");
    assert_eq!(watched.file("a.iso").size(), IMAGE_SIZE as u64);
    fs::remove_file(watched.path("a.iso")).unwrap();
    watched.wait_gone("a.iso");
}

#[test]
fn a_directory_that_is_moved_in_brings_its_images_at_once() {
    let mut watched = Watched::start();
    let hidden = watched.path(".staging");
    fs::create_dir(&hidden).unwrap();
    fs::write(hidden.join("a.iso"), image(1)).unwrap();
    fs::rename(hidden, watched.path("new")).unwrap();
    watched.wait_ready(WITHIN_A_SECOND, "new/a.iso");
}

#[test]
fn a_slow_copy_appears_when_it_is_closed_and_never_half() {
    let mut watched = Watched::start();
    let mut copy = File::create(watched.path("a.iso")).unwrap();
    let bytes = image(1);
    for part in bytes.chunks(IMAGE_SIZE / 8) {
        copy.write_all(part).unwrap();
        thread::sleep(Duration::from_millis(400));
        assert_ne!(watched.told().get("a.iso").map(String::as_str), Some("ready"));
    }
    // All bytes are there for longer than the settle time, and it still is open for writing.
    thread::sleep(SETTLE * 2);
    assert_eq!(
        watched.told().get("a.iso").map(String::as_str),
        Some("another process is writing to it")
    );
    drop(copy);
    watched.wait_ready(WITHIN_A_SECOND, "a.iso");
}

#[test]
fn a_copy_that_is_broken_off_settles_first() {
    let mut watched = Watched::start();
    fs::write(watched.path("a.iso"), &image(1)[..IMAGE_SIZE / 2]).unwrap();
    let waited = watched.wait_ready(SETTLE + WITHIN_A_SECOND, "a.iso");
    assert!(waited > SETTLE / 2, "a short file was ready after {waited:?}");
}

#[test]
fn space_that_is_set_aside_is_not_taken_for_content() {
    let mut watched = Watched::start();
    let bytes = image(1);
    let path = watched.path("a.iso");
    let file = File::create(&path).unwrap();
    file.set_len(64 << 20).unwrap();
    drop(file);
    // Closed once at its full length, sparse, and then filled by another descriptor.
    thread::sleep(Duration::from_millis(700));
    assert_eq!(
        watched.told().get("a.iso").map(String::as_str),
        Some("not filled yet, waiting until it has not changed for 2 s")
    );
    let mut filling = OpenOptions::new().write(true).open(&path).unwrap();
    fallocate(&filling, FallocateFlags::empty(), 0, 64 << 20).unwrap();
    filling.write_all(&bytes).unwrap();
    thread::sleep(SETTLE + WITHIN_A_SECOND);
    assert_ne!(watched.told().get("a.iso").map(String::as_str), Some("ready"));
    drop(filling);
    watched.wait_ready(WITHIN_A_SECOND, "a.iso");
}

#[test]
fn a_download_that_aria2_has_not_finished_waits() {
    let mut watched = Watched::start();
    fs::write(watched.path("a.iso.aria2"), "control").unwrap();
    move_in(&watched.path("a.iso"), 1);
    thread::sleep(SETTLE + WITHIN_A_SECOND);
    assert!(watched.told()["a.iso"].starts_with("aria2 has not finished"), "{:?}", watched.told());
    fs::remove_file(watched.path("a.iso.aria2")).unwrap();
    watched.wait_ready(SETTLE + WITHIN_A_SECOND, "a.iso");
}

#[test]
fn another_file_renamed_over_it_is_another_medium_and_the_old_one_stays_readable() {
    let mut watched = Watched::start();
    move_in(&watched.path("a.iso"), 1);
    watched.wait_ready(WITHIN_A_SECOND, "a.iso");
    let old = watched.file("a.iso");
    move_in(&watched.path("a.iso"), 2);
    watched.wait_other_than(&old);
    let mut byte = [0];
    old.read_exact_at(&mut byte, 0).unwrap();
    assert_eq!(byte, [1]);
    assert!(old.is_unchanged().unwrap());
    watched.file("a.iso").read_exact_at(&mut byte, 0).unwrap();
    assert_eq!(byte, [2]);
}

#[test]
fn a_writer_waits_until_the_image_has_left_and_everybody_has_let_go() {
    let mut watched = Watched::start();
    move_in(&watched.path("a.iso"), 1);
    watched.wait_ready(WITHIN_A_SECOND, "a.iso");
    let held = watched.file("a.iso");
    assert!(!held.lease_is_breaking());
    let command = format!("echo > '{}'", watched.path("a.iso").display());
    let mut writer = Command::new("sh").args(["-c", &command]).spawn().unwrap();
    watched
        .wait(WITHIN_A_SECOND, "a.iso being rewritten", |told| told["a.iso"] == "being rewritten");
    assert!(held.lease_is_breaking());
    thread::sleep(Duration::from_millis(500));
    assert!(writer.try_wait().unwrap().is_none(), "the writer went on while the image was held");
    assert_eq!(fs::metadata(watched.path("a.iso")).unwrap().len(), IMAGE_SIZE as u64);
    assert_eq!(watched.told()["a.iso"], "being rewritten");
    drop(held);
    let start = Instant::now();
    assert!(writer.wait().unwrap().success());
    assert!(start.elapsed() < WITHIN_A_SECOND, "the writer waited {:?} more", start.elapsed());
    watched
        .wait(WITHIN_A_SECOND, "a.iso settling", |told| told["a.iso"].starts_with("waiting until"));
    watched.wait_ready(SETTLE + WITHIN_A_SECOND, "a.iso");
    assert_eq!(watched.file("a.iso").size(), 1);
}

#[test]
fn a_writer_who_does_not_wait_changes_nothing_and_the_image_comes_back() {
    let mut watched = Watched::start();
    move_in(&watched.path("a.iso"), 1);
    watched.wait_ready(WITHIN_A_SECOND, "a.iso");
    thread::sleep(SETTLE);
    let identity = watched.file("a.iso").identity();
    let status = Command::new("truncate").args(["-s", "0"]).arg(watched.path("a.iso")).output();
    assert!(!status.unwrap().status.success(), "truncate got through a lease");
    watched.wait(WITHIN_A_SECOND, "a.iso leaving", |told| told["a.iso"] == "being rewritten");
    watched.wait_ready(SETTLE + WITHIN_A_SECOND, "a.iso");
    let file = watched.file("a.iso");
    assert_eq!(file.identity(), identity);
    assert!(file.is_unchanged().unwrap(), "the lease is not whole");
}

#[test]
fn the_kernels_word_arrives_though_the_thread_that_took_the_lease_has_ended() {
    let mut watched = Watched::start();
    move_in(&watched.path("a.iso"), 1);
    watched.wait_ready(WITHIN_A_SECOND, "a.iso");
    // Idle blocking threads of tokio end after 10 s.
    thread::sleep(Duration::from_secs(11));
    let path = watched.path("a.iso");
    let writer = thread::spawn(move || fs::write(path, image(3)).unwrap());
    watched.wait(WITHIN_A_SECOND, "a.iso not ready", |told| told["a.iso"] != "ready");
    writer.join().unwrap();
    watched.wait_ready(SETTLE + WITHIN_A_SECOND, "a.iso");
}

#[test]
fn files_that_are_no_images_are_left_alone() {
    let mut watched = Watched::start();
    for name in [".a.iso", "a.iso.part", "a.iso~", "a.txt", ".a.iso.Xy12zz", "a.iso.crdownload"] {
        fs::write(watched.path(name), image(1)).unwrap();
    }
    fs::write(watched.path("empty.iso"), "").unwrap();
    fs::create_dir(watched.path("directory.iso")).unwrap();
    fs::create_dir(watched.path(".staging")).unwrap();
    move_in(&watched.path(".staging/b.iso"), 1);
    let fifo = watched.path("fifo.iso");
    assert!(Command::new("mkfifo").arg(fifo).status().unwrap().success());
    move_in(&watched.path("last.iso"), 1);
    watched.wait_ready(WITHIN_A_SECOND, "last.iso");
    assert_eq!(watched.told().into_keys().collect::<Vec<_>>(), ["last.iso"]);
}

#[test]
fn new_directories_are_read_and_watched_and_go_with_all_they_hold() {
    let mut watched = Watched::start();
    fs::create_dir_all(watched.path("one/two")).unwrap();
    move_in(&watched.path("one/two/a.iso"), 1);
    watched.wait_ready(SETTLE + WITHIN_A_SECOND, "one/two/a.iso");
    move_in(&watched.path("one/two/b.iso"), 2);
    watched.wait_ready(WITHIN_A_SECOND, "one/two/b.iso");
    fs::rename(watched.path("one"), watched.path("three")).unwrap();
    watched.wait(WITHIN_A_SECOND, "the directory moved", |told| {
        told.keys().collect::<Vec<_>>() == ["three/two/a.iso", "three/two/b.iso"]
    });
    fs::remove_dir_all(watched.path("three")).unwrap();
    watched.wait(WITHIN_A_SECOND, "all gone", BTreeMap::is_empty);
    // Another directory at a path that was watched before, perhaps with the same inode number.
    fs::create_dir_all(watched.path("three/two")).unwrap();
    thread::sleep(Duration::from_millis(500));
    move_in(&watched.path("three/two/c.iso"), 3);
    watched.wait_ready(WITHIN_A_SECOND, "three/two/c.iso");
}

#[test]
fn a_directory_that_is_made_later_is_noticed_at_once() {
    let mut watched = Watched::start_below("not/yet", NEVER);
    let path = watched.path("not/yet");
    let problem = format!(
        "`{}` does not exist: create it or remove it from media.directories",
        path.display()
    );
    assert_eq!(watched.problems(), std::slice::from_ref(&problem));
    fs::create_dir_all(&path).unwrap();
    move_in(&watched.path("not/yet/a.iso"), 1);
    watched.wait_ready(SETTLE + WITHIN_A_SECOND, "not/yet/a.iso");
    assert_eq!(watched.problems(), Vec::<String>::new());
    fs::remove_dir_all(&path).unwrap();
    watched.wait_gone("not/yet/a.iso");
    assert_eq!(watched.problems(), [problem]);
    fs::create_dir_all(&path).unwrap();
    move_in(&watched.path("not/yet/b.iso"), 1);
    watched.wait_ready(SETTLE + WITHIN_A_SECOND, "not/yet/b.iso");
}

/// Runs one of the tests of this file again in a process of its own, started by `command`.
fn run_again(test: &str, command: &mut Command) {
    let name = format!("source_directory::{test}");
    let output = command
        .args(["--exact", &name, "--nocapture"])
        .env(IN_ITS_OWN_PROCESS, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("1 passed"), "{told}\n{errors}");
}

const IN_ITS_OWN_PROCESS: &str = "ISOMIRROR_TEST_IN_ITS_OWN_PROCESS";

fn is_in_its_own_process() -> bool {
    std::env::var_os(IN_ITS_OWN_PROCESS).is_some()
}

#[test]
fn without_descriptors_the_rest_goes_on_and_all_is_well_once_there_are_some() {
    if !is_in_its_own_process() {
        let limited = "ulimit -S -n 64; exec \"$0\" \"$@\"";
        let mut shell = Command::new("sh");
        shell.args(["-c", limited]).arg(std::env::current_exe().unwrap());
        return run_again(
            "without_descriptors_the_rest_goes_on_and_all_is_well_once_there_are_some",
            &mut shell,
        );
    }
    let mut watched = Watched::start();
    move_in(&watched.path("000.iso"), 1);
    watched.wait_ready(WITHIN_A_SECOND, "000.iso");
    let first = watched.file("000.iso");
    let shown = watched.path("099.iso").display().to_string();
    let staging = watched.path(".staging");
    fs::create_dir(&staging).unwrap();
    for index in 1..100 {
        move_in(&staging.join("x.iso"), 1);
        fs::rename(staging.join("x.iso"), watched.path(&format!("{index:03}.iso"))).unwrap();
    }
    thread::sleep(WITHIN_A_SECOND);
    watched.rescan.notify_one();
    thread::sleep(WITHIN_A_SECOND);
    assert!(Arc::ptr_eq(&first, &watched.file("000.iso")));
    let root = watched.directory.path().to_owned();
    // Not even the directory can be read any more, and what was published stays.
    let problem = format!(
        "`{}` cannot be read, too many files are open: raise LimitNOFILE of isomirrord",
        root.display()
    );
    assert_eq!(watched.problems(), [problem]);
    raise_open_file_limit().unwrap();
    watched.rescan.notify_one();
    watched.wait(Duration::from_secs(10), "all ready", |told| {
        told.len() == 100 && told.values().all(|state| state == "ready")
    });
    assert_eq!(watched.problems(), Vec::<String>::new());
    assert!(Arc::ptr_eq(&first, &watched.file("000.iso")));
    assert!(watched.told().contains_key("099.iso"), "{shown}");
}

#[test]
fn a_user_who_may_not_take_leases_publishes_what_has_settled_and_tells_what_cannot_be_read() {
    const TEST: &str =
        "a_user_who_may_not_take_leases_publishes_what_has_settled_and_tells_what_cannot_be_read";
    const PLACE: &str = "ISOMIRROR_TEST_PLACE";
    if !is_in_its_own_process() {
        let place = directory();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let program = place.path().join("tests");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        fs::write(place.path().join("a.iso"), image(1)).unwrap();
        fs::write(place.path().join("secret.iso"), image(2)).unwrap();
        fs::set_permissions(place.path().join("secret.iso"), fs::Permissions::from_mode(0o600))
            .unwrap();
        fs::create_dir(place.path().join("closed")).unwrap();
        fs::set_permissions(place.path().join("closed"), fs::Permissions::from_mode(0o700))
            .unwrap();
        let mut nobody = Command::new("setpriv");
        nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
        return run_again(TEST, nobody.env(PLACE, place.path()));
    }
    let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
    let source = DirectorySource {
        path: place.clone(),
        recursive: true,
        settle: SETTLE,
        known: Arc::default(),
        scan_interval: Some(NEVER),
    };
    let (sender, mut sets) = watch::channel(None);
    let runtime = Runtime::new().unwrap();
    runtime.spawn(source.run(sender, Arc::default(), CancellationToken::new()));
    let set = runtime.block_on(async {
        let is_ready = |set: &Option<Arc<SourceSet>>| {
            set.as_ref().is_some_and(|set| {
                describe(set, &place).values().all(|told| !told.starts_with("waiting"))
            })
        };
        let wait = tokio::time::timeout(SETTLE + WITHIN_A_SECOND, sets.wait_for(is_ready));
        wait.await.expect("ready in time").unwrap().clone().unwrap()
    });
    let shown = place.display();
    assert_eq!(describe(&set, &place)["a.iso"], "ready");
    assert_eq!(
        describe(&set, &place)["secret.iso"],
        format!("`{shown}/secret.iso` cannot be opened: give isomirrord permission to read it")
    );
    assert_eq!(
        set.problems,
        [format!("`{shown}/closed` cannot be read: give isomirrord permission to read it")]
    );
}

fn time_to_first_set(path: &Path) -> Duration {
    let (sender, mut sets) = watch::channel(None);
    let source = DirectorySource {
        path: path.to_owned(),
        recursive: true,
        settle: SETTLE,
        known: Arc::default(),
        scan_interval: None,
    };
    let (runtime, start) = (Runtime::new().unwrap(), Instant::now());
    runtime.block_on(async {
        tokio::spawn(source.run(sender, Arc::default(), CancellationToken::new()));
        sets.wait_for(Option::is_some).await.unwrap();
        start.elapsed()
    })
}

#[test]
fn a_thousand_images_are_read_in_a_fifth_of_a_second_and_each_stays_the_same() {
    raise_open_file_limit().unwrap();
    let directory = directory();
    for index in 0..1000 {
        fs::write(directory.path().join(format!("{index:04}.iso")), image(1)).unwrap();
    }
    thread::sleep(SETTLE);
    // The best of three: the machine may be busy with other things.
    let elapsed = (0..3).map(|_| time_to_first_set(directory.path())).min().unwrap();
    let mut watched = Watched::start_in(directory, "", NEVER);
    let told = watched.told();
    assert_eq!(told.len(), 1000);
    assert!(told.values().all(|state| state == "ready"), "{told:?}");
    println!("1,000 images read for the first time in {elapsed:?}");
    assert!(elapsed < Duration::from_millis(200), "{elapsed:?}");
    let first = watched.file("0500.iso");
    watched.rescan.notify_one();
    move_in(&watched.path("new.iso"), 1);
    watched.wait_ready(WITHIN_A_SECOND, "new.iso");
    assert!(Arc::ptr_eq(&first, &watched.file("0500.iso")));
    let leases = fs::read_to_string("/proc/locks").unwrap();
    assert!(leases.lines().filter(|line| line.contains("LEASE")).count() >= 1001);
}

#[test]
fn a_rescan_finds_what_no_event_told() {
    // Changes through another mount of the same file system reach no watch that was never set: here the watched
    // directory is hidden below a link whose target is exchanged.
    let mut watched = Watched::start_below("current", NEVER);
    fs::create_dir(watched.path("one")).unwrap();
    fs::create_dir(watched.path("two")).unwrap();
    fs::write(watched.path("one/a.iso"), image(1)).unwrap();
    fs::write(watched.path("two/b.iso"), image(2)).unwrap();
    symlink("one", watched.path("current")).unwrap();
    watched.wait_ready(SETTLE + WITHIN_A_SECOND, "current/a.iso");
    symlink("two", watched.path("next")).unwrap();
    fs::rename(watched.path("next"), watched.path("current")).unwrap();
    watched.rescan.notify_one();
    watched.wait_ready(SETTLE + WITHIN_A_SECOND, "current/b.iso");
    assert!(!watched.told().contains_key("current/a.iso"));
}

#[test]
fn what_is_mounted_over_the_directory_is_seen_and_so_is_its_end() {
    let mut watched = Watched::start();
    move_in(&watched.path("below.iso"), 1);
    watched.wait_ready(WITHIN_A_SECOND, "below.iso");
    let root = watched.directory.path().to_owned();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "isomirror-test"]).arg(&root).status();
    assert!(mounted.unwrap().success());
    watched.wait(2 * WITHIN_A_SECOND, "the directory hidden", BTreeMap::is_empty);
    move_in(&watched.path("above.iso"), 2);
    watched.wait_ready(WITHIN_A_SECOND, "above.iso");
    // A published image keeps its file system busy; an operator detaches it.
    assert!(Command::new("umount").arg("--lazy").arg(&root).status().unwrap().success());
    watched.wait(2 * WITHIN_A_SECOND, "the directory back", |told| {
        told.keys().collect::<Vec<_>>() == ["below.iso"]
    });
    move_in(&watched.path("again.iso"), 3);
    watched.wait_ready(WITHIN_A_SECOND, "again.iso");
}

#[test]
fn nothing_is_sent_while_nothing_changes() {
    let mut watched = Watched::start_below("", Duration::from_millis(100));
    move_in(&watched.path("a.iso"), 1);
    watched.wait_ready(WITHIN_A_SECOND, "a.iso");
    watched.sets.mark_unchanged();
    let news = watched
        .runtime
        .block_on(async { tokio::time::timeout(WITHIN_A_SECOND, watched.sets.changed()).await });
    assert!(news.is_err(), "ten readings of the same directory were news");
}

#[test]
fn one_file_under_two_names_is_two_candidates_with_one_identity() {
    let mut watched = Watched::start();
    move_in(&watched.path("a.iso"), 1);
    watched.wait_ready(WITHIN_A_SECOND, "a.iso");
    fs::hard_link(watched.path("a.iso"), watched.path("b.iso")).unwrap();
    watched.wait_ready(SETTLE + WITHIN_A_SECOND, "b.iso");
    symlink("a.iso", watched.path("c.iso")).unwrap();
    watched.wait_ready(SETTLE + WITHIN_A_SECOND, "c.iso");
    let identities = ["a.iso", "b.iso", "c.iso"].map(|name| watched.file(name).identity());
    assert_eq!(identities[0], identities[1]);
    assert_eq!(identities[0], identities[2]);
    assert!(matches!(identities[0], Identity::File { .. }));
    symlink("nowhere", watched.path("d.iso")).unwrap();
    watched.wait(WITHIN_A_SECOND, "the dangling link told", |told| told.contains_key("d.iso"));
    assert!(watched.told()["d.iso"].contains("is a link to a file that does not exist"));
}

/// How often each thread of this process went to sleep so far, and so was woken, by its id and name.
fn voluntary_switches() -> BTreeMap<String, u64> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let switches = |path: PathBuf| {
        let status = fs::read_to_string(path.join("status")).ok()?;
        let name = fs::read_to_string(path.join("comm")).ok()?;
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"))?;
        let count = line.split_ascii_whitespace().last()?.parse().ok()?;
        Some((format!("{} {}", path.file_name()?.display(), name.trim_end()), count))
    };
    tasks.filter_map(|task| switches(task.unwrap().path())).collect()
}

fn woken_in_five_seconds() -> BTreeMap<String, u64> {
    let before = voluntary_switches();
    thread::sleep(Duration::from_secs(5));
    let mut woken = voluntary_switches();
    woken.retain(|thread, count| {
        *count -= before.get(thread).copied().unwrap_or(0);
        *count > 0
    });
    woken
}

#[test]
fn nobody_wakes_up_while_nothing_happens() {
    if !is_in_its_own_process() {
        // In namespaces of its own: elsewhere on this machine things may be mounted and devices come and go, and
        // the kernel tells of devices wherever the network namespace belongs to the first user namespace.
        let mut again = Command::new("unshare");
        again
            .args(["--user", "--map-root-user", "--mount", "--net"])
            .arg(std::env::current_exe().unwrap());
        return run_again("nobody_wakes_up_while_nothing_happens", &mut again);
    }
    let mut watched = Watched::start();
    move_in(&watched.path("a.iso"), 1);
    watched.wait_ready(WITHIN_A_SECOND, "a.iso");
    let (sender, _sets) = watch::channel(None);
    let (_withholds, withheld) = watch::channel(Arc::default());
    let drives = DriveSource { drives: DriveFilter::Selection(DriveSelection::Optical), withheld };
    watched.runtime.spawn(drives.run(sender, Arc::default(), watched.cancel.clone()));
    // Idle blocking threads of tokio end after 10 s.
    thread::sleep(Duration::from_secs(12));
    // The best of three: a thread that wakes up by itself does so in each, one that the machine woke does not.
    let quietest =
        (0..3).map(|_| woken_in_five_seconds()).min_by_key(|woken| woken.values().sum::<u64>());
    let woken = quietest.unwrap();
    // The thread that counts sleeps itself.
    assert!(woken.values().sum::<u64>() <= 3, "woken in 5 s: {woken:?}");
}
