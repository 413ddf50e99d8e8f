//! The head that is forwarded: asserted as the bytes that the application receives.

use proptest::prelude::*;
use scopegate::request::{Edit, ForwardBody, ForwardHead, ForwardedFor, write_forward_head};

fn base<'a>() -> ForwardHead<'a> {
    ForwardHead {
        method: "GET",
        target: b"/stock?w=HF",
        host: "wms.internal",
        body: ForwardBody::None,
        set: &[],
        strip: &[],
        header_edits: &[],
        cookie_edits: &[],
        client: ForwardedFor::default(),
        upgrade: None,
    }
}

fn write(head: &ForwardHead<'_>, fields: &[(&str, &str)]) -> String {
    let mut out = Vec::new();
    let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    write_forward_head(&mut out, head, fields).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn end_to_end_fields_pass_with_their_names_as_sent() {
    let sent = [("host", "outside.test"), ("SOAPAction", "\"x\""), ("aCCept", "*/*"), ("Cookie", "a=1; b=2")];
    assert_eq!(
        write(&base(), &sent),
        "GET /stock?w=HF HTTP/1.1\r\nHost: wms.internal\r\nSOAPAction: \"x\"\r\naCCept: */*\r\nCookie: a=1; b=2\r\n\r\n"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// However they were put together, the pieces go out joined in one way.
    #[test]
    fn cookies_are_joined_in_one_way(sent in prop::collection::vec("[ab=; \t]{0,9}", 1..3)) {
        let fields: Vec<_> = sent.iter().map(|value| ("Cookie", value.as_str())).collect();
        let pieces = sent.iter().flat_map(|value| value.split(';')).map(|piece| piece.trim_matches([' ', '\t']));
        let joined = pieces.filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join("; ");
        let line = if joined.is_empty() { String::new() } else { format!("Cookie: {joined}\r\n") };
        prop_assert_eq!(
            write(&base(), &fields),
            format!("GET /stock?w=HF HTTP/1.1\r\nHost: wms.internal\r\n{line}\r\n")
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever else is known of names: one that folds to a name that is set or stripped never passes, and any other does.
    #[test]
    fn what_is_set_or_stripped_is_so_in_every_spelling_and_nothing_else(
        set in prop::collection::vec("q[-a]{0,3}", 0..3),
        strip in prop::collection::vec("q[-a]{0,3}", 0..3),
        sent in prop::collection::vec("[qQ][-_.+aA]{0,3}|sec-[a-z]{1,9}", 0..6),
    ) {
        let fold = |name: &str| name.to_ascii_lowercase().replace(['_', '.', '+'], "-");
        let ours: Vec<_> = set.iter().map(|name| (name.as_str(), "ours")).collect();
        let strip: Vec<_> = strip.iter().map(String::as_str).collect();
        let fields: Vec<_> = sent.iter().map(|name| (name.as_str(), "sent")).collect();
        let passes = |name: &&str| !set.iter().map(String::as_str).chain(strip.iter().copied()).any(|known| known == fold(name));
        let lines: String = sent.iter().map(String::as_str).filter(passes).map(|name| format!("{name}: sent\r\n")).collect();
        let lines = ours.iter().fold(lines, |lines, (name, value)| lines + &format!("{name}: {value}\r\n"));
        prop_assert_eq!(
            write(&ForwardHead { set: &ours, strip: &strip, ..base() }, &fields),
            format!("GET /stock?w=HF HTTP/1.1\r\nHost: wms.internal\r\n{lines}\r\n")
        );
    }
}

#[test]
fn hop_by_hop_fields_and_those_that_connection_names_end_here() {
    let sent = [
        ("Connection", "keep-alive, X-Hop , upgrade"),
        ("Keep-Alive", "300"),
        ("X-Hop", "1"),
        ("x_hop", "1"),
        ("TE", "trailers"),
        ("Trailer", "x"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "h2c"),
        ("Expect", "100-continue"),
        ("Proxy-Connection", "x"),
        ("Content-Length", "3"),
        ("Proxy", "http://evil"),
        ("HTTP2-Settings", "x"),
        ("X-Stays", "1"),
    ];
    assert_eq!(write(&base(), &sent), "GET /stock?w=HF HTTP/1.1\r\nHost: wms.internal\r\nX-Stays: 1\r\n\r\n");
}

#[test]
fn identity_headers_are_stripped_in_every_spelling_and_ours_come_last() {
    let ours = [("X-Real-User", "clerk")];
    let head = ForwardHead { set: &ours, strip: &["Authorization"], ..base() };
    let sent = [
        ("X-Real-User", "root"),
        ("x_real_user", "root"),
        ("X.Real.User", "root"),
        ("x+real-user", "root"),
        ("authorization", "Basic x"),
        ("Connection", "X-Real-User, x_real_user"),
    ];
    assert_eq!(write(&head, &sent), "GET /stock?w=HF HTTP/1.1\r\nHost: wms.internal\r\nX-Real-User: clerk\r\n\r\n");
}

#[test]
fn connection_cannot_take_away_what_was_judged() {
    let sent =
        [("Connection", "cookie, authorization, content-type"), ("Cookie", "s=1"), ("Authorization", "Bearer x")];
    let text = write(&base(), &sent);
    assert!(text.contains("Cookie: s=1\r\n") && text.contains("Authorization: Bearer x\r\n"), "{text}");
}

#[test]
fn forwarding_headers_are_ours_alone() {
    let chain = ["192.0.2.7".parse().unwrap(), "2001:db8::1".parse().unwrap()];
    let client =
        ForwardedFor { chain: &chain, proto: "https", host: "wms.example.test", x_forwarded: true, forwarded: true };
    let sent = [
        ("X-Forwarded-For", "127.0.0.1"),
        ("x_forwarded_for", "127.0.0.1"),
        ("X-Forwarded-Host", "evil"),
        ("X-Forwarded-Prefix", "/admin"),
        ("Forwarded", "for=127.0.0.1"),
        ("X-Real-IP", "127.0.0.1"),
        ("X-Original-URL", "/admin"),
        ("X-Rewrite-URL", "/admin"),
        ("Via", "x"),
    ];
    assert_eq!(
        write(&ForwardHead { client, ..base() }, &sent),
        "GET /stock?w=HF HTTP/1.1\r\nHost: wms.internal\r\nX-Forwarded-For: 192.0.2.7, 2001:db8::1\r\nX-Forwarded-Proto: https\r\n\
         X-Forwarded-Host: wms.example.test\r\nForwarded: for=192.0.2.7, for=\"[2001:db8::1]\";proto=https;host=\"wms.example.test\"\r\n\r\n"
    );
}

#[test]
fn a_judged_body_has_its_own_type_and_length() {
    let head = ForwardHead {
        method: "POST",
        body: ForwardBody::Judged { content_type: "application/json", length: 12 },
        ..base()
    };
    let sent = [
        ("CONTENT-type", "application/json ; x=y"),
        ("content_type", "text/xml"),
        ("Content-Encoding", "identity"),
        ("content-length", "99"),
    ];
    assert_eq!(
        write(&head, &sent),
        "POST /stock?w=HF HTTP/1.1\r\nHost: wms.internal\r\nCONTENT-type: application/json\r\nContent-Length: 12\r\n\r\n"
    );
}

#[test]
fn framing_is_regenerated() {
    let post = ForwardHead { method: "POST", ..base() };
    assert!(write(&post, &[]).ends_with("\r\nContent-Length: 0\r\n\r\n"));
    let sent = [("Transfer-Encoding", "identity, chunked"), ("Content-Type", "a/b"), ("content_type", "c/d")];
    let text = write(&ForwardHead { body: ForwardBody::Chunked, ..post }, &sent);
    assert_eq!(
        text,
        "POST /stock?w=HF HTTP/1.1\r\nHost: wms.internal\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    assert!(write(&ForwardHead { body: ForwardBody::Length(7), ..post }, &[]).contains("Content-Length: 7\r\n"));
}

#[test]
fn cookies_are_joined_hidden_and_replaced() {
    let edits: [Edit; 2] = [("sg".into(), None), ("JSESSIONID".into(), Some("inner".into()))];
    let head = ForwardHead { cookie_edits: &edits, ..base() };
    let sent = [("Cookie", "sg=1; a=1;"), ("cookie", "JSESSIONID=outer ; b=\"x\"")];
    assert!(write(&head, &sent).contains("\r\nCookie: a=1; b=\"x\"; JSESSIONID=inner\r\n"));
    assert!(!write(&ForwardHead { cookie_edits: &edits[..1], ..base() }, &[("Cookie", "sg=1")]).contains("ookie"));
    assert!(write(&ForwardHead { cookie_edits: &edits[1..], ..base() }, &[]).contains("Cookie: JSESSIONID=inner\r\n"));
}

#[test]
fn changed_headers_replace_what_was_sent() {
    let edits: [Edit; 2] = [("x-warehouse".into(), Some("HF".into())), ("x-gone".into(), None)];
    let head = ForwardHead { header_edits: &edits, ..base() };
    let sent = [("X-Warehouse", "SH"), ("x_warehouse", "SH"), ("X-Gone", "1")];
    assert_eq!(write(&head, &sent), "GET /stock?w=HF HTTP/1.1\r\nHost: wms.internal\r\nx-warehouse: HF\r\n\r\n");
}

#[test]
fn an_upgrade_is_written_only_where_it_was_judged() {
    let sent = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x")];
    assert!(!write(&base(), &sent).contains("Upgrade"));
    let text = write(&ForwardHead { upgrade: Some("websocket"), ..base() }, &sent);
    assert!(text.ends_with("Sec-WebSocket-Key: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), "{text}");
}

#[test]
fn control_characters_are_never_written() {
    for (name, value) in [("X-A", "a\r\nX-B: c"), ("X-A", "a\0"), ("X-A\r\n", "a"), ("Cookie", "a=\nb")] {
        let mut out = Vec::new();
        assert!(write_forward_head(&mut out, &base(), [(name.as_bytes(), value.as_bytes())].into_iter()).is_err());
    }
    let bad = "a\r\nX-Admin: 1";
    let client = ForwardedFor { host: bad, ..ForwardedFor::default() };
    let edit = [("x".into(), Some(bad.into()))];
    for head in [
        ForwardHead { method: bad, ..base() },
        ForwardHead { target: bad.as_bytes(), ..base() },
        ForwardHead { host: bad, ..base() },
        ForwardHead { body: ForwardBody::Judged { content_type: bad, length: 1 }, ..base() },
        ForwardHead { set: &[("X-User", bad)], ..base() },
        ForwardHead { set: &[(bad, "a")], ..base() },
        ForwardHead { header_edits: &edit, ..base() },
        ForwardHead { cookie_edits: &edit, ..base() },
        ForwardHead { client: ForwardedFor { x_forwarded: true, ..client }, ..base() },
        ForwardHead { client: ForwardedFor { forwarded: true, ..client }, ..base() },
        ForwardHead { upgrade: Some(bad), ..base() },
    ] {
        assert!(write_forward_head(&mut Vec::new(), &head, std::iter::empty()).is_err(), "{head:?}");
    }
}
