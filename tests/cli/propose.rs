//! `audit propose`: from an application that is observed to the rules that are missing, by the names in the journal alone.

use serde_json::json;

use crate::support::house::{House, WMS, tells};
use crate::{Ran, scopegate};

fn propose(house: &House, more: &[&str]) -> Ran {
    let journal = house.demo.folder.join("journal");
    scopegate(&[&["audit", "propose", "--journal", journal.to_str().unwrap()], more].concat())
}

#[test]
fn what_is_observed_becomes_rules_that_can_be_looked_through_and_used() {
    let house = House::open();
    house.edit("wms.yaml", "dialect: servlet\n", "dialect: servlet\nmode: observe\n");
    house.reload_untested();
    let mut picker = house.person(WMS, "picker.hf");
    for target in [
        "/wms/stock/list.do?warehouse=HF&debug=s3cret&order%20by=s3cret",
        "/wms/stock/list.do?warehouse=HF&debug=s3cret",
        "/wms/item/10001?view=s3cret",
        "/wms/item/10002",
        "/wms/report/2025-10-01.html",
        "/static/a.css",
        "/static/lib/b.js?v=s3cret",
    ] {
        picker.get(target);
    }
    let seen = picker.post("/wms/item/10003", &[("quantity", "s3cret")]);
    assert_eq!(seen.reason(), None);
    let first = &picker.received()[0];
    let record = picker.decided(first);
    tells(
        &record,
        &json!({"decision": "observed", "reason": "unknown-parameter", "unnamed": {"query": ["debug", "order by"]}}),
    );

    let yaml = propose(&house, &[]);
    yaml.says(0, &[
        "# wms\n",
        "# `wms.stock.list`: 2 requests had parameters that it does not name",
        "#      debug: {at: {query: debug}, type: text}  # 2\n",
        "#      \"order by\": {at: {query: \"order by\"}, type: text}  # 1\n",
        "  - id: wms.item.one  # 3 requests\n    match: \"GET|POST /wms/item/{id:int}\"\n    permission: item:change\n",
        "      view: {at: {query: view}, type: text}\n",
        "    match: \"GET /wms/report/{id:date}.html\"\n    permission: report:view\n",
        "  - id: static.files  # 2 requests\n    match: \"GET /static/**\"\n    public: true\n    assets: [css, js]\n",
    ]);
    assert!(!yaml.out.contains("s3cret"), "{}", yaml.out);
    let document = propose(&house, &["--format", "json", "--app", "wms"]).says(0, &[]).json();
    assert_eq!(
        document["apps"]["wms"]["parameters"]["wms.stock.list"],
        json!({"requests": 2, "names": [
            {"place": "query", "name": "debug", "requests": 2}, {"place": "query", "name": "order by", "requests": 1},
        ]})
    );
    assert_eq!(document["apps"]["wms"]["routes"].as_array().unwrap().len(), 3, "{document}");
    propose(&house, &["--app", "erp"]).says(0, &["# nothing is missing in what was recorded"]);

    // What was printed goes into the files as it is, once there are such permissions.
    let (_, routes) = yaml.out.split_once("\nroutes:\n").unwrap();
    let file = house.rules("wms.yaml");
    let rules = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{rules}{routes}")).unwrap();
    house.edit("roles.yaml", "permissions:\n", "permissions:\n  item:change: {}\n  report:view: {effect: none}\n");
    house.reload_untested();
    for (target, reason) in [
        ("/wms/item/10001?view=full", "not-granted"),
        ("/wms/report/2025-10-02.html", "not-granted"),
        ("/static/a.css", "public"),
    ] {
        let seen = picker.get(target);
        let received = picker.received();
        assert_eq!(received.len(), 1, "{target}: {seen:?}");
        tells(&picker.decided(&received[0]), &json!({"reason": reason}));
    }
}

#[test]
fn what_is_missing_is_proposed_before_anybody_has_written_down_who_there_is() {
    let house = House::open();
    house.edit("wms.yaml", "dialect: servlet\n", "dialect: servlet\nmode: observe\n");
    house.reload_untested();
    let mut visitor = house.person(WMS, "visitor");
    for target in ["/wms/item/10001", "/wms/stock/list.do?warehouse=HF"] {
        assert_eq!(visitor.get(target).reason(), None);
    }
    let received = visitor.received()[1].clone();
    let record = visitor.decided(&received);
    tells(&record, &json!({"decision": "observed", "reason": "unknown-subject", "route": "wms.stock.list"}));
    let yaml = propose(&house, &[]);
    yaml.says(0, &["match: \"GET /wms/item/{id:int}\""]);
    assert!(!yaml.out.contains("list.do"), "{}", yaml.out);
}

#[test]
fn what_was_refused_is_proposed_only_when_that_is_asked_for() {
    let house = House::open();
    let mut keeper = house.person(WMS, "keeper.hf");
    keeper.get("/wms/unheard-of.do");
    propose(&house, &[]).says(0, &["# nothing is missing"]);
    propose(&house, &["--refused"]).says(0, &["match: \"GET /wms/unheard-of.do\""]);
}
