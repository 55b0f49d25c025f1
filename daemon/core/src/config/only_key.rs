//! Reading a structure as if its text had only one of its parts.

use std::fmt;

use serde::{
    de::{
        DeserializeSeed, Deserializer, Error as _, IgnoredAny, IntoDeserializer, MapAccess,
        SeqAccess, Visitor, value::StrDeserializer,
    },
    forward_to_deserialize_any,
};

use super::{
    key_path::Step,
    unknown_key::{unknown_key, unknown_word},
};

/// Shows structures and lists as if they had no part but the one at `path`, and refuses that where it is unknown; all
/// parts where the path is at its end. Everything else passes through.
pub(super) struct OnlyKey<'k, T> {
    inner: T,
    path: &'k [Step],
}

impl<'k, T> OnlyKey<'k, T> {
    pub(super) fn new(inner: T, path: &'k [Step]) -> Self {
        Self { inner, path }
    }

    /// The part one level further down.
    fn below(&self) -> &'k [Step] {
        self.path.get(1..).unwrap_or_default()
    }
}

macro_rules! pass_through {
    ($($method:ident)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method(visitor)
        }
    )+};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for OnlyKey<'_, D> {
    type Error = D::Error;

    pass_through! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16
        deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64 deserialize_char deserialize_str
        deserialize_string deserialize_unit deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(OnlyKey::new(Parts { visitor, kind: Kind::Any }, self.path))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_option(OnlyKey::new(Parts { visitor, kind: Kind::Any }, self.path))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_seq(OnlyKey::new(Parts { visitor, kind: Kind::Any }, self.path))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_map(OnlyKey::new(Parts { visitor, kind: Kind::Map }, self.path))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let parts = Parts { visitor, kind: Kind::Structure(fields) };
        self.inner.deserialize_map(OnlyKey::new(parts, self.path))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_str(Word { visitor, words })
    }

    forward_to_deserialize_any! {
        i128 u128 bytes byte_buf unit_struct newtype_struct tuple tuple_struct
    }
}

/// What is read, by whom.
struct Parts<V> {
    visitor: V,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    /// Whatever is there; of a list the one element.
    Any,
    /// Keys of the user's.
    Map,
    /// These keys and no others.
    Structure(&'static [&'static str]),
}

macro_rules! pass_values {
    ($($method:ident: $value:ty),+) => {$(
        fn $method<E: serde::de::Error>(self, value: $value) -> Result<V::Value, E> {
            self.inner.visitor.$method(value)
        }
    )+};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for OnlyKey<'_, Parts<V>> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.visitor.expecting(formatter)
    }

    pass_values!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str,
        visit_borrowed_str: &'de str, visit_string: String);

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.inner.visitor.visit_unit()
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.inner.visitor.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.inner.visitor.visit_some(OnlyKey::new(deserializer, self.path))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        self.inner.visitor.visit_seq(OnlyKey::new(Elements { list, index: 0 }, self.path))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let fields = match self.inner.kind {
            Kind::Any => return self.inner.visitor.visit_map(map),
            Kind::Map => None,
            Kind::Structure(fields) => Some(fields),
        };
        let entries = Entries { map, fields, seen: false };
        self.inner.visitor.visit_map(OnlyKey::new(entries, self.path))
    }
}

struct Elements<A> {
    list: A,
    index: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for OnlyKey<'_, Elements<A>> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        if let Some(Step::Index(wanted)) = self.path.first() {
            while self.inner.index != *wanted {
                if self.inner.list.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(None);
                }
                self.inner.index += 1;
            }
        }
        self.inner.index += 1;
        let below = self.below();
        self.inner.list.next_element_seed(OnlyKey::new(seed, below))
    }
}

struct Entries<A> {
    map: A,
    /// The keys that there are; `None` where they are the user's.
    fields: Option<&'static [&'static str]>,
    seen: bool,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for OnlyKey<'_, Entries<A>> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        mut seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let wanted = match self.path.first() {
            Some(Step::Key(wanted)) => Some(wanted.as_str()),
            Some(Step::Index(_)) => return Err(A::Error::custom("no list")),
            None => None,
        };
        loop {
            let Entries { fields, seen, .. } = self.inner;
            let key = KeySeed { seed, wanted, fields, seen };
            match self.inner.map.next_key_seed(key)? {
                None => return Ok(None),
                Some(KeyFound::Wanted(value)) => {
                    self.inner.seen = wanted.is_some();
                    return Ok(Some(value));
                }
                Some(KeyFound::Other(given_back)) => seed = given_back,
            }
            self.inner.map.next_value::<IgnoredAny>()?;
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let below = self.below();
        self.inner.map.next_value_seed(OnlyKey::new(seed, below))
    }
}

/// Reads a value that was wanted.
impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for OnlyKey<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(OnlyKey { inner: deserializer, path: self.path })
    }
}

/// Reads one key. Errors are raised from within, for then they get the key's place in the file.
struct KeySeed<'k, K> {
    seed: K,
    wanted: Option<&'k str>,
    fields: Option<&'static [&'static str]>,
    seen: bool,
}

enum KeyFound<T, K> {
    Wanted(T),
    Other(K),
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for KeySeed<'_, K> {
    type Value = KeyFound<K::Value, K>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, K: DeserializeSeed<'de>> Visitor<'de> for KeySeed<'_, K> {
    type Value = KeyFound<K::Value, K>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        if self.wanted.is_some_and(|wanted| key != wanted) {
            return Ok(KeyFound::Other(self.seed));
        }
        if let Some(fields) = self.fields.filter(|fields| !fields.contains(&key)) {
            return Err(unknown_key(key, fields));
        }
        if self.seen {
            return Err(E::custom(format_args!("`{}` is given twice", key.escape_debug())));
        }
        let key: StrDeserializer<'_, E> = key.into_deserializer();
        self.seed.deserialize(key).map(KeyFound::Wanted)
    }
}

/// Reads one of several words.
struct Word<V> {
    visitor: V,
    words: &'static [&'static str],
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Word<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.words.iter().map(|word| format!("`{word}`")).collect();
        write!(formatter, "one of {}", words.join(", "))
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<V::Value, E> {
        if !self.words.contains(&word) {
            return Err(unknown_word(word, self.words));
        }
        let word: StrDeserializer<'_, E> = word.into_deserializer();
        self.visitor.visit_enum(word)
    }
}
