//! A part of the day.

use std::{fmt, str::FromStr};

use serde::Serialize;

use super::text::deserialize_from_text;

const MINUTES_OF_A_DAY: u16 = 24 * 60;

/// A part of every day in local time, written `22:00-06:00`: from its first minute to before its last, over midnight
/// where it ends earlier than it begins. Never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub struct DailyWindow {
    start: u16,
    end: u16,
}

deserialize_from_text!(DailyWindow);

/// A text that is no [`DailyWindow`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a part of the day: write it like `22:00-06:00`", .0.escape_debug())]
pub struct InvalidDailyWindow(String);

impl DailyWindow {
    /// Whether a minute of the day, counted from midnight, lies within.
    #[must_use]
    pub const fn contains(self, minute: u16) -> bool {
        if self.start < self.end {
            self.start <= minute && minute < self.end
        } else {
            self.start <= minute || minute < self.end
        }
    }
}

fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !two_digits(hour) || !two_digits(minute) {
        return None;
    }
    let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
    let of_day = hour * 60 + minute;
    (minute < 60 && of_day <= MINUTES_OF_A_DAY).then_some(of_day)
}

impl FromStr for DailyWindow {
    type Err = InvalidDailyWindow;

    fn from_str(text: &str) -> Result<Self, InvalidDailyWindow> {
        let window = text.split_once('-').and_then(|(start, end)| {
            Some(Self { start: minute_of_day(start)?, end: minute_of_day(end)? })
        });
        window
            .filter(|window| window.start != window.end && window.start < MINUTES_OF_A_DAY)
            .ok_or_else(|| InvalidDailyWindow(text.to_owned()))
    }
}

impl fmt::Display for DailyWindow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, end } = self;
        write!(formatter, "{:02}:{:02}-{:02}:{:02}", start / 60, start % 60, end / 60, end % 60)
    }
}

impl From<DailyWindow> for String {
    fn from(window: DailyWindow) -> Self {
        window.to_string()
    }
}

impl TryFrom<String> for DailyWindow {
    type Error = InvalidDailyWindow;

    fn try_from(text: String) -> Result<Self, InvalidDailyWindow> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_may_go_over_midnight() {
        let night: DailyWindow = "22:00-06:00".parse().unwrap();
        let day: DailyWindow = "06:00-22:00".parse().unwrap();
        for (minute, at_night) in
            [(0, true), (359, true), (360, false), (1319, false), (1320, true)]
        {
            assert_eq!(night.contains(minute), at_night, "{minute}");
            assert_eq!(day.contains(minute), !at_night, "{minute}");
        }
        assert_eq!(night.to_string(), "22:00-06:00");
        assert!("00:00-24:00".parse::<DailyWindow>().unwrap().contains(1439));
    }

    #[test]
    fn empty_and_impossible_windows_are_refused() {
        for text in
            ["", "22:00", "6:00-7:00", "08:00-08:00", "25:00-26:00", "10:60-11:00", "24:00-01:00"]
        {
            assert_eq!(text.parse::<DailyWindow>(), Err(InvalidDailyWindow(text.to_owned())));
        }
    }
}
