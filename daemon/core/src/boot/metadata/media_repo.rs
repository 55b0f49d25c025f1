//! `media.repo`: the section of a `.repo` file that tells yum which disc it is.

use super::{disc_info::name_and_version, ini::Ini};
use crate::boot::facts::Facts;

/// What a `media.repo` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaRepo {
    /// What it is, like `Rocky Linux 9.7`.
    pub name: Option<String>,
    /// The first line of its `.discinfo`.
    pub media_id: Option<String>,
    /// Where the public key is that signs its packages, as a URL or a path.
    pub key: Option<String>,
}

impl MediaRepo {
    /// Reads `bytes`. The section is called `InstallMedia`; any other will do.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let ini = Ini::parse(bytes);
        let get = |key| ini.sections().find_map(|section| ini.get(section, key)).map(str::to_owned);
        Self { name: get("name"), media_id: get("mediaid"), key: get("gpgkey") }
    }

    /// What it tells of the system.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let (name, version) = self.name.as_deref().map(name_and_version).unwrap_or_default();
        Facts { name, version, ..Facts::default() }
    }

    /// The key's path on the medium, if it lies there: the path of a `file:` URL below one of the directories where
    /// people mount discs, or a path without a scheme.
    #[must_use]
    pub fn key_path(&self) -> Option<&str> {
        let key = self.key.as_deref()?.split_whitespace().next()?;
        let path = key.strip_prefix("file://").unwrap_or(key);
        let below = |mount: &str| path.strip_prefix(mount)?.strip_prefix('/');
        let mounts = ["/media/cdrom", "/media/CentOS", "/mnt/cdrom", "/media", "/mnt"];
        let path = mounts.iter().find_map(|mount| below(mount)).unwrap_or(path);
        (!path.contains("://") && !path.starts_with('/')).then_some(path)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_disc_and_its_key_are_named() {
        let repo = MediaRepo::parse(
            b"[InstallMedia]\nname=Red Hat Enterprise Linux 9.4.0\nmediaid=1.5\nmetadata_expire=-1\n\
            gpgkey=file:///mnt/RPM-GPG-KEY-x file:///mnt/other\n",
        );
        assert_eq!(repo.facts().version.as_deref(), Some("9.4.0"));
        assert_eq!(repo.media_id.as_deref(), Some("1.5"));
        assert_eq!(repo.key_path(), Some("RPM-GPG-KEY-x"));
        for key in ["https://example.org/key", "file:///etc/pki/rpm-gpg/key"] {
            let repo = MediaRepo { key: Some(key.to_owned()), ..MediaRepo::default() };
            assert_eq!(repo.key_path(), None, "{key}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, key: String) {
            let _ = MediaRepo::parse(&bytes).facts();
            let _ = MediaRepo { key: Some(key), ..MediaRepo::default() }.key_path();
        }
    }
}
