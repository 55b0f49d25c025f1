//! The mount table: any text.

use isomirror_core::mountinfo;

/// Parses `data` and looks the mounts up again.
///
/// # Panics
/// Where there are more mounts than lines, or one has nothing that it lies on.
pub fn run(data: &[u8]) {
    let entries = mountinfo::parse(data);
    assert!(entries.len() <= data.split(|byte| *byte == b'\n').count());
    for entry in &entries {
        let holder = mountinfo::holder_of(&entries, &entry.point).expect("its own at least");
        assert!(entry.point.starts_with(&holder.point));
        let _ = mountinfo::is_private(&entries, &entry.point);
    }
}
