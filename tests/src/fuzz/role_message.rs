//! What roles in other processes say.

use isomirror_core::role_link::FromRole;

/// Reads `data` as a message, and what it says once more after it was written.
///
/// # Panics
/// Where that is another.
pub fn run(data: &[u8]) {
    let Ok(said) = serde_json::from_slice::<FromRole>(data) else { return };
    let text = serde_json::to_vec(&said).expect("a message can be written");
    let again = serde_json::from_slice::<FromRole>(&text).expect("and read again");
    assert_eq!(again, said);
}
