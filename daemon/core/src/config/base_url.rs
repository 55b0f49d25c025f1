//! The address under which clients reach the server, where it is not the one they asked.

use serde::Serialize;

use super::text::deserialize_from_text;

/// An `http` or `https` URL with a host and without query, fragment, or slash at its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub struct BaseUrl(String);

deserialize_from_text!(BaseUrl);

/// A text that cannot be the base of our URLs.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a base URL: write it like `https://mirror.example/images`", .0.escape_debug())]
pub struct InvalidBaseUrl(String);

impl BaseUrl {
    /// The URL, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = InvalidBaseUrl;

    fn try_from(text: String) -> Result<Self, InvalidBaseUrl> {
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let host = rest.map(|rest| rest.split('/').next().unwrap_or(rest));
        // What RFC 3986 does not allow in a URL at all, and the two parts that nothing can be appended to.
        let allowed = |b: u8| b.is_ascii_graphic() && !b"\"<>\\^`{|}?#".contains(&b);
        if host.is_none_or(str::is_empty) || !text.bytes().all(allowed) {
            return Err(InvalidBaseUrl(text));
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl From<BaseUrl> for String {
    fn from(url: BaseUrl) -> Self {
        url.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_that_a_path_can_be_appended_to_are_taken() {
        for (text, expected) in [
            ("http://mirror.example", Some("http://mirror.example")),
            ("https://mirror.example:8443/images/", Some("https://mirror.example:8443/images")),
            ("http://[::1]:8080", Some("http://[::1]:8080")),
            ("mirror.example", None),
            ("ftp://mirror.example", None),
            ("http://", None),
            ("http:///images", None),
            ("http://mirror.example/?a", None),
            ("http://mirror.example/#a", None),
            ("http://mirror.example/<script>", None),
            ("http://mirror.example/a b", None),
        ] {
            let url = BaseUrl::try_from(text.to_owned()).ok();
            assert_eq!(url.as_ref().map(BaseUrl::as_str), expected, "{text}");
        }
    }
}
