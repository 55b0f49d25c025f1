//! From a request to what is sent for it.

use std::sync::Arc;

use isomirror_core::{
    http::{
        EntityTag, Method, Persistence, Precondition, RequestHead, ResponseHead, Route, Status,
        Target, Validators, media_type,
    },
    view::content_security_policy,
};

use super::{
    body::Body,
    events,
    file_response::{self, ServedFile},
    index_view,
    mirror_view::{self, MirrorView},
    published::{Page, Served},
    tree,
    turn::Turn,
};

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) head: &'a RequestHead<'a>,
    pub(super) persistence: Persistence,
}

/// What became of a request.
#[derive(Debug)]
pub(super) enum Answer {
    /// The head of the response was written, with a small body maybe; this is left to be sent.
    Ready(Body),
    /// Nothing was written: to answer, this medium's drive has to be read, which only its thread may do.
    OnDrive(Arc<Served>),
}

/// Answers one request into `out`, which is empty.
pub(super) fn answer(turn: &mut Turn, head: &RequestHead<'_>, out: &mut Vec<u8>) -> Answer {
    let is_last = !head.persistent || turn.shared.ends_at.get().is_some();
    let persistence = match (is_last, head.is_http_1_1) {
        (true, _) => Persistence::Close,
        (false, true) => Persistence::KeepAlive,
        (false, false) => Persistence::KeepAliveStated,
    };
    let request = Request { head, persistence };
    let answer = match Target::parse(head.target) {
        Ok(target) => route(turn, &request, out, &target),
        Err(_) => request.refuse(turn, out, Status::BadRequest),
    };
    if matches!(answer, Answer::Ready(_)) {
        turn.shared.count_response(out);
    }
    answer
}

fn route(turn: &mut Turn, request: &Request<'_>, out: &mut Vec<u8>, target: &Target) -> Answer {
    const JSON: &str = "application/json";
    match Route::of(target) {
        Route::Index => index_view::respond(turn, request, out),
        Route::IndexDocument => {
            let page = turn.shared.published().document();
            request.send_optional(turn, out, page, JSON)
        }
        Route::MediumDocument(name) => {
            let page = turn.shared.published().medium_document(name);
            request.send_optional(turn, out, page, JSON)
        }
        Route::Events => events::respond(turn, request, out),
        Route::Metrics => index_view::respond_with_metrics(turn, request, out),
        Route::Checksums => {
            let page = turn.shared.published().checksums();
            request.send_page(turn, out, &page, media_type(b"CHECKSUM"))
        }
        Route::BootMenu => mirror_view::respond(turn, request, out, MirrorView::Menu),
        Route::MediumScript(name) => of_medium(turn, request, out, name, MirrorView::Script),
        Route::RpmRepositories(name) => {
            of_medium(turn, request, out, name, MirrorView::RpmRepositories)
        }
        Route::AptSources(name) => of_medium(turn, request, out, name, MirrorView::AptSources),
        Route::Overlay { name, path } => overlay(turn, request, out, target, (name, path)),
        Route::Health => {
            ResponseHead::begin(out, Status::Ok, turn.date())
                .field("Content-Type", "text/plain; charset=utf-8")
                .content_length(3)
                .end(request.persistence);
            request.add_body(out, b"ok\n");
            Answer::Ready(Body::None)
        }
        Route::Image(name) => match turn.shared.find(name) {
            Some(served) => whole_medium(turn, request, out, &served),
            None => request.refuse(turn, out, Status::NotFound),
        },
        Route::Tree { name, path } => match turn.shared.find(name) {
            Some(served) => tree::answer(turn, request, out, &served, target, path),
            None => request.refuse(turn, out, Status::NotFound),
        },
        Route::Unknown => request.refuse(turn, out, Status::NotFound),
    }
}

fn of_medium<'a>(
    turn: &mut Turn,
    request: &Request<'_>,
    out: &mut Vec<u8>,
    name: &'a [u8],
    view: fn(&'a str) -> MirrorView<'a>,
) -> Answer {
    match str::from_utf8(name) {
        Ok(name) => mirror_view::respond(turn, request, out, view(name)),
        Err(_) => request.refuse(turn, out, Status::NotFound),
    }
}

/// The tree of a medium with the files that stand in for some of its own.
fn overlay(
    turn: &mut Turn,
    request: &Request<'_>,
    out: &mut Vec<u8>,
    target: &Target,
    (name, path): (&[u8], &[u8]),
) -> Answer {
    let Some(served) = turn.shared.find(name) else {
        return request.refuse(turn, out, Status::NotFound);
    };
    let is_generated = served.medium.generated().file(path).is_some();
    match (str::from_utf8(name), str::from_utf8(path)) {
        (Ok(name), Ok(path)) if is_generated && !target.has_trailing_slash() => {
            mirror_view::respond(turn, request, out, MirrorView::Generated(name, path))
        }
        _ => tree::answer(turn, request, out, &served, target, path),
    }
}

fn whole_medium(
    turn: &Turn,
    request: &Request<'_>,
    out: &mut Vec<u8>,
    served: &Arc<Served>,
) -> Answer {
    if !turn.may_read(served) {
        return Answer::OnDrive(Arc::clone(served));
    }
    let describe = || Arc::new(ServedFile::of_medium(served, turn.seconds()));
    let file = Arc::clone(served.image.get_or_init(describe));
    file_response::respond(turn, request, out, served, &file)
}

impl Request<'_> {
    /// Answers with a status and nothing else.
    pub(super) fn refuse(&self, turn: &Turn, out: &mut Vec<u8>, status: Status) -> Answer {
        ResponseHead::begin(out, status, turn.date()).end_with_status(
            status,
            self.head.method,
            self.persistence,
        );
        Answer::Ready(Body::None)
    }

    /// Leads the client to `location`, a path on this server.
    pub(super) fn redirect(&self, turn: &Turn, out: &mut Vec<u8>, location: &str) -> Answer {
        let status = Status::MovedPermanently;
        ResponseHead::begin(out, status, turn.date()).field("Location", location).end_with_status(
            status,
            self.head.method,
            self.persistence,
        );
        Answer::Ready(Body::None)
    }

    /// Adds the body of a GET.
    pub(super) fn add_body(&self, out: &mut Vec<u8>, body: &[u8]) {
        if self.head.method == Method::Get {
            out.extend_from_slice(body);
        }
    }

    fn send_optional(
        &self,
        turn: &Turn,
        out: &mut Vec<u8>,
        page: Option<Page>,
        media_type: &str,
    ) -> Answer {
        match page {
            Some(page) => self.send_page(turn, out, &page, media_type),
            None => self.refuse(turn, out, Status::NotFound),
        }
    }

    fn send_page(&self, turn: &Turn, out: &mut Vec<u8>, page: &Page, media_type: &str) -> Answer {
        self.send_varying(turn, out, page, media_type, false)
    }

    /// Sends a page; `varies` if it is another one for who asks another host.
    pub(super) fn send_varying(
        &self,
        turn: &Turn,
        out: &mut Vec<u8>,
        page: &Page,
        media_type: &str,
        varies: bool,
    ) -> Answer {
        let tag: &EntityTag = &page.tag;
        let status = match (Validators { tag, modified: None }).evaluate(self.head) {
            Precondition::Met => Status::Ok,
            Precondition::NotModified => Status::NotModified,
            Precondition::Failed => return self.refuse(turn, out, Status::PreconditionFailed),
        };
        let mut head = ResponseHead::begin(out, status, turn.date())
            .field("Content-Type", media_type)
            .field("Content-Security-Policy", content_security_policy())
            .field("ETag", tag.as_str());
        if varies {
            head = head.field("Vary", "Host");
        }
        if status == Status::NotModified {
            head.end(self.persistence);
            return Answer::Ready(Body::None);
        }
        head.content_length(page.text.len() as u64).end(self.persistence);
        Answer::Ready(match self.head.method {
            Method::Get => Body::Text(Arc::clone(&page.text), 0),
            Method::Head => Body::None,
        })
    }
}
