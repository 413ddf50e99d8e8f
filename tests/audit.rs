//! The journal as a whole: what is released when, faults of the disk, recovery, hand-over, tampering, questions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::field_reassign_with_default,
    reason = "what stops here fails by stopping"
)]

use proptest::prelude::*;
use scopegate::audit::filter::{Entry, Filter, Term, Wanted};
use scopegate::audit::query::{Order, Query, find_request, query};
use scopegate::audit::tail::Tail;
use scopegate::audit::verify::{Anchor, Report, State, Trust, verify};
use scopegate::audit::{
    AdminAction, AdminRecord, AppendFile, Completion, DecisionRecord, Disk, Durability, Journal, JournalError,
    JournalSettings, Ledger, Medium, OutcomeRecord, PublicKey, Room, chain, layout,
};
use scopegate::model::{Clock, Outcome, Reason, RequestId, SystemClock, Timestamp};
use scopegate::telemetry::Metrics;
use std::io::{self, BufRead as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::task::{JoinHandle, LocalSet, spawn_local};

// ---------------------------------------------------------------- a disk that does as it is told

#[derive(Clone, Debug, PartialEq)]
enum Event {
    Wrote(String, Vec<u8>),
    Synced(String),
}

#[derive(Default)]
struct Told {
    events: Vec<Event>,
    /// Bytes that the disk still takes; `None` without end.
    free: Option<u64>,
    reserve: u64,
    no_reserve: bool,
    write_error: Option<i32>,
    /// At most so many bytes a write.
    at_most: Option<usize>,
    sync_error: Option<i32>,
    /// Syncs that succeeded on a file on which one had failed before, as a kernel lets them.
    trusted: usize,
    /// Syncs of records wait until this is false.
    hold_syncs: bool,
    syncs_held: usize,
}

#[derive(Clone, Default)]
struct Tape(Arc<(Mutex<Told>, Condvar)>);

impl Tape {
    fn tell<T>(&self, change: impl FnOnce(&mut Told) -> T) -> T {
        let result = change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
        result
    }

    fn wait_until(&self, mut holds: impl FnMut(&Told) -> bool) {
        let told = self.0.1.wait_while(self.0.0.lock().unwrap(), |told| !holds(told)).unwrap();
        drop(told);
    }

    /// The writes to a core's series since the last call of `forget`.
    fn writes(&self) -> Vec<Vec<u8>> {
        self.tell(|told| {
            told.events
                .iter()
                .filter_map(|event| match event {
                    Event::Wrote(series, bytes) if series == "core-00" => Some(bytes.clone()),
                    _ => None,
                })
                .collect()
        })
    }

    fn forget(&self) {
        self.tell(|told| told.events.clear());
    }
}

struct Tracked {
    series: String,
    failed: AtomicBool,
    file: Arc<dyn AppendFile>,
    tape: Tape,
}

fn errno(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

const ENOSPC: i32 = 28;
const EIO: i32 = 5;

impl AppendFile for Tracked {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.tape.tell(|told| {
            if let Some(code) = told.write_error {
                return Err(errno(code));
            }
            let mut count = told.at_most.map_or(bytes.len(), |most| most.min(bytes.len()));
            if let Some(free) = &mut told.free {
                count = count.min(usize::try_from(*free).unwrap());
                *free -= count as u64;
                if count == 0 {
                    return Err(errno(ENOSPC));
                }
            }
            let count = self.file.write(&bytes[..count])?;
            told.events.push(Event::Wrote(self.series.clone(), bytes[..count].to_vec()));
            Ok(count)
        })
    }

    fn sync(&self) -> io::Result<()> {
        if self.series.starts_with("core") {
            self.tape.tell(|told| told.syncs_held += usize::from(told.hold_syncs));
            self.tape.wait_until(|told| !told.hold_syncs);
            if let Some(code) = self.tape.tell(|told| told.sync_error) {
                self.failed.store(true, Ordering::SeqCst);
                return Err(errno(code));
            }
            if self.failed.load(Ordering::SeqCst) {
                self.tape.tell(|told| told.trusted += 1);
            }
        }
        self.file.sync()?;
        self.tape.tell(|told| told.events.push(Event::Synced(self.series.clone())));
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.file.cut(length)
    }
}

impl Tape {
    fn track(&self, path: &Path, file: Arc<dyn AppendFile>) -> Arc<dyn AppendFile> {
        let series = path.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        Arc::new(Tracked { series, failed: AtomicBool::new(false), file, tape: self.clone() })
    }
}

impl Medium for Tape {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn AppendFile>> {
        Ok(self.track(path, Disk.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn AppendFile>> {
        Ok(self.track(path, Disk.open(path)?))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        Disk.sync_dir(path)
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(self.tell(|told| told.free.unwrap_or(1 << 40)))
    }

    fn occupy(&self, _: &Path, bytes: u64) -> io::Result<()> {
        self.tell(|told| {
            if told.no_reserve {
                return Err(errno(95));
            }
            if let Some(free) = told.free {
                told.free = Some((free + told.reserve).checked_sub(bytes).ok_or_else(|| errno(ENOSPC))?);
            }
            told.reserve = bytes;
            Ok(())
        })
    }
}

// ---------------------------------------------------------------- a journal to try things on

/// A clock that stands where it is put, in microseconds from the first instant.
#[derive(Clone, Default)]
struct Hands(Arc<AtomicI64>);

impl Hands {
    fn put(&self, micros: i64) {
        self.0.store(micros, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(at(0).as_micros() + self.0.load(Ordering::SeqCst))
    }
}

struct Bench {
    dir: tempfile::TempDir,
    tape: Tape,
    settings: JournalSettings,
}

/// No timer interferes unless a test sets one.
fn quiet() -> JournalSettings {
    JournalSettings {
        sync_every: Duration::from_secs(3600),
        checkpoint_every: Duration::from_secs(3600),
        reserve_bytes: 8192,
        ..JournalSettings::default()
    }
}

impl Bench {
    fn new(settings: JournalSettings) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), tape: Tape::default(), settings }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn open_at(&self, cores: usize, clock: impl Clock) -> Ledger {
        let medium = Arc::new(self.tape.clone());
        Ledger::open(self.path(), "n1", cores, self.settings.clone(), medium, Arc::new(clock), Metrics::new(10))
            .unwrap()
    }

    fn open(&self) -> Ledger {
        self.open_at(1, SystemClock)
    }

    fn verify(&self) -> Report {
        let keys = vec![PublicKey::read(&self.path().join("signing.pub")).unwrap()];
        verify(self.path(), &Trust { keys, anchors: Vec::new() }).unwrap()
    }

    fn query(&self, terms: &[&str], order: Order, limit: usize) -> Vec<Entry> {
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

fn id(count: u32) -> RequestId {
    RequestId::new(7, count)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_795_385_467_000_000 + seconds * 1_000_000)
}

fn decision(count: u32) -> DecisionRecord<'static> {
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

fn outcome(count: u32) -> OutcomeRecord<'static> {
    OutcomeRecord {
        answer_status: Some(200),
        total_micros: 1234,
        ..OutcomeRecord::new(at(count.into()), id(count), Completion::Complete)
    }
}

fn local<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, future)
}

async fn record(journal: &Journal, count: u32) -> Result<u32, JournalError> {
    Ok(journal.record(decision(count), Durability::Written, count).await?.into_inner())
}

fn spawn_records(journal: &Journal, counts: std::ops::Range<u32>) -> Vec<JoinHandle<Result<u32, JournalError>>> {
    counts
        .map(|count| {
            let journal = journal.clone();
            spawn_local(async move { record(&journal, count).await })
        })
        .collect()
}

fn seen(tape: &Tape, count: u32) -> bool {
    let id = id(count).to_string();
    tape.writes().iter().any(|bytes| memchr::memmem::find(bytes, id.as_bytes()).is_some())
}

fn copy(from: &Path, to: &Path) {
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

fn segments(bench: &Bench, series: &str) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for run in layout::runs(bench.path()).unwrap() {
        let dir = run.path.join(series);
        all.extend(layout::segments(&dir).unwrap().into_iter().map(|segment| segment.path));
    }
    all
}

// ---------------------------------------------------------------- what is released when

#[test]
fn all_tasks_of_one_turn_share_one_write_and_none_is_released_before_it() {
    let bench = Bench::new(quiet());
    let ledger = bench.open();
    local(async {
        let journal = ledger.journal(0).unwrap();
        bench.tape.forget();
        let tasks: Vec<_> = (0..50)
            .map(|count| {
                let (journal, tape) = (journal.clone(), bench.tape.clone());
                spawn_local(async move {
                    let pending = journal.append(&decision(count), Durability::Written).unwrap();
                    let before = tape.writes().len();
                    let recorded = pending.written(count).await.unwrap();
                    (before, recorded.into_inner(), seen(&tape, count))
                })
            })
            .collect();
        for (count, task) in (0..).zip(tasks) {
            assert_eq!(task.await.unwrap(), (0, count, true));
        }
        assert_eq!(bench.tape.writes().len(), 1);
        assert_eq!(bench.tape.writes()[0].iter().filter(|&&byte| byte == b'\n').count(), 50);
    });
}

#[test]
fn a_task_that_goes_away_leaves_its_record_in_the_journal() {
    let bench = Bench::new(quiet());
    let ledger = bench.open();
    local(async {
        let journal = ledger.journal(0).unwrap();
        drop(journal.append(&decision(1), Durability::Written).unwrap());
        assert!(!seen(&bench.tape, 1));
        record(&journal, 2).await.unwrap();
        assert!(seen(&bench.tape, 1));
    });
}

#[test]
fn outcomes_ride_along_and_are_written_by_the_timer_otherwise() {
    let bench = Bench::new(JournalSettings { buffer_bytes: 2000, ..quiet() });
    let ledger = bench.open();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let journal = ledger.journal(0).unwrap();
        bench.tape.forget();
        journal.outcome(&outcome(1));
        assert!(!seen(&bench.tape, 1));
        record(&journal, 2).await.unwrap();
        assert!(seen(&bench.tape, 1));
        assert_eq!(bench.tape.writes().len(), 1);
        let tending = spawn_local(journal.clone().tend());
        tokio::time::sleep(Duration::from_millis(1)).await;
        journal.outcome(&outcome(3));
        assert!(!seen(&bench.tape, 3));
        tokio::time::sleep(Duration::from_millis(1000)).await;
        assert!(seen(&bench.tape, 3));
        tending.abort();
        (10..20).for_each(|count| journal.outcome(&outcome(count)));
        assert!(seen(&bench.tape, 10), "a large buffer is written at once");
    });
}

#[test]
fn outcomes_that_wait_are_written_when_the_journal_is_closed() {
    let bench = Bench::new(quiet());
    let ledger = bench.open();
    ledger.journal(0).unwrap().outcome(&outcome(1));
    ledger.stop().unwrap();
    assert!(seen(&bench.tape, 1));
    assert!(bench.verify().sound());
}

#[test]
fn a_strict_record_is_released_after_the_sync_that_follows_its_write() {
    let bench = Bench::new(quiet());
    let ledger = bench.open();
    local(async {
        let journal = ledger.journal(0).unwrap();
        bench.tape.forget();
        bench.tape.tell(|told| told.hold_syncs = true);
        let tasks: Vec<_> = (1..4)
            .map(|count| {
                let journal = journal.clone();
                spawn_local(async move { journal.record(decision(count), Durability::Strict, ()).await.map(drop) })
            })
            .collect();
        while !seen(&bench.tape, 1) {
            tokio::task::yield_now().await;
        }
        bench.tape.wait_until(|told| told.syncs_held > 0);
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        assert!(tasks.iter().all(|task| !task.is_finished()), "written, but not synced");
        record(&journal, 9).await.unwrap();
        bench.tape.tell(|told| told.hold_syncs = false);
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let events = bench.tape.tell(|told| told.events.clone());
        let wrote =
            events.iter().position(|event| matches!(event, Event::Wrote(series, _) if series == "core-00")).unwrap();
        let synced = events.iter().position(|event| *event == Event::Synced("core-00".into())).unwrap();
        assert!(wrote < synced);
        let syncs = events.iter().filter(|event| **event == Event::Synced("core-00".into())).count();
        assert!(syncs <= 2, "three strict records shared {syncs} syncs");
    });
}

#[test]
fn a_failed_sync_refuses_all_that_it_covered() {
    let bench = Bench::new(quiet());
    let ledger = bench.open();
    local(async {
        let journal = ledger.journal(0).unwrap();
        bench.tape.tell(|told| told.sync_error = Some(EIO));
        let refused = journal.record(decision(1), Durability::Strict, ()).await;
        assert!(matches!(refused, Err(JournalError::Sync(_))), "{refused:?}");
        bench.tape.tell(|told| told.sync_error = None);
        journal.record(decision(2), Durability::Strict, ()).await.map(drop).unwrap();
        assert_eq!(ledger.stats().sync_errors, 1);
    });
    ledger.stop().unwrap();
    assert!(bench.verify().sound());
    assert_eq!(bench.query(&["action=sync-failed", "object=core-00"], Order::Newest, 10).len(), 1);
}

#[test]
fn a_segment_whose_sync_failed_is_given_up_and_never_trusted_again() {
    let hands = Hands::default();
    let bench = Bench::new(quiet());
    let ledger = bench.open_at(1, hands.clone());
    let strict =
        async |journal: &Journal, count| journal.record(decision(count), Durability::Strict, ()).await.map(drop);
    local(async {
        let journal = ledger.journal(0).unwrap();
        strict(&journal, 1).await.unwrap();
        bench.tape.tell(|told| told.sync_error = Some(EIO));
        assert!(matches!(strict(&journal, 2).await, Err(JournalError::Sync(_))));
        // A kernel tells a failure once: from now on it says that all is well.
        bench.tape.tell(|told| told.sync_error = None);
        for count in 3..6 {
            strict(&journal, count).await.unwrap();
        }
        // The new one fails as well, before a second is over: it is given up only then.
        bench.tape.tell(|told| told.sync_error = Some(EIO));
        assert!(matches!(strict(&journal, 6).await, Err(JournalError::Sync(_))));
        bench.tape.tell(|told| told.sync_error = None);
        assert!(matches!(strict(&journal, 7).await, Err(JournalError::Sync(_))));
        record(&journal, 8).await.unwrap();
        hands.put(1_000_000);
        strict(&journal, 9).await.unwrap();
    });
    ledger.stop().unwrap();
    assert_eq!(bench.tape.tell(|told| told.trusted), 0, "a file was asked again whose sync had failed");
    let core = ledger.run_dir().join("core-00");
    let mut segments: Vec<String> =
        std::fs::read_dir(core).unwrap().map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    segments.sort_by_key(|text| {
        serde_json::from_str::<serde_json::Value>(text.lines().next().unwrap()).unwrap()["segment"].as_u64()
    });
    let held = |text: &String| -> Vec<u32> {
        (1..10).filter(|count| text.contains(&format!("\"request\":\"{}\"", id(*count)))).collect()
    };
    assert_eq!(segments.iter().map(held).collect::<Vec<_>>(), [vec![1, 2], vec![3, 4, 5, 6, 7, 8], vec![9]]);
    let told = bench.query(&["action=sync-failed", "object=core-00"], Order::Oldest, 10);
    let fields: Vec<_> = told.iter().map(|entry| entry.value("fields").unwrap().clone()).collect();
    assert_eq!(
        fields,
        [
            serde_json::json!({"segment": ["1"], "doubtful_from": ["3"]}),
            serde_json::json!({"segment": ["2"], "doubtful_from": ["8"]}),
        ]
    );
    let report = bench.verify();
    assert!(report.sound(), "{report:?}");
    assert_eq!(report.limits.iter().filter(|limit| limit.contains("the disk failed to keep")).count(), 2, "{report:?}");
}

#[test]
fn administration_is_synced_before_it_is_confirmed() {
    let bench = Bench::new(quiet());
    let ledger = bench.open();
    bench.tape.forget();
    let record =
        AdminRecord { subject: Some("keeper.hf"), actor: Some("root"), ..AdminRecord::new(at(0), AdminAction::Freeze) };
    ledger.admin(&record).unwrap();
    let events = bench.tape.tell(|told| told.events.clone());
    assert!(matches!(&events[..], [Event::Wrote(one, _), Event::Synced(two)] if one == "control" && two == "control"));
}

#[test]
fn a_core_has_one_journal() {
    let bench = Bench::new(quiet());
    let ledger = bench.open();
    let first = ledger.journal(0).unwrap();
    assert!(matches!(ledger.journal(0), Err(JournalError::Core(0))));
    assert!(matches!(ledger.journal(1), Err(JournalError::Core(1))));
    drop(first);
}

#[test]
fn a_node_that_would_leave_the_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for node in ["..", "a/b", "", ".x"] {
        let opened = Ledger::open(dir.path(), node, 1, quiet(), Arc::new(Disk), Arc::new(SystemClock), Metrics::new(1));
        assert!(matches!(opened, Err(JournalError::Node(_))), "{node}");
    }
}

// ---------------------------------------------------------------- faults of the disk

#[test]
fn short_writes_never_tear_a_line() {
    let bench = Bench::new(quiet());
    bench.tape.tell(|told| told.at_most = Some(7));
    let ledger = bench.open();
    local(async {
        let journal = ledger.journal(0).unwrap();
        for task in spawn_records(&journal, 0..10) {
            task.await.unwrap().unwrap();
        }
    });
    ledger.stop().unwrap();
    let report = bench.verify();
    assert!(report.sound(), "{report:?}");
    assert_eq!(bench.query(&["kind=decision"], Order::Oldest, 99).len(), 10);
}

#[test]
fn a_failing_write_refuses_the_whole_turn_once_and_keeps_its_records() {
    let bench = Bench::new(quiet());
    let ledger = bench.open();
    local(async {
        let journal = ledger.journal(0).unwrap();
        bench.tape.tell(|told| told.write_error = Some(EIO));
        let before = ledger.stats().writes;
        for task in spawn_records(&journal, 0..10) {
            assert!(matches!(task.await.unwrap(), Err(JournalError::Write(_))));
        }
        assert_eq!(ledger.stats().writes, before + 1);
        assert_eq!(ledger.stats().write_errors, 1);
        assert!(ledger.stats().queue_bytes > 0);
        bench.tape.tell(|told| told.write_error = None);
        record(&journal, 10).await.unwrap();
        assert_eq!(ledger.stats().queue_bytes, 0);
    });
    ledger.stop().unwrap();
    assert!(bench.verify().sound());
    assert_eq!(bench.query(&["kind=decision"], Order::Oldest, 99).len(), 11, "what was refused is on record too");
}

#[test]
fn lines_that_a_broken_write_did_take_count_as_written() {
    let bench = Bench::new(JournalSettings { reserve_bytes: 0, ..quiet() });
    let ledger = bench.open();
    local(async {
        let journal = ledger.journal(0).unwrap();
        record(&journal, 0).await.unwrap();
        let line = bench.tape.writes().last().unwrap().len() as u64;
        bench.tape.tell(|told| told.free = Some(line + line / 2));
        let results = spawn_records(&journal, 1..4);
        let mut told = Vec::new();
        for task in results {
            told.push(task.await.unwrap());
        }
        assert!(
            matches!(
                told[..],
                [Err(JournalError::Full), Err(JournalError::Full), Err(JournalError::Full)]
                    | [Ok(1), Err(JournalError::Full), Err(JournalError::Full)]
            ),
            "{told:?}"
        );
        bench.tape.tell(|told| told.free = Some(1 << 20));
        record(&journal, 4).await.unwrap();
    });
    ledger.stop().unwrap();
    let report = bench.verify();
    assert!(report.sound(), "{report:?}");
    assert_eq!(bench.query(&["kind=decision"], Order::Oldest, 99).len(), 5);
}

#[test]
fn a_full_disk_refuses_strict_records_then_all_and_takes_them_again_when_there_is_room() {
    let settings =
        JournalSettings { reserve_bytes: 4096, held_bytes: 3000, sync_every: Duration::from_millis(5), ..quiet() };
    let bench = Bench::new(settings);
    bench.tape.tell(|told| told.free = Some(12_000));
    let ledger = bench.open();
    let strict =
        async |journal: &Journal, count| journal.record(decision(count), Durability::Strict, ()).await.map(drop);
    let mut count = 0;
    local(async {
        let journal = ledger.journal(0).unwrap();
        strict(&journal, 1_000_000).await.unwrap();
        // The disk fills up to the reserve, ordinary records go on.
        while ledger.stats().room == Room::Ample {
            record(&journal, count).await.unwrap();
            count += 1;
        }
        assert_eq!(ledger.stats().room, Room::Low);
        assert!(matches!(strict(&journal, 1_000_001).await, Err(JournalError::Full)));
        let low = count;
        while record(&journal, count).await.is_ok() {
            count += 1;
        }
        assert!(count > low, "the reserve holds some more");
        assert_eq!(ledger.stats().room, Room::None);
        // What cannot be written is held, and once no more can be held it is counted.
        while ledger.stats().unrecorded < 5 {
            count += 1;
            assert!(matches!(record(&journal, count).await, Err(JournalError::Full)));
        }
        assert!(ledger.stats().queue_bytes < 5000);
        bench.tape.tell(|told| told.free = Some(1 << 20));
        record(&journal, 999_999).await.unwrap();
        while ledger.stats().room != Room::Ample {
            tokio::task::yield_now().await;
        }
        strict(&journal, 1_000_002).await.unwrap();
    });
    ledger.stop().unwrap();
    let report = bench.verify();
    assert!(report.sound(), "{report:?}");
    let noted = bench.query(&["action=unrecorded"], Order::Oldest, 9);
    assert_eq!(noted.len(), 1);
    assert_eq!(noted[0].text("fields.records").unwrap(), "5");
    let recorded = bench.query(&["kind=decision", "request=*"], Order::Oldest, 99_999).len();
    assert_eq!(
        recorded,
        usize::try_from(count).unwrap() + 1 - 5 + 3,
        "held records were written, only five were counted"
    );
}

#[test]
fn without_a_real_reserve_what_is_free_counts() {
    let bench = Bench::new(JournalSettings { reserve_bytes: 4096, sync_every: Duration::from_millis(2), ..quiet() });
    bench.tape.tell(|told| (told.no_reserve, told.free) = (true, Some(1 << 20)));
    let ledger = bench.open();
    assert_eq!(ledger.stats().room, Room::Ample);
    bench.tape.tell(|told| told.free = Some(2000));
    local(async {
        let journal = ledger.journal(0).unwrap();
        while ledger.stats().room == Room::Ample {
            tokio::task::yield_now().await;
        }
        assert!(matches!(journal.append(&decision(1), Durability::Strict).map(drop), Err(JournalError::Full)));
        record(&journal, 2).await.unwrap();
        bench.tape.tell(|told| told.free = None);
    });
}

#[test]
fn a_real_disk_keeps_its_reserve_and_gives_it_back() {
    let dir = tempfile::tempdir().unwrap();
    let settings = JournalSettings { reserve_bytes: 1 << 20, ..quiet() };
    let ledger =
        Ledger::open(dir.path(), "n1", 1, settings, Arc::new(Disk), Arc::new(SystemClock), Metrics::new(1)).unwrap();
    let reserve = ledger.run_dir().join("reserve");
    assert_eq!(std::fs::metadata(&reserve).unwrap().len(), 1 << 20);
    ledger.stop().unwrap();
    assert!(!reserve.exists());
}

// ---------------------------------------------------------------- recovery and hand-over

/// A journal as a process leaves it behind that is killed: a copy of its files, whose lock nobody holds.
fn killed(write: impl AsyncFnOnce(&Bench, &Journal)) -> Bench {
    let alive = Bench::new(quiet());
    let dead = Bench::new(quiet());
    let ledger = alive.open();
    local(async {
        let journal = ledger.journal(0).unwrap();
        write(&alive, &journal).await;
        copy(alive.path(), dead.path());
    });
    dead
}

#[test]
fn recovery_drops_a_torn_last_record_and_marks_what_is_unknown() {
    let bench = killed(async |_, journal| {
        for count in 0..5 {
            record(journal, count).await.unwrap();
        }
        journal.outcome(&outcome(1));
        journal.outcome(&outcome(3));
        journal.flush().unwrap();
    });
    let torn = segments(&bench, "core-00").remove(0);
    let mut bytes = std::fs::read(&torn).unwrap();
    bytes.extend_from_slice(b"{\"kind\":\"decision\",\"se");
    std::fs::write(&torn, bytes).unwrap();
    let report = bench.verify();
    assert!(report.sound(), "{report:?}");
    assert_eq!((report.runs[0].state, report.runs[0].torn_bytes), (State::Crashed, 22));

    let ledger = bench.open();
    let recovered = ledger.recover().unwrap();
    assert_eq!((recovered[0].torn_bytes, recovered[0].unknown, recovered.len()), (22, 3, 1));
    assert_eq!(ledger.recover().unwrap(), vec![], "what is closed stays closed");
    ledger.stop().unwrap();
    let report = bench.verify();
    assert!(report.sound(), "{report:?}");
    assert!(report.runs.iter().all(|run| run.state == State::Closed && run.unbound == 0));
    let unknown = bench.query(&["completion=unknown"], Order::Oldest, 9);
    let requests: Vec<_> = unknown.iter().map(|entry| entry.text("request").unwrap().into_owned()).collect();
    assert_eq!(requests, [0, 2, 4].map(|count| id(count).to_string()));
    assert_eq!(bench.query(&["action=recovered", "core=core-00"], Order::Oldest, 9).len(), 1);
    assert_eq!(bench.query(&["action=recovered", "core=control"], Order::Oldest, 9).len(), 2);
}

#[test]
fn recovery_leaves_damage_as_it_is_and_says_where() {
    let bench = killed(async |_, journal| {
        for count in 0..5 {
            record(journal, count).await.unwrap();
        }
    });
    let damaged = segments(&bench, "core-00").remove(0);
    let mut bytes = std::fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&damaged, &bytes).unwrap();
    let ledger = bench.open();
    let recovered = ledger.recover().unwrap();
    assert!(recovered[0].damaged[0].contains("core-00"), "{recovered:?}");
    assert_eq!(std::fs::read(&damaged).unwrap(), bytes);
    ledger.stop().unwrap();
    assert!(!bench.verify().sound());
}

#[test]
fn recovery_leaves_a_living_process_alone() {
    let bench = Bench::new(quiet());
    let (old, new) = (bench.open(), bench.open_at(2, SystemClock));
    assert_eq!(new.recover().unwrap(), vec![]);
    local(async {
        let (one, two) = (old.journal(0).unwrap(), new.journal(1).unwrap());
        for count in 0..10 {
            record(&one, count).await.unwrap();
            record(&two, count + 100).await.unwrap();
        }
        let report = bench.verify();
        assert!(report.sound() && report.runs.iter().all(|run| run.state == State::Living), "{report:?}");
    });
    old.stop().unwrap();
    drop(old);
    new.stop().unwrap();
    drop(new);
    let report = bench.verify();
    assert!(report.sound() && report.runs.iter().all(|run| run.state == State::Closed), "{report:?}");
    assert_eq!(bench.query(&["kind=decision"], Order::Newest, 99).len(), 20);
}

/// This very test again, in a process of its own.
fn own_process(test: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(CHILD, dir);
    command
}

const CHILD: &str = "SCOPEGATE_TEST_CHILD";

fn on_disk(dir: &Path, settings: JournalSettings) -> Ledger {
    Ledger::open(dir, "n1", 1, settings, Arc::new(Disk), Arc::new(SystemClock), Metrics::new(1)).unwrap()
}

#[test]
fn whatever_was_released_before_a_kill_is_on_record() {
    if let Some(dir) = std::env::var_os(CHILD) {
        let ledger = on_disk(Path::new(&dir), quiet());
        return local(async {
            let journal = ledger.journal(0).unwrap();
            for count in (0..).step_by(16) {
                for task in spawn_records(&journal, count..count + 16) {
                    println!("released {}", task.await.unwrap().unwrap());
                }
            }
        });
    }
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let mut child = own_process("whatever_was_released_before_a_kill_is_on_record", dir.path());
        let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = io::BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut last = None;
        let released = |line: String| line.strip_prefix("released ")?.parse::<u32>().ok();
        for line in lines.by_ref() {
            last = released(line).or(last);
            if last >= Some(500) {
                child.kill().unwrap();
                break;
            }
        }
        // What the process said before it died is still in the pipe; a cut last line is a shorter number.
        last = lines.filter_map(released).max().max(last);
        child.wait().unwrap();
        let ledger = on_disk(dir.path(), quiet());
        assert_eq!(ledger.recover().unwrap().len(), 1);
        ledger.stop().unwrap();
        let report = verify(dir.path(), &Trust::default()).unwrap();
        assert!(report.sound(), "{report:?}");
        let filter = Filter::new(Vec::new(), None, None);
        let mut numbers = Vec::new();
        query(
            dir.path(),
            &Query { filter, wanted: Wanted::Decisions, order: Order::Oldest, limit: None },
            &mut |entry| {
                numbers.push(entry.text("request").unwrap().into_owned());
                assert_eq!(entry.text("completion").unwrap(), "unknown");
                ControlFlow::Continue(())
            },
        )
        .unwrap();
        numbers.sort();
        assert!((0..=last.unwrap()).all(|count| numbers.binary_search(&id(count).to_string()).is_ok()));
        std::fs::remove_dir_all(dir.path().join("n1")).unwrap();
    }
}

/// On a real file system of 2 MiB, where the machine lets a test mount one.
#[test]
fn a_small_disk_that_fills_up_behaves_as_the_told_one() {
    if let Some(dir) = std::env::var_os(CHILD) {
        let dir = Path::new(&dir);
        let ballast = dir.join(".ballast");
        std::fs::write(&ballast, vec![0; 1 << 20]).unwrap();
        let settings = JournalSettings { reserve_bytes: 256 << 10, sync_every: Duration::from_millis(5), ..quiet() };
        let ledger = on_disk(dir, settings);
        local(async {
            let journal = ledger.journal(0).unwrap();
            let mut count = 0;
            while ledger.stats().room == Room::Ample {
                record(&journal, count).await.unwrap();
                count += 1;
            }
            assert!(matches!(journal.append(&decision(0), Durability::Strict).map(drop), Err(JournalError::Full)));
            while record(&journal, count).await.is_ok() {
                count += 1;
            }
            assert_eq!(ledger.stats().room, Room::None);
            std::fs::remove_file(ballast).unwrap();
            record(&journal, count + 1).await.unwrap();
            while ledger.stats().room != Room::Ample {
                tokio::task::yield_now().await;
            }
            journal.record(decision(count + 2), Durability::Strict, ()).await.map(drop).unwrap();
        });
        ledger.stop().unwrap();
        let report = verify(dir, &Trust::default()).unwrap();
        assert!(report.sound(), "{report:?}");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mount = |then: Command| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        command.arg("mount -t tmpfs -o size=2m none \"$0\" && exec \"$@\"").arg(dir.path());
        command.arg(then.get_program()).args(then.get_args()).envs(then.get_envs().filter_map(|(k, v)| Some((k, v?))));
        command.status()
    };
    if !mount(Command::new("true")).is_ok_and(|status| status.success()) {
        eprintln!("this machine lets nobody mount: the told disk has to do");
        return;
    }
    let status = mount(own_process("a_small_disk_that_fills_up_behaves_as_the_told_one", dir.path())).unwrap();
    assert!(status.success());
}

// ---------------------------------------------------------------- tampering

/// A closed journal of several small segments and checkpoints, with a second run after it.
fn filled() -> Bench {
    let bench = Bench::new(JournalSettings { segment_bytes: 2000, ..quiet() });
    for run in 0..2 {
        let ledger = bench.open();
        local(async {
            let journal = ledger.journal(0).unwrap();
            for count in 0..12 {
                record(&journal, run * 100 + count).await.unwrap();
                journal.outcome(&outcome(run * 100 + count));
            }
        });
        ledger.stop().unwrap();
    }
    let report = bench.verify();
    assert!(report.sound(), "{report:?}");
    assert!(segments(&bench, "core-00").len() > 6);
    bench
}

fn every_file(bench: &Bench) -> Vec<PathBuf> {
    ["core-00", "control", "checkpoints"].iter().flat_map(|series| segments(bench, series)).collect()
}

fn tampered(bench: &Bench, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Report {
    let before = std::fs::read(path).unwrap();
    let mut bytes = before.clone();
    change(&mut bytes);
    assert_ne!(bytes, before);
    std::fs::write(path, bytes).unwrap();
    let report = bench.verify();
    std::fs::write(path, before).unwrap();
    report
}

#[test]
fn any_byte_that_is_changed_shows_in_the_file_where_it_stands() {
    let bench = filled();
    let mut random = 12_345_u64;
    for path in every_file(&bench) {
        let length = std::fs::metadata(&path).unwrap().len();
        let ends = [0, length - 1, length - 2, length - 3];
        for round in 0..40_usize {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let place = usize::try_from(ends.get(round).copied().unwrap_or((random >> 33) % length)).unwrap();
            let report = tampered(&bench, &path, |bytes| bytes[place] ^= 1 << (random >> 61));
            match report.faults.first() {
                Some(fault) => assert!(path.starts_with(&fault.file), "{fault:?}"),
                // Without its last line break the last checkpoint of the newest run is an unfinished one: the run was not closed.
                None => {
                    assert!(place as u64 == length - 1 && report.runs[1].state == State::Crashed, "{place} {path:?}")
                }
            }
        }
    }
}

#[test]
fn a_line_that_is_gone_swapped_or_doubled_shows_at_its_place() {
    let bench = filled();
    let path = segments(&bench, "core-00").remove(1);
    let lines = |bytes: &[u8]| bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let place = |report: &Report| (report.faults[0].file.clone(), report.faults[0].line, report.faults.len());
    let expected = (path.clone(), Some(2), 1);
    let gone = tampered(&bench, &path, |bytes| {
        let mut all = lines(bytes);
        all.remove(1);
        *bytes = all.concat();
    });
    assert_eq!(place(&gone), expected);
    let swapped = tampered(&bench, &path, |bytes| {
        let mut all = lines(bytes);
        all.swap(1, 2);
        *bytes = all.concat();
    });
    assert_eq!(place(&swapped), expected);
    let doubled = tampered(&bench, &path, |bytes| {
        let mut all = lines(bytes);
        all.insert(1, all[0].clone());
        *bytes = all.concat();
    });
    assert_eq!(place(&doubled), expected);
}

#[test]
fn an_end_that_is_cut_off_shows() {
    let bench = filled();
    for series in ["core-00", "control", "checkpoints"] {
        let path = segments(&bench, series).pop().unwrap();
        for whole in [true, false] {
            let report = tampered(&bench, &path, |bytes| {
                let end = bytes.len() - 2;
                let cut = if whole { memchr::memrchr(b'\n', &bytes[..end]).map_or(0, |at| at + 1) } else { end };
                bytes.truncate(cut);
            });
            // A checkpoint at the very end of the newest run can only be missed by an anchor; its run then counts as crashed.
            let shows = !report.sound() || (series == "checkpoints" && report.runs[1].state == State::Crashed);
            assert!(shows, "{series} {whole}: {report:?}");
        }
    }
}

#[test]
fn a_segment_series_or_run_that_is_gone_shows() {
    let bench = filled();
    let first_run = layout::runs(bench.path()).unwrap().remove(0);
    let away = bench.path().join(".away");
    let core = segments(&bench, "core-00");
    let of_first = core.iter().filter(|path| path.starts_with(&first_run.path)).count();
    let missing = [
        core[0].clone(),
        core[1].clone(),
        core[of_first - 1].clone(),
        first_run.path.join("core-00"),
        first_run.path.join("checkpoints"),
        first_run.path.clone(),
    ];
    for path in missing {
        std::fs::rename(&path, &away).unwrap();
        let report = bench.verify();
        std::fs::rename(&away, &path).unwrap();
        let fault = report.faults.first().unwrap_or_else(|| panic!("{} is not missed", path.display()));
        assert!(fault.file.starts_with(&first_run.path), "{fault:?}");
    }
    assert!(bench.verify().sound());
}

/// Rewrites a series with a changed line and all hashes computed anew: what somebody without the key can do.
fn forge(path: &Path, origin: chain::Hash) {
    let mut head = origin;
    let mut forged = Vec::new();
    for line in std::fs::read(path).unwrap().split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let (body, _) = chain::split(line).unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap().replace("keeper.hf", "nobody");
        head = chain::link(head, body.as_bytes(), &mut Vec::new());
        forged.extend_from_slice(format!("{body},\"hash\":\"{head}\"}}\n").as_bytes());
    }
    std::fs::write(path, forged).unwrap();
}

#[test]
fn a_chain_that_was_computed_anew_shows_against_the_checkpoints() {
    let bench = Bench::new(quiet());
    let ledger = bench.open();
    local(async { record(&ledger.journal(0).unwrap(), 1).await.unwrap() });
    ledger.stop().unwrap();
    let run = layout::runs(bench.path()).unwrap().remove(0);
    let path = segments(&bench, "core-00").remove(0);
    forge(&path, chain::Hash::origin("n1", &run.name, "core-00"));
    let report = bench.verify();
    assert_eq!((report.faults[0].line, report.faults.len()), (Some(2), 1));
    assert!(report.faults[0].expected.contains("checkpoint"), "{report:?}");
}

#[test]
fn another_key_or_a_dropped_run_shows_only_against_what_was_kept_elsewhere() {
    let bench = filled();
    let elsewhere = tempfile::tempdir().unwrap();
    let newest = layout::runs(bench.path()).unwrap().pop().unwrap();
    let last = segments(&bench, "checkpoints").pop().unwrap();
    let anchor = elsewhere.path().join("anchor");
    let text = std::fs::read_to_string(last).unwrap();
    std::fs::write(&anchor, text.lines().last().unwrap()).unwrap();
    let anchors = Anchor::read(&anchor).unwrap();
    std::fs::remove_dir_all(&newest.path).unwrap();
    assert!(bench.verify().sound(), "the newest run is missed by nobody inside");
    assert!(bench.verify().limits.iter().any(|limit| limit.contains("--anchor")));
    let report = verify(bench.path(), &Trust { keys: Vec::new(), anchors }).unwrap();
    assert_eq!(report.faults[0].file, newest.path);
    let other = Bench::new(quiet());
    other.open().stop().unwrap();
    let keys = vec![PublicKey::read(&other.path().join("signing.pub")).unwrap()];
    let report = verify(bench.path(), &Trust { keys, anchors: Vec::new() }).unwrap();
    assert!(report.faults[0].expected.contains("a signature by"), "{report:?}");
}

#[test]
fn checkpoints_are_made_as_time_passes_and_bind_what_was_written() {
    let bench = Bench::new(JournalSettings { checkpoint_every: Duration::from_millis(2), ..quiet() });
    let ledger = bench.open();
    local(async { record(&ledger.journal(0).unwrap(), 1).await.unwrap() });
    bench.tape.wait_until(|told| {
        let wrote = |event: &Event| {
            matches!(event, Event::Wrote(series, bytes)
            if series == "checkpoints" && memchr::memmem::find(bytes, b"\"name\":\"core-00\",\"records\":2").is_some())
        };
        told.events.iter().any(wrote)
    });
    let report = bench.verify();
    assert!(report.sound() && report.runs[0].unbound == 0, "{report:?}");
}

// ---------------------------------------------------------------- questions

/// Three runs at fixed times, two cores each, with outcomes.
fn library() -> Bench {
    let bench = Bench::new(JournalSettings { segment_bytes: 4000, ..quiet() });
    for run in 0..3_u32 {
        let ledger = bench.open_at(2, at(i64::from(run) * 1000));
        local(async {
            let cores = [ledger.journal(0).unwrap(), ledger.journal(1).unwrap()];
            for count in 0..20 {
                let number = run * 1000 + count;
                let journal = &cores[count as usize % 2];
                let subject = if count % 5 == 0 { "仓管" } else { "keeper.hf" };
                let address = std::net::IpAddr::from([10, 1, 0, u8::try_from(count).unwrap()]);
                let what = DecisionRecord { subject: Some(subject), client: Some(address), ..decision(number) };
                journal.record(what, Durability::Written, ()).await.map(drop).unwrap();
                if count != 19 {
                    let status = if count == 7 { 502 } else { 200 };
                    journal.outcome(&OutcomeRecord { answer_status: Some(status), ..outcome(number) });
                }
            }
        });
        ledger
            .admin(&AdminRecord { subject: Some("仓管"), ..AdminRecord::new(at(run.into()), AdminAction::Freeze) })
            .unwrap();
        ledger.stop().unwrap();
    }
    bench
}

fn requests(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| entry.text("request").unwrap_or_default().into_owned()).collect()
}

#[test]
fn answers_come_in_the_order_asked_for_over_runs_and_cores() {
    let bench = library();
    let all: Vec<_> = (0..3).flat_map(|run| (0..20).map(move |count| id(run * 1000 + count).to_string())).collect();
    assert_eq!(requests(&bench.query(&["kind=decision"], Order::Oldest, 999)), all);
    let newest = requests(&bench.query(&["kind=decision"], Order::Newest, 999));
    assert_eq!(newest.iter().rev().cloned().collect::<Vec<_>>(), all);
    assert_eq!(requests(&bench.query(&["kind=decision"], Order::Newest, 3)), newest[..3]);
    assert_eq!(bench.query(&["action=freeze"], Order::Newest, 99).len(), 3);
}

#[test]
fn every_decision_comes_with_its_outcome() {
    let bench = library();
    for order in [Order::Oldest, Order::Newest] {
        for entry in bench.query(&["kind=decision"], order, 999) {
            let open = entry.text("request").unwrap().ends_with("13") || entry.value("answer_status").is_some();
            assert!(open || entry.text("client").unwrap() == "10.1.0.19", "{entry:?}");
        }
        assert_eq!(requests(&bench.query(&["answer_status>=500"], order, 2)).len(), 2);
        assert_eq!(bench.query(&["completion=complete"], order, 999).len(), 57);
    }
}

#[test]
fn fields_and_times_narrow_the_answer() {
    let bench = library();
    assert_eq!(bench.query(&["subject=仓管", "kind=decision"], Order::Newest, 999).len(), 12);
    assert_eq!(bench.query(&["client=10.1.0.4/30"], Order::Newest, 999).len(), 12);
    assert_eq!(bench.query(&["scope.warehouse=HF", "request=*000003e8"], Order::Newest, 999).len(), 1);
    assert_eq!(bench.query(&["scope.warehouse=SH"], Order::Newest, 999).len(), 0);
    for order in [Order::Oldest, Order::Newest] {
        let filter = Filter::new(Vec::new(), Some(at(1005)), Some(at(1010)));
        let question = Query { filter, wanted: Wanted::Decisions, order, limit: None };
        let mut found = Vec::new();
        query(bench.path(), &question, &mut |entry| {
            found.push(entry.text("request").unwrap().into_owned());
            ControlFlow::Continue(())
        })
        .unwrap();
        found.sort();
        assert_eq!(found, (1005..1010).map(|count| id(count).to_string()).collect::<Vec<_>>());
    }
}

#[test]
fn both_decisions_about_a_request_whose_answer_was_held_come_with_its_outcome() {
    let bench = Bench::new(quiet());
    let ledger = bench.open();
    local(async {
        let journal = ledger.journal(0).unwrap();
        let held = DecisionRecord { decision: Outcome::Held, reason: Reason::AnswerAwaited, scope: &[], ..decision(1) };
        let refused = DecisionRecord { decision: Outcome::Refuse, reason: Reason::OutOfScope, ..decision(1) };
        for record in [held, refused, decision(2)] {
            journal.record(record, Durability::Written, ()).await.map(drop).unwrap();
        }
        journal.outcome(&OutcomeRecord { answer_status: Some(200), ..outcome(1) });
        journal.outcome(&OutcomeRecord { answer_status: Some(200), ..outcome(2) });
    });
    ledger.stop().unwrap();
    for order in [Order::Oldest, Order::Newest] {
        let found = bench.query(&["kind=decision"], order, 999);
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|entry| entry.value("answer_status").is_some()), "{found:?}");
        assert_eq!(bench.query(&["decision=held", "answer_status=200"], order, 999).len(), 1);
    }
    let last = find_request(bench.path(), id(1)).unwrap().unwrap();
    assert_eq!(last.text("decision").unwrap(), "refuse", "the last one counts");
}

#[test]
fn a_request_is_found_by_its_identifier() {
    let bench = library();
    let entry = find_request(bench.path(), id(1007)).unwrap().unwrap();
    assert_eq!(entry.text("answer_status").unwrap(), "502");
    assert_eq!(entry.text("scope.warehouse").unwrap(), "HF");
    assert_eq!(find_request(bench.path(), id(77)).unwrap(), None);
}

#[test]
fn following_goes_on_over_segments_cores_and_processes() {
    let bench = Bench::new(JournalSettings { segment_bytes: 1500, ..quiet() });
    let first = bench.open_at(2, SystemClock);
    local(async {
        let journal = first.journal(0).unwrap();
        for count in 0..10 {
            record(&journal, count).await.unwrap();
        }
        let (mut tail, newest) = Tail::open(bench.path(), Filter::default(), 3).unwrap();
        assert_eq!(requests(&newest), [7, 8, 9].map(|count| id(count).to_string()));
        let mut poll = || {
            let mut seen = Vec::new();
            tail.poll(&mut |entry| {
                seen.push(entry);
                Ok(())
            })
            .unwrap();
            requests(&seen)
        };
        assert!(poll().is_empty());
        for count in 10..20 {
            record(&journal, count).await.unwrap();
        }
        assert_eq!(poll(), (10..20).map(|count| id(count).to_string()).collect::<Vec<_>>());
        let other = first.journal(1).unwrap();
        record(&other, 20).await.unwrap();
        let second = bench.open();
        record(&second.journal(0).unwrap(), 21).await.unwrap();
        journal.outcome(&outcome(22));
        journal.flush().unwrap();
        assert_eq!(poll(), [20, 21, 22].map(|count| id(count).to_string()));
        assert!(poll().is_empty());
    });
    assert!(segments(&bench, "core-00").len() > 3);
}

// ---------------------------------------------------------------- whatever is recorded reads back

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_clients_send_becomes_one_line_that_reads_back(
        rows in prop::collection::vec((any::<String>(), prop::collection::vec(any::<u8>(), 0..80), any::<String>(),
            any::<Option<String>>(), any::<bool>()), 1..20)
    ) {
        let rows = Rc::new(rows);
        let bench = Bench::new(JournalSettings { segment_bytes: 3000, ..quiet() });
        let ledger = bench.open();
        local(async {
            let journal = ledger.journal(0).unwrap();
            for (count, (detail, target, value, subject, wait)) in (0..).zip(rows.iter()) {
                let scope = [("warehouse", value.as_str()), ("channel", "x"), ("warehouse", "HF")];
                let what = DecisionRecord { detail, target, scope: &scope, subject: subject.as_deref(), ..decision(count) };
                let pending = journal.append(&what, Durability::Written).unwrap();
                if *wait {
                    pending.written(()).await.map(drop).unwrap();
                }
            }
        });
        ledger.stop().unwrap();
        let report = bench.verify();
        prop_assert!(report.sound(), "{:?}", report);
        let entries = bench.query(&["kind=decision"], Order::Oldest, 99);
        prop_assert_eq!(entries.len(), rows.len());
        for (entry, (detail, target, value, subject, _)) in entries.iter().zip(rows.iter()) {
            prop_assert_eq!(entry.text("detail").unwrap_or_default(), detail.as_str());
            prop_assert_eq!(scopegate::audit::unescape(&entry.text("target").unwrap()), target.clone());
            prop_assert_eq!(entry.value("scope").unwrap(), &serde_json::json!({"warehouse": [value, "HF"], "channel": ["x"]}));
            prop_assert_eq!(entry.text("subject"), subject.as_deref().map(Into::into));
        }
    }
}
