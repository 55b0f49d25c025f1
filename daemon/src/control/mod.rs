//! The control socket: how requests come in and answers go out, on both of its ends. What a request means is decided
//! by whoever runs the server; the language is `control` of the core.
//!
//! Nothing here may wait for long or without bound: the udev hook, and with it a hypervisor's eject, waits behind it.

mod ask;
mod peer;
mod server;
mod socket;

pub use ask::{AskError, ask};
pub use server::serve;
pub use socket::{ListenError, Socket};
