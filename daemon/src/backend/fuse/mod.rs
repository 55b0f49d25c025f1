//! A FUSE server of ours in this process, for kernels and containers that have nothing better.

mod contents;
mod filesystem;
mod mount;
mod served;
mod session;

pub(super) use mount::mount;
pub use session::FuseSession;
