//! A checker of one warehouse: checks picked orders; the verb is in a parameter, and only the listed verbs count.

use serde_json::json;

use crate::support::house::{House, WMS, tells};

#[test]
fn a_checker_checks_and_views_but_does_not_pick() {
    let house = House::shared();
    let mut checker = house.person(WMS, "checker.hf");
    for (action, permission) in [("&action=check", "order:check"), ("", "order:view"), ("&action=view", "order:view")] {
        let target = format!("/wms/order/card.do?id=10002&warehouse=HF{action}");
        let seen = checker.get(&target);
        let (_, record) = checker.permitted(&seen, "GET", &target);
        tells(&record, &json!({"permission": permission, "role": "checker", "reason": "granted"}));
    }
    let seen = checker.get("/wms/order/card.do?id=10002&warehouse=HF&action=pick");
    tells(&checker.refused(&seen, 403, "not-granted"), &json!({"permission": "order:pick"}));
}

#[test]
fn an_empty_action_is_no_action_and_is_not_passed_on() {
    let house = House::shared();
    let mut checker = house.person(WMS, "checker.hf");
    let seen = checker.get("/wms/order/card.do?id=10002&warehouse=HF&action=");
    let (_, record) = checker.permitted(&seen, "GET", "/wms/order/card.do?id=10002&warehouse=HF");
    tells(&record, &json!({"permission": "order:view"}));
}

#[test]
fn an_action_that_no_rule_lists_is_refused() {
    let house = House::shared();
    let mut checker = house.person(WMS, "checker.hf");
    for action in ["CHECK", "check%20", "print", "check,confirm_delete"] {
        let seen = checker.get(&format!("/wms/order/card.do?id=10002&warehouse=HF&action={action}"));
        checker.refused(&seen, 403, "unknown-operation");
    }
}

#[test]
fn two_actions_are_refused_whichever_the_application_would_take() {
    let house = House::shared();
    let mut checker = house.person(WMS, "checker.hf");
    for query in
        ["action=check&action=confirm_delete", "action=confirm_delete&action=check", "action=check&%61ction=view"]
    {
        let seen = checker.get(&format!("/wms/order/card.do?id=10002&warehouse=HF&{query}"));
        checker.refused(&seen, 400, "ambiguous-parameter");
    }
}

#[test]
fn an_order_of_another_warehouse_is_out_of_scope() {
    let house = House::shared();
    let mut checker = house.person(WMS, "checker.hf");
    let seen = checker.get("/wms/order/card.do?id=10003&warehouse=SH&action=check");
    checker.refused(&seen, 403, "out-of-scope");
    // Whose it is the application tells, whatever the link says or leaves out.
    for link in ["", "&warehouse=HF"] {
        let seen = checker.get(&format!("/wms/order/card.do?id=10003{link}&action=check"));
        checker.refused(&seen, 403, "out-of-scope");
    }
}
