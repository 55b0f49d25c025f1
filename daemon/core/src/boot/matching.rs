//! Whether a signature fits a medium, and if not, on what it fails.

use super::{
    detect::Subject,
    glob::PathPattern,
    look::{GaveUp, Look, Sight},
    signature::{Conditions, Paths, Pattern, Signature, Values},
};

/// The first condition of `signature` that the medium does not meet, as a phrase; `None` where it meets all.
pub(super) fn mismatch(
    signature: &Signature,
    subject: &Subject,
    look: &Look<'_>,
) -> Result<Option<String>, GaveUp> {
    let Conditions { all, any, none, content, system, publisher, application, label } =
        &signature.when;
    let paths = Comparison { look, any_case: signature.any_case };
    if let Some(failed) = paths.of_paths(all, any, none)? {
        return Ok(Some(failed));
    }
    for condition in content {
        if let Some(failed) = paths.of_content(&condition.file, &condition.pattern)? {
            return Ok(Some(failed));
        }
    }
    let texts = [
        ("system identifier", system, &subject.system),
        ("publisher", publisher, &subject.publisher),
        ("application", application, &subject.application),
        ("label", label, &subject.label),
    ];
    Ok(texts
        .into_iter()
        .find_map(|(what, pattern, text)| text_mismatch(what, pattern.as_ref()?, text.as_deref())))
}

fn text_mismatch(what: &str, pattern: &Pattern, text: Option<&str>) -> Option<String> {
    match text {
        None => Some(format!("it has no {what}")),
        Some(text) if pattern.is_match(text) => None,
        Some(text) => Some(format!("the {what} `{text}` does not match `{}`", pattern.as_str())),
    }
}

struct Comparison<'l, 't> {
    look: &'l Look<'t>,
    any_case: bool,
}

impl Comparison<'_, '_> {
    fn of_paths(&self, all: &Paths, any: &Paths, none: &Paths) -> Result<Option<String>, GaveUp> {
        for path in patterns(all) {
            match self.look.first(&path, self.any_case)? {
                Sight::There(_) => {}
                Sight::Absent => return Ok(Some(format!("there is no `{path}`"))),
                Sight::Unreadable => return Ok(Some(format!("`{path}` cannot be looked for"))),
            }
        }
        let any = patterns(any);
        if !any.is_empty() && self.look.first_of(&any, self.any_case)?.is_none() {
            let listed: Vec<_> = any.iter().map(|path| format!("`{path}`")).collect();
            return Ok(Some(format!("there is none of {}", listed.join(", "))));
        }
        for path in patterns(none) {
            match self.look.first(&path, self.any_case)? {
                Sight::Absent => {}
                Sight::There(hit) => return Ok(Some(format!("there is `{}`", hit.path))),
                // It may be there: then this is another system.
                Sight::Unreadable => return Ok(Some(format!("`{path}` cannot be looked for"))),
            }
        }
        Ok(None)
    }

    fn of_content(&self, file: &Paths, pattern: &Pattern) -> Result<Option<String>, GaveUp> {
        let files = patterns(file);
        let Some(hit) = self.look.first_of(&files, self.any_case)? else {
            let listed: Vec<_> = files.iter().map(|path| format!("`{path}`")).collect();
            return Ok(Some(format!("there is no {}", listed.join(" or "))));
        };
        let Some(content) = self.look.content(&hit.path)? else {
            return Ok(Some(format!("`{}` cannot be read", hit.path)));
        };
        let matches = pattern.is_match(&String::from_utf8_lossy(&content));
        let failed = || format!("`{}` does not match `{}`", hit.path, pattern.as_str());
        Ok((!matches).then(failed))
    }
}

/// The patterns of `paths`. Conditions come before anything is found, so names in them stand for nothing.
fn patterns(paths: &Paths) -> Vec<PathPattern> {
    paths.patterns(&Values::default())
}
