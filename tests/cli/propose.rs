//! `audit propose`: from an application that is observed to the rules that are missing, by the names in the journal alone.

use scopegate::audit::filter::Entry;
use scopegate::audit::propose::Proposal;
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

/// Every place that a record can name, in a route whose body is of its kind.
const PLACES: [(&str, &str, &[&str], &str); 9] = [
    ("form", "query", &["debug", "order by"], "form"),
    ("form", "form", &["debug", "仓库[]"], "form"),
    ("form", "json-in.form", &["jsonStr/head/no", "jsonStr/rows/*/sku"], "form"),
    ("form", "json-in.query", &["q/a~1b"], "form"),
    ("multipart", "multipart", &["note"], "multipart"),
    ("json", "json", &["/a b", "/items/*/id"], "json"),
    ("soap", "soap", &["operation", "/warehouse", "/line/@id"], "soap"),
    ("xml", "xml", &["/order/@id", "/order/warehouse"], "xml"),
    ("rpc", "rpc", &["method", "/0"], "json-rpc"),
];

#[test]
fn whatever_place_a_parameter_stands_in_the_check_takes_what_is_proposed_for_it() {
    let mut records: std::collections::BTreeMap<&str, serde_json::Value> = std::collections::BTreeMap::new();
    for (route, place, names, _) in PLACES {
        records.entry(route).or_insert_with(|| json!({}))[place] = json!(names);
    }
    records.get_mut("soap").unwrap()["soap"].as_array_mut().unwrap().push("Header/Security".into());
    records.get_mut("xml").unwrap()["xml"].as_array_mut().unwrap().push("/order/text()".into());
    let mut proposal = Proposal::default();
    for (route, unnamed) in &records {
        let line = json!({
            "kind": "decision", "time": "2026-11-21T22:11:07.000001Z", "app": "a", "route": route,
            "decision": "observed", "reason": "unknown-parameter", "unnamed": unnamed,
        });
        proposal.add(&Entry::read(line.to_string().as_bytes(), "run").unwrap());
    }
    let text = proposal.finish().to_string();
    for name in ["Header/Security", "/order/text()"] {
        assert!(text.contains(&format!("# no rule can name `{name}`")), "{text}");
    }
    let mut rules = "app: a\nhosts: [a.test]\nupstream: {url: \"http://127.0.0.1:1\"}\nroutes:\n".to_owned();
    for (route, kind) in
        PLACES.iter().map(|(route, _, _, kind)| (*route, *kind)).collect::<std::collections::BTreeSet<_>>()
    {
        let (_, part) = text.split_once(&format!("# `{route}`: 1 request had")).unwrap();
        let part = part.split_once("#    params:").unwrap().1.split_once("#  or, where none").unwrap().0;
        let params: String = part.lines().filter_map(|line| Some(format!("{}\n", line.strip_prefix('#')?))).collect();
        rules += &format!(
            "  - id: {route}\n    match: POST /{route}\n    public: true\n    body: {{accept: [{kind}]}}\n    params:\n{params}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yaml"), &rules).unwrap();
    for (name, empty) in [("roles.yaml", "permissions: {}\nroles: {}\n"), ("people.yaml", "people: {}\n")] {
        std::fs::write(folder.path().join(name), empty).unwrap();
    }
    scopegate(&["check", "--routes", folder.path().to_str().unwrap()]).says(0, &["0 errors"]);
    let wanted: usize = PLACES.iter().map(|(_, _, names, _)| names.len()).sum();
    assert_eq!(rules.matches("{at: ").count(), wanted, "{rules}");
}
