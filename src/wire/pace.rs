//! Deadlines that cost nothing while bytes flow: one timer a connection, moved only when it fires early.

use super::limit::PaceLimits;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// A deadline that is set often and fires seldom.
///
/// Setting it later touches no timer; the timer finds out when it fires. Only an earlier one re-arms it.
#[derive(Debug)]
pub(super) struct Deadline {
    at: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    /// The task that the timer is known to wake when it fires.
    wakes: Option<Task>,
}

/// The addresses of a waker's parts, which tell the wakers that live at one time apart.
type Task = (usize, usize);

fn task(waker: &Waker) -> Task {
    (waker.data().addr(), std::ptr::from_ref(waker.vtable()).addr())
}

impl Deadline {
    pub(super) fn new() -> Self {
        Self { at: Instant::now(), timer: None, wakes: None }
    }

    pub(super) fn set(&mut self, after: Duration) {
        self.set_from(Instant::now(), after);
    }

    /// Counts from `since`, a reading of the clock that the caller has already.
    pub(super) fn set_from(&mut self, since: Instant, after: Duration) {
        self.at = since + after;
    }

    /// Whether it has passed; otherwise the task is woken when it does.
    pub(super) fn poll_passed(&mut self, cx: &mut Context<'_>) -> bool {
        let at = self.at;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        // INVARIANT: a timer that was polled and has not fired since holds the waker that it was polled with, so that no other waker
        // has its addresses. To poll it again would only put the same waker in its place.
        let task = Some(task(cx.waker()));
        if self.wakes == task && !timer.is_elapsed() {
            return false;
        }
        // not subject to the task's budget, without which the timer would not take the waker
        while pin!(tokio::task::unconstrained(timer.as_mut())).poll(cx).is_ready() {
            if Instant::now() >= at {
                return true;
            }
            timer.as_mut().reset(at);
        }
        self.wakes = task;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;
    use tokio::time::advance;

    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Woken {
        fn times(&self) -> u32 {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn passed(deadline: &mut Deadline, task: &Arc<Woken>) -> bool {
        deadline.poll_passed(&mut Context::from_waker(&Waker::from(Arc::clone(task))))
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn the_task_that_asked_last_is_woken_once() {
        let (first, second) = (Arc::new(Woken::default()), Arc::new(Woken::default()));
        let mut deadline = Deadline::new();
        deadline.set(SECOND);
        assert!(!passed(&mut deadline, &first) && !passed(&mut deadline, &first));
        assert!(!passed(&mut deadline, &second) && !passed(&mut deadline, &second));
        advance(2 * SECOND).await;
        assert_eq!((first.times(), second.times()), (0, 1));
        assert!(passed(&mut deadline, &second));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_was_moved_wakes_at_its_new_time() {
        let task = Arc::new(Woken::default());
        let mut deadline = Deadline::new();
        deadline.set(2 * SECOND);
        assert!(!passed(&mut deadline, &task));
        // later: the timer fires at the old time, finds out, and is set anew
        advance(SECOND).await;
        deadline.set(9 * SECOND);
        advance(2 * SECOND).await;
        assert_eq!(task.times(), 1);
        assert!(!passed(&mut deadline, &task));
        // earlier
        deadline.set(SECOND);
        assert!(!passed(&mut deadline, &task));
        advance(2 * SECOND).await;
        assert_eq!(task.times(), 2);
        assert!(passed(&mut deadline, &task));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_without_budget_is_woken_too() {
        let task = Arc::new(Woken::default());
        let mut deadline = Deadline::new();
        deadline.set(SECOND);
        while tokio::task::coop::has_budget_remaining() {
            let _ = pin!(tokio::task::coop::consume_budget()).poll(&mut Context::from_waker(Waker::noop()));
        }
        assert!(!passed(&mut deadline, &task));
        tokio::task::yield_now().await;
        let before = task.times();
        assert!(!passed(&mut deadline, &task));
        advance(2 * SECOND).await;
        assert_eq!(task.times(), before + 1);
    }
}
