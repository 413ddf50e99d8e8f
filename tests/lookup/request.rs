//! Lookups that ask the application: what is asked, what is believed, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use crate::world::{Gate, World, answer, json, orders, page};

/// One order by its number, in the caller's name; believed for 30 seconds.
const RULES: &str = r#"
lookups:
  order:
    key: int
    request: {get: "/api/order/{key}"}
    value: {json: /warehouse}
    keep: 30s
routes:
  - {id: card, match: "GET /order/{id:int}", permission: order:view, scope: {warehouse: {lookup: order, key: {path: id}}, channel: ignored}}
  - id: change
    match: POST /order/change
    permission: order:change
    scope: {warehouse: {lookup: order, key: {form: id}}, channel: ignored}
    params: {note: {at: {form: note}}}
  - id: move
    match: POST /order/move
    permission: order:move
    scope: {warehouse: [{lookup: order, key: {form: id}}, {form: to}], channel: ignored}
  - id: edit
    match: POST /order/edit
    permission: order:change
    scope: {warehouse: [{lookup: order, key: {form: id}}, {form: warehouse, absent: stays}], channel: ignored}
  - id: bulk
    match: POST /orders
    permission: order:view
    scope: {warehouse: {lookup: order, key: {json: /ids}}, channel: ignored}
    params: {ids: {at: {json: /ids}, type: {list: {of: int}}}}
  - id: rebuild
    match: POST /rebuild
    permission: order:change
    scope: {warehouse: {form: warehouse}, channel: ignored}
    forgets: {order: all}
"#;

#[test]
fn an_order_is_judged_by_the_warehouse_that_the_application_tells() {
    let world = World::new(RULES, orders);
    let mut keeper = world.person("keeper.hf").with("Cookie", "SID=abc").with("X-Secret", "1");
    let seen = keeper.get("/order/5");
    let all = world.application.take();
    assert_eq!((seen.status, all[0].line(), all[1].line()), (200, "GET /api/order/5", "GET /order/5"));
    // nothing of the client's head but its session goes with the question
    let head: Vec<&str> = all[0].head.lines().skip(1).filter_map(|line| Some(line.split_once(':')?.0)).collect();
    assert_eq!(head, ["Host", "Accept", "User-Agent", "Cookie", "X-Request-Id"]);
    assert_eq!(all[0].field("cookie"), Some("SID=abc"));
    let record = world.decision(all[1].field("x-request-id").unwrap());
    assert_eq!(record["scope"], json!({"warehouse": ["HF"]}));
    assert_eq!(record["lookups"], json!({"order": ["5: HF (request)"]}));
    assert_eq!(world.metric("scopegate_lookups_total{app=\"wms\",lookup=\"order\",result=\"request\"}"), 1);

    let seen = world.person("keeper.sh").get("/order/5");
    let record = world.refused(&seen, "out-of-scope", "out-of-scope", &["GET /api/order/5"]);
    assert_eq!(record["lookups"], json!({"order": ["5: HF (request)"]}));
}

#[test]
fn an_unknown_order_looks_like_one_out_of_scope() {
    let world = World::new(RULES, orders);
    let mut keeper = world.person("keeper.hf");
    // the browser has the cookie of its device from here on
    assert_eq!(keeper.get("/order/5").status, 200);
    let (elsewhere, nowhere) = (keeper.get("/order/6"), keeper.get("/order/7"));
    world.application.take();
    let shown = |seen: &crate::browser::Seen| {
        let same = |(name, _): &&(String, String)| {
            !name.eq_ignore_ascii_case("x-request-id") && !name.eq_ignore_ascii_case("date")
        };
        let fields: Vec<_> = seen.fields.iter().filter(same).cloned().collect();
        let id = seen.field("x-request-id").unwrap();
        (seen.status, fields, seen.text().replace(id, "ID"))
    };
    assert_eq!(shown(&elsewhere), shown(&nowhere));
    assert_eq!(world.refusal(&elsewhere)["reason"], "out-of-scope");
    let record = world.refusal(&nowhere);
    assert_eq!(
        (&record["reason"], &record["lookups"]),
        (&json!("object-unknown"), &json!({"order": ["7: unknown (request)"]}))
    );
}

#[test]
fn what_was_found_is_believed_for_its_time_and_in_one_name() {
    let world = World::new(RULES, orders);
    let mut keeper = world.person("keeper.hf");
    world.permitted(&keeper.get("/order/5"), &["GET /api/order/5", "GET /order/5"]);
    let (_, record) = world.permitted(&keeper.get("/order/5"), &["GET /order/5"]);
    assert_eq!(record["lookups"], json!({"order": ["5: HF (hit)"]}));
    // another person's session may be told something else
    world.permitted(&world.person("lead").get("/order/5"), &["GET /api/order/5", "GET /order/5"]);
    world.clock.forward(29);
    world.permitted(&keeper.get("/order/5"), &["GET /order/5"]);
    world.clock.forward(1);
    world.permitted(&keeper.get("/order/5"), &["GET /api/order/5", "GET /order/5"]);
    assert_eq!(world.metric("scopegate_lookups_total{app=\"wms\",lookup=\"order\",result=\"hit\"}"), 2);
}

#[test]
fn a_change_that_passes_is_followed_by_another_question() {
    let world = World::new(RULES, orders);
    let mut keeper = world.person("keeper.hf");
    world.permitted(&keeper.get("/order/5"), &["GET /api/order/5", "GET /order/5"]);
    world.permitted(&keeper.post("/order/change", &[("id", "5")]), &["POST /order/change"]);
    world.permitted(&keeper.get("/order/5"), &["GET /api/order/5", "GET /order/5"]);
    // what says that it may change any of them, too
    world.permitted(&keeper.post("/rebuild", &[("warehouse", "HF")]), &["POST /rebuild"]);
    world.permitted(&keeper.get("/order/5"), &["GET /api/order/5", "GET /order/5"]);
    // a change of another order is none of this one
    world.permitted(
        &world.person("lead").post("/order/change", &[("id", "6")]),
        &["GET /api/order/6", "POST /order/change"],
    );
    world.permitted(&keeper.get("/order/5"), &["GET /order/5"]);
}

#[test]
fn an_order_that_was_moved_meanwhile_is_gone_for_its_old_keeper() {
    let moved = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&moved);
    let world = World::new(RULES, move |received| match received.line() {
        "GET /api/order/5" if told.load(Ordering::SeqCst) == 1 => json(r#"{"warehouse": "SH"}"#),
        "POST /order/move" => {
            told.store(1, Ordering::SeqCst);
            page("moved")
        }
        _ => orders(received),
    });
    let mut keeper = world.person("keeper.hf");
    world.permitted(&keeper.get("/order/5"), &["GET /api/order/5", "GET /order/5"]);
    // both ends of the move must be the mover's own
    let seen = keeper.post("/order/move", &[("id", "5"), ("to", "SH")]);
    world.refused(&seen, "out-of-scope", "out-of-scope", &[]);
    let seen = world.person("keeper.sh").post("/order/move", &[("id", "5"), ("to", "SH")]);
    world.refused(&seen, "out-of-scope", "out-of-scope", &["GET /api/order/5"]);
    let seen = world.person("keeper.east").post("/order/move", &[("id", "5"), ("to", "SH")]);
    let (_, record) = world.permitted(&seen, &["GET /api/order/5", "POST /order/move"]);
    assert_eq!(record["scope"], json!({"warehouse": ["HF", "SH"]}));
    let seen = keeper.get("/order/5");
    world.refused(&seen, "out-of-scope", "out-of-scope", &["GET /api/order/5"]);
}

#[test]
fn a_change_is_judged_by_where_it_puts_the_object_where_it_says_so() {
    let world = World::new(RULES, orders);
    let mut keeper = world.person("keeper.hf");
    world.permitted(&keeper.post("/order/edit", &[("id", "5")]), &["GET /api/order/5", "POST /order/edit"]);
    let (received, _) = world.permitted(
        &keeper.post("/order/edit", &[("id", "5"), ("warehouse", "")]),
        &["GET /api/order/5", "POST /order/edit"],
    );
    assert_eq!(received.body, "id=5", "an empty value counts as absent and is taken off");
    let seen = keeper.post("/order/edit", &[("id", "5"), ("warehouse", "SH")]);
    world.refused(&seen, "out-of-scope", "out-of-scope", &["GET /api/order/5"]);
    let seen = keeper.post("/order/edit", &[("warehouse", "HF")]);
    world.refused(&seen, "scope-missing", "scope-missing", &[]);
}

#[test]
fn a_value_that_was_asked_for_during_a_change_is_not_believed() {
    let (asked, changed) = (Gate::default(), Gate::default());
    let (asking, changing) = (asked.clone(), changed.clone());
    let questions = AtomicU64::new(0);
    let world = World::new(RULES, move |received| match received.line() {
        // the second question is answered with what was true before the change, and only after the change has begun
        "GET /api/order/5" if questions.fetch_add(1, Ordering::SeqCst) == 1 => {
            asking.pass();
            json(r#"{"warehouse": "HF"}"#)
        }
        "POST /order/change" => {
            changing.pass();
            page("changed")
        }
        _ => orders(received),
    });
    let (mut lead, mut keeper) = (world.person("lead"), world.person("keeper.hf"));
    std::thread::scope(|scope| {
        let change = scope.spawn(move || lead.post("/order/change", &[("id", "5")]));
        world.application.await_line("POST /order/change");
        let view = scope.spawn(move || keeper.get("/order/5"));
        asked.open();
        assert_eq!(view.join().unwrap().status, 200);
        changed.open();
        assert_eq!(change.join().unwrap().status, 200);
    });
    world.application.take();
    let seen = world.person("keeper.hf").get("/order/5");
    world.permitted(&seen, &["GET /api/order/5", "GET /order/5"]);
}

#[test]
fn those_who_ask_the_same_at_once_ask_once() {
    let gate = Gate::default();
    let shut = gate.clone();
    let world = World::new(RULES, move |received| {
        if received.line() == "GET /api/order/5" {
            shut.pass();
        }
        orders(received)
    });
    std::thread::scope(|scope| {
        let views: Vec<_> = (0..4)
            .map(|_| world.person("keeper.hf"))
            .map(|mut keeper| scope.spawn(move || keeper.get("/order/5")))
            .collect();
        world.application.await_line("GET /api/order/5");
        // the others wait on the same core; whoever comes later finds the value kept
        gate.open();
        assert!(views.into_iter().all(|view| view.join().unwrap().status == 200));
    });
    let lines = world.application.lines();
    assert_eq!(lines.iter().filter(|line| *line == "GET /api/order/5").count(), 1, "{lines:?}");
}

#[test]
fn each_of_a_list_is_looked_up_and_judged() {
    let world = World::new(RULES, orders);
    let mut keeper = world.person("keeper.hf");
    let seen = keeper.json("POST", "/orders", &json!({"ids": [5]}));
    world.permitted(&seen, &["GET /api/order/5", "POST /orders"]);
    let seen = keeper.json("POST", "/orders", &json!({"ids": [5, 6]}));
    let record = world.refused(&seen, "out-of-scope", "out-of-scope", &["GET /api/order/6"]);
    assert_eq!(record["lookups"], json!({"order": ["5: HF (hit)", "6: SH (request)"]}));
    let seen = keeper.json("POST", "/orders", &json!({"ids": [5, 7]}));
    world.refused(&seen, "object-unknown", "out-of-scope", &["GET /api/order/7"]);
    let mut east = world.person("keeper.east");
    let seen = east.json("POST", "/orders", &json!({"ids": [5, 6, 5]}));
    assert_eq!((seen.status, world.application.take().len()), (200, 3), "each is asked about once");
}

#[test]
fn a_key_in_another_spelling_asks_nothing() {
    let world = World::new(RULES, orders);
    let mut keeper = world.person("lead");
    for target in ["/order/05", "/order/+5", "/order/5.0", "/order/5%20"] {
        let seen = keeper.get(target);
        assert!(matches!(seen.reason(), Some("no-route" | "ambiguous-target" | "parameter-type")), "{target} {seen:?}");
    }
    for id in ["05", "+5", " 5", "5;6", "0x5", "5,6"] {
        let seen = keeper.post("/order/change", &[("id", id)]);
        world.refused(&seen, "parameter-type", "parameter-type", &[]);
    }
    assert!(world.application.take().is_empty());
}

#[test]
fn whoever_has_no_right_at_all_makes_nobody_ask() {
    let world = World::new(RULES, orders);
    for (seen, reason) in [
        (world.anybody().get("/order/5"), "unauthenticated"),
        (world.person("keeper.hf").get("/order/5?x=1"), "unknown-parameter"),
        (world.person("keeper.hf").post("/order/move", &[("id", "5")]), "scope-missing"),
    ] {
        assert_eq!(seen.reason(), Some(reason));
    }
    // where a further end is missing the object may be asked about, but nothing passes
    assert!(world.application.lines().iter().all(|line| line.starts_with("GET /api/order/")));
}

#[test]
fn what_does_not_tell_refuses_with_a_reason_of_its_own() {
    let rules = RULES.replace("    keep: 30s\n", "    keep: 30s\n    cap: 1KiB\n");
    let long = format!(r#"{{"warehouse": "HF", "x": "{}"}}"#, "x".repeat(2000));
    let cases = [
        (answer("500 Oops", "application/json", "{}"), "lookup-failed", "500"),
        (answer("302 Found", "text/html", ""), "lookup-failed", "302"),
        (page(r#"{"warehouse": "HF"}"#), "lookup-failed", "text/html"),
        (json(r#"{"warehouse": "HF""#), "lookup-failed", "read"),
        (json(r#"{"warehouse": "HF", "warehouse": "SH"}"#), "lookup-failed", "twice"),
        (json(r#"{"warehouse": ["HF"]}"#), "lookup-failed", "no value"),
        (json(r#"{"warehouse": ""}"#), "lookup-failed", "no value"),
        (json(&long), "lookup-failed", "larger"),
        (json("{}"), "object-unknown", "does not tell"),
        (answer("403 Forbidden", "text/html", ""), "object-unknown", "403"),
        (
            Some("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}".to_owned()),
            "lookup-failed",
            "encoded",
        ),
        (Some("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\nContent-Length: 2\r\n\r\n{}".to_owned()), "lookup-failed", ""),
    ];
    let now = Arc::new(std::sync::Mutex::new(None));
    let script = Arc::clone(&now);
    let world = World::new(&rules, move |_| script.lock().unwrap().clone());
    let mut lead = world.person("lead");
    for (told, reason, detail) in cases {
        *now.lock().unwrap() = told.clone();
        let seen = lead.get("/order/5");
        // a question changes nothing, so it may be asked again on another connection
        let lines = world.application.lines();
        assert!((1..=2).contains(&lines.len()) && lines.iter().all(|line| line == "GET /api/order/5"), "{lines:?}");
        let shown = if reason == "object-unknown" { "out-of-scope" } else { reason };
        let record = world.refused(&seen, reason, shown, &[]);
        assert!(record["detail"].as_str().unwrap().contains(detail), "{told:?}: {record:#}");
    }
}

#[test]
fn an_application_that_does_not_answer_is_not_waited_for() {
    let rules = RULES.replace("    keep: 30s\n", "    keep: 30s\n    within: 1s\n");
    let world = World::new(&rules, |received| if received.line().contains("/api/") { None } else { page("ok") });
    let seen = world.person("lead").get("/order/5");
    world.application.await_line("GET /api/order/5");
    world.refused(&seen, "lookup-timeout", "lookup-timeout", &["GET /api/order/5"]);
    assert_eq!(world.metric("scopegate_lookups_total{app=\"wms\",lookup=\"order\",result=\"timeout\"}"), 1);
}

#[test]
fn several_are_asked_about_with_one_request_where_the_application_can() {
    let rules = RULES.replace(
        "request: {get: \"/api/order/{key}\"}",
        "request: {get: \"/api/order/{key}\", many: {get: \"/api/orders?ids={keys}\", items: /items, key: /id, most: 2}, parallel: 1}",
    );
    let world = World::new(&rules, |received| match received.line() {
        "GET /api/orders?ids=5,6" => json(
            r#"{"items": [{"id": 6, "warehouse": "SH"}, {"id": "5", "warehouse": "HF"}, {"id": 8, "warehouse": "HF"}]}"#,
        ),
        // contradicts itself
        "GET /api/orders?ids=7" => json(r#"{"items": [{"id": 7, "warehouse": "HF"}, {"id": 7, "warehouse": "SH"}]}"#),
        _ => orders(received),
    });
    let mut east = world.person("keeper.east");
    let seen = east.json("POST", "/orders", &json!({"ids": [5, 6]}));
    world.permitted(&seen, &["GET /api/orders?ids=5,6", "POST /orders"]);
    let seen = east.json("POST", "/orders", &json!({"ids": [6, 5]}));
    world.permitted(&seen, &["POST /orders"]);
    // nothing is believed of what nobody asked about
    world.refused(&east.get("/order/8"), "object-unknown", "out-of-scope", &["GET /api/order/8"]);
    let mut lead = world.person("lead");
    let seen = lead.json("POST", "/orders", &json!({"ids": [5, 6, 7]}));
    world.refused(&seen, "object-unknown", "out-of-scope", &["GET /api/orders?ids=5,6", "GET /api/orders?ids=7"]);
}

#[test]
fn a_service_account_asks_with_its_own_credential() {
    let rules = RULES.replace(
        "request: {get: \"/api/order/{key}\"}",
        "request: {get: \"/api/order/{key}\", as: {account: {header: Authorization, secret: {file: reader.secret}}}}",
    );
    let world =
        World::with(&rules, orders, |folder| std::fs::write(folder.join("reader.secret"), "Bearer t0ken\n").unwrap());
    let mut keeper = world.person("keeper.hf").with("Cookie", "SID=abc");
    let seen = keeper.get("/order/5");
    let all = world.application.take();
    assert_eq!((seen.status, all.len()), (200, 2));
    assert_eq!((all[0].field("authorization"), all[0].field("cookie")), (Some("Bearer t0ken"), None));
    assert_eq!((all[1].field("authorization"), all[1].field("cookie")), (None, Some("SID=abc")));
    // what a service account was told holds for everybody
    world.refused(&world.person("keeper.sh").get("/order/5"), "out-of-scope", "out-of-scope", &[]);
}

#[test]
fn a_key_that_leads_to_another_page_asks_nothing() {
    let rules = RULES.replace("key: int", "key: {code: \"[^ ]+\"}").replace("{id:int}", "{id}");
    let world = World::new(&rules, orders);
    let mut lead = world.person("lead");
    for id in ["..", ".", "a/../b", "%2e%2e", "a\\b"] {
        let seen = lead.post("/order/change", &[("id", id)]);
        assert_eq!(seen.reason(), Some("lookup-failed"), "{id}");
        assert!(world.application.take().is_empty(), "{id}");
    }
    let seen = lead.post("/order/change", &[("id", "5&x=1")]);
    world.refused(&seen, "object-unknown", "out-of-scope", &["GET /api/order/5%26x%3D1"]);
}

#[test]
fn an_attribute_is_found_in_a_page_by_selector_and_expression() {
    for value in [
        "value: {css: \"#wh\"}",
        "value: {css: \"tr[data-wh]\", attribute: data-wh}",
        "value: {regex: \"id=wh>([A-Z]+)<\"}",
        "values: {warehouse: {css: \"#code\", map: {\"17\": HF}}}",
    ] {
        let rules = RULES.replace("value: {json: /warehouse}", value);
        let world = World::new(&rules, |received| match received.line() {
            "GET /api/order/5" => page("<table><tr data-wh=HF><td id=wh>HF</td><td id=code> 17 </td></tr></table>"),
            _ => page("ok"),
        });
        world.permitted(&world.person("keeper.hf").get("/order/5"), &["GET /api/order/5", "GET /order/5"]);
        let seen = world.person("keeper.sh").get("/order/5");
        world.refused(&seen, "out-of-scope", "out-of-scope", &["GET /api/order/5"]);
    }
}

#[test]
fn two_names_of_one_order_must_agree() {
    let rules = r#"
lookups:
  order: {key: int, request: {get: "/api/order/{key}"}, values: {warehouse: {json: /warehouse}, channel: {json: /channel}}, keep: 30s}
routes:
  - id: card
    match: POST /order/{id:int}
    permission: order:view
    handles: {order: [{path: id}, {query: ref}, {json: /rows/*/id}]}
    params: {rows: {at: {json: "/rows/*/id"}, type: {list: {of: int}}}}
    scope: {warehouse: {lookup: order, key: {handle: order}}, channel: {lookup: order, key: {handle: order}}}
"#;
    let world = World::new(rules, orders);
    let mut keeper = world.person("keeper.hf");
    let mut post = |target: &str, body: serde_json::Value| keeper.json("POST", target, &body);
    let (_, record) = world.permitted(
        &post("/order/5?ref=5", json!({"rows": [{"id": 5}, {"id": 5}]})),
        &["GET /api/order/5", "POST /order/5?ref=5"],
    );
    assert_eq!(record["scope"], json!({"warehouse": ["HF"], "channel": ["web"]}));
    world.permitted(&post("/order/5", json!({})), &["POST /order/5"]);
    for (target, body) in [
        ("/order/5?ref=6", json!({})),
        ("/order/5", json!({"rows": [{"id": 6}]})),
        ("/order/5", json!({"rows": [{"id": 5}, {"id": 6}]})),
    ] {
        let record = world.refused(&post(target, body), "ambiguous-parameter", "ambiguous-parameter", &[]);
        assert!(record["detail"].as_str().unwrap().contains("name different things"), "{record}");
    }
}

#[test]
fn observe_mode_forwards_what_would_be_refused_and_believes_nothing_afterwards() {
    let rules = format!("mode: observe\n{RULES}");
    let world = World::new(&rules, orders);
    let mut keeper = world.person("keeper.hf");
    let seen = keeper.get("/order/6");
    let all = world.application.take();
    assert_eq!((seen.status, all.len()), (200, 2));
    let record = world.decision(all[1].field("x-request-id").unwrap());
    assert_eq!((&record["decision"], &record["reason"]), (&json!("observed"), &json!("out-of-scope")));
    // what an unjudged request changes is not known
    let seen = keeper.get("/order/6");
    assert_eq!(
        (seen.status, world.application.lines()),
        (200, vec!["GET /api/order/6".to_owned(), "GET /order/6".to_owned()])
    );
}
