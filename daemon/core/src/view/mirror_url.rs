//! Where clients reach the mirror, as far as a view has to say it.

use super::escape::segment;
use crate::{config::BaseUrl, http::Host, name::Name};

/// The URL of the web root, without a slash at its end. It is one word to whoever reads it, and no part of it means
/// anything to iPXE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorUrl(String);

impl MirrorUrl {
    /// The URL as the configuration states it.
    #[must_use]
    pub fn of_base(base: &BaseUrl) -> Self {
        Self(base.as_str().to_owned())
    }

    /// The URL of whoever was asked over HTTP.
    #[must_use]
    pub fn of_host(host: &Host) -> Self {
        Self(format!("http://{host}"))
    }

    /// What stands for the URL in a script that finds it out when it runs.
    pub(super) fn of_setting(expansion: &str) -> Self {
        Self(expansion.to_owned())
    }

    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// URL of a medium's tree, without a slash at its end.
    #[must_use]
    pub fn tree(&self, name: &Name) -> String {
        format!("{}/{}", self.0, segment(name.as_str().as_bytes()))
    }

    /// URL of a medium's image.
    #[must_use]
    pub fn image(&self, name: &Name) -> String {
        self.generated(name, ".iso")
    }

    /// URL of the directory in which generated files stand in for some of a tree's, without a slash at its end.
    #[must_use]
    pub fn overlay(&self, name: &Name) -> String {
        self.generated(name, "")
    }

    /// URL of a medium's own menu.
    #[must_use]
    pub fn script(&self, name: &Name) -> String {
        self.generated(name, ".ipxe")
    }

    /// URL of the description of a medium's repositories, with this ending.
    #[must_use]
    pub fn description(&self, name: &Name, ending: &str) -> String {
        self.generated(name, &format!(".{ending}"))
    }

    fn generated(&self, name: &Name, ending: &str) -> String {
        format!("{}/_/{}{ending}", self.0, segment(name.as_str().as_bytes()))
    }
}

/// URL of the file at `path` below `directory`, which has no slash at its end.
#[must_use]
pub fn file_url(directory: &str, path: &str) -> String {
    let mut url = directory.to_owned();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        url.push('/');
        url.extend(segment(name.as_bytes()));
    }
    url
}
