//! The journal of one process as a whole: opens the run, hands each core its journal, records administration, closes the run.

use super::admin::AdminRecord;
use super::chain;
use super::checkpoint::{Bound, Earlier, Occasion};
use super::journal::Journal;
use super::keeper::{self, Duty, Keeper};
use super::layout::{self, CHECKPOINTS, CONTROL, LOCK, RESERVE, RunDir};
use super::medium::{Medium, create_dir};
use super::read::{Front, Kind, LinesBack};
use super::recover::{self, Recovery};
use super::series::{Ground, Series};
use super::settings::{JournalError, JournalSettings};
use super::signer::{PublicKey, Signer};
use super::space::Space;
use super::stats::JournalStats;
use super::track::Track;
use crate::model::Clock;
use crate::telemetry::Metrics;
use parking_lot::Mutex;
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

/// How far back a run's first checkpoint binds the runs before it.
const EARLIER_RUNS: usize = 1000;

/// The journal of one process.
pub struct Ledger {
    journal: PathBuf,
    ground: Ground,
    journals: Mutex<Vec<Option<Series>>>,
    tracks: Vec<Arc<Track>>,
    control: Arc<Control>,
    signer: Arc<Signer>,
    keeper: Arc<Keeper>,
    thread: Mutex<Option<JoinHandle<Result<(), JournalError>>>>,
    /// Held for as long as the process lives.
    _lock: File,
}

/// The series of administrative records.
pub(super) struct Control(Mutex<Series>);

impl Control {
    /// Writes and syncs a record. Blocks.
    pub(super) fn append(&self, record: &AdminRecord<'_>) -> Result<(), JournalError> {
        let track = {
            let mut series = self.0.lock();
            series.append(record, false)?;
            series.flush()?;
            Arc::clone(series.track())
        };
        track.sync().map(|_| ())
    }
}

impl Ledger {
    /// Opens a run of its own below `journal` for this process, with a series for each of `cores` cores. Blocks.
    /// `metrics` are told about once a second how the journal fares.
    ///
    /// # Errors
    /// When a file or the key cannot be made or read, or nothing can be written.
    pub fn open(
        journal: &Path,
        node: &str,
        cores: usize,
        settings: JournalSettings,
        medium: Arc<dyn Medium>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, JournalError> {
        check_node(node)?;
        let above = journal.join(node);
        create_dir(&above).map_err(JournalError::open(&above))?;
        let signer = Arc::new(Signer::open(&key_path(journal, &settings))?);
        let earlier = earlier_runs(journal, node)?;
        let run = layout::run_name(clock.now(), std::process::id());
        let dir = above.join(&run);
        create_dir(&dir).map_err(JournalError::open(&dir))?;
        let lock = hold(&dir).map_err(JournalError::open(dir.join(LOCK)))?;
        let space = Arc::new(Space::keep(dir.join(RESERVE), settings.reserve_bytes, Arc::clone(&medium)));
        let ground = Ground { node: node.to_owned(), run, dir, settings: Arc::new(settings), medium, clock, space };
        let journals = (0..cores)
            .map(|core| Series::begin(ground.clone(), &layout::core_name(core)).map(Some))
            .collect::<Result<Vec<_>, _>>()?;
        let control = Series::begin(ground.clone(), CONTROL)?;
        let mut checkpoints = Series::begin(ground.clone(), CHECKPOINTS)?;
        let tracks: Vec<_> =
            journals.iter().flatten().chain([&control]).map(|series| Arc::clone(series.track())).collect();
        let mut bound = Vec::with_capacity(tracks.len());
        for track in &tracks {
            let at = track.sync()?;
            bound.push(Bound {
                name: track.name.clone(),
                records: at.records,
                segment: at.segment,
                head: at.head.to_string(),
            });
        }
        keeper::make(&mut checkpoints, ground.clock.now(), Occasion::Open, &bound, &earlier, &signer)?;
        for dir in [&ground.dir, &above] {
            ground.medium.sync_dir(dir).map_err(JournalError::open(dir))?;
        }
        let (keeper, control) = (Arc::new(Keeper::new()), Arc::new(Control(Mutex::new(control))));
        let duty = Duty {
            keeper: Arc::clone(&keeper),
            ground: ground.clone(),
            tracks: tracks.clone(),
            control: Arc::clone(&control),
            checkpoints,
            signer: Arc::clone(&signer),
            bound,
            metrics,
            told: JournalStats::default(),
        };
        let thread = Mutex::new(Some(duty.start().map_err(JournalError::open(&ground.dir))?));
        let journal = journal.to_owned();
        Ok(Self {
            journal,
            ground,
            journals: Mutex::new(journals),
            tracks,
            control,
            signer,
            keeper,
            thread,
            _lock: lock,
        })
    }

    /// The journal of a core, once for each core; to be called on the thread that uses it. Its [`Journal::tend`] must be spawned there.
    ///
    /// # Errors
    /// When there is no such core or its journal was taken.
    pub fn journal(&self, core: usize) -> Result<Journal, JournalError> {
        let series = self.journals.lock().get_mut(core).and_then(Option::take).ok_or(JournalError::Core(core))?;
        let settings = &self.ground.settings;
        Ok(Journal::new(series, Arc::clone(&self.keeper), settings.write_delay, settings.buffer_bytes))
    }

    /// Records an event of administration; returns when it survives power loss. Blocks: not for a core.
    ///
    /// # Errors
    /// When it could not be held, written or synced; what was to be done must not be done then.
    pub fn admin(&self, record: &AdminRecord<'_>) -> Result<(), JournalError> {
        self.control.append(record)
    }

    /// Closes the series of earlier processes of this node that ended without closing them. Blocks for as long as it takes to
    /// read what they wrote; the run of this process does not wait for it.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn recover(&self) -> Result<Vec<Recovery>, JournalError> {
        recover::recover(&self.journal, &self.ground, &self.signer, &self.control)
    }

    /// The counters, summed over all series.
    #[must_use]
    pub fn stats(&self) -> JournalStats {
        JournalStats::of(&self.tracks, &self.ground.space)
    }

    /// The key that this process signs with.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.signer.public()
    }

    /// The directory of this run.
    #[must_use]
    pub fn run_dir(&self) -> &Path {
        &self.ground.dir
    }

    /// Closes the run with a last checkpoint. Blocks. All journals must have been dropped on their threads before.
    ///
    /// # Errors
    /// When the end cannot be written; the next process then recovers the run.
    pub fn stop(&self) -> Result<(), JournalError> {
        self.journals.lock().clear();
        self.keeper.stop();
        let Some(thread) = self.thread.lock().take() else { return Ok(()) };
        let result = thread.join().unwrap_or(Err(JournalError::Closed));
        self.ground.space.release();
        result
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::error!(%error, "the journal could not be closed; the next start will recover it");
        }
    }
}

fn check_node(node: &str) -> Result<(), JournalError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if node.is_empty() || node.len() > 64 || node.starts_with('.') || !node.chars().all(fits) {
        return Err(JournalError::Node(node.to_owned()));
    }
    Ok(())
}

/// Where the signing key lies.
#[must_use]
pub fn key_path(journal: &Path, settings: &JournalSettings) -> PathBuf {
    settings.key_file.clone().unwrap_or_else(|| journal.join("signing.key"))
}

/// Makes the run's lock file, held from the moment that it has its name.
fn hold(run: &Path) -> std::io::Result<File> {
    let draft = run.join(".lock");
    let file = OpenOptions::new().write(true).create_new(true).open(&draft)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    std::fs::rename(draft, run.join(LOCK))?;
    Ok(file)
}

/// The last checkpoints of the runs that are there.
fn earlier_runs(journal: &Path, node: &str) -> Result<Vec<Earlier>, JournalError> {
    let runs = layout::runs(journal).map_err(JournalError::open(journal))?;
    let own: Vec<RunDir> = runs.into_iter().filter(|run| run.node == node).collect();
    let mut earlier = Vec::new();
    for run in own.into_iter().rev().take(EARLIER_RUNS) {
        let dir = run.path.join(CHECKPOINTS);
        if let Some((seq, hash)) = last_checkpoint(&dir).map_err(JournalError::open(&dir))? {
            earlier.push(Earlier { run: run.name, seq, hash });
        }
    }
    earlier.reverse();
    Ok(earlier)
}

/// Number and hash of the last checkpoint in a series of such.
fn last_checkpoint(dir: &Path) -> std::io::Result<Option<(u64, String)>> {
    if !dir.is_dir() {
        return Ok(None);
    }
    for segment in layout::segments(dir)?.iter().rev() {
        let mut lines = LinesBack::open(&segment.path)?;
        while let Some((line, _)) = lines.previous_line()? {
            let front = Front::read(&line).filter(|front| front.kind == Kind::Checkpoint);
            if let (Some(front), Some((_, hash))) = (front, chain::split(&line)) {
                return Ok(Some((front.seq, hash.to_string())));
            }
        }
    }
    Ok(None)
}
