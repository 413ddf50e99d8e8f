//! A journal to try things on: its clock, its records, its files.

use crate::disk::*;
use scopegate::audit::filter::{Entry, Filter, Term, Wanted};
use scopegate::audit::query::{Order, Query, query};
use scopegate::audit::verify::report::Report;
use scopegate::audit::verify::{Trust, verify};
use scopegate::audit::{
    Completion, DecisionRecord, Durability, Journal, JournalError, JournalSettings, Ledger, OutcomeRecord, PublicKey,
    layout,
};
use scopegate::model::{Clock, Outcome, Reason, RequestId, SystemClock, Timestamp};
use scopegate::telemetry::Metrics;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::task::{JoinHandle, LocalSet, spawn_local};

/// A clock that stands where it is put, in microseconds from the first instant.
#[derive(Clone, Default)]
pub struct Hands(pub Arc<AtomicI64>);

impl Hands {
    pub fn put(&self, micros: i64) {
        self.0.store(micros, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(at(0).as_micros() + self.0.load(Ordering::SeqCst))
    }
}

pub struct Bench {
    pub dir: tempfile::TempDir,
    pub tape: Tape,
    pub settings: JournalSettings,
}

/// No timer interferes unless a test sets one.
pub fn quiet() -> JournalSettings {
    JournalSettings {
        sync_every: Duration::from_secs(3600),
        checkpoint_every: Duration::from_secs(3600),
        reserve_bytes: 8192,
        ..JournalSettings::default()
    }
}

impl Bench {
    pub fn new(settings: JournalSettings) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), tape: Tape::default(), settings }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn open_at(&self, cores: usize, clock: impl Clock) -> Ledger {
        let medium = Arc::new(self.tape.clone());
        Ledger::open(self.path(), "n1", cores, self.settings.clone(), medium, Arc::new(clock), Metrics::new(10))
            .unwrap()
    }

    pub fn open(&self) -> Ledger {
        self.open_at(1, SystemClock)
    }

    pub fn verify(&self) -> Report {
        let keys = vec![PublicKey::read(&self.path().join("signing.pub")).unwrap()];
        verify(self.path(), &Trust { keys, anchors: Vec::new() }).unwrap()
    }

    pub fn query(&self, terms: &[&str], order: Order, limit: usize) -> Vec<Entry> {
        let terms = terms.iter().map(|term| term.parse::<Term>().unwrap()).collect();
        let question = Query { filter: Filter::new(terms, None, None), wanted: Wanted::All, order, limit: Some(limit) };
        let mut found = Vec::new();
        query(self.path(), &question, &mut |entry| {
            found.push(entry);
            ControlFlow::Continue(())
        })
        .unwrap();
        found
    }
}

pub fn id(count: u32) -> RequestId {
    RequestId::new(7, count)
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_795_385_467_000_000 + seconds * 1_000_000)
}

pub fn decision(count: u32) -> DecisionRecord<'static> {
    DecisionRecord {
        subject: Some("keeper.hf"),
        app: Some("wms"),
        route: Some("stock.list"),
        permission: Some("stock:view"),
        scope: &[("warehouse", "HF")],
        method: "GET",
        host: b"wms.example.test",
        target: b"/stock?warehouse=HF",
        ..DecisionRecord::new(at(count.into()), id(count), Outcome::Permit, Reason::Granted)
    }
}

pub fn outcome(count: u32) -> OutcomeRecord<'static> {
    OutcomeRecord {
        answer_status: Some(200),
        total_micros: 1234,
        ..OutcomeRecord::new(at(count.into()), id(count), Completion::Complete)
    }
}

pub fn local<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, future)
}

pub async fn record(journal: &Journal, count: u32) -> Result<u32, JournalError> {
    Ok(journal.record(decision(count), Durability::Written, count).await?.into_inner())
}

pub fn spawn_records(journal: &Journal, counts: std::ops::Range<u32>) -> Vec<JoinHandle<Result<u32, JournalError>>> {
    counts
        .map(|count| {
            let journal = journal.clone();
            spawn_local(async move { record(&journal, count).await })
        })
        .collect()
}

/// Writes a record, then 50 at once, of which the disk takes only the first `bytes` bytes. The journal must keep no reserve.
pub async fn broken_off(bench: &Bench, journal: &Journal, bytes: u64) {
    record(journal, 0).await.unwrap();
    for count in 1..51 {
        drop(journal.append(&decision(count), Durability::Written).unwrap());
    }
    breaks_off(bench, journal, bytes);
}

/// Writes what waits to a disk that takes only so many bytes more.
pub fn breaks_off(bench: &Bench, journal: &Journal, bytes: u64) {
    bench.tape.forget();
    bench.tape.tell(|told| told.free = Some(bytes));
    assert!(matches!(journal.flush(), Err(JournalError::Full)));
    assert_eq!(bench.tape.writes().concat().len() as u64, bytes);
}

/// Bytes of the lines that [`broken_off`] writes first, up to this one; none of them has a hash.
pub fn bytes_of(lines: u64, bench: &Bench) -> u64 {
    let first = segments(bench, "core-00").remove(0);
    let text = std::fs::read_to_string(first).unwrap();
    let line = text.lines().nth(1).unwrap().len() + 1 - ",\"hash\":\"\"".len() - 64;
    // of two digits from the tenth record on
    (1..=lines).map(|count| line as u64 + u64::from(count >= 8)).sum()
}

pub fn seen(tape: &Tape, count: u32) -> bool {
    let id = id(count).to_string();
    tape.writes().iter().any(|bytes| memchr::memmem::find(bytes, id.as_bytes()).is_some())
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            assert!(std::fs::copy(entry.path(), target).is_ok())
        }
    }
}

pub fn segments(bench: &Bench, series: &str) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for run in layout::runs(bench.path()).unwrap() {
        let dir = run.path.join(series);
        all.extend(layout::segments(&dir).unwrap().into_iter().map(|segment| segment.path));
    }
    all
}
