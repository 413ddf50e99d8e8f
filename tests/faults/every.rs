//! Every fault, over both versions of HTTP, at the same time and through the same pool of connections.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::application::{self, Scripts};
use super::asking::{Got, http1, http2};
use super::script::{Fault, Makes, all};
use crate::browser::Browser;
use crate::world::World;

const ROUTES: &str = "
routes:
  - {id: fault, match: 'GET /f/{script}', public: true}
  - {id: change, match: 'POST /f/{script}', public: true}
  - {id: echo, match: 'GET /echo/{text}', public: true}
";

/// A gateway before the scripted application.
fn world(faults: &[Fault]) -> World {
    let scripts: Scripts = Arc::new(faults.iter().map(|fault| (fault.name, fault.steps.clone())).collect());
    let upstream = application::start(&scripts);
    World::with(ROUTES, |settings| {
        let app = format!(
            "app: wms\nhosts: [wms.test]\nupstream: {{url: 'http://{upstream}', answer-timeout: 4s, body-timeout: 4s, eject: {{failures: 0}}}}{ROUTES}"
        );
        std::fs::write(settings.routes.join("wms.yaml"), app).unwrap();
    })
}

/// What is wrong with what came of a fault, if anything.
fn judge(fault: &Fault, got: &Got) -> Option<String> {
    let fits = match fault.makes {
        Makes::Refusal(reason) => {
            let status = scopegate::model::Reason::parse(reason).unwrap().status();
            got.whole && got.status == status && got.reason.as_deref() == Some(reason)
        }
        Makes::Cut => !got.whole,
        Makes::Whole(status, body) => {
            got.whole && got.reason.is_none() && (got.status, &got.body[..]) == (status, body.as_bytes())
        }
    };
    let stolen = got.body.windows(4).any(|part| part == b"evil");
    (!fits || stolen).then(|| {
        let text = String::from_utf8_lossy(&got.body).chars().take(300).collect::<String>();
        format!(
            "{}: {} {:?} whole={} {text:?}, wanted {:?}",
            fault.name, got.status, got.reason, got.whole, fault.makes
        )
    })
}

/// Asks `count` questions of `ask` from several threads at once.
fn crowd<T: Send>(count: usize, ask: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let work = || {
            let mut answers = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return answers;
                }
                answers.push(ask(number));
            }
        };
        let threads: Vec<_> = (0..24).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// Each version of HTTP by its name.
type Ask = fn(&Browser, &str, &str) -> Got;
const VERSIONS: [(&str, Ask); 2] = [("h1", http1), ("h2", http2)];

#[test]
fn whatever_an_application_does_nobody_gets_anything_but_an_answer_of_his_own_a_refusal_or_a_cut() {
    let faults = all();
    assert!(faults.len() >= 100, "{}", faults.len());
    let world = world(&faults);
    let wrong: Vec<String> = crowd(faults.len() * 2, |number| {
        let (fault, (version, ask)) = (&faults[number / 2], VERSIONS[number % 2]);
        let browser = world.anybody();
        let got = ask(&browser, fault.method, &format!("/f/{}?over={version}", fault.name));
        let mut wrong: Vec<String> = judge(fault, &got).map(|what| format!("{version} {what}")).into_iter().collect();
        // what lies in the pool now answers these, or nobody
        for turn in 0..3 {
            let text = format!("{version}-{}-{turn}", fault.name);
            let echo = ask(&browser, "GET", &format!("/echo/{text}"));
            if (echo.status, &echo.body[..]) != (200, text.as_bytes()) {
                wrong.push(format!("{text} got {echo:?}"));
            }
        }
        wrong
    })
    .concat();
    let records = world.end();
    assert!(wrong.is_empty(), "{wrong:#?}");
    told(&records, &faults);
}

/// The record says of each fault what happened.
fn told(records: &[Value], faults: &[Fault]) {
    let by_request = |kind: &str| -> HashMap<&str, &Value> {
        let of_kind = records.iter().filter(|record| record["kind"] == kind);
        of_kind.map(|record| (record["request"].as_str().unwrap(), record)).collect()
    };
    let (decisions, outcomes) = (by_request("decision"), by_request("outcome"));
    let mut wrong = Vec::new();
    for fault in faults {
        for (version, _) in VERSIONS {
            let target = format!("/f/{}?over={version}", fault.name);
            let mine: Vec<_> = decisions.iter().filter(|(_, decision)| decision["target"] == target.as_str()).collect();
            assert_eq!(mine.len(), 1, "{target}");
            let outcome = outcomes[mine[0].0];
            let (completion, late) = (outcome["completion"].as_str(), outcome["late_reason"].as_str());
            let fits = match fault.makes {
                Makes::Refusal(reason) => (completion, late) == (Some("complete"), Some(reason)),
                Makes::Cut => matches!(
                    (completion, late),
                    (Some("upstream-aborted"), Some("upstream-protocol"))
                        | (Some("timed-out"), Some("upstream-timeout"))
                ),
                Makes::Whole(..) => (completion, late) == (Some("complete"), None),
            };
            if !fits {
                wrong.push(format!("{target}: {outcome}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
