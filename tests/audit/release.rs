//! What is released when: writes, syncs, strict records.

use crate::bench::*;
use crate::disk::*;
use scopegate::audit::query::Order;
use scopegate::audit::{AdminAction, AdminRecord, Disk, Durability, Journal, JournalError, JournalSettings, Ledger};
use scopegate::model::SystemClock;
use scopegate::telemetry::Metrics;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{LocalSet, spawn_local};

#[test]
fn all_tasks_of_a_busy_turn_share_one_write_and_none_is_released_before_its_own() {
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
                    let before = seen(&tape, count);
                    let recorded = pending.written(count).await.unwrap();
                    (before, recorded.into_inner(), seen(&tape, count))
                })
            })
            .collect();
        for (count, task) in (0..).zip(tasks) {
            assert_eq!(task.await.unwrap(), (false, count, true));
        }
        let lines = |write: &Vec<u8>| write.iter().filter(|&&byte| byte == b'\n').count();
        let written: Vec<usize> = bench.tape.writes().iter().map(lines).collect();
        assert_eq!(written, [1, 1, 1, 47], "the first few do not wait for the others");
        let hashes = |write: &Vec<u8>| memchr::memmem::find_iter(write, b"\"hash\":").count();
        assert_eq!(bench.tape.writes().iter().map(hashes).collect::<Vec<_>>(), [1, 1, 1, 1], "one binds a write");
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

#[test]
fn records_are_synced_without_real_time_also_where_the_process_has_it() {
    use thread_priority::*;
    let real_time = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    let ordinary = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    let bench = Bench::new(quiet());
    // a thread of its own, which hands on what it is given; where the system gives this user no real time, it is as any other
    let synced = std::thread::spawn(move || {
        let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, real_time);
        let ledger = bench.open();
        // whoever opens it syncs what it begins with
        bench.tape.tell(|told| told.synced_under.clear());
        local(async {
            let journal = ledger.journal(0).unwrap();
            journal.record(decision(1), Durability::Strict, ()).await.map(drop).unwrap();
        });
        bench.tape.tell(|told| told.synced_under.clone())
    });
    let synced = synced.join().unwrap();
    assert!(!synced.is_empty() && synced.iter().all(|policy| *policy == ordinary), "{synced:?}");
}
