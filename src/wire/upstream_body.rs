//! The body of an application's answer: read strictly to its end, with which its connection goes home; never hides that it broke off.

use super::chunk::{Decoder, Step};
use super::client::{ClientConnection, Inner, Pump, PumpError};
use super::error::WireError;
use super::framing::Framing;
use super::link::Transport;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::Instant;

enum Unread {
    Length(u64),
    /// The decoder, and data that it has given in advance.
    Chunked(Box<(Decoder, Option<Bytes>)>),
    UntilClose,
    Done,
}

/// The body of an application's answer. An error means that it broke off. With its last byte the connection goes home,
/// if it may be used again.
pub struct UpstreamBody<IO> {
    inner: Option<Box<Inner<IO>>>,
    unread: Unread,
    pump: Pump,
    reusable: bool,
    waiting: bool,
    /// When the head came; nothing once more was asked for than came with it.
    came: Option<Instant>,
}

impl<IO: Transport> UpstreamBody<IO> {
    /// The body behind a head that `came` just now. `reusable` is what the head and the exchange so far say of the connection.
    pub(super) fn begin(inner: Box<Inner<IO>>, framing: Framing, pump: Pump, reusable: bool, came: Instant) -> Self {
        let unread = match framing {
            Framing::Length(length) if length > 0 => Unread::Length(length),
            Framing::Chunked => Unread::Chunked(Box::new((Decoder::new(inner.settings.chunk), None))),
            Framing::UntilClose => Unread::UntilClose,
            _ => Unread::Done,
        };
        let mut body = Self { inner: Some(inner), unread, pump, reusable, waiting: false, came: Some(came) };
        if matches!(body.unread, Unread::Done) {
            body.release();
        }
        body
    }

    /// The whole body, when all of it has come with the head (without waiting); then nothing is left to be polled.
    pub fn take_buffered(&mut self) -> Option<Bytes> {
        match self.unread {
            Unread::Done => Some(Bytes::new()),
            Unread::Length(left) => {
                let input = &self.inner.as_ref()?.link.input;
                if (input.len() as u64) < left {
                    return None;
                }
                self.take().ok().flatten()
            }
            _ => None,
        }
    }

    /// INVARIANT: a connection is used again only after an exchange that was consumed exactly, request body included.
    fn release(&mut self) {
        self.unread = Unread::Done;
        let Some(mut inner) = self.inner.take() else { return };
        let sent = matches!(self.pump, Pump::Done) && !inner.link.has_unsent();
        if self.reusable && sent && inner.link.input.is_empty() {
            inner.link.release_input();
            if let Some(home) = inner.home.clone() {
                // what came whole with its head has left nothing to wait for since
                home(ClientConnection { inner }, self.came.unwrap_or_else(Instant::now));
            }
        }
    }

    /// Data that is in the buffer.
    fn take(&mut self) -> Result<Option<Bytes>, WireError> {
        let Some(inner) = &mut self.inner else { return Ok(None) };
        let input = &mut inner.link.input;
        match &mut self.unread {
            Unread::Done => Ok(None),
            Unread::Length(_) | Unread::UntilClose if input.is_empty() => Ok(None),
            Unread::UntilClose => Ok(Some(input.split().freeze())),
            Unread::Length(left) => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= take as u64;
                let (data, done) = (input.split_to(take).freeze(), *left == 0);
                if done {
                    self.release();
                }
                Ok(Some(data))
            }
            Unread::Chunked(chunks) => {
                let (decoder, ahead) = &mut **chunks;
                let data = match ahead.take() {
                    Some(data) => Some(data),
                    None => match decoder.step(input).map_err(WireError::UpstreamFraming)? {
                        Step::Data(data) => Some(data),
                        Step::More => None,
                        Step::End => {
                            self.release();
                            return Ok(None);
                        }
                    },
                };
                if data.is_some() {
                    // look ahead, so that the end is known together with the last data
                    match decoder.step(input).map_err(WireError::UpstreamFraming)? {
                        Step::Data(next) => *ahead = Some(next),
                        Step::More => {}
                        Step::End => self.release(),
                    }
                }
                Ok(data)
            }
        }
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, WireError>>> {
        if let (Some(inner), Pump::Body { .. }) = (&mut self.inner, &self.pump) {
            match self.pump.poll(inner, &mut 0, cx) {
                Poll::Ready(Err(PumpError::Body(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(Err(PumpError::Write(_))) => (self.pump, self.reusable) = (Pump::Done, false),
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
        }
        loop {
            match self.take() {
                Ok(Some(data)) => {
                    self.waiting = false;
                    return Poll::Ready(Some(Ok(data)));
                }
                Ok(None) if matches!(self.unread, Unread::Done) => return Poll::Ready(None),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(self.fail(error)))),
            }
            let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
            self.came = None;
            let error = match inner.link.poll_fill(cx) {
                Poll::Ready(Ok(0)) if matches!(self.unread, Unread::UntilClose) => {
                    (self.inner, self.unread) = (None, Unread::Done);
                    return Poll::Ready(None);
                }
                Poll::Ready(Ok(read)) if read > 0 => continue,
                Poll::Ready(_) => WireError::UpstreamCut,
                Poll::Pending => {
                    inner.link.release_input();
                    if !self.waiting {
                        self.waiting = true;
                        inner.reading.set(inner.settings.body_silence);
                    }
                    if !inner.reading.poll_passed(cx) {
                        return Poll::Pending;
                    }
                    WireError::UpstreamTimeout
                }
            };
            return Poll::Ready(Some(Err(self.fail(error))));
        }
    }

    fn fail(&mut self, error: WireError) -> WireError {
        (self.inner, self.unread) = (None, Unread::Done);
        error
    }
}

impl<IO: Transport> Body for UpstreamBody<IO> {
    type Data = Bytes;
    type Error = WireError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, WireError>>> {
        self.poll_data(cx).map(|data| data.map(|data| data.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.unread, Unread::Done)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.unread {
            Unread::Done => SizeHint::with_exact(0),
            Unread::Length(left) => SizeHint::with_exact(*left),
            Unread::Chunked(_) | Unread::UntilClose => SizeHint::new(),
        }
    }
}
