//! Media types of the files that install media hold.

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";

/// The media type of a file by its name. What is not known to be something else is plain bytes: a wrong guess would
/// make a browser show, or a proxy rewrite, what an installer needs unchanged. Compressed files never get a
/// `Content-Encoding`; they are what was asked for.
#[must_use]
pub fn media_type(name: &[u8]) -> &'static str {
    if is_text_by_name(name) {
        return TEXT;
    }
    let Some(dot) = name.iter().rposition(|byte| *byte == b'.') else { return BYTES };
    let mut extension = [0; 10];
    let letters = &name[dot + 1..];
    let Some(lower) = extension.get_mut(..letters.len()) else { return BYTES };
    lower.copy_from_slice(letters);
    lower.make_ascii_lowercase();
    by_extension(lower)
}

/// Files without a telling extension that package managers and people read as text.
fn is_text_by_name(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 21] = [
        b".treeinfo",
        b"treeinfo",
        b".discinfo",
        b"Release",
        b"InRelease",
        b"Packages",
        b"Sources",
        b"Contents",
        b"COPYING",
        b"LICENSE",
        b"EULA",
        b"GPL",
        b"CHECKSUM",
        b"MD5SUMS",
        b"SHA1SUMS",
        b"SHA256SUMS",
        b"SHA512SUMS",
        b"media.1",
        b"content",
        b"CHECKSUMS",
        b"NEWS",
    ];
    NAMES.contains(&name)
        || [&b"README"[..], b"RPM-GPG-KEY", b"Contents-"]
            .iter()
            .any(|start| name.starts_with(start) && !name.ends_with(b"gz"))
            && !name.ends_with(b".html")
}

fn by_extension(extension: &[u8]) -> &'static str {
    match extension {
        b"txt" | b"cfg" | b"conf" | b"ks" | b"ipxe" | b"ini" | b"log" | b"md" | b"repo"
        | b"seed" | b"inf" | b"info" | b"list" | b"sum" | b"md5" | b"sha1" | b"sha256"
        | b"sha512" | b"sources" | b"asc" | b"py" | b"sh" | b"msg" | b"diz" => TEXT,
        b"html" | b"htm" => "text/html; charset=utf-8",
        b"css" => "text/css; charset=utf-8",
        b"js" | b"mjs" => "text/javascript; charset=utf-8",
        b"json" => "application/json",
        b"xml" => "application/xml",
        b"yaml" | b"yml" => "application/yaml",
        b"svg" => "image/svg+xml",
        b"png" => "image/png",
        b"jpg" | b"jpeg" => "image/jpeg",
        b"gif" => "image/gif",
        b"ico" => "image/vnd.microsoft.icon",
        b"webp" => "image/webp",
        b"pdf" => "application/pdf",
        b"iso" => "application/x-iso9660-image",
        b"deb" | b"udeb" => "application/vnd.debian.binary-package",
        b"rpm" | b"drpm" => "application/x-rpm",
        b"gz" | b"tgz" => "application/gzip",
        b"bz2" => "application/x-bzip2",
        b"xz" | b"txz" => "application/x-xz",
        b"zst" => "application/zstd",
        b"zip" => "application/zip",
        b"tar" => "application/x-tar",
        b"cab" => "application/vnd.ms-cab-compressed",
        b"gpg" | b"sig" => "application/pgp-signature",
        b"jar" => "application/java-archive",
        b"woff2" => "font/woff2",
        _ => BYTES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_install_media_have_the_types_that_mirrors_give_them() {
        for (name, expected) in [
            ("netinst.iso", "application/x-iso9660-image"),
            ("SETUP.ISO", "application/x-iso9660-image"),
            ("README", TEXT),
            ("README.diskdefines", TEXT),
            ("README.html", "text/html; charset=utf-8"),
            ("readme.txt", TEXT),
            (".treeinfo", TEXT),
            ("Release", TEXT),
            ("Release.gpg", "application/pgp-signature"),
            ("Packages", TEXT),
            ("Packages.gz", "application/gzip"),
            ("Contents-amd64", TEXT),
            ("Contents-amd64.gz", "application/gzip"),
            ("RPM-GPG-KEY-fedora", TEXT),
            ("repomd.xml", "application/xml"),
            ("primary.xml.gz", "application/gzip"),
            ("primary.xml.zst", "application/zstd"),
            ("packages.tar.xz", "application/x-xz"),
            ("bash_5.2-2_amd64.deb", "application/vnd.debian.binary-package"),
            ("bash-5.2.x86_64.rpm", "application/x-rpm"),
            ("bootx64.efi", BYTES),
            ("install.img", BYTES),
            ("vmlinuz", BYTES),
            ("initrd", BYTES),
            ("menu.ipxe", TEXT),
            ("index.html", "text/html; charset=utf-8"),
            ("install.wim", BYTES),
            ("", BYTES),
            (".", BYTES),
            ("a.", BYTES),
            ("a.extensionthatislong", BYTES),
        ] {
            assert_eq!(media_type(name.as_bytes()), expected, "{name}");
        }
        assert_eq!(media_type(b"\xff.\xff"), BYTES);
    }
}
