//! Damaged ISO 9660 images: each way in which a number can lie, at every kind of place, and random bytes.

use super::{CorruptImage, Patch, Random, layout::Layout, patched};

/// Records of each kind of damage, spread over all that there are.
const RECORDS: usize = 6;

/// All damaged images that come of one sound `base`, `random` of them by chance.
pub fn images(base: &[u8], seed: u64, random: usize) -> impl Iterator<Item = CorruptImage> + '_ {
    let layout = Layout::of(base);
    let damages: Vec<(String, Vec<Patch>)> = [
        descriptors(&layout),
        records(&layout),
        loops(base, &layout),
        fields(&layout),
        continuations(base, &layout),
        compressed_files(&layout),
        boot_catalogs(base, &layout),
        flips(base, &layout, seed, random),
    ]
    .concat();
    let patched = damages.into_iter().map(|(name, patches)| patched(base, name, &patches));
    truncated(base, &layout).into_iter().chain(patched)
}

fn truncated(base: &[u8], layout: &Layout) -> Vec<CorruptImage> {
    let root = layout.directories[0];
    [0, 32_768, 32_768 + 1000, root, root + 100, base.len() / 2, base.len() - 1]
        .map(|length| CorruptImage {
            name: format!("truncated to {length}"),
            bytes: base[..length].to_vec(),
        })
        .to_vec()
}

fn descriptors(layout: &Layout) -> Vec<(String, Vec<Patch>)> {
    let mut damages = Vec::new();
    for (offset, kind) in &layout.descriptors {
        let mut push = |name: String, at: usize, bytes: &[u8]| {
            let name = format!("descriptor of type {kind}: {name}");
            damages.push((name, vec![Patch::new(offset + at, bytes)]));
        };
        for size in [0, 1, 513, 65_535_u16] {
            push(format!("block size {size}"), 128, &size.to_le_bytes());
        }
        push("no root record".to_owned(), 156, &[0; 34]);
        push("root far away".to_owned(), 158, &[0xFF; 4]);
        push("huge root".to_owned(), 166, &[0xFF; 4]);
        push("root in the descriptors".to_owned(), 158, &16_u32.to_le_bytes());
        push("no signature".to_owned(), 1, b"XXXXX");
        push("type 2".to_owned(), 0, &[2]);
        push("type 7".to_owned(), 0, &[7]);
        push("no volume size".to_owned(), 80, &[0; 8]);
        push("huge volume size".to_owned(), 80, &[0xFF; 8]);
        push("no dates".to_owned(), 813, &[0xFF; 34]);
    }
    damages
}

fn records(layout: &Layout) -> Vec<(String, Vec<Patch>)> {
    let mut damages = Vec::new();
    for record in spread(&layout.records) {
        let mut push = |name: String, at: usize, bytes: &[u8]| {
            damages
                .push((format!("record {record}: {name}"), vec![Patch::new(record + at, bytes)]));
        };
        for length in [0, 1, 33, 34, 255] {
            push(format!("length {length}"), 0, &[length]);
        }
        for length in [0, 255] {
            push(format!("name of {length} bytes"), 32, &[length]);
        }
        push("extent far away".to_owned(), 2, &[0xFF; 8]);
        push("extent at 0".to_owned(), 2, &[0; 8]);
        push("huge length".to_owned(), 10, &[0xFF; 8]);
        push("long attributes".to_owned(), 1, &[255]);
        push("interleaved".to_owned(), 26, &[1, 1]);
        push("all flags".to_owned(), 25, &[0xFF]);
        push("name with `/` and NUL".to_owned(), 33, b"/\0");
    }
    for (flag, name) in [(0x80, "multi-extent"), (0x02, "directory"), (0x04, "associated")] {
        let all = layout.records.iter().map(|record| Patch::new(record + 25, [flag])).collect();
        damages.push((format!("all records {name}"), all));
    }
    damages
}

fn loops(base: &[u8], layout: &Layout) -> Vec<(String, Vec<Patch>)> {
    let block =
        |offset: usize| (u32::try_from(offset / 2048).expect("a small image")).to_le_bytes();
    let directories: Vec<_> = layout
        .records
        .iter()
        .copied()
        .filter(|record| base[record + 25] & 2 != 0 && base[record + 33] > 1)
        .collect();
    let containing = |record: usize| {
        let starts = layout.directories.iter().copied();
        starts.filter(|start| *start <= record).max().expect("it lies in one")
    };
    let each = |name: &str, target: &dyn Fn(usize) -> usize| {
        let patches =
            directories.iter().map(|record| Patch::new(record + 2, block(target(*record))));
        (format!("all directories lead to {name}"), patches.collect())
    };
    vec![
        each("themselves", &containing),
        each("the root", &|_| layout.directories[0]),
        each("the last", &|_| *layout.directories.last().expect("there is a root")),
        each("the descriptors", &|_| 32_768),
    ]
}

fn fields(layout: &Layout) -> Vec<(String, Vec<Patch>)> {
    let mut damages = Vec::new();
    for signature in [*b"SP", *b"NM", *b"PX", *b"SL", *b"TF", *b"CE", *b"CL", *b"RE", *b"PN"] {
        let called = String::from_utf8_lossy(&signature).into_owned();
        let all: Vec<_> = layout.fields_called(signature).collect();
        for length in [0, 4, 5, 255] {
            let patches = all.iter().map(|field| Patch::new(field + 2, [length])).collect();
            damages.push((format!("all {called} of {length} bytes"), patches));
        }
        for field in spread(&all) {
            let bad = Patch::new(field + 4, [0xFF; 8]);
            damages.push((format!("{called} {field} full of ones"), vec![bad]));
            let renamed = Patch::new(field, *b"ST");
            damages.push((format!("{called} {field} is the last"), vec![renamed]));
        }
    }
    damages
}

fn continuations(base: &[u8], layout: &Layout) -> Vec<(String, Vec<Patch>)> {
    let mut damages = Vec::new();
    let all: Vec<_> = layout.fields_called(*b"CE").collect();
    for field in spread(&all) {
        let block = u32::try_from(field / 2048).expect("a small image").to_le_bytes();
        let within = u32::try_from(field % 2048).expect("below a sector").to_le_bytes();
        let to_itself = vec![
            Patch::new(field + 4, block),
            Patch::new(field + 12, within),
            Patch::new(field + 20, 28_u32.to_le_bytes()),
        ];
        damages.push((format!("CE {field} leads to itself"), to_itself));
        for (name, at) in [("far away", 4), ("far within", 12), ("huge", 20)] {
            let patch = Patch::new(field + at, [0xFF; 4]);
            damages.push((format!("CE {field} {name}"), vec![patch]));
        }
        let last = u32::try_from(base.len() / 2048 - 1).expect("a small image").to_le_bytes();
        damages.push((format!("CE {field} at the end"), vec![Patch::new(field + 4, last)]));
    }
    damages
}

fn compressed_files(layout: &Layout) -> Vec<(String, Vec<Patch>)> {
    let mut damages = Vec::new();
    for field in layout.fields_called(*b"ZF") {
        for (name, at, bytes) in [
            ("block size 0", 7, &[0][..]),
            ("block size 255", 7, &[255]),
            ("header 0", 6, &[0]),
            ("header 255", 6, &[255]),
            ("size 0", 8, &[0; 4]),
            ("huge size", 8, &[0xFF; 8]),
            ("unknown format", 4, b"xx"),
            ("the other format", 4, b"PZ"),
        ] {
            damages.push((format!("ZF {field} {name}"), vec![Patch::new(field + at, bytes)]));
        }
    }
    damages
}

fn boot_catalogs(base: &[u8], layout: &Layout) -> Vec<(String, Vec<Patch>)> {
    let mut damages = Vec::new();
    for (offset, _) in layout.descriptors.iter().filter(|descriptor| descriptor.1 == 0) {
        damages.push(("catalogue far away".to_owned(), vec![Patch::new(offset + 71, [0xFF; 4])]));
        let sector = base[offset + 71..offset + 75].try_into().expect("they are four");
        let catalog = u32::from_le_bytes(sector) as usize * 2048;
        damages.push(("no validation".to_owned(), vec![Patch::new(catalog, [0; 32])]));
        damages.push(("no checksum".to_owned(), vec![Patch::new(catalog + 28, [0; 2])]));
        damages.push(("many entries".to_owned(), vec![Patch::new(catalog + 66, [0xFF; 2])]));
        let endless = Patch::new(catalog + 64, [0x90, 0, 0, 0].repeat(496));
        damages.push(("many sections".to_owned(), vec![endless]));
    }
    damages
}

/// Random bytes: half of the images have them in the descriptors and directories, half anywhere.
fn flips(base: &[u8], layout: &Layout, seed: u64, count: usize) -> Vec<(String, Vec<Patch>)> {
    let mut random = Random::new(seed);
    let structures: Vec<usize> = layout
        .descriptors
        .iter()
        .map(|descriptor| descriptor.0)
        .chain(layout.directories.iter().copied())
        .collect();
    let mut damages = Vec::new();
    for index in 0..count {
        let flips = 1 + random.below(24);
        let patches = (0..flips)
            .map(|_| {
                let offset = if index % 2 == 0 {
                    structures[random.below(structures.len())] + random.below(2048)
                } else {
                    random.below(base.len())
                };
                Patch::new(offset, random.number().to_le_bytes()[..=random.below(2)].to_vec())
            })
            .collect();
        damages.push((format!("{flips} random bytes, number {index}"), patches));
    }
    damages
}

/// A few of many, from the first to the last.
fn spread(all: &[usize]) -> Vec<usize> {
    let step = all.len().div_ceil(RECORDS).max(1);
    all.iter().copied().step_by(step).collect()
}
