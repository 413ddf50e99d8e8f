//! Serves HTTP/1.1 on one connection: reads a head, asks the service, writes its answer, in order; decides nothing itself.

use super::body::{AnswerBody, Completion, Finish, H1Body, RequestBody};
use super::chunk;
use super::error::WireError;
use super::framing::Framing;
use super::h1::{CloseState, Connection, Received, SendError};
use super::head::{RequestHead, Version};
use super::link::Transport;
use super::message::Refused;
use super::stop::Stop;
use super::tunnel::{self, Tunnel, TunnelEnd};
use super::writer::{AnswerHead, Closing};
use crate::model::Reason;
use http_body::Body;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::time::Instant;

pub use super::framing::UpgradeRequest;
pub use super::limit::H1Settings;

/// Answers requests. Implemented once, by the gateway; called in the task that serves the connection.
pub trait Service: 'static {
    /// Answers one request, which is boxed once: it goes through the hands of all that stands around a request.
    fn call(&self, exchange: Box<Exchange>) -> impl Future<Output = Answer>;
    /// Records and answers what is not a request: its head could not be read, or its framing is not plain. The connection is closed after it.
    fn reject(&self, rejected: Rejected) -> impl Future<Output = Answer>;
}

/// One request.
#[derive(Debug)]
pub struct Exchange {
    /// Its head.
    pub head: RequestHead,
    /// How its body is delimited (over HTTP/2 `Chunked` stands for a length that was not announced).
    pub framing: Framing,
    /// Its body; the client is told to send it (`100 Continue`) when it is first polled.
    pub body: RequestBody,
    /// Whether it asks, in due form, for a WebSocket.
    pub upgrade: Option<UpgradeRequest>,
}

/// What came instead of a request.
#[derive(Debug)]
pub struct Rejected {
    /// What is wrong with it.
    pub error: WireError,
    /// Method and raw target, when they could be read; no fields.
    pub partial: Option<RequestHead>,
}

/// The answer to a request.
#[derive(Debug)]
pub struct Answer {
    /// Status and fields.
    pub head: AnswerHead,
    /// The body.
    pub body: AnswerBody,
    /// Told once how the sending ended.
    pub finished: Option<Finish>,
}

impl Answer {
    /// An answer that nobody waits for the end of.
    #[must_use]
    pub fn new(head: AnswerHead, body: AnswerBody) -> Self {
        Self { head, body, finished: None }
    }
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client closed it between requests.
    ClientClosed,
    /// No request came at all.
    NoRequest,
    /// No further request came.
    Idle,
    /// The server is draining.
    Stopped,
    /// The last answer said that it would be closed.
    AsAnnounced,
    /// What came was not a request.
    Refused(Reason),
    /// The client went away during an answer.
    ClientGone,
    /// The client did not take the answer, or did not finish its body.
    ClientTimeout,
    /// The answer's body failed, so that the connection had to be broken.
    AnswerCut,
    /// It became a tunnel, which has ended.
    Tunnelled,
    /// HTTP/2 only: protocol errors.
    Protocol,
    /// HTTP/2 only: frames, resets or errors without end.
    Flood,
}

/// How a connection was used and why it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionEnd {
    /// Why.
    pub end: End,
    /// Requests served, rejected ones not counted.
    pub requests: u64,
}

type Shared<IO> = Rc<RefCell<Connection<IO>>>;

/// Serves one connection until it ends. Runs wholly in the calling task.
///
/// The head and the beginning of a body leave in one write; an idle connection holds no buffer.
pub async fn serve_http1<IO, S>(io: IO, settings: &H1Settings, service: Rc<S>, stop: Stop) -> ConnectionEnd
where
    IO: Transport + 'static,
    S: Service,
{
    let shared: Shared<IO> = Rc::new(RefCell::new(Connection::new(io, *settings)));
    let mut watch = std::pin::pin!(stop.watch());
    let mut requests = 0;
    loop {
        let received = poll_fn(|cx| shared.borrow_mut().poll_head(cx, watch.as_mut())).await;
        let end = match received {
            Received::Request(asked, keep_alive) => {
                requests += 1;
                let last = requests >= settings.requests;
                match exchange(&shared, &*service, asked, || !keep_alive || last || stop.asked()).await {
                    Ok(Some(tunnel)) => return ConnectionEnd { end: run_tunnel(shared, tunnel).await, requests },
                    Ok(None) => continue,
                    Err(end) => end,
                }
            }
            Received::Refused(error, partial) => {
                let answer = service.reject(Rejected { error, partial }).await;
                let closing = Closing { version: Version::Http11, close: true, upgrade: false };
                match send(&shared, answer, false, closing).await {
                    Ok(_) => End::Refused(error.reason()),
                    Err(end) => end,
                }
            }
            Received::End(end) => end,
        };
        finish(&shared, end).await;
        return ConnectionEnd { end, requests };
    }
}

/// A tunnel that was agreed on, with what waits for its end.
struct Agreed {
    tunnel: Tunnel,
    finished: Option<Finish>,
}

/// Serves one request: `Ok(None)` when the next one may follow.
async fn exchange<IO: Transport + 'static, S: Service>(
    shared: &Shared<IO>,
    service: &S,
    mut asked: Box<Exchange>,
    last: impl Fn() -> bool,
) -> Result<Option<Agreed>, End> {
    let head = &asked.head;
    let (version, to_head, upgradable) = (head.version(), head.method_bytes() == b"HEAD", asked.upgrade.is_some());
    if !asked.framing.is_empty() {
        let exchange = shared.borrow().exchange();
        asked.body = RequestBody::H1(H1Body::new(Rc::clone(shared) as Rc<_>, exchange, asked.framing));
    }
    let mut answer = service.call(asked).await;
    let close = last() || shared.borrow().must_close();
    // SECURITY: a 101 that was not asked for, or that brings no tunnel, is never shown to the client (`an_unsolicited_101_becomes_502`)
    match std::mem::take(&mut answer.body) {
        AnswerBody::Tunnel(tunnel) if upgradable && answer.head.status() == 101 => {
            let finished = answer.finished.take();
            let agreed = Agreed { tunnel: *tunnel, finished };
            send(shared, answer, false, Closing { version, close: false, upgrade: true }).await?;
            return Ok(Some(agreed));
        }
        AnswerBody::Tunnel(_) => answer.head = AnswerHead::new(502),
        _ if answer.head.status() == 101 => answer.head = AnswerHead::new(502),
        body => answer.body = body,
    }
    let close = close || closes_to_end(version, &answer, to_head);
    let sent = send(shared, answer, to_head, Closing { version, close, upgrade: false }).await?;
    if close || shared.borrow().must_close() {
        return Err(End::AsAnnounced);
    }
    shared.borrow_mut().rest(sent);
    let mut budget = None;
    if poll_fn(|cx| shared.borrow_mut().poll_drained(cx, &mut budget)).await { Ok(None) } else { Err(End::AsAnnounced) }
}

fn bodyless(to_head: bool, status: u16) -> bool {
    to_head || status < 200 || matches!(status, 204 | 304)
}

/// Whether only the end of the connection can end the answer's body.
fn closes_to_end(version: Version, answer: &Answer, to_head: bool) -> bool {
    version == Version::Http10 && !bodyless(to_head, answer.head.status()) && answer.body.size_hint().exact().is_none()
}

/// The body of an answer on its way.
struct Sending {
    body: AnswerBody,
    framing: Framing,
    left: u64,
    bytes: u64,
    ended: bool,
}

/// Sends one answer whole and tells whoever waits for its end. Gives the time of that.
async fn send<IO: Transport + 'static>(
    shared: &Shared<IO>,
    mut answer: Answer,
    to_head: bool,
    closing: Closing,
) -> Result<Instant, End> {
    let exact = answer.body.size_hint().exact();
    let framing = if bodyless(to_head, answer.head.status()) {
        if to_head && answer.head.announced_length().is_none() {
            answer.head.announce_length(exact.filter(|_| !matches!(answer.head.status(), 204 | 304)));
        }
        if answer.head.status() == 204 || closing.upgrade {
            answer.head.announce_length(None);
        }
        answer.body = AnswerBody::Empty;
        Framing::Empty
    } else {
        match exact {
            Some(length) => Framing::Length(length),
            None if Connection::<IO>::chunks(closing.version) => Framing::Chunked,
            None => Framing::UntilClose,
        }
    };
    shared.borrow_mut().put_head(&answer.head, framing, &closing);
    let left = if let Framing::Length(length) = framing { length } else { 0 };
    let mut sending = Sending { body: answer.body, framing, left, bytes: 0, ended: false };
    let result = poll_fn(|cx| poll_send(shared, &mut sending, cx)).await;
    let completion = match result {
        Ok(()) => Completion::Complete,
        Err(Failure::Client(SendError::Gone)) => Completion::ClientGone,
        Err(Failure::Client(SendError::Slow)) => Completion::ClientTimeout,
        Err(Failure::Body(error)) => Completion::of(error),
    };
    if completion != Completion::Complete {
        // SECURITY: what broke off must not look complete (`a_cut_answer_never_looks_complete`)
        shared.borrow_mut().link.io.reset();
    }
    let ended = Instant::now();
    if let Some(finished) = answer.finished {
        finished.call(completion, sending.bytes, ended);
    }
    match completion {
        Completion::Complete => Ok(ended),
        Completion::ClientGone => Err(End::ClientGone),
        Completion::ClientTimeout => Err(End::ClientTimeout),
        _ => Err(End::AnswerCut),
    }
}

enum Failure {
    Client(SendError),
    Body(WireError),
}

/// Takes from the body what is ready and writes it in as few pieces as possible.
///
/// INVARIANT: the connection is not borrowed while the body is polled, since the body may be reading the request from it.
fn poll_send<IO: Transport + 'static>(
    shared: &Shared<IO>,
    sending: &mut Sending,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Failure>> {
    loop {
        if sending.ended || !shared.borrow().link.takes_more() {
            match shared.borrow_mut().poll_flush(cx) {
                Poll::Ready(Ok(())) if sending.ended => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Failure::Client(error))),
                Poll::Pending => return Poll::Pending,
            }
        }
        match Pin::new(&mut sending.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data()
                    && let Err(error) = queue(shared, sending, data)
                {
                    return Poll::Ready(Err(Failure::Body(error)));
                }
            }
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(Failure::Body(error))),
            Poll::Ready(None) => {
                if sending.left > 0 {
                    return Poll::Ready(Err(Failure::Body(WireError::UpstreamCut)));
                }
                if sending.framing == Framing::Chunked {
                    shared.borrow_mut().link.out().extend_from_slice(chunk::LAST);
                }
                sending.ended = true;
            }
            Poll::Pending => {
                let mut connection = shared.borrow_mut();
                if connection.link.has_unsent()
                    && let Poll::Ready(Err(error)) = connection.poll_flush(cx)
                {
                    return Poll::Ready(Err(Failure::Client(error)));
                }
                if connection.poll_left(cx).is_ready() {
                    return Poll::Ready(Err(Failure::Client(SendError::Gone)));
                }
                return Poll::Pending;
            }
        }
    }
}

fn queue<IO: Transport + 'static>(
    shared: &Shared<IO>,
    sending: &mut Sending,
    data: bytes::Bytes,
) -> Result<(), WireError> {
    if data.is_empty() {
        return Ok(());
    }
    let mut connection = shared.borrow_mut();
    match sending.framing {
        Framing::Length(_) => {
            sending.left = sending.left.checked_sub(data.len() as u64).ok_or(WireError::UpstreamFraming("too long"))?;
        }
        Framing::Chunked => chunk::write_size(connection.link.out(), data.len()),
        Framing::Empty => return Ok(()),
        Framing::UntilClose => {}
    }
    sending.bytes += data.len() as u64;
    connection.link.queue(data);
    // the end leaves in the same write as the last data, where it is known by now
    if sending.framing == Framing::Chunked {
        sending.ended = sending.body.is_end_stream();
        connection.link.queue_behind(if sending.ended { b"\r\n0\r\n\r\n" } else { b"\r\n" });
    } else {
        sending.ended = matches!(sending.framing, Framing::Length(_)) && sending.left == 0;
    }
    Ok(())
}

/// Ends the connection in the way that its end calls for.
async fn finish<IO: Transport + 'static>(shared: &Shared<IO>, end: End) {
    match end {
        End::ClientGone | End::ClientTimeout | End::AnswerCut => {}
        _ => {
            let mut state = CloseState::Shut;
            poll_fn(|cx| shared.borrow_mut().poll_close(cx, &mut state, matches!(end, End::Refused(_)))).await;
        }
    }
}

/// Copies both ways once the 101 has been written.
async fn run_tunnel<IO: Transport + 'static>(shared: Shared<IO>, agreed: Agreed) -> End {
    let Agreed { tunnel, finished } = agreed;
    let count = tunnel.count();
    // INVARIANT: an upgrade request has no body, so that nobody else holds the connection
    let Ok(connection) = Rc::try_unwrap(shared) else { return End::AnswerCut };
    let mut link = connection.into_inner().link;
    let early = std::mem::take(&mut link.input);
    let end = tunnel::run(&mut link.io, &early, tunnel).await;
    tunnel::shut(&mut link.io).await;
    if let Some(finished) = finished {
        let completion = match end {
            TunnelEnd::Closed => Completion::Complete,
            TunnelEnd::Idle => Completion::ClientTimeout,
            TunnelEnd::Cancelled => Completion::Withheld(Reason::Frozen),
            TunnelEnd::Refused(Refused::TooLarge) => Completion::Withheld(Reason::BodyTooLarge),
            TunnelEnd::Refused(Refused::Malformed) => Completion::Withheld(Reason::MalformedFraming),
        };
        finished.call(completion, count.get().1, Instant::now());
    }
    End::Tunnelled
}
