//! Places in which an image is looked for before the internet.
//!
//! They only tell where bytes may be: whatever is found is fetched and verified like everything else.

mod directory;
mod peer;
mod share;

use std::sync::Arc;

pub use isomirror_core::transfer::peer_index::Wanted;
use isomirror_core::{
    config::{BaseUrl, ShareUrl, SourceUrl},
    digest::Digest,
    transfer::entry::is_safe_name,
};
use tokio::{task::JoinSet, time::timeout};

use self::directory::Directory;
use super::{Fetcher, Origin, SmbAccess, smb::Times};

/// The places of a configuration, in its order.
#[derive(Debug)]
pub struct Sources {
    places: Vec<Place>,
    fetcher: Fetcher,
}

#[derive(Clone, Debug)]
enum Place {
    Directory(Directory),
    Share(ShareUrl, SmbAccess),
    Peer(BaseUrl),
}

/// [`Wanted`] for tasks of their own.
#[derive(Clone, Debug)]
struct Sought {
    id: String,
    version: String,
    file_name: String,
    size: Option<u64>,
    digests: Vec<Digest>,
}

impl Sources {
    /// Of a configuration. Make it once, not for each image: it remembers directories that hang.
    #[must_use]
    pub fn new(sources: &[SourceUrl], access: &SmbAccess, fetcher: &Fetcher) -> Self {
        let place = |source: &SourceUrl| match source {
            SourceUrl::Directory(path) => Place::Directory(Directory::new(path.clone())),
            SourceUrl::Share(url) => Place::Share(url.clone(), access.clone()),
            SourceUrl::Peer(base) => Place::Peer(base.clone()),
        };
        Self { places: sources.iter().map(place).collect(), fetcher: fetcher.clone() }
    }

    /// Where these places have, or may have, an image: at most one origin of each, in the order of the configuration.
    /// All are asked at once. Where no digest is known, what they give is worth something only if the image itself is
    /// signed. One that does not answer, or fails, is left out, and a text says so.
    pub async fn origins(&self, wanted: &Wanted<'_>) -> (Vec<Origin>, Vec<String>) {
        let names = [wanted.id, wanted.version, wanted.file_name];
        if let Some(name) = names.into_iter().find(|name| !is_safe_name(name)) {
            let problem = format!("`{}` is no name of a file in a source", name.escape_debug());
            return (Vec::new(), vec![problem]);
        }
        let sought = Arc::new(Sought::new(wanted));
        let mut looks = JoinSet::new();
        for (index, place) in self.places.iter().cloned().enumerate() {
            let (sought, fetcher) = (Arc::clone(&sought), self.fetcher.clone());
            looks.spawn(async move { (index, look(&place, &sought, &fetcher).await) });
        }
        let mut found = looks.join_all().await;
        found.sort_by_key(|(index, _)| *index);
        let (mut origins, mut problems) = (Vec::new(), Vec::new());
        for (_, result) in found {
            match result {
                Ok(origin) => origins.extend(origin),
                Err(problem) => problems.push(problem),
            }
        }
        (origins, problems)
    }
}

impl Sought {
    fn new(wanted: &Wanted<'_>) -> Self {
        Self {
            id: wanted.id.to_owned(),
            version: wanted.version.to_owned(),
            file_name: wanted.file_name.to_owned(),
            size: wanted.size,
            digests: wanted.digests.to_vec(),
        }
    }

    fn wanted(&self) -> Wanted<'_> {
        let Self { id, version, file_name, size, digests } = self;
        Wanted { id, version, file_name, size: *size, digests }
    }

    /// Where the file may lie below a place: in the layout of a store, or plainly.
    fn places(&self) -> [Vec<&str>; 2] {
        [vec![&self.id, &self.version, &self.file_name], vec![&self.file_name]]
    }

    fn fits(&self, size: u64) -> bool {
        self.size.is_none_or(|wanted| wanted == size)
    }
}

async fn look(
    place: &Place,
    sought: &Arc<Sought>,
    fetcher: &Fetcher,
) -> Result<Option<Origin>, String> {
    let patience = fetcher.policy().header;
    let name = place.to_string();
    let look = async {
        match place {
            Place::Directory(directory) => directory.look(Arc::clone(sought)).await,
            Place::Share(url, access) => {
                share::look(url, access, sought, Times::of_policy(fetcher.policy())).await
            }
            Place::Peer(base) => peer::look(base, sought, fetcher.client()).await,
        }
    };
    match timeout(patience, look).await {
        Ok(result) => result.map_err(|reason| format!("the source `{name}`: {reason}")),
        Err(_) => Err(format!("the source `{name}` does not answer; it is left out for now")),
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Directory(directory) => directory.fmt(formatter),
            Self::Share(url, _) => url.fmt(formatter),
            Self::Peer(base) => formatter.write_str(base.as_str()),
        }
    }
}
