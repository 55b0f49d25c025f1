//! The views as files of the web root, for other servers: under the same URLs they give the same answers as our own,
//! as far as files can. Which file goes where is decided here; writing them is for the daemon.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    IndexView, MirrorUrl, ViewSettings, apt_sources, checksums, document_text, index_page,
    ipxe::{BootViews, boot_menu, script_of},
    medium_text, rpm_repositories,
};
use crate::{
    generated::{Fetchable, Filling, Generated},
    state::{MediumState, SourceKind, StateDocument},
};

/// Directory of the files that belong to media, below the web root.
const DIRECTORY: &str = "_";

/// A file of the web root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebRootFile {
    /// A regular file with these bytes.
    Bytes(Vec<u8>),
    /// A symbolic link to this absolute path.
    Link(PathBuf),
}

/// Files by their paths below the web root: one to three components, none of which is `.` or `..`.
pub type WebRootFiles = BTreeMap<String, WebRootFile>;

/// What files are rendered from.
#[derive(Clone, Copy, Debug)]
pub struct WebRootViews<'a> {
    /// All media.
    pub document: &'a StateDocument,
    /// What the operator says of views.
    pub settings: &'a ViewSettings,
    /// The media whose trees are in the web root.
    pub fetchable: &'a Fetchable<'a>,
}

/// All files of the web root. Those that have to say where the mirror is are left out where the configuration does not
/// tell it, but for menus: these find it out.
#[must_use]
pub fn web_root_files(views: &WebRootViews<'_>) -> WebRootFiles {
    let WebRootViews { document, settings, fetchable } = *views;
    let mirror = settings.base_url.as_ref().map(MirrorUrl::of_base);
    let boot = BootViews { document, settings: &settings.boot, mirror: mirror.as_ref(), fetchable };
    let mut files = Writer::default();
    files.text(
        "index.html",
        Some(index_page(&IndexView {
            document,
            is_exported: &|name| fetchable.contains_key(name),
            mirror: mirror.as_ref(),
            is_mirror_fixed: mirror.is_some(),
        })),
    );
    let checksums = checksums(document, |name| fetchable.contains_key(name));
    files.text("CHECKSUM", Some(checksums));
    files.text("index.json", document_text(document));
    files.text("boot.ipxe", Some(boot_menu(&boot)));
    for medium in &document.media {
        let Some(generated) = fetchable.get(&medium.name) else { continue };
        let name = medium.name.as_str();
        let beside = |ending: &str| format!("{DIRECTORY}/{name}.{ending}");
        files.text(&beside("json"), medium_text(document, name));
        files.text(&beside("ipxe"), Some(script_of(&boot, medium, generated)));
        if medium.source.kind == SourceKind::File && medium.source.path.is_absolute() {
            files.0.insert(beside("iso"), WebRootFile::Link(medium.source.path.clone()));
        }
        if let Some(mirror) = &mirror {
            files.text(&beside("repo"), rpm_repositories(medium, mirror));
            files.text(&beside("sources"), apt_sources(medium, mirror));
        }
        files.generated(medium, generated, mirror.as_ref(), settings);
    }
    files.0
}

#[derive(Default)]
struct Writer(WebRootFiles);

impl Writer {
    fn text(&mut self, path: &str, text: Option<String>) {
        self.bytes(path.to_owned(), text.map(String::into_bytes));
    }

    fn bytes(&mut self, path: String, bytes: Option<Vec<u8>>) {
        self.0.extend(bytes.map(|bytes| (path, WebRootFile::Bytes(bytes))));
    }

    fn generated(
        &mut self,
        medium: &MediumState,
        generated: &Generated,
        mirror: Option<&MirrorUrl>,
        settings: &ViewSettings,
    ) {
        let tree = mirror.map(|mirror| mirror.tree(&medium.name));
        let answers = settings.boot.answers_of(medium);
        let answers = mirror.and_then(|mirror| Some(answers?.url(mirror.as_str())));
        let filling = Filling { tree: tree.as_deref(), answers: answers.as_deref() };
        for (path, file) in generated.files() {
            let path = format!("{DIRECTORY}/{}/{path}", medium.name);
            self.bytes(path, file.render(filling));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        boot::{Detection, Repository, RepositoryKind},
        config::BaseUrl,
        view::document::tests::medium,
    };

    fn files(base_url: Option<&str>) -> WebRootFiles {
        let repository = |kind| Repository {
            id: "a".into(),
            kind,
            path: String::new(),
            key: None,
            suite: vec!["sid".into(), "main".into()],
        };
        let repositories = vec![repository(RepositoryKind::Rpm), repository(RepositoryKind::Apt)];
        let mut disc = medium("D");
        disc.source.kind = SourceKind::Drive;
        let mut unmounted = medium("U");
        unmounted.mountpoint = None;
        let installer = MediumState {
            detection: Detection { repositories, ..Detection::default() },
            ..medium("A")
        };
        let media = vec![installer, disc, unmounted];
        let document = StateDocument { media, ..StateDocument::default() };
        let base_url = base_url.map(|url| BaseUrl::try_from(url.to_owned()).unwrap());
        let settings = ViewSettings { base_url, ..ViewSettings::default() };
        let generated = Generated::default();
        let names =
            document.media.iter().map(|medium| &medium.name).filter(|name| name.as_str() != "U");
        web_root_files(&WebRootViews {
            document: &document,
            settings: &settings,
            fetchable: &names.map(|name| (name, &generated)).collect(),
        })
    }

    #[test]
    fn media_whose_trees_are_there_have_their_files() {
        let with_base = files(Some("http://m"));
        let paths: Vec<_> = with_base.keys().map(String::as_str).collect();
        assert_eq!(
            paths,
            [
                "CHECKSUM",
                "_/A.ipxe",
                "_/A.iso",
                "_/A.json",
                "_/A.repo",
                "_/A.sources",
                "_/D.ipxe",
                "_/D.json",
                "boot.ipxe",
                "index.html",
                "index.json"
            ]
        );
        assert!(
            matches!(&with_base["_/A.iso"], WebRootFile::Link(path) if path.starts_with("/secret"))
        );
        let without = files(None);
        assert!(!without.contains_key("_/A.repo") && !without.contains_key("_/A.sources"));
        assert!(
            matches!(&without["boot.ipxe"], WebRootFile::Bytes(text) if text.ends_with(b"exit\n"))
        );
    }
}
