//! Names in checksum lists: which are taken, and in what form.

/// Bytes of the longest path.
const LONGEST_PATH: usize = 4095;
/// Bytes of the longest name of an object.
const LONGEST_NAME: usize = 255;
/// Bytes of the longest name of an image.
const LONGEST_PLAIN: usize = 200;

/// The path that `name` is in its plainest form: without `./` before it and empty components within. `None` for one
/// that no file below a directory can have, or that is meant to lead out of it: absolute ones, such with `..`, with
/// control characters or backslashes, and longer ones than a file system takes.
#[must_use]
pub fn normalised(name: &str) -> Option<String> {
    if name.starts_with('/') || name.contains(|c: char| c.is_control() || c == '\\') {
        return None;
    }
    let components: Vec<_> =
        name.split('/').filter(|component| !matches!(*component, "" | ".")).collect();
    let is_sound = !components.is_empty()
        && components.iter().all(|component| *component != ".." && component.len() <= LONGEST_NAME);
    let path = components.join("/");
    (is_sound && path.len() <= LONGEST_PATH && !name.ends_with('/')).then_some(path)
}

/// Whether an image may have this name: letters, digits, `.`, `_`, `+`, `~` and `-` only, not hidden, no option of a
/// command, and at most 200 bytes.
#[must_use]
pub fn is_plain_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+~-".contains(&byte);
    (1..=LONGEST_PLAIN).contains(&name.len())
        && !name.starts_with(['.', '-'])
        && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_that_mean_nothing_are_left_out() {
        for (name, expected) in [
            ("a.iso", "a.iso"),
            ("./a.iso", "a.iso"),
            ("./x//./a", "x/a"),
            (".disk/info", ".disk/info"),
        ] {
            assert_eq!(normalised(name).as_deref(), Some(expected));
        }
    }

    #[test]
    fn hostile_names_are_refused() {
        let long = "x".repeat(256);
        let deep = "x/".repeat(3000) + "x";
        for name in [
            "",
            ".",
            "/",
            "./",
            "/etc/passwd",
            "../a",
            "x/../a",
            "a\0b",
            "a\nb",
            "a\u{1b}[2J",
            "a\\b",
            "d/",
            &long,
            &deep,
        ] {
            assert_eq!(normalised(name), None, "{name:?}");
        }
    }

    #[test]
    fn names_of_images_are_plain() {
        assert!(
            is_plain_name("ubuntu-24.04.3-live-server-amd64.iso") && is_plain_name("a+b~c_d.iso")
        );
        let long = "x".repeat(201);
        for name in ["", "-rf", ".hidden.iso", "a b.iso", "a/b.iso", "é.iso", "$x", &long] {
            assert!(!is_plain_name(name), "{name:?}");
        }
    }
}
