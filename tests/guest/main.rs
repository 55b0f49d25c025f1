//! Tests in a virtual machine: a real kernel, udev, systemd and drives.
//!
//! A boot costs half a minute and more, so a test boots once and checks many things in order.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helper functions too")]

mod discs;
mod drives_and_discs;
mod hot_attach;
