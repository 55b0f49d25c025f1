//! Tests against real things on this machine: images, mounts, servers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helper functions too")]

mod fuzz_replay;
mod layout;
mod reader_iso9660;
mod source_directory;
