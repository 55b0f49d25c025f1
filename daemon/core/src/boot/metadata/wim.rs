//! Windows Imaging files (`sources/install.wim`): the header tells where an XML document lies that describes the
//! images in the file ("Windows Imaging File Format", Microsoft 2007; also of `.esd` and `.swm`).

use crate::boot::facts::Facts;

/// Bytes of the header.
pub const HEADER: usize = 208;

/// Bytes of XML that are read. Those of Microsoft's media have some hundred thousand.
pub const MOST_XML: u64 = 2 << 20;

/// Images of one file that are looked at.
const MOST_IMAGES: usize = 100;

/// Where the XML lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XmlPlace {
    /// Byte offset.
    pub offset: u64,
    /// Bytes, at most [`MOST_XML`].
    pub length: usize,
}

/// Where the header says that the XML is; `None` where it is no header, or the XML is compressed or too long.
#[must_use]
pub fn xml_place(header: &[u8]) -> Option<XmlPlace> {
    const XML: usize = 72;
    const COMPRESSED: u64 = 0x04;
    if !header.starts_with(b"MSWIM\0\0\0") || header.len() < HEADER {
        return None;
    }
    let number = |at: usize| header[at..at + 8].try_into().map(u64::from_le_bytes).ok();
    // A resource is told by its length in 7 bytes with flags in the eighth, its offset, and its uncompressed length.
    let length = number(XML)?;
    let (flags, length) = (length >> 56, length & 0x00ff_ffff_ffff_ffff);
    if flags & COMPRESSED != 0 || length == 0 || length > MOST_XML {
        return None;
    }
    Some(XmlPlace { offset: number(XML + 8)?, length: usize::try_from(length).ok()? })
}

/// What the XML, in UTF-16 little endian, tells of the system. Images of several editions have the beginning of their
/// names in common, and no edition.
#[must_use]
pub fn facts(xml: &[u8]) -> Facts {
    let units = xml.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect();
    let images: Vec<_> = elements(&text, "IMAGE").take(MOST_IMAGES).collect();
    let Some(first) = images.first() else { return Facts::default() };
    let names: Vec<_> = images
        .iter()
        .filter_map(|image| elements(image, "DISPLAYNAME").chain(elements(image, "NAME")).next())
        .map(unescaped)
        .collect();
    let edition = elements(first, "EDITIONID").next().filter(|_| images.len() == 1);
    Facts {
        name: common_words(&names),
        version: version(first),
        arch: elements(first, "ARCH").next().and_then(arch).map(str::to_owned),
        edition: edition.map(unescaped),
        codename: None,
    }
}

/// What stands between the tags of every element `name` in `text`, in order.
fn elements<'t>(text: &'t str, name: &str) -> impl Iterator<Item = &'t str> {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let after = &rest[rest.find(&open)? + open.len()..];
            let tag_end = after.find('>')?;
            let (tag, inner) = (&after[..tag_end], &after[tag_end + 1..]);
            rest = inner;
            // Else another element whose name begins alike, or an empty one.
            let is_it = tag.is_empty() || tag.starts_with(char::is_whitespace);
            if is_it && !tag.ends_with('/') {
                let end = inner.find(&close)?;
                rest = &inner[end + close.len()..];
                return Some(inner[..end].trim());
            }
        }
    })
}

/// Version and build of the image `xml`.
fn version(xml: &str) -> Option<String> {
    let version = elements(xml, "VERSION").next()?;
    let number =
        |name| elements(version, name).next().filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
    Some(format!("{}.{}.{}", number("MAJOR")?, number("MINOR")?, number("BUILD")?))
}

/// The architecture by its number in the Windows API (`PROCESSOR_ARCHITECTURE_*`).
fn arch(number: &str) -> Option<&'static str> {
    Some(match number {
        "0" => "i686",
        "5" => "armv7l",
        "6" => "ia64",
        "9" => "x86_64",
        "12" => "aarch64",
        _ => return None,
    })
}

/// The words that all `names` begin with; where they have none in common the first name.
fn common_words(names: &[String]) -> Option<String> {
    let first: Vec<_> = names.first()?.split_whitespace().collect();
    let common = names.iter().fold(first.len(), |common, name| {
        let alike = first.iter().zip(name.split_whitespace()).take_while(|(a, b)| *a == b);
        common.min(alike.count())
    });
    Some(if common == 0 { first.join(" ") } else { first[..common].join(" ") })
}

fn unescaped(text: &str) -> String {
    let mut text = text.to_owned();
    for (entity, character) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
    {
        text = text.replace(entity, character);
    }
    text
}

/// A file with nothing in it but a header and the description `xml`, for tests.
#[must_use]
pub fn sample(xml: &str) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(xml.encode_utf16());
    let xml: Vec<_> = units.flat_map(u16::to_le_bytes).collect();
    let mut file = vec![0; HEADER];
    file[..8].copy_from_slice(b"MSWIM\0\0\0");
    file[8] = 208;
    file[72..80].copy_from_slice(&(xml.len() as u64).to_le_bytes());
    file[80..88].copy_from_slice(&(HEADER as u64).to_le_bytes());
    file[88..96].copy_from_slice(&(xml.len() as u64).to_le_bytes());
    file.extend(xml);
    file
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn image(name: &str, edition: &str) -> String {
        format!(
            "<IMAGE INDEX=\"1\"><NAMES/><NAME>{name}</NAME><WINDOWS><ARCH>9</ARCH><EDITIONID>{edition}</EDITIONID>\
            <VERSION><MAJOR>10</MAJOR><MINOR>0</MINOR><BUILD>26100</BUILD><SPBUILD>1</SPBUILD></VERSION></WINDOWS></IMAGE>"
        )
    }

    fn read(xml: &str) -> Facts {
        let file = sample(xml);
        let place = xml_place(&file[..HEADER]).unwrap();
        let start = usize::try_from(place.offset).unwrap();
        facts(&file[start..start + place.length])
    }

    #[test]
    fn one_image_tells_its_edition() {
        let facts = read(&format!(
            "<WIM>{}</WIM>",
            image("Windows Server 2025 &amp; more", "ServerStandard")
        ));
        assert_eq!(facts.name.as_deref(), Some("Windows Server 2025 & more"));
        assert_eq!(facts.version.as_deref(), Some("10.0.26100"));
        assert_eq!(
            (facts.arch.as_deref(), facts.edition.as_deref()),
            (Some("x86_64"), Some("ServerStandard"))
        );
    }

    #[test]
    fn many_images_tell_what_they_have_in_common() {
        let images = [image("Windows 11 Home", "Core"), image("Windows 11 Pro", "Professional")];
        let facts = read(&format!("<WIM>{}</WIM>", images.concat()));
        assert_eq!((facts.name.as_deref(), facts.edition), (Some("Windows 11"), None));
    }

    #[test]
    fn a_header_that_is_none_or_leads_too_far_is_not_followed() {
        let mut header = sample("<WIM/>");
        header.truncate(HEADER);
        assert!(xml_place(&header).is_some());
        assert_eq!(xml_place(&header[..100]), None);
        let mut compressed = header.clone();
        compressed[79] = 0x04;
        assert_eq!(xml_place(&compressed), None);
        let mut long = header.clone();
        long[76] = 1;
        assert_eq!(xml_place(&long), None);
        header[0] = b'X';
        assert_eq!(xml_place(&header), None);
    }

    proptest! {
        #[test]
        fn no_header_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), magic: bool) {
            let mut bytes = bytes;
            if magic {
                bytes.splice(0..8.min(bytes.len()), *b"MSWIM\0\0\0");
            }
            if let Some(place) = xml_place(&bytes) {
                prop_assert!(place.length as u64 <= MOST_XML);
            }
        }

        #[test]
        fn no_xml_panics(xml in "(<IMAGE|</IMAGE>|<NAME>|</NAME>|<NAME/>|<VERSION>|>|é|&amp;|[a-z <]){0,40}") {
            let units: Vec<_> = xml.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let _ = facts(&units);
        }
    }
}
