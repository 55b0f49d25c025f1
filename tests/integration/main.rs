//! Tests against real things on this machine: images, mounts, servers.

mod reader_iso9660;
