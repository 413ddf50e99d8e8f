//! What is left of requests that were answered before their end: read on for a while and thrown away.
//!
//! RFC 9113 section 8.1 lets a server reset such a stream as soon as it has answered. Clients that meet the reset while they
//! send lose the answer with it (libcurl 7.88), so that nobody is told why a large file was refused. So the reset comes later.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::Body;
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::wire::pace::Deadline;

/// The bodies of a connection that nobody reads. Each is dropped, which resets its stream, at its end or when its time is over.
pub(in crate::wire) struct Rests {
    within: Duration,
    bodies: RefCell<Vec<(Incoming, Instant)>>,
}

impl Rests {
    pub(super) fn new(within: Duration) -> Self {
        Self { within, bodies: RefCell::default() }
    }

    /// Takes a body over. Answering its request wakes the connection, which polls it.
    pub(in crate::wire) fn take_over(&self, body: Incoming) {
        self.bodies.borrow_mut().push((body, Instant::now() + self.within));
    }

    /// Reads what has come; the task is woken when more comes and when the time of one is over.
    pub(super) fn poll(&self, deadline: &mut Deadline, cx: &mut Context<'_>) {
        loop {
            let mut bodies = self.bodies.borrow_mut();
            if bodies.is_empty() {
                return;
            }
            bodies.retain_mut(|(body, until)| {
                loop {
                    match Pin::new(&mut *body).poll_frame(cx) {
                        Poll::Ready(Some(Ok(_))) => {}
                        Poll::Ready(_) => return false,
                        Poll::Pending => return *until > Instant::now(),
                    }
                }
            });
            let Some(first) = bodies.iter().map(|(_, until)| *until).min() else { return };
            deadline.set(first.saturating_duration_since(Instant::now()));
            if !deadline.poll_passed(cx) {
                return;
            }
        }
    }
}
