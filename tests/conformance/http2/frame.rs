//! The shape of frames: sizes, paddings, where each type may stand (RFC 9113 sections 4 and 6).

use super::case::*;
use super::peer::*;

const GOT: Reaches = Reaches::Whole(&[("GET /ok HTTP/1.1", "")]);

#[test]
fn what_a_frame_header_does_not_define_is_overlooked() {
    conform(&[
        Case {
            section: "4.1",
            what: "flags that are not defined",
            act: |peer| {
                peer.frame(PING, 0xfe, 0, b"scopegat");
                assert_eq!(peer.until(PING).payload, b"scopegat");
            },
            must: Must::Go,
            reaches: Reaches::Nothing,
        },
        Case {
            section: "4.1",
            what: "the reserved bit of the stream",
            act: |peer| {
                peer.frame(PING, 0, 1 << 31, b"scopegat");
                assert_eq!(peer.until(PING).payload, b"scopegat");
                peer.frame(HEADERS, WHOLE, 1 << 31 | 1, &get());
            },
            must: Must::Answer(200),
            reaches: GOT,
        },
    ]);
}

#[test]
fn frames_are_as_large_as_agreed_on_and_no_larger() {
    conform(&[
        Case {
            section: "4.2",
            what: "2^14 bytes of data",
            act: |peer| {
                peer.frame(HEADERS, END_HEADERS, 1, &post(&[("content-length", "16384")]));
                peer.frame(DATA, END_STREAM, 1, &[b'x'; 16_384]);
            },
            must: Must::Answer(200),
            reaches: Reaches::Good,
        },
        Case {
            section: "4.2",
            what: "2^14 + 1 bytes of data",
            act: |peer| {
                peer.post(1);
                peer.frame(DATA, END_STREAM, 1, &[b'x'; 16_385]);
            },
            must: Must::Reset(&[FRAME_SIZE_ERROR]),
            reaches: Reaches::NothingWhole,
        },
        Case {
            section: "4.2",
            what: "2^14 + 1 bytes of fields",
            act: |peer| {
                let mut fields = get_with(&[("a", &"x".repeat(16_384))]);
                fields.truncate(16_385);
                peer.frame(HEADERS, WHOLE, 1, &fields);
            },
            must: Must::End(&[FRAME_SIZE_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "4.2",
            what: "2^14 + 1 bytes of settings",
            act: |peer| peer.frame(SETTINGS, 0, 0, &[0; 16_386]),
            must: Must::End(&[FRAME_SIZE_ERROR]),
            reaches: Reaches::Nothing,
        },
    ]);
}

#[test]
fn data_stands_on_open_streams_within_its_padding() {
    conform(&[
        Case {
            section: "6.1",
            what: "a body in one frame",
            act: |peer| {
                peer.post(1);
                peer.frame(DATA, END_STREAM, 1, b"test");
            },
            must: Must::Answer(200),
            reaches: Reaches::Whole(&[("POST /ok HTTP/1.1", "test")]),
        },
        Case {
            section: "6.1",
            what: "a body in several frames, empty ones among them",
            act: |peer| {
                peer.post(1);
                peer.frame(DATA, 0, 1, b"te");
                peer.frame(DATA, 0, 1, b"");
                peer.frame(DATA, 0, 1, b"st");
                peer.frame(DATA, END_STREAM, 1, b"");
            },
            must: Must::Answer(200),
            reaches: Reaches::Whole(&[("POST /ok HTTP/1.1", "test")]),
        },
        Case {
            section: "6.1",
            what: "padding never reaches the application",
            act: |peer| {
                peer.post(1);
                peer.frame(DATA, PADDED, 1, b"\x06te......");
                peer.frame(DATA, PADDED | END_STREAM, 1, b"\x00st");
            },
            must: Must::Answer(200),
            reaches: Reaches::Whole(&[("POST /ok HTTP/1.1", "test")]),
        },
        Case {
            section: "6.1",
            what: "data on the connection itself",
            act: |peer| peer.frame(DATA, END_STREAM, 0, b"test"),
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.1",
            what: "data on a stream that has ended",
            act: |peer| {
                peer.get(1);
                peer.frame(DATA, END_STREAM, 1, b"test");
            },
            must: Must::Reset(&[STREAM_CLOSED]),
            reaches: Reaches::Good,
        },
        Case {
            section: "6.1",
            what: "padding as long as the frame",
            act: |peer| {
                peer.post(1);
                peer.frame(DATA, PADDED | END_STREAM, 1, b"\x05test");
            },
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::NothingWhole,
        },
        Case {
            section: "6.1",
            what: "padding longer than the frame",
            act: |peer| {
                peer.post(1);
                peer.frame(DATA, PADDED | END_STREAM, 1, b"\xfftest");
            },
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::NothingWhole,
        },
        Case {
            section: "6.1",
            what: "padded without room for the length of the padding",
            act: |peer| {
                peer.post(1);
                peer.frame(DATA, PADDED | END_STREAM, 1, b"");
            },
            must: Must::End(&[PROTOCOL_ERROR, FRAME_SIZE_ERROR]),
            reaches: Reaches::NothingWhole,
        },
    ]);
}

#[test]
fn headers_stand_on_streams_within_their_padding() {
    conform(&[
        Case {
            section: "6.2",
            what: "padded fields",
            act: |peer| peer.frame(HEADERS, WHOLE | PADDED, 1, &[&[7][..], &get(), &[0; 7]].concat()),
            must: Must::Answer(200),
            reaches: GOT,
        },
        Case {
            section: "6.2",
            what: "fields with a priority",
            act: |peer| {
                peer.frame(HEADERS, WHOLE | PRIORITISED, 1, &[&[0, 0, 0, 0, 255][..], &get()].concat());
            },
            must: Must::Answer(200),
            reaches: GOT,
        },
        Case {
            section: "6.2",
            what: "padded fields with a priority",
            act: |peer| {
                let payload = [&[3, 0x80, 0, 0, 0, 1][..], &get(), &[0; 3]].concat();
                peer.frame(HEADERS, WHOLE | PADDED | PRIORITISED, 1, &payload);
            },
            must: Must::Answer(200),
            reaches: GOT,
        },
        Case {
            section: "6.2",
            what: "PRIORITY within a block of fields",
            act: |peer| {
                peer.frame(HEADERS, END_STREAM, 1, &get());
                peer.frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 255]);
                peer.frame(CONTINUATION, END_HEADERS, 1, &block(&[("a", "b")]));
            },
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.2",
            what: "HEADERS of another stream within a block of fields",
            act: |peer| {
                peer.frame(HEADERS, END_STREAM, 1, &get());
                peer.get(3);
            },
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.2",
            what: "HEADERS on the connection itself",
            act: |peer| peer.get(0),
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.2",
            what: "padding longer than the frame",
            act: |peer| peer.frame(HEADERS, WHOLE | PADDED, 1, &[&[200][..], &get()].concat()),
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.2",
            what: "too short for its priority",
            act: |peer| peer.frame(HEADERS, WHOLE | PRIORITISED, 1, &[0, 0]),
            must: Must::Reset(&[PROTOCOL_ERROR, FRAME_SIZE_ERROR, COMPRESSION_ERROR]),
            reaches: Reaches::Nothing,
        },
    ]);
}

#[test]
fn continuations_follow_a_block_of_fields_and_nothing_else() {
    conform(&[
        Case {
            section: "6.10",
            what: "one",
            act: |peer| {
                let fields = get();
                peer.frame(HEADERS, END_STREAM, 1, &fields[..20]);
                peer.frame(CONTINUATION, END_HEADERS, 1, &fields[20..]);
            },
            must: Must::Answer(200),
            reaches: GOT,
        },
        Case {
            section: "6.10",
            what: "several, one of them empty",
            act: |peer| {
                let fields = get();
                peer.frame(HEADERS, END_STREAM, 1, b"");
                peer.frame(CONTINUATION, 0, 1, &fields[..1]);
                peer.frame(CONTINUATION, 0, 1, b"");
                peer.frame(CONTINUATION, 0, 1, &fields[1..30]);
                peer.frame(CONTINUATION, END_HEADERS, 1, &fields[30..]);
            },
            must: Must::Answer(200),
            reaches: GOT,
        },
        Case {
            section: "6.10",
            what: "DATA in place of a continuation",
            act: |peer| {
                peer.frame(HEADERS, 0, 1, &post(&[]));
                peer.frame(DATA, END_STREAM, 1, b"test");
            },
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.10",
            what: "on the connection itself",
            act: |peer| {
                peer.frame(HEADERS, END_STREAM, 1, &get());
                peer.frame(CONTINUATION, END_HEADERS, 0, &block(&[("a", "b")]));
            },
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.10",
            what: "behind HEADERS that were complete",
            act: |peer| {
                peer.post(1);
                peer.frame(CONTINUATION, END_HEADERS, 1, &block(&[("a", "b")]));
            },
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::NothingWhole,
        },
        Case {
            section: "6.10",
            what: "behind a continuation that was the last",
            act: |peer| {
                peer.frame(HEADERS, 0, 1, &post(&[]));
                peer.frame(CONTINUATION, END_HEADERS, 1, b"");
                peer.frame(CONTINUATION, END_HEADERS, 1, &block(&[("a", "b")]));
            },
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::NothingWhole,
        },
        Case {
            section: "6.10",
            what: "behind DATA",
            act: |peer| {
                peer.post(1);
                peer.frame(DATA, 0, 1, b"test");
                peer.frame(CONTINUATION, END_HEADERS, 1, &block(&[("a", "b")]));
            },
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::NothingWhole,
        },
        Case {
            section: "6.10",
            what: "of another stream",
            act: |peer| {
                peer.frame(HEADERS, END_STREAM, 1, &get());
                peer.frame(CONTINUATION, END_HEADERS, 3, &block(&[("a", "b")]));
            },
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
    ]);
}

#[test]
fn priorities_are_overlooked_and_their_shape_is_judged() {
    conform(&[
        Case {
            section: "6.3",
            what: "of every weight, exclusive or not, on streams of every state",
            act: |peer| {
                peer.frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 0]);
                peer.frame(PRIORITY, 0, 3, &[0, 0, 0, 0, 255]);
                peer.frame(PRIORITY, 0, 5, &[0x80, 0, 0, 3, 15]);
                peer.frame(PRIORITY, 0, 7, &[0, 0, 0, 9, 15]);
                // streams of lower numbers are still there
                peer.get(1);
                assert_eq!(peer.answer(1).0, 200);
                peer.frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]);
                peer.get(3);
            },
            must: Must::Answer(200),
            reaches: Reaches::Whole(&[("GET /ok HTTP/1.1", ""), ("GET /ok HTTP/1.1", "")]),
        },
        Case {
            section: "6.3",
            what: "on the connection itself",
            act: |peer| peer.frame(PRIORITY, 0, 0, &[0, 0, 0, 3, 15]),
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.3",
            what: "of four bytes",
            act: |peer| {
                peer.post(1);
                peer.frame(PRIORITY, 0, 1, &[0x80, 0, 0, 1]);
            },
            must: Must::Reset(&[FRAME_SIZE_ERROR]),
            reaches: Reaches::NothingWhole,
        },
        Case {
            section: "RFC 7540 5.3.1",
            what: "a stream that depends on itself, by HEADERS",
            act: |peer| peer.frame(HEADERS, WHOLE | PRIORITISED, 1, &[&[0, 0, 0, 1, 255][..], &get()].concat()),
            must: Must::EndOrGo(&[PROTOCOL_ERROR]),
            reaches: Reaches::Good,
        },
        Case {
            section: "RFC 7540 5.3.1",
            what: "a stream that depends on itself, by PRIORITY",
            act: |peer| peer.frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 255]),
            must: Must::EndOrGo(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
    ]);
}

#[test]
fn resets_stand_on_streams_that_are_there() {
    conform(&[
        Case {
            section: "6.4",
            what: "a reset of an open stream leaves the connection as it is",
            act: |peer| {
                peer.post(1);
                peer.frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]);
                peer.get(3);
            },
            must: Must::Answer(200),
            reaches: Reaches::Good,
        },
        Case {
            section: "6.4",
            what: "on the connection itself",
            act: |peer| peer.frame(RST_STREAM, 0, 0, &[0, 0, 0, 8]),
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.4",
            what: "on a stream that was never opened",
            act: |peer| peer.frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]),
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
        Case {
            section: "6.4",
            what: "of three bytes",
            act: |peer| {
                peer.post(1);
                peer.frame(RST_STREAM, 0, 1, &[0, 0, 0]);
            },
            must: Must::End(&[FRAME_SIZE_ERROR]),
            reaches: Reaches::NothingWhole,
        },
    ]);
}

#[test]
fn clients_push_nothing() {
    conform(&[
        Case {
            section: "8.4",
            what: "PUSH_PROMISE of a client",
            act: |peer| {
                peer.post(1);
                peer.frame(PUSH_PROMISE, END_HEADERS, 1, &[&[0, 0, 0, 2][..], &get()].concat());
            },
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::NothingWhole,
        },
        Case {
            section: "6.6",
            what: "PUSH_PROMISE on the connection itself",
            act: |peer| peer.frame(PUSH_PROMISE, END_HEADERS, 0, &[&[0, 0, 0, 2][..], &get()].concat()),
            must: Must::End(&[PROTOCOL_ERROR]),
            reaches: Reaches::Nothing,
        },
    ]);
}
