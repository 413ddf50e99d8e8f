//! Questions to the journal, and that whatever is recorded reads back.

use crate::bench::*;
use proptest::prelude::*;
use scopegate::audit::filter::{Entry, Filter, Wanted};
use scopegate::audit::query::{Order, Query, find_request, query};
use scopegate::audit::tail::Tail;
use scopegate::audit::{AdminAction, AdminRecord, DecisionRecord, Durability, JournalSettings, OutcomeRecord};
use scopegate::model::{Outcome, Reason, SystemClock};
use std::ops::ControlFlow;
use std::rc::Rc;

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
