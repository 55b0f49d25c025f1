//! What the tests are made of: images, daemons, guests, and the bodies of the fuzz targets.

pub mod corrupt;
pub mod images;
pub mod snapshot;
