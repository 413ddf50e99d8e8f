//! What one core keeps of an upstream: its pools and its turn in the choice of an address.

use super::connect::{Link, connect};
use super::error::UpstreamError;
use super::health::Standing;
use super::pool::Pool;
use super::registry::Upstream;
use crate::endpoint::{Address, RawBalance};
use crate::telemetry::{CoreMetrics, UpstreamFailure};
use crate::wire::client::{ClientConnection, ClientSettings};
use crate::wire::limit::{HeadLimits, MOST_FIELDS, MOST_HEAD_BYTES};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use tokio::time::Instant;

/// An upstream on one core.
pub(super) struct CoreUpstream {
    shared: Arc<Upstream>,
    pools: Vec<Rc<Pool>>,
    next: Cell<usize>,
    settings: ClientSettings,
}

/// A connection, and whether it had served before.
pub(super) struct Chosen {
    pub(super) connection: ClientConnection<Link>,
    pub(super) reused: bool,
    /// The present time, read since it was waited for.
    pub(super) now: Instant,
}

impl CoreUpstream {
    pub(super) fn new(shared: Arc<Upstream>, metrics: &CoreMetrics) -> Self {
        let spec = Arc::clone(shared.spec());
        let pools = spec.addresses.iter().map(|address| {
            let series = metrics.address(&spec.app, &address.to_string());
            Rc::new(Pool::new(&spec, series))
        });
        let limits = shared.limits();
        let settings = ClientSettings {
            head: HeadLimits {
                head_bytes: limits.answer_head.min(MOST_HEAD_BYTES),
                fields: MOST_FIELDS,
                target_bytes: 0,
            },
            answer_within: limits.answer,
            body_silence: limits.body,
            write_silence: limits.body,
            ..ClientSettings::default()
        };
        Self { pools: pools.collect(), shared, next: Cell::new(0), settings }
    }

    pub(super) fn shared(&self) -> &Arc<Upstream> {
        &self.shared
    }

    pub(super) fn pool(&self, index: usize) -> Option<&Rc<Pool>> {
        self.pools.get(index)
    }

    pub(super) fn address(&self, index: usize) -> Option<&Address> {
        self.shared.spec().addresses.get(index)
    }

    pub(super) fn sweep(&self) {
        self.pools.iter().for_each(|pool| pool.sweep());
    }

    /// The address to try next, not among those `tried`. Those that are left alone or down come last: trying one is better than
    /// refusing outright.
    pub(super) fn choose(&self, tried: &[usize]) -> Option<usize> {
        let count = self.pools.len();
        let start = self.next.get();
        self.next.set(start.wrapping_add(1));
        let (mut best, mut last_resort) = (None, None);
        for index in (0..count).map(|step| start.wrapping_add(step) % count).filter(|index| !tried.contains(index)) {
            if count == 1 {
                return Some(index);
            }
            match self.shared.health().standing(index) {
                Standing::Trial => return Some(index),
                Standing::Well if self.shared.spec().balance == RawBalance::RoundRobin => return Some(index),
                Standing::Well => {
                    let busy = self.pools.get(index).map_or(u64::MAX, |pool| pool.series().in_flight());
                    if best.is_none_or(|(least, _)| busy < least) {
                        best = Some((busy, index));
                    }
                }
                Standing::Avoid => last_resort = last_resort.or(Some(index)),
            }
        }
        best.map(|(_, index)| index).or(last_resort)
    }

    /// A connection to the address of this index at the present time `now`: out of the pool unless `fresh`, else a new one.
    pub(super) async fn connection(&self, index: usize, fresh: bool, now: Instant) -> Result<Chosen, UpstreamError> {
        let (Some(pool), Some(address)) = (self.pools.get(index), self.address(index)) else {
            return Err(UpstreamError::Internal("an address that does not exist"));
        };
        if !fresh && let Some(connection) = pool.take(now) {
            pool.series().reused();
            return Ok(Chosen { connection, reused: true, now });
        }
        let tls = self.shared.tls()?;
        // boxed: few requests wait for a new connection, and every request's future would have room for it
        let link = Box::pin(connect(address, tls.as_deref(), self.shared.limits().connect)).await?;
        pool.series().connected();
        let (weak, born) = (Rc::downgrade(pool), Instant::now());
        let home = Rc::new(move |connection, since| {
            // a pool that is gone belongs to rules that are gone
            if let Some(pool) = weak.upgrade() {
                pool.put(connection, born, since);
            }
        });
        let connection = ClientConnection::new(link, self.settings, Some(home));
        Ok(Chosen { connection, reused: false, now: born })
    }

    /// An attempt failed through the fault of the application.
    pub(super) fn failed(&self, index: usize, failure: UpstreamFailure) {
        if let Some(pool) = self.pools.get(index) {
            pool.series().failed(failure);
        }
        if failure != UpstreamFailure::Stale {
            self.shared.health().failed(index);
        }
    }
}

/// An exchange with an address, counted as in flight until it is dropped.
pub(super) struct Attempt {
    upstream: Rc<CoreUpstream>,
    index: usize,
}

impl Attempt {
    pub(super) fn begin(upstream: &Rc<CoreUpstream>, index: usize, retry: bool) -> Self {
        if let Some(pool) = upstream.pool(index) {
            pool.series().begun(retry);
        }
        Self { upstream: Rc::clone(upstream), index }
    }

    /// The answer came to its end.
    pub(super) fn succeed(self) {
        self.upstream.shared.health().succeeded(self.index);
    }

    /// It did not.
    pub(super) fn fail(self, failure: UpstreamFailure) {
        self.upstream.failed(self.index, failure);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(pool) = self.upstream.pool(self.index) {
            pool.series().ended();
        }
    }
}
