//! Detection: the first signature that fits a medium, and what follows from it.

use super::{
    detection::Detection,
    entries::{self, Entries},
    image_tree::ImageTree,
    loaders,
    look::{GaveUp, Look},
    matching::mismatch,
    reading,
    repositories::repositories,
    signature::{Signature, Signatures},
    tree::Tree,
};
use crate::image::{BootCatalog, Image};

/// What a medium says of itself outside of its tree.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// Label of the volume.
    pub label: Option<String>,
    /// System identifier.
    pub system: Option<String>,
    /// Publisher.
    pub publisher: Option<String>,
    /// Application that made it.
    pub application: Option<String>,
    /// Boot catalogue.
    pub catalog: Option<BootCatalog>,
}

/// A detection with the reasons for it.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    /// What was detected.
    pub detection: Detection,
    /// What became of each signature, in the order in which they were tried. Where one fitted, those after it tell
    /// whether they would have.
    pub trials: Vec<Trial>,
    /// Why nothing was detected, though something may be there.
    pub gave_up: Option<GaveUp>,
}

/// What became of one signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Its id.
    pub signature: String,
    /// The file that it comes from.
    pub file: String,
    /// What it failed on; `None` where it fits.
    pub failed_on: Option<String>,
    /// Whether it is the one that holds.
    pub holds: bool,
}

/// What is on `image`, and how it boots. `has_time` is asked before each look at the tree; once it says no, nothing
/// is detected.
///
/// # Errors
/// [`GaveUp`] with the loaders of the boot catalogue, where the medium could not be looked at to the end.
pub fn detect(
    image: &Image,
    signatures: &Signatures,
    has_time: &dyn Fn() -> bool,
) -> (Detection, Option<GaveUp>) {
    let subject = Subject::of(image);
    let look_at = ImageTree(image);
    let look = Look::new(&look_at, has_time);
    let found =
        signatures.iter().map(|(signature, _)| signature).try_fold(None, |found, signature| {
            match found {
                None if mismatch(signature, &subject, &look)?.is_none() => Ok(Some(signature)),
                other => Ok(other),
            }
        });
    conclude(found, &subject, &look)
}

/// As [`detect`], of any tree, with what became of every signature.
pub fn explain(
    tree: &dyn Tree,
    subject: &Subject,
    signatures: &Signatures,
    has_time: &dyn Fn() -> bool,
) -> Explanation {
    let look = Look::new(tree, has_time);
    let mut trials = Vec::new();
    let mut found = None;
    for (signature, file) in signatures.iter() {
        let failed_on = match mismatch(signature, subject, &look) {
            Ok(failed_on) => failed_on,
            Err(gave_up) => {
                let (detection, gave_up) = conclude(Err(gave_up), subject, &look);
                return Explanation { detection, trials, gave_up };
            }
        };
        let holds = failed_on.is_none() && found.is_none();
        if holds {
            found = Some(signature);
        }
        let (signature, file) = (signature.id().to_owned(), file.to_owned());
        trials.push(Trial { signature, file, failed_on, holds });
    }
    let (detection, gave_up) = conclude(Ok(found), subject, &look);
    Explanation { detection, trials, gave_up }
}

/// As [`explain`], of an image.
pub fn explain_image(
    image: &Image,
    signatures: &Signatures,
    has_time: &dyn Fn() -> bool,
) -> Explanation {
    explain(&ImageTree(image), &Subject::of(image), signatures, has_time)
}

impl Subject {
    /// What `image` says.
    #[must_use]
    pub fn of(image: &Image) -> Self {
        let volume = image.volume();
        Self {
            label: volume.label.clone(),
            system: volume.system.clone(),
            publisher: volume.publisher.clone(),
            application: volume.application.clone(),
            catalog: volume.boot.clone(),
        }
    }
}

/// What follows from the signature that fits.
fn conclude(
    found: Result<Option<&Signature>, GaveUp>,
    subject: &Subject,
    look: &Look<'_>,
) -> (Detection, Option<GaveUp>) {
    let concluded = found.and_then(|found| look_closer(found, subject, look));
    match concluded {
        Ok(detection) => (detection, None),
        // What firmware does with the image as a disc is known without its tree.
        Err(gave_up) => {
            let boot = loaders::of_catalog(subject.catalog.as_ref());
            (Detection { boot, ..Detection::default() }, Some(gave_up))
        }
    }
}

fn look_closer(
    found: Option<&Signature>,
    subject: &Subject,
    look: &Look<'_>,
) -> Result<Detection, GaveUp> {
    let programs = loaders::efi_programs(look)?;
    let mut detection = Detection::default();
    if let Some(signature) = found {
        let mut facts = reading::facts(signature, subject, look)?;
        if facts.arch.is_none() {
            facts.arch = loaders::common_arch(&programs).map(str::to_owned);
        }
        let mut system = facts.system(signature.id(), &signature.name);
        let Entries { boot, obstacle_lifted } = entries::entries(signature, &system, look)?;
        if system.arch.is_none() {
            system.arch = entries::common_arch(&boot);
        }
        detection.boot = boot;
        detection.obstacle = signature.obstacle.clone().filter(|_| !obstacle_lifted);
        detection.system = Some(system);
    }
    detection.boot.extend(loaders::of_catalog(subject.catalog.as_ref()));
    detection.boot.extend(programs);
    detection.repositories = repositories(look)?;
    Ok(detection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::{
        sample::SampleTree,
        signature::SignatureFile,
        tree::{Found, Unreadable},
    };

    const DATA: &str = "schema: 1\nsignatures:\n\
        - {id: general, name: G, fallback: true, when: {any: [kernel, other]}}\n\
        - id: installer\n  name: Installer\n  when: {all: .info, none: live/}\n\
        \x20 facts: [{from: label, pattern: '^(?P<version>\\S+)'}]\n\
        \x20 boot: [{arch: x86_64, kernel: kernel}, {arch: aarch64, kernel: kernel}]\n\
        \x20 modes: {http-tree: 'v=${version} u=${tree}', unattended: 'ks=${answers}'}\n\
        - {id: live, name: Live, when: {all: live/, label: '^L'}}\n";

    fn signatures() -> Signatures {
        let file = SignatureFile::parse("test.yaml", DATA).unwrap();
        Signatures::assemble(vec![file], Vec::new()).0
    }

    fn labelled(label: &str) -> Subject {
        Subject { label: Some(label.to_owned()), ..Subject::default() }
    }

    fn explained(tree: &dyn Tree, label: &str) -> Explanation {
        explain(tree, &labelled(label), &signatures(), &|| true)
    }

    #[test]
    fn the_first_that_fits_holds_and_the_others_tell_why_not() {
        let tree = SampleTree::of_files([".info", "kernel"]);
        let told = explained(&tree, "9 x");
        let outcomes: Vec<_> = told
            .trials
            .iter()
            .map(|t| (t.signature.as_str(), t.holds, t.failed_on.as_deref()))
            .collect();
        let expected = [
            ("installer", true, None),
            ("live", false, Some("there is no `live/`")),
            ("general", false, None),
        ];
        assert_eq!(outcomes, expected);
        assert_eq!(told.detection.system.unwrap().version.as_deref(), Some("9"));
    }

    #[test]
    fn a_kernel_for_whatever_machine_is_offered_once() {
        let told = explained(&SampleTree::of_files([".info", "kernel"]), "9 x").detection;
        let archs: Vec<_> = told.boot.iter().map(|entry| entry.arch.as_deref()).collect();
        assert_eq!(archs, [Some("x86_64"); 2], "one a mode");
        let mut tree = SampleTree::of_files([".info"]);
        let mut image = vec![0; 64];
        image[0x38..0x3c].copy_from_slice(b"ARM\x64");
        tree.put("kernel", image);
        let told = explained(&tree, "9 x").detection;
        assert_eq!(
            told.system.unwrap().arch.as_deref(),
            Some("aarch64"),
            "the kernel itself tells"
        );
    }

    #[test]
    fn a_label_writes_no_more_than_a_word_into_a_command_line() {
        let tree = SampleTree::of_files([".info", "kernel"]);
        for (label, expected) in [("9-1 x", 2), ("9;${answers} x", 1), ("9&x", 1)] {
            assert_eq!(explained(&tree, label).detection.boot.len(), expected, "{label}");
        }
    }

    /// A tree that cannot tell whether it has `live`.
    struct Damaged(SampleTree);

    impl Tree for Damaged {
        fn find(&self, path: &str) -> Result<Option<Found>, Unreadable> {
            if path == "live" { Err(Unreadable) } else { self.0.find(path) }
        }

        fn names(
            &self,
            path: &str,
            limit: usize,
            visit: &mut dyn FnMut(&str),
        ) -> Result<(), Unreadable> {
            self.0.names(path, limit, visit)
        }

        fn read(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, Unreadable> {
            self.0.read(path, offset, length)
        }
    }

    #[test]
    fn what_cannot_be_looked_for_is_not_taken_for_absent() {
        let tree = Damaged(SampleTree::of_files([".info", "kernel"]));
        let told = explained(&tree, "9");
        let failed_on: Vec<_> = told.trials.iter().map(|t| t.failed_on.as_deref()).collect();
        let unknown = Some("`live/` cannot be looked for");
        assert_eq!(failed_on, [unknown, unknown, None]);
        assert_eq!(told.detection.system.unwrap().family, "general");
    }

    #[test]
    fn a_look_that_is_given_up_names_nothing() {
        let tree = SampleTree::of_files([".info", "kernel"]);
        let told = explain(&tree, &labelled("9"), &signatures(), &|| false);
        assert_eq!((told.detection, told.gave_up), (Detection::default(), Some(GaveUp::Time)));
    }
}
