//! Sends what was judged and recorded, and nothing else, to one address of its application; decides only whether to try again.

use super::core::{Attempt, Chosen, CoreUpstream};
use super::error::UpstreamError;
use super::held::HeldAnswer;
use super::registry::Upstreams;
use super::stream::AnswerStream;
use super::tunnel::judge_answer;
use crate::audit::Recorded;
use crate::endpoint::{Address, UpstreamId, UpstreamSpec};
use crate::model::Effect;
use crate::policy::{Awaiting, BodyPlan, Forwardable, Head, Parcel, SideRequest};
use crate::telemetry::{CoreMetrics, UpstreamFailure};
use crate::wire::body::{AnswerBody, RequestBody};
use crate::wire::client::{ClientError, ClientErrorKind, Outgoing, Payload, Sent};
use crate::wire::framing::Framing;
use crate::wire::head::{RequestHead, ResponseHead};
use crate::wire::limit::{HeadLimits, MOST_FIELDS, MOST_HEAD_BYTES};
use crate::wire::stop::Stop;
use crate::wire::tunnel::Tunnel;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often a core looks for idle connections that have become too old.
const SWEEP: Duration = Duration::from_secs(2);

/// An application's answer. Its head is raw: [`super::present`] turns it outside.
#[derive(Debug)]
pub struct UpstreamAnswer {
    /// The head as the application sent it.
    pub head: ResponseHead,
    /// The body, perhaps already at hand; [`AnswerBody::Tunnel`] behind a 101 that was asked for and fits.
    pub body: AnswerBody,
    /// The address that answered.
    pub address: Address,
    /// Attempts made, this one included.
    pub attempts: u8,
    /// When its head was complete.
    pub came: Instant,
}

/// The forwarder of one core. Cheap to clone; stays on its thread.
#[derive(Clone)]
pub struct Forwarder(Rc<Inner>);

struct Inner {
    shared: Arc<Upstreams>,
    metrics: CoreMetrics,
    known: RefCell<FxHashMap<UpstreamId, Rc<CoreUpstream>>>,
    generation: Cell<u64>,
}

impl Forwarder {
    /// The forwarder of the calling core.
    #[must_use]
    pub fn new(shared: Arc<Upstreams>, metrics: CoreMetrics) -> Self {
        let generation = Cell::new(shared.generation());
        Self(Rc::new(Inner { shared, metrics, known: RefCell::default(), generation }))
    }

    /// Sends a recorded permit (or observed request) with the client's `body`, which is used only where the permit streams it.
    ///
    /// It is sent again only where nothing of it was sent before, or where it changes nothing and its body can be sent twice.
    /// `begun` is the present time, read since the caller waited for something last.
    ///
    /// # Errors
    /// [`UpstreamError`]; where the request may have reached the application, it is not sent again.
    pub async fn forward<T: Forwardable>(
        &self,
        recorded: Recorded<T>,
        body: RequestBody,
        begun: Instant,
    ) -> Result<UpstreamAnswer, UpstreamError> {
        self.exchange(&Shipment::of(recorded.into_inner().parcel()), body, begun).await
    }

    /// Sends a recorded request that awaits its answer, which is held: what comes back gives it to nobody before it is judged.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub async fn forward_held<'h>(
        &self,
        recorded: Recorded<Awaiting<'h>>,
        body: RequestBody,
        begun: Instant,
    ) -> Result<HeldAnswer<'h>, UpstreamError> {
        let awaiting = recorded.into_inner();
        let answer = self.exchange(&Shipment::of(awaiting.parcel()), body, begun).await?;
        Ok(HeldAnswer::new(answer, awaiting))
    }

    /// Sends a request of the gateway's own.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub async fn ask(&self, request: SideRequest) -> Result<UpstreamAnswer, UpstreamError> {
        self.exchange(&Shipment::of(request.parcel()), RequestBody::Empty, Instant::now()).await
    }

    /// Closes idle connections in time, for ever. Runs once on each core, beside the requests.
    pub async fn tend(&self) {
        loop {
            tokio::time::sleep(SWEEP).await;
            self.forget();
            let known: Vec<_> = self.0.known.borrow().values().cloned().collect();
            known.iter().for_each(|upstream| upstream.sweep());
        }
    }

    /// Lets go of upstreams that are of no installed rule set.
    fn forget(&self) {
        let generation = self.0.shared.generation();
        if self.0.generation.replace(generation) != generation {
            let gone: Vec<_> = {
                let mut known = self.0.known.borrow_mut();
                known.extract_if(|id, upstream| !self.0.shared.is_current(*id, upstream.shared())).collect()
            };
            drop(gone);
        }
    }

    fn upstream(&self, spec: &Arc<UpstreamSpec>) -> Result<Rc<CoreUpstream>, UpstreamError> {
        self.forget();
        if let Some(upstream) = self.0.known.borrow().get(&spec.id) {
            return Ok(Rc::clone(upstream));
        }
        let upstream = Rc::new(CoreUpstream::new(self.0.shared.find(spec)?, &self.0.metrics));
        self.0.known.borrow_mut().insert(spec.id, Rc::clone(&upstream));
        Ok(upstream)
    }

    pub(super) async fn exchange(
        &self,
        parcel: &Shipment<'_>,
        body: RequestBody,
        begun: Instant,
    ) -> Result<UpstreamAnswer, UpstreamError> {
        let upstream = self.upstream(parcel.upstream)?;
        let mut sending = Sending { upstream, parcel, body: Some(body), begun: Some(begun), attempts: 0, fresh: false };
        let mut tried: SmallVec<[usize; 4]> = SmallVec::new();
        let mut retries = parcel.upstream.retries;
        let mut index = sending.upstream.choose(&tried).unwrap_or(0);
        loop {
            let failure = match sending.attempt(index).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            match failure.again {
                Again::Never => return Err(failure.error),
                // the connection was stale, not the address: the next one is made anew and costs no retry
                Again::Fresh => sending.fresh = true,
                Again::Elsewhere | Again::Anywhere if retries == 0 => return Err(failure.error),
                again => {
                    retries -= 1;
                    tried.push(index);
                    index = match (sending.upstream.choose(&tried), again) {
                        (Some(other), _) => other,
                        (None, Again::Anywhere) => index,
                        (None, _) => return Err(failure.error),
                    };
                }
            }
        }
    }
}

/// The parts of a parcel. Made of a sealed value only; tests of this module make their own.
pub(super) struct Shipment<'a> {
    pub(super) upstream: &'a Arc<UpstreamSpec>,
    pub(super) head: &'a dyn HeadSource,
    pub(super) body: &'a BodyPlan,
    pub(super) effect: Effect,
    pub(super) upgrade: bool,
}

/// The bytes of a head for the address that is dialled.
pub(super) trait HeadSource {
    fn bytes_for(&self, address: &Address) -> Cow<'_, [u8]>;
}

impl HeadSource for Head {
    fn bytes_for(&self, address: &Address) -> Cow<'_, [u8]> {
        Self::bytes_for(self, address)
    }
}

impl<'a> Shipment<'a> {
    fn of(parcel: &'a Parcel) -> Self {
        Self {
            upstream: parcel.upstream(),
            head: parcel.head(),
            body: parcel.body(),
            effect: parcel.effect(),
            upgrade: parcel.upgrade(),
        }
    }
}

/// Whether, and where, a failed attempt may be followed by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    Never,
    /// At the same address on a new connection.
    Fresh,
    /// At another address only.
    Elsewhere,
    /// At another address, or at the same where there is no other.
    Anywhere,
}

struct Failure {
    error: UpstreamError,
    again: Again,
}

/// A parcel on its way.
struct Sending<'a> {
    upstream: Rc<CoreUpstream>,
    parcel: &'a Shipment<'a>,
    body: Option<RequestBody>,
    /// When it was begun; nothing for any other attempt than the first.
    begun: Option<Instant>,
    attempts: u8,
    /// Whether pooled connections are passed over.
    fresh: bool,
}

impl Sending<'_> {
    async fn attempt(&mut self, index: usize) -> Result<UpstreamAnswer, Failure> {
        let attempt = Attempt::begin(&self.upstream, index, self.attempts > 0);
        self.attempts = self.attempts.saturating_add(1);
        let now = self.begun.take().unwrap_or_else(Instant::now);
        let Chosen { connection, reused, now } = match self.upstream.connection(index, self.fresh, now).await {
            Ok(chosen) => chosen,
            Err(error) => {
                let failure = if matches!(error, UpstreamError::Timeout { .. }) {
                    UpstreamFailure::Timeout
                } else {
                    UpstreamFailure::Unreachable
                };
                attempt.fail(failure);
                return Err(Failure { error, again: Again::Elsewhere });
            }
        };
        let parcel = self.parcel;
        let Some(address) = parcel.upstream.addresses.get(index) else {
            return Err(Failure {
                error: UpstreamError::Internal("an address that does not exist"),
                again: Again::Never,
            });
        };
        let Some(outgoing) = self.outgoing() else {
            return Err(Failure { error: UpstreamError::Internal("the body was sent before"), again: Again::Never });
        };
        let head = parcel.head.bytes_for(address);
        match connection.send(&head, outgoing, now).await {
            Ok(answer) => self.receive(answer, attempt, address, &head),
            Err(error) => Err(self.judge(error, reused, attempt, address)),
        }
    }

    /// The body as it goes out; `None` where a streamed body has been given away.
    fn outgoing(&mut self) -> Option<Outgoing> {
        if self.parcel.upgrade {
            return Some(Outgoing::Upgrade);
        }
        Some(match self.parcel.body {
            BodyPlan::None | BodyPlan::Streamed { length: Some(0) } => Outgoing::Empty,
            BodyPlan::Judged(bytes) => Outgoing::Bytes(bytes.clone()),
            BodyPlan::Streamed { length } => {
                let framing = length.map_or(Framing::Chunked, Framing::Length);
                Outgoing::Stream(self.body.take()?, framing)
            }
        })
    }

    /// What follows from a failure after the connection was made.
    ///
    /// SECURITY: what may have reached the application is sent again only where it changes nothing
    /// (`a_change_is_never_sent_twice`).
    fn judge(&self, error: ClientError, reused: bool, attempt: Attempt, address: &Address) -> Failure {
        let (unsent, replayable) = (error.sent == Sent::Nothing, self.is_replayable());
        let safe = replayable && (unsent || self.parcel.effect == Effect::None);
        let silent = matches!(error.kind, ClientErrorKind::Closed | ClientErrorKind::Surplus | ClientErrorKind::Io(_));
        let address = address.clone();
        let (failure, error) = match error.kind {
            ClientErrorKind::RequestBody(wire) => {
                let error = UpstreamError::RequestBody { reason: wire.reason(), detail: wire.to_string() };
                return Failure { error, again: Again::Never };
            }
            ClientErrorKind::Timeout => (UpstreamFailure::Timeout, UpstreamError::Timeout { address, stage: "answer" }),
            ClientErrorKind::Io(kind) if unsent => {
                (UpstreamFailure::Unreachable, UpstreamError::Unreachable { address, cause: kind.into() })
            }
            kind => (UpstreamFailure::Protocol, UpstreamError::Protocol { address, detail: kind.to_string() }),
        };
        if reused && silent {
            attempt.fail(UpstreamFailure::Stale);
            return Failure { error, again: if safe { Again::Fresh } else { Again::Never } };
        }
        attempt.fail(failure);
        let again = match failure {
            _ if !safe => Again::Never,
            UpstreamFailure::Timeout => Again::Elsewhere,
            _ => Again::Anywhere,
        };
        Failure { error, again }
    }

    fn is_replayable(&self) -> bool {
        match self.parcel.body {
            BodyPlan::None | BodyPlan::Judged(_) | BodyPlan::Streamed { length: Some(0) } => true,
            BodyPlan::Streamed { .. } => false,
        }
    }

    fn receive(
        &self,
        answer: crate::wire::client::UpstreamAnswer<super::connect::Link>,
        attempt: Attempt,
        address: &Address,
        sent: &[u8],
    ) -> Result<UpstreamAnswer, Failure> {
        let body = match answer.payload {
            Payload::Body(mut body) => match body.take_buffered() {
                Some(bytes) => {
                    attempt.succeed();
                    if bytes.is_empty() { AnswerBody::Empty } else { AnswerBody::Full(bytes) }
                }
                None => AnswerBody::stream(AnswerStream::new(body, attempt)),
            },
            Payload::Tunnel { io, early } => {
                let limits =
                    HeadLimits { head_bytes: MOST_HEAD_BYTES, fields: MOST_FIELDS, target_bytes: MOST_HEAD_BYTES };
                let fits = match RequestHead::parse(sent, &limits) {
                    Ok((request, _)) => judge_answer(&request, &answer.head).map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                };
                if let Err(detail) = fits {
                    attempt.fail(UpstreamFailure::Protocol);
                    let error = UpstreamError::Protocol { address: address.clone(), detail };
                    return Err(Failure { error, again: Again::Never });
                }
                attempt.succeed();
                let limits = self.upstream.shared().limits();
                let tunnel = Tunnel::new(Box::new(io), early, limits.tunnel, Stop::never());
                AnswerBody::Tunnel(Box::new(tunnel.with_messages_up_to(limits.message)))
            }
        };
        let (address, attempts) = (address.clone(), self.attempts);
        Ok(UpstreamAnswer { head: answer.head, body, address, attempts, came: answer.came })
    }
}
