//! Heads: what is refused, with which reason, and that nothing of it reaches the service.

use crate::support::{Seen, request, run, talk};
use scopegate::model::Reason;
use scopegate::wire::server::End;

fn refused(bytes: impl AsRef<[u8]>, reason: Reason) {
    let bytes = bytes.as_ref();
    let talk = talk([bytes, b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"].concat());
    let shown = String::from_utf8_lossy(bytes);
    assert!(matches!(&talk.seen[..], [Seen::Rejected { reason: got, .. }] if *got == reason), "{shown}\n{talk:?}");
    assert_eq!(talk.statuses(), [reason.status()], "{shown}");
    assert!(talk.answered.contains("Connection: close\r\n"), "{shown}\n{}", talk.answered);
    assert_eq!((talk.end.end, talk.end.requests), (End::Refused(reason), 0));
    assert_eq!(talk.ends.len(), 1);
}

fn head_with(fields: &str) -> String {
    format!("POST /a HTTP/1.1\r\nHost: h\r\n{fields}\r\n")
}

#[test]
fn a_bare_line_feed_is_refused() {
    for head in [
        "GET / HTTP/1.1\nHost: h\n\n",
        "GET / HTTP/1.1\r\nHost: h\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\n",
        "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        refused(head, Reason::MalformedHead);
    }
}

#[test]
fn a_bare_line_feed_is_refused_at_every_place_of_a_long_head() {
    let head = format!("GET /{} HTTP/1.1\r\nHost: h\r\nA: {}\r\nB: c\r\n\r\n", "p".repeat(50), "v".repeat(70));
    for at in 1..head.len() {
        let mut bytes = head.clone().into_bytes();
        // what is no line feed there becomes one; of a line's end the carriage return goes
        if bytes[at] == b'\n' {
            bytes[at - 1] = b'x';
        } else {
            bytes[at] = b'\n';
        }
        refused(bytes, Reason::MalformedHead);
    }
}

#[test]
fn each_request_of_a_connection_has_its_own_host() {
    let hosts = ["a.test", "a.test", "b.test", "a.test:1", "A.test", "a.test"];
    let requests: Vec<_> = hosts.iter().map(|host| format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).collect();
    let talk = talk(requests.concat().into_bytes());
    let named: Vec<_> = talk.seen.iter().filter_map(Seen::host).collect();
    assert_eq!(named, hosts, "{talk:?}");
}

#[test]
fn a_bare_carriage_return_is_refused() {
    for head in [
        "GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n",
        "GET /\r HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\rHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\r\n\r\n",
    ] {
        refused(head, Reason::MalformedHead);
    }
}

#[test]
fn a_folded_line_is_refused() {
    refused(head_with("A: b\r\n c\r\n"), Reason::MalformedHead);
    refused(head_with("A: b\r\n\tc\r\n"), Reason::MalformedHead);
    refused("GET / HTTP/1.1\r\n Host: h\r\n\r\n", Reason::MalformedHead);
}

#[test]
fn white_space_and_odd_bytes_in_field_names_are_refused() {
    for field in [
        "A : b",
        "A\t: b",
        " A: b",
        "A b: c",
        ": b",
        "A",
        "A(b): c",
        "\u{e9}: b",
        "A\0: b",
        "Transfer-Encoding : chunked",
    ] {
        refused(head_with(&format!("{field}\r\n")), Reason::MalformedHead);
    }
}

#[test]
fn control_bytes_in_field_values_are_refused() {
    for byte in ["\0", "\u{1}", "\u{b}", "\u{c}", "\u{7f}"] {
        refused(head_with(&format!("A: x{byte}y\r\n")), Reason::MalformedHead);
    }
}

#[test]
fn a_fragment_in_the_target_is_refused() {
    refused("GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", Reason::MalformedHead);
    refused("GET http://h/a#b HTTP/1.1\r\nHost: h\r\n\r\n", Reason::MalformedHead);
    refused("GET /a?b#c HTTP/1.1\r\nHost: h\r\n\r\n", Reason::MalformedHead);
}

#[test]
fn bytes_outside_of_printable_ascii_in_the_target_are_refused() {
    refused(b"GET /\xe9 HTTP/1.1\r\nHost: h\r\n\r\n", Reason::MalformedHead);
    refused("GET /\u{e9} HTTP/1.1\r\nHost: h\r\n\r\n", Reason::MalformedHead);
    refused("GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n", Reason::MalformedHead);
    refused("GET /a\u{7f} HTTP/1.1\r\nHost: h\r\n\r\n", Reason::MalformedHead);
    refused("GET /?a=\"b\" HTTP/1.1\r\nHost: h\r\n\r\n", Reason::MalformedHead);
    refused("GET /<a> HTTP/1.1\r\nHost: h\r\n\r\n", Reason::MalformedHead);
}

#[test]
fn odd_request_lines_are_refused() {
    for line in [
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET /  HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET / x HTTP/1.1",
        "GET /",
        " GET / HTTP/1.1",
        "GET / HTTP/1",
        "GET / http/1.1",
        "GET / HTTP/11",
        "* / HTTP/1.1",
    ] {
        let talk = talk(format!("{line}\r\nHost: h\r\n\r\n"));
        assert!(matches!(&talk.seen[..], [Seen::Rejected { .. }]), "{line} {talk:?}");
    }
    refused("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", Reason::MalformedHead);
    refused(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", Reason::MalformedHead);
}

#[test]
fn one_empty_line_before_a_request_is_overlooked() {
    let talk = talk("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(talk.seen, [request("GET", "/", b""), request("GET", "/b", b"")]);
}

#[test]
fn versions_that_are_not_served_are_refused() {
    for version in ["HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "HTTP/3.1"] {
        refused(format!("GET / {version}\r\nHost: h\r\n\r\n"), Reason::VersionRefused);
    }
    refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Reason::VersionRefused);
}

#[test]
fn connect_and_trace_are_refused() {
    refused("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", Reason::MethodRefused);
    refused("TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", Reason::MethodRefused);
    for method in ["get", "GeT", "G1", "A_B", "G!", &"A".repeat(33)] {
        refused(format!("{method} / HTTP/1.1\r\nHost: h\r\n\r\n"), Reason::MethodRefused);
    }
}

#[test]
fn exactly_one_plain_host_is_asked_for() {
    refused("GET / HTTP/1.1\r\n\r\n", Reason::BadHost);
    refused("GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", Reason::BadHost);
    refused("GET / HTTP/1.1\r\nHost: h\r\nhOST: g\r\n\r\n", Reason::BadHost);
    for host in [
        "", "u@h", "h:", "h:x", "h:65536", "h:-1", "h, g", "h/", "h?x", "a b", "h%2e", "h\\", "[::1", "[v1.x]", ".h",
        "h..g", "h#",
    ] {
        refused(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), Reason::BadHost);
    }
    refused(b"GET / HTTP/1.1\r\nHost: h\xe9\r\n\r\n", Reason::BadHost);
    let old = talk("GET / HTTP/1.0\r\n\r\n");
    assert!(matches!(&old.seen[..], [Seen::Request { host: None, .. }]));
}

#[test]
fn an_absolute_target_must_name_the_host() {
    refused("GET http://evil/ HTTP/1.1\r\nHost: h\r\n\r\n", Reason::HostMismatch);
    refused("GET http://h:80/ HTTP/1.1\r\nHost: h\r\n\r\n", Reason::HostMismatch);
    refused("GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n", Reason::BadHost);
    refused("GET http://h:x/ HTTP/1.1\r\nHost: h:x\r\n\r\n", Reason::BadHost);
    for target in ["ftp://h/", "file:///etc/passwd", "gopher://h/", "h/a", "*", "a:b", "//", "http:/h", "http:h"] {
        let talk = talk(format!("OPTIONS {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
        let taken = matches!(&talk.seen[..], [Seen::Request { .. }]);
        assert_eq!(taken, target == "//", "{target}");
    }
    assert_eq!(talk("GET http://H/a?b HTTP/1.1\r\nHost: h\r\n\r\n").seen, [request("GET", "/a?b", b"")]);
}

#[test]
fn both_lengths_are_refused() {
    refused(head_with("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"), Reason::MalformedFraming);
    refused(head_with("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"), Reason::MalformedFraming);
    refused(head_with("Content-Length: 4\r\nContent-Length: 4\r\n"), Reason::MalformedFraming);
    refused(head_with("Content-Length: 4\r\nContent-Length: 5\r\n"), Reason::MalformedFraming);
}

#[test]
fn odd_lengths_are_refused() {
    for length in ["", "+4", "-4", "04", "4,4", "4 4", "0x4", "4.0", "1e1", "99999999999999999999", "４"] {
        refused(head_with(&format!("Content-Length: {length}\r\n")), Reason::MalformedFraming);
    }
}

#[test]
fn odd_codings_are_refused() {
    for coding in [
        "identity, chunked",
        "chunked, chunked",
        "gzip, chunked",
        "gzip",
        "identity",
        "xchunked",
        "chunked;a=b",
        "\"chunked\"",
        "chunked,",
        ",chunked",
        "chunked identity",
        "",
    ] {
        refused(head_with(&format!("Transfer-Encoding: {coding}\r\n")), Reason::MalformedFraming);
    }
    refused(head_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), Reason::MalformedFraming);
    refused(head_with("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"), Reason::MalformedFraming);
    refused("POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", Reason::MalformedFraming);
}

#[test]
fn an_expectation_other_than_100_continue_is_refused() {
    refused(head_with("Expect: 200-ok\r\n"), Reason::ExpectationRefused);
    refused(head_with("Expect: 100-continue, x\r\n"), Reason::ExpectationRefused);
    refused(head_with("Expect: 100-continue\r\nExpect: 100-continue\r\n"), Reason::ExpectationRefused);
}

#[test]
fn an_upgrade_to_h2c_is_refused() {
    refused(
        head_with("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
        Reason::UpgradeRefused,
    );
    refused(head_with("Connection: upgrade\r\nUpgrade: TLS/1.0\r\n"), Reason::UpgradeRefused);
    refused(head_with("Connection: upgrade\r\nUpgrade: websocket, h2c\r\n"), Reason::UpgradeRefused);
}

#[test]
fn heads_that_are_too_large_are_refused() {
    refused(format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(8 * 1024)), Reason::TargetTooLong);
    let long = talk(format!("GET /{}", "a".repeat(40 * 1024)));
    assert!(matches!(&long.seen[..], [Seen::Rejected { reason: Reason::TargetTooLong, .. }]), "{:?}", long.seen);
    refused(head_with(&format!("A: {}\r\n", "b".repeat(33 * 1024))), Reason::HeadTooLarge);
    refused(head_with(&"A: b\r\n".repeat(100)), Reason::HeadTooLarge);
    assert_eq!(talk(head_with(&"A: b\r\n".repeat(99))).seen, [request("POST", "/a", b"")]);
}

#[test]
fn a_refused_head_is_recorded_with_its_method_and_target() {
    let talk = talk("POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
    let partial = Some(("POST".to_owned(), "/a?b".to_owned()));
    assert_eq!(talk.seen, [Seen::Rejected { reason: Reason::MalformedFraming, partial }]);
}

#[test]
fn the_result_does_not_depend_on_how_a_head_arrives() {
    use crate::support::{Recorder, serve};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let wire = b"\r\nPOST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: h\r\n\r\n";
    run(async {
        let service = std::rc::Rc::new(Recorder::new());
        let (mut client, serving) = serve(&service, Default::default(), Default::default());
        for byte in wire {
            client.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        client.shutdown().await.unwrap();
        client.read_to_end(&mut Vec::new()).await.unwrap();
        serving.await.unwrap();
        assert_eq!(service.seen.take(), [request("POST", "/a", b"abc"), request("GET", "/b", b"")]);
    });
}
