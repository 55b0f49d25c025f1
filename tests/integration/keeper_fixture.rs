//! A publisher with one system, a catalog that knows it, and those who fetch it.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use isomirror_core::digest::{Algorithm, Hasher};
use isomirror_tests::{
    gpg::Gpg,
    images::iso9660,
    program::{Ended, command, run},
    publisher::Publisher,
    scratch,
};
use serde_json::Value;
use tempfile::TempDir;

/// When lists are signed.
pub(crate) const EARLY: &str = "20240101T000000";
pub(crate) const LATER: &str = "20250101T000000";

/// The publisher, and the machine that fetches.
pub(crate) struct Fixture {
    pub(crate) publisher: Publisher,
    pub(crate) gpg: Gpg,
    pub(crate) key: String,
    pub(crate) directory: TempDir,
}

/// What an entry says beside where its images are.
pub(crate) const SIGNED: &str = "    checksum: {file: SUMS, algorithm: sha256}\n    \
    signatures: [{on: list, file: SUMS.gpg, keys: [KEY]}]\n    trust: signed-list\n";
pub(crate) const UNSIGNED: &str =
    "    checksum: {file: SUMS, algorithm: sha256}\n    trust: unverified\n";

impl Fixture {
    /// With the entry `linux`, whose images are those of `/linux/`.
    pub(crate) fn new() -> Self {
        let gpg = Gpg::signing(b"").unwrap();
        let key = gpg.key("release", "ed25519", "never");
        let directory = scratch::directory().unwrap();
        for name in ["shipped/keys", "own", "state", "run"] {
            fs::create_dir_all(directory.path().join(name)).unwrap();
        }
        let fixture = Self { publisher: Publisher::start().unwrap(), gpg, key, directory };
        fixture.trust_key();
        fixture.entries(&[("linux", "/linux/", SIGNED)]);
        fixture
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.path("shipped/keys").join(format!("{}.asc", self.key))
    }

    pub(crate) fn trust_key(&self) {
        fs::write(self.key_file(), self.gpg.export("release")).unwrap();
    }

    /// Makes the catalog that of these ids, directories and rules.
    pub(crate) fn entries(&self, entries: &[(&str, &str, &str)]) {
        let mut text = "schema: 1\nentries:\n".to_owned();
        for (id, directory, rules) in entries {
            // Elsewhere, where it is a whole address.
            let at = match directory.strip_prefix("https://") {
                Some(_) => (*directory).to_owned(),
                None => self.publisher.url(directory),
            };
            let rules = rules.replace("KEY", &self.key).replace("ORIGIN", &self.publisher.url(""));
            let _ = write!(
                text,
                "  {id}:\n    title: T\n    distribution: d\n    edition: e\n    arch: any\n    \
                 directories: ['{at}']\n"
            );
            let usual = [
                ("find:", "    find: {method: checksum_file}\n".to_owned()),
                ("name:", format!("    name: '{id}-(?P<version>[0-9.]+)\\.iso'\n")),
            ];
            for (key, line) in usual {
                if !rules.lines().any(|rule| rule.trim_start().starts_with(key)) {
                    text += &line;
                }
            }
            text += &rules;
        }
        fs::write(self.path("own/test.yaml"), text).unwrap();
    }

    /// Puts up images of `linux`, and their list, signed at `at`.
    pub(crate) fn release(&self, images: &[(&str, &[u8])], at: &str) {
        for (version, content) in images {
            self.publisher.put(&format!("/linux/linux-{version}.iso"), content);
        }
        self.list(images, at);
    }

    /// Puts up a list, signed at `at`.
    pub(crate) fn list(&self, images: &[(&str, &[u8])], at: &str) {
        let mut list = String::new();
        for (version, content) in images {
            let _ = writeln!(list, "{}  linux-{version}.iso", sha256(content));
        }
        self.publisher.put("/linux/SUMS", list.as_bytes());
        self.gpg.take(list.as_bytes()).unwrap();
        self.publisher.put("/linux/SUMS.gpg", &self.gpg.sign("release", at, &["--detach-sign"]));
    }

    /// `isomirror ARGUMENTS`, with this fixture's catalog and places.
    pub(crate) fn command<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = command("isomirror", arguments);
        command.env("ISOMIRROR_CATALOG_DIRECTORIES", self.catalog_directories());
        command.env("STATE_DIRECTORY", self.path("state"));
        command.env("RUNTIME_DIRECTORY", self.path("run"));
        command.env("ISOMIRROR_CONFIG", self.path("isomirror.yaml"));
        command
    }

    pub(crate) fn catalog_directories(&self) -> String {
        format!("{}:{}", self.path("shipped").display(), self.path("own").display())
    }

    /// `isomirror fetch --json ARGUMENTS`: how it ended, and what it says of each entry.
    pub(crate) fn fetch<const N: usize>(&self, arguments: [&str; N]) -> (Ended, Vec<Value>) {
        if !self.path("isomirror.yaml").exists() {
            self.configure("");
        }
        let ended = run(self.command(["fetch", "--json"]).args(arguments));
        let document: Value = serde_json::from_str(&ended.output).unwrap_or_default();
        let results = document["results"].as_array().cloned().unwrap_or_default();
        (ended, results)
    }

    /// Writes the section `fetch` of the configuration.
    pub(crate) fn configure(&self, fetch: &str) {
        fs::write(self.path("isomirror.yaml"), format!("fetch: {{{fetch}}}\n")).unwrap();
    }

    /// Fetches `linux`, and asserts that it is current and is `content`.
    pub(crate) fn fetches(&self, version: &str, content: &[u8]) -> Value {
        let (ended, results) = self.fetch(["linux"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(
            (&results[0]["state"], &results[0]["version"]),
            (&"current".into(), &version.into())
        );
        assert!(fs::read(self.image(version)).unwrap() == content, "the published bytes");
        results[0].clone()
    }

    /// Fetches `linux` in vain; what is said about it.
    pub(crate) fn holds(&self, code: i32) -> String {
        let before = self.images();
        let (ended, results) = self.fetch(["linux"]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert_eq!(results[0]["state"], "held", "{ended:?}");
        assert_eq!(self.images(), before, "what is there stays, and nothing is added");
        results[0]["problem"].as_str().unwrap().to_owned()
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path("state/images")
    }

    pub(crate) fn image(&self, version: &str) -> PathBuf {
        self.store().join(format!("linux/{version}/linux-{version}.iso"))
    }

    /// All images that everybody can see, with their bytes.
    pub(crate) fn images(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        collect(&self.store(), &mut found);
        found.sort();
        found
    }

    /// Paths that were asked for since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.publisher.seen().into_iter().map(|seen| seen.path).collect()
    }
}

fn collect(directory: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.map(Result::unwrap) {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push((path.clone(), fs::read(path).unwrap()));
        }
    }
}

pub(crate) fn sha256(content: &[u8]) -> String {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(content);
    hasher.finish().hex().clone()
}

/// A small image with this label, different for each `seed`.
pub(crate) fn iso(label: &str, seed: u64) -> Vec<u8> {
    let directory = scratch::directory().unwrap();
    let tree = directory.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("file"), iso9660::bytes(seed, 100_000)).unwrap();
    let image = directory.path().join("image.iso");
    iso9660::xorriso(&tree, &image, &["-V", label]);
    fs::read(image).unwrap()
}

/// Whether a path that was asked for is that of an image.
pub(crate) fn is_image(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "iso")
}
