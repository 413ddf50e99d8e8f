//! The counters of one lookup on one core: where things were found, why not, and how long it took.

use super::exposition::Exposition;
use super::name;
use super::series::{COARSE, Tally, Timing};
use std::time::Duration;

/// What a lookup came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupResult {
    /// It was known already.
    Hit,
    /// It was known from a list that passed through.
    Learned,
    /// Another request was finding it out just then.
    Shared,
    /// The application told.
    Request,
    /// The application's database told.
    Sql,
    /// The answer that was held told.
    Response,
    /// There is no such object.
    Unknown,
    /// It could not be found out.
    Failed,
    /// It could not be found out in time.
    Timeout,
}

impl LookupResult {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Hit, "hit"),
        (Self::Learned, "learned"),
        (Self::Shared, "shared"),
        (Self::Request, "request"),
        (Self::Sql, "sql"),
        (Self::Response, "response"),
        (Self::Unknown, "unknown"),
        (Self::Failed, "failed"),
        (Self::Timeout, "timeout"),
    ];
}

/// The counters of one lookup. Only the core that made them writes.
#[derive(Debug)]
pub struct LookupSeries {
    results: [Tally; LookupResult::ALL.len()],
    seconds: Timing,
}

impl LookupSeries {
    pub(super) fn new() -> Self {
        Self { results: Default::default(), seconds: Timing::new(COARSE) }
    }

    /// Counts one object.
    pub fn count(&self, result: LookupResult) {
        if let Some(tally) = self.results.get(result as usize) {
            tally.add(1);
        }
    }

    /// Something was found out, or not, in this time.
    pub fn took(&self, time: Duration) {
        self.seconds.observe(time);
    }

    pub(super) fn render(&self, app: &str, lookup: &str, out: &mut Exposition) {
        for ((_, result), tally) in LookupResult::ALL.iter().zip(&self.results) {
            out.count(&name::LOOKUPS, &[app, lookup, result], tally.get());
        }
        out.timing(&name::LOOKUP_SECONDS, &[app, lookup], &self.seconds);
    }
}
