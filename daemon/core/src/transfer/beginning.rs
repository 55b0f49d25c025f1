//! What the first bytes of a transfer tell: whether they can be an image at all.

use super::answer::Rejection;

/// Bytes that are looked at before any is written: they hold the first volume descriptor of ISO 9660.
pub const LENGTH: usize = 34 << 10;
/// Where the identifier of the first volume descriptor is (ECMA-119 section 8.1: sector 16, byte 1).
const IDENTIFIER: usize = 0x8001;
const CD001: &[u8] = b"CD001";

/// What is wrong with a file that begins with `bytes`: all of it, or at least [`LENGTH`]. `is_iso` tells that it has to
/// be an ISO 9660 image, neither compressed nor UDF alone.
#[must_use]
pub fn rejection(bytes: &[u8], is_iso: bool) -> Option<Rejection> {
    if is_iso && bytes.get(IDENTIFIER..IDENTIFIER + CD001.len()) == Some(CD001) {
        return None;
    }
    if is_markup(bytes) {
        return Some(Rejection::WebPage);
    }
    is_iso.then_some(Rejection::NotAnImage)
}

/// Whether a text in angle brackets begins here. No kind of image begins with one.
fn is_markup(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut rest = bytes.trim_ascii_start().iter();
    let second = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'!' | b'?');
    rest.next() == Some(&b'<') && rest.next().is_some_and(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_told_from_a_page() {
        let mut image = vec![0; LENGTH];
        assert_eq!(rejection(&image, true), Some(Rejection::NotAnImage));
        assert_eq!(rejection(&image, false), None);
        image[IDENTIFIER..IDENTIFIER + 5].copy_from_slice(CD001);
        assert_eq!(rejection(&image, true), None);
        // A boot sector may hold any byte.
        image[..2].copy_from_slice(b"<a");
        assert_eq!(rejection(&image, true), None);
        for page in ["<!DOCTYPE html>", "\u{feff}\n <html>", "<?xml version"] {
            assert_eq!(rejection(page.as_bytes(), true), Some(Rejection::WebPage), "{page}");
            assert_eq!(rejection(page.as_bytes(), false), Some(Rejection::WebPage), "{page}");
        }
        assert_eq!(rejection(b"", true), Some(Rejection::NotAnImage));
        assert_eq!(rejection(b"< 5", false), None);
    }
}
