//! Who waits for the end of an answer, and is told of it exactly once; sends nothing.

use super::body::Completion;
use tokio::time::Instant;

/// What waits for the end of an answer: a closure of these arguments, or a value that is there anyway and so takes no room of its own.
pub trait AwaitsEnd {
    /// The answer ended so, after so many bytes of its body, at the present time `ended`.
    fn ended(self: Box<Self>, completion: Completion, bytes: u64, ended: Instant);
}

impl<F: FnOnce(Completion, u64, Instant)> AwaitsEnd for F {
    fn ended(self: Box<Self>, completion: Completion, bytes: u64, ended: Instant) {
        self(completion, bytes, ended);
    }
}

/// Told exactly once how the answer ended, and how many bytes of its body were sent. Dropped untold, it tells
/// [`Completion::Aborted`].
pub struct Finish(Option<Box<dyn AwaitsEnd>>);

impl Finish {
    /// Calls `then` at the end of the answer: how it ended, after how many bytes, and when.
    #[must_use]
    pub fn new(then: impl FnOnce(Completion, u64, Instant) + 'static) -> Self {
        Self::of(Box::new(then))
    }

    /// Tells `one` of the end of the answer.
    #[must_use]
    pub fn of(one: Box<dyn AwaitsEnd>) -> Self {
        Self(Some(one))
    }

    /// Tells how the answer ended; `ended` is the present time.
    pub fn call(mut self, completion: Completion, bytes: u64, ended: Instant) {
        if let Some(one) = self.0.take() {
            one.ended(completion, bytes, ended);
        }
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        if let Some(one) = self.0.take() {
            one.ended(Completion::Aborted, 0, Instant::now());
        }
    }
}

impl std::fmt::Debug for Finish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Finish")
    }
}
