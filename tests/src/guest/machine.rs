//! One guest, from its boot to its end.

use std::{
    io,
    os::unix::net::UnixListener,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    Monitor, Output, PayloadFile,
    agent::Agent,
    hypervisor::{self, Hypervisor},
    line_stream::LineStream,
    payload,
    system::System,
};
use crate::scratch;

/// Emulated on two busy cores a boot took 20 to 60 s; this is when to give up.
const BOOT_TIMEOUT: Duration = Duration::from_mins(5);
/// What a command in a guest may take unless told.
const COMMAND_TIMEOUT: Duration = Duration::from_mins(1);

/// What a guest is to have.
#[derive(Clone, Debug)]
pub struct GuestOptions {
    /// Memory in MiB.
    pub memory: u32,
    /// Files to be found below `/payload`. The script `at-boot` is run at the end of the boot.
    pub payload: Vec<PayloadFile>,
    /// Images of discs that are there from the beginning, each in a SCSI drive of its own: `boot0`, `boot1`, ...
    pub discs: Vec<PathBuf>,
}

impl Default for GuestOptions {
    fn default() -> Self {
        Self { memory: 1024, payload: Vec::new(), discs: Vec::new() }
    }
}

/// A running guest. It ends when this is dropped.
#[derive(Debug)]
pub struct Guest {
    pub(super) monitor: Mutex<Monitor>,
    agent: Mutex<Agent>,
    hypervisor: Mutex<Hypervisor>,
}

impl Guest {
    /// Boots a guest and waits until it runs commands.
    pub fn boot(options: &GuestOptions) -> io::Result<Self> {
        let system = System::obtain()?;
        let directory = scratch::directory()?;
        let disk = directory.path().join(hypervisor::PAYLOAD);
        payload::make(&options.payload, &directory.path().join("payload"), &disk)?;
        let monitor = LineStream::listen(&directory.path().join(hypervisor::MONITOR))?;
        let agent = LineStream::listen(&directory.path().join(hypervisor::AGENT))?;
        let mut hypervisor = Hypervisor::start(&system, options, directory)?;
        Self::connect(&mut hypervisor, &monitor, &agent)
            .map_err(|error| hypervisor.explained(&error))
            .map(|(monitor, agent)| Self {
                monitor: Mutex::new(monitor),
                agent: Mutex::new(agent),
                hypervisor: Mutex::new(hypervisor),
            })
    }

    fn connect(
        hypervisor: &mut Hypervisor,
        monitor: &UnixListener,
        agent: &UnixListener,
    ) -> io::Result<(Monitor, Agent)> {
        let deadline = Instant::now() + BOOT_TIMEOUT;
        let stream = LineStream::accept(monitor, deadline, || hypervisor.alive())?;
        let monitor = Monitor::negotiate(stream).map_err(io::Error::other)?;
        let stream = LineStream::accept(agent, deadline, || hypervisor.alive())?;
        Ok((monitor, Agent::greet(stream, deadline, || hypervisor.alive())?))
    }

    /// Runs `script` by bash as root, for at most a minute.
    pub fn run(&self, script: &str) -> io::Result<Output> {
        self.run_for(script, COMMAND_TIMEOUT)
    }

    /// Runs `script` by bash as root, for at most `timeout`.
    pub fn run_for(&self, script: &str, timeout: Duration) -> io::Result<Output> {
        lock(&self.agent).run(script, timeout)
    }

    /// Runs `script`, which has to succeed, and returns what it printed.
    pub fn check(&self, script: &str) -> io::Result<String> {
        let output = self.run(script)?;
        if output.success() { Ok(output.stdout) } else { Err(failure(script, &output)) }
    }

    /// Runs `script` again and again until it succeeds, and returns what it printed then.
    pub fn wait_until(&self, script: &str, timeout: Duration) -> io::Result<String> {
        let deadline = Instant::now() + timeout;
        loop {
            let output = self.run(script)?;
            if output.success() {
                return Ok(output.stdout);
            }
            if Instant::now() >= deadline {
                return Err(failure(&format!("{script}` for {timeout:?} `"), &output));
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// The console's log up to now.
    #[must_use]
    pub fn console(&self) -> String {
        lock(&self.hypervisor).console()
    }

    /// Prints the end of the console's log and of the journal.
    #[expect(clippy::print_stderr, reason = "the test runner shows it with the failure")]
    pub fn show_what_happened(&self) {
        let console = self.console();
        let tail = console.lines().count().saturating_sub(60);
        eprintln!("--- the guest's console, last lines ---");
        console.lines().skip(tail).for_each(|line| eprintln!("{line}"));
        let script = "journalctl --boot --no-pager --lines=120 --output=short-monotonic";
        if let Ok(journal) = self.run_for(script, Duration::from_secs(20)) {
            eprintln!("--- the guest's journal, last lines ---\n{}", journal.stdout);
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // It writes nothing that is kept, so that it need not shut down.
        let _ = lock(&self.monitor).execute("quit", &json!({}));
        lock(&self.hypervisor).wait_for_end(Duration::from_secs(5));
    }
}

fn failure(script: &str, output: &Output) -> io::Error {
    let Output { status, stdout, stderr } = output;
    io::Error::other(format!("in the guest `{script}` ended with {status}:\n{stdout}{stderr}"))
}

/// A failed check elsewhere must not keep the guest from being ended.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
