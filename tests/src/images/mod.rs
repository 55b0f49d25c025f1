//! Makes real images with the tools that people make them with.

pub mod iso9660;
pub mod udf;
pub mod udf_encoder;
