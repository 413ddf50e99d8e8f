//! Serves HTTP/2 on one connection by hyper, with the same service as HTTP/1.1; ends connections that flood, stall or idle.

mod answer;
mod guard;
mod rest;
mod tally;

use self::answer::answer;
use self::guard::{Guard, Verdict};
use self::tally::{Stream, Tally};
use super::deferred::Deferred;
use super::flood::{Excess, FrameMeter};
use super::link::{Link, Transport};
use super::pace::Deadline;
use super::server::{ConnectionEnd, End, Service};
use super::stop::Stop;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

pub use super::limit::H2Settings;
pub(super) use rest::Rests;

/// Runs the tasks of streams on the core that serves their connection.
#[derive(Clone, Copy, Debug)]
struct Local;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
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
    let tally = Rc::new(Tally::new(settings));
    let link = Rc::new(RefCell::new(Link::new(io)));
    let served = hyper::service::service_fn({
        let (tally, settings) = (Rc::clone(&tally), *settings);
        move |request| {
            let answered = answer(request, Rc::clone(&service), Stream::open(&tally), &settings);
            async move { Ok::<_, Infallible>(answered.await) }
        }
    });
    let meter = FrameMeter::new(settings.control_frames);
    let reading = Deferred::new(Rc::clone(&link), meter, Rc::clone(&tally.account));
    let connection = builder(settings).serve_connection(TokioIo::new(reading), served);
    let mut connection = std::pin::pin!(connection);
    let mut watch = std::pin::pin!(stop.watch());
    let mut guard = Guard::new(&tally, settings);
    let mut rests = Deadline::new();
    let mut ended = None;
    let end = poll_fn(|cx| {
        if !guard.closing && watch.as_mut().poll_asked(cx).is_ready() {
            connection.as_mut().graceful_shutdown();
            guard.close(End::Stopped);
        }
        guard.remember(cx);
        tally.rests.poll(&mut rests, cx);
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
