//! Who waits for the end of an answer, and is told of it exactly once; sends nothing.

use super::body::Completion;
use tokio::time::Instant;

/// What is called when an answer has been sent or has failed.
type FinishFn = Box<dyn FnOnce(Completion, u64, Instant)>;

/// Called exactly once, with how the answer ended and the bytes of its body that were sent. Dropped uncalled, it tells
/// [`Completion::Aborted`].
pub struct Finish(Option<FinishFn>);

impl Finish {
    /// Calls `then` at the end of the answer: how it ended, after how many bytes, and when.
    #[must_use]
    pub fn new(then: impl FnOnce(Completion, u64, Instant) + 'static) -> Self {
        Self(Some(Box::new(then)))
    }

    /// Tells how the answer ended; `ended` is the present time.
    pub fn call(mut self, completion: Completion, bytes: u64, ended: Instant) {
        if let Some(then) = self.0.take() {
            then(completion, bytes, ended);
        }
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        if let Some(then) = self.0.take() {
            then(Completion::Aborted, 0, Instant::now());
        }
    }
}

impl std::fmt::Debug for Finish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Finish")
    }
}
