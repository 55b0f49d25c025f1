//! System calls that the standard library does not have, and the only place with unsafe code.
//!
//! Each module wraps one interface of the kernel in safe functions. Nothing here decides anything.

pub mod medium_file;
pub mod send_queue;
