//! The same stories over HTTP/2: nothing depends on the version that a client speaks.

use serde_json::json;

use crate::support::house::{CRM, House, Person, WMS, tells};
use crate::support::http2;

#[test]
fn fill_and_refusal_are_the_same_over_http2() {
    let house = House::shared();
    let mut keeper = house.person(WMS, "keeper.hf").reading("en");
    let seen = http2::send(&mut keeper.browser, "GET", "/wms/stock/list.do", &[], b"");
    let (_, record) = keeper.permitted(&seen, "GET", "/wms/stock/list.do?warehouse=HF");
    tells(&record, &json!({"protocol": "HTTP/2", "subject": "keeper.hf", "host": "wms.localhost"}));
    let seen = http2::send(&mut keeper.browser, "GET", "/wms/stock/list.do?warehouse=SH", &[], b"");
    keeper.refused(&seen, 403, "out-of-scope");
    Person::reads(&seen, &["This lies outside your area"]);
}

#[test]
fn sign_in_and_forms_work_over_http2() {
    let house = House::shared();
    let mut keeper = house.visitor(WMS);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!("username=keeper.hf&password={}", scopegate::demo::data::PASSWORD);
    let seen = http2::send(&mut keeper.browser, "POST", "/wms/login.do", &form, body.as_bytes());
    assert_eq!((seen.status, seen.field("location")), (302, Some("/wms/main.do")));
    keeper.received();
    let body = b"warehouse=HF&sku=A-1001&quantity=300";
    let seen = http2::send(&mut keeper.browser, "POST", "/wms/stock/adjust.do", &form, body);
    let (received, _) = keeper.permitted(&seen, "POST", "/wms/stock/adjust.do");
    assert_eq!(received.body, body);
}

#[test]
fn several_cookies_in_fields_of_their_own_are_one_field_to_the_application() {
    let house = House::shared();
    let mut rep = house.person(CRM, "sales.north");
    rep.browser.set_cookie("theme", "dark");
    let seen = http2::send(&mut rep.browser, "GET", "/api/customers", &[], b"");
    let (received, _) = rep.permitted(&seen, "GET", "/api/customers?owner=sales.north");
    let cookie = received.field("cookie");
    assert!(cookie.len() == 1 && cookie[0].contains("; theme=dark"), "{cookie:?}");
}

#[test]
fn fields_of_another_hop_and_ambiguous_targets_are_refused_over_http2() {
    let house = House::shared();
    let mut keeper = house.person(WMS, "keeper.hf");
    for target in ["/wms/stock/..%2flist.do", "/wms/stock/list.do;x=1?warehouse=HF", "//wms/stock/list.do"] {
        let seen = http2::send(&mut keeper.browser, "GET", target, &[], b"");
        keeper.refused(&seen, 400, "ambiguous-target");
    }
    let seen = http2::send(&mut keeper.browser, "GET", "/wms/main.do", &[("host", "erp.localhost")], b"");
    keeper.refused(&seen, 421, "host-mismatch");
}
