//! An answer that nobody may have before it is judged and that judgement is on record; never reads or judges it itself.

use super::forward::UpstreamAnswer;
use super::whole::{Unread, whole};
use crate::audit::Recorded;
use crate::endpoint::Address;
use crate::policy::{Awaiting, Completed, Judgement, Obligation, Question};
use crate::wire::body::AnswerBody;
use crate::wire::head::ResponseHead;
use bytes::Bytes;
use tokio::time::Instant;

/// The answer to a request that awaits it. Dropped, nothing of it was released.
///
/// SECURITY: its parts can be looked at to be judged; the answer itself comes out by [`JudgedAnswer::release`] only
/// (`tests/compile_fail/release_an_answer_unjudged.rs`).
#[derive(Debug)]
pub struct HeldAnswer<'h> {
    answer: UpstreamAnswer,
    awaiting: Awaiting<'h>,
}

/// An answer that was judged, and that goes to the client when the judgement is on record.
#[derive(Debug)]
pub struct JudgedAnswer {
    answer: UpstreamAnswer,
    completed: Completed,
}

impl<'h> HeldAnswer<'h> {
    pub(super) fn new(answer: UpstreamAnswer, awaiting: Awaiting<'h>) -> Self {
        Self { answer, awaiting }
    }

    /// The address that answered.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.answer.address
    }

    /// The head, to be judged.
    #[must_use]
    pub fn head(&self) -> &ResponseHead {
        &self.answer.head
    }

    /// When the head was complete.
    #[must_use]
    pub fn came(&self) -> Instant {
        self.answer.came
    }

    /// The whole body, to be judged. Trailers are left behind.
    ///
    /// # Errors
    /// When it is larger than `cap` bytes, or broke off.
    pub async fn read(&mut self, cap: usize) -> Result<Bytes, Unread> {
        let body = whole(std::mem::take(&mut self.answer.body), cap).await?;
        self.answer.body = if body.is_empty() { AnswerBody::Empty } else { AnswerBody::Full(body.clone()) };
        Ok(body)
    }

    /// Decides the request again, with what the answer told among the facts of `question`.
    ///
    /// # Errors
    /// The judgement, as a refusal; the answer is gone.
    pub fn judge(self, question: &Question<'_>) -> Result<(JudgedAnswer, Judgement), Judgement> {
        let (completed, judgement) = self.awaiting.complete(question)?;
        Ok((JudgedAnswer { answer: self.answer, completed }, judgement))
    }
}

impl JudgedAnswer {
    /// The answer, and what must be done to it before the client gets it.
    #[must_use]
    pub fn release(recorded: Recorded<Self>) -> (UpstreamAnswer, Option<Obligation>) {
        let Self { answer, completed } = recorded.into_inner();
        (answer, completed.into_obligation())
    }
}
