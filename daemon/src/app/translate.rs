//! From the configuration to what each part is told.

use std::sync::Arc;

use isomirror_core::{
    backend_choice::BackendChoice,
    config::{Config, OnStop},
    naming::NameRules,
    view::ViewSettings,
};

use crate::{reconcile, serve::ServeSettings};

/// What the reconciler is told.
pub(crate) fn reconcile_settings(config: &Config) -> reconcile::Settings {
    let options = config.mount.options.iter();
    reconcile::Settings {
        webroot: config.webroot.path().to_owned(),
        rules: NameRules {
            without_asterisks: config.mount.backend == BackendChoice::Autofs,
            ..config.names.rules()
        },
        backend: config.mount.backend,
        drain: config.mount.drain.duration(),
        symlinks: config.mount.symlinks,
        options: options
            .map(|(kind, options)| (kind.clone(), options.as_str().to_owned()))
            .collect(),
        unmount_on_stop: config.mount.on_stop == OnStop::Unmount,
        views: Arc::new(ViewSettings::of(config)),
        view_files: config.mount.views,
    }
}

/// What the server is told.
pub(super) fn serve_settings(config: &Config) -> ServeSettings {
    ServeSettings {
        listen: vec![config.serve.listen],
        drain: config.mount.drain.duration(),
        ..ServeSettings::default()
    }
}
