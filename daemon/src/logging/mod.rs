//! Where log lines go: to the journal with their fields where the service manager connected us to it, else to
//! standard error. What is logged, and at which level, is for those who log.

mod chain;
mod journal;
pub mod message_id;
mod start;

pub use chain::Chain;
pub use start::{start, stderr_is_the_journal};
