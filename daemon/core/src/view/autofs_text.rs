//! Text of an autofs map (autofs(5), the format "sun") in which every character stands for itself.
//!
//! automount reads a map twice. The first pass (`read_one` of `lookup_file.c`) cuts lines into a key and the rest and
//! keeps all quotes and backslashes; the second (`sanitize_path`, `dequote`, `expandsunent`, `chunklen`) takes them
//! away. Both know `"..."` and `\x`, but the first also passes over the character after an escaped one without looking
//! whether it is a quote or a backslash. So they can come to disagree about what is quoted, and what the second takes
//! for a harmless name swallows the next line in the first. The text that is written here is the shortest one that
//! leaves both of them outside of all quotes at its end.

use std::cmp::Reverse;

/// Most toggles of quotes between two characters that can be of any use: the passes have two states of it each.
const TOGGLES: u8 = 3;

/// Combined states of the two passes.
const STATES: usize = 8;

/// What the first pass makes of the next character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    /// Quotes and backslashes count.
    None,
    /// It is escaped.
    Next,
    /// The one before was escaped, and this one is not looked at.
    Passed,
    /// Only a quote counts.
    Quoted,
}

impl Escape {
    const ALL: [Self; 4] = [Self::None, Self::Next, Self::Passed, Self::Quoted];

    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::None, b'\\') => Self::Next,
            (Self::None, b'"') => Self::Quoted,
            (Self::Next, _) => Self::Passed,
            (Self::Quoted, byte) if byte != b'"' => Self::Quoted,
            _ => Self::None,
        }
    }
}

/// Where both passes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    /// Whether the second pass is within quotes.
    quoted: bool,
    first: Escape,
}

impl State {
    const START: Self = Self { quoted: false, first: Escape::None };

    fn index(self) -> usize {
        usize::from(self.quoted) * 4 + self.first as usize
    }

    fn of_index(index: usize) -> Self {
        Self { quoted: index >= 4, first: Escape::ALL[index % 4] }
    }

    fn toggled(self, times: u8) -> Self {
        (0..times)
            .fold(self, |state, _| Self { quoted: !state.quoted, first: state.first.after(b'"') })
    }

    /// Whether a blank or the end of the line means the same to both passes.
    fn is_outside(self) -> bool {
        !self.quoted && matches!(self.first, Escape::None | Escape::Passed)
    }

    /// The state after `byte` was written plainly or escaped, if it then stands for itself.
    fn after(self, byte: u8, escaped: bool) -> Option<Self> {
        let stands_for_itself = match (escaped, self.quoted) {
            (true, quoted) => !quoted,
            (false, true) => byte != b'"',
            (false, false) => byte.is_ascii_alphanumeric() || b"-./=,_".contains(&byte),
        };
        let escape = if escaped { self.first.after(b'\\') } else { self.first };
        stands_for_itself.then_some(Self { first: escape.after(byte), ..self })
    }
}

/// How a state was reached.
#[derive(Clone, Copy, Debug)]
struct Reached {
    length: usize,
    from: usize,
    toggles: u8,
    escaped: bool,
}

type Layer = [Option<Reached>; STATES];

/// The shortest text that stands for `content`, with a quote first so that no first character has a meaning of its
/// own. `None` where there is none, or where `content` has control characters, which no quoting carries through.
pub(super) fn quoted(content: &[u8]) -> Option<Vec<u8>> {
    let mut text = vec![b'"'];
    text.extend(encoded(content, State::START.toggled(1))?);
    Some(text)
}

/// As [`quoted`], for what may begin with its first character: plain words stay plain.
pub(super) fn plain(content: &[u8]) -> Option<Vec<u8>> {
    encoded(content, State::START)
}

fn encoded(content: &[u8], start: State) -> Option<Vec<u8>> {
    if content.iter().any(u8::is_ascii_control) {
        return None;
    }
    let mut layers = vec![[None; STATES]; content.len() + 1];
    layers[0][start.index()] = Some(Reached { length: 0, from: 0, toggles: 0, escaped: false });
    for (index, byte) in content.iter().enumerate() {
        layers[index + 1] = next_layer(&layers[index], *byte);
    }
    let ends = reached(&layers[content.len()])
        .flat_map(|(index, at)| (0..=TOGGLES).map(move |toggles| (index, toggles, at.length)))
        .filter(|(index, toggles, _)| State::of_index(*index).toggled(*toggles).is_outside());
    // Of equally short ones the one that stays quoted to the end is the easiest to read.
    let (end, toggles, _) = ends
        .min_by_key(|(_, toggles, length)| (length + usize::from(*toggles), Reverse(*toggles)))?;
    Some(written(content, &layers, end, toggles))
}

fn reached(layer: &Layer) -> impl Iterator<Item = (usize, Reached)> {
    layer.iter().enumerate().filter_map(|(index, reached)| Some((index, (*reached)?)))
}

fn next_layer(layer: &Layer, byte: u8) -> Layer {
    let mut next: Layer = [None; STATES];
    for (from, at) in reached(layer) {
        for toggles in 0..=TOGGLES {
            for escaped in [false, true] {
                let state = State::of_index(from).toggled(toggles).after(byte, escaped);
                let Some(state) = state else { continue };
                let length = at.length + usize::from(toggles) + 1 + usize::from(escaped);
                let best = &mut next[state.index()];
                if best.is_none_or(|best| length < best.length) {
                    *best = Some(Reached { length, from, toggles, escaped });
                }
            }
        }
    }
    next
}

/// Goes back from the end, and so writes backwards.
fn written(content: &[u8], layers: &[Layer], end: usize, toggles: u8) -> Vec<u8> {
    let mut text = vec![b'"'; usize::from(toggles)];
    let mut state = end;
    for (index, byte) in content.iter().enumerate().rev() {
        let at = layers[index + 1][state].expect("every state on the way back was reached");
        text.push(*byte);
        text.extend(at.escaped.then_some(b'\\'));
        text.extend(std::iter::repeat_n(b'"', usize::from(at.toggles)));
        state = at.from;
    }
    text.reverse();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_short_as_they_can_be() {
        for (content, text) in [
            ("Rocky-9-5-x86_64-dvd", r#""Rocky-9-5-x86_64-dvd""#),
            ("back\\slash", r#""back\slash""#),
            ("&", r#""&""#),
            ("a\"", r#"""a\""#),
            ("日本", "\"日本\""),
        ] {
            let found = quoted(content.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(found).unwrap(), text, "{content}");
        }
        assert_eq!(plain(b"fstype=isomirror,key=0a").unwrap(), b"fstype=isomirror,key=0a");
        assert_eq!(quoted(b"a\nb"), None);
    }
}
