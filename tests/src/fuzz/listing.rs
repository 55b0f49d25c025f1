//! Documents by which versions are found: the first byte chooses the method, the rest is the document.

use std::sync::OnceLock;

use isomirror_core::catalog::{CatalogFile, Entry, Url, scan};

const FINDS: [&str; 7] = [
    "{method: dir_index}",
    "{method: html, at: 'https://a.example/d/'}",
    "{method: html, at: 'https://a.example/d/', pattern: 'x-(?P<version>\\d+)\\.iso'}",
    "{method: rss, at: 'https://a.example/d/'}",
    "{method: json, at: 'https://a.example/d/', items: 'a[].b', fields: {url: u, size: s, sha256: h}}",
    "{method: yaml, at: 'https://a.example/d/', items: '[]', fields: {name: n, version: v}}",
    "{method: github_release, repository: o/r, pattern: 'v(?P<version>.*)'}",
];

/// Reads `data`.
///
/// # Panics
/// Where a name could do harm, or an address is none.
pub fn run(data: &[u8]) {
    let Some((choice, document)) = data.split_first() else { return };
    let entries = entries();
    let entry = &entries[usize::from(*choice) % entries.len()];
    let url = Url::try_from("https://a.example/d/".to_owned()).expect("it is a URL");
    let Ok(candidates) = scan(entry, &url, document) else { return };
    assert!(candidates.len() <= document.len() + 1);
    for candidate in candidates {
        if let Some(name) = &candidate.name {
            let name = name.as_str();
            assert!(!name.is_empty() && name.len() <= 200 && !name.starts_with(['.', '-']));
            assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+~-".contains(&b)));
        }
        if let Some(url) = &candidate.url {
            assert_eq!(Url::try_from(url.to_string()).as_ref(), Ok(url));
        }
    }
}

fn entries() -> &'static [Entry] {
    static ENTRIES: OnceLock<Vec<Entry>> = OnceLock::new();
    ENTRIES.get_or_init(|| {
        let entry = |(index, find): (usize, &&str)| {
            format!(
                "  e{index}: {{title: T, distribution: d, edition: e, arch: any, find: {find}, \
                 directories: ['https://a.example/d/'], name: '(?P<version>.+)', trust: unverified}}\n"
            )
        };
        let entries: String = FINDS.iter().enumerate().map(entry).collect();
        let (file, problems) = CatalogFile::parse("x", &format!("schema: 1\nentries:\n{entries}"));
        assert!(problems.is_empty(), "{problems:?}");
        file.entries
    })
}
