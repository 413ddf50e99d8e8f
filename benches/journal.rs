//! What the journal costs a request: a line serialised and chained, and a decision recorded by one task and by many at once.
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

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use scopegate::audit::{
    AppendFile, Completion, DecisionRecord, Disk, Durability, Journal, JournalSettings, Ledger, Medium, OutcomeRecord,
    ShownDevice,
};
use scopegate::model::{Device, DeviceKind, Outcome, Reason, RequestId, SystemClock, Timestamp};
use scopegate::telemetry::Metrics;
use std::hint::black_box;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::LocalSet;

/// Takes every byte and keeps none: what is left is the work of the processor.
struct Nowhere;

impl AppendFile for Nowhere {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(black_box(bytes).len())
    }
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
    fn length(&self) -> io::Result<u64> {
        Ok(0)
    }
    fn cut(&self, _: u64) -> io::Result<()> {
        Ok(())
    }
    fn keep(&self, _: u64, _: u64) -> io::Result<()> {
        Ok(())
    }
}

impl Medium for Nowhere {
    fn create(&self, _: &Path) -> io::Result<Arc<dyn AppendFile>> {
        Ok(Arc::new(Self))
    }
    fn open(&self, _: &Path) -> io::Result<Arc<dyn AppendFile>> {
        Ok(Arc::new(Self))
    }
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
    fn occupy(&self, _: &Path, _: u64) -> io::Result<()> {
        Ok(())
    }
}

fn device() -> ShownDevice {
    ShownDevice::written(Device {
        id: Some("d-5f0c3ab1".into()),
        known: true,
        browser: "Chrome 141".into(),
        system: "Windows 10".into(),
        kind: DeviceKind::Desktop,
        tls: None,
    })
}

fn decision<'a>(count: u32, device: &'a ShownDevice) -> DecisionRecord<'a> {
    DecisionRecord {
        revision: "4f1d2c9a77b0",
        people: 1024,
        subject: Some("li.wei"),
        source: Some("legacy-session"),
        role: Some("warehouse-keeper"),
        assignment: Some("li.wei/warehouse-keeper/1"),
        app: Some("wms"),
        route: Some("stock.list"),
        permission: Some("stock:view"),
        scope: &[("warehouse", "HF"), ("channel", "retail")],
        method: "GET",
        protocol: "HTTP/1.1",
        host: b"wms.example.test",
        target: b"/stock?warehouse=HF&channel=retail&page=3",
        client: Some(IpAddr::from([10, 20, 30, 40])),
        device: Some(device),
        session: Some(&[0x5a; 16]),
        ..DecisionRecord::new(
            Timestamp::from_micros(1_795_385_467_000_000 + i64::from(count)),
            RequestId::new(0x0123_4567_89ab_cdef, count),
            Outcome::Permit,
            Reason::Granted,
        )
    }
}

fn ledger(dir: &Path, medium: impl Medium) -> Ledger {
    let settings = JournalSettings {
        segment_bytes: 1 << 40,
        sync_every: Duration::from_secs(3600),
        checkpoint_every: Duration::from_secs(3600),
        reserve_bytes: 0,
        ..JournalSettings::default()
    };
    Ledger::open(dir, "n1", 1, settings, Arc::new(medium), Arc::new(SystemClock), Metrics::new(1)).expect("opens")
}

/// One decision and its outcome, flushed every 32: everything but the system call.
fn line(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(dir.path(), Nowhere);
    let journal = ledger.journal(0).unwrap();
    let device = device();
    let mut count = 0;
    c.bench_function("journal/decision line", |b| {
        b.iter(|| {
            count += 1;
            drop(journal.append(black_box(&decision(count, &device)), Durability::Written).unwrap());
            if count % 32 == 0 {
                journal.flush().unwrap();
            }
        });
    });
    c.bench_function("journal/outcome line", |b| {
        b.iter(|| {
            count += 1;
            let id = RequestId::new(0x0123_4567_89ab_cdef, count);
            let time = Timestamp::from_micros(1_795_385_467_000_000 + i64::from(count));
            journal.outcome(black_box(&OutcomeRecord {
                upstream_status: Some(200),
                answer_status: Some(200),
                bytes_out: 1024,
                decision_micros: 3,
                upstream_micros: Some(180),
                total_micros: 230,
                ..OutcomeRecord::new(time, id, Completion::Complete)
            }));
        });
    });
}

async fn record(journal: &Journal, count: u32, device: &ShownDevice) {
    black_box(journal.record(decision(count, device), Durability::Written, count).await.unwrap().into_inner());
}

/// A decision recorded on the real disk, by one task and by 64 in one turn.
fn recorded(c: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(dir.path(), Disk);
    let journal = ledger.journal(0).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let device = device();
    let mut group = c.benchmark_group("journal/recorded");
    for tasks in [1_u32, 64] {
        group.throughput(Throughput::Elements(tasks.into()));
        group.bench_function(format!("{tasks} tasks"), |b| {
            b.iter_batched(
                LocalSet::new,
                |set| {
                    let handles: Vec<_> = (0..tasks)
                        .map(|count| {
                            let (journal, device) = (journal.clone(), device.clone());
                            set.spawn_local(async move { record(&journal, count, &device).await })
                        })
                        .collect();
                    runtime.block_on(set.run_until(async {
                        for handle in handles {
                            handle.await.unwrap();
                        }
                    }));
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, line, recorded);
criterion_main!(benches);
