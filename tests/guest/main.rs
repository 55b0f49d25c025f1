//! Tests in a virtual machine: a real kernel, udev, systemd and drives, and the daemon as it is installed.
//!
//! A boot costs half a minute and more, so tests share two guests, each of which has one of them at a time. Each finds it
//! clean and leaves it clean; after one that failed the guest is cleaned by force, or booted anew where that does not help.

#![allow(clippy::print_stdout, reason = "it is told how long each test took")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helper functions too")]

mod attach;
mod autofs;
mod boot;
mod cycles;
mod departure;
mod discs;
mod doctor;
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
    arguments.test_threads = Some(row::GUESTS);
    // What takes longest comes first, so that none is left alone in the end.
    let rows = [
        cycles::rows(),
        boot::rows(),
        packages::rows(),
        guides::rows(),
        machine::rows(),
        service::rows(),
        roles::rows(),
        attach::rows(),
        departure::rows(),
        names::rows(),
        interference::rows(),
        trouble::rows(),
        doctor::rows(),
        autofs::rows(),
    ];
    let bench = row::Bench::default();
    let trials = rows.into_iter().flatten().map(|row| bench.trial(row)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
