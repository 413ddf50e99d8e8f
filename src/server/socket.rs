//! A client's TCP stream with what was read ahead of it; the bytes pass unchanged.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use compact_str::CompactString;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::fingerprint::{Seen, Tap};
use crate::wire::link::Transport;

/// A client's TCP stream. Bytes that were read behind a PROXY protocol header come first; while the handshake lasts
/// the hello is looked at in passing.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    ahead: Vec<u8>,
    taken: usize,
    tap: Option<Tap>,
    hello: Option<Seen>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, ahead: Vec::new(), taken: 0, tap: None, hello: None }
    }

    /// The stream itself, for what stands before TLS.
    pub(super) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Bytes to be read before those of the stream.
    pub(super) fn put_back(&mut self, bytes: Vec<u8>) {
        self.ahead = bytes;
    }

    /// Looks for a hello in what is read from now on.
    pub(super) fn watch_hello(&mut self) {
        self.tap = Some(Tap::default());
    }

    /// The fingerprint, once the hello has passed.
    pub(super) fn take_fingerprint(&mut self) -> Option<CompactString> {
        self.tap = None;
        match self.hello.take() {
            Some(Seen::Hello(fingerprint)) => Some(fingerprint),
            _ => None,
        }
    }

    /// Whether a PROXY protocol header came where a hello belongs.
    pub(super) fn began_with_proxy_header(&self) -> bool {
        self.hello == Some(Seen::ProxyHeader)
    }

    fn look(&mut self, bytes: &[u8]) {
        if let Some(tap) = &mut self.tap {
            match tap.see(bytes) {
                Seen::Partial => {}
                seen => {
                    self.hello = Some(seen);
                    self.tap = None;
                }
            }
        }
    }
}

impl Transport for Socket {
    fn reset(&mut self) {
        self.stream.reset();
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let this = &mut *self;
        if let Some(rest) = this.ahead.get(this.taken..).filter(|rest| !rest.is_empty()) {
            let count = rest.len().min(into.remaining());
            into.put_slice(rest.get(..count).unwrap_or_default());
            this.taken += count;
            if this.taken == this.ahead.len() {
                this.ahead = Vec::new();
                this.taken = 0;
            }
        } else {
            std::task::ready!(Pin::new(&mut this.stream).poll_read(cx, into))?;
        }
        if this.tap.is_some() {
            this.look(into.filled().get(before..).unwrap_or_default());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // most answers are one record: a plain send is the shorter way through the kernel
        match bytes {
            [one] => Pin::new(&mut self.stream).poll_write(cx, one),
            several => Pin::new(&mut self.stream).poll_write_vectored(cx, several),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
