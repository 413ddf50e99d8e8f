//! Deadlines that cost nothing while bytes flow: one timer a connection, moved only when it fires early.

use super::limit::PaceLimits;
use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// A deadline that is set often and fires seldom.
///
/// Setting it later touches no timer; the timer finds out when it fires. Only an earlier one re-arms it.
#[derive(Debug)]
pub(super) struct Deadline {
    at: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    pub(super) fn new() -> Self {
        Self { at: Instant::now(), timer: None }
    }

    pub(super) fn set(&mut self, after: Duration) {
        self.at = Instant::now() + after;
    }

    /// Whether it has passed; otherwise the task is woken when it does.
    pub(super) fn poll_passed(&mut self, cx: &mut Context<'_>) -> bool {
        let at = self.at;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= at {
                return true;
            }
            timer.as_mut().reset(at);
        }
        false
    }
}

/// How one side moves a body: bounds its silence and its average rate over the time that was spent waiting for it.
#[derive(Debug)]
pub(super) struct Pace {
    limits: PaceLimits,
    moved: u64,
    waited: Duration,
    since: Option<Instant>,
}

impl Pace {
    pub(super) fn new(limits: PaceLimits) -> Self {
        Self { limits, moved: 0, waited: Duration::ZERO, since: None }
    }

    pub(super) fn restart(&mut self) {
        *self = Self::new(self.limits);
    }

    /// Bytes moved.
    pub(super) fn progress(&mut self, bytes: usize) {
        self.moved += bytes as u64;
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
    }

    /// Called when nothing moves: whether it has been so for too long.
    pub(super) fn poll_stalled(&mut self, deadline: &mut Deadline, cx: &mut Context<'_>) -> bool {
        if self.since.is_none() {
            self.since = Some(Instant::now());
            deadline.set(self.allowance());
        }
        deadline.poll_passed(cx)
    }

    fn allowance(&self) -> Duration {
        if self.limits.rate == 0 {
            return self.limits.silence;
        }
        let earned = Duration::from_secs(self.moved / u64::from(self.limits.rate));
        (self.limits.silence + earned).saturating_sub(self.waited).min(self.limits.silence)
    }
}
