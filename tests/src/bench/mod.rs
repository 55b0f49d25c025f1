//! Measurements against peers: what people would use instead, on the same machine, with the same content.
//!
//! Ours and the peer's runs are interleaved, so that a noisy machine disturbs both; what is told are medians. Nothing
//! here is part of the tests: a figure that misses its target is shown as such and fails nothing.

pub mod discs;
pub mod drives;
pub mod fetch;
pub mod figure;
pub mod idle;
pub mod many_images;
mod nginx;
pub mod peers;
pub mod samples;
pub mod serve;
pub mod trees;
pub mod witness;

pub use figure::{Figure, Target};
pub use samples::Samples;

use std::{fs, io};

use crate::tool;

/// One line on the machine, without which no figure means anything: processor, cores, memory, kernel.
pub fn machine() -> io::Result<String> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let model =
        processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = processors.lines().filter(|line| line.starts_with("processor")).count();
    let memory = fs::read_to_string("/proc/meminfo")?;
    let kibibytes = memory.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok());
    let kernel = tool::run("uname", |command| command.args(["-s", "-r", "-m"]))?;
    Ok(format!(
        "{}, {cores} cores, {} GiB, {}",
        model.map_or("unknown processor", |(_, model)| model),
        kibibytes.unwrap_or_default() >> 20,
        kernel.trim()
    ))
}
