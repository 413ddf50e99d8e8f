//! A thousand reloads under load: each answer is explained by exactly one revision, none fails, memory stays; a broken file changes nothing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;

use crate::client::{Answer, Client, Connection};
use crate::gateway::Gateway;
use crate::site::{Set, Site};
use crate::until;

const RELOADS: usize = 1_000;
const SUCCESSES: &str = "scopegate_reloads_total{part=\"rules\",result=\"success\"}";
const FAILURES: &str = "scopegate_reloads_total{part=\"rules\",result=\"failure\"}";
const FAILING_SINCE: &str = "scopegate_reload_failing_since_timestamp_seconds{part=\"rules\"}";

fn reload(site: &Site, gateway: &Gateway, set: Set) {
    let before = gateway.log_length();
    site.choose(set);
    gateway.signal(Signal::HUP);
    gateway.logs_after(before, "new rules are in force");
}

/// Which revision each rule set has, told by what it does.
fn revisions(site: &Site, gateway: &Gateway, keeper: &mut Client) -> HashMap<String, Set> {
    let mut known = HashMap::new();
    for set in [Set::B, Set::A] {
        reload(site, gateway, set);
        let target = format!("/list?n=first-{}", set.name());
        until("the rules are in force", || {
            keeper.get(&target).unwrap().body.starts_with(&format!("{} ", set.name())).then_some(())
        });
        let told = format!("warehouse={}", set.warehouse());
        let decision =
            site.decisions().into_iter().rfind(|entry| entry.text("target").is_some_and(|text| text.contains(&target)));
        let decision = decision.unwrap();
        assert!(
            decision.value("scope").unwrap().to_string().contains(set.warehouse()),
            "{told} in {:?}",
            decision.fields
        );
        known.insert(decision.text("revision").unwrap().into_owned(), set);
    }
    assert_eq!(known.len(), 2);
    known
}

/// Asks what both sets allow and what only one of them does; gives what came back for each number.
fn ask(mut client: Client, name: &str, stop: &AtomicBool) -> Vec<(String, Answer)> {
    let mut seen = Vec::new();
    let mut connection = client.connect().unwrap();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let n = format!("{name}-{number}.");
        let path = ["/list", "/only-a", "/only-b"][number % 3];
        seen.push((n.clone(), client.get_on(&mut connection, &format!("{path}?n={n}")).unwrap()));
    }
    seen
}

/// Streams stand still for as long as the reloads take, on whatever machine.
const PATIENT: &str = "limits: {upstream-idle-time: 1h}";

/// A stream of which the first chunk has come.
fn open(keeper: &Client, target: &str) -> Connection {
    let (mut client, mut connection) = (keeper.clone(), keeper.connect().unwrap());
    client.send(&mut connection, "GET", target, None).unwrap();
    assert_eq!(client.receive_head(&mut connection).unwrap().status, 200);
    assert_eq!(connection.chunk().unwrap().unwrap(), b"chunk 0\n".to_vec());
    connection
}

#[test]
fn every_answer_is_explained_by_one_revision_while_rules_change_a_thousand_times() {
    let site = Site::new(PATIENT);
    let gateway = site.start();
    let mut keeper = site.keeper();
    let sets = revisions(&site, &gateway, &mut keeper);

    // A stream that both sets permit stays; one that only A permits ends with A.
    let mut download = open(&keeper, "/export/stream?n=download");
    let mut revoked = open(&keeper, "/stream?n=revoked");
    reload(&site, &gateway, Set::B);
    // It breaks off, so that nobody takes it for whole.
    revoked.chunk().unwrap_err();

    let stop = AtomicBool::new(false);
    let mut held = Vec::new();
    let mut memory = Vec::new();
    let seen: Vec<(String, Answer)> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..2)
            .map(|client| (keeper.clone(), format!("c{client}")))
            .map(|(client, name)| {
                let stop = &stop;
                scope.spawn(move || ask(client, &name, stop))
            })
            .collect();
        for count in 0..RELOADS {
            reload(&site, &gateway, if count % 2 == 0 { Set::A } else { Set::B });
            if count % 10 == 0 {
                held.push(open(&keeper, &format!("/export/stream?n=held-{count}")));
            }
            if count % 100 == 99 {
                memory.push(gateway.memory());
            }
        }
        stop.store(true, Ordering::Relaxed);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });

    assert!(gateway.metric(SUCCESSES) >= RELOADS as f64);
    assert!(seen.len() > RELOADS, "{} answers", seen.len());
    let decisions: HashMap<String, _> =
        site.decisions().into_iter().filter_map(|entry| Some((entry.text("request")?.into_owned(), entry))).collect();
    let received: HashMap<String, _> =
        site.application.received().into_iter().map(|one| (one.request.clone(), one)).collect();
    let mut by_set = HashMap::new();
    for (n, answer) in &seen {
        let request = match answer.field("x-request-id") {
            Some(id) => id.to_owned(),
            None => answer.body.split(' ').nth(1).unwrap().to_owned(),
        };
        let decision = &decisions[&request];
        let set = sets[decision.text("revision").unwrap().as_ref()];
        let target = decision.text("target").unwrap();
        assert!(target.contains(n.as_str()), "{n} in {target}");
        let allowed = target.starts_with("/list") || target.starts_with(&format!("/only-{}", set.name()));
        *by_set.entry((set.name(), allowed)).or_insert(0) += 1;
        if allowed {
            let got = &received[&request];
            assert_eq!((answer.status, got.told_by.as_str()), (200, set.name()), "{answer:?} by {:?}", decision.fields);
            if target.starts_with("/list") {
                assert!(got.target.contains(&format!("warehouse={}", set.warehouse())), "{got:?}");
            }
        } else {
            assert!(!received.contains_key(&request));
            assert_eq!(decision.text("decision").as_deref(), Some("refuse"));
            assert_eq!(answer.reason(), decision.text("reason").as_deref());
        }
    }
    assert_eq!(by_set.len(), 4, "both sets both allowed and refused: {by_set:?}");

    let (early, late) = (memory[1], *memory.last().unwrap());
    assert!(late < early + early / 4, "memory grew from {early} to {late}: {memory:?}");

    site.application.tick();
    assert_eq!(download.chunk().unwrap().unwrap(), b"chunk 1\n".to_vec());
    site.application.end_streams();
    assert_eq!(download.chunk().unwrap(), None);
    gateway.stop();
    site.verify();
    site.everything_received_is_on_record();
}

#[test]
fn open_streams_hold_no_old_rule_set() {
    const STREAMS: usize = 16;
    let site = Site::new(PATIENT);
    let many = |set: Set| {
        let route = |count| {
            format!(
                "  - {{id: filler-{count}, match: 'GET /filler/{count}/{{id}}', permission: 'list:view', \
                 scope: {{warehouse: {{query: warehouse}}}}, params: {{id: {{at: {{path: id}}, type: {{code: '[A-Z]{{2}}-[0-9]{{1,9}}'}}}}}}}}\n"
            )
        };
        site.write_rules(set, &(0..200).map(route).collect::<String>());
    };
    many(Set::A);
    many(Set::B);
    let gateway = site.start();
    let keeper = site.keeper();
    let mut held = Vec::new();
    let mut sets = [Set::B, Set::A].into_iter().cycle();
    let mut grow = |reloads: usize, streams: usize| {
        let before = gateway.memory();
        for round in 0..reloads.max(streams) {
            if round < reloads {
                reload(&site, &gateway, sets.next().unwrap());
            }
            if round < streams {
                held.push(open(&keeper, "/export/stream"));
            }
        }
        gateway.memory().saturating_sub(before)
    };
    grow(STREAMS, 0);
    let (plain, reloaded) = (grow(0, STREAMS), grow(STREAMS, STREAMS));
    // the last few may still be held: streams are reviewed four times a second, and what nobody holds is freed with the next reload
    assert!(
        reloaded < plain + (24 << 20),
        "{STREAMS} streams cost {plain} bytes, {reloaded} with reloads between them"
    );
    gateway.stop_at_once();
}

#[test]
fn a_broken_file_changes_nothing_and_is_told_in_log_metric_and_journal() {
    let site = Site::new("");
    let gateway = site.start();
    let mut keeper = site.keeper();
    let failures = gateway.metric(FAILURES);
    assert!((gateway.metric(FAILING_SINCE)).abs() < 0.5);
    site.write_rules(Set::B, "  - {id: broken, match: GET /broken, permision: 'list:view'}\n");
    site.choose(Set::B);
    gateway.signal(Signal::HUP);
    until("the failure is counted", || (gateway.metric(FAILURES) > failures).then_some(()));
    assert!(gateway.metric(FAILING_SINCE) > 1e9);
    until("the failure is on record", || site.administered("reload-failed").then_some(()));
    let log = gateway.log();
    for part in ["the rules were not changed", "wms.yaml", "permision", "did you mean"] {
        assert!(log.contains(part), "{part} in {log}");
    }
    let answer = keeper.get("/list?n=after").unwrap();
    assert!(answer.body.starts_with("a ") && answer.body.contains("warehouse=HF"), "{answer:?}");
    let failed = site.records(scopegate::audit::filter::Wanted::Administration);
    let failed = failed.iter().find(|entry| entry.text("action").as_deref() == Some("reload-failed")).unwrap();
    assert!(failed.text("detail").unwrap().contains("permision"));

    // Put right, it is in force, and the metric forgets.
    site.write_rules(Set::B, "");
    reload(&site, &gateway, Set::B);
    until("the new rules are in force", || keeper.get("/list?n=right").unwrap().body.starts_with("b ").then_some(()));
    assert!((gateway.metric(FAILING_SINCE)).abs() < 0.5);
    gateway.stop();
    site.verify();
}

#[test]
fn a_changed_file_is_taken_up_without_a_signal() {
    let site = Site::new("");
    let gateway = site.start();
    let mut keeper = site.keeper();
    site.choose(Set::B);
    until("the new rules are in force", || keeper.get("/list?n=x").unwrap().body.starts_with("b ").then_some(()));
    until("the reload is on record", || site.administered("reload").then_some(()));
    gateway.stop();
}
