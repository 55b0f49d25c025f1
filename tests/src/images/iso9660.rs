//! ISO 9660 images by xorriso and genisoimage.
