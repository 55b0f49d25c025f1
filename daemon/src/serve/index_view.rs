//! Views of all media: the page for people, digests, and figures.

use isomirror_core::{
    http::{Host, ResponseHead, Status},
    view::{IndexView, METRICS_TYPE, MetricsView, MirrorUrl, index_page, metrics},
};

use super::{
    answer::{Answer, Request},
    body::Body,
    published::Page,
    turn::Turn,
};

/// Answers with the page. Its lines to copy have the configured address of the mirror, or the host that was asked; of
/// a client that does not say one it is not known.
pub(super) fn respond(turn: &mut Turn, request: &Request<'_>, out: &mut Vec<u8>) -> Answer {
    // Rendered without the lock of what is published, which all requests take.
    let (exports, pages) = turn.shared.published().for_index();
    let base = exports.views.base_url.as_ref().map(MirrorUrl::of_base);
    let is_mirror_fixed = base.is_some();
    let asked = || request.head.host.and_then(Host::parse).map(|host| MirrorUrl::of_host(&host));
    let mirror = base.or_else(asked);
    let render = || {
        let is_exported = |name: &_| exports.media.contains_key(name);
        let view = IndexView {
            document: &exports.state,
            is_exported: &is_exported,
            mirror: mirror.as_ref(),
            is_mirror_fixed,
        };
        Page::new(index_page(&view))
    };
    let page = pages.get_or_render(mirror.as_ref(), render);
    request.send_varying(turn, out, &page, "text/html; charset=utf-8", !is_mirror_fixed)
}

/// Answers with figures, which are others the next time.
pub(super) fn respond_with_metrics(
    turn: &mut Turn,
    request: &Request<'_>,
    out: &mut Vec<u8>,
) -> Answer {
    let exports = turn.shared.published().exports();
    let text = metrics(&MetricsView {
        document: &exports.state,
        http: turn.shared.figures(),
        work: exports.tally.figures(),
        version: env!("CARGO_PKG_VERSION"),
    });
    ResponseHead::begin(out, Status::Ok, turn.date())
        .field("Content-Type", METRICS_TYPE)
        .content_length(text.len() as u64)
        .end(request.persistence);
    request.add_body(out, text.as_bytes());
    Answer::Ready(Body::None)
}
