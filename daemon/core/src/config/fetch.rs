//! Settings of downloads.

use std::num::NonZeroU16;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Bandwidth, ByteSize, DailyWindow, Period, PinnedVersion, text};
use crate::trust::Trust;

/// The section `fetch`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys and values")]
pub struct FetchConfig {
    /// Ids of the catalog whose images are wanted.
    pub want: Vec<String>,
    /// Where catalogs are taken from besides those that are installed.
    pub sources: Vec<String>,
    /// Downloads at once.
    pub concurrency: NonZeroU16,
    /// Bytes a second of all downloads together, or a timetable of such limits.
    pub bandwidth: Bandwidth,
    /// When downloads may run; `None` for always.
    pub window: Option<DailyWindow>,
    /// Versions of each image that are kept.
    pub keep: NonZeroU16,
    /// Versions that are kept besides, whatever comes.
    pub pin: Vec<PinnedVersion>,
    /// Bytes of all images in the store, of those that are being fetched, and of those that were put aside; `None` for as
    /// many as there is room for.
    pub quota: Option<ByteSize>,
    /// Time after which an image at rest is read again and compared; `None` for never.
    pub scrub: Option<Period>,
    /// Silence after which a transfer is given up and taken up again elsewhere.
    #[serde(deserialize_with = "positive")]
    pub stall_timeout: Period,
    /// Bytes a second below which a transfer counts as stalled; 0 for no such limit.
    pub minimum_speed: ByteSize,
    /// Time from one look for new versions to the next.
    #[serde(deserialize_with = "positive")]
    pub interval: Period,
    /// What has to vouch for every image, besides what the catalog promises for it; `None` for that alone.
    pub min_trust: Option<Trust>,
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            want: Vec::new(),
            sources: Vec::new(),
            concurrency: const { NonZeroU16::new(3).unwrap() },
            bandwidth: Bandwidth::default(),
            window: None,
            keep: NonZeroU16::MIN,
            pin: Vec::new(),
            quota: None,
            scrub: Some(Period::from_milliseconds(30 * 24 * 3_600_000)),
            stall_timeout: Period::from_milliseconds(60_000),
            minimum_speed: ByteSize::from_bytes(10 << 10),
            interval: Period::from_milliseconds(6 * 3_600_000),
            min_trust: None,
        }
    }
}

/// A period that is not empty.
struct Positive(Period);

impl TryFrom<String> for Positive {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let period = text.parse::<Period>().map_err(|error| error.to_string())?;
        if period.duration().is_zero() {
            return Err("must be longer than `0s`".to_owned());
        }
        Ok(Self(period))
    }
}

fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    text::deserialize(deserializer).map(|Positive(period)| period)
}
