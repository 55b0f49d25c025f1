//! Package repositories in a medium's tree, whatever system is on it.

use super::{
    detection::{Repository, RepositoryKind},
    glob::PathPattern,
    look::{GaveUp, Look},
    metadata::{debian::Release, media_repo::MediaRepo, treeinfo::TreeInfo},
};

/// Repositories of one medium that are told.
const MOST: usize = 32;

/// All repositories that dnf, zypper or apt could use.
pub(super) fn repositories(look: &Look<'_>) -> Result<Vec<Repository>, GaveUp> {
    let mut found = rpm(look)?;
    found.extend(apt(look)?);
    found.truncate(MOST);
    let mut taken = Vec::new();
    for repository in &mut found {
        repository.id = unique(&repository.id, &taken);
        taken.push(repository.id.clone());
    }
    Ok(found)
}

fn pattern(text: &str) -> PathPattern {
    PathPattern::parse(text).expect("it is a path")
}

fn rpm(look: &Look<'_>) -> Result<Vec<Repository>, GaveUp> {
    let mut places: Vec<(String, String)> = Vec::new();
    for variant in variants(look)? {
        let path = variant.1.trim_start_matches("./").trim_matches('/');
        let path = if path == "." { "" } else { path };
        places.push((variant.0, path.to_owned()));
    }
    for name in ["repodata/repomd.xml", "*/repodata/repomd.xml"] {
        for hit in look.all(&pattern(name))? {
            let path = hit.path.strip_suffix("/repodata/repomd.xml").unwrap_or_default();
            let id = path.rsplit('/').next().filter(|id| !id.is_empty()).unwrap_or("main");
            places.push((id.to_owned(), path.to_owned()));
        }
    }
    let key = key(look)?;
    let mut found: Vec<Repository> = Vec::new();
    for (id, path) in places {
        let metadata = join(&path, "repodata/repomd.xml");
        let is_known = found.iter().any(|repository| repository.path == path);
        let Ok(metadata) = PathPattern::parse(&metadata) else { continue };
        if is_known || look.first_of(&[metadata], false)?.is_none() {
            continue;
        }
        let (id, key) = (plain(&id), key.clone());
        found.push(Repository { id, kind: RepositoryKind::Rpm, path, key, suite: Vec::new() });
    }
    Ok(found)
}

/// Ids and paths of the variants that the tree's treeinfo names, if they do not lead out of it.
fn variants(look: &Look<'_>) -> Result<Vec<(String, String)>, GaveUp> {
    let files = [pattern(".treeinfo"), pattern("treeinfo")];
    let Some(hit) = look.first_of(&files, false)? else { return Ok(Vec::new()) };
    let Some(content) = look.content(&hit.path)? else { return Ok(Vec::new()) };
    let variants = TreeInfo::parse(&content).variants.into_iter().take(MOST);
    let inside = |path: &String| {
        !path.contains(['*', '$'])
            && !path.starts_with('/')
            && path.split('/').all(|name| name != "..")
    };
    Ok(variants
        .filter_map(|variant| Some((variant.id, variant.repository.filter(inside)?)))
        .collect())
}

/// The public key that signs the medium's packages: the one that `media.repo` names, else the one of a release among
/// those that Red Hat's family and SUSE put into the root.
fn key(look: &Look<'_>) -> Result<Option<String>, GaveUp> {
    if let Some(hit) = look.first_of(&[pattern("media.repo")], false)?
        && let Some(content) = look.content(&hit.path)?
        && let Some(path) = MediaRepo::parse(&content).key_path()
        && let Ok(path) = PathPattern::parse(path)
        && let Some(hit) = look.first_of(&[path], false)?
    {
        return Ok(Some(hit.path));
    }
    let mut keys = look.all(&pattern("RPM-GPG-KEY*"))?;
    keys.extend(look.all(&pattern("gpg-pubkey-*.asc"))?);
    let paths = keys.into_iter().map(|hit| hit.path);
    Ok(paths.min_by_key(|path| {
        let name = path.to_ascii_lowercase();
        let is_of_something_else =
            ["beta", "test", "debug", "build"].iter().any(|word| name.contains(word));
        (is_of_something_else, !name.contains("release"), path.clone())
    }))
}

fn apt(look: &Look<'_>) -> Result<Vec<Repository>, GaveUp> {
    let mut found = Vec::new();
    for hit in look.all(&pattern("dists/*/Release"))? {
        let Some(content) = look.content(&hit.path)? else { continue };
        let release = Release::parse(&content);
        let directory = hit.path.trim_end_matches("/Release").rsplit('/').next();
        let codename = directory.or(release.codename.as_deref()).map(plain).unwrap_or_default();
        let components = release.components.iter().map(|component| plain(component));
        let suite = std::iter::once(codename.clone()).chain(components).collect();
        found.push(Repository {
            id: codename,
            kind: RepositoryKind::Apt,
            path: String::new(),
            key: None,
            suite,
        });
    }
    Ok(found)
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// A text as a word that may stand anywhere in a file of repositories.
fn plain(text: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || "-._+".contains(c) { c } else { '_' };
    let text: String = text.chars().take(64).map(keep).collect();
    if text.is_empty() { "main".to_owned() } else { text }
}

fn unique(id: &str, taken: &[String]) -> String {
    let is_free = |id: &String| !taken.contains(id);
    let numbered = (2..).map(|number| format!("{id}-{number}"));
    std::iter::once(id.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::sample::SampleTree;

    fn found(tree: &SampleTree) -> Vec<Repository> {
        repositories(&Look::new(tree, &|| true)).unwrap()
    }

    #[test]
    fn repositories_of_variants_keep_their_ids_and_those_outside_are_not_the_mediums() {
        let mut tree = SampleTree::of_files([
            "AppStream/repodata/repomd.xml",
            "BaseOS/repodata/repomd.xml",
            "extra/repodata/repomd.xml",
            "RPM-GPG-KEY-redhat-beta",
            "RPM-GPG-KEY-redhat-release",
        ]);
        tree.put(
            ".treeinfo",
            "[variant-Apps]\nrepository = AppStream\n[variant-BaseOS]\nrepository = ./BaseOS/\n\
             [variant-Out]\nrepository = ../../Out\n[variant-Gone]\nrepository = Gone\n",
        );
        let found = found(&tree);
        let told: Vec<_> = found.iter().map(|r| (r.id.as_str(), r.path.as_str())).collect();
        assert_eq!(told, [("Apps", "AppStream"), ("BaseOS", "BaseOS"), ("extra", "extra")]);
        assert_eq!(found[0].key.as_deref(), Some("RPM-GPG-KEY-redhat-release"));
    }

    #[test]
    fn the_root_is_a_repository_and_its_key_may_be_named() {
        let mut tree = SampleTree::of_files(["repodata/repomd.xml", "RPM-GPG-KEY-a", "keys/b"]);
        tree.put("media.repo", "[InstallMedia]\ngpgkey=file:///mnt/keys/b\n");
        let found = found(&tree);
        assert_eq!((found[0].id.as_str(), found[0].path.as_str()), ("main", ""));
        assert_eq!(found[0].key.as_deref(), Some("keys/b"));
    }

    #[test]
    fn suites_are_named_with_their_components_as_plain_words() {
        let mut tree = SampleTree::default();
        tree.put("dists/bookworm/Release", "Codename: x\nComponents: main contrib/../$x\n");
        let found = found(&tree);
        assert_eq!(found[0].kind, RepositoryKind::Apt);
        assert_eq!(found[0].suite, ["bookworm", "main", "contrib_..__x"]);
    }

    #[test]
    fn two_of_one_id_are_told_apart() {
        assert_eq!(unique("a", &["a".to_owned(), "a-2".to_owned()]), "a-3");
    }
}
