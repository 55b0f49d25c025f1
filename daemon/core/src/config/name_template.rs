//! How the name of a medium is put together.

use serde::Serialize;

use super::text::deserialize_from_text;
use crate::naming::TEMPLATE_FIELDS;

/// A text with at least one of [`TEMPLATE_FIELDS`] in braces, like `{label}-{uuid}`, and no other brace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub struct NameTemplate(String);

deserialize_from_text!(NameTemplate);

/// A text that is no [`NameTemplate`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNameTemplate {
    /// A field that there is not.
    #[error("`{{{}}}` cannot be filled in: there are {}", .0.escape_debug(), fields())]
    UnknownField(String),
    /// A brace without its other half.
    #[error("a brace of `{}` is not closed or not opened", .0.escape_debug())]
    Unbalanced(String),
    /// All media would have one name.
    #[error("`{}` names every medium alike: put a field into it, like {{label}}", .0.escape_debug())]
    Constant(String),
}

fn fields() -> String {
    TEMPLATE_FIELDS.map(|field| format!("{{{field}}}")).join(", ")
}

impl NameTemplate {
    /// The template as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for NameTemplate {
    fn default() -> Self {
        Self("{label}".to_owned())
    }
}

impl TryFrom<String> for NameTemplate {
    type Error = InvalidNameTemplate;

    fn try_from(text: String) -> Result<Self, InvalidNameTemplate> {
        let (mut rest, mut filled) = (text.as_str(), false);
        while let Some((before, opened)) = rest.split_once('{') {
            let Some((field, after)) = opened.split_once('}').filter(|_| !before.contains('}'))
            else {
                return Err(InvalidNameTemplate::Unbalanced(text));
            };
            if !TEMPLATE_FIELDS.contains(&field) {
                return Err(InvalidNameTemplate::UnknownField(field.to_owned()));
            }
            (rest, filled) = (after, true);
        }
        if rest.contains('}') {
            return Err(InvalidNameTemplate::Unbalanced(text));
        }
        if filled { Ok(Self(text)) } else { Err(InvalidNameTemplate::Constant(text)) }
    }
}

impl From<NameTemplate> for String {
    fn from(template: NameTemplate) -> Self {
        template.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_filled_in_is_taken() {
        use InvalidNameTemplate::{Constant, Unbalanced, UnknownField};
        for (text, expected) in [
            ("{label}", Ok("{label}")),
            ("iso-{label_lower}.{uuid}", Ok("iso-{label_lower}.{uuid}")),
            ("", Err(Constant(String::new()))),
            ("iso", Err(Constant("iso".into()))),
            ("{lable}", Err(UnknownField("lable".into()))),
            ("{}", Err(UnknownField(String::new()))),
            ("{label", Err(Unbalanced("{label".into()))),
            ("label}", Err(Unbalanced("label}".into()))),
            ("a}{label}", Err(Unbalanced("a}{label}".into()))),
            ("{{label}}", Err(UnknownField("{label".into()))),
        ] {
            let template = NameTemplate::try_from(text.to_owned());
            assert_eq!(template.map(String::from), expected.map(str::to_owned), "{text}");
        }
    }
}
