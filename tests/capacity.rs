//! `benches/load/capacity`, run before the real program: it asks again what is on record and only reads, and its table counts what the
//! application received. Nothing is said of how fast anything is.
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

#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "chaos/application.rs"]
mod application;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "chaos/client.rs"]
mod client;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "chaos/gateway.rs"]
mod gateway;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "chaos/site.rs"]
mod site;

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use gateway::PROGRAM;
use site::{KEEPER, Set, Site};

/// How long anything may take on a busy machine before it counts as never.
const NEVER: Duration = Duration::from_secs(60);

/// Looks until something holds and gives it; the test fails when it never does.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + NEVER;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// A route that removes by GET, as old applications do.
const REMOVE: &str =
    "  - {id: remove, match: GET /remove, permission: 'list:change', scope: {warehouse: ignored}, others: forward}";

fn wanted(path: &str) -> usize {
    match path {
        "/list?warehouse=HF" => 6,
        "/only-a" => 2,
        other => panic!("`{other}` is not what the kit may ask"),
    }
}

#[test]
fn what_is_on_record_and_only_reads_is_asked_again_and_counted() {
    let site = Site::new("");
    site.write_rules(Set::A, REMOVE);
    let gateway = site.start();
    let mut keeper = site.keeper();
    for path in ["/list?warehouse=HF", "/only-a"] {
        for _ in 0..wanted(path) {
            assert_eq!(keeper.get(path).unwrap().status, 200);
        }
    }
    assert_eq!(keeper.get("/remove").unwrap().status, 200);
    assert_eq!(keeper.get("/list?warehouse=SH").unwrap().reason(), Some("out-of-scope"));
    assert_eq!(keeper.post("/change", "warehouse=HF&n=1").unwrap().status, 200);
    until("all is on record", || (site.decisions().len() == 12).then_some(()));
    let before = site.application.count();

    let people = site.path("people.json");
    std::fs::write(&people, format!(r#"{{"{KEEPER}": {{"Cookie": "SID=00000000-{KEEPER}"}}}}"#)).unwrap();
    let authority = base64::engine::general_purpose::STANDARD.encode(&site.authority);
    let authority = format!("-----BEGIN CERTIFICATE-----\n{authority}\n-----END CERTIFICATE-----\n");
    std::fs::write(site.path("authority.pem"), authority).unwrap();
    let told = site.path("capacity.json");
    let output = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/load/capacity"))
        .arg(format!("https://{}", site.address))
        .args(["--scopegate", PROGRAM, "--metrics", &format!("http://{}/metrics", site.admin)])
        .arg("--journal")
        .arg(site.journal())
        .arg("--routes")
        .arg(site.path("routes"))
        .arg("--as")
        .arg(&people)
        .arg("--ca")
        .arg(site.path("authority.pem"))
        .arg("--json")
        .arg(&told)
        // as many as it may ask come to be asked however slow the machine is
        .args(["--rate", "100", "--factor", "2", "--seconds", "1", "--grace", "60", "--p99", "60000"])
        .args(["--max-requests", "300", "--processes", "2", "--connections", "4"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));

    let told: serde_json::Value = serde_json::from_slice(&std::fs::read(&told).unwrap()).unwrap();
    let number = |value: &serde_json::Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let steps = told["steps"].as_array().unwrap();
    let mut answers: BTreeMap<&str, usize> = BTreeMap::new();
    for step in steps {
        assert_eq!((number(&step["unanswered"]), number(&step["not_as_recorded"])), (0, 0), "{step}\n{text}");
        assert!(step["cores"].as_f64().unwrap() > 0.0 && step["request_us"].as_f64().unwrap() > 0.0, "{step}");
        for (status, count) in step["statuses"].as_object().unwrap() {
            *answers.entry(status).or_default() += number(count);
            assert!(text.contains(&format!("{count} x {status}")), "{text}");
        }
    }
    let (sent, first) = (number(&told["sent"]), number(&told["first"]));
    let received = site.application.received().split_off(before);
    assert_eq!(received.len(), sent, "{text}");
    assert_eq!(answers, BTreeMap::from([("200", sent - first)]), "{text}");
    assert!(first == 1 && sent > 50 && sent - first <= 300, "{text}");
    let mut asked: BTreeMap<&str, usize> = BTreeMap::new();
    for one in &received {
        wanted(&one.target);
        *asked.entry(&one.target).or_default() += 1;
    }
    assert!(asked["/list?warehouse=HF"] > asked["/only-a"], "{asked:?}");
    let left_out = told["left_out"].as_object().unwrap();
    let left_out =
        |why: &str| left_out.iter().filter(|(said, _)| said.contains(why)).map(|(_, n)| number(n)).sum::<usize>();
    assert_eq!((left_out("changes something"), left_out("was refused")), (3, 1), "{text}");
    site.everything_received_is_on_record();
    gateway.stop();
}
