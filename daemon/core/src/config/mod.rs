//! The configuration: its types, defaults and checks, and how it is read from and written as YAML.
//!
//! Text comes in and values go out. Which file is read, and what the command line says over it, is for the daemon.
//! A value that exists has been checked: every type here is made by its parser only, so nothing has to be checked
//! again where it is used.

mod annotated;
mod bandwidth;
mod base_url;
mod boot;
mod byte_size;
mod changes;
mod congestion_control;
mod daily_window;
mod eject;
mod fetch;
mod file_text;
mod fragment;
mod image_directory;
mod iso_manager_variables;
mod key_path;
mod layers;
mod listen_address;
mod log_file;
mod mount_options;
mod name_template;
mod on_stop;
mod only_key;
mod outline;
mod parse;
mod period;
mod pinned_version;
mod place;
mod resource;
#[cfg(feature = "schema")]
mod schema;
mod serve;
mod settings;
mod smb_credentials;
mod source_url;
pub(crate) mod text;
mod unknown_key;
mod web_root;
mod whole;
mod yaml_words;

pub use annotated::annotate;
pub use bandwidth::Bandwidth;
pub use base_url::{BaseUrl, InvalidBaseUrl};
pub use boot::BootConfig;
pub use byte_size::{ByteSize, InvalidByteSize};
pub use changes::{Change, changes};
pub use congestion_control::{CongestionControl, InvalidCongestionControl};
pub use daily_window::{DailyWindow, InvalidDailyWindow};
pub use eject::EjectPolicy;
pub use fetch::FetchConfig;
pub use file_text::text_of;
pub use fragment::Fragment;
pub use image_directory::{ImageDirectory, NotAbsolute};
pub use iso_manager_variables::{InvalidVariable, IsoManagerVariables};
pub use key_path::KeyPath;
pub use layers::{Layers, Origin};
pub use listen_address::{
    InvalidListenAddress, InvalidListenAddresses, ListenAddress, ListenAddresses,
};
pub use log_file::{InvalidLogFile, LogFile};
pub use mount_options::{InvalidMountOptions, MountOptions};
pub use name_template::{InvalidNameTemplate, NameTemplate};
pub use on_stop::OnStop;
pub(crate) use parse::problem;
pub use parse::{Problem, parse};
pub use period::{InvalidPeriod, Period};
pub use pinned_version::{InvalidPinnedVersion, PinnedVersion};
pub use place::Place;
pub use resource::{InvalidResource, Resource};
#[cfg(feature = "schema")]
pub use schema::schema;
#[cfg(feature = "schema")]
pub(crate) use schema::{schema_of, text_schema};
pub use serve::ServeConfig;
pub use settings::{Config, MediaConfig, MountConfig, NamesConfig, render};
pub use smb_credentials::{InvalidSmbCredentials, SmbCredentials};
pub use source_url::{InvalidSourceUrl, ShareUrl, SourceUrl};
pub use web_root::{InvalidWebRoot, WebRoot};
pub use whole::{Finding, check_whole};
