//! What can happen to a mirror, and which of it happens next.

use isomirror_tests::{corrupt::Random, soak::Disc};

use crate::model::Model;

/// Drives that may be plugged in.
const DRIVES: usize = 3;
/// Paths of images, below the directory of images.
const FILES: [&str; 5] = ["one.iso", "two.iso", "three.iso", "deep/four.iso", "deep/five.ISO"];
/// Numbers of discs that are not releases: more than labels, so that some have the label of another.
const DISCS: usize = 24;

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A drive is plugged in.
    Plug(usize, Option<Disc>),
    /// A disc is put into an empty drive.
    Insert(usize, Disc),
    /// The hypervisor asks for the disc, and takes it when the tray opens.
    HypervisorEject(usize),
    /// `eject` in the guest.
    GuestEject(usize),
    /// `isomirror eject`.
    OwnEject(usize),
    /// `isomirror eject --force`.
    OwnEjectByForce(usize),
    /// The disc is pulled out.
    SilentEject(usize),
    /// The disc is changed for another one, and nobody was asked.
    Swap(usize, Disc),
    /// The drive is unplugged.
    Unplug(usize),
    /// An image is written as fast as it goes.
    CopyIn(String, Disc),
    /// An image is written elsewhere and renamed.
    MoveIn(String, Disc),
    /// Somebody begins to write an image, slowly.
    BeginWriting(String, Disc),
    /// And is done.
    EndWriting(String),
    /// An image is written over another one, in the same file.
    Rewrite(String, Disc),
    Delete(String),
    Rename(String, String),
    /// A release comes out and is asked for.
    Fetch,
    /// One comes out whose image is not what its list says.
    FetchForged,
    /// The configuration changes.
    Reload,
    Restart,
    /// Several things happen while the service does not run.
    ChangeWhileStopped(Vec<Step>),
    /// A process of the service is killed; which one this number tells.
    Kill(u64),
    Rescan,
    /// `isomirror verify` of something that is published.
    Verify,
}

impl Step {
    /// The next step; `with_restarts` tells whether processes may end.
    pub(crate) fn next(random: &mut Random, model: &Model, with_restarts: bool) -> Self {
        loop {
            let kinds = if with_restarts { 30 } else { 26 };
            let kind = random.below(kinds);
            if let Some(step) = Self::of_kind(kind, random, model) {
                return step;
            }
        }
    }

    /// A step of this kind, where one is possible now.
    fn of_kind(kind: usize, random: &mut Random, model: &Model) -> Option<Self> {
        Some(match kind {
            0..8 => Self::of_drive(random, model),
            8..12 => Self::Swap(Self::loaded(random, model)?, any_disc(random)),
            12..14 => Self::CopyIn(free_file(random, model)?, any_disc(random)),
            14..16 => Self::MoveIn(free_file(random, model)?, any_disc(random)),
            16 => Self::BeginWriting(free_file(random, model)?, any_disc(random)),
            17 | 18 => Self::EndWriting(any(random, model.writing.keys().cloned())?),
            19 => Self::Rewrite(whole_file(random, model)?, any_disc(random)),
            20 | 21 => Self::Delete(whole_file(random, model)?),
            22 => Self::Rename(whole_file(random, model)?, free_file(random, model)?),
            23 if random.below(3) == 0 => Self::FetchForged,
            23 => Self::Fetch,
            24 => Self::Reload,
            25 if random.below(2) == 0 => Self::Rescan,
            25 => Self::Verify,
            26 => Self::Restart,
            27 => Self::while_stopped(random, model),
            _ => Self::Kill(random.number()),
        })
    }

    /// Something that happens to a drive.
    fn of_drive(random: &mut Random, model: &Model) -> Self {
        let drive = random.below(DRIVES);
        match model.drives.get(&drive) {
            None => Self::Plug(drive, (random.below(3) > 0).then(|| any_disc(random))),
            Some(None) if random.below(4) > 0 => Self::Insert(drive, any_disc(random)),
            Some(None) => Self::Unplug(drive),
            Some(Some(_)) => match random.below(6) {
                0 => Self::HypervisorEject(drive),
                1 => Self::GuestEject(drive),
                2 => Self::OwnEject(drive),
                3 => Self::OwnEjectByForce(drive),
                4 => Self::SilentEject(drive),
                _ => Self::Unplug(drive),
            },
        }
    }

    fn while_stopped(random: &mut Random, model: &Model) -> Self {
        let (mut model, mut steps) = (model.clone(), Vec::new());
        for _ in 0..3 {
            let step = match random.below(4) {
                0 => Self::loaded(random, &model).map(|drive| Self::Swap(drive, any_disc(random))),
                1 => Self::loaded(random, &model).map(Self::SilentEject),
                2 => whole_file(random, &model).map(Self::Delete),
                _ => free_file(random, &model).map(|file| Self::MoveIn(file, any_disc(random))),
            };
            if let Some(step) = step {
                model.apply(&step);
                steps.push(step);
            }
        }
        Self::ChangeWhileStopped(steps)
    }

    /// A drive with a disc.
    fn loaded(random: &mut Random, model: &Model) -> Option<usize> {
        let loaded = model.drives.iter().filter(|(_, disc)| disc.is_some());
        any(random, loaded.map(|(drive, _)| *drive))
    }

    /// Steps after which nothing is left but the store.
    pub(crate) fn to_rest(model: &Model) -> Vec<Self> {
        let mut steps: Vec<_> = model.writing.keys().cloned().map(Self::EndWriting).collect();
        let files = model.files.keys().chain(model.writing.keys());
        steps.extend(files.cloned().map(Self::Delete));
        steps.extend(model.drives.keys().copied().map(Self::Unplug));
        steps
    }
}

fn any<T>(random: &mut Random, among: impl Iterator<Item = T>) -> Option<T> {
    let mut among: Vec<_> = among.collect();
    if among.is_empty() { None } else { Some(among.swap_remove(random.below(among.len()))) }
}

fn any_disc(random: &mut Random) -> Disc {
    Disc(u32::try_from(random.below(DISCS)).unwrap_or_default())
}

fn free_file(random: &mut Random, model: &Model) -> Option<String> {
    let is_free =
        |file: &&str| !model.files.contains_key(*file) && !model.writing.contains_key(*file);
    any(random, FILES.iter().copied().filter(is_free)).map(str::to_owned)
}

fn whole_file(random: &mut Random, model: &Model) -> Option<String> {
    any(random, model.files.keys().cloned())
}
