//! The composition of the daemon: which tasks there are, what each is given, and in which order they end. The only
//! place besides the command line that sees all parts.

mod beside;
mod commands;
mod defer_mark;
mod fetching;
mod mounting;
mod releases;
mod run;
mod serving;
mod signals;
mod supervisor;
mod translate;
mod tray;

pub use run::{RunError, run};
pub(crate) use translate::reconcile_settings;
