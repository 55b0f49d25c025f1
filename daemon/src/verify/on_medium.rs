//! The lists that a medium has of its own files.

use std::{collections::HashSet, fmt::Write as _};

use isomirror_core::{
    checksums::ListedFile,
    digest::Digest,
    manifest::{MANIFESTS, MAXIMUM_SIZE, Manifest, ManifestContent},
};

use super::{
    Check, CheckResult, Progress,
    files::{Hashed, Wanted},
    tree::FileTree,
};

/// What each check of files is called.
const KIND: &str = "files";

/// Checks the files of `tree` against all lists on it.
pub(super) fn check(tree: &dyn FileTree, progress: Progress<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut lists = Vec::new();
    for manifest in MANIFESTS {
        let paths = places(tree, manifest.path);
        if paths.is_empty() {
            checks.push(Check::new(KIND, manifest.path, CheckResult::Absent, "not on the medium"));
        }
        for path in paths {
            match read(tree, manifest, &path) {
                Ok(content) => lists.push((manifest, path, content)),
                Err(reason) => checks.push(Check::new(KIND, path, CheckResult::Unchecked, reason)),
            }
        }
    }
    let mut wanted = Wanted::default();
    lists.iter().flat_map(|(.., content)| &content.files).for_each(|file| wanted.add(file));
    let hashed = wanted.hash(tree, progress);
    let compared = lists
        .iter()
        .map(|(manifest, path, content)| compare(tree, manifest, path, content, &hashed));
    compared.chain(checks).collect()
}

fn read(tree: &dyn FileTree, manifest: &Manifest, path: &str) -> Result<ManifestContent, String> {
    let size = tree.size(path).ok().flatten().ok_or("it cannot be read")?;
    if size > MAXIMUM_SIZE {
        return Err(format!("it is longer than {MAXIMUM_SIZE} bytes"));
    }
    let mut bytes = Vec::new();
    tree.read(path, &mut |more| bytes.extend_from_slice(more)).map_err(|_| "it cannot be read")?;
    manifest.read(path, &bytes).map_err(|error| error.to_string())
}

fn compare(
    tree: &dyn FileTree,
    manifest: &Manifest,
    path: &str,
    content: &ManifestContent,
    hashed: &Hashed,
) -> Check {
    let files = content.files.len() as u64;
    let mut check = Check::new(KIND, path, CheckResult::Ok, String::new());
    check.files = Some(files);
    for file in &content.files {
        if let Some(fault) = hashed.fault(file) {
            check.fault(&file.name, fault);
        }
    }
    let mut names: Vec<_> = content
        .files
        .iter()
        .filter_map(|file| Some(file.strongest().map(Digest::algorithm)?.name()))
        .collect();
    names.sort_unstable();
    names.dedup();
    check.detail =
        format!("{} of {files} files agree, by {}", files - check.faulty, names.join(", "));
    if content.ignored > 0 {
        let _ = write!(check.detail, "; {} lines cannot be checked", content.ignored);
    }
    if manifest.is_complete {
        check.unlisted = unlisted(tree, path, &content.files);
    }
    if let Some(unlisted @ 1..) = check.unlisted {
        let _ = write!(check.detail, "; {unlisted} files are not listed");
    }
    check
}

/// Files of the medium that the list at `path` does not have, itself left out.
fn unlisted(tree: &dyn FileTree, path: &str, files: &[ListedFile]) -> Option<u64> {
    let listed: HashSet<_> = files.iter().map(|file| file.name.as_str()).collect();
    let all = tree.files()?;
    let others = all.iter().filter(|file| *file != path && !listed.contains(file.as_str()));
    Some(others.count() as u64)
}

/// The files of `tree` that `pattern` means.
fn places(tree: &dyn FileTree, pattern: &str) -> Vec<String> {
    let mut places = vec![String::new()];
    for part in pattern.split('/') {
        places = places
            .iter()
            .flat_map(|place| {
                let names = if part == "*" { tree.names(place) } else { vec![part.to_owned()] };
                names.into_iter().map(move |name| format!("{place}/{name}"))
            })
            .collect();
    }
    let paths = places.iter().map(|place| place.trim_start_matches('/').to_owned());
    paths.filter(|path| !matches!(tree.size(path), Ok(None))).collect()
}
