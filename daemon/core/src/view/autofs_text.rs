//! Text of an autofs map (autofs(5), the format "sun") in which every character stands for itself.
//!
//! automount 5.1.8 reads a map in passes that know `"..."` and `\x`, but do not agree on them. The first (`read_one` of
//! `lookup_file.c`) cuts lines into a key and an entry and keeps all quotes and backslashes; it passes over the
//! character after an escaped one without looking whether it is a quote or a backslash. Entries are then expanded
//! (`expandsunent`), which takes backslashes away outside of quotes and leaves the quotes. The last one (of keys
//! `sanitize_path`, of entries `chunklen` and `dequote`) takes both away. So what looks well quoted to one of them may
//! swallow the next line in another. Text with a quote in it is therefore written as the shortest one that all of them
//! read as it is meant, found by trying what they make of it.

/// Combined states of the passes.
const STATES: usize = 4 * 3 * 3;

/// What a text is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The key, which is not expanded.
    Key,
    /// What follows it.
    Entry,
}

/// What the first pass makes of the next character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    /// Quotes and backslashes count.
    Plain,
    /// It is escaped.
    Escaped,
    /// The one before was escaped, and this one is not looked at.
    Unseen,
    /// Only a quote counts.
    Quoted,
}

impl First {
    const ALL: [Self; 4] = [Self::Plain, Self::Escaped, Self::Unseen, Self::Quoted];

    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Plain, b'\\') => Self::Escaped,
            (Self::Plain, b'"') => Self::Quoted,
            (Self::Escaped, _) => Self::Unseen,
            (Self::Quoted, byte) if byte != b'"' => Self::Quoted,
            _ => Self::Plain,
        }
    }
}

/// What one of the other passes makes of the next character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Later {
    Plain,
    Escaped,
    Quoted,
}

impl Later {
    const ALL: [Self; 3] = [Self::Plain, Self::Escaped, Self::Quoted];

    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Plain, b'\\') => Self::Escaped,
            (Self::Plain, b'"') => Self::Quoted,
            (Self::Quoted, byte) if byte != b'"' => Self::Quoted,
            _ => Self::Plain,
        }
    }
}

/// Where the passes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    first: First,
    expansion: Later,
    last: Later,
}

impl State {
    const START: Self = Self { first: First::Plain, expansion: Later::Plain, last: Later::Plain };

    fn index(self) -> usize {
        self.first as usize * 9 + self.expansion as usize * 3 + self.last as usize
    }

    fn of_index(index: usize) -> Self {
        let (first, expansion, last) = (index / 9, index / 3 % 3, index % 3);
        Self { first: First::ALL[first], expansion: Later::ALL[expansion], last: Later::ALL[last] }
    }

    /// Whether a blank or the end of the line means the same to all passes.
    fn is_outside(self) -> bool {
        matches!(self.first, First::Plain | First::Unseen)
            && self.expansion == Later::Plain
            && self.last == Later::Plain
    }

    /// The state after `byte`, and the character that comes out of the last pass. `None` where `byte` has a meaning
    /// of its own there.
    fn after(self, byte: u8, part: Part) -> Option<(Self, Option<u8>)> {
        let mut state = Self { first: self.first.after(byte), ..self };
        if part == Part::Entry {
            if self.expansion == Later::Plain && b"&$:".contains(&byte) {
                return None;
            }
            state.expansion = self.expansion.after(byte);
            if state.expansion == Later::Escaped {
                return Some((state, None));
            }
        }
        // Bytes above 0x7f are negative to it, and so less than a blank; an asterisk alone may be a pattern.
        if self.last == Later::Plain && (b" *".contains(&byte) || byte >= 0x80) {
            return None;
        }
        state.last = self.last.after(byte);
        let is_taken = self.last != Later::Escaped && b"\"\\".contains(&byte);
        let is_literal = !is_taken || (self.last == Later::Quoted && byte == b'\\');
        Some((state, is_literal.then_some(byte)))
    }
}

/// How a state was reached: with how many characters, by which, and from which state before or after the last
/// character of the content.
#[derive(Clone, Copy, Debug)]
struct Reached {
    length: usize,
    byte: u8,
    from: usize,
    advances: bool,
}

type Layer = [Option<Reached>; STATES];

/// The shortest text that stands for `content`, with a quote first so that no first character has a meaning of its
/// own. `None` where there is none, or where `content` has control characters, which no quoting carries through.
pub(super) fn quoted(content: &[u8], part: Part) -> Option<Vec<u8>> {
    // In quotes nothing but a quote has a meaning to any pass.
    if !content.iter().any(|byte| *byte == b'"' || byte.is_ascii_control()) {
        return Some([b"\"", content, b"\""].concat());
    }
    let (start, _) = State::START.after(b'"', part)?;
    let mut text = vec![b'"'];
    text.extend(encoded(content, part, start)?);
    Some(text)
}

/// As [`quoted`], for what may begin with its first character: plain words stay plain.
pub(super) fn plain(content: &[u8], part: Part) -> Option<Vec<u8>> {
    if content.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-./=,_".contains(byte)) {
        return Some(content.to_vec());
    }
    encoded(content, part, State::START)
}

fn encoded(content: &[u8], part: Part, start: State) -> Option<Vec<u8>> {
    if content.iter().any(u8::is_ascii_control) {
        return None;
    }
    // One layer for each number of characters that have come out.
    let mut layers: Vec<Layer> = vec![[None; STATES]; content.len() + 1];
    layers[0][start.index()] = Some(Reached { length: 0, byte: 0, from: 0, advances: false });
    for index in 0..=content.len() {
        let next = content.get(index).copied();
        let mut advanced = [None; STATES];
        spread(&mut layers[index], &mut advanced, next, part);
        if let Some(layer) = layers.get_mut(index + 1) {
            *layer = advanced;
        }
    }
    let end = layers[content.len()].iter().enumerate().filter_map(|(index, reached)| {
        State::of_index(index).is_outside().then_some((index, (*reached)?.length))
    });
    let (end, _) = end.min_by_key(|(_, length)| *length)?;
    Some(written(&layers, end))
}

/// Reaches whatever can be reached from `layer` with the characters that may help: into itself where nothing comes
/// out, into `advanced` where `next` does.
fn spread(layer: &mut Layer, advanced: &mut Layer, next: Option<u8>, part: Part) {
    let mut is_changed = true;
    while is_changed {
        is_changed = false;
        for from in 0..STATES {
            let Some(at) = layer[from] else { continue };
            for byte in [Some(b'"'), Some(b'\\'), next].into_iter().flatten() {
                let Some((state, out)) = State::of_index(from).after(byte, part) else { continue };
                let best = match out {
                    None => &mut layer[state.index()],
                    Some(_) if out == next => &mut advanced[state.index()],
                    Some(_) => continue,
                };
                let length = at.length + 1;
                if best.is_none_or(|best| length < best.length) {
                    *best = Some(Reached { length, byte, from, advances: out.is_some() });
                    is_changed = true;
                }
            }
        }
    }
}

/// Goes back from the end, and so writes backwards.
fn written(layers: &[Layer], end: usize) -> Vec<u8> {
    let (mut layer, mut state, mut text) = (layers.len() - 1, end, Vec::new());
    loop {
        let at = layers[layer][state].expect("every state on the way back was reached");
        if at.length == 0 {
            text.reverse();
            return text;
        }
        text.push(at.byte);
        layer -= usize::from(at.advances);
        state = at.from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_short_as_they_can_be() {
        for (content, length) in
            [("Rocky-9-5-x86_64-dvd", 22), ("back\\slash", 12), ("&", 3), ("日本", 8), ("a\"", 5)]
        {
            let text = quoted(content.as_bytes(), Part::Key).unwrap();
            assert_eq!(text.len(), length, "{}", String::from_utf8_lossy(&text));
        }
        assert_eq!(plain(b"fstype=x,key=0a", Part::Entry).unwrap(), b"fstype=x,key=0a");
        assert_eq!(quoted(b"/a b", Part::Entry).unwrap(), b"\"/a b\"");
        assert_eq!(quoted(b"a\nb", Part::Key), None);
    }
}
