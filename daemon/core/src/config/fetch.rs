//! Settings of downloads.

use std::{num::NonZeroU16, path::PathBuf};

use serde::{Deserialize, Deserializer, Serialize};

use super::{
    Bandwidth, ByteSize, DailyWindow, InvalidSourceUrl, Period, PinnedVersion, SourceUrl, text,
    text::Text,
};
use crate::trust::Trust;

/// The section `fetch`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys and values")]
pub struct FetchConfig {
    /// Ids of the catalog whose images are wanted.
    pub want: Vec<String>,
    /// Places in which images are looked for before the internet, in this order.
    pub sources: Vec<SourceUrl>,
    /// Place that verified images are copied to; `None` for nowhere. Never a peer.
    #[serde(deserialize_with = "upload")]
    pub upload: Option<SourceUrl>,
    /// File with the `username=`, `password=` and `domain=` for SMB servers; `None` for the credential `smb` of the
    /// service manager, or a guest.
    #[serde(deserialize_with = "credentials")]
    pub smb_credentials: Option<PathBuf>,
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
    /// Time from one line of progress to the next, where no terminal shows it.
    #[serde(deserialize_with = "positive")]
    pub progress_interval: Period,
    /// Time from one look for new versions to the next.
    #[serde(deserialize_with = "positive")]
    pub interval: Period,
    /// What has to vouch for every image, besides what the catalog promises for it; `None` for that alone.
    pub min_trust: Option<Trust>,
}

impl FetchConfig {
    /// Whether a version of an entry is kept whatever comes.
    #[must_use]
    pub fn is_pinned(&self, id: &str, version: &str) -> bool {
        self.pin.iter().any(|pinned| pinned.is(id, version))
    }
}

impl Default for FetchConfig {
    fn default() -> Self {
        Self {
            want: Vec::new(),
            sources: Vec::new(),
            upload: None,
            smb_credentials: None,
            concurrency: const { NonZeroU16::new(3).unwrap() },
            bandwidth: Bandwidth::default(),
            window: None,
            keep: NonZeroU16::MIN,
            pin: Vec::new(),
            quota: None,
            scrub: Some(Period::from_milliseconds(30 * 24 * 3_600_000)),
            stall_timeout: Period::from_milliseconds(60_000),
            minimum_speed: ByteSize::from_bytes(10 << 10),
            progress_interval: Period::from_milliseconds(10_000),
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

/// A place that can be written to.
struct Writable(SourceUrl);

impl TryFrom<String> for Writable {
    type Error = InvalidSourceUrl;

    fn try_from(text: String) -> Result<Self, InvalidSourceUrl> {
        let place = SourceUrl::try_from(text)?;
        if place.is_writable() { Ok(Self(place)) } else { Err(InvalidSourceUrl::NotWritable) }
    }
}

fn upload<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SourceUrl>, D::Error> {
    let read = Option::<Text<Writable>>::deserialize(deserializer)?;
    Ok(read.map(|Text(Writable(place))| place))
}

/// The absolute path of a file.
struct AbsoluteFile(PathBuf);

impl TryFrom<String> for AbsoluteFile {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_sound = text.starts_with('/') && !text.ends_with('/');
        let path = is_sound.then(|| Self(text.clone().into()));
        path.ok_or_else(|| format!("`{}` is not the absolute path of a file", text.escape_debug()))
    }
}

fn credentials<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let read = Option::<Text<AbsoluteFile>>::deserialize(deserializer)?;
    Ok(read.map(|Text(AbsoluteFile(path))| path))
}
