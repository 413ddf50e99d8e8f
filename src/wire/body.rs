//! Bodies of requests and answers as the rest of the gateway sees them; the framing behind them stays in the codec.

use super::error::WireError;
use super::framing::Framing;
use super::http2::Rests;
use super::limit::PaceLimits;
use super::pace::{Deadline, Pace};
use super::tunnel::Tunnel;
use crate::model::Reason;
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

pub use super::finish::{AwaitsEnd, Finish};

/// Where the body of an HTTP/1.1 request is read from: the connection, for as long as it serves that request.
pub(super) trait BodyPort {
    fn poll_data(&self, exchange: u64, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, WireError>>>;
}

/// The body of an HTTP/1.1 request, read from its connection when it is polled.
pub struct H1Body {
    port: Rc<dyn BodyPort>,
    exchange: u64,
    left: Option<u64>,
    done: bool,
}

impl H1Body {
    pub(super) fn new(port: Rc<dyn BodyPort>, exchange: u64, framing: Framing) -> Self {
        let left = if let Framing::Length(length) = framing { Some(length) } else { None };
        Self { port, exchange, left, done: false }
    }
}

/// The body of an HTTP/2 request, with a bound on how slowly it may come.
pub struct H2Body {
    body: Arriving,
    pace: Pace,
    deadline: Deadline,
    rests: Rc<Rests>,
}

enum Arriving {
    Open(hyper::body::Incoming),
    Complete,
    Failed(WireError),
}

impl H2Body {
    pub(super) fn new(body: hyper::body::Incoming, limits: PaceLimits, rests: Rc<Rests>) -> Self {
        Self { body: Arriving::Open(body), pace: Pace::new(limits), deadline: Deadline::new(), rests }
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, WireError>>> {
        loop {
            let body = match &mut self.body {
                Arriving::Open(body) => body,
                Arriving::Complete => return Poll::Ready(None),
                Arriving::Failed(error) => return Poll::Ready(Some(Err(*error))),
            };
            self.body = match Pin::new(body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    // trailers are dropped: no rule judges them
                    let Ok(data) = frame.into_data() else { continue };
                    self.pace.progress(data.len());
                    return Poll::Ready(Some(Ok(data)));
                }
                Poll::Ready(Some(Err(_))) => Arriving::Failed(WireError::BodyIncomplete),
                Poll::Ready(None) => Arriving::Complete,
                Poll::Pending if self.pace.poll_stalled(&mut self.deadline, cx) => {
                    Arriving::Failed(WireError::BodyTimeout)
                }
                Poll::Pending => return Poll::Pending,
            };
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Arriving::Open(body) => body.is_end_stream(),
            Arriving::Complete => true,
            Arriving::Failed(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Arriving::Open(body) => body.size_hint(),
            Arriving::Complete => SizeHint::with_exact(0),
            Arriving::Failed(_) => SizeHint::default(),
        }
    }
}

impl Drop for H2Body {
    fn drop(&mut self) {
        if let Arriving::Open(body) = std::mem::replace(&mut self.body, Arriving::Complete)
            && !body.is_end_stream()
        {
            self.rests.take_over(body);
        }
    }
}

/// The body of a request. Data comes as it is polled, so that whoever is slow slows the client down.
///
/// INVARIANT: what broke off fails however often it is polled, and never looks complete
/// (`a_body_that_broke_off_fails_again_and_never_looks_complete`).
#[derive(Default)]
pub enum RequestBody {
    /// There is none.
    #[default]
    Empty,
    /// It is at hand.
    Full(Bytes),
    /// It comes over HTTP/1.1.
    H1(H1Body),
    /// It comes over HTTP/2.
    H2(Box<H2Body>),
    /// One of these, counted as it comes.
    Metered(Box<Metered>),
}

/// A body that is counted, and ends with an error beyond its bound.
pub struct Metered {
    /// `None` once it was too long.
    body: Option<RequestBody>,
    cap: u64,
    seen: Rc<Cell<u64>>,
}

impl Metered {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, WireError>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(Some(Err(WireError::BodyTooLarge))) };
        let data = ready!(body.poll_data(cx));
        if let Some(Ok(data)) = &data {
            let seen = self.seen.get().saturating_add(data.len() as u64);
            self.seen.set(seen);
            if seen > self.cap {
                self.body = None;
                return Poll::Ready(Some(Err(WireError::BodyTooLarge)));
            }
        }
        Poll::Ready(data)
    }
}

impl RequestBody {
    /// The same body, whose bytes are added up in `seen` as they come; where they become more than `cap`, it ends with
    /// [`WireError::BodyTooLarge`], so that whoever sends it on breaks off.
    #[must_use]
    pub fn metered(self, cap: Option<u64>, seen: &Rc<Cell<u64>>) -> Self {
        match self {
            Self::Empty => Self::Empty,
            body => Self::Metered(Box::new(Metered {
                body: Some(body),
                cap: cap.unwrap_or(u64::MAX),
                seen: Rc::clone(seen),
            })),
        }
    }

    /// Reads the whole body.
    ///
    /// # Errors
    /// [`WireError::BodyTooLarge`] when it is longer than `cap` bytes, or whatever ends it early.
    pub async fn collect(mut self, cap: usize) -> Result<Bytes, WireError> {
        if self.size_hint().lower() > cap as u64 {
            return Err(WireError::BodyTooLarge);
        }
        let mut first = Bytes::new();
        let mut more = BytesMut::new();
        while let Some(data) = std::future::poll_fn(|cx| self.poll_data(cx)).await {
            let data = data?;
            if first.len() + more.len() + data.len() > cap {
                return Err(WireError::BodyTooLarge);
            }
            if first.is_empty() && more.is_empty() {
                first = data;
            } else {
                if more.is_empty() {
                    more.extend_from_slice(&std::mem::take(&mut first));
                }
                more.extend_from_slice(&data);
            }
        }
        Ok(if more.is_empty() { first } else { more.freeze() })
    }

    /// The next data of the body, without the frame around it.
    pub fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, WireError>>> {
        match self {
            Self::Empty => Poll::Ready(None),
            Self::Full(data) => {
                let data = std::mem::take(data);
                *self = Self::Empty;
                Poll::Ready((!data.is_empty()).then_some(Ok(data)))
            }
            Self::H1(body) => {
                if body.done {
                    return Poll::Ready(None);
                }
                let data = ready!(body.port.poll_data(body.exchange, cx));
                match &data {
                    Some(Ok(data)) => {
                        if let Some(left) = &mut body.left {
                            *left = left.saturating_sub(data.len() as u64);
                        }
                    }
                    Some(Err(_)) => {}
                    None => body.done = true,
                }
                Poll::Ready(data)
            }
            Self::H2(body) => body.poll_data(cx),
            Self::Metered(metered) => metered.poll_data(cx),
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = WireError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, WireError>>> {
        self.poll_data(cx).map(|data| data.map(|data| data.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(data) => data.is_empty(),
            Self::H1(body) => body.done || body.left == Some(0),
            Self::H2(body) => body.is_end_stream(),
            Self::Metered(metered) => metered.body.as_ref().is_some_and(Self::is_end_stream),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(data) => SizeHint::with_exact(data.len() as u64),
            Self::H1(body) => body.left.map_or_else(SizeHint::new, SizeHint::with_exact),
            Self::H2(body) => body.size_hint(),
            Self::Metered(metered) => metered.body.as_ref().map_or_else(SizeHint::new, Self::size_hint),
        }
    }
}

impl std::fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Empty => "RequestBody::Empty",
            Self::Full(_) => "RequestBody::Full",
            Self::H1(_) => "RequestBody::H1",
            Self::H2(_) => "RequestBody::H2",
            Self::Metered(_) => "RequestBody::Metered",
        })
    }
}

/// A body that is produced while it is sent.
pub type BoxBody = Pin<Box<dyn Body<Data = Bytes, Error = WireError>>>;

/// The body of an answer. An error out of it ends the connection or stream so that the answer cannot be taken for complete.
#[derive(Default)]
pub enum AnswerBody {
    /// There is none.
    #[default]
    Empty,
    /// It is at hand.
    Full(Bytes),
    /// It is produced while it is sent. Where its size hint is exact, it must keep to that.
    Stream(BoxBody),
    /// The connection becomes a raw tunnel; only with status 101 and in answer to an upgrade request. Boxed: few answers are one, and
    /// every answer would have room for it in all the hands that it goes through.
    Tunnel(Box<Tunnel>),
}

impl AnswerBody {
    /// A body that is produced while it is sent.
    pub fn stream(body: impl Body<Data = Bytes, Error = WireError> + 'static) -> Self {
        Self::Stream(Box::pin(body))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = WireError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, WireError>>> {
        match &mut *self {
            Self::Empty | Self::Tunnel(_) => Poll::Ready(None),
            Self::Full(data) => {
                let data = std::mem::take(data);
                *self = Self::Empty;
                Poll::Ready((!data.is_empty()).then(|| Ok(Frame::data(data))))
            }
            Self::Stream(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty | Self::Tunnel(_) => true,
            Self::Full(data) => data.is_empty(),
            Self::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty | Self::Tunnel(_) => SizeHint::with_exact(0),
            Self::Full(data) => SizeHint::with_exact(data.len() as u64),
            Self::Stream(body) => body.size_hint(),
        }
    }
}

impl std::fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Empty => "AnswerBody::Empty",
            Self::Full(_) => "AnswerBody::Full",
            Self::Stream(_) => "AnswerBody::Stream",
            Self::Tunnel(_) => "AnswerBody::Tunnel",
        })
    }
}

/// How the sending of an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// The whole answer was handed to the client's connection, or a tunnel was closed by one of its ends.
    Complete,
    /// The client closed, or reset the stream.
    ClientGone,
    /// The client did not take the answer in time, or a tunnel was idle for too long.
    ClientTimeout,
    /// The application's answer broke off.
    UpstreamCut,
    /// The application sent nothing for too long.
    UpstreamTimeout,
    /// The gateway ended the body or the tunnel.
    Withheld(Reason),
    /// The answer was dropped unsent.
    Aborted,
}

impl Completion {
    /// How an answer ends whose body gave this error.
    #[must_use]
    pub const fn of(error: WireError) -> Self {
        match error {
            WireError::UpstreamTimeout => Self::UpstreamTimeout,
            WireError::Withheld(reason) => Self::Withheld(reason),
            WireError::BodyIncomplete => Self::ClientGone,
            WireError::BodyTimeout => Self::ClientTimeout,
            _ => Self::UpstreamCut,
        }
    }
}
