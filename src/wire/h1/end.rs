//! How a connection ends, or is made ready for the next request: what nobody wants is read within bounds.

use super::{Connection, Unread, Waiting};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

/// Where the end of a stream has got to.
pub(in crate::wire) enum CloseState {
    Shut,
    Shutting,
    /// Said; what the client still sends is thrown away until `until`. `due` bytes earn it more time.
    Lingering {
        until: Instant,
        due: u64,
    },
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Connection<IO> {
    /// Reads the rest of a body that nobody wanted; `false` when it is more, or slower, than the settings allow.
    pub(in crate::wire) fn poll_drained(&mut self, cx: &mut Context<'_>, budget: &mut Option<u64>) -> Poll<bool> {
        if matches!(self.unread, Unread::None) {
            return Poll::Ready(true);
        }
        let left = budget.get_or_insert_with(|| {
            self.reading.set(self.settings.drain_within);
            self.settings.drain_bytes
        });
        loop {
            match self.take_body() {
                Ok(Some(data)) => match left.checked_sub(data.len() as u64) {
                    Some(rest) => *left = rest,
                    None => return Poll::Ready(false),
                },
                Ok(None) if matches!(self.unread, Unread::None) => return Poll::Ready(true),
                Ok(None) => match self.link.poll_fill(cx) {
                    Poll::Ready(Ok(read)) if read > 0 => {}
                    Poll::Ready(_) => return Poll::Ready(false),
                    Poll::Pending if self.reading.poll_passed(cx) => return Poll::Ready(false),
                    Poll::Pending => return Poll::Pending,
                },
                Err(_) => return Poll::Ready(false),
            }
        }
    }

    /// An answer was sent at `since`, the present time. Where all of its request was read, the next one is waited for from then on.
    pub(in crate::wire) fn rest(&mut self, since: Instant) {
        if !self.has_unread() {
            self.waiting = Some(Waiting::Idle);
            self.reading.set_from(since, self.settings.keep_alive);
        }
    }

    /// Ends the stream: says so to the client, then, if something of it may be on its way that nobody read, reads that
    /// lest a reset overtake the answer. A client that reads only when its whole file has left would otherwise never see
    /// why the file was refused: whoever sends `drain_bytes` in `drain_within` is listened to for `linger_within`.
    pub(in crate::wire) fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        state: &mut CloseState,
        refused: bool,
    ) -> Poll<()> {
        if let CloseState::Shut = state {
            self.reading.set(self.settings.drain_within);
            *state = CloseState::Shutting;
        }
        if let CloseState::Shutting = state {
            let shut: Poll<io::Result<()>> = Pin::new(&mut self.link.io).poll_shutdown(cx);
            if shut.is_pending() {
                return if self.reading.poll_passed(cx) { Poll::Ready(()) } else { Poll::Pending };
            }
            if !refused && !self.has_unread() {
                return Poll::Ready(());
            }
            let until = Instant::now() + self.settings.linger_within;
            *state = CloseState::Lingering { until, due: self.settings.drain_bytes };
        }
        let CloseState::Lingering { until, due } = state else { return Poll::Ready(()) };
        self.link.input.clear();
        match self.link.poll_fill(cx) {
            Poll::Ready(Ok(read)) if read > 0 => {
                *due = due.saturating_sub(read as u64);
                if *due == 0 {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Poll::Ready(());
                    }
                    self.reading.set(self.settings.drain_within.min(left));
                    *due = self.settings.drain_bytes;
                }
                // SECURITY: one read a turn, or a few who send as fast as they can would hold up everybody else on this core
                // (`whoever_floods_behind_the_last_answer_leaves_the_others_their_turn`)
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending if self.reading.poll_passed(cx) => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        }
    }
}
