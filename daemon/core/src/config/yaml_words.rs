//! What the reader of YAML says, in words for whoever has to mend the file.

/// The words of the reader, and ours.
const WORDS: [(&str, &str); 9] = [
    (
        "found character that cannot start any token",
        "no value begins like this: indent with spaces instead of tabs, and put what begins with @, % or ` in quotes",
    ),
    (
        "mapping values are not allowed in this context",
        "no key can stand here: put a text that has `: ` in it in quotes, and indent the keys of a section alike",
    ),
    (
        "deserializing from YAML containing more than one document is not supported",
        "more than one document: a file is one, without a line `---` or `...` between its keys",
    ),
    ("invalid type: unit value", "invalid type: nothing"),
    ("invalid type: sequence", "invalid type: a list"),
    ("expected a boolean", "expected `true` or `false`"),
    ("expected a string", "expected a text"),
    ("expected a nonzero u16", "expected an integer from 1 to 65535"),
    ("expected a nonzero u32", "expected an integer from 1 to 4294967295"),
];

/// What the reader calls integers that are longer than it likes.
const TYPES: [&str; 2] = [" as u128", " as i128"];

/// `message` of the reader of YAML as people understand it.
pub(super) fn plain(message: &str) -> String {
    let message = TYPES.iter().fold(message.to_owned(), |text, of_type| text.replace(of_type, ""));
    WORDS.iter().fold(message, |text, (reader, ours)| text.replace(reader, ours))
}

#[cfg(test)]
mod tests {
    use crate::config::parse;

    #[test]
    fn nobody_has_to_know_the_words_of_the_reader() {
        for (text, expected) in [
            ("mount:\n\tdrain: 5s\n", "2:1: no value begins like this: indent with spaces"),
            ("webroot: /srv: a\n", "1:14: no key can stand here: put a text that has"),
            ("webroot: /a\n---\nwebroot: /b\n", "1:1: more than one document"),
            (
                "serve: {connections: 99999999999999999999999}",
                "1:22: serve.connections: invalid type: integer `99999999999999999999999`, \
                 expected an integer from 1 to 4294967295",
            ),
            (
                "fetch: {keep: 0}",
                "1:15: fetch.keep: invalid value: integer `0`, expected an integer from 1 to 65535",
            ),
            ("serve: null", "1:8: serve: invalid type: nothing, expected keys and values"),
            (
                "mount: {views: yes}",
                "1:16: mount.views: invalid type: string \"yes\", expected `true`",
            ),
        ] {
            let found = parse(text).unwrap_err()[0].to_string();
            assert!(found.starts_with(expected), "{text}: {found}");
        }
    }
}
