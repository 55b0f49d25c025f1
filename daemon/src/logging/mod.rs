//! Where log lines go: to the journal with their fields where the service manager connected us to it, else to
//! standard error. What is logged, and at which level, is for those who log.

mod chain;
mod journal;
mod start;

pub use chain::Chain;
pub use start::start;
