//! Tests against real things on this machine: images, mounts, servers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helper functions too")]

mod corrupt_iso9660;
mod corrupt_udf;
mod labels;
mod reader_iso9660;
mod reader_udf;
mod reader_udf_volumes;
