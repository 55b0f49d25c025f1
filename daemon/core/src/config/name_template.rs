//! How the name of a medium is put together.

use std::{fmt, str::FromStr};

use serde::Serialize;

use super::text::deserialize_from_text;

/// What a template can have filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TemplateField {
    /// `{label}`: the label as it is on the medium.
    Label,
    /// `{label_lower}`: the label in lower case.
    LabelLower,
    /// `{uuid}`: the UUID as libblkid gives it.
    Uuid,
    /// `{drive}`: the drive's name, like `sr0`; empty for an image file.
    Drive,
    /// `{file_stem}`: the image file's name without its last extension; empty for a disc.
    FileStem,
}

const FIELDS: [(&str, TemplateField); 5] = [
    ("label", TemplateField::Label),
    ("label_lower", TemplateField::LabelLower),
    ("uuid", TemplateField::Uuid),
    ("drive", TemplateField::Drive),
    ("file_stem", TemplateField::FileStem),
];

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Piece {
    Text(String),
    Field(TemplateField),
}

/// A text with fields in braces, like `{label}-{uuid}`. At least one field; braces cannot be had as text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub struct NameTemplate(Vec<Piece>);

deserialize_from_text!(NameTemplate);

/// A text that is no [`NameTemplate`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNameTemplate {
    /// A field that there is not.
    #[error("`{{{}}}` cannot be filled in: there are {{label}}, {{label_lower}}, {{uuid}}, {{drive}} and {{file_stem}}", .0.escape_debug())]
    UnknownField(String),
    /// A brace without its other half.
    #[error("a brace of `{}` is not closed or not opened", .0.escape_debug())]
    Unbalanced(String),
    /// All media would have one name.
    #[error("`{}` names every medium alike: put a field into it, like {{label}}", .0.escape_debug())]
    Constant(String),
}

impl NameTemplate {
    /// The text with every field replaced by what `value` has for it. Not safe as a name yet: see [`crate::name`].
    #[must_use]
    pub fn fill<'a>(
        &self,
        mut value: impl FnMut(TemplateField) -> std::borrow::Cow<'a, str>,
    ) -> String {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Field(field) => filled.push_str(&value(*field)),
            }
        }
        filled
    }
}

impl Default for NameTemplate {
    fn default() -> Self {
        Self(vec![Piece::Field(TemplateField::Label)])
    }
}

impl FromStr for NameTemplate {
    type Err = InvalidNameTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidNameTemplate> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (literal, opened) =
                rest.split_once('{').map_or((rest, None), |(l, r)| (l, Some(r)));
            if literal.contains('}') {
                return Err(InvalidNameTemplate::Unbalanced(text.to_owned()));
            }
            if !literal.is_empty() {
                pieces.push(Piece::Text(literal.to_owned()));
            }
            let Some(opened) = opened else { break };
            let (name, after) = opened
                .split_once('}')
                .ok_or_else(|| InvalidNameTemplate::Unbalanced(text.to_owned()))?;
            pieces.push(Piece::Field(field(name)?));
            rest = after;
        }
        if !pieces.iter().any(|piece| matches!(piece, Piece::Field(_))) {
            return Err(InvalidNameTemplate::Constant(text.to_owned()));
        }
        Ok(Self(pieces))
    }
}

fn field(name: &str) -> Result<TemplateField, InvalidNameTemplate> {
    let found = FIELDS.iter().find(|(known, _)| *known == name);
    found.map(|(_, field)| *field).ok_or_else(|| InvalidNameTemplate::UnknownField(name.to_owned()))
}

impl fmt::Display for NameTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Text(text) => formatter.write_str(text),
            Piece::Field(field) => {
                let name =
                    FIELDS.iter().find(|(_, known)| known == field).map_or("", |(name, _)| name);
                write!(formatter, "{{{name}}}")
            }
        })
    }
}

impl From<NameTemplate> for String {
    fn from(template: NameTemplate) -> Self {
        template.to_string()
    }
}

impl TryFrom<String> for NameTemplate {
    type Error = InvalidNameTemplate;

    fn try_from(text: String) -> Result<Self, InvalidNameTemplate> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_filled_in_and_text_stays() {
        let template: NameTemplate = "iso-{label_lower}.{uuid}".parse().unwrap();
        let filled = template.fill(|field| match field {
            TemplateField::LabelLower => "rocky".into(),
            TemplateField::Uuid => "2024".into(),
            _ => "".into(),
        });
        assert_eq!(filled, "iso-rocky.2024");
        assert_eq!(template.to_string(), "iso-{label_lower}.{uuid}");
    }

    #[test]
    fn what_cannot_be_filled_in_is_refused() {
        use InvalidNameTemplate::{Constant, Unbalanced, UnknownField};
        for (text, expected) in [
            ("", Constant(String::new())),
            ("iso", Constant("iso".into())),
            ("{lable}", UnknownField("lable".into())),
            ("{}", UnknownField(String::new())),
            ("{label", Unbalanced("{label".into())),
            ("label}", Unbalanced("label}".into())),
            ("{{label}}", UnknownField("{label".into())),
        ] {
            assert_eq!(text.parse::<NameTemplate>(), Err(expected), "{text}");
        }
    }
}
