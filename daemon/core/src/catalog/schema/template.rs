//! Texts with places to be filled in.

use std::{collections::BTreeMap, fmt};

use crate::config::text::deserialize_from_text;

/// A text in which `{version}` and the like stand for what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    written: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place(String),
}

deserialize_from_text!(Template);

/// A text that is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` has a brace without its other half, or a place that is no word", .0.escape_debug())]
pub struct InvalidTemplate(String);

impl Template {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Names of what is filled in.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Place(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// Whether nothing is to be filled in.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.places().next().is_none()
    }

    /// The text, or `None` where a value is missing.
    #[must_use]
    pub fn fill(&self, values: &BTreeMap<String, String>) -> Option<String> {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => Some(text.clone()),
            Piece::Place(name) => values.get(name).cloned(),
        };
        self.pieces.iter().map(piece).collect()
    }
}

impl TryFrom<String> for Template {
    type Error = InvalidTemplate;

    fn try_from(text: String) -> Result<Self, InvalidTemplate> {
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let place = after.split_once('}').filter(|(name, _)| is_word(name));
            let Some((name, after)) = place.filter(|_| !before.contains('}')) else {
                return Err(InvalidTemplate(text));
            };
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Place(name.to_owned()));
            rest = after;
        }
        if rest.contains('}') {
            return Err(InvalidTemplate(text));
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self { written: text, pieces })
    }
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_in_or_the_whole_is_nothing() {
        let template = Template::try_from("OL9/u{update}/{file}".to_owned()).unwrap();
        let mut values = BTreeMap::from([("update".to_owned(), "6".to_owned())]);
        assert_eq!(template.fill(&values), None);
        values.insert("file".to_owned(), "x{update}.iso".to_owned());
        assert_eq!(template.fill(&values).as_deref(), Some("OL9/u6/x{update}.iso"));
        for text in ["{", "}", "{}", "{a b}", "a}b{c}", "{a{b}}"] {
            assert!(Template::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
