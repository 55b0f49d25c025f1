//! Request heads, targets, ranges and conditions: any bytes that a client may send on one connection.

use isomirror_core::http::{
    LogLine, RangeRequest, Received, RequestHead, Route, Target, forwarded_client, parse_date,
    receive,
};

/// Requests looked at in one input.
const MAXIMUM_REQUESTS: usize = 32;

/// Reads `data` as a client's requests.
///
/// # Panics
/// Where a target leaves the root, a range its representation, a head depends on what follows it, or a client writes more
/// than its line of the log.
pub fn run(mut data: &[u8]) {
    for _ in 0..MAXIMUM_REQUESTS {
        let Received::Request { head, length } = receive(data) else { return };
        assert!(0 < length && length <= data.len());
        match receive(&data[..length]) {
            Received::Request { head: alone, length: same } => {
                assert_eq!((alone.target, same), (head.target, length));
            }
            other => panic!("with what follows a request, alone {other:?}"),
        }
        examine(&head);
        data = &data[length..];
    }
}

fn examine(head: &RequestHead<'_>) {
    if let Ok(target) = Target::parse(head.target) {
        for segment in target.segments() {
            assert!(!matches!(segment, b"" | b"." | b".."), "{:?}", head.target);
            assert!(!segment.contains(&b'/') && !segment.contains(&0), "{:?}", head.target);
        }
        if let Route::Image(name) | Route::MediumDocument(name) = Route::of(&target) {
            assert!(!name.contains(&b'/'));
        }
    }
    for value in [head.range, head.if_range].into_iter().flatten() {
        for size in [0, 1, 1000, u64::MAX] {
            if let RangeRequest::Part(range) = RangeRequest::parse(value, size) {
                assert!(range.start < range.end && range.end <= size, "{range:?} of {size}");
                assert_eq!(range.length(), range.end - range.start);
            }
        }
    }
    let mut line = Vec::new();
    LogLine::begin(forwarded_client(head), 0, Some(head)).finish("200", 1, &mut line);
    assert_eq!(line.pop(), Some(b'\n'));
    assert!(line.iter().all(|byte| matches!(byte, b' '..=b'~')), "{line:?}");
    for value in [head.if_modified_since, head.if_unmodified_since].into_iter().flatten() {
        let _ = parse_date(value);
    }
}
