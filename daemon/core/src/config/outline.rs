//! The parts of a YAML document: its keys, three levels deep, and how many elements its lists have.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::key_path::{KeyPath, Step};

/// Parts that are looked at for errors. A file of more is not a configuration that a person has to mend.
const MOST_PARTS: usize = 500;

/// Levels of keys: no setting lies deeper.
const DEEPEST: usize = 3;

/// The parts of a value.
pub(super) enum Outline {
    /// None.
    Value,
    /// Elements of a list.
    List(usize),
    /// Keys, each with its parts.
    Keys(Vec<(String, Outline)>),
}

impl Outline {
    /// One path for each part that is worth an error of its own. A list has one as a whole too, for what is wrong with
    /// its elements together.
    pub(super) fn paths(&self) -> Vec<Vec<Step>> {
        let mut paths = Vec::new();
        self.collect(&mut Vec::new(), &mut |path, outline| {
            if let Self::List(length) = outline {
                paths.extend((0..*length).map(|index| [path, &[Step::Index(index)]].concat()));
            }
            paths.push(path.to_vec());
        });
        paths.truncate(MOST_PARTS);
        paths
    }

    /// The keys that have a value of their own.
    pub(super) fn keys(&self) -> Vec<KeyPath> {
        let mut keys = Vec::new();
        self.collect(&mut Vec::new(), &mut |path, _| {
            keys.push(KeyPath::new(path.iter().filter_map(|step| match step {
                Step::Key(name) => Some(name.clone()),
                Step::Index(_) => None,
            })));
        });
        keys
    }

    fn collect(&self, path: &mut Vec<Step>, found: &mut dyn FnMut(&[Step], &Self)) {
        match self {
            Self::Keys(keys) if !keys.is_empty() && path.len() < DEEPEST => {
                for (key, below) in keys {
                    path.push(Step::Key(key.clone()));
                    below.collect(path, found);
                    path.pop();
                }
            }
            _ if path.is_empty() => {}
            outline => found(path, outline),
        }
    }
}

impl<'de> Deserialize<'de> for Outline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OutlineVisitor)
    }
}

struct OutlineVisitor;

macro_rules! no_parts {
    ($($visit:ident: $value:ty),+) => {
        $(fn $visit<E>(self, _: $value) -> Result<Outline, E> { Ok(Outline::Value) })+
    };
}

impl<'de> Visitor<'de> for OutlineVisitor {
    type Value = Outline;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    no_parts!(visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128,
        visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> Result<Outline, E> {
        Ok(Outline::Value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Outline, A::Error> {
        let mut length = 0;
        while list.next_element::<IgnoredAny>()?.is_some() {
            length += 1;
        }
        Ok(Outline::List(length))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outline, A::Error> {
        let mut keys = Vec::new();
        while let Some(entry) = map.next_entry()? {
            keys.push(entry);
        }
        Ok(Outline::Keys(keys))
    }
}
