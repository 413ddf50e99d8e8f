//! `audit`: the journal of a gateway that runs, read by another process.

use std::path::{Path, PathBuf};

use crate::support::house::{House, WMS};
use crate::{Ran, scopegate};

fn audit(journal: &Path, arguments: &[&str]) -> Ran {
    let (command, more) = arguments.split_first().unwrap();
    scopegate(&[&["audit", command, "--journal", journal.to_str().unwrap()], more].concat())
}

fn lines(ran: &Ran) -> Vec<serde_json::Value> {
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_refusal_is_found_by_what_was_asked_for() {
    let house = House::shared();
    let journal = house.demo.folder.join("journal");
    let mut keeper = house.person(WMS, "keeper.hf");
    let id = |seen: &crate::support::browser::Seen| seen.field("x-request-id").unwrap().to_owned();
    let refused = id(&keeper.get("/wms/stock/list.do?warehouse=WH"));
    let found = audit(&journal, &["query", "--where", "scope.warehouse=WH", "--format", "json"]);
    let found = lines(found.says(0, &[]));
    assert!(
        found.iter().any(|record| record["request"] == *refused && record["reason"] == "out-of-scope"),
        "{found:?}"
    );
    assert!(found.iter().all(|record| record["scope"]["warehouse"] == serde_json::json!(["WH"])), "{found:?}");
    let text = audit(&journal, &["query", "--request", &refused]);
    text.says(0, &["time (UTC)", "refuse", "out-of-scope", "keeper.hf", "/wms/stock/list.do?warehouse=WH"]);
    keeper.get("/wms/stock/list.do?warehouse=HF");
    let newest = audit(
        &journal,
        &[
            "query",
            "--subject",
            "keeper.hf",
            "--decision",
            "permit",
            "--since",
            "1h",
            "--limit",
            "1",
            "--format",
            "json",
        ],
    );
    assert_eq!(lines(newest.says(0, &[])).len(), 1);
    let admin = audit(&journal, &["query", "--kind", "admin", "--order", "oldest", "--limit", "1", "--format", "json"]);
    assert_eq!(lines(admin.says(0, &[]))[0]["action"], "start");
    let tail = audit(&journal, &["tail", "-n", "3", "--where", "subject=keeper.*", "--format", "json"]);
    assert_eq!(lines(tail.says(0, &[])).len(), 3);
    audit(&journal, &["tail", "-n", "1"]).says(0, &["time (UTC)"]);
}

#[test]
fn what_cannot_be_asked_or_read_is_told() {
    let nowhere = Path::new("nowhere");
    for command in ["verify", "tail", "query", "propose"] {
        audit(nowhere, &[command]).fails(&["`nowhere`"]);
    }
    let here = Path::new(".");
    audit(here, &["query", "--where", "nonsense"]).fails(&["nonsense"]);
    audit(here, &["query", "--since", "yesterday-ish"]).fails(&["how long ago"]);
    audit(here, &["query", "--decision"]).fails(&["--decision"]);
}

/// The segment that holds this text.
fn segment_with(journal: &Path, text: &str) -> PathBuf {
    let mut folders = vec![journal.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path).is_ok_and(|held| held.contains(text)) {
                found.push(path);
            }
        }
    }
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn verify_says_whether_the_journal_is_whole_and_where_it_is_not() {
    let house = House::open();
    let mut keeper = house.person(WMS, "keeper.hf");
    keeper.get("/wms/stock/list.do?warehouse=SH");
    let journal = house.demo.folder.join("journal");
    audit(&journal, &["verify"]).says(0, &["being written", "the journal is sound", "not shown: "]);
    let json = audit(&journal, &["verify", "--format", "json"]).says(0, &[]).json();
    assert_eq!(json["faults"], serde_json::json!([]));
    audit(&journal, &["verify", "--public-key", "nowhere.pub"]).fails(&["nowhere.pub"]);
    audit(&journal, &["verify", "--anchor", "Cargo.toml"]).fails(&["`Cargo.toml` holds no checkpoints"]);
    let segment = segment_with(&journal, "warehouse=SH");
    let text = std::fs::read_to_string(&segment).unwrap();
    std::fs::write(&segment, text.replacen("warehouse=SH", "warehouse=HF", 1)).unwrap();
    audit(&journal, &["verify"])
        .says(1, &["fault: ", "expected the hash", "the journal has been altered or damaged: 1 fault"]);
    let json = audit(&journal, &["verify", "--format", "json"]).says(1, &[]).json();
    assert!(json["faults"][0]["line"].as_u64().unwrap() > 1, "{json}");
}
