//! Streams that are still open on a core, with what it takes to judge them again: closes them when they are permitted no longer.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use compact_str::CompactString;
use http_body::{Body, Frame, SizeHint};
use rustc_hash::FxHashMap;

use super::live::Live;
use super::passage::Passage;
use crate::model::{Reason, SubjectId, Timestamp};
use crate::policy::Judgement;
use crate::rules::{Authority, Mode, Route, RuleSet, Standing, Status, ValueSet};
use crate::wire::body::AnswerBody;
use crate::wire::error::WireError;
use crate::wire::stop::{Stop, StopSource};

/// What a stream was permitted for, by names that outlive a rule set.
#[derive(Clone, Debug, Default)]
struct Claim {
    app: CompactString,
    route: CompactString,
    subject: Option<SubjectId>,
    permission: Option<CompactString>,
    scope: Vec<(CompactString, CompactString)>,
    unlimited: Vec<CompactString>,
    observed: bool,
}

impl Claim {
    /// Of a request that was permitted or observed.
    fn of(passage: &Passage, judgement: &Judgement) -> Self {
        let catalog = &passage.live.rules.catalog;
        let dimension = |id| catalog.dimension(id).map(|dimension| dimension.name.clone()).unwrap_or_default();
        let mut claim = Self {
            app: passage.app.as_ref().map(|app| app.name.clone()).unwrap_or_default(),
            route: passage.route.as_ref().map(|route| route.id.clone()).unwrap_or_default(),
            subject: passage.subject.clone(),
            permission: judgement
                .permission()
                .and_then(|id| catalog.permission(id))
                .map(|entry| entry.name.as_str().into()),
            observed: judgement.outcome() == crate::model::Outcome::Observed,
            ..Self::default()
        };
        for bound in judgement.scope() {
            let name = dimension(bound.dimension);
            if bound.unlimited {
                claim.unlimited.push(name.clone());
            }
            claim.scope.extend(bound.values.iter().map(|value| (name.clone(), value.clone())));
        }
        claim
    }

    /// Whether it would still be permitted under `live`, where `route` is what its route has become there.
    fn holds(&self, live: &Live, route: Option<&Route>, frozen: impl Fn(&SubjectId) -> bool, now: Timestamp) -> bool {
        if self.subject.as_ref().is_some_and(frozen) {
            return false;
        }
        let Some(app) = live.rules.app(&self.app) else { return false };
        if self.observed {
            return route.and_then(|route| route.mode).unwrap_or(app.mode) == Mode::Observe;
        }
        let Some(route) = route else { return false };
        if matches!(route.authority, Authority::Public) {
            return true;
        }
        let wanted = self.permission.as_ref().and_then(|name| live.rules.catalog.permission_id(name));
        let Some(permission) = wanted.filter(|wanted| route.authority.permissions().any(|asked| asked == *wanted))
        else {
            return false;
        };
        let Some(subject) = self.subject.as_ref().and_then(|id| live.people.subject(id)) else { return false };
        if subject.status != Status::Active || subject.standing(now) != Standing::Valid {
            return false;
        }
        let catalog = &live.rules.catalog;
        subject.assignments.iter().any(|assignment| {
            let grants = catalog.role(assignment.role).is_some_and(|role| role.permissions.contains(permission));
            let reaches = |name: &CompactString, test: &dyn Fn(&ValueSet) -> bool| {
                catalog.dimension_id(name).and_then(|id| assignment.scope.limit(id)).is_some_and(test)
            };
            grants
                && assignment.standing(now) == Standing::Valid
                && self.unlimited.iter().all(|name| reaches(name, &|set| matches!(set, ValueSet::All)))
                && self.scope.iter().all(|(name, value)| {
                    let id = catalog
                        .dimension_id(name)
                        .and_then(|id| catalog.dimension(id))
                        .and_then(|dimension| dimension.value_id(value));
                    reaches(name, &|set| match set {
                        ValueSet::All => true,
                        ValueSet::Set(_) => set.contains(id),
                    })
                })
        })
    }
}

/// The open streams of one core. Clones are the same list.
#[derive(Clone, Default)]
pub struct OpenStreams(Rc<Inner>);

#[derive(Default)]
struct Inner {
    next: Cell<u64>,
    open: RefCell<FxHashMap<u64, Entry>>,
}

struct Entry {
    claim: Claim,
    place: RefCell<Place>,
    stop: StopSource,
}

/// What the route of a claim is in the rules that it was last reviewed by. Looked for once for each rule set, since there are many.
struct Place {
    rules: Arc<RuleSet>,
    route: Option<Arc<Route>>,
}

impl Place {
    fn find(rules: &Arc<RuleSet>, claim: &Claim) -> Self {
        let app = rules.app(&claim.app);
        let route = app.and_then(|app| app.routes.iter().find(|route| route.id == claim.route)).cloned();
        Self { rules: Arc::clone(rules), route }
    }
}

impl Entry {
    fn holds(&self, live: &Live, frozen: impl Fn(&SubjectId) -> bool, now: Timestamp) -> bool {
        let mut place = self.place.borrow_mut();
        if !Arc::ptr_eq(&place.rules, &live.rules) {
            *place = Place::find(&live.rules, &self.claim);
        }
        self.claim.holds(live, place.route.as_deref(), frozen, now)
    }
}

impl OpenStreams {
    /// Lists a stream for as long as what is returned lives.
    pub(super) fn open(&self, passage: &Passage, judgement: &Judgement) -> OpenStream {
        let claim = Claim::of(passage, judgement);
        let place = RefCell::new(Place { rules: Arc::clone(&passage.live.rules), route: passage.route.clone() });
        let id = self.0.next.get();
        self.0.next.set(id.wrapping_add(1));
        let stop = StopSource::new();
        let listen = stop.listen();
        self.0.open.borrow_mut().insert(id, Entry { claim, place, stop });
        OpenStream { streams: self.clone(), id, stop: listen }
    }

    /// Judges every open stream again and closes those that are permitted no longer. Gives how many.
    pub fn review(&self, live: &Live, frozen: impl Fn(&SubjectId) -> bool, now: Timestamp) -> usize {
        let open = self.0.open.borrow();
        let ended: Vec<&Entry> = open.values().filter(|entry| !entry.holds(live, &frozen, now)).collect();
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
            AnswerBody::Tunnel(tunnel) => AnswerBody::Tunnel(tunnel.until(self.stop.clone())),
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
