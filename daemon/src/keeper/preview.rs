//! What would be fetched: entries are resolved and authenticated, and nothing is touched.

use std::{sync::Arc, time::Instant};

use isomirror_core::{
    catalog::{History, Outcome, authenticate},
    trust::Trust,
};
use jiff::Timestamp;
use tokio::task::JoinSet;

use super::{Setback, Settings, authentic::Files, documents::Library, resolved::resolved};
use crate::fetch::{ClientError, Policy};

/// What is offered of an entry.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The newest version.
    pub version: String,
    /// Name of the image.
    pub file: String,
    /// Its bytes, where they are told.
    pub size: Option<u64>,
    /// What vouches for its digest by now; a signature of the image adds to it when the image is there.
    pub trust: Trust,
    /// Where it would come from.
    pub url: Option<String>,
}

/// Looks at all of `ids`, and returns what is offered of each, in their order.
///
/// # Errors
/// Where nothing can be asked of anybody.
pub async fn preview(
    settings: &Arc<Settings>,
    ids: &[String],
) -> Result<Vec<(String, Result<Preview, Setback>)>, ClientError> {
    let library = Arc::new(Library::new(&Policy::of_config(&settings.fetch))?);
    let since = Instant::now();
    let mut looks = JoinSet::new();
    for (index, id) in ids.iter().cloned().enumerate() {
        let (library, settings) = (Arc::clone(&library), Arc::clone(settings));
        looks.spawn(async move {
            let offered = offered(&settings, &id, &library, since).await;
            (index, (id, offered))
        });
    }
    let mut offers = looks.join_all().await;
    offers.sort_by_key(|(index, _)| *index);
    Ok(offers.into_iter().map(|(_, offer)| offer).collect())
}

async fn offered(
    settings: &Settings,
    id: &str,
    library: &Arc<Library>,
    since: Instant,
) -> Result<Preview, Setback> {
    let catalog = &settings.catalog.get().catalog;
    let Some(entry) = catalog.get(id) else {
        return Err(Setback::no_entry(id, catalog));
    };
    let release = match resolved(entry, &History::default(), library, since).await {
        Outcome::Resolved(release) => *release,
        other => return Err(Setback::of_outcome(other)),
    };
    let keys = Files(&settings.catalog.get().keys);
    let authentic = authenticate(&release, &keys, &History::default(), Timestamp::now())?;
    Ok(Preview {
        version: release.version,
        file: release.file_name.to_string(),
        size: authentic.size,
        trust: authentic.trust,
        url: release.urls.first().map(ToString::to_string),
    })
}
