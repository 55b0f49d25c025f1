//! What the environment tells this process: places, above all.

use std::{collections::BTreeSet, env, ffi::OsString, path::PathBuf};

use isomirror_core::config::IsoManagerVariables;

/// Name of the state document in the runtime directory.
pub const STATE_DOCUMENT: &str = "state.json";

/// Where the machine's daemon has its socket and its state document.
pub const RUNTIME_DIRECTORY: &str = "/run/isomirror";

/// What of the environment counts, read once.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `$ISOMIRROR_CONFIG`.
    pub config: Option<PathBuf>,
    /// The first of `$RUNTIME_DIRECTORY`.
    pub runtime_directory: Option<PathBuf>,
    /// The first of `$STATE_DIRECTORY`.
    pub state_directory: Option<PathBuf>,
    /// `$XDG_RUNTIME_DIR`.
    pub user_runtime: Option<PathBuf>,
    /// `$XDG_STATE_HOME`, else `$HOME/.local/state`.
    pub user_state: Option<PathBuf>,
    /// `$ISOMIRROR_DRIVES`: kernel names of block devices (`loop3,loop4`) that are taken for drives instead of those
    /// that the configuration selects. For tests, where loop devices stand in for drives.
    pub drives: Option<BTreeSet<String>>,
    /// `$ISOMIRROR_BOOT_DIRECTORIES`: directories of signatures instead of those of the machine, that of the shipped and
    /// that of the user's own, separated by a colon. For tests, which must not see what is installed.
    pub boot_directories: Option<(PathBuf, PathBuf)>,
    /// `$ISOMIRROR_CATALOG_DIRECTORIES`: directories of the catalog, in the same way.
    pub catalog_directories: Option<(PathBuf, PathBuf)>,
    /// `$CREDENTIALS_DIRECTORY`: where the service manager has put credentials.
    pub credentials_directory: Option<PathBuf>,
    /// Variables of `iso_manager`.
    pub iso_manager: IsoManagerVariables,
    /// Whether the effective user is root.
    pub root: bool,
}

impl Environment {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let absolute =
            |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        // The service manager separates several directories by colons.
        let first = |name: &str| {
            let value = env::var_os(name)?;
            env::split_paths(&value).next().filter(|path| path.is_absolute())
        };
        Self {
            config: env::var_os("ISOMIRROR_CONFIG").filter(|v| !v.is_empty()).map(PathBuf::from),
            runtime_directory: first("RUNTIME_DIRECTORY"),
            state_directory: first("STATE_DIRECTORY"),
            user_runtime: absolute("XDG_RUNTIME_DIR"),
            user_state: absolute("XDG_STATE_HOME")
                .or_else(|| absolute("HOME").map(|home| home.join(".local/state"))),
            drives: env::var("ISOMIRROR_DRIVES").ok().map(|names| {
                names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
            }),
            boot_directories: two_directories(env::var_os("ISOMIRROR_BOOT_DIRECTORIES")),
            catalog_directories: two_directories(env::var_os("ISOMIRROR_CATALOG_DIRECTORIES")),
            credentials_directory: absolute("CREDENTIALS_DIRECTORY"),
            // What is no text is no number and no URL either, and is refused as such.
            iso_manager: IsoManagerVariables::read(|name| {
                env::var_os(name).map(|value| value.to_string_lossy().into_owned())
            }),
            root: rustix::process::geteuid().is_root(),
        }
    }

    /// Where the state document of a running daemon may be, the likeliest first: this user's own, then the machine's.
    #[must_use]
    pub fn state_documents(&self) -> Vec<PathBuf> {
        let directories = self.runtime_directories().into_iter();
        directories.map(|directory| directory.join(STATE_DOCUMENT)).collect()
    }

    /// Runtime directories that a running daemon may have, in the same order.
    #[must_use]
    pub fn runtime_directories(&self) -> Vec<PathBuf> {
        let machine = PathBuf::from(RUNTIME_DIRECTORY);
        match &self.runtime_directory {
            Some(directory) => vec![directory.clone()],
            None if self.root => vec![machine],
            None => {
                let own = self.user_runtime.as_ref().map(|runtime| runtime.join("isomirror"));
                own.into_iter().chain([machine]).collect()
            }
        }
    }

    /// Directory for what is gone after a restart of the machine.
    pub(crate) fn runtime(&self) -> Option<PathBuf> {
        let user = || self.user_runtime.as_ref().map(|runtime| runtime.join("isomirror"));
        let machine = self.root.then(|| PathBuf::from(RUNTIME_DIRECTORY));
        self.runtime_directory.clone().or(machine).or_else(user)
    }

    /// Directory for what has to outlive a restart of the machine.
    pub(crate) fn state(&self) -> Option<PathBuf> {
        let user = || self.user_state.as_ref().map(|state| state.join("isomirror"));
        let machine = self.root.then(|| PathBuf::from("/var/lib/isomirror"));
        self.state_directory.clone().or(machine).or_else(user)
    }
}

/// Both directories, where `value` names both.
fn two_directories(value: Option<OsString>) -> Option<(PathBuf, PathBuf)> {
    let value = value?;
    let mut paths = env::split_paths(&value);
    Some((paths.next()?, paths.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_the_service_manager_then_the_user() {
        let user = Environment {
            user_runtime: Some("/run/user/7".into()),
            user_state: Some("/home/a/.local/state".into()),
            ..Environment::default()
        };
        let root = Environment { root: true, ..user.clone() };
        let service = Environment {
            runtime_directory: Some("/x/run".into()),
            state_directory: Some("/x/state".into()),
            ..Environment::default()
        };
        let stray = Environment::default();
        for (environment, runtime, state) in [
            (&user, Some("/run/user/7/isomirror"), Some("/home/a/.local/state/isomirror")),
            (&root, Some("/run/isomirror"), Some("/var/lib/isomirror")),
            (&service, Some("/x/run"), Some("/x/state")),
            (&stray, None, None),
        ] {
            assert_eq!(environment.runtime(), runtime.map(PathBuf::from));
            assert_eq!(environment.state(), state.map(PathBuf::from));
        }
        let documents = user.state_documents();
        assert_eq!(
            documents,
            [PathBuf::from("/run/user/7/isomirror/state.json"), "/run/isomirror/state.json".into()]
        );
    }
}
