//! Where a request ends: nothing that is hidden in a body reaches an application, and every request is decided alone.

use std::io::{Read, Write};

use crate::support::browser::{exchange, parse};
use crate::support::house::{CRM, House, WMS};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

#[test]
fn a_request_whose_end_can_be_read_in_two_ways_is_refused_and_hides_none() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    let hidden = format!("GET /wms/{} HTTP/1.1\r\nHost: wms.localhost\r\n\r\n", keeper.mark);
    let body = format!("0\r\n\r\n{hidden}");
    for framing in [
        format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", body.len()),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {}\r\n", body.len()),
        "Transfer-Encoding: identity, chunked\r\n".into(),
        "Transfer-Encoding: chunked, chunked\r\n".into(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n".into(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n".into(),
        "Transfer-Encoding: gzip, chunked\r\n".into(),
        "Transfer-Encoding: xchunked\r\n".into(),
        "Transfer-Encoding: chunked;q=1\r\n".into(),
        "Transfer-Encoding: \"chunked\"\r\n".into(),
        "Transfer-Encoding: chunked,\r\n".into(),
        "Transfer-Encoding:\r\n".into(),
        "Transfer-Encoding\u{b}: chunked\r\n".into(),
        "Content-Length: 5\r\nContent-Length: 6\r\n".into(),
        "Content-Length: 5, 5\r\n".into(),
        "Content-Length: +5\r\n".into(),
        "Content-Length: -5\r\n".into(),
        "Content-Length: 0x5\r\n".into(),
        "Content-Length: 5 \u{b}\r\n".into(),
        "Content-Length: 18446744073709551617\r\n".into(),
        "Content-Length:\r\n".into(),
    ] {
        let request = keeper.head("POST /wms/stock/adjust.do HTTP/1.1", &format!("{FORM}{framing}"), &body);
        let answer = keeper.browser.raw(request.replace("Connection: close\r\n", "").as_bytes());
        let seen = parse(&answer).unwrap_or_else(|| panic!("{framing:?}: no answer"));
        assert_eq!(seen.status, 400, "{framing:?}: {:?}", seen.reason());
        let answers = answer.windows(9).filter(|bytes| bytes == b"HTTP/1.1 ").count();
        assert_eq!(answers, 1, "the connection ends behind it: {framing:?}");
        assert!(keeper.received().is_empty(), "{framing:?}");
    }
}

#[test]
fn the_framing_of_a_judged_body_is_written_anew() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    let fields = format!("{FORM}Transfer-Encoding: chunked\r\nTrailer: X-Remote-User\r\n");
    let body =
        "c;ext=1\r\nwarehouse=HF\r\n16\r\n&sku=A-1001&quantity=5\r\n0\r\nX-Remote-User: admin\r\nWarehouse: SH\r\n\r\n";
    let seen = keeper.raw("POST /wms/stock/adjust.do HTTP/1.1", &fields, body).unwrap();
    let (received, _) = keeper.permitted(&seen, "POST", "/wms/stock/adjust.do");
    assert_eq!(received.body, b"warehouse=HF&sku=A-1001&quantity=5");
    assert_eq!(received.field("content-length"), ["34"]);
    for name in ["transfer-encoding", "trailer", "x-remote-user", "warehouse"] {
        assert!(received.field(name).is_empty(), "{name}");
    }
}

#[test]
fn a_broken_chunk_reaches_nobody() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    let fields = format!("{FORM}Transfer-Encoding: chunked\r\n");
    let whole = "warehouse=HF&sku=A-1001&quantity=5";
    for body in [
        format!("22\r\n{whole}\r\n0\r\n"),
        format!("22\n{whole}\r\n0\r\n\r\n"),
        format!("0x22\r\n{whole}\r\n0\r\n\r\n"),
        format!("22\0\r\n{whole}\r\n0\r\n\r\n"),
        format!("22;a=\0\r\n{whole}\r\n0\r\n\r\n"),
        format!("22\r\n{whole}X\r\n0\r\n\r\n"),
        format!("ffffffffffffffffff\r\n{whole}\r\n0\r\n\r\n"),
        format!("22\r\n{whole}\r\n0\r\nA: 1\n\r\n"),
    ] {
        let mut stream = keeper.browser.connect();
        let head = keeper.head("POST /wms/stock/adjust.do HTTP/1.1", &fields, &body);
        crate::support::browser::send_and_end(&mut stream, head.as_bytes());
        assert!(keeper.received().is_empty(), "{body:?}");
    }
}

#[test]
fn a_request_in_the_body_of_a_refused_one_is_no_request() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    let cookies = keeper.browser.cookies();
    let hidden = format!(
        "GET /wms/main.do HTTP/1.1\r\nHost: wms.localhost\r\nX-Story: {}\r\nCookie: {cookies}\r\n\r\n",
        keeper.mark
    );
    let fields = format!("{FORM}Content-Length: {}\r\n", hidden.len());
    let request = keeper.head("POST /wms/no-such.do HTTP/1.1", &fields, &hidden).replace("Connection: close\r\n", "");
    // A second request behind it, which closes.
    let second = keeper.head("GET /wms/stock/list.do?warehouse=SH HTTP/1.1", "", "");
    let answer = keeper.browser.raw(format!("{request}{second}").as_bytes());
    let seen = parse(&answer).unwrap();
    assert_eq!(seen.reason(), Some("no-route"));
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1 200"));
    assert!(keeper.received().is_empty());
}

#[test]
fn every_request_on_a_connection_is_decided_alone() {
    let house = House::shared();
    let mut keeper = house.person(WMS, "keeper.hf");
    let allowed =
        keeper.head("GET /wms/stock/list.do?warehouse=HF HTTP/1.1", "", "").replace("Connection: close\r\n", "");
    let refused =
        keeper.head("GET /wms/stock/list.do?warehouse=SH HTTP/1.1", "", "").replace("Connection: close\r\n", "");
    let mark = keeper.mark.clone();
    let nobody = format!(
        "GET /wms/stock/list.do?warehouse=HF HTTP/1.1\r\nHost: wms.localhost\r\nX-Story: {mark}\r\nConnection: close\r\n\r\n"
    );
    let answer = keeper.browser.raw(format!("{allowed}{refused}{nobody}").as_bytes());
    let text = String::from_utf8_lossy(&answer);
    let statuses: Vec<&str> = text.match_indices("HTTP/1.1 ").map(|(at, _)| &text[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "403", "401"]);
    assert_eq!(keeper.one().target, "/wms/stock/list.do?warehouse=HF");
}

#[test]
fn an_expectation_is_met_here_and_not_passed_on() {
    let mut rep = House::shared().person(CRM, "sales.north");
    let body = r#"{"id":"C-01","owner":"sales.north"}"#;
    let fields =
        format!("Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n", body.len());
    let mut stream = rep.browser.connect();
    stream.write_all(rep.head("PUT /api/customers HTTP/1.1", &fields, "").as_bytes()).unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(String::from_utf8_lossy(&interim), "HTTP/1.1 100 Continue\r\n\r\n");
    assert!(rep.received().is_empty(), "nothing is passed on before the body was judged");
    let seen = exchange(&mut stream, &[body.as_bytes()]).unwrap();
    let (received, _) = rep.permitted(&seen, "PUT", "/api/customers");
    assert!(received.field("expect").is_empty() && received.body == body.as_bytes());
    // Whoever is refused is not asked for the body.
    let seen = exchange(&mut rep.browser.connect(), &[rep.head("PUT /api/nothing HTTP/1.1", &fields, "").as_bytes()]);
    rep.refused(&seen.unwrap(), 403, "no-route");
    let seen = rep.raw("PUT /api/customers HTTP/1.1", &fields.replace("100-continue", "200-ok"), body).unwrap();
    rep.refused(&seen, 417, "expectation-refused");
}

#[test]
fn nothing_is_upgraded_or_tunnelled_that_no_rule_allows() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    let h2c = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    let seen = keeper.raw("GET /wms/main.do HTTP/1.1", h2c, "").unwrap();
    assert!(matches!(seen.reason(), Some("upgrade-refused" | "malformed-framing")), "{:?}", seen.reason());
    assert!(keeper.received().is_empty());
    for line in
        ["CONNECT erp.localhost:443 HTTP/1.1", "CONNECT wms.localhost:443 HTTP/1.1", "TRACE /wms/main.do HTTP/1.1"]
    {
        let seen = keeper.raw(line, "", "").unwrap();
        assert!(matches!(seen.status, 400 | 405 | 421), "{line}: {}", seen.status);
        assert!(keeper.received().is_empty(), "{line}");
    }
}

#[test]
fn a_version_or_request_line_that_is_not_plain_is_refused() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    for line in [
        "GET /wms/main.do HTTP/1.2",
        "GET /wms/main.do HTTP/2.0",
        "GET /wms/main.do HTTP/0.9",
        "GET /wms/main.do http/1.1",
        "GET  /wms/main.do HTTP/1.1",
        "GET /wms/main.do  HTTP/1.1",
        "GET\t/wms/main.do HTTP/1.1",
        "GET /wms/main.do HTTP/1.1 ",
        "GET /wms/main.do x HTTP/1.1",
        "GET /wms/main.do",
        "G(T /wms/main.do HTTP/1.1",
    ] {
        let seen = keeper.raw(line, "", "").unwrap_or_else(|| panic!("{line}"));
        assert!(matches!(seen.status, 400 | 505), "{line}: {}", seen.status);
        assert!(keeper.received().is_empty(), "{line}");
    }
}
