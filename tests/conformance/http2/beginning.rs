//! How a connection begins and ends, and its settings (RFC 9113 sections 3, 5.4, 5.5, 6.5, 6.7, 6.8 and 9.2).

use super::case::*;
use super::peer::*;

#[test]
fn a_connection_begins_with_a_preface_and_settings() {
    let world = world();
    let mut peer = Peer::begun(&world);
    peer.get(1);
    assert_eq!(peer.answer(1), (200, b"ok".to_vec()));
    // section 3.4: the client may send requests before it has heard anything
    let mut hasty = Peer::connected(&world);
    hasty.raw(&[PREFACE, &frame(SETTINGS, 0, 0, b""), &frame(HEADERS, WHOLE, 1, &get())].concat());
    assert_eq!(hasty.answer(1), (200, b"ok".to_vec()));
    // section 6.5.2: what the gateway asks for lies in the ranges
    for (id, value) in peer.settings {
        match id {
            1 | 6 => {}
            3 => assert!((100..=1000).contains(&value), "streams: {value}"),
            4 => assert!(value <= i32::MAX.unsigned_abs()),
            5 => assert!((16_384..1 << 24).contains(&value)),
            2 | 8 => assert_eq!(value, 0, "no push, and no tunnels"),
            other => panic!("a setting {other}"),
        }
    }
}

#[test]
fn what_is_no_preface_is_no_connection() {
    conform_in(
        &world(),
        Peer::connected,
        &[
            Case {
                section: "3.4",
                what: "an invalid preface",
                act: |peer| peer.raw(b"INVALID CONNECTION PREFACE\r\n\r\n"),
                must: Must::End(&[PROTOCOL_ERROR]),
                reaches: Reaches::Nothing,
            },
            Case {
                section: "3.4",
                what: "a request of HTTP/1.1 where HTTP/2 was agreed on",
                act: |peer| peer.raw(b"GET /ok HTTP/1.1\r\nHost: wms.test\r\n\r\n"),
                must: Must::End(&[PROTOCOL_ERROR]),
                reaches: Reaches::Nothing,
            },
            Case {
                section: "3.4",
                what: "a preface without settings behind it",
                act: |peer| peer.raw(&[PREFACE, &frame(HEADERS, WHOLE, 1, &get())].concat()),
                must: Must::End(&[PROTOCOL_ERROR]),
                reaches: Reaches::Nothing,
            },
            Case {
                section: "3.4",
                what: "an acknowledgement in place of settings",
                act: |peer| peer.raw(&[PREFACE, &frame(SETTINGS, ACK, 0, b"")].concat()),
                must: Must::EndOrGo(&[PROTOCOL_ERROR]),
                reaches: Reaches::Nothing,
            },
        ],
    );
}

#[test]
fn http2_is_spoken_only_where_the_handshake_agreed_on_it() {
    let world = world();
    // section 3.2: by ALPN alone; the preface on a connection of HTTP/1.1 is no request
    let answer = world.anybody().raw(&[PREFACE, &frame(SETTINGS, 0, 0, b"")].concat());
    let text = String::from_utf8_lossy(&answer);
    assert!(text.starts_with("HTTP/1.1 505 ") || text.starts_with("HTTP/1.1 400 "), "{text}");
    // section 3.1: an upgrade to h2c is not agreed on
    let seen = world.raw(
        "GET /ok HTTP/1.1\r\nHost: wms.test\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    assert_eq!((seen.status, seen.reason()), (403, Some("upgrade-refused")));
    assert!(received(&world).is_empty());
}

#[test]
fn settings_are_judged_and_acknowledged() {
    conform(&[
        Case {
            section: "6.5",
            what: "an acknowledgement with a payload",
            act: |peer| peer.frame(SETTINGS, ACK, 0, &[0; 6]),
            must: Must::End(&[FRAME_SIZE_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.5",
            what: "settings on a stream",
            act: |peer| peer.frame(SETTINGS, 0, 1, &[0, 3, 0, 0, 0, 100]),
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.5",
            what: "a length that is no multiple of six",
            act: |peer| peer.frame(SETTINGS, 0, 0, &[0, 3, 0]),
            must: Must::End(&[FRAME_SIZE_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.5.2",
            what: "ENABLE_PUSH of 2",
            act: |peer| peer.settings(&[(2, 2)]),
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.5.2",
            what: "INITIAL_WINDOW_SIZE above 2^31-1",
            act: |peer| peer.settings(&[(4, 1 << 31)]),
            must: Must::End(&[FLOW_CONTROL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.5.2",
            what: "MAX_FRAME_SIZE below 2^14",
            act: |peer| peer.settings(&[(5, 16_383)]),
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.5.2",
            what: "MAX_FRAME_SIZE above 2^24-1",
            act: |peer| peer.settings(&[(5, 1 << 24)]),
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.5.2",
            what: "a setting that nobody knows",
            act: |peer| peer.settings(&[(0xff, 1)]),
            must: Must::Go,
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.5.3",
            what: "the last of several values of one setting counts",
            act: |peer| {
                peer.settings(&[(4, 100), (4, 1)]);
                peer.until(SETTINGS);
                peer.get(1);
                // one byte fits the window
                assert_eq!(peer.until(DATA).payload, b"o");
                peer.window(1, 1);
                assert_eq!(peer.until(DATA).payload, b"k");
            },
            must: Must::Go,
            reaches: Reaches::Whole(&[("GET /ok HTTP/1.1", "")]),
        },
        Case {
            section: "6.5.3",
            what: "each frame of settings is acknowledged",
            act: |peer| {
                for _ in 0..3 {
                    peer.settings(&[(3, 100)]);
                    assert!(peer.until(SETTINGS).payload.is_empty());
                }
            },
            must: Must::Go,
            reaches: Reaches::Nothing,
        },
    ]);
}

#[test]
fn pings_are_echoed_and_judged() {
    conform(&[
        Case {
            section: "6.7",
            what: "a ping is answered with its own bytes",
            act: |peer| {
                peer.frame(PING, 0, 0, b"scopegat");
                let echo = peer.until(PING);
                assert!(echo.has(ACK) && echo.payload == b"scopegat" && echo.stream == 0);
            },
            must: Must::Go,
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.7",
            what: "the answer to a ping that nobody sent is not answered",
            act: |peer| {
                peer.frame(PING, ACK, 0, b"unasked!");
                peer.frame(PING, 0, 0, b"asked!!!");
                assert_eq!(peer.until(PING).payload, b"asked!!!");
            },
            must: Must::Go,
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.7",
            what: "a ping on a stream",
            act: |peer| peer.frame(PING, 0, 1, &[0; 8]),
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.7",
            what: "a ping of six bytes",
            act: |peer| peer.frame(PING, 0, 0, &[0; 6]),
            must: Must::End(&[FRAME_SIZE_ERROR]),
            reaches: Reaches::Nothing,
        },
    ]);
}

#[test]
fn a_connection_error_is_told_and_ends_the_connection() {
    let world = world();
    let mut peer = Peer::begun(&world);
    // section 5.4.1: GOAWAY, then the end of the TCP connection
    peer.frame(PING, 0, 3, &[0; 8]);
    let told = peer.until(GOAWAY);
    assert_eq!((told.stream, u32::from_be_bytes(told.payload[4..8].try_into().unwrap())), (0, PROTOCOL_ERROR));
    while peer.next().is_some() {}
    conform(&[
        Case {
            section: "6.8",
            what: "GOAWAY on a stream",
            act: |peer| peer.frame(GOAWAY, 0, 1, &[0; 8]),
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "7",
            what: "GOAWAY with a code that nobody knows",
            act: |peer| peer.frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 0xff]),
            must: Must::EndOrGo(&[0xff]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "7",
            what: "RST_STREAM with a code that nobody knows",
            act: |peer| {
                peer.post(1);
                peer.frame(RST_STREAM, 0, 1, &[0, 0, 0, 0xff]);
            },
            must: Must::Go,
            reaches: Reaches::NothingWhole,
        },
        Case {
            section: "6.8",
            what: "a request before GOAWAY is answered",
            act: |peer| {
                peer.get(1);
                peer.frame(GOAWAY, 0, 0, &[0; 8]);
                assert_eq!(peer.answer(1), (200, b"ok".to_vec()));
            },
            must: Must::EndOrGo(&[]),
            reaches: Reaches::Whole(&[("GET /ok HTTP/1.1", "")]),
        },
    ]);
}

#[test]
fn frames_of_unknown_types_are_overlooked_except_within_a_block_of_fields() {
    conform(&[
        Case {
            section: "5.5",
            what: "a frame of an unknown type",
            act: |peer| {
                peer.frame(0xfa, 0, 0, b"scopegate");
                peer.frame(0xfa, 0xff, 7, b"");
                peer.get(1);
            },
            must: Must::Answer(200),
            reaches: Reaches::Whole(&[("GET /ok HTTP/1.1", "")]),
        },
        Case {
            section: "5.5",
            what: "a frame of an unknown type within a block of fields",
            act: |peer| {
                peer.frame(HEADERS, END_STREAM, 1, &get());
                peer.frame(0xfa, 0, 1, b"scopegate");
                peer.frame(CONTINUATION, END_HEADERS, 1, &block(&[("a", "b")]));
            },
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
    ]);
}
