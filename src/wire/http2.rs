//! Serves HTTP/2 on one connection by hyper, with the same service as HTTP/1.1; ends connections that flood, stall or idle.

use super::body::{AnswerBody, Completion, Finish, H2Body, RequestBody};
use super::deferred::Deferred;
use super::error::WireError;
use super::flood::{Account, Excess, FOR_A_PIECE, FOR_A_REQUEST, FrameMeter};
use super::framing::{Framing, request_framing};
use super::head::RequestHead;
use super::link::{Link, Transport};
use super::pace::Deadline;
use super::parse;
use super::server::{Answer, ConnectionEnd, End, Exchange, Rejected, Service};
use super::stop::Stop;
use super::writer::AnswerHead;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::Instant;

pub use super::limit::H2Settings;

/// Time for a client to answer the end of its connection.
const CLOSING: Duration = Duration::from_secs(3);

/// Bytes of an answer handed to the layer below at once.
const PIECE: usize = 16 * 1024;

/// Runs the tasks of streams on the core that serves their connection.
#[derive(Clone, Copy, Debug)]
struct Local;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// What the streams of a connection tell it.
#[derive(Default)]
struct Tally {
    open: Cell<u32>,
    requests: Cell<u64>,
    resets: Cell<u32>,
    most_resets: u32,
    account: Rc<Account>,
    /// Streams whose client has not taken what was handed to it, and since when.
    untaken: RefCell<Vec<(u64, Instant)>>,
    connection: RefCell<Option<Waker>>,
}

impl Tally {
    fn wake(&self) {
        if let Some(waker) = &*self.connection.borrow() {
            waker.wake_by_ref();
        }
    }

    fn flooded(&self) -> bool {
        self.resets.get() > self.most_resets || self.account.excess.get() == Some(Excess::Flood)
    }

    fn forget_untaken(&self, stream: u64) {
        let mut untaken = self.untaken.borrow_mut();
        if let Some(at) = untaken.iter().position(|(other, _)| *other == stream) {
            untaken.swap_remove(at);
        }
    }
}

/// One dispatched request. Dropped unfinished, it was reset by the client.
///
/// SECURITY: resets after the dispatch are counted, since the HTTP/2 layer counts only earlier ones (`resets_after_dispatch_end_the_connection`).
struct Stream {
    tally: Rc<Tally>,
    number: u64,
    settled: bool,
}

impl Stream {
    fn open(tally: &Rc<Tally>) -> Self {
        let number = tally.requests.get() + 1;
        tally.requests.set(number);
        tally.account.earn(FOR_A_REQUEST);
        tally.open.set(tally.open.get() + 1);
        Self { tally: Rc::clone(tally), number, settled: false }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let open = self.tally.open.get().saturating_sub(1);
        self.tally.open.set(open);
        if !self.settled {
            self.tally.resets.set(self.tally.resets.get() + 1);
        }
        if open == 0 || self.tally.flooded() {
            self.tally.wake();
        }
    }
}

/// Serves one connection until it ends. Runs in the calling task; streams become tasks of the current `LocalSet`.
///
/// A client that resets a stream drops the service's future: what must be recorded then belongs into a drop.
pub async fn serve_http2<IO, S>(io: IO, settings: &H2Settings, service: Rc<S>, stop: Stop) -> ConnectionEnd
where
    IO: Transport + 'static,
    S: Service,
{
    let tally = Rc::new(Tally { most_resets: settings.resets, ..Tally::default() });
    let link = Rc::new(RefCell::new(Link::new(io)));
    let served = hyper::service::service_fn({
        let (tally, settings) = (Rc::clone(&tally), *settings);
        move |request| {
            let (stream, service) = (Stream::open(&tally), Rc::clone(&service));
            async move { Ok::<_, Infallible>(answer(request, &*service, stream, &settings).await) }
        }
    });
    let meter = FrameMeter::new(settings.control_frames);
    let reading = Deferred::new(Rc::clone(&link), meter, Rc::clone(&tally.account));
    let connection = builder(settings).serve_connection(TokioIo::new(reading), served);
    let mut connection = std::pin::pin!(connection);
    let mut watch = std::pin::pin!(stop.watch());
    let mut guard = Guard::new(&tally, settings);
    let mut ended = None;
    let end = poll_fn(|cx| {
        if !guard.closing && watch.as_mut().poll_asked(cx).is_ready() {
            connection.as_mut().graceful_shutdown();
            guard.close(End::Stopped);
        }
        guard.remember(cx);
        if ended.is_none() {
            ended = match connection.as_mut().poll(cx) {
                Poll::Ready(Ok(())) => Some(if guard.closing { guard.why } else { End::ClientClosed }),
                Poll::Ready(Err(_)) if tally.account.excess.get().is_some() => None,
                Poll::Ready(Err(_)) if guard.closing => Some(guard.why),
                Poll::Ready(Err(error)) => Some(end_of(&error)),
                Poll::Pending => None,
            };
        }
        let mut link = link.borrow_mut();
        let excess = tally.account.excess.get().or(tally.flooded().then_some(Excess::Flood));
        if let Some(excess) = excess.filter(|_| ended.is_none()) {
            part(&mut link, cx, tally.account.last.get(), excess);
            return Poll::Ready(if excess == Excess::Flood { End::Flood } else { End::Protocol });
        }
        let sent = if link.has_unsent() { link.poll_send(cx, &mut guard.written) } else { Poll::Ready(Ok(())) };
        match (ended, sent) {
            (Some(end), Poll::Ready(_)) => Poll::Ready(end),
            (None, Poll::Ready(Err(_))) => Poll::Ready(End::ClientGone),
            (_, sent) => match guard.poll(cx, sent.is_pending()) {
                Poll::Ready(Verdict::End(end)) => Poll::Ready(end),
                Poll::Ready(Verdict::Close) => {
                    connection.as_mut().graceful_shutdown();
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                Poll::Pending => Poll::Pending,
            },
        }
    })
    .await;
    ConnectionEnd { end, requests: tally.requests.get() }
}

/// Tells the client why its connection ends, as far as that goes without waiting (RFC 9113 section 6.8).
fn part<IO: Transport>(link: &mut Link<IO>, cx: &mut Context<'_>, last: u32, excess: Excess) {
    if link.takes_more() {
        let out = link.out();
        out.extend_from_slice(&[0, 0, 8, 7, 0, 0, 0, 0, 0]);
        out.extend_from_slice(&last.to_be_bytes());
        out.extend_from_slice(&[0, 0, 0, excess.code()]);
    }
    if link.poll_send(cx, &mut 0).is_ready() {
        // Whether it gets that far does not matter: the connection is dropped next.
        let _ = Pin::new(&mut link.io).poll_shutdown(cx);
    }
}

fn end_of(error: &hyper::Error) -> End {
    // a ping that nobody answered
    if error.is_timeout() {
        return End::ClientTimeout;
    }
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(h2::Reason::ENHANCE_YOUR_CALM) = cause.downcast_ref().and_then(h2::Error::reason) {
            return End::Flood;
        }
        if cause.is::<std::io::Error>() {
            return End::ClientGone;
        }
        source = cause.source();
    }
    End::Protocol
}

fn builder(settings: &H2Settings) -> hyper::server::conn::http2::Builder<Local> {
    let mut builder = hyper::server::conn::http2::Builder::new(Local);
    builder
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .max_concurrent_streams(settings.streams)
        .max_pending_accept_reset_streams(settings.early_resets)
        .max_local_error_reset_streams(settings.early_resets)
        .initial_stream_window_size(settings.stream_window)
        .initial_connection_window_size(settings.connection_window)
        .max_send_buf_size(settings.send_buffer)
        .max_header_list_size(u32::try_from(settings.head.bytes()).unwrap_or(u32::MAX))
        .keep_alive_interval(settings.ping_interval)
        .keep_alive_timeout(settings.ping_timeout);
    builder
}

enum Verdict {
    /// Begin an orderly end.
    Close,
    /// End at once.
    End(End),
}

/// Watches over one connection: floods, idleness, clients that take nothing.
struct Guard<'a> {
    tally: &'a Rc<Tally>,
    idle: Duration,
    silence: Duration,
    deadline: Deadline,
    armed: Armed,
    written: usize,
    written_when_armed: usize,
    closing: bool,
    why: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Armed {
    No,
    Idle,
    Writing,
    Untaken,
}

impl<'a> Guard<'a> {
    fn new(tally: &'a Rc<Tally>, settings: &H2Settings) -> Self {
        Self {
            tally,
            idle: settings.idle,
            silence: settings.answer_silence,
            deadline: Deadline::new(),
            armed: Armed::No,
            written: 0,
            written_when_armed: 0,
            closing: false,
            why: End::Idle,
        }
    }

    fn close(&mut self, why: End) {
        (self.closing, self.why, self.armed) = (true, why, Armed::No);
    }

    fn remember(&self, cx: &Context<'_>) {
        let mut waker = self.tally.connection.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>, writing: bool) -> Poll<Verdict> {
        let oldest = self.tally.untaken.borrow().iter().map(|(_, since)| *since).min();
        let wanted = match (writing, self.tally.open.get(), oldest) {
            (true, _, _) => Armed::Writing,
            (false, 0, _) => Armed::Idle,
            (false, _, Some(_)) => Armed::Untaken,
            (false, _, None) => Armed::No,
        };
        if self.armed != wanted || (wanted == Armed::Writing && self.written != self.written_when_armed) {
            (self.armed, self.written_when_armed) = (wanted, self.written);
            match wanted {
                Armed::Idle if self.closing => self.deadline.set(CLOSING),
                Armed::Idle => self.deadline.set(self.idle),
                Armed::Writing => self.deadline.set(self.silence),
                Armed::Untaken => self.arm_untaken(oldest),
                Armed::No => {}
            }
        }
        loop {
            if self.armed == Armed::No || !self.deadline.poll_passed(cx) {
                return Poll::Pending;
            }
            match self.armed {
                Armed::Idle if self.closing => return Poll::Ready(Verdict::End(self.why)),
                Armed::Idle => {
                    let why = if self.tally.requests.get() == 0 { End::NoRequest } else { End::Idle };
                    self.close(why);
                    return Poll::Ready(Verdict::Close);
                }
                Armed::Untaken if oldest.is_some_and(|since| since.elapsed() < self.silence) => {
                    self.arm_untaken(oldest)
                }
                _ => return Poll::Ready(Verdict::End(End::ClientTimeout)),
            }
        }
    }

    fn arm_untaken(&mut self, oldest: Option<Instant>) {
        let waited = oldest.map_or(Duration::ZERO, |since| since.elapsed());
        self.deadline.set(self.silence.saturating_sub(waited));
    }
}

/// Turns one request of the HTTP/2 layer into an exchange, and its answer back.
async fn answer<S: Service>(
    request: http::Request<Incoming>,
    service: &S,
    stream: Stream,
    settings: &H2Settings,
) -> http::Response<H2Answer> {
    let (parts, body) = request.into_parts();
    let to_head = parts.method == http::Method::HEAD;
    let read = RequestHead::from_http2(&parts, &settings.head).and_then(|head| Ok((request_framing(&head)?, head)));
    let answer = match read {
        Ok((framing, head)) => {
            let framing = match framing {
                Framing::Empty if !body.is_end_stream() => Framing::Chunked,
                framing => framing,
            };
            let body = match body.is_end_stream() {
                true => RequestBody::Empty,
                false => RequestBody::H2(Box::new(H2Body::new(body, settings.body))),
            };
            service.call(Exchange { head, framing, body, upgrade: None }).await
        }
        Err(error) => service.reject(Rejected { error, partial: partial(&parts) }).await,
    };
    respond(answer, to_head, stream)
}

fn partial(parts: &http::request::Parts) -> Option<RequestHead> {
    let target = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    parse::partial(format!("{} {target}", parts.method).as_bytes())
}

fn respond(answer: Answer, to_head: bool, stream: Stream) -> http::Response<H2Answer> {
    let Answer { mut head, mut body, finished } = answer;
    // SECURITY: nothing switches protocols here (`an_unsolicited_101_becomes_502`)
    if head.status() == 101 || matches!(body, AnswerBody::Tunnel(_)) {
        (head, body) = (AnswerHead::new(502), AnswerBody::Empty);
    }
    let status = head.status();
    let mut length = head.announced_length();
    let bodyless = to_head || matches!(status, 204 | 304);
    if bodyless {
        if to_head && status != 304 {
            length = length.or_else(|| body.size_hint().exact());
        }
        body = AnswerBody::Empty;
    }
    let left = body.size_hint().exact();
    let mut response =
        http::Response::new(H2Answer { body, rest: Bytes::new(), left, bytes: 0, finished, stream, untaken: false });
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::BAD_GATEWAY);
    let fields = response.headers_mut();
    fields.reserve(16);
    for (name, value) in head.fields() {
        let name = http::HeaderName::from_bytes(name);
        if let (Ok(name), Ok(value)) = (name, http::HeaderValue::from_bytes(value)) {
            fields.append(name, value);
        }
    }
    if let Some(length) = length.filter(|_| bodyless && status != 204) {
        fields.insert(http::header::CONTENT_LENGTH, length.into());
    }
    response
}

/// An answer's body on its way to the HTTP/2 layer.
struct H2Answer {
    body: AnswerBody,
    /// Data that the body gave and that has not been handed on.
    rest: Bytes,
    left: Option<u64>,
    bytes: u64,
    finished: Option<Finish>,
    stream: Stream,
    untaken: bool,
}

impl H2Answer {
    fn settle(&mut self, completion: Completion) {
        self.stream.settled = true;
        if let Some(finished) = self.finished.take() {
            finished.call(completion, self.bytes);
        }
    }

    fn fail(&mut self, error: WireError) -> Poll<Option<Result<Frame<Bytes>, WireError>>> {
        self.settle(Completion::of(error));
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for H2Answer {
    type Data = Bytes;
    type Error = WireError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, WireError>>> {
        let this = self.get_mut();
        if std::mem::take(&mut this.untaken) {
            this.stream.tally.forget_untaken(this.stream.number);
        }
        while this.rest.is_empty() {
            this.rest = match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
                Poll::Ready(Some(Err(error))) => return this.fail(error),
                Poll::Ready(None) if this.left.is_some_and(|left| left > 0) => {
                    return this.fail(WireError::UpstreamCut);
                }
                Poll::Ready(None) => {
                    this.settle(Completion::Complete);
                    return Poll::Ready(None);
                }
                Poll::Pending => return Poll::Pending,
            };
        }
        // in pieces, since the layer below takes each whole into its buffer, whatever the client's window is
        let data = this.rest.split_to(this.rest.len().min(PIECE));
        if let Some(left) = &mut this.left {
            match left.checked_sub(data.len() as u64) {
                Some(rest) => *left = rest,
                None => return this.fail(WireError::UpstreamFraming("too long")),
            }
        }
        this.bytes += data.len() as u64;
        this.stream.tally.account.earn(FOR_A_PIECE);
        if !this.is_end_stream() {
            this.untaken = true;
            this.stream.tally.untaken.borrow_mut().push((this.stream.number, Instant::now()));
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.left.map_or_else(|| self.body.is_end_stream(), |left| left == 0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

impl Drop for H2Answer {
    fn drop(&mut self) {
        if self.untaken {
            self.stream.tally.forget_untaken(self.stream.number);
        }
        if !self.stream.settled {
            if self.is_end_stream() {
                self.settle(Completion::Complete);
            } else if let Some(finished) = self.finished.take() {
                finished.call(Completion::ClientGone, self.bytes);
            }
        }
    }
}
