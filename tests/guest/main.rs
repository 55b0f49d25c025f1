//! Tests in a virtual machine: a real kernel, udev, systemd and drives, and the daemon as it is installed.
//!
//! A boot costs half a minute and more, so all tests share one guest. Each finds it clean and leaves it clean; after
//! one that failed the guest is cleaned by force, or booted anew where that does not help.

#![allow(clippy::print_stdout, reason = "how long each test took stands beside its outcome")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helper functions too")]

mod attach;
mod autofs;
mod boot;
mod cycles;
mod departure;
mod discs;
mod guides;
mod interference;
mod machine;
mod names;
mod packages;
mod roles;
mod row;
mod service;
mod sight;
mod station;
mod trouble;
mod usage;
mod watch;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // There is one guest.
    arguments.test_threads = Some(1);
    // The first two have guests of their own.
    let rows = [
        boot::rows(),
        packages::rows(),
        machine::rows(),
        service::rows(),
        roles::rows(),
        attach::rows(),
        departure::rows(),
        names::rows(),
        interference::rows(),
        trouble::rows(),
        autofs::rows(),
        guides::rows(),
        cycles::rows(),
    ];
    let bench = row::Bench::default();
    let trials = rows.into_iter().flatten().map(|row| bench.trial(row)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
