//! Which addresses are worth trying: ejection after failures, active checks; shared by all cores, read without a lock.

use super::connect::connect;
use super::registry::Upstream;
use crate::endpoint::{Address, EjectSpec, HealthSpec};
use crate::policy::{Forwardable as _, SideRequest};
use crate::telemetry::{HealthSeries, Metrics};
use crate::wire::head::ResponseHead;
use crate::wire::limit::{HeadLimits, MOST_HEAD_BYTES};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

/// Whether an address may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It may.
    Well,
    /// It was left alone for its time, and this caller is the one that tries it.
    Trial,
    /// It may not, unless all are in this state.
    Avoid,
}

/// The health of one address.
#[derive(Debug)]
pub(super) struct AddressHealth {
    /// As logs and metrics name it.
    name: String,
    /// By active checks; true where there are none.
    up: AtomicBool,
    /// Failures in a row.
    failures: AtomicU32,
    /// Milliseconds on the upstream's clock until which it is left alone; 0 where it is not.
    ejected_until: AtomicU64,
    series: Arc<HealthSeries>,
}

/// The health of all addresses of an upstream.
#[derive(Debug)]
pub(super) struct Health {
    began: Instant,
    eject: Option<EjectSpec>,
    addresses: Vec<AddressHealth>,
}

impl Health {
    pub(super) fn new(app: &str, addresses: &[Address], eject: Option<EjectSpec>, metrics: &Metrics) -> Self {
        let addresses = addresses.iter().map(|address| AddressHealth {
            name: format!("{app} at {address}"),
            up: AtomicBool::new(true),
            failures: AtomicU32::new(0),
            ejected_until: AtomicU64::new(0),
            series: metrics.health(app, &address.to_string()),
        });
        Self { began: Instant::now(), eject, addresses: addresses.collect() }
    }

    /// Milliseconds since the upstream was set up, at least 1.
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// How the address of this index stands. Where its time alone is over, exactly one caller gets [`Standing::Trial`].
    pub(super) fn standing(&self, index: usize) -> Standing {
        let Some(address) = self.addresses.get(index) else { return Standing::Avoid };
        if !address.up.load(Relaxed) {
            return Standing::Avoid;
        }
        let until = address.ejected_until.load(Relaxed);
        if until == 0 {
            return Standing::Well;
        }
        let now = self.now();
        if now < until {
            return Standing::Avoid;
        }
        let lasting = self.eject.map_or(0, |eject| u64::try_from(eject.lasting.as_millis()).unwrap_or(u64::MAX));
        // INVARIANT: who moves the end is the one that tries; the others go on avoiding it until that has an outcome
        let won = address.ejected_until.compare_exchange(until, now.saturating_add(lasting), Relaxed, Relaxed).is_ok();
        if won { Standing::Trial } else { Standing::Avoid }
    }

    /// An exchange with the address went well.
    pub(super) fn succeeded(&self, index: usize) {
        let Some(address) = self.addresses.get(index) else { return };
        if address.failures.load(Relaxed) != 0 {
            address.failures.store(0, Relaxed);
        }
        if address.ejected_until.load(Relaxed) != 0 {
            address.ejected_until.store(0, Relaxed);
            address.series.ejected.set(0);
            tracing::info!(upstream = address.name, "used again");
        }
    }

    /// An exchange with the address failed through its fault.
    pub(super) fn failed(&self, index: usize) {
        let (Some(address), Some(eject)) = (self.addresses.get(index), self.eject) else { return };
        let failures = address.failures.fetch_add(1, Relaxed).saturating_add(1);
        let ejected = self.addresses.iter().filter(|other| other.ejected_until.load(Relaxed) != 0).count();
        let room = (ejected + 1) * 100 <= usize::from(eject.max_percent) * self.addresses.len();
        if failures < eject.failures || !room || address.ejected_until.load(Relaxed) != 0 {
            return;
        }
        let lasting = u64::try_from(eject.lasting.as_millis()).unwrap_or(u64::MAX);
        address.ejected_until.store(self.now().saturating_add(lasting), Relaxed);
        address.series.ejected.set(1);
        address.series.ejections.increment();
        tracing::warn!(upstream = address.name, failures, "left alone after failures");
    }

    fn checked(&self, index: usize, passed: bool, streak: u32, spec: &HealthSpec) {
        let Some(address) = self.addresses.get(index) else { return };
        if passed {
            address.series.checks_passed.increment()
        } else {
            address.series.checks_failed.increment()
        }
        let enough = streak >= if passed { spec.rise } else { spec.fall };
        if enough && address.up.swap(passed, Relaxed) != passed {
            address.series.up.set(i64::from(passed));
            if passed {
                tracing::info!(upstream = address.name, "checks find it well");
                self.succeeded(index);
            } else {
                tracing::warn!(upstream = address.name, "checks find it down");
            }
        }
    }
}

/// Checks the address of this index over and over, until the upstream is gone. Runs on the background runtime.
pub(super) async fn check_forever(upstream: Weak<Upstream>, index: usize) {
    let (mut last, mut streak) = (true, 0_u32);
    loop {
        let interval = {
            let Some(upstream) = upstream.upgrade() else { return };
            let Some(spec) = upstream.spec().health.clone() else { return };
            let passed = check(&upstream, index, &spec).await;
            streak = if passed == last { streak.saturating_add(1) } else { 1 };
            last = passed;
            upstream.health().checked(index, passed, streak, &spec);
            spec.interval
        };
        tokio::time::sleep(interval).await;
    }
}

async fn check(upstream: &Upstream, index: usize, spec: &HealthSpec) -> bool {
    let Some(address) = upstream.spec().addresses.get(index) else { return false };
    let status = tokio::time::timeout(spec.timeout, ask(upstream, address, spec)).await;
    match status {
        Ok(Some(status)) => spec.expect.iter().any(|range| (range.0..=range.1).contains(&status)),
        _ => false,
    }
}

/// The status that the application answers; `None` where it does not answer in HTTP.
///
/// Checks have connections of their own: whether a new one can be made is half of what they ask.
async fn ask(upstream: &Upstream, address: &Address, spec: &HealthSpec) -> Option<u16> {
    let request = SideRequest::health(upstream.spec())?.ok()?;
    let tls = upstream.tls().ok()?;
    let mut link = connect(address, tls.as_deref(), spec.timeout).await.ok()?;
    link.write_all(&request.parcel().head().bytes_for(address)).await.ok()?;
    link.flush().await.ok()?;
    let limits = HeadLimits { head_bytes: upstream.limits().answer_head.min(MOST_HEAD_BYTES), ..HeadLimits::default() };
    let mut read = Vec::with_capacity(1024);
    while link.read_buf(&mut read).await.ok()? > 0 && read.len() <= limits.head_bytes {
        if let Some(end) = memchr::memmem::find(&read, b"\r\n\r\n") {
            let head = read.get(..end + 4)?;
            return ResponseHead::parse(head, &limits).ok().map(|(head, _)| head.status);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn health(count: u16, eject: EjectSpec) -> Health {
        let addresses: Vec<_> = (0..count).map(|i| Address::new(false, "a".into(), i + 1)).collect();
        Health::new("wms", &addresses, Some(eject), &Metrics::new(1))
    }

    const EJECT: EjectSpec = EjectSpec { failures: 2, lasting: Duration::from_secs(10), max_percent: 50 };

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_eject_and_one_caller_tries_again() {
        let health = health(2, EJECT);
        health.failed(0);
        health.succeeded(0);
        health.failed(0);
        assert_eq!(health.standing(0), Standing::Well);
        health.failed(0);
        assert_eq!((health.standing(0), health.standing(1)), (Standing::Avoid, Standing::Well));
        tokio::time::advance(Duration::from_secs(11)).await;
        assert_eq!((health.standing(0), health.standing(0)), (Standing::Trial, Standing::Avoid));
        health.failed(0);
        assert_eq!(health.standing(0), Standing::Avoid);
        tokio::time::advance(Duration::from_secs(11)).await;
        assert_eq!(health.standing(0), Standing::Trial);
        health.succeeded(0);
        assert_eq!((health.standing(0), health.standing(0)), (Standing::Well, Standing::Well));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_allowed_part_is_ejected() {
        let two = health(2, EJECT);
        for index in [0, 0, 1, 1] {
            two.failed(index);
        }
        assert_eq!((two.standing(0), two.standing(1)), (Standing::Avoid, Standing::Well));
        let only = health(1, EJECT);
        only.failed(0);
        only.failed(0);
        assert_eq!(only.standing(0), Standing::Well);
    }
}
