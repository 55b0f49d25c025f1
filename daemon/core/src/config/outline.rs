//! The keys of a YAML document, two levels deep.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// Keys that are looked at for errors. A file of more is not a configuration that a person has to mend.
const MOST_KEYS: usize = 200;

/// The keys of a document: those at the top, and below each the keys of its value.
pub(super) struct Outline(Vec<(String, Vec<String>)>);

impl Outline {
    /// One path for each key that is worth an error of its own.
    pub(super) fn paths(self) -> Vec<Vec<String>> {
        let mut paths = Vec::new();
        for (key, below) in self.0 {
            if below.is_empty() {
                paths.push(vec![key]);
            } else {
                paths.extend(below.into_iter().map(|second| vec![key.clone(), second]));
            }
        }
        paths.truncate(MOST_KEYS);
        paths
    }
}

impl<'de> Deserialize<'de> for Outline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OutlineVisitor;
        impl<'de> Visitor<'de> for OutlineVisitor {
            type Value = Outline;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("keys and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outline, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, Keys(below))) = map.next_entry()? {
                    keys.push((key, below));
                }
                Ok(Outline(keys))
            }
        }
        deserializer.deserialize_any(OutlineVisitor)
    }
}

/// The keys of a value; none where it has none.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeysVisitor)
    }
}

struct KeysVisitor;

macro_rules! no_keys {
    ($($visit:ident: $value:ty),+) => {
        $(fn $visit<E>(self, _: $value) -> Result<Keys, E> { Ok(Keys(Vec::new())) })+
    };
}

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Keys;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    no_keys!(visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128,
        visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> Result<Keys, E> {
        Ok(Keys(Vec::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Keys, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Keys(Vec::new()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
        let mut keys = Vec::new();
        while let Some((key, IgnoredAny)) = map.next_entry()? {
            keys.push(key);
        }
        Ok(Keys(keys))
    }
}
