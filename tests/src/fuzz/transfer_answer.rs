//! Header fields of answers to downloads, one a line, and the checkpoints that downloads leave behind.

use isomirror_core::transfer::{
    answer::{Answer, Asked, Verdict, judge},
    checkpoint::Checkpoint,
    entry::Entry,
    validator::Validator,
    waiting::retry_after,
};

/// What every request asks for.
const OFFSET: u64 = 1000;

/// Judges an answer with these fields, and reads `data` as the records of a store.
///
/// # Panics
/// Where an answer is appended that does not begin at the byte that was asked for.
pub fn run(data: &[u8]) {
    let _ = (Checkpoint::parse(data), Entry::parse(data));
    let lines = String::from_utf8_lossy(data);
    let mut fields = lines.lines();
    let mut next = || fields.next().map(str::to_owned);
    let status = next().and_then(|field| field.parse().ok()).unwrap_or(206);
    let (tag, modified, answered) = (next(), next(), next());
    let validator = Validator::of_fields(tag.as_deref(), modified.as_deref(), answered.as_deref());
    let answer = Answer {
        status,
        content_range: next(),
        content_length: next().and_then(|field| field.parse().ok()),
        content_type: next(),
        content_encoding: next(),
        retry_after: next(),
        validator,
    };
    assert!(retry_after(answer.retry_after.as_deref(), 0).as_secs() <= 21_600);
    let asked = Asked { offset: OFFSET, is_range: true, is_pinned: true, ..Asked::default() };
    if let Verdict::Take { .. } = judge(&asked, &answer) {
        let range = answer.content_range.unwrap_or_default();
        assert!(status == 206 && range.contains("1000"), "{range}");
    }
}
