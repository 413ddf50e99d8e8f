//! Attacks on answers that are held, in raw HTTP/2 frames and by the application: nothing of a refused answer leaves, the records say
//! what came of it, the other streams go on, and everything that was taken is given back.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::peer::*;
use crate::world::{Gate, Received, World};

const RULES: &str = r##"
lookups:
  shown: {key: int, response: {}, value: {css: "#warehouse"}, cap: 4KiB, within: 30s}
routes:
  - {id: card, match: "GET /card/{id:int}", permission: order:view, scope: {warehouse: {lookup: shown, key: {path: id}}, channel: ignored}}
  - {id: open, match: GET /open, permission: order:view, scope: {warehouse: ignored, channel: ignored}}
"##;

/// What stands in every card, and in nothing of the gateway's own.
const MARK: &str = "c4rd-of";

/// A card: of HF where the number is odd, else of SH.
fn card(received: &Received) -> String {
    let number: u32 = received.line().rsplit('/').next().and_then(|id| id.parse().ok()).unwrap_or(1);
    let warehouse = if number % 2 == 1 { "HF" } else { "SH" };
    format!("<p>{MARK} {warehouse}</p><b id=warehouse>{warehouse}</b>")
}

fn whole(received: &Received) -> Vec<u8> {
    let body = card(received);
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// An application that answers nobody's card before the gate is open.
fn behind(gate: &Gate) -> World {
    let shut = gate.clone();
    World::new(RULES, move |received| {
        if received.line() != "GET /open" {
            shut.pass();
        }
        Some(whole(received))
    })
}

/// A connection on which each status is told in full: SETTINGS_HEADER_TABLE_SIZE is 0.
pub fn begun(world: &World) -> Peer {
    Peer::begun_with(world, &[(1, 0)])
}

/// A keeper of HF asks for this on a stream.
pub fn ask(world: &World, peer: &mut Peer, stream: u32, path: &str) {
    let keeper = world.person("keeper.hf");
    let (_, key) = &keeper.own_fields()[0];
    let head = [(":method", "GET"), (":scheme", "https"), (":authority", "wms.test"), (":path", path)];
    peer.frame(HEADERS, WHOLE, stream, &[block(&head), block(&[("x-api-key", key)])].concat());
}

/// The same, and returns when the application has it.
fn ask_held(world: &World, peer: &mut Peer, stream: u32, path: &str) {
    ask(world, peer, stream, path);
    world.application.await_line(&format!("GET {path}"));
}

/// What came on one stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub status: Option<u16>,
    pub body: String,
    /// Ended, by the answer's end or a reset.
    pub over: bool,
}

/// What came on a connection.
#[derive(Debug, Default)]
pub struct Heard {
    pub streams: BTreeMap<u32, Told>,
    closed: bool,
    echoes: u32,
}

impl Heard {
    pub fn is_over(&self, stream: u32) -> bool {
        self.streams.get(&stream).is_some_and(|told| told.over)
    }

    pub fn status(&self, stream: u32) -> Option<u16> {
        self.streams.get(&stream).and_then(|told| told.status)
    }

    /// Listens until it is enough, or the connection is over. No DATA frame ever holds a piece of a card that is not the keeper's.
    #[track_caller]
    pub fn listen(&mut self, peer: &mut Peer, enough: impl Fn(&Self) -> bool) {
        while !enough(self) {
            let Some(frame) = peer.next() else {
                self.closed = true;
                break;
            };
            match frame.kind {
                SETTINGS if !frame.has(ACK) => peer.frame(SETTINGS, ACK, 0, b""),
                PING if frame.has(ACK) => self.echoes += 1,
                HEADERS | DATA | RST_STREAM => {
                    let told = self.streams.entry(frame.stream).or_default();
                    match frame.kind {
                        HEADERS => told.status = status(&frame.payload).or(told.status),
                        DATA => told.body += std::str::from_utf8(&frame.payload).unwrap(),
                        _ => told.over = true,
                    }
                    told.over |= frame.kind != RST_STREAM && frame.has(END_STREAM);
                }
                _ => {}
            }
        }
        for (stream, told) in &self.streams {
            assert!(!told.body.contains("SH") || !told.body.contains(MARK), "stream {stream}: {told:?}");
            assert!(told.status != Some(200) || !told.body.contains("SH"), "stream {stream}: {told:?}");
        }
    }

    /// Listens to everything that was sent before the gateway read up to here.
    #[track_caller]
    pub fn catch_up(&mut self, peer: &mut Peer) {
        let before = self.echoes;
        peer.frame(PING, 0, 0, b"up to me");
        self.listen(peer, |heard| heard.echoes > before);
    }
}

/// What is on record about a request for this path: decisions with their reasons, and how it ended.
fn recorded(world: &World, received: &[Received], path: &str) -> (Vec<(Value, Value)>, Vec<Value>) {
    let line = format!("GET {path}");
    let [one] = received.iter().filter(|one| one.line() == line).collect::<Vec<_>>()[..] else { panic!("{line} once") };
    let all = world.about(one.field("x-request-id").unwrap());
    let of = |kind: &str| all.iter().filter(|record| record["kind"] == kind).cloned().collect::<Vec<_>>();
    let decided = of("decision").into_iter().map(|one| (one["decision"].clone(), one["reason"].clone())).collect();
    (decided, of("outcome").into_iter().map(|one| one["completion"].clone()).collect())
}

fn held_and(decision: &str, reason: &str) -> Vec<(Value, Value)> {
    vec![(json!("held"), json!("answer-awaited")), (json!(decision), json!(reason))]
}

/// Everything that was taken is given back, and others are served.
fn all_is_given_back(world: &World) {
    for gauge in ["scopegate_requests_in_flight", "scopegate_streams_open", "scopegate_upstream_in_flight"] {
        world.await_metric(gauge, 0);
    }
    assert_eq!(world.person("keeper.hf").get("/open").status, 200);
}

#[test]
fn a_stream_that_is_reset_while_its_answer_is_held_gets_nothing_and_the_others_go_on() {
    let gate = Gate::default();
    let mut world = behind(&gate);
    let mut peer = begun(&world);
    for (stream, path) in [(1, "/card/2"), (3, "/card/3"), (5, "/card/5"), (7, "/card/6")] {
        ask_held(&world, &mut peer, stream, path);
    }
    for stream in [1, 3] {
        peer.frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
    }
    world.await_metric("scopegate_streams_open", 2);
    gate.open();
    let mut heard = Heard::default();
    heard.listen(&mut peer, |heard| heard.is_over(5) && heard.is_over(7));
    ask(&world, &mut peer, 9, "/open");
    heard.listen(&mut peer, |heard| heard.is_over(9));
    heard.catch_up(&mut peer);
    assert_eq!(heard.streams.keys().copied().collect::<Vec<_>>(), [5, 7, 9], "{heard:?}");
    assert_eq!([5, 7, 9].map(|stream| heard.status(stream)), [Some(200), Some(403), Some(200)]);
    assert!(heard.streams[&5].body.contains(MARK));
    all_is_given_back(&world);
    let received = world.application.take();
    world.end();
    for path in ["/card/2", "/card/3"] {
        let (decided, ended) = recorded(&world, &received, path);
        assert_eq!(decided, [(json!("held"), json!("answer-awaited"))], "{path}");
        assert_eq!(ended, ["client-aborted"]);
    }
    assert_eq!(recorded(&world, &received, "/card/5"), (held_and("permit", "granted"), vec![json!("complete")]));
    assert_eq!(recorded(&world, &received, "/card/6"), (held_and("refuse", "out-of-scope"), vec![json!("complete")]));
}

#[test]
fn a_client_that_says_goodbye_while_its_answers_are_held_gets_what_it_may() {
    // one that reads on; and one that gives everything up
    for (code, stays) in [(0_u32, true), (PROTOCOL_ERROR, false)] {
        let gate = Gate::default();
        let mut world = behind(&gate);
        let mut peer = begun(&world);
        for (stream, path) in [(1, "/card/1"), (3, "/card/2")] {
            ask_held(&world, &mut peer, stream, path);
        }
        peer.frame(GOAWAY, 0, 0, &[[0; 4], code.to_be_bytes()].concat());
        let mut heard = Heard::default();
        heard.catch_up(&mut peer);
        assert!(heard.streams.is_empty(), "{heard:?}");
        if stays {
            gate.open();
            heard.listen(&mut peer, |heard| heard.is_over(1) && heard.is_over(3));
            assert_eq!([1, 3].map(|stream| heard.status(stream)), [Some(200), Some(403)], "{heard:?}");
        } else {
            drop(peer);
            world.await_metric("scopegate_streams_open", 0);
            gate.open();
        }
        all_is_given_back(&world);
        let received = world.application.take();
        world.end();
        let (permitted, refused) = (recorded(&world, &received, "/card/1").0, recorded(&world, &received, "/card/2").0);
        if stays {
            assert_eq!((permitted, refused), (held_and("permit", "granted"), held_and("refuse", "out-of-scope")));
        } else {
            let held = vec![(json!("held"), json!("answer-awaited"))];
            assert_eq!((permitted, refused), (held.clone(), held));
        }
    }
}

#[test]
fn without_a_window_nothing_of_a_held_answer_leaves_and_a_window_of_one_stream_is_its_own() {
    let gate = Gate::default();
    let mut world = behind(&gate);
    // SETTINGS_INITIAL_WINDOW_SIZE
    let mut peer = Peer::begun_with(&world, &[(1, 0), (4, 0)]);
    for (stream, path) in [(1, "/card/1"), (3, "/card/2"), (5, "/card/5"), (7, "/card/6")] {
        ask_held(&world, &mut peer, stream, path);
    }
    // a window that opens before the answer is judged opens it to nothing
    peer.window(3, 10_000);
    let mut heard = Heard::default();
    heard.catch_up(&mut peer);
    assert!(heard.streams.is_empty(), "{heard:?}");
    gate.open();
    heard.listen(&mut peer, |heard| heard.is_over(3) && [1, 5, 7].iter().all(|stream| heard.status(*stream).is_some()));
    heard.catch_up(&mut peer);
    assert_eq!([1, 3, 5, 7].map(|stream| heard.status(stream)), [Some(200), Some(403), Some(200), Some(403)]);
    assert_eq!([1, 5, 7].map(|stream| heard.streams[&stream].body.len()), [0, 0, 0], "{heard:?}");
    peer.window(5, 10_000);
    peer.window(7, 10_000);
    heard.listen(&mut peer, |heard| heard.is_over(5) && heard.is_over(7));
    assert!(heard.streams[&5].body.contains("HF"));
    assert!(heard.streams[&1].body.is_empty());
    drop(peer);
    all_is_given_back(&world);
    let received = world.application.take();
    world.end();
    assert_eq!(recorded(&world, &received, "/card/1").0, held_and("permit", "granted"));
    for path in ["/card/2", "/card/6"] {
        let (decided, ended) = recorded(&world, &received, path);
        assert_eq!((decided, ended), (held_and("refuse", "out-of-scope"), vec![json!("complete")]), "{path}");
    }
}

#[test]
fn what_follows_the_end_of_a_request_gets_no_second_answer_and_lets_none_out() {
    let again = [(":method", "GET"), (":scheme", "https"), (":authority", "wms.test"), (":path", "/open")];
    for (kind, flags, payload) in [
        (HEADERS, WHOLE, block(&again)),
        (HEADERS, WHOLE, block(&[("x-trailer", "1")])),
        (DATA, 0, b"more".to_vec()),
        (DATA, END_STREAM, b"more".to_vec()),
        (CONTINUATION, END_HEADERS, block(&[("x", "y")])),
    ] {
        let gate = Gate::default();
        let mut world = behind(&gate);
        let mut peer = begun(&world);
        for (stream, path) in [(1, "/card/2"), (3, "/card/3")] {
            ask_held(&world, &mut peer, stream, path);
        }
        peer.frame(kind, flags, 1, &payload);
        let mut heard = Heard::default();
        // the stream is reset, or the whole connection is at its end (RFC 9113 section 5.1)
        heard.listen(&mut peer, |heard| heard.is_over(1));
        assert_eq!(heard.status(1), None, "{heard:?}");
        assert!(!heard.streams.contains_key(&3), "{heard:?}");
        gate.open();
        if !heard.closed {
            heard.listen(&mut peer, |heard| heard.is_over(3));
            heard.catch_up(&mut peer);
            assert_eq!((heard.status(1), heard.status(3)), (None, Some(200)), "{heard:?}");
        }
        drop(peer);
        all_is_given_back(&world);
        let received = world.application.take();
        assert_eq!(received.iter().filter(|one| one.line() != "GET /open").count(), 2, "{received:?}");
        world.end();
        let (decided, ended) = recorded(&world, &received, "/card/2");
        assert_eq!((decided.len(), ended), (1, vec![json!("client-aborted")]), "{decided:?}");
    }
}

#[test]
fn a_flood_while_answers_are_held_ends_the_connection_and_lets_none_of_them_out() {
    let piece = block(&[("x", "y")]);
    let endless =
        [frame(HEADERS, END_STREAM, 5, &block(&GET)), frame(CONTINUATION, 0, 5, &piece).repeat(2000)].concat();
    let floods = [
        ("priorities", frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 15]).repeat(20_000)),
        ("windows", frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]).repeat(20_000)),
        ("continuations", endless),
    ];
    for (what, flood) in floods {
        let gate = Gate::default();
        let mut world = behind(&gate);
        let (mut peer, mut other) = (begun(&world), begun(&world));
        for (stream, path) in [(1, "/card/1"), (3, "/card/2")] {
            ask_held(&world, &mut peer, stream, path);
        }
        ask_held(&world, &mut other, 1, "/card/5");
        peer.raw(&flood);
        let mut heard = Heard::default();
        heard.listen(&mut peer, |_| false);
        assert!(heard.closed && heard.streams.values().all(|told| told.status.is_none()), "{what}: {heard:?}");
        world.await_metric("scopegate_requests_in_flight", 1);
        gate.open();
        let mut answered = Heard::default();
        answered.listen(&mut other, |heard| heard.is_over(1));
        assert_eq!(answered.status(1), Some(200), "{what}");
        all_is_given_back(&world);
        let received = world.application.take();
        world.end();
        for path in ["/card/1", "/card/2"] {
            let (decided, ended) = recorded(&world, &received, path);
            assert_eq!((decided.len(), &decided[0].0, ended), (1, &json!("held"), vec![json!("client-aborted")]));
        }
    }
}

/// What an application does that means no good, or cannot do better; with its last word the connection is over.
type Act = fn(&Received, &TcpStream) -> Option<()>;

fn say(mut stream: &TcpStream, text: &str) -> Option<()> {
    stream.write_all(text.as_bytes()).ok()
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n";

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// Says it again and again, until the gateway has had enough.
fn for_ever(stream: &TcpStream, text: &str) -> Option<()> {
    while say(stream, text).is_some() {}
    None
}

/// One byte after the other.
fn trickle(received: &Received, stream: &TcpStream) -> Option<()> {
    stream.set_nodelay(true).unwrap();
    whole(received).iter().try_for_each(|byte| say(stream, std::str::from_utf8(&[*byte]).unwrap()))
}

/// What each does, and what the keeper is told and the record says. Numbers of cards of SH are even, and those of HF odd.
const ACTS: [(u32, &str, Act, &str); 15] = [
    (101, "trickles a card of HF", trickle, "granted"),
    (102, "trickles a card of SH", trickle, "out-of-scope"),
    (
        103,
        "closes in the middle of the body",
        |received, stream| say(stream, &format!("{HEAD}Content-Length: 900\r\n\r\n{}", card(received))).and(None),
        "lookup-failed",
    ),
    (
        105,
        "closes in the middle of a chunk",
        |received, stream| say(stream, &format!("{CHUNKED}fff\r\n{}", card(received))).and(None),
        "lookup-failed",
    ),
    (
        107,
        "closes before the last chunk",
        |received, stream| say(stream, &format!("{CHUNKED}{}", chunk(&card(received)))).and(None),
        "lookup-failed",
    ),
    (
        109,
        "closes in the middle of the head",
        |received, stream| say(stream, &format!("{HEAD}X-Card: {}", card(received))).and(None),
        "upstream-protocol",
    ),
    (
        110,
        "sends the warehouse in the trailers",
        |received, stream| {
            let body = chunk(&card(received));
            say(stream, &format!("{CHUNKED}{body}0\r\nX-Warehouse: HF\r\n\r\n"))
        },
        "out-of-scope",
    ),
    (
        111,
        "sends trailers behind a card of HF",
        |received, stream| say(stream, &format!("{CHUNKED}{}0\r\nX-Late: SH\r\n\r\n", chunk(&card(received)))),
        "granted",
    ),
    (
        113,
        "sends more than is held, with its length",
        |received, stream| {
            let body = format!("{}{}", card(received), " ".repeat(1 << 20));
            say(stream, &format!("{HEAD}Content-Length: {}\r\n\r\n{body}", body.len()))
        },
        "lookup-failed",
    ),
    (
        115,
        "sends chunks without end",
        |received, stream| {
            say(stream, CHUNKED)?;
            for_ever(stream, &chunk(&card(received)))
        },
        "lookup-failed",
    ),
    (
        117,
        "sends one line of a chunk without end",
        |_, stream| {
            say(stream, CHUNKED)?;
            for_ever(stream, "0")
        },
        "lookup-failed",
    ),
    (
        119,
        "sends interim answers without end",
        |_, stream| for_ever(stream, "HTTP/1.1 103 Early Hints\r\nLink: </c4rd-of>\r\n\r\n"),
        "upstream-protocol",
    ),
    (
        121,
        "sends a few interim answers",
        |received, stream| {
            say(stream, &"HTTP/1.1 102 Processing\r\n\r\n".repeat(8))?;
            say(stream, std::str::from_utf8(&whole(received)).unwrap())
        },
        "granted",
    ),
    (
        123,
        "switches protocols",
        |received, stream| {
            say(stream, &format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n{}", card(received)))
        },
        "upstream-protocol",
    ),
    (
        124,
        "sends a second answer behind the first",
        |received, stream| {
            say(stream, &format!("{HEAD}Content-Length: 0\r\n\r\n{HEAD}\r\n{}", card(received))).and(None)
        },
        "object-unknown",
    ),
];

#[test]
fn however_the_application_answers_nothing_of_what_is_refused_leaves() {
    let mut world = World::talking(
        RULES,
        |received, stream| {
            let number = received.line().rsplit('/').next().and_then(|id| id.parse::<u32>().ok());
            match ACTS.iter().find(|(of, ..)| Some(*of) == number) {
                Some((_, _, act, _)) => act(received, stream),
                None => say(stream, std::str::from_utf8(&whole(received)).unwrap()),
            }
        },
        |_, _| {},
    );
    let mut peer = begun(&world);
    let mut heard = Heard::default();
    let mut stream = 1;
    for (number, what, _, reason) in ACTS {
        // one that is well goes beside it on the same connection
        for path in [format!("/card/{number}"), format!("/card/{}", 1000 + stream)] {
            ask(&world, &mut peer, stream, &path);
            stream += 2;
        }
        let (ill, well) = (stream - 4, stream - 2);
        heard.listen(&mut peer, |heard| heard.is_over(ill) && heard.is_over(well));
        assert!(!heard.closed, "{what}");
        assert_eq!(heard.status(well), Some(200), "{what}");
        let told = &heard.streams[&ill];
        let wanted = match reason {
            "granted" => 200,
            reason => scopegate::model::Reason::parse(reason).unwrap().told().status(),
        };
        assert_eq!(told.status, Some(wanted), "{what}: {told:?}");
        assert_eq!(told.body.contains(MARK), reason == "granted", "{what}: {told:?}");
    }
    all_is_given_back(&world);
    let received = world.application.take();
    world.end();
    for (number, what, _, reason) in ACTS {
        let path = format!("/card/{number}");
        // what broke off before its head was whole was asked for again, under the same number
        let first = received.iter().find(|one| one.line() == format!("GET {path}")).cloned();
        let (decided, ended) = recorded(&world, first.as_slice(), &path);
        let decision = if reason == "granted" { "permit" } else { "refuse" };
        assert_eq!((decided, ended), (held_and(decision, reason), vec![json!("complete")]), "{what}");
    }
}
