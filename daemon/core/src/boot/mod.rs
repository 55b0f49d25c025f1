//! What operating system a medium holds, and how machines boot from it over the network.
//!
//! Decided from the files of its tree, then from its label, never from the name of the image file. What families
//! there are is data: see [`signature`]. Views render what is found here; nothing here knows URLs or scripts.

pub mod arch;
mod detect;
mod detection;
mod entries;
pub mod facts;
mod glob;
mod image_tree;
mod loaders;
mod look;
mod matching;
pub mod metadata;
mod reading;
mod repositories;
mod sample;
pub mod signature;
mod tree;

pub use detect::{Explanation, Subject, Trial, detect, explain, explain_image};
pub use detection::{
    BootAction, BootEntry, BootMode, Detection, Firmware, Initrd, Repository, RepositoryKind,
    System,
};
pub use look::GaveUp;
pub use sample::SampleTree;
pub use signature::{SignatureFile, Signatures};
pub use tree::{Found, Tree, Unreadable};
