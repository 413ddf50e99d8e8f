//! Faults of the disk: short and failing writes, a full disk.

use crate::bench::*;
use crate::disk::*;
use scopegate::audit::query::Order;
use scopegate::audit::{Disk, Durability, Journal, JournalError, JournalSettings, Ledger, Room};
use scopegate::model::SystemClock;
use scopegate::telemetry::Metrics;
use std::sync::Arc;
use std::time::Duration;

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
        assert!(matches!(record(&journal, 11).await, Err(JournalError::Write(_))));
        let before = ledger.stats().writes;
        for task in spawn_records(&journal, 0..10) {
            assert!(matches!(task.await.unwrap(), Err(JournalError::Write(_))));
        }
        assert_eq!(ledger.stats().writes, before + 1);
        assert_eq!(ledger.stats().write_errors, 2);
        assert!(ledger.stats().queue_bytes > 0);
        bench.tape.tell(|told| told.write_error = None);
        record(&journal, 10).await.unwrap();
        assert_eq!(ledger.stats().queue_bytes, 0);
    });
    ledger.stop().unwrap();
    assert!(bench.verify().sound());
    assert_eq!(bench.query(&["kind=decision"], Order::Oldest, 99).len(), 12, "what was refused is on record too");
}

#[test]
fn a_write_that_breaks_off_refuses_whom_it_was_for() {
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
        assert!(matches!(told[..], [Ok(1), Err(JournalError::Full), Err(JournalError::Full)]), "{told:?}");
        bench.tape.tell(|told| told.free = Some(1 << 20));
        record(&journal, 4).await.unwrap();
    });
    ledger.stop().unwrap();
    let report = bench.verify();
    assert!(report.sound(), "{report:?}");
    assert_eq!(bench.query(&["kind=decision"], Order::Oldest, 99).len(), 5);
}

#[test]
fn a_write_of_many_lines_that_breaks_off_is_gone_on_with_where_it_broke() {
    for lines in [0, 1, 20] {
        for (more, again) in [(0, 1), (1, 100), (100, 1000), (50, 0)] {
            let bench = Bench::new(JournalSettings { reserve_bytes: 0, ..quiet() });
            let ledger = bench.open();
            local(async {
                let journal = ledger.journal(0).unwrap();
                broken_off(&bench, &journal, 0).await;
                let taken = bytes_of(lines, &bench) + more;
                breaks_off(&bench, &journal, taken);
                drop(journal.append(&decision(51), Durability::Written).unwrap());
                // where nothing is said, behind what was to be written at first, and its hash
                let behind = bytes_of(50, &bench) + 100 - taken;
                breaks_off(&bench, &journal, if again == 0 { behind } else { again });
                bench.tape.tell(|told| told.free = None);
                record(&journal, 52).await.unwrap();
            });
            ledger.stop().unwrap();
            let report = bench.verify();
            assert!(report.sound(), "{report:?}");
            assert_eq!(bench.query(&["kind=decision"], Order::Oldest, 99).len(), 53);
        }
    }
}

#[test]
fn a_write_that_fails_and_takes_bytes_all_the_same_is_gone_on_with_where_it_began() {
    let bench = Bench::new(JournalSettings { reserve_bytes: 0, ..quiet() });
    let ledger = bench.open();
    local(async {
        let journal = ledger.journal(0).unwrap();
        broken_off(&bench, &journal, 0).await;
        breaks_off(&bench, &journal, bytes_of(20, &bench));
        let path = segments(&bench, "core-00").remove(0);
        let held = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&held[..], b"{\"kind\""].concat()).unwrap();
        breaks_off(&bench, &journal, 0);
        assert!(std::fs::read(&path).unwrap() == held, "what the file took stays there");
        bench.tape.tell(|told| told.free = None);
        journal.flush().unwrap();
    });
    ledger.stop().unwrap();
    let report = bench.verify();
    assert!(report.sound(), "{report:?}");
    assert_eq!(bench.query(&["kind=decision"], Order::Oldest, 99).len(), 51);
}

#[test]
fn checkpoints_do_not_pile_up_while_the_disk_takes_nothing() {
    let bench = Bench::new(JournalSettings { held_bytes: 2000, checkpoint_every: Duration::from_millis(1), ..quiet() });
    let ledger = bench.open();
    local(async {
        // no checkpoint binds the record before the disk fails
        bench.tape.tell(|told| told.hold_syncs = true);
        record(&ledger.journal(0).unwrap(), 0).await.unwrap();
        bench.tape.tell(|told| (told.write_error, told.hold_syncs) = (Some(EIO), false));
    });
    bench.tape.wait_until(|told| told.writes_failed >= 20);
    bench.tape.tell(|told| told.write_error = None);
    ledger.stop().unwrap();
    let report = bench.verify();
    assert!(report.sound(), "{report:?}");
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
