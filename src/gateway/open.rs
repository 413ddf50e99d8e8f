//! Streams that are still open on a core: closes them when they are permitted no longer, which `policy` judges.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use rustc_hash::FxHashMap;

use super::live::Live;
use super::passage::Passage;
use crate::facts::Snapshot;
use crate::identity::session::{SessionKey, SessionTable};
use crate::model::{Reason, Timestamp};
use crate::policy::Claim;
use crate::rules::{App, Route, RuleSet};
use crate::wire::body::AnswerBody;
use crate::wire::error::WireError;
use crate::wire::stop::{Stop, StopSource};

/// The open streams of one core. Clones are the same list.
#[derive(Clone, Default)]
pub struct OpenStreams(Rc<Inner>);

#[derive(Default)]
struct Inner {
    next: Cell<u64>,
    open: RefCell<FxHashMap<u64, Entry>>,
}

/// What open streams are judged by.
#[derive(Clone, Copy)]
pub struct Review<'a> {
    /// The rules and people in force.
    pub live: &'a Live,
    /// People with the freezes laid over them.
    pub people: &'a Snapshot,
    /// The sessions that streams were opened in.
    pub sessions: &'a SessionTable,
    /// When.
    pub now: Timestamp,
}

struct Entry {
    claim: Claim,
    session: Option<SessionKey>,
    place: RefCell<Place>,
    stop: StopSource,
}

/// What the application and route of a claim are in the rules that it was last reviewed by. Looked for once for each rule set.
struct Place {
    rules: Arc<RuleSet>,
    app: Option<Arc<App>>,
    route: Option<Arc<Route>>,
}

impl Place {
    fn find(rules: &Arc<RuleSet>, claim: &Claim) -> Self {
        let (app, route) = claim.find(rules);
        Self { rules: Arc::clone(rules), app: app.cloned(), route: route.cloned() }
    }
}

impl Entry {
    fn holds(&self, review: &Review<'_>) -> bool {
        let Review { live, people, sessions, now } = review;
        let mut place = self.place.borrow_mut();
        if !Arc::ptr_eq(&place.rules, &live.rules) {
            *place = Place::find(&live.rules, &self.claim);
        }
        let Place { rules, app, route } = &*place;
        let subject = self.claim.subject();
        subject.is_none_or(|subject| people.freeze(subject).is_none())
            && self.session.zip(subject).is_none_or(|(key, subject)| sessions.holds(&key, subject, *now))
            && self.claim.holds(rules, &live.people, app.as_deref(), route.as_deref(), *now)
    }
}

impl OpenStreams {
    /// Lists a stream for as long as what is returned lives.
    pub(super) fn open(&self, passage: &Passage, app: &Arc<App>, claim: Claim) -> OpenStream {
        let rules = Arc::clone(&passage.live.rules);
        let place = RefCell::new(Place { rules, app: Some(Arc::clone(app)), route: passage.route.clone() });
        let id = self.0.next.get();
        self.0.next.set(id.wrapping_add(1));
        let stop = StopSource::new();
        let listen = stop.listen();
        self.0.open.borrow_mut().insert(id, Entry { claim, session: passage.session, place, stop });
        OpenStream { streams: self.clone(), id, stop: listen }
    }

    /// Judges every open stream again and closes those that are permitted no longer. Gives how many.
    pub fn review(&self, review: &Review<'_>) -> usize {
        let open = self.0.open.borrow();
        let ended: Vec<&Entry> = open.values().filter(|entry| !entry.holds(review)).collect();
        ended.iter().for_each(|entry| entry.stop.stop());
        ended.len()
    }

    /// How many streams are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.open.borrow().len()
    }

    /// Whether none is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A stream on the list; dropped, it is off it.
pub(super) struct OpenStream {
    streams: OpenStreams,
    id: u64,
    stop: Stop,
}

impl OpenStream {
    /// The body, cut off when the stream must end.
    pub fn guard(&self, body: AnswerBody) -> AnswerBody {
        match body {
            AnswerBody::Tunnel(tunnel) => AnswerBody::Tunnel(Box::new(tunnel.until(self.stop.clone()))),
            AnswerBody::Stream(inner) => {
                let stop = self.stop.clone();
                let ended = Box::pin(async move { stop.requested().await });
                AnswerBody::stream(Guarded { inner: AnswerBody::Stream(inner), ended })
            }
            other => other,
        }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.streams.0.open.borrow_mut().remove(&self.id);
    }
}

/// A body that ends with an error when it is permitted no longer.
struct Guarded {
    inner: AnswerBody,
    ended: Pin<Box<dyn Future<Output = ()>>>,
}

impl Body for Guarded {
    type Data = Bytes;
    type Error = WireError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, WireError>>> {
        if self.ended.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(WireError::Withheld(Reason::NotGranted))));
        }
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
