use std::{fs, os::unix::fs::MetadataExt};

use super::*;

struct Root {
    directory: tempfile::TempDir,
    files: WebFiles,
}

impl Root {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["web", "state"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        Self { files: WebFiles::load(&directory.path().join("state")), directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("web").join(name)
    }

    fn apply(&mut self, wanted: &[(&str, &str)]) -> Vec<String> {
        let file = |(name, text): &(&str, &str)| {
            let file = match text.strip_prefix("-> ") {
                Some(target) => WebRootFile::Link(target.into()),
                None => WebRootFile::Bytes(text.as_bytes().to_vec()),
            };
            ((*name).to_owned(), file)
        };
        let wanted: WebRootFiles = wanted.iter().map(file).collect();
        let path = self.path("");
        let root = File::open(&path).unwrap();
        self.files.apply(root.as_fd(), &path, &wanted, false)
    }

    /// As after the end of the process, however it came.
    fn restart(&mut self) {
        self.files = WebFiles::load(&self.directory.path().join("state"));
    }

    /// All that is in the web root, with its content.
    fn content(&self) -> Vec<(String, String)> {
        fn walk(directory: &Path, prefix: &str, found: &mut Vec<(String, String)>) {
            for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
                let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    walk(&entry.path(), &format!("{name}/"), found);
                    found.push((format!("{name}/"), String::new()));
                } else if kind.is_symlink() {
                    let target = fs::read_link(entry.path()).unwrap();
                    found.push((name, format!("-> {}", target.display())));
                } else {
                    found.push((name, fs::read_to_string(entry.path()).unwrap()));
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.path(""), "", &mut found);
        found.sort();
        found
    }
}

fn is(content: &[(String, String)], expected: &[(&str, &str)]) {
    let content: Vec<_> = content.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(content, expected);
}

#[test]
fn files_come_change_and_go_with_their_directories() {
    let mut root = Root::new();
    let wanted = [("_/A.iso", "-> /a.iso"), ("_/A/boot.cfg", "x"), ("index.html", "one")];
    assert_eq!(root.apply(&wanted), [""; 0]);
    let all = [
        ("_/", ""),
        ("_/A.iso", "-> /a.iso"),
        ("_/A/", ""),
        ("_/A/boot.cfg", "x"),
        ("index.html", "one"),
    ];
    is(&root.content(), &all);
    let mode = fs::metadata(root.path("index.html")).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o644);
    root.restart();
    assert_eq!(root.apply(&[("_/A.iso", "-> /b.iso"), ("index.html", "two")]), [""; 0]);
    is(&root.content(), &[("_/", ""), ("_/A.iso", "-> /b.iso"), ("index.html", "two")]);
    root.restart();
    assert_eq!(root.apply(&[]), [""; 0]);
    is(&root.content(), &[]);
    assert!(root.files.is_empty());
}

#[test]
fn a_file_is_written_only_when_it_changed() {
    let mut root = Root::new();
    let inode = |root: &Root| fs::metadata(root.path("a")).unwrap().ino();
    root.apply(&[("a", "one"), ("b", "one")]);
    let first = inode(&root);
    root.apply(&[("a", "one"), ("b", "two")]);
    root.restart();
    root.apply(&[("a", "one"), ("b", "three")]);
    assert_eq!(inode(&root), first);
    root.apply(&[("a", "two")]);
    assert_ne!(inode(&root), first, "it was replaced, not written into");
}

#[test]
fn what_is_foreign_stays_whatever_it_is_and_is_told_of() {
    let mut root = Root::new();
    fs::write(root.path("index.html"), "mine").unwrap();
    fs::create_dir_all(root.path("boot.ipxe")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", root.path("index.json")).unwrap();
    fs::create_dir(root.path("_")).unwrap();
    fs::write(root.path("_/A.json"), "mine").unwrap();
    let wanted = [
        ("_/A.json", "a"),
        ("_/B.json", "b"),
        ("boot.ipxe", "menu"),
        ("index.html", "page"),
        ("index.json", "{}"),
    ];
    for _ in 0..2 {
        let problems = root.apply(&wanted);
        assert_eq!(problems.len(), 4);
        let expected =
            format!("`{}` is not isomirror's: move it away", root.path("_/A.json").display());
        assert!(problems[0].starts_with(&expected), "{problems:?}");
        is(
            &root.content(),
            &[
                ("_/", ""),
                ("_/A.json", "mine"),
                ("_/B.json", "b"),
                ("boot.ipxe/", ""),
                ("index.html", "mine"),
                ("index.json", "-> /etc/passwd"),
            ],
        );
        root.restart();
    }
    fs::remove_file(root.path("index.html")).unwrap();
    assert_eq!(root.apply(&wanted).len(), 3);
    assert_eq!(fs::read_to_string(root.path("index.html")).unwrap(), "page");
    root.apply(&[]);
    let left =
        [("_/", ""), ("_/A.json", "mine"), ("boot.ipxe/", ""), ("index.json", "-> /etc/passwd")];
    is(&root.content(), &left);
}

#[test]
fn what_somebody_changed_is_theirs_from_then_on() {
    let mut root = Root::new();
    root.apply(&[("index.html", "one")]);
    fs::write(root.path("index.html"), "edited").unwrap();
    assert_eq!(root.apply(&[("index.html", "two")]).len(), 1);
    root.restart();
    assert_eq!(root.apply(&[]), [""; 0]);
    is(&root.content(), &[("index.html", "edited")]);
}

#[test]
fn without_a_record_only_what_is_as_it_should_be_is_ours() {
    let mut root = Root::new();
    root.apply(&[("a", "one"), ("b", "one")]);
    fs::remove_file(root.directory.path().join("state/web-files.json")).unwrap();
    root.restart();
    let problems = root.apply(&[("a", "one"), ("b", "two")]);
    assert_eq!(problems.len(), 1, "{problems:?}");
    is(&root.content(), &[("a", "one"), ("b", "one")]);
    root.apply(&[]);
    is(&root.content(), &[("b", "one")]);
}

#[test]
fn a_crash_at_any_step_leaves_nothing_that_is_not_known_as_ours() {
    let mut root = Root::new();
    root.apply(&[("_/A/a", "one")]);
    // The record names what was to be written; the temporary file was left.
    let wanted: WebRootFiles = [("_/A/a".to_owned(), WebRootFile::Bytes(b"two".to_vec()))].into();
    let digests: BTreeMap<&str, Digest> =
        wanted.iter().map(|(path, file)| (path.as_str(), place::digest(file))).collect();
    root.files.claim(&digests);
    root.files.record.save().unwrap();
    fs::write(root.path("_/A/.isomirror.new"), "tw").unwrap();
    root.restart();
    assert_eq!(root.apply(&[("_/A/a", "three")]), [""; 0]);
    is(&root.content(), &[("_/", ""), ("_/A/", ""), ("_/A/a", "three")]);
    fs::write(root.path("_/A/.isomirror.new"), "thr").unwrap();
    root.apply(&[]);
    is(&root.content(), &[]);
}

#[test]
fn another_web_root_is_left_as_it_was_found() {
    let mut root = Root::new();
    root.apply(&[("_/A.json", "a"), ("index.html", "page")]);
    let other = root.directory.path().join("other");
    fs::create_dir(&other).unwrap();
    let wanted: WebRootFiles =
        [("index.html".to_owned(), WebRootFile::Bytes(b"page".to_vec()))].into();
    let open = File::open(&other).unwrap();
    assert_eq!(root.files.apply(open.as_fd(), &other, &wanted, false), [""; 0]);
    is(&root.content(), &[]);
    assert_eq!(fs::read_to_string(other.join("index.html")).unwrap(), "page");
}

#[test]
fn a_link_in_the_way_leads_nowhere() {
    let mut root = Root::new();
    let outside = root.directory.path().join("outside");
    fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, root.path("_")).unwrap();
    let problems = root.apply(&[("_/A.json", "a")]);
    assert!(problems[0].contains("cannot write"), "{problems:?}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}
