//! The long run: whatever can happen to a mirror happens in a random order, and after every step all of it is right.
//!
//! `ISOMIRROR_SOAK_SECONDS` is how long steps are taken, 60 unless told; the boot, rests and the end come on top; `ISOMIRROR_SOAK_SEED` repeats the steps of another run.

#![allow(clippy::print_stdout, reason = "how it goes is told while it runs")]
#![allow(clippy::print_stderr, reason = "what happened is told when it fails")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helper functions too")]

mod finale;
mod holdings;
mod model;
mod releases;
mod run;
mod step;
mod world;

use std::{
    env,
    process::ExitCode,
    time::{Duration, SystemTime},
};

use libtest_mimic::{Arguments, Trial};

const SECONDS: u64 = 60;

fn main() -> ExitCode {
    let number = |variable: &str| env::var(variable).ok()?.parse::<u64>().ok();
    let seconds = number("ISOMIRROR_SOAK_SECONDS").unwrap_or(SECONDS);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seed = number("ISOMIRROR_SOAK_SEED").unwrap_or(now.as_secs());
    let trial = Trial::test("service_stays_right_and_grows_by_nothing", move || {
        println!("ISOMIRROR_SOAK_SEED={seed} ISOMIRROR_SOAK_SECONDS={seconds}");
        run::run(seed, Duration::from_secs(seconds));
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}
