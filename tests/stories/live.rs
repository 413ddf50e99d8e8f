//! Streams that stay open: agreed only where a rule says so, for the page's own origin, and closed when the rights end.

use std::sync::Arc;

use scopegate::model::{Clock, SystemClock};
use serde_json::json;

use crate::support::house::{Hands, House, WMS, tells};
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

/// One core, so that a stream that is seen to close tells that every other has been judged again as well.
fn one_core(clock: Arc<dyn Clock>) -> House {
    House::open_at(clock, |settings| settings.workers = std::num::NonZeroUsize::MIN)
}

#[test]
fn an_open_stream_that_several_assignments_permit_together_outlives_a_change_of_the_rules() {
    let house = one_core(Arc::new(SystemClock));
    house.edit(
        "people.yaml",
        "{role: warehouse-keeper, scope: {warehouse: [{below: EAST}], channel: all}}",
        "{role: warehouse-keeper, scope: {warehouse: [HF], channel: [tmall]}}\n      - {role: warehouse-keeper, scope: {warehouse: [HF], channel: [jd]}}",
    );
    house.edit(
        "wms.yaml",
        "    scope: {warehouse: {query: warehouse}, channel: ignored, owner: ignored}\n  - id: wms.order.list",
        "    scope: {warehouse: {query: warehouse}, channel: {query: channel, type: {list: {of: text, separator: \",\"}}}, owner: ignored}\n  - id: wms.order.list",
    );
    house.reload_untested();
    let (keeper, other) = (house.person(WMS, "keeper.east"), house.person(WMS, "keeper.hf"));
    let mut stream = websocket::open(&keeper, "/wms/stock/live.do?warehouse=HF&channel=tmall,jd", OWN);
    let mut second = websocket::open(&other, "/wms/stock/live.do?warehouse=HF&channel=tmall", OWN);
    assert_eq!((stream.text(), second.text()), ("HF 457".into(), "HF 457".into()));
    house.edit(
        "people.yaml",
        "    title: Keeper of warehouse Hefei\n",
        "    title: Keeper of warehouse Hefei\n    frozen: true\n",
    );
    house.reload_untested();
    second.closed();
    stream.ping();
}

#[test]
fn an_open_stream_ends_with_the_hours_and_the_network_that_its_rule_asks_for() {
    let clock = Hands::at("2026-10-01T09:00:00Z");
    let house = one_core(clock.clone());
    let upgrade = "    upgrade: websocket\n";
    house.edit(
        "wms.yaml",
        upgrade,
        &format!("{upgrade}    when: [{{time: {{from: \"08:00\", to: \"18:00\", zone: UTC}}}}]\n"),
    );
    house.reload_untested();
    let keeper = house.person(WMS, "keeper.hf");
    let mut stream = websocket::open(&keeper, LIVE, OWN);
    assert_eq!(stream.text(), "HF 457");
    clock.put("2026-10-01T18:00:00Z");
    stream.closed();

    house.edit(
        "wms.yaml",
        "when: [{time: {from: \"08:00\", to: \"18:00\", zone: UTC}}]",
        "when: [{network: [127.0.0.0/8]}]",
    );
    house.reload_untested();
    let picker = house.person(WMS, "picker.hf");
    let mut stream = websocket::open(&picker, LIVE, OWN);
    assert_eq!(stream.text(), "HF 457");
    house.edit("wms.yaml", "network: [127.0.0.0/8]", "network: [10.0.0.0/8]");
    house.reload_untested();
    stream.closed();
}

#[test]
fn an_open_stream_ends_with_the_session_that_it_was_opened_in() {
    let house = House::open();
    let mut keeper = house.person(WMS, "keeper.hf");
    let mut stream = websocket::open(&keeper, LIVE, OWN);
    assert_eq!(stream.text(), "HF 457");
    let seen = keeper.get("/wms/logout.do");
    assert_eq!(seen.status, 302);
    stream.closed();
}

#[test]
fn an_open_tunnel_is_closed_when_its_rule_allows_no_upgrade_any_longer() {
    let house = House::open();
    let keeper = house.person(WMS, "keeper.hf");
    let mut stream = websocket::open(&keeper, LIVE, OWN);
    assert_eq!(stream.text(), "HF 457");
    house.edit("wms.yaml", "    upgrade: websocket\n", "");
    house.reload_untested();
    stream.closed();
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
