//! The services, and what they depend on.

use super::{Diagnosis, Facts, Unit};
use crate::config::Config;

/// The unit that finds and mounts media.
const MAIN: &str = "isomirrord.service";

/// Years that a clock can show which was set: this program is not older, and no certificate is valid longer.
const YEARS: std::ops::RangeInclusive<i16> = 2026..=2075;

/// What is wrong with the configuration.
pub(super) fn configuration(facts: &Facts, _: &Config) -> Vec<Diagnosis> {
    if facts.configuration.is_empty() {
        return vec![Diagnosis::ok("configuration", "isomirror.yaml", "no problems")];
    }
    let told = |(is_error, text): &(bool, String)| {
        let remedy = "mend it, and look with `isomirror config check`";
        if *is_error {
            Diagnosis::fail("configuration", "isomirror.yaml", text.clone(), remedy)
        } else {
            Diagnosis::warn("configuration", "isomirror.yaml", text.clone(), remedy)
        }
    };
    facts.configuration.iter().map(told).collect()
}

/// Whether the units run, and will after the next boot.
pub(super) fn units(facts: &Facts, config: &Config) -> Vec<Diagnosis> {
    let Some(units) = &facts.units else { return Vec::new() };
    let is_needed =
        |unit: &Unit| unit.name != "isomirror-fetch.service" || !config.fetch.want.is_empty();
    units
        .iter()
        .filter(|unit| unit.load != "not-found" || unit.name == MAIN)
        .filter(|u| is_needed(u))
        .map(unit)
        .collect()
}

fn unit(unit: &Unit) -> Diagnosis {
    let Unit { name, load, active, file } = unit;
    let is_main = name == MAIN;
    if load == "not-found" {
        return Diagnosis::warn(
            "units",
            name,
            "is not installed",
            "install the package, or the files in systemd/",
        );
    }
    if load == "masked" || file == "masked" {
        return Diagnosis::warn("units", name, "is masked", format!("`systemctl unmask {name}`"));
    }
    if active == "failed" {
        let remedy =
            format!("`journalctl -u {name} -n 20` tells why; then `systemctl restart {name}`");
        return Diagnosis::fail("units", name, "has failed", remedy);
    }
    let is_active = matches!(active.as_str(), "active" | "activating" | "reloading");
    match (is_active, file.as_str()) {
        (false, "disabled") if !is_main => Diagnosis::ok("units", name, "is disabled"),
        (false, _) => Diagnosis::fail(
            "units",
            name,
            "does not run",
            format!("`systemctl enable --now {name}`"),
        ),
        (true, "disabled") => Diagnosis::warn(
            "units",
            name,
            "runs, and will not after the next boot",
            format!("`systemctl enable {name}`"),
        ),
        (true, _) => Diagnosis::ok("units", name, "runs"),
    }
}

/// Whether every role is played that the configuration needs.
pub(super) fn roles(facts: &Facts, config: &Config) -> Vec<Diagnosis> {
    let Some(roles) = &facts.roles else { return Vec::new() };
    if roles.is_empty() {
        let remedy = "`systemctl enable --now isomirrord`, or by hand `isomirrord --images DIR`";
        return vec![Diagnosis::fail("roles", "isomirrord", "it does not run", remedy)];
    }
    let needed = [("mount", true), ("serve", true), ("fetch", !config.fetch.want.is_empty())];
    let missing =
        needed.iter().filter(|(role, needed)| *needed && !roles.iter().any(|r| r == role));
    let told = |(role, _): &(&str, bool)| {
        let (unit, what) = match *role {
            "fetch" => ("isomirror-fetch.service", "nothing that is wanted is fetched"),
            "serve" => ("isomirror-serve.socket", "nothing is served by HTTP"),
            _ => (MAIN, "nothing is found or mounted"),
        };
        let diagnosis = if *role == "mount" { Diagnosis::fail } else { Diagnosis::warn };
        diagnosis(
            "roles",
            (*role).to_owned(),
            format!("nobody plays it: {what}"),
            format!("`systemctl enable --now {unit}`"),
        )
    };
    let missing: Vec<_> = missing.map(told).collect();
    if missing.is_empty() {
        return vec![Diagnosis::ok("roles", roles.join(", "), "run")];
    }
    missing
}

/// Whether the clock is right: certificates, signatures and `since` depend on it.
pub(super) fn clock(facts: &Facts, _: &Config) -> Vec<Diagnosis> {
    let Some(clock) = facts.clock else { return Vec::new() };
    if !YEARS.contains(&clock.year) {
        let text = format!(
            "it says that this is the year {}: certificates and signatures will not hold",
            clock.year
        );
        let remedy = "`timedatectl set-ntp true`, or set it with `date`";
        return vec![Diagnosis::fail("clock", "system clock", text, remedy)];
    }
    vec![match clock.is_synchronised {
        Some(false) => {
            let remedy = "`timedatectl set-ntp true`, or install chrony";
            Diagnosis::warn("clock", "system clock", "nothing keeps it right", remedy)
        }
        _ => Diagnosis::ok("clock", "system clock", "is right, as far as the kernel knows"),
    }]
}

/// Whether what is wanted can be verified.
pub(super) fn keys(facts: &Facts, _: &Config) -> Vec<Diagnosis> {
    let told = |(id, remedy): &(String, String)| {
        let text = "its signatures cannot be verified, so it is not fetched";
        Diagnosis::fail("keys", id.clone(), text, remedy.clone())
    };
    let unknown = |(id, meant): &(String, Option<String>)| {
        let remedy = meant.as_ref().map_or_else(
            || "look for it with `isomirror catalog list`".to_owned(),
            |meant| format!("write `{meant}` in `fetch.want`, if that was meant"),
        );
        Diagnosis::fail("keys", id.clone(), "it is not in the catalog", remedy)
    };
    let unknown = facts.unknown_wants.iter().map(unknown);
    facts.unverifiable.iter().map(told).chain(unknown).collect()
}

/// What proxies downloads go through.
pub(super) fn proxies(facts: &Facts, config: &Config) -> Vec<Diagnosis> {
    if config.fetch.want.is_empty() {
        return Vec::new();
    }
    let told = |(variable, wrong): &(String, Option<String>)| {
        let object = format!("${variable}");
        if let Some(wrong) = wrong {
            let remedy = "write it like `http://proxy.example:3128`, for the service with `systemctl edit isomirror-fetch`";
            Diagnosis::fail("proxy", object, wrong.clone(), remedy)
        } else {
            let text = "is set here; a service has only the variables of its unit";
            Diagnosis::ok("proxy", object, text)
        }
    };
    facts.proxies.iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::parse,
        doctor::{Clock, Level},
    };

    fn unit_of(name: &str, active: &str, file: &str) -> Unit {
        Unit { name: name.into(), load: "loaded".into(), active: active.into(), file: file.into() }
    }

    #[test]
    fn units_have_to_run_now_and_after_a_boot() {
        for (name, active, file, level) in [
            (MAIN, "active", "enabled", Level::Ok),
            (MAIN, "active", "disabled", Level::Warn),
            (MAIN, "inactive", "enabled", Level::Fail),
            (MAIN, "inactive", "disabled", Level::Fail),
            (MAIN, "failed", "enabled", Level::Fail),
            ("isomirror-serve.service", "inactive", "disabled", Level::Ok),
            ("isomirror-serve.service", "inactive", "enabled", Level::Fail),
            ("isomirror-serve.service", "inactive", "masked", Level::Warn),
        ] {
            assert_eq!(unit(&unit_of(name, active, file)).level, level, "{name} {active} {file}");
        }
    }

    #[test]
    fn the_unit_that_fetches_is_needed_where_something_is_wanted() {
        let fetch = unit_of("isomirror-fetch.service", "failed", "enabled");
        let facts = Facts { units: Some(vec![fetch]), ..Facts::default() };
        assert_eq!(units(&facts, &Config::default()), []);
        assert_eq!(units(&facts, &parse("fetch: {want: [a]}").unwrap())[0].level, Level::Fail);
        let absent = Unit { load: "not-found".into(), ..unit_of(MAIN, "inactive", "") };
        let facts = Facts { units: Some(vec![absent]), ..Facts::default() };
        assert_eq!(units(&facts, &Config::default())[0].level, Level::Warn);
    }

    #[test]
    fn roles_that_nobody_plays_are_told() {
        let found = |played: &[&str], text: &str| {
            let roles_there = Some(played.iter().map(|&role| role.to_owned()).collect());
            let facts = Facts { roles: roles_there, ..Facts::default() };
            let found = roles(&facts, &parse(text).unwrap());
            found.into_iter().map(|found| (found.level, found.object)).collect::<Vec<_>>()
        };
        assert_eq!(found(&["mount", "serve"], ""), [(Level::Ok, "mount, serve".to_owned())]);
        assert_eq!(
            found(&["mount", "serve"], "fetch: {want: [a]}"),
            [(Level::Warn, "fetch".to_owned())]
        );
        assert_eq!(found(&["serve"], ""), [(Level::Fail, "mount".to_owned())]);
        assert_eq!(found(&[], ""), [(Level::Fail, "isomirrord".to_owned())]);
    }

    #[test]
    fn a_clock_that_was_never_set_fails() {
        for (year, is_synchronised, level) in [
            (2026, Some(true), Level::Ok),
            (2026, None, Level::Ok),
            (2026, Some(false), Level::Warn),
            (1970, Some(true), Level::Fail),
        ] {
            let facts = Facts { clock: Some(Clock { is_synchronised, year }), ..Facts::default() };
            assert_eq!(clock(&facts, &Config::default())[0].level, level, "{year}");
        }
    }

    #[test]
    fn errors_keys_and_proxies_are_told_with_what_to_do() {
        let wanting = parse("fetch: {want: [a]}").unwrap();
        let facts = Facts {
            configuration: vec![(true, "f:1:1: a".into()), (false, "f:2:1: b".into())],
            unverifiable: vec![("a".into(), "put a key there".into())],
            unknown_wants: vec![("b".into(), None)],
            proxies: vec![
                ("http_proxy".into(), Some("is no URL".into())),
                ("https_proxy".into(), None),
            ],
            ..Facts::default()
        };
        let levels = |found: Vec<Diagnosis>| found.iter().map(|f| f.level).collect::<Vec<_>>();
        assert_eq!(levels(configuration(&facts, &wanting)), [Level::Fail, Level::Warn]);
        assert_eq!(levels(configuration(&Facts::default(), &wanting)), [Level::Ok]);
        assert_eq!(levels(keys(&facts, &wanting)), [Level::Fail; 2]);
        assert_eq!(levels(proxies(&facts, &wanting)), [Level::Fail, Level::Ok]);
        assert_eq!(proxies(&facts, &Config::default()), []);
    }
}
