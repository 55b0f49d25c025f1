//! Reading a structure as if its text had only one key.

use std::fmt;

use serde::{
    de::{
        DeserializeSeed, Deserializer, Error as _, IgnoredAny, IntoDeserializer, MapAccess,
        Visitor, value::StrDeserializer,
    },
    forward_to_deserialize_any,
};

use super::unknown_key::unknown_key;

/// Shows structures as if they had no key but the one at `path`, and refuses that where it is unknown. Everything
/// else passes through.
pub(super) struct OnlyKey<'k, T> {
    inner: T,
    path: &'k [String],
}

impl<'k, T> OnlyKey<'k, T> {
    pub(super) fn new(inner: T, path: &'k [String]) -> Self {
        Self { inner, path }
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for OnlyKey<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let inner = OnlyKeyVisitor { inner: visitor, fields };
        self.inner.deserialize_map(OnlyKey { inner, path: self.path })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct OnlyKeyVisitor<V> {
    inner: V,
    fields: &'static [&'static str],
}

impl<'de, V: Visitor<'de>> Visitor<'de> for OnlyKey<'_, OnlyKeyVisitor<V>> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.inner.expecting(formatter)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let OnlyKeyVisitor { inner, fields } = self.inner;
        inner.visit_map(OnlyKey { inner: Entries { map, fields, seen: false }, path: self.path })
    }
}

struct Entries<A> {
    map: A,
    fields: &'static [&'static str],
    seen: bool,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for OnlyKey<'_, Entries<A>> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        mut seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some((wanted, _)) = self.path.split_first() else {
            return Err(A::Error::custom("no key is wanted"));
        };
        loop {
            let Entries { fields, seen, .. } = self.inner;
            let key = KeySeed { seed, wanted, fields, seen };
            match self.inner.map.next_key_seed(key)? {
                None => return Ok(None),
                Some(KeyFound::Wanted(value)) => {
                    self.inner.seen = true;
                    return Ok(Some(value));
                }
                Some(KeyFound::Other(given_back)) => seed = given_back,
            }
            self.inner.map.next_value::<IgnoredAny>()?;
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let below = self.path.get(1..).unwrap_or_default();
        self.inner.map.next_value_seed(OnlyKey { inner: seed, path: below })
    }
}

/// Reads the value below a key that was wanted.
impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for OnlyKey<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        if self.path.is_empty() {
            return self.inner.deserialize(deserializer);
        }
        self.inner.deserialize(OnlyKey { inner: deserializer, path: self.path })
    }
}

/// Reads one key. Errors are raised from within, for then they get the key's place in the file.
struct KeySeed<'k, K> {
    seed: K,
    wanted: &'k str,
    fields: &'static [&'static str],
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
        if key != self.wanted {
            return Ok(KeyFound::Other(self.seed));
        }
        if !self.fields.contains(&key) {
            return Err(unknown_key(key, self.fields));
        }
        if self.seen {
            return Err(E::custom(format_args!("`{key}` is given twice")));
        }
        let key: StrDeserializer<'_, E> = key.into_deserializer();
        self.seed.deserialize(key).map(KeyFound::Wanted)
    }
}
