//! Names and values of fields, and those that concern a connection (RFC 9113 section 8.2).

use super::case::*;
use super::peer::*;

const GOT: Reaches = Reaches::Whole(&[("GET /ok HTTP/1.1", "")]);

fn malformed(what: &'static str, act: fn(&mut Peer)) -> Case {
    Case { section: "8.2", what, act, must: Must::Refuse, reaches: Reaches::Nothing }
}

macro_rules! with {
    ($($name:expr => $value:expr),*) => {
        |peer: &mut Peer| {
            let further: &[(&[u8], &[u8])] = &[$((&$name[..], &$value[..])),*];
            peer.frame(HEADERS, WHOLE, 1, &[get(), raw_block(further)].concat());
        }
    };
}

#[test]
fn names_are_lower_case_tokens() {
    conform(&[
        malformed("a name in upper case", with!(b"X-TEST" => b"ok")),
        malformed("a name with one letter in upper case", with!(b"x-tesT" => b"ok")),
        malformed("an empty name", with!(b"" => b"ok")),
        malformed("a name with a blank", with!(b"x test" => b"ok")),
        malformed("a name that ends with a blank", with!(b"x-test " => b"ok")),
        malformed("a name with a colon", with!(b"x-test:" => b"ok")),
        malformed("a name with a line break", with!(b"x\r\ny" => b"ok")),
        malformed("a name with NUL", with!(b"x\0y" => b"ok")),
        malformed("a name beyond ASCII", with!(b"x-\xe4" => b"ok")),
    ]);
}

#[test]
fn values_hold_nothing_that_ends_a_field() {
    conform(&[
        malformed("a line feed", with!(b"x-test" => b"ok\nx-admin: 1")),
        malformed("a carriage return", with!(b"x-test" => b"ok\rx-admin: 1")),
        malformed("a line break", with!(b"x-test" => b"ok\r\nx-admin: 1")),
        malformed("NUL", with!(b"x-test" => b"o\0k")),
        malformed("another control character", with!(b"x-test" => b"o\x01k")),
        malformed("DEL", with!(b"x-test" => b"o\x7fk")),
        malformed("a blank at the beginning", with!(b"x-test" => b" ok")),
        malformed("a blank at the end", with!(b"x-test" => b"ok ")),
        malformed("a tab at the end", with!(b"x-test" => b"ok\t")),
        Case {
            section: "8.2.1",
            what: "an empty value, and blanks within one",
            act: with!(b"x-test" => b"", b"x-other" => b"o k"),
            must: Must::Answer(200),
            reaches: GOT,
        },
    ]);
}

#[test]
fn fields_of_a_connection_are_refused() {
    conform(&[
        malformed("Connection", with!(b"connection" => b"close")),
        malformed("Keep-Alive", with!(b"keep-alive" => b"timeout=5")),
        malformed("Proxy-Connection", with!(b"proxy-connection" => b"keep-alive")),
        malformed("Transfer-Encoding", with!(b"transfer-encoding" => b"chunked")),
        malformed("Upgrade", with!(b"upgrade" => b"websocket")),
        malformed("TE other than trailers", with!(b"te" => b"trailers, deflate;q=0.5")),
        Case {
            section: "8.2.2",
            what: "TE: trailers",
            act: with!(b"te" => b"trailers"),
            must: Must::Answer(200),
            reaches: GOT,
        },
    ]);
}

#[test]
fn cookies_in_several_fields_are_one_to_the_application() {
    let world = world();
    let mut peer = Peer::begun(&world);
    peer.frame(HEADERS, WHOLE, 1, &get_with(&[("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")]));
    assert_eq!(peer.answer(1).0, 200);
    let received = received(&world);
    assert_eq!(received[0].values("cookie"), ["a=1; b=2; c=3"]);
}

#[test]
fn a_name_that_folds_to_one_that_is_judged_is_not_forwarded_under_its_own() {
    let world = world();
    let mut peer = Peer::begun(&world);
    peer.frame(HEADERS, WHOLE, 1, &get_with(&[("content_length", "100"), ("transfer_encoding", "chunked")]));
    let (status, _) = peer.answer(1);
    let received = received(&world);
    for one in &received {
        assert!(one.values("content_length").is_empty() && one.values("transfer_encoding").is_empty(), "{one:?}");
    }
    assert!(status == 200 || received.is_empty());
}

#[test]
fn heads_beyond_the_limits_are_refused_without_being_kept() {
    conform(&[
        Case {
            section: "10.5.1",
            what: "more bytes than allowed",
            act: |peer| {
                let value = "x".repeat(8000);
                let fields: Vec<(String, &str)> = (0..8).map(|n| (format!("x-{n}"), &value[..])).collect();
                let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), *value)).collect();
                send_large(peer, &get_with(&fields));
            },
            must: Must::Answer(431),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "10.5.1",
            what: "more fields than allowed",
            act: |peer| {
                let fields: Vec<String> = (0..120).map(|n| format!("x-{n}")).collect();
                let fields: Vec<(&str, &str)> = fields.iter().map(|name| (name.as_str(), "y")).collect();
                send_large(peer, &get_with(&fields));
            },
            must: Must::Answer(431),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "10.5.1",
            what: "a target beyond its limit",
            act: |peer| {
                let path = format!("/ok?{}", "x".repeat(9000));
                let head = [(":method", "GET"), (":scheme", "https"), (":authority", "wms.test"), (":path", &path)];
                send_large(peer, &block(&head));
            },
            must: Must::Answer(414),
            reaches: Reaches::Nothing,
        },
    ]);
}

/// A block of fields in as many frames as it needs.
fn send_large(peer: &mut Peer, block: &[u8]) {
    let mut pieces = block.chunks(16_384).peekable();
    let mut kind = (HEADERS, END_STREAM);
    while let Some(piece) = pieces.next() {
        let last = if pieces.peek().is_none() { END_HEADERS } else { 0 };
        peer.frame(kind.0, kind.1 | last, 1, piece);
        kind = (CONTINUATION, 0);
    }
}
