//! The table of partition maps in a logical volume descriptor (ECMA-167 3/10.7, UDF 2.2.8 to 2.2.10).

use super::{
    allocation,
    fields::{u16_at, u32_at},
    file_entry::{FileEntry, FileType},
    metadata::Metadata,
    space::{Address, Partition, Physical, Space},
    sparing::Sparing,
    volume_sequence::{self, Logical},
};
use crate::image::{OpenError, ReadAt, ReadError};

/// Maps that are read; real volumes have 1 or 2.
const MAXIMUM_MAPS: u32 = 64;

/// Which copy of the metadata file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copy {
    /// The main file.
    Main,
    /// Its mirror.
    Mirror,
}

/// One map as written.
#[derive(Debug, PartialEq, Eq)]
enum Map<'a> {
    Plain { number: u16 },
    Sparable { number: u16, map: &'a [u8] },
    Metadata { number: u16, main: u32, mirror: u32 },
}

/// Whether the volume has a metadata partition, and so a copy to choose.
pub(super) fn has_metadata(logical: &Logical) -> bool {
    parse(logical).is_ok_and(|maps| maps.iter().any(|map| matches!(map, Map::Metadata { .. })))
}

/// All partitions of the volume.
///
/// # Errors
/// [`OpenError::Unsupported`] for a virtual partition, [`OpenError::Damaged`] where a map makes no sense.
pub(super) fn space(
    source: &dyn ReadAt,
    logical: &Logical,
    descriptors: &[volume_sequence::Partition],
    copy: Copy,
) -> Result<Space, OpenError> {
    let maps = parse(logical)?;
    let mut space = Space { block_size: logical.block_size, partitions: vec![] };
    for map in &maps {
        space.partitions.push(partition(source, logical.block_size, map, descriptors)?);
    }
    // A metadata file lies in another partition, so those have to be there first.
    for (index, map) in maps.iter().enumerate() {
        if let Map::Metadata { number, main, mirror } = map {
            let block = if copy == Copy::Main { *main } else { *mirror };
            let metadata = metadata(source, &space, *number, block).map_err(super::open_error)?;
            space.partitions[index] = Partition::Metadata(metadata);
        }
    }
    Ok(space)
}

fn parse(logical: &Logical) -> Result<Vec<Map<'_>>, OpenError> {
    let damaged = || OpenError::Damaged { what: "UDF partition map", offset: 0 };
    let mut rest = logical.maps.as_slice();
    let mut maps = vec![];
    for _ in 0..logical.map_count.min(MAXIMUM_MAPS) {
        let length = usize::from(*rest.get(1).ok_or_else(damaged)?);
        let (map, following) = rest.split_at_checked(length).ok_or_else(damaged)?;
        maps.push(match (map.first(), length) {
            (Some(1), 6) => Map::Plain { number: u16_at(map, 4) },
            (Some(2), 64) => parse_type_2(map)?,
            _ => return Err(damaged()),
        });
        rest = following;
    }
    Ok(maps)
}

fn parse_type_2(map: &[u8]) -> Result<Map<'_>, OpenError> {
    let number = u16_at(map, 38);
    let identifier = &map[5..28];
    if identifier.starts_with(b"*UDF Sparable Partition") {
        Ok(Map::Sparable { number, map })
    } else if identifier.starts_with(b"*UDF Metadata Partition") {
        Ok(Map::Metadata { number, main: u32_at(map, 40), mirror: u32_at(map, 44) })
    } else if identifier.starts_with(b"*UDF Virtual Partition") {
        Err(OpenError::Unsupported("a UDF virtual allocation table (write-once media)"))
    } else {
        Err(OpenError::Unsupported("an unknown kind of UDF partition map"))
    }
}

fn partition(
    source: &dyn ReadAt,
    block_size: u32,
    map: &Map<'_>,
    descriptors: &[volume_sequence::Partition],
) -> Result<Partition, OpenError> {
    let (number, sparing) = match map {
        Map::Plain { number } => (number, None),
        Map::Sparable { number, map } => {
            let sparing = Sparing::read(source, block_size, map).map_err(super::open_error)?;
            (number, Some(sparing))
        }
        Map::Metadata { .. } => return Ok(Partition::Metadata(Metadata::default())),
    };
    let descriptor = descriptors.iter().find(|descriptor| descriptor.number == *number);
    let descriptor =
        descriptor.ok_or(OpenError::Damaged { what: "UDF partition descriptor", offset: 0 })?;
    let (start, length) = (descriptor.start, descriptor.length);
    Ok(Partition::Physical(Physical { number: *number, start, length, sparing }))
}

/// Reads the entry of a metadata file, which lies in block `block` of the partition `number`.
fn metadata(
    source: &dyn ReadAt,
    space: &Space,
    number: u16,
    block: u32,
) -> Result<Metadata, ReadError> {
    let what = "UDF metadata file";
    let damaged = || ReadError::Damaged { what, offset: 0 };
    let partition = space.partitions.iter().position(
        |partition| matches!(partition, Partition::Physical(physical) if physical.number == number),
    );
    let partition = partition.and_then(|index| u16::try_from(index).ok()).ok_or_else(damaged)?;
    let offset = space.offset(Address { partition, block }, what)?;
    let entry = FileEntry::read(source, space, offset)?;
    if !matches!(entry.file_type(), FileType::Metadata) {
        return Err(ReadError::Damaged { what, offset });
    }
    let content = allocation::content(source, space, &entry)?;
    let metadata = Metadata::new(&content, space.block_size);
    if metadata.run(0, space.block_size).is_none() {
        return Err(ReadError::Damaged { what, offset });
    }
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logical(count: u32, maps: &[&[u8]]) -> Logical {
        let mut logical = Logical::default();
        logical.map_count = count;
        logical.maps = maps.concat();
        logical
    }

    fn type_2(identifier: &[u8]) -> Vec<u8> {
        let mut map = vec![0; 64];
        map[..2].copy_from_slice(&[2, 64]);
        map[5..5 + identifier.len()].copy_from_slice(identifier);
        map[38] = 7;
        map[40] = 1;
        map[44] = 2;
        map
    }

    #[test]
    fn maps_are_read_one_after_another() {
        let metadata = type_2(b"*UDF Metadata Partition");
        let logical = logical(2, &[&[1, 6, 1, 0, 7, 0], &metadata]);
        let expected = [Map::Plain { number: 7 }, Map::Metadata { number: 7, main: 1, mirror: 2 }];
        assert_eq!(parse(&logical).unwrap(), expected);
        assert!(has_metadata(&logical));
    }

    #[test]
    fn maps_that_cannot_be_read_are_refused_by_name() {
        let refused = |map: &[u8]| parse(&logical(1, &[map])).unwrap_err().to_string();
        assert_eq!(
            refused(&type_2(b"*UDF Virtual Partition")),
            "a UDF virtual allocation table (write-once media) is not supported"
        );
        assert_eq!(
            refused(&type_2(b"*Something else")),
            "an unknown kind of UDF partition map is not supported"
        );
        for damaged in [&[][..], &[1], &[1, 5, 0, 0, 0, 0], &[1, 6, 0, 0, 0], &[1, 0], &[3, 6]] {
            assert_eq!(refused(damaged), "the UDF partition map at byte 0 is damaged");
        }
    }
}
