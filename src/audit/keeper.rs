//! The one thread that syncs all series of a run, makes its checkpoints and watches its disk space; appends no record of a request.

use super::admin::{AdminAction, AdminRecord};
use super::ahead::BUSY;
use super::checkpoint::{Bound, Earlier, Occasion, Statement};
use super::ledger::Control;
use super::series::{Ground, Series};
use super::settings::JournalError;
use super::signer::Signer;
use super::stats::JournalStats;
use super::track::{Failed, Track};
use crate::model::leave_real_time;
use crate::telemetry::Metrics;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// So much is synced before its time, since a sync of more holds up those who write meanwhile for longer.
const SYNC_BYTES: u64 = 2 << 20;
/// How often a busy series is looked at for that.
const GLANCE: Duration = Duration::from_millis(50);

/// The handle by which the cores and the ledger reach the thread.
pub(super) struct Keeper {
    thread: OnceLock<Thread>,
    stopping: AtomicBool,
}

impl Keeper {
    pub(super) fn new() -> Self {
        Self { thread: OnceLock::new(), stopping: AtomicBool::new(false) }
    }

    /// Makes the thread look for waiting syncs. Never blocks for long.
    pub(super) fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.wake();
    }
}

/// What the thread works with.
pub(super) struct Duty {
    pub keeper: Arc<Keeper>,
    pub ground: Ground,
    pub tracks: Vec<Arc<Track>>,
    pub control: Arc<Control>,
    pub checkpoints: Series,
    pub signer: Arc<Signer>,
    /// What the last checkpoint bound.
    pub bound: Vec<Bound>,
    pub metrics: Arc<Metrics>,
    /// What the metrics were told last.
    pub told: JournalStats,
}

impl Duty {
    /// Starts the thread.
    pub(super) fn start(self) -> std::io::Result<thread::JoinHandle<Result<(), JournalError>>> {
        let keeper = Arc::clone(&self.keeper);
        let handle = thread::Builder::new().name("journal-keeper".into()).spawn(move || self.run())?;
        keeper.thread.get_or_init(|| handle.thread().clone());
        Ok(handle)
    }

    fn run(mut self) -> Result<(), JournalError> {
        leave_real_time();
        let settings = Arc::clone(&self.ground.settings);
        let _told = Closing(self.tracks.clone());
        let (mut next_sync, mut next_checkpoint) = (Instant::now(), Instant::now() + settings.checkpoint_every);
        let mut busy = false;
        while !self.keeper.stopping.load(Ordering::Acquire) {
            let now = Instant::now();
            let due = now >= next_sync;
            if due {
                next_sync = now + settings.sync_every;
                self.ground.space.check();
                let free = self.ground.space.free();
                busy = self.tracks.iter().fold(false, |busy, track| busy | (track.keep_ahead(free) >= BUSY));
                self.tell();
            }
            for track in &self.tracks {
                if track.awaited() || (due && track.behind()) || track.unsynced_bytes() >= SYNC_BYTES {
                    self.sync(track);
                }
            }
            let rotated = self.tracks.iter().filter(|track| track.rotated.swap(false, Ordering::AcqRel)).count() > 0;
            if rotated || now >= next_checkpoint {
                next_checkpoint = now + settings.checkpoint_every;
                // Failures are counted by the series of checkpoints and tried again at the next one.
                let _ = self.checkpoint(Occasion::Progress);
            }
            if !self.tracks.iter().any(|track| track.awaited()) {
                let wait = next_sync.min(next_checkpoint).saturating_duration_since(Instant::now());
                let wait = if busy { wait.min(GLANCE) } else { wait };
                thread::park_timeout(wait.max(Duration::from_millis(1)));
            }
        }
        let closed = self.checkpoint(Occasion::Close);
        self.tell();
        closed
    }

    fn tell(&mut self) {
        let stats = JournalStats::of(&self.tracks, &self.ground.space);
        stats.tell(&self.told, self.ground.space.free(), &self.metrics.journal);
        self.told = stats;
    }

    fn sync(&self, track: &Track) {
        let begun = Instant::now();
        let result = track.try_sync();
        self.metrics.journal.synchronised(begun.elapsed());
        if let Err(Failed::Now(damage)) = result {
            let error = &damage.error;
            tracing::error!(%error, series = track.name, segment = damage.segment, "the journal cannot be synced; its segment is given up");
            let detail = error.to_string();
            let (segment, from) = (damage.segment.to_string(), damage.from.to_string());
            let fields = [("segment", segment.as_str()), ("doubtful_from", from.as_str())];
            let record = AdminRecord {
                object: Some(&track.name),
                detail: &detail,
                fields: &fields,
                ..AdminRecord::new(self.ground.clock.now(), AdminAction::SyncFailed)
            };
            // Where even this cannot be written, the counters of both series tell it.
            let _ = self.control.append(&record);
        }
    }

    /// INVARIANT: a checkpoint binds only what survives power loss, so that a crash can never look like a truncation.
    fn checkpoint(&mut self, occasion: Occasion) -> Result<(), JournalError> {
        let mut bound = Vec::with_capacity(self.tracks.len());
        for track in &self.tracks {
            let synced = track.sync()?;
            bound.push(Bound {
                name: track.name.clone(),
                records: synced.records,
                segment: synced.segment,
                head: synced.head.to_string(),
            });
        }
        if bound == self.bound && !occasion.closes() {
            return Ok(());
        }
        make(&mut self.checkpoints, self.ground.clock.now(), occasion, &bound, &[], &self.signer)?;
        self.bound = bound;
        Ok(())
    }
}

/// Writes and syncs one checkpoint.
pub(super) fn make(
    checkpoints: &mut Series,
    time: crate::model::Timestamp,
    occasion: Occasion,
    series: &[Bound],
    earlier: &[Earlier],
    signer: &Signer,
) -> Result<(), JournalError> {
    // one that the disk has not taken is written first, so that they do not pile up
    checkpoints.flush()?;
    let run = checkpoints.run().to_owned();
    checkpoints.append(&Statement { run: &run, time, occasion, series, earlier, signer }, false)?;
    checkpoints.flush()?;
    checkpoints.track().sync().map(|_| ())
}

/// However the thread ends, those who wait for a sync are told.
struct Closing(Vec<Arc<Track>>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.iter().for_each(|track| track.close());
    }
}
