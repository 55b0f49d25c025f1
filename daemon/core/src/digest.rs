//! Digests of files: which algorithms are known, what they are worth, and how they are written and computed.

mod hasher;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub use hasher::{Hasher, SavedHasher};

/// A hash function by which files are told apart. Ordered from the weakest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// RFC 1321; tells accidents, not attacks.
    Md5,
    /// FIPS 180-4; broken, so never enough alone.
    Sha1,
    /// FIPS 180-4.
    Sha256,
    /// FIPS 180-4.
    Sha384,
    /// RFC 7693 with 64 bytes, as `b2sum` makes it.
    Blake2b,
    /// FIPS 180-4.
    Sha512,
}

impl Algorithm {
    /// All of them, from the weakest to the strongest.
    pub const ALL: [Self; 6] =
        [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha384, Self::Blake2b, Self::Sha512];

    /// Its name in documents and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Blake2b => "blake2b",
            Self::Sha512 => "sha512",
        }
    }

    /// Its name in checksum files of the BSD form, `SHA256 (FILE) = DIGEST`.
    #[must_use]
    pub const fn bsd_name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha384 => "SHA384",
            Self::Blake2b => "BLAKE2b",
            Self::Sha512 => "SHA512",
        }
    }

    /// Length of a digest in bytes.
    #[must_use]
    pub const fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Blake2b | Self::Sha512 => 64,
        }
    }

    /// Whether a digest withstands somebody who wants to pass off another file.
    #[must_use]
    pub const fn is_strong(self) -> bool {
        !matches!(self, Self::Md5 | Self::Sha1)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A name that is no algorithm's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no hash algorithm: use md5, sha1, sha256, sha384, sha512 or blake2b")]
pub struct UnknownAlgorithm(pub String);

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Takes the names that checksum files use: `SHA256`, `SHA-256`, `sha256sum`, `BLAKE2b-512`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain: String = text.to_ascii_lowercase().replace(['-', '_', ' '], "");
        match plain.strip_suffix("sum").unwrap_or(&plain) {
            "md5" => Ok(Self::Md5),
            "sha1" => Ok(Self::Sha1),
            "sha256" => Ok(Self::Sha256),
            "sha384" => Ok(Self::Sha384),
            "sha512" => Ok(Self::Sha512),
            "b2" | "blake2" | "blake2b" | "blake2b512" => Ok(Self::Blake2b),
            _ => Err(UnknownAlgorithm(text.to_owned())),
        }
    }
}

/// What a hash function makes of a file. Written as `sha256:` and lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest {
    algorithm: Algorithm,
    value: Box<[u8]>,
}

/// Why a text is no digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDigest {
    /// It has another number of digits.
    #[error("a {algorithm} digest has {expected} hexadecimal digits, not {found}")]
    Length {
        /// Of the digest.
        algorithm: Algorithm,
        /// Digits that it should have.
        expected: usize,
        /// Digits, or other characters, that it has.
        found: usize,
    },
    /// A character is no digit.
    #[error("a {0} digest has hexadecimal digits only")]
    Digit(Algorithm),
    /// The algorithm before the colon is unknown, or there is none.
    #[error(transparent)]
    Algorithm(#[from] UnknownAlgorithm),
}

impl Digest {
    /// From bytes; `None` unless there are as many as the algorithm has.
    #[must_use]
    pub fn from_bytes(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        (bytes.len() == algorithm.length()).then(|| Self { algorithm, value: bytes.into() })
    }

    /// From hexadecimal digits of either case.
    ///
    /// # Errors
    /// Where they are too many, too few, or none.
    pub fn from_hex(algorithm: Algorithm, digits: &str) -> Result<Self, InvalidDigest> {
        let expected = algorithm.length() * 2;
        if digits.len() != expected {
            return Err(InvalidDigest::Length { algorithm, expected, found: digits.len() });
        }
        let nibble =
            |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let value = digits
            .as_bytes()
            .chunks_exact(2)
            .map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?))
            .collect::<Option<_>>()
            .ok_or(InvalidDigest::Digit(algorithm))?;
        Ok(Self { algorithm, value })
    }

    /// The hash function.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The value as bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.value
    }

    /// The value in lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
        self.value.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.algorithm, self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Self, InvalidDigest> {
        text.parse()
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (algorithm, digits) =
            text.split_once(':').ok_or_else(|| UnknownAlgorithm(text.to_owned()))?;
        Self::from_hex(algorithm.parse()?, digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_as_it_is_read() {
        let text = format!("sha256:{}", "0f".repeat(32));
        assert_eq!(text.parse::<Digest>().unwrap().to_string(), text);
        let upper = format!("SHA-256:{}", "0F".repeat(32));
        assert_eq!(upper.parse::<Digest>(), text.parse());
    }

    #[test]
    fn what_is_no_digest_says_why() {
        let reason = |text: &str| text.parse::<Digest>().unwrap_err().to_string();
        assert_eq!(reason("md5:12"), "a md5 digest has 32 hexadecimal digits, not 2");
        assert_eq!(
            reason(&format!("md5:{}", "0g".repeat(16))),
            "a md5 digest has hexadecimal digits only"
        );
        assert!(reason("crc:12").starts_with("`crc` is no hash algorithm"));
        assert!(reason("12").starts_with("`12` is no hash algorithm"));
        // Not one character a digit, though as many bytes.
        assert_eq!(
            reason(&format!("md5:{}", "é".repeat(16))),
            "a md5 digest has hexadecimal digits only"
        );
    }

    #[test]
    fn algorithms_are_known_by_the_names_that_lists_use() {
        for (name, algorithm) in [
            ("MD5", Algorithm::Md5),
            ("SHA1", Algorithm::Sha1),
            ("sha256sum", Algorithm::Sha256),
            ("SHA-512", Algorithm::Sha512),
            ("BLAKE2b", Algorithm::Blake2b),
        ] {
            assert_eq!(name.parse(), Ok(algorithm), "{name}");
        }
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
        }
        assert!("blake3".parse::<Algorithm>().is_err());
    }
}
