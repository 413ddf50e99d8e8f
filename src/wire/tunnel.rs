//! A raw two-way copy after an agreed upgrade (RFC 9110 section 7.8); starts only behind a 101 of the application and never pools its ends.

use super::message::{Messages, Refused};
use super::stop::Stop;
use bytes::Bytes;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a tunnel can run over.
pub trait TunnelIo: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> TunnelIo for T {}

/// Bytes that a tunnel has carried, readable while it runs.
#[derive(Clone, Debug, Default)]
pub struct TunnelCount(Rc<Cell<(u64, u64)>>);

impl TunnelCount {
    /// Bytes from the client to the application, and back.
    #[must_use]
    pub fn get(&self) -> (u64, u64) {
        self.0.get()
    }
}

/// The application's end of a tunnel.
pub struct Tunnel {
    io: Box<dyn TunnelIo>,
    early: Bytes,
    idle: Duration,
    cancel: Stop,
    message: Option<u64>,
    count: TunnelCount,
}

impl Tunnel {
    /// A tunnel to `io`: `early` are bytes that came right behind the 101; it is closed when no byte has moved for `idle`
    /// or when `cancel` is given.
    #[must_use]
    pub fn new(io: Box<dyn TunnelIo>, early: Bytes, idle: Duration, cancel: Stop) -> Self {
        Self { io, early, idle, cancel, message: None, count: TunnelCount::default() }
    }

    /// The same tunnel, closed when `cancel` is given.
    #[must_use]
    pub fn until(self, cancel: Stop) -> Self {
        Self { cancel, ..self }
    }

    /// The same tunnel, closed where a message is larger than `bytes` or the frames are not those of a WebSocket.
    #[must_use]
    pub fn with_messages_up_to(self, bytes: usize) -> Self {
        Self { message: Some(u64::try_from(bytes).unwrap_or(u64::MAX)), ..self }
    }

    /// The bytes that it carries, to be kept by whoever records them.
    #[must_use]
    pub fn count(&self) -> TunnelCount {
        self.count.clone()
    }
}

impl std::fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tunnel").field("idle", &self.idle).finish_non_exhaustive()
    }
}

/// How a tunnel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TunnelEnd {
    Closed,
    Idle,
    Cancelled,
    Refused(Refused),
}

/// Why a direction ended.
enum Broken {
    Io,
    Refused(Refused),
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Io
    }
}

const BUFFER: usize = 8 * 1024;

/// One direction: what has been read and not yet written.
struct Flow {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    finished: bool,
    closed: bool,
    messages: Option<Messages>,
}

impl Flow {
    /// A direction in which `early` came already.
    fn with(early: &[u8], mut messages: Option<Messages>) -> Result<Self, Refused> {
        messages.as_mut().map_or(Ok(()), |messages| messages.pass(early))?;
        Ok(Self { buffer: early.to_vec(), start: 0, end: early.len(), finished: false, closed: false, messages })
    }

    fn poll_copy<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
        moved: &mut u64,
    ) -> Poll<Result<(), Broken>>
    where
        R: AsyncRead + Unpin + ?Sized,
        W: AsyncWrite + Unpin + ?Sized,
    {
        loop {
            while self.start < self.end {
                let waiting = self.buffer.get(self.start..self.end).unwrap_or_default();
                let wrote = ready!(Pin::new(&mut *to).poll_write(cx, waiting))?;
                if wrote == 0 {
                    return Poll::Ready(Err(Broken::Io));
                }
                self.start += wrote;
                *moved += wrote as u64;
            }
            if self.finished {
                if !self.closed {
                    ready!(Pin::new(&mut *to).poll_shutdown(cx))?;
                    self.closed = true;
                }
                return Poll::Ready(Ok(()));
            }
            if self.buffer.len() < BUFFER {
                self.buffer.resize(BUFFER, 0);
            }
            let mut space = ReadBuf::new(&mut self.buffer);
            match Pin::new(&mut *from).poll_read(cx, &mut space) {
                Poll::Ready(Ok(())) => {
                    // SECURITY: judged before a byte is passed on (`a_message_beyond_the_limit_ends_the_tunnel`)
                    if let Some(messages) = &mut self.messages {
                        messages.pass(space.filled()).map_err(Broken::Refused)?;
                    }
                    (self.start, self.end) = (0, space.filled().len());
                    self.finished = self.end == 0;
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Broken::Io)),
                Poll::Pending => {
                    // an idle direction holds no memory
                    self.buffer = Vec::new();
                    ready!(Pin::new(&mut *to).poll_flush(cx))?;
                    return Poll::Pending;
                }
            }
        }
    }
}

/// Copies both ways until both have ended, an error, the idle time or the cancellation.
pub(super) async fn run<IO: AsyncRead + AsyncWrite + Unpin>(
    client: &mut IO,
    client_early: &[u8],
    tunnel: Tunnel,
) -> TunnelEnd {
    let Tunnel { io: mut application, early, idle, cancel, message, count } = tunnel;
    let flows = (
        Flow::with(client_early, message.map(|cap| Messages::new(cap, true))),
        Flow::with(&early, message.map(|cap| Messages::new(cap, false))),
    );
    let (mut up, mut down) = match flows {
        (Ok(up), Ok(down)) => (up, down),
        (Err(refused), _) | (_, Err(refused)) => return TunnelEnd::Refused(refused),
    };
    let mut deadline = super::pace::Deadline::new();
    deadline.set(idle);
    let mut stop = std::pin::pin!(cancel.watch());
    let copy = poll_fn(|cx| {
        if stop.as_mut().poll_asked(cx).is_ready() {
            return Poll::Ready(TunnelEnd::Cancelled);
        }
        let before = count.get();
        let (mut sent, mut got) = before;
        let upward = up.poll_copy(cx, client, &mut *application, &mut sent);
        let downward = down.poll_copy(cx, &mut *application, client, &mut got);
        if (sent, got) != before {
            count.0.set((sent, got));
            deadline.set(idle);
        }
        match (upward, downward) {
            (Poll::Ready(Err(Broken::Refused(refused))), _) | (_, Poll::Ready(Err(Broken::Refused(refused)))) => {
                Poll::Ready(TunnelEnd::Refused(refused))
            }
            (Poll::Ready(Err(Broken::Io)), _) | (_, Poll::Ready(Err(Broken::Io))) => Poll::Ready(TunnelEnd::Closed),
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => Poll::Ready(TunnelEnd::Closed),
            _ if deadline.poll_passed(cx) => Poll::Ready(TunnelEnd::Idle),
            _ => Poll::Pending,
        }
    });
    copy.await
}

/// Ends a stream in an orderly way as far as that goes without waiting.
pub(super) fn shut<IO: AsyncWrite + Unpin>(io: &mut IO) -> impl Future<Output = ()> + '_ {
    poll_fn(move |cx| {
        let _ = Pin::new(&mut *io).poll_shutdown(cx);
        Poll::Ready(())
    })
}
