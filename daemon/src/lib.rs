//! isomirror: every effect around the decisions of `isomirror-core`.
//!
//! Sources tell which media there are, the reconciler makes the web root look like it, the server hands the trees
//! out. ARCHITECTURE.md has the figure and the table of who may import whom.

pub mod app;
pub mod backend;
pub mod boot_data;
pub mod catalog;
pub mod cli;
pub mod control;
pub mod data_directories;
pub mod doctor;
pub mod environment;
pub mod fetch;
pub mod image_file;
pub mod instance;
pub mod keeper;
pub mod lanes;
pub mod logging;
pub mod open_medium;
pub mod pace;
pub mod probe;
pub mod reconcile;
pub mod roles;
pub mod serve;
pub mod service;
pub mod settings;
pub mod sources;
pub mod sys;
pub mod tally;
pub mod verified_records;
pub mod verify;
pub mod web_files;
pub mod withheld;
