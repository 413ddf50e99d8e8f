//! Watches over one connection: idleness, clients that take nothing, and the time that its end may take.

use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::tally::Tally;
use crate::wire::limit::H2Settings;
use crate::wire::pace::Deadline;
use crate::wire::server::End;

/// Time for a client to answer the end of its connection.
const CLOSING: Duration = Duration::from_secs(3);

pub(super) enum Verdict {
    /// Begin an orderly end.
    Close,
    /// End at once.
    End(End),
}

/// Watches over one connection: idleness, clients that take nothing.
pub(super) struct Guard<'a> {
    tally: &'a Rc<Tally>,
    idle: Duration,
    silence: Duration,
    deadline: Deadline,
    armed: Armed,
    pub(super) written: usize,
    written_when_armed: usize,
    pub(super) closing: bool,
    pub(super) why: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Armed {
    No,
    Idle,
    Writing,
    Untaken,
}

impl<'a> Guard<'a> {
    pub(super) fn new(tally: &'a Rc<Tally>, settings: &H2Settings) -> Self {
        Self {
            tally,
            idle: settings.idle,
            silence: settings.answer_silence,
            deadline: Deadline::new(),
            armed: Armed::No,
            written: 0,
            written_when_armed: 0,
            closing: false,
            why: End::Idle,
        }
    }

    pub(super) fn close(&mut self, why: End) {
        (self.closing, self.why, self.armed) = (true, why, Armed::No);
    }

    pub(super) fn remember(&self, cx: &Context<'_>) {
        let mut waker = self.tally.connection.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, writing: bool) -> Poll<Verdict> {
        let oldest = self.tally.untaken.borrow().iter().map(|(_, since)| *since).min();
        let wanted = match (writing, self.tally.open.get(), oldest) {
            (true, _, _) => Armed::Writing,
            (false, 0, _) => Armed::Idle,
            (false, _, Some(_)) => Armed::Untaken,
            (false, _, None) => Armed::No,
        };
        if self.armed != wanted || (wanted == Armed::Writing && self.written != self.written_when_armed) {
            (self.armed, self.written_when_armed) = (wanted, self.written);
            match wanted {
                Armed::Idle if self.closing => self.deadline.set(CLOSING),
                Armed::Idle => self.deadline.set(self.idle),
                Armed::Writing => self.deadline.set(self.silence),
                Armed::Untaken => self.arm_untaken(oldest),
                Armed::No => {}
            }
        }
        loop {
            if self.armed == Armed::No || !self.deadline.poll_passed(cx) {
                return Poll::Pending;
            }
            match self.armed {
                Armed::Idle if self.closing => return Poll::Ready(Verdict::End(self.why)),
                Armed::Idle => {
                    let why = if self.tally.requests.get() == 0 { End::NoRequest } else { End::Idle };
                    self.close(why);
                    return Poll::Ready(Verdict::Close);
                }
                Armed::Untaken if oldest.is_some_and(|since| since.elapsed() < self.silence) => {
                    self.arm_untaken(oldest)
                }
                _ => return Poll::Ready(Verdict::End(End::ClientTimeout)),
            }
        }
    }

    fn arm_untaken(&mut self, oldest: Option<Instant>) {
        let waited = oldest.map_or(Duration::ZERO, |since| since.elapsed());
        self.deadline.set(self.silence.saturating_sub(waited));
    }
}
