//! Tests against real things on this machine: images, mounts, servers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helper functions too")]

mod autofs;
mod autofs_names;
mod backend_choice;
mod backends;
mod boot_detection;
mod boot_menu;
mod cli_exit_codes;
mod cli_images;
mod cli_status;
mod config_shipped;
mod contained_links;
mod control;
mod corrupt_iso9660;
mod corrupt_udf;
mod damaged_mounts;
mod drive_fixture;
mod eject;
mod fuzz_replay;
mod http_clients;
mod http_drives;
mod http_fixture;
mod http_limits;
mod http_publishing;
mod http_requests;
mod http_trees;
mod kill;
mod labels;
mod layout;
mod loop_devices;
mod mount_recognition;
mod nginx;
mod package_clients;
mod publishing;
mod quickstart;
mod reader_iso9660;
mod reader_udf;
mod reader_udf_volumes;
mod service_unit;
mod source_directory;
mod source_drives;
mod trouble;
mod udev_rule;
mod umount_all;
mod web_servers;
