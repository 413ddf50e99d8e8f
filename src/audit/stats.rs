//! The counters of a run, summed up and handed to the metrics; counts nothing itself.

use super::space::{Room, Space};
use super::track::Track;
use crate::model::Timestamp;
use crate::telemetry::JournalSeries;
use std::sync::Arc;

/// The state of the journal, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalStats {
    /// Bytes in memory that no write holds yet.
    pub queue_bytes: u64,
    /// Requests that wait for their record to be written or synced.
    pub waiting: u64,
    /// Decisions appended.
    pub decisions: u64,
    /// Outcomes appended.
    pub outcomes: u64,
    /// Other records appended.
    pub others: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Writes made (`write(2)`).
    pub writes: u64,
    /// Writes that failed.
    pub write_errors: u64,
    /// Syncs that failed.
    pub sync_errors: u64,
    /// New segments that could not be begun.
    pub segment_errors: u64,
    /// Syncs made.
    pub syncs: u64,
    /// Records that were refused and could only be counted.
    pub unrecorded: u64,
    /// What the disk still takes.
    pub room: Room,
    /// When the oldest record was written that would not survive power loss.
    pub unsynced_since: Option<Timestamp>,
}

impl JournalStats {
    pub(super) fn of(tracks: &[Arc<Track>], space: &Space) -> Self {
        let zero = Self { room: space.room(), ..Self::default() };
        tracks.iter().fold(zero, |sum, track| {
            let counters = &track.counters;
            let since = track.unsynced_since().map(Timestamp::from_micros);
            Self {
                queue_bytes: sum.queue_bytes + counters.queue_bytes.get(),
                waiting: sum.waiting + counters.waiting.get(),
                decisions: sum.decisions + counters.decisions.get(),
                outcomes: sum.outcomes + counters.outcomes.get(),
                others: sum.others + counters.others.get(),
                bytes: sum.bytes + counters.bytes.get(),
                writes: sum.writes + counters.writes.get(),
                write_errors: sum.write_errors + counters.write_errors.get(),
                sync_errors: sum.sync_errors + counters.sync_errors.get(),
                segment_errors: sum.segment_errors + counters.segment_errors.get(),
                syncs: sum.syncs + counters.syncs.get(),
                unrecorded: sum.unrecorded + counters.unrecorded.get(),
                room: sum.room,
                unsynced_since: [sum.unsynced_since, since].into_iter().flatten().min(),
            }
        })
    }

    /// Adds to `series` what has come since `before`.
    pub(super) fn tell(&self, before: &Self, free: u64, series: &JournalSeries) {
        for (counter, now, then) in [
            (&series.decisions, self.decisions, before.decisions),
            (&series.outcomes, self.outcomes, before.outcomes),
            (&series.others, self.others, before.others),
            (&series.bytes, self.bytes, before.bytes),
            (&series.write_errors, self.write_errors, before.write_errors),
            (&series.sync_errors, self.sync_errors, before.sync_errors),
            (&series.segment_errors, self.segment_errors, before.segment_errors),
        ] {
            counter.add(now.saturating_sub(then));
        }
        let level = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        series.queued.set(level(self.queue_bytes));
        series.waiting.set(level(self.waiting));
        series.full.set(self.room as i64);
        series.free.set(level(free));
    }
}
