//! Cases of conformance: what a client does, what the RFC asks for, and what the application behind may have received.

use super::peer::{Must, Peer};
use crate::world::World;

/// What the application behind may have received.
#[derive(Clone, Copy, Debug)]
pub enum Reaches {
    Nothing,
    /// These request lines with these bodies, whole.
    Whole(&'static [(&'static str, &'static str)]),
    /// Nothing that came to its end.
    NothingWhole,
    /// As many good requests as it may be.
    Good,
}

/// One case of conformance.
pub struct Case {
    /// Where the RFC says so.
    pub section: &'static str,
    pub what: &'static str,
    pub act: fn(&mut Peer),
    pub must: Must,
    pub reaches: Reaches,
}

/// Runs the cases, each on a connection of its own that has been opened in due form.
#[track_caller]
pub fn conform(cases: &[Case]) {
    conform_in(&world(), Peer::begun, cases);
}

#[track_caller]
pub fn conform_in(world: &World, open: fn(&World) -> Peer, cases: &[Case]) {
    let mut wrong = Vec::new();
    for case in cases {
        let mut peer = open(world);
        (case.act)(&mut peer);
        let outcome = peer.outcome(case.must);
        if !case.must.allows(outcome) {
            wrong.push(format!("{}: {}: {outcome:?} instead of {:?}", case.section, case.what, case.must));
        }
        drop(peer);
        let received = received(world);
        let got: Vec<(&str, &[u8])> = received.iter().map(|one| (one.line(), &one.body[..])).collect();
        let fits = match case.reaches {
            Reaches::Nothing => received.is_empty(),
            Reaches::NothingWhole => received.iter().all(|one| !one.whole),
            Reaches::Whole(wanted) => {
                got == wanted.iter().map(|(line, body)| (*line, body.as_bytes())).collect::<Vec<_>>()
                    && received.iter().all(|one| one.whole)
            }
            Reaches::Good => got.iter().all(|(line, _)| matches!(*line, "GET /ok HTTP/1.1" | "POST /ok HTTP/1.1")),
        };
        if !fits {
            wrong.push(format!("{}: {}: the application received {received:?}", case.section, case.what));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A gateway before an application that answers `GET`, `HEAD` and `POST` of `/ok` with two bytes.
pub fn world() -> World {
    World::new("routes:\n  - {id: ok, match: GET /ok, public: true}\n  - {id: post, match: POST /ok, public: true}\n")
}

/// Everything that the application received up to now. The request that marks the end comes through the same core.
pub fn received(world: &World) -> Vec<crate::world::Received> {
    let seen = world.anybody().get("/ok?mark");
    assert_eq!(seen.status, 200, "the gateway serves on");
    world.application.take().into_iter().filter(|one| !one.line().contains("?mark")).collect()
}
