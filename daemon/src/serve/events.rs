//! `/events`: tells browsers that the document has changed, as server-sent events (HTML Living Standard, section 9.2).
//!
//! An event is the document's revision and nothing more: whoever wants the document asks for it. So nothing has to be
//! kept for a listener but the number that it has, and one that is slow misses what came between. Listeners wake
//! nobody up: a worker looks at its own when something is published, and when one of them has heard nothing for long.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use isomirror_core::http::{Method, Persistence, ResponseHead, Status};

use super::{
    answer::{Answer, Request},
    body::{Body, Step},
    turn::Turn,
};

/// After how long without an event a listener is told that there is none. Proxies give up after a minute.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(30);

/// After how many milliseconds a browser that lost its connection comes back.
const RETRY: u32 = 2000;

/// What all listeners are told.
#[derive(Debug)]
pub(super) struct News {
    /// Differs from start to start, since revisions begin anew. In seconds since 1970.
    pub(super) started: u64,
    revision: AtomicU64,
    is_over: AtomicBool,
    listeners: AtomicUsize,
    limit: usize,
}

impl News {
    pub(super) fn new(limit: usize, started: u64) -> Self {
        let (revision, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { started, revision, is_over, listeners: AtomicUsize::new(0), limit }
    }

    /// There is another document. Whoever asks for it from now on has to get it.
    pub(super) fn tell(&self, revision: u64) {
        self.revision.store(revision, Ordering::Release);
    }

    /// There will be no other one.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// How many listen.
    pub(super) fn listeners(&self) -> usize {
        self.listeners.load(Ordering::Relaxed)
    }

    fn join(self: &Arc<Self>) -> Option<Seat> {
        let taken = self.listeners.fetch_add(1, Ordering::Relaxed);
        let seat = Seat(Arc::clone(self));
        (taken < self.limit).then_some(seat)
    }
}

/// The place of a listener, given back when dropped.
#[derive(Debug)]
struct Seat(Arc<News>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.listeners.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The events of one listener.
#[derive(Debug)]
pub(super) struct EventStream {
    seat: Seat,
    /// The revision that the listener knows.
    known: Option<u64>,
    /// Whether it is to be told that there is nothing to tell.
    has_waited: bool,
}

impl EventStream {
    /// Puts what is new into `out`.
    pub(super) fn step(&mut self, out: &mut Vec<u8>) -> Step {
        let news = &self.seat.0;
        if news.is_over.load(Ordering::Acquire) {
            return Step::Done;
        }
        let revision = news.revision.load(Ordering::Acquire);
        if self.known != Some(revision) {
            let id = news.started;
            let event = format!("id: {id}-{revision}\nevent: revision\ndata: {revision}\n\n");
            out.extend_from_slice(event.as_bytes());
            self.known = Some(revision);
        } else if self.has_waited {
            out.extend_from_slice(b":\n\n");
        } else {
            return Step::Idle;
        }
        self.has_waited = false;
        Step::More
    }

    /// It heard nothing for long.
    pub(super) fn beat(&mut self) {
        self.has_waited = true;
    }
}

/// Answers with events until the client or the server ends. The connection ends with them, so they need no chunks.
pub(super) fn respond(turn: &Turn, request: &Request<'_>, out: &mut Vec<u8>) -> Answer {
    let news = &turn.shared.news;
    let Some(seat) = news.join() else {
        return request.refuse(turn, out, Status::ServiceUnavailable);
    };
    let is_asked_for_head = request.head.method == Method::Head;
    let persistence = if is_asked_for_head { request.persistence } else { Persistence::Close };
    ResponseHead::begin(out, Status::Ok, turn.date())
        .field("Content-Type", "text/event-stream")
        // nginx would collect some of them before it passes them on.
        .field("X-Accel-Buffering", "no")
        .end(persistence);
    if is_asked_for_head {
        return Answer::Ready(Body::None);
    }
    out.extend_from_slice(format!("retry: {RETRY}\n\n").as_bytes());
    let known = request.head.last_event_id.and_then(|id| known_revision(id, news.started));
    Answer::Ready(Body::Events(Box::new(EventStream { seat, known, has_waited: false })))
}

/// The revision in the id of an event of this server since it was started.
fn known_revision(id: &[u8], started: u64) -> Option<u64> {
    let (epoch, revision) = str::from_utf8(id).ok()?.split_once('-')?;
    (epoch.parse() == Ok(started)).then(|| revision.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_of_this_start_tell_what_is_known() {
        for (id, known) in [
            (&b"17-3"[..], Some(3)),
            (b"16-3", None),
            (b"17-", None),
            (b"17", None),
            (b"", None),
            (b"17-99999999999999999999", None),
            (b"\xff-3", None),
        ] {
            assert_eq!(known_revision(id, 17), known);
        }
    }

    #[test]
    fn a_listener_hears_of_the_newest_revision_once() {
        let news = Arc::new(News::new(1, 17));
        let seat = news.join().unwrap();
        assert!(news.join().is_none(), "no more than the limit");
        assert_eq!(news.listeners(), 1);
        let mut stream = EventStream { seat, known: None, has_waited: false };
        let mut said = |news: &News, revision: Option<u64>| {
            if let Some(revision) = revision {
                news.tell(revision);
            }
            let mut out = Vec::new();
            let step = stream.step(&mut out);
            (step, String::from_utf8(out).unwrap())
        };
        let event = |revision| format!("id: 17-{revision}\nevent: revision\ndata: {revision}\n\n");
        assert_eq!(said(&news, None), (Step::More, event(0)));
        assert_eq!(said(&news, None), (Step::Idle, String::new()));
        news.tell(1);
        assert_eq!(said(&news, Some(2)), (Step::More, event(2)));
        news.end();
        assert_eq!(said(&news, Some(3)), (Step::Done, String::new()));
        drop(stream);
        assert_eq!(news.listeners(), 0);
    }
}
