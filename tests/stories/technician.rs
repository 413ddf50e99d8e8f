//! A technician: sees all stock and touches nothing.

use serde_json::json;

use crate::support::house::{House, WMS, tells};

#[test]
fn a_technician_sees_stock_everywhere_and_no_orders() {
    let house = House::shared();
    let mut technician = house.person(WMS, "technician");
    for target in ["/wms/stock/list.do", "/wms/stock/list.do?warehouse=GZ"] {
        let seen = technician.get(target);
        let (_, record) = technician.permitted(&seen, "GET", target);
        tells(&record, &json!({"role": "technician", "permission": "stock:view"}));
    }
    for target in ["/wms/order/list.do", "/wms/order/card.do?id=10001&warehouse=HF"] {
        let seen = technician.get(target);
        tells(&technician.refused(&seen, 403, "not-granted"), &json!({"permission": "order:view"}));
    }
}

#[test]
fn head_is_judged_as_get() {
    let house = House::shared();
    let mut technician = house.person(WMS, "technician");
    let seen = technician.browser.send("HEAD", "/wms/stock/list.do?warehouse=SH", &[], b"");
    technician.permitted(&seen, "HEAD", "/wms/stock/list.do?warehouse=SH");
    assert!(seen.status == 200 && seen.body.is_empty());
    let seen = technician.browser.send("HEAD", "/wms/order/list.do", &[], b"");
    technician.refused(&seen, 403, "not-granted");
    assert!(seen.body.is_empty());
}

#[test]
fn a_method_or_page_that_no_rule_names_is_refused() {
    let house = House::shared();
    let mut technician = house.person(WMS, "technician");
    for method in ["DELETE", "PUT", "PATCH", "OPTIONS", "PROPFIND"] {
        let seen = technician.browser.send(method, "/wms/stock/list.do?warehouse=SH", &[], b"");
        technician.refused(&seen, 405, "method-not-listed");
    }
    // Methods are told apart by letter case (RFC 9110 section 9.1), and servers that are careless about it exist.
    for method in ["get", "TRACE", "CONNECT"] {
        let seen = technician.browser.send(method, "/wms/stock/list.do?warehouse=SH", &[], b"");
        technician.refused(&seen, 405, "method-refused");
    }
    for page in ["/wms/admin.do", "/wms/stock/list", "/wms/stock/list.do/x", "/WMS/stock/list.do", "/manager/html"] {
        let seen = technician.get(page);
        technician.refused(&seen, 403, "no-route");
    }
}
