//! `kill -9` under load, again and again: what the application received is on record, the journal stays sound, sessions live on.

use std::collections::HashSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use scopegate::audit::filter::{Entry, Wanted};

use crate::client::Client;
use crate::gateway::PROGRAM;
use crate::site::{Set, Site};
use crate::until;

const ROUNDS: usize = 5;
const CLIENTS: usize = 4;
const REQUESTS: usize = 300;

/// Asks until the connection breaks; gives what was answered.
fn ask(mut client: Client, name: &str, stop: &AtomicBool, asked: &AtomicUsize) -> Vec<String> {
    let mut answered = Vec::new();
    let Ok(mut connection) = client.connect() else { return answered };
    while !stop.load(Ordering::Relaxed) {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        let n = format!("{name}-{number}");
        let answer = if number.is_multiple_of(16) {
            client.post_on(&mut connection, "/change", &format!("n={n}"))
        } else {
            client.get_on(&mut connection, &format!("/list?n={n}"))
        };
        let Ok(answer) = answer else { break };
        assert_eq!(answer.status, 200, "{answer:?}");
        answered.push(n);
    }
    answered
}

/// The numbers that stand in a record, wherever a request carried them.
fn numbers(entry: &Entry) -> Vec<String> {
    let places = ["target", "parameters"].iter().filter_map(|field| entry.fields.get(*field));
    let text: String = places.map(ToString::to_string).collect();
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').map(str::to_owned).collect()
}

#[test]
fn whatever_the_application_received_is_on_record_however_often_the_gateway_is_killed() {
    let site = Site::new("");
    let first = site.start();
    let keeper = site.keeper();
    let mut running = Some(first);
    let mut unknown = 0;
    for round in 0..ROUNDS {
        let gateway = running.take().unwrap_or_else(|| site.start());
        let before = site.application.count();
        let (stop, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
        let answered: Vec<String> = std::thread::scope(|scope| {
            let (stop, asked, keeper) = (&stop, &asked, &keeper);
            // The session of the first round serves in every round: nobody signs in again.
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| scope.spawn(move || ask(keeper.clone(), &format!("r{round}c{client}"), stop, asked)))
                .collect();
            until("the application is under load", || (site.application.count() >= before + REQUESTS).then_some(()));
            gateway.kill();
            stop.store(true, Ordering::Relaxed);
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        });
        assert!(answered.len() > REQUESTS / 2, "{} answers", answered.len());

        // Whoever starts next closes what the killed process left open.
        let gateway = site.start();
        let recovered = |entry: &Entry| entry.text("action").as_deref() == Some("recovered");
        until("the journal is recovered", || {
            let admin = site.records(Wanted::Administration);
            (admin.iter().filter(|entry| recovered(entry) && entry.text("object").is_some()).count() > round)
                .then_some(())
        });
        let report = site.verify();
        assert!(!report.to_string().contains("crashed"), "{report}");
        site.everything_received_is_on_record();
        let decisions = site.decisions();
        let recorded: HashSet<String> = decisions.iter().flat_map(numbers).collect();
        for n in &answered {
            assert!(recorded.contains(n), "{n} was answered and is not on record");
        }
        let open = decisions.iter().filter(|entry| entry.text("completion").is_none());
        assert_eq!(open.count(), 0, "after recovery every decision has an outcome");
        unknown = decisions.iter().filter(|entry| entry.text("completion").as_deref() == Some("unknown")).count();
        running = Some(gateway);
    }
    assert!(unknown > 0, "no process was killed in the middle of anything");
    assert!(keeper.clone().get("/list?n=last").unwrap().body.contains("warehouse=HF"));
    running.unwrap().stop();
    site.verify();
}

/// A route whose answer tells the warehouse, and is held until then.
const HELD: &str = r"
  - {id: card, match: 'GET /card/{id:int}', permission: 'list:view', scope: {warehouse: {lookup: shown, key: {path: id}}}, others: forward}
lookups:
  shown: {key: int, response: {}, value: {regex: 'warehouse=([A-Z]+)'}, within: 1m}
";

/// `audit query` about what was held, as rows and as JSON.
fn held(site: &Site) -> (String, Vec<serde_json::Value>) {
    let ask = |format: &str| {
        let mut command = Command::new(PROGRAM);
        command.args(["audit", "query", "--decision", "held", "--format", format, "--journal"]).arg(site.journal());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    (ask("text"), ask("json").lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn an_answer_that_was_held_when_the_gateway_was_killed_is_on_record_as_unfinished() {
    let site = Site::new("");
    site.write_rules(Set::A, HELD);
    let gateway = site.start();
    let mut keeper = site.keeper();
    let mut connection = keeper.connect().unwrap();
    keeper.send(&mut connection, "GET", "/card/7?hold=1&warehouse=HF", None).unwrap();
    until("the application has the request", || site.application.has("/card/7").then_some(()));
    gateway.kill();
    site.application.release();
    keeper.receive_head(&mut connection).unwrap_err();

    // before anybody has taken up what the process left, and afterwards
    for recovered in [false, true] {
        let gateway = recovered.then(|| site.start());
        until("the journal is as it should be", || {
            (!recovered || !site.verify().to_string().contains("crashed")).then_some(())
        });
        site.everything_received_is_on_record();
        let decisions = site.decisions();
        let cards: Vec<_> =
            decisions.iter().filter(|entry| entry.text("route").is_some_and(|route| route == "card")).collect();
        let [card] = cards[..] else { panic!("one decision: {cards:?}") };
        let told = |field| card.text(field).map(std::borrow::Cow::into_owned);
        assert_eq!(told("decision").as_deref(), Some("held"));
        assert_eq!(told("reason").as_deref(), Some("answer-awaited"));
        assert_eq!(told("completion").as_deref(), recovered.then_some("unknown"), "never complete");
        assert_eq!(told("answer_status"), None);
        let (rows, json) = held(&site);
        assert_eq!(json.len(), 1, "{json:?}");
        assert_eq!(json[0]["completion"], if recovered { "unknown".into() } else { serde_json::Value::Null });
        assert!(rows.contains("held") && rows.contains("answer-awaited"), "{rows}");
        assert_eq!(rows.contains("unknown"), recovered, "{rows}");
        if let Some(gateway) = gateway {
            assert_eq!(keeper.get("/card/7?warehouse=HF").unwrap().status, 200);
            assert_eq!(keeper.get("/card/7?warehouse=SH").unwrap().status, 403);
            gateway.stop();
        }
    }
    site.verify();
}
