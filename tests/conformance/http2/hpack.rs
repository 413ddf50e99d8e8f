//! Compression of fields (RFC 7541): every form is understood, every broken one ends the connection.

use super::case::*;
use super::peer::*;

const GOT: Reaches = Reaches::Whole(&[("GET /ok HTTP/1.1", "")]);

/// `:method: GET`, `:scheme: https` out of the static table, then `:path` and `:authority` as literals with indexed names.
fn head() -> Vec<u8> {
    [&[0x82, 0x87, 0x04][..], &text(b"/ok"), &[0x01], &text(b"wms.test")].concat()
}

fn understood(section: &'static str, what: &'static str, act: fn(&mut Peer)) -> Case {
    Case { section, what, act, must: Must::Answer(200), reaches: GOT }
}

fn broken(section: &'static str, what: &'static str, act: fn(&mut Peer)) -> Case {
    Case { section, what, act, must: Must::End(&[COMPRESSION_ERROR]), reaches: Reaches::Nothing }
}

macro_rules! behind {
    ($($bytes:expr),*) => { |peer: &mut Peer| peer.frame(HEADERS, WHOLE, 1, &[&head()[..], $(&$bytes[..]),*].concat()) };
}

#[test]
fn every_form_of_a_field_is_understood() {
    conform(&[
        understood("6.1", "indexed", |peer| peer.frame(HEADERS, WHOLE, 1, &head())),
        understood("6.2.1", "literal with indexing, indexed name", behind!([0x40 | 58], text(b"test"))),
        understood(
            "6.2.1",
            "literal with indexing, indexed name, Huffman",
            behind!([0x40 | 58, 0x83], [0x49, 0x50, 0x9f]),
        ),
        understood("6.2.1", "literal with indexing, new name", behind!([0x40], text(b"x-test"), text(b"test"))),
        understood(
            "6.2.1",
            "literal with indexing, new name, Huffman",
            behind!([0x40, 0x83], [0x49, 0x50, 0x9f], [0x83], [0x49, 0x50, 0x9f]),
        ),
        understood("6.2.2", "literal without indexing, indexed name", behind!([0x0f, 58 - 15], text(b"test"))),
        understood(
            "6.2.2",
            "literal without indexing, indexed name, Huffman",
            behind!([0x0f, 58 - 15, 0x83], [0x49, 0x50, 0x9f]),
        ),
        understood("6.2.2", "literal without indexing, new name", behind!([0x00], text(b"x-test"), text(b"test"))),
        understood(
            "6.2.2",
            "literal without indexing, new name, Huffman",
            behind!([0x00, 0x83], [0x49, 0x50, 0x9f], [0x83], [0x49, 0x50, 0x9f]),
        ),
        understood("6.2.3", "literal never indexed, indexed name", behind!([0x1f, 58 - 15], text(b"test"))),
        understood(
            "6.2.3",
            "literal never indexed, indexed name, Huffman",
            behind!([0x1f, 58 - 15, 0x83], [0x49, 0x50, 0x9f]),
        ),
        understood("6.2.3", "literal never indexed, new name", behind!([0x10], text(b"x-test"), text(b"test"))),
        understood(
            "6.2.3",
            "literal never indexed, new name, Huffman",
            behind!([0x10, 0x83], [0x49, 0x50, 0x9f], [0x83], [0x49, 0x50, 0x9f]),
        ),
        understood("6.3", "an update of the table's size", |peer| {
            peer.frame(HEADERS, WHOLE, 1, &[&[0x20][..], &head()].concat());
        }),
        understood("4.2", "two updates of the table's size", |peer| {
            peer.frame(HEADERS, WHOLE, 1, &[&[0x20, 0x3f, 0xe1, 0x1f][..], &head()].concat());
        }),
        understood(
            "5.1",
            "an integer with needless zeros within reason",
            behind!([0x0f, 0x80 | (58 - 15), 0x00], text(b"test")),
        ),
    ]);
}

#[test]
fn the_table_holds_what_was_put_into_it() {
    let world = world();
    let mut peer = Peer::begun(&world);
    peer.frame(HEADERS, WHOLE, 1, &[&head()[..], &[0x40], &text(b"x-first"), &text(b"one")].concat());
    assert_eq!(peer.answer(1).0, 200);
    // the newest is 62; a second one moves it to 63
    peer.frame(HEADERS, WHOLE, 3, &[&head()[..], &[0x40], &text(b"x-second"), &text(b"two"), &[0x80 | 63]].concat());
    assert_eq!(peer.answer(3).0, 200);
    // a size of nothing empties it, section 4.3
    peer.frame(HEADERS, WHOLE, 5, &[&[0x20, 0x3f, 0xe1, 0x1f][..], &head(), &[0x80 | 62]].concat());
    let must = Must::End(&[COMPRESSION_ERROR]);
    assert!(must.allows(peer.outcome(must)));
    let received = received(&world);
    assert_eq!(received.len(), 2);
    assert_eq!((received[0].values("x-first"), received[1].values("x-first")), (vec!["one"], vec!["one"]));
    assert_eq!(received[1].values("x-second"), ["two"]);
}

#[test]
fn what_cannot_be_decoded_ends_the_connection() {
    conform(&[
        broken("2.3.3", "an index beyond both tables", behind!([0xff, 0x00])),
        broken("2.3.3", "an index beyond both tables for a name", behind!([0x7f, 0x10], text(b"test"))),
        broken("4.2", "an update of the table's size behind fields", behind!([0x20])),
        broken(
            "5.2",
            "Huffman padding of more than seven bits",
            behind!([0x00], text(b"x-test"), [0x84, 0x49, 0x50, 0x9f, 0xff]),
        ),
        broken(
            "5.2",
            "Huffman padding that is not of ones",
            behind!([0x00], text(b"x-test"), [0x83, 0x49, 0x50, 0x90]),
        ),
        broken(
            "5.2",
            "Huffman with EOS in it",
            behind!([0x00], text(b"x-test"), [0x87, 0x49, 0x50, 0x93, 0xff, 0xff, 0xff, 0xfc]),
        ),
        broken("6.1", "an index of nothing", behind!([0x80])),
        broken("6.3", "an update of the table's size beyond what was agreed on", |peer| {
            peer.frame(HEADERS, WHOLE, 1, &[&[0x3f, 0xe1, 0xff, 0x03][..], &head()].concat());
        }),
        broken(
            "5.1",
            "an integer without end",
            behind!([0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ),
        broken("5.2", "a string longer than its block", behind!([0x00], text(b"x-test"), [0x7e, b'x'])),
        broken("4.3", "a block that ends within a field", behind!([0x40])),
        broken("9113 4.3", "a block of fields that is none", |peer| peer.frame(HEADERS, WHOLE, 1, &[0xff; 16])),
    ]);
}

#[test]
fn a_block_that_unfolds_without_measure_is_refused() {
    conform(&[Case {
        section: "7.3",
        what: "one long field out of the table, many times",
        act: |peer| {
            let long = [&[0x40][..], &text(b"x-long"), &text(&[b'x'; 3000])].concat();
            peer.frame(HEADERS, WHOLE, 1, &[&head()[..], &long, &[0x80 | 62; 12_000]].concat());
        },
        must: Must::EndOrGo(&[ENHANCE_YOUR_CALM]),
        reaches: Reaches::Nothing,
    }]);
}
