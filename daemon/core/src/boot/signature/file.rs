//! A file of signatures.

use serde::Deserialize;

use super::Signature;
pub use crate::config::Problem;

/// Version of the format that is read.
const SCHEMA: u32 = 1;

/// Signatures of a file, in its order.
#[derive(Clone, Debug)]
pub struct SignatureFile {
    /// The file's name without its directory: files are put in the order of their names.
    pub name: String,
    /// What is in it.
    pub signatures: Vec<Signature>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    schema: u32,
    signatures: Vec<Checked>,
}

/// A signature that was checked while its place in the file was still known.
#[derive(Deserialize)]
#[serde(try_from = "Signature")]
struct Checked(Signature);

impl TryFrom<Signature> for Checked {
    type Error = String;

    fn try_from(signature: Signature) -> Result<Self, String> {
        signature.check()?;
        Ok(Self(signature))
    }
}

impl SignatureFile {
    /// Reads the file called `name`.
    ///
    /// # Errors
    /// The first thing that is wrong with it, with its place.
    pub fn parse(name: &str, text: &str) -> Result<Self, Problem> {
        let written: Written =
            serde_yaml::from_str(text).map_err(|error| crate::config::problem(&error))?;
        if written.schema != SCHEMA {
            let message = format!("schema {} is not known: use {SCHEMA}", written.schema);
            return Err(Problem { line: 1, column: 1, message });
        }
        let signatures = written.signatures.into_iter().map(|checked| checked.0).collect();
        Ok(Self { name: name.to_owned(), signatures })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "schema: 1\nsignatures:\n  - id: a\n    name: A\n    when: {all: boot/a}\n";

    fn error(text: &str) -> String {
        SignatureFile::parse("x.yaml", text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        assert_eq!(SignatureFile::parse("x.yaml", GOOD).unwrap().signatures[0].id(), "a");
        for (from, to, expected) in [
            ("schema: 1", "schema: 2", "1:1: schema 2 is not known"),
            ("name: A", "nam: A", "4:5: signatures[0]: unknown field `nam`"),
            ("id: a", "id: A b", "3:9: signatures[0].id: `A b` is not an id"),
            ("boot/a}", "/boot/a}", "5:17: signatures[0].when.all: `/boot/a` is not a path"),
            ("{all: boot/a}", "{none: boot/a}", "signatures: `a`: `when` fits every medium"),
            (
                "{all: boot/a}",
                "{label: '('}",
                "5:19: signatures[0].when.label: `(` is not a regular",
            ),
            ("name: A", "name: A\n    boot: [{kernel: k}]", "`a`: `modes` are"),
            (
                "name: A",
                "name: A\n    boot: [{kernel: k, modes: {http-tree: '${x}'}}]",
                "`a`: `${x}` stands for nothing",
            ),
            (
                "name: A",
                "name: A\n    boot: [{kernel: k, modes: {http-tree: 'ks=${answers}'}}]",
                "`${answers}` belongs into",
            ),
            ("name: A", "name: A\n    boot: [{arch: amd64, kernel: k}]", "`amd64` is not an arch"),
            ("name: A", "name: A\n    boot: [{initrd: k}]", "an `initrd` needs a `kernel`"),
        ] {
            let found = error(&GOOD.replace(from, to));
            assert!(found.contains(expected), "{to}: {found}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(cut in 0..GOOD.len(), noise in "[a-z:{}\\[\\]$*'\", \n-]{0,20}") {
            let _ = SignatureFile::parse("x", &[&GOOD[..cut], &noise, &GOOD[cut..]].concat());
        }
    }
}
