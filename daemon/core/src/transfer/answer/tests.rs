use proptest::prelude::*;

use super::*;

fn validator(tag: &str) -> Validator {
    Validator::of_fields(Some(tag), None, None)
}

/// A request that goes on at byte 1000 of 10000.
fn resumed() -> Asked {
    Asked {
        offset: 1000,
        is_range: true,
        size: Some(10_000),
        held: Some(validator("\"a\"")),
        ..Asked::default()
    }
}

fn with(status: u16, length: Option<u64>, range: Option<&str>) -> Answer {
    Answer {
        status,
        content_length: length,
        content_range: range.map(str::to_owned),
        validator: validator("\"a\""),
        ..Answer::default()
    }
}

#[test]
fn a_right_part_is_taken() {
    let right = with(206, Some(9000), Some("bytes 1000-9999/10000"));
    let taken = Verdict::Take { total: Some(10_000), length: Some(9000) };
    assert_eq!(judge(&resumed(), &right), taken);
    let chunked = with(206, None, Some("bytes 1000-9999/10000"));
    assert_eq!(judge(&resumed(), &chunked), taken);
}

#[test]
fn a_wrong_part_is_never_taken() {
    for (range, length, why) in [
        (Some("bytes 0-9999/10000"), Some(10_000), Rejection::WrongRange),
        (Some("bytes 1001-9999/10000"), Some(8999), Rejection::WrongRange),
        (Some("bytes 1000-9999/10000"), Some(8999), Rejection::WrongRange),
        (Some("bytes 1000-10000/10001"), None, Rejection::WrongSize),
        (Some("bytes 1000-9999"), None, Rejection::WrongRange),
        (Some("bytes */10000"), None, Rejection::WrongRange),
        (None, None, Rejection::WrongRange),
    ] {
        let verdict = judge(&resumed(), &with(206, length, range));
        assert_eq!(verdict, Verdict::Reject(why), "{range:?}");
    }
    let bounded = Asked { end: Some(2000), ..resumed() };
    let beyond = with(206, None, Some("bytes 1000-2000/10000"));
    assert_eq!(judge(&bounded, &beyond), Verdict::Reject(Rejection::WrongRange));
    let unasked = with(206, None, Some("bytes 0-9999/10000"));
    assert_eq!(judge(&Asked::default(), &unasked), Verdict::Reject(Rejection::WrongRange));
}

#[test]
fn a_part_of_another_file_is_taken_only_where_a_digest_decides() {
    let mut other = with(206, Some(9000), Some("bytes 1000-9999/10000"));
    other.validator = validator("\"b\"");
    assert_eq!(judge(&resumed(), &other), Verdict::Reject(Rejection::WrongFile));
    let pinned = Asked { is_pinned: true, ..resumed() };
    assert!(matches!(judge(&pinned, &other), Verdict::Take { .. }));
}

#[test]
fn the_whole_in_answer_to_a_range_is_never_appended() {
    let same = with(200, Some(10_000), None);
    assert_eq!(judge(&resumed(), &same), Verdict::Discard { total: Some(10_000) });
    // Beyond a quarter it is begun anew.
    let late = Asked { offset: 5000, ..resumed() };
    let anew = Verdict::Restart { total: Some(10_000), changed: false };
    assert_eq!(judge(&late, &same), anew);
    let mut changed = same.clone();
    changed.validator = validator("\"b\"");
    let restart = Verdict::Restart { total: Some(10_000), changed: true };
    assert_eq!(judge(&resumed(), &changed), restart);
    // Other edges of the same network have other tags; with a digest the size is enough.
    let pinned = Asked { is_pinned: true, ..resumed() };
    assert_eq!(judge(&pinned, &changed), Verdict::Discard { total: Some(10_000) });
    let longer = with(200, Some(10_001), None);
    let restart = Verdict::Restart { total: Some(10_001), changed: true };
    assert_eq!(judge(&resumed(), &longer), restart);
    let unknown = Asked { size: None, held: None, ..resumed() };
    assert!(matches!(judge(&unknown, &with(200, None, None)), Verdict::Restart { .. }));
}

#[test]
fn the_whole_from_the_start_must_have_the_size_that_is_known() {
    let asked = Asked { size: Some(10), ..Asked::default() };
    let taken = Verdict::Take { total: Some(10), length: Some(10) };
    assert_eq!(judge(&asked, &with(200, Some(10), None)), taken);
    let unknown = Verdict::Take { total: None, length: None };
    assert_eq!(judge(&asked, &with(200, None, None)), unknown);
    let wrong = Verdict::Reject(Rejection::WrongSize);
    assert_eq!(judge(&asked, &with(200, Some(9), None)), wrong);
}

#[test]
fn a_refused_range_means_complete_or_too_long() {
    let full = Asked { offset: 10_000, ..resumed() };
    assert_eq!(judge(&full, &with(416, Some(200), Some("bytes */10000"))), Verdict::Complete);
    assert_eq!(judge(&full, &with(416, Some(200), None)), Verdict::Complete);
    let unknown = Asked { size: None, ..full.clone() };
    assert_eq!(judge(&unknown, &with(416, None, Some("bytes */10000"))), Verdict::Complete);
    let shrunk = with(416, None, Some("bytes */9000"));
    assert_eq!(judge(&unknown, &shrunk), Verdict::TooLong { total: Some(9000) });
    assert_eq!(judge(&unknown, &with(416, None, None)), Verdict::TooLong { total: None });
    // It is known to be longer: this mirror has something else.
    assert_eq!(judge(&resumed(), &shrunk), Verdict::Reject(Rejection::WrongSize));
}

#[test]
fn what_is_no_image_is_rejected_by_its_header() {
    let answer = |kind: Option<&str>, encoding: Option<&str>| Answer {
        content_type: kind.map(str::to_owned),
        content_encoding: encoding.map(str::to_owned),
        ..with(200, Some(10_000), None)
    };
    for (answer, why) in [
        (answer(Some("text/html; charset=utf-8"), None), Rejection::WebPage),
        (answer(Some("TEXT/HTML"), None), Rejection::WebPage),
        (answer(None, Some("gzip")), Rejection::Encoded),
        (answer(Some("multipart/byteranges; boundary=x"), None), Rejection::Multipart),
    ] {
        assert_eq!(judge(&Asked::default(), &answer), Verdict::Reject(why), "{answer:?}");
    }
    let plain = answer(Some("application/x-iso9660-image"), Some("identity"));
    assert!(matches!(judge(&Asked::default(), &plain), Verdict::Take { .. }));
}

#[test]
fn refusals_tell_whether_to_ask_again() {
    let of = |status| judge(&Asked::default(), &with(status, None, None));
    assert_eq!((of(404), of(410)), (Verdict::Gone, Verdict::Gone));
    assert_eq!((of(401), of(403)), (Verdict::Forbidden, Verdict::Forbidden));
    assert_eq!((of(500), of(502), of(408)), (Verdict::Failed, Verdict::Failed, Verdict::Failed));
    let later = Answer { retry_after: Some("120".into()), ..with(503, None, None) };
    assert_eq!(judge(&Asked::default(), &later), Verdict::Wait(Some("120".into())));
    assert_eq!(of(304), Verdict::Reject(Rejection::Redirect));
}

proptest! {
    /// Whatever a server says: bytes are joined to those that are held only where they begin at the right place of a
    /// file of the right size, which is known to be the same one or decided by a digest.
    #[test]
    fn nothing_is_joined_to_what_it_may_not_belong_to(
        status in prop_oneof![Just(200u16), Just(206), Just(416), 100u16..600],
        length in proptest::option::of(0u64..20_000),
        first in 0u64..3000, last in 0u64..12_000,
        total in proptest::option::of(9_999u64..10_002),
        tag in prop_oneof![Just("\"a\""), Just("\"b\""), Just("W/\"a\"")],
        offset in 1u64..3000, is_pinned: bool,
    ) {
        let range = format!("bytes {first}-{last}/{}", total.map_or("*".into(), |t| t.to_string()));
        let mut answer = with(status, length, Some(&range));
        answer.validator = validator(tag);
        let asked = Asked { offset, is_pinned, ..resumed() };
        match judge(&asked, &answer) {
            Verdict::Take { .. } => {
                prop_assert_eq!((status, first), (206, offset));
                prop_assert!(total.is_none_or(|total| total == 10_000));
                prop_assert!(is_pinned || tag == "\"a\"");
            }
            Verdict::Discard { total } => {
                prop_assert!(matches!(status, 200 | 203));
                prop_assert!(total.is_none_or(|total| total == 10_000));
                prop_assert!(is_pinned || tag == "\"a\"");
            }
            _ => {}
        }
    }
}
