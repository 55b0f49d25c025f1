//! `isomirror eject` and `isomirror rescan`.

use std::{ffi::OsStr, fmt::Write as _, fs, path::Path, time::Duration};

use isomirror_core::control::{Answer, Process, Request};

use super::{CommandError, ask_daemon::ask_daemon, escape::Escaped, output::Output};

/// How long an eject may take: the longest deadline that makes sense for readers, and a slow drive.
const EJECT_PATIENCE: Duration = Duration::from_mins(10);

/// How long a daemon may take to answer what needs no drive.
const PATIENCE: Duration = Duration::from_secs(10);

/// Has the daemon let go of a disc and open its drive.
pub(super) fn run(target: &OsStr, force: bool) -> Result<(), CommandError> {
    let request = Request::Eject { target: device_or_name(target), force };
    let answer = ask_daemon(&request, EJECT_PATIENCE)?;
    let mut output = Output::new();
    output.write(told(&answer).as_bytes())?;
    output.finish()
}

/// Has the daemon look at everything again.
pub(super) fn rescan() -> Result<(), CommandError> {
    ask_daemon(&Request::Rescan, PATIENCE).map(drop)
}

/// A path is followed to the device node that the daemon knows: `/dev/cdrom` leads to `/dev/sr0`.
fn device_or_name(target: &OsStr) -> String {
    let path = Path::new(target);
    let device = if path.is_absolute() { fs::canonicalize(path).ok() } else { None };
    device.as_deref().unwrap_or(path).to_string_lossy().into_owned()
}

/// What people are told. Programs choose their names themselves, so those are escaped.
fn told(answer: &Answer) -> String {
    let device = answer.device.as_deref().unwrap_or(Path::new("the drive")).display();
    let mut text = match &answer.name {
        Some(name) => format!("`{name}` was let go of; "),
        None => String::new(),
    };
    let _ = match answer.opened {
        Some(true) => writeln!(text, "`{device}` is open"),
        _ => writeln!(text, "`{device}` has no tray: take it out within half a minute"),
    };
    for Process { pid, program } in &answer.cut_off {
        let _ = writeln!(text, "cut off: {pid} {}", Escaped(program.as_bytes()));
    }
    text
}

#[cfg(test)]
mod tests {
    use isomirror_core::name::sanitise;

    use super::*;

    #[test]
    fn people_are_told_what_happened_and_to_whom() {
        let answer = Answer {
            device: Some("/dev/sr0".into()),
            name: sanitise("ROCKY"),
            opened: Some(true),
            cut_off: vec![Process { pid: 7, program: "\u{1b}x".to_owned() }],
            ..Answer::done()
        };
        assert_eq!(
            told(&answer),
            "`ROCKY` was let go of; `/dev/sr0` is open\ncut off: 7 \\u{1b}x\n"
        );
        let without = Answer { opened: Some(false), name: None, cut_off: Vec::new(), ..answer };
        assert_eq!(told(&without), "`/dev/sr0` has no tray: take it out within half a minute\n");
    }
}
