//! A drive is plugged in with a disc in it.

use std::io;

use super::{median, site::Site};
use crate::bench::{Figure, Target};

const ROUNDS: usize = 5;

pub(super) fn figures(site: &Site) -> io::Result<Vec<Figure>> {
    let (mut ours, mut udevs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (our, udev) = arrival(site)?;
        ours.push(our);
        udevs.push(udev);
    }
    Ok(vec![Figure {
        name: "drive plugged in: udev's labelled event until right below the web root, over HTTP and in the state \
               document, against plugging in until that event"
            .to_owned(),
        unit: "s",
        ours: median(ours),
        peer: Some(median(udevs)),
        target: Target::RatioAtMost(0.3),
    }])
}

/// Seconds that we took beyond udev's labelled event, which may be negative, and that udev took.
fn arrival(site: &Site) -> io::Result<(f64, f64)> {
    let name = "ARRIVING-001";
    let disc = site.disc(name)?;
    site.record()?;
    site.watch("right", &[name.to_owned()], "")?;
    site.guest.attach_drive("arrival", Some(&disc)).map_err(io::Error::other)?;
    let right = site.seen()?.only()?;
    let events = site.events()?;
    let plugged = events.iter().find(|event| event.is_kernels).map(|event| event.at);
    let labelled = events.iter().find(|event| !event.is_kernels && event.has("ID_FS_LABEL"));
    let (Some(plugged), Some(labelled)) = (plugged, labelled.map(|event| event.at)) else {
        return Err(io::Error::other(format!("events are missing: {events:#?}")));
    };
    site.guest.unplug("arrival").map_err(io::Error::other)?;
    site.wait_for_nothing()?;
    Ok((right - labelled, labelled - plugged))
}
