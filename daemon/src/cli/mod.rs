//! What people and scripts type: the options of `isomirrord`, and the commands of `isomirror` with what they print.
//!
//! A command reads, asks or calls the part that does the work, and prints. It never serves, plans or names anything.
//! Text that comes from a medium is printed escaped: a disc must not be able to write to somebody's terminal.

mod ask_daemon;
mod cat;
mod catalog;
mod config;
mod daemon_options;
mod detected;
mod doctor;
mod eject;
mod escape;
mod failure;
mod fetch;
mod fetch_display;
mod fetch_preview;
mod image_file;
mod inspect;
mod inspection;
mod list;
mod listing;
pub mod mount;
mod mount_helper;
mod options;
mod output;
mod paint;
mod run;
mod status;
mod store_owner;
mod tree_path;
mod udev;
pub mod umount;
mod umount_all;
mod verify;

pub use daemon_options::DaemonOptions;
pub use failure::{CommandError, exit_code, report};
pub use mount_helper::command as mount_helper_command;
pub use options::{CatalogCommand, Command, ConfigCommand, Options};
pub use run::{daemon_main, main};
