//! Frames without end: each kind ends the connection, is counted, and leaves everybody else served (RFC 9113 section 10.5).

use super::case::*;
use super::peer::*;
use crate::world::World;

const CUT: &str = "scopegate_connections_cut_total{cause=\"flood\"}";

/// Sends until the gateway has had enough; it must be before `most` rounds. Nothing is read meanwhile but once in a while.
fn ends(world: &World, what: &str, most: u32, mut round: impl FnMut(&mut Peer, u32)) {
    // a core shows what it counts once it has served somebody
    assert_eq!(world.anybody().get("/ok").status, 200);
    let before = world.metric(CUT);
    let mut peer = Peer::begun(world);
    for number in 0..most {
        round(&mut peer, number);
    }
    let end = peer.end();
    assert!(matches!(end, None | Some(ENHANCE_YOUR_CALM)), "{what}: {end:?}");
    world.await_metric(CUT, before + 1);
    assert_eq!(world.anybody().get("/ok").status, 200, "{what}: everybody else is served");
}

/// As many frames in one write as make the test quick.
fn many(count: usize, frame: &[u8]) -> Vec<u8> {
    frame.repeat(count)
}

#[test]
fn frames_that_ask_for_nothing_end_the_connection() {
    let world = world();
    let empty = [("ping", frame(PING, 0, 0, &[0; 8]))];
    let further = [
        ("settings", frame(SETTINGS, 0, 0, b"")),
        ("settings of windows", frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff])),
        ("priority", frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 15])),
        ("window updates", frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        ("frames of an unknown type", frame(0xfa, 0, 0, b"")),
        ("answers to pings", frame(PING, ACK, 0, &[0; 8])),
    ];
    for (what, frame) in empty.iter().chain(&further) {
        ends(&world, what, 200, |peer, _| peer.raw(&many(100, frame)));
    }
    assert!(received(&world).iter().all(|one| one.whole));
}

#[test]
fn empty_data_and_padding_end_the_connection() {
    let world = world();
    for (what, data) in [("empty data", frame(DATA, 0, 1, b"")), ("padding", frame(DATA, PADDED, 1, &[3, 0, 0, 0]))] {
        ends(&world, what, 200, |peer, number| {
            if number == 0 {
                peer.post(1);
            }
            peer.raw(&many(100, &data));
        });
    }
    assert!(received(&world).iter().all(|one| !one.whole || one.line() == "GET /ok HTTP/1.1"));
}

#[test]
fn continuations_without_end_end_the_connection() {
    let world = world();
    for (what, piece) in [("empty ones", Vec::new()), ("small ones", block(&[("x", "y")]))] {
        ends(&world, what, 200, |peer, number| {
            if number == 0 {
                peer.frame(HEADERS, END_STREAM, 1, &get());
            }
            peer.raw(&many(100, &frame(CONTINUATION, 0, 1, &piece)));
        });
    }
    assert!(received(&world).iter().all(|one| one.line() == "GET /ok HTTP/1.1"));
}

#[test]
fn resets_end_the_connection_before_and_after_dispatch() {
    let world = world();
    // all in one write: before anything is dispatched
    ends(&world, "at once", 10, |peer, number| {
        let streams = (0..50).map(|n| 2 * (50 * number + n) + 1);
        let bytes: Vec<u8> = streams
            .flat_map(|stream| {
                [frame(HEADERS, WHOLE, stream, &get()), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
            })
            .collect();
        peer.raw(&bytes);
    });
    // each a step behind its request, whose body is still to come
    let decided = || received(&world).len();
    decided();
    ends(&world, "behind the dispatch", 400, |peer, number| {
        let stream = 2 * number + 1;
        peer.post(stream);
        // a ping's echo tells that it was read
        peer.frame(PING, 0, 0, &[1; 8]);
        while peer.next().is_some_and(|frame| frame.kind != PING) {}
        peer.frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
    });
    let asked = decided();
    assert!(asked <= 110, "{asked} requests were decided");
}

#[test]
fn errors_without_end_end_the_connection() {
    let world = world();
    // each is a stream error that the gateway answers with a reset: CVE-2025-8671 counts on it to do so for ever
    ends(&world, "malformed requests", 400, |peer, number| {
        peer.frame(HEADERS, WHOLE, 2 * number + 1, &get_with(&[("connection", "close")]));
    });
    ends(&world, "bodies that are not as announced", 400, |peer, number| {
        peer.frame(HEADERS, WHOLE, 2 * number + 1, &post(&[("content-length", "4")]));
    });
    assert!(received(&world).iter().all(|one| one.line() == "GET /ok HTTP/1.1"));
}

#[test]
fn what_people_do_is_no_flood() {
    let world = world();
    let mut peer = Peer::begun(&world);
    for number in 0..300 {
        let stream = 2 * number + 1;
        peer.frame(HEADERS, END_HEADERS | PRIORITISED, stream, &[&[0, 0, 0, 0, 219][..], &post(&[])].concat());
        peer.frame(PRIORITY, 0, stream, &[0, 0, 0, 0, 109]);
        peer.window(stream, 100);
        peer.window(0, 100);
        peer.frame(DATA, 0, stream, b"test");
        peer.frame(DATA, END_STREAM, stream, b"");
        peer.frame(PING, 0, 0, &[0; 8]);
        assert_eq!(peer.answer(stream).0, 200);
    }
    assert_eq!(peer.outcome(Must::Go), Outcome::Alive);
    assert_eq!(received(&world).len(), 300);
}
