//! Observe mode: an application is put behind the gateway and nothing changes for anybody, but everything is on record.

use serde_json::json;

use crate::support::house::{House, WMS, tells};

/// The demo with its WMS in observe mode.
fn observing() -> House {
    let house = House::open();
    house.edit("wms.yaml", "dialect: servlet\n", "dialect: servlet\nmode: observe\n");
    house.reload_untested();
    house
}

#[test]
fn what_would_be_refused_is_forwarded_unchanged_and_recorded() {
    let house = observing();
    let mut picker = house.person(WMS, "picker.hf");
    for (target, reason) in [
        ("/wms/stock/list.do?warehouse=SH", "out-of-scope"),
        ("/wms/stock/list.do?warehouse=HF&warehouse=SH", "ambiguous-parameter"),
        ("/wms/stock/list.do?warehouse=SH&debug=%31", "unknown-parameter"),
        ("/wms/order/card.do?action=print&id=10001", "unknown-operation"),
        ("/wms/unheard-of.do?a=b;c", "no-route"),
    ] {
        let seen = picker.get(target);
        assert_eq!(seen.reason(), None, "{target}");
        let received = picker.one();
        assert_eq!(received.target, target);
        tells(&picker.decided(&received), &json!({"decision": "observed", "reason": reason, "subject": "picker.hf"}));
    }
}

#[test]
fn a_form_that_would_be_refused_is_forwarded_byte_for_byte() {
    let house = observing();
    let mut picker = house.person(WMS, "picker.hf");
    let fields = [
        ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
        ("Connection", "x-drop"),
        ("X-Drop", "1"),
    ];
    let body = b"quantity=05&&sku=%41-1001&warehouse=SH&";
    let seen = picker.browser.send("POST", "/wms/stock/adjust.do", &fields, body);
    assert_eq!(seen.reason(), None);
    let received = picker.one();
    assert_eq!(received.body, body);
    assert!(received.field("x-drop").is_empty(), "the hygiene of the head holds all the same");
    tells(&picker.decided(&received), &json!({"decision": "observed", "method": "POST"}));
}

#[test]
fn a_list_is_not_filled_while_observing() {
    let house = observing();
    let mut picker = house.person(WMS, "picker.hf");
    let seen = picker.get("/wms/stock/list.do?warehouse=HF");
    let received = picker.one();
    assert_eq!((seen.status, received.target.as_str()), (200, "/wms/stock/list.do?warehouse=HF"));
    tells(&picker.decided(&received), &json!({"decision": "permit"}));
}

#[test]
fn frozen_people_and_broken_heads_are_refused_while_observing() {
    let house = observing();
    let mut leaver = house.person(WMS, "leaver");
    let seen = leaver.get("/wms/main.do");
    leaver.refused(&seen, 403, "frozen");
    let both = leaver.raw(
        "POST /wms/stock/adjust.do HTTP/1.1",
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "0\r\n\r\n",
    );
    leaver.refused(&both.unwrap(), 400, "malformed-framing");
}
