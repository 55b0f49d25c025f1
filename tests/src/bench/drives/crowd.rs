//! Forty-six files and four discs change at the same moment: each is timed from when the kernel knows of its change, the
//! renaming of the files or another DISKSEQ.

use std::io;

use super::{
    median,
    site::{FILES, PATIENCE, Sighted, Site, file_label},
};
use crate::bench::{Figure, Target};

const ROUNDS: usize = 3;
const DRIVES: usize = 4;
const IMAGES: &str = "/var/lib/isomirror/images";
/// On the same file system as [`IMAGES`], so that a file is moved by its name alone.
const ASIDE: &str = "/var/lib/isomirror/aside";

pub(super) fn figures(site: &Site) -> io::Result<Vec<Figure>> {
    site.guest.check(&format!("mkdir -p {ASIDE} && cp /payload/crowd/*.iso {ASIDE}/"))?;
    let ids: Vec<_> = (0..DRIVES).map(|number| format!("crowd{number}")).collect();
    for id in &ids {
        site.guest.attach_drive(id, None).map_err(io::Error::other)?;
    }
    let devices = devices(site)?;
    let (mut coming, mut going) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        coming.push(come(site, &ids, &devices)?);
        going.push(go(site, &ids, &devices)?);
    }
    for id in &ids {
        site.guest.unplug(id).map_err(io::Error::other)?;
    }
    let figure = |name: &str, wanted: &str, spans: &[(f64, f64)]| Figure {
        name: format!(
            "{FILES} files and {DRIVES} discs {name} at once: the last {wanted}, against the first"
        ),
        unit: "s",
        ours: median(spans.iter().map(|span| span.1).collect()),
        peer: Some(median(spans.iter().map(|span| span.0).collect())),
        target: Target::RatioAtMost(3.0),
    };
    Ok(vec![figure("come", "right", &coming), figure("go", "gone", &going)])
}

/// The kernel's names of the drives. It asks them for news every tenth of a second, so that all changes are at once.
fn devices(site: &Site) -> io::Result<Vec<String>> {
    let all = format!("udevadm settle; test $(ls /dev/disk/by-id/scsi-*crowd? | wc -l) = {DRIVES}");
    site.guest.wait_until(&all, PATIENCE)?;
    let script = "for link in /dev/disk/by-id/scsi-*crowd?; do
        device=$(basename $(readlink -f $link)); echo 100 >/sys/block/$device/events_poll_msecs; echo $device
    done";
    Ok(site.guest.check(script)?.lines().map(str::to_owned).collect())
}

fn disc_label(number: usize) -> String {
    format!("CROWD-DISC{number:02}")
}

fn names() -> Vec<String> {
    (0..FILES).map(file_label).chain((0..DRIVES).map(disc_label)).collect()
}

/// Seconds until the first and the last of them is right.
fn come(site: &Site, ids: &[String], devices: &[String]) -> io::Result<(f64, f64)> {
    site.watch("right", &names(), &options(ASIDE, IMAGES, devices))?;
    for (number, id) in ids.iter().enumerate() {
        let disc = site.disc(&disc_label(number))?;
        site.guest.insert(id, &disc, true).map_err(io::Error::other)?;
    }
    span(&site.seen()?, ids, devices)
}

fn go(site: &Site, ids: &[String], devices: &[String]) -> io::Result<(f64, f64)> {
    site.guest.check("udevadm settle")?;
    site.watch("gone", &names(), &options(IMAGES, ASIDE, devices))?;
    // One call for all of them: a program started for each would be the slowest of what is measured.
    let ejects: Vec<_> = devices
        .iter()
        .map(|device| format!("eject -i off /dev/{device}; eject /dev/{device}"))
        .collect();
    site.guest.check(&ejects.join(" & "))?;
    let span = span(&site.seen()?, ids, devices)?;
    for id in ids {
        site.guest.force_eject(id).map_err(io::Error::other)?;
    }
    site.wait_for_nothing()?;
    site.guest.check("udevadm settle")?;
    Ok(span)
}

fn options(from: &str, to: &str, devices: &[String]) -> String {
    let devices: Vec<_> = devices.iter().map(|device| format!("--device {device}")).collect();
    format!("--move {from} {to} {}", devices.join(" "))
}

/// Seconds of the first and the last, each from its own change.
#[expect(clippy::print_stderr, reason = "what a figure is made of is told beside the table")]
fn span(seen: &Sighted, ids: &[String], devices: &[String]) -> io::Result<(f64, f64)> {
    let mut seconds: Vec<(f64, String)> = Vec::new();
    for name in names() {
        let disc = (0..ids.len()).find(|number| disc_label(*number) == name);
        let since = match disc {
            Some(number) => seen.devices.get(&devices[number]),
            None => Some(&seen.start),
        };
        match (since, seen.names.get(&name)) {
            (Some(since), Some(right)) => seconds.push((right - since, name)),
            _ => return Err(io::Error::other(format!("`{name}` not in time: {}", seen.whole))),
        }
    }
    seconds.sort_by(|one, two| one.0.total_cmp(&two.0));
    let told: Vec<_> = seconds.iter().map(|(s, name)| format!("{} {s:.2}", &name[6..])).collect();
    eprintln!("{}", told.join(", "));
    Ok((seconds[0].0, seconds[seconds.len() - 1].0))
}
