//! `isomirror status` and `list` beside a running daemon.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use isomirror_tests::{
    daemon::{Daemon, DaemonOptions},
    images::iso9660::{bytes, xorriso},
    program::{Ended, command, run},
    scratch,
};
use serde_json::Value;

fn ask(daemon: &Daemon, arguments: &[&str]) -> Ended {
    run(command("isomirror", arguments).env("RUNTIME_DIRECTORY", daemon.runtime_directory()))
}

#[test]
fn status_and_list_tell_what_the_daemon_publishes_until_it_ends() {
    let directory = scratch::directory().unwrap();
    let tree = directory.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("file"), bytes(1, 2_000_000)).unwrap();
    let image = xorriso(&tree, &directory.path().join("image.iso"), &["-R", "-V", "Rocky-9"]);
    let config = "media: {drives: none, settle: 100ms}\nmount: {backend: none}\n".to_owned();
    let options = DaemonOptions { config, ..DaemonOptions::default() };
    let mut daemon = Daemon::start(options).unwrap();
    let webroot = daemon.webroot().display().to_string();
    let nothing = ask(&daemon, &["status"]);
    assert_eq!(nothing.output, format!("No media for {webroot} yet\n"));

    fs::copy(&image, daemon.images().join("image.iso")).unwrap();
    let state = daemon.wait_for_serving(Duration::from_secs(10), &["Rocky-9"]).unwrap();
    let status = ask(&daemon, &["status"]);
    assert_eq!((status.code, status.errors.as_str()), (Some(0), ""));
    let first =
        format!("1 medium for {webroot}: 1 serving\n  Rocky-9  serving by HTTP    since 20");
    assert!(status.output.starts_with(&first), "{}", status.output);
    let document: Value =
        serde_json::from_str(&ask(&daemon, &["status", "--json"]).output).unwrap();
    assert_eq!(document["media"], state["media"]);
    assert_eq!(ask(&daemon, &["list"]).output, "Rocky-9  serving   /Rocky-9/\n");

    daemon.kill9().unwrap();
    let ended = ask(&daemon, &["status"]);
    assert_eq!((ended.code, ended.output.as_str()), (Some(1), ""));
}

/// How long a change may take to be told.
const SOON: Duration = Duration::from_secs(20);

/// `isomirror status --watch`, and its lines as they come.
struct Watching {
    program: Child,
    lines: Receiver<String>,
}

impl Watching {
    fn start(daemon: &Daemon, arguments: &[&str]) -> Self {
        let mut watch = command("isomirror", ["status", "--watch"]);
        watch.args(arguments).env("RUNTIME_DIRECTORY", daemon.runtime_directory());
        let mut program = watch.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let output = BufReader::new(program.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { program, lines }
    }

    /// Waits for a line that is as it should be.
    fn wait_for(&self, is_it: impl Fn(&str) -> bool) -> String {
        loop {
            let line = self.lines.recv_timeout(SOON).unwrap();
            if is_it(&line) {
                return line;
            }
        }
    }

    /// Interrupts it, and tells whether it ended in order.
    fn interrupt(mut self) -> bool {
        kill(Pid::from_raw(self.program.id().try_into().unwrap()), Signal::SIGINT).unwrap();
        self.program.wait().unwrap().success()
    }
}

#[test]
fn a_watched_status_tells_each_change_and_when_the_daemon_goes_and_comes() {
    let config = "media: {drives: none, settle: 100ms}\nmount: {backend: none}\n".to_owned();
    let mut daemon = Daemon::start(DaemonOptions { config, ..DaemonOptions::default() }).unwrap();
    let text = Watching::start(&daemon, &[]);
    let documents = Watching::start(&daemon, &["--json"]);
    text.wait_for(|line| line.starts_with("No media for "));
    documents.wait_for(|line| {
        serde_json::from_str::<Value>(line).unwrap()["media"] == Value::Array(vec![])
    });
    let broken = daemon.images().join("image.iso");
    fs::write(&broken, vec![7; 2_000_000]).unwrap();
    text.wait_for(|line| line.starts_with("1 medium for "));
    let one = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap()["media"].as_array().unwrap().len() == 1
    };
    documents.wait_for(one);
    daemon.terminate().unwrap();
    text.wait_for(|line| line == "isomirrord is not running; waiting for it");
    daemon.start_again().unwrap();
    text.wait_for(|line| line.starts_with("1 medium for "));
    documents.wait_for(one);
    assert!(text.interrupt() && documents.interrupt());
}
