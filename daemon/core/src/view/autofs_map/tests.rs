//! What is written is read back by a reader that follows automount's own two passes.

use proptest::prelude::*;

use super::*;
use crate::{medium::Identity, name::sanitise};

/// The first pass: a key and its entry, with all quotes and backslashes.
fn first_pass(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (mut key, mut entry) = (Vec::new(), Vec::new());
    // 0: as it is; 1: a backslash was seen; 2: one character later; 3: in quotes.
    let mut escape = 0;
    let mut in_key = true;
    for byte in line {
        escape = match (escape, byte) {
            (0, b'\\') => 1,
            (0, b'"') | (3, b'!'..=b'~' | b' ' | 0x80..) if escape == 0 || *byte != b'"' => 3,
            (1, _) => 2,
            _ => 0,
        };
        if !in_key {
            entry.push(*byte);
        } else if key.is_empty()
            && (matches!(escape, 1 | 2) || (escape == 0 && b"#*+ ".contains(byte)))
        {
            return None;
        } else if *byte == b' ' && escape == 0 {
            in_key = false;
        } else if escape != 1 {
            if escape == 2 {
                key.push(b'\\');
            }
            key.push(*byte);
        }
    }
    (escape != 3 && key.len() <= 255 && entry.len() <= 4095).then_some((key, entry))
}

/// The expansion of an entry; `None` where something in it has a meaning of its own.
fn expanded(entry: &[u8]) -> Option<Vec<u8>> {
    let (mut read, mut quoted, mut bytes) = (Vec::new(), false, entry.iter());
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if !quoted => read.push(*bytes.next()?),
            b'&' | b'$' if !quoted => return None,
            byte => {
                quoted ^= *byte == b'"';
                read.push(*byte);
            }
        }
    }
    Some(read)
}

/// The last pass over one word; `None` where something in it has a meaning of its own.
fn last_pass(text: &[u8]) -> Option<Vec<u8>> {
    let (mut read, mut quoted, mut bytes) = (Vec::new(), false, text.iter());
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => quoted = !quoted,
            b'\\' if !quoted => read.push(*bytes.next()?),
            // Bytes above 0x7f are negative to it, and less than a blank.
            b' ' | b'*' | 0x80.. if !quoted => return None,
            byte => read.push(*byte),
        }
    }
    (!quoted).then_some(read)
}

/// The words of an entry, as `chunklen` cuts them.
fn words(entry: &[u8]) -> Vec<&[u8]> {
    let (mut words, mut quoted, mut escaped, mut start) = (Vec::new(), false, false, 0);
    for (index, byte) in entry.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if !quoted => escaped = true,
            b'"' => quoted = !quoted,
            b' ' if !quoted => {
                words.push(&entry[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    words.push(&entry[start..]);
    words
}

/// Key, options and location of a line as automount understands it.
fn understood(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let (key, entry) = first_pass(line)?;
    let entry = expanded(&entry)?;
    let [options, location] = words(&entry)[..] else { return None };
    let (options, location) = (options.strip_prefix(b"-")?, location.strip_prefix(b":")?);
    Some((last_pass(&key)?, last_pass(options)?, last_pass(location)?))
}

fn key() -> IdentityKey {
    Identity::Disc { device: 1, sequence: 2, size: 3 }.key()
}

fn rules(options: &BTreeMap<String, String>) -> EntryRules<'_> {
    EntryRules {
        symlinks: SymlinkPolicy::Contained,
        options,
        state_directory: Path::new(USUAL_STATE_DIRECTORY),
    }
}

fn line_of(name: &Name, path: &[u8]) -> Result<Vec<u8>, Unmappable> {
    let mut map = AutofsMap::default();
    let path = Path::new(std::ffi::OsStr::from_bytes(path));
    map.insert(name, key(), path, rules(&BTreeMap::new()))?;
    let text = map.text();
    assert_eq!(AutofsMap::read(&text), map);
    let line = text.strip_prefix(HEADING).unwrap();
    Ok(line.strip_suffix(b"\n").unwrap().to_vec())
}

#[test]
fn hostile_names_and_paths_are_only_characters() {
    let texts = [
        "&",
        "$x",
        "${HOME}",
        "\"",
        "\"\"",
        "\"\"\"",
        "\"q\"",
        "\\",
        "\\\\",
        "a\\",
        "\\\"",
        "\"\\",
        "\"\\\"\\x\"",
        "+x",
        "+",
        "a#b",
        "#c",
        "a b",
        "  a",
        "a ",
        ":/x",
        "a:b",
        "-fstype=ext4",
        "'",
        "日本",
        "\"日\"",
        "{a,b}",
        "!",
        "~",
        "%20",
        "(x|y)",
        "a=b,c",
    ];
    for text in texts {
        for (name, path) in [(text, "/x"), ("x", text)] {
            let name =
                Name::try_from(name.to_owned()).unwrap_or_else(|_| sanitise("safe").unwrap());
            let line = line_of(&name, path.as_bytes()).unwrap();
            let (read, _, location) =
                understood(&line).unwrap_or_else(|| panic!("{text:?}: {line:?}"));
            assert_eq!((read, location), (name.as_str().into(), path.as_bytes().to_vec()));
        }
    }
}

#[test]
fn what_autofs_cannot_hold_is_refused() {
    let name = |text: &str| sanitise(text).unwrap();
    assert_eq!(line_of(&name("*"), b"/x"), Err(Unmappable::Asterisk));
    assert_eq!(line_of(&name("a*b"), b"/x"), Err(Unmappable::Asterisk));
    assert_eq!(line_of(&name(&"\"".repeat(200)), b"/x"), Err(Unmappable::Name));
    assert_eq!(line_of(&name("x"), b"/a\nb"), Err(Unmappable::Path));
    assert_eq!(line_of(&name("x"), &[b'x'; 4096]), Err(Unmappable::Path));
}

#[test]
fn options_are_those_of_the_settings() {
    let options = [("iso9660", "check=relaxed,uid=33"), ("udf", "context=a:b:c:s0")];
    let options = options.map(|(kind, text)| (kind.to_owned(), text.to_owned())).into();
    let rules = EntryRules {
        symlinks: SymlinkPolicy::Off,
        state_directory: Path::new("/srv/state of ours"),
        ..rules(&options)
    };
    let mut map = AutofsMap::default();
    map.insert(&sanitise("A").unwrap(), key(), Path::new("/x"), rules).unwrap();
    let text = map.text();
    let line = text.split(|byte| *byte == b'\n').nth(1).unwrap();
    let options = String::from_utf8(understood(line).unwrap().1).unwrap();
    let expected = format!(
        "fstype=isomirror,ro,nosuid,nodev,noexec,key={},symlinks=off,iso9660.check=relaxed,iso9660.uid=33,\
         udf.context=a:b:c:s0,state=/srv/state of ours",
        key()
    );
    assert_eq!(options, expected);
}

#[test]
fn a_key_whose_medium_changed_leaves_before_it_comes_back() {
    let map = |entries: &[(&str, &str)]| {
        let mut map = AutofsMap::default();
        for (name, path) in entries {
            map.insert(&sanitise(name).unwrap(), key(), Path::new(path), rules(&BTreeMap::new()))
                .unwrap();
        }
        map
    };
    let (current, wanted) =
        (map(&[("A", "/1"), ("B", "/2")]), map(&[("A", "/1"), ("B", "/3"), ("C", "/4")]));
    let first = current.towards(&wanted, |_| true);
    assert_eq!(first, map(&[("A", "/1")]));
    let b = MapKey::of(&sanitise("B").unwrap()).unwrap();
    assert_eq!(first.towards(&wanted, |key| *key == b), map(&[("A", "/1"), ("C", "/4")]));
    assert_eq!(first.towards(&wanted, |_| false), wanted);
}

proptest! {
    #[test]
    fn every_name_and_path_is_read_back_or_refused(
        label in "[\"\\\\&$+#' a-b日é:=,-]{1,40}",
        path in proptest::collection::vec(any::<u8>(), 1..80),
    ) {
        if let Some(name) = sanitise(&label) {
            match line_of(&name, &path) {
                Ok(line) => {
                    let (read, options, location) = understood(&line).unwrap();
                    prop_assert_eq!(read, name.as_str().as_bytes());
                    prop_assert!(options.starts_with(b"fstype=isomirror,"));
                    prop_assert_eq!(location, path);
                }
                Err(Unmappable::Path) => prop_assert!(path.iter().any(u8::is_ascii_control)),
                Err(error) => prop_assert!(false, "{error}"),
            }
        }
    }
}
