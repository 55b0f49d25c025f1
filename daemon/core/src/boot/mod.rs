//! What operating system a medium holds, and how machines boot from it over the network.
//!
//! Decided from the files of its tree, then from its label, never from the name of the image file. Views render what
//! is found here; nothing here knows URLs or scripts.

mod detection;

pub use detection::{
    BootAction, BootEntry, BootMode, Detection, Firmware, Initrd, Repository, RepositoryKind,
    System,
};
