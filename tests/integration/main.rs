//! Tests against real things on this machine: images, mounts, servers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helper functions too")]

mod http_clients;
mod http_drives;
mod http_fixture;
mod http_limits;
mod http_publishing;
mod http_requests;
mod http_trees;
mod layout;
mod reader_iso9660;
