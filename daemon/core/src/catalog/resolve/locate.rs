//! Finding the newest image, and the directory in which it lies.

use std::collections::BTreeMap;

use super::{
    Document, DocumentRequest, Documents, Otherwise, Outcome, Resolving,
    document::Reading,
    newest::{Chosen, newest},
};
use crate::{
    catalog::{Candidate, Method, RemoteName, Template, Url, VersionRule, discovery},
    checksums::ChecksumList,
    digest::Digest,
    version_order,
};

/// An image, and where it is.
pub(super) struct Located {
    pub(super) name: RemoteName,
    pub(super) version: Option<String>,
    /// Its own address, where a document gave one.
    pub(super) url: Option<Url>,
    pub(super) size: Option<u64>,
    pub(super) digests: Vec<Digest>,
    pub(super) values: BTreeMap<String, String>,
    /// Directories that have it and its lists.
    pub(super) directories: Vec<Url>,
    /// Whether it was found in an archive.
    pub(super) archived: bool,
}

impl Located {
    fn new(chosen: Chosen, directories: Vec<Url>) -> Self {
        let Chosen { name, version, url, size, digests, values } = chosen;
        Self { name, version, url, size, digests, values, directories, archived: false }
    }
}

impl<D: Documents> Resolving<'_, D> {
    /// The newest image. The archives are looked at only where the servers say that nothing is left.
    pub(super) fn locate(&self) -> Result<Located, Otherwise> {
        let entry = self.entry;
        let method = entry.find.method;
        if method.has_document() || method == Method::GithubRelease {
            if let Some(located) = self.by_document()? {
                return Ok(located);
            }
        } else {
            let values = self.series()?;
            if let Some(located) = self.by_directories(&entry.directories, &values)? {
                return Ok(located);
            }
            if !values.is_empty() {
                let what = "the newest directory is announced, but not there yet".to_owned();
                return Err(Outcome::Pending(what).otherwise());
            }
        }
        let Some(located) = self.by_directories(&entry.archives, &BTreeMap::new())? else {
            let what = "no directory of the entry is there any more".to_owned();
            return Err(Outcome::Unknown(what).otherwise());
        };
        Ok(Located { archived: true, ..located })
    }

    /// By the document that `at` names; `None` where there is none any more.
    fn by_document(&self) -> Result<Option<Located>, Otherwise> {
        let entry = self.entry;
        let at = entry.find.at.clone().or_else(|| entry.repository_url());
        let Some(at) = at else {
            return Err(Outcome::Unknown("the entry names no document".to_owned()).otherwise());
        };
        let request = match entry.find.method {
            Method::Redirect => DocumentRequest::Destination(at.clone()),
            Method::Html | Method::Rss | Method::GithubRelease => {
                DocumentRequest::listing(at.clone())
            }
            _ => DocumentRequest::metadata(at.clone()),
        };
        let document = match self.read(&request)? {
            Reading::Found(document) => document,
            Reading::Gone => return Ok(None),
            Reading::Unreadable(why) => return Err(Self::unknown(&at, &why)),
        };
        let candidates = if entry.find.method == Method::Redirect {
            let name = document.url.file_name();
            vec![Candidate { name, url: Some(document.url.clone()), ..Candidate::default() }]
        } else {
            discovery::scan(entry, &document.url, &document.bytes)
                .map_err(|why| Self::unknown(&at, &why))?
        };
        let mut chosen =
            newest(entry, candidates, &BTreeMap::new(), false).map_err(Outcome::otherwise)?;
        let directories = filled(&entry.directories, &chosen.values);
        if entry.find.method == Method::Html && !directories.is_empty() {
            // What a page links to may be anything; where images lie is told by the entry.
            chosen.url = None;
        }
        let own = chosen.url.as_ref().map(Url::directory);
        let directories =
            if directories.is_empty() { own.into_iter().collect() } else { directories };
        Ok(Some(Located::new(chosen, directories)))
    }

    /// The newest directory of the listing at `series_at`, as values for templates; no values where there is no listing.
    fn series(&self) -> Result<BTreeMap<String, String>, Otherwise> {
        let find = &self.entry.find;
        let (Some(at), Some(pattern)) = (&find.series_at, &find.series) else {
            return Ok(BTreeMap::new());
        };
        let document = match self.read(&DocumentRequest::listing(at.clone()))? {
            Reading::Found(document) => document,
            Reading::Gone => return Err(Self::unknown(at, "it is not there")),
            Reading::Unreadable(why) => return Err(Self::unknown(at, &why)),
        };
        let names = discovery::directories(&document.url, &document.bytes)
            .map_err(|why| Self::unknown(at, &why))?;
        let version = |name: &RemoteName| {
            let groups = pattern.groups(name.as_str())?;
            Some(groups.get("version").map_or_else(|| name.to_string(), Clone::clone))
        };
        let fitting = names.into_iter().filter_map(|name| Some((version(&name)?, name)));
        let newest = fitting
            .filter(|(version, _)| {
                self.entry.versions == VersionRule::PreReleases
                    || !version_order::is_pre_release(version)
            })
            .max_by(|(a, x), (b, y)| version_order::compare(a, b).then_with(|| x.cmp(y)));
        let (_, name) =
            newest.ok_or_else(|| Self::unknown(at, "no directory in it is of the entry"))?;
        Ok(BTreeMap::from([("series".to_owned(), name.to_string())]))
    }

    /// The newest image in the first of `templates` that can be read; `None` where all of them are gone. One that cannot be
    /// read may have a newer image, so it ends the search unless another has the same.
    fn by_directories(
        &self,
        templates: &[Template],
        values: &BTreeMap<String, String>,
    ) -> Result<Option<Located>, Otherwise> {
        let mut trouble = None;
        for directory in filled(templates, values) {
            let Some(request) = self.index_of(&directory, values) else {
                let chosen = newest(self.entry, vec![Candidate::default()], values, false);
                let chosen = chosen.map_err(Outcome::otherwise)?;
                return Ok(Some(Located::new(chosen, vec![directory])));
            };
            let read = match self.read(&request)? {
                Reading::Found(document) => self.offers(document),
                Reading::Gone => continue,
                Reading::Unreadable(why) => Err(why),
            };
            match read {
                Ok(candidates) => {
                    let announced = !values.is_empty();
                    let chosen = newest(self.entry, candidates, values, announced);
                    let chosen = chosen.map_err(Outcome::otherwise)?;
                    return Ok(Some(Located::new(chosen, vec![directory])));
                }
                Err(why) => trouble = trouble.or(Some(Self::unknown(request.url(), &why))),
            }
        }
        trouble.map_or(Ok(None), Err)
    }

    /// The document that tells what is in `directory`; `None` where none is needed.
    fn index_of(
        &self,
        directory: &Url,
        values: &BTreeMap<String, String>,
    ) -> Option<DocumentRequest> {
        match self.entry.find.method {
            Method::ChecksumFile => {
                let rule = self.entry.checksum.as_ref()?;
                let file = rule.file.fill(values)?;
                directory.join(&file).map(DocumentRequest::metadata)
            }
            Method::FixedName => {
                let chosen = newest(self.entry, vec![Candidate::default()], values, false).ok()?;
                let rule = self.entry.checksum.as_ref()?;
                let file = rule.file.fill(&chosen.values)?;
                directory.join(&file).map(DocumentRequest::metadata)
            }
            _ => Some(DocumentRequest::listing(directory.clone())),
        }
    }

    /// What the index of a directory offers.
    fn offers(&self, document: &Document) -> Result<Vec<Candidate>, String> {
        match self.entry.find.method {
            Method::FixedName => Ok(vec![Candidate::default()]),
            Method::ChecksumFile => {
                let list = ChecksumList::parse(&document.bytes, &self.hints(None))
                    .map_err(|error| error.to_string())?;
                let names =
                    list.files().iter().filter_map(|file| RemoteName::new(file.file_name()));
                Ok(names
                    .map(|name| Candidate { name: Some(name), ..Candidate::default() })
                    .collect())
            }
            _ => {
                let mut files = discovery::files(&document.url, &document.bytes)?;
                // A server that sends us on to a mirror does so for each file anew.
                for file in &mut files {
                    file.url = None;
                }
                Ok(files)
            }
        }
    }
}

/// The URLs that templates make.
pub(super) fn filled(templates: &[Template], values: &BTreeMap<String, String>) -> Vec<Url> {
    let url = |template: &Template| Url::try_from(template.fill(values)?).ok();
    templates.iter().filter_map(url).collect()
}
