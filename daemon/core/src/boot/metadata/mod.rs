//! Readers of what media say of themselves in files. Each takes bytes that anyone may have written and gives values;
//! none fails, for what cannot be read is merely not known.

pub mod alpine;
pub mod arch_linux;
pub mod debian;
pub mod disc_info;
pub mod esxi;
pub mod freebsd;
pub mod ini;
pub mod media_repo;
pub mod suse;
pub mod treeinfo;
pub mod wim;
