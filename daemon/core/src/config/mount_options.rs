//! Further options of mount(8) for one file system type.

use serde::Serialize;

use super::text::deserialize_from_text;

/// Options that would undo what every mount of ours has for safety: media come from anywhere.
const REFUSED: [&str; 12] = [
    "rw",
    "suid",
    "dev",
    "exec",
    "symfollow",
    "remount",
    "bind",
    "rbind",
    "move",
    "loop",
    "user",
    "users",
];

/// Options separated by commas, as mount(8) takes them; none that lifts a protection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub struct MountOptions(String);

deserialize_from_text!(MountOptions);

/// Options that cannot be given.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMountOptions {
    /// An option lifts a protection, or asks for another kind of mount.
    #[error(
        "the mount option `{0}` is not allowed: media are always mounted read-only, nosuid, nodev and noexec"
    )]
    Refused(String),
    /// White space, control characters, or nothing between two commas.
    #[error("`{}` is not a list of mount options: write them with commas, like `check=relaxed,uid=33`", .0.escape_debug())]
    Malformed(String),
}

impl MountOptions {
    /// The options as mount(8) takes them; may be empty.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MountOptions {
    type Error = InvalidMountOptions;

    fn try_from(text: String) -> Result<Self, InvalidMountOptions> {
        if text.is_empty() {
            return Ok(Self(text));
        }
        let malformed =
            |option: &str| option.is_empty() || !option.bytes().all(|b| b.is_ascii_graphic());
        if text.split(',').any(malformed) {
            return Err(InvalidMountOptions::Malformed(text));
        }
        match text.split(',').find(|option| REFUSED.contains(option)) {
            Some(option) => Err(InvalidMountOptions::Refused(option.to_owned())),
            None => Ok(Self(text)),
        }
    }
}

impl From<MountOptions> for String {
    fn from(options: MountOptions) -> Self {
        options.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_option_lifts_a_protection() {
        for option in REFUSED {
            let text = format!("check=relaxed,{option}");
            let refused = Err(InvalidMountOptions::Refused(option.to_owned()));
            assert_eq!(MountOptions::try_from(text), refused);
        }
    }

    #[test]
    fn options_are_kept_as_written() {
        for text in
            ["", "check=relaxed", "uid=33,gid=33", "context=system_u:object_r:public_content_t:s0"]
        {
            assert_eq!(MountOptions::try_from(text.to_owned()).unwrap().as_str(), text);
        }
        for text in [",", "a,,b", "a b", "a\nb", "a,"] {
            let malformed = Err(InvalidMountOptions::Malformed(text.to_owned()));
            assert_eq!(MountOptions::try_from(text.to_owned()), malformed);
        }
    }
}
