//! Lookups that lists teach which pass through: what is learned, from which rows, in whose name, and until when.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::browser::Browser;
use crate::world::{Gate, Received, World, answer, json as in_json, page};

const RULES: &str = r#"
lookups:
  order:
    key: int
    request: {get: "/api/order/{key}"}
    learned:
      - {from: list, items: /orders, key: /id}
      - {from: kept, items: /orders, key: /id}
    value: {json: /warehouse}
    keep: 30s
    cap: 4KiB
  seen:
    key: int
    learned: {from: list, items: /orders, key: /id}
    value: {json: /warehouse}
    keep: 30s
    cap: 4KiB
routes:
  - {id: list, match: GET /orders, permission: order:view, scope: {warehouse: {query: w}, channel: ignored}, others: forward}
  - id: kept
    match: GET /all
    permission: order:view
    scope: {channel: ignored}
    answer: {json: {rows: {at: /orders, keep: {warehouse: /warehouse}}, mask: [{fields: [/orders/*/warehouse], with: {fixed: SH}}]}}
  - {id: card, match: "GET /order/{id:int}", permission: order:view, scope: {warehouse: {lookup: order, key: {path: id}}, channel: ignored}}
  - {id: watched, match: "GET /seen/{id:int}", permission: order:view, scope: {warehouse: {lookup: seen, key: {path: id}}, channel: ignored}}
  - id: change
    match: POST /order/change
    permission: order:change
    scope: {warehouse: {lookup: order, key: {form: id}}, channel: ignored}
"#;

const LIST: &str = r#"{"orders": [{"id": 5, "warehouse": "HF"}, {"id": "6", "warehouse": "SH"}, {"id": 7, "warehouse": "HF"},
    {"id": 8, "warehouse": "HF"}, {"id": 8, "warehouse": "SH"}, {"id": 9}, {"warehouse": "HF"}, {"id": "010", "warehouse": "HF"}]}"#;

fn orders(received: &Received) -> Option<String> {
    match received.line().strip_prefix("GET ") {
        Some(list) if list.starts_with("/orders") || list == "/all" => in_json(LIST),
        Some(one) if one.starts_with("/api/order/") => in_json(r#"{"warehouse": "HF"}"#),
        _ => page("ok"),
    }
}

#[test]
fn a_list_that_passed_tells_of_its_objects_without_a_question() {
    let world = World::new(RULES, orders);
    let mut keeper = world.person("keeper.hf");
    // what no list told of is asked for, or unknown
    world.refused(&keeper.get("/seen/5"), "object-unknown", "out-of-scope", &[]);
    world.permitted(&keeper.get("/orders?w=HF"), &["GET /orders?w=HF"]);
    for target in ["/order/5", "/seen/5", "/order/7"] {
        let (_, record) = world.permitted(&keeper.get(target), &[&format!("GET {target}")]);
        let told = record["lookups"].as_object().unwrap().values().next().unwrap().clone();
        assert_eq!(told, json!([format!("{}: HF (learned)", target.rsplit('/').next().unwrap())]));
    }
    let record = world.refused(&keeper.get("/order/6"), "out-of-scope", "out-of-scope", &[]);
    assert_eq!(record["lookups"], json!({"order": ["6: SH (learned)"]}));
    // what contradicts itself, tells nothing, or is spelled otherwise is not believed
    for (id, told) in [("8", "8"), ("9", "9"), ("10", "10")] {
        let seen = keeper.get(&format!("/seen/{id}"));
        let record = world.refused(&seen, "object-unknown", "out-of-scope", &[]);
        assert_eq!(record["lookups"], json!({"seen": [format!("{told}: unknown (learned)")]}));
    }
    assert_eq!(world.metric("scopegate_lookups_total{app=\"wms\",lookup=\"order\",result=\"learned\"}"), 3);
}

#[test]
fn what_one_person_was_shown_is_believed_of_that_person_and_for_its_time() {
    let world = World::new(RULES, orders);
    let mut keeper = world.person("keeper.hf");
    world.permitted(&keeper.get("/orders?w=HF"), &["GET /orders?w=HF"]);
    world.permitted(&world.person("lead").get("/order/5"), &["GET /api/order/5", "GET /order/5"]);
    world.refused(&world.person("lead").get("/seen/5"), "object-unknown", "out-of-scope", &[]);
    world.clock.forward(29);
    world.permitted(&keeper.get("/order/5"), &["GET /order/5"]);
    world.clock.forward(1);
    world.permitted(&keeper.get("/order/5"), &["GET /api/order/5", "GET /order/5"]);
}

#[test]
fn what_is_shared_is_believed_of_everybody() {
    let rules = RULES.replace("    keep: 30s\n", "    keep: 30s\n    shared: true\n");
    let world = World::new(&rules, orders);
    world.permitted(&world.person("keeper.hf").get("/orders?w=HF"), &["GET /orders?w=HF"]);
    world.permitted(&world.person("lead").get("/seen/5"), &["GET /seen/5"]);
}

#[test]
fn a_change_that_passes_ends_what_was_learned() {
    let world = World::new(RULES, orders);
    let mut keeper = world.person("keeper.hf");
    world.permitted(&keeper.get("/orders?w=HF"), &["GET /orders?w=HF"]);
    world.permitted(&keeper.post("/order/change", &[("id", "5")]), &["POST /order/change"]);
    world.permitted(&keeper.get("/order/5"), &["GET /api/order/5", "GET /order/5"]);
    world.permitted(&keeper.get("/order/7"), &["GET /order/7"]);
}

#[test]
fn nothing_is_learned_from_a_list_that_was_asked_for_before_a_change_ended() {
    let (asked, gate) = (Gate::default(), Gate::default());
    let (asking, shut) = (asked.clone(), gate.clone());
    let world = World::new(RULES, move |received| {
        if received.line() == "GET /orders?w=HF" {
            asking.open();
            shut.pass();
        }
        orders(received)
    });
    let mut keeper = world.person("keeper.hf");
    std::thread::scope(|scope| {
        let mut other = world.person("keeper.hf");
        let list = scope.spawn(move || other.get("/orders?w=HF"));
        asked.pass();
        assert_eq!(keeper.post("/order/change", &[("id", "5")]).status, 200);
        gate.open();
        assert_eq!(list.join().unwrap().status, 200);
    });
    world.application.take();
    world.permitted(&keeper.get("/order/5"), &["GET /api/order/5", "GET /order/5"]);
    // the order that nobody changed is known
    world.permitted(&keeper.get("/order/7"), &["GET /order/7"]);
}

#[test]
fn of_a_hidden_row_nothing_is_learned() {
    for coding in ["identity", "gzip", "zstd, br"] {
        let world = World::new(RULES, orders);
        let mut keeper = world.person("keeper.hf");
        let seen = keeper.send("GET", "/all", &[("Accept-Encoding", coding)], b"");
        world.permitted(&seen, &["GET /all"]);
        if coding == "identity" {
            let shown: Vec<_> = seen.json()["orders"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
            assert_eq!(shown, [json!(5), json!(7), json!(8), json!(null), json!("010")]);
        }
        // what the application told, not what the mask shows
        let (_, record) = world.permitted(&keeper.get("/order/5"), &["GET /order/5"]);
        assert_eq!(record["lookups"], json!({"order": ["5: HF (learned)"]}));
        world.permitted(&keeper.get("/order/6"), &["GET /api/order/6", "GET /order/6"]);
    }
}

#[test]
fn only_a_whole_list_that_has_one_reading_teaches() {
    let packed = {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(LIST.as_bytes()).unwrap();
        packed.finish().unwrap()
    };
    let coded = |coding: &str| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
            packed.len()
        );
        Some([head.as_bytes(), &packed].concat())
    };
    let text = |text: Option<String>| text.map(String::into_bytes);
    let long = format!(r#"{{"orders": [{{"id": 5, "warehouse": "HF"}}], "x": "{}"}}"#, "x".repeat(5000));
    let chunked = |end: &str| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        text(Some(format!("{head}{:x}\r\n{LIST}\r\n{end}", LIST.len())))
    };
    let cases = [
        (coded("gzip"), true),
        (chunked("0\r\n\r\n"), true),
        (coded("br"), false),
        (coded("gzip, x"), false),
        // cut off behind the list
        (chunked(""), false),
        (chunked("zz\r\n"), false),
        (text(answer("201 Created", "application/json", LIST)), false),
        (text(answer("200 OK", "text/html", LIST)), false),
        (text(in_json(&format!("{LIST}{LIST}"))), false),
        (text(in_json(&LIST.replace("\"id\": 5,", "\"id\": 5, \"id\": 6,"))), false),
        (text(in_json(&long)), false),
    ];
    let now: Arc<Mutex<Option<Vec<u8>>>> = Arc::default();
    let script = Arc::clone(&now);
    let world = World::new(RULES, move |received| {
        if received.line().starts_with("GET /orders") {
            return script.lock().unwrap().clone();
        }
        orders(received).map(String::into_bytes)
    });
    for (at, (told, teaches)) in cases.into_iter().enumerate() {
        now.lock().unwrap().clone_from(&told);
        let mut keeper = world.person("keeper.hf");
        let raw = keeper.own_fields()[0].1.clone();
        // as it is cut off in part of the cases
        keeper.raw(
            format!("GET /orders?w=HF HTTP/1.1\r\nHost: wms.test\r\nX-Api-Key: {raw}\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        );
        world.application.take();
        let seen = keeper.get("/seen/5");
        assert_eq!(seen.status == 200, teaches, "case {at}: {}", String::from_utf8_lossy(&told.unwrap()));
        world.clock.forward(60);
    }
}

#[test]
fn a_list_teaches_no_more_than_it_may() {
    let rows: Vec<String> = (1..=1100).map(|id| format!(r#"{{"id":{id},"warehouse":"HF"}}"#)).collect();
    let list = format!(r#"{{"orders":[{}]}}"#, rows.join(","));
    let rules = RULES.replace("    cap: 4KiB\n", "    cap: 1MiB\n");
    let world =
        World::new(
            &rules,
            move |received| {
                if received.line().starts_with("GET /orders") { in_json(&list) } else { orders(received) }
            },
        );
    let mut keeper = world.person("keeper.hf");
    assert_eq!(keeper.get("/orders?w=HF").status, 200);
    world.application.take();
    world.permitted(&keeper.get("/order/1000"), &["GET /order/1000"]);
    world.permitted(&keeper.get("/order/1001"), &["GET /api/order/1001", "GET /order/1001"]);
}

/// Lists of as many rows as a list may teach, each person's of the own warehouse, in a table that holds 64 values in all.
#[test]
fn a_flood_of_lists_drops_what_was_learned_and_lends_nobody_what_another_was_shown() {
    let list = |warehouse: &str| {
        let rows: Vec<String> = (1..=1000).map(|id| format!(r#"{{"id":{id},"warehouse":"{warehouse}"}}"#)).collect();
        format!(r#"{{"orders":[{}]}}"#, rows.join(","))
    };
    let rules = RULES.replace("    cap: 4KiB\n", "    cap: 1MiB\n");
    let (here, there) = (list("HF"), list("SH"));
    let say = move |received: &Received, mut stream: &TcpStream| {
        let text = match received.line() {
            "GET /orders?w=HF" => in_json(&here),
            "GET /orders?w=SH" => in_json(&there),
            _ => page("ok"),
        };
        stream.write_all(text?.as_bytes()).ok()
    };
    let world = World::talking(&rules, say, |_, settings| settings.lookups.values = 64);
    let (mut hf, mut sh) = (world.person("keeper.hf"), world.person("keeper.sh"));
    let known = |of: &mut Browser, warehouse: &str| {
        let mut known = 0;
        for id in (900..=1000).rev() {
            let seen = of.get(&format!("/seen/{id}"));
            let received = world.application.take();
            match received.first() {
                Some(received) => {
                    known += 1;
                    let record = world.decision(received.field("x-request-id").unwrap());
                    assert_eq!(record["lookups"], json!({"seen": [format!("{id}: {warehouse} (learned)")]}));
                    assert_eq!(seen.status, 200);
                }
                None => assert_eq!(world.refusal(&seen)["reason"], "object-unknown"),
            }
        }
        known
    };
    assert_eq!(hf.get("/orders?w=HF").status, 200);
    world.application.take();
    let before = known(&mut hf, "HF");
    assert!((1..=64).contains(&before), "{before}");
    // the other's list pushes all of that out, and tells nothing of it
    assert_eq!(sh.get("/orders?w=SH").status, 200);
    world.application.take();
    assert_eq!(known(&mut hf, "HF"), 0);
    let own = known(&mut sh, "SH");
    assert!((1..=64).contains(&own), "{own}");
    // whoever may see both warehouses was shown neither
    assert_eq!(known(&mut world.person("keeper.east"), ""), 0);
}

#[test]
fn an_id_that_is_longer_than_any_id_is_not_learned() {
    let rules = r#"
lookups:
  named:
    key: {code: "x+"}
    learned: {from: list, items: /orders, key: /id}
    value: {json: /warehouse}
    keep: 30s
    cap: 8MiB
routes:
  - {id: list, match: GET /orders, permission: order:view, scope: {warehouse: {query: w}, channel: ignored}}
  - id: one
    match: POST /one
    permission: order:view
    scope: {warehouse: {lookup: named, key: {json: /id}}, channel: ignored}
    params: {id: {at: {json: /id}, type: {code: "x+"}}}
"#;
    let long = |length: usize| "x".repeat(length);
    let ids = [long(256), long(257), long(100_000), long(1 << 20)];
    let rows: Vec<String> = ids[..3].iter().map(|id| format!(r#"{{"id":"{id}","warehouse":"HF"}}"#)).collect();
    let list = format!(r#"{{"orders":[{}]}}"#, rows.join(","));
    let world = World::new(rules, move |received| match received.line() {
        "GET /orders?w=HF" => in_json(&list),
        _ => page("ok"),
    });
    let mut keeper = world.person("keeper.hf");
    assert_eq!(keeper.get("/orders?w=HF").status, 200);
    world.application.take();
    let mut ask = |id: &str| keeper.json("POST", "/one", &json!({"id": id}));
    world.permitted(&ask(&ids[0]), &["POST /one"]);
    for id in &ids[1..3] {
        let record = world.refused(&ask(id), "object-unknown", "out-of-scope", &[]);
        let looked_up = record["lookups"]["named"][0].as_str().unwrap();
        assert_eq!(looked_up, format!("{}…: unknown (learned)", &id[..256]), "of which the record tells a little");
    }
    // the body that names it is larger than one that is judged
    world.refused(&ask(&ids[3]), "body-too-large", "body-too-large", &[]);
}
