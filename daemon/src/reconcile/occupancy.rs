//! What is at some names, while mounts and directories come and go: the number of a mount and the table that explains
//! it are asked for one after the other, so a name whose two answers do not fit is looked at once more.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
};

use isomirror_core::mountinfo::MountEntry;

/// How often a name is looked at whose answers do not fit. Each look comes after what had changed under the last one.
const LOOKS: usize = 8;

/// What one look at a name shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// A mount with this number.
    Mount(u64),
    /// A directory that nothing is mounted on.
    Directory { empty: bool },
    /// A file, or something that cannot be read.
    Other,
    /// It changed while it was looked at.
    Changed,
    /// Nothing.
    Gone,
}

/// What is at a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A mount.
    Mount(MountEntry),
    /// A directory that nothing is mounted on.
    Directory { empty: bool },
    /// A file, something that cannot be read, or a mount that no table tells of.
    Other,
}

/// Looks at `names` until each has been seen for what it is. `table` is the mount table at the moment of the call.
pub(super) fn look_at<E>(
    names: Vec<OsString>,
    mut sight: impl FnMut(&OsStr) -> Sight,
    mut table: impl FnMut() -> Result<Vec<MountEntry>, E>,
) -> Result<Vec<(OsString, Found)>, E> {
    let mut found = Vec::with_capacity(names.len());
    let mut pending = names;
    for _ in 0..LOOKS {
        let sights: Vec<_> = pending.drain(..).map(|name| (sight(&name), name)).collect();
        let table = table()?;
        let by_id: BTreeMap<u64, &MountEntry> =
            table.iter().map(|entry| (u64::from(entry.id), entry)).collect();
        for (sight, name) in sights {
            match sight {
                Sight::Mount(id) => match by_id.get(&id) {
                    Some(entry) => found.push((name, Found::Mount((*entry).clone()))),
                    None => pending.push(name),
                },
                Sight::Changed => pending.push(name),
                Sight::Directory { empty } => found.push((name, Found::Directory { empty })),
                Sight::Other => found.push((name, Found::Other)),
                Sight::Gone => {}
            }
        }
        if pending.is_empty() {
            break;
        }
    }
    found.extend(pending.into_iter().map(|name| (name, Found::Other)));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use isomirror_core::mountinfo;

    use super::*;

    const LINE: &str = "36 24 0:30 / /srv/isomirror/a ro - erofs source ro\n";

    /// What is found where the looks show `sights` one after the other, and the tables are these.
    fn found(sights: &[Sight], tables: &[&str]) -> Vec<Found> {
        let (mut sights, mut tables) = (sights.iter(), tables.iter());
        let table = || Ok::<_, Infallible>(mountinfo::parse(tables.next().unwrap().as_bytes()));
        let found = look_at(vec!["a".into()], |_| *sights.next().unwrap(), table).unwrap();
        found.into_iter().map(|(_, found)| found).collect()
    }

    fn mounted() -> Found {
        Found::Mount(mountinfo::parse(LINE.as_bytes()).remove(0))
    }

    #[test]
    fn a_mount_that_was_made_or_went_while_it_was_looked_at_is_nobody_elses() {
        let mount = Sight::Mount(36);
        assert_eq!(found(&[mount], &[LINE]), [mounted()]);
        // The table of a moment before does not have it yet.
        assert_eq!(found(&[mount, mount], &["", LINE]), [mounted()]);
        // It was mounted while its directory was being read.
        assert_eq!(found(&[Sight::Changed, mount], &["", LINE]), [mounted()]);
        let empty = Sight::Directory { empty: true };
        assert_eq!(found(&[mount, empty], &["", ""]), [Found::Directory { empty: true }]);
        assert_eq!(found(&[mount, Sight::Gone], &["", ""]), []);
    }

    #[test]
    fn what_no_table_tells_of_is_not_waited_for_for_ever() {
        assert_eq!(found(&[Sight::Mount(36); LOOKS], &[""; LOOKS]), [Found::Other]);
    }
}
