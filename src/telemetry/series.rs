//! The numbers behind metrics: shared ones, and ones that a single core writes without a locked instruction.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A number that only grows, written by any thread.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `count`.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    /// The count so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that goes up and down, written by any thread.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Sets it.
    pub fn set(&self, value: i64) {
        self.0.store(value, Relaxed);
    }

    /// Adds `change`, which may be negative.
    pub fn add(&self, change: i64) {
        self.0.fetch_add(change, Relaxed);
    }

    /// The present value.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

/// A number that one core writes and any thread reads.
///
/// INVARIANT: only one thread at a time writes, the owning core's, so a plain load and store lose nothing.
#[derive(Debug, Default)]
pub(crate) struct Tally(AtomicU64);

impl Tally {
    pub(crate) fn add(&self, count: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(count), Relaxed);
    }

    pub(crate) fn subtract(&self, count: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_sub(count), Relaxed);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Upper bounds of the buckets for the decision, in nanoseconds.
pub(super) static FINE: &[u64] =
    &[500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 10_000_000, 100_000_000];

/// Upper bounds of the buckets for whatever waits for a disk or an application, in nanoseconds.
pub(super) static COARSE: &[u64] = &[
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
    60_000_000_000,
];

/// Durations counted by size, written by one core.
#[derive(Debug)]
pub(super) struct Timing {
    pub(super) bounds: &'static [u64],
    /// One more than there are bounds: the last counts what is above all.
    counts: Box<[Tally]>,
    nanos: Tally,
}

impl Timing {
    pub(super) fn new(bounds: &'static [u64]) -> Self {
        Self { bounds, counts: (0..=bounds.len()).map(|_| Tally::default()).collect(), nanos: Tally::default() }
    }

    pub(super) fn observe(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        if let Some(count) = self.counts.get(self.bounds.partition_point(|&bound| bound < nanos)) {
            count.add(1);
        }
        self.nanos.add(nanos);
    }

    pub(super) fn read(&self) -> (Vec<u64>, u64) {
        (self.counts.iter().map(Tally::get).collect(), self.nanos.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_falls_into_the_bucket_whose_bound_holds_it() {
        let timing = Timing::new(FINE);
        for nanos in [0, 500, 501, 200_000_000] {
            timing.observe(Duration::from_nanos(nanos));
        }
        let (counts, nanos) = timing.read();
        assert_eq!((counts[0], counts[1], counts[12], nanos), (2, 1, 1, 200_001_001));
    }
}
