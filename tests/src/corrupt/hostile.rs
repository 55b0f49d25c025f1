//! ISO 9660 images that are made to cost time and memory: whole, by the letter, and as large as a directory may be.

use super::CorruptImage;

const SECTOR: usize = 2048;

/// Bytes of a directory: as many as the reader reads of one.
const DIRECTORY: usize = 32 << 20;

/// Sector of the root directory.
const ROOT: u32 = 20;

/// Sector before it, for whatever the records refer to.
const ANNEX: u32 = 19;

const DIRECTORY_FLAG: u8 = 0x02;
const MULTI_EXTENT_FLAG: u8 = 0x80;

/// Builds one image.
type Maker = fn() -> Vec<u8>;

/// All of them, one at a time.
pub fn images() -> impl Iterator<Item = CorruptImage> {
    let makers: [(&str, Maker); 8] = [
        ("as many files as fit", many_files),
        ("as many directories as fit", many_directories),
        ("one file of endless sections", many_sections),
        ("continuations in a loop", looping_continuations),
        ("names longer than their records", long_names),
        ("continuations all over the directory", far_continuations),
        ("large continuations", large_continuations),
        ("directories that overlap", overlapping_directories),
    ];
    makers.into_iter().map(|(name, make)| CorruptImage { name: name.to_owned(), bytes: make() })
}

fn many_files() -> Vec<u8> {
    image(b"", packed(b"", |index| record(&name(index), 0, 30, 1, b"")))
}

fn many_directories() -> Vec<u8> {
    image(b"", packed(b"", |index| record(&name(index), DIRECTORY_FLAG, index % 16_000, 2048, b"")))
}

fn many_sections() -> Vec<u8> {
    image(b"", packed(b"", |_| record(b"A", MULTI_EXTENT_FLAG, 30, 1, b"")))
}

fn looping_continuations() -> Vec<u8> {
    let own = continuation(ANNEX, 0, 28);
    image(&own, packed(&rock_ridge(), |_| record(b"A", 0, 30, 1, &own)))
}

fn long_names() -> Vec<u8> {
    let name = field(*b"NM", &[&[0][..], &[b'n'; 250]].concat());
    let to_name = continuation(ANNEX, 0, u32::try_from(name.len()).expect("it is short"));
    image(&name, packed(&rock_ridge(), |_| record(b"A", 0, 30, 1, &to_name)))
}

fn far_continuations() -> Vec<u8> {
    let elsewhere = |index: u32| continuation(ROOT + index.wrapping_mul(7919) % 16_000, 0, 300);
    image(b"", packed(&rock_ridge(), |index| record(b"A", 0, 30, 1, &elsewhere(index))))
}

fn large_continuations() -> Vec<u8> {
    let elsewhere =
        |index: u32| continuation(ROOT + index.wrapping_mul(7919) % 16_000, 0, 16 << 10);
    image(b"", packed(&rock_ridge(), |index| record(b"A", 0, 30, 1, &elsewhere(index))))
}

/// Each sector begins a directory that claims all the rest, and has the next one as its child.
fn overlapping_directories() -> Vec<u8> {
    let length = u32::try_from(DIRECTORY).expect("it is small");
    let sectors = (0..length / 2048).flat_map(|index| {
        let own = record(&[0], DIRECTORY_FLAG, ROOT + index, length, b"");
        let child = record(&name(index), DIRECTORY_FLAG, ROOT + index + 1, length, b"");
        let mut sector = [own, child].concat();
        sector.resize(SECTOR, 0);
        sector
    });
    image(b"", sectors.collect())
}

/// A volume with this root directory, and with `annex` before it.
fn image(annex: &[u8], root: Vec<u8>) -> Vec<u8> {
    let mut image = vec![0; ROOT as usize * SECTOR];
    let mut put = |offset: usize, bytes: &[u8]| {
        image[offset..offset + bytes.len()].copy_from_slice(bytes);
    };
    put(32_768, b"\x01CD001\x01");
    put(32_768 + 80, &20_u32.to_le_bytes());
    put(32_768 + 128, &2048_u16.to_le_bytes());
    put(32_768 + 158, &ROOT.to_le_bytes());
    put(32_768 + SECTOR, b"\xFFCD001\x01");
    put(ANNEX as usize * SECTOR, annex);
    image.extend(root);
    image
}

/// A directory full of the records that `make` gives for 0, 1, 2 and so on.
fn packed(own_fields: &[u8], make: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(DIRECTORY).expect("it is small");
    let mut directory = record(&[0], DIRECTORY_FLAG, ROOT, length, own_fields);
    for index in 0.. {
        let record = make(index);
        if directory.len() % SECTOR + record.len() > SECTOR {
            directory.resize(directory.len().next_multiple_of(SECTOR), 0);
        }
        if directory.len() + record.len() > DIRECTORY {
            break;
        }
        directory.extend(record);
    }
    directory.resize(DIRECTORY, 0);
    directory
}

/// A name of 4 bytes that no other number below 43^4 has, in no order.
fn name(index: u32) -> Vec<u8> {
    const LETTERS: &[u8; 43] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$%&#@~";
    let mut rest = index.wrapping_mul(7919) % 43_u32.pow(4);
    std::iter::repeat_with(|| {
        let letter = LETTERS[(rest % 43) as usize];
        rest /= 43;
        letter
    })
    .take(4)
    .collect()
}

fn record(identifier: &[u8], flags: u8, block: u32, length: u32, system_use: &[u8]) -> Vec<u8> {
    let mut record = [&[0, 0][..], &both(block), &both(length), &[120, 1, 1, 0, 0, 0, 0]].concat();
    record.extend([flags, 0, 0, 1, 0, 0, 1]);
    record.push(u8::try_from(identifier.len()).expect("names are short"));
    record.extend_from_slice(identifier);
    record.resize(record.len().next_multiple_of(2), 0);
    record.extend_from_slice(system_use);
    record[0] = u8::try_from(record.len()).expect("records are short");
    record
}

fn rock_ridge() -> Vec<u8> {
    [field(*b"SP", &[0xBE, 0xEF, 0]), field(*b"ER", b"\x0A\0\0\x01RRIP_1991A")].concat()
}

fn continuation(block: u32, offset: u32, length: u32) -> Vec<u8> {
    field(*b"CE", &[both(block), both(offset), both(length)].concat())
}

fn field(signature: [u8; 2], data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(4 + data.len()).expect("fields are short");
    [&signature[..], &[length, 1], data].concat()
}

fn both(number: u32) -> Vec<u8> {
    [number.to_le_bytes(), number.to_be_bytes()].concat()
}
