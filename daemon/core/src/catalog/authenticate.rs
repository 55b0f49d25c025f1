//! Whether a release is what its publisher released, as far as that can be told before its image is there.
//!
//! Fails closed: what the entry asks for and cannot be checked has not been signed. Digests count as they stand in the
//! bytes that a signature covers, and nowhere else.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{
    History, KeyId, ListToVerify, Release, SignatureKind, SignatureToVerify, Signed as On,
};
use crate::{
    checksums::{ChecksumList, ChecksumListError, NotListed},
    digest::Digest,
    signature::{DetachedSignature, KeyError, Keys, SignatureError, Signed, signed_list},
    trust::Trust,
};

/// The key files that there are.
pub trait KeyFiles {
    /// The file of a key; `None` where there is none.
    fn get(&self, id: &KeyId) -> Option<&[u8]>;
}

/// What is known of a release that may be fetched.
#[derive(Clone, Debug)]
pub struct Authentic {
    /// The digests that the image has to have, all of them.
    pub digests: Vec<Digest>,
    /// Bytes, where they are told.
    pub size: Option<u64>,
    /// What vouches for the digests; the signatures below add to it.
    pub trust: Trust,
    /// Who signed the list.
    pub signed: Option<Signed>,
    /// Signatures that the image has to bear out, all of them.
    pub signatures: Vec<ImageSignature>,
}

/// A signature of an image that is not there yet.
#[derive(Clone, Debug)]
pub struct ImageSignature {
    /// The signature.
    pub signature: DetachedSignature,
    /// The keys of which one has to have made it.
    pub keys: Keys,
}

/// Why a release is not to be trusted.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is nothing to check a signature with.
    #[error(
        "no key is there to verify its {on} with: put {} into /etc/isomirror/catalog.d/keys",
        files(.keys)
    )]
    NoKey {
        /// What is signed: `list` or `image`.
        on: &'static str,
        /// The keys that the entry names.
        keys: Vec<KeyId>,
    },
    /// A key file has something else than its name says.
    #[error("the key file of `{0}` cannot be used: replace it by the publisher's")]
    BadKey(KeyId, #[source] KeyError),
    /// A signature is not good.
    #[error("the signature of its {on} is not good")]
    Signature {
        /// What is signed: `list` or `image`.
        on: &'static str,
        /// Why not.
        #[source]
        source: SignatureError,
    },
    /// There is a signature on a list, and no list.
    #[error("its entry names no list that is signed: mend the catalog")]
    NoList,
    /// The signed part of a list is none.
    #[error("the signed part of `{url}` cannot be read")]
    List {
        /// Where it was.
        url: String,
        /// Why not.
        #[source]
        source: ChecksumListError,
    },
    /// The signed part of a list does not name the image.
    #[error("the signed part of `{url}` does not vouch for the image")]
    NotListed {
        /// Where it was.
        url: String,
        /// Why not.
        #[source]
        source: NotListed,
    },
    /// What stands around the signed part says something else than it does.
    #[error("`{0}` says something else beside its signed part than in it: somebody changed it")]
    Contradiction(String),
    /// It was signed before what was there.
    #[error("{0}; nothing older is taken")]
    Rollback(String),
}

fn files(keys: &[KeyId]) -> String {
    let file =
        |key: &KeyId| format!("`{key}.{}`", if key.is_fingerprint() { "asc" } else { "pub" });
    keys.iter().map(file).collect::<Vec<_>>().join(" or ")
}

/// Checks all that can be checked without the image. `history` is what was taken for right before.
///
/// # Errors
/// Why it is not to be trusted.
pub fn authenticate(
    release: &Release,
    files: &impl KeyFiles,
    history: &History,
    now: Timestamp,
) -> Result<Authentic, Refusal> {
    let mut authentic = Authentic {
        digests: release.digests.clone(),
        size: release.size,
        trust: release.told,
        signed: None,
        signatures: Vec::new(),
    };
    for signature in &release.signatures {
        let keys = keys_of(signature, files)?;
        match signature.on {
            On::Image => authentic.signatures.push(image_signature(signature, keys)?),
            On::List => {
                let list = release.list.as_ref().ok_or(Refusal::NoList)?;
                authentic.accept(list, signature, &keys, now)?;
            }
        }
    }
    if let Some(made_at) = authentic.signed.as_ref().and_then(|signed| signed.made_at) {
        history.allows_signature(made_at.as_second()).map_err(Refusal::Rollback)?;
    }
    Ok(authentic)
}

impl Authentic {
    /// Takes in what the signed part of `list` says.
    fn accept(
        &mut self,
        list: &ListToVerify,
        signature: &SignatureToVerify,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let url = || list.url.to_string();
        let detached = signature.detached.as_ref().map(|(_, bytes)| &**bytes);
        let detached = detached.filter(|_| signature.kind == SignatureKind::Detached);
        let (covered, signed): (Cow<'_, [u8]>, _) =
            signed_list(&list.bytes, detached, keys, now)
                .map_err(|source| Refusal::Signature { on: "list", source })?;
        let parsed = ChecksumList::parse(&covered, &list.hints)
            .map_err(|source| Refusal::List { url: url(), source })?;
        let file = parsed
            .find(&list.listed_name)
            .map_err(|source| Refusal::NotListed { url: url(), source })?;
        for digest in &file.digests {
            let known = self.digests.iter().find(|known| known.algorithm() == digest.algorithm());
            match known {
                Some(known) if known != digest => return Err(Refusal::Contradiction(url())),
                Some(_) => {}
                None => self.digests.push(digest.clone()),
            }
        }
        if file.size.is_some() && file.size != self.size {
            return Err(Refusal::Contradiction(url()));
        }
        if file.digests.iter().any(|digest| digest.algorithm().is_strong()) {
            self.trust = self.trust.max(Trust::SignedList);
        }
        self.signed = Some(signed);
        Ok(())
    }
}

fn image_signature(signature: &SignatureToVerify, keys: Keys) -> Result<ImageSignature, Refusal> {
    let failed = |source| Refusal::Signature { on: "image", source };
    let (_, bytes) = signature.detached.as_ref().ok_or_else(|| failed(SignatureError::Missing))?;
    let signature = DetachedSignature::parse(bytes).map_err(failed)?;
    Ok(ImageSignature { signature, keys })
}

/// The keys that may have made a signature. A file counts only for what its name says is in it.
fn keys_of(signature: &SignatureToVerify, files: &impl KeyFiles) -> Result<Keys, Refusal> {
    let mut keys = Keys::default();
    let mut pins = Vec::new();
    for id in &signature.keys {
        let Some(file) = files.get(id) else { continue };
        let mut own = Keys::default();
        own.add(file).map_err(|error| Refusal::BadKey(id.clone(), error))?;
        if id.is_fingerprint() {
            own = own.only(&[id.as_str()]);
        }
        if own.is_empty() {
            return Err(Refusal::BadKey(id.clone(), KeyError::NoKey));
        }
        pins.extend(own.names());
        keys.add(file).map_err(|error| Refusal::BadKey(id.clone(), error))?;
    }
    let keys = keys.only(&pins);
    let on = match signature.on {
        On::List => "list",
        On::Image => "image",
    };
    if keys.is_empty() {
        Err(Refusal::NoKey { on, keys: signature.keys.clone() })
    } else {
        Ok(keys)
    }
}

#[cfg(test)]
mod tests;
