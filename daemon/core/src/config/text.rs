//! Values that are made from one text.
//!
//! serde checks a `try_from` value after its text was read, when its place in the file is already lost. Here it is
//! checked while the text is read, so that the error says where.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

/// Reads a value from a text.
pub(crate) fn deserialize<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<String, Error: fmt::Display>,
{
    deserializer.deserialize_str(TextVisitor(PhantomData))
}

/// A value that is read by [`deserialize`], for use within collections.
pub(super) struct Text<T>(pub(super) T);

impl<'de, T: TryFrom<String, Error: fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer).map(Self)
    }
}

struct TextVisitor<T>(PhantomData<T>);

impl<T: TryFrom<String, Error: fmt::Display>> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::try_from(text.to_owned()).map_err(E::custom)
    }
}

/// Makes types with `TryFrom<String>` readable by [`deserialize`].
macro_rules! deserialize_from_text {
    ($($name:ty),+ $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::config::text::deserialize(deserializer)
            }
        }
    )+};
}

pub(crate) use deserialize_from_text;
