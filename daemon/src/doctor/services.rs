//! Services of this host, and what ours depend on.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use isomirror_core::{
    config::Config,
    doctor::{Automount, Unit},
};
use url::Url;

use super::processes::named;
use crate::{
    catalog::{self, CatalogData},
    environment::Environment,
};

/// The unit that downloads.
pub(super) const FETCH_UNIT: &str = "isomirror-fetch.service";

/// The user that it runs as.
pub(super) const FETCH_USER: &str = "isomirror";

const UNITS: [&str; 4] =
    ["isomirrord.service", FETCH_UNIT, "isomirror-serve.socket", "isomirror-serve.service"];

/// Where autofs looks for master entries.
const MASTERS: [&str; 2] = ["/etc/auto.master.d", "/etc/autofs/auto.master.d"];

const PROXIES: [&str; 3] = ["http_proxy", "https_proxy", "all_proxy"];

/// Our units; `None` where systemd is not the init of this host.
pub(super) fn units() -> Option<Vec<Unit>> {
    if !Path::new("/run/systemd/system").is_dir() {
        return None;
    }
    let mut command = Command::new("systemctl");
    command.args(["show", "--property=Id,LoadState,ActiveState,UnitFileState"]).args(UNITS);
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(text.split("\n\n").filter_map(unit).collect())
}

fn unit(properties: &str) -> Option<Unit> {
    let get = |name: &str| {
        let value = properties.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.map(str::to_owned)
    };
    Some(Unit {
        name: get("Id")?,
        load: get("LoadState")?,
        active: get("ActiveState")?,
        file: get("UnitFileState").unwrap_or_default(),
    })
}

pub(super) fn automount() -> Automount {
    let entry = |directory: &&str| Path::new(*directory).join("isomirror.autofs");
    let entries = MASTERS.iter().map(entry);
    Automount {
        runs: !named("automount").is_empty(),
        master_entry: entries.into_iter().find(|path: &PathBuf| path.is_file()),
    }
}

/// The variables of proxies that are set here, and what is wrong with them.
pub(super) fn proxies() -> Vec<(String, Option<String>)> {
    let names = PROXIES.iter().flat_map(|name| [(*name).to_owned(), name.to_ascii_uppercase()]);
    let set = names.filter_map(|name| {
        let value = env::var_os(&name).filter(|value| !value.is_empty())?;
        Some((name, fault(&value.to_string_lossy())))
    });
    set.collect()
}

/// What is wrong with the URL of a proxy. The URL itself is not told: it may hold a password.
fn fault(value: &str) -> Option<String> {
    let url = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let Ok(url) = Url::parse(&url) else { return Some("is no URL".to_owned()) };
    let is_known = matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h");
    if !is_known {
        return Some(format!("is of a kind that is not known: {}", url.scheme()));
    }
    url.host().is_none().then(|| "names no host".to_owned())
}

/// Wanted entries without the keys that they have to be verified by, each with what to do, and those that are not in
/// the catalog, each with what was probably meant.
#[derive(Debug, Default)]
pub(super) struct Wants {
    pub(super) unverifiable: Vec<(String, String)>,
    pub(super) unknown: Vec<(String, Option<String>)>,
}

impl Wants {
    pub(super) fn look(config: &Config, environment: &Environment) -> Self {
        let mut wants = Self::default();
        if config.fetch.want.is_empty() {
            return wants;
        }
        let directories = catalog::directories(environment.catalog_directories.as_ref());
        let CatalogData { catalog, keys, .. } = CatalogData::load(&directories);
        for id in &config.fetch.want {
            let Some(entry) = catalog.get(id) else {
                wants.unknown.push((id.clone(), catalog.closest(id).map(ToString::to_string)));
                continue;
            };
            let missing: Vec<_> = keys.missing(entry).iter().map(|key| key.as_str()).collect();
            if !missing.is_empty() {
                let key = missing.join(" or ");
                wants.unverifiable.push((id.clone(), format!("get the publisher's key {key} and put it into /etc/isomirror/catalog.d/keys: `isomirror catalog show {id}`")));
            }
        }
        wants
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_as_systemctl_shows_them() {
        let text = "Id=a.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled";
        let (name, load) = ("a.service".to_owned(), "loaded".to_owned());
        let expected = Unit { name, load, active: "active".into(), file: "enabled".into() };
        assert_eq!(unit(text), Some(expected));
        assert_eq!(unit(""), None);
    }

    #[test]
    fn proxies_are_urls_of_a_kind_that_is_known() {
        for (value, is_sound) in [
            ("http://proxy.example:3128", true),
            ("proxy.example:3128", true),
            ("socks5h://127.0.0.1:9050", true),
            ("ftp://proxy.example", false),
            ("http://", false),
            ("http://a b", false),
        ] {
            assert_eq!(fault(value).is_none(), is_sound, "{value}");
        }
    }
}
