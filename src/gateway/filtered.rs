//! The obligation of a permit, met: the head of an answer loses what speaks of the unfiltered bytes, and its body passes the filter
//! as it is polled. Nothing leaves before the beginning of the answer has been judged.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};

use crate::filter::{Begun, Chain, FilterError, Tally, Transform, belongs_to_the_unfiltered};
use crate::model::Reason;
use crate::policy::Obligation;
use crate::wire::body::AnswerBody;
use crate::wire::error::WireError;
use crate::wire::head::ResponseHead;
use crate::wire::writer::AnswerHead;

/// How much of an answer is judged before its head is released, so that what cannot be filtered is answered with a refusal and not
/// broken off.
const FIRST: usize = 64 << 10;

/// How many pieces that give nothing are taken in one go, so that an answer of hidden rows leaves the core to others too.
const IN_ONE_GO: usize = 16;

/// Why an answer does not go to the client.
#[derive(Clone, Copy, Debug)]
pub(super) enum Blocked {
    /// It could not be filtered.
    Filter(FilterError),
    /// It broke off.
    Wire(WireError),
}

impl Blocked {
    pub(super) const fn reason(self) -> Reason {
        match self {
            Self::Filter(error) => error.reason(),
            Self::Wire(error) => error.reason(),
        }
    }
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filter(error) => error.fmt(f),
            Self::Wire(error) => error.fmt(f),
        }
    }
}

/// What goes to the client.
pub(super) enum Filtered {
    /// This body, and what was, or will be, done to it.
    Shown(AnswerBody, Rc<Tally>),
    /// The status alone.
    Withheld,
}

/// Meets `obligation` for the answer that began with `head`; `shown` is what the client would get of it. An answer to HEAD has the
/// head of one to GET, without what only its body tells.
///
/// # Errors
/// [`Blocked`]; nothing was released.
pub(super) async fn filter(
    obligation: &Obligation,
    head: &ResponseHead,
    shown: &mut AnswerHead,
    body: AnswerBody,
) -> Result<Filtered, Blocked> {
    let (begun, tally) = obligation.begin(head).map_err(Blocked::Filter)?;
    shown.retain(|name| !belongs_to_the_unfiltered(name));
    shown.announce_length(None);
    // Names and values are ours, and can stand in a head.
    let _ = shown.push("Cache-Control", "private, no-store");
    match begun {
        Begun::Withheld => Ok(Filtered::Withheld),
        Begun::Bodiless => Ok(Filtered::Shown(AnswerBody::Empty, tally)),
        Begun::Filtered(chain, content_type) => {
            let _ = shown.push("Content-Type", content_type);
            let mut filtered = FilteredBody::new(body, chain, Rc::clone(&tally));
            let body = match std::future::poll_fn(|cx| filtered.poll_first(cx)).await {
                Ok(true) => AnswerBody::Full(std::mem::take(&mut filtered.out).into()),
                Ok(false) => AnswerBody::stream(filtered),
                Err(blocked) => return Err(blocked),
            };
            Ok(Filtered::Shown(body, tally))
        }
    }
}

/// A body that passes a filter as it is polled.
struct FilteredBody {
    inner: AnswerBody,
    chain: Chain,
    tally: Rc<Tally>,
    /// What may leave.
    out: Vec<u8>,
    taken: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Ended,
    Failed,
}

impl FilteredBody {
    fn new(inner: AnswerBody, chain: Chain, tally: Rc<Tally>) -> Self {
        Self { inner, chain, tally, out: Vec::new(), taken: 0, state: State::Open }
    }

    /// Takes the next piece of the answer.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Blocked>> {
        let judged = match std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
            // trailers may tell of the unfiltered answer, and go
            Some(Ok(frame)) => frame.into_data().map_or(Ok(()), |data| {
                self.taken = self.taken.saturating_add(data.len());
                self.chain.push(&data, &mut self.out)
            }),
            Some(Err(error)) => {
                self.state = State::Failed;
                return Poll::Ready(Err(Blocked::Wire(error)));
            }
            None => {
                self.state = State::Ended;
                self.chain.finish(&mut self.out)
            }
        };
        Poll::Ready(judged.map_err(|error| {
            self.state = State::Failed;
            self.tally.end(error);
            Blocked::Filter(error)
        }))
    }

    /// Judges the beginning; true where that was all of it. Goes on without more as soon as something may leave and nothing else
    /// has come yet.
    fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Blocked>> {
        while self.state == State::Open && self.taken < FIRST {
            match self.poll_piece(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(blocked)) => return Poll::Ready(Err(blocked)),
                Poll::Pending if self.out.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(Ok(self.state == State::Ended))
    }
}

impl Body for FilteredBody {
    type Data = Bytes;
    type Error = WireError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, WireError>>> {
        for _ in 0..IN_ONE_GO {
            if !self.out.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.out).into()))));
            }
            match self.state {
                State::Ended => return Poll::Ready(None),
                State::Failed => return Poll::Ready(Some(Err(WireError::BodyIncomplete))),
                State::Open => {}
            }
            match std::task::ready!(self.poll_piece(cx)) {
                Ok(()) => {}
                // SECURITY: what was judged before it may leave, and the stream then breaks off (`an_answer_that_breaks_in_the_middle_never_looks_complete`).
                Err(Blocked::Wire(error)) => return Poll::Ready(Some(Err(error))),
                Err(Blocked::Filter(error)) => return Poll::Ready(Some(Err(WireError::Withheld(error.reason())))),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
