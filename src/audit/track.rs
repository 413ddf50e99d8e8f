//! What a series shows to other threads: how far it has got, what is to be synced, its counters; the series itself stays with its core.

use super::chain::Hash;
use super::medium::{AppendFile, Medium};
use super::settings::JournalError;
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

/// Counters of a series; they only grow, but for `queue_bytes` and `waiting`.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub queue_bytes: AtomicU64,
    /// Requests that wait for their record.
    pub waiting: AtomicU64,
    pub decisions: AtomicU64,
    pub outcomes: AtomicU64,
    pub others: AtomicU64,
    pub bytes: AtomicU64,
    pub writes: AtomicU64,
    pub write_errors: AtomicU64,
    pub sync_errors: AtomicU64,
    pub segment_errors: AtomicU64,
    pub syncs: AtomicU64,
    pub unrecorded: AtomicU64,
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
    /// One sync of a series at a time.
    syncing: Mutex<()>,
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
            syncing: Mutex::new(()),
            counters: Counters::default(),
        }
    }

    /// A file begins to be written; those before it are complete.
    pub(super) fn begin(&self, file: Arc<dyn AppendFile>) {
        let mut files = self.files.lock();
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

    /// Whether somebody waits for a sync.
    pub(super) fn awaited(&self) -> bool {
        let wanted = self.wanted.load(Ordering::Acquire);
        let synced = self.synced.borrow();
        wanted > synced.through && synced.failed.as_ref().is_none_or(|(failed, _)| wanted > *failed)
    }

    /// Brings everything written so far to stable storage and tells those who wait. Blocks; never on a core.
    pub(super) fn sync(&self) -> Result<Published, JournalError> {
        let _one = self.syncing.lock();
        let since = self.unsynced_since.swap(0, Ordering::Relaxed);
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
        self.counters.syncs.fetch_add(1, Ordering::Relaxed);
        match result {
            Ok(()) => {
                self.files.lock().drain(..files.len().saturating_sub(1));
                self.synced.send_modify(|synced| synced.through = published.records);
                Ok(published)
            }
            Err(error) => {
                let error = JournalError::Sync(Arc::new(error));
                self.counters.sync_errors.fetch_add(1, Ordering::Relaxed);
                self.new_name.fetch_or(renew, Ordering::AcqRel);
                self.unsynced_since.store(since, Ordering::Relaxed);
                self.synced.send_modify(|synced| synced.failed = Some((published.records, error.clone())));
                Err(error)
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
