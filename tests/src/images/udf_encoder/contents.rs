//! Directories, files, and the blocks of the partition that they take.

use std::iter;

use super::{
    Entry, METADATA, Mapping, Object, PACKET, Piece, Volume,
    file_entry::{device_attribute, file_entry, metadata_entry},
    structure::{Descriptor, encoded, put, put32, seal, seal_block},
};

/// What was written so far.
pub(super) struct Writer<'a> {
    pub(super) volume: &'a Volume,
    /// Blocks of the metadata, by their number.
    pub(super) metadata: Vec<Vec<u8>>,
    /// Blocks of contents.
    pub(super) data: Vec<u8>,
}

impl Writer<'_> {
    /// Takes `count` blocks for metadata, and one that stays between them and the next.
    pub(super) fn take_metadata(&mut self, count: usize) -> usize {
        let first = self.metadata.len();
        let blocks = iter::repeat_n(vec![0; self.volume.block_size], count + 1);
        self.metadata.extend(blocks);
        assert!(self.metadata.len() <= METADATA, "no room for metadata");
        first
    }

    pub(super) fn file_set(&self, location: usize, root: usize) -> Vec<u8> {
        let mut block = vec![0; self.volume.block_size];
        let root = u32::try_from(root).expect("small");
        let reference = self.volume.metadata_reference();
        let size = u32::try_from(self.volume.block_size).expect("small");
        put(&mut block, 400, &encoded((0, size, reference, root), true));
        seal_block(&mut block, 256, location);
        block
    }

    /// Writes an object; returns the block of its entry.
    fn object(&mut self, object: &Object) -> usize {
        match object {
            Object::Directory(entries) => self.directory(entries),
            Object::Embedded(bytes) => self.entry(5, &[], Err(bytes)),
            Object::Link(components) => self.entry(12, &[], Err(components)),
            Object::File(pieces) => {
                let location = self.take_metadata(1);
                let (descriptors, size) = self.pieces(pieces);
                self.put_entry(location, 5, &[], Ok((descriptors, size)));
                location
            }
            Object::Device(is_block, major, minor) => {
                let attributes = device_attribute(*major, *minor);
                self.entry(if *is_block { 6 } else { 7 }, &attributes, Err(&[]))
            }
        }
    }

    /// An entry whose content is embedded.
    fn entry(
        &mut self,
        file_type: u8,
        attributes: &[u8],
        content: Result<(Vec<Descriptor>, u64), &[u8]>,
    ) -> usize {
        let location = self.take_metadata(1);
        self.put_entry(location, file_type, attributes, content);
        location
    }

    pub(super) fn directory(&mut self, entries: &[Entry]) -> usize {
        let location = self.take_metadata(1);
        let mut identifiers = vec![self.identifier(10, &[], 0, location)];
        for (index, entry) in entries.iter().enumerate() {
            let is_directory = matches!(entry.object, Object::Directory(_));
            let target = self.object(&entry.object);
            let characteristics = entry.characteristics | u8::from(is_directory) << 1;
            // Implementation use of varying length shifts names against blocks.
            let padding = [0, 32, 36][index % 3];
            identifiers.push(self.identifier(characteristics, &entry.name, padding, target));
        }
        let length: usize = identifiers.iter().map(Vec::len).sum();
        if length <= (self.volume.block_size - 216).min(400) {
            let data = located(identifiers, |_| location).concat();
            self.put_entry(location, 4, &[], Err(&data));
        } else {
            let descriptors = self.directory_extents(identifiers, length);
            self.put_entry(location, 4, &[], Ok((descriptors, length as u64)));
        }
        location
    }

    /// Puts a directory's data into extents of one block each, none beside another.
    fn directory_extents(&mut self, identifiers: Vec<Vec<u8>>, length: usize) -> Vec<Descriptor> {
        let block_size = self.volume.block_size;
        let blocks: Vec<_> =
            (0..length.div_ceil(block_size)).map(|_| self.take_metadata(1)).collect();
        let data = located(identifiers, |offset| blocks[offset / block_size]).concat();
        let mut descriptors = vec![];
        for (chunk, block) in data.chunks(block_size).zip(blocks) {
            put(&mut self.metadata[block], 0, chunk);
            let length = u32::try_from(chunk.len()).expect("small");
            let block = u32::try_from(block).expect("small");
            descriptors.push((0, length, self.volume.metadata_reference(), block));
        }
        descriptors
    }

    /// A file identifier without its tag.
    fn identifier(
        &self,
        characteristics: u8,
        name: &[u8],
        padding: usize,
        target: usize,
    ) -> Vec<u8> {
        let mut bytes = vec![0; (38 + padding + name.len()).next_multiple_of(4)];
        bytes[16] = 1;
        bytes[18] = characteristics;
        bytes[19] = u8::try_from(name.len()).expect("a short name");
        let size = u32::try_from(self.volume.block_size).expect("small");
        let target = u32::try_from(target).expect("small");
        let address = (0, size, self.volume.metadata_reference(), target);
        put(&mut bytes, 20, &encoded(address, true));
        bytes[36] = u8::try_from(padding).expect("small");
        put(&mut bytes, 38 + padding, name);
        bytes
    }

    fn pieces(&mut self, pieces: &[Piece]) -> (Vec<Descriptor>, u64) {
        let mut descriptors = vec![];
        let mut size = 0;
        for piece in pieces {
            let start = self.volume.data_start() + self.data.len() / self.volume.block_size;
            let start = u32::try_from(start).expect("small");
            match piece {
                Piece::Recorded(bytes) => {
                    let length = u32::try_from(bytes.len()).expect("small");
                    descriptors.push((0, length, 0, start));
                    self.data.extend(bytes);
                    let end = self.data.len().next_multiple_of(self.volume.block_size);
                    // A block between, so that no two pieces are neighbours.
                    self.data.resize(end + self.volume.block_size, 0xEE);
                    size += u64::from(length);
                }
                Piece::Zeros(length, allocated) => {
                    descriptors.push((if *allocated { 1 } else { 2 }, *length, 0, start));
                    size += u64::from(*length);
                }
            }
        }
        (descriptors, size)
    }

    /// Writes a file entry with the descriptors of a content of some size, or the content itself.
    fn put_entry(
        &mut self,
        location: usize,
        file_type: u8,
        attributes: &[u8],
        content: Result<(Vec<Descriptor>, u64), &[u8]>,
    ) {
        let (flags, area, size) = match content {
            Err(embedded) => (3, embedded.to_vec(), embedded.len() as u64),
            Ok((descriptors, size)) => {
                let reference = self.volume.metadata_reference();
                let elsewhere = descriptors.iter().any(|descriptor| descriptor.2 != reference);
                let long = self.volume.long || elsewhere;
                (u8::from(long), self.areas(&descriptors, long), size)
            }
        };
        let block = file_entry(self.volume, location, (file_type, flags, size), attributes, &area);
        self.metadata[location] = block;
    }

    /// The first area of descriptors; the others are written elsewhere.
    fn areas(&mut self, descriptors: &[Descriptor], long: bool) -> Vec<u8> {
        let (here, rest) =
            descriptors.split_at(descriptors.len().min(self.volume.descriptors_together));
        let mut area: Vec<u8> =
            here.iter().flat_map(|descriptor| encoded(*descriptor, long)).collect();
        if rest.is_empty() {
            return area;
        }
        let location = self.take_metadata(1);
        let size = u32::try_from(self.volume.block_size).expect("small");
        let block = u32::try_from(location).expect("small");
        let next = (3, size, self.volume.metadata_reference(), block);
        area.extend(encoded(next, long));
        let following = self.areas(rest, long);
        let extent = &mut self.metadata[location];
        put32(extent, 20, following.len());
        put(extent, 24, &following);
        seal(extent, 258, block, 8 + following.len());
        area
    }

    /// All blocks of the partition.
    pub(super) fn partition(&mut self) -> Vec<u8> {
        let block_size = self.volume.block_size;
        let start = self.volume.data_start();
        let mut partition = vec![0; start * block_size];
        partition.extend(&self.data);
        partition.resize(partition.len().next_multiple_of(PACKET * block_size) + block_size, 0);
        self.metadata.resize(METADATA, vec![0; block_size]);
        let metadata = self.metadata.concat();
        if self.volume.mapping != Mapping::Metadata {
            put(&mut partition, 0, &metadata);
            return partition;
        }
        let half = METADATA / 2;
        let (first, second) = metadata.split_at(half * block_size);
        let parts = [(8 + half, half), (4, half)];
        put(&mut partition, 4 * block_size, second);
        put(&mut partition, (8 + half) * block_size, first);
        put(&mut partition, (12 + METADATA) * block_size, &metadata);
        let mirror = [(12 + METADATA, METADATA)];
        for (location, file_type, runs) in [(0, 250, &parts[..]), (1, 251, &mirror[..])] {
            let entry = metadata_entry(self.volume, location, file_type, runs);
            put(&mut partition, location * block_size, &entry);
        }
        partition
    }
}

/// The file identifiers with their tags, given the block in which a byte of the directory lies.
fn located(mut identifiers: Vec<Vec<u8>>, block_of: impl Fn(usize) -> usize) -> Vec<Vec<u8>> {
    let mut offset = 0;
    for identifier in &mut identifiers {
        let location = u32::try_from(block_of(offset)).expect("small");
        let crc_length = identifier.len() - 16;
        seal(identifier, 257, location, crc_length);
        offset += identifier.len();
    }
    identifiers
}
