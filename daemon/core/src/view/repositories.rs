//! `/_/NAME.repo` and `/_/NAME.sources`: what package managers need to take packages from a medium.

use std::fmt::Write;

use super::{MirrorUrl, file_url};
use crate::{
    boot::{Repository, RepositoryKind},
    state::MediumState,
};

/// Repositories of one medium that are described; more is no medium.
const MOST: usize = 64;

/// The description for dnf and zypper (`/etc/yum.repos.d`); `None` where the medium has no repository of theirs.
#[must_use]
pub fn rpm_repositories(medium: &MediumState, mirror: &MirrorUrl) -> Option<String> {
    let tree = mirror.tree(&medium.name);
    let mut out = String::new();
    for repository in of_kind(medium, RepositoryKind::Rpm) {
        let (name, title) = (medium.name.as_str(), title(medium));
        // Writing to a String cannot fail.
        let _ = writeln!(out, "[{}]", id(&format!("{name}-{}", repository.id)));
        let _ = writeln!(out, "name={title} - {}", shown(&repository.id));
        let _ = writeln!(out, "baseurl={}/", file_url(&tree, &repository.path));
        out.push_str("enabled=1\n");
        match &repository.key {
            Some(key) => {
                let _ = writeln!(out, "gpgcheck=1\ngpgkey={}\n", file_url(&tree, key));
            }
            None => out.push_str(
                "# The medium has no public key. To have packages verified, get the key of who made them,\n\
                 # name it by gpgkey= and set gpgcheck=1.\n\
                 gpgcheck=0\n\n",
            ),
        }
    }
    finished(out)
}

/// The description for apt (`/etc/apt/sources.list.d`, deb822); `None` where the medium has no repository of its.
#[must_use]
pub fn apt_sources(medium: &MediumState, mirror: &MirrorUrl) -> Option<String> {
    let tree = mirror.tree(&medium.name);
    let mut out = String::new();
    for repository in of_kind(medium, RepositoryKind::Apt) {
        let Some((suite, components)) = suite(repository) else { continue };
        let uri = file_url(&tree, &repository.path);
        match &repository.key {
            Some(key) => {
                let keyring = format!("/etc/apt/keyrings/{}.asc", id(medium.name.as_str()));
                let _ = write!(
                    out,
                    "# First get the medium's key: curl -fo {keyring} {}\n{}Signed-By: {keyring}\n\n",
                    file_url(&tree, key),
                    stanza(medium, &uri, suite, &components),
                );
            }
            None => {
                let _ = write!(
                    out,
                    "# The medium has no public key, and those of Debian no signature: apt takes its packages\n\
                     # unverified. To have them verified, replace the line Trusted by Signed-By and a keyring.\n\
                     {}Trusted: yes\n\n",
                    stanza(medium, &uri, suite, &components),
                );
            }
        }
    }
    finished(out)
}

fn stanza(medium: &MediumState, uri: &str, suite: &str, components: &[&str]) -> String {
    let components = components.join(" ");
    let title = title(medium);
    format!(
        "Types: deb\nX-Repolib-Name: {title}\nURIs: {uri}/\nSuites: {suite}\nComponents: {components}\n"
    )
}

/// The text without the empty line at its end; `None` of an empty one.
fn finished(mut text: String) -> Option<String> {
    text.pop()?;
    Some(text)
}

fn of_kind(medium: &MediumState, kind: RepositoryKind) -> impl Iterator<Item = &Repository> {
    let all = medium.detection.repositories.iter().take(MOST);
    all.filter(move |repository| repository.kind == kind)
}

/// Suite and components, if they are words that apt takes for such.
fn suite(repository: &Repository) -> Option<(&str, Vec<&str>)> {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphanumeric())
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
            && !word.ends_with('/')
    };
    let mut words = repository.suite.iter().map(String::as_str);
    let suite = words.next().filter(|word| is_word(word))?;
    let components: Vec<&str> = words.filter(|word| is_word(word)).collect();
    (!components.is_empty()).then_some((suite, components))
}

/// What is in the medium, for people, in one line and without what dnf takes for a variable.
fn title(medium: &MediumState) -> String {
    let system = medium.detection.system.as_ref();
    let parts = system.map(|system| {
        let parts = [Some(&system.name), system.version.as_ref(), system.arch.as_ref()];
        parts.into_iter().flatten().map(|part| shown(part)).collect::<Vec<_>>().join(" ")
    });
    parts.filter(|title| !title.trim().is_empty()).unwrap_or_else(|| shown(medium.name.as_str()))
}

fn shown(text: &str) -> String {
    let sign = |character: char| match character {
        _ if character.is_control() || character.is_whitespace() => ' ',
        '$' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '_',
        _ => character,
    };
    text.chars().take(200).map(sign).collect()
}

/// A text as an id of a repository, and as a file name.
pub(super) fn id(text: &str) -> String {
    let sign = |character: char| match character {
        _ if character.is_ascii_alphanumeric() || "-._".contains(character) => character,
        _ => '-',
    };
    text.chars().map(sign).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        boot::{Detection, System},
        http::Host,
        view::document::tests::medium,
    };

    fn mirror() -> MirrorUrl {
        MirrorUrl::of_host(&Host::parse(b"m").unwrap())
    }

    fn repository(kind: RepositoryKind, id: &str, path: &str, key: Option<&str>) -> Repository {
        Repository {
            id: id.into(),
            kind,
            path: path.into(),
            key: key.map(str::to_owned),
            suite: ["bookworm", "main", "contrib"].map(str::to_owned).to_vec(),
        }
    }

    fn with(repositories: Vec<Repository>) -> MediumState {
        let system = System {
            name: "Rocky $Linux".into(),
            version: Some("9.6".into()),
            ..System::default()
        };
        let system = Some(system);
        MediumState {
            detection: Detection { system, repositories, ..Detection::default() },
            ..medium("Rocky 9~ü")
        }
    }

    #[test]
    fn dnf_gets_a_section_for_each_repository() {
        let medium = with(vec![
            repository(RepositoryKind::Rpm, "BaseOS", "BaseOS", Some("RPM-GPG-KEY a")),
            repository(RepositoryKind::Rpm, "all", "", None),
            repository(RepositoryKind::Apt, "no", "", None),
        ]);
        assert_eq!(
            rpm_repositories(&medium, &mirror()).unwrap(),
            "[Rocky_9---BaseOS]\nname=Rocky _Linux 9.6 - BaseOS\n\
             baseurl=http://m/Rocky_9~%C3%BC/BaseOS/\nenabled=1\ngpgcheck=1\n\
             gpgkey=http://m/Rocky_9~%C3%BC/RPM-GPG-KEY%20a\n\n\
             [Rocky_9---all]\nname=Rocky _Linux 9.6 - all\nbaseurl=http://m/Rocky_9~%C3%BC/\nenabled=1\n\
             # The medium has no public key. To have packages verified, get the key of who made them,\n\
             # name it by gpgkey= and set gpgcheck=1.\ngpgcheck=0\n"
        );
        assert_eq!(rpm_repositories(&with(Vec::new()), &mirror()), None);
    }

    #[test]
    fn apt_gets_a_stanza_for_each_repository() {
        let medium = with(vec![
            repository(RepositoryKind::Apt, "a", "", None),
            repository(RepositoryKind::Apt, "b", "b", Some("key.asc")),
        ]);
        assert_eq!(
            apt_sources(&medium, &mirror()).unwrap(),
            "# The medium has no public key, and those of Debian no signature: apt takes its packages\n\
             # unverified. To have them verified, replace the line Trusted by Signed-By and a keyring.\n\
             Types: deb\nX-Repolib-Name: Rocky _Linux 9.6\nURIs: http://m/Rocky_9~%C3%BC/\n\
             Suites: bookworm\nComponents: main contrib\nTrusted: yes\n\n\
             # First get the medium's key: curl -fo /etc/apt/keyrings/Rocky_9--.asc \
             http://m/Rocky_9~%C3%BC/key.asc\n\
             Types: deb\nX-Repolib-Name: Rocky _Linux 9.6\nURIs: http://m/Rocky_9~%C3%BC/b/\n\
             Suites: bookworm\nComponents: main contrib\nSigned-By: /etc/apt/keyrings/Rocky_9--.asc\n"
        );
        assert_eq!(rpm_repositories(&medium, &mirror()), None);
    }

    fn keys(text: &str) -> Vec<String> {
        let key = |line: &str| line.split(['=', ':', ' ']).next().unwrap().to_owned();
        text.lines()
            .map(|line| if line.starts_with('[') { "[".to_owned() } else { key(line) })
            .collect()
    }

    proptest! {
        #[test]
        fn no_text_of_a_medium_adds_a_line(text in any::<String>(), line in "(\n|\r|\\[x\\]|Trusted: yes|gpgcheck=0| ){0,4}") {
            let text = format!("{text}{line}{text}");
            for kind in [RepositoryKind::Rpm, RepositoryKind::Apt] {
                let describe = |text: &str| {
                    let mut medium = with(vec![repository(kind, text, text, Some(text))]);
                    medium.detection.system.as_mut().unwrap().name = text.to_owned();
                    let described = [rpm_repositories(&medium, &mirror()), apt_sources(&medium, &mirror())];
                    described.map(|text| text.map(|text| keys(&text)))
                };
                prop_assert_eq!(describe(&text), describe("plain"));
            }
            let mut medium = with(vec![repository(RepositoryKind::Apt, "a", "", None)]);
            medium.detection.repositories[0].suite[0] = text;
            let sources = apt_sources(&medium, &mirror());
            prop_assert!(sources.is_none_or(|text| text.lines().count() == 8));
        }
    }
}
