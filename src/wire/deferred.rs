//! A stream whose writes are collected until the connection's poll is over, so that all frames of all streams leave in few full records.

use super::flood::{Account, FrameMeter};
use super::link::{Link, Transport};
use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The side that the HTTP/2 layer reads from and writes to. Whoever polls that layer calls `poll_send` on the link after each poll.
pub(super) struct Deferred<IO> {
    link: Rc<RefCell<Link<IO>>>,
    meter: FrameMeter,
    account: Rc<Account>,
}

impl<IO> Deferred<IO> {
    /// Reads what `meter` lets pass; the account is told why it lets no more.
    pub(super) const fn new(link: Rc<RefCell<Link<IO>>>, meter: FrameMeter, account: Rc<Account>) -> Self {
        Self { link, meter, account }
    }
}

impl<IO: Transport> AsyncRead for Deferred<IO> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.link.borrow_mut().io).poll_read(cx, buf))?;
        // SECURITY: the layer beneath answers such frames for ever (`frames_that_ask_for_nothing_end_the_connection`)
        let fresh = buf.filled().get(before..).unwrap_or_default();
        match this.meter.pass(fresh, &this.account) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(excess) => {
                this.account.excess.set(Some(excess));
                Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
            }
        }
    }
}

impl<IO: Transport> Deferred<IO> {
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut link = self.link.borrow_mut();
        if link.takes_more() {
            return Poll::Ready(Ok(()));
        }
        link.poll_send(cx, &mut 0)
    }
}

impl<IO: Transport> AsyncWrite for Deferred<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_room(cx))?;
        self.link.borrow_mut().out().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_room(cx))?;
        let mut link = self.link.borrow_mut();
        let out = link.out();
        let before = out.len();
        for part in parts {
            out.extend_from_slice(part);
        }
        Poll::Ready(Ok(out.len() - before))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut link = self.link.borrow_mut();
        ready!(link.poll_send(cx, &mut 0))?;
        Pin::new(&mut link.io).poll_shutdown(cx)
    }
}
