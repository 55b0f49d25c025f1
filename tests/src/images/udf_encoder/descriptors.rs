//! Descriptors of the volume, and the image as a whole.

use super::{
    MAIN_SEQUENCE, METADATA, Mapping, PACKET, PARTITION, SEQUENCE, SPARING_TABLES, STAMP, Volume,
    WORN_OUT,
    contents::Writer,
    name::compressed,
    structure::{encoded, put, put32, seal, seal_block},
};

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

    pub(super) fn metadata_reference(&self) -> u16 {
        u16::from(self.mapping == Mapping::Metadata)
    }

    /// First block of contents within the partition.
    pub(super) fn data_start(&self) -> usize {
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
        put(&mut block, 248, &encoded((0, 1, self.metadata_reference(), 0), true));
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
}
