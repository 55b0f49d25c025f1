//! Tests against real things on this machine: images, mounts, servers.

mod source_directory;
mod source_drives;
