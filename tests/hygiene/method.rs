//! Method overrides: judged, or they do not reach the application.

use crate::world::World;

const RULES: &str = "routes:
  - {id: stock.list, match: GET /stock, permission: stock:view, others: forward}
  - {id: stock.change, match: POST /stock, permission: stock:change, others: forward, body: {accept: [form, json, multipart]}}
  - id: stock.rest
    match: POST /rest
    operation: {by: {form: _method}, cases: {put: stock:change}}
    others: forward
";

#[test]
fn a_method_override_never_reaches_the_application() {
    let world = World::new(RULES);
    let mut keeper = world.keeper();
    for name in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "x_http_method_override"] {
        let seen = keeper.send("GET", "/stock", &[(name, "DELETE")], b"");
        assert_eq!((seen.status, seen.reason()), (405, Some("method-refused")), "{name}");
    }
    for target in ["/stock?_method=DELETE", "/stock?page=1&_METHOD=DELETE", "/stock?_method%5B%5D=DELETE"] {
        assert_eq!(keeper.get(target).reason(), Some("method-refused"), "{target}");
    }
    let part = b"--XX\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nDELETE\r\n--XX--\r\n";
    for (kind, body) in [
        ("application/x-www-form-urlencoded", &b"sku=A&_method=DELETE"[..]),
        ("application/json", br#"{"_method": "DELETE"}"#),
        ("multipart/form-data; boundary=XX", part),
    ] {
        let seen = keeper.send("POST", "/stock", &[("Content-Type", kind)], body);
        assert_eq!(seen.reason(), Some("method-refused"), "{kind}: {}", seen.text());
    }
    assert!(world.application.take().is_empty());
}

#[test]
fn a_method_override_that_a_rule_judges_is_forwarded_as_judged() {
    let world = World::new(RULES);
    let mut keeper = world.keeper();
    assert_eq!(keeper.post("/rest", &[("sku", "A"), ("_method", "put")]).status, 200);
    assert_eq!(keeper.post("/rest", &[("sku", "A"), ("_method", "delete")]).reason(), Some("unknown-operation"));
    let received = world.application.take();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].body, b"sku=A&_method=put");
}
