//! A seasonal picker: the role ends by itself, to the second, on open sessions and streams too.

use std::sync::Arc;

use scopegate::model::Clock;
use serde_json::json;

use crate::support::house::{Hands, House, Person, WMS, tells};
use crate::support::websocket;

#[test]
fn a_role_that_has_ended_says_so_in_two_languages() {
    let house = House::shared();
    let mut temp = house.person(WMS, "temp.summer").reading("en");
    let seen = temp.get("/wms/stock/list.do?warehouse=HF");
    let record = temp.refused(&seen, 403, "assignment-ended");
    tells(&record, &json!({"subject": "temp.summer", "permission": "stock:view"}));
    Person::reads(&seen, &["Your role has ended", "Ask the shift lead for the right “See stock”."]);
    let mut temp = house.person(WMS, "temp.summer").reading("zh");
    let seen = temp.get("/wms/stock/list.do?warehouse=HF");
    temp.refused(&seen, 403, "assignment-ended");
    Person::reads(&seen, &["您的角色已到期", "请向班组长申请“查看库存”权限。"]);
}

#[test]
fn a_role_ends_to_the_microsecond_on_an_open_session_and_stream() {
    let hands = Hands::at("2025-08-31T23:59:00Z");
    let house = House::open_at(Arc::clone(&hands) as Arc<dyn Clock>, |_| {});
    let mut temp = house.person(WMS, "temp.summer");
    let mut stream = websocket::open(&temp, "/wms/stock/live.do?warehouse=HF", "https://wms.localhost");
    assert_eq!(stream.text(), "HF 457");
    temp.received();

    hands.put("2025-08-31T23:59:59.999999Z");
    let seen = temp.get("/wms/stock/list.do?warehouse=HF");
    let (_, record) = temp.permitted(&seen, "GET", "/wms/stock/list.do?warehouse=HF");
    tells(&record, &json!({"time": "2025-08-31T23:59:59.999999Z", "role": "picker"}));

    hands.put("2025-09-01T00:00:00Z");
    let seen = temp.get("/wms/stock/list.do?warehouse=HF");
    temp.refused(&seen, 403, "assignment-ended");
    stream.closed();
}

#[test]
fn a_role_begins_to_the_microsecond() {
    let hands = Hands::at("2025-05-31T23:59:59.999999Z");
    let house = House::open_at(Arc::clone(&hands) as Arc<dyn Clock>, |_| {});
    let mut temp = house.person(WMS, "temp.summer");
    let seen = temp.get("/wms/stock/list.do?warehouse=HF");
    temp.refused(&seen, 403, "assignment-not-begun");
    hands.put("2025-06-01T00:00:00Z");
    let seen = temp.get("/wms/stock/list.do?warehouse=HF");
    temp.permitted(&seen, "GET", "/wms/stock/list.do?warehouse=HF");
}
