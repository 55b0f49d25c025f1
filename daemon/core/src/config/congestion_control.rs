//! How fast the kernel sends.

use serde::Serialize;

use super::text::deserialize_from_text;

/// Bytes that a name may have (linux/tcp.h, `TCP_CA_NAME_MAX` without its NUL).
const LONGEST: usize = 15;

/// Name of one of the kernel's congestion control algorithms, like `cubic` or `bbr`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub struct CongestionControl(String);

deserialize_from_text!(CongestionControl);

/// A text that no algorithm can have for its name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not a congestion control algorithm: `sysctl net.ipv4.tcp_available_congestion_control` \
     lists what there is", .0.escape_debug()
)]
pub struct InvalidCongestionControl(String);

impl CongestionControl {
    /// The kernel's name for it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CongestionControl {
    type Error = InvalidCongestionControl;

    fn try_from(text: String) -> Result<Self, InvalidCongestionControl> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
        let is_sound = (1..=LONGEST).contains(&text.len()) && text.bytes().all(allowed);
        if is_sound { Ok(Self(text)) } else { Err(InvalidCongestionControl(text)) }
    }
}

impl From<CongestionControl> for String {
    fn from(algorithm: CongestionControl) -> Self {
        algorithm.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_kernel_could_have_is_taken() {
        for (text, is_sound) in [
            ("bbr", true),
            ("reno", true),
            ("dctcp_2", true),
            ("", false),
            ("Cubic", false),
            ("a b", false),
            ("abcdefghijklmnop", false),
        ] {
            assert_eq!(CongestionControl::try_from(text.to_owned()).is_ok(), is_sound, "{text}");
        }
    }
}
