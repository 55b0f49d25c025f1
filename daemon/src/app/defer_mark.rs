//! The file that makes udev ask before it opens a drive: only then does the rule run our program at all, and with the
//! usual policy udev goes on as it would without us.

use std::{fs, io, path::Path};

use isomirror_core::config::EjectPolicy;
use tracing::warn;

use crate::logging::Chain;

/// Its name in the runtime directory, which the udev rule tests for.
const MARK: &str = "defer-eject";

/// Makes the file, or removes it. One that a killed daemon left behind does no harm: who answers is asked then, and
/// nobody does.
pub(super) fn mark(runtime_directory: &Path, policy: EjectPolicy) {
    let path = runtime_directory.join(MARK);
    let done = match policy {
        EjectPolicy::Defer => fs::write(&path, ""),
        EjectPolicy::Release => match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        },
    };
    if let Err(error) = done {
        warn!(path = %path.display(), error = %Chain(&error), "the eject policy cannot be told to udev");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_there_while_ejects_are_deferred() {
        let directory = tempfile::tempdir().unwrap();
        for (policy, expected) in [
            (EjectPolicy::Release, false),
            (EjectPolicy::Defer, true),
            (EjectPolicy::Defer, true),
            (EjectPolicy::Release, false),
        ] {
            mark(directory.path(), policy);
            assert_eq!(directory.path().join(MARK).exists(), expected, "{policy:?}");
        }
    }
}
