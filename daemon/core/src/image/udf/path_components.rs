//! The target of a symbolic link (ECMA-167 4/14.16, UDF 2.3.8).

use super::characters;

/// Bytes that a target may have on Linux.
const MAXIMUM_TARGET: usize = 4095;

/// The target that the components in `data` spell, or `None` where they make no sense or are too long.
///
/// As Linux has it: a root component starts the path anew, and a component of type 1 with an identifier means a
/// place that only its writer knows, and is passed over.
pub(super) fn target(mut data: &[u8]) -> Option<Vec<u8>> {
    let mut target = Vec::new();
    while !data.is_empty() {
        let (header, rest) = data.split_at_checked(4)?;
        let (identifier, rest) = match header[0] {
            // Only these have an identifier; what others claim to have is not skipped by Linux either.
            1 | 5 => rest.split_at_checked(usize::from(header[1]))?,
            _ => rest.split_at(0),
        };
        match header[0] {
            1 if !identifier.is_empty() => {}
            1 | 2 => target = b"/".to_vec(),
            3 => target.extend(b"../"),
            4 => target.extend(b"./"),
            5 => {
                target.extend(characters::name(identifier)?);
                target.push(b'/');
            }
            _ => return None,
        }
        if target.len() > MAXIMUM_TARGET + 1 {
            return None;
        }
        data = rest;
    }
    if target.len() > 1 {
        target.pop();
    }
    (target.len() <= MAXIMUM_TARGET).then_some(target)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Vec<u8> {
        let length = u8::try_from(text.len() + 1).unwrap();
        [&[5, length, 0, 0, 8][..], text.as_bytes()].concat()
    }

    #[test]
    fn components_spell_a_path() {
        let root = vec![2, 0, 0, 0];
        let up = vec![3, 0, 0, 0];
        let here = vec![4, 0, 0, 0];
        for (components, expected) in [
            (vec![name("a"), name("b")], "a/b"),
            (vec![root.clone(), name("etc"), name("passwd")], "/etc/passwd"),
            (vec![vec![1, 0, 0, 0], name("etc")], "/etc"),
            (vec![vec![1, 2, 0, 0, 8, b'x'], name("etc")], "etc"),
            (vec![up.clone(), up.clone(), name("x")], "../../x"),
            (vec![here], "."),
            (vec![up], ".."),
            (vec![root], "/"),
            (vec![], ""),
        ] {
            let spelled = target(&components.concat()).unwrap();
            assert_eq!(String::from_utf8(spelled).unwrap(), expected);
        }
    }

    #[test]
    fn nonsense_is_no_target() {
        for data in [&[5, 9, 0, 0, 8, b'a'][..], &[5, 0, 0, 0], &[5, 2, 0], &[6, 0, 0, 0], &[0; 4]]
        {
            assert_eq!(target(data), None, "{data:?}");
        }
        assert_eq!(target(&name(&"x".repeat(250)).repeat(17)), None);
        assert_eq!(target(&name(&"x".repeat(250)).repeat(16)).unwrap().len(), 16 * 251 - 1);
    }

    proptest! {
        #[test]
        fn targets_hold_no_nul_and_are_bounded(data: Vec<u8>) {
            if let Some(target) = target(&data) {
                prop_assert!(target.len() <= MAXIMUM_TARGET && !target.contains(&0));
            }
        }
    }
}
