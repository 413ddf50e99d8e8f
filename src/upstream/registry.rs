//! The upstreams of all applications, shared by all cores and kept over reloads that do not change them.

use super::error::TlsError;
use super::health::{Health, check_forever};
use super::tls::Tls;
use crate::endpoint::{UpstreamId, UpstreamSpec};
use crate::telemetry::Metrics;
use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// What holds for every upstream whose rules do not say otherwise; out of the gateway's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// Until a connection is made, TLS included.
    pub connect: Duration,
    /// From the end of the request to the end of the answer's head.
    pub answer: Duration,
    /// How long a body may stand still.
    pub body: Duration,
    /// How long a tunnel may stay silent.
    pub tunnel: Duration,
    /// The largest message of a tunnel, in bytes.
    pub message: usize,
    /// The largest head of an answer, in bytes.
    pub answer_head: usize,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(60),
            body: Duration::from_secs(60),
            tunnel: Duration::from_secs(300),
            message: 1 << 20,
            answer_head: 60 * 1024,
        }
    }
}

/// An application's addresses with what all cores know of them.
pub(super) struct Upstream {
    spec: Arc<UpstreamSpec>,
    limits: Defaults,
    /// Present where the addresses are `https`; exchanged when the files behind it are read again.
    tls: ArcSwapOption<Tls>,
    health: Health,
    checks: Mutex<Vec<AbortHandle>>,
}

impl Upstream {
    fn new(spec: Arc<UpstreamSpec>, tls: Option<Tls>, defaults: &Defaults, metrics: &Metrics) -> Self {
        let health = Health::new(&spec.app, &spec.addresses, spec.eject, metrics);
        let limits = Defaults {
            connect: spec.connect_timeout.unwrap_or(defaults.connect),
            answer: spec.answer_timeout.unwrap_or(defaults.answer),
            body: spec.body_timeout.unwrap_or(defaults.body),
            tunnel: spec.tunnel_timeout.unwrap_or(defaults.tunnel),
            message: defaults.message,
            answer_head: spec.answer_head.unwrap_or(defaults.answer_head),
        };
        Self { spec, limits, tls: ArcSwapOption::from(tls.map(Arc::new)), health, checks: Mutex::default() }
    }

    pub(super) fn spec(&self) -> &Arc<UpstreamSpec> {
        &self.spec
    }

    /// The times and sizes that hold for it.
    pub(super) fn limits(&self) -> &Defaults {
        &self.limits
    }

    pub(super) fn health(&self) -> &Health {
        &self.health
    }

    /// The TLS side; `None` for plain addresses.
    pub(super) fn tls(&self) -> Result<Option<Arc<Tls>>, TlsError> {
        match (self.spec.tls.is_some(), self.tls.load_full()) {
            (false, _) => Ok(None),
            (true, Some(tls)) => Ok(Some(tls)),
            // SECURITY: an `https` address is never spoken to in plain text
            (true, None) => Err(TlsError::Settings("TLS is not set up".to_owned())),
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.checks.get_mut().iter().for_each(AbortHandle::abort);
    }
}

fn build_tls(spec: &UpstreamSpec) -> Result<Option<Tls>, TlsError> {
    spec.tls.as_ref().map(Tls::build).transpose()
}

/// All upstreams. One value, shared by all threads.
pub struct Upstreams {
    known: Mutex<FxHashMap<UpstreamId, Arc<Upstream>>>,
    /// Grows with every exchange of the set, so that cores let go of what is gone.
    generation: AtomicU64,
    metrics: Arc<Metrics>,
    defaults: Defaults,
    background: Handle,
}

/// Upstreams that have been set up for a rule set and wait for it to take over.
pub struct Prepared(Vec<Arc<Upstream>>, Vec<(Arc<Upstream>, Option<Tls>)>);

impl Upstreams {
    /// None yet; active checks run on `background`.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>, defaults: Defaults, background: Handle) -> Arc<Self> {
        Arc::new(Self { known: Mutex::default(), generation: AtomicU64::new(0), metrics, defaults, background })
    }

    /// Sets up the upstreams of a rule set, reading the files of their TLS settings; those that are known go on as they are.
    /// Called before the rule set takes over; nothing changes until [`Self::install`].
    ///
    /// # Errors
    /// For each upstream whose TLS cannot be set up: its application and why.
    pub fn prepare<'a>(
        &self,
        specs: impl IntoIterator<Item = &'a Arc<UpstreamSpec>>,
    ) -> Result<Prepared, Vec<(String, TlsError)>> {
        // the lock is not held while files are read: requests may be looking for their upstream
        let known = self.known.lock().clone();
        let (mut prepared, mut faults) = (Prepared(Vec::new(), Vec::new()), Vec::new());
        for spec in specs {
            match (build_tls(spec), known.get(&spec.id)) {
                (Err(fault), _) => faults.push((spec.app.to_string(), fault)),
                (Ok(tls), Some(upstream)) => {
                    prepared.0.push(Arc::clone(upstream));
                    prepared.1.push((Arc::clone(upstream), tls));
                }
                (Ok(tls), None) => {
                    prepared.0.push(Arc::new(Upstream::new(Arc::clone(spec), tls, &self.defaults, &self.metrics)))
                }
            }
        }
        if faults.is_empty() { Ok(prepared) } else { Err(faults) }
    }

    /// Puts what was prepared in the place of what was there, and begins active checks of what is new. What is gone is let go
    /// as soon as no request uses it.
    pub fn install(&self, prepared: Prepared) {
        for (upstream, tls) in prepared.1 {
            upstream.tls.store(tls.map(Arc::new));
        }
        let mut known = self.known.lock();
        *known = prepared.0.into_iter().map(|upstream| (upstream.spec.id, upstream)).collect();
        for upstream in known.values().filter(|upstream| upstream.spec.health.is_some()) {
            let mut checks = upstream.checks.lock();
            if checks.is_empty() {
                let tasks = (0..upstream.spec.addresses.len())
                    .map(|index| self.background.spawn(check_forever(Arc::downgrade(upstream), index)).abort_handle());
                checks.extend(tasks);
            }
        }
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// How often the set was exchanged.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether `upstream` is the one that the present set has under this id.
    pub(super) fn is_current(&self, id: UpstreamId, upstream: &Arc<Upstream>) -> bool {
        self.known.lock().get(&id).is_some_and(|known| Arc::ptr_eq(known, upstream))
    }

    /// The upstream of this block. One that is of no installed rule set (a request that outlived its own) is set up for the caller alone.
    pub(super) fn find(&self, spec: &Arc<UpstreamSpec>) -> Result<Arc<Upstream>, TlsError> {
        if let Some(upstream) = self.known.lock().get(&spec.id) {
            return Ok(Arc::clone(upstream));
        }
        Ok(Arc::new(Upstream::new(Arc::clone(spec), build_tls(spec)?, &self.defaults, &self.metrics)))
    }
}
