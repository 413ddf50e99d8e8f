//! Streams that stay open: agreed only where a rule says so, for the page's own origin, and closed when the rights end.

use serde_json::json;

use crate::support::house::{House, WMS, tells};
use crate::support::websocket::{self, ACCEPT};

const LIVE: &str = "/wms/stock/live.do?warehouse=HF";
const OWN: &str = "https://wms.localhost";

#[test]
fn a_websocket_that_a_rule_allows_is_carried() {
    let house = House::shared();
    let mut keeper = house.person(WMS, "keeper.hf");
    let mut stream = websocket::open(&keeper, LIVE, OWN);
    assert_eq!((stream.seen.status, stream.seen.field("sec-websocket-accept")), (101, Some(ACCEPT)));
    assert!(stream.text().starts_with("HF "));
    let received = keeper.one();
    assert_eq!((received.method.as_str(), received.target.as_str()), ("GET", LIVE));
    assert_eq!((received.field("upgrade"), received.field("connection")), (vec!["websocket"], vec!["Upgrade"]));
    tells(
        &keeper.decided(&received),
        &json!({"decision": "permit", "route": "wms.stock.live", "permission": "stock:view"}),
    );
}

#[test]
fn a_websocket_beyond_the_scope_is_refused() {
    let house = House::shared();
    let mut keeper = house.person(WMS, "keeper.hf");
    let stream = websocket::open(&keeper, "/wms/stock/live.do?warehouse=SH", OWN);
    keeper.refused(&stream.seen, 403, "out-of-scope");
    let mut nobody = house.visitor(WMS);
    let stream = websocket::open(&nobody, LIVE, OWN);
    nobody.refused(&stream.seen, 401, "unauthenticated");
}

#[test]
fn a_websocket_where_no_rule_allows_one_is_refused() {
    let house = House::shared();
    let mut keeper = house.person(WMS, "keeper.hf");
    let stream = websocket::open(&keeper, "/wms/stock/list.do?warehouse=HF", OWN);
    keeper.refused(&stream.seen, 403, "upgrade-refused");
}

#[test]
fn a_page_of_another_origin_gets_no_tunnel() {
    let house = House::shared();
    let mut keeper = house.person(WMS, "keeper.hf");
    for origin in ["https://evil.example", "http://wms.localhost", "https://wms.localhost.evil.example", "null"] {
        let stream = websocket::open(&keeper, LIVE, origin);
        keeper.refused(&stream.seen, 403, "upgrade-refused");
    }
}

#[test]
fn an_open_stream_is_closed_when_the_rules_permit_it_no_longer() {
    let house = House::open();
    let keeper = house.person(WMS, "keeper.east");
    let mut stream = websocket::open(&keeper, LIVE, OWN);
    assert_eq!(stream.text(), "HF 457");
    house.edit(
        "people.yaml",
        "{role: warehouse-keeper, scope: {warehouse: [{below: EAST}]",
        "{role: warehouse-keeper, scope: {warehouse: [SH]",
    );
    house.reload_untested();
    stream.closed();
}
