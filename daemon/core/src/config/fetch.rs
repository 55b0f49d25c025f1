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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, expecting = "keys and values")]
pub struct FetchConfig {
    /// Ids of the wanted images, the most important first: see `isomirror catalog list`.
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [["debian-13-netinst-amd64", "rocky-9-dvd-x86_64"]])))]
    pub want: Vec<String>,
    /// Places in which images are looked for before the internet, in this order: a directory
    /// (`file:///mnt/isos`: a disk, or a share that is mounted there), a share that need not be mounted
    /// (`smb://[user@]server/share/isos`), another isomirror or a directory of images on a web server
    /// (`http://peer:8080`). They hold images as FILE or ID/VERSION/FILE. What comes from them is verified
    /// like everything else.
    pub sources: Vec<SourceUrl>,
    /// Directory or share that verified images are copied to, as ID/VERSION/FILE; null for nowhere.
    #[serde(deserialize_with = "upload")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Writable>"))]
    pub upload: Option<SourceUrl>,
    /// File with `username=`, `password=` and `domain=` for SMB servers, as mount.cifs reads it; null for the
    /// service's credential `smb` (`LoadCredential=`) and, without that, a guest.
    #[serde(deserialize_with = "credentials")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<AbsoluteFile>"))]
    pub smb_credentials: Option<PathBuf>,
    /// Downloads at once.
    pub concurrency: NonZeroU16,
    /// Bytes a second of all downloads together, or a timetable of limits, of which the first that holds
    /// counts; null for no limit.
    pub bandwidth: Bandwidth,
    /// Part of the day in which downloads run, in local time; null for always.
    pub window: Option<DailyWindow>,
    /// Versions of each image that are kept.
    pub keep: NonZeroU16,
    /// Versions that are kept besides, whatever comes.
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [["debian-13-netinst-amd64/13.1.0"]])))]
    pub pin: Vec<PinnedVersion>,
    /// Bytes of all images in the store, of those that are being fetched, and of those that were put aside;
    /// older ones go for newer ones. null for as many as there is room for.
    pub quota: Option<ByteSize>,
    /// Time after which an image at rest is read again, slowly, and compared; null for never.
    pub scrub: Option<Period>,
    /// Silence after which a transfer is given up and taken up elsewhere.
    #[serde(deserialize_with = "positive")]
    #[cfg_attr(feature = "schema", schemars(with = "Positive"))]
    pub stall_timeout: Period,
    /// Bytes a second below which a transfer counts as stalled; `0B` for no such limit.
    pub minimum_speed: ByteSize,
    /// Time from one line of progress to the next, where no terminal shows it.
    #[serde(deserialize_with = "positive")]
    #[cfg_attr(feature = "schema", schemars(with = "Positive"))]
    pub progress_interval: Period,
    /// Time from one look for new versions to the next.
    #[serde(deserialize_with = "positive")]
    #[cfg_attr(feature = "schema", schemars(with = "Positive"))]
    pub interval: Period,
    /// What has to vouch for every image, besides what the catalog promises for it; null for that alone.
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
pub(super) struct Positive(Period);

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
pub(super) struct Writable(SourceUrl);

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
pub(super) struct AbsoluteFile(PathBuf);

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
