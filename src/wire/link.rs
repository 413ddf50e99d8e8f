//! A byte stream with one buffer for reading and one for writing, both lent by the core while they are needed; knows no HTTP.

use bytes::{Buf, Bytes, BytesMut};
use std::cell::RefCell;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Interest};

/// A byte stream that a connection can be served on.
pub trait Transport: AsyncRead + AsyncWrite + Unpin {
    /// Makes sure that the other side cannot take what it has got for a complete answer when the stream is dropped next:
    /// on TCP a reset instead of an orderly end.
    fn reset(&mut self) {}

    /// Whether a read could give bytes or an end, as far as that is known without a system call; `true` where it is not known.
    fn may_have_news(&self) -> bool {
        true
    }
}

impl Transport for tokio::net::TcpStream {
    fn may_have_news(&self) -> bool {
        self.try_io(Interest::READABLE, || Ok(())).is_ok()
    }

    fn reset(&mut self) {
        let _ = socket2::SockRef::from(&*self).set_linger(Some(std::time::Duration::ZERO));
    }
}

impl Transport for tokio::net::UnixStream {}

impl Transport for tokio::io::DuplexStream {}

impl<T: Transport> Transport for tokio_rustls::server::TlsStream<T> {
    fn reset(&mut self) {
        self.get_mut().0.reset();
    }
}

impl<T: Transport> Transport for tokio_rustls::client::TlsStream<T> {
    fn reset(&mut self) {
        self.get_mut().0.reset();
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn reset(&mut self) {
        (**self).reset();
    }
}

/// Bytes asked for with one read: a whole TLS record.
const READ: usize = 16 * 1024;
/// Bytes asked for when the last read filled its buffer: a long body is on its way.
const LARGE: usize = 64 * 1024;
/// Buffers kept by a core for the next connection that has something to read or write.
const KEPT: usize = 64;
/// Bodies up to this length are copied behind the head; longer ones are written from where they lie.
const COPY: usize = 4 * 1024;
/// Unsent bytes above which no more are taken.
pub(super) const HIGH: usize = 64 * 1024;

thread_local! {
    static INPUTS: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
    static OUTPUTS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A stream and its buffers.
pub(super) struct Link<IO> {
    pub(super) io: IO,
    pub(super) input: BytesMut,
    filled: bool,
    large: bool,
    out: Vec<u8>,
    sent: usize,
    tail: Bytes,
    behind: &'static [u8],
    dirty: bool,
}

impl<IO> Link<IO> {
    pub(super) fn new(io: IO) -> Self {
        Self {
            io,
            input: BytesMut::new(),
            filled: false,
            large: false,
            out: Vec::new(),
            sent: 0,
            tail: Bytes::new(),
            behind: b"",
            dirty: false,
        }
    }

    /// Gives an empty read buffer back to the core.
    pub(super) fn release_input(&mut self) {
        if self.input.is_empty() && self.input.capacity() > 0 {
            let buffer = std::mem::take(&mut self.input);
            if std::mem::take(&mut self.large) {
                return;
            }
            INPUTS.with_borrow_mut(|kept| {
                if kept.len() < KEPT {
                    kept.push(buffer);
                }
            });
        }
    }

    fn release_output(&mut self) {
        if self.out.is_empty() && self.out.capacity() > 0 {
            let buffer = std::mem::take(&mut self.out);
            if buffer.capacity() <= 2 * HIGH {
                OUTPUTS.with_borrow_mut(|kept| {
                    if kept.len() < KEPT {
                        kept.push(buffer)
                    }
                });
            }
        }
    }

    /// Where bytes to be written are appended; only while no long body is queued behind.
    pub(super) fn out(&mut self) -> &mut Vec<u8> {
        debug_assert!(self.tail.is_empty(), "bytes queued behind a body that is not yet written");
        if self.out.capacity() == 0 {
            self.out = OUTPUTS.with_borrow_mut(Vec::pop).unwrap_or_else(|| Vec::with_capacity(2048));
        }
        self.dirty = true;
        &mut self.out
    }

    /// Queues body bytes: short ones are copied, long ones kept as they are. Only while [`Self::takes_more`].
    pub(super) fn queue(&mut self, data: Bytes) {
        if data.len() <= COPY {
            self.out().extend_from_slice(&data);
        } else {
            self.dirty = true;
            self.tail = data;
        }
    }

    /// Queues a few bytes behind a body that [`Self::queue`] has just taken.
    pub(super) fn queue_behind(&mut self, bytes: &'static [u8]) {
        if self.tail.is_empty() {
            self.out().extend_from_slice(bytes);
        } else {
            self.behind = bytes;
        }
    }

    /// Whether more may be queued before what is queued has been written.
    pub(super) fn takes_more(&self) -> bool {
        self.tail.is_empty() && self.behind.is_empty() && self.out.len() < HIGH
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.dirty
    }
}

impl<IO: AsyncRead + Unpin> Link<IO> {
    /// Reads once into the buffer; 0 is the end of the stream.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.input.capacity() == 0 {
            self.input = INPUTS.with_borrow_mut(Vec::pop).unwrap_or_default();
        }
        let want = if self.filled { LARGE } else { READ };
        if self.input.capacity() - self.input.len() < want / 2 {
            // takes back the room of what has been dropped meanwhile; allocates only when it is still in use
            self.input.reserve(want);
            self.large |= self.filled;
        }
        let room = self.input.capacity() - self.input.len();
        let read = pin!(self.io.read_buf(&mut self.input)).poll(cx);
        if let Poll::Ready(Ok(bytes)) = read {
            self.filled = bytes >= room.min(READ);
        }
        read
    }
}

impl<IO: AsyncWrite + Unpin> Link<IO> {
    /// Writes what is queued and flushes the stream; counts what has been written into `written`.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>, written: &mut usize) -> Poll<io::Result<()>> {
        loop {
            let head = self.out.get(self.sent..).unwrap_or_default();
            let io = Pin::new(&mut self.io);
            let wrote = match (head.is_empty(), self.tail.is_empty() && self.behind.is_empty()) {
                (true, true) => break,
                (false, true) => io.poll_write(cx, head),
                _ => {
                    let parts = [IoSlice::new(head), IoSlice::new(&self.tail), IoSlice::new(self.behind)];
                    let first = parts.iter().take_while(|part| part.is_empty()).count();
                    io.poll_write_vectored(cx, parts.get(first..).unwrap_or_default())
                }
            };
            let mut bytes = ready!(wrote)?;
            if bytes == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *written += bytes;
            let of_head = bytes.min(head.len());
            self.sent += of_head;
            bytes -= of_head;
            let of_tail = bytes.min(self.tail.len());
            self.tail.advance(of_tail);
            bytes -= of_tail;
            self.behind = self.behind.get(bytes..).unwrap_or_default();
        }
        self.out.clear();
        self.sent = 0;
        self.tail = Bytes::new();
        self.release_output();
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.dirty = false;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    #[tokio::test]
    async fn an_idle_link_holds_no_buffer_and_the_next_one_gets_it() {
        INPUTS.with_borrow_mut(Vec::clear);
        let (mut other, ours) = tokio::io::duplex(1 << 20);
        let mut link = Link::new(ours);
        other.write_all(b"abc").await.unwrap();
        assert_eq!(std::future::poll_fn(|cx| link.poll_fill(cx)).await.unwrap(), 3);
        let head = link.input.split_to(3).freeze();
        link.release_input();
        assert_eq!((link.input.capacity(), INPUTS.with_borrow(Vec::len)), (0, 1));
        let kept = head.as_ptr() as usize;
        drop(head);
        other.write_all(b"defg").await.unwrap();
        assert_eq!(std::future::poll_fn(|cx| link.poll_fill(cx)).await.unwrap(), 4);
        assert!((kept..kept + READ).contains(&(link.input.as_ptr() as usize)) && INPUTS.with_borrow(Vec::is_empty));
    }

    #[tokio::test]
    async fn a_long_body_is_read_in_larger_pieces_whose_buffer_is_not_kept() {
        let (mut other, ours) = tokio::io::duplex(1 << 20);
        let mut link = Link::new(ours);
        other.write_all(&vec![b'x'; 200_000]).await.unwrap();
        let mut sizes = Vec::new();
        for _ in 0..3 {
            sizes.push(std::future::poll_fn(|cx| link.poll_fill(cx)).await.unwrap());
            link.input.clear();
        }
        assert_eq!(sizes.first(), Some(&READ));
        assert!(sizes.iter().skip(1).all(|size| *size >= LARGE), "{sizes:?}");
        let before = INPUTS.with_borrow(Vec::len);
        link.release_input();
        assert_eq!(INPUTS.with_borrow(Vec::len), before);
    }
}
