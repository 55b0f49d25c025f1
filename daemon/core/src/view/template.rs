//! Filling in the templates of boot detection.

/// What `${tree}`, `${iso}`, `${generated}` and `${answers}` stand for; see [`crate::boot::Detection`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootValues {
    /// URL of the tree.
    pub tree: String,
    /// URL of the image.
    pub iso: String,
    /// URL of the directory of generated files.
    pub generated: String,
    /// URL of the operator's answer file, if there is one for this medium.
    pub answers: Option<String>,
}

/// Fills in `template`; `None` where it asks for something that there is not. What is inserted is not looked at again,
/// and a `$` of anything else stays as it is.
#[must_use]
pub fn expand(template: &str, values: &BootValues) -> Option<String> {
    let mut out = String::with_capacity(template.len() + values.tree.len());
    let mut rest = template;
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let end = from.find('}').map_or(from.len(), |end| end + 1);
        let (expression, after) = from.split_at(end);
        match expression {
            "${tree}" => out.push_str(&values.tree),
            "${iso}" => out.push_str(&values.iso),
            "${generated}" => out.push_str(&values.generated),
            "${answers}" => out.push_str(values.answers.as_deref()?),
            "${host}" => out.push_str(host_and_path(&values.tree)?.0),
            "${path}" => out.push_str(host_and_path(&values.tree)?.1),
            _ => {
                // Only the two characters: another expression may begin within.
                out.push_str("${");
                rest = &from[2..];
                continue;
            }
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

/// The host with its port, and the path without a slash before it; `None` of what is no URL yet.
fn host_and_path(url: &str) -> Option<(&str, &str)> {
    url.split_once("://")?.1.split_once('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> BootValues {
        BootValues {
            tree: "http://mirror:80/a/NAME".into(),
            iso: "${tree}".into(),
            generated: "G".into(),
            answers: None,
        }
    }

    #[test]
    fn what_is_inserted_is_never_looked_at_again() {
        for (template, expected) in [
            ("inst.repo=${tree} x", Some("inst.repo=http://mirror:80/a/NAME x")),
            ("${host}|${path}", Some("mirror:80|a/NAME")),
            ("${iso}", Some("${tree}")),
            ("$${iso}}", Some("$${tree}}")),
            ("${generated}${generated}", Some("GG")),
            ("$ $x ${x} ${ ${", Some("$ $x ${x} ${ ${")),
            ("${${generated}}", Some("${G}")),
            ("ks=${answers}", None),
        ] {
            assert_eq!(expand(template, &values()).as_deref(), expected, "{template}");
        }
        let answers = BootValues { answers: Some("${iso}".into()), ..values() };
        assert_eq!(expand("${answers}", &answers).as_deref(), Some("${iso}"));
        let unknown = BootValues { tree: "${isomirror}/NAME".into(), ..values() };
        assert_eq!(expand("${tree}", &unknown).as_deref(), Some("${isomirror}/NAME"));
        assert_eq!(expand("${host}", &unknown), None);
    }
}
