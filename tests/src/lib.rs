//! What the tests are made of: images, daemons, guests, and the bodies of the fuzz targets.

pub mod binaries;
pub mod daemon;
pub mod guest;
pub mod http;
pub mod images;
pub mod mounts;
pub mod scratch;
pub mod snapshot;
pub mod tool;
