//! Signs that something changed in the watched directories, by inotify. They are hints: some are lost, some lie, and
//! on network file systems hardly any come. The truth is the next reading of the directories.

use std::{
    collections::{HashMap, HashSet},
    io, mem,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use isomirror_core::completeness::Arrival;
use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, ModifyKind, RenameMode},
};
use tokio::sync::Notify;

/// Arrivals that are remembered between two readings; beyond them files settle as if nothing had been heard.
const MAXIMUM_ARRIVALS: usize = 65_536;

/// What was heard since the directories were read last.
#[derive(Debug, Default)]
pub(super) struct Hints {
    /// How files and directories came to be what they are now, by path.
    arrivals: HashMap<PathBuf, Arrival>,
    /// Paths that went away; a watch on one of them went with it.
    gone: HashSet<PathBuf>,
    /// Whether events were lost, and with them perhaps watches.
    lost: bool,
}

/// Where the thread of the watcher leaves what it hears.
#[derive(Debug)]
pub(super) struct Signs {
    root: PathBuf,
    hints: Mutex<Hints>,
    /// Woken where something may have appeared, gone or been finished.
    pub(super) urgent: Notify,
    /// Woken where bytes or attributes changed: only files without a lease need it, and a growing file does nothing
    /// else.
    pub(super) minor: Notify,
}

impl Signs {
    pub(super) fn new(root: &Path) -> Self {
        let hints = Mutex::default();
        Self { root: root.to_owned(), hints, urgent: Notify::new(), minor: Notify::new() }
    }

    pub(super) fn take(&self) -> Hints {
        mem::take(&mut self.hints.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn hear(&self, event: notify::Result<Event>) {
        let Ok(event) = event else {
            self.hints.lock().unwrap_or_else(PoisonError::into_inner).lost = true;
            return self.urgent.notify_one();
        };
        if event.need_rescan() {
            self.hints.lock().unwrap_or_else(PoisonError::into_inner).lost = true;
            return self.urgent.notify_one();
        }
        // While the directory is missing, an ancestor is watched, where all kinds of things may go on.
        let concerns_us =
            |path: &&PathBuf| path.starts_with(&self.root) || self.root.starts_with(path);
        for path in event.paths.iter().filter(concerns_us) {
            self.note(event.kind, path);
        }
    }

    fn note(&self, kind: EventKind, path: &Path) {
        let mut hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        match kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => {
                hints.arrived(path, Arrival::Closed);
            }
            EventKind::Modify(ModifyKind::Name(RenameMode::To)) => {
                hints.arrived(path, Arrival::Renamed);
            }
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) => {
                // A rename within the watched tree is told once more as a whole, with both paths.
                if !matches!(kind, EventKind::Modify(ModifyKind::Name(RenameMode::Both))) {
                    hints.went(path);
                }
            }
            EventKind::Create(_) | EventKind::Other | EventKind::Any => {}
            EventKind::Modify(_) => return self.minor.notify_one(),
            EventKind::Access(_) => return,
        }
        drop(hints);
        self.urgent.notify_one();
    }
}

impl Hints {
    /// How the file at `path` came to be what it is now: by itself, or with a directory that was moved in as a whole.
    pub(super) fn arrival(&self, path: &Path) -> Option<Arrival> {
        path.ancestors().find_map(|path| self.arrivals.get(path).copied())
    }

    fn arrived(&mut self, path: &Path, arrival: Arrival) {
        if self.arrivals.len() < MAXIMUM_ARRIVALS {
            self.arrivals.insert(path.to_owned(), arrival);
        }
    }

    fn went(&mut self, path: &Path) {
        self.arrivals.remove(path);
        if self.gone.len() < MAXIMUM_ARRIVALS {
            self.gone.insert(path.to_owned());
        } else {
            self.lost = true;
        }
    }
}

/// The directories that are watched, each by itself.
pub(super) struct DirectoryWatch {
    signs: Arc<Signs>,
    watcher: Option<RecommendedWatcher>,
    /// Watched directories with device and inode number: another directory at the same path needs another watch.
    watched: HashMap<PathBuf, (u64, u64)>,
    visited: HashSet<PathBuf>,
    problem: Option<String>,
}

impl std::fmt::Debug for DirectoryWatch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("DirectoryWatch")
            .field("watched", &self.watched)
            .finish_non_exhaustive()
    }
}

impl DirectoryWatch {
    pub(super) fn new(signs: Arc<Signs>) -> Self {
        let (watched, visited) = (HashMap::new(), HashSet::new());
        Self { signs, watcher: None, watched, visited, problem: None }
    }

    /// Opens one reading of the directories: forgets watches that are gone by what was heard.
    pub(super) fn begin(&mut self, hints: &Hints) {
        self.visited.clear();
        self.problem = None;
        if hints.lost || self.watcher.is_none() {
            self.restart();
        }
        for path in &hints.gone {
            self.forget(path);
        }
    }

    fn forget(&mut self, directory: &Path) {
        if self.watched.remove(directory).is_some()
            && let Some(watcher) = &mut self.watcher
        {
            // The watch of a directory that was moved away lives on. An error only says that there is none.
            drop(watcher.unwatch(directory));
        }
    }

    /// A new watcher knows of no watch: after lost events nobody can tell which ones are left.
    fn restart(&mut self) {
        self.watched.clear();
        let signs = Arc::clone(&self.signs);
        match notify::recommended_watcher(move |event| signs.hear(event)) {
            Ok(watcher) => self.watcher = Some(watcher),
            Err(error) => {
                self.watcher = None;
                self.problem = Some(describe(&error));
            }
        }
    }

    /// Watches one directory, before it is read, so that nothing falls between.
    pub(super) fn watch(&mut self, directory: &Path, identity: (u64, u64)) {
        self.visited.insert(directory.to_owned());
        if self.watched.get(directory) == Some(&identity) {
            return;
        }
        self.forget(directory);
        // inotify has one watch for a directory, whatever its paths: ending the old one later would end the new one.
        let same = |(_, other): &(&PathBuf, &(u64, u64))| **other == identity;
        let renamed = self.watched.iter().find(same).map(|(path, _)| path.clone());
        if let Some(old_path) = renamed {
            self.forget(&old_path);
        }
        let Some(watcher) = &mut self.watcher else { return };
        match watcher.watch(directory, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.watched.insert(directory.to_owned(), identity);
            }
            Err(error) if is_told_by_reading(&error) => {}
            Err(error) => self.problem = Some(describe(&error)),
        }
    }

    /// Closes one reading: ends the watches that it did not come by. What is left over is the problem to tell.
    pub(super) fn end(&mut self) -> Option<String> {
        let left_over: Vec<_> =
            self.watched.keys().filter(|path| !self.visited.contains(*path)).cloned().collect();
        for directory in left_over {
            self.forget(&directory);
        }
        self.problem.take()
    }
}

/// Whether the directory is gone or forbidden, which reading it shows as well.
fn is_told_by_reading(error: &notify::Error) -> bool {
    match &error.kind {
        notify::ErrorKind::PathNotFound => true,
        notify::ErrorKind::Io(error) => error.kind() == io::ErrorKind::PermissionDenied,
        _ => false,
    }
}

/// What to do about a watch that could not be had. Changes are then noticed at the next full reading.
fn describe(error: &notify::Error) -> String {
    const TOO_MANY_OPEN_FILES: i32 = nix::libc::EMFILE;
    let paths: Vec<_> = error.paths.iter().map(|path| format!("`{}`", path.display())).collect();
    let object = if paths.is_empty() { "directories".to_owned() } else { paths.join(", ") };
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => format!(
            "{object} cannot be watched, so changes are noticed late: \
             raise the sysctl fs.inotify.max_user_watches"
        ),
        notify::ErrorKind::Io(error) if error.raw_os_error() == Some(TOO_MANY_OPEN_FILES) => {
            format!(
                "{object} cannot be watched, so changes are noticed late: \
                 raise the sysctl fs.inotify.max_user_instances or the limit of open files"
            )
        }
        _ => format!("{object} cannot be watched, so changes are noticed late: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(events: &[(EventKind, &str)]) -> (Hints, bool) {
        let signs = Signs::new(Path::new("/images"));
        for (kind, path) in events {
            signs.hear(Ok(Event::new(*kind).add_path(PathBuf::from(path))));
        }
        let is_urgent = futures_now(&signs.urgent);
        (signs.take(), is_urgent)
    }

    /// Whether a waiter would be woken at once.
    fn futures_now(notify: &Notify) -> bool {
        let mut notified = Box::pin(notify.notified());
        notified.as_mut().enable()
    }

    const CLOSED: EventKind = EventKind::Access(AccessKind::Close(AccessMode::Write));
    const MOVED_IN: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::To));
    const MOVED_AWAY: EventKind = EventKind::Modify(ModifyKind::Name(RenameMode::From));

    #[test]
    fn the_last_arrival_of_a_file_counts() {
        let (hints, is_urgent) = heard(&[(MOVED_IN, "/images/a.iso"), (CLOSED, "/images/a.iso")]);
        assert_eq!(hints.arrivals.get(Path::new("/images/a.iso")), Some(&Arrival::Closed));
        assert!(is_urgent);
        let (hints, _) = heard(&[(MOVED_IN, "/images/a.iso"), (MOVED_AWAY, "/images/a.iso")]);
        assert_eq!(hints.arrivals.len(), 0);
        assert!(hints.gone.contains(Path::new("/images/a.iso")));
    }

    #[test]
    fn what_is_in_a_directory_that_is_moved_in_came_with_it() {
        let (hints, _) = heard(&[(MOVED_IN, "/images/new"), (CLOSED, "/images/new/b.iso")]);
        assert_eq!(hints.arrival(Path::new("/images/new/deep/a.iso")), Some(Arrival::Renamed));
        assert_eq!(hints.arrival(Path::new("/images/new/b.iso")), Some(Arrival::Closed));
        assert_eq!(hints.arrival(Path::new("/images/newer/a.iso")), None);
    }

    #[test]
    fn opening_and_reading_wake_nobody() {
        let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
        let (hints, is_urgent) = heard(&[(opened, "/images/a.iso")]);
        assert!(hints.arrivals.is_empty() && !is_urgent);
    }

    #[test]
    fn only_the_directory_and_its_ancestors_matter() {
        assert!(heard(&[(CLOSED, "/images/a/b.iso")]).1);
        assert!(heard(&[(CLOSED, "/images")]).1);
        assert!(!heard(&[(CLOSED, "/imagesa.iso")]).1);
        assert!(!heard(&[(CLOSED, "/other")]).1);
    }

    #[test]
    fn lost_events_make_everything_be_looked_at() {
        let signs = Signs::new(Path::new("/images"));
        signs.hear(Ok(Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan)));
        assert!(futures_now(&signs.urgent));
        assert!(signs.take().lost);
    }

    #[test]
    fn a_watch_that_cannot_be_had_names_the_remedy() {
        let path = PathBuf::from("/images");
        let limit = notify::Error::new(notify::ErrorKind::MaxFilesWatch).add_path(path);
        assert_eq!(
            describe(&limit),
            "`/images` cannot be watched, so changes are noticed late: \
             raise the sysctl fs.inotify.max_user_watches"
        );
    }
}
