//! Where in a file a key stands.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::key_path::Step;

/// A place in a text, written `LINE:COLUMN`; both from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.line, self.column)
    }
}

/// Where the part at `path` begins: the last key of it, or an element of a list. `None` where the text has none.
///
/// Only errors know where they are, so one is made there.
pub(super) fn place(text: &str, path: &[Step]) -> Option<Place> {
    let here = Seek(path).deserialize(serde_yaml::Deserializer::from_str(text)).err()?;
    let location = here.location()?;
    here.to_string()
        .contains(HERE)
        .then(|| Place { line: location.line(), column: location.column() })
}

/// What an error says that was made to learn a place.
const HERE: &str = "the place that was sought";

/// Goes along a path, and fails where it ends.
struct Seek<'k>(&'k [Step]);

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! ends {
    ($($visit:ident: $value:ty),+) => {
        $(fn $visit<E: serde::de::Error>(self, _: $value) -> Result<(), E> { self.end() })+
    };
}

impl Seek<'_> {
    /// A value that has no parts.
    fn end<E: serde::de::Error>(self) -> Result<(), E> {
        if self.0.is_empty() { Err(E::custom(HERE)) } else { Ok(()) }
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    ends!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.end()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Some((Step::Index(wanted), below)) = self.0.split_first() else {
            return self.end();
        };
        for _ in 0..*wanted {
            list.next_element::<IgnoredAny>()?;
        }
        list.next_element_seed(Seek(below))?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((Step::Key(wanted), below)) = self.0.split_first() else {
            return self.end();
        };
        while let Some(is_wanted) =
            map.next_key_seed(SeekKey { wanted, is_last: below.is_empty() })?
        {
            if is_wanted {
                map.next_value_seed(Seek(below))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Fails at the last key of a path.
struct SeekKey<'k> {
    wanted: &'k str,
    is_last: bool,
}

impl<'de> DeserializeSeed<'de> for SeekKey<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for SeekKey<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<bool, E> {
        match key == self.wanted {
            true if self.is_last => Err(E::custom(HERE)),
            is_wanted => Ok(is_wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_elements_are_found_where_they_stand() {
        let text = "media: {drives: any}\nfetch:\n  sources:\n    - file:///a\n    - {b: 1}\n  \
                    want: []\nmount:\n  options:\n    udf: uid=3\n";
        let key =
            |names: &str| names.split('.').map(|n| Step::Key(n.to_owned())).collect::<Vec<_>>();
        let element = |names, index| [key(names), vec![Step::Index(index)]].concat();
        for (path, expected) in [
            (key("media"), Some((1, 1))),
            (key("media.drives"), Some((1, 9))),
            (key("fetch.want"), Some((6, 3))),
            (element("fetch.sources", 0), Some((4, 7))),
            (element("fetch.sources", 1), Some((5, 7))),
            (element("fetch.sources", 2), None),
            (key("mount.options.udf"), Some((9, 5))),
            (key("mount.drain"), None),
            (key("webroot"), None),
        ] {
            let expected = expected.map(|(line, column)| Place { line, column });
            assert_eq!(place(text, &path), expected, "{path:?}");
        }
    }
}
