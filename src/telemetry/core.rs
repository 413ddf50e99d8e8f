//! The counters of one core: plain loads and stores on the request path, read by others only at a scrape.

use super::address::AddressSeries;
use super::event::{Event, Level};
use super::exposition::Exposition;
use super::lookup::LookupSeries;
use super::name;
use super::series::{COARSE, FINE, Tally, Timing};
use crate::model::{FailureClass, Outcome, Reason};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

/// Durations of an application.
#[derive(Debug)]
struct AppSeries {
    decision: Timing,
    upstream: Timing,
    request: Timing,
}

impl AppSeries {
    fn new() -> Self {
        Self { decision: Timing::new(FINE), upstream: Timing::new(COARSE), request: Timing::new(COARSE) }
    }
}

/// Decisions of a route. Most routes only ever permit, so the table of the rest is made when it is first needed.
#[derive(Debug, Default)]
struct RouteSeries {
    granted: Tally,
    rest: OnceLock<Box<[Tally]>>,
}

/// The outcomes that are counted: those that a decision ends with.
const OUTCOMES: [Outcome; 3] = [Outcome::Permit, Outcome::Refuse, Outcome::Observed];

impl RouteSeries {
    fn count(&self, outcome: Outcome, reason: Reason) {
        if (outcome, reason) == (Outcome::Permit, Reason::Granted) {
            return self.granted.add(1);
        }
        let rest =
            self.rest.get_or_init(|| (0..OUTCOMES.len() * Reason::ALL.len()).map(|_| Tally::default()).collect());
        if let Some(tally) = rest.get(outcome as usize * Reason::ALL.len() + reason as usize) {
            tally.add(1);
        }
    }

    fn read(&self) -> impl Iterator<Item = (Outcome, Reason, u64)> {
        let rest = self
            .rest
            .get()
            .into_iter()
            .flatten()
            .zip(OUTCOMES.into_iter().flat_map(|outcome| Reason::ALL.iter().map(move |&reason| (outcome, reason))));
        std::iter::once((Outcome::Permit, Reason::Granted, self.granted.get()))
            .chain(rest.map(|(tally, (outcome, reason))| (outcome, reason, tally.get())))
            .filter(|(.., count)| *count > 0)
    }
}

type Lookups = FxHashMap<(Box<str>, Box<str>), Arc<LookupSeries>>;
type Labelled<T> = Mutex<Vec<(String, Arc<T>)>>;

/// The numbers of one core, as the scrape sees them.
#[derive(Debug)]
pub(super) struct Shard {
    events: Box<[Tally]>,
    levels: Box<[Tally]>,
    refusals: Box<[Tally]>,
    /// Locked where a series is added and at a scrape, never on the request path.
    apps: Labelled<AppSeries>,
    routes: Mutex<Vec<(String, String, Arc<RouteSeries>)>>,
    addresses: Mutex<Vec<Weak<AddressSeries>>>,
    lookups: Mutex<Vec<(String, String, Arc<LookupSeries>)>>,
}

impl Shard {
    pub(super) fn new() -> Self {
        let tallies = |count: usize| (0..count).map(|_| Tally::default()).collect();
        Self {
            events: tallies(Event::ALL.len()),
            levels: tallies(Level::ALL.len()),
            refusals: tallies(CLASSES.len()),
            apps: Mutex::default(),
            routes: Mutex::default(),
            addresses: Mutex::default(),
            lookups: Mutex::default(),
        }
    }

    pub(super) fn render(&self, out: &mut Exposition) {
        for (event, tally) in Event::ALL.iter().zip(&self.events) {
            let (definition, labels) = event.definition();
            out.count(definition, labels, tally.get());
        }
        for (level, tally) in Level::ALL.iter().zip(&self.levels) {
            let (definition, labels) = level.definition();
            out.level(definition, labels, tally.get());
        }
        for (class, tally) in CLASSES.iter().zip(&self.refusals) {
            out.count(&name::REFUSALS, &[class.as_str()], tally.get());
        }
        for (app, series) in self.apps.lock().iter() {
            out.timing(&name::DECISION_SECONDS, &[app], &series.decision);
            out.timing(&name::UPSTREAM_SECONDS, &[app], &series.upstream);
            out.timing(&name::REQUEST_SECONDS, &[app], &series.request);
        }
        for (app, route, series) in self.routes.lock().iter() {
            for (outcome, reason, count) in series.read() {
                out.count(&name::DECISIONS, &[app, route, outcome.as_str(), reason.code()], count);
                if outcome == Outcome::Observed {
                    out.count(&name::OBSERVED, &[app, reason.code()], count);
                }
            }
        }
        for (app, lookup, series) in self.lookups.lock().iter() {
            series.render(app, lookup, out);
        }
        self.addresses.lock().retain(|series| series.upgrade().inspect(|series| series.render(out)).is_some());
    }
}

const CLASSES: [FailureClass; 8] = [
    FailureClass::Protocol,
    FailureClass::Ambiguity,
    FailureClass::Identity,
    FailureClass::Permission,
    FailureClass::Scope,
    FailureClass::Limit,
    FailureClass::Upstream,
    FailureClass::Gateway,
];

/// Routes of an application that this core has counted.
#[derive(Debug)]
struct App {
    series: Arc<AppSeries>,
    routes: FxHashMap<Box<str>, RouteHandle>,
}

#[derive(Debug)]
struct Core {
    shard: Arc<Shard>,
    /// Routes that may have a series of their own; later ones are counted together as `other`.
    route_limit: usize,
    apps: RefCell<FxHashMap<Box<str>, App>>,
    lookups: RefCell<Lookups>,
}

/// The counters of the core that holds it. Cheap to clone; stays on its thread.
#[derive(Clone, Debug)]
pub struct CoreMetrics(Rc<Core>);

/// The counters of one route, kept by whoever counts it often. Cheap to clone; stays on its core, which alone may write.
#[derive(Clone, Debug)]
pub struct RouteHandle(Rc<RouteCounters>);

#[derive(Debug)]
struct RouteCounters {
    app: Arc<AppSeries>,
    route: Arc<RouteSeries>,
    shard: Arc<Shard>,
}

impl RouteHandle {
    /// A decision was made.
    pub fn decided(&self, outcome: Outcome, reason: Reason, took: Duration) {
        self.0.route.count(outcome, reason);
        self.0.app.decision.observe(took);
        if outcome == Outcome::Refuse {
            self.0.shard.refused(reason);
        }
    }

    /// A request that was permitted failed afterwards (upstream, journal): counted as a refusal with its reason.
    pub fn failed(&self, reason: Reason) {
        self.0.route.count(Outcome::Refuse, reason);
        self.0.shard.refused(reason);
    }

    /// The head of the application's answer came after this time.
    pub fn upstream_answered(&self, took: Duration) {
        self.0.app.upstream.observe(took);
    }

    /// The answer ended after this time.
    pub fn request_ended(&self, took: Duration) {
        self.0.app.request.observe(took);
    }
}

impl Shard {
    fn refused(&self, reason: Reason) {
        let class = CLASSES.iter().position(|&class| class == reason.class());
        if let Some(tally) = class.and_then(|class| self.refusals.get(class)) {
            tally.add(1);
        }
    }
}

/// Something open, counted until it is dropped.
#[derive(Debug)]
pub struct Open {
    core: Rc<Core>,
    level: Level,
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(tally) = self.core.shard.levels.get(self.level as usize) {
            tally.subtract(1);
        }
    }
}

impl CoreMetrics {
    pub(super) fn new(shard: Arc<Shard>, route_limit: usize) -> Self {
        Self(Rc::new(Core { shard, route_limit, apps: RefCell::default(), lookups: RefCell::default() }))
    }

    /// Counts an event.
    pub fn count(&self, event: Event) {
        if let Some(tally) = self.0.shard.events.get(event as usize) {
            tally.add(1);
        }
    }

    /// Counts something as open until what it returns is dropped.
    #[must_use]
    pub fn open(&self, level: Level) -> Open {
        if let Some(tally) = self.0.shard.levels.get(level as usize) {
            tally.add(1);
        }
        Open { core: Rc::clone(&self.0), level }
    }

    /// How many of `level` are open on this core.
    #[must_use]
    pub fn opened(&self, level: Level) -> u64 {
        self.0.shard.levels.get(level as usize).map_or(0, Tally::get)
    }

    /// The counters of a route. An empty name (no application, no route) is shown as `none`.
    #[must_use]
    pub fn route(&self, app: &str, route: &str) -> RouteHandle {
        let mut apps = self.0.apps.borrow_mut();
        if let Some(handle) = apps.get(app).and_then(|known| known.routes.get(route)) {
            return handle.clone();
        }
        let shown = |name: &str| if name.is_empty() { "none".to_owned() } else { name.to_owned() };
        let known = apps.entry(app.into()).or_insert_with(|| {
            let series = Arc::new(AppSeries::new());
            self.0.shard.apps.lock().push((shown(app), Arc::clone(&series)));
            App { series, routes: FxHashMap::default() }
        });
        let mut routes = self.0.shard.routes.lock();
        let full = routes.len() >= self.0.route_limit;
        let name = if full { "other".to_owned() } else { shown(route) };
        if let Some(other) = known.routes.get("other").filter(|_| full) {
            return other.clone();
        }
        let series = Arc::new(RouteSeries::default());
        routes.push((shown(app), name, Arc::clone(&series)));
        let (app, shard) = (Arc::clone(&known.series), Arc::clone(&self.0.shard));
        let handle = RouteHandle(Rc::new(RouteCounters { app, route: series, shard }));
        known.routes.insert(if full { "other".into() } else { route.into() }, handle.clone());
        handle
    }

    /// The counters of a lookup. The calling core alone may write them.
    #[must_use]
    pub fn lookup(&self, app: &str, lookup: &str) -> Arc<LookupSeries> {
        let mut lookups = self.0.lookups.borrow_mut();
        let series = lookups.entry((app.into(), lookup.into())).or_insert_with(|| {
            let series = Arc::new(LookupSeries::new());
            self.0.shard.lookups.lock().push((app.to_owned(), lookup.to_owned(), Arc::clone(&series)));
            series
        });
        Arc::clone(series)
    }

    /// The counters of an address; they are shown for as long as they are held.
    #[must_use]
    pub fn address(&self, app: &str, address: &str) -> Arc<AddressSeries> {
        let series = Arc::new(AddressSeries::new(app, address));
        self.0.shard.addresses.lock().push(Arc::downgrade(&series));
        series
    }
}
