//! What to say of a key or a value that there is not.

use serde::de;

/// The error for `key`, with the one of `known` that was probably meant.
pub(super) fn unknown_key<E: de::Error>(key: &str, known: &[&str]) -> E {
    unknown("key", key, known)
}

/// The error for the value `word`, where only those of `known` are taken.
pub(super) fn unknown_word<E: de::Error>(word: &str, known: &[&str]) -> E {
    unknown("value", word, known)
}

fn unknown<E: de::Error>(what: &str, word: &str, known: &[&str]) -> E {
    let shown = word.escape_debug();
    if let Some(meant) = closest(word, known) {
        return E::custom(format_args!("unknown {what} `{shown}`: did you mean `{meant}`?"));
    }
    let known: Vec<_> = known.iter().map(|known| format!("`{known}`")).collect();
    E::custom(format_args!("unknown {what} `{shown}`: there are {}", known.join(", ")))
}

/// The name that differs least from `word`, as long as more of it agrees than differs.
pub(super) fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    let word = plain(word);
    let distance = |name: &&str| strsim::damerau_levenshtein(&word, &plain(name));
    let nearest = known.iter().copied().min_by_key(distance)?;
    (distance(&nearest) <= nearest.chars().count() / 3).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_answered_with_what_was_meant() {
        let known = ["webroot", "media", "mount", "names", "serve", "fetch", "on_stop"];
        for (word, meant) in [
            ("webrot", Some("webroot")),
            ("Webroot", Some("webroot")),
            ("medai", Some("media")),
            ("server", Some("serve")),
            ("on-stop", Some("on_stop")),
            ("directory", None),
            ("", None),
        ] {
            assert_eq!(closest(word, &known), meant, "{word}");
        }
    }
}
