//! The front desk: looks up customers, and no more.

use serde_json::json;

use crate::support::house::{CRM, ERP, House, Person, tells};

#[test]
fn the_front_desk_looks_up_customers() {
    let house = House::shared();
    let mut desk = house.person(CRM, "frontdesk");
    let seen = desk.get("/api/customers?owner=sales.south");
    let (received, record) = desk.permitted(&seen, "GET", "/api/customers?owner=sales.south");
    // A telephone number is shown in part, and what people spend not at all.
    let items = json!([
        {"id": "C-02", "name": "南山书店 South Hill Books", "owner": "sales.south", "phone": "****0102"},
        {"id": "C-04", "name": "老街茶馆 Old Street Tea House", "owner": "sales.south", "phone": "****0104"},
    ]);
    assert_eq!(seen.json(), json!({"total": 2, "items": items}));
    assert_eq!(received.field("x-remote-user"), ["frontdesk"]);
    assert_eq!(received.field("x-remote-roles"), ["front-desk"]);
    let obligations = ["rows:owner", "mask:customer:contact", "mask:customer:spending"];
    tells(
        &record,
        &json!({"app": "crm", "role": "front-desk", "scope": {"owner": ["sales.south"]}, "obligations": obligations}),
    );
}

#[test]
fn the_front_desk_changes_no_customer() {
    let house = House::shared();
    let mut desk = house.person(CRM, "frontdesk");
    let seen = desk.browser.json("PUT", "/api/customers", &json!({"id": "C-01", "owner": "sales.north"}));
    let record = desk.refused(&seen, 403, "not-granted");
    tells(&record, &json!({"permission": "customer:modify", "method": "PUT"}));
    assert_eq!(seen.json()["reason"], "not-granted");
}

#[test]
fn the_front_desk_has_the_start_page_of_the_erp_and_nothing_behind_it() {
    let house = House::shared();
    let mut desk = house.person(ERP, "frontdesk").reading("zh");
    let seen = desk.get("/erp/index.php");
    desk.permitted(&seen, "GET", "/erp/index.php");
    for target in ["/erp/index.php?module=order&action=list", "/erp/index.php?module=report&action=sales"] {
        let seen = desk.get(target);
        desk.refused(&seen, 403, "not-granted");
        Person::reads(&seen, &["您没有执行此操作的权限"]);
    }
}
