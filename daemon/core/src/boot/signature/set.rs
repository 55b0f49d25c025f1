//! All signatures, in the order in which they are tried.

use std::collections::HashSet;

use super::{Signature, SignatureFile};

/// Signatures in the order in which they are tried, each with the file that it comes from.
#[derive(Clone, Debug, Default)]
pub struct Signatures {
    entries: Vec<(Signature, String)>,
}

impl Signatures {
    /// Puts signatures together: files by their names, fallbacks after all others. A file of `own` takes the place of
    /// a file of `shipped` with the same name, and a signature of `own` that of one with the same id, where that
    /// stands. What cannot be taken is told, each a phrase for people.
    #[must_use]
    pub fn assemble(shipped: Vec<SignatureFile>, own: Vec<SignatureFile>) -> (Self, Vec<String>) {
        let names: HashSet<_> = own.iter().map(|file| file.name.clone()).collect();
        let is_replaced = |file: &SignatureFile| names.contains(&file.name);
        let mut files: Vec<_> = shipped
            .into_iter()
            .filter(|file| !is_replaced(file))
            .map(|file| (file, false))
            .collect();
        files.extend(own.into_iter().map(|file| (file, true)));
        files.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        let mut problems = Vec::new();
        let mut entries: Vec<(Signature, String, bool)> = Vec::new();
        for (file, is_own) in files {
            for signature in file.signatures {
                let taken = entries.iter_mut().find(|(other, ..)| other.id == signature.id);
                match taken {
                    None => entries.push((signature, file.name.clone(), is_own)),
                    // The other one is ours, and either stands before or after; the user's holds in its place.
                    Some(entry) if is_own && !entry.2 => {
                        *entry = (signature, file.name.clone(), is_own);
                    }
                    Some(entry) if !is_own && entry.2 => {}
                    Some(entry) => problems.push(format!(
                        "the signature `{}` of `{}` is in `{}` already: give it another id",
                        signature.id, file.name, entry.1
                    )),
                }
            }
        }
        entries.sort_by_key(|(signature, ..)| signature.fallback);
        let entries = entries.into_iter().map(|(signature, file, _)| (signature, file)).collect();
        (Self { entries }, problems)
    }

    /// All signatures with the names of their files.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Signature, &str)> {
        self.entries.iter().map(|(signature, file)| (signature, file.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, ids: &[&str]) -> SignatureFile {
        let signature = |id: &&str| {
            let fallback = id.starts_with("fallback");
            format!("- {{id: {id}, name: {name}, fallback: {fallback}, when: {{all: x}}}}\n")
        };
        let signatures: String = ids.iter().map(signature).collect();
        let text = format!("schema: 1\nsignatures:\n{signatures}");
        SignatureFile::parse(name, &text).unwrap()
    }

    fn assembled(shipped: Vec<SignatureFile>, own: Vec<SignatureFile>) -> (Vec<String>, usize) {
        let (signatures, problems) = Signatures::assemble(shipped, own);
        let told = signatures.iter().map(|(signature, file)| format!("{} {file}", signature.id()));
        (told.collect(), problems.len())
    }

    #[test]
    fn files_stand_by_their_names_and_fallbacks_last() {
        let shipped = vec![file("99", &["fallback-a"]), file("10", &["fallback-b", "b"])];
        let (order, problems) = assembled(shipped, vec![file("z", &["c"]), file("05", &["d"])]);
        assert_eq!(order, ["d 05", "b 10", "c z", "fallback-b 10", "fallback-a 99"]);
        assert_eq!(problems, 0);
    }

    #[test]
    fn the_users_own_replace_what_is_shipped_by_file_and_by_id() {
        let shipped = || vec![file("10", &["a", "b"]), file("20", &["c"])];
        let (order, _) = assembled(shipped(), vec![file("10", &["x"])]);
        assert_eq!(order, ["x 10", "c 20"]);
        let (order, problems) = assembled(shipped(), vec![file("90", &["a", "y"])]);
        assert_eq!(
            (order, problems),
            (vec!["a 90".into(), "b 10".into(), "c 20".into(), "y 90".into()], 0)
        );
        let (order, problems) = assembled(shipped(), vec![file("05", &["b"])]);
        assert_eq!((order, problems), (vec!["b 05".into(), "a 10".into(), "c 20".into()], 0));
    }

    #[test]
    fn one_id_twice_is_told() {
        let (order, problems) = assembled(vec![file("10", &["a"]), file("20", &["a"])], Vec::new());
        assert_eq!((order, problems), (vec!["a 10".to_owned()], 1));
    }
}
