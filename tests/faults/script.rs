//! What applications have been seen to do, and what the gateway must make of each; one row a fault.

use std::time::Duration;

use super::application::{Step, send};

/// What the client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Makes {
    /// A whole answer of the gateway's own, with this reason.
    Refusal(&'static str),
    /// The head and part of the body at most, then an aborted stream.
    Cut,
    /// The application's answer, whole, with this body.
    Whole(u16, &'static str),
}

/// One fault.
pub struct Fault {
    pub name: &'static str,
    pub method: &'static str,
    pub steps: Vec<Step>,
    pub makes: Makes,
}

const BROKEN: Makes = Makes::Refusal("upstream-protocol");
const SLOW: Makes = Makes::Refusal("upstream-timeout");
/// An answer to nobody, which no client may ever see.
const EVIL: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const LONG: &str = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
const PAUSE: Duration = Duration::from_millis(300);

fn fault(name: &'static str, steps: Vec<Step>, makes: Makes) -> Fault {
    Fault { name, method: "GET", steps, makes }
}

/// An answer that is sent at once, with another one behind it that nobody asked for.
fn sent(name: &'static str, text: impl AsRef<[u8]>, makes: Makes) -> Fault {
    fault(name, vec![send(text), send(EVIL)], makes)
}

/// A chunked answer of these bytes.
fn chunks(name: &'static str, bytes: impl AsRef<[u8]>, makes: Makes) -> Fault {
    sent(name, [CHUNKED.as_bytes(), bytes.as_ref()].concat(), makes)
}

/// An answer with these fields before a body that fits a plain one.
fn fields(name: &'static str, fields: &str, makes: Makes) -> Fault {
    sent(name, format!("HTTP/1.1 200 OK\r\n{fields}\r\nok"), makes)
}

pub fn all() -> Vec<Fault> {
    [closed(), garbage(), lengths(), surplus(), interim(), codings(), chunking(), heads(), slow(), early()]
        .into_iter()
        .flatten()
        .collect()
}

fn closed() -> Vec<Fault> {
    let then = |text: &str, end: Step| vec![send(text), end];
    vec![
        fault("closed-at-once", vec![Step::Close], BROKEN),
        fault("reset-at-once", vec![Step::Reset], BROKEN),
        fault("closed-in-status", then("HTTP/1.1 20", Step::Close), BROKEN),
        fault("closed-in-head", then("HTTP/1.1 200 OK\r\nContent-Le", Step::Close), BROKEN),
        fault("reset-in-head", then("HTTP/1.1 200 OK\r\nContent-Le", Step::Reset), BROKEN),
        fault("closed-behind-head", then(LONG, Step::Close), Makes::Cut),
        fault("reset-behind-head", then(LONG, Step::Reset), Makes::Cut),
        fault("closed-in-body", then(&format!("{LONG}half"), Step::Close), Makes::Cut),
        fault("closed-before-chunks", then(CHUNKED, Step::Close), Makes::Cut),
        fault("closed-in-chunk-size", then(&format!("{CHUNKED}4"), Step::Close), Makes::Cut),
        fault("closed-in-chunk", then(&format!("{CHUNKED}9\r\nhalf"), Step::Close), Makes::Cut),
        fault("closed-behind-chunk", then(&format!("{CHUNKED}4\r\nhalf\r\n"), Step::Close), Makes::Cut),
        fault("closed-in-last-chunk", then(&format!("{CHUNKED}4\r\nhalf\r\n0\r\n"), Step::Close), Makes::Cut),
        fault("closed-in-trailers", then(&format!("{CHUNKED}4\r\nhalf\r\n0\r\nX: y\r\n"), Step::Close), Makes::Cut),
        fault("until-close", then("HTTP/1.1 200 OK\r\n\r\nall of it", Step::Close), Makes::Whole(200, "all of it")),
        fault("until-close-empty", then("HTTP/1.1 200 OK\r\n\r\n", Step::Close), Makes::Whole(200, "")),
        fault("until-reset", vec![send("HTTP/1.1 200 OK\r\n\r\n"), Step::Reset], Makes::Cut),
        fault("old-until-close", then("HTTP/1.0 200 OK\r\n\r\nall of it", Step::Close), Makes::Whole(200, "all of it")),
    ]
}

fn garbage() -> Vec<Fault> {
    let line = |line: &str| format!("{line}\r\nContent-Length: 2\r\n\r\nok");
    vec![
        sent("greeting", "220 mail.example.test ESMTP\r\n\r\n", BROKEN),
        sent("zeros", [0; 64], BROKEN),
        sent("tls-record", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", BROKEN),
        fault("no-line", vec![send("x".repeat(300)), Step::Close], BROKEN),
        fault("http09", vec![send("<html>hello</html>\r\n\r\n"), Step::Close], BROKEN),
        sent("http2-settings", b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64\r\n\r\n", BROKEN),
        sent("http2-preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BROKEN),
        sent("http2-line", line("HTTP/2.0 200 OK"), BROKEN),
        sent("icy", line("ICY 200 OK"), BROKEN),
        sent("lower-case-version", line("http/1.1 200 OK"), BROKEN),
        sent("status-of-four", line("HTTP/1.1 2000 OK"), BROKEN),
        sent("status-of-two", line("HTTP/1.1 20 OK"), BROKEN),
        sent("status-below", line("HTTP/1.1 099 OK"), BROKEN),
        sent("status-in-letters", line("HTTP/1.1 abc OK"), BROKEN),
        sent("status-negative", line("HTTP/1.1 -200 OK"), BROKEN),
        sent("bare-line-feeds", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", BROKEN),
        sent("bare-carriage-returns", "HTTP/1.1 200 OK\rContent-Length: 2\r\r\r\n\r\n", BROKEN),
        sent("a-request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", BROKEN),
    ]
}

fn lengths() -> Vec<Fault> {
    let length = |name, value: &str| fields(name, &format!("Content-Length: {value}\r\n"), BROKEN);
    vec![
        fields("both-lengths", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", BROKEN),
        fields("both-lengths-turned", "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", BROKEN),
        fields("lengths-that-differ", "Content-Length: 2\r\nContent-Length: 3\r\n", BROKEN),
        fields("one-length-twice", "Content-Length: 2\r\nContent-Length: 2\r\n", BROKEN),
        length("length-list", "2, 2"),
        length("length-signed", "+2"),
        length("length-negative", "-1"),
        length("length-hexadecimal", "0x2"),
        length("length-huge", "99999999999999999999"),
        length("length-empty", ""),
        length("length-with-blank", "2 2"),
        length("length-with-letters", "2abc"),
        fault("length-too-long", vec![send(LONG), send("short"), Step::Close], Makes::Cut),
        fault(
            "length-enormous",
            vec![send("HTTP/1.1 200 OK\r\nContent-Length: 999999999999999999\r\n\r\nshort"), Step::Close],
            Makes::Cut,
        ),
        fields("length-too-short", "Content-Length: 1\r\n", Makes::Whole(200, "o")),
        fields("length-of-nothing", "Content-Length: 0\r\n", Makes::Whole(200, "")),
    ]
}

fn surplus() -> Vec<Fault> {
    vec![
        sent("two-answers", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", Makes::Whole(200, "ok")),
        sent("two-answers-chunked", format!("{CHUNKED}2\r\nok\r\n0\r\n\r\n"), Makes::Whole(200, "ok")),
        fault("surplus-byte", vec![send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\noke")], Makes::Whole(200, "ok")),
        fault(
            "surplus-later",
            vec![
                Step::Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".into(), Duration::ZERO),
                Step::Drip(EVIL.into(), Duration::from_millis(1)),
            ],
            Makes::Whole(200, "ok"),
        ),
        sent("no-content-with-body", "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil", Makes::Whole(204, "")),
        sent(
            "no-content-chunked",
            "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
            Makes::Whole(204, ""),
        ),
        sent("no-content-silent-body", "HTTP/1.1 204 No Content\r\n\r\nevil", Makes::Whole(204, "")),
        sent(
            "not-modified-with-body",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil",
            Makes::Whole(304, ""),
        ),
        Fault {
            method: "HEAD",
            ..sent("head-with-body", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", Makes::Whole(200, ""))
        },
        Fault {
            method: "HEAD",
            ..sent("head-with-chunks", format!("{CHUNKED}4\r\nevil\r\n0\r\n\r\n"), Makes::Whole(200, ""))
        },
    ]
}

fn interim() -> Vec<Fault> {
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    vec![
        fault("continue-unasked", vec![send(format!("HTTP/1.1 100 Continue\r\n\r\n{ok}"))], Makes::Whole(200, "ok")),
        fault("a-few-hints", vec![send(format!("{}{ok}", hint.repeat(5)))], Makes::Whole(200, "ok")),
        fault("hints-that-nobody-knows", vec![send(format!("HTTP/1.1 199 x\r\n\r\n{ok}"))], Makes::Whole(200, "ok")),
        sent("storm-of-hints", hint.repeat(1000), BROKEN),
        fault("hints-without-end", vec![Step::Endless(b"HTTP/1.1 102 Processing\r\n\r\n")], BROKEN),
        sent("hint-with-body", "HTTP/1.1 103 Early Hints\r\nContent-Length: 4\r\n\r\nevil", BROKEN),
        sent("switch-unasked", format!("{upgrade}\r\n"), BROKEN),
        sent("switch-with-key", format!("{upgrade}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"), BROKEN),
        sent(
            "switch-to-h2c",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
            BROKEN,
        ),
        fault("only-hints", vec![send(hint), Step::Close], BROKEN),
    ]
}

fn codings() -> Vec<Fault> {
    let coding = |name, value: &str| {
        sent(name, format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {value}\r\n\r\n2\r\nok\r\n0\r\n\r\n"), BROKEN)
    };
    vec![
        coding("coding-gzip-chunked", "gzip, chunked"),
        coding("coding-chunked-twice", "chunked, chunked"),
        coding("coding-identity", "identity"),
        coding("coding-unknown", "xchunked"),
        coding("coding-with-parameter", "chunked;q=1"),
        coding("coding-with-tab", "\x0bchunked"),
        coding("coding-empty", ""),
        coding("coding-list-with-nothing", "chunked,"),
        fields("coding-in-two-fields", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", BROKEN),
        sent(
            "coding-of-old-version",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            BROKEN,
        ),
        sent(
            "coding-in-capitals",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            Makes::Whole(200, "ok"),
        ),
    ]
}

fn chunking() -> Vec<Fault> {
    let cut = |name, bytes: &str| chunks(name, bytes, Makes::Cut);
    vec![
        cut("chunk-size-in-letters", "xyz\r\nok\r\n0\r\n\r\n"),
        cut("chunk-size-negative", "-2\r\nok\r\n0\r\n\r\n"),
        cut("chunk-size-signed", "+2\r\nok\r\n0\r\n\r\n"),
        cut("chunk-size-prefixed", "0x2\r\nok\r\n0\r\n\r\n"),
        cut("chunk-size-huge", "fffffffffffffffff\r\nok\r\n0\r\n\r\n"),
        cut("chunk-size-behind-blank", " 2\r\nok\r\n0\r\n\r\n"),
        cut("chunk-size-missing", "\r\nok\r\n0\r\n\r\n"),
        cut("chunk-size-bare-line-feed", "2\nok\r\n0\r\n\r\n"),
        cut("chunk-longer-than-said", "2\r\nokay\r\n0\r\n\r\n"),
        cut("chunk-without-line-end", "2\r\nok0\r\n\r\n"),
        cut("chunk-extension-with-nul", "2;a=\0b\r\nok\r\n0\r\n\r\n"),
        cut("chunk-extension-with-line-feed", "2;a=\nb\r\nok\r\n0\r\n\r\n"),
        cut("chunk-extension-flood", &format!("2;{}\r\nok\r\n0\r\n\r\n", "a".repeat(10_000))),
        cut("trailer-flood", &format!("2\r\nok\r\n0\r\n{}\r\n", "X-Trailer: y\r\n".repeat(2000))),
        cut("trailer-malformed", "2\r\nok\r\n0\r\nX Trailer y\r\n\r\n"),
        cut("trailer-bare-line-feed", "2\r\nok\r\n0\r\nX: y\n\n"),
        chunks("chunk-extensions", "2;a=b;c=\"d\"\r\nok\r\n0\r\n\r\n", Makes::Whole(200, "ok")),
        chunks("trailers-of-framing", "2\r\nok\r\n0\r\nContent-Length: 9\r\nX: y\r\n\r\n", Makes::Whole(200, "ok")),
    ]
}

fn heads() -> Vec<Fault> {
    let head = |name, more: &str| fields(name, &format!("Content-Length: 2\r\n{more}"), BROKEN);
    vec![
        head("head-too-large", &format!("X: {}\r\n", "a".repeat(100_000))),
        head("head-of-too-many-fields", &"X: a\r\n".repeat(500)),
        fault(
            "head-without-end",
            vec![send("HTTP/1.1 200 OK\r\n"), Step::Endless(b"X-Flood: abcdefghijklmnopqrstuvwxyz\r\n")],
            BROKEN,
        ),
        fault("line-without-end", vec![send("HTTP/1.1 200 "), Step::Endless(b"abcdefghijklmnopqrstuvwxyz")], BROKEN),
        head("value-with-nul", "X: a\0b\r\n"),
        head("value-with-carriage-return", "X: a\rb\r\n"),
        head("value-with-line-feed", "X: a\nSet-Cookie: evil=1\r\n"),
        head("value-folded", "X: a\r\n b\r\n"),
        head("value-with-del", "X: a\x7fb\r\n"),
        head("name-before-blank", "X : a\r\n"),
        head("name-with-blank", "X Y: a\r\n"),
        head("name-empty", ": a\r\n"),
        head("name-alone", "X-Alone\r\n"),
        head("name-beyond-ascii", "X-ä: a\r\n"),
        head("name-folded", " X: a\r\n"),
        fields(
            "connection-names-the-length",
            "Connection: content-length\r\nContent-Length: 2\r\n",
            Makes::Whole(200, "ok"),
        ),
        fields("upgrade-offered", "Upgrade: h2c\r\nContent-Length: 2\r\n", Makes::Whole(200, "ok")),
    ]
}

fn slow() -> Vec<Fault> {
    vec![
        fault("silence", vec![Step::Hang], SLOW),
        fault("silence-in-head", vec![send("HTTP/1.1 200 OK\r\nX"), Step::Hang], SLOW),
        fault("drip-in-head", vec![Step::Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".into(), PAUSE)], SLOW),
        fault("silence-behind-hint", vec![send("HTTP/1.1 103 Early Hints\r\n\r\n"), Step::Hang], SLOW),
        fault("silence-behind-head", vec![send(LONG), Step::Hang], Makes::Cut),
        fault("silence-in-body", vec![send(LONG), send("half"), Step::Hang], Makes::Cut),
        fault("silence-in-chunk", vec![send(CHUNKED), send("9\r\nhalf"), Step::Hang], Makes::Cut),
        fault("silence-before-last-chunk", vec![send(CHUNKED), send("4\r\nhalf\r\n"), Step::Hang], Makes::Cut),
        fault("silence-until-close", vec![send("HTTP/1.1 200 OK\r\n\r\nhalf"), Step::Hang], Makes::Cut),
        fault(
            "drip-in-body",
            vec![send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"), Step::Drip(b"slow".into(), PAUSE)],
            Makes::Whole(200, "slow"),
        ),
    ]
}

/// Answers before the body of the request was read.
fn early() -> Vec<Fault> {
    let post = |name, steps, makes| Fault { method: "POST", ..fault(name, steps, makes) };
    let answer =
        |status: &str| send(format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 5\r\n\r\nearly"));
    vec![
        post("early-answer", vec![answer("200 OK"), Step::Hang], Makes::Whole(200, "early")),
        post("early-refusal", vec![answer("413 Content Too Large"), Step::Hang], Makes::Whole(413, "early")),
        post("early-garbage", vec![send("what?\r\n\r\n"), Step::Hang], BROKEN),
        post("early-close", vec![Step::Close], BROKEN),
    ]
}
