//! What a text is written on: a terminal of so many columns, or a file.

use std::io;

use rustix::termios::tcgetwinsize;

use super::super::{escape::Escaped, paint::Paint};

/// The least columns that a told text has; what indents it gives way.
const LEAST_COLUMNS: usize = 40;

/// Colours and columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    /// How it is coloured.
    pub(super) paint: Paint,
    /// Columns of a line; `None` where it may have any length.
    pub(super) columns: Option<usize>,
}

impl Page {
    /// Of standard output as it is now: who looks at a terminal may make it smaller or larger.
    pub(super) fn of_output() -> Self {
        let columns = tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_col));
        Self { paint: Paint::of_output(), columns: (columns > 0).then_some(columns) }
    }

    /// Lines that tell what is wrong, `indent` columns from the left.
    pub(super) fn problem(self, indent: usize, text: &str) -> String {
        self.told(indent, text, |line| self.paint.problem(line))
    }

    /// Lines that tell something else.
    pub(super) fn remark(self, indent: usize, text: &str) -> String {
        self.told(indent, text, str::to_owned)
    }

    fn told(self, indent: usize, text: &str, paint: impl Fn(&str) -> String) -> String {
        let text = Escaped(text.as_bytes()).to_string();
        let Some(columns) = self.columns else {
            return format!("{:indent$}{}\n", "", paint(&text));
        };
        let indent = if indent + LEAST_COLUMNS > columns { 4 } else { indent };
        let lines = wrapped(&text, columns.saturating_sub(indent).max(1));
        let lines: Vec<_> =
            lines.iter().map(|line| format!("{:indent$}{}\n", "", paint(line))).collect();
        lines.concat()
    }
}

/// The words of a text in lines of at most `width` characters. A word that is longer is broken, so that all of it is
/// seen.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(String::new());
            used = 0;
        }
        let gap = usize::from(used > 0);
        for (index, character) in " ".chars().take(gap).chain(word.chars()).enumerate() {
            if used == width && index > 0 {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(character);
            }
            used += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_between_words_and_long_words_are_broken() {
        assert_eq!(wrapped("copy it again, or remove it", 14), ["copy it again,", "or remove it"]);
        assert_eq!(wrapped("see abcdefghij now", 4), ["see", "abcd", "efgh", "ij", "now"]);
        assert_eq!(wrapped("", 4), [""]);
        assert_eq!(wrapped("abcd", 4), ["abcd"]);
    }

    #[test]
    fn a_file_has_lines_of_any_length_and_a_small_terminal_no_margin() {
        let page = |columns| Page { paint: Paint::NONE, columns };
        let text = "no loop devices: load the module with `modprobe loop`";
        assert_eq!(page(None).problem(3, text), format!("   {text}\n"));
        let narrow = page(Some(34)).remark(20, text);
        assert_eq!(narrow, "    no loop devices: load the\n    module with `modprobe loop`\n");
    }
}
