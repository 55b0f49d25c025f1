//! The signatures of the checkout that the program is built from.

/// Files by name, in order, with their texts.
pub(super) const FILES: &[(&str, &str)] =
    &[("50-red-hat.yaml", include_str!("../../../config/boot.d/50-red-hat.yaml"))];
