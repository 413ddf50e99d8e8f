//! Filtered answers: what the application is asked for, what the person sees of what it says, and what stands on record.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use serde_json::Value;

use crate::browser::{Seen, parse};
use crate::world::{KEY, World};

const RULES: &str = "routes:
  - id: stock
    match: [GET /stock, POST /stock]
    permission: stock:view
    params:
      sort: {at: {query: sort}, type: text}
      q: {at: {query: q}, type: text}
    answer:
      json:
        rows: {at: /items, keep: {warehouse: /warehouse}, totals: {/total: count}}
        mask:
          - {fields: [/items/*/cost], unless: cost:view, named-by: [{query: sort}], searched-by: {query: q}, also-called: [price]}
      json-lines: {keep: {warehouse: /warehouse}}
      csv: {keep: {warehouse: Warehouse}, mask: {fields: [Cost], unless: cost:view}}
  - id: card
    match: GET /card
    permission: stock:view
    scope: {warehouse: ignored}
    answer: {json: {mask: {fields: [/cost]}}, errors: filter}
  - {id: change, match: PUT /card, permission: stock:change, scope: {warehouse: ignored}, body: {stream: [\"*/*\"]},
     answer: {json: {mask: {fields: [/cost], unless: cost:view}}}}
  - {id: free, match: GET /free, permission: stock:view, mode: observe, answer: {csv: {keep: {warehouse: 1}, header: false}}}
";

/// Keeps HF and SH, sees cost in HF.
fn world() -> World {
    World::with(RULES, |settings| {
        let roles = "dimensions: {warehouse: {values: [HF, SH, Guangzhou]}}\npermissions:\n  stock:view: {effect: none}\n  stock:change: {}\n  \
            cost:view: {effect: none}\nroles:\n  keeper: {permissions: [stock:view, stock:change]}\n  buyer: {permissions: [cost:view]}\n";
        std::fs::write(settings.routes.join("roles.yaml"), roles).unwrap();
        let people = settings.routes.join("people.yaml");
        let text = std::fs::read_to_string(&people).unwrap();
        let assigned =
            "assignments: [{role: keeper, scope: {warehouse: [HF, SH]}}, {role: buyer, scope: {warehouse: [HF]}}]";
        std::fs::write(people, text.replace("assignments: [{role: keeper}]", assigned)).unwrap();
    })
}

fn request(method: &str, target: &str, fields: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: wms.test\r\nConnection: close\r\nX-Api-Key: {KEY}\r\n{fields}\r\n")
}

/// What the person sees of an answer with this head and body.
fn seen(world: &World, target: &str, status: &str, fields: &str, body: &str) -> Seen {
    world.application.says(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{fields}\r\n{body}", body.len()));
    world.raw(&request("GET", target, ""))
}

const JSON: &str = "Content-Type: application/json\r\n";

const LIST: &str = r#"{"total":3,"items":[{"warehouse":"HF","cost":5},{"warehouse":"SH","cost":6},{"warehouse":"Guangzhou","cost":7}]}"#;

fn outcome(records: &[Value], at: usize) -> &Value {
    let outcomes: Vec<&Value> = records.iter().filter(|record| record["kind"] == "outcome").collect();
    outcomes[at]
}

#[test]
fn each_row_and_each_field_is_a_decision_of_its_own_and_counted() {
    let world = world();
    let shown = seen(&world, "/stock", "200 OK", JSON, LIST);
    assert_eq!(shown.text(), r#"{"items":[{"warehouse":"HF","cost":5},{"warehouse":"SH"}],"total":2}"#);
    assert_eq!(shown.field("content-type"), Some("application/json; charset=utf-8"));
    let shown =
        seen(&world, "/stock", "200 OK", "Content-Type: text/csv\r\n", "Cost,Warehouse\n5,HF\n6,SH\n7,Guangzhou\n");
    assert_eq!(shown.text(), "Cost,Warehouse\r\n5,HF\r\n,SH\r\n");
    let lines = "{\"warehouse\":\"Guangzhou\"}\n{\"warehouse\":\"SH\"}\n";
    let shown = seen(&world, "/stock", "200 OK", "Content-Type: application/x-ndjson\r\n", lines);
    assert_eq!(shown.text(), "{\"warehouse\":\"SH\"}\n");
    let records = world.end();
    let decision = records.iter().find(|record| record["kind"] == "decision").unwrap();
    assert_eq!(decision["obligations"], serde_json::json!(["rows:warehouse", "mask:cost:view"]));
    let outcome = outcome(&records, 0);
    assert_eq!(
        (&outcome["rows_kept"], &outcome["rows_hidden"], &outcome["fields_masked"]),
        (&2.into(), &1.into(), &1.into())
    );
    assert!(!records.iter().any(|record| record.to_string().contains("Guangzhou")), "a value is on record");
}

#[test]
fn nothing_is_asked_for_that_only_the_unfiltered_answer_has() {
    let world = world();
    world.application.says(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{JSON}\r\n{LIST}", LIST.len()));
    let asked = "Accept-Encoding: gzip, br\r\nRange: bytes=0-9\r\nIf-Range: \"a\"\r\nIf-None-Match: \"a\"\r\n\
        IF-MODIFIED-SINCE: Sun, 06 Nov 1994 08:49:37 GMT\r\nA-IM: feed\r\nAccept: application/json\r\n";
    world.raw(&request("GET", "/stock", asked));
    let received = world.application.take().remove(0);
    for name in ["range", "if-range", "if-none-match", "if-modified-since", "a-im"] {
        assert!(received.values(name).is_empty(), "{name} in {}", received.head);
    }
    assert_eq!(received.values("accept-encoding"), [scopegate::filter::ACCEPT_ENCODING]);
    assert_eq!(received.values("accept"), ["application/json"]);
    // a condition protects a change
    world.application.says("HTTP/1.1 204 No Content\r\n\r\n".to_owned());
    let change = "If-Match: \"a\"\r\nContent-Type: application/pdf\r\nContent-Length: 2\r\n";
    let changed = world.raw(&format!("{}ok", request("PUT", "/card", change)));
    assert_eq!(changed.status, 204, "{}", changed.text());
    assert_eq!(world.application.take().remove(0).values("if-match"), ["\"a\""]);
}

#[test]
fn nothing_of_the_head_speaks_of_the_unfiltered_answer() {
    let world = world();
    let fields = format!(
        "{JSON}ETag: \"a\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nAccept-Ranges: bytes\r\nContent-MD5: x\r\nDigest: x\r\n\
         Cache-Control: public, max-age=60\r\nX-Own: 1\r\nSet-Cookie: a=1\r\n"
    );
    for target in ["GET /stock", "HEAD /stock"] {
        world.application.says(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{fields}\r\n{LIST}", LIST.len()));
        let (method, target) = target.split_once(' ').unwrap();
        let shown =
            String::from_utf8(world.anybody().raw(request(method, target, "").as_bytes())).unwrap().to_lowercase();
        for name in ["etag", "last-modified", "accept-ranges", "content-md5", "digest", "max-age=60"] {
            assert!(!shown.contains(name), "{name} in {shown}");
        }
        assert!(
            shown.contains("x-own: 1")
                && shown.contains("set-cookie: a=1")
                && shown.contains("cache-control: private, no-store")
        );
        assert!(!shown.contains(&format!("content-length: {}\r\n", LIST.len())), "{shown}");
    }
}

#[test]
fn an_answer_of_another_kind_is_not_let_through_and_says_why_on_record() {
    let world = world();
    let secret = r#"{"items":[{"warehouse":"Guangzhou"}]}"#;
    for (status, fields, body, reason) in [
        ("200 OK", "Content-Type: text/html\r\n", "<p>Guangzhou</p>", "answer-unexpected"),
        ("200 OK", "", secret, "answer-unexpected"),
        ("200 OK", "Content-Type: application/json; charset=gbk\r\n", secret, "answer-unexpected"),
        ("200 OK", "Content-Type: application/json\r\nContent-Encoding: x-odd\r\n", secret, "answer-unexpected"),
        ("200 OK", "Content-Type: application/javascript\r\n", secret, "answer-unexpected"),
        (
            "206 Partial Content",
            "Content-Type: application/json\r\nContent-Range: bytes 0-9/40\r\n",
            secret,
            "answer-unexpected",
        ),
        ("206 Partial Content", "Content-Type: multipart/byteranges; boundary=x\r\n", secret, "answer-unexpected"),
        ("200 OK", JSON, r#"cb({"items":[{"warehouse":"Guangzhou"}]})"#, "answer-unreadable"),
        ("200 OK", JSON, r#"{"items":[{"warehouse":"Guangzhou"}"#, "answer-unreadable"),
        ("200 OK", JSON, r#"{"data":{"items":[{"warehouse":"Guangzhou"}]}}"#, "answer-unreadable"),
        (
            "200 OK",
            JSON,
            "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"Guangzhou\"",
            "answer-unreadable",
        ),
    ] {
        let shown = seen(&world, "/stock", status, fields, body);
        assert_eq!((shown.status, shown.reason()), (502, Some(reason)), "{fields}{body}");
        assert!(!shown.text().contains("Guangzhou"), "{}", shown.text());
    }
    let records = world.end();
    assert_eq!(outcome(&records, 0)["late_reason"], "answer-unexpected");
    assert!(outcome(&records, 7)["late_detail"].as_str().unwrap().contains("not JSON at byte 0"));
}

#[test]
fn an_answer_without_a_body_passes_and_a_redirect_loses_its_own() {
    let world = world();
    assert_eq!(seen(&world, "/stock", "200 OK", JSON, "").status, 200);
    world.application.says("HTTP/1.1 204 No Content\r\n\r\n".to_owned());
    assert_eq!(world.raw(&request("GET", "/stock", "")).status, 204);
    let shown =
        seen(&world, "/stock", "302 Found", "Location: /login\r\nContent-Type: text/html\r\n", "<p>Guangzhou</p>");
    assert_eq!((shown.status, shown.field("location"), shown.text().as_str()), (302, Some("/login"), ""));
    world.application.says("HTTP/1.1 304 Not Modified\r\n\r\n".to_owned());
    assert_eq!(world.raw(&request("GET", "/stock", "")).reason(), Some("answer-unexpected"));
}

#[test]
fn what_the_application_says_of_errors_is_withheld_and_its_status_is_not() {
    let world = world();
    let fields = format!("{JSON}Set-Cookie: a=1\r\nWWW-Authenticate: Basic realm=\"x\"\r\nX-Row: Guangzhou\r\n");
    let shown = seen(&world, "/stock", "401 Unauthorized", &fields, r#"{"error":"Guangzhou"}"#);
    assert_eq!((shown.status, shown.reason()), (401, Some("answer-withheld")));
    assert_eq!(shown.field("www-authenticate"), Some("Basic realm=\"x\""));
    assert!(
        shown.fields.iter().any(|(name, value)| name.eq_ignore_ascii_case("set-cookie") && value.starts_with("a=1"))
    );
    assert!(!shown.text().contains("Guangzhou") && shown.field("x-row").is_none());
    let shown = seen(&world, "/card", "422 Unprocessable", JSON, r#"{"error":"no","cost":7}"#);
    assert_eq!((shown.status, shown.text().as_str()), (422, r#"{"error":"no"}"#));
}

#[test]
fn an_answer_that_breaks_in_the_middle_never_looks_complete() {
    let world = world();
    let rows = format!(r#"{{"warehouse":"HF","note":"{}"}},"#, "x".repeat(1000)).repeat(400);
    let body = format!(r#"{{"items":[{rows}{{"warehouse":"Guangzhou"}},nonsense]}}"#);
    world.application.says(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{JSON}\r\n{body}", body.len()));
    let bytes = world.anybody().raw(request("GET", "/stock", "").as_bytes());
    let text = String::from_utf8_lossy(&bytes);
    assert!(
        text.starts_with("HTTP/1.1 200") && text.contains("transfer-encoding: chunked")
            || text.contains("Transfer-Encoding: chunked")
    );
    assert!(!text.ends_with("0\r\n\r\n") && !text.contains("Guangzhou"), "{}", &text[text.len() - 200..]);
    world.await_metric("scopegate_refusals_total{class=\"upstream\"}", 1);
    let records = world.end();
    let outcome = outcome(&records, 0);
    assert_eq!((&outcome["completion"], &outcome["late_reason"]), (&"closed".into(), &"answer-unreadable".into()));
    assert!(outcome["late_detail"].as_str().unwrap().contains("none of JSON"), "{outcome}");
}

#[test]
fn rows_of_an_open_stream_come_as_they_are_sent_until_the_rights_to_them_change() {
    let world = world();
    let line = "{\"warehouse\":\"Guangzhou\"}\n{\"warehouse\":\"HF\",\"n\":1}\n";
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/x-ndjson\r\n\r\n";
    world.application.says(format!("{head}{:x}\r\n{line}\r\n", line.len()));
    let stream = TcpStream::connect(world.address).unwrap();
    let name = "wms.test".try_into().unwrap();
    let mut tls =
        rustls::StreamOwned::new(rustls::ClientConnection::new(Arc::new(world.config()), name).unwrap(), stream);
    tls.write_all(request("GET", "/stock", "").as_bytes()).unwrap();
    let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&read).contains("\"n\":1") {
        let count = tls.read(&mut buffer).unwrap();
        assert!(count > 0, "the stream ended");
        read.extend_from_slice(&buffer[..count]);
    }
    assert!(!String::from_utf8_lossy(&read).contains("Guangzhou"));

    // Fewer rows may be seen from now on: the stream, which is filtered by the old rights, ends.
    let people = world.rules().join("people.yaml");
    let text = std::fs::read_to_string(&people).unwrap();
    std::fs::write(people, text.replace("warehouse: [HF, SH]", "warehouse: [HF]")).unwrap();
    tls.sock.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
    world.gateway.as_ref().unwrap().reload().unwrap();
    let mut rest = Vec::new();
    let _ = tls.read_to_end(&mut rest);
    assert!(!String::from_utf8_lossy(&rest).contains("0\r\n\r\n"), "it looks complete");
    let records = world.end();
    let outcome = outcome(&records, 0);
    assert_eq!((&outcome["completion"], &outcome["late_reason"]), (&"closed".into(), &"not-granted".into()));
}

#[test]
fn a_masked_field_is_no_key_to_search_or_sort_by() {
    let world = world();
    for target in
        ["/stock?sort=cost", "/stock?sort=-Cost", "/stock?sort=s.cost+desc", "/stock?sort=name,PRICE", "/stock?q=5"]
    {
        let shown = world.raw(&request("GET", target, ""));
        assert_eq!((shown.status, shown.reason()), (403, Some("hidden-key")), "{target}");
    }
    assert!(world.application.take().is_empty(), "the application received what was refused");
    world.application.says(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{JSON}\r\n{LIST}", LIST.len()));
    assert_eq!(world.raw(&request("GET", "/stock?sort=name&q=", "")).status, 200);
}

#[test]
fn a_route_that_only_observes_filters_nothing() {
    let world = world();
    let shown = seen(&world, "/free", "200 OK", "Content-Type: text/html\r\n", "<p>Guangzhou</p>");
    assert_eq!((shown.status, shown.text().as_str()), (200, "<p>Guangzhou</p>"));
}

#[test]
fn a_parameter_that_the_rule_does_not_name_is_refused_on_a_filtered_route() {
    let world = world();
    assert_eq!(world.raw(&request("GET", "/stock?order=cost", "")).reason(), Some("unknown-parameter"));
    assert!(parse(&world.anybody().raw(request("GET", "/card?format=xml", "").as_bytes())).unwrap().reason().is_some());
}
