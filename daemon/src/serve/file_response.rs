//! Files, and the responses that send them.

use isomirror_core::{
    http::{
        ByteRange, EntityTag, Method, Precondition, RangeRequest, RequestHead, ResponseHead,
        Status, Validators, format_date, media_type,
    },
    image::{Content, Extent, ExtentData, Node, ReadAt, ReadError},
    medium::Identity,
};

use std::sync::{Arc, OnceLock};

use super::{
    answer::{Answer, Request},
    body::{Body, Reading, Stored},
    published::Served,
    turn::Turn,
};

/// Bodies up to this size are read and sent together with their head, by one call each.
const SMALL: u64 = 16 << 10;

/// Bodies up to this size are kept in memory for those who ask for the same.
const KEPT: u64 = 4 << 10;

/// A file with all that a response needs to know of it. It holds no medium.
#[derive(Debug)]
pub(super) struct ServedFile {
    pub(super) content: Content,
    pub(super) size: u64,
    tag: EntityTag,
    /// Seconds since 1970; absent where the file claims to be from the future or beyond any calendar.
    modified: Option<i64>,
    /// The header fields that every response with this file has.
    fields: Vec<u8>,
    /// A small part of it that was sent, or all of a small file.
    kept: OnceLock<(ByteRange, Box<[u8]>)>,
    /// Whether all of its bytes lie inside the medium.
    sound: bool,
}

impl ServedFile {
    /// The file `node`, which was asked for by `name`. `now` is in seconds since 1970.
    pub(super) fn of_node(
        served: &Served,
        node: &Node,
        name: &[u8],
        now: i64,
    ) -> Result<Self, ReadError> {
        let content = served.medium.image().content(node.id)?;
        let medium = served.medium.file().identity().key();
        let tag = EntityTag::of_file(medium, node.id, content.size(), node.modified);
        let limit = served.medium.file().size();
        Ok(Self::new(content, tag, node.modified.seconds, media_type(name), now, limit))
    }

    /// The whole medium.
    pub(super) fn of_medium(served: &Served, now: i64) -> Self {
        let (file, volume) = (served.medium.file(), served.medium.image().volume());
        let length = file.size();
        let extent = Extent { length, data: ExtentData::Image(0) };
        let extents = if length == 0 { Vec::new() } else { vec![extent] };
        let modified = match file.identity() {
            Identity::File { modified, .. } => {
                i64::try_from(modified.div_euclid(1_000_000_000)).unwrap_or(i64::MAX)
            }
            Identity::Disc { .. } => volume.modified.map_or(i64::MAX, |moment| moment.seconds),
        };
        let tag = EntityTag::of_medium(file.identity().key());
        Self::new(Content::Extents(extents), tag, modified, media_type(b".iso"), now, length)
    }

    fn new(
        content: Content,
        tag: EntityTag,
        modified: i64,
        media_type: &str,
        now: i64,
        limit: u64,
    ) -> Self {
        let date = Some(modified).filter(|modified| *modified <= now).and_then(format_date);
        let mut fields =
            format!("Accept-Ranges: bytes\r\nContent-Type: {media_type}\r\nETag: {tag}\r\n");
        if let Some(date) = &date {
            fields.push_str("Last-Modified: ");
            fields.push_str(date);
            fields.push_str("\r\n");
        }
        Self {
            size: content.size(),
            sound: lies_inside(&content, limit),
            content,
            tag,
            modified: date.is_some().then_some(modified),
            fields: fields.into_bytes(),
            kept: OnceLock::new(),
        }
    }

    /// Bytes of memory that it may come to occupy.
    pub(super) fn weight(&self) -> usize {
        let content = match &self.content {
            Content::Extents(extents) => size_of_val(extents.as_slice()),
            Content::Embedded(bytes) => bytes.len(),
            Content::Zisofs(zisofs) => size_of_val(zisofs.stored.as_slice()),
        };
        let kept = usize::try_from(self.size.min(KEPT)).unwrap_or_default();
        size_of::<Self>() + self.fields.len() + content + kept
    }

    /// The bytes of `range`, if they are kept.
    fn kept(&self, range: ByteRange) -> Option<&[u8]> {
        self.kept.get().filter(|(kept, _)| *kept == range).map(|(_, bytes)| &**bytes)
    }

    /// Keeps the bytes of `range` if they are few. Never of a disc's: each answer has to find out that it still is there.
    fn keep(&self, served: &Served, range: ByteRange, bytes: &[u8]) {
        if range.length() <= KEPT && !served.is_in_drive() {
            self.kept.get_or_init(|| (range, bytes.into()));
        }
    }
}

fn lies_inside(content: &Content, limit: u64) -> bool {
    let extents = match content {
        Content::Extents(extents) => extents,
        Content::Zisofs(zisofs) => &zisofs.stored,
        Content::Embedded(_) => return true,
    };
    extents.iter().all(|extent| match extent.data {
        ExtentData::Zeros => true,
        ExtentData::Image(start) => {
            start.checked_add(extent.length).is_some_and(|end| end <= limit)
        }
    })
}

/// Answers with a file, or with what the request's conditions and range make of it.
pub(super) fn respond(
    turn: &Turn,
    request: &Request<'_>,
    out: &mut Vec<u8>,
    served: &Arc<Served>,
    file: &Arc<ServedFile>,
) -> Answer {
    if !file.sound {
        return request.refuse(turn, out, Status::InternalServerError);
    }
    let validators = Validators { tag: &file.tag, modified: file.modified };
    match validators.evaluate(request.head) {
        Precondition::Met => {}
        Precondition::NotModified => {
            let head = ResponseHead::begin(out, Status::NotModified, turn.date());
            head.fields(&file.fields).end(request.persistence);
            return Answer::Ready(Body::None);
        }
        Precondition::Failed => return request.refuse(turn, out, Status::PreconditionFailed),
    }
    let whole = ByteRange { start: 0, end: file.size };
    let range = match range_of(request.head, &validators, file.size) {
        RangeRequest::Whole => whole,
        RangeRequest::Part(range) => range,
        RangeRequest::Unsatisfiable => return refuse_range(turn, request, out, file),
    };
    let part = range_of(request.head, &validators, file.size) != RangeRequest::Whole;
    let status = if part { Status::PartialContent } else { Status::Ok };
    let mut head = ResponseHead::begin(out, status, turn.date()).fields(&file.fields);
    if part {
        head = head.field("Content-Range", &range.content_range(file.size));
    }
    head.content_length(range.length()).end(request.persistence);
    if request.head.method == Method::Head {
        return Answer::Ready(Body::None);
    }
    body(turn, request, out, served, file, range)
}

/// A range means something for GET only (RFC 9110 section 14.2).
fn range_of(head: &RequestHead<'_>, validators: &Validators<'_>, size: u64) -> RangeRequest {
    match head.range {
        Some(value) if head.method == Method::Get && validators.allow_range(head) => {
            RangeRequest::parse(value, size)
        }
        _ => RangeRequest::Whole,
    }
}

fn refuse_range(
    turn: &Turn,
    request: &Request<'_>,
    out: &mut Vec<u8>,
    file: &ServedFile,
) -> Answer {
    let status = Status::RangeNotSatisfiable;
    ResponseHead::begin(out, status, turn.date())
        .field("Content-Range", &format!("bytes */{}", file.size))
        .end_with_status(status, request.head.method, request.persistence);
    Answer::Ready(Body::None)
}

/// The body behind the head that is in `out` now; a small one joins it there.
fn body(
    turn: &Turn,
    request: &Request<'_>,
    out: &mut Vec<u8>,
    served: &Arc<Served>,
    file: &Arc<ServedFile>,
    range: ByteRange,
) -> Answer {
    if range.length() > SMALL {
        let (served, file) = (Arc::clone(served), Arc::clone(file));
        return Answer::Ready(match file.content {
            Content::Extents(_) if !served.is_in_drive() => {
                Body::Stored(Stored::new(served, file, range))
            }
            Content::Extents(_) | Content::Embedded(_) | Content::Zisofs(_) => {
                Body::Reading(Reading { served, file, range })
            }
        });
    }
    if let Some(bytes) = file.kept(range) {
        out.extend_from_slice(bytes);
        return Answer::Ready(Body::None);
    }
    let head_end = out.len();
    let length = usize::try_from(range.length()).unwrap_or_default();
    out.resize(head_end + length, 0);
    let read = served.medium.image().read(&file.content, range.start, &mut out[head_end..]);
    if matches!(read, Ok(read) if read == length) {
        file.keep(served, range, &out[head_end..]);
        return Answer::Ready(Body::None);
    }
    // Nothing was sent yet, so there still is a way to say it.
    out.clear();
    request.refuse(turn, out, Status::InternalServerError)
}
