//! How fast downloads may be, and when.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{ByteSize, DailyWindow};

/// Bytes a second of all downloads together: `10MiB`, or a timetable of such limits.
///
/// ```yaml
/// bandwidth:
///   - {window: "08:00-18:00", limit: 2MiB}
///   - {limit: 50MiB}
/// ```
///
/// The first that holds counts; where none does, there is no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bandwidth(Vec<Timed>);

/// One line of a timetable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "`window` and `limit`")]
pub(super) struct Timed {
    /// When it holds; always where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window: Option<DailyWindow>,
    /// Bytes a second; `0B` lets nothing through, and null stands for no limit.
    limit: Option<ByteSize>,
}

impl Bandwidth {
    /// The same limit at all times.
    #[must_use]
    pub fn always(limit: ByteSize) -> Self {
        Self(vec![Timed { window: None, limit: Some(limit) }])
    }

    /// Bytes a second in this minute of the day, counted from midnight; `None` for no limit, 0 to let nothing through.
    #[must_use]
    pub fn at(&self, minute: u16) -> Option<u64> {
        let holds = |timed: &&Timed| timed.window.is_none_or(|window| window.contains(minute));
        self.0.iter().find(holds)?.limit.map(ByteSize::bytes)
    }
}

impl Serialize for Bandwidth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0[..] {
            [] => serializer.serialize_none(),
            [Timed { window: None, limit: Some(limit) }] => limit.serialize(serializer),
            times => times.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Bandwidth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Bandwidth;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter
                    .write_str("a number of bytes like `10MiB`, or a list of `window` and `limit`")
            }

            fn visit_unit<E>(self) -> Result<Bandwidth, E> {
                Ok(Bandwidth::default())
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Bandwidth, E> {
                text.parse().map(Bandwidth::always).map_err(E::custom)
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Bandwidth, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut items: A,
            ) -> Result<Bandwidth, A::Error> {
                let mut times = Vec::new();
                while let Some(timed) = items.next_element::<Timed>()? {
                    times.push(timed);
                }
                if times.is_empty() {
                    return Err(A::Error::custom("a timetable has at least one `limit`"));
                }
                Ok(Bandwidth(times))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Bandwidth {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn one_limit_holds_always_and_a_timetable_by_the_minute() {
        assert_eq!(read("10MiB").at(0), Some(10 << 20));
        assert_eq!(read("~").at(0), None);
        let times = read(
            "[{window: '08:00-18:00', limit: 2MiB}, {window: '23:00-01:00', limit: ~}, {limit: 5MiB}]",
        );
        assert_eq!(times.at(8 * 60), Some(2 << 20));
        assert_eq!(times.at(18 * 60), Some(5 << 20));
        assert_eq!(times.at(0), None);
        let closed = read("[{window: '08:00-18:00', limit: 0B}]");
        assert_eq!((closed.at(600), closed.at(0)), (Some(0), None));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["10MiB", "~", "[{window: '08:00-18:00', limit: 2MiB}, {limit: ~}]"] {
            let read_once = read(text);
            let written = serde_yaml::to_string(&read_once).unwrap();
            assert_eq!(read(&written), read_once, "{written}");
        }
        for wrong in ["[]", "fast", "[{windw: '08:00-18:00', limit: 2MiB}]", "7"] {
            assert!(serde_yaml::from_str::<Bandwidth>(wrong).is_err(), "{wrong}");
        }
    }
}
