//! What stands after the options in a help text: examples, environment, and paragraphs.

/// One part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// A heading, without its colon, over indented lines.
    Lines(String, String),
    /// Prose.
    Prose(String),
    /// What exit codes mean, a code and a phrase each.
    ExitCodes(Vec<(String, String)>),
}

/// The parts of a help text.
pub(super) fn blocks(help: &str) -> Vec<Block> {
    help.split("\n\n").map(str::trim_end).filter(|text| !text.is_empty()).map(block).collect()
}

fn block(text: &str) -> Block {
    if let Some(codes) = text.strip_prefix("Exit codes: ") {
        return Block::ExitCodes(exit_codes(codes));
    }
    match text.split_once(":\n") {
        Some((heading, lines)) if !heading.contains('\n') && lines.starts_with("  ") => {
            let lines: Vec<_> =
                lines.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect();
            Block::Lines(heading.to_owned(), lines.join("\n"))
        }
        _ => Block::Prose(text.to_owned()),
    }
}

/// Reads `0 done, 1 something failed, and more, 4 another.`: a comma ends a phrase where a code follows.
fn exit_codes(text: &str) -> Vec<(String, String)> {
    let mut codes: Vec<(String, String)> = Vec::new();
    for part in text.trim_end_matches('.').split(", ") {
        match (part.split_once(' '), codes.last_mut()) {
            (Some((code, phrase)), _) if code.bytes().all(|byte| byte.is_ascii_digit()) => {
                codes.push((code.to_owned(), phrase.to_owned()));
            }
            (_, Some((_, phrase))) => {
                phrase.push_str(", ");
                phrase.push_str(part);
            }
            (_, None) => {}
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_help_text_falls_into_its_parts() {
        let text =
            "Examples:\n  a -l\n    more\n\nProse: it is.\n\nExit codes: 0 done, well done, 1 not.";
        let codes = [("0", "done, well done"), ("1", "not")];
        assert_eq!(
            blocks(text),
            [
                Block::Lines("Examples".into(), "a -l\n  more".into()),
                Block::Prose("Prose: it is.".into()),
                Block::ExitCodes(codes.map(|(code, text)| (code.into(), text.into())).to_vec()),
            ]
        );
    }
}
