//! A release: what is to be fetched, and by what it is known to be right.

use std::{collections::BTreeSet, sync::Arc};

use super::locate::{Located, filled};
use crate::{
    catalog::{Entry, EntryId, ImageKind, KeyId, RemoteName, Scheme, SignatureKind, Signed, Url},
    checksums::Hints,
    digest::Digest,
    trust::Trust,
};

/// The newest release of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The entry.
    pub id: EntryId,
    /// Its version.
    pub version: String,
    /// Name of the image; in the store it also stands below id and version, for many have the same name for ever.
    pub file_name: RemoteName,
    /// Where the image is: the best first, mirrors last.
    pub urls: Vec<Url>,
    /// Where a Metalink of it is: nothing that it says has to be believed.
    pub metalink: Option<Url>,
    /// Bytes, where it is told.
    pub size: Option<u64>,
    /// Bytes that it may have at most.
    pub max_size: u64,
    /// Its digests as far as they are told. Those of a signed list count only once it is verified, and then as they stand
    /// in what the signature covers.
    pub digests: Vec<Digest>,
    /// The list of digests.
    pub list: Option<ListToVerify>,
    /// Signatures; all of them have to be good.
    pub signatures: Vec<SignatureToVerify>,
    /// What the entry promises to vouch for the image.
    pub trust: Trust,
    /// What vouches for [`Release::digests`] before any signature is looked at: the operator, or who tells them, by HTTPS.
    pub told: Trust,
    /// Name under which it is to be published instead of its label.
    pub alias: Option<String>,
    /// What the file is.
    pub image: ImageKind,
    /// Whether it comes from an archive: no newer one is to be expected.
    pub archived: bool,
}

/// A list of digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListToVerify {
    /// Where it was.
    pub url: Url,
    /// The very bytes from which [`Release::digests`] are.
    pub bytes: Arc<[u8]>,
    /// What it calls the image.
    pub listed_name: String,
    /// What has to be known to read it.
    pub hints: Hints,
}

/// A signature that has to be good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureToVerify {
    /// What it is on.
    pub on: Signed,
    /// Where it stands.
    pub kind: SignatureKind,
    /// How it is made.
    pub scheme: Scheme,
    /// Who may have made it.
    pub keys: Vec<KeyId>,
    /// Where it was and what it is, unless it stands in the list.
    pub detached: Option<(Url, Arc<[u8]>)>,
}

impl Release {
    /// Name of the image in the store: that of what is in it, where it is packed.
    #[must_use]
    pub fn local_name(&self) -> String {
        let name = self.file_name.as_str();
        let ending = match self.image {
            ImageKind::Bz2 => ".bz2",
            ImageKind::Xz => ".xz",
            ImageKind::Zip => ".zip",
            ImageKind::Iso | ImageKind::Other => return name.to_owned(),
        };
        let inner = name.strip_suffix(ending).unwrap_or(name);
        let stem = inner.strip_suffix(".iso").unwrap_or(inner);
        format!("{stem}.iso")
    }

    pub(super) fn new(
        entry: &Entry,
        located: Located,
        version: String,
        list: Option<ListToVerify>,
        signatures: Vec<SignatureToVerify>,
        told: Trust,
    ) -> Self {
        let mut values = located.values;
        values.insert("version".to_owned(), version.clone());
        let name = located.name.as_str();
        let metalink = entry.metalink.as_ref().and_then(|name| name.fill(&values));
        let metalink = metalink.and_then(|name| located.directories.first()?.join(&name));
        let others =
            if located.archived { Vec::new() } else { filled(&entry.directories, &values) };
        let directories =
            located.directories.into_iter().chain(others).chain(filled(&entry.mirrors, &values));
        let beside = directories.filter_map(|directory| directory.join(name));
        let mut seen = BTreeSet::new();
        let urls = located.url.into_iter().chain(beside).filter(|url| seen.insert(url.clone()));
        Self {
            id: entry.id.clone(),
            urls: urls.collect(),
            metalink,
            size: located.size,
            max_size: entry.max_size.bytes(),
            digests: located.digests,
            list,
            signatures,
            trust: entry.trust,
            told,
            alias: entry.alias.as_ref().and_then(|alias| alias.fill(&values)),
            image: entry.image,
            archived: located.archived,
            file_name: located.name,
            version,
        }
    }
}
