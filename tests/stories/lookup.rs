//! Orders that an address only names by number: the warehouse system itself tells whose they are.

use serde_json::json;

use crate::support::house::{House, WMS, tells};

#[test]
fn a_keeper_sees_an_order_of_the_own_warehouse_by_its_number() {
    let house = House::open();
    let mut keeper = house.person(WMS, "keeper.hf");
    house.log(WMS).take();
    let seen = keeper.get("/wms/order/card.do?id=10001");
    let all = house.log(WMS).take();
    let targets: Vec<&str> = all.iter().map(|received| received.target.as_str()).collect();
    assert_eq!(
        (seen.status, targets),
        (200, vec!["/wms/order/card.do?id=10001"; 2]),
        "the gateway asks, then the keeper"
    );
    assert!(all[0].field("x-story").is_empty() && !all[1].field("x-story").is_empty());
    assert_eq!(all[0].field("cookie"), all[1].field("cookie"), "in the keeper's own session");
    tells(
        &keeper.decided(&all[1]),
        &json!({"scope": {"warehouse": ["HF"]}, "lookups": {"order-warehouse": ["10001: HF (request)"]}}),
    );
    assert!(seen.text().contains("仓库 HF"), "{}", seen.text());
}

#[test]
fn an_order_of_another_warehouse_is_not_shown_whatever_the_link_says() {
    let house = House::shared();
    let mut keeper = house.person(WMS, "keeper.hf");
    for target in [
        "/wms/order/card.do?id=10003",
        "/wms/order/card.do?id=10003&warehouse=HF",
        "/wms/order/card.do?id=10003&warehouse=SH",
    ] {
        let seen = keeper.get(target);
        let record = keeper.refused(&seen, 403, "out-of-scope");
        assert!(!seen.text().contains("SH"), "the page does not tell where it is");
        assert!(record["detail"].as_str().unwrap().contains("SH"), "the record does: {record}");
    }
}

#[test]
fn an_order_that_does_not_exist_is_told_as_one_out_of_scope() {
    let house = House::shared();
    let mut keeper = house.person(WMS, "keeper.hf");
    let seen = keeper.get("/wms/order/card.do?id=88888");
    assert_eq!((seen.status, seen.reason()), (403, Some("out-of-scope")));
    assert!(keeper.received().is_empty());
    tells(
        &house.decision(seen.field("x-request-id").unwrap()),
        &json!({"reason": "object-unknown", "decision": "refuse"}),
    );
}

#[test]
fn an_order_that_is_moved_through_the_gateway_changes_hands_at_once() {
    let house = House::open();
    let (mut keeper, mut east) = (house.person(WMS, "keeper.hf"), house.person(WMS, "keeper.east"));
    assert_eq!(keeper.get("/wms/order/card.do?id=10001").status, 200);
    let seen = keeper.post("/wms/order/move.do", &[("id", "10001"), ("to", "SH")]);
    assert_eq!((seen.status, seen.reason()), (403, Some("out-of-scope")));
    let seen = east.post("/wms/order/move.do", &[("id", "10001"), ("to", "SH")]);
    let (_, record) = east.permitted(&seen, "POST", "/wms/order/move.do");
    tells(&record, &json!({"permission": "order:move", "scope": {"warehouse": ["HF", "SH"]}}));
    keeper.received();
    let seen = keeper.get("/wms/order/card.do?id=10001");
    keeper.refused(&seen, 403, "out-of-scope");
}
