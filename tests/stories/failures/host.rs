//! Which application a request is for: one plain host that the certificate covers, whatever other fields say.

use serde_json::json;

use crate::support::browser::{Seen, parse};
use crate::support::house::{House, Person, WMS, tells};

/// A request for the start page with these Host fields.
fn ask(person: &Person<'_>, hosts: &str) -> Seen {
    let cookies = person.browser.cookies();
    let request = format!(
        "GET /wms/main.do HTTP/1.1\r\n{hosts}Connection: close\r\nX-Story: {}\r\nCookie: {cookies}\r\n\r\n",
        person.mark
    );
    parse(&person.browser.raw(request.as_bytes())).unwrap_or_else(|| panic!("{hosts}"))
}

#[test]
fn a_host_in_other_letters_or_with_a_dot_is_the_same_host() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    for host in ["WMS.LocalHost", "wms.localhost.", "wms.localhost:443"] {
        let seen = ask(&keeper, &format!("Host: {host}\r\n"));
        let (received, record) = keeper.permitted(&seen, "GET", "/wms/main.do");
        assert_eq!(received.field("host").len(), 1);
        tells(&record, &json!({"app": "wms", "subject": "keeper.hf"}));
    }
}

#[test]
fn the_application_is_sent_the_host_that_was_judged() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    let seen = keeper.browser.send("GET", "/wms/main.do", &[("X-Forwarded-Host", "evil"), ("X-Host", "evil")], b"");
    let (received, _) = keeper.permitted(&seen, "GET", "/wms/main.do");
    let host = received.field("host");
    assert!(host.len() == 1 && (host[0] == "wms.localhost" || host[0].starts_with("127.0.0.1:")), "{host:?}");
}

#[test]
fn a_host_that_no_application_has_is_misdirected() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    for host in ["evil.localhost", "localhost", "127.0.0.1", "[::1]", "wms.localhost.evil.example", "xwms.localhost"] {
        let seen = ask(&keeper, &format!("Host: {host}\r\n"));
        assert!(seen.status == 421, "{host}: {} {:?}", seen.status, seen.reason());
        assert!(keeper.received().is_empty(), "{host}");
    }
}

#[test]
fn anything_but_one_plain_host_is_refused() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    for hosts in [
        "",
        "Host:\r\n",
        "Host: wms.localhost\r\nHost: wms.localhost\r\n",
        "Host: wms.localhost\r\nhost: erp.localhost\r\n",
        "Host: wms.localhost, erp.localhost\r\n",
        "Host: keeper@wms.localhost\r\n",
        "Host: wms.localhost/erp\r\n",
        "Host: wms.localhost?x\r\n",
        "Host: wms.localhost#x\r\n",
        "Host: wms.localhost:\u{660}\r\n",
        "Host: wms.localhost:99999\r\n",
        "Host: wms.localhost:44x\r\n",
        "Host: wms..localhost\r\n",
        "Host: wms.localhost..\r\n",
        "Host: wms%2elocalhost\r\n",
        "Host: wms .localhost\r\n",
        "Host: wms.localhost\u{b}\r\n",
        "Host: [wms.localhost]\r\n",
        "Host: https://wms.localhost\r\n",
    ] {
        let seen = ask(&keeper, hosts);
        assert!(matches!(seen.status, 400 | 421), "{hosts:?}: {} {:?}", seen.status, seen.reason());
        assert!(keeper.received().is_empty(), "{hosts:?}");
    }
}

#[test]
fn a_session_of_one_application_is_nothing_at_another_host() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    let seen = ask(&keeper, "Host: erp.localhost\r\n");
    assert!(matches!(seen.status, 401 | 403), "{}", seen.status);
    assert!(keeper.received().is_empty());
}

#[test]
fn a_way_back_leads_to_a_path_of_the_same_host_only() {
    let mut nobody = House::shared().visitor(WMS).reading("en");
    for target in ["/wms/main.do?return=https://evil.example", "/wms/main.do?next=//evil.example"] {
        let seen = nobody.get(target);
        let page = seen.text();
        assert!(seen.reason().is_some() && !page.contains("evil"), "{page}");
        assert!(!page.contains("href=\"http") && !page.contains("href=\"//"), "{page}");
        assert!(nobody.received().is_empty());
    }
}
