//! The body of an answer on its way to the client; tells the address's health how it ended, and changes no byte.

use super::connect::Link;
use super::core::Attempt;
use crate::telemetry::UpstreamFailure;
use crate::wire::client::UpstreamBody;
use crate::wire::error::WireError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A body that is read while it is passed on.
pub(super) struct AnswerStream {
    body: UpstreamBody<Link>,
    attempt: Option<Attempt>,
}

impl AnswerStream {
    pub(super) fn new(body: UpstreamBody<Link>, attempt: Attempt) -> Self {
        Self { body, attempt: Some(attempt) }
    }

    fn settle(&mut self, frame: Option<&WireError>) {
        let Some(attempt) = self.attempt.take() else { return };
        match frame {
            None => attempt.succeed(),
            Some(WireError::UpstreamTimeout) => attempt.fail(UpstreamFailure::Timeout),
            Some(WireError::UpstreamCut | WireError::UpstreamFraming(_)) => attempt.fail(UpstreamFailure::Protocol),
            // the client's doing
            Some(_) => drop(attempt),
        }
    }
}

impl Body for AnswerStream {
    type Data = Bytes;
    type Error = WireError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, WireError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Err(error)) => self.settle(Some(error)),
            None => self.settle(None),
            Some(Ok(_)) if self.body.is_end_stream() => self.settle(None),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
