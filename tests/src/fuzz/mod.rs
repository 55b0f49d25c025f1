//! The bodies of the fuzz targets: each takes any bytes, hands them to a parser, and checks what has to be true of
//! the answer. A panic is a finding, whether it is the parser's or of a check here.
//!
//! They are run over their corpora and mutations of these by the integration tests, and by libFuzzer through the
//! crate in `tests/fuzz`.

pub mod checksum_list;
pub mod el_torito;
pub mod http_head;
pub mod iso9660;
pub mod label;
pub mod listing;
pub mod metalink;
pub mod mountinfo;
pub mod mutate;
pub mod peer_index;
pub mod role_message;
pub mod signature;
pub mod sparse;
pub mod transfer_answer;
pub mod treeinfo;
pub mod udf;
mod walk;
pub mod wim;

/// A target's name, which is that of its corpus, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("checksum_list", checksum_list::run),
    ("el_torito", el_torito::run),
    ("http_head", http_head::run),
    ("iso9660", iso9660::run),
    ("label", label::run),
    ("listing", listing::run),
    ("metalink", metalink::run),
    ("mountinfo", mountinfo::run),
    ("peer_index", peer_index::run),
    ("role_message", role_message::run),
    ("signature", signature::run),
    ("transfer_answer", transfer_answer::run),
    ("treeinfo", treeinfo::run),
    ("udf", udf::run),
    ("wim", wim::run),
];
