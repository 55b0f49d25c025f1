//! Lists of releases as GitHub's interface gives them.

use serde::Deserialize;

use super::Candidate;
use crate::catalog::{Find, RemoteName, Url};

#[derive(Deserialize)]
struct Release {
    tag_name: String,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    prerelease: bool,
    #[serde(default)]
    assets: Vec<Asset>,
}

#[derive(Deserialize)]
struct Asset {
    name: String,
    #[serde(default)]
    browser_download_url: Option<String>,
    #[serde(default)]
    size: Option<u64>,
    /// `uploaded`, or what is not there yet.
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    digest: Option<String>,
}

/// The files of all releases whose tag is like `pattern`, and each of these releases once without a file. Which release
/// is flagged as the latest counts for nothing: a fix of an old series takes that flag.
pub(super) fn read(find: &Find, bytes: &[u8]) -> Result<Vec<Candidate>, String> {
    let releases: Vec<Release> = serde_json::from_slice(bytes)
        .map_err(|error| format!("it is no list of releases: {error}"))?;
    let mut candidates = Vec::new();
    for release in releases.iter().filter(|release| !release.draft && !release.prerelease) {
        let Some(groups) =
            find.pattern.as_ref().and_then(|pattern| pattern.groups(&release.tag_name))
        else {
            continue;
        };
        let version = groups.get("version").cloned();
        let bare = Candidate { version, groups, ..Candidate::default() };
        let is_there =
            |asset: &&Asset| asset.state.as_ref().is_none_or(|state| state == "uploaded");
        candidates.extend(release.assets.iter().filter(is_there).filter_map(|asset| {
            Some(Candidate {
                name: Some(RemoteName::new(&asset.name)?),
                url: asset.browser_download_url.clone().and_then(|url| Url::try_from(url).ok()),
                size: asset.size,
                digests: asset.digest.iter().filter_map(|digest| digest.parse().ok()).collect(),
                ..bare.clone()
            })
        }));
        candidates.push(bare);
    }
    Ok(candidates)
}
