//! El Torito: any boot record and catalogue in an otherwise sound, empty image.

use std::sync::Arc;

use isomirror_core::image::Image;

const SECTOR: usize = 2048;
/// Sectors of the system area, the primary, boot and terminating descriptors, and the root directory.
const ROOT: usize = 19;
const CATALOG: usize = 20;
/// Where `run` puts what follows the boot record, as a boot record has to state it.
pub const CATALOG_SECTOR: u32 = 20;

/// Takes the first 80 bytes of `data` as the beginning of the boot record volume descriptor, and what follows as the
/// boot catalogue in sector [`CATALOG_SECTOR`].
///
/// # Panics
/// Where the image cannot be opened any more, or more is told than the catalogue can hold.
pub fn run(data: &[u8]) {
    let (record, catalog) = data.split_at(data.len().min(80));
    let mut image = vec![0; (CATALOG + catalog.len().div_ceil(SECTOR) + 1) * SECTOR];
    primary_descriptor(&mut image);
    image[17 * SECTOR..17 * SECTOR + record.len()].copy_from_slice(record);
    // A descriptor of its own right, whatever the rest is: else every second mutation is no boot record at all.
    image[17 * SECTOR..17 * SECTOR + 7].copy_from_slice(b"\0CD001\x01");
    image[18 * SECTOR..18 * SECTOR + 7].copy_from_slice(b"\xffCD001\x01");
    image[CATALOG * SECTOR..CATALOG * SECTOR + catalog.len()].copy_from_slice(catalog);
    let length = image.len();
    let image = Image::open(Arc::new(image)).expect("a damaged boot record costs only itself");
    if let Some(boot) = &image.volume().boot {
        assert!(boot.entries.len() <= length / 32, "an entry takes 32 bytes");
    }
}

fn primary_descriptor(image: &mut [u8]) {
    let sectors = image.len() / SECTOR;
    let descriptor = &mut image[16 * SECTOR..17 * SECTOR];
    descriptor[..7].copy_from_slice(b"\x01CD001\x01");
    descriptor[8..72].fill(b' ');
    both_endian_32(&mut descriptor[80..88], sectors);
    for field in [120, 124] {
        both_endian_16(&mut descriptor[field..field + 4], 1);
    }
    both_endian_16(&mut descriptor[128..132], SECTOR);
    root_record(&mut descriptor[156..190], 0);
    descriptor[881] = 1;
    let root = &mut image[ROOT * SECTOR..(ROOT + 1) * SECTOR];
    root_record(&mut root[..34], 0);
    root_record(&mut root[34..68], 1);
}

/// A directory record for the root (ECMA-119 9.1) named `.` (0) or `..` (1).
fn root_record(record: &mut [u8], name: u8) {
    record[0] = 34;
    both_endian_32(&mut record[2..10], ROOT);
    both_endian_32(&mut record[10..18], SECTOR);
    record[18..25].copy_from_slice(&[100, 1, 1, 0, 0, 0, 0]);
    record[25] = 2;
    both_endian_16(&mut record[28..32], 1);
    record[32] = 1;
    record[33] = name;
}

fn both_endian_32(field: &mut [u8], value: usize) {
    let value = u32::try_from(value).expect("the image is small");
    field[..4].copy_from_slice(&value.to_le_bytes());
    field[4..].copy_from_slice(&value.to_be_bytes());
}

fn both_endian_16(field: &mut [u8], value: usize) {
    let value = u16::try_from(value).expect("the value is small");
    field[..2].copy_from_slice(&value.to_le_bytes());
    field[2..].copy_from_slice(&value.to_be_bytes());
}
