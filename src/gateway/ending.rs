//! How a request ends: told to record and metrics exactly once, also when the task that serves it is dropped in the middle.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::core::Core;
use super::open::OpenStream;
use super::passage::Passage;
use crate::audit::{self, Journal, OutcomeRecord};
use crate::endpoint::Address;
use crate::facts::Change;
use crate::filter::Tally;
use crate::model::{FailureClass, Reason, RequestId, Timestamp};
use crate::policy::Judgement;
use crate::telemetry::{CoreMetrics, Event, Level, Open, RouteHandle};
use crate::wire::body::{AwaitsEnd, Completion, Finish};

/// Exchanges below this end on record as long after their decision as they took. For longer ones the wall clock is asked again, since it
/// may have been set meanwhile; where it is set within a brief one, its outcome has the time of the clock by which it was decided.
const BRIEF: Duration = Duration::from_secs(1);

/// What a request is counted as for as long as it lasts: a request, and where it came on one an HTTP/2 stream.
pub(super) type Held = (Open, Option<Open>);

/// The exchange with the application.
struct Exchanged {
    address: Address,
    status: u16,
    took: Duration,
}

/// How the sending of an answer ended.
struct Sent {
    completion: Completion,
    bytes: u64,
    ended: Instant,
}

/// The end of a request whose decision is in the journal. Dropped, it writes the outcome.
///
/// INVARIANT: there is one for every decision in the journal, so that every decision gets one outcome.
pub(super) struct Ending(Box<State>);

/// Boxed, since the end is handed on from stage to stage.
struct State {
    journal: Journal,
    metrics: RouteHandle,
    id: RequestId,
    time: Timestamp,
    begun: Instant,
    decided: Duration,
    exchanged: Option<Exchanged>,
    status: Option<u16>,
    reason: Option<Reason>,
    detail: String,
    /// Nothing where no body was read or streamed.
    bytes_in: Option<Rc<Cell<u64>>>,
    sent: Option<Sent>,
    stream: Option<OpenStream>,
    tunnel: Option<(CoreMetrics, Open)>,
    filtered: Option<Rc<Tally>>,
    change: Option<Change>,
    _open: Option<Held>,
}

impl Ending {
    /// The end of `passage`, whose decision has been appended.
    pub fn of(core: &Core, passage: &mut Passage) -> Self {
        // room first: the state is then made in it, and not made elsewhere and copied
        let room = Box::new_uninit();
        let state = State {
            journal: core.journal.clone(),
            metrics: core.route_metrics(passage),
            id: passage.id,
            time: passage.time,
            begun: passage.begun,
            decided: passage.decided,
            exchanged: None,
            status: None,
            reason: None,
            detail: String::new(),
            bytes_in: None,
            sent: None,
            stream: None,
            tunnel: None,
            filtered: None,
            change: None,
            _open: passage.open.take(),
        };
        Self(Box::write(room, state))
    }

    /// Counts the decision.
    pub fn decided(&self, judgement: &Judgement) {
        self.0.metrics.decided(judgement.outcome(), judgement.reason(), self.0.decided);
    }

    /// Bytes of the body that come from the client, to be counted by whoever reads it.
    pub fn bytes_in(&mut self) -> Rc<Cell<u64>> {
        Rc::clone(self.0.bytes_in.get_or_insert_default())
    }

    /// The application answered.
    pub fn exchanged(&mut self, address: Address, status: u16, took: Duration) {
        self.0.metrics.upstream_answered(took);
        self.0.exchanged = Some(Exchanged { address, status, took });
    }

    /// The request may change objects that were looked up.
    pub fn changes(&mut self, change: Option<Change>) {
        self.0.change = change;
    }

    /// A fault after a decision that permitted.
    pub fn failed(&mut self, reason: Reason, detail: String) {
        self.0.metrics.failed(reason);
        (self.0.reason, self.0.detail) = (Some(reason), detail);
    }

    /// The answer streams, and is on the list of open streams until it ends.
    pub fn streams(&mut self, stream: OpenStream) {
        self.0.stream = Some(stream);
    }

    /// The answer passes a filter, which counts what it does.
    pub fn filtered(&mut self, tally: Rc<Tally>) {
        self.0.filtered = Some(tally);
    }

    /// The connection becomes a tunnel.
    pub fn tunnels(&mut self, core: &Core) {
        self.0.tunnel = Some((core.metrics.clone(), core.metrics.open(Level::Tunnel)));
    }

    /// Ends with the answer of this status, when it has been sent or has failed.
    pub fn with(mut self, status: u16) -> Finish {
        self.0.status = Some(status);
        Finish::of(self.0)
    }
}

impl AwaitsEnd for State {
    fn ended(mut self: Box<Self>, completion: Completion, bytes: u64, ended: Instant) {
        self.sent = Some(Sent { completion, bytes, ended });
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.stream = None;
        let aborted = || Sent { completion: Completion::Aborted, bytes: 0, ended: Instant::now() };
        let Sent { completion, bytes: bytes_out, ended } = self.sent.take().unwrap_or_else(aborted);
        let total = ended - self.begun;
        self.metrics.request_ended(total);
        if let Some(change) = self.change.take()
            && self.exchanged.is_some()
            && completion == Completion::Complete
        {
            change.end();
        }
        if let Some((metrics, _)) = self.tunnel.take() {
            metrics.count(closed(completion));
        }
        let tally = self.filtered.take();
        if let Some(fault) = tally.as_ref().and_then(|tally| tally.fault()).filter(|_| self.detail.is_empty()) {
            self.detail = fault.to_string();
        }
        let late = arisen(completion);
        if let Some(reason) = late.filter(|reason| self.reason.is_none() && reason.class() == FailureClass::Upstream) {
            // what has begun and breaks off is as much a fault of the application's as what never began
            self.metrics.failed(reason);
        }
        let address = self.exchanged.as_ref().map(|exchanged| exchanged.address.text());
        self.journal.outcome(&OutcomeRecord {
            upstream_status: self.exchanged.as_ref().map(|exchanged| exchanged.status),
            upstream: address,
            answer_status: self.status,
            reason: self.reason.or(late),
            detail: &self.detail,
            filtered: tally.map(|tally| audit::Filtered {
                kept: tally.kept(),
                hidden: tally.hidden(),
                masked: tally.masked(),
            }),
            bytes_in: self.bytes_in.as_ref().map_or(0, |bytes| bytes.get()),
            bytes_out,
            decision_micros: micros(self.decided),
            upstream_micros: self.exchanged.as_ref().map(|exchanged| micros(exchanged.took)),
            total_micros: micros(total),
            ..OutcomeRecord::new(end(self.time, total, || self.journal.now()), self.id, recorded(completion))
        });
    }
}

/// The time of the end of an exchange that was decided at `begun`, by how long it took; `clock` is asked where that is long.
fn end(begun: Timestamp, total: Duration, clock: impl FnOnce() -> Timestamp) -> Timestamp {
    if total < BRIEF { begun.after(total) } else { clock() }
}

/// How metrics count the end of a tunnel.
const fn closed(completion: Completion) -> Event {
    match completion {
        Completion::ClientTimeout => Event::TunnelIdle,
        Completion::Withheld(Reason::Frozen | Reason::NotGranted) => Event::TunnelRevoked,
        Completion::Withheld(_) => Event::TunnelRefused,
        Completion::Complete
        | Completion::ClientGone
        | Completion::Aborted
        | Completion::UpstreamCut
        | Completion::UpstreamTimeout => Event::TunnelEnded,
    }
}

/// How the record names the end of an answer.
const fn recorded(completion: Completion) -> audit::Completion {
    match completion {
        Completion::Complete => audit::Completion::Complete,
        Completion::ClientGone | Completion::Aborted => audit::Completion::ClientAborted,
        Completion::ClientTimeout | Completion::UpstreamTimeout => audit::Completion::TimedOut,
        Completion::UpstreamCut => audit::Completion::UpstreamAborted,
        Completion::Withheld(_) => audit::Completion::Closed,
    }
}

/// The reason that arose while an answer was sent.
const fn arisen(completion: Completion) -> Option<Reason> {
    match completion {
        Completion::Complete | Completion::ClientGone | Completion::Aborted => None,
        Completion::ClientTimeout => Some(Reason::ClientTimeout),
        Completion::UpstreamTimeout => Some(Reason::UpstreamTimeout),
        Completion::UpstreamCut => Some(Reason::UpstreamProtocol),
        Completion::Withheld(reason) => Some(reason),
    }
}

/// Whole microseconds.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brief_exchange_ends_by_its_duration_and_a_long_one_by_the_clock() {
        let (begun, set) = (Timestamp::from_micros(5_000_000), Timestamp::from_micros(1));
        assert_eq!(end(begun, Duration::from_micros(999_999), || set), Timestamp::from_micros(5_999_999));
        assert_eq!(end(begun, BRIEF, || set), set);
    }
}
