//! The moment, as others read it.

use std::time::{Duration, SystemTime};

use jiff::{Timestamp, Zoned};

/// RFC 3339 in UTC with whole seconds.
pub(super) fn text(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// This moment.
pub(crate) fn now() -> String {
    text(Timestamp::now())
}

/// The moment in `pause`.
pub(super) fn after(pause: Duration) -> String {
    text(Timestamp::try_from(SystemTime::now() + pause).unwrap_or(Timestamp::MAX))
}

/// How long it is until `moment`, or has been since: none where it is no moment, or is over.
pub(super) fn until(moment: &str) -> Duration {
    let moment = moment.parse::<Timestamp>().ok();
    moment
        .and_then(|moment| Timestamp::now().until(moment).ok()?.try_into().ok())
        .unwrap_or_default()
}

/// How long ago `moment` was; nothing where it is no moment, or still to come.
pub(super) fn since(moment: &str) -> Option<Duration> {
    let moment = moment.parse::<Timestamp>().ok()?;
    moment.until(Timestamp::now()).ok()?.try_into().ok()
}

/// Minute of the local day, from midnight on.
pub(super) fn minute_of_day() -> u16 {
    let now = Zoned::now();
    let minute = i32::from(now.hour()) * 60 + i32::from(now.minute());
    u16::try_from(minute).unwrap_or_default()
}

/// Milliseconds since 1970.
pub(super) fn milliseconds() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default()
}
