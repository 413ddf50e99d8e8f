//! Lookups by the answer itself: it is held until its warehouse is judged, and then the person gets it, or nothing of it.

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::browser::Seen;
use crate::world::{Gate, Received, World, answer, json as in_json, orders, page};

const RULES: &str = r##"
lookups:
  shown:
    key: int
    response: {}
    value: {css: "#warehouse"}
    cap: 4KiB
  order:
    key: int
    request: {get: "/api/order/{key}"}
    value: {json: /warehouse}
  item:
    key: int
    response: {}
    values: {warehouse: {json: /warehouse}, channel: {json: /channel}}
  listed:
    key: int
    response: {}
    value: {json: /warehouse}
routes:
  - {id: card, match: "GET /card/{id:int}", permission: order:view, scope: {warehouse: {lookup: shown, key: {path: id}}, channel: ignored}}
  - {id: asked, match: "GET /asked/{id:int}", permission: order:view, scope: {warehouse: {lookup: order, key: {path: id}}, channel: ignored}}
  - id: item
    match: GET /item/{id:int}
    permission: order:view
    scope: {warehouse: {lookup: item, key: {path: id}}, channel: {lookup: item, key: {query: ref}}}
  - id: search
    match: POST /search
    permission: order:view
    scope: {warehouse: {lookup: shown, key: {form: id}}, channel: {form: channel, absent: fill}}
  - id: list
    match: GET /list/{id:int}
    permission: order:view
    scope: {warehouse: {lookup: listed, key: {path: id}}}
    answer: {json: {rows: {at: /rows, keep: {channel: /channel}}}}
  - {id: watched, mode: observe, match: "GET /watched/{id:int}", permission: order:view, scope: {warehouse: {lookup: shown, key: {path: id}}, channel: ignored}}
"##;

/// The card of an order in HF, or of one in SH, with much in its head that tells of it.
fn cards(received: &Received) -> Option<String> {
    let marked = |warehouse: &str| {
        let body = format!("<p>card of {warehouse}</p><b id=warehouse>{warehouse}</b>");
        let length = body.len();
        Some(format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nSet-Cookie: SEEN={warehouse}\r\nETag: \"{warehouse}\"\r\n\
             Location: /elsewhere\r\nX-Warehouse: {warehouse}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    };
    match received.line().rsplit_once('/').map(|(_, id)| id) {
        Some("5") => marked("HF"),
        Some("6") => marked("SH"),
        _ => answer("404 Not Found", "text/html", "no such card"),
    }
}

/// What a person sees of a refusal, but for what differs between any two.
fn shown(seen: &Seen) -> (u16, Vec<(String, String)>, String) {
    let same = |(name, _): &&(String, String)| {
        !name.eq_ignore_ascii_case("x-request-id") && !name.eq_ignore_ascii_case("date")
    };
    let fields = seen.fields.iter().filter(same).cloned().collect();
    let id = seen.field("x-request-id").unwrap();
    let text = seen.text();
    let text = text.lines().map(|line| line.replace(id, "ID")).collect::<Vec<_>>().join("\n");
    (seen.status, fields, text)
}

fn decisions(records: &[Value]) -> Vec<(&Value, &Value)> {
    let decided = records.iter().filter(|record| record["kind"] == "decision");
    decided.map(|record| (&record["decision"], &record["reason"])).collect()
}

#[test]
fn an_answer_in_scope_is_released_after_it_was_judged_and_recorded() {
    let mut world = World::new(RULES, cards);
    let mut keeper = world.person("keeper.hf");
    let fields = [
        ("Range", "bytes=0-3"),
        ("If-Range", "\"HF\""),
        ("If-None-Match", "\"HF\""),
        ("If-Modified-Since", "Mon, 21 Sep 2026 00:00:00 GMT"),
        ("Accept-Encoding", "gzip, br"),
    ];
    let seen = keeper.send("GET", "/card/5", &fields, b"");
    let (received, record) = world.permitted(&seen, &["GET /card/5"]);
    assert_eq!(seen.text(), "<p>card of HF</p><b id=warehouse>HF</b>");
    assert_eq!(seen.field("x-warehouse"), Some("HF"));
    for name in ["range", "if-range", "if-none-match", "if-modified-since"] {
        assert_eq!(received.field(name), None, "the answer is wanted whole: {name}");
    }
    assert_eq!(received.field("accept-encoding"), Some("identity"));
    assert_eq!(record["scope"], json!({"warehouse": ["HF"]}));
    assert_eq!(record["lookups"], json!({"shown": ["5: HF (response)"]}));

    let all = world.about(received.field("x-request-id").unwrap());
    assert_eq!(
        decisions(&all),
        [(&json!("held"), &json!("answer-awaited")), (&json!("permit"), &json!("granted"))],
        "{all:#?}"
    );
    assert_eq!(all[0]["lookups"], json!({"shown": ["5: held (response)"]}));
    assert_eq!(world.metric("scopegate_lookups_total{app=\"wms\",lookup=\"shown\",result=\"response\"}"), 1);
    let counted =
        world.metric("scopegate_decisions_total{app=\"wms\",route=\"card\",outcome=\"permit\",reason=\"granted\"}");
    assert_eq!(counted, 1);
    world.end();
    let all = world.about(received.field("x-request-id").unwrap());
    assert_eq!((all.len(), &all[2]["kind"], &all[2]["answer_status"]), (3, &json!("outcome"), &json!(200)));
}

#[test]
fn an_answer_out_of_scope_leaves_no_byte() {
    let mut world = World::new(RULES, |received| {
        if received.line().starts_with("GET /api") || received.line().starts_with("GET /asked") {
            orders(received)
        } else {
            cards(received)
        }
    });
    let mut keeper = world.person("keeper.hf");
    // the browser has the cookie of its device from here on
    assert_eq!(keeper.get("/card/5").status, 200);
    let ordinary = keeper.get("/asked/6");
    let (elsewhere, nowhere) = (keeper.get("/card/6"), keeper.get("/card/7"));
    assert_eq!(shown(&elsewhere), shown(&ordinary), "as where the warehouse was known before");
    assert_eq!(shown(&nowhere), shown(&ordinary), "and as where there is no such card");
    assert_eq!(keeper.cookie("SEEN"), Some("HF"), "no cookie of the card that was withheld");
    world.application.take();

    let name = "scopegate_decisions_total{app=\"wms\",route=\"card\",outcome=\"refuse\",reason=\"out-of-scope\"}";
    assert_eq!(world.metric(name), 1);
    world.end();
    let all = world.about(elsewhere.field("x-request-id").unwrap());
    assert_eq!(
        decisions(&all),
        [(&json!("held"), &json!("answer-awaited")), (&json!("refuse"), &json!("out-of-scope"))]
    );
    assert_eq!(all[1]["lookups"], json!({"shown": ["6: SH (response)"]}));
    assert_eq!(all[1]["scope"], json!({"warehouse": ["SH"]}));
    assert_eq!((&all[2]["upstream_status"], &all[2]["answer_status"]), (&json!(200), &json!(403)));
    let all = world.about(nowhere.field("x-request-id").unwrap());
    assert_eq!((&all[1]["reason"], &all[2]["upstream_status"]), (&json!("object-unknown"), &json!(404)));
}

#[test]
fn an_answer_that_does_not_tell_is_not_released() {
    let secret = "the secret of HF";
    let html = |head: &str, body: &str| {
        Some(format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
    };
    let good = "<b id=warehouse>HF</b>the secret of HF";
    let long = format!("{good}{}", "x".repeat(5000));
    let chunked = |rest: &str| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n";
        Some(format!("{head}{:x}\r\n{good}\r\n{rest}", good.len()).into_bytes())
    };
    let cases = [
        (html("200 OK\r\nContent-Type: text/html", secret), "object-unknown"),
        (html("404 Not Found\r\nContent-Type: text/html", good), "object-unknown"),
        (html("403 Forbidden\r\nContent-Type: text/html", good), "object-unknown"),
        (html("200 OK\r\nContent-Type: text/plain", good), "lookup-failed"),
        (html("200 OK", good), "lookup-failed"),
        (html("200 OK\r\nContent-Type: text/html\r\nContent-Type: text/html", good), "lookup-failed"),
        (html("200 OK\r\nContent-Type: text/html; charset=utf-7", good), "lookup-failed"),
        (html("200 OK\r\nContent-Type: text/html", &format!("{good}<b id=warehouse>SH</b>")), "lookup-failed"),
        (html("200 OK\r\nContent-Type: text/html", &long), "lookup-failed"),
        (html("200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip", good), "lookup-failed"),
        (html("200 OK\r\nContent-Type: text/html\r\nContent-Encoding: sdch", good), "lookup-failed"),
        (html("206 Partial Content\r\nContent-Type: text/html\r\nContent-Range: bytes 0-37/99", good), "lookup-failed"),
        (html("201 Created\r\nContent-Type: text/html", good), "lookup-failed"),
        (html("302 Found\r\nContent-Type: text/html\r\nLocation: /secret", good), "lookup-failed"),
        (html("500 Oops\r\nContent-Type: text/html", good), "lookup-failed"),
        (Some(b"HTTP/1.1 304 Not Modified\r\nETag: \"the secret\"\r\n\r\n".to_vec()), "lookup-failed"),
        (Some(b"HTTP/1.1 204 No Content\r\nX-Secret: the secret\r\n\r\n".to_vec()), "lookup-failed"),
        (chunked("zz\r\n"), "lookup-failed"),
        (Some(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd".to_vec()), "upstream-protocol"),
        (Some(b"garbage of the secret\r\n\r\n".to_vec()), "upstream-protocol"),
    ];
    let now: Arc<Mutex<Option<Vec<u8>>>> = Arc::default();
    let script = Arc::clone(&now);
    let world = World::new(RULES, move |_| script.lock().unwrap().clone());
    let mut lead = world.person("lead");
    for (told, reason) in cases {
        now.lock().unwrap().clone_from(&told);
        let text = String::from_utf8_lossy(told.as_deref().unwrap()).into_owned();
        let seen = lead.get("/card/5");
        let lines = world.application.lines();
        assert!(lines.iter().all(|line| line == "GET /card/5") && (1..=2).contains(&lines.len()), "{lines:?}");
        let shown = if reason == "object-unknown" { "out-of-scope" } else { reason };
        let record = world.refused(&seen, reason, shown, &[]);
        let all = format!("{:?} {}", seen.fields, seen.text());
        for mark in ["secret", "HF", "warehouse", "Content-Range", "etag", "ETag"] {
            assert!(!all.contains(mark), "{mark} of {text} in {all}");
        }
        assert!(record["lookups"]["shown"][0].as_str().unwrap().starts_with("5: "), "{record:#}");
        let all = world.about(seen.field("x-request-id").unwrap());
        assert_eq!(decisions(&all)[0].0, "held");
        assert_eq!(decisions(&all).len(), 2, "{text}");
    }
}

#[test]
fn an_answer_that_is_not_whole_in_time_is_not_waited_for() {
    let rules = RULES.replacen("    cap: 4KiB\n", "    cap: 4KiB\n    within: 1s\n", 1);
    // a head that promises more than comes
    let drip = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 900\r\n\r\n<b id=warehouse>HF</b>";
    let (gate, drawn) = (Gate::default(), Gate::default());
    let (shut, open) = (gate.clone(), drawn.clone());
    let world = World::new(&rules, move |received| {
        if received.line() == "GET /card/5" {
            return Some(drip);
        }
        open.open();
        shut.pass();
        None
    });
    let mut keeper = world.person("keeper.hf");
    let seen = keeper.get("/card/5");
    world.application.await_line("GET /card/5");
    let record = world.refused(&seen, "lookup-timeout", "lookup-timeout", &["GET /card/5"]);
    assert_eq!(record["lookups"], json!({"shown": ["5: lookup-timeout (response)"]}));
    // and where nothing comes at all
    let seen = keeper.get("/card/6");
    drawn.pass();
    world.refused(&seen, "lookup-timeout", "lookup-timeout", &["GET /card/6"]);
    gate.open();
    assert_eq!(world.metric("scopegate_lookups_total{app=\"wms\",lookup=\"shown\",result=\"timeout\"}"), 2);
}

#[test]
fn an_answer_in_a_coding_nobody_asked_for_is_judged_without_it() {
    let world = World::new(RULES, |received| {
        let warehouse = if received.line().ends_with('5') { "HF" } else { "SH" };
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(format!("<b id=warehouse>{warehouse}</b>").as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: ";
        Some([head.as_bytes(), packed.len().to_string().as_bytes(), b"\r\n\r\n", &packed].concat())
    });
    let mut keeper = world.person("keeper.hf");
    let seen = keeper.get("/card/5");
    world.permitted(&seen, &["GET /card/5"]);
    assert_eq!((seen.field("content-encoding"), &seen.body[..2]), (Some("gzip"), &b"\x1f\x8b"[..]));
    world.refused(&keeper.get("/card/6"), "out-of-scope", "out-of-scope", &["GET /card/6"]);
}

#[test]
fn a_chunked_answer_is_released_without_its_trailers() {
    let world = World::new(RULES, |_| {
        let body = "<b id=warehouse>HF</b>";
        let head = "HTTP/1.1 103 Early Hints\r\nLink: </secret>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        Some(format!("{head}{:x}\r\n{body}\r\n0\r\nX-Late: secret\r\n\r\n", body.len()))
    });
    let raw = world.person("keeper.hf");
    let key = raw.own_fields()[0].1.clone();
    let head = format!(
        "GET /card/5 HTTP/1.1\r\nHost: wms.test\r\nX-Api-Key: {key}\r\nTE: trailers\r\nConnection: close, TE\r\n\r\n"
    );
    let bytes = raw.raw(head.as_bytes());
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.starts_with("HTTP/1.1 200 OK") && text.ends_with("<b id=warehouse>HF</b>"), "{text}");
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn an_answer_judges_one_object_only() {
    let world = World::new(RULES, |_| in_json(r#"{"warehouse": "HF", "channel": "web"}"#));
    let mut keeper = world.person("keeper.hf");
    let (_, record) = world.permitted(&keeper.get("/item/5?ref=5"), &["GET /item/5?ref=5"]);
    assert_eq!(record["scope"], json!({"warehouse": ["HF"], "channel": ["web"]}));
    let record = world.refused(&keeper.get("/item/5?ref=6"), "lookup-failed", "lookup-failed", &[]);
    assert!(record["detail"].as_str().unwrap().contains("several objects"), "{record:#}");
}

#[test]
fn a_head_is_judged_by_the_whole_answer_and_answered_without_its_body() {
    let world = World::new(RULES, cards);
    let mut keeper = world.person("keeper.hf");
    let seen = keeper.send("HEAD", "/card/5", &[], b"");
    world.permitted(&seen, &["GET /card/5"]);
    assert_eq!((seen.field("x-warehouse"), seen.body.len()), (Some("HF"), 0));
    let seen = keeper.send("HEAD", "/card/6", &[], b"");
    assert_eq!((seen.status, seen.field("x-warehouse"), seen.body.len()), (403, None, 0));
    assert_eq!(seen.field("x-scopegate-reason"), Some("out-of-scope"));
}

#[test]
fn whoever_may_nothing_makes_the_application_answer_nothing() {
    let world = World::new(RULES, cards);
    assert_eq!(world.anybody().get("/card/5").reason(), Some("unauthenticated"));
    assert_eq!(world.person("keeper.hf").get("/card/5?x=1").reason(), Some("unknown-parameter"));
    assert!(world.application.lines().is_empty());
}

/// People, with others for the keeper of HF.
fn instead(assignments: &'static str) -> impl FnOnce(&std::path::Path) {
    move |folder| {
        let file = folder.join("people.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        let old = "[{role: keeper, scope: {warehouse: HF, channel: all}}]";
        assert!(text.contains(old), "{text}");
        std::fs::write(&file, text.replacen(old, assignments, 1)).unwrap();
    }
}

#[test]
fn a_right_that_ends_while_the_answer_is_held_is_not_used() {
    let (asked, gate) = (Gate::default(), Gate::default());
    let (asking, shut) = (asked.clone(), gate.clone());
    let people = "[{role: keeper, scope: {warehouse: HF, channel: all}, until: \"2026-09-21T15:00:00Z\"}]";
    let script = move |received: &Received| {
        asking.open();
        shut.pass();
        cards(received)
    };
    let world = World::with(RULES, script, instead(people));
    let mut keeper = world.person("keeper.hf");
    let seen = std::thread::scope(|scope| {
        let view = scope.spawn(|| keeper.get("/card/5"));
        asked.pass();
        world.clock.forward(3600);
        gate.open();
        view.join().unwrap()
    });
    let record = world.refused(&seen, "assignment-ended", "assignment-ended", &["GET /card/5"]);
    assert_eq!(record["lookups"], json!({"shown": ["5: HF (response)"]}));
    assert!(!seen.text().contains("card of"));
}

/// An application that finds order 5 in HF and every other in SH, before which the keeper of HF has these assignments instead.
fn searched(people: &'static str) -> World {
    let find = |received: &Received| {
        let warehouse = if received.body.starts_with("id=5") { "HF" } else { "SH" };
        page(&format!("<b id=warehouse>{warehouse}</b>"))
    };
    World::with(RULES, find, instead(people))
}

#[test]
fn one_box_holds_what_the_request_and_its_answer_tell() {
    // web in HF, shop in SH: neither box holds a card of SH that is asked for by way of the web
    let people =
        "[{role: keeper, scope: {warehouse: HF, channel: web}}, {role: keeper, scope: {warehouse: SH, channel: shop}}]";
    let world = searched(people);
    let mut keeper = world.person("keeper.hf");
    let find =
        |keeper: &mut crate::browser::Browser, id, channel| keeper.post("/search", &[("id", id), ("channel", channel)]);
    world.permitted(&find(&mut keeper, "5", "web"), &["POST /search"]);
    world.permitted(&find(&mut keeper, "6", "shop"), &["POST /search"]);
    for (id, channel) in [("5", "shop"), ("6", "web")] {
        let seen = find(&mut keeper, id, channel);
        world.refused(&seen, "out-of-scope", "out-of-scope", &["POST /search"]);
    }
}

#[test]
fn a_request_that_the_answer_would_have_changed_is_refused() {
    let people =
        "[{role: keeper, scope: {warehouse: HF, channel: all}}, {role: keeper, scope: {warehouse: SH, channel: web}}]";
    let world = searched(people);
    let mut keeper = world.person("keeper.hf");
    let seen = keeper.post("/search", &[("id", "5")]);
    let (received, _) = world.permitted(&seen, &["POST /search"]);
    assert_eq!(received.body, "id=5", "all channels of HF");
    // in SH the channel would have been filled in
    let seen = keeper.post("/search", &[("id", "6")]);
    let record = world.refused(&seen, "out-of-scope", "out-of-scope", &["POST /search"]);
    assert!(record["detail"].as_str().unwrap().contains("changed the request"), "{record:#}");
    let seen = keeper.post("/search", &[("id", "6"), ("channel", "web")]);
    world.permitted(&seen, &["POST /search"]);
}

#[test]
fn rows_of_a_held_answer_are_judged_with_what_it_told() {
    let people =
        "[{role: keeper, scope: {warehouse: HF, channel: web}}, {role: keeper, scope: {warehouse: SH, channel: shop}}]";
    let world = World::with(
        RULES,
        |received| {
            let warehouse = if received.line().ends_with('5') { "HF" } else { "SH" };
            in_json(&format!(
                r#"{{"warehouse":"{warehouse}","rows":[{{"no":1,"channel":"web"}},{{"no":2,"channel":"shop"}}]}}"#
            ))
        },
        instead(people),
    );
    let mut keeper = world.person("keeper.hf");
    for (target, warehouse, row) in [("/list/5", "HF", (1, "web")), ("/list/6", "SH", (2, "shop"))] {
        let seen = keeper.get(target);
        world.permitted(&seen, &[&format!("GET {target}")]);
        assert_eq!(seen.json(), json!({"warehouse": warehouse, "rows": [{"no": row.0, "channel": row.1}]}));
    }
}

#[test]
fn a_route_that_observes_holds_nothing_and_says_so() {
    let world = World::new(RULES, cards);
    let seen = world.person("keeper.hf").get("/watched/6");
    assert_eq!((seen.status, seen.field("x-warehouse")), (200, Some("SH")));
    let received = world.application.take().remove(0);
    let record = world.decision(received.field("x-request-id").unwrap());
    assert_eq!((&record["decision"], &record["reason"]), (&json!("observed"), &json!("lookup-failed")));
    assert!(record["detail"].as_str().unwrap().contains("observes"), "{record:#}");
}

#[test]
fn whoever_goes_away_while_the_answer_is_held_is_on_record_as_gone() {
    let (asked, gate) = (Gate::default(), Gate::default());
    let (asking, shut) = (asked.clone(), gate.clone());
    let mut world = World::new(RULES, move |received| {
        asking.open();
        shut.pass();
        cards(received)
    });
    let keeper = world.person("keeper.hf");
    let mut stream = keeper.connect();
    let key = &keeper.own_fields()[0].1;
    let head = format!("GET /card/6 HTTP/1.1\r\nHost: wms.test\r\nX-Api-Key: {key}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.flush().unwrap();
    asked.pass();
    drop(stream);
    gate.open();
    let request = world.application.take()[0].field("x-request-id").unwrap().to_owned();
    world.end();
    let all = world.about(&request);
    assert_eq!(decisions(&all)[0].0, "held");
    // whether it was still decided is a matter of who was faster; it was never permitted, and has its one outcome
    assert!(decisions(&all)[1..].iter().all(|(decision, _)| *decision == "refuse"), "{all:#?}");
    assert_eq!(all.iter().filter(|record| record["kind"] == "outcome").count(), 1, "{all:#?}");
}
