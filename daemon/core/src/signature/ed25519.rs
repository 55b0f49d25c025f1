//! minisign and signify: an untrusted comment, and a line of base64 with an Ed25519 key or signature.
//!
//! Both have the same keys. signify signs the content itself; minisign its `BLAKE2b` hash (or, long ago, the content),
//! and then once more that signature together with a trusted comment.

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, VerifyingKey};
use jiff::Timestamp;

use super::{SignatureError, Signed};
use crate::digest::{Algorithm, Hasher};

/// Content is signed as it is.
const PURE: &[u8] = b"Ed";
/// The `BLAKE2b` hash of the content is signed.
const HASHED: &[u8] = b"ED";
/// Beginning of the first line.
const UNTRUSTED: &str = "untrusted comment: ";
/// Beginning of minisign's third line.
const TRUSTED: &str = "trusted comment: ";

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    id: [u8; 8],
    key: VerifyingKey,
}

/// What a signature covers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content<'a> {
    /// All bytes.
    Bytes(&'a [u8]),
    /// Their `BLAKE2b` hash.
    Hash(&'a [u8]),
}

/// A detached signature of either kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileSignature {
    is_hashed: bool,
    id: [u8; 8],
    signature: Signature,
    /// Of minisign: the trusted comment and the signature over it.
    trusted: Option<(String, Signature)>,
}

impl Key {
    /// Reads a key file, or a line of base64 alone.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let first = lines.next()?;
        let line = if first.starts_with(UNTRUSTED) { lines.next()? } else { first };
        let bytes = STANDARD.decode(line.trim_end()).ok()?;
        let (algorithm, id, key) = parts::<32>(&bytes)?;
        let key = VerifyingKey::from_bytes(&key).ok()?;
        (algorithm == PURE && !key.is_weak()).then_some(Self { id, key })
    }

    /// Its id, as minisign writes it.
    pub(super) fn name(&self) -> String {
        name(self.id)
    }
}

/// minisign writes the id as a little-endian number.
fn name(id: [u8; 8]) -> String {
    format!("{:016X}", u64::from_le_bytes(id))
}

fn parts<const N: usize>(bytes: &[u8]) -> Option<(&[u8], [u8; 8], [u8; N])> {
    let (algorithm, rest) = bytes.split_at_checked(2)?;
    let (id, rest) = rest.split_at_checked(8)?;
    Some((algorithm, id.try_into().ok()?, rest.try_into().ok()?))
}

impl FileSignature {
    /// Reads a signature file, and tells what follows the signature in it: with signify, the content may.
    pub(super) fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (first, rest) = line(bytes)?;
        let (second, rest) = line(rest)?;
        if !first.starts_with(UNTRUSTED) {
            return None;
        }
        let decoded = STANDARD.decode(second).ok()?;
        let (algorithm, id, signature) = parts::<64>(&decoded)?;
        let is_hashed = algorithm == HASHED;
        if !is_hashed && algorithm != PURE {
            return None;
        }
        let signature = Signature::from_bytes(&signature);
        let this = |trusted| Self { is_hashed, id, signature, trusted };
        let Some((comment, after)) = line(rest) else { return Some((this(None), rest)) };
        let Some(comment) = comment.strip_prefix(TRUSTED) else { return Some((this(None), rest)) };
        let (fourth, after) = line(after)?;
        let global: [u8; 64] = STANDARD.decode(fourth).ok()?.try_into().ok()?;
        let trusted = Some((comment.to_owned(), Signature::from_bytes(&global)));
        Some((this(trusted), after))
    }

    /// The hash that has to be computed of content which is too long to be held; `None` where the content itself is
    /// signed.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        self.is_hashed.then_some(Algorithm::Blake2b)
    }

    /// Whether one of `keys` made it for `content`.
    pub(super) fn verify(
        &self,
        content: Content<'_>,
        keys: &[Key],
    ) -> Result<Signed, SignatureError> {
        let mut reason = SignatureError::UnknownSigner(vec![name(self.id)]);
        for key in keys.iter().filter(|key| key.id == self.id) {
            let signer = key.name();
            match self.fits(content, &key.key) {
                Some(true) => {
                    return Ok(Signed { signer, made_at: self.made_at(), warnings: Vec::new() });
                }
                Some(false) => reason = reason.or(SignatureError::Bad { signer }),
                None => reason = reason.or(SignatureError::Unsupported),
            }
        }
        Err(reason)
    }

    /// `None` where the content is not there in the form that was signed.
    fn fits(&self, content: Content<'_>, key: &VerifyingKey) -> Option<bool> {
        // A hashed signature without its trusted comment is neither minisign's nor signify's.
        if self.is_hashed && self.trusted.is_none() {
            return None;
        }
        let is_good = match (self.is_hashed, content) {
            (true, Content::Hash(hash)) => key.verify_strict(hash, &self.signature).is_ok(),
            (true, Content::Bytes(bytes)) => {
                let mut hasher = Hasher::new(Algorithm::Blake2b);
                hasher.update(bytes);
                key.verify_strict(hasher.finish().bytes(), &self.signature).is_ok()
            }
            (false, Content::Bytes(bytes)) => key.verify_strict(bytes, &self.signature).is_ok(),
            (false, Content::Hash(_)) => return None,
        };
        let is_comment_good = self.trusted.as_ref().is_none_or(|(comment, global)| {
            let message = [&self.signature.to_bytes()[..], comment.as_bytes()].concat();
            key.verify_strict(&message, global).is_ok()
        });
        Some(is_good && is_comment_good)
    }

    /// `timestamp:SECONDS` in the trusted comment. Only of a signature that fits.
    fn made_at(&self) -> Option<Timestamp> {
        let (comment, _) = self.trusted.as_ref()?;
        let word = comment.split_whitespace().find_map(|word| word.strip_prefix("timestamp:"))?;
        Timestamp::from_second(word.parse().ok()?).ok()
    }
}

/// The first line of `bytes` without its end, and what follows.
fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    if bytes.is_empty() {
        return None;
    }
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let line = str::from_utf8(&bytes[..end]).ok()?;
    let rest = bytes.get(end + 1..).unwrap_or_default();
    Some((line.strip_suffix('\r').unwrap_or(line), rest))
}
