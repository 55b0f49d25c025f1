//! Tests against real things on this machine: images, mounts, servers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helper functions too")]

mod source_directory;
mod source_drives;
