//! What to tell of an image file that cannot be opened or looked at.

use std::{io, path::Path};

use nix::libc;

/// The file, what is wrong, and what to do.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.raw_os_error() {
        Some(libc::EMFILE) => format!(
            "`{path}` cannot be opened, too many files are open: raise LimitNOFILE of isomirrord"
        ),
        Some(libc::ENFILE) => {
            format!(
                "`{path}` cannot be opened, too many files are open: raise the sysctl fs.file-max"
            )
        }
        Some(libc::EACCES | libc::EPERM) => {
            format!("`{path}` cannot be opened: give isomirrord permission to read it")
        }
        Some(libc::ENOENT) => {
            format!("`{path}` is a link to a file that does not exist: correct or remove it")
        }
        Some(libc::ELOOP) => format!("`{path}` is a link that leads to itself: remove it"),
        _ => format!("`{path}` cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_names_the_file_and_most_a_remedy() {
        let told = |code| unreadable(Path::new("/a.iso"), &io::Error::from_raw_os_error(code));
        assert_eq!(
            told(libc::EMFILE),
            "`/a.iso` cannot be opened, too many files are open: raise LimitNOFILE of isomirrord"
        );
        assert_eq!(
            told(libc::EACCES),
            "`/a.iso` cannot be opened: give isomirrord permission to read it"
        );
        assert_eq!(told(libc::EIO), "`/a.iso` cannot be read: Input/output error (os error 5)");
    }
}
