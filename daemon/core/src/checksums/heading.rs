//! Headings of lists that have a section for each algorithm: `# SHA512 HASH`, `### SHA256SUMS:`, `md5`.

use crate::digest::Algorithm;

/// Which algorithm the lines of a section are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// One that we know.
    Known(Algorithm),
    /// One that we do not know. Its hashes may be as long as those of another.
    Unknown,
}

/// Words that may stand in a heading beside the algorithm.
const FILLERS: [&str; 16] = [
    "hash",
    "hashes",
    "sum",
    "sums",
    "checksum",
    "checksums",
    "digest",
    "digests",
    "file",
    "files",
    "of",
    "for",
    "the",
    "all",
    "and",
    "list",
];
/// Beginnings of the names of hash functions.
const FAMILIES: [&str; 17] = [
    "md2",
    "md4",
    "md5",
    "md6",
    "sha",
    "b2",
    "b3",
    "blake",
    "crc",
    "rmd",
    "ripemd",
    "whirlpool",
    "tiger",
    "streebog",
    "sm3",
    "xxh",
    "k12",
];
/// Characters of the longest single word that is a heading.
const LONGEST_WORD: usize = 20;

/// The section that begins with `line`, which is known not to be an entry; `None` where it is no heading.
pub(super) fn heading(line: &str) -> Option<Section> {
    let is_comment = line.starts_with('#');
    let words: Vec<_> = line
        .split(|c: char| c.is_whitespace() || matches!(c, '#' | ':' | '=' | '*' | '(' | ')' | ','))
        .filter(|word| word.contains(|c: char| c.is_alphanumeric()))
        .collect();
    let sections: Vec<_> = words.iter().map(|word| algorithm(word)).collect();
    // Wherever an unknown function is named, what follows may be of it.
    if is_comment && sections.contains(&Some(Section::Unknown)) {
        return Some(Section::Unknown);
    }
    let is_filler = |word: &&&str| FILLERS.contains(&word.to_ascii_lowercase().as_str());
    match words.iter().filter(|word| !is_filler(word)).collect::<Vec<_>>()[..] {
        [] => None,
        [word] if is_comment || word.len() <= LONGEST_WORD => match algorithm(word) {
            None if is_comment && words.len() == 1 => None,
            section => Some(section.unwrap_or(Section::Unknown)),
        },
        _ if is_comment || line.ends_with(':') => sections.first().copied().flatten(),
        _ => None,
    }
}

/// The algorithm that `word` is a name of; `None` where it is no name of a hash function.
fn algorithm(word: &str) -> Option<Section> {
    let lower = word.to_ascii_lowercase();
    let name = ["checksums", "checksum", "sums", "sum"]
        .iter()
        .find_map(|suffix| lower.strip_suffix(suffix))
        .unwrap_or(&lower)
        .trim_end_matches(['-', '_']);
    match name.parse() {
        Ok(algorithm) => Some(Section::Known(algorithm)),
        Err(_) => FAMILIES
            .iter()
            .any(|family| name.starts_with(family) && name.len() <= LONGEST_WORD)
            .then_some(Section::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_of_publishers_are_known() {
        for (line, algorithm) in [
            ("# SHA512 HASH", Algorithm::Sha512),
            ("# BLAKE2B HASH", Algorithm::Blake2b),
            ("### SHA256SUMS:", Algorithm::Sha256),
            ("### MD5SUMS:", Algorithm::Md5),
            ("sha512", Algorithm::Sha512),
            ("md5", Algorithm::Md5),
            ("SHA-256 checksums:", Algorithm::Sha256),
            ("# SHA1 HASH", Algorithm::Sha1),
        ] {
            assert_eq!(heading(line), Some(Section::Known(algorithm)), "{line}");
        }
    }

    #[test]
    fn an_unknown_algorithm_is_never_a_known_one() {
        for line in [
            "### B3SUMS:",
            "# BLAKE3 HASH",
            "# the following are BLAKE3 sums",
            "blake3",
            "whirlpool",
            "# WHIRLPOOL HASH",
            "# SHA3-256 HASH",
            "# SHA512/256",
            "### K12SUMS:",
            "novelhash",
            "# NOVEL HASH",
            "blake2s checksums",
        ] {
            assert_eq!(heading(line), Some(Section::Unknown), "{line}");
        }
    }

    #[test]
    fn prose_is_no_heading() {
        for line in [
            "",
            "#",
            "# Checksums:",
            "Hashes of all files",
            "# Rocky-9.5-x86_64-boot.iso: 1285619712 bytes",
            "untrusted comment: verify with openbsd-78-base.pub",
            "RWQ/hzyVtMqMFfmXfGmI7KqLqFQfeYoYrhqJ8kdQpZ8nTbnHjH4nX",
        ] {
            assert_eq!(heading(line), None, "{line}");
        }
    }
}
