//! Names: any label becomes a safe path component that stays itself, or nothing.

use isomirror_core::name::{MAXIMUM_LENGTH, Name, sanitise};

/// Names a medium with the label `data`.
///
/// # Panics
/// Where the name is unsafe, too long, or is not its own name.
pub fn run(data: &[u8]) {
    let label = String::from_utf8_lossy(data);
    let _ = Name::try_from(label.clone().into_owned());
    let Some(name) = sanitise(&label) else { return };
    let text = name.as_str();
    assert!(!text.is_empty() && text.len() <= MAXIMUM_LENGTH, "{} bytes", text.len());
    assert!(!text.starts_with(['.', '-', '_']), "{text:?}");
    assert!(!text.contains(|c: char| c == '/' || c.is_control() || c.is_whitespace()), "{text:?}");
    assert_eq!(sanitise(text).as_ref(), Some(&name), "a name's name is itself");
    let again = Name::try_from(String::from(name.clone())).expect("a name is valid");
    assert_eq!(again, name);
}
