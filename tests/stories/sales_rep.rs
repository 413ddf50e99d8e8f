//! A sales representative: the own customers, by query and by JSON body.

use serde_json::json;

use crate::support::house::{CRM, House, tells};

const JSON: [(&str, &str); 1] = [("Content-Type", "application/json")];

#[test]
fn a_rep_sees_the_own_customers() {
    let house = House::shared();
    let mut rep = house.person(CRM, "sales.north");
    let seen = rep.get("/api/customers");
    let (received, record) = rep.permitted(&seen, "GET", "/api/customers?owner=sales.north");
    assert_eq!(seen.json()["total"], 2);
    assert_eq!(received.field("x-remote-user"), ["sales.north"]);
    tells(&record, &json!({"scope": {"owner": ["sales.north"]}, "filled": {"query owner": ["sales.north"]}}));
    let seen = rep.get("/api/customers?owner=sales.south");
    rep.refused(&seen, 403, "out-of-scope");
}

#[test]
fn a_rep_changes_what_the_body_says_is_their_own() {
    let house = House::shared();
    let mut rep = house.person(CRM, "sales.north");
    let body = json!({"id": "C-01", "owner": "sales.north", "phone": "0551-555-0101"});
    let seen = rep.browser.json("PUT", "/api/customers", &body);
    let (received, record) = rep.permitted(&seen, "PUT", "/api/customers");
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&received.body).unwrap(), body);
    assert_eq!(received.field("content-type"), ["application/json"]);
    tells(&record, &json!({"permission": "customer:modify", "scope": {"owner": ["sales.north"]}}));

    let seen = rep.browser.json("PUT", "/api/customers", &json!({"id": "C-01", "owner": "sales.south"}));
    rep.refused(&seen, 403, "out-of-scope");
    let seen = rep.browser.json("PUT", "/api/customers", &json!({"id": "C-01"}));
    rep.refused(&seen, 403, "scope-missing");
}

#[test]
fn a_body_with_two_owners_is_refused() {
    let house = House::shared();
    let mut rep = house.person(CRM, "sales.north");
    for body in [
        r#"{"id":"C-01","owner":"sales.north","owner":"sales.south"}"#,
        r#"{"id":"C-01","owner":"sales.south","\u006fwner":"sales.north"}"#,
    ] {
        let seen = rep.browser.send("PUT", "/api/customers", &JSON, body.as_bytes());
        assert_eq!(seen.status, 400, "{body}: {}", seen.text());
        assert!(rep.received().is_empty(), "{body}");
    }
}

#[test]
fn a_body_is_forwarded_as_it_was_judged() {
    let house = House::shared();
    let mut rep = house.person(CRM, "sales.north");
    let body = "{ \"id\" : \"C-0\\u0031\",\n \"own\\u0065r\": \"sales.north\" }";
    let seen = rep.browser.send("PUT", "/api/customers", &JSON, body.as_bytes());
    let (received, _) = rep.permitted(&seen, "PUT", "/api/customers");
    let read: serde_json::Value = serde_json::from_slice(&received.body).unwrap();
    assert_eq!(read, json!({"id": "C-01", "owner": "sales.north"}));
    assert!(!received.body.contains(&b'\\'), "written again from what was judged: {:?}", received.body);
}

#[test]
fn another_content_type_or_coding_is_refused() {
    let house = House::shared();
    let mut rep = house.person(CRM, "sales.north");
    let body = br#"{"id":"C-01","owner":"sales.north"}"#;
    for (fields, reason) in [
        (&[("Content-Type", "text/plain")][..], "content-type-refused"),
        (&[], "content-type-refused"),
        (&[("Content-Type", "application/json; charset=utf-16")], "content-type-refused"),
        (&[("Content-Type", "application/json"), ("Content-Encoding", "gzip")], "content-encoding-refused"),
    ] {
        let seen = rep.browser.send("PUT", "/api/customers", fields, body);
        rep.refused(&seen, 415, reason);
    }
    let seen = rep.browser.send("PUT", "/api/customers", &JSON, b"{\"id\":\"C-01\",\"owner\":\"sales.north\"} {}");
    rep.refused(&seen, 400, "malformed-body");
}

#[test]
fn a_rep_has_no_stock() {
    let house = House::shared();
    let mut rep = house.person(crate::support::house::WMS, "sales.north");
    let seen = rep.get("/wms/stock/list.do?warehouse=HF");
    rep.refused(&seen, 403, "not-granted");
    let seen = rep.get("/wms/order/list.do?warehouse=HF");
    rep.permitted(&seen, "GET", "/wms/order/list.do?warehouse=HF");
}
