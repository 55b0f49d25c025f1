//! Text that iPXE takes for what it is.
//!
//! iPXE splits a line at white space, ends a command at the words `||`, `&&` and `;` and at any word that begins with
//! `#`, joins a line that ends with `\` with the next, and expands `${…}` within each word, over and over. It knows no
//! quotes. (Its sources: `src/image/script.c`, `src/core/exec.c`, `expand_settings` in `src/core/settings.c`.)

use std::fmt;

use crate::view::template::{BootValues, expand};

/// What stands for the mirror's URL in a script that finds it out when it runs.
pub(super) const MIRROR: &str = "${isomirror}";

/// Bytes of a command line. Linux takes 2048 on most machines and 4096 at most.
const LONGEST: usize = 4096;

/// Characters of a shown text; a line of iPXE's menus has fewer.
const SHOWN: usize = 120;

/// Words that iPXE takes for arguments as they are, one blank between each two. Never empty lines of their own: they
/// stand behind a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words(String);

impl Words {
    /// The words of a template, filled in; `None` where one of them could not be passed on unchanged.
    pub(super) fn of_template(template: &str, values: &BootValues) -> Option<Self> {
        if template.contains(MIRROR) {
            return None;
        }
        let text = expand(template, values)?;
        let words: Vec<&str> = text.split_whitespace().collect();
        let is_sound = text.len() <= LONGEST && words.iter().all(|word| is_word(word));
        is_sound.then(|| Self(words.join(" ")))
    }

    /// One word that is not looked at as a template, like a URL.
    pub(super) fn one(text: &str) -> Option<Self> {
        is_word(text).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for Words {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn is_word(word: &str) -> bool {
    let is_ended = matches!(word, "" | "||" | "&&" | ";");
    !is_ended
        && word.bytes().all(|byte| byte.is_ascii_graphic())
        && !word.starts_with('#')
        && !word.ends_with('\\')
        && !word.replace(MIRROR, "").contains("${")
}

/// A text to be read, in which everything that iPXE acts on, or cannot show, is another sign.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<'a>(pub(super) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        self.0.chars().take(SHOWN).try_for_each(|character| {
            formatter.write_char(match character {
                _ if character.is_whitespace() => ' ',
                '#' | '|' | '&' | ';' | '\\' | '$' | '{' | '}' => '_',
                '!'..='~' => character,
                _ => '?',
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_ipxe_passes_on_unchanged_are_taken() {
        let values = BootValues { tree: "http://m/a".into(), ..BootValues::default() };
        for (template, words) in [
            ("inst.repo=${tree}  quiet\tsplash", Some("inst.repo=http://m/a quiet splash")),
            ("", Some("")),
            (
                "a=b;c \"d e\" $x a#b a\\b -- --- {MAC}",
                Some("a=b;c \"d e\" $x a#b a\\b -- --- {MAC}"),
            ),
            ("a ; b", None),
            ("a || shell", None),
            ("a && shell", None),
            ("a #b", None),
            ("a\\", None),
            ("a\\ b", None),
            ("a=${net0/mac}", None),
            ("${isomirror}", None),
            ("${${tree}}", None),
            ("a\0b", None),
            ("a=ü", None),
            ("${answers}", None),
        ] {
            let found = Words::of_template(template, &values);
            assert_eq!(found.map(|words| words.to_string()).as_deref(), words, "{template:?}");
        }
        // Line ends are white space, so what follows is one more argument and no command.
        let lines = Words::of_template("a\nshell\r\nb", &values).unwrap();
        assert_eq!(lines.to_string(), "a shell b");
        assert_eq!(Words::of_template(&"a".repeat(5000), &values), None);
    }

    #[test]
    fn a_shown_text_has_nothing_that_ipxe_acts_on() {
        let shown = Shown("a|| b&&c; #d ${e}\\\nü\u{202e}").to_string();
        assert_eq!(shown, "a__ b__c_ _d __e__ ??");
        assert_eq!(Shown(&"x".repeat(500)).to_string().len(), SHOWN);
    }
}
