//! What is wrong with an entry beyond what its types tell.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Entry, Method, Template,
    verification::{Scheme, SignatureKind, SignatureRule, Signed},
};
use crate::{catalog::Url, trust::Trust};

/// Something wrong with the key `key` of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) key: &'static str,
    pub(super) message: String,
}

#[expect(clippy::unnecessary_wraps, reason = "a check ends with what is wrong as it is")]
fn fault(key: &'static str, message: impl Into<String>) -> Option<Fault> {
    Some(Fault { key, message: message.into() })
}

impl Entry {
    /// Everything that is wrong with it.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let examples =
            self.check_examples().into_iter().map(|message| Fault { key: "examples", message });
        [
            self.method_fault(),
            self.document_fault(),
            self.version_fault(),
            self.checksum_fault(),
            self.trust_fault(),
            self.architecture_fault(),
        ]
        .into_iter()
        .flatten()
        .chain(self.template_faults())
        .chain(self.signatures.iter().filter_map(SignatureRule::fault))
        .chain(examples)
        .collect()
    }

    fn method_fault(&self) -> Option<Fault> {
        let find = &self.find;
        match find.method {
            method if method.has_document() && find.at.is_none() => {
                fault("find", format!("the method `{}` needs `at`", method.as_str()))
            }
            Method::TextPointer if find.pattern.is_none() => {
                fault("find", "the method `text_pointer` needs `pattern`")
            }
            Method::GithubRelease if find.repository.is_none() || find.pattern.is_none() => {
                fault("find", "the method `github_release` needs `repository` and `pattern`")
            }
            Method::GithubRelease if self.repository_url().is_none() => {
                fault("find", "`repository` is not like `owner/name`")
            }
            Method::Json | Method::Yaml if find.items.is_none() => {
                fault("find", "a document needs `items`, and be it an empty path")
            }
            Method::ChecksumFile if self.checksum.is_none() => {
                fault("find", "the method `checksum_file` needs `checksum`")
            }
            Method::FixedName if self.file.is_none() => {
                fault("find", "the method `fixed_name` needs `file`")
            }
            Method::Manual if find.instructions.is_none() => {
                fault("find", "the method `manual` needs `instructions`")
            }
            _ => None,
        }
    }

    fn document_fault(&self) -> Option<Fault> {
        let find = &self.find;
        let has_own_urls = find.fields.url.is_some()
            || matches!(
                find.method,
                Method::Redirect | Method::GithubRelease | Method::Html | Method::Manual
            );
        if self.directories.is_empty() && !has_own_urls {
            return fault("directories", "an image has to lie somewhere");
        }
        if find.series.is_some() != find.series_at.is_some() {
            return fault("find", "`series` and `series_at` go together");
        }
        None
    }

    fn version_fault(&self) -> Option<Fault> {
        let has_group = self.name.group_names().any(|group| group == "version");
        let from_document = self.find.fields.version.is_some()
            || self
                .find
                .pattern
                .as_ref()
                .is_some_and(|pattern| pattern.group_names().any(|group| group == "version"));
        let is_told = has_group
            || self.version.is_some()
            || from_document
            || matches!(self.find.method, Method::FixedName);
        if is_told {
            None
        } else {
            fault("name", "nothing tells the version: name a group `version`")
        }
    }

    fn checksum_fault(&self) -> Option<Fault> {
        let checksum = self.checksum.as_ref()?;
        let not_before = |place: &str| matches!(place, "version" | "file");
        if self.find.method == Method::ChecksumFile && checksum.file.places().any(not_before) {
            return fault(
                "checksum",
                "`checksum_file` finds versions in the list: its name has to be known before",
            );
        }
        None
    }

    fn trust_fault(&self) -> Option<Fault> {
        let strong = self.checksum.as_ref().is_some_and(|checksum| checksum.algorithm.is_strong());
        let fields = &self.find.fields;
        let by_document = fields.sha256.is_some()
            || fields.sha512.is_some()
            || self.find.method == Method::GithubRelease;
        let is_kept = match self.trust {
            Trust::SignedList => strong && self.signature_on(Signed::List).is_some(),
            Trust::SignedImage => self.signature_on(Signed::Image).is_some(),
            Trust::OneSource => strong || by_document,
            Trust::TwoSources => strong && by_document,
            Trust::Unverified | Trust::Pinned => true,
        };
        if is_kept {
            None
        } else {
            fault("trust", format!("nothing here makes it `{}`", self.trust))
        }
    }

    fn architecture_fault(&self) -> Option<Fault> {
        const KNOWN: [&str; 8] =
            ["x86_64", "aarch64", "i386", "armv7l", "ppc64le", "riscv64", "s390x", "any"];
        if KNOWN.contains(&self.arch.as_str()) {
            return None;
        }
        fault(
            "arch",
            format!("`{}` is not an architecture: there are {}", self.arch, KNOWN.join(", ")),
        )
    }

    fn template_faults(&self) -> Vec<Fault> {
        let mut known: BTreeSet<&str> = self.name.group_names().collect();
        known.extend(["version", "file", "series", "id"]);
        known.extend(
            self.find.pattern.iter().flat_map(super::name_pattern::NamePattern::group_names),
        );
        let urls = [
            ("directories", &self.directories),
            ("archives", &self.archives),
            ("mirrors", &self.mirrors),
        ];
        let files = self.checksum.iter().map(|checksum| ("checksum", &checksum.file));
        let signatures =
            self.signatures.iter().filter_map(|rule| Some(("signatures", rule.file.as_ref()?)));
        let others = [
            ("version", self.version.as_ref()),
            ("file", self.file.as_ref()),
            ("alias", self.alias.as_ref()),
            ("metalink", self.metalink.as_ref()),
        ];
        let others = others.into_iter().filter_map(|(key, template)| Some((key, template?)));
        let all = urls.iter().flat_map(|(key, list)| list.iter().map(|template| (*key, template)));
        let all = all.chain(files).chain(signatures).chain(others);
        let mut faults: Vec<_> = all
            .filter_map(|(key, template)| {
                let strange = template.places().find(|place| !known.contains(place))?;
                fault(key, format!("`{{{strange}}}` in `{template}` stands for nothing"))
            })
            .collect();
        for (key, list) in urls {
            let wrong = list.iter().filter(|template| !is_directory(template));
            faults.extend(wrong.filter_map(|template| {
                fault(key, format!("`{template}` is not the URL of a directory: it begins with `https://` and ends with `/`"))
            }));
        }
        faults
    }
}

/// Whether a template makes a URL that ends with a slash.
fn is_directory(template: &Template) -> bool {
    let values: BTreeMap<_, _> =
        template.places().map(|place| (place.to_owned(), "0".to_owned())).collect();
    let filled = template.fill(&values).and_then(|text| Url::try_from(text).ok());
    filled.is_some() && template.as_str().ends_with('/')
}

impl SignatureRule {
    fn fault(&self) -> Option<Fault> {
        let within = self.kind != SignatureKind::Detached;
        if within && self.on == Signed::Image {
            return fault("signatures", "the signature on an image is detached");
        }
        if !within && self.file.is_none() {
            return fault("signatures", "a detached signature needs `file`");
        }
        if within && self.file.is_some() {
            return fault("signatures", "a signature within the list has no `file` of its own");
        }
        if self.scheme == Scheme::Openpgp {
            let vague = self.keys.iter().find(|key| !key.is_fingerprint());
            return vague.and_then(|key| {
                fault(
                    "signatures",
                    format!("`{key}` is not a whole fingerprint: 40 or 64 digits, in upper case"),
                )
            });
        }
        None
    }
}
