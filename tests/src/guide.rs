//! Guides whose commands are run as they are written.

use std::{fs, io, path::Path};

/// What a block of commands begins with that a test runs: Markdown's info string, whose first word names the language.
const MARK: &str = "```sh run";
const END: &str = "```";

/// The marked blocks of the guide `name` in `config/guides`, in their order.
///
/// # Errors
/// Where there is no such guide, or no marked block in it.
pub fn blocks(name: &str) -> io::Result<Vec<String>> {
    let guides = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/guides");
    let blocks = marked(&fs::read_to_string(guides.join(name))?);
    if blocks.is_empty() {
        Err(io::Error::other(format!("nothing to run in `{name}`")))
    } else {
        Ok(blocks)
    }
}

fn marked(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while lines.by_ref().any(|line| line == MARK) {
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != END).collect();
        blocks.push(block.join("\n") + "\n");
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_blocks_are_taken_whole_and_others_are_left_out() {
        let text = "a\n```sh run\none <<EOF\n  two\nEOF\n```\n```sh\nnot this\n```\n```sh run\nthree\n```\n";
        assert_eq!(marked(text), ["one <<EOF\n  two\nEOF\n", "three\n"]);
    }
}
