//! The signatures of the checkout that the program is built from.

/// Files by name, in order, with their texts.
pub(super) const FILES: &[(&str, &str)] = &[
    ("10-hypervisors.yaml", include_str!("../../../config/boot.d/10-hypervisors.yaml")),
    ("20-windows.yaml", include_str!("../../../config/boot.d/20-windows.yaml")),
    ("30-live.yaml", include_str!("../../../config/boot.d/30-live.yaml")),
    ("40-debian.yaml", include_str!("../../../config/boot.d/40-debian.yaml")),
    ("50-red-hat.yaml", include_str!("../../../config/boot.d/50-red-hat.yaml")),
    ("60-suse.yaml", include_str!("../../../config/boot.d/60-suse.yaml")),
    ("70-linux.yaml", include_str!("../../../config/boot.d/70-linux.yaml")),
    ("80-other-systems.yaml", include_str!("../../../config/boot.d/80-other-systems.yaml")),
    ("90-collections.yaml", include_str!("../../../config/boot.d/90-collections.yaml")),
    ("99-generic.yaml", include_str!("../../../config/boot.d/99-generic.yaml")),
];
