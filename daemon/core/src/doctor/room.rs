//! Whether there is room for what is to come.

use std::path::PathBuf;

use super::{Diagnosis, Facts};
use crate::config::Config;

/// Bytes below which a web root cannot be written to sensibly.
const LEAST_FOR_VIEWS: u64 = 16 << 20;

/// Bytes of an image of a usual size.
const ONE_IMAGE: u64 = 4 << 30;

/// Files below which a file system is about to be full.
const LEAST_FILES: u64 = 1000;

/// Whether the store and the web root can be written to.
pub(super) fn space(facts: &Facts, config: &Config) -> Vec<Diagnosis> {
    let is_fetched = !config.fetch.want.is_empty();
    let mut found = Vec::new();
    for room in &facts.rooms {
        let path = room.path.display().to_string();
        let is_store = room.what == "store";
        let free = format!("{} MiB of {} MiB are free", room.free >> 20, room.size >> 20);
        let remedy = "free some space, or set `fetch.quota`";
        found.push(if is_store && !is_fetched {
            Diagnosis::ok("room", path, free)
        } else if room.is_read_only {
            let remedy = "mount it read-write, or name another directory";
            Diagnosis::fail(
                "room",
                path,
                format!("the {} is on a file system that is read-only", room.what),
                remedy,
            )
        } else if room.free < LEAST_FOR_VIEWS {
            Diagnosis::fail(
                "room",
                path,
                format!("there is hardly room for the {}: {free}", room.what),
                remedy,
            )
        } else if room.free_files.is_some_and(|files| files < LEAST_FILES) {
            let remedy = "remove small files, or make the file system anew with more inodes";
            Diagnosis::warn("room", path, "nearly no more files can be made".to_owned(), remedy)
        } else if is_store && room.free < ONE_IMAGE {
            Diagnosis::warn(
                "room",
                path,
                format!("there is hardly room for an image: {free}"),
                remedy,
            )
        } else {
            Diagnosis::ok("room", path, free)
        });
    }
    found
}

/// Whether images can be looked for where they should be.
pub(super) fn directories(facts: &Facts, _: &Config) -> Vec<Diagnosis> {
    let told = |(path, wrong): &(PathBuf, String)| {
        let remedy = "make it a directory, or take it out of `media.directories`";
        Diagnosis::fail("images", path.display().to_string(), wrong.clone(), remedy)
    };
    facts.wrong_directories.iter().map(told).collect()
}

/// Whether all directories can be watched.
pub(super) fn watches(facts: &Facts, _: &Config) -> Vec<Diagnosis> {
    let Some(watches) = facts.watches else { return Vec::new() };
    let object = "fs.inotify.max_user_watches";
    let text = format!("{} directories of images, {} can be watched", watches.needed, watches.most);
    if watches.needed.saturating_mul(2) <= watches.most {
        return vec![Diagnosis::ok("inotify", object, text)];
    }
    let remedy = format!(
        "`sysctl {object}={}`, and put that into /etc/sysctl.d",
        (watches.needed * 4).max(65_536)
    );
    let diagnosis = if watches.needed > watches.most { Diagnosis::fail } else { Diagnosis::warn };
    vec![diagnosis("inotify", object, text, remedy)]
}

/// Whether the downloading service can write to the store.
pub(super) fn store(facts: &Facts, _: &Config) -> Vec<Diagnosis> {
    let Some(owner) = &facts.store else { return Vec::new() };
    let path = owner.path.display().to_string();
    match &owner.expected {
        Some((uid, name)) if *uid != owner.uid => {
            let text = format!("it belongs to user {}, and `{name}` cannot write to it", owner.uid);
            let remedy = format!("`chown -R {name}: {path}`");
            vec![Diagnosis::fail("store", path, text, remedy)]
        }
        _ => vec![Diagnosis::ok("store", path, "belongs to whom it should")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::parse,
        doctor::{Level, Owner, Room, Watches},
    };

    fn room(what: &'static str, free: u64) -> Room {
        Room { path: "/a".into(), what, free, size: 1 << 40, is_read_only: false, free_files: None }
    }

    fn level(room: Room) -> Level {
        let config = parse("fetch: {want: [a]}").unwrap();
        space(&Facts { rooms: vec![room], ..Facts::default() }, &config)[0].level
    }

    #[test]
    fn a_store_needs_room_for_an_image_and_a_web_root_for_little() {
        assert_eq!(level(room("store", 100 << 30)), Level::Ok);
        assert_eq!(level(room("store", 1 << 30)), Level::Warn);
        assert_eq!(level(room("store", 1 << 20)), Level::Fail);
        assert_eq!(level(room("web root", 1 << 30)), Level::Ok);
        assert_eq!(level(room("web root", 1 << 20)), Level::Fail);
        assert_eq!(level(Room { is_read_only: true, ..room("web root", 1 << 30) }), Level::Fail);
        assert_eq!(level(Room { free_files: Some(3), ..room("web root", 1 << 30) }), Level::Warn);
        let rooms = vec![room("store", 0)];
        let nothing_wanted = space(&Facts { rooms, ..Facts::default() }, &Config::default());
        assert_eq!(nothing_wanted[0].level, Level::Ok);
    }

    #[test]
    fn directories_have_to_be_few_enough_to_be_watched() {
        for (needed, level) in [(10, Level::Ok), (60, Level::Warn), (101, Level::Fail)] {
            let facts = Facts { watches: Some(Watches { most: 100, needed }), ..Facts::default() };
            assert_eq!(watches(&facts, &Config::default())[0].level, level);
        }
    }

    #[test]
    fn a_store_of_somebody_else_is_told_with_the_command_that_gives_it_away() {
        let level = |uid, expected| {
            let owner = Owner { path: "/a".into(), uid, expected };
            let found =
                store(&Facts { store: Some(owner), ..Facts::default() }, &Config::default());
            (found[0].level, found[0].remedy.clone())
        };
        assert_eq!(level(7, Some((7, "isomirror".into()))), (Level::Ok, None));
        assert_eq!(level(0, None), (Level::Ok, None));
        let remedy = Some("`chown -R isomirror: /a`".to_owned());
        assert_eq!(level(0, Some((7, "isomirror".into()))), (Level::Fail, remedy));
    }
}
