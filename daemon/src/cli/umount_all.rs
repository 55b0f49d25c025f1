//! `isomirror umount --all`: takes down everything of ours below the web root. Refuses while a daemon works there,
//! which would only put it up again.

use std::path::PathBuf;

use crate::{
    app::reconcile_settings,
    environment::Environment,
    instance::{Instance, InstanceError},
    reconcile::{self, Places, UnmountAllError},
    settings::{Request, Settings, SettingsError},
};

/// Why not everything was taken down.
#[derive(Debug, thiserror::Error)]
pub enum UmountAllError {
    /// The configuration, which names the web root.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A daemon works there.
    #[error(
        "isomirrord is running and would mount everything again: run `systemctl stop isomirrord` first"
    )]
    Running,
    /// It cannot be told whether a daemon works there.
    #[error(transparent)]
    Instance(InstanceError),
    /// Something is still there.
    #[error(transparent)]
    Left(#[from] UnmountAllError),
}

impl From<InstanceError> for UmountAllError {
    fn from(error: InstanceError) -> Self {
        match error {
            InstanceError::Running(_) => Self::Running,
            error @ InstanceError::Lock { .. } => Self::Instance(error),
        }
    }
}

/// Takes down what is below the web root of the configuration, or below `webroot`.
pub(super) fn run(config: Option<PathBuf>, webroot: Option<PathBuf>) -> Result<(), UmountAllError> {
    let request = Request { config, webroot, ..Request::default() };
    let settings = Settings::load(request, Environment::of_process())?;
    // Held to the end, so that no daemon starts in between.
    let instance = Instance::acquire(&settings.runtime_directory)?;
    let places = Places {
        runtime_directory: settings.runtime_directory.clone(),
        state_directory: settings.state_directory.clone(),
    };
    reconcile::unmount_all(reconcile_settings(&settings.config), places)?;
    drop(instance);
    Ok(())
}
