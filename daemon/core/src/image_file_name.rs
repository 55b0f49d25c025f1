//! Which file names in a watched directory are images: by their ending, and not one of the names that programs give
//! to files they are still writing.
//!
//! It must not look at content: a name only makes a file worth looking at.

/// Endings of image files, in lower case.
const IMAGE_ENDINGS: [&str; 3] = [".iso", ".img", ".udf"];

/// Ending of aria2's control file, which lies beside a file for as long as it is incomplete, also while no aria2 runs.
const CONTROL_FILE_ENDING: &str = ".aria2";

/// Whether a file of this name may be an image. Names that are hidden (rsync writes `.NAME.XXXXXX`) or end in
/// anything but an image's ending (`.part`, `.crdownload`, `.filepart`, `.!qB`, `~` and all others) are not.
#[must_use]
pub fn is_image_name(name: &[u8]) -> bool {
    !is_hidden(name) && IMAGE_ENDINGS.iter().any(|ending| ends_in(name, ending))
}

/// Whether a directory of this name is descended into. Hidden ones hold what is not meant to be seen, like a staging
/// area or snapshots; `lost+found` is the file system's own.
#[must_use]
pub fn is_image_directory_name(name: &[u8]) -> bool {
    !is_hidden(name) && name != b"lost+found"
}

/// The name of the file that this one says is incomplete: `a.iso` for `a.iso.aria2`.
#[must_use]
pub fn incomplete_by_control_file(name: &[u8]) -> Option<&[u8]> {
    name.strip_suffix(CONTROL_FILE_ENDING.as_bytes()).filter(|image| is_image_name(image))
}

fn is_hidden(name: &[u8]) -> bool {
    name.starts_with(b".")
}

/// Whether the name ends so, whatever the case, and has a stem before it.
fn ends_in(name: &[u8], ending: &str) -> bool {
    name.len() > ending.len()
        && name[name.len() - ending.len()..].eq_ignore_ascii_case(ending.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_known_by_their_ending_in_any_case() {
        for name in ["a.iso", "A.ISO", "debian-12.5.0.Iso", "x.img", "x.UDF", "ü.iso", "a b.iso"] {
            assert!(is_image_name(name.as_bytes()), "{name}");
        }
        assert!(is_image_name(b"\xff\xfe.iso"), "names need not be UTF-8");
    }

    #[test]
    fn names_of_files_that_are_being_written_are_no_images() {
        let unfinished = [
            "a.iso.part",
            "a.iso.partial",
            "a.iso.tmp",
            "a.iso.crdownload",
            "a.iso.aria2",
            "a.iso.filepart",
            "a.iso.!qB",
            "a.iso~",
            ".a.iso.k3Xz9q",
            ".a.iso",
            ".iso",
            "",
            "iso",
            "a.isoo",
            "a.iso.sha256",
        ];
        for name in unfinished {
            assert!(!is_image_name(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_control_file_names_the_image_that_is_incomplete() {
        assert_eq!(incomplete_by_control_file(b"a.iso.aria2"), Some(&b"a.iso"[..]));
        assert_eq!(incomplete_by_control_file(b"a.tar.aria2"), None);
        assert_eq!(incomplete_by_control_file(b"a.iso"), None);
    }

    #[test]
    fn hidden_directories_are_left_alone() {
        assert!(is_image_directory_name(b"debian"));
        assert!(!is_image_directory_name(b".staging"));
        assert!(!is_image_directory_name(b"lost+found"));
    }
}
