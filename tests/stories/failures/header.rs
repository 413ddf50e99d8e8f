//! Header fields: nobody's copy of what the gateway says passes, hop-by-hop fields end here, and none changes what is judged.

use scopegate::demo::legacy::Received;
use serde_json::json;

use crate::support::house::{CRM, ERP, House, WMS, tells};

/// The fields that a CGI-style server would read as `name`.
fn folded(received: &Received, name: &str) -> Vec<(String, String)> {
    let fold = |name: &str| name.replace(|c: char| !c.is_ascii_alphanumeric(), "_").to_ascii_lowercase();
    received.fields.iter().filter(|(n, _)| fold(n) == fold(name)).cloned().collect()
}

#[test]
fn an_identity_header_in_any_spelling_is_taken_off_and_ours_is_set() {
    let mut desk = House::shared().person(CRM, "frontdesk");
    for name in [
        "X-Remote-User",
        "x-remote-user",
        "X_REMOTE_USER",
        "X-Remote_User",
        "x.remote.user",
        "X.Remote-User",
        "X+Remote+User",
    ] {
        let roles = name.replace("User", "Roles").replace("user", "roles").replace("USER", "ROLES");
        let seen = desk.browser.send("GET", "/api/customers", &[(name, "admin"), (&roles, "system-admin")], b"");
        let (received, record) = desk.permitted(&seen, "GET", "/api/customers");
        assert_eq!(folded(&received, "x-remote-user"), [("x-remote-user".into(), "frontdesk".into())], "{name}");
        assert_eq!(folded(&received, "x-remote-roles"), [("x-remote-roles".into(), "front-desk".into())], "{name}");
        tells(&record, &json!({"subject": "frontdesk", "role": "front-desk"}));
    }
}

#[test]
fn an_identity_header_is_no_identity() {
    let mut nobody = House::shared().visitor(CRM);
    for name in ["X-Remote-User", "X_Remote_User", "Remote-User", "X-Forwarded-User", "X-Auth-Request-User"] {
        let seen = nobody.browser.send("GET", "/api/customers", &[(name, "frontdesk")], b"");
        nobody.refused(&seen, 401, "unauthenticated");
    }
    // On a public page nobody is told to the application either.
    let seen = nobody.browser.send("GET", "/", &[("X-Remote-User", "admin"), ("Remote_User", "admin")], b"");
    let (received, _) = nobody.permitted(&seen, "GET", "/");
    assert!(folded(&received, "x-remote-user").is_empty() && folded(&received, "remote-user").is_empty());
}

#[test]
fn forwarding_headers_of_a_client_are_neither_believed_nor_passed_on() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    let fields = [
        ("X-Forwarded-For", "10.0.0.1"),
        ("x_forwarded_for", "10.0.0.2"),
        ("X-Forwarded-Host", "erp.localhost"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Port", "80"),
        ("X-Forwarded-Prefix", "/admin"),
        ("X-Forwarded-Uri", "/wms/stock/list.do?warehouse=SH"),
        ("X-Forwarded-Method", "POST"),
        ("X-Forwarded-Server", "evil"),
        ("Forwarded", "for=10.0.0.3;host=evil"),
        ("X-Real-IP", "10.0.0.4"),
        ("X-Client-IP", "10.0.0.5"),
        ("True-Client-IP", "10.0.0.6"),
        ("X-Original-URL", "/wms/stock/list.do?warehouse=SH"),
        ("X-Rewrite-URL", "/wms/stock/list.do?warehouse=SH"),
        ("X_Original_URL", "/wms/stock/list.do?warehouse=SH"),
        ("X-Original-Method", "POST"),
        ("SCRIPT_NAME", "/evil"),
        ("Path-Info", "/wms/stock/list.do?warehouse=SH"),
        ("X_Script_Name", "/evil"),
        ("Via", "1.1 evil"),
    ];
    let target = "/wms/stock/list.do?warehouse=HF";
    let seen = keeper.browser.send("GET", target, &fields, b"");
    let (received, record) = keeper.permitted(&seen, "GET", target);
    assert_eq!(folded(&received, "x-forwarded-for"), [("x-forwarded-for".into(), "127.0.0.1".into())]);
    assert_eq!(received.field("x-forwarded-proto"), ["https"]);
    assert_eq!(received.field("x-forwarded-host"), ["wms.localhost"]);
    let evil =
        |(_, value): &&(String, String)| value.contains("10.0.0") || value.contains("evil") || value.contains("SH");
    assert_eq!(received.fields.iter().find(evil), None);
    for name in ["forwarded", "x-real-ip", "x-original-url", "x-rewrite-url", "x-forwarded-uri", "x-forwarded-method"] {
        assert!(folded(&received, name).is_empty(), "{name}");
    }
    tells(&record, &json!({"client": "127.0.0.1", "chain": null, "host": "wms.localhost"}));
}

#[test]
fn connection_takes_away_nothing_that_was_judged_or_set() {
    let mut desk = House::shared().person(CRM, "frontdesk");
    let fields =
        "Connection: x-remote-user, x-remote-roles, x-forwarded-for, x-request-id, cookie, x-drop\r\nX-Drop: 1\r\n";
    let seen = desk.raw("GET /api/customers HTTP/1.1", fields, "").unwrap();
    let (received, _) = desk.permitted(&seen, "GET", "/api/customers");
    assert_eq!(received.field("x-remote-user"), ["frontdesk"]);
    assert_eq!(received.field("x-remote-roles"), ["front-desk"]);
    assert_eq!(received.field("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(received.field("x-request-id").len(), 1);
    assert_eq!(received.field("cookie").len(), 1);
    assert!(received.field("x-drop").is_empty());
}

#[test]
fn hop_by_hop_fields_end_at_the_gateway() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    let fields = "Keep-Alive: timeout=5\r\nTE: trailers\r\nTrailer: X-Remote-User\r\nProxy-Connection: keep-alive\r\n\
        Proxy-Authorization: Basic YTpi\r\nProxy: http://evil\r\nConnection: X-Hop, close\r\nX-Hop: 1\r\n";
    let seen = keeper.raw("GET /wms/main.do HTTP/1.1", fields, "").unwrap();
    let (received, _) = keeper.permitted(&seen, "GET", "/wms/main.do");
    for name in
        ["keep-alive", "te", "trailer", "proxy-connection", "proxy-authorization", "proxy", "x-hop", "connection"]
    {
        assert!(folded(&received, name).is_empty(), "{name}: {:?}", received.fields);
    }
}

#[test]
fn a_method_override_is_refused_by_header_query_and_form() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    for name in ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method", "x_http_method_override"] {
        let seen = keeper.browser.send("GET", "/wms/stock/list.do?warehouse=HF", &[(name, "DELETE")], b"");
        keeper.refused(&seen, 405, "method-refused");
    }
    let seen = keeper.get("/wms/stock/list.do?warehouse=HF&_method=DELETE");
    keeper.refused(&seen, 405, "method-refused");
    let form = [("warehouse", "HF"), ("sku", "A-1001"), ("quantity", "5"), ("_method", "DELETE")];
    let seen = keeper.post("/wms/stock/adjust.do", &form);
    keeper.refused(&seen, 405, "method-refused");
    // On a public page too, where parameters that no rule names pass.
    let mut nobody = House::shared().visitor(ERP);
    let seen = nobody.post("/erp/login.php", &[("user", "lead"), ("pass", "x"), ("_method", "PUT")]);
    nobody.refused(&seen, 405, "method-refused");
}

#[test]
fn a_repeated_field_that_is_judged_is_refused() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let body = "warehouse=HF&sku=A-1001&quantity=5";
    for fields in [
        format!("{form}Content-Type: text/plain\r\nContent-Length: {}\r\n", body.len()),
        format!(
            "{form}content_type: text/plain\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        ),
        format!("{form}Content-Length: {}\r\nHost: erp.localhost\r\n", body.len()),
        format!("{form}Content-Length: {}\r\nContent-Length: 5\r\n", body.len()),
    ] {
        let seen = keeper.raw("POST /wms/stock/adjust.do HTTP/1.1", &fields, body).unwrap();
        assert!(matches!(seen.status, 400 | 415), "{fields}: {} {:?}", seen.status, seen.reason());
        assert!(keeper.received().is_empty(), "{fields}");
    }
}

#[test]
fn a_session_in_a_second_cookie_field_counts_like_one_in_the_first() {
    let house = House::shared();
    let lead = house.person(WMS, "lead");
    let theirs = lead.browser.cookies();
    let mut keeper = house.person(WMS, "keeper.hf");
    let seen = keeper.raw("GET /wms/stock/list.do HTTP/1.1", &format!("Cookie: {theirs}\r\n"), "").unwrap();
    assert_eq!(seen.status, 401, "{:?}", seen.reason());
    assert!(keeper.received().is_empty());
    // A spelling that a CGI-style server would take for the cookie field does not reach it.
    let seen =
        keeper.raw("GET /wms/main.do HTTP/1.1", &format!("coo_kie: {theirs}\r\nCookie_: {theirs}\r\n"), "").unwrap();
    let (received, record) = keeper.permitted(&seen, "GET", "/wms/main.do");
    tells(&record, &json!({"subject": "keeper.hf"}));
    assert_eq!(folded(&received, "cookie").len(), 1);
}

#[test]
fn a_content_type_under_a_folded_name_never_reaches_the_application() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    let body = "warehouse=HF&sku=A-1001&quantity=5";
    let plain = format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", body.len());
    for (alias, reason) in
        [("Content_Encoding: gzip", "content-encoding-refused"), ("Content_Type: text/plain", "content-type-refused")]
    {
        let seen = keeper.raw("POST /wms/stock/adjust.do HTTP/1.1", &format!("{plain}{alias}\r\n"), body).unwrap();
        keeper.refused(&seen, 415, reason);
    }
    for alias in ["content.length: 1", "Transfer_Encoding: chunked"] {
        let fields = format!("{plain}{alias}\r\n");
        let seen = keeper.raw("POST /wms/stock/adjust.do HTTP/1.1", &fields, body).unwrap();
        let (received, _) = keeper.permitted(&seen, "POST", "/wms/stock/adjust.do");
        for name in ["content-type", "content-length"] {
            assert_eq!(folded(&received, name).len(), 1, "{alias}: {:?}", received.fields);
        }
        assert!(folded(&received, "transfer-encoding").is_empty(), "{alias}: {:?}", received.fields);
        assert_eq!(received.body, body.as_bytes());
    }
}

#[test]
fn fields_that_parsers_read_differently_are_refused() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    for fields in [
        "X-A : 1\r\n",
        " X-A: 1\r\n",
        "X-A: 1\r\n folded: 2\r\n",
        "X-A: 1\nX-B: 2\r\n",
        "X-A: 1\rX-B: 2\r\n",
        "X-A: a\0b\r\n",
        "X-A\t: 1\r\n",
        ": 1\r\n",
        "X-A\r\n",
        "X(A): 1\r\n",
        "X-\u{e4}: 1\r\n",
    ] {
        let seen = keeper.raw("GET /wms/main.do HTTP/1.1", fields, "").unwrap();
        assert_eq!(seen.status, 400, "{fields:?}: {:?}", seen.reason());
        assert!(keeper.received().is_empty(), "{fields:?}");
    }
}

#[test]
fn a_health_check_by_its_looks_gets_nothing() {
    let mut nobody = House::shared().visitor(WMS);
    for (target, agent) in [
        ("/wms/main.do", "GoogleHC/1.0"),
        ("/ping", "kube-probe/1.30"),
        ("/ready", "ELB-HealthChecker/2.0"),
        ("/metrics", "Prometheus/3"),
    ] {
        let seen = nobody.browser.send("GET", target, &[("User-Agent", agent)], b"");
        assert!(matches!(seen.status, 401 | 403), "{target}: {}", seen.status);
        assert!(nobody.received().is_empty(), "{target}");
    }
}
