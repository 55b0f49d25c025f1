//! A disc is ejected.

use std::io;

use super::{
    events::Event,
    median,
    site::{PATIENCE, Site},
};
use crate::bench::{Figure, Target};

const ROUNDS: usize = 3;
const DRIVE: &str = "departure";
const NAME: &str = "DEPARTING-01";

/// What is done with the disc meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Usage {
    Idle,
    /// A process has a file open, and a client downloads another one.
    Busy,
}

/// How it is ejected.
#[derive(Clone, Copy)]
enum Way {
    Hypervisor,
    Guest,
    Unplug,
}

impl Way {
    /// Whether the kernel tells of it by this event.
    fn is_told_by(self, event: &Event) -> bool {
        event.is_kernels
            && match self {
                Self::Hypervisor => event.has("DISK_EJECT_REQUEST"),
                Self::Guest => event.has("DISK_MEDIA_CHANGE"),
                Self::Unplug => {
                    let is =
                        |key: &str, value| event.properties.get(key).is_some_and(|v| v == value);
                    is("ACTION", "remove") && is("SUBSYSTEM", "block")
                }
            }
    }

    fn happen(self, site: &Site) -> io::Result<()> {
        match self {
            // Refused, as the tray is locked, and passed on to the guest.
            Self::Hypervisor => drop(site.guest.eject(DRIVE)),
            Self::Guest => {
                drop(site.guest.check("eject $(readlink -f /dev/disk/by-id/scsi-*departure)")?);
            }
            Self::Unplug => site.guest.unplug(DRIVE).map_err(io::Error::other)?,
        }
        Ok(())
    }
}

pub(super) fn figures(site: &Site) -> io::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (usage, limit) in [(Usage::Idle, 1.0), (Usage::Busy, 3.0)] {
        for (way, phrase) in [
            (Way::Hypervisor, "eject by the hypervisor: the kernel's event of the request"),
            (Way::Guest, "`eject` in the guest: the kernel's event of the change"),
            (Way::Unplug, "drive unplugged: the kernel's event of that"),
        ] {
            let busy = match usage {
                Usage::Idle => "idle",
                Usage::Busy => "with an open file and a download",
            };
            let seconds: io::Result<Vec<_>> =
                (0..ROUNDS).map(|_| departure(site, way, usage)).collect();
            figures.push(Figure {
                name: format!("{phrase} until nothing is left, {busy}"),
                unit: "s",
                ours: median(seconds?),
                peer: None,
                target: Target::AtMost(limit),
            });
        }
    }
    Ok(figures)
}

fn departure(site: &Site, way: Way, usage: Usage) -> io::Result<f64> {
    let names = [NAME.to_owned()];
    site.guest.attach_drive(DRIVE, Some(&site.disc(NAME)?)).map_err(io::Error::other)?;
    site.watch("right", &names, "")?;
    site.seen()?.only()?;
    site.guest.check("udevadm settle")?;
    if usage == Usage::Busy {
        begin_use(site)?;
    }
    site.record()?;
    site.watch("gone", &names, "")?;
    way.happen(site)?;
    let gone = site.seen()?.only()?;
    let events = site.events()?;
    let told = events.iter().find(|event| way.is_told_by(event)).map(|event| event.at);
    let told = told.ok_or_else(|| io::Error::other(format!("no event: {events:#?}")))?;
    site.guest.check("systemctl stop 'reader-*' 2>/dev/null || true")?;
    if !matches!(way, Way::Unplug) {
        site.guest.unplug(DRIVE).map_err(io::Error::other)?;
    }
    site.wait_for_nothing()?;
    Ok(gone - told)
}

fn begin_use(site: &Site) -> io::Result<()> {
    site.guest.check(&format!(
        "rm -f /var/tmp/test/open /var/tmp/test/download
         systemd-run --quiet --collect --unit reader-file \
             bash -c 'exec 5</srv/isomirror/{NAME}/large; touch /var/tmp/test/open; sleep infinity'
         systemd-run --quiet --collect --unit reader-download curl --silent --limit-rate 2M \
             --output /var/tmp/test/download http://127.0.0.1:8080/{NAME}/large"
    ))?;
    let running =
        "test -e /var/tmp/test/open && test $(stat -c %s /var/tmp/test/download) -gt 1000000";
    site.guest.wait_until(running, PATIENCE).map(drop)
}
