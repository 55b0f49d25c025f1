//! One pass over a file: connections come and go until every byte is there, or it makes no sense to go on.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use isomirror_core::transfer::{
    answer::{Rejection, Verdict},
    connections::Connections,
    mirrors::{Choice, Event, Mirror},
    segments::Claim,
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    Download, Hold, Progress,
    client::asked_pause,
    fetcher::chance,
    lane::{Cause, Lane, LaneEnd},
    meter::Meter,
    shared::Shared,
    troubles::{Reason, Troubles},
};

/// Bytes that a connection has to bring to count as progress.
const PROGRESS: u64 = 64 << 10;
/// How often hosts may ask for patience before the download is held.
const MOST_WAITS: u32 = 8;

/// How a pass ended, where it did not fail.
#[derive(Debug)]
pub(super) enum PassEnd {
    /// Every byte is there.
    Complete {
        /// Places that bytes came from, and what each said about its file.
        from: BTreeMap<usize, String>,
    },
    /// What is held may be of another file: begin anew.
    Restart,
}

/// A pass.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    pub(super) shared: Arc<Shared>,
    pub(super) mirrors: &'a mut Vec<Mirror>,
    pub(super) progress: &'a watch::Sender<Progress>,
    pub(super) cancel: &'a CancellationToken,
    /// Whether bytes of several places may be joined.
    pub(super) single: bool,
    pub(super) troubles: &'a mut Troubles,
}

impl Pass<'_> {
    /// Runs to its end. The connections have ended then.
    pub(super) async fn run(&mut self) -> Result<PassEnd, Hold> {
        let mut lanes = JoinSet::new();
        let end = self.carry(&mut lanes).await;
        lanes.shutdown().await;
        end
    }

    async fn carry(&mut self, lanes: &mut JoinSet<LaneEnd>) -> Result<PassEnd, Hold> {
        let policy = *self.shared.fetcher.policy();
        let without_ranges = {
            let memory = self.shared.fetcher.mirrors();
            self.mirrors.iter().any(|mirror| memory.ignores_ranges(&mirror.host))
        };
        let is_alone = self.single || without_ranges || !self.shared.is_pinned();
        let most = if is_alone { 1 } else { policy.connections };
        let mut connections = Connections::new(most);
        let mut busy = vec![0_u64; self.mirrors.len()];
        let mut failures = 0_u32;
        let mut meter = Meter::new(self.shared.state().segments.received());
        let mut tick = tokio::time::interval(policy.measure);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if self.shared.state().segments.is_complete() && lanes.is_empty() {
                return Ok(self.complete());
            }
            let pause = self.fill(lanes, &mut busy, &connections)?;
            tokio::select! {
                () = self.cancel.cancelled() => return Err(Hold::Cancelled),
                () = self.shared.queue.closed() => return Ok(PassEnd::Restart),
                Some(end) = lanes.join_next(), if !lanes.is_empty() => {
                    let Ok(end) = end else { continue };
                    busy[end.mirror] = busy[end.mirror].saturating_sub(1);
                    if end.bytes >= PROGRESS { failures = 0 }
                    if let Some(restart) = self.ended(end, &mut connections, &mut failures)? {
                        return Ok(restart);
                    }
                    self.rest(&mut failures, lanes).await?;
                }
                _ = tick.tick() => self.measure(&mut meter, &mut connections, lanes),
                () = sleep(pause.unwrap_or_default()), if pause.is_some() && lanes.is_empty() => {}
            }
        }
    }

    fn complete(&self) -> PassEnd {
        PassEnd::Complete { from: self.shared.state().states.clone() }
    }

    /// Starts connections up to their number; the time to wait where none can be made now.
    fn fill(
        &mut self,
        lanes: &mut JoinSet<LaneEnd>,
        busy: &mut [u64],
        connections: &Connections,
    ) -> Result<Option<Duration>, Hold> {
        while (lanes.len() as u64) < connections.number() {
            if self.shared.state().segments.is_complete() {
                break;
            }
            let mirror = match self.choose(busy) {
                Choice::Use(mirror) => mirror,
                _ if !lanes.is_empty() => return Ok(None),
                Choice::Wait(after) if after <= self.shared.fetcher.policy().patience => {
                    return Ok(Some(after));
                }
                Choice::Wait(after) => return Err(Hold::Busy { after }),
                Choice::None => return Err(self.troubles.why(self.download())),
            };
            let alone = connections.number() == 1 && lanes.is_empty();
            let claim = self.shared.state().segments.claim(connections.number());
            let Some(claim) = claim else { break };
            busy[mirror] += 1;
            let shared = Arc::clone(&self.shared);
            lanes.spawn(Lane { shared, mirror, claim, alone }.run());
        }
        Ok(None)
    }

    /// Without a digest, bytes are joined only to those of the same place for as long as it is of use.
    fn choose(&self, busy: &[u64]) -> Choice {
        let fetcher = &self.shared.fetcher;
        let state = self.shared.state();
        let held = state.validators.keys().next().copied();
        if let Some(index) = held
            && !self.shared.is_pinned()
            && state.segments.received() > 0
        {
            let only = std::slice::from_ref(&self.mirrors[index]);
            match fetcher.choose(only, &[]) {
                Choice::Use(_) => return Choice::Use(index),
                Choice::Wait(pause) => return Choice::Wait(pause),
                Choice::None => {}
            }
        }
        drop(state);
        fetcher.choose(self.mirrors, busy)
    }

    fn ended(
        &mut self,
        end: LaneEnd,
        connections: &mut Connections,
        failures: &mut u32,
    ) -> Result<Option<PassEnd>, Hold> {
        let LaneEnd { mirror, claim, bytes, seconds, cause } = end;
        self.shared.state().segments.release(claim.id);
        if bytes >= PROGRESS {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a speed is no exact figure"
            )]
            let speed = (bytes as f64 / seconds.max(0.001)) as u64;
            self.report(mirror, Event::Served(speed));
        }
        if std::mem::take(&mut self.shared.state().no_ranges).contains(&mirror) {
            self.report(mirror, Event::NoRanges);
            connections.give_up();
        }
        match cause {
            Cause::Done => {}
            Cause::Broken(why) => self.failed(mirror, &why, failures),
            Cause::Slow(why) => {
                // What is slow twice is no better than what fails.
                self.report(mirror, Event::Slow);
                self.failed(mirror, &why, failures);
            }
            Cause::KnownWrong => {
                self.reject(mirror, Rejection::WrongDigest);
            }
            Cause::TooLarge(size) if self.download().size.is_none() => {
                let (file, limit) = (self.download().file_name.clone(), self.shared.limit());
                return Err(Hold::TooLarge { file, size, limit });
            }
            Cause::TooLarge(_) => self.reject(mirror, Rejection::WrongSize),
            Cause::WriterGone => return Ok(Some(PassEnd::Restart)),
            Cause::Verdict(verdict) => {
                return self.judged(mirror, &claim, verdict, connections, failures);
            }
        }
        Ok(None)
    }

    fn judged(
        &mut self,
        mirror: usize,
        claim: &Claim,
        verdict: Verdict,
        connections: &mut Connections,
        failures: &mut u32,
    ) -> Result<Option<PassEnd>, Hold> {
        match verdict {
            Verdict::Take { .. } | Verdict::Discard { .. } if connections.number() > 1 => {
                self.report(mirror, Event::NoRanges);
                connections.give_up();
            }
            Verdict::Take { .. } | Verdict::Discard { .. } => {}
            Verdict::Complete => self.shared.state().segments.set_size(claim.range.start),
            Verdict::Restart { total, .. }
                if self
                    .download()
                    .size
                    .is_some_and(|size| total.is_some_and(|total| total != size)) =>
            {
                self.reject(mirror, Rejection::WrongSize);
            }
            Verdict::Restart { .. } if connections.number() > 1 => {
                self.report(mirror, Event::NoRanges);
                connections.give_up();
            }
            Verdict::Restart { .. }
            | Verdict::TooLong { .. }
            | Verdict::Reject(Rejection::WrongFile) => return Ok(Some(PassEnd::Restart)),
            Verdict::Reject(why) => self.reject(mirror, why),
            Verdict::Gone => {
                self.troubles.reasons.insert(mirror, Reason::Gone);
                self.report(mirror, Event::Missing);
            }
            Verdict::Forbidden => {
                self.troubles.reasons.insert(mirror, Reason::Forbidden);
                self.report(mirror, Event::Missing);
            }
            Verdict::Wait(field) => {
                let after = asked_pause(field.as_deref());
                self.troubles.waits += 1;
                if self.troubles.waits > MOST_WAITS {
                    return Err(Hold::Busy { after });
                }
                let until = self.shared.fetcher.now() + after;
                self.report(mirror, Event::Wait(until));
            }
            Verdict::Failed => {
                self.failed(mirror, "the server has failed", failures);
            }
        }
        Ok(None)
    }

    fn download(&self) -> &Download {
        &self.shared.download
    }

    fn report(&mut self, mirror: usize, event: Event) {
        self.shared.fetcher.report(&mut self.mirrors[mirror], event);
    }

    fn failed(&mut self, mirror: usize, why: &str, failures: &mut u32) {
        self.report(mirror, Event::Failed);
        *failures += 1;
        let told = format!("{}: {why}", self.mirrors[mirror].host);
        self.progress.send_modify(|progress| progress.trouble = Some(told.clone()));
        self.troubles.reasons.insert(mirror, Reason::Failed(told));
    }

    fn reject(&mut self, mirror: usize, why: Rejection) {
        let told = format!("{}: {why}", self.mirrors[mirror].host);
        self.progress.send_modify(|progress| progress.trouble = Some(told));
        self.report(mirror, Event::Rejected(why));
        self.troubles.reject(mirror, why);
    }

    /// Waits after a failure, when every place has had its turn.
    async fn rest(&self, failures: &mut u32, lanes: &JoinSet<LaneEnd>) -> Result<(), Hold> {
        let places = u32::try_from(self.mirrors.len()).unwrap_or(u32::MAX).max(1);
        if *failures == 0 || !failures.is_multiple_of(places) || !lanes.is_empty() {
            return Ok(());
        }
        let pause = self.shared.fetcher.policy().backoff.pause(*failures / places, chance());
        tokio::select! {
            () = self.cancel.cancelled() => Err(Hold::Cancelled),
            () = sleep(pause) => Ok(()),
        }
    }

    fn measure(&self, meter: &mut Meter, connections: &mut Connections, lanes: &JoinSet<LaneEnd>) {
        let mut state = self.shared.state();
        let (received, size) = (state.segments.received(), state.segments.size());
        let speed = meter.measure(received);
        if lanes.len() as u64 == connections.number() && !connections.is_settled() {
            let left = size.map_or(0, |size| size.saturating_sub(received));
            // One that has just begun, or whose answer is not there yet, tells nothing.
            let before = connections.number();
            if meter.is_warm() {
                connections.measured(speed, left);
                if connections.number() > before {
                    state.segments.share(connections.number());
                    meter.cool();
                }
            }
        }
        drop(state);
        let source = self.source();
        self.progress.send_modify(|progress| {
            let connections = lanes.len() as u64;
            let trouble = progress.trouble.take();
            *progress = Progress { bytes: received, size, speed, connections, source, trouble };
        });
    }

    fn source(&self) -> Option<String> {
        let state = self.shared.state();
        let last = state.states.keys().next_back()?;
        Some(self.mirrors[*last].host.clone())
    }
}
