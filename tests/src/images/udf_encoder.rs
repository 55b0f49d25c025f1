//! UDF volumes that no tool here writes: filled ones with metadata and sparable partitions, any block size, embedded
//! files, holes, and descriptors that go on elsewhere. Written from ECMA-167 and UDF 2.60, and by none of the reader's code.

use std::iter;

/// First block of the main volume descriptor sequence; the reserve follows after [`SEQUENCE`] blocks.
pub const MAIN_SEQUENCE: usize = 257;
/// Blocks of a volume descriptor sequence.
pub const SEQUENCE: usize = 16;
/// First block of the partition.
pub const PARTITION: usize = 320;
/// When everything was last changed.
pub const MODIFIED: i64 = 1_719_835_200;
/// [`MODIFIED`] in a zone two hours east of Greenwich.
const STAMP: [u8; 12] = [0x78, 0x10, 0xE8, 0x07, 7, 1, 14, 0, 0, 0, 0, 0];
/// Blocks for file entries and directories, half of them before the other half.
const METADATA: usize = 512;
/// Blocks of a packet.
const PACKET: usize = 32;
/// Blocks of the two sparing tables.
const SPARING_TABLES: [u32; 2] = [304, 312];
/// What a packet has that was moved away.
const WORN_OUT: u8 = 0xBD;

/// How the partition is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// Type 1.
    Plain,
    /// Sparable; the first packet of file entries and the first of file contents were moved.
    Sparable,
    /// Metadata; the metadata file lies in two parts, the second one first.
    Metadata,
}

/// A volume to write.
#[derive(Clone, Debug)]
pub struct Volume {
    /// Bytes of a block.
    pub block_size: usize,
    /// UDF revision; from 0x0200 on, entries are extended ones.
    pub revision: u16,
    /// How the partition is mapped.
    pub mapping: Mapping,
    /// Whether descriptors are long even where short ones would do.
    pub long: bool,
    /// Descriptors that lie together before they go on elsewhere.
    pub descriptors_together: usize,
    /// Logical volume identifier.
    pub label: String,
    /// The root directory.
    pub root: Vec<Entry>,
}

/// A name and what it names.
#[derive(Clone, Debug)]
pub struct Entry {
    /// In OSTA compressed Unicode.
    pub name: Vec<u8>,
    /// 1 hidden, 4 deleted; what a directory and a parent need is added.
    pub characteristics: u8,
    /// What is named.
    pub object: Object,
}

/// An object.
#[derive(Clone, Debug)]
pub enum Object {
    /// A directory.
    Directory(Vec<Entry>),
    /// A file that is kept in its entry.
    Embedded(Vec<u8>),
    /// A file in pieces.
    File(Vec<Piece>),
    /// A link by its path components.
    Link(Vec<u8>),
    /// A device: whether it is a block device, and its numbers.
    Device(bool, u32, u32),
}

/// A run of a file's bytes; all but the last are whole blocks.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Bytes that are there.
    Recorded(Vec<u8>),
    /// Zeros that are not, in allocated space or not.
    Zeros(u32, bool),
}

/// An entry under a name that is 8 bits wide where it can be.
#[must_use]
pub fn entry(name: &str, object: Object) -> Entry {
    Entry { name: compressed(name), characteristics: 0, object }
}

/// `text` in OSTA compressed Unicode.
#[must_use]
pub fn compressed(text: &str) -> Vec<u8> {
    let narrow: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    match narrow {
        Some(narrow) => iter::once(8).chain(narrow).collect(),
        None => iter::once(16).chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect(),
    }
}

/// Path components of a relative or absolute target.
///
/// # Panics
/// Where a component is too long.
#[must_use]
pub fn components(target: &str) -> Vec<u8> {
    let root = if target.starts_with('/') { &[2, 0, 0, 0][..] } else { &[] };
    let parts = target.split('/').filter(|part| !part.is_empty()).flat_map(|part| match part {
        "." => vec![4, 0, 0, 0],
        ".." => vec![3, 0, 0, 0],
        name => {
            let name = compressed(name);
            [&[5, u8::try_from(name.len()).expect("a short name"), 0, 0][..], &name].concat()
        }
    });
    root.iter().copied().chain(parts).collect()
}

/// Gives a structure the tag `identifier` with a sound checksum, and a CRC of `crc_length` bytes.
pub fn seal(structure: &mut [u8], identifier: u16, location: u32, crc_length: usize) {
    structure[..16].fill(0);
    put(structure, 0, &identifier.to_le_bytes());
    structure[2] = 3;
    put(structure, 12, &location.to_le_bytes());
    reseal(structure, crc_length);
}

/// Makes checksum and CRC right again after a change.
///
/// # Panics
/// Where the structure is shorter than its tag or its CRC.
pub fn reseal(structure: &mut [u8], crc_length: usize) {
    let crc = structure[16..16 + crc_length].iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
        })
    });
    put(structure, 8, &crc.to_le_bytes());
    put(structure, 10, &u16::try_from(crc_length).expect("a small structure").to_le_bytes());
    structure[4] = 0;
    structure[4] = structure[..16].iter().fold(0, |sum, byte| sum.wrapping_add(*byte));
}

fn put(structure: &mut [u8], at: usize, bytes: &[u8]) {
    structure[at..at + bytes.len()].copy_from_slice(bytes);
}

fn put32(structure: &mut [u8], at: usize, value: usize) {
    put(structure, at, &le32(value));
}

fn le32(value: usize) -> [u8; 4] {
    u32::try_from(value).expect("a small number").to_le_bytes()
}

/// One allocation descriptor: type, bytes, partition, block.
type Descriptor = (u32, u32, u16, u32);

struct Writer<'a> {
    volume: &'a Volume,
    /// Blocks of the metadata, by their number.
    metadata: Vec<Vec<u8>>,
    /// Blocks of contents.
    data: Vec<u8>,
}

impl Volume {
    /// The image.
    ///
    /// # Panics
    /// Where the volume is too large for its layout.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut writer = Writer { volume: self, metadata: vec![], data: vec![] };
        let file_set = writer.take_metadata(1);
        let root = writer.metadata.len();
        writer.directory(&self.root);
        writer.metadata[file_set] = writer.file_set(file_set, root);
        let partition = writer.partition();
        self.assemble(&partition, file_set)
    }

    fn metadata_reference(&self) -> u16 {
        u16::from(self.mapping == Mapping::Metadata)
    }

    /// First block of contents within the partition.
    fn data_start(&self) -> usize {
        if self.mapping == Mapping::Metadata { 16 + 2 * METADATA } else { METADATA }
    }

    fn assemble(&self, partition: &[u8], file_set: usize) -> Vec<u8> {
        let block_size = self.block_size;
        let blocks = partition.len() / block_size;
        let spare = (PARTITION + blocks).next_multiple_of(PACKET);
        let end = spare + 2 * PACKET + 1;
        let mut image = vec![0; end * block_size];
        put(&mut image, PARTITION * block_size, partition);
        self.recognition(&mut image);
        for location in [256, end - 1] {
            let anchor = &mut image[location * block_size..(location + 1) * block_size];
            put32(anchor, 16, SEQUENCE * block_size);
            put32(anchor, 20, MAIN_SEQUENCE);
            put32(anchor, 24, SEQUENCE * block_size);
            put32(anchor, 28, MAIN_SEQUENCE + SEQUENCE);
            seal_block(anchor, 2, location);
        }
        for start in [MAIN_SEQUENCE, MAIN_SEQUENCE + SEQUENCE] {
            self.sequence(&mut image, start, blocks, file_set);
        }
        if self.mapping == Mapping::Sparable {
            self.spare(&mut image, spare);
        }
        image
    }

    fn recognition(&self, image: &mut [u8]) {
        let nsr = if self.revision < 0x0200 { b"NSR02" } else { b"NSR03" };
        for (index, identifier) in [b"BEA01", nsr, b"TEA01"].into_iter().enumerate() {
            let at = 32768 + index * self.block_size.max(2048);
            put(image, at + 1, identifier);
            image[at + 6] = 1;
        }
    }

    fn sequence(&self, image: &mut [u8], start: usize, blocks: usize, file_set: usize) {
        let descriptors = [
            (1, self.primary()),
            (5, self.partition_descriptor(blocks)),
            (6, self.logical(file_set)),
            (8, vec![0; self.block_size]),
        ];
        for (index, (identifier, mut block)) in descriptors.into_iter().enumerate() {
            put32(&mut block, 16, index);
            seal_block(&mut block, identifier, start + index);
            put(image, (start + index) * self.block_size, &block);
        }
    }

    fn primary(&self) -> Vec<u8> {
        let mut block = vec![0; self.block_size];
        let volume_set = compressed("0123456789ABCDEF a set");
        put(&mut block, 72, &volume_set);
        block[72 + 127] = u8::try_from(volume_set.len()).expect("a short name");
        put(&mut block, 201, b"OSTA Compressed Unicode");
        put(&mut block, 345, b"test writer");
        put(&mut block, 376, &STAMP);
        block
    }

    fn partition_descriptor(&self, blocks: usize) -> Vec<u8> {
        let mut block = vec![0; self.block_size];
        put(&mut block, 22, &7_u16.to_le_bytes());
        put32(&mut block, 184, 1);
        put32(&mut block, 188, PARTITION);
        put32(&mut block, 192, blocks);
        block
    }

    fn logical(&self, file_set: usize) -> Vec<u8> {
        let mut block = vec![0; self.block_size];
        put(&mut block, 21, b"OSTA Compressed Unicode");
        let label = compressed(&self.label);
        put(&mut block, 84, &label);
        block[84 + 127] = u8::try_from(label.len()).expect("a short label");
        put32(&mut block, 212, self.block_size);
        put(&mut block, 217, b"*OSTA UDF Compliant");
        put(&mut block, 240, &self.revision.to_le_bytes());
        put(&mut block, 248, &self.descriptor((0, 1, self.metadata_reference(), 0), true));
        put32(&mut block, 248, self.block_size);
        put32(&mut block, 252, file_set);
        let maps = self.maps();
        put32(&mut block, 264, maps.iter().map(Vec::len).sum());
        put32(&mut block, 268, maps.len());
        put(&mut block, 440, &maps.concat());
        block
    }

    fn maps(&self) -> Vec<Vec<u8>> {
        let plain = vec![1, 6, 1, 0, 7, 0];
        let mut map = vec![0; 64];
        put(&mut map, 0, &[2, 64]);
        put(&mut map, 36, &[1, 0, 7, 0]);
        match self.mapping {
            Mapping::Plain => vec![plain],
            Mapping::Sparable => {
                put(&mut map, 5, b"*UDF Sparable Partition");
                put(&mut map, 40, &[u8::try_from(PACKET).expect("small"), 0, 2, 0]);
                put32(&mut map, 44, 512);
                for (index, location) in SPARING_TABLES.into_iter().enumerate() {
                    put(&mut map, 48 + 4 * index, &location.to_le_bytes());
                }
                vec![map]
            }
            Mapping::Metadata => {
                put(&mut map, 5, b"*UDF Metadata Partition");
                put32(&mut map, 40, 0);
                put32(&mut map, 44, 1);
                put32(&mut map, 48, 0xFFFF_FFFF);
                vec![plain, map]
            }
        }
    }

    /// Moves two packets to the spare area and lists them.
    fn spare(&self, image: &mut [u8], spare: usize) {
        let moved = [0, self.data_start()];
        let bytes = PACKET * self.block_size;
        let mut table = vec![0; 512];
        put(&mut table, 17, b"*UDF Sparing Table");
        put(&mut table, 48, &4_u16.to_le_bytes());
        for (index, packet) in moved.into_iter().enumerate() {
            let from = (PARTITION + packet) * self.block_size;
            let to = spare + index * PACKET;
            image.copy_within(from..from + bytes, to * self.block_size);
            image[from..from + bytes].fill(WORN_OUT);
            put32(&mut table, 56 + 8 * index, packet);
            put32(&mut table, 60 + 8 * index, to);
        }
        put(&mut table, 56 + 16, &[0xF0, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0]);
        put(&mut table, 56 + 24, &[0xFF, 0xFF, 0xFF, 0xFF, 2, 0, 0, 0]);
        for location in SPARING_TABLES {
            seal(&mut table, 0, location, 512 - 16);
            put(image, location as usize * self.block_size, &table);
        }
    }

    fn descriptor(&self, descriptor: Descriptor, long: bool) -> Vec<u8> {
        let (kind, length, partition, block) = descriptor;
        let mut bytes = (kind << 30 | length).to_le_bytes().to_vec();
        bytes.extend(block.to_le_bytes());
        if long {
            bytes.extend(partition.to_le_bytes());
            bytes.extend([0; 6]);
        }
        bytes
    }
}

impl Writer<'_> {
    /// Takes `count` blocks for metadata, and one that stays between them and the next.
    fn take_metadata(&mut self, count: usize) -> usize {
        let first = self.metadata.len();
        let blocks = iter::repeat_n(vec![0; self.volume.block_size], count + 1);
        self.metadata.extend(blocks);
        assert!(self.metadata.len() <= METADATA, "no room for metadata");
        first
    }

    fn file_set(&self, location: usize, root: usize) -> Vec<u8> {
        let mut block = vec![0; self.volume.block_size];
        let root = u32::try_from(root).expect("small");
        let reference = self.volume.metadata_reference();
        let size = u32::try_from(self.volume.block_size).expect("small");
        put(&mut block, 400, &self.volume.descriptor((0, size, reference, root), true));
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

    fn directory(&mut self, entries: &[Entry]) -> usize {
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
        put(&mut bytes, 20, &self.volume.descriptor(address, true));
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
            here.iter().flat_map(|descriptor| self.volume.descriptor(*descriptor, long)).collect();
        if rest.is_empty() {
            return area;
        }
        let location = self.take_metadata(1);
        let size = u32::try_from(self.volume.block_size).expect("small");
        let block = u32::try_from(location).expect("small");
        let next = (3, size, self.volume.metadata_reference(), block);
        area.extend(self.volume.descriptor(next, long));
        let following = self.areas(rest, long);
        let extent = &mut self.metadata[location];
        put32(extent, 20, following.len());
        put(extent, 24, &following);
        seal(extent, 258, block, 8 + following.len());
        area
    }

    /// All blocks of the partition.
    fn partition(&mut self) -> Vec<u8> {
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

/// The entry of a metadata file, which consists of `runs`: first blocks and numbers of blocks.
fn metadata_entry(
    volume: &Volume,
    location: usize,
    file_type: u8,
    runs: &[(usize, usize)],
) -> Vec<u8> {
    let block_size = volume.block_size;
    let area: Vec<u8> = runs
        .iter()
        .flat_map(|(start, blocks)| [le32(blocks * block_size), le32(*start)].concat())
        .collect();
    let size = (METADATA * block_size) as u64;
    file_entry(volume, location, (file_type, 0, size), &[], &area)
}

/// A file entry of a type, with the kind of its descriptors and the size of its content.
fn file_entry(
    volume: &Volume,
    location: usize,
    (file_type, flags, size): (u8, u8, u64),
    attributes: &[u8],
    area: &[u8],
) -> Vec<u8> {
    let extended = volume.revision >= 0x0200;
    let (modified, lengths) = if extended { (92, 208) } else { (84, 168) };
    let mut block = vec![0; volume.block_size];
    block[20] = 4;
    block[24] = 1;
    block[27] = file_type;
    block[34] = flags;
    put32(&mut block, 36, 1000);
    put(&mut block, 40, &[0xFF; 4]);
    // rwxr-x--x
    put32(&mut block, 44, 0b111 << 10 | 0b101 << 5 | 0b001);
    block[48] = 1;
    put(&mut block, 56, &size.to_le_bytes());
    put(&mut block, modified, &STAMP);
    put32(&mut block, lengths, attributes.len());
    put32(&mut block, lengths + 4, area.len());
    put(&mut block, lengths + 8, attributes);
    put(&mut block, lengths + 8 + attributes.len(), area);
    let used = lengths + 8 + attributes.len() + area.len();
    let location = u32::try_from(location).expect("small");
    seal(&mut block, if extended { 266 } else { 261 }, location, used - 16);
    block
}

/// The extended attributes of a device.
fn device_attribute(major: u32, minor: u32) -> Vec<u8> {
    let mut bytes = vec![0; 48];
    seal(&mut bytes, 262, 0, 8);
    bytes[24] = 12;
    bytes[28] = 1;
    bytes[32] = 24;
    put(&mut bytes, 40, &major.to_le_bytes());
    put(&mut bytes, 44, &minor.to_le_bytes());
    bytes
}

/// Seals one of the descriptors that have 512 bytes, whatever a block has.
fn seal_block(block: &mut [u8], identifier: u16, location: usize) {
    seal(block, identifier, u32::try_from(location).expect("small"), 512 - 16);
}
