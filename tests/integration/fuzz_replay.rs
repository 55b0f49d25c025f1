//! Every parser withstands its fuzz corpus and thousands of damaged copies of it, each within a second.

use std::{
    fs, panic,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use isomirror_core::image::Image;
use isomirror_tests::fuzz::{
    TARGETS, Target,
    mutate::{Generator, damaged},
    sparse::SparseImage,
};
use rustix::time::{ClockId, clock_gettime};

/// Processor time that one input may cost, unoptimised code and all.
const LIMIT: Duration = Duration::from_secs(1);
/// Damaged copies of each input of a corpus.
const COPIES: u64 = 2000;

#[test]
fn checksum_list_withstands_its_corpus() {
    replay("checksum_list");
}

#[test]
fn el_torito_withstands_its_corpus() {
    replay("el_torito");
}

#[test]
fn http_head_withstands_its_corpus() {
    replay("http_head");
}

#[test]
fn iso9660_withstands_its_corpus() {
    replay("iso9660");
}

#[test]
fn label_withstands_its_corpus() {
    replay("label");
}

#[test]
fn listing_withstands_its_corpus() {
    replay("listing");
}

#[test]
fn metalink_withstands_its_corpus() {
    replay("metalink");
}

#[test]
fn mountinfo_withstands_its_corpus() {
    replay("mountinfo");
}

#[test]
fn role_message_withstands_its_corpus() {
    replay("role_message");
}

#[test]
fn peer_index_withstands_its_corpus() {
    replay("peer_index");
}

#[test]
fn signature_withstands_its_corpus() {
    replay("signature");
}

#[test]
fn transfer_answer_withstands_its_corpus() {
    replay("transfer_answer");
}

#[test]
fn treeinfo_withstands_its_corpus() {
    replay("treeinfo");
}

#[test]
fn udf_withstands_its_corpus() {
    replay("udf");
}

#[test]
fn wim_withstands_its_corpus() {
    replay("wim");
}

#[test]
fn every_target_has_a_corpus_and_a_fuzzer_and_nobody_else() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let names = |directory: &str| {
        let entries = fs::read_dir(fuzz.join(directory)).unwrap();
        let stem = |path: PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
        let mut names: Vec<_> = entries.map(|entry| stem(entry.unwrap().path())).collect();
        names.sort();
        names
    };
    let expected: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("corpus"), expected);
    assert_eq!(names("fuzz_targets"), expected);
}

#[test]
fn seeds_of_images_are_read_to_the_last_file() {
    // Else all that the fuzzers damage is something that is refused at its first byte.
    for (target, seed, expected) in [
        ("iso9660", "plain", Some("repeated")),
        ("iso9660", "joliet", Some("repeated")),
        ("iso9660", "rock-ridge", Some("repeated")),
        ("iso9660", "rock-ridge-joliet", Some("repeated")),
        ("iso9660", "relocated", Some("repeated")),
        ("iso9660", "zisofs", Some("repeated")),
        ("udf", "bridge", Some("repeated")),
        ("udf", "mkudffs-102", None),
        ("udf", "mkudffs-150", None),
        ("udf", "mkudffs-201", None),
        ("udf", "mkudffs-sparable", None),
    ] {
        let path = corpus(target).join(seed);
        let image = SparseImage::unpack(&fs::read(path).unwrap());
        let image = Image::open(Arc::new(image)).unwrap_or_else(|e| panic!("{target}/{seed}: {e}"));
        let Some(name) = expected else { continue };
        let file = image.lookup(image.root(), name.as_bytes()).unwrap();
        let content = image.content(file.unwrap_or_else(|| panic!("{target}/{seed}: no `{name}`")));
        let mut text = [0; 12];
        assert_eq!(image.read(&content.unwrap(), 5988, &mut text).unwrap(), 12, "{target}/{seed}");
        assert_eq!(&text, b"compress me ", "{target}/{seed}");
    }
}

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

fn replay(name: &str) {
    let target = TARGETS.iter().find(|(target, _)| *target == name).unwrap();
    let corpus = corpus(name);
    let mut inputs: Vec<_> = fs::read_dir(&corpus).unwrap().map(|e| e.unwrap().path()).collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{} holds no input", corpus.display());
    for path in inputs {
        let input = fs::read(&path).unwrap();
        withstands(target, &input, &path.display().to_string());
        for seed in 0..COPIES {
            let copy = damaged(&input, &mut Generator::new(seed));
            withstands(target, &copy, &format!("{} damaged with seed {seed}", path.display()));
        }
    }
}

fn withstands((name, body): &Target, input: &[u8], what: &str) {
    let before = processor_time();
    let result = panic::catch_unwind(|| body(input));
    let spent = processor_time().saturating_sub(before);
    if result.is_err() || spent > LIMIT {
        let finding = std::env::temp_dir().join(format!("isomirror-finding-{name}"));
        fs::write(&finding, input).unwrap();
        panic!("{name}: {what}: {spent:?}, the input is in {}", finding.display());
    }
}

/// Of this thread: other tests must not make an input look slow.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
