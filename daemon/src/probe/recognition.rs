//! Finds out what is on an open medium. It takes no longer than it may, ends when nobody wants to know any more, and
//! keeps no medium from being published.

use std::{sync::Arc, time::Duration};

use isomirror_core::{
    boot::{Detection, GaveUp, detect},
    medium::IdentityKey,
};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{debug, warn};

use crate::{boot_data::BootData, lanes::Lanes, open_medium::OpenMedium};

/// How long a medium is looked at. A disc whose every seek takes a tenth of a second needs some ten.
const LIMIT: Duration = Duration::from_secs(30);

/// What is known of a medium's content.
#[derive(Debug)]
pub(super) struct Recognition {
    /// What was found last; empty before anything was.
    pub(super) detection: Arc<Detection>,
    /// Ends the look that is under way, if there is one.
    _under_way: DropGuard,
}

impl Recognition {
    /// A look that is about to begin, with the token that ends it. `known` holds until it is done.
    pub(super) fn begin(known: Arc<Detection>) -> (Self, CancellationToken) {
        let cancel = CancellationToken::new();
        let under_way = cancel.clone().drop_guard();
        (Self { detection: known, _under_way: under_way }, cancel)
    }
}

/// What is on `medium`; `None` where `cancel` came first, or looking at it panicked.
pub(super) async fn recognise(
    key: IdentityKey,
    medium: Arc<OpenMedium>,
    boot_data: Arc<BootData>,
    cancel: CancellationToken,
    lanes: Arc<Lanes>,
) -> Option<Detection> {
    let device = medium.file().identity().device();
    let look = move || {
        let start = Instant::now();
        let has_time = || !cancel.is_cancelled() && start.elapsed() < LIMIT;
        let (detection, gave_up) = detect(medium.image(), &boot_data.signatures, &has_time);
        // The medium has to be free before anybody hears of the end of this.
        drop(medium);
        (!cancel.is_cancelled()).then(|| tell(key, detection, gave_up, start.elapsed()))
    };
    lanes.run_behind(device, look).await.ok().flatten()
}

fn tell(
    key: IdentityKey,
    detection: Detection,
    gave_up: Option<GaveUp>,
    took: Duration,
) -> Detection {
    if let Some(reason) = gave_up {
        warn!(id = %key, error = %reason, "what is on a medium stays unknown");
    } else {
        let family = detection.system.as_ref().map_or("", |system| system.family.as_str());
        debug!(id = %key, family, ?took, "a medium was looked at");
    }
    detection
}
