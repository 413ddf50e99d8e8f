//! What a series shows to other threads: how far it has got, what is to be synced, its counters; the series itself stays with its core.

use super::ahead::Ahead;
use super::chain::Hash;
use super::medium::{AppendFile, Medium};
use super::settings::JournalError;
use crate::telemetry::{Counter, Tally};
use parking_lot::Mutex;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use tokio::sync::watch;

/// How far a series has been written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Published {
    /// Number of the last record whose write returned.
    pub records: u64,
    /// Its hash.
    pub head: Hash,
    /// The segment that is written.
    pub segment: u64,
    /// Its length in bytes.
    pub length: u64,
}

/// How far a series has been synced.
#[derive(Clone, Debug, Default)]
pub(super) struct Synced {
    /// Every record up to this number survives power loss, but for those in a failed range.
    pub through: u64,
    /// The highest record that a failed sync covered, and why.
    pub failed: Option<(u64, JournalError)>,
    /// No more syncs will be made.
    pub closed: bool,
}

/// Counters of a series; they only grow, but for `queue_bytes` and `waiting`. The series itself counts, but for the syncs.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub queue_bytes: Tally,
    /// Requests that wait for their record.
    pub waiting: Tally,
    pub decisions: Tally,
    pub outcomes: Tally,
    pub others: Tally,
    pub bytes: Tally,
    pub writes: Tally,
    pub write_errors: Tally,
    pub segment_errors: Tally,
    pub unrecorded: Tally,
    pub syncs: Counter,
    pub sync_errors: Counter,
}

/// A segment whose sync failed.
///
/// The kernel may drop the pages that it could not write, and report the error only once: a later sync of the same file succeeds
/// although they are gone (<https://wiki.postgresql.org/wiki/Fsync_Errors>). PostgreSQL stops then; here strict requests have been
/// refused already, so the segment is never synced again, and a new one goes on.
#[derive(Clone, Debug)]
pub(super) struct Damage {
    /// The first record that may be missing after a power loss.
    pub from: u64,
    pub segment: u64,
    pub error: JournalError,
}

/// Why a sync gave nothing.
pub(super) enum Failed {
    /// It failed.
    Now(Damage),
    /// One failed before, and the segment has not been given up yet.
    Before(Damage),
}

/// The shared side of a series.
pub(super) struct Track {
    pub name: String,
    dir: PathBuf,
    medium: Arc<dyn Medium>,
    published: Mutex<Published>,
    /// Files that may hold unsynced bytes; the last one is being written.
    files: Mutex<Vec<Arc<dyn AppendFile>>>,
    /// A file was created since the directory was last synced.
    new_name: AtomicBool,
    /// The highest record that somebody waits to see synced.
    pub wanted: AtomicU64,
    pub synced: watch::Sender<Synced>,
    /// A segment was completed since the last checkpoint.
    pub rotated: AtomicBool,
    /// Microseconds since 1970 of the first write that is not synced; 0 for none.
    unsynced_since: AtomicI64,
    /// Of the bytes written, how many the last sync found.
    synced_bytes: AtomicU64,
    ahead: Ahead,
    /// One sync of a series at a time.
    syncing: Mutex<()>,
    /// A sync failed, and the segment that is written has not been given up for a new one yet.
    damaged: AtomicBool,
    damage: Mutex<Option<Damage>>,
    pub counters: Counters,
}

impl Track {
    pub(super) fn new(name: String, dir: PathBuf, medium: Arc<dyn Medium>, published: Published) -> Self {
        let synced = Synced { through: published.records, ..Synced::default() };
        Self {
            name,
            dir,
            medium,
            published: Mutex::new(published),
            files: Mutex::new(Vec::new()),
            new_name: AtomicBool::new(true),
            wanted: AtomicU64::new(0),
            synced: watch::Sender::new(synced),
            rotated: AtomicBool::new(false),
            unsynced_since: AtomicI64::new(0),
            synced_bytes: AtomicU64::new(0),
            ahead: Ahead::default(),
            syncing: Mutex::new(()),
            damaged: AtomicBool::new(false),
            damage: Mutex::new(None),
            counters: Counters::default(),
        }
    }

    /// The file of a segment begins to be written; those before it are complete, and hold the records up to `number`.
    pub(super) fn begin(&self, file: Arc<dyn AppendFile>, segment: u64, number: u64) {
        self.ahead.begin(Arc::clone(&file), segment);
        let mut files = self.files.lock();
        if let Some(damage) = self.damage.lock().take() {
            // What was written into the segment after its sync failed is as doubtful as what was there before.
            self.doubt(number, &damage.error);
            self.damaged.store(false, Ordering::Release);
        }
        if !files.is_empty() {
            self.rotated.store(true, Ordering::Release);
        }
        files.push(file);
        self.new_name.store(true, Ordering::Release);
    }

    /// A write returned. `now` in microseconds.
    pub(super) fn publish(&self, published: Published, now: i64) {
        *self.published.lock() = published;
        if self.unsynced_since.load(Ordering::Relaxed) == 0 {
            self.unsynced_since.store(now, Ordering::Relaxed);
        }
    }

    pub(super) fn published(&self) -> Published {
        *self.published.lock()
    }

    pub(super) fn unsynced_since(&self) -> Option<i64> {
        Some(self.unsynced_since.load(Ordering::Relaxed)).filter(|&since| since != 0 && self.behind())
    }

    /// Whether something was written that is not synced.
    pub(super) fn behind(&self) -> bool {
        self.published().records > self.synced.borrow().through
    }

    /// Bytes written that are not synced.
    pub(super) fn unsynced_bytes(&self) -> u64 {
        self.counters.bytes.get().saturating_sub(self.synced_bytes.load(Ordering::Relaxed))
    }

    /// Keeps room on the disk for what comes next; says how much was written since the last time. Blocks; never on a core.
    pub(super) fn keep_ahead(&self, free: u64) -> u64 {
        let Published { segment, length, .. } = self.published();
        self.ahead.look(self.counters.bytes.get(), segment, length, free)
    }

    /// Nothing more is written; the last segment has so many bytes.
    pub(super) fn end(&self, length: u64) {
        self.ahead.end(length);
    }

    /// Whether the segment that is written must be given up.
    pub(super) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Acquire)
    }

    /// What is wrong with the segment that is written.
    pub(super) fn damage(&self) -> Option<Damage> {
        self.damage.lock().clone()
    }

    /// Tells those who wait for a record up to `number` that it may not survive power loss.
    fn doubt(&self, number: u64, error: &JournalError) {
        self.synced.send_modify(|synced| {
            let highest = synced.failed.as_ref().map_or(0, |(failed, _)| *failed);
            synced.failed = Some((number.max(highest), error.clone()));
        });
    }

    /// Whether somebody waits for a sync.
    pub(super) fn awaited(&self) -> bool {
        let wanted = self.wanted.load(Ordering::Acquire);
        let synced = self.synced.borrow();
        wanted > synced.through && synced.failed.as_ref().is_none_or(|(failed, _)| wanted > *failed)
    }

    /// Brings everything written so far to stable storage and tells those who wait. Blocks; never on a core.
    pub(super) fn sync(&self) -> Result<Published, JournalError> {
        self.try_sync().map_err(|failed| match failed {
            Failed::Now(damage) | Failed::Before(damage) => damage.error,
        })
    }

    /// Does what [`Track::sync`] does, and tells a failure from one that is known.
    pub(super) fn try_sync(&self) -> Result<Published, Failed> {
        let _one = self.syncing.lock();
        if let Some(damage) = self.damage() {
            self.doubt(self.published().records, &damage.error);
            return Err(Failed::Before(damage));
        }
        let since = self.unsynced_since.swap(0, Ordering::Relaxed);
        let bytes = self.counters.bytes.get();
        // INVARIANT: what is published lies in files that were in the list before: first the one, then the other is read.
        let published = self.published();
        let files = self.files.lock().clone();
        let renew = self.new_name.swap(false, Ordering::AcqRel);
        if !renew && published.records <= self.synced.borrow().through {
            return Ok(published);
        }
        let result = files
            .iter()
            .try_for_each(|file| file.sync())
            .and_then(|()| if renew { self.medium.sync_dir(&self.dir) } else { Ok(()) });
        self.counters.syncs.increment();
        match result {
            Ok(()) => {
                self.files.lock().drain(..files.len().saturating_sub(1));
                self.synced.send_modify(|synced| synced.through = published.records);
                self.synced_bytes.store(bytes, Ordering::Relaxed);
                Ok(published)
            }
            Err(error) => {
                let error = JournalError::Sync(Arc::new(error));
                self.counters.sync_errors.increment();
                self.new_name.fetch_or(renew, Ordering::AcqRel);
                self.unsynced_since.store(since, Ordering::Relaxed);
                // SECURITY: none of these files is asked again (`a_segment_whose_sync_failed_is_given_up_and_never_trusted_again`).
                self.files.lock().drain(..files.len());
                let from = self.synced.borrow().through + 1;
                let damage = Damage { from, segment: published.segment, error };
                *self.damage.lock() = Some(damage.clone());
                self.damaged.store(true, Ordering::Release);
                self.doubt(published.records, &damage.error);
                Err(Failed::Now(damage))
            }
        }
    }

    /// No more syncs: whoever still waits is told.
    pub(super) fn close(&self) {
        self.synced.send_modify(|synced| synced.closed = true);
    }

    /// Waits until record `number` survives power loss.
    ///
    /// SECURITY: a record that a failed sync covered is never reported as synced, although a later sync of the same file succeeds:
    /// the kernel has dropped its pages by then (`a_failed_sync_refuses_all_that_it_covered`).
    pub(super) async fn wait_synced(&self, number: u64) -> Result<(), JournalError> {
        let mut synced = self.synced.subscribe();
        let settled = |synced: &Synced| {
            synced.closed
                || synced.through >= number
                || synced.failed.as_ref().is_some_and(|(failed, _)| *failed >= number)
        };
        let now = synced.wait_for(settled).await.map_err(|_| JournalError::Closed)?;
        match &now.failed {
            Some((failed, error)) if *failed >= number => Err(error.clone()),
            _ if now.through >= number => Ok(()),
            _ => Err(JournalError::Closed),
        }
    }
}
