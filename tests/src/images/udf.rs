//! UDF images by mkudffs, genisoimage and hadris.
