//! `/_/NAME.ipxe`: the ways to boot one medium.

use super::{
    BootViews,
    entry::{Context, Unoffered, commands},
    machine::{condition, find_out_machine},
    script::Script,
    title,
    word::{Shown, Words},
};
use crate::{boot::BootEntry, generated::Generated, state::MediumState};

/// Entries of one medium; more fit no screen.
const MOST_ENTRIES: usize = 64;

/// An entry that can be offered.
#[derive(Clone, Debug)]
pub(super) struct Offer<'a> {
    pub(super) entry: &'a BootEntry,
    lines: Vec<String>,
}

/// What can be offered of a medium, and why not more.
#[derive(Clone, Debug, Default)]
pub(super) struct Offers<'a> {
    pub(super) offers: Vec<Offer<'a>>,
    /// What is in the way, for people.
    pub(super) obstacles: Vec<String>,
}

/// The script; `None` where no such medium can be fetched.
#[must_use]
pub fn medium_script(views: &BootViews<'_>, name: &str) -> Option<String> {
    let mut media = views.media();
    let (medium, generated) = media.find(|(medium, _)| medium.name.as_str() == name)?;
    Some(script_of(views, medium, generated))
}

/// The script of a medium that can be fetched.
pub(in crate::view) fn script_of(
    views: &BootViews<'_>,
    medium: &MediumState,
    generated: &Generated,
) -> String {
    let found = Offers::of(views, medium, generated);
    let menu = views.mirror_url();
    let mut script = Script::begin(views.mirror.is_some(), 1);
    find_out_machine(&mut script);
    script.line(":menu");
    script.line(format_args!("menu -- {}", Shown(&title::whole(medium))));
    for obstacle in &found.obstacles {
        script.line(format_args!("item --gap -- {}", Shown(obstacle)));
    }
    for (index, offer) in found.offers.iter().enumerate() {
        item(&mut script, index, offer, found.offers.as_slice());
    }
    script.line("item --gap --");
    script.line("item back Back to all media");
    script.choose("", views.timeout(), "back");
    for (index, offer) in found.offers.iter().enumerate() {
        script.line(format_args!(":entry{index}"));
        script.line("imgfree");
        offer.lines.iter().for_each(|line| script.line(line));
    }
    script.failed();
    script.line(":back");
    let menu = Words::one(&format!("{}/boot.ipxe", menu.as_str())).unwrap_or_default();
    script.line(format_args!("chain --replace --autofree {menu} ||"));
    script.line("exit");
    script.end()
}

fn item(script: &mut Script, index: usize, offer: &Offer<'_>, all: &[Offer<'_>]) {
    let BootEntry { mode, arch, firmware, .. } = offer.entry;
    let Some((before, after)) = condition(arch.as_deref(), *firmware) else { return };
    let title = title::of_mode(*mode);
    let is_alone = all.iter().all(|other| other.entry.arch == *arch);
    match arch.as_deref().filter(|_| !is_alone) {
        Some(arch) => {
            script.line(format_args!("{before}item entry{index} {title} ({}){after}", Shown(arch)));
        }
        None => script.line(format_args!("{before}item entry{index} {title}{after}")),
    }
}

impl<'a> Offers<'a> {
    /// What can be offered of `medium` under the operator's settings.
    pub(super) fn of(
        views: &BootViews<'_>,
        medium: &'a MediumState,
        generated: &Generated,
    ) -> Self {
        let (mirror, values) = (views.mirror_url(), views.values(medium, generated));
        let tree = mirror.tree(&medium.name);
        let wimboot = views.settings.wimboot.as_ref();
        let context = Context { mirror: &mirror, tree: &tree, values: &values, wimboot };
        let mut found = Self::default();
        found.obstacles.extend(medium.detection.obstacle.clone());
        for entry in medium.detection.boot.iter().take(MOST_ENTRIES) {
            let reason = match commands(entry, context) {
                Ok(_) if condition(entry.arch.as_deref(), entry.firmware).is_none() => {
                    "There is no iPXE for its architecture"
                }
                Ok(lines) => {
                    found.offers.push(Offer { entry, lines });
                    continue;
                }
                Err(Unoffered::NoAnswers) => continue,
                Err(Unoffered::NoWimboot) => "Windows needs wimboot: set boot.wimboot",
                Err(Unoffered::Unquotable) => "iPXE cannot pass on its command line",
            };
            if !found.obstacles.iter().any(|obstacle| obstacle == reason) {
                found.obstacles.push(reason.to_owned());
            }
        }
        if found.offers.is_empty() && found.obstacles.is_empty() {
            found.obstacles.push("Nothing on it is known to boot".to_owned());
        }
        found
    }
}
