//! The idle connections of one core to one address: last in, first out, looked at before they are used again; never shared.

use super::connect::Link;
use crate::endpoint::UpstreamSpec;
use crate::telemetry::AddressSeries;
use crate::wire::client::ClientConnection;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

struct Idle {
    connection: ClientConnection<Link>,
    born: Instant,
    since: Instant,
}

impl Idle {
    fn is_fresh(&self, bounds: &Bounds, now: Instant) -> bool {
        now.duration_since(self.since) < bounds.idle && now.duration_since(self.born) < bounds.lifetime
    }
}

struct Bounds {
    kept: usize,
    idle: Duration,
    lifetime: Duration,
}

/// The pool.
pub(super) struct Pool {
    idle: RefCell<VecDeque<Idle>>,
    bounds: Bounds,
    series: Arc<AddressSeries>,
}

impl Pool {
    pub(super) fn new(spec: &UpstreamSpec, series: Arc<AddressSeries>) -> Self {
        let bounds = Bounds { kept: spec.pool.idle_per_core, idle: spec.idle_timeout, lifetime: spec.pool.lifetime };
        Self { idle: RefCell::default(), bounds, series }
    }

    pub(super) fn series(&self) -> &Arc<AddressSeries> {
        &self.series
    }

    /// The connection that was used last, if it is young, open and silent at the present time `now`. What is not, is closed on the way.
    ///
    /// SECURITY: bytes that came without a request would be taken for the next person's answer
    /// (`bytes_that_come_later_spoil_the_idle_connection`).
    pub(super) fn take(&self, now: Instant) -> Option<ClientConnection<Link>> {
        let mut idle = self.idle.borrow_mut();
        let before = idle.len();
        let mut found = None;
        while found.is_none()
            && let Some(mut last) = idle.pop_back()
        {
            if last.is_fresh(&self.bounds, now) && last.connection.is_open_and_silent() {
                found = Some(last.connection);
            }
        }
        self.series.unpooled(before - idle.len());
        found
    }

    /// Keeps a connection that was made at `born` and is idle `since`; the longest idle one goes where there are too many.
    pub(super) fn put(&self, connection: ClientConnection<Link>, born: Instant, since: Instant) {
        if self.bounds.kept == 0 || since.duration_since(born) >= self.bounds.lifetime {
            return;
        }
        let mut idle = self.idle.borrow_mut();
        if idle.len() >= self.bounds.kept && idle.pop_front().is_some() {
            self.series.unpooled(1);
        }
        idle.push_back(Idle { connection, born, since });
        self.series.pooled();
    }

    /// Closes what has become too old, or was closed by the application.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        let mut idle = self.idle.borrow_mut();
        let before = idle.len();
        idle.retain_mut(|one| one.is_fresh(&self.bounds, now) && one.connection.is_open_and_silent());
        self.series.unpooled(before - idle.len());
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.series.unpooled(self.idle.get_mut().len());
    }
}
