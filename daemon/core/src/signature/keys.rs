//! Keys that are trusted.

use super::{KeyError, MAXIMUM_SIZE, ed25519, openpgp::Certificate};

/// Digits of the id of a minisign or signify key.
const ID_DIGITS: usize = 16;

/// Pinned public keys, of any scheme. Who puts a key in here says that its signatures are to be believed.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    pub(super) openpgp: Vec<Certificate>,
    pub(super) ed25519: Vec<ed25519::Key>,
}

impl Keys {
    /// Adds the keys of a file: an `OpenPGP` keyring, armored or not, or a key of minisign or signify. Tells how many
    /// there were. Keys of unknown algorithms and versions are left out, for nothing that they sign could be checked.
    ///
    /// # Errors
    /// [`KeyError`] where there is none.
    pub fn add(&mut self, file: &[u8]) -> Result<usize, KeyError> {
        if file.len() > MAXIMUM_SIZE {
            return Err(KeyError::TooLarge);
        }
        let openpgp = Certificate::read_all(file);
        let ed25519 = str::from_utf8(file).ok().and_then(ed25519::Key::parse);
        let count = openpgp.len() + usize::from(ed25519.is_some());
        self.openpgp.extend(openpgp);
        self.ed25519.extend(ed25519);
        if count == 0 { Err(KeyError::NoKey) } else { Ok(count) }
    }

    /// Only those that `pins` names: by whole fingerprints, or ids of minisign and signify keys, in hexadecimal digits
    /// of either case, with blanks as one likes, and without the zeros at their beginning that minisign leaves out.
    #[must_use]
    pub fn only(&self, pins: &[impl AsRef<str>]) -> Self {
        let plain =
            |pin: &str| format!("{:0>ID_DIGITS$}", pin.replace(' ', "").to_ascii_uppercase());
        let pins: Vec<_> = pins.iter().map(|pin| plain(pin.as_ref())).collect();
        let mut keys = self.clone();
        keys.openpgp.retain(|key| pins.contains(&key.fingerprint()));
        keys.ed25519.retain(|key| pins.contains(&key.name()));
        keys
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.openpgp.is_empty() && self.ed25519.is_empty()
    }

    /// Fingerprints and ids of all.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let openpgp = self.openpgp.iter().map(Certificate::fingerprint);
        openpgp.chain(self.ed25519.iter().map(ed25519::Key::name))
    }
}
