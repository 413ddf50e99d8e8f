//! Bodies: none where none is expected, caps that hold for lengths announced and not, empty bodies in every framing.

use crate::world::World;

const RULES: &str = "routes:
  - {id: file.get, match: GET /file, permission: stock:view, body: {stream: [\"*/*\"]}}
  - {id: file.put, match: POST /file, permission: stock:change, body: {stream: [application/pdf], cap: 64KiB}}
  - {id: form, match: POST /form, permission: stock:change, others: forward}
  - {id: plain, match: POST /plain, permission: stock:change, body: {accept: [form], cap: 1KiB}, others: forward}
";

fn request(method: &str, target: &str, fields: &str, body: &str) -> String {
    let key = crate::world::KEY;
    format!(
        "{method} {target} HTTP/1.1\r\nHost: wms.test\r\nConnection: close\r\nX-Api-Key: {key}\r\n{fields}\r\n{body}"
    )
}

fn chunked(size: usize) -> String {
    format!("{size:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(size))
}

#[test]
fn a_get_with_a_body_is_refused_where_bodies_stream() {
    let world = World::new(RULES);
    for (fields, body) in
        [("Content-Length: 3\r\n", "abc"), ("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n")]
    {
        let seen = world.raw(&request("GET", "/file", &format!("Content-Type: application/pdf\r\n{fields}"), body));
        assert_eq!((seen.status, seen.reason()), (400, Some("malformed-body")), "{fields}");
    }
    assert!(world.application.take().is_empty());
    assert_eq!(world.raw(&request("GET", "/file", "", "")).status, 200);
}

#[test]
fn an_empty_body_in_chunks_is_forwarded_as_an_empty_body() {
    let world = World::new(RULES);
    let fields = "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(world.raw(&request("POST", "/form", fields, "0\r\n\r\n")).status, 200);
    let fields = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n";
    assert_eq!(world.raw(&request("POST", "/form", fields, "")).status, 200);
    for received in world.application.take() {
        assert_eq!(received.values("content-length"), ["0"], "{}", received.head);
        assert!(received.values("transfer-encoding").is_empty() && received.body.is_empty());
    }
}

#[test]
fn a_streamed_body_beyond_its_cap_never_reaches_the_application_whole() {
    let world = World::new(RULES);
    let pdf = "Content-Type: application/pdf\r\n";
    let announced = format!("{pdf}Content-Length: 65537\r\n");
    let seen = world.raw(&request("POST", "/file", &announced, &"x".repeat(65_537)));
    assert_eq!((seen.status, seen.reason()), (413, Some("body-too-large")));
    assert!(world.application.take().is_empty(), "an announced length is judged before a byte is sent");
    // far more than the sockets between hold: whoever sends it all before reading is still told
    let announced = format!("{pdf}Content-Length: {}\r\n", 32 << 20);
    let seen = world.raw(&request("POST", "/file", &announced, &"x".repeat(32 << 20)));
    assert_eq!((seen.status, seen.reason()), (413, Some("body-too-large")));
    assert!(world.application.take().is_empty());

    let chunks = format!("{pdf}Transfer-Encoding: chunked\r\n");
    let seen = world.raw(&request("POST", "/file", &chunks, &chunked(65_537)));
    assert_eq!((seen.status, seen.reason()), (413, Some("body-too-large")));

    let fits = world.raw(&request("POST", "/file", &chunks, &chunked(65_536)));
    assert_eq!(fits.status, 200);
    let fits = world.raw(&request("POST", "/file", &format!("{pdf}Content-Length: 65536\r\n"), &"x".repeat(65_536)));
    assert_eq!(fits.status, 200);
    let application = world.application.clone();
    let records = world.end();
    let whole: Vec<usize> = application.take().iter().filter(|received| received.whole).map(|r| r.body.len()).collect();
    assert_eq!(whole, [65_536, 65_536]);
    let told = |key: &str| records.iter().filter(|record| record[key] == "body-too-large").count();
    assert_eq!((told("reason"), told("late_reason")), (2, 1), "{records:#?}");
}

#[test]
fn a_judged_body_beyond_its_cap_is_refused_unread() {
    let world = World::new(RULES);
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    for (framing, body) in
        [("Content-Length: 1025\r\n", "x".repeat(1025)), ("Transfer-Encoding: chunked\r\n", chunked(1025))]
    {
        let seen = world.raw(&request("POST", "/plain", &format!("{form}{framing}"), &body));
        assert_eq!((seen.status, seen.reason()), (413, Some("body-too-large")), "{framing}");
    }
    assert!(world.application.take().is_empty());
}

#[test]
fn the_outcome_counts_the_bytes_of_a_body_whether_it_is_judged_or_streamed() {
    let world = World::new(RULES);
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n";
    let pdf = "Content-Type: application/pdf\r\n";
    for (method, target, fields, body) in [
        ("GET", "/file", "", String::new()),
        ("POST", "/form", form, "a=1".to_owned()),
        ("POST", "/file", &format!("{pdf}Content-Length: 5\r\n"), "x".repeat(5)),
        ("POST", "/file", &format!("{pdf}Transfer-Encoding: chunked\r\n"), chunked(7)),
    ] {
        assert_eq!(world.raw(&request(method, target, fields, &body)).status, 200, "{method} {target} {fields}");
    }
    let records = world.end();
    let mut counted: Vec<u64> = records.iter().filter_map(|record| record["bytes_in"].as_u64()).collect();
    counted.sort_unstable();
    assert_eq!(counted, [0, 3, 5, 7]);
}
