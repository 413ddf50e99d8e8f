//! What one core does with one address of an application, in numbers.

use super::exposition::Exposition;
use super::name;
use super::series::Tally;

/// How an attempt at an upstream failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamFailure {
    /// No connection.
    Unreachable,
    /// Not HTTP, or broken off.
    Protocol,
    /// Too slow.
    Timeout,
    /// A pooled connection that the application had closed meanwhile; no fault of anybody.
    Stale,
}

impl UpstreamFailure {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Unreachable, "unreachable"),
        (Self::Protocol, "protocol"),
        (Self::Timeout, "timeout"),
        (Self::Stale, "stale"),
    ];
}

/// What one core does with one address of an application.
#[derive(Debug)]
pub struct AddressSeries {
    app: String,
    address: String,
    requests: Tally,
    in_flight: Tally,
    connections: Tally,
    reused: Tally,
    retries: Tally,
    idle: Tally,
    failures: [Tally; 4],
}

impl AddressSeries {
    pub(super) fn new(app: &str, address: &str) -> Self {
        Self {
            app: app.to_owned(),
            address: address.to_owned(),
            requests: Tally::default(),
            in_flight: Tally::default(),
            connections: Tally::default(),
            reused: Tally::default(),
            retries: Tally::default(),
            idle: Tally::default(),
            failures: Default::default(),
        }
    }

    /// An attempt begins; `retry` where another failed before it.
    pub fn begun(&self, retry: bool) {
        self.requests.add(1);
        self.in_flight.add(1);
        if retry {
            self.retries.add(1);
        }
    }

    /// An attempt has ended, well or not.
    pub fn ended(&self) {
        self.in_flight.subtract(1);
    }

    /// Attempts of this core that have not ended.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.in_flight.get()
    }

    /// A connection was made.
    pub fn connected(&self) {
        self.connections.add(1);
    }

    /// A connection out of the pool was used.
    pub fn reused(&self) {
        self.reused.add(1);
    }

    /// A connection came into the pool.
    pub fn pooled(&self) {
        self.idle.add(1);
    }

    /// `count` connections left the pool.
    pub fn unpooled(&self, count: usize) {
        self.idle.subtract(u64::try_from(count).unwrap_or(0));
    }

    /// An attempt failed.
    pub fn failed(&self, failure: UpstreamFailure) {
        if let Some(tally) = self.failures.get(failure as usize) {
            tally.add(1);
        }
    }

    pub(super) fn render(&self, out: &mut Exposition) {
        let labels = [self.app.as_str(), self.address.as_str()];
        out.count(&name::UPSTREAM_REQUESTS, &labels, self.requests.get());
        out.level(&name::UPSTREAM_IN_FLIGHT, &labels, self.in_flight.get());
        out.count(&name::UPSTREAM_CONNECTIONS, &labels, self.connections.get());
        out.count(&name::UPSTREAM_REUSED, &labels, self.reused.get());
        out.count(&name::UPSTREAM_RETRIES, &labels, self.retries.get());
        out.level(&name::UPSTREAM_IDLE, &labels, self.idle.get());
        for ((_, cause), tally) in UpstreamFailure::ALL.iter().zip(&self.failures) {
            out.count(&name::UPSTREAM_FAILURES, &[&self.app, &self.address, cause], tally.get());
        }
    }
}
