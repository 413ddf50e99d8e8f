//! Every limit of the settings through the whole gateway: its reason, its counter, and that the application received nothing of it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use scopegate::config::Settings;

use crate::browser::{Seen, Stream, parse};
use crate::world::World;

const RULES: &str = "
routes:
  - {id: stock.list, match: GET /stock, public: true, others: forward}
  - {id: form, match: POST /form, public: true, others: forward}
  - {id: json, match: POST /json, public: true, body: {accept: [json]}, params: {a: {at: {json: /a}, type: text}}, others: forward}
  - {id: file, match: POST /file, public: true, body: {stream: ['*/*'], cap: 64MiB}}
";

const SHORT: Duration = Duration::from_millis(300);
const SLOW: &str = "scopegate_connections_cut_total{cause=\"slow\"}";

/// A gateway with one limit, on a core that has served somebody.
fn world(adjust: impl FnOnce(&mut Settings)) -> World {
    let world = World::with(RULES, adjust);
    assert_eq!(world.anybody().get("/stock").status, 200);
    world.application.take();
    world
}

/// Asserts that a refusal has this reason, is counted, stands on record, and that the application received nothing.
#[track_caller]
fn refused(world: World, seen: &Seen, reason: &str) {
    let known = scopegate::model::Reason::parse(reason).unwrap();
    assert_eq!((seen.status, seen.reason()), (known.status(), Some(reason)), "{}", seen.text());
    let class = format!("scopegate_refusals_total{{class=\"{}\"}}", known.class().as_str());
    assert_eq!(world.metric(&class), 1);
    let application = world.application.clone();
    let records = world.end();
    let told = records.iter().filter(|record| record["reason"] == reason || record["late_reason"] == reason).count();
    assert_eq!(told, 1, "{records:#?}");
    assert!(application.take().iter().all(|one| !one.whole), "the application received what was refused");
}

#[test]
fn a_head_of_more_bytes_than_the_limit_is_refused() {
    let world = world(|settings| settings.limits.head = 2048);
    assert_eq!(world.anybody().send("GET", "/stock", &[("X-Fits", &"x".repeat(1500))], b"").status, 200);
    world.application.take();
    let seen = world.anybody().send("GET", "/stock", &[("X-Long", &"x".repeat(2048))], b"");
    refused(world, &seen, "head-too-large");
}

#[test]
fn a_head_of_more_fields_than_the_limit_is_refused() {
    let world = world(|settings| settings.limits.fields = 10);
    let seen = world.anybody().send("GET", "/stock", &[("X-Y", "z"); 10], b"");
    refused(world, &seen, "head-too-large");
}

#[test]
fn a_target_beyond_the_limit_is_refused_and_told() {
    let world = world(|settings| settings.limits.target = 100);
    let seen = world.anybody().get(&format!("/stock?{}", "x".repeat(100)));
    refused(world, &seen, "target-too-long");
}

#[test]
fn more_parameters_than_the_limit_are_refused() {
    let world = world(|settings| settings.limits.parameters = 3);
    assert_eq!(world.anybody().get("/stock?a=1&b=2&c=3").status, 200);
    world.application.take();
    let seen = world.anybody().get("/stock?a=1&b=2&c=3&d=4");
    refused(world, &seen, "too-many-parameters");
}

#[test]
fn a_body_nested_deeper_than_the_limit_is_refused() {
    let world = world(|settings| settings.limits.depth = 4);
    let send = |depth: usize| {
        let body = format!("{{\"a\":\"x\",\"b\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
        world.anybody().send("POST", "/json", &[("Content-Type", "application/json")], body.as_bytes())
    };
    assert_eq!(send(3).status, 200);
    world.application.take();
    let seen = send(8);
    refused(world, &seen, "body-too-deep");
}

/// What comes on a connection until its end.
fn heard(stream: &mut Stream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

#[test]
fn a_connection_without_a_first_byte_is_closed_and_counted() {
    let world = world(|settings| settings.limits.first_byte_time = SHORT);
    let before = world.metric("scopegate_connections_cut_total{cause=\"no-request\"}");
    let mut stream = world.anybody().connect();
    stream.conn.complete_io(&mut stream.sock).unwrap();
    assert!(heard(&mut stream).is_empty());
    world.await_metric("scopegate_connections_cut_total{cause=\"no-request\"}", before + 1);
}

#[test]
fn a_connection_that_stands_idle_is_closed_and_counted() {
    let world = world(|settings| settings.limits.idle_time = SHORT);
    let mut stream = world.anybody().connect();
    stream.write_all(b"GET /stock HTTP/1.1\r\nHost: wms.test\r\n\r\n").unwrap();
    let answer = heard(&mut stream);
    assert_eq!(parse(&answer).unwrap().body, b"ok");
    world.await_metric("scopegate_connections_cut_total{cause=\"idle\"}", 1);
}

#[test]
fn half_a_head_is_refused_in_time() {
    let world = world(|settings| settings.limits.head_time = SHORT);
    let mut stream = world.anybody().connect();
    stream.write_all(b"GET /stock HTTP/1.1\r\nHost: wms.test\r\n").unwrap();
    let seen = parse(&heard(&mut stream)).unwrap();
    world.await_metric(SLOW, 1);
    refused(world, &seen, "client-timeout");
}

#[test]
fn half_a_judged_body_is_refused_in_time() {
    let world = world(|settings| settings.limits.body_time = SHORT);
    let mut stream = world.anybody().connect();
    let head = "POST /form HTTP/1.1\r\nHost: wms.test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\na=1";
    stream.write_all(head.as_bytes()).unwrap();
    let seen = parse(&heard(&mut stream)).unwrap();
    refused(world, &seen, "client-timeout");
}

#[test]
fn half_a_streamed_body_never_reaches_the_application_whole() {
    let world = world(|settings| settings.limits.body_time = SHORT);
    let mut stream = world.anybody().connect();
    let head =
        "POST /file HTTP/1.1\r\nHost: wms.test\r\nContent-Type: application/pdf\r\nContent-Length: 9\r\n\r\nhalf";
    stream.write_all(head.as_bytes()).unwrap();
    let seen = parse(&heard(&mut stream)).unwrap();
    refused(world, &seen, "client-timeout");
}

#[test]
fn a_body_slower_than_the_rate_is_refused_although_it_never_stops() {
    let world = world(|settings| (settings.limits.body_time, settings.limits.rate) = (SHORT, 1000));
    let mut stream = world.anybody().connect();
    let head = "POST /file HTTP/1.1\r\nHost: wms.test\r\nContent-Type: application/pdf\r\nContent-Length: 9000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.sock.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut answer = Vec::new();
    // one byte each time that nothing has come for a while
    let whole = |answer: &[u8]| {
        parse(answer).is_some_and(|seen| seen.field("content-length") == Some(&seen.body.len().to_string()))
    };
    for _ in 0..1500 {
        let mut space = [0; 4096];
        match stream.read(&mut space) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&space[..count]),
            Err(_) => {
                let _ = stream.write_all(b"x").and_then(|()| stream.flush());
            }
        }
        if whole(&answer) {
            break;
        }
    }
    refused(world, &parse(&answer).unwrap(), "client-timeout");
}

#[test]
fn more_requests_in_flight_than_the_limit_are_refused() {
    let world = world(|settings| settings.limits.requests = 1);
    let mut held = world.anybody().connect();
    let head =
        "POST /file HTTP/1.1\r\nHost: wms.test\r\nContent-Type: application/pdf\r\nContent-Length: 9\r\n\r\nhalf";
    held.write_all(head.as_bytes()).unwrap();
    world.await_metric("scopegate_requests_in_flight", 1);
    let seen = world.anybody().get("/stock");
    held.write_all(b"-done").unwrap();
    let mut answer = vec![0; 17];
    held.read_exact(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "what was in flight is served");
    drop(held);
    world.await_metric("scopegate_requests_in_flight", 0);
    assert_eq!(world.anybody().get("/stock").status, 200);
    world.application.take();
    refused(world, &seen, "overloaded");
}

#[test]
fn a_connection_ends_with_its_last_request() {
    let world = world(|settings| settings.limits.requests_per_connection = 2);
    let mut stream = world.anybody().connect();
    stream.write_all(b"GET /stock HTTP/1.1\r\nHost: wms.test\r\n\r\n".repeat(3).as_slice()).unwrap();
    let answers = heard(&mut stream);
    let text = String::from_utf8_lossy(&answers);
    assert_eq!((text.matches("HTTP/1.1 200 OK").count(), text.matches("Connection: close").count()), (2, 1), "{text}");
    assert_eq!(world.application.take().len(), 2);
}

#[test]
fn a_client_that_takes_no_answer_is_given_up() {
    let world = with_application(flood(), |settings| settings.limits.answer_time = SHORT, "");
    let mut stream = world.anybody().connect();
    stream.write_all(b"GET /stock HTTP/1.1\r\nHost: wms.test\r\n\r\n").unwrap();
    // nothing is read: the answer fills what lies between
    world.await_metric(SLOW, 1);
    drop(stream);
    let records = world.end();
    let outcome = records.iter().find(|record| record["kind"] == "outcome").unwrap();
    assert_eq!((&outcome["completion"], &outcome["late_reason"]), (&"timed-out".into(), &"client-timeout".into()));
}

/// An application that answers without end.
fn flood() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n");
                while stream.write_all(&[b'x'; 65_536]).is_ok() {}
            });
        }
    });
    address
}

/// An application that accepts and neither reads nor says anything.
fn silent() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().flatten().collect::<Vec<_>>());
    address
}

/// A gateway before another application than the recording one.
fn with_application(application: SocketAddr, adjust: impl FnOnce(&mut Settings), upstream: &str) -> World {
    let scheme = if upstream.contains("tls") { "https" } else { "http" };
    World::with(RULES, |settings| {
        let app =
            format!("app: wms\nhosts: [wms.test]\nupstream: {{url: '{scheme}://{application}', {upstream}}}{RULES}");
        std::fs::write(settings.routes.join("wms.yaml"), app).unwrap();
        adjust(settings);
    })
}

#[test]
fn an_application_that_cannot_be_connected_to_in_time_is_a_504() {
    // the handshake of TLS counts
    let adjust = |settings: &mut Settings| settings.limits.upstream_connect_time = SHORT;
    let world = with_application(silent(), adjust, "tls: {name: wms.test}");
    let seen = world.anybody().get("/stock");
    assert_eq!(failures(&world), 1);
    refused(world, &seen, "upstream-timeout");
}

#[test]
fn an_application_that_does_not_answer_in_time_is_a_504() {
    let world = with_application(silent(), |settings| settings.limits.upstream_answer_time = SHORT, "");
    let seen = world.anybody().get("/stock");
    assert_eq!(failures(&world), 1);
    refused(world, &seen, "upstream-timeout");
}

#[test]
fn an_application_that_does_not_take_the_request_in_time_is_a_504() {
    let world = with_application(silent(), |settings| settings.limits.upstream_idle_time = SHORT, "");
    let mut stream = world.anybody().connect();
    let size = 32 << 20;
    let head = format!(
        "POST /file HTTP/1.1\r\nHost: wms.test\r\nContent-Type: application/pdf\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    // more than lies in the buffers between; the gateway need not take all of it
    let _ = stream.write_all(&vec![b'x'; size]);
    let seen = parse(&heard(&mut stream));
    // whoever is still sending may miss the answer, never get another one
    assert!(seen.is_none_or(|seen| seen.reason() == Some("upstream-timeout")));
    world.await_metric("scopegate_refusals_total{class=\"upstream\"}", 1);
    drop(stream);
    let records = world.end();
    let outcome = records.iter().find(|record| record["kind"] == "outcome").unwrap();
    assert_eq!(outcome["late_reason"], "upstream-timeout");
    let took = outcome["total_us"].as_u64().or(outcome["total_micros"].as_u64());
    assert!(took.is_none_or(|took| took < 20_000_000), "{outcome}");
}

fn failures(world: &World) -> u64 {
    let text = world.metrics();
    let line =
        text.lines().find(|line| line.starts_with("scopegate_upstream_failures_total{") && line.contains("timeout"));
    line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn an_answer_that_stands_still_is_cut() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
            held.push(stream);
        }
    });
    let world = with_application(address, |settings| settings.limits.upstream_idle_time = SHORT, "");
    let mut stream = world.anybody().connect();
    stream.write_all(b"GET /stock HTTP/1.1\r\nHost: wms.test\r\n\r\n").unwrap();
    let answer = heard(&mut stream);
    assert!(!answer.ends_with(b"half12345") && answer.len() < 400);
    world.await_metric("scopegate_refusals_total{class=\"upstream\"}", 1);
    assert_eq!(failures(&world), 1);
    let records = world.end();
    let outcome = records.iter().find(|record| record["kind"] == "outcome").unwrap();
    assert_eq!((&outcome["completion"], &outcome["late_reason"]), (&"timed-out".into(), &"upstream-timeout".into()));
}

#[test]
fn a_parameter_behind_a_hundred_others_is_judged_as_the_first_is() {
    let rules = "routes:
  - id: stock.list
    match: GET /stock
    permission: stock:view
    others: refuse
    params: {id: {at: {query: id}, type: {list: {of: int}}}}
";
    let world = World::new(rules);
    let many: String = (0..100).map(|id| format!("id={id}&")).collect();
    let mut keeper = world.keeper();
    assert_eq!(keeper.get(&format!("/stock?{many}id=100")).status, 200);
    assert_eq!(world.application.take()[0].line(), format!("GET /stock?{many}id=100 HTTP/1.1"));
    for (target, reason) in [
        (format!("/stock?{many}all=1"), "unknown-parameter"),
        (format!("/stock?{many}all=1&{many}id=7"), "unknown-parameter"),
        (format!("/stock?all=1&{many}id=7"), "unknown-parameter"),
        (format!("/stock?{many}id=x"), "parameter-type"),
        (format!("/stock?{many}Id=7"), "ambiguous-parameter"),
        (format!("/stock?{many}id[]=7"), "ambiguous-parameter"),
        (format!("/stock?{many}_method=DELETE"), "method-refused"),
    ] {
        let seen = keeper.get(&target);
        assert_eq!(seen.reason(), Some(reason), "{target}: {}", seen.text());
    }
    assert!(world.application.take().is_empty());
}

#[test]
fn an_answer_with_a_larger_head_than_the_limit_is_a_502() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let text = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(3000));
            let _ = stream.write_all(text.as_bytes());
        }
    });
    let world = with_application(address, |settings| settings.limits.upstream_head = 2048, "retries: 0");
    let seen = world.anybody().get("/stock");
    refused(world, &seen, "upstream-protocol");
}

#[test]
fn a_websocket_that_stands_idle_is_closed_and_counted() {
    let rules = "routes: [{id: live, match: GET /live, public: true, upgrade: websocket}]\n";
    let world = World::with(rules, |settings| settings.limits.websocket_idle_time = SHORT);
    let mut stream = world.anybody().connect();
    let request = "GET /live HTTP/1.1\r\nHost: wms.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    assert!(heard(&mut stream).starts_with(b"HTTP/1.1 101 "));
    world.await_metric("scopegate_tunnels_closed_total{cause=\"idle\"}", 1);
    let records = world.end();
    let outcome = records.iter().find(|record| record["kind"] == "outcome").unwrap();
    assert_eq!((&outcome["completion"], &outcome["late_reason"]), (&"timed-out".into(), &"client-timeout".into()));
}
