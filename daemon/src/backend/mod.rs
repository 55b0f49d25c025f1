//! How a tree becomes a mounted directory.
