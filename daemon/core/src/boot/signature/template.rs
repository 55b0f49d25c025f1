//! Texts with names in them, written `${name}`.
//!
//! Names of the tree's URL and the like (`${tree}`) are for views and stay as they are. All others stand for
//! something that was found on the medium. Only plain words are ever put in, so that no medium can write into a
//! command line, or a view's script, what is not its to write.

use std::collections::BTreeMap;

/// Names that views fill in; [`crate::boot::detection`] says what they stand for.
const FOR_VIEWS: [&str; 6] = ["tree", "iso", "generated", "answers", "host", "path"];

/// A text with names in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Name(String),
}

/// What names stand for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values(BTreeMap<String, String>);

/// Why a text is no template.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidTemplate {
    /// A name is not ended, or is not one.
    #[error("`${{` begins a name of letters, digits and `_`, ended by `}}`, in `{}`", .0.escape_debug())]
    Name(String),
    /// It would end a line of a script.
    #[error("`{}` is more than one line", .0.escape_debug())]
    Lines(String),
}

impl TryFrom<String> for Template {
    type Error = InvalidTemplate;

    fn try_from(text: String) -> Result<Self, InvalidTemplate> {
        if text.contains(char::is_control) {
            return Err(InvalidTemplate::Lines(text));
        }
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let is_word = |name: &str| {
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            };
            let Some((name, after)) = after.split_once('}').filter(|(name, _)| is_word(name))
            else {
                return Err(InvalidTemplate::Name(text));
            };
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Name(name.to_owned()));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }
}

impl Template {
    /// Names in it that something on the medium stands for.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Name(name) if !FOR_VIEWS.contains(&name.as_str()) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether `name` is in it.
    pub(crate) fn uses(&self, name: &str) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Name(used) if used == name))
    }

    /// The text with `values` put in; `None` where one is not known.
    pub(crate) fn filled_in(&self, values: &Values) -> Option<String> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Name(name) if FOR_VIEWS.contains(&name.as_str()) => {
                    text.extend(["${", name, "}"]);
                }
                Piece::Name(name) => text.push_str(values.0.get(name)?),
            }
        }
        Some(text)
    }

    /// The text with `value` for all names.
    pub(crate) fn with_all(&self, value: &str) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(plain) => plain,
            Piece::Name(_) => value,
        });
        pieces.collect()
    }
}

impl Values {
    /// Has `name` stand for `value`, if that is a plain word or path.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._+~@:/".contains(&b);
        if value.len() <= 255 && value.bytes().all(is_plain) {
            self.0.insert(name.to_owned(), value.to_owned());
        } else {
            self.0.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn template(text: &str) -> Template {
        Template::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn names_are_put_in_and_those_of_views_are_left() {
        let mut values = Values::default();
        values.set("1", "lts");
        values.set("bad", "a b");
        let text = "modloop=${tree}/boot/modloop-${1} a$b $5";
        let filled = template(text).filled_in(&values);
        assert_eq!(filled.as_deref(), Some("modloop=${tree}/boot/modloop-lts a$b $5"));
        assert_eq!(
            template("${bad}").filled_in(&values),
            None,
            "no medium writes more than a word"
        );
        assert_eq!(template("${2}").filled_in(&values), None);
        assert_eq!(template("${tree} ${x}").names().collect::<Vec<_>>(), ["x"]);
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for text in ["${", "${}", "${a b}", "a\nb", "${tree"] {
            assert!(Template::try_from(text.to_owned()).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_value_brings_a_blank_or_a_name_in(value: String) {
            let mut values = Values::default();
            values.set("1", &value);
            if let Some(text) = template("a${1}b").filled_in(&values) {
                prop_assert!(!text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '$'));
            }
        }
    }
}
