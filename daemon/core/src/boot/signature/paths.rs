//! Lists of paths of which the first that there is counts.

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};

use super::template::{Template, Values};
use crate::{boot::glob::PathPattern, config::text::deserialize_from_text};

/// Patterns of paths in the order in which they are tried. A single one may be written without a list around it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paths(Vec<PathTemplate>);

/// A pattern of a path with names in it that stand for what was found before.
#[derive(Clone, Debug)]
enum PathTemplate {
    Plain(PathPattern),
    WithNames(Template),
}

impl Paths {
    /// The patterns themselves, where `values` stand for names. Those of which a name is not known are left out.
    pub(crate) fn patterns(&self, values: &Values) -> Vec<PathPattern> {
        let pattern = |path: &PathTemplate| match path {
            PathTemplate::Plain(pattern) => Some(pattern.clone()),
            PathTemplate::WithNames(template) => {
                PathPattern::parse(&template.filled_in(values)?).ok()
            }
        };
        self.0.iter().filter_map(pattern).collect()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names that it uses.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let templates = self.0.iter().filter_map(|path| match path {
            PathTemplate::Plain(_) => None,
            PathTemplate::WithNames(template) => Some(template),
        });
        templates.flat_map(Template::names)
    }
}

impl TryFrom<String> for PathTemplate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        path(&text)
    }
}

deserialize_from_text!(PathTemplate);

fn path(text: &str) -> Result<PathTemplate, String> {
    if !text.contains("${") {
        return PathPattern::parse(text)
            .map(PathTemplate::Plain)
            .map_err(|error| error.to_string());
    }
    let template = Template::try_from(text.to_owned()).map_err(|error| error.to_string())?;
    // With any name in its place it has to be a path.
    PathPattern::parse(&template.with_all("x")).map_err(|error| error.to_string())?;
    Ok(PathTemplate::WithNames(template))
}

impl<'de> Deserialize<'de> for Paths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PathsVisitor;
        impl<'de> Visitor<'de> for PathsVisitor {
            type Value = Paths;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a path or a list of paths")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Paths, E> {
                Ok(Paths(vec![path(text).map_err(E::custom)?]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Paths, A::Error> {
                let mut paths = Vec::new();
                while let Some(text) = sequence.next_element()? {
                    paths.push(text);
                }
                Ok(Paths(paths))
            }
        }
        deserializer.deserialize_any(PathsVisitor)
    }
}
