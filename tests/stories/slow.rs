//! Bodies that take their time: what may be done is decided by what holds when the last byte has come.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use scopegate::model::{Clock, SystemClock, Timestamp};
use serde_json::json;

use crate::support::browser::{Seen, Stream, exchange, parse};
use crate::support::house::{Hands, House, Person, WMS, tells};

const BODY: &str = "warehouse=HF&sku=A-1001&quantity=300";

/// Begins to correct a count, and returns when the gateway asks for the body: whoever asks has been identified by then.
fn begin(person: &Person<'_>) -> Stream {
    let mut stream = person.browser.connect();
    let fields = format!(
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nExpect: 100-continue\r\n",
        BODY.len()
    );
    stream.write_all(person.head("POST /wms/stock/adjust.do HTTP/1.1", &fields, "").as_bytes()).unwrap();
    let mut interim = Vec::new();
    while !interim.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        interim.push(byte[0]);
    }
    assert!(interim.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&interim));
    stream
}

fn end(mut stream: Stream) -> Seen {
    exchange(&mut stream, &[BODY.as_bytes()]).unwrap()
}

#[test]
fn a_right_that_ends_while_the_body_comes_is_not_used() {
    let hands = Hands::at("2025-08-31T23:59:59Z");
    let house = House::open_at(hands.clone(), |_| {});
    let keeper = [
        "    title: Keeper of warehouse Hefei\n    assignments:\n",
        "      - {role: warehouse-keeper, scope: {warehouse: [HF], channel: all}",
    ]
    .concat();
    house.edit("people.yaml", &format!("{keeper}}}"), &format!("{keeper}, until: 2025-09-01T00:00:00Z}}"));
    house.reload_untested();
    let mut keeper = house.person(WMS, "keeper.hf");
    let seen = end(begin(&keeper));
    keeper.permitted(&seen, "POST", "/wms/stock/adjust.do");
    let slow = begin(&keeper);
    hands.put("2025-09-01T00:00:00Z");
    let seen = end(slow);
    let record = keeper.refused(&seen, 403, "assignment-ended");
    tells(&record, &json!({"time": "2025-08-31T23:59:59.000000Z", "permission": "stock:adjust"}));
}

#[test]
fn somebody_who_is_frozen_while_the_body_comes_changes_nothing() {
    let house = House::open();
    let mut keeper = house.person(WMS, "keeper.hf");
    let slow = begin(&keeper);
    house.freeze("keeper.hf");
    let seen = end(slow);
    keeper.refused(&seen, 403, "frozen");
}

/// A clock that breaks once on the core that serves, when it is told to.
struct Breaking(AtomicBool);

impl Clock for Breaking {
    fn now(&self) -> Timestamp {
        let serving = std::thread::current().name().is_some_and(|name| name.starts_with("worker"));
        assert!(!(serving && self.0.swap(false, Ordering::SeqCst)), "a fault of the test");
        SystemClock.now()
    }
}

#[test]
fn a_request_that_a_fault_inside_the_gateway_ends_is_refused_on_record() {
    let clock = Arc::new(Breaking(AtomicBool::new(false)));
    let house = House::open_at(clock.clone(), |_| {});
    let mut keeper = house.person(WMS, "keeper.hf");
    let mut stream = keeper.browser.connect();
    let request = keeper.head("GET /wms/main.do HTTP/1.1", "", "");
    stream.write_all(request.replace("Connection: close\r\n", "").as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"</html>") && !answer.ends_with(b"</html>\n") {
        let mut bytes = [0; 4096];
        let read = stream.read(&mut bytes).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&bytes[..read]);
    }
    assert_eq!(parse(&answer).unwrap().status, 200);
    let received = keeper.one();
    let id = received.field("x-request-id")[0];
    // The end of the first request has a time of its own, told a moment after its last byte.
    while !house.journal().iter().any(|record| record["kind"] == "outcome" && record["request"] == id) {
        std::thread::yield_now();
    }
    clock.0.store(true, Ordering::SeqCst);
    let seen = exchange(&mut stream, &[request.as_bytes()]).unwrap();
    let record = keeper.refused(&seen, 500, "internal-fault");
    assert!(record["detail"].as_str().unwrap().contains("a fault inside the gateway"), "{record}");
}
