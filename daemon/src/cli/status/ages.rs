//! How long ago, and how long still, as people say it.

use jiff::Timestamp;

/// Seconds of each unit, the longest first.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)];

/// A length of time by its two largest units: `2 h 5 min`; without the seconds of minutes.
pub(super) fn length(seconds: u64) -> String {
    let index = UNITS.iter().position(|(_, unit)| seconds >= *unit).unwrap_or(UNITS.len() - 1);
    let (name, unit) = UNITS[index];
    let first = format!("{} {name}", seconds / unit);
    let rest = UNITS.get(index + 1).filter(|(name, _)| *name != "s");
    match rest.map(|(name, smaller)| (name, seconds % unit / smaller)) {
        Some((name, count)) if count > 0 => format!("{first} {count} {name}"),
        _ => first,
    }
}

/// How long ago a moment of RFC 3339 was; `None` where that is none. One that is yet to come counts as now.
pub(super) fn age(moment: &str, now: Timestamp) -> Option<String> {
    let moment: Timestamp = moment.parse().ok()?;
    let seconds = u64::try_from(now.as_second() - moment.as_second()).unwrap_or(0);
    Some(if seconds == 0 { "just now".to_owned() } else { format!("{} ago", length(seconds)) })
}

/// In how long a moment of RFC 3339 comes; `None` where that is none, or past.
pub(super) fn ahead(moment: &str, now: Timestamp) -> Option<String> {
    let moment: Timestamp = moment.parse().ok()?;
    let seconds = u64::try_from(moment.as_second() - now.as_second()).ok()?;
    (seconds > 0).then(|| format!("in {}", length(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_said_by_what_matters() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (7500, "2 h 5 min"),
            (86_400, "1 d"),
            (93_600, "1 d 2 h"),
            (864_000, "10 d"),
        ] {
            assert_eq!(length(seconds), text);
        }
    }

    #[test]
    fn ages_are_told_of_moments_and_of_nothing_else() {
        let now: Timestamp = "2026-08-01T12:00:00Z".parse().unwrap();
        assert_eq!(age("2026-08-01T11:59:30Z", now).as_deref(), Some("30 s ago"));
        assert_eq!(age("2026-08-01T12:00:00Z", now).as_deref(), Some("just now"));
        assert_eq!(age("2026-08-01T13:00:00Z", now).as_deref(), Some("just now"));
        assert_eq!(age("yesterday", now), None);
        assert_eq!(ahead("2026-08-01T13:00:00Z", now).as_deref(), Some("in 1 h"));
        assert_eq!(ahead("2026-08-01T11:00:00Z", now), None);
    }
}
