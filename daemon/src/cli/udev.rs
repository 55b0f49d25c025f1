//! What udev runs while it handles events of drives. It waits for us, and a hypervisor for it: so nothing here takes
//! longer than it may, and without a daemon every drive opens as ever. It runs in udevd's sandbox: no mounts, no files.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::MetadataExt,
    path::Path,
    time::Duration,
};

use isomirror_core::{
    control::{Answer, DEFAULT_WAIT, Request},
    medium::IdentityKey,
};

use super::{CommandError, escape::sanitised};
use crate::{
    control::{AskError, ask},
    logging::Chain,
    sys::{loop_device, medium_file::MediumFile},
};

/// All the time that the hook has.
const PATIENCE: Duration = Duration::from_millis(DEFAULT_WAIT);

/// What of it is left for starting, connecting and answering, in milliseconds.
const OWN_SHARE: u64 = 200;

/// Has the daemon let go of `device`. The drive is opened whatever comes of it, so at most one line is said, for
/// udevd to log.
pub(super) fn release(device: &Path, socket: &Path) {
    let wait_ms = DEFAULT_WAIT - OWN_SHARE;
    let request = Request::Release { device: device.to_owned(), wait_ms };
    if let Some(problem) = problem(ask(socket, &request, PATIENCE)) {
        say(device, &problem);
    }
}

/// Succeeds where the daemon takes over the request to eject `device`.
pub(super) fn defer(device: &Path, socket: &Path) -> Result<(), CommandError> {
    let request = Request::Defer { device: device.to_owned() };
    let answer = ask(socket, &request, PATIENCE)?;
    if answer.ok {
        return Ok(());
    }
    let Answer { error, remedy, .. } = answer;
    Err(CommandError::Refused {
        error: error.unwrap_or_default(),
        remedy: remedy.unwrap_or_default(),
    })
}

/// Where no daemon sees it, cuts off the readers of discs that are no longer in `device`: its mounts stay, and would
/// show the next disc.
pub(super) fn changed(device: &Path, socket: &Path) -> Result<(), CommandError> {
    match ask(socket, &Request::Ping, PATIENCE) {
        Err(error) if error.is_nobody() => {}
        _ => return Ok(()),
    }
    let failed = |source| CommandError::CutOff { device: device.to_owned(), source };
    let drive = fs::metadata(device).map_err(failed)?.rdev();
    let present = MediumFile::open_drive(device).ok().map(|medium| medium.key());
    loop_device::cut_off(|found| {
        let medium = IdentityKey::of_mark(&found.mark);
        found.drive == drive && medium.is_some() && medium != present
    })
    .map_err(failed)
}

/// What is worth saying: nothing where all went well, or where there is no daemon.
fn problem(asked: Result<Answer, AskError>) -> Option<String> {
    match asked {
        Ok(answer) if answer.ok => None,
        Ok(answer) => Some(answer.error.unwrap_or_default()),
        Err(error) if error.is_nobody() => None,
        Err(error) => Some(Chain(&error).to_string()),
    }
}

fn say(device: &Path, problem: &str) {
    let text = format!("isomirror: `{}` is opened all the same: {problem}\n", device.display());
    // There is nobody left to tell that standard error is gone.
    let _ = io::stderr().write_all(sanitised(&text).as_bytes());
}
