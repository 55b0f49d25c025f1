//! Looks at the host for `isomirror doctor`. What the facts mean is for `core::doctor` to say.

mod files;
mod kernel;
mod listening;
mod processes;
mod services;
mod web;

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use isomirror_core::{
    config::{Config, ImageDirectory},
    doctor::{Clock, DaemonMounts, Facts, Owner, Watches},
    mountinfo,
};
use jiff::Zoned;

use self::processes::Daemon;
use crate::{
    environment::Environment,
    settings::{ConfigFiles, Request, SettingsError, effective},
    sys::clock::is_synchronised,
    verified_records::store_below,
};

/// Everything that can be learned of this host, and the configuration that it is to be judged by: the defaults where
/// it has errors.
#[must_use]
pub fn gather(request: &Request, environment: &Environment) -> (Facts, Config) {
    let (config, configuration) = configuration(effective(request, environment));
    let store = environment.state().map(|state| store_below(&state));
    let daemon = Daemon::find(environment);
    let units = services::units();
    let webroot = config.webroot.path();
    let wants = services::Wants::look(&config, environment);
    let facts = Facts {
        is_root: environment.root,
        configuration,
        modules: kernel::modules(),
        has_loop_control: kernel::has_loop_control(),
        max_loop: kernel::max_loop(),
        loops_in_use: kernel::loops_in_use(),
        has_fuse_device: kernel::has_fuse_device(),
        runs_udev: kernel::runs_udev(),
        udev_rule: kernel::udev_rule(),
        events_poll: kernel::events_poll(),
        drives: kernel::drives(environment.root),
        daemon_mounts: daemon.as_ref().and_then(daemon_mounts),
        automount: services::automount(),
        selinux: web::selinux(webroot),
        web_users: web::users(),
        web_path: web::path(webroot),
        rooms: web::rooms(webroot, store.as_deref()),
        wrong_directories: wrong_directories(&config, store.as_deref()),
        watches: watches(&config),
        store: store.and_then(|store| {
            let fetches = units
                .iter()
                .flatten()
                .any(|unit| unit.name == services::FETCH_UNIT && unit.load == "loaded");
            let expected = if fetches { web::user(services::FETCH_USER) } else { None };
            Some(Owner { uid: files::owner(&store)?, path: store, expected })
        }),
        clock: Some(Clock { is_synchronised: is_synchronised(), year: Zoned::now().year() }),
        proxies: services::proxies(),
        listening: listening::look(&config, environment.root, daemon.is_some()),
        units,
        roles: processes::roles(environment, daemon.as_ref()),
        unverifiable: wants.unverifiable,
        unknown_wants: wants.unknown,
    };
    (facts, config)
}

fn configuration(read: Result<ConfigFiles, SettingsError>) -> (Config, Vec<(bool, String)>) {
    let files = match read {
        Ok(files) => files,
        Err(SettingsError::Invalid(told)) => {
            return (Config::default(), told.iter().map(|told| (true, told.to_string())).collect());
        }
        Err(error) => {
            let text = crate::logging::Chain(&error).to_string();
            return (Config::default(), vec![(true, text)]);
        }
    };
    let (errors, surprises) = files.check_whole();
    let told = [(true, errors), (false, surprises)].into_iter().flat_map(|(is_error, told)| {
        told.into_iter().map(move |told| (is_error, told.to_string()))
    });
    (files.config().clone(), told.collect())
}

fn daemon_mounts(daemon: &Daemon) -> Option<DaemonMounts> {
    let namespace = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/mnt")).ok();
    let entries = |process: &str| {
        Some(mountinfo::parse(&std::fs::read(format!("/proc/{process}/mountinfo")).ok()?))
    };
    let pid = daemon.pid.to_string();
    Some(DaemonMounts {
        pid: daemon.pid,
        has_own_namespace: namespace(&pid)? != namespace("self")?,
        entries: entries(&pid)?,
        host: entries("self")?,
    })
}

/// Directories of images that are none. The store is made when the daemon starts.
fn wrong_directories(config: &Config, store: Option<&Path>) -> Vec<(PathBuf, String)> {
    let told = config.media.directories.iter().map(ImageDirectory::path);
    let wrong = told.filter(|path| Some(*path) != store).filter_map(|path| {
        let wrong = match std::fs::read_dir(path) {
            Ok(_) => return None,
            Err(error) if error.kind() == ErrorKind::NotFound => "it does not exist".to_owned(),
            Err(error) => format!("no images can be looked for in it: {error}"),
        };
        Some((path.to_owned(), wrong))
    });
    wrong.collect()
}

fn watches(config: &Config) -> Option<Watches> {
    let most = files::number("/proc/sys/fs/inotify/max_user_watches")?;
    let needed = config.media.directories.iter().map(|directory| {
        if directory.recursive() { files::count_directories(directory.path()) } else { 1 }
    });
    Some(Watches { most: u64::try_from(most).ok()?, needed: needed.sum() })
}
