//! Virtual machines with a real kernel, udev, systemd and drives, driven from outside.
//!
//! [`Guest::boot`] starts one from an image that is made once and kept (see [`system`]). Drives come and go over
//! the hypervisor's monitor as they would on a mirror host; commands run inside by a tiny agent on a serial port.
//! A guest has no network and never writes to its image. Nothing here ends a process that it did not start.

mod agent;
mod drives;
mod hypervisor;
pub mod installed;
mod line_stream;
mod machine;
mod monitor;
mod payload;
mod recipe;
pub mod system;

pub use agent::Output;
pub use drives::{Fault, Tray};
pub use hypervisor::SATA_DRIVE;
pub use machine::{Guest, GuestOptions};
pub use monitor::{Monitor, MonitorError};
pub use payload::PayloadFile;
