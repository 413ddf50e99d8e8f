//! One HTTP/1.1 connection to an application, driven in the serving task: writes exactly the head it is given and reads the answer strictly.

mod pump;

use super::body::RequestBody;
use super::error::WireError;
use super::framing::{AnswerPlan, Framing, answer_plan};
use super::head::ResponseHead;
use super::link::{Link, Transport};
use super::pace::Deadline;
use super::parse::{self, Scan};
use crate::model::Reason;
use bytes::Bytes;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tokio::time::Instant;

pub(super) use pump::{Pump, PumpError};

pub use super::limit::ClientSettings;
pub use super::upstream_body::UpstreamBody;

/// Whether the application can have seen anything of a request that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Not a byte was written: the request may be sent again elsewhere.
    Nothing,
    /// Some bytes were written.
    Some,
}

/// Why a request got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientErrorKind {
    /// The application closed the connection before a byte of an answer.
    #[error("closed without an answer")]
    Closed,
    /// The application closed the connection in the head of its answer.
    #[error("closed in the head of the answer")]
    Cut,
    /// The connection failed.
    #[error("connection failed: {0}")]
    Io(io::ErrorKind),
    /// The answer is not plain HTTP/1.1.
    #[error("answer not understood: {0}")]
    Malformed(WireError),
    /// No answer in time, or the application did not take the request.
    #[error("no answer in time")]
    Timeout,
    /// The client's body broke off, so that the request could not be completed.
    #[error("the body of the request: {0}")]
    RequestBody(WireError),
    /// A change of protocol that nobody asked for.
    #[error("unsolicited 101")]
    Unsolicited,
    /// More interim answers than allowed.
    #[error("too many interim answers")]
    TooManyInterim,
    /// Bytes came before a request was sent.
    #[error("bytes that belong to no request")]
    Surplus,
}

/// Why a request got no answer, and whether it can have had an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ClientError {
    /// Whether the application can have seen anything of it.
    pub sent: Sent,
    /// What happened.
    pub kind: ClientErrorKind,
}

impl ClientError {
    /// The reason that a record and an answer give.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self.kind {
            ClientErrorKind::Timeout => Reason::UpstreamTimeout,
            ClientErrorKind::RequestBody(error) => error.reason(),
            ClientErrorKind::Io(_) if matches!(self.sent, Sent::Nothing) => Reason::UpstreamUnreachable,
            _ => Reason::UpstreamProtocol,
        }
    }
}

/// What goes out behind a head. The head must announce it in the same words.
#[derive(Debug)]
pub enum Outgoing {
    /// Nothing.
    Empty,
    /// These bytes; the head says so with `Content-Length`.
    Bytes(Bytes),
    /// The client's body, streamed: `Length` as the head announces it, or `Chunked`.
    Stream(RequestBody, Framing),
    /// Nothing, and the head asks for a WebSocket.
    Upgrade,
}

/// Takes back a connection that may be used again, and since when it is idle.
pub type Home<IO> = Rc<dyn Fn(ClientConnection<IO>, Instant)>;

/// A connection to an application on which no exchange is open.
pub struct ClientConnection<IO> {
    pub(super) inner: Box<Inner<IO>>,
}

pub(super) struct Inner<IO> {
    pub(super) link: Link<IO>,
    pub(super) settings: ClientSettings,
    pub(super) reading: Deadline,
    writing: Deadline,
    /// Whether the last write waits for the application to take more.
    stalled: bool,
    pub(super) home: Option<Home<IO>>,
    uses: u64,
}

impl<IO: Transport> ClientConnection<IO> {
    /// Takes an open stream. `home` gets the connection back after each clean, exactly consumed exchange; without it the
    /// connection serves one exchange.
    #[must_use]
    pub fn new(io: IO, settings: ClientSettings, home: Option<Home<IO>>) -> Self {
        let (reading, writing) = (Deadline::new(), Deadline::new());
        Self {
            inner: Box::new(Inner { link: Link::new(io), settings, reading, writing, stalled: false, home, uses: 0 }),
        }
    }

    /// Exchanges begun on this connection.
    #[must_use]
    pub fn uses(&self) -> u64 {
        self.inner.uses
    }

    /// The stream beneath.
    #[must_use]
    pub fn io(&self) -> &IO {
        &self.inner.link.io
    }

    /// Whether an idle connection is still open and nothing has come on it, as far as that is known without waiting.
    /// Anything else must not be used again.
    pub fn is_open_and_silent(&mut self) -> bool {
        let link = &mut self.inner.link;
        if !link.input.is_empty() {
            return false;
        }
        if !link.io.may_have_news() {
            return true;
        }
        // INVARIANT: not subject to the task's budget, which would make a readable stream look silent
        let look = pin!(tokio::task::unconstrained(poll_fn(|cx| link.poll_fill(cx))));
        let silent = look.poll(&mut Context::from_waker(Waker::noop())).is_pending();
        self.inner.link.release_input();
        silent
    }

    /// Writes `head` as it is, then the body, and reads the answer's head meanwhile. Interim answers are swallowed.
    ///
    /// An answer that comes before the body has been sent is honoured; the body is sent on while the answer is read.
    /// `begun` is the present time, read since the caller waited for something last.
    ///
    /// # Errors
    /// [`ClientError`], which tells whether the application can have seen anything.
    pub async fn send(
        mut self,
        head: &[u8],
        outgoing: Outgoing,
        begun: Instant,
    ) -> Result<UpstreamAnswer<IO>, ClientError> {
        if !self.inner.link.input.is_empty() {
            return Err(ClientError { sent: Sent::Nothing, kind: ClientErrorKind::Surplus });
        }
        self.inner.uses += 1;
        let solicits_upgrade = matches!(outgoing, Outgoing::Upgrade);
        let out = self.inner.link.out();
        out.extend_from_slice(head);
        let pump = match outgoing {
            Outgoing::Empty | Outgoing::Upgrade => Pump::Done,
            Outgoing::Bytes(bytes) => {
                self.inner.link.queue(bytes);
                Pump::Done
            }
            Outgoing::Stream(_, framing) if framing.is_empty() => Pump::Done,
            Outgoing::Stream(body, Framing::Length(left)) => Pump::Body { body, left: Some(left) },
            Outgoing::Stream(body, _) => Pump::Body { body, left: None },
        };
        let mut asking = Asking {
            pump,
            written: 0,
            broken: None,
            begun: Some(begun),
            waiting: false,
            interim: 0,
            scan: Scan::default(),
        };
        let inner = &mut self.inner;
        let answer = poll_fn(|cx| asking.poll_answer(inner, head.starts_with(b"HEAD "), cx)).await;
        let sent = if asking.written > 0 { Sent::Some } else { Sent::Nothing };
        let (head, plan) = answer.map_err(|kind| ClientError { sent, kind })?;
        self.settle(head, plan, asking, solicits_upgrade).map_err(|kind| ClientError { sent, kind })
    }

    fn settle(
        mut self,
        head: ResponseHead,
        plan: AnswerPlan,
        asking: Asking,
        solicits_upgrade: bool,
    ) -> Result<UpstreamAnswer<IO>, ClientErrorKind> {
        let AnswerPlan { framing, keep_alive, upgraded } = plan;
        let came = Instant::now();
        if head.status == 101 {
            // SECURITY: only what was asked for changes the protocol (`an_unsolicited_101_becomes_502`)
            if !solicits_upgrade || !upgraded {
                return Err(ClientErrorKind::Unsolicited);
            }
            let early = std::mem::take(&mut self.inner.link.input).freeze();
            let payload = Payload::Tunnel { io: self.inner.link.io, early };
            return Ok(UpstreamAnswer { head, framing, came, payload });
        }
        let reusable = keep_alive && !solicits_upgrade && asking.broken.is_none();
        let body = UpstreamBody::begin(self.inner, framing, asking.pump, reusable, came);
        Ok(UpstreamAnswer { head, framing, came, payload: Payload::Body(body) })
    }
}

impl<IO> std::fmt::Debug for ClientConnection<IO> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientConnection").field("uses", &self.inner.uses).finish_non_exhaustive()
    }
}

/// The answer of an application.
#[derive(Debug)]
pub struct UpstreamAnswer<IO> {
    /// Its head.
    pub head: ResponseHead,
    /// How its body is delimited.
    pub framing: Framing,
    /// When its head was complete.
    pub came: Instant,
    /// What follows.
    pub payload: Payload<IO>,
}

/// What follows the head of an answer.
pub enum Payload<IO> {
    /// A body, perhaps empty.
    Body(UpstreamBody<IO>),
    /// The raw stream after a 101 that was asked for. Never pooled.
    Tunnel {
        /// The stream.
        io: IO,
        /// Bytes that came right behind the head.
        early: Bytes,
    },
}

impl<IO> std::fmt::Debug for Payload<IO> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Body(_) => "Payload::Body",
            Self::Tunnel { .. } => "Payload::Tunnel",
        })
    }
}

/// A request on its way, before the head of its answer.
struct Asking {
    pump: Pump,
    written: u64,
    broken: Option<ClientErrorKind>,
    /// When it was begun; nothing once it was polled, as that may be long ago then.
    begun: Option<Instant>,
    waiting: bool,
    interim: u32,
    scan: Scan,
}

impl Asking {
    fn poll_answer<IO: Transport>(
        &mut self,
        inner: &mut Inner<IO>,
        to_head: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(ResponseHead, AnswerPlan), ClientErrorKind>> {
        let begun = self.begun.take();
        let mut written = true;
        if self.broken.is_none() {
            match self.pump.poll(inner, &mut self.written, cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(PumpError::Body(error))) => {
                    return Poll::Ready(Err(ClientErrorKind::RequestBody(error)));
                }
                // it may have answered before it stopped to read: look for that
                Poll::Ready(Err(PumpError::Write(kind))) => self.broken = Some(kind),
                Poll::Pending => written = false,
            }
        }
        loop {
            match self.take_answer(inner, to_head) {
                Ok(Some(answer)) => return Poll::Ready(Ok(answer)),
                Ok(None) => {}
                Err(kind) => return Poll::Ready(Err(kind)),
            }
            match inner.link.poll_fill(cx) {
                Poll::Ready(Ok(0)) => {
                    let kind = if inner.link.input.is_empty() { ClientErrorKind::Closed } else { ClientErrorKind::Cut };
                    return Poll::Ready(Err(self.broken.unwrap_or(kind)));
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Err(self.broken.unwrap_or(ClientErrorKind::Io(error.kind()))));
                }
                Poll::Pending => break,
            }
        }
        inner.link.release_input();
        // it has had all this time to answer instead of reading on
        if self.broken == Some(ClientErrorKind::Timeout) {
            return Poll::Ready(Err(ClientErrorKind::Timeout));
        }
        if written {
            if !self.waiting {
                self.waiting = true;
                inner.reading.set_from(begun.unwrap_or_else(Instant::now), inner.settings.answer_within);
            }
            if inner.reading.poll_passed(cx) {
                return Poll::Ready(Err(ClientErrorKind::Timeout));
            }
        }
        Poll::Pending
    }

    fn take_answer<IO: Transport>(
        &mut self,
        inner: &mut Inner<IO>,
        to_head: bool,
    ) -> Result<Option<(ResponseHead, AnswerPlan)>, ClientErrorKind> {
        loop {
            let limits = &inner.settings.head;
            let input = &mut inner.link.input;
            if input.is_empty() {
                return Ok(None);
            }
            let Some(end) = self.scan.find_end(input, limits).map_err(ClientErrorKind::Malformed)? else {
                return Ok(None);
            };
            let head = parse::response(input.split_to(end).freeze(), limits).map_err(ClientErrorKind::Malformed)?;
            self.scan = Scan::default();
            if head.status >= 200 || head.status == 101 {
                let plan = answer_plan(to_head, &head).map_err(ClientErrorKind::Malformed)?;
                return Ok(Some((head, plan)));
            }
            self.interim += 1;
            if self.interim > inner.settings.interim {
                return Err(ClientErrorKind::TooManyInterim);
            }
        }
    }
}
