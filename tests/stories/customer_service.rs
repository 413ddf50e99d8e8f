//! Customer service: two sales channels; refunds and customers, nothing of the stores.

use serde_json::json;

use crate::support::house::{CRM, ERP, House, Person, tells};

const REFUND: &str = "/erp/index.php?module=order&action=refund";

#[test]
fn service_refunds_on_its_own_channels_only() {
    let house = House::shared();
    let mut service = house.person(ERP, "service");
    let seen = service.post(REFUND, &[("id", "10002"), ("amount", "80.50"), ("channel", "jd")]);
    let (received, record) = service.permitted(&seen, "POST", REFUND);
    assert_eq!(received.body, b"id=10002&amount=80.50&channel=jd");
    tells(&record, &json!({"role": "customer-service", "scope": {"channel": ["jd"]}}));
    let seen = service.post(REFUND, &[("id", "10004"), ("amount", "80.50"), ("channel", "store")]);
    service.refused(&seen, 403, "out-of-scope");
    let seen = service.post(REFUND, &[("id", "10004"), ("amount", "80.50")]);
    service.refused(&seen, 403, "scope-missing");
}

#[test]
fn service_names_the_channel_of_a_list() {
    let house = House::shared();
    let mut service = house.person(ERP, "service").reading("zh-CN");
    let seen = service.get("/erp/index.php?module=order&action=list");
    service.refused(&seen, 400, "scope-ambiguous");
    Person::reads(&seen, &["请指明具体范围"]);
    // Every warehouse may be seen, so none is filled in; the empty choice of the form is taken out.
    let seen = service.get("/erp/index.php?module=order&action=list&warehouse=&channel=jd");
    let (_, record) = service.permitted(&seen, "GET", "/erp/index.php?module=order&action=list&channel=jd");
    assert!(!String::from_utf8_lossy(&seen.body).contains("10001"), "an order of another channel");
    tells(&record, &json!({"permission": "order:view", "scope": {"warehouse": ["*"], "channel": ["jd"]}}));
}

#[test]
fn service_deletes_no_order() {
    let house = House::shared();
    let mut service = house.person(ERP, "service");
    let seen = service.get("/erp/index.php?module=order&action=delete&id=10002&warehouse=HF&channel=jd");
    tells(&service.refused(&seen, 403, "not-granted"), &json!({"permission": "order:delete"}));
}

#[test]
fn service_sees_every_customer_and_changes_none() {
    let house = House::shared();
    let mut service = house.person(CRM, "service");
    let seen = service.get("/api/customers");
    service.permitted(&seen, "GET", "/api/customers");
    assert_eq!(seen.json()["total"], 4);
    let body = json!({"id": "C-01", "owner": "sales.north", "phone": "1234"});
    let seen = service.browser.json("PUT", "/api/customers", &body);
    service.refused(&seen, 403, "not-granted");
}
