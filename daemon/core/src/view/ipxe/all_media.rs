//! `/boot.ipxe`: the menu of all media.

use super::{
    BootViews,
    machine::{condition, find_out_machine},
    one_medium::Offers,
    script::Script,
    title,
    word::{Shown, Words},
};
use crate::{boot::Firmware, state::MediumState};

/// A medium in the menu.
struct Line<'a> {
    medium: &'a MediumState,
    offers: Offers<'a>,
}

/// The script.
#[must_use]
pub fn boot_menu(views: &BootViews<'_>) -> String {
    let mut lines: Vec<Line<'_>> = views
        .media()
        .map(|(medium, generated)| Line { medium, offers: Offers::of(views, medium, generated) })
        .collect();
    lines.sort_by(|a, b| title::order(a.medium, b.medium));
    let mut script = Script::begin(views.mirror.is_some(), 0);
    find_out_machine(&mut script);
    script.line(":menu");
    script.line("menu isomirror");
    let mut heading = None;
    for (index, line) in lines.iter().enumerate() {
        let own = title::heading(line.medium);
        if heading.replace(own) != Some(own) {
            script.line(format_args!("item --gap -- {}", Shown(own)));
        }
        item(&mut script, index, line);
    }
    if lines.is_empty() {
        script.line("item --gap -- There are no media yet");
    }
    script.line("item --gap --");
    script.line("item local Boot from the local disk");
    script.line("item shell iPXE shell");
    preselect(&mut script, views, &lines);
    script.choose("--default ${isodefault} ", views.timeout(), "leave");
    for (index, line) in lines.iter().enumerate() {
        let url = views.mirror_url().script(&line.medium.name);
        let url = Words::one(&url).unwrap_or_default();
        script.line(format_args!(":medium{index}"));
        script.line(format_args!("chain --replace --autofree {url} || goto failed"));
    }
    script.failed();
    for line in [
        ":shell",
        "echo Type exit to come back to the menu.",
        "shell ||",
        "goto menu",
        ":local",
        "iseq ${platform} pcbios && sanboot --no-describe --drive 0x80 ||",
        ":leave",
        "exit",
    ] {
        script.line(line);
    }
    script.end()
}

fn item(script: &mut Script, index: usize, line: &Line<'_>) {
    let title = title::in_group(line.medium);
    if let Some((before, after)) = line.condition() {
        script.line(format_args!("{before}item medium{index} {}{after}", Shown(&title)));
    } else {
        let reason = line.offers.obstacles.first().map(String::as_str).unwrap_or_default();
        script.line(format_args!("item --gap -- {}: {}", Shown(&title), Shown(reason)));
    }
}

/// Writes what is booted when nobody chooses: the medium of the configuration, where this machine can use it, or the
/// machine's own disk. An item that is not in the menu would make iPXE take the first one.
fn preselect(script: &mut Script, views: &BootViews<'_>, lines: &[Line<'_>]) {
    script.line("set isodefault local");
    let is_default = |line: &Line<'_>| Some(&line.medium.name) == views.settings.default.as_ref();
    if let Some(index) = lines.iter().position(is_default)
        && let Some((before, after)) = lines[index].condition()
    {
        script.line(format_args!("{before}set isodefault medium{index}{after}"));
    }
}

impl Line<'_> {
    /// The condition under which a machine can use any of its entries; `None` if there is none.
    fn condition(&self) -> Option<(String, &'static str)> {
        let entries = || self.offers.offers.iter().map(|offer| offer.entry);
        let first = entries().next()?;
        let is_same_arch = entries().all(|entry| entry.arch == first.arch);
        let is_same_firmware = entries().all(|entry| entry.firmware == first.firmware);
        let firmware = if is_same_firmware { first.firmware } else { Firmware::Any };
        condition(first.arch.as_deref().filter(|_| is_same_arch), firmware)
    }
}

impl BootViews<'_> {
    /// How long menus wait, in milliseconds.
    pub(super) fn timeout(&self) -> Option<u128> {
        self.settings.timeout.map(|timeout| timeout.duration().as_millis())
    }
}
