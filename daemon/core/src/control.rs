//! What can be asked of a running daemon over its control socket, and what it answers. An interface: scripts and the
//! udev hook rely on it.
//!
//! Each request is one JSON object in one line, each answer another, in the same order:
//!
//! ```text
//! {"command":"release","device":"/dev/sr0","wait_ms":2500}
//! {"ok":true,"device":"/dev/sr0","name":"ROCKY"}
//! {"command":"eject","target":"ROCKY","force":true}
//! {"ok":true,"device":"/dev/sr0","name":"ROCKY","opened":true,"cut_off":[{"pid":812,"program":"nginx"}]}
//! {"command":"fetch","ids":["debian-13-netinst-amd64"]}
//! {"ok":true,"look":12}
//! {"command":"eject","target":"NOTHING"}
//! {"ok":false,"error":"nothing is published as `NOTHING`","remedy":"see `isomirror list`"}
//! ```

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::name::Name;

/// Name of the socket in the runtime directory.
pub const SOCKET: &str = "control.sock";

/// Bytes of the longest request and answer, the line feed included.
pub const LONGEST_LINE: usize = 16 << 10;

/// Processes that an answer names at most.
pub const MOST_PROCESSES: usize = 64;

/// Milliseconds that [`Request::Release`] waits unless it says otherwise: what libvirt's 5 s leave after the kernel
/// took up to 2 s to tell of the request.
pub const DEFAULT_WAIT: u64 = 2500;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "lowercase", deny_unknown_fields)]
pub enum Request {
    /// To let go of the disc in a drive, which is about to be opened by somebody else. The disc is published again
    /// if it is still there half a minute later.
    Release {
        /// The drive's device node.
        device: PathBuf,
        /// Milliseconds until the answer. Readers are cut off before, where that is earlier than `mount.drain`.
        #[serde(default = "default_wait")]
        wait_ms: u64,
    },
    /// To take over a request to eject: to let go of the disc and then open the tray. Answered at once, and with
    /// `ok` only where `mount.eject` is `defer`.
    Defer {
        /// The drive's device node.
        device: PathBuf,
    },
    /// To let go of a disc and open its tray.
    Eject {
        /// A published name, or the device node of a drive.
        target: String,
        /// Whether readers are cut off at once.
        #[serde(default)]
        force: bool,
    },
    /// To look at entries of the catalog now, and to fetch what is new.
    Fetch {
        /// Their ids; all that are wanted where there is none.
        #[serde(default)]
        ids: Vec<String>,
        /// Whether they are fetched though they are there.
        #[serde(default)]
        force: bool,
    },
    /// To look at all sources again.
    Rescan,
    /// To answer.
    Ping,
}

fn default_wait() -> u64 {
    DEFAULT_WAIT
}

/// What became of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Answer {
    /// Whether it was done.
    pub ok: bool,
    /// Why not: names the object; absent where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The drive that it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<PathBuf>,
    /// The name that the drive's disc was published under; absent where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Whether the tray was opened; absent where that was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened: Option<bool>,
    /// Number of the last look at an entry of the catalog that has ended by now: when all that were asked for have a higher
    /// one in the state document, they were looked at. Absent where that was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look: Option<u64>,
    /// Processes that used the mount when it was detached, at most [`MOST_PROCESSES`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cut_off: Vec<Process>,
}

/// A process that used a mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Name of its program, as far as the kernel keeps it (15 bytes).
    pub program: String,
}

impl Answer {
    /// That it was done.
    #[must_use]
    pub fn done() -> Self {
        Self { ok: true, ..Self::default() }
    }

    /// That it was not, why, and what to do.
    #[must_use]
    pub fn failed(error: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { error: Some(error.into()), remedy: Some(remedy.into()), ..Self::default() }
    }
}

/// The request in a line; else the answer to give.
///
/// # Errors
/// The answer that tells what is wrong with it.
pub fn parse_request(line: &[u8]) -> Result<Request, Box<Answer>> {
    serde_json::from_slice(line).map_err(|error| {
        let remedy = "send one JSON object a line, like {\"command\":\"ping\"}";
        Box::new(Answer::failed(format!("the request cannot be understood: {error}"), remedy))
    })
}

/// The line that says `message`, a [`Request`] or an [`Answer`].
#[must_use]
pub fn line(message: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn requests_are_written_and_read_as_documented() {
        let device = PathBuf::from("/dev/sr0");
        for (text, request) in [
            (
                r#"{"command":"release","device":"/dev/sr0","wait_ms":2500}"#,
                Request::Release { device: device.clone(), wait_ms: 2500 },
            ),
            (r#"{"command":"defer","device":"/dev/sr0"}"#, Request::Defer { device }),
            (
                r#"{"command":"eject","target":"A","force":true}"#,
                Request::Eject { target: "A".to_owned(), force: true },
            ),
            (
                r#"{"command":"fetch","ids":["debian-13"],"force":true}"#,
                Request::Fetch { ids: vec!["debian-13".to_owned()], force: true },
            ),
            (r#"{"command":"rescan"}"#, Request::Rescan),
            (r#"{"command":"ping"}"#, Request::Ping),
        ] {
            assert_eq!(line(&request), format!("{text}\n").as_bytes());
            assert_eq!(parse_request(text.as_bytes()), Ok(request));
        }
        assert_eq!(
            parse_request(br#"{"command":"release","device":"/dev/sr0"}"#),
            Ok(Request::Release { device: "/dev/sr0".into(), wait_ms: DEFAULT_WAIT })
        );
    }

    #[test]
    fn what_is_no_request_is_answered() {
        for text in [
            "",
            "ping",
            "[]",
            r#"{"command":"halt"}"#,
            r#"{"command":"release"}"#,
            r#"{"command":"eject","target":"A","froce":true}"#,
            r#"{"command":"release","device":"/dev/sr0","wait_ms":-1}"#,
        ] {
            let answer = parse_request(text.as_bytes()).unwrap_err();
            assert!(!answer.ok && answer.remedy.is_some(), "{text}: {answer:?}");
        }
    }

    #[test]
    fn answers_say_no_more_than_there_is_to_say() {
        assert_eq!(line(&Answer::done()), b"{\"ok\":true}\n");
        let answer = Answer::failed("no", "do");
        assert_eq!(line(&answer), b"{\"ok\":false,\"error\":\"no\",\"remedy\":\"do\"}\n");
        // Fields that a later version adds do not keep an older program from reading it.
        let read: Answer = serde_json::from_slice(br#"{"ok":true,"news":1}"#).unwrap();
        assert_eq!(read, Answer::done());
    }

    proptest! {
        #[test]
        fn no_line_panics_and_what_is_written_has_one_line(text: Vec<u8>, target: String) {
            let _ = parse_request(&text);
            let written = line(&Request::Eject { target: target.clone(), force: false });
            prop_assert_eq!(written.iter().position(|byte| *byte == b'\n'), Some(written.len() - 1));
            prop_assert_eq!(
                parse_request(&written),
                Ok(Request::Eject { target, force: false })
            );
        }
    }
}
