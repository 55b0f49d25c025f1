//! Which of many candidates is the newest image of an entry.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use super::Outcome;
use crate::{
    catalog::{Candidate, Entry, RemoteName, Url, VersionRule},
    digest::Digest,
    version_order,
};

/// A candidate that is an image of the entry.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) name: RemoteName,
    /// `None` where the same name is used for ever.
    pub(super) version: Option<String>,
    pub(super) url: Option<Url>,
    pub(super) size: Option<u64>,
    pub(super) digests: Vec<Digest>,
    /// What is filled into templates.
    pub(super) values: BTreeMap<String, String>,
}

/// Either an image, or a release whose image is still to come.
enum Fitting {
    Image(Chosen),
    Announced(String),
}

impl Fitting {
    fn version(&self) -> Option<&str> {
        match self {
            Self::Image(chosen) => chosen.version.as_deref(),
            Self::Announced(version) => Some(version),
        }
    }
}

/// The newest of `candidates`, whatever their order. `values` is what is known already; `announced` says that what is missing
/// is to come.
pub(super) fn newest(
    entry: &Entry,
    candidates: Vec<Candidate>,
    values: &BTreeMap<String, String>,
    announced: bool,
) -> Result<Chosen, Outcome> {
    let all = candidates.into_iter().filter_map(|candidate| fitting(entry, candidate, values));
    let (early, releases): (Vec<_>, Vec<_>) =
        all.partition(|fitting| fitting.version().is_some_and(version_order::is_pre_release));
    let considered = match entry.versions {
        VersionRule::Releases => releases,
        VersionRule::PreReleases => releases.into_iter().chain(early).collect(),
    };
    let order = |a: &Fitting, b: &Fitting| {
        version_order::compare(a.version().unwrap_or_default(), b.version().unwrap_or_default())
    };
    let Some(best) = considered.iter().max_by(|a, b| order(a, b)) else {
        let what = format!("no name of an image of `{}` is there", entry.id);
        return Err(if announced { Outcome::Pending(what) } else { Outcome::Unknown(what) });
    };
    let version = best.version().unwrap_or_default().to_owned();
    let equal = considered.into_iter().filter(|fitting| {
        version_order::compare(fitting.version().unwrap_or_default(), &version) == Ordering::Equal
    });
    let images = equal.filter_map(|fitting| match fitting {
        Fitting::Image(chosen) => Some(chosen),
        Fitting::Announced(_) => None,
    });
    one_of(images.collect(), &version)
}

/// The only image of a version.
fn one_of(mut images: Vec<Chosen>, version: &str) -> Result<Chosen, Outcome> {
    let names: BTreeSet<_> = images.iter().map(|chosen| &chosen.name).collect();
    if names.len() > 1 {
        let names: Vec<_> = names.into_iter().map(ToString::to_string).collect();
        let what = format!("{version} has several images: {}", names.join(", "));
        return Err(Outcome::Unknown(what));
    }
    // One that has digests tells more than one that has none; else they are the same.
    images.sort_by_key(|chosen| (chosen.digests.len(), chosen.url.clone()));
    images.pop().ok_or_else(|| Outcome::Pending(format!("{version} has no image yet")))
}

/// What `candidate` is to the entry, if anything.
fn fitting(
    entry: &Entry,
    candidate: Candidate,
    known: &BTreeMap<String, String>,
) -> Option<Fitting> {
    let mut values = known.clone();
    values.extend(candidate.groups);
    values.extend(candidate.version.clone().map(|version| ("version".to_owned(), version)));
    let name = match (candidate.name, &entry.file) {
        (Some(name), _) => name,
        (None, Some(template)) => RemoteName::new(&template.fill(&values)?)?,
        (None, None) => {
            return candidate.version.filter(|version| is_sound(version)).map(Fitting::Announced);
        }
    };
    values.extend(entry.name.groups(name.as_str())?);
    let version = match &entry.version {
        Some(template) => Some(template.fill(&values)?),
        None => values.get("version").cloned(),
    };
    if version.as_ref().is_some_and(|version| !is_sound(version)) {
        return None;
    }
    values.extend(version.clone().map(|version| ("version".to_owned(), version)));
    values.insert("file".to_owned(), name.to_string());
    values.insert("id".to_owned(), entry.id.to_string());
    let Candidate { url, size, digests, .. } = candidate;
    Some(Fitting::Image(Chosen { name, version, url, size, digests, values }))
}

/// Whether a version can be the name of a directory.
fn is_sound(version: &str) -> bool {
    RemoteName::new(version).is_some()
}
