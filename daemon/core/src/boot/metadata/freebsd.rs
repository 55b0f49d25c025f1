//! `bin/freebsd-version` of FreeBSD's media: a shell script with `USERLAND_VERSION="14.3-RELEASE"` in it.

use crate::boot::facts::Facts;

/// Reads `bytes`. A release is told by its number alone, anything else by its branch too.
#[must_use]
pub fn userland_version(bytes: &[u8]) -> Facts {
    let text = String::from_utf8_lossy(bytes);
    let value = text.lines().find_map(|line| {
        let value = line.trim().strip_prefix("USERLAND_VERSION=")?;
        Some(value.trim_matches(['"', '\'']))
    });
    let version = value.map(|value| match value.split_once("-RELEASE") {
        Some((number, patches)) => format!("{number}{patches}"),
        None => value.to_owned(),
    });
    Facts { version, ..Facts::default() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_release_is_its_number() {
        let script = |version: &str| format!("#!/bin/sh\nset -e\nUSERLAND_VERSION=\"{version}\"\n");
        for (written, version) in
            [("14.3-RELEASE", "14.3"), ("14.1-RELEASE-p5", "14.1-p5"), ("15.0-BETA2", "15.0-BETA2")]
        {
            let facts = userland_version(script(written).as_bytes());
            assert_eq!(facts.version.as_deref(), Some(version));
        }
        assert_eq!(userland_version(b"echo").version, None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = userland_version(&bytes);
        }
    }
}
