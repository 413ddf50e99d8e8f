//! The body of a request on its way from the client to the application; reads no answer.

use super::{ClientErrorKind, Inner};
use crate::wire::body::RequestBody;
use crate::wire::chunk;
use crate::wire::error::WireError;
use crate::wire::link::{Link, Transport};
use std::task::{Context, Poll};

/// The body of a request on its way to the application.
pub(in crate::wire) enum Pump {
    Body { body: RequestBody, left: Option<u64> },
    Done,
}

pub(in crate::wire) enum PumpError {
    Body(WireError),
    Write(ClientErrorKind),
}

impl Pump {
    /// Moves what can be moved: the head and the first of the body leave in one write where both are at hand.
    pub(in crate::wire) fn poll<IO: Transport>(
        &mut self,
        inner: &mut Inner<IO>,
        written: &mut u64,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), PumpError>> {
        loop {
            let waits_for_client = self.gather(&mut inner.link, cx).map_err(PumpError::Body)?;
            if inner.link.has_unsent() {
                let mut bytes = 0;
                let sent = inner.link.poll_send(cx, &mut bytes);
                *written += bytes as u64;
                match sent {
                    Poll::Ready(Ok(())) => inner.stalled = false,
                    Poll::Ready(Err(error)) => {
                        return Poll::Ready(Err(PumpError::Write(ClientErrorKind::Io(error.kind()))));
                    }
                    Poll::Pending => {
                        // what is written at once needs no deadline
                        if bytes > 0 || !std::mem::replace(&mut inner.stalled, true) {
                            inner.writing.set(inner.settings.write_silence);
                        }
                        if inner.writing.poll_passed(cx) {
                            return Poll::Ready(Err(PumpError::Write(ClientErrorKind::Timeout)));
                        }
                        return Poll::Pending;
                    }
                }
            }
            match self {
                Self::Done => return Poll::Ready(Ok(())),
                Self::Body { .. } if waits_for_client => return Poll::Pending,
                Self::Body { .. } => {}
            }
        }
    }

    /// Takes data from the client until it has to be waited for or enough is queued; `true` when it has to be waited for.
    fn gather<IO>(&mut self, link: &mut Link<IO>, cx: &mut Context<'_>) -> Result<bool, WireError> {
        while let Self::Body { body, left } = self
            && link.takes_more()
        {
            match body.poll_data(cx) {
                Poll::Ready(Some(Ok(data))) if data.is_empty() => {}
                Poll::Ready(Some(Ok(data))) => match left {
                    Some(left) => {
                        *left = left
                            .checked_sub(data.len() as u64)
                            .ok_or(WireError::Framing("body longer than announced"))?;
                        let done = *left == 0;
                        link.queue(data);
                        if done {
                            *self = Self::Done;
                        }
                    }
                    None => {
                        chunk::write_size(link.out(), data.len());
                        link.queue(data);
                        link.queue_behind(b"\r\n");
                    }
                },
                Poll::Ready(Some(Err(error))) => return Err(error),
                Poll::Ready(None) if left.is_some() => return Err(WireError::BodyIncomplete),
                Poll::Ready(None) => {
                    link.out().extend_from_slice(chunk::LAST);
                    *self = Self::Done;
                }
                Poll::Pending => return Ok(true),
            }
        }
        Ok(false)
    }
}
