//! A running daemon with everything of its own: images, web root, state, port, and what it tells its supervisor.
//!
//! Start it from a thread that lives as long as the test: the daemon is killed when the thread that started it
//! ends, so that no test leaves one behind.

mod notifications;

use std::{
    ffi::OsString,
    fs, io,
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};
use serde_json::Value;
use tempfile::TempDir;

use self::notifications::Notifications;
use crate::{binaries, http, mounts, scratch};

/// How long a start and a stop may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a daemon writes into its web root beside the directories of media.
pub const VIEWS: [&str; 5] = ["CHECKSUM", "_", "boot.ipxe", "index.html", "index.json"];

/// How a daemon is started.
#[derive(Clone, Debug)]
pub struct DaemonOptions {
    /// Its config file. The images, web root and address of the test come as arguments and override it.
    pub config: String,
    /// More arguments.
    pub arguments: Vec<OsString>,
    /// More environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Run as this user and group instead of the test's.
    pub user: Option<u32>,
    /// Whether it publishes its store, where it puts what it fetches, instead of another directory.
    pub publishes_store: bool,
    /// Whether the roles of serving and fetching are processes of their own, as they are when installed.
    pub has_roles_beside: bool,
    /// Whether its config file names the web root instead of its arguments, for a test that changes it.
    pub is_web_root_in_file: bool,
}

impl Default for DaemonOptions {
    /// No drives (the machine's own are not a test's to publish), and images count as complete after 100 ms.
    fn default() -> Self {
        let config = "media:\n  drives: none\n  settle: 100ms\n".to_owned();
        Self {
            config,
            arguments: Vec::new(),
            environment: Vec::new(),
            user: None,
            publishes_store: false,
            has_roles_beside: std::env::var_os("ISOMIRROR_TEST_ROLES_BESIDE").is_some(),
            is_web_root_in_file: false,
        }
    }
}

impl DaemonOptions {
    fn images(&self) -> &'static str {
        if self.publishes_store { "state/images" } else { "images" }
    }
}

/// A role that is a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleBeside {
    /// It serves.
    Serve,
    /// It fetches.
    Fetch,
}

impl RoleBeside {
    const ALL: [Self; 2] = [Self::Serve, Self::Fetch];

    fn as_str(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Fetch => "fetch",
        }
    }
}

/// A process, and what it tells its supervisor.
#[derive(Debug)]
struct Supervised {
    process: Child,
    notifications: Notifications,
}

/// A daemon. Dropped, it is killed, its mounts are detached, and its directory goes.
#[derive(Debug)]
pub struct Daemon {
    options: DaemonOptions,
    main: Supervised,
    beside: Vec<(RoleBeside, Supervised)>,
    port: u16,
    directory: TempDir,
}

impl Daemon {
    /// Starts one with an empty directory of images and waits until it says that it is ready.
    pub fn start(options: DaemonOptions) -> io::Result<Self> {
        Self::start_with(options, |_| Ok(()))
    }

    /// As [`Self::start`], after `prepare` filled the directory of images.
    pub fn start_with(
        options: DaemonOptions,
        prepare: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<Self> {
        let directory = scratch::directory()?;
        for name in ["web", "state", "run", options.images()] {
            let path = directory.path().join(name);
            fs::create_dir(&path)?;
            chown(&path, options.user, options.user)?;
        }
        let mut config = options.config.clone();
        if options.is_web_root_in_file {
            let line = format!("webroot: {}\n", directory.path().join("web").display());
            config.push_str(&line);
        }
        fs::write(directory.path().join("isomirror.yaml"), config)?;
        prepare(&directory.path().join(options.images()))?;
        let port = free_port()?;
        let main = spawn(directory.path(), port, &options, None)?;
        let mut daemon = Self { options, main, beside: Vec::new(), port, directory };
        if daemon.options.has_roles_beside {
            RoleBeside::ALL.into_iter().try_for_each(|role| daemon.start_beside(role))?;
        }
        daemon.wait_until_ready()?;
        Ok(daemon)
    }

    /// Starts it again, after its end, with the same directories, port and options; waits until it is ready.
    ///
    /// # Panics
    /// Where it is still running.
    pub fn start_again(&mut self) -> io::Result<()> {
        assert!(self.main.process.try_wait()?.is_some(), "it is still running");
        self.main = spawn(self.directory.path(), self.port, &self.options, None)?;
        self.wait_until_ready()
    }

    /// Starts a role beside it, without waiting until that is ready.
    pub fn start_beside(&mut self, role: RoleBeside) -> io::Result<()> {
        let started = spawn(self.directory.path(), self.port, &self.options, Some(role))?;
        self.beside.push((role, started));
        Ok(())
    }

    /// Kills a role beside it.
    ///
    /// # Panics
    /// Where there is none.
    pub fn kill9_beside(&mut self, role: RoleBeside) -> io::Result<()> {
        let place = self.beside.iter().position(|(other, _)| *other == role);
        let (_, mut killed) = self.beside.remove(place.expect("the role runs beside it"));
        killed.process.kill()?;
        killed.process.wait().map(drop)
    }

    /// The process id of a role beside it.
    #[must_use]
    pub fn id_beside(&self, role: RoleBeside) -> Option<u32> {
        let found = self.beside.iter().find(|(other, _)| *other == role);
        found.map(|(_, supervised)| supervised.process.id())
    }

    /// What a role beside it logged since its start.
    #[must_use]
    pub fn log_beside(&self, role: RoleBeside) -> String {
        let path = self.directory.path().join(format!("log-{}", role.as_str()));
        fs::read_to_string(path).unwrap_or_default()
    }

    /// The directory whose images it publishes.
    #[must_use]
    pub fn images(&self) -> PathBuf {
        self.directory.path().join(self.options.images())
    }

    /// The directory below which it mounts.
    #[must_use]
    pub fn webroot(&self) -> PathBuf {
        self.directory.path().join("web")
    }

    /// Its state directory.
    #[must_use]
    pub fn state_directory(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// Its runtime directory, with the state document and the control socket.
    #[must_use]
    pub fn runtime_directory(&self) -> PathBuf {
        self.directory.path().join("run")
    }

    /// Its config file, for a test that changes it and sends SIGHUP.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.directory.path().join("isomirror.yaml")
    }

    /// Variables of its environment that its options give it.
    #[must_use]
    pub fn environment(&self) -> Vec<(OsString, OsString)> {
        self.options.environment.clone()
    }

    /// The port on 127.0.0.1 that it serves on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.main.process.id()
    }

    /// What it told its supervisor since this start: one entry a variable, as `STATUS=…`.
    #[must_use]
    pub fn notifications(&self) -> Vec<String> {
        self.main.notifications.all()
    }

    /// What it logged since this start.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// The state document.
    pub fn state(&self) -> io::Result<Value> {
        let text = fs::read(self.runtime_directory().join("state.json"))?;
        serde_json::from_slice(&text).map_err(io::Error::other)
    }

    /// The entry of the medium published as `name` in the state document.
    pub fn medium(&self, name: &str) -> io::Result<Option<Value>> {
        let state = self.state()?;
        let mut media = state["media"].as_array().into_iter().flatten();
        Ok(media.find(|medium| medium["name"] == name).cloned())
    }

    /// Waits until the state document satisfies `wanted`, and returns it.
    ///
    /// # Errors
    /// With the last document, where it did not come to that within `timeout`.
    pub fn wait_for_state(
        &self,
        timeout: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> io::Result<Value> {
        let deadline = Instant::now() + timeout;
        loop {
            let state = self.state();
            match state {
                Ok(state) if wanted(&state) => return Ok(state),
                _ if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
                state => {
                    return Err(io::Error::other(format!("not within {timeout:?}: {state:#?}")));
                }
            }
        }
    }

    /// Waits until exactly the media `names` are there, all of them in state `serving`.
    pub fn wait_for_serving(&self, timeout: Duration, names: &[&str]) -> io::Result<Value> {
        let mut expected: Vec<_> = names.to_vec();
        expected.sort_unstable();
        self.wait_for_state(timeout, |state| {
            let media: Vec<_> = state["media"].as_array().into_iter().flatten().collect();
            let mut found: Vec<_> = media.iter().filter_map(|m| m["name"].as_str()).collect();
            found.sort_unstable();
            found == expected && media.iter().all(|medium| medium["state"] == "serving")
        })
    }

    /// GETs `path` from it.
    pub fn http_get(&self, path: &str) -> io::Result<http::Response> {
        http::get(self.port, path)
    }

    /// Sends it `signal`; to roles beside it too, if it is the one to reload.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        send(&self.main.process, signal)?;
        let is_for_all = signal == Signal::HUP;
        let mut beside = self.beside.iter().filter(|_| is_for_all);
        beside.try_for_each(|(_, supervised)| send(&supervised.process, signal))
    }

    /// Kills it as the kernel does when memory is out: nothing of it runs any more when this returns.
    pub fn kill9(&mut self) -> io::Result<()> {
        self.main.process.kill()?;
        self.main.process.wait().map(drop)
    }

    /// Asks it to end, and waits until it did.
    pub fn terminate(&mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.wait_for_end(PATIENCE)
    }

    /// Waits until it ended by itself.
    pub fn wait_for_end(&mut self, timeout: Duration) -> io::Result<ExitStatus> {
        let deadline = Instant::now() + timeout;
        loop {
            match self.main.process.try_wait()? {
                Some(status) => return Ok(status),
                None if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                None => return Err(io::Error::other(format!("it runs on after {timeout:?}"))),
            }
        }
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let beside = self.beside.iter_mut().map(|(_, supervised)| supervised);
        for supervised in [&mut self.main].into_iter().chain(beside) {
            while !supervised.notifications.all().iter().any(|line| line == "READY=1") {
                let ended = supervised.process.try_wait()?;
                if ended.is_some() || Instant::now() >= deadline {
                    let logs = logs(self.directory.path());
                    let why = format!("the daemon is not ready ({ended:?}):\n{logs}");
                    return Err(io::Error::other(why));
                }
                thread::sleep(Duration::from_millis(2));
            }
        }
        Ok(())
    }
}

fn send(process: &Child, signal: Signal) -> io::Result<()> {
    let id = i32::try_from(process.id()).map_err(io::Error::other)?;
    let id = Pid::from_raw(id).expect("no process of ours has the id 0");
    Ok(rustix::process::kill_process(id, signal)?)
}

/// What all processes logged.
fn logs(directory: &Path) -> String {
    let names = ["log", "log-serve", "log-fetch"].into_iter();
    let logs = names.filter_map(|name| {
        Some(format!("{name}:\n{}", fs::read_to_string(directory.join(name)).ok()?))
    });
    logs.collect()
}

impl Drop for Daemon {
    #[expect(clippy::print_stderr, reason = "the test runner shows it with the failure")]
    fn drop(&mut self) {
        let _ = self.kill9();
        for (_, beside) in &mut self.beside {
            let _ = beside.process.kill();
            let _ = beside.process.wait();
        }
        let detached = mounts::detach_below(self.directory.path());
        if thread::panicking() {
            eprintln!("--- the daemon's log ---\n{}", logs(self.directory.path()));
        } else {
            detached.expect("a test's own mounts can be detached");
        }
    }
}

fn spawn(
    directory: &Path,
    port: u16,
    options: &DaemonOptions,
    role: Option<RoleBeside>,
) -> io::Result<Supervised> {
    let suffix = role.map(|role| format!("-{}", role.as_str())).unwrap_or_default();
    let socket = directory.join(format!("notify{suffix}"));
    let notifications = Notifications::listen(&socket)?;
    let log = fs::File::create(directory.join(format!("log{suffix}")))?;
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(binaries::path("isomirrord")?);
    command.arg("--config").arg(directory.join("isomirror.yaml"));
    command.arg("--images").arg(directory.join(options.images()));
    if !options.is_web_root_in_file {
        command.arg("--webroot").arg(directory.join("web"));
    }
    command.arg("--listen").arg(format!("127.0.0.1:{port}"));
    match role {
        Some(role) => drop(command.args(["--roles", role.as_str()])),
        None if options.has_roles_beside => drop(command.args(["--roles", "mount"])),
        None => {}
    }
    command.args(&options.arguments);
    command.env("RUNTIME_DIRECTORY", directory.join("run"));
    command.env("STATE_DIRECTORY", directory.join("state"));
    // Neither directory is there: what the program was built with holds, unless the test says otherwise.
    command.env("ISOMIRROR_BOOT_DIRECTORIES", "/nonexistent:/nonexistent");
    command.env("NOTIFY_SOCKET", socket).env_remove("JOURNAL_STREAM");
    command.envs(options.environment.iter().map(|(key, value)| (key, value)));
    if let Some(user) = options.user {
        command.uid(user).gid(user);
    }
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(Supervised { process: command.spawn()?, notifications })
}

/// A port that nobody uses now.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
