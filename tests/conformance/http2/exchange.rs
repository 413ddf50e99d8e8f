//! Requests and their parts in order: what makes one malformed (RFC 9113 sections 8.1 and 8.3, RFC 9110 for what it means).

use super::case::*;
use super::peer::*;

const GOT: Reaches = Reaches::Whole(&[("GET /ok HTTP/1.1", "")]);

/// A request of exactly these fields, without a body.
macro_rules! fields {
    ($($field:expr),* $(,)?) => { |peer: &mut Peer| peer.frame(HEADERS, WHOLE, 1, &block(&[$($field),*])) };
}

const METHOD: (&str, &str) = (":method", "GET");
const SCHEME: (&str, &str) = (":scheme", "https");
const AUTHORITY: (&str, &str) = (":authority", "wms.test");
const PATH: (&str, &str) = (":path", "/ok");

fn malformed(section: &'static str, what: &'static str, act: fn(&mut Peer)) -> Case {
    Case { section, what, act, must: Must::Refuse, reaches: Reaches::Nothing }
}

#[test]
fn exchanges_of_every_shape_are_carried() {
    conform(&[
        Case { section: "8.1", what: "GET", act: |peer| peer.get(1), must: Must::Answer(200), reaches: GOT },
        Case {
            section: "8.1",
            what: "HEAD: a length and no body",
            act: |peer| {
                peer.frame(HEADERS, WHOLE, 1, &block(&[(":method", "HEAD"), SCHEME, AUTHORITY, PATH]));
                assert_eq!(peer.answer(1), (200, b"".to_vec()));
            },
            must: Must::Go,
            reaches: Reaches::Whole(&[("HEAD /ok HTTP/1.1", "")]),
        },
        Case {
            section: "8.1",
            what: "POST with its length",
            act: |peer| {
                peer.frame(HEADERS, END_HEADERS, 1, &post(&[("content-length", "4")]));
                peer.frame(DATA, END_STREAM, 1, b"test");
            },
            must: Must::Answer(200),
            reaches: Reaches::Whole(&[("POST /ok HTTP/1.1", "test")]),
        },
        Case {
            section: "8.1",
            what: "POST with trailers, which end here",
            act: |peer| {
                peer.frame(HEADERS, END_HEADERS, 1, &post(&[("trailer", "x-test")]));
                peer.frame(DATA, 0, 1, b"test");
                peer.frame(HEADERS, WHOLE, 1, &block(&[("x-test", "ok")]));
            },
            must: Must::Answer(200),
            reaches: Reaches::Whole(&[("POST /ok HTTP/1.1", "test")]),
        },
        Case {
            section: "8.3.1",
            what: "Host in place of :authority",
            act: fields!(METHOD, SCHEME, PATH, ("host", "wms.test")),
            must: Must::Answer(200),
            reaches: GOT,
        },
        Case {
            section: "8.3.1",
            what: "Host beside the same :authority",
            act: fields!(METHOD, SCHEME, AUTHORITY, PATH, ("host", "wms.test")),
            must: Must::Answer(200),
            reaches: GOT,
        },
    ]);
}

#[test]
fn many_requests_on_one_connection_are_answered_each_for_itself() {
    let world = world();
    let mut peer = Peer::begun(&world);
    let streams: Vec<u32> = (0..40).map(|n| 2 * n + 1).collect();
    for stream in &streams {
        peer.get(*stream);
    }
    let mut answered = Vec::new();
    while answered.len() < streams.len() {
        let frame = peer.next().unwrap();
        if frame.kind == DATA && frame.has(END_STREAM) {
            assert_eq!(frame.payload, b"ok");
            answered.push(frame.stream);
        }
    }
    answered.sort_unstable();
    assert_eq!(answered, streams);
    assert_eq!(received(&world).len(), streams.len());
}

#[test]
fn a_request_has_its_pseudo_fields_once_and_first() {
    conform(&[
        malformed("8.3", "an unknown pseudo field", fields!(METHOD, SCHEME, AUTHORITY, PATH, (":test", "ok"))),
        malformed("8.3", "a pseudo field of answers", fields!(METHOD, SCHEME, AUTHORITY, PATH, (":status", "200"))),
        malformed("8.3", "a pseudo field behind others", fields!(METHOD, SCHEME, AUTHORITY, ("x-test", "ok"), PATH)),
        malformed("8.3.1", "no :method", fields!(SCHEME, AUTHORITY, PATH)),
        malformed("8.3.1", "no :scheme", fields!(METHOD, AUTHORITY, PATH)),
        malformed("8.3.1", "no :path", fields!(METHOD, SCHEME, AUTHORITY)),
        malformed("8.3.1", "neither :authority nor Host", fields!(METHOD, SCHEME, PATH)),
        malformed("8.3.1", "an empty :path", fields!(METHOD, SCHEME, AUTHORITY, (":path", ""))),
        malformed("8.3.1", "an empty :method", fields!((":method", ""), SCHEME, AUTHORITY, PATH)),
        malformed("8.3.1", "an empty :scheme", fields!(METHOD, (":scheme", ""), AUTHORITY, PATH)),
        malformed("8.3.1", "an empty :authority", fields!(METHOD, SCHEME, (":authority", ""), PATH)),
        malformed("8.3", "two :method", fields!(METHOD, METHOD, SCHEME, AUTHORITY, PATH)),
        malformed("8.3", "two :scheme", fields!(METHOD, SCHEME, SCHEME, AUTHORITY, PATH)),
        malformed("8.3", "two :path", fields!(METHOD, SCHEME, AUTHORITY, PATH, PATH)),
        malformed("8.3", "two :authority", fields!(METHOD, SCHEME, AUTHORITY, AUTHORITY, PATH)),
        malformed("8.3.1", "a :path without its slash", fields!(METHOD, SCHEME, AUTHORITY, (":path", "ok"))),
        malformed("8.3.1", "a :path that begins with its query", fields!(METHOD, SCHEME, AUTHORITY, (":path", "?a=b"))),
        malformed(
            "8.3.1",
            "a :path of an absolute form",
            fields!(METHOD, SCHEME, AUTHORITY, (":path", "https://wms.test/ok")),
        ),
        malformed("8.3.1", "a :path with a blank", fields!(METHOD, SCHEME, AUTHORITY, (":path", "/ok HTTP/1.1"))),
        malformed("8.3.1", "a :path with a line break", fields!(METHOD, SCHEME, AUTHORITY, (":path", "/ok\r\nX: y"))),
        malformed("8.3.1", "a :method with a blank", fields!((":method", "GET /ok"), SCHEME, AUTHORITY, PATH)),
        malformed("8.3.1", "a :method in lower case", fields!((":method", "get"), SCHEME, AUTHORITY, PATH)),
        malformed("8.3.1", "userinfo in :authority", fields!(METHOD, SCHEME, (":authority", "me@wms.test"), PATH)),
        malformed("8.3.1", "a port that is none", fields!(METHOD, SCHEME, (":authority", "wms.test:https"), PATH)),
        malformed("8.3.1", "a path in :authority", fields!(METHOD, SCHEME, (":authority", "wms.test/x"), PATH)),
        malformed(
            "8.3.1",
            "Host beside another :authority",
            fields!(METHOD, SCHEME, AUTHORITY, PATH, ("host", "erp.test")),
        ),
        malformed("8.3.1", "two Host", fields!(METHOD, SCHEME, PATH, ("host", "wms.test"), ("host", "wms.test"))),
        malformed("8.3.1", "another scheme", fields!(METHOD, (":scheme", "ftp"), AUTHORITY, PATH)),
        malformed("8.3.1", "`*` with another method than OPTIONS", fields!(METHOD, SCHEME, AUTHORITY, (":path", "*"))),
    ]);
}

#[test]
fn a_scheme_that_is_not_that_of_the_connection_is_refused() {
    conform(&[malformed("8.3.1", "http over TLS", fields!(METHOD, (":scheme", "http"), AUTHORITY, PATH))]);
}

#[test]
fn nothing_becomes_a_tunnel() {
    conform(&[
        malformed("8.5", "CONNECT", fields!((":method", "CONNECT"), (":authority", "wms.test:443"))),
        malformed("8.5", "CONNECT with a path", fields!((":method", "CONNECT"), SCHEME, AUTHORITY, PATH)),
        malformed(
            "RFC 8441",
            "extended CONNECT that was not offered",
            fields!((":method", "CONNECT"), (":protocol", "websocket"), SCHEME, AUTHORITY, PATH),
        ),
        malformed(
            "8.3",
            "a protocol on another method",
            fields!(METHOD, (":protocol", "websocket"), SCHEME, AUTHORITY, PATH),
        ),
        malformed("RFC 9110 9.3.8", "TRACE", fields!((":method", "TRACE"), SCHEME, AUTHORITY, PATH)),
    ]);
}

/// A body that is not what was announced is cut short before the application, never completed.
fn length(what: &'static str, act: fn(&mut Peer)) -> Case {
    Case { section: "8.1.1", what, act, must: Must::Refuse, reaches: Reaches::NothingWhole }
}

#[test]
fn a_body_is_as_long_as_announced() {
    conform(&[
        length("shorter than announced", |peer| {
            peer.frame(HEADERS, END_HEADERS, 1, &post(&[("content-length", "5")]));
            peer.frame(DATA, END_STREAM, 1, b"test");
        }),
        length("shorter in several frames", |peer| {
            peer.frame(HEADERS, END_HEADERS, 1, &post(&[("content-length", "9")]));
            peer.frame(DATA, 0, 1, b"test");
            peer.frame(DATA, END_STREAM, 1, b"test");
        }),
        length("longer than announced", |peer| {
            peer.frame(HEADERS, END_HEADERS, 1, &post(&[("content-length", "5")]));
            peer.frame(DATA, 0, 1, b"test");
            peer.frame(DATA, END_STREAM, 1, b"test");
        }),
        length("announced and missing", |peer| peer.frame(HEADERS, WHOLE, 1, &post(&[("content-length", "4")]))),
        length("ended by trailers before its length", |peer| {
            peer.frame(HEADERS, END_HEADERS, 1, &post(&[("content-length", "5")]));
            peer.frame(DATA, 0, 1, b"test");
            peer.frame(HEADERS, WHOLE, 1, &block(&[("x-test", "ok")]));
        }),
    ]);
}

#[test]
fn a_length_is_one_plain_number() {
    let wrong = |what, act| Case { section: "8.1.1", what, act, must: Must::Refuse, reaches: Reaches::Nothing };
    conform(&[
        wrong("two lengths that differ", |peer| {
            peer.frame(HEADERS, END_HEADERS, 1, &post(&[("content-length", "4"), ("content-length", "5")]));
            peer.frame(DATA, END_STREAM, 1, b"test");
        }),
        wrong("one length twice", |peer| {
            peer.frame(HEADERS, END_HEADERS, 1, &post(&[("content-length", "4"), ("content-length", "4")]));
            peer.frame(DATA, END_STREAM, 1, b"test");
        }),
        wrong("a length with a sign", |peer| {
            peer.frame(HEADERS, END_HEADERS, 1, &post(&[("content-length", "+4")]));
            peer.frame(DATA, END_STREAM, 1, b"test");
        }),
        wrong("a length that is none", |peer| {
            peer.frame(HEADERS, END_HEADERS, 1, &post(&[("content-length", "four")]));
            peer.frame(DATA, END_STREAM, 1, b"test");
        }),
    ]);
}

#[test]
fn trailers_are_the_end_of_a_request() {
    let wrong = |what, act| Case { section: "8.1", what, act, must: Must::Refuse, reaches: Reaches::NothingWhole };
    conform(&[
        wrong("a second HEADERS that does not end the stream", |peer| {
            peer.post(1);
            peer.frame(DATA, 0, 1, b"test");
            peer.frame(HEADERS, END_HEADERS, 1, &block(&[("x-test", "ok")]));
            peer.frame(DATA, END_STREAM, 1, b"test");
        }),
        wrong("a name in upper case in trailers", |peer| {
            peer.post(1);
            peer.frame(DATA, 0, 1, b"test");
            peer.frame(HEADERS, WHOLE, 1, &block(&[("X-Test", "ok")]));
        }),
    ]);
}

/// What the library beneath takes away before anybody sees it: the RFC would have it refused, and it reaches nobody.
#[test]
fn what_the_library_hides_reaches_nobody() {
    let world = world();
    let mut peer = Peer::begun(&world);
    peer.frame(HEADERS, WHOLE, 1, &block(&[METHOD, SCHEME, AUTHORITY, (":path", "/ok#/../admin?x")]));
    peer.answer(1);
    for (stream, trailers) in [(3, block(&[(":method", "POST"), ("x-test", "ok")])), (5, get())] {
        peer.post(stream);
        peer.frame(DATA, 0, stream, b"test");
        peer.frame(HEADERS, WHOLE, stream, &trailers);
        peer.answer(stream);
    }
    let received = received(&world);
    assert_eq!(received.len(), 3);
    for (one, line) in received.iter().zip(["GET /ok HTTP/1.1", "POST /ok HTTP/1.1", "POST /ok HTTP/1.1"]) {
        assert_eq!(one.line(), line);
        assert!(!one.head.contains('#') && one.values("x-test").is_empty(), "{one:?}");
    }
}
