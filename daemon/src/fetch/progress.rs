//! What is told of a transfer while it runs.

/// How far a transfer is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that have arrived, those of earlier attempts among them.
    pub bytes: u64,
    /// Bytes of the whole; `None` while that is not known.
    pub size: Option<u64>,
    /// Bytes a second of the last moments.
    pub speed: u64,
    /// Connections at work.
    pub connections: u64,
    /// Where the bytes come from: hosts, or the path of a directory.
    pub source: Option<String>,
    /// What went wrong last, while the transfer goes on.
    pub trouble: Option<String>,
}
