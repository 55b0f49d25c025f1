//! Which image of another isomirror is the wanted one, by its `/index.json`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::{
    digest::Digest,
    state::{MediumState, Phase},
};

/// Bytes of a name that need no escape in a URL's path.
const UNESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An image that is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Id in the catalog.
    pub id: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Name of its file.
    pub file_name: &'a str,
    /// Bytes, where they are known.
    pub size: Option<u64>,
    /// Digests that it has.
    pub digests: &'a [Digest],
}

/// What a document says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is no list of media.
    NoIndex,
    /// The image is not there.
    Nothing,
    /// It may be at this path below the peer's address, percent-encoded, with a slash at its beginning.
    Image(String),
}

/// Looks for an image in what a peer answered to `/index.json`. Media that a newer peer describes in a way that is not
/// understood are passed over. What is found may be another file all the same: a peer is never trusted.
#[must_use]
pub fn find(document: &[u8], wanted: &Wanted<'_>) -> Found {
    let Ok(Value::Object(mut document)) = serde_json::from_slice(document) else {
        return Found::NoIndex;
    };
    let (Some(Value::Number(_)), Some(Value::Array(media))) =
        (document.remove("schema"), document.remove("media"))
    else {
        return Found::NoIndex;
    };
    let read = |medium| serde_json::from_value::<MediumState>(medium).ok();
    let media: Vec<_> = media.into_iter().filter_map(read).filter(is_there).collect();
    let best = media.iter().filter_map(|medium| Some((likeness(medium, wanted)?, medium)));
    let best = best.max_by_key(|(likeness, _)| *likeness);
    best.map_or(Found::Nothing, |(_, medium)| {
        let name = utf8_percent_encode(medium.name.as_str(), UNESCAPED);
        Found::Image(format!("/_/{name}.iso"))
    })
}

fn is_there(medium: &MediumState) -> bool {
    matches!(medium.state, Phase::Serving | Phase::Mounting | Phase::Blocked)
}

/// How a medium is like the wanted image; `None` where it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    /// Its file has the name, and the size as far as it is known.
    Name,
    /// It has a digest.
    Digest,
}

fn likeness(medium: &MediumState, wanted: &Wanted<'_>) -> Option<Likeness> {
    let known = medium.verified.as_ref().map_or(&[][..], |verified| &verified.digests);
    if wanted.size.is_some_and(|size| size != medium.size) {
        return None;
    }
    for digest in wanted.digests {
        let same = known.iter().find(|known| known.algorithm() == digest.algorithm());
        match same {
            Some(known) if known == digest => return Some(Likeness::Digest),
            Some(_) => return None,
            None => {}
        }
    }
    let paths = std::iter::once(&medium.source.path).chain(&medium.also_at);
    let mut names = paths.filter_map(|path| path.file_name());
    names.any(|name| name == wanted.file_name).then_some(Likeness::Name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn digest(letter: char) -> Digest {
        format!("sha256:{}", letter.to_string().repeat(64)).parse().unwrap()
    }

    fn medium(name: &str, file: &str, size: u64, digest: Option<char>) -> Value {
        let verified = digest.map(|letter| {
            let digests = [self::digest(letter)];
            json!({"trust": "signed-list", "digests": digests, "verified_at": "2026-01-01T00:00:00Z"})
        });
        let mut medium = json!({
            "id": "0123456789abcdef0123456789abcdef", "name": name, "label": name, "uuid": null, "format": "iso9660", "size": size,
            "source": {"kind": "file", "path": file}, "backend": "none", "state": "serving",
            "since": "2026-01-01T00:00:00Z", "url": format!("/{name}/"), "boot": [], "new": true,
        });
        if let Some(verified) = verified {
            medium["verified"] = verified;
        }
        medium
    }

    fn look(media: &[Value], size: Option<u64>, digests: &[Digest]) -> Found {
        let document = json!({"schema": 1, "revision": 5, "media": media, "else": {}});
        let wanted = Wanted { id: "a", version: "1", file_name: "a.iso", size, digests };
        find(document.to_string().as_bytes(), &wanted)
    }

    fn at(path: &str) -> Found {
        Found::Image(path.to_owned())
    }

    #[test]
    fn an_image_is_known_by_its_digest_then_by_its_name_and_size() {
        let media = [
            medium("Named", "a.iso", 7, None),
            medium("The+One_é", "other.iso", 7, Some('a')),
            medium("Other", "a.iso", 7, Some('b')),
        ];
        let a = [digest('a')];
        assert_eq!(look(&media, Some(7), &a), at("/_/The%2BOne_%C3%A9.iso"));
        assert_eq!(look(&media, None, &a), at("/_/The%2BOne_%C3%A9.iso"));
        assert_eq!(look(&media[..1], Some(7), &a), at("/_/Named.iso"));
        assert_eq!(look(&media[..1], Some(8), &a), Found::Nothing);
        assert_eq!(look(&media[2..], Some(7), &a), Found::Nothing, "it is verified to be another");
        assert_eq!(look(&[], Some(7), &a), Found::Nothing);
    }

    #[test]
    fn what_cannot_be_read_or_had_is_passed_over() {
        let mut waiting = medium("Waiting", "a.iso", 7, None);
        waiting["state"] = "waiting".into();
        let mut newer = medium("Newer", "a.iso", 7, None);
        newer["state"] = "levitating".into();
        let hostile = medium("../../etc", "a.iso", 7, None);
        let media = [waiting, newer, hostile, json!(5), medium("Good", "a.iso", 7, None)];
        assert_eq!(look(&media, Some(7), &[]), at("/_/Good.iso"));
        assert_eq!(look(&media[..4], Some(7), &[]), Found::Nothing);
    }

    #[test]
    fn what_is_no_index_is_told_from_one_without_the_image() {
        let wanted = Wanted { id: "a", version: "1", file_name: "a.iso", size: None, digests: &[] };
        for text in ["", "<html>", "[]", "{}", r#"{"media": []}"#, r#"{"schema": 1, "media": 5}"#] {
            assert_eq!(find(text.as_bytes(), &wanted), Found::NoIndex, "{text}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(find(deep.as_bytes(), &wanted), Found::NoIndex);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let wanted =
                Wanted { id: "a", version: "1", file_name: "a.iso", size: None, digests: &[] };
            let _ = find(&bytes, &wanted);
        }
    }
}
