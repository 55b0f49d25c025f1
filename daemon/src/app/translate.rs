//! From the configuration to what each part is told.

use std::{num::NonZeroU32, sync::Arc};

use isomirror_core::{
    backend_choice::BackendChoice,
    config::{Config, ImageDirectory, OnStop},
    naming::NameRules,
    view::ViewSettings,
};
use tracing::warn;

use crate::{
    catalog::LazyCatalog, keeper, reconcile, roles::Followed, serve::ServeSettings,
    settings::Settings, verified_records::store_below,
};

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

/// What the role of fetching is told, with the catalog from `before` if there was one.
pub(super) fn keeper_settings(
    settings: &Settings,
    before: Option<&LazyCatalog>,
) -> keeper::Settings {
    let store = store_below(&settings.state_directory);
    let has_it = |directory: &ImageDirectory| store.starts_with(directory.path());
    let is_published = settings.config.media.directories.iter().any(has_it);
    if !settings.config.fetch.want.is_empty() && !is_published {
        warn!(store = %store.display(), "nothing is published from where images are fetched to: add it to media.directories");
    }
    let fresh = || LazyCatalog::new(&settings.catalog_directories);
    keeper::Settings {
        fetch: settings.config.fetch.clone(),
        smb: settings.smb_access(),
        catalog: Arc::new(before.map_or_else(fresh, LazyCatalog::anew)),
    }
}

/// What a process that only serves knows by itself.
pub(super) fn followed(config: &Config) -> Followed {
    Followed {
        views: Arc::new(ViewSettings::of(config)),
        drain: config.mount.drain.duration(),
        symlinks: config.mount.symlinks,
        access_log: config.serve.access_log.as_ref().map(|file| file.path().to_owned()),
    }
}

/// What the server is told.
pub(super) fn serve_settings(config: &Config) -> ServeSettings {
    let serve = &config.serve;
    let count = |number: NonZeroU32| usize::try_from(number.get()).unwrap_or(usize::MAX);
    ServeSettings {
        listen: serve.listen.as_slice().to_vec(),
        drain: config.mount.drain.duration(),
        connections: count(serve.connections),
        connections_per_address: count(serve.connections_per_address),
        minimum_speed: serve.minimum_speed.bytes(),
        congestion_control: serve.congestion_control.as_ref().map(|name| name.as_str().to_owned()),
        access_log: serve.access_log.as_ref().map(|file| file.path().to_owned()),
        ..ServeSettings::default()
    }
}
