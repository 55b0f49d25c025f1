//! The long run: discs whose every block tells whose it is, and what a guest says of everything that it is shown.
//!
//! Tests of the target `soak` play a random but repeatable sequence of steps in a guest. What they share with the
//! program `soak_guest`, which runs in there, is here.

mod disc;
mod gap;
mod readers;
mod sight;

pub use disc::{BLOCK, BLOCKS, Disc, Template, whose};
pub use gap::Gap;
pub use readers::{Counts, Violation, read_for_ever};
pub use sight::{NameSight, Sight, look};
