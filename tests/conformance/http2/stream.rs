//! The life of streams, and their windows (RFC 9113 sections 5.1, 5.2 and 6.9).

use super::case::*;
use super::peer::*;

#[test]
fn nothing_but_headers_and_priority_opens_a_stream() {
    conform(&[
        Case {
            section: "5.1",
            what: "idle: DATA",
            act: |peer| peer.frame(DATA, END_STREAM, 1, b"test"),
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "5.1",
            what: "idle: RST_STREAM",
            act: |peer| peer.frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]),
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "5.1",
            what: "idle: WINDOW_UPDATE",
            act: |peer| peer.window(1, 100),
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "5.1",
            what: "idle: CONTINUATION",
            act: |peer| peer.frame(CONTINUATION, END_HEADERS, 1, &get()),
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
    ]);
}

#[test]
fn a_request_that_has_ended_goes_on_no_more() {
    conform(&[
        Case {
            section: "5.1",
            what: "half-closed (remote): DATA",
            act: |peer| {
                peer.get(1);
                peer.frame(DATA, END_STREAM, 1, b"test");
            },
            must: Must::Reset(&[STREAM_CLOSED]),
            reaches: Reaches::Good,
        },
        Case {
            section: "5.1",
            what: "half-closed (remote): HEADERS",
            act: |peer| {
                peer.get(1);
                peer.get(1);
            },
            must: Must::Reset(&[STREAM_CLOSED]),
            reaches: Reaches::Good,
        },
        Case {
            section: "5.1",
            what: "half-closed (remote): CONTINUATION",
            act: |peer| {
                peer.get(1);
                peer.frame(CONTINUATION, END_HEADERS, 1, &block(&[("a", "b")]));
            },
            must: Must::End(&[PROTOCOL_ERROR, STREAM_CLOSED]),
            reaches: Reaches::Good,
        },
        Case {
            section: "5.1",
            what: "half-closed (remote): WINDOW_UPDATE, PRIORITY and RST_STREAM",
            act: |peer| {
                peer.get(1);
                peer.window(1, 100);
                peer.frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 255]);
                peer.frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]);
            },
            must: Must::Go,
            reaches: Reaches::Good,
        },
        Case {
            section: "5.1",
            what: "closed by RST_STREAM: DATA",
            act: |peer| {
                peer.post(1);
                peer.frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]);
                peer.frame(DATA, END_STREAM, 1, b"test");
            },
            must: Must::Reset(&[STREAM_CLOSED]),
            reaches: Reaches::NothingWhole,
        },
        Case {
            section: "5.1",
            what: "closed by RST_STREAM: HEADERS",
            act: |peer| {
                peer.post(1);
                peer.frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]);
                peer.get(1);
            },
            must: Must::Reset(&[STREAM_CLOSED]),
            reaches: Reaches::NothingWhole,
        },
        Case {
            section: "5.1",
            what: "closed by RST_STREAM: CONTINUATION",
            act: |peer| {
                peer.post(1);
                peer.frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]);
                peer.frame(CONTINUATION, END_HEADERS, 1, &block(&[("a", "b")]));
            },
            must: Must::End(&[PROTOCOL_ERROR, STREAM_CLOSED]),
            reaches: Reaches::NothingWhole,
        },
        Case {
            section: "5.1",
            what: "closed by its answer: DATA",
            act: |peer| {
                peer.get(1);
                assert_eq!(peer.answer(1).0, 200);
                peer.frame(DATA, END_STREAM, 1, b"test");
            },
            must: Must::Reset(&[STREAM_CLOSED]),
            reaches: Reaches::Whole(&[("GET /ok HTTP/1.1", "")]),
        },
        Case {
            section: "5.1",
            what: "closed by its answer: HEADERS",
            act: |peer| {
                peer.get(1);
                assert_eq!(peer.answer(1).0, 200);
                peer.get(1);
            },
            must: Must::Reset(&[STREAM_CLOSED, PROTOCOL_ERROR]),
            reaches: Reaches::Whole(&[("GET /ok HTTP/1.1", "")]),
        },
        Case {
            section: "5.1",
            what: "closed by its answer: CONTINUATION",
            act: |peer| {
                peer.get(1);
                assert_eq!(peer.answer(1).0, 200);
                peer.frame(CONTINUATION, END_HEADERS, 1, &block(&[("a", "b")]));
            },
            must: Must::End(&[PROTOCOL_ERROR, STREAM_CLOSED]),
            reaches: Reaches::Whole(&[("GET /ok HTTP/1.1", "")]),
        },
        Case {
            section: "5.1",
            what: "closed by its answer: WINDOW_UPDATE, PRIORITY and RST_STREAM",
            act: |peer| {
                peer.get(1);
                assert_eq!(peer.answer(1).0, 200);
                peer.window(1, 100);
                peer.frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 255]);
                peer.frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]);
            },
            must: Must::Go,
            reaches: Reaches::Whole(&[("GET /ok HTTP/1.1", "")]),
        },
    ]);
}

#[test]
fn streams_of_clients_are_odd_and_grow() {
    conform(&[
        Case {
            section: "5.1.1",
            what: "an even number",
            act: |peer| peer.get(2),
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "5.1.1",
            what: "a number lower than one before",
            act: |peer| {
                peer.get(5);
                peer.get(3);
            },
            must: Must::Reset(&[PROTOCOL_ERROR, STREAM_CLOSED]),
            reaches: Reaches::Good,
        },
        Case {
            section: "5.1.1",
            what: "numbers may be left out, up to the last",
            act: |peer| {
                peer.get(9);
                assert_eq!(peer.answer(9).0, 200);
                peer.get(0x7fff_ffff);
            },
            must: Must::Answer(200),
            reaches: Reaches::Whole(&[("GET /ok HTTP/1.1", ""), ("GET /ok HTTP/1.1", "")]),
        },
    ]);
}

#[test]
fn more_streams_than_agreed_on_are_refused() {
    let world = crate::world::World::with(
        "routes:\n  - {id: ok, match: GET /ok, public: true}\n  - {id: post, match: POST /ok, public: true}\n",
        |settings| settings.http2.streams = 3,
    );
    let mut peer = Peer::begun(&world);
    assert!(peer.settings.contains(&(3, 3)), "{:?}", peer.settings);
    for stream in [1, 3, 5] {
        peer.post(stream);
    }
    // section 5.1.2: a fourth
    peer.post(7);
    let reset = peer.until(RST_STREAM);
    let code = u32::from_be_bytes(reset.payload[..4].try_into().unwrap());
    assert!(reset.stream == 7 && matches!(code, PROTOCOL_ERROR | REFUSED_STREAM), "{reset:?}");
    // the three go on, and make room
    peer.frame(DATA, END_STREAM, 3, b"test");
    assert_eq!(peer.answer(3).0, 200);
    peer.get(9);
    assert_eq!(peer.answer(9).0, 200);
    world.await_metric("scopegate_streams_open", 2);
    drop(peer);
    world.await_metric("scopegate_streams_open", 0);
    let whole: Vec<_> = received(&world).into_iter().filter(|one| one.whole).collect();
    assert_eq!(whole.len(), 2, "{whole:?}");
}

#[test]
fn windows_are_kept_to_and_updates_judged() {
    conform(&[
        Case {
            section: "6.9",
            what: "updates of the connection and of a stream",
            act: |peer| {
                peer.window(0, 1);
                peer.post(1);
                peer.window(1, 1);
                peer.frame(DATA, END_STREAM, 1, b"test");
            },
            must: Must::Answer(200),
            reaches: Reaches::Whole(&[("POST /ok HTTP/1.1", "test")]),
        },
        Case {
            section: "6.9",
            what: "an update of the connection by nothing",
            act: |peer| peer.window(0, 0),
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.9",
            what: "an update of a stream by nothing",
            act: |peer| {
                peer.post(1);
                peer.window(1, 0);
            },
            must: Must::Reset(&[PROTOCOL_ERROR]),
            reaches: Reaches::NothingWhole,
        },
        Case {
            section: "6.9",
            what: "an update of three bytes",
            act: |peer| peer.frame(WINDOW_UPDATE, 0, 0, &[0, 0, 1]),
            must: Must::End(&[FRAME_SIZE_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.9.1",
            what: "a window of the connection above 2^31-1",
            act: |peer| {
                peer.window(0, 0x7fff_ffff);
                peer.window(0, 0x7fff_ffff);
            },
            must: Must::End(&[FLOW_CONTROL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.9.1",
            what: "a window of a stream above 2^31-1",
            act: |peer| {
                peer.post(1);
                peer.window(1, 0x7fff_ffff);
                peer.window(1, 0x7fff_ffff);
            },
            must: Must::Reset(&[FLOW_CONTROL_ERROR]),
            reaches: Reaches::NothingWhole,
        },
        Case {
            section: "6.9.2",
            what: "settings that make a stream's window larger than 2^31-1",
            act: |peer| {
                peer.post(1);
                peer.window(1, 0x7fff_0000);
                peer.settings(&[(4, 0x7fff_ffff)]);
            },
            must: Must::End(&[FLOW_CONTROL_ERROR]),
            reaches: Reaches::NothingWhole,
        },
        Case {
            section: "6.9.1",
            what: "an answer comes as its window opens",
            act: |peer| {
                peer.settings(&[(4, 0)]);
                peer.until(SETTINGS);
                peer.get(1);
                // the head is not flow-controlled
                assert!(peer.until(HEADERS).has(END_HEADERS));
                peer.frame(PING, 0, 0, b"no data!");
                assert_eq!(peer.next().map(|frame| frame.kind), Some(PING));
                peer.window(1, 1);
                assert_eq!(peer.until(DATA).payload, b"o");
                peer.window(1, 1);
                assert_eq!(peer.until(DATA).payload, b"k");
            },
            must: Must::Go,
            reaches: Reaches::Whole(&[("GET /ok HTTP/1.1", "")]),
        },
        Case {
            section: "6.9.2",
            what: "settings open the windows of streams that are there already",
            act: |peer| {
                peer.settings(&[(4, 0)]);
                peer.until(SETTINGS);
                peer.get(1);
                peer.until(HEADERS);
                peer.settings(&[(4, 1)]);
                assert_eq!(peer.until(DATA).payload, b"o");
                // to nothing: the window is now below it
                peer.settings(&[(4, 0)]);
                peer.until(SETTINGS);
                peer.window(1, 1);
                peer.frame(PING, 0, 0, b"no data!");
                assert_eq!(peer.next().map(|frame| frame.kind), Some(PING));
                peer.window(1, 1);
                assert_eq!(peer.until(DATA).payload, b"k");
            },
            must: Must::Go,
            reaches: Reaches::Whole(&[("GET /ok HTTP/1.1", "")]),
        },
        Case {
            section: "5.2.2",
            what: "more data than the window of a stream holds",
            act: |peer| {
                peer.post(1);
                // nobody takes more than the first: the application gets it as it comes
                for _ in 0..128 {
                    peer.frame(DATA, 0, 1, &[b'x'; 16_384]);
                }
            },
            must: Must::EndOrGo(&[FLOW_CONTROL_ERROR]),
            reaches: Reaches::NothingWhole,
        },
    ]);
}
