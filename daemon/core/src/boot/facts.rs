//! What is known of a system so far. The first who knows something of a field decides it.

use super::{arch, detection::System};

/// Characters of a value; what is longer is cut.
const LONGEST: usize = 120;

/// Fields of a [`System`], as far as they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Name for people.
    pub name: Option<String>,
    /// Version.
    pub version: Option<String>,
    /// Architecture, by whatever name.
    pub arch: Option<String>,
    /// Edition or variant.
    pub edition: Option<String>,
    /// Code name.
    pub codename: Option<String>,
}

impl Facts {
    /// Takes over what `other` knows and this does not. Architectures get the kernel's name, or are none.
    pub fn fill(&mut self, other: Self) {
        let arch = other.arch.and_then(|name| arch::kernel_name(&name)).map(str::to_owned);
        for (mine, others) in [
            (&mut self.name, other.name),
            (&mut self.version, other.version),
            (&mut self.arch, arch),
            (&mut self.edition, other.edition),
            (&mut self.codename, other.codename),
        ] {
            if mine.is_none() {
                *mine = others.as_deref().and_then(clean);
            }
        }
    }

    /// The system of the family `family`, called `name` unless the medium knows better.
    #[must_use]
    pub fn system(self, family: &str, name: &str) -> System {
        let Self { name: own, version, arch, edition, codename } = self;
        let name = own.unwrap_or_else(|| name.to_owned());
        System { family: family.to_owned(), name, version, arch, edition, codename }
    }
}

/// A text of a medium as one short line; `None` where nothing is left of it.
#[must_use]
pub fn clean(text: &str) -> Option<String> {
    let printable = |c: char| if c.is_control() || c.is_whitespace() { ' ' } else { c };
    let line: String = text.chars().take(4 * LONGEST).map(printable).collect();
    let words: Vec<_> = line.split(' ').filter(|word| !word.is_empty()).collect();
    let line: String = words.join(" ").chars().take(LONGEST).collect();
    let line = line.trim_matches(['"', '\'', ' ']);
    (!line.is_empty()).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_who_knows_decides() {
        let mut facts = Facts { version: Some("9.6".to_owned()), ..Facts::default() };
        facts.fill(Facts {
            name: Some(" Rocky\n Linux ".to_owned()),
            version: Some("9".to_owned()),
            arch: Some("AMD64".to_owned()),
            ..Facts::default()
        });
        facts.fill(Facts { arch: Some("unknown".to_owned()), ..Facts::default() });
        let system = facts.system("rhel", "Enterprise Linux");
        assert_eq!(system.name, "Rocky Linux");
        assert_eq!(
            (system.version.as_deref(), system.arch.as_deref()),
            (Some("9.6"), Some("x86_64"))
        );
    }

    #[test]
    fn texts_of_media_become_one_short_line() {
        assert_eq!(clean("\u{1b}[31m\t a \u{0}"), Some("[31m a".to_owned()));
        assert_eq!(clean(" \n\0 "), None);
        assert_eq!(clean("\"\""), None);
        assert_eq!(clean(&"ä".repeat(5000)).unwrap().chars().count(), LONGEST);
    }
}
