//! Drives in a guest, on the clock of its kernel: how soon a disc is published and how soon it is gone, beyond what the
//! kernel and udev need to tell of it, and what becomes of fifty at once.

mod arrival;
mod crowd;
mod departure;
mod events;
mod site;

use std::io;

use self::site::Site;
use super::{Figure, Samples};

/// All figures of this kind, from one boot.
pub fn figures(samples: &Samples) -> io::Result<Vec<Figure>> {
    let site = Site::boot(samples)?;
    let sections = [crowd::figures, arrival::figures, departure::figures];
    let figures: io::Result<Vec<_>> = sections.iter().map(|section| section(&site)).collect();
    if figures.is_err() {
        site.guest.show_what_happened();
    }
    Ok(figures?.into_iter().flatten().collect())
}

/// The middle of `values`, the upper one of two; 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
