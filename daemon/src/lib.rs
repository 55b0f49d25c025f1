//! isomirror: every effect around the decisions of `isomirror-core`.
//!
//! Sources tell which media there are, the reconciler makes the web root look like it, the server hands the trees
//! out. ARCHITECTURE.md has the figure and the table of who may import whom.

pub mod backend;
pub mod environment;
pub mod instance;
pub mod logging;
pub mod open_medium;
pub mod serve;
pub mod settings;
pub mod sources;
pub mod sys;
