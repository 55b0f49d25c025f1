//! The target of a symbolic link, put together from SL fields (RRIP 4.1.3).

/// Bytes that a target can have on Linux (`PATH_MAX` without its NUL).
const LONGEST: usize = 4095;

const FIELD_CONTINUES: u8 = 1;
const COMPONENT_CONTINUES: u8 = 1;

/// A target in the making.
#[derive(Debug, Default)]
pub(super) struct SymbolicLink {
    target: Vec<u8>,
    /// Whether a `/` has to come before the next component.
    separate: bool,
    state: State,
}

/// How far a target has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// No field so far.
    #[default]
    Absent,
    /// Another field has to follow.
    Open,
    /// Nothing is missing.
    Complete,
    /// Fields contradict themselves or each other.
    Damaged,
}

impl SymbolicLink {
    /// The target; `None` where there is none, a part of it is missing, or it makes no sense.
    pub(super) fn target(&self) -> Option<&[u8]> {
        let whole = self.state == State::Complete && !self.target.is_empty();
        whole.then_some(&self.target)
    }

    /// Takes in the flags and the component area of one SL field.
    pub(super) fn push(&mut self, flags: u8, components: &[u8]) {
        let open = matches!(self.state, State::Absent | State::Open);
        self.state = match self.push_components(components) {
            Some(()) if open && flags & FIELD_CONTINUES != 0 => State::Open,
            Some(()) if open => State::Complete,
            _ => State::Damaged,
        };
    }

    fn push_components(&mut self, mut area: &[u8]) -> Option<()> {
        while let [flags, length, rest @ ..] = area {
            let (text, rest) = rest.split_at_checked(usize::from(*length))?;
            self.push_component(*flags, text)?;
            area = rest;
        }
        area.is_empty().then_some(())
    }

    fn push_component(&mut self, flags: u8, text: &[u8]) -> Option<()> {
        let (text, is_root): (&[u8], _) = match flags & !COMPONENT_CONTINUES {
            0 => (text, false),
            2 => (b".", false),
            4 => (b"..", false),
            8 => (b"/", true),
            _ => return None,
        };
        if self.separate {
            self.target.push(b'/');
        }
        self.target.extend_from_slice(text);
        self.separate = !is_root && flags & COMPONENT_CONTINUES == 0;
        (self.target.len() <= LONGEST && !text.contains(&0)).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Fields by their flags and components.
    type Fields<'a> = &'a [(u8, &'a [u8])];

    fn target(fields: Fields<'_>) -> Option<Vec<u8>> {
        let mut link = SymbolicLink::default();
        for (flags, components) in fields {
            link.push(*flags, components);
        }
        link.target().map(<[u8]>::to_vec)
    }

    #[test]
    fn components_become_a_path() {
        let cases: [(Fields<'_>, &[u8]); 8] = [
            (&[(0, b"\0\x03usr\0\x03bin")], b"usr/bin"),
            (&[(0, b"\x08\0\0\x03usr\0\x01x")], b"/usr/x"),
            (&[(0, b"\x08\0")], b"/"),
            (&[(0, b"\x04\0\x04\0\x02\0\0\x01a")], b"../.././a"),
            (&[(0, b"\x01\x02ab\x01\x02cd\0\x01e\0\x01f")], b"abcde/f"),
            (&[(1, b"\0\x01a"), (0, b"\0\x01b")], b"a/b"),
            (&[(1, b"\0\x01a\x01\x01b"), (0, b"\0\x01c")], b"a/bc"),
            (&[(0, b"\0\x01a\0\0")], b"a/"),
        ];
        for (fields, path) in cases {
            assert_eq!(target(fields).as_deref(), Some(path), "{fields:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_no_target() {
        let long: Vec<_> = [&[1, 250][..], &[b'x'; 250]].concat();
        let cases: [Fields<'_>; 8] = [
            &[],
            &[(0, b"")],
            &[(0, b"\0\x05abc")],
            &[(0, b"\0\x01a\0")],
            &[(1, b"\0\x01a")],
            &[(0, b"\0\x01a"), (0, b"\0\x01b")],
            &[(0, b"\x20\0")],
            &[(0, b"\0\x01\0")],
        ];
        for fields in cases {
            assert_eq!(target(fields), None, "{fields:?}");
        }
        assert_eq!(target(&[(1, &long[..]); 17]), None);
        let mut fields = vec![(1, &long[..]); 15];
        fields.push((0, &long));
        assert_eq!(target(&fields).map(|path| path.len()), Some(4000));
    }

    proptest! {
        #[test]
        fn targets_stay_within_the_limit(
            fields in proptest::collection::vec((0_u8..2, proptest::collection::vec(any::<u8>(), 0..250)), 0..40)
        ) {
            let fields: Vec<_> = fields.iter().map(|(flags, area)| (*flags, &area[..])).collect();
            let length = target(&fields).map_or(0, |path| path.len());
            prop_assert!(length <= LONGEST);
        }
    }
}
