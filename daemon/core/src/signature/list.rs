//! Lists of checksums with their signature, which may stand beside them or around them.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{
    DetachedSignature, Keys, SignatureError, Signed,
    ed25519::{Content, FileSignature},
    openpgp::ClearSigned,
};

/// Whether `file` is a clearsigned message, which has what it signs within, rather than a signature of another file.
#[must_use]
pub fn is_clear_signed(file: &[u8]) -> bool {
    ClearSigned::begins_in(file)
}

/// The part of `list` that is signed by one of `keys`, and the signature: by the one in `signature`, or where there is
/// none by the one that `list` itself has, be it clearsigned or by signify.
///
/// # Errors
/// Why not. [`SignatureError::Missing`] where there is no signature at all.
pub fn signed_list<'a>(
    list: &'a [u8],
    signature: Option<&[u8]>,
    keys: &Keys,
    now: Timestamp,
) -> Result<(Cow<'a, [u8]>, Signed), SignatureError> {
    if let Some(signature) = signature {
        let signed = DetachedSignature::parse(signature)?.verify(list, keys, now)?;
        return Ok((list.into(), signed));
    }
    if let Some((signature, covered)) = FileSignature::parse(list) {
        let signed = signature.verify(Content::Bytes(covered), &keys.ed25519)?;
        return Ok((covered.into(), signed));
    }
    let message = ClearSigned::parse(list)?.ok_or(SignatureError::Missing)?;
    let signed = message.verify(&keys.openpgp, now)?;
    Ok((message.into_text().into(), signed))
}
