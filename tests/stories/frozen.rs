//! Frozen people: one action takes everything back, on sessions and streams that are open.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::house::{ERP, House, Person, WMS, tells};
use crate::support::websocket;

#[test]
fn whoever_is_frozen_in_the_rules_gets_nowhere() {
    let house = House::shared();
    let mut leaver = house.person(WMS, "leaver").reading("zh-CN");
    for target in ["/wms/main.do", "/wms/stock/list.do?warehouse=HF"] {
        let seen = leaver.get(target);
        let record = leaver.refused(&seen, 403, "frozen");
        tells(&record, &json!({"subject": "leaver"}));
        Person::reads(&seen, &["此账号已被冻结"]);
    }
}

#[test]
fn a_freeze_ends_sessions_and_open_streams_under_a_second() {
    let house = House::open();
    let mut keeper = house.person(WMS, "keeper.hf");
    let mut in_erp = house.person(ERP, "keeper.hf");
    let mut other = house.person(WMS, "picker.hf");
    let mut stream = websocket::open(&keeper, "/wms/stock/live.do?warehouse=HF", "https://wms.localhost");
    assert_eq!(stream.text(), "HF 457");
    keeper.received();

    house.freeze("keeper.hf");
    let frozen = Instant::now();
    stream.closed();
    assert!(frozen.elapsed() < Duration::from_secs(1), "{:?}", frozen.elapsed());

    // The sessions have ended, in every application.
    for person in [&mut keeper, &mut in_erp] {
        let target = if person.host == WMS { "/wms/main.do" } else { "/erp/index.php" };
        let seen = person.get(target);
        assert!(matches!(seen.reason(), Some("frozen" | "unauthenticated")), "{seen:?}");
        assert!(person.received().is_empty());
    }
    // A new sign-in changes nothing about it.
    keeper.sign_in("keeper.hf", scopegate::demo::data::PASSWORD);
    keeper.received();
    let seen = keeper.get("/wms/main.do");
    keeper.refused(&seen, 403, "frozen");
    // Nobody else is concerned.
    let seen = other.get("/wms/main.do");
    other.permitted(&seen, "GET", "/wms/main.do");
}
