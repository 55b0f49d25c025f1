//! What the page says.

use super::{
    IndexView,
    commands::{Command, commands},
    trust::{TrustShown, trust_shown},
};
use crate::{
    boot::System,
    digest::Digest,
    state::{DownloadState, MediumState, Phase, StateDocument},
    view::{MirrorUrl, checksums::usual_digest, escape::segment},
};

/// What stands for the mirror's URL where nobody knows it yet.
const UNKNOWN_MIRROR: &str = "http://MIRROR";

/// The page.
#[derive(Debug)]
pub(super) struct Model<'a> {
    pub(super) revision: u64,
    /// How many media are in which state, without the states in which there are none.
    pub(super) counts: Vec<(Phase, usize)>,
    /// Bytes of what is served.
    pub(super) bytes: u64,
    pub(super) cards: Vec<Card<'a>>,
    pub(super) downloads: &'a [DownloadState],
    pub(super) mirror: MirrorUrl,
    pub(super) is_mirror_known: bool,
    pub(super) is_mirror_fixed: bool,
}

/// One medium.
#[derive(Debug)]
pub(super) struct Card<'a> {
    pub(super) medium: &'a MediumState,
    /// Its name as a part of URLs.
    pub(super) segment: String,
    pub(super) is_exported: bool,
    /// Name and version of the system.
    pub(super) system: Option<String>,
    /// Edition and code name.
    pub(super) variant: Option<String>,
    pub(super) arch: Option<&'a str>,
    pub(super) trust: TrustShown,
    pub(super) digest: Option<&'a Digest>,
    pub(super) commands: Vec<Command>,
    /// Endings of the files below `/_/` that the medium has.
    pub(super) files: Vec<&'static str>,
}

impl<'a> Model<'a> {
    /// Of the public part of a document.
    pub(super) fn of(public: &'a StateDocument, view: &IndexView<'_>) -> Self {
        let unknown = MirrorUrl::of_setting(UNKNOWN_MIRROR);
        let mirror = view.mirror.cloned().unwrap_or(unknown);
        let card = |medium| Card::of(medium, view, &mirror);
        Self {
            revision: public.revision,
            counts: counts(&public.media),
            bytes: public
                .media
                .iter()
                .filter(|medium| medium.state == Phase::Serving)
                .fold(0, |sum, medium| sum.saturating_add(medium.size)),
            cards: public.media.iter().map(card).collect(),
            downloads: &public.fetch,
            is_mirror_known: view.mirror.is_some(),
            is_mirror_fixed: view.is_mirror_fixed,
            mirror,
        }
    }
}

fn counts(media: &[MediumState]) -> Vec<(Phase, usize)> {
    let count = |phase| media.iter().filter(|medium| medium.state == phase).count();
    Phase::ALL.into_iter().map(|phase| (phase, count(phase))).filter(|(_, n)| *n > 0).collect()
}

impl<'a> Card<'a> {
    fn of(medium: &'a MediumState, view: &IndexView<'_>, mirror: &MirrorUrl) -> Self {
        let is_exported = (view.is_exported)(&medium.name);
        let has_descriptions = view.mirror.is_some();
        let commands =
            if is_exported { commands(medium, mirror, has_descriptions) } else { Vec::new() };
        let system = medium.detection.system.as_ref();
        Self {
            segment: segment(medium.name.as_str().as_bytes()).to_string(),
            is_exported,
            system: system.map(title).filter(|title| !title.is_empty()),
            variant: system.and_then(variant),
            arch: system.and_then(|system| system.arch.as_deref()),
            trust: trust_shown(medium.verified.as_ref()),
            digest: medium.verified.as_ref().and_then(usual_digest),
            files: files(&commands),
            commands,
            medium,
        }
    }
}

/// Files that go with the lines that name them.
fn files(commands: &[Command]) -> Vec<&'static str> {
    let has = |word: &str| commands.iter().any(|command| command.purpose.contains(word));
    let of_purpose = [("iPXE", "ipxe"), ("dnf", "repo"), ("zypper", "repo"), ("apt", "sources")];
    of_purpose.into_iter().filter(|(word, _)| has(word)).map(|(_, ending)| ending).collect()
}

fn title(system: &System) -> String {
    let parts = [Some(system.name.as_str()), system.version.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// What the title does not say already.
fn variant(system: &System) -> Option<String> {
    let title = title(system).to_lowercase();
    let parts = [system.edition.as_deref(), system.codename.as_deref()];
    let new: Vec<_> =
        parts.into_iter().flatten().filter(|part| !title.contains(&part.to_lowercase())).collect();
    (!new.is_empty()).then(|| new.join(" · "))
}
