//! Room in the store for what comes.

use isomirror_core::config::ByteSize;

use super::{Setback, Settings, context::Context};
use crate::fetch::store::Store;

/// Makes sure that the quota has room for `size` more bytes of an image that is not staged yet: older images go for it.
pub(super) async fn make(
    context: &Context,
    settings: &Settings,
    id: &str,
    size: Option<u64>,
) -> Result<(), Setback> {
    let Some(quota) = settings.fetch.quota.map(ByteSize::bytes) else {
        return Ok(());
    };
    let id = id.to_owned();
    let excess = move |usage: u64, staged: u64| {
        let needed = size.unwrap_or_default().saturating_sub(staged);
        (usage.saturating_add(needed).saturating_sub(quota), needed)
    };
    let measure = move |store: &Store| Ok((store.usage()?, store.staged_bytes(&id)));
    let (usage, staged) = context.in_store(measure.clone()).await?;
    let (missing, _) = excess(usage, staged);
    if missing == 0 {
        return Ok(());
    }
    free(context, settings, missing).await?;
    let (usage, staged) = context.in_store(measure).await?;
    match excess(usage, staged) {
        (0, _) => Ok(()),
        (_, needed) => Err(Setback::Quota { quota, needed }),
    }
}

/// Takes away older images, of all entries, so that `missing` bytes become free; whether any went. The newest of each, what
/// the operator keeps, and the last that is verified stay.
pub(super) async fn free(
    context: &Context,
    settings: &Settings,
    missing: u64,
) -> Result<bool, Setback> {
    let keep = usize::from(settings.fetch.keep.get());
    let fetch = settings.fetch.clone();
    let work = move |store: &Store| {
        let mut freed = 0;
        for id in store.remembered()? {
            if freed >= missing {
                break;
            }
            let before = store.usage_of(&id)?;
            store.pin(&id, |version| fetch.is_pinned(&id, version))?;
            store.retire(&id, keep, missing - freed, |_| false)?;
            freed += before.saturating_sub(store.usage_of(&id)?);
        }
        Ok(freed > 0)
    };
    context.in_store(work).await
}
