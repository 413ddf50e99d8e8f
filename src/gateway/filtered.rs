//! The obligation of a permit, met: the head of an answer loses what speaks of the unfiltered bytes, and its body passes the filter
//! as it is polled. Nothing leaves before the beginning of the answer has been judged.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::Semaphore;

use crate::filter::{
    Begun, Chain, Coding, FilterError, MOST_FILE, Occasion, Tally, Transform, Xlsx, admit_watermark,
    belongs_to_the_unfiltered,
};
use crate::model::Reason;
use crate::policy::Obligation;
use crate::policy::rights::Rights;
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
    /// That there is nothing; what was done to it before that showed.
    Nothing(Rc<Tally>),
}

/// Meets `obligation` for the answer that began with `head`; `shown` is what the client would get of it, in `coding`. The application is asked
/// by GET where the client asks by HEAD, so that the head is that of the filtered answer.
///
/// # Errors
/// [`Blocked`]; nothing was released.
pub(super) async fn filter(
    obligation: &Obligation,
    head: &ResponseHead,
    shown: &mut AnswerHead,
    body: AnswerBody,
    occasion: Occasion,
    coding: Option<Coding>,
) -> Result<Filtered, Blocked> {
    let about = occasion.clone();
    let (begun, tally) = obligation.begin(head, occasion, coding).map_err(Blocked::Filter)?;
    shown.retain(|name| !belongs_to_the_unfiltered(name));
    shown.announce_length(None);
    // Names and values are ours, and can stand in a head.
    let _ = shown.push("Cache-Control", "private, no-store");
    match begun {
        // SECURITY: what is not there looks like what is hidden (`a_search_that_meets_hidden_orders_looks_like_one_that_meets_none`).
        Begun::Withheld if head.status == 404 && obligation.plan().withholds_empty() => Ok(Filtered::Nothing(tally)),
        Begun::Withheld => Ok(Filtered::Withheld),
        Begun::Bodiless => Ok(Filtered::Shown(AnswerBody::Empty, tally)),
        Begun::Whole(chain, xlsx, content_type) => {
            let _ = shown.push("Content-Type", content_type);
            let rights = obligation.rights().clone();
            let body = rewrite(body, chain, xlsx, rights, about, &tally).await?;
            Ok(Filtered::Shown(body, tally))
        }
        Begun::Filtered(chain, announced) => {
            let _ = shown.push("Content-Type", announced.content_type);
            let _ = shown.push("Vary", "Accept-Encoding");
            if announced.marked {
                admit(shown);
            }
            if let Some(coding) = announced.coding {
                let _ = shown.push("Content-Encoding", coding.as_str());
            }
            let mut filtered = FilteredBody::new(body, chain, Rc::clone(&tally));
            let body = match std::future::poll_fn(|cx| filtered.poll_first(cx)).await {
                Ok(true) => AnswerBody::Full(std::mem::take(&mut filtered.out).into()),
                Ok(false) => AnswerBody::stream(filtered),
                Err(Blocked::Filter(FilterError::Empty)) => return Ok(Filtered::Nothing(tally)),
                Err(blocked) => return Err(blocked),
            };
            Ok(Filtered::Shown(body, tally))
        }
    }
}

/// How many answers are at hand whole in this process.
static WHOLE: Semaphore = Semaphore::const_new(2);

/// Collects a body and rewrites it off this core. One without a single byte stays so.
async fn rewrite(
    mut body: AnswerBody,
    mut chain: Chain,
    xlsx: Xlsx,
    rights: Rights,
    occasion: Occasion,
    tally: &Tally,
) -> Result<AnswerBody, Blocked> {
    let _permit = WHOLE.acquire().await.map_err(|_| Blocked::Wire(WireError::BodyIncomplete))?;
    let mut file = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(data) = frame.map_err(Blocked::Wire)?.into_data() else { continue };
        chain.push(&data, &mut file).map_err(Blocked::Filter)?;
        if file.len() > MOST_FILE {
            return Err(Blocked::Filter(FilterError::TooLong(MOST_FILE)));
        }
    }
    chain.finish(&mut file).map_err(Blocked::Filter)?;
    if file.is_empty() {
        return Ok(AnswerBody::Empty);
    }
    let work = move || {
        let own = Tally::default();
        let left = xlsx.rewrite(&file, &rights, &occasion, &own)?;
        Ok((left, own.kept(), own.hidden(), own.masked()))
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok((left, kept, hidden, masked))) => {
            tally.add(kept, hidden, masked);
            Ok(AnswerBody::Full(left.into()))
        }
        Ok(Err(error)) => Err(Blocked::Filter(error)),
        Err(_) => Err(Blocked::Wire(WireError::Withheld(Reason::InternalFault))),
    }
}

/// Lets the content security policies of a page allow its watermark.
fn admit(shown: &mut AnswerHead) {
    const NAME: &str = "Content-Security-Policy";
    let is_policy = |name: &[u8]| name.eq_ignore_ascii_case(NAME.as_bytes());
    let policies: Vec<Vec<u8>> =
        shown.fields().filter(|(name, _)| is_policy(name)).map(|(_, value)| value.to_vec()).collect();
    shown.retain(|name| !is_policy(name));
    for policy in policies {
        let admitting = admit_watermark(&String::from_utf8_lossy(&policy));
        if shown.push(NAME, admitting).is_err() {
            // The mark is a line at the end of the page then; it stood in a head already.
            let _ = shown.push(NAME, policy);
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
        // Where nothing may leave yet, there is nothing to send a head for.
        while self.state == State::Open && (self.taken < FIRST || self.out.is_empty()) {
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
