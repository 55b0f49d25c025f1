//! The text of a clearsigned message (RFC 9580, 7): what a list says before anybody has checked its signature.

use super::ChecksumListError;

const MESSAGE: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";

/// The lines between the headers and the signature, dash-escapes undone; all lines where `text` is no clearsigned
/// message. What stands before and after the message is nobody's word and is left out.
pub(super) fn clear_text<'a>(lines: &[&'a str]) -> Result<Vec<&'a str>, ChecksumListError> {
    let mut begins = lines.iter().enumerate().filter(|(_, line)| line.trim_end() == MESSAGE);
    let Some((begin, _)) = begins.next() else { return Ok(lines.to_vec()) };
    if begins.next().is_some() {
        return Err(ChecksumListError::ClearSigned);
    }
    let rest = &lines[begin + 1..];
    // Headers (`Hash: SHA512`) end at the first empty line.
    let headers = rest.iter().position(|line| line.trim_end().is_empty());
    let body = headers.map(|end| &rest[end + 1..]).ok_or(ChecksumListError::ClearSigned)?;
    let end = body.iter().position(|line| line.trim_end() == SIGNATURE);
    let body = end.map(|end| &body[..end]).ok_or(ChecksumListError::ClearSigned)?;
    Ok(body.iter().map(|line| line.strip_prefix("- ").unwrap_or(line)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<&str>, ChecksumListError> {
        clear_text(&text.lines().collect::<Vec<_>>())
    }

    #[test]
    fn only_what_is_signed_counts() {
        let text = "before\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\none\n- -two\n\
                    -----BEGIN PGP SIGNATURE-----\nabc\n-----END PGP SIGNATURE-----\nafter\n";
        assert_eq!(read(text).unwrap(), ["one", "-two"]);
        assert_eq!(read("a\nb").unwrap(), ["a", "b"]);
    }

    #[test]
    fn half_a_message_and_two_messages_are_none() {
        let message = "-----BEGIN PGP SIGNED MESSAGE-----\n\none\n-----BEGIN PGP SIGNATURE-----\n";
        for text in [
            "-----BEGIN PGP SIGNED MESSAGE-----\n\none\n".to_owned(),
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256".to_owned(),
            message.repeat(2),
        ] {
            assert!(matches!(read(&text), Err(ChecksumListError::ClearSigned)));
        }
    }
}
