//! The decisions of a transfer: what an answer means, which bytes are asked for next and of whom, when to wait and for
//! how long, and what may be kept.
//!
//! Nothing here opens a connection or a file: answers come in as values, the moment and the chance as parameters.

pub mod answer;
pub mod beginning;
pub mod checkpoint;
pub mod clock;
pub mod connections;
pub mod content_range;
pub mod entry;
pub mod extents;
pub mod metalink;
pub mod mirrors;
pub mod mismatches;
pub mod pace;
pub mod peer_index;
pub mod pieces;
pub mod retention;
pub mod samples;
pub mod schedule;
pub mod segments;
pub mod space;
pub mod turns;
pub mod validator;
pub mod waiting;
