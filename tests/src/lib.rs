//! What the tests are made of: images, daemons, guests, machines that boot over the network, and the bodies of the fuzz targets.

pub mod automount;
pub mod bench;
pub mod binaries;
pub mod browser;
pub mod corrupt;
pub mod daemon;
pub mod fault_server;
pub mod faulty_disk;
pub mod fuzz;
pub mod gpg;
pub mod guest;
pub mod http;
pub mod hung_directory;
pub mod images;
pub mod loop_drive;
pub mod mount_point;
pub mod mounts;
pub mod netboot;
pub mod private_mounts;
pub mod program;
pub mod publisher;
pub mod samba;
pub mod scratch;
pub mod snapshot;
pub mod soak;
pub mod tool;
