//! A signal that is given once and stays: drain this server, close this tunnel. Costs a waiting task nothing until it is given.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

#[derive(Debug, Default)]
struct Shared {
    asked: AtomicBool,
    notify: Arc<Notify>,
}

/// Gives the signal. Clones give the same one.
#[derive(Clone, Debug, Default)]
pub struct StopSource(Arc<Shared>);

impl StopSource {
    /// A signal that has not been given.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the signal to everyone who holds a [`Stop`] of this source.
    pub fn stop(&self) {
        self.0.asked.store(true, Ordering::SeqCst);
        self.0.notify.notify_waiters();
    }

    /// The receiving side.
    #[must_use]
    pub fn listen(&self) -> Stop {
        Stop(Arc::clone(&self.0))
    }
}

/// Receives the signal. Cheap to clone; `Send` and `Sync`.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Shared>);

impl Stop {
    /// A signal that is never given.
    #[must_use]
    pub fn never() -> Self {
        Self::default()
    }

    /// Whether it has been given.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// Waits until it is given.
    pub async fn requested(&self) {
        let mut watch = std::pin::pin!(self.watch());
        std::future::poll_fn(|cx| watch.as_mut().poll_asked(cx)).await;
    }

    /// A wait that can be polled from several places of one task.
    pub(super) fn watch(&self) -> StopWatch {
        StopWatch {
            shared: Arc::clone(&self.0),
            wait: Box::pin(Arc::clone(&self.0.notify).notified_owned()),
            registered: None,
        }
    }
}

/// Waits for a [`Stop`] without touching anything shared but one flag after the first poll.
pub(super) struct StopWatch {
    shared: Arc<Shared>,
    wait: Pin<Box<OwnedNotified>>,
    registered: Option<Waker>,
}

impl StopWatch {
    pub(super) fn poll_asked(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.shared.asked.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        // the waiting list is shared by all cores: enter it once for each waker, not once for each request
        if self.registered.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        let _ = self.wait.as_mut().poll(cx);
        self.registered = Some(cx.waker().clone());
        if self.shared.asked.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_is_woken_and_whoever_comes_later_does_not_wait() {
        let source = StopSource::new();
        let stop = source.listen();
        let waiting = tokio::spawn({
            let stop = stop.clone();
            async move { stop.requested().await }
        });
        tokio::task::yield_now().await;
        source.stop();
        waiting.await.unwrap();
        stop.requested().await;
        assert!(stop.asked() && !Stop::never().asked());
    }
}
