//! `explain`: how a request is decided, also one that is on record.

use crate::support::house::{House, WMS};
use crate::{Ran, scopegate};

fn explain(arguments: &[&str]) -> Ran {
    scopegate(&[&["explain", "--rules", "routes/demo"], arguments].concat())
}

#[test]
fn every_step_of_a_decision_is_told_and_the_exit_code_is_the_decision() {
    let url = "https://wms.localhost/wms/stock/list.do?warehouse=SH";
    explain(&["--as", "keeper.hf", "GET", url])
        .says(1, &["refuse: out-of-scope (status 403)", "wms.stock.list", "stock:view", "`SH` lies in no box"]);
    explain(&["--as", "keeper.hf", "https://wms.localhost/wms/stock/list.do"]).says(
        0,
        &[
            "permit: granted (status 200)",
            "forwarded  GET /wms/stock/list.do?warehouse=HF",
            "query warehouse was filled: `HF`",
        ],
    );
    let json = explain(&["--as", "keeper.hf", url, "--format", "json"]);
    let told = json.says(1, &[]).json();
    assert_eq!((&told["decision"], &told["reason"]), (&"refuse".into(), &"out-of-scope".into()));
    assert!(told["route"].as_str().unwrap().starts_with("wms.stock.list (routes/demo/wms.yaml:"), "{told}");
    let form = [
        "--as",
        "keeper.hf",
        "https://wms.localhost/wms/stock/adjust.do",
        "--form",
        "warehouse=HF",
        "--form",
        "sku=A-1001",
        "--form",
        "quantity=3",
    ];
    explain(&form).says(0, &["permit: granted", "stock:adjust"]);
    let late = ["--as", "temp.summer", "--at", "2025-08-01T00:00:00Z", "https://wms.localhost/wms/main.do"];
    explain(&late).says(0, &["permit: granted"]);
    explain(&["https://nobody.test/"]).says(1, &["unknown-host"]);
}

#[test]
fn what_cannot_be_read_is_told() {
    explain(&["nonsense"]).says(1, &["`nonsense` is not an address: write `https://host/path`"]);
    explain(&["https://wms.localhost/", "--at", "noon"]).fails(&["`noon` is not a time such as"]);
    explain(&["https://wms.localhost/", "--form", "x"]).fails(&["`x` is not of the form NAME=VALUE"]);
    explain(&["https://wms.localhost/", "--device", "toaster"]).fails(&["`toaster` is not a kind of device"]);
    explain(&["https://wms.localhost/", "--form", "a=b", "--json", "{}"]).fails(&["cannot be used with"]);
    explain(&["--journal", "nowhere", "0123456789abcdef00000001"]).fails(&["the journal in nowhere"]);
    scopegate(&["explain", "--rules", "nowhere", "https://a.test/"]).says(2, &["this folder cannot be read"]);
}

#[test]
fn a_request_on_record_is_explained_by_its_number() {
    let house = House::shared();
    let mut keeper = house.person(WMS, "keeper.hf");
    let (journal, rules) = (house.demo.folder.join("journal"), house.demo.folder.join("routes"));
    let recorded = |seen: &crate::support::browser::Seen, more: &[&str]| {
        let id = seen.field("x-request-id").unwrap().to_owned();
        let folders = ["explain", "--journal", journal.to_str().unwrap(), "--rules", rules.to_str().unwrap(), &id];
        scopegate(&[&folders, more].concat())
    };
    let seen = keeper.get("/wms/stock/list.do?warehouse=SH");
    recorded(&seen, &[]).says(
        1,
        &[
            "recorded as refuse (out-of-scope) by rules ",
            "refuse: out-of-scope (status 403)",
            "explained by the rules and people of now",
        ],
    );
    let json = recorded(&seen, &["--format", "json"]);
    assert_eq!(json.says(1, &[]).json()["reason"], "out-of-scope");
    recorded(&seen, &["--as", "lead"]).says(0, &["permit: granted"]);
    let unknown = [
        "explain",
        "--journal",
        journal.to_str().unwrap(),
        "--rules",
        rules.to_str().unwrap(),
        "0123456789abcdef00000001",
    ];
    scopegate(&unknown).fails(&["has no request 0123456789abcdef00000001"]);
}

#[test]
fn what_a_lookup_finds_is_given_and_what_it_found_is_taken_from_the_journal() {
    let url = "https://wms.localhost/wms/order/card.do?id=10003";
    let asked = |fact: &[&str]| explain(&[&["--as", "keeper.hf", url], fact].concat());
    asked(&[]).says(1, &["lookup-failed", "nothing is known of it", "--fact order-warehouse:10003="]);
    asked(&["--fact", "order-warehouse:10003=HF"]).says(0, &["permit: granted", "order-warehouse"]);
    asked(&["--fact", "order-warehouse:10003=SH"]).says(1, &["out-of-scope"]);
    asked(&["--fact", "order-warehouse:10003=unknown"]).says(1, &["object-unknown"]);
    // the first that is given of an object counts
    asked(&["--fact", "order-warehouse:10003=SH", "--fact", "order-warehouse:10003=HF"]).says(1, &["out-of-scope"]);
    asked(&["--fact", "order:10003=HF"]).fails(&["`order` is no lookup of wms"]);
    asked(&["--fact", "order-warehouse:10003=HF,web"]).fails(&["`order-warehouse` finds 1 of an object", "=VALUE"]);
    asked(&["--fact", "order-warehouse=HF"]).fails(&["is not of the form LOOKUP:KEY=VALUE"]);

    let house = House::shared();
    let mut keeper = house.person(WMS, "keeper.hf");
    let (journal, rules) = (house.demo.folder.join("journal"), house.demo.folder.join("routes"));
    let seen = keeper.get("/wms/order/card.do?id=10003");
    let id = seen.field("x-request-id").unwrap();
    let folders = ["explain", "--journal", journal.to_str().unwrap(), "--rules", rules.to_str().unwrap(), id];
    scopegate(&folders).says(1, &["recorded as refuse (out-of-scope)", "refuse: out-of-scope", "`SH`"]);
    scopegate(&[&folders[..], &["--fact", "order-warehouse:10003=HF"]].concat()).says(0, &["permit: granted"]);
}
