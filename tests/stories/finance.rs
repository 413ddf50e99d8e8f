//! Finance: refunds up to an amount, costs and sales; prices are looked at, not changed.

use serde_json::json;

use crate::support::house::{ERP, House, Person, tells};

const REFUND: &str = "/erp/index.php?module=order&action=refund";

#[test]
fn finance_refunds_up_to_the_amount_of_the_rule() {
    let house = House::shared();
    let mut finance = house.person(ERP, "finance");
    let seen = finance.post(REFUND, &[("id", "10001"), ("amount", "500"), ("channel", "tmall")]);
    let (received, record) = finance.permitted(&seen, "POST", REFUND);
    assert_eq!(received.body, b"id=10001&amount=500&channel=tmall");
    tells(
        &record,
        &json!({"role": "finance", "permission": "order:refund", "scope": {"channel": ["tmall"]}, "reason": "granted"}),
    );
}

#[test]
fn a_larger_refund_is_refused_to_the_cent() {
    let house = House::shared();
    let mut finance = house.person(ERP, "finance").reading("en");
    for amount in ["500.01", "7600"] {
        let seen = finance.post(REFUND, &[("id", "10004"), ("amount", amount), ("channel", "store")]);
        let record = finance.refused(&seen, 403, "condition-failed");
        tells(&record, &json!({"permission": "order:refund"}));
        Person::reads(&seen, &["Not under these circumstances", "up to certain amounts"]);
    }
    // Nor is there a refund that takes money, or one of no amount.
    for amount in ["-7600", "0"] {
        let seen = finance.post(REFUND, &[("id", "10004"), ("amount", amount), ("channel", "store")]);
        finance.refused(&seen, 403, "condition-failed");
    }
    let seen = finance.post(REFUND, &[("id", "10004"), ("channel", "store")]);
    finance.refused(&seen, 403, "condition-failed");
    // What the application might read as another number is refused before it is compared.
    for amount in ["5e3", "1,000", " 7600", "0x1DB0", "+5", "05", "5.", "٥"] {
        let seen = finance.post(REFUND, &[("id", "10004"), ("amount", amount), ("channel", "store")]);
        finance.refused(&seen, 400, "parameter-type");
    }
}

#[test]
fn a_refund_by_get_is_no_refund() {
    let house = House::shared();
    let mut finance = house.person(ERP, "finance");
    let seen = finance.get("/erp/index.php?module=order&action=refund&id=10001&amount=5&channel=tmall");
    finance.refused(&seen, 403, "unknown-operation");
}

#[test]
fn two_amounts_are_refused_wherever_the_second_stands() {
    let house = House::shared();
    let mut finance = house.person(ERP, "finance");
    // PHP takes the last; `amount[]` would make it a list.
    for (target, body) in [
        (REFUND, "id=10001&amount=5&amount=7600&channel=tmall"),
        (REFUND, "id=10001&amount=7600&amount=5&channel=tmall"),
        (REFUND, "id=10001&amount=5&amount[]=7600&channel=tmall"),
        ("/erp/index.php?module=order&action=refund&amount=7600", "id=10001&amount=5&channel=tmall"),
    ] {
        let fields = [("Content-Type", "application/x-www-form-urlencoded")];
        let seen = finance.browser.send("POST", target, &fields, body.as_bytes());
        finance.refused(&seen, 400, "ambiguous-parameter");
    }
}

#[test]
fn finance_sees_costs_and_prices_and_changes_no_price() {
    let house = House::shared();
    let mut finance = house.person(ERP, "finance");
    for target in ["/erp/index.php?module=report&action=cost", "/erp/index.php?module=price&action=edit"] {
        let seen = finance.get(target);
        finance.permitted(&seen, "GET", target);
    }
    let seen =
        finance.post("/erp/index.php?module=price&action=save", &[("sku", "A-1001"), ("price", "1"), ("note", "")]);
    tells(&finance.refused(&seen, 403, "not-granted"), &json!({"permission": "price:modify"}));
}
