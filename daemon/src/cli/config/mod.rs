//! `isomirror config`: checking and showing the configuration.

mod check;
mod show;
mod surprises;

pub(super) use check::check;
pub(super) use show::show;
