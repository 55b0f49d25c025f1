//! One connection: it asks one place for one claim of a file, and hands what comes to the writer.

use std::{sync::Arc, time::Instant};

use bytes::{Bytes, BytesMut};
use isomirror_core::transfer::{
    answer::{Answer, Asked, Rejection, Verdict, judge},
    beginning,
    checkpoint::Origin as Noted,
    pace::Pace,
    segments::Claim,
    validator::Validator,
};
use tokio::time::timeout;

use super::{Origin, body::Body, client, directory, shared::Shared, smb};
use crate::logging::Chain;

/// A connection to be made.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) shared: Arc<Shared>,
    /// Place of the mirror in the download's list.
    pub(super) mirror: usize,
    pub(super) claim: Claim,
    /// Whether it is the only one, so that it may take the whole for a part.
    pub(super) alone: bool,
}

/// How a connection ended.
#[derive(Debug)]
pub(super) struct LaneEnd {
    pub(super) mirror: usize,
    pub(super) claim: Claim,
    /// Bytes that it brought.
    pub(super) bytes: u64,
    /// Time that it waited for them, in seconds.
    pub(super) seconds: f64,
    pub(super) cause: Cause,
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// It got what it claimed.
    Done,
    /// It could not be made, or broke.
    Broken(String),
    /// It was silent, or too slow.
    Slow(String),
    /// The answer meant this.
    Verdict(Verdict),
    /// The file is known to be wrong.
    KnownWrong,
    /// The image has more bytes than are allowed.
    TooLarge(u64),
    /// The writer has ended.
    WriterGone,
}

impl From<super::writer::WriterGone> for Cause {
    fn from(_: super::writer::WriterGone) -> Self {
        Self::WriterGone
    }
}

impl Lane {
    /// Works until the claim is there, or something ends it.
    pub(super) async fn run(self) -> LaneEnd {
        let mut taken = Taken::default();
        let cause = match self.work(&mut taken).await {
            Ok(()) => Cause::Done,
            Err(cause) => cause,
        };
        let Self { mirror, claim, .. } = self;
        LaneEnd { mirror, claim, bytes: taken.bytes, seconds: taken.seconds, cause }
    }

    async fn work(&self, taken: &mut Taken) -> Result<(), Cause> {
        let held = self.shared.held(self.mirror);
        let asked = self.asked(held);
        let (answer, body, discard) = self.open(&asked).await?;
        let url = self.origin().to_string();
        let state = state(&answer);
        if asked.offset == 0 && self.shared.is_known_wrong(&url, &state) {
            return Err(Cause::KnownWrong);
        }
        self.shared.note_state(self.mirror, state);
        self.shared.note_validator(self.mirror, answer.validator.clone());
        self.shared.queue.origin(Noted { url, validator: answer.validator }).await?;
        let offset = self.claim.range.start;
        self.receive(Receiving { body, discard, offset }, taken).await
    }

    fn asked(&self, held: Option<Validator>) -> Asked {
        let range = &self.claim.range;
        let end = (range.end < u64::MAX).then_some(range.end);
        let size = self.shared.size();
        Asked {
            offset: range.start,
            // From the start to the end is what every server understands.
            is_range: range.start > 0 || end.is_some() && end != size,
            end: end.filter(|end| Some(*end) != size),
            size,
            held,
            is_pinned: self.shared.is_pinned(),
        }
    }

    fn origin(&self) -> &Origin {
        self.shared.origin(self.mirror)
    }

    /// Asks, and returns the body with the bytes of it that come before the claim.
    async fn open(&self, asked: &Asked) -> Result<(Answer, Body, u64), Cause> {
        let if_range = asked.held.as_ref().and_then(Validator::if_range).map(str::to_owned);
        if asked.offset > 0 && !asked.is_pinned && if_range.is_none() {
            // Nothing tells that the rest would be of the same file.
            return Err(Cause::Verdict(Verdict::Restart { total: None, changed: false }));
        }
        let (answer, body) = self.ask(asked, if_range.as_deref()).await?;
        let mut verdict = judge(asked, &answer);
        let mut opened = (answer, body);
        if matches!(verdict, Verdict::Discard { .. } | Verdict::Restart { changed: false, .. })
            && asked.is_pinned
            && if_range.is_some()
        {
            // Some servers never answer an If-Range with a part. The digest decides in the end, so it can be left out.
            opened = self.ask(asked, None).await?;
            verdict = judge(asked, &opened.0);
        }
        let (total, discard) = match verdict {
            Verdict::Take { total, .. } => (total, 0),
            Verdict::Discard { total } if self.alone => (total, asked.offset),
            other => return Err(Cause::Verdict(other)),
        };
        if discard > 0 {
            self.shared.note_no_ranges(self.mirror);
        }
        self.note_total(total).await?;
        Ok((opened.0, opened.1, discard))
    }

    async fn ask(&self, asked: &Asked, if_range: Option<&str>) -> Result<(Answer, Body), Cause> {
        let policy = self.shared.fetcher.policy();
        match self.origin() {
            Origin::Http(url) | Origin::Peer(url) => {
                let request = client::request(self.shared.fetcher.client(), url, asked, if_range);
                let response = match timeout(policy.header, request).await {
                    Err(_) => return Err(Cause::Slow("it does not answer".to_owned())),
                    Ok(Err(error)) if error.is_redirect() => {
                        return Err(Cause::Verdict(Verdict::Reject(Rejection::Redirect)));
                    }
                    Ok(response) => response.map_err(|e| Cause::Broken(client::why_unasked(e)))?,
                };
                let is_downgraded = url.scheme() == "https" && response.url().scheme() != "https";
                if is_downgraded && !asked.is_pinned {
                    return Err(Cause::Verdict(Verdict::Reject(Rejection::Redirect)));
                }
                Ok((client::answer(&response), Body::Http(response)))
            }
            Origin::File(path) => {
                let opened = directory::open(path, asked, policy.header).await;
                let (answer, reading) = opened.map_err(Cause::Slow)?;
                Ok((answer, Body::File(reading)))
            }
            Origin::Smb(file) => {
                let opened = smb::open(file, asked, smb::Times::of_policy(policy));
                let opened = timeout(policy.connect + policy.header, opened).await;
                let opened = opened.map_err(|_| Cause::Slow("it does not answer".to_owned()))?;
                let (answer, reading) = opened.map_err(|e| Cause::Broken(Chain(&e).to_string()))?;
                Ok((answer, Body::Smb(reading)))
            }
        }
    }

    async fn note_total(&self, total: Option<u64>) -> Result<(), Cause> {
        let Some(total) = total else { return Ok(()) };
        if total > self.shared.limit() {
            return Err(Cause::TooLarge(total));
        }
        if self.shared.learn_size(total) {
            self.shared.queue.size(total).await?;
        }
        Ok(())
    }

    async fn receive(&self, mut from: Receiving, taken: &mut Taken) -> Result<(), Cause> {
        let policy = *self.shared.fetcher.policy();
        let mut pace = Pace::new(policy.stall, policy.minimum_speed);
        let mut head = (from.offset == 0).then(BytesMut::new);
        loop {
            let begun = Instant::now();
            let next = timeout(policy.stall, from.body.next()).await;
            let waited = begun.elapsed();
            taken.seconds += waited.as_secs_f64();
            let chunk = match next {
                Err(_) => return Err(Cause::Slow("it fell silent".to_owned())),
                Ok(Err(reason)) => return Err(Cause::Broken(reason)),
                Ok(Ok(None)) => {
                    if let Some(head) = head.take() {
                        self.check(&head)?;
                        self.keep(&mut from, head.freeze(), taken).await?;
                    }
                    return self.ended(from.offset).await;
                }
                Ok(Ok(Some(chunk))) => chunk,
            };
            self.shared.fetcher.limiter().take(chunk.len() as u64).await;
            pace.record(waited, chunk.len() as u64);
            if pace.is_too_slow() {
                return Err(Cause::Slow("it is too slow".to_owned()));
            }
            let ready = match &mut head {
                None => Some(chunk),
                Some(gathered) => {
                    gathered.extend_from_slice(&chunk);
                    (gathered.len() >= beginning::LENGTH).then(|| gathered.split().freeze())
                }
            };
            let Some(chunk) = ready else { continue };
            if head.take().is_some() {
                self.check(&chunk)?;
            }
            if self.keep(&mut from, chunk, taken).await? {
                return Ok(());
            }
        }
    }

    fn check(&self, head: &[u8]) -> Result<(), Cause> {
        // A file that ends early says nothing about what it is.
        let is_whole = self.shared.size().is_none_or(|size| size <= head.len() as u64);
        if head.len() < beginning::LENGTH && !is_whole && head.first() != Some(&b'<') {
            return Ok(());
        }
        let rejection = beginning::rejection(head, self.shared.is_iso());
        rejection.map_or(Ok(()), |why| Err(Cause::Verdict(Verdict::Reject(why))))
    }

    /// Hands a chunk over; true when the claim is done.
    async fn keep(
        &self,
        from: &mut Receiving,
        mut chunk: Bytes,
        taken: &mut Taken,
    ) -> Result<bool, Cause> {
        let before = usize::try_from(from.discard).unwrap_or(usize::MAX).min(chunk.len());
        let discarded = chunk.split_to(before);
        from.discard -= discarded.len() as u64;
        if chunk.is_empty() {
            return Ok(false);
        }
        let arrived = chunk.len() as u64;
        let kept = self.shared.advance(&self.claim, arrived);
        if from.offset + kept > self.shared.limit() {
            return Err(Cause::TooLarge(from.offset + kept));
        }
        chunk.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        self.shared.queue.bytes(from.offset, chunk).await?;
        from.offset += kept;
        taken.bytes += kept;
        if kept < arrived && self.shared.size() == Some(from.offset) {
            return Err(Cause::Verdict(Verdict::Reject(Rejection::TooMuch)));
        }
        // At the end of the file what still comes is looked at: the connection can be used again, or lies.
        Ok(self.shared.is_done(&self.claim) && self.shared.size() != Some(from.offset))
    }

    /// The body is at its end.
    async fn ended(&self, offset: u64) -> Result<(), Cause> {
        match self.shared.size() {
            None => {
                self.shared.learn_size(offset);
                self.shared.queue.size(offset).await?;
                Ok(())
            }
            Some(_) if self.shared.is_done(&self.claim) => Ok(()),
            Some(_) => Err(Cause::Broken("it ended early".to_owned())),
        }
    }
}

#[derive(Debug)]
struct Receiving {
    body: Body,
    /// Bytes that still come before those that are wanted.
    discard: u64,
    offset: u64,
}

#[derive(Debug, Default)]
struct Taken {
    bytes: u64,
    seconds: f64,
}

/// By what another file under the same URL is recognised.
fn state(answer: &Answer) -> String {
    let Validator { etag, last_modified, .. } = &answer.validator;
    let length = || answer.content_length.map(|length| length.to_string());
    etag.clone().or_else(|| last_modified.clone()).or_else(length).unwrap_or_default()
}
