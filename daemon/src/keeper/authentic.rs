//! Releases and images, by the keys that there are.

use isomirror_core::{
    catalog::{Authentic, KeyFiles, KeyId},
    signature::Signed,
    trust::Trust,
};
use jiff::Timestamp;

use super::Setback;
use crate::{catalog::Keys, fetch::store::Staged};

/// The keys beside the catalog.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files<'a>(pub(super) &'a Keys);

impl KeyFiles for Files<'_> {
    fn get(&self, id: &KeyId) -> Option<&[u8]> {
        self.0.get(id).map(|key| key.bytes.as_slice())
    }
}

/// What vouches for an image of which every byte is there, and who signed it. All signatures of the image have to be good.
pub(super) fn vouched(
    authentic: &Authentic,
    staged: &Staged,
    now: Timestamp,
) -> Result<(Trust, Option<Signed>), Setback> {
    let mut trust = authentic.trust;
    let mut signed = authentic.signed.clone();
    for one in &authentic.signatures {
        let good = one.signature.verify_hashed(staged.hashers(), &one.keys, now);
        let good = good.map_err(Setback::Signature)?;
        if trust < Trust::SignedImage {
            trust = Trust::SignedImage;
            signed = Some(good);
        }
    }
    Ok((trust, signed))
}
