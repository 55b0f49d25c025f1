//! What a signature packet says, and what it is computed over.

use jiff::Timestamp;
use pgp::{
    crypto::hash::HashAlgorithm,
    packet::{Signature, SignatureConfig, SignatureVersion, SubpacketData, SubpacketType},
    ser::Serialize,
    types::{Fingerprint, KeyDetails},
};

use crate::digest::Algorithm;

/// The moment of a packet.
pub(super) fn moment(seconds: u32) -> Timestamp {
    // Any 32 bits are a moment that a timestamp can have.
    Timestamp::from_second(i64::from(seconds)).unwrap_or_default()
}

/// When a signature was made, in seconds since 1970.
pub(super) fn made(signature: &Signature) -> Option<u32> {
    signature.created().map(pgp::types::Timestamp::as_secs)
}

/// The end of a period that begins at `start`; `None` for one that never ends.
pub(super) fn end(start: u32, period: Option<pgp::types::Duration>) -> Option<u64> {
    let period = period.map(pgp::types::Duration::as_secs).filter(|seconds| *seconds > 0)?;
    Some(u64::from(start) + u64::from(period))
}

/// The hash function of a signature over content.
pub(super) enum Hash {
    /// One that withstands forgers, and that we have.
    Strong(Algorithm),
    /// One that does not.
    Weak,
    /// One that we do not have.
    Unknown,
}

/// Which hash function `config` uses.
pub(super) fn hash(config: &SignatureConfig) -> Hash {
    match config.hash_alg {
        HashAlgorithm::Sha256 => Hash::Strong(Algorithm::Sha256),
        HashAlgorithm::Sha384 => Hash::Strong(Algorithm::Sha384),
        HashAlgorithm::Sha512 => Hash::Strong(Algorithm::Sha512),
        HashAlgorithm::Md5 | HashAlgorithm::Sha1 | HashAlgorithm::Ripemd160 => Hash::Weak,
        _ => Hash::Unknown,
    }
}

/// The bytes that are hashed after the content (RFC 9580, 5.2.4): the fields of the signature itself. `None` for a
/// signature of another version than 4, or with a critical part that is not known.
pub(super) fn suffix(config: &SignatureConfig) -> Option<Vec<u8>> {
    if config.version() != SignatureVersion::V4 {
        return None;
    }
    let mut parts = Vec::new();
    for part in &config.hashed_subpackets {
        if part.is_critical && matches!(part.typ(), SubpacketType::Other(_)) {
            return None;
        }
        part.to_writer(&mut parts).ok()?;
    }
    let mut bytes = vec![4, config.typ.into(), config.pub_alg.into(), config.hash_alg.into()];
    bytes.extend(u16::try_from(parts.len()).ok()?.to_be_bytes());
    bytes.extend(parts);
    let length = u32::try_from(bytes.len()).ok()?;
    bytes.extend([4, 0xff]);
    bytes.extend(length.to_be_bytes());
    Some(bytes)
}

/// Whether `signature` may be by `key`: it names it, or names nobody.
pub(super) fn may_be_by(signature: &Signature, key: &impl KeyDetails) -> bool {
    let fingerprints = signature.issuer_fingerprint();
    let ids = signature.issuer_key_id();
    if fingerprints.is_empty() && ids.is_empty() {
        return true;
    }
    fingerprints.iter().any(|fingerprint| **fingerprint == key.fingerprint())
        || ids.iter().any(|id| **id == key.legacy_key_id())
}

/// Who `signature` says it is by.
pub(super) fn issuer(signature: &Signature) -> Option<String> {
    let fingerprint = signature.issuer_fingerprint().first().map(|issuer| hex(issuer));
    let id = || signature.issuer_key_id().first().map(|id| id.to_string().to_ascii_uppercase());
    fingerprint.or_else(id)
}

/// A fingerprint as people write it.
pub(super) fn hex(fingerprint: &Fingerprint) -> String {
    format!("{fingerprint:X}")
}

/// Whether a self-signature lets a key sign content; `None` where it does not speak of it.
pub(super) fn may_sign(signature: &Signature) -> Option<bool> {
    let config = signature.config()?;
    let has_flags =
        config.hashed_subpackets().any(|part| matches!(part.data, SubpacketData::KeyFlags(_)));
    has_flags.then(|| signature.key_flags().sign())
}
