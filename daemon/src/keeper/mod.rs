//! Keeps what is wanted of the catalog in the store: newest, verified, and never worse than what is there.
//!
//! Each wanted entry has a task (`entry_task`) that looks at it again and again. A look (`attempt`) resolves the entry by
//! documents that all entries share (`documents`), authenticates the release, waits for its turn (`turns`), fetches,
//! verifies what only the whole image can show, publishes, and takes older images away once the new one is served. What
//! is wrong is a [`Setback`]: a status with a remedy, which leaves what is there alone. `scrub` reads images at rest.
//!
//! Decisions are those of the core: `catalog::resolve`, `catalog::authenticate`, `transfer::{schedule, turns}`. Bytes of
//! images are for `fetch` to get.

mod attempt;
mod authentic;
mod board;
mod clock;
mod context;
mod documents;
mod entry_task;
mod gates;
mod metalink;
mod nearer;
mod once;
mod pass_on;
mod preview;
mod resolved;
mod retire;
mod role;
mod room;
mod scrub;
mod setback;
mod tasks;
mod turns;
mod web;

pub use board::Downloads;
pub(crate) use clock::now;
pub use once::fetch_once;
pub use preview::{Preview, preview};
pub use role::{Inputs, Keeper, KeeperError, Request, Settings};
pub use setback::Setback;
