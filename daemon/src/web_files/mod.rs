//! Writes the views of the core as files into the web root, so that other servers answer there as ours does.
//!
//! It decides nothing about their content. It never touches what is not its own: a file is ours if it holds what we
//! wrote, as the record in the state directory says, and whatever anybody changed is theirs from then on. Files are
//! made beside their place and renamed, so that readers find the old text or the new one, and so that `SELinux` gives
//! them the label of the web root.

mod directory;
mod place;
mod record;
mod writer;

pub use writer::WebFiles;
