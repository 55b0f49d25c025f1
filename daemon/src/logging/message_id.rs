//! Fixed numbers of events that people want to be told of, as the field `MESSAGE_ID` of their entries in the journal.
//!
//! They never change: alerts are built on them. `systemd/isomirror.catalog` explains each to `journalctl -x`.

/// A medium is served.
pub const SERVED: &str = "7c1f0e5a3f6d4b0e9a6d0c1b52e84f31";

/// A medium that was published is gone.
pub const GONE: &str = "2b9d4c7e81a34f6c8e0f5d27a96b13c4";

/// A medium cannot be published.
pub const NOT_PUBLISHED: &str = "e4a86f1d09c5472bb3d7f0285c6e91ab";

/// An image was fetched and verified as its entry promises, and is published.
pub const DOWNLOAD_VERIFIED: &str = "95d3b7e2c0f84a16a1e95c3d7b482f60";

/// An entry cannot be brought up to date; what is kept stays.
pub const DOWNLOAD_HELD: &str = "1fe60c94d7ab4385b2c81d3e6f09a75c";

/// Something speaks against an image: a digest or a signature that is not right, or bytes that changed at rest.
pub const VERIFICATION_FAILED: &str = "c85a2e7f46d14b93802fbe1c9d3075e6";

/// The configuration has errors, and is not taken over.
pub const CONFIGURATION_REFUSED: &str = "38f7d19b5ce24a0f9b6e2c84a1d0735f";

/// The first look at all media is over.
pub const READY: &str = "a0c4e85b7d2f4916bf13d6e95a782c0d";

/// The daemon was told to end.
pub const STOPPING: &str = "6d91f3a4c7be4e508d2a7f16b3e05c98";

/// All of them, with the constants' names.
pub const ALL: [(&str, &str); 9] = [
    ("SERVED", SERVED),
    ("GONE", GONE),
    ("NOT_PUBLISHED", NOT_PUBLISHED),
    ("DOWNLOAD_VERIFIED", DOWNLOAD_VERIFIED),
    ("DOWNLOAD_HELD", DOWNLOAD_HELD),
    ("VERIFICATION_FAILED", VERIFICATION_FAILED),
    ("CONFIGURATION_REFUSED", CONFIGURATION_REFUSED),
    ("READY", READY),
    ("STOPPING", STOPPING),
];

/// Name of the event field that carries them. It is for programs: no text shows it.
pub(super) const FIELD: &str = "message_id";
