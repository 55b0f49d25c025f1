//! What of a host would keep media from being published, from facts that were gathered there.
//!
//! Judging is pure: the daemon's module of the same name looks, and decides nothing. A fact that could not be learned is
//! `None`, and nothing is said of it.

mod facts;
mod kernel;
mod mounts;
mod room;
mod service;
mod web;

pub use facts::{
    Automount, Clock, DaemonMounts, Drive, Facts, Listening, Module, Owner, Room, SeLinux, Server,
    Unit, Watches, WebComponent, WebUser,
};
use serde::Serialize;

use crate::config::Config;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, but not as well as it could, or not for long.
    Warn,
    /// Something does not work.
    Fail,
}

impl Level {
    /// The word in documents, and for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What was found out about one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// How bad it is.
    pub level: Level,
    /// What was looked at: a word that stays the same (`kernel`, `loop`, `udev`, ...).
    pub check: &'static str,
    /// The file, device, unit or key that it is about.
    pub object: String,
    /// What was found.
    pub text: String,
    /// What to do; `None` where nothing is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Diagnosis {
    fn ok(check: &'static str, object: impl Into<String>, text: impl Into<String>) -> Self {
        Self { level: Level::Ok, check, object: object.into(), text: text.into(), remedy: None }
    }

    fn warn(
        check: &'static str,
        object: impl Into<String>,
        text: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let remedy = Some(remedy.into());
        Self { level: Level::Warn, remedy, ..Self::ok(check, object, text) }
    }

    fn fail(
        check: &'static str,
        object: impl Into<String>,
        text: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { level: Level::Fail, ..Self::warn(check, object, text, remedy) }
    }
}

/// Judges everything, in the order in which a medium passes through it.
#[must_use]
pub fn examine(facts: &Facts, config: &Config) -> Vec<Diagnosis> {
    let judges = [
        service::configuration,
        service::units,
        service::roles,
        kernel::file_systems,
        kernel::loop_devices,
        kernel::udev,
        kernel::drives,
        mounts::propagation,
        mounts::automount,
        mounts::selinux,
        web::access,
        web::ports,
        room::directories,
        room::space,
        room::watches,
        room::store,
        service::clock,
        service::keys,
        service::proxies,
    ];
    judges.iter().flat_map(|judge| judge(facts, config)).collect()
}
