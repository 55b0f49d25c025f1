//! A pinned key with its subkeys, and what it may have signed.
//!
//! Self-signatures may use SHA-1, as those of old keys do: they come from a key file that is trusted as a whole, and
//! what a forger would need is that its owner signs what the forger made.

use jiff::Timestamp;
use pgp::{
    composed::{PublicOrSecret, SignedPublicKey, SignedPublicSubKey},
    packet::{PublicKey, RevocationCode, Signature, SignatureType},
    types::{KeyDetails, KeyVersion, Tag, VerifyingKey},
};

use super::packet::{end, hex, made, may_sign, moment};
use crate::{
    digest::Hasher,
    signature::{SignatureError, Warning, armor},
};

/// Keys of one file that are taken.
const MOST_KEYS: usize = 1000;

/// A primary key with its subkeys.
#[derive(Clone, Debug)]
pub(in crate::signature) struct Certificate(SignedPublicKey);

/// One of the keys of a certificate.
#[derive(Clone, Copy, Debug)]
pub(super) enum SigningKey<'a> {
    /// The primary key.
    Primary(&'a PublicKey),
    /// A subkey.
    Sub(&'a SignedPublicSubKey),
}

/// For how long a key signs, and what ended it.
#[derive(Clone, Copy, Debug, Default)]
struct Validity {
    /// Seconds since 1970 from which on it is valid.
    start: u32,
    /// When it expires.
    expires: Option<u64>,
    /// When it was retired.
    retired: Option<u32>,
}

impl Certificate {
    /// All certificates of a file, armored or not. Those that cannot be read, or are of other versions than 4, are left
    /// out, each by itself.
    pub(in crate::signature) fn read_all(file: &[u8]) -> Vec<Self> {
        let blocks = armor::blocks(file, "PUBLIC KEY BLOCK");
        let keys =
            blocks.iter().filter_map(|block| PublicOrSecret::from_bytes_many(&block[..]).ok());
        keys.flat_map(|keys| keys.take(MOST_KEYS))
            .filter_map(Result::ok)
            .filter_map(|key| SignedPublicKey::try_from(key).ok().map(Self))
            .filter(|key| key.0.primary_key.version() == KeyVersion::V4)
            .collect()
    }

    /// That of the primary key.
    pub(in crate::signature) fn fingerprint(&self) -> String {
        hex(&self.0.primary_key.fingerprint())
    }

    /// The primary key and all subkeys.
    pub(super) fn keys(&self) -> impl Iterator<Item = SigningKey<'_>> {
        let subkeys = self.0.public_subkeys.iter().map(SigningKey::Sub);
        [SigningKey::Primary(&self.0.primary_key)].into_iter().chain(subkeys)
    }

    /// What to warn of if `key` signed at `made` seconds since 1970.
    ///
    /// # Errors
    /// Where it might not.
    pub(super) fn may_have_signed(
        &self,
        key: SigningKey<'_>,
        made: u32,
        now: Timestamp,
    ) -> Result<Vec<Warning>, SignatureError> {
        let mut validities = vec![self.primary_validity(matches!(key, SigningKey::Primary(_)))?];
        if let SigningKey::Sub(subkey) = key {
            validities.push(self.subkey_validity(subkey)?);
        }
        let mut warnings = Vec::new();
        for validity in validities {
            if !validity.covers(made) {
                let signer = self.fingerprint();
                return Err(SignatureError::KeyNotValid { signer, at: moment(made) });
            }
            warnings.extend(validity.warnings(now));
        }
        Ok(warnings)
    }

    fn primary_validity(&self, is_signer: bool) -> Result<Validity, SignatureError> {
        let primary = &self.0.primary_key;
        let details = &self.0.details;
        let retired = self.revocation(
            details.revocation_signatures.iter().chain(&details.direct_signatures),
            |signature| {
                signature.typ() == Some(SignatureType::KeyRevocation)
                    && signature.verify_key(primary).is_ok()
            },
        )?;
        let direct = details.direct_signatures.iter().filter(|signature| {
            signature.typ() == Some(SignatureType::Key) && signature.verify_key(primary).is_ok()
        });
        let of_users = details.users.iter().flat_map(|user| {
            user.signatures.iter().filter(|signature| {
                signature.typ() != Some(SignatureType::CertRevocation)
                    && signature.verify_certification(primary, Tag::UserId, &user.id).is_ok()
            })
        });
        let own: Vec<_> = direct.chain(of_users).collect();
        // A key that says nothing of itself has no expiry that anybody could know.
        let newest = own.iter().max_by_key(|signature| made(signature));
        let newest = newest.ok_or_else(|| self.not_a_signing_key())?;
        let flags: Vec<_> = own.iter().filter_map(|signature| may_sign(signature)).collect();
        if is_signer && !flags.is_empty() && !flags.contains(&true) {
            return Err(self.not_a_signing_key());
        }
        let start = primary.created_at().as_secs();
        Ok(Validity { start, expires: end(start, newest.key_expiration_time()), retired })
    }

    /// A subkey signs where the primary key bound it for that, and it agreed by a signature of its own: else anybody
    /// could bind another's key to theirs.
    fn subkey_validity(&self, subkey: &SignedPublicSubKey) -> Result<Validity, SignatureError> {
        let primary = &self.0.primary_key;
        let is_own = |signature: &Signature, kind| {
            signature.typ() == Some(kind)
                && signature.verify_subkey_binding(primary, &subkey.key).is_ok()
        };
        let retired = self.revocation(subkey.signatures.iter(), |signature| {
            is_own(signature, SignatureType::SubkeyRevocation)
        })?;
        let bindings = subkey
            .signatures
            .iter()
            .filter(|signature| is_own(signature, SignatureType::SubkeyBinding));
        let newest = bindings.max_by_key(|signature| made(signature));
        let binding = newest.ok_or_else(|| self.not_a_signing_key())?;
        let is_agreed = binding.embedded_signature().is_some_and(|agreement| {
            agreement.verify_primary_key_binding(&subkey.key, primary).is_ok()
        });
        if may_sign(binding) != Some(true) || !is_agreed {
            return Err(self.not_a_signing_key());
        }
        let start = subkey.key.created_at().as_secs();
        Ok(Validity { start, expires: end(start, binding.key_expiration_time()), retired })
    }

    /// When a key was retired, by the earliest of those of `signatures` that are revocations.
    ///
    /// # Errors
    /// Where it was revoked for another reason: then nothing that it signed counts, for whoever has it may write any
    /// time into a signature.
    fn revocation<'a>(
        &self,
        signatures: impl Iterator<Item = &'a Signature>,
        is_revocation: impl Fn(&Signature) -> bool,
    ) -> Result<Option<u32>, SignatureError> {
        let mut retired: Option<u32> = None;
        for signature in signatures.filter(|signature| is_revocation(signature)) {
            let is_soft = matches!(
                signature.revocation_reason_code(),
                Some(RevocationCode::KeySuperseded | RevocationCode::KeyRetired)
            );
            match made(signature) {
                Some(at) if is_soft => retired = Some(retired.map_or(at, |first| first.min(at))),
                _ => return Err(SignatureError::KeyRevoked { signer: self.fingerprint() }),
            }
        }
        Ok(retired)
    }

    fn not_a_signing_key(&self) -> SignatureError {
        SignatureError::NotASigningKey { signer: self.fingerprint() }
    }
}

impl SigningKey<'_> {
    /// Whether this key made `signature` over what `hasher` has taken in, with `suffix` after it.
    pub(super) fn made(self, signature: &Signature, mut hasher: Hasher, suffix: &[u8]) -> bool {
        let (Some(config), Some(value)) = (signature.config(), signature.signature()) else {
            return false;
        };
        if config.pub_alg != self.algorithm() {
            return false;
        }
        hasher.update(suffix);
        let digest = hasher.finish();
        match self {
            Self::Primary(key) => key.verify(config.hash_alg, digest.bytes(), value).is_ok(),
            Self::Sub(subkey) => subkey.key.verify(config.hash_alg, digest.bytes(), value).is_ok(),
        }
    }
}

/// Passes a question on to whichever key it is.
macro_rules! of_key {
    ($self:expr, $key:ident => $answer:expr) => {
        match $self {
            SigningKey::Primary($key) => $answer,
            SigningKey::Sub(SignedPublicSubKey { key: $key, .. }) => $answer,
        }
    };
}

impl KeyDetails for SigningKey<'_> {
    fn version(&self) -> KeyVersion {
        of_key!(self, key => key.version())
    }

    fn legacy_key_id(&self) -> pgp::types::KeyId {
        of_key!(self, key => key.legacy_key_id())
    }

    fn fingerprint(&self) -> pgp::types::Fingerprint {
        of_key!(self, key => key.fingerprint())
    }

    fn algorithm(&self) -> pgp::crypto::public_key::PublicKeyAlgorithm {
        of_key!(self, key => key.algorithm())
    }

    fn created_at(&self) -> pgp::types::Timestamp {
        of_key!(self, key => key.created_at())
    }

    fn legacy_v3_expiration_days(&self) -> Option<u16> {
        of_key!(self, key => key.legacy_v3_expiration_days())
    }

    fn public_params(&self) -> &pgp::types::PublicParams {
        of_key!(self, key => key.public_params())
    }
}

impl Validity {
    fn covers(&self, made: u32) -> bool {
        made >= self.start
            && self.expires.is_none_or(|end| u64::from(made) < end)
            && self.retired.is_none_or(|end| made < end)
    }

    fn warnings(&self, now: Timestamp) -> impl Iterator<Item = Warning> {
        let expired = self
            .expires
            .and_then(|end| Timestamp::from_second(i64::try_from(end).ok()?).ok())
            .filter(|at| *at <= now)
            .map(|at| Warning::KeyExpired { at });
        let retired = self.retired.map(|at| Warning::KeyRetired { at: moment(at) });
        expired.into_iter().chain(retired)
    }
}
