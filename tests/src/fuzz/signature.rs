//! Signatures and keys: any file that claims to be one.

use isomirror_core::signature::{DetachedSignature, Keys, signed_list};

/// Reads `data` as keys, as a signature of itself, and as a signed list.
///
/// # Panics
/// Where something counts as signed though no key was given.
pub fn run(data: &[u8]) {
    let now = "2026-01-01T00:00:00Z".parse().expect("a moment");
    let nobody = Keys::default();
    assert!(signed_list(data, None, &nobody, now).is_err());
    assert!(signed_list(b"list", Some(data), &nobody, now).is_err());
    let mut keys = Keys::default();
    let count = keys.add(data).unwrap_or_default();
    assert_eq!(keys.names().count(), count);
    if let Ok(signature) = DetachedSignature::parse(data) {
        let _ = signature.algorithms();
        assert!(signature.verify(b"content", &nobody, now).is_err());
        assert!(signature.verify_hashed(&[], &keys, now).is_err());
        let _ = signature.verify(b"content", &keys, now);
    }
    let _ = signed_list(data, None, &keys, now);
}
