//! The digests of an image, and the signatures that are to be verified.

use super::{
    Document, DocumentRequest, Documents, ListToVerify, Otherwise, Outcome, Release, Resolving,
    SignatureToVerify, document::Reading, locate::Located,
};
use crate::{
    catalog::{ChecksumRule, SignatureKind, SignatureRule, Signed, Template, Url},
    checksums::{ChecksumList, Hints, ListedFile},
    digest::Digest,
    trust::Trust,
};

/// What stands at the beginning of a clearsigned text.
const CLEARSIGNED: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";

/// What stands at the beginning of a signature of signify.
const EMBEDDED: &[u8] = b"untrusted comment:";

impl<'r, D: Documents> Resolving<'r, D> {
    /// Brings together what has to be known to fetch and verify `located`.
    pub(super) fn release(&self, mut located: Located) -> Result<Release, Otherwise> {
        self.want_all(&located)?;
        let by_document = located.digests.clone();
        let list = match &self.entry.checksum {
            Some(rule) => Some(self.list(rule, &mut located)?),
            None => None,
        };
        let rules = self.entry.signatures.iter();
        let signatures = rules
            .map(|rule| self.signature(rule, &located, list.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        let version = located.version.clone().or_else(|| version_of_digest(&located.digests));
        let Some(version) = version else {
            let what = "neither a name nor a digest tells its version".to_owned();
            return Err(Outcome::Unknown(what).otherwise());
        };
        let mut told = self.told(&by_document, &located.digests, list.as_ref());
        if let Some(pinned) = self.entry.pinned.get(&version) {
            agree(&mut located, pinned, "the operator's catalog")?;
            if pinned.algorithm().is_strong() {
                told = Trust::Pinned;
            }
        }
        let is_strong = |digest: &Digest| digest.algorithm().is_strong();
        let needs_digest = matches!(self.entry.trust, Trust::OneSource | Trust::TwoSources);
        if needs_digest && !located.digests.iter().any(is_strong) {
            let what = format!("nothing has a digest of `{}`", located.name);
            return Err(Outcome::Unknown(what).otherwise());
        }
        let release = Release::new(self.entry, located, version, list, signatures, told);
        let limit = self.entry.max_size.bytes();
        if release.size.is_some_and(|size| size > limit) {
            let what = format!("the image has more than {limit} bytes: raise `max_size`");
            return Err(Outcome::held(what));
        }
        Ok(release)
    }

    /// What vouches for digests that nobody signed: two places that are independent of each other and agree on a strong
    /// one, or one, asked by HTTPS in any case.
    fn told(&self, by_document: &[Digest], all: &[Digest], list: Option<&ListToVerify>) -> Trust {
        let is_strong = |digest: &&Digest| digest.algorithm().is_strong();
        let is_private = |url: &Url| url.as_str().starts_with("https://");
        let document = self.entry.find.at.clone().or_else(|| self.entry.repository_url());
        let document = document
            .filter(|url| is_private(url) && by_document.iter().any(|digest| is_strong(&digest)));
        let list = list.map(|list| &list.url).filter(|url| is_private(url));
        let is_repeated = || {
            let file = self.entry.checksum.as_ref();
            let algorithm = file.map(|rule| rule.algorithm);
            by_document
                .iter()
                .any(|digest| is_strong(&digest) && Some(digest.algorithm()) == algorithm)
        };
        match (document, list) {
            (Some(document), Some(list)) if is_repeated() && document.host() != list.host() => {
                Trust::TwoSources
            }
            (Some(_), _) => Trust::OneSource,
            (None, Some(_)) if all.iter().any(|digest| is_strong(&digest)) => Trust::OneSource,
            _ => Trust::Unverified,
        }
    }

    /// Asks for list and signatures together.
    fn want_all(&self, located: &Located) -> Result<(), Otherwise> {
        let list = self.entry.checksum.iter().map(|rule| &rule.file);
        let signatures = self.entry.signatures.iter().filter_map(|rule| rule.file.as_ref());
        let first = |file: &Template| places(file, located).into_iter().next();
        let requests: Vec<_> =
            list.chain(signatures).filter_map(first).map(DocumentRequest::metadata).collect();
        self.want(&requests)
    }

    /// The document `file` of the image's directories, or `None` where none of them has it.
    fn beside(
        &self,
        file: &Template,
        located: &Located,
    ) -> Result<Option<(Url, &'r Document)>, Otherwise> {
        let mut trouble = None;
        for url in places(file, located) {
            match self.read(&DocumentRequest::metadata(url.clone()))? {
                Reading::Found(document) => return Ok(Some((url, document))),
                Reading::Gone => {}
                Reading::Unreadable(why) => trouble = trouble.or(Some(Self::unknown(&url, &why))),
            }
        }
        trouble.map_or(Ok(None), Err)
    }

    /// The list of digests; what it says of the image is put into `located`.
    fn list(&self, rule: &ChecksumRule, located: &mut Located) -> Result<ListToVerify, Otherwise> {
        let Some((url, document)) = self.beside(&rule.file, located)? else {
            let what = format!("`{}` is there, but `{}` is not yet", located.name, rule.file);
            return Err(Outcome::Pending(what).otherwise());
        };
        let hints = self.hints(Some(located.name.to_string()));
        let list = ChecksumList::parse(&document.bytes, &hints)
            .map_err(|error| Self::unknown(&url, &error.to_string()))?;
        let file = self.listed(rule, &list, located).map_err(|why| Self::unknown(&url, &why))?;
        if file.digest(rule.algorithm).is_none() {
            let why = format!("it has no {} of `{}`", rule.algorithm, located.name);
            return Err(Self::unknown(&url, &why));
        }
        for digest in &file.digests {
            agree(located, digest, url.as_str())?;
        }
        located.size = file.size.or(located.size);
        Ok(ListToVerify {
            url,
            bytes: document.bytes.clone(),
            listed_name: file.name.clone(),
            hints,
        })
    }

    /// What the list says of the image.
    fn listed<'l>(
        &self,
        rule: &ChecksumRule,
        list: &'l ChecksumList,
        located: &Located,
    ) -> Result<&'l ListedFile, String> {
        let absent = match list.find(located.name.as_str()) {
            Ok(file) => return Ok(file),
            Err(absent) => absent.to_string(),
        };
        if rule.lists_exact_name {
            return Err(absent);
        }
        let mut fitting = list.files().iter().filter(|file| self.entry.name.fits(file.file_name()));
        match (fitting.next(), fitting.next()) {
            (Some(file), None) => Ok(file),
            _ => Err(absent),
        }
    }

    /// A signature. One that is missing is not the same as an entry without signatures.
    fn signature(
        &self,
        rule: &SignatureRule,
        located: &Located,
        list: Option<&ListToVerify>,
    ) -> Result<SignatureToVerify, Otherwise> {
        let missing = |what: &str| Outcome::held(format!("downgrade: {what}, and has to be"));
        let SignatureRule { on, kind, scheme, keys, file } = rule.clone();
        let detached = match kind {
            SignatureKind::Clearsigned | SignatureKind::Embedded => {
                let mark = if kind == SignatureKind::Embedded { EMBEDDED } else { CLEARSIGNED };
                let is_signed =
                    |list: &ListToVerify| list.bytes.trim_ascii_start().starts_with(mark);
                if !list.is_some_and(is_signed) {
                    return Err(missing("the list of digests is not signed"));
                }
                None
            }
            SignatureKind::Detached => {
                let found = match &file {
                    Some(file) => self.beside(file, located)?,
                    None => None,
                };
                let Some((url, document)) = found else {
                    let what = if on == Signed::List { "list" } else { "image" };
                    return Err(missing(&format!("there is no signature of the {what}")));
                };
                Some((url, document.bytes.clone()))
            }
        };
        Ok(SignatureToVerify { on, kind, scheme, keys, detached })
    }

    /// What is known of a list before it is read.
    pub(super) fn hints(&self, only_file: Option<String>) -> Hints {
        let algorithm = self.entry.checksum.as_ref().map(|rule| rule.algorithm);
        Hints { algorithm, only_file, ..Hints::default() }
    }
}

/// Puts into `located` what `source` says that its digest is.
fn agree(located: &mut Located, digest: &Digest, source: &str) -> Result<(), Otherwise> {
    let known = located.digests.iter().find(|known| known.algorithm() == digest.algorithm());
    match known {
        None => located.digests.push(digest.clone()),
        Some(known) if known == digest => {}
        Some(_) => {
            let name = &located.name;
            let what = format!("`{source}` has another digest of `{name}` than was told elsewhere");
            return Err(Outcome::held(what));
        }
    }
    Ok(())
}

/// Where the document `file` may be.
fn places(file: &Template, located: &Located) -> Vec<Url> {
    let Some(file) = file.fill(&located.values) else { return Vec::new() };
    let mut urls: Vec<_> =
        located.directories.iter().filter_map(|directory| directory.join(&file)).collect();
    urls.dedup();
    urls
}

/// What tells apart images that all have one name.
fn version_of_digest(digests: &[Digest]) -> Option<String> {
    let strongest = digests.iter().max_by_key(|digest| digest.algorithm())?;
    strongest.hex().get(..12).map(str::to_owned)
}
