//! Lays a collected tree out and writes it: header, copied bytes, directory blocks, inodes, and last the superblock.

use std::io::{self, Seek, SeekFrom, Write};

use super::{
    directory::{self, Entry},
    format::{
        CHUNK_INDEX, HEADER, INODE, Inode, Layout, SLOT, SUPERBLOCK_OFFSET, Superblock,
        chunk_format, device_number,
    },
    pieces::{
        LARGEST_BLOCK_LOG2, Piece, Place, SECTOR_LOG2, SMALLEST_BLOCK_LOG2, alignment_log2,
        chunk_count, chunk_size_log2, chunks,
    },
    tree::{Collector, Data, MAXIMUM_OBJECTS, Object, Tree},
};
use crate::{
    containment::SymlinkPolicy,
    image::{Image, Kind, ReadError},
    survey::Survey,
};

/// Chunks that all files may have together; each costs 8 bytes of the image.
const MAXIMUM_CHUNKS: u64 = 4 << 20;

/// Why a tree cannot be written as an EROFS image. Other backends may still serve it.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The root directory is unreadable.
    #[error("cannot read the root directory")]
    Root(#[source] ReadError),
    /// The image would outgrow the bounds of memory and work.
    #[error("cannot write the tree as EROFS: {0} too large")]
    TooLarge(&'static str),
    /// A file starts where no block of EROFS can.
    #[error("cannot write the tree as EROFS: a file of it is not aligned to 512 bytes")]
    Unaligned,
    /// The image could not be written out.
    #[error("cannot write the EROFS metadata")]
    Write(#[from] io::Error),
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Bytes of the metadata image.
    pub length: u64,
    /// Bytes of a block.
    pub block_size: u32,
    /// How often the medium has to be given as `device=`: twice where the image names a device that must not exist.
    pub devices: u16,
    /// Objects written.
    pub objects: u64,
    /// Objects that were left out or cannot be read in whole, because the medium is damaged.
    pub damaged: u64,
}

/// Writes the tree of `image`, as `survey` and `policy` let it be shown, to `target`, which has to be empty.
///
/// # Errors
/// [`EncodeError`]; `target` then holds no image, for the superblock is written last.
pub fn encode(
    image: &Image,
    survey: &Survey,
    policy: SymlinkPolicy,
    target: impl Write + Seek,
) -> Result<Encoded, EncodeError> {
    let named = survey.files + survey.directories + survey.symlinks + survey.others;
    if named > MAXIMUM_OBJECTS as u64 {
        return Err(EncodeError::TooLarge("the number of its files is"));
    }
    let mut sink = Sink { inner: target, position: 0 };
    sink.align_to(HEADER as u64)?;
    let tree = Collector::new(image, survey, policy, &mut sink).collect()?;
    let block_size_log2 = block_size_log2(&tree, image.source().size())?;
    let mut writer = Writer { block_size_log2, tree: &tree, places: Vec::new(), sink: &mut sink };
    writer.place()?;
    writer.write(image.source().size())
}

/// The largest block size that suits every file, and whose blocks fill the medium: old kernels take only pages.
fn block_size_log2(tree: &Tree, medium_size: u64) -> Result<u8, EncodeError> {
    let files = tree.objects.iter().filter_map(|object| match &object.data {
        Data::File(pieces) => Some(alignment_log2(pieces)),
        _ => None,
    });
    let largest = medium_size.trailing_zeros().clamp(SECTOR_LOG2.into(), LARGEST_BLOCK_LOG2.into());
    let alignment = files.min().unwrap_or(u32::MAX).min(largest);
    u8::try_from(alignment)
        .ok()
        .filter(|log2| *log2 >= SMALLEST_BLOCK_LOG2)
        .ok_or(EncodeError::Unaligned)
}

/// Where an object is put.
#[derive(Clone, Copy, Debug)]
struct Placed {
    /// Byte offset of its inode in the inode area.
    inode: u64,
    /// Byte offset of its blocks in the block area; of no meaning without any.
    blocks: u64,
    layout: Layout,
}

struct Writer<'a, W> {
    block_size_log2: u8,
    tree: &'a Tree,
    places: Vec<Placed>,
    sink: &'a mut Sink<W>,
}

impl<W: Write + Seek> Writer<'_, W> {
    fn block_size(&self) -> u64 {
        1 << self.block_size_log2
    }

    /// Gives every object its place. The first slot stays empty, for an inode number 0 is taken for "deleted".
    fn place(&mut self) -> Result<(), EncodeError> {
        let (mut inodes, mut blocks, mut all_chunks) = (SLOT, 0_u64, 0_u64);
        let block_size = self.block_size();
        self.places.reserve_exact(self.tree.objects.len());
        for object in &self.tree.objects {
            let (layout, flat) = self.layout(object);
            let behind = match (&object.data, layout) {
                (_, Layout::FlatInline) => flat % block_size,
                (Data::File(pieces), Layout::ChunkBased) => {
                    let log2 = chunk_size_log2(pieces, object.size, self.block_size_log2);
                    let count = chunk_count(object.size, log2);
                    all_chunks = all_chunks.saturating_add(count);
                    count.saturating_mul(CHUNK_INDEX as u64)
                }
                _ => 0,
            };
            if all_chunks > MAXIMUM_CHUNKS {
                return Err(EncodeError::TooLarge("the number of its files' extents is"));
            }
            inodes = inodes.next_multiple_of(SLOT);
            if layout == Layout::FlatInline
                && inodes % block_size + INODE as u64 + behind > block_size
            {
                inodes = inodes.next_multiple_of(block_size);
            }
            self.places.push(Placed { inode: inodes, blocks, layout });
            inodes += INODE as u64 + behind;
            blocks += match layout {
                Layout::FlatPlain => flat.next_multiple_of(block_size),
                Layout::FlatInline => flat - behind,
                Layout::ChunkBased => 0,
            };
        }
        Ok(())
    }

    /// The layout of an object, and the bytes of its flat data.
    fn layout(&self, object: &Object) -> (Layout, u64) {
        let size = match &object.data {
            Data::Directory { listing: Some(listing), .. } => {
                let names = listing.names();
                let entries = names.map(|name| Entry { name, kind: Kind::File, number: 0 });
                let lengths = directory::with_dots(entries, 0, 0).map(|entry| entry.name.len());
                let block_size = usize::try_from(self.block_size()).unwrap_or(usize::MAX);
                directory::size(lengths, block_size)
            }
            // A block of zeros is a directory that no kernel can list: better than one that seems empty.
            Data::Directory { listing: None, .. } => self.block_size(),
            Data::Symlink(target) => target.len() as u64,
            Data::File(pieces) if !pieces.is_empty() => return (Layout::ChunkBased, 0),
            Data::File(_) | Data::Device(_) => 0,
        };
        let rest = size % self.block_size();
        if rest != 0 && INODE as u64 + rest <= self.block_size() {
            return (Layout::FlatInline, size);
        }
        (Layout::FlatPlain, size)
    }

    fn write(mut self, medium_size: u64) -> Result<Encoded, EncodeError> {
        let first_block = self.sink.align(self.block_size())?;
        for index in 0..self.tree.objects.len() {
            let (flat, whole) = self.flat(index);
            self.sink.write(&flat[..whole])?;
            self.sink.align(self.block_size())?;
        }
        let metadata = self.sink.align(self.block_size())?;
        for index in 0..self.tree.objects.len() {
            self.write_inode(index, first_block, metadata)?;
        }
        let length = self.sink.align(self.block_size())?;
        let devices = if self.tree.objects.iter().any(has_fault) { 2 } else { 1 };
        let superblock = Superblock {
            block_size_log2: self.block_size_log2,
            root: u16::try_from(self.number(0)).unwrap_or(0),
            inodes: self.tree.objects.len() as u64,
            blocks: self.block(length)?,
            metadata_block: self.block(metadata)?,
            devices,
            device_blocks: self.block(medium_size).unwrap_or(u32::MAX),
        };
        self.sink.inner.seek(SeekFrom::Start(SUPERBLOCK_OFFSET as u64))?;
        self.sink.inner.write_all(&superblock.bytes())?;
        self.sink.inner.flush()?;
        Ok(Encoded {
            length,
            block_size: 1 << self.block_size_log2,
            devices,
            objects: self.tree.objects.len() as u64,
            damaged: self.tree.damaged,
        })
    }

    /// The block that starts at `address`.
    fn block(&self, address: u64) -> Result<u32, EncodeError> {
        u32::try_from(address >> self.block_size_log2)
            .map_err(|_| EncodeError::TooLarge("its metadata is"))
    }

    /// Writes an inode with what lies behind it.
    fn write_inode(
        &mut self,
        index: usize,
        first_block: u64,
        metadata: u64,
    ) -> Result<(), EncodeError> {
        let object = &self.tree.objects[index];
        let placed = self.places[index];
        let (flat, whole) = self.flat(index);
        let chunk_log2 = match &object.data {
            Data::File(pieces) => chunk_size_log2(pieces, object.size, self.block_size_log2),
            _ => 0,
        };
        let inode = Inode {
            kind: object.kind,
            layout: placed.layout,
            size: if flat.is_empty() { object.size } else { flat.len() as u64 },
            union: match (&object.data, placed.layout) {
                (Data::Device(device), _) => device_number(*device),
                (_, Layout::ChunkBased) => chunk_format(chunk_log2, self.block_size_log2),
                _ => self.block(first_block + placed.blocks)?,
            },
            number: u32::try_from(index + 1).unwrap_or(u32::MAX),
            links: object.links,
            modified: object.modified,
        };
        self.sink.align_to(metadata + placed.inode)?;
        self.sink.write(&inode.bytes())?;
        self.sink.write(&flat[whole..])?;
        if let (Data::File(pieces), Layout::ChunkBased) = (&object.data, placed.layout) {
            for chunk in chunks(pieces, object.size, chunk_log2, self.block_size_log2) {
                self.sink.write(&chunk.bytes())?;
            }
        }
        Ok(())
    }

    /// The flat bytes of an object, and how many of them lie in blocks instead of behind the inode.
    fn flat(&self, index: usize) -> (Vec<u8>, usize) {
        let flat = self.flat_bytes(index, &self.tree.objects[index]);
        let whole = match self.places[index].layout {
            Layout::FlatInline => flat.len() - flat.len() % (1 << self.block_size_log2),
            _ => flat.len(),
        };
        (flat, whole)
    }

    /// The bytes of a directory or a link; none for anything else.
    fn flat_bytes(&self, index: usize, object: &Object) -> Vec<u8> {
        match &object.data {
            Data::Directory { parent, listing: Some(listing) } => {
                let named = listing.names().zip(&listing.entries).map(|(name, (_, object))| {
                    let index = *object as usize;
                    let kind = self.tree.objects[index].kind;
                    Entry { name, kind, number: self.number(index) }
                });
                let parent = self.number(*parent as usize);
                let all = directory::with_dots(named, self.number(index), parent);
                directory::bytes(all, 1 << self.block_size_log2)
            }
            Data::Directory { listing: None, .. } => vec![0; 1 << self.block_size_log2],
            Data::Symlink(target) => target.to_vec(),
            Data::File(_) | Data::Device(_) => Vec::new(),
        }
    }

    /// The inode number of an object.
    fn number(&self, index: usize) -> u64 {
        self.places[index].inode / SLOT
    }
}

fn has_fault(object: &Object) -> bool {
    let is_fault = |piece: &Piece| piece.place == Place::Fault;
    matches!(&object.data, Data::File(pieces) if pieces.iter().any(is_fault))
}

/// Counts what is written, so that addresses are known without asking.
#[derive(Debug)]
pub(super) struct Sink<W> {
    inner: W,
    position: u64,
}

impl<W: Write> Sink<W> {
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_all(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// Fills up with zeros to a multiple of `alignment`, at most a block, and tells the position then.
    pub(super) fn align(&mut self, alignment: u64) -> io::Result<u64> {
        self.align_to(self.position.next_multiple_of(alignment))?;
        Ok(self.position)
    }

    fn align_to(&mut self, position: u64) -> io::Result<()> {
        const ZEROS: [u8; 1 << LARGEST_BLOCK_LOG2] = [0; 1 << LARGEST_BLOCK_LOG2];
        let missing = usize::try_from(position - self.position).unwrap_or(0);
        self.write(&ZEROS[..missing.min(ZEROS.len())])
    }
}
