//! Runs the sources that the configuration names, and makes one set of theirs. When the configuration changes, the
//! old set stands until all new sources have looked once.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use isomirror_core::{config::MediaConfig, medium::IdentityKey};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::{
    sources::{DirectorySource, DriveFilter, DriveSource, Readiness, SourceSet},
    withheld::Withheld,
};

/// How long all wait for a source that does not answer, before the others are published without it.
const PATIENCE: Duration = Duration::from_secs(15);

type Latest = Arc<Mutex<Vec<Option<Arc<SourceSet>>>>>;
type Input = watch::Receiver<Option<Arc<SourceSet>>>;

/// What sources are told.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) configuration: watch::Receiver<MediaConfig>,
    pub(super) withheld: watch::Receiver<Arc<Withheld>>,
    /// Makes all of them look at once.
    pub(super) rescan: Arc<Notify>,
    /// Block devices that are watched instead of those that the configuration selects.
    pub(super) drives: Option<BTreeSet<String>>,
    /// Media that an earlier run published.
    pub(super) known: BTreeSet<IdentityKey>,
}

/// Runs sources until `cancel`.
pub(super) async fn supervise(
    inputs: Inputs,
    output: watch::Sender<Option<Arc<SourceSet>>>,
    cancel: CancellationToken,
) {
    let Inputs { mut configuration, withheld, rescan, drives, known } = inputs;
    let mut known = Arc::new(known);
    let output = Arc::new(output);
    loop {
        let media = configuration.borrow_and_update().clone();
        let generation = cancel.child_token();
        let mut tasks = JoinSet::new();
        let drives = match &drives {
            Some(names) => DriveFilter::Named(names.clone()),
            None => DriveFilter::Selection(media.drives),
        };
        let drives = DriveSource { drives, withheld: withheld.clone() };
        let signals = start(&media, drives, &known, &output, &generation, &mut tasks);
        loop {
            tokio::select! {
                changed = configuration.changed() => match changed {
                    Ok(()) if *configuration.borrow() == media => {}
                    Ok(()) => break,
                    Err(_) => return,
                },
                () = rescan.notified() => signals.iter().for_each(|signal| signal.notify_one()),
                () = cancel.cancelled() => return,
            }
        }
        generation.cancel();
        tasks.shutdown().await;
        if let Some(set) = &*output.borrow() {
            known = Arc::new(ready(set));
        }
    }
}

/// Media that can be published.
fn ready(set: &SourceSet) -> BTreeSet<IdentityKey> {
    let identities = set.candidates.iter().filter_map(|candidate| match &candidate.readiness {
        Readiness::Ready(file) => Some(file.key()),
        Readiness::Waiting(_) | Readiness::Withheld(_) | Readiness::Unreadable(_) => None,
    });
    identities.collect()
}

/// Starts every source with a task that hands its sets on. Returns what makes each of them look again.
fn start(
    media: &MediaConfig,
    drives: DriveSource,
    known: &Arc<BTreeSet<IdentityKey>>,
    output: &Arc<watch::Sender<Option<Arc<SourceSet>>>>,
    cancel: &CancellationToken,
    tasks: &mut JoinSet<()>,
) -> Vec<Arc<Notify>> {
    let mut signals = Vec::new();
    let mut inputs = Vec::new();
    for directory in &media.directories {
        let source = DirectorySource {
            path: directory.path().to_owned(),
            recursive: directory.recursive(),
            settle: media.settle.duration(),
            known: Arc::clone(known),
            scan_interval: None,
        };
        let (sender, receiver) = watch::channel(None);
        let signal = Arc::new(Notify::new());
        tasks.spawn(source.run(sender, Arc::clone(&signal), cancel.clone()));
        signals.push(signal);
        inputs.push((format!("`{}`", directory.path().display()), receiver));
    }
    let (sender, receiver) = watch::channel(None);
    let signal = Arc::new(Notify::new());
    tasks.spawn(drives.run(sender, Arc::clone(&signal), cancel.clone()));
    signals.push(signal);
    inputs.push(("the drives".to_owned(), receiver));
    hand_on_all(inputs, output, tasks);
    signals
}

fn hand_on_all(
    inputs: Vec<(String, Input)>,
    output: &Arc<watch::Sender<Option<Arc<SourceSet>>>>,
    tasks: &mut JoinSet<()>,
) {
    let latest: Latest = Arc::new(Mutex::new(vec![None; inputs.len()]));
    for (index, (name, input)) in inputs.into_iter().enumerate() {
        tasks.spawn(hand_on(index, input, Arc::clone(&latest), Arc::clone(output)));
        tasks.spawn(lose_patience(index, name, Arc::clone(&latest), Arc::clone(output)));
    }
}

/// Counts a source that does not answer as one that has nothing, so that it holds up nobody else.
async fn lose_patience(
    index: usize,
    name: String,
    latest: Latest,
    output: Arc<watch::Sender<Option<Arc<SourceSet>>>>,
) {
    sleep(PATIENCE).await;
    let problem = format!("{name}: no answer yet: check the server or the drive behind it");
    let silent = SourceSet { problems: vec![problem], ..SourceSet::default() };
    change(&latest, &output, |all| stand_in(&mut all[index], silent));
}

/// Puts `silent` where there is no set yet; says whether it did.
fn stand_in(slot: &mut Option<Arc<SourceSet>>, silent: SourceSet) -> bool {
    let is_silent = slot.is_none();
    if is_silent {
        *slot = Some(Arc::new(silent));
    }
    is_silent
}

/// Puts one source's sets beside the others' and sends them all, once every source has looked.
async fn hand_on(
    index: usize,
    mut input: Input,
    latest: Latest,
    output: Arc<watch::Sender<Option<Arc<SourceSet>>>>,
) {
    while input.changed().await.is_ok() {
        let set = input.borrow_and_update().clone();
        change(&latest, &output, |all| {
            all[index] = set;
            true
        });
    }
}

/// Sends the whole if `edit` changed something. One lock for both, so that no older whole overtakes a newer one, and
/// nothing that is decided here is out of date when it is done.
fn change(
    latest: &Latest,
    output: &watch::Sender<Option<Arc<SourceSet>>>,
    edit: impl FnOnce(&mut [Option<Arc<SourceSet>>]) -> bool,
) {
    let mut all = latest.lock().unwrap_or_else(PoisonError::into_inner);
    if edit(&mut all)
        && let Some(whole) = together(&all)
    {
        output.send_replace(Some(Arc::new(whole)));
    }
}

fn together(sets: &[Option<Arc<SourceSet>>]) -> Option<SourceSet> {
    let mut whole = SourceSet::default();
    for set in sets {
        let set = set.as_ref()?;
        whole.candidates.extend(set.candidates.iter().cloned());
        whole.problems.extend(set.problems.iter().cloned());
    }
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_answered_is_not_counted_as_silent() {
        let problem =
            |text: &str| SourceSet { problems: vec![text.to_owned()], ..SourceSet::default() };
        let mut slot = None;
        assert!(stand_in(&mut slot, problem("silent")));
        slot = Some(Arc::new(problem("answered")));
        assert!(!stand_in(&mut slot, problem("silent")));
        assert_eq!(slot.unwrap().problems, ["answered"]);
    }

    #[test]
    fn there_is_no_whole_before_every_source_has_looked() {
        let with = |problem: &str| {
            Some(Arc::new(SourceSet { problems: vec![problem.to_owned()], ..SourceSet::default() }))
        };
        assert!(together(&[with("a"), None]).is_none());
        assert_eq!(together(&[with("a"), with("b")]).unwrap().problems, ["a", "b"]);
        assert!(together(&[]).unwrap().candidates.is_empty());
    }
}
