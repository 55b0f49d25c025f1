//! Tests against real things on this machine: images, mounts, servers.

mod corrupt_iso9660;
mod reader_iso9660;
