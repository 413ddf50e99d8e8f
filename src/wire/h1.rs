//! One HTTP/1.1 server connection as a state: its stream, the body being read, deadlines. Polled, never awaited, so that reader and writer share it.

mod end;

use super::body::{BodyPort, RequestBody};
use super::chunk::{Decoder, Step};
use super::error::WireError;
use super::framing::{Framing, Plan, plan};
use super::head::{RequestHead, Version};
use super::host::LastHost;
use super::limit::H1Settings;
use super::link::Link;
use super::pace::{Deadline, Pace};
use super::parse::{self, Scan};
use super::server::Exchange;
use super::stop::StopWatch;
use super::writer::{AnswerHead, Closing, write_answer};
pub(super) use end::CloseState;

use bytes::{Buf, Bytes};
use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite};

/// What came out of waiting for a request.
pub(super) enum Received {
    /// A request, its body yet to be given, and whether its client lets the connection stay.
    Request(Box<Exchange>, bool),
    Refused(WireError, Option<RequestHead>),
    End(super::server::End),
}

#[derive(Debug)]
enum Unread {
    None,
    Length(u64),
    Chunked(Decoder),
    Broken(WireError),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// No byte of a next request yet.
    Idle,
    /// Some bytes of a head.
    Head,
}

pub(super) struct Connection<IO> {
    pub(super) link: Link<IO>,
    settings: H1Settings,
    scan: Scan,
    hosts: LastHost,
    waiting: Option<Waiting>,
    blank_line_seen: bool,
    unread: Unread,
    exchange: u64,
    continue_due: bool,
    answering: bool,
    reading: Deadline,
    read_pace: Pace,
    writing: Deadline,
    write_pace: Pace,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Connection<IO> {
    pub(super) fn new(io: IO, settings: H1Settings) -> Self {
        Self {
            link: Link::new(io),
            settings,
            scan: Scan::default(),
            hosts: LastHost::default(),
            waiting: None,
            blank_line_seen: false,
            unread: Unread::None,
            exchange: 0,
            continue_due: false,
            answering: false,
            reading: Deadline::new(),
            read_pace: Pace::new(settings.body),
            writing: Deadline::new(),
            write_pace: Pace::new(settings.answer),
        }
    }

    pub(super) fn exchange(&self) -> u64 {
        self.exchange
    }

    /// Waits for the next head.
    pub(super) fn poll_head(&mut self, cx: &mut Context<'_>, mut stop: Pin<&mut StopWatch>) -> Poll<Received> {
        use super::server::End;
        loop {
            match self.take_head() {
                Ok(Some((head, Plan { framing, keep_alive, expects_continue: _, upgrade }))) => {
                    let asked = Exchange { head, framing, body: RequestBody::Empty, upgrade };
                    return Poll::Ready(Received::Request(Box::new(asked), keep_alive));
                }
                Ok(None) => {}
                Err(error) => return Poll::Ready(Received::Refused(error, parse::partial(&self.link.input))),
            }
            match self.link.poll_fill(cx) {
                Poll::Ready(Ok(0) | Err(_)) if self.link.input.is_empty() => {
                    return Poll::Ready(Received::End(End::ClientClosed));
                }
                Poll::Ready(Ok(0) | Err(_)) => {
                    let partial = parse::partial(&self.link.input);
                    return Poll::Ready(Received::Refused(WireError::Head("broke off"), partial));
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => {
                    let idle = self.link.input.is_empty();
                    self.wait_for(if idle { Waiting::Idle } else { Waiting::Head });
                    if idle {
                        self.link.release_input();
                        // a connection that has just come has a request on its way: closed now, it would look refused
                        if self.exchange > 0 && stop.as_mut().poll_asked(cx).is_ready() {
                            return Poll::Ready(Received::End(End::Stopped));
                        }
                    }
                    if !self.reading.poll_passed(cx) {
                        return Poll::Pending;
                    }
                    return Poll::Ready(match (idle, self.exchange) {
                        (true, 0) => Received::End(End::NoRequest),
                        (true, _) => Received::End(End::Idle),
                        (false, _) => Received::Refused(WireError::HeadTimeout, parse::partial(&self.link.input)),
                    });
                }
            }
        }
    }

    fn wait_for(&mut self, waiting: Waiting) {
        if self.waiting == Some(waiting) {
            return;
        }
        self.waiting = Some(waiting);
        self.reading.set(match (waiting, self.exchange) {
            (Waiting::Head, _) => self.settings.head_within,
            (Waiting::Idle, 0) => self.settings.first_byte,
            (Waiting::Idle, _) => self.settings.keep_alive,
        });
    }

    /// Takes a complete head from the buffer and readies the connection for its body.
    fn take_head(&mut self) -> Result<Option<(RequestHead, Plan)>, WireError> {
        // one empty line before a request is overlooked (RFC 9112 section 2.2)
        if !self.blank_line_seen && self.link.input.starts_with(b"\r\n") {
            self.link.input.advance(2);
            self.blank_line_seen = true;
        }
        match self.link.input.first() {
            None => return Ok(None),
            Some(b'\r') if !self.blank_line_seen && self.link.input.len() == 1 => return Ok(None),
            Some(byte) if !byte.is_ascii_graphic() => return Err(WireError::Head("not a request line")),
            Some(_) => {}
        }
        let Some(end) = self.scan.find_end(&self.link.input, &self.settings.head)? else {
            return Ok(None);
        };
        let bytes = self.link.input.split_to(end).freeze();
        let head = match parse::request(bytes.clone(), &self.settings.head, &mut self.hosts) {
            Ok(head) => head,
            Err(error) => {
                self.put_back(&bytes);
                return Err(error);
            }
        };
        match plan(&head) {
            Ok(plan) => {
                drop(bytes);
                self.begin(&plan);
                Ok(Some((head, plan)))
            }
            Err(error) => {
                self.put_back(&bytes);
                Err(error)
            }
        }
    }

    /// A refused head goes back to where it is looked at for the record; nothing is read from this connection again.
    fn put_back(&mut self, head: &[u8]) {
        self.link.input = bytes::BytesMut::from(head);
    }

    fn begin(&mut self, plan: &Plan) {
        self.scan = Scan::default();
        self.waiting = None;
        self.blank_line_seen = false;
        self.exchange += 1;
        self.answering = false;
        self.continue_due = plan.expects_continue;
        self.unread = match plan.framing {
            Framing::Chunked => Unread::Chunked(Decoder::new(self.settings.chunk)),
            Framing::Length(length) if length > 0 => Unread::Length(length),
            _ => Unread::None,
        };
        self.read_pace.restart();
        self.write_pace.restart();
    }

    /// The next data of the body of the request being served.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, WireError>>> {
        if let Err(error) = self.poll_continue(cx) {
            self.unread = Unread::Broken(error);
        }
        loop {
            match self.take_body() {
                Ok(Some(data)) => {
                    self.read_pace.progress(data.len());
                    return Poll::Ready(Some(Ok(data)));
                }
                Ok(None) if matches!(self.unread, Unread::None) => return Poll::Ready(None),
                Ok(None) => {}
                Err(error) => {
                    self.unread = Unread::Broken(error);
                    return Poll::Ready(Some(Err(error)));
                }
            }
            let error = match self.link.poll_fill(cx) {
                Poll::Ready(Ok(read)) if read > 0 => continue,
                Poll::Ready(_) => WireError::BodyIncomplete,
                Poll::Pending if self.read_pace.poll_stalled(&mut self.reading, cx) => WireError::BodyTimeout,
                Poll::Pending => return Poll::Pending,
            };
            self.unread = Unread::Broken(error);
            return Poll::Ready(Some(Err(error)));
        }
    }

    fn take_body(&mut self) -> Result<Option<Bytes>, WireError> {
        let input = &mut self.link.input;
        match &mut self.unread {
            Unread::None => Ok(None),
            Unread::Broken(error) => Err(*error),
            Unread::Length(_) if input.is_empty() => Ok(None),
            Unread::Length(left) => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= take as u64;
                if *left == 0 {
                    self.unread = Unread::None;
                }
                Ok(Some(input.split_to(take).freeze()))
            }
            Unread::Chunked(decoder) => match decoder.step(input).map_err(WireError::Framing)? {
                Step::Data(data) => Ok(Some(data)),
                Step::More => Ok(None),
                Step::End => {
                    self.unread = Unread::None;
                    Ok(None)
                }
            },
        }
    }

    /// Tells the client to send its body, once somebody wants to read it (RFC 9110 section 10.1.1).
    fn poll_continue(&mut self, cx: &mut Context<'_>) -> Result<(), WireError> {
        if self.answering {
            return Ok(());
        }
        if self.continue_due {
            self.continue_due = false;
            if self.link.input.is_empty() {
                self.link.out().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            }
        }
        if self.link.has_unsent()
            && let Poll::Ready(Err(_)) = self.link.poll_send(cx, &mut 0)
        {
            return Err(WireError::BodyIncomplete);
        }
        Ok(())
    }

    /// Whether the next request cannot be told from what is left of this one, so that the connection has to end.
    pub(super) fn must_close(&self) -> bool {
        match &self.unread {
            Unread::None => false,
            Unread::Broken(_) => true,
            _ if self.continue_due => true,
            Unread::Length(left) => *left > self.settings.drain_bytes,
            Unread::Chunked(_) => false,
        }
    }

    /// Whether bytes may still be on their way that nobody is going to read.
    fn has_unread(&self) -> bool {
        !matches!(self.unread, Unread::None) || !self.link.input.is_empty()
    }

    /// Queues the head of the answer.
    pub(super) fn put_head(&mut self, head: &AnswerHead, framing: Framing, closing: &Closing) {
        self.answering = true;
        self.write_pace.restart();
        write_answer(self.link.out(), head, framing, closing);
    }

    /// Writes what is queued.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let mut written = 0;
        let sent = self.link.poll_send(cx, &mut written);
        if written > 0 {
            self.write_pace.progress(written);
        }
        match sent {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            Poll::Ready(Err(_)) => Poll::Ready(Err(SendError::Gone)),
            Poll::Pending if self.write_pace.poll_stalled(&mut self.writing, cx) => Poll::Ready(Err(SendError::Slow)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// While an answer waits for its application: whether the client has left meanwhile.
    pub(super) fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while matches!(self.unread, Unread::None) && self.link.input.len() < self.settings.head.bytes() {
            match self.link.poll_fill(cx) {
                Poll::Ready(Ok(read)) if read > 0 => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        self.link.release_input();
        Poll::Pending
    }

    /// Whether a version of HTTP lets a body of unknown length be sent in chunks.
    pub(super) fn chunks(version: Version) -> bool {
        version == Version::Http11
    }
}

/// Why an answer could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SendError {
    Gone,
    Slow,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> BodyPort for RefCell<Connection<IO>> {
    fn poll_data(&self, exchange: u64, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, WireError>>> {
        let Ok(mut connection) = self.try_borrow_mut() else {
            return Poll::Ready(Some(Err(WireError::BodyIncomplete)));
        };
        // INVARIANT: a body that outlives its exchange never reads from the next one
        if connection.exchange != exchange {
            return Poll::Ready(Some(Err(WireError::BodyIncomplete)));
        }
        let data = ready!(connection.poll_body(cx));
        Poll::Ready(data)
    }
}
