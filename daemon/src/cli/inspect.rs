//! `isomirror inspect`: what an image says of itself.

use std::{fmt::Write as _, path::Path};

use super::{
    CommandError,
    detected::{Detected, boot_line, repository_line, system_line},
    escape::Escaped,
    inspection::{Boot, Count, Inspection},
    output::Output,
    tree_path::OpenImage,
};

pub(super) fn run(path: &Path, json: bool, counting: bool, why: bool) -> Result<(), CommandError> {
    let open = OpenImage::open(path)?;
    let detected = Detected::of(&open.image, why);
    let inspection = Inspection::of(path, &open.image, detected, counting);
    let mut output = Output::new();
    if json {
        output.json(&inspection)?;
    } else {
        output.write(text(&inspection).as_bytes())?;
    }
    output.finish()
}

/// The inspection for people: one line a fact, facts that are not there left out.
fn text(inspection: &Inspection) -> String {
    let mut text = String::new();
    let mut fact = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let _ = writeln!(text, "{name:<13} {}", Escaped(value.as_bytes()));
        }
    };
    fact("Label", Some(inspection.label.as_deref().unwrap_or("(none)")));
    fact("UUID", inspection.uuid.as_deref());
    fact("Formats", Some(&inspection.formats.join(", ")));
    fact("Tree shown", Some(inspection.tree));
    fact("Size", Some(&bytes(inspection.real_size)));
    if inspection.claimed_size != inspection.real_size {
        fact("Claimed size", Some(&bytes(inspection.claimed_size)));
    }
    fact("System", inspection.system.as_deref());
    fact("Volume set", inspection.volume_set.as_deref());
    fact("Publisher", inspection.publisher.as_deref());
    fact("Preparer", inspection.preparer.as_deref());
    fact("Application", inspection.application.as_deref());
    fact("Created", inspection.created.as_deref());
    fact("Modified", inspection.modified.as_deref());
    for line in inspection.boot.iter().flat_map(boot_lines) {
        fact("Boot", Some(&line));
    }
    for line in inspection.count.iter().flat_map(count_lines) {
        fact("Contents", Some(&line));
    }
    for line in detection_lines(inspection) {
        fact(line.0, Some(&line.1));
    }
    for problem in &inspection.problems {
        fact("Problem", Some(problem));
    }
    text
}

fn detection_lines(inspection: &Inspection) -> Vec<(&'static str, String)> {
    let detection = &inspection.detection;
    let mut lines = vec![("Detected", system_line(detection.system.as_ref()))];
    lines.extend(detection.boot.iter().map(|entry| ("Boots by", boot_line(entry))));
    lines.extend(detection.obstacle.iter().map(|text| ("Obstacle", text.clone())));
    lines.extend(detection.repositories.iter().map(|one| ("Repository", repository_line(one))));
    if let Some(why) = &inspection.why {
        lines.extend(why.problems.iter().map(|problem| ("Signatures", problem.clone())));
        lines.extend(why.signatures.iter().map(|tried| ("Why", tried.line())));
    }
    lines
}

fn boot_lines(boot: &Boot) -> Vec<String> {
    let line = |entry: &super::inspection::BootImage| {
        let bootable = if entry.bootable { "" } else { ", not bootable" };
        format!(
            "{} at byte {}, {} sectors, emulation {}{bootable}",
            entry.platform, entry.offset, entry.sectors, entry.emulation
        )
    };
    let id = boot.id.iter().map(|id| format!("catalogue by {id}"));
    id.chain(boot.entries.iter().map(line)).collect()
}

fn count_lines(count: &Count) -> Vec<String> {
    let at_least = if count.complete { "" } else { "at least " };
    let mut lines = vec![format!(
        "{at_least}{} files ({}), {} directories, {} symbolic links, {} others",
        count.files,
        bytes(count.bytes),
        count.directories,
        count.symlinks,
        count.others
    )];
    if count.escaping_symlinks > 0 {
        lines.push(format!("{} symbolic links lead out of the image", count.escaping_symlinks));
    }
    if count.damaged > 0 {
        lines.push(format!("{} entries cannot be read", count.damaged));
    }
    lines
}

/// A number of bytes, exact and, where that is long, as people say it.
pub(super) fn bytes(number: u64) -> String {
    if number < 10_000 {
        return format!("{number} bytes");
    }
    format!("{number} bytes, {}", short_bytes(number))
}

/// A number of bytes to two or three digits.
pub(super) fn short_bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let mut unit = 0;
    let mut tenths = u128::from(number) * 10 / 1024;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    let unit = UNITS[unit];
    if tenths < 100 {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    } else {
        format!("{} {unit}", tenths / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_as_people_say_them() {
        for (number, said) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (10 << 10, "10 KiB"),
            (1_500_000, "1.4 MiB"),
            (1 << 30, "1.0 GiB"),
            (u64::MAX, "15 EiB"),
        ] {
            assert_eq!(short_bytes(number), said);
        }
        assert_eq!(bytes(2048), "2048 bytes");
        assert_eq!(bytes(1 << 20), "1048576 bytes, 1.0 MiB");
    }
}
