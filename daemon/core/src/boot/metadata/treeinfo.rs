//! `.treeinfo` and `treeinfo` of all generations: before productmd (0.0), `[product]` (0.x), `[release]` (1.x).
//! Written by lorax and productmd, read by anaconda, virt-install and pulp.

use super::ini::Ini;
use crate::boot::facts::Facts;

/// Entries of any list that are taken.
const MOST: usize = 1000;

/// What a treeinfo says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeInfo {
    /// `1.2`, `0.3`, ...; `None` before productmd.
    pub format: Option<String>,
    /// Name of the release.
    pub name: Option<String>,
    /// Version of the release.
    pub version: Option<String>,
    /// Architecture of the tree.
    pub arch: Option<String>,
    /// Variant that the tree was made for; old ones have none.
    pub variant: Option<String>,
    /// When it was made, seconds since 1970.
    pub timestamp: Option<i64>,
    /// Images: platform, key (`kernel`, `initrd`, `boot.iso`, ...) and path below the tree.
    pub images: Vec<(String, String, String)>,
    /// Image of the second stage, below the tree.
    pub second_stage: Option<String>,
    /// Repositories.
    pub variants: Vec<Variant>,
    /// Checksums by path below the tree.
    pub checksums: Vec<(String, Checksum)>,
    /// What is odd, for people.
    pub oddities: Vec<String>,
}

/// A part of a release with packages of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Unique id, like `AppStream`.
    pub id: String,
    /// Name for people.
    pub name: Option<String>,
    /// Where its repository lies, from the tree's root. May legally lead out of the tree, as `../../AppStream`.
    pub repository: Option<String>,
    /// Where its packages lie, likewise.
    pub packages: Option<String>,
}

/// A checksum of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// `sha256`, `sha1`, `md5`, ...; `None` where it is not told and its length fits none.
    pub algorithm: Option<String>,
    /// Lower-case hexadecimal digits as written.
    pub digest: String,
}

impl TreeInfo {
    /// Reads `bytes`.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let ini = Ini::parse(bytes);
        let first = |places: &[(&str, &str)]| {
            places.iter().find_map(|(section, key)| ini.get(section, key)).map(str::to_owned)
        };
        let timestamp = first(&[("tree", "build_timestamp"), ("general", "timestamp")]);
        Self {
            format: first(&[("header", "version")]),
            name: first(&[
                ("release", "name"),
                ("product", "name"),
                ("general", "family"),
                ("general", "name"),
            ]),
            version: first(&[
                ("release", "version"),
                ("product", "version"),
                ("general", "version"),
            ]),
            arch: first(&[("tree", "arch"), ("general", "arch")]),
            variant: first(&[("general", "variant")]),
            timestamp: timestamp.and_then(|text| whole_seconds(&text)),
            images: images(&ini),
            second_stage: first(&[("stage2", "mainimage"), ("stage2", "instimage")])
                .and_then(|path| inside(&path)),
            variants: variants(&ini),
            checksums: checksums(&ini),
            oddities: ini.oddities,
        }
    }

    /// What it tells of the system. The variants that every tree of a family has are no editions.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let edition = self.variant.clone().filter(|variant| {
            !["BaseOS", "AppStream", "minimal", "Minimal"].contains(&variant.as_str())
        });
        let Self { name, version, arch, .. } = self.clone();
        Facts { name, version, arch, edition, codename: None }
    }
}

/// A path below the tree; `None` for one that leads out of it. Old trees wrote paths of the whole mirror, which end
/// with that below `os/`.
fn inside(path: &str) -> Option<String> {
    let path = match path.rsplit_once("/os/") {
        Some((_, below)) => below,
        None => path,
    };
    let path = path.trim_start_matches("./").trim_end_matches('/');
    let is_plain = !path.starts_with('/')
        && !path.contains(char::is_control)
        && path.split('/').all(|name| !matches!(name, "" | "." | ".."));
    is_plain.then(|| path.to_owned())
}

fn whole_seconds(text: &str) -> Option<i64> {
    let whole = text.split('.').next().unwrap_or(text);
    whole.parse().ok()
}

fn images(ini: &Ini) -> Vec<(String, String, String)> {
    let platforms = ini.sections().filter_map(|section| section.strip_prefix("images-"));
    let of_platform = |platform| {
        let section = format!("images-{platform}");
        let images = ini.keys(&section).filter_map(|(key, path)| {
            Some((str::to_owned(platform), key.to_owned(), inside(path)?))
        });
        images.collect::<Vec<_>>()
    };
    platforms.take(MOST).flat_map(of_platform).take(MOST).collect()
}

fn variants(ini: &Ini) -> Vec<Variant> {
    let sections = ini.sections().filter_map(|section| {
        let id = section.strip_prefix("variant-").or_else(|| section.strip_prefix("addon-"))?;
        Some((section, id))
    });
    let variant = |(section, id): (&str, &str)| Variant {
        id: id.to_owned(),
        name: ini.get(section, "name").map(str::to_owned),
        repository: ini.get(section, "repository").map(str::to_owned),
        packages: ini.get(section, "packages").map(str::to_owned),
    };
    sections.take(MOST).map(variant).collect()
}

fn checksums(ini: &Ini) -> Vec<(String, Checksum)> {
    let checksum = |(path, value): (&str, &str)| Some((inside(path)?, Checksum::parse(value)?));
    ini.keys("checksums").filter_map(checksum).take(MOST).collect()
}

impl Checksum {
    /// Reads `type:digest`, or a bare digest, whose length tells its type.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (algorithm, digest) = match text.split_once(':') {
            Some((algorithm, digest)) => (Some(algorithm.trim().to_ascii_lowercase()), digest),
            None => (None, text),
        };
        let digest = digest.trim().to_ascii_lowercase();
        let is_hexadecimal = !digest.is_empty() && digest.bytes().all(|b| b.is_ascii_hexdigit());
        let by_length = || {
            Some(match digest.len() {
                32 => "md5",
                40 => "sha1",
                64 => "sha256",
                96 => "sha384",
                128 => "sha512",
                _ => return None,
            })
        };
        let algorithm = algorithm.or_else(|| by_length().map(str::to_owned));
        is_hexadecimal.then_some(Self { algorithm, digest })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROCKY: &[u8] = b"[header]\ntype = productmd.treeinfo\nversion = 1.2\n\n\
        [release]\nname = Rocky Linux\nshort = Rocky\nversion = 9.6\n\n\
        [tree]\narch = x86_64\nbuild_timestamp = 1748449211\nplatforms = x86_64,xen\nvariants = AppStream,BaseOS\n\n\
        [checksums]\nimages/pxeboot/vmlinuz = sha256:ABCD\n../up = sha256:00\n\n\
        [images-x86_64]\nkernel = images/pxeboot/vmlinuz\ninitrd = images/pxeboot/initrd.img\nboot.iso = /abs\n\n\
        [stage2]\nmainimage = images/install.img\n\n\
        [variant-AppStream]\nid = AppStream\nname = AppStream\nrepository = AppStream\npackages = AppStream/Packages\n\n\
        [variant-BaseOS]\nname = BaseOS\nrepository = ../../BaseOS\n\n\
        [general]\nfamily = Rocky Linux\nversion = 9\narch = x86_64\nvariant = BaseOS\ntimestamp = 1.5\n";

    #[test]
    fn the_current_generation_is_read() {
        let tree = TreeInfo::parse(ROCKY);
        assert_eq!((tree.format.as_deref(), tree.timestamp), (Some("1.2"), Some(1_748_449_211)));
        let facts = tree.facts();
        assert_eq!(facts.name.as_deref(), Some("Rocky Linux"));
        assert_eq!(facts.version.as_deref(), Some("9.6"));
        assert_eq!((facts.arch.as_deref(), facts.edition), (Some("x86_64"), None));
        assert_eq!(tree.second_stage.as_deref(), Some("images/install.img"));
        let images: Vec<_> = tree.images.iter().map(|(_, key, path)| (&**key, &**path)).collect();
        let expected =
            [("kernel", "images/pxeboot/vmlinuz"), ("initrd", "images/pxeboot/initrd.img")];
        assert_eq!(images, expected, "an absolute path is none of the tree's");
        let variants: Vec<_> =
            tree.variants.iter().map(|v| (&*v.id, v.repository.as_deref().unwrap())).collect();
        assert_eq!(variants, [("AppStream", "AppStream"), ("BaseOS", "../../BaseOS")]);
        assert_eq!(tree.checksums.len(), 1);
        assert_eq!(tree.checksums[0].1.digest, "abcd");
    }

    #[test]
    fn older_and_partial_ones_are_read() {
        let old = TreeInfo::parse(
            b"[general]\nfamily = Fedora\ntimestamp = 1228148812.76\nvariant = Fedora\nversion = 10\narch = i386\n\
            [checksums]\nimages/boot.iso = 0123456789012345678901234567890123456789\n",
        );
        assert_eq!((old.format.as_deref(), old.timestamp), (None, Some(1_228_148_812)));
        assert_eq!(old.facts().version.as_deref(), Some("10"));
        assert_eq!(old.checksums[0].1.algorithm.as_deref(), Some("sha1"));
        let product = TreeInfo::parse(
            b"[header]\nversion = 0.3\n[product]\nname = Red Hat Enterprise Linux\nversion = 7.9\n\
            [general]\nfamily = x\nvariant = Server\n",
        );
        assert_eq!(product.facts().name.as_deref(), Some("Red Hat Enterprise Linux"));
        assert_eq!(product.facts().edition.as_deref(), Some("Server"));
        let suse = TreeInfo::parse(b"[release]\nname = openSUSE Leap\nversion = 15.6\n");
        assert_eq!((suse.facts().arch, suse.variants), (None, Vec::new()));
    }

    #[test]
    fn checksums_tell_their_type_or_have_one_by_length() {
        let read = |text: &str| Checksum::parse(text).map(|c| (c.algorithm, c.digest));
        assert_eq!(read("sha256:aa"), Some((Some("sha256".into()), "aa".into())));
        assert_eq!(read("BLAKE9:0f"), Some((Some("blake9".into()), "0f".into())));
        assert_eq!(read(&"A".repeat(32)), Some((Some("md5".into()), "a".repeat(32))));
        assert_eq!(read("abc"), Some((None, "abc".into())));
        assert_eq!(read("sha256:"), None);
        assert_eq!(read("not hexadecimal"), None);
    }

    #[test]
    fn paths_of_a_whole_mirror_are_those_of_the_tree() {
        assert_eq!(inside("x/os/images/boot.iso").as_deref(), Some("images/boot.iso"));
        assert_eq!(inside("./images/"), Some("images".to_owned()));
        for path in ["/a", "a/../b", "..", "", "a//b", "a\0"] {
            assert_eq!(inside(path), None, "{path:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_no_path_leaves_the_tree(cut in 0..ROCKY.len(), noise: Vec<u8>) {
            let bytes = [&ROCKY[..cut], &noise, &ROCKY[cut..]].concat();
            let tree = TreeInfo::parse(&bytes);
            let paths = tree.images.iter().map(|(_, _, path)| path);
            for path in paths.chain(tree.checksums.iter().map(|(path, _)| path)) {
                prop_assert!(!path.starts_with('/') && path.split('/').all(|name| name != ".."));
            }
        }
    }
}
