//! Signatures over content.

use jiff::Timestamp;
use pgp::packet::{Packet, PacketParser, Signature, SignatureType};

use super::{
    Certificate,
    certificate::SigningKey,
    packet::{Hash, end, hash, issuer, made, may_be_by, moment, suffix},
};
use crate::{
    digest::{Algorithm, Hasher},
    signature::{SignatureError, Signed, armor},
};

/// Packets that are looked at.
const MOST_PACKETS: usize = 64;
/// Seconds that a signature may come from the future: clocks differ.
const CLOCK_DIFFERENCE: i64 = 86_400;

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub(in crate::signature) enum Content<'a> {
    /// All bytes.
    Bytes(&'a [u8]),
    /// Hashers that have taken in all bytes.
    Hashed(&'a [Hasher]),
    /// The text of a clearsigned message, in the form that is signed.
    ClearText(&'a [u8]),
}

/// The signatures of one file.
#[derive(Clone, Debug)]
pub(in crate::signature) struct Signatures(Vec<Signature>);

impl Signatures {
    /// Reads a file with signatures, armored or not. Packets that cannot be read, of versions to come, are left out.
    pub(in crate::signature) fn parse(file: &[u8]) -> Result<Self, SignatureError> {
        let blocks = armor::blocks(file, "SIGNATURE");
        if blocks.is_empty() {
            return Err(SignatureError::Malformed("it is neither armored nor binary OpenPGP"));
        }
        let packets =
            blocks.iter().flat_map(|block| PacketParser::new(&block[..])).take(MOST_PACKETS);
        let mut has_unreadable = false;
        let mut signatures = Vec::new();
        for packet in packets {
            match packet {
                Ok(Packet::Signature(signature)) => signatures.push(signature),
                Ok(_) => {
                    return Err(SignatureError::Malformed("it has something that is no signature"));
                }
                Err(_) => has_unreadable = true,
            }
        }
        match (signatures.is_empty(), has_unreadable) {
            (false, _) => Ok(Self(signatures)),
            (true, true) => Err(SignatureError::Unsupported),
            (true, false) => Err(SignatureError::Malformed("it is empty")),
        }
    }

    /// The hash functions of those that can be checked of a stream.
    pub(in crate::signature) fn algorithms(&self) -> Vec<Algorithm> {
        let binary =
            self.0.iter().filter(|signature| signature.typ() == Some(SignatureType::Binary));
        let mut algorithms: Vec<_> = binary
            .filter_map(|signature| match hash(signature.config()?) {
                Hash::Strong(algorithm) => Some(algorithm),
                Hash::Weak | Hash::Unknown => None,
            })
            .collect();
        algorithms.sort_unstable();
        algorithms.dedup();
        algorithms
    }

    /// Whether one of `certificates` made one of them for `content`. The others do not matter.
    pub(in crate::signature) fn verify(
        &self,
        content: Content<'_>,
        certificates: &[Certificate],
        now: Timestamp,
    ) -> Result<Signed, SignatureError> {
        let mut reason = SignatureError::Missing;
        for signature in &self.0 {
            match verify(signature, content, certificates, now) {
                Ok(signed) => return Ok(signed),
                Err(error) => reason = reason.or(error),
            }
        }
        Err(reason)
    }
}

fn verify(
    signature: &Signature,
    content: Content<'_>,
    certificates: &[Certificate],
    now: Timestamp,
) -> Result<Signed, SignatureError> {
    let mut reason = SignatureError::UnknownSigner(issuer(signature).into_iter().collect());
    for certificate in certificates {
        for key in certificate.keys().filter(|key| may_be_by(signature, key)) {
            match by_key(signature, content, certificate, key, now) {
                Ok(signed) => return Ok(signed),
                Err(error) => reason = reason.or(error),
            }
        }
    }
    Err(reason)
}

/// Whether `key` of `certificate` made `signature` for `content`, and might.
fn by_key(
    signature: &Signature,
    content: Content<'_>,
    certificate: &Certificate,
    key: SigningKey<'_>,
    now: Timestamp,
) -> Result<Signed, SignatureError> {
    let signer = certificate.fingerprint();
    let config = signature.config().ok_or(SignatureError::Unsupported)?;
    let algorithm = match hash(config) {
        Hash::Strong(algorithm) => algorithm,
        Hash::Weak => {
            return Err(SignatureError::WeakHash { signer, hash: config.hash_alg.to_string() });
        }
        Hash::Unknown => return Err(SignatureError::Unsupported),
    };
    let made = made(signature).ok_or(SignatureError::Malformed("it has no time"))?;
    let hasher = hashed(content, config.typ, algorithm).ok_or(SignatureError::Unsupported)?;
    let suffix = suffix(config).ok_or(SignatureError::Unsupported)?;
    if !key.made(signature, hasher, &suffix) {
        return Err(SignatureError::Bad { signer });
    }
    let at = moment(made);
    if at.as_second() > now.as_second().saturating_add(CLOCK_DIFFERENCE) {
        return Err(SignatureError::FromTheFuture { signer, at });
    }
    if let Some(end) = end(made, signature.signature_expiration_time())
        && i64::try_from(end).unwrap_or(i64::MAX) <= now.as_second()
    {
        let at = Timestamp::from_second(i64::try_from(end).unwrap_or_default()).unwrap_or(at);
        return Err(SignatureError::Expired { signer, at });
    }
    let warnings = certificate.may_have_signed(key, made, now)?;
    Ok(Signed { signer, made_at: Some(at), warnings })
}

/// A hasher that has taken in `content` in the form that a signature of this type is made over.
fn hashed(content: Content<'_>, kind: SignatureType, algorithm: Algorithm) -> Option<Hasher> {
    let of = |bytes: &[u8]| {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher
    };
    match (content, kind) {
        (Content::Bytes(bytes), SignatureType::Binary) => Some(of(bytes)),
        (Content::Bytes(bytes), SignatureType::Text) => Some(of(&network_lines(bytes))),
        (Content::ClearText(text), SignatureType::Text) => Some(of(text)),
        (Content::Hashed(hashers), SignatureType::Binary) => {
            hashers.iter().find(|hasher| hasher.algorithm() == algorithm).cloned()
        }
        _ => None,
    }
}

/// `text` with lines that end with carriage return and line feed, as text is signed.
fn network_lines(text: &[u8]) -> Vec<u8> {
    let lines: Vec<_> = text
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .collect();
    lines.join(&b"\r\n"[..])
}
