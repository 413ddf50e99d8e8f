//! What one core keeps to serve requests, and what all cores share; holds state, decides nothing.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use smallvec::smallvec;
use tokio::time::Instant;

use super::device::LastDevice;
use super::live::{Governing, InForce, Outlook};
use super::lookup::Finder;
use super::lookup::sql::Databases;
use super::open::{OpenStreams, Review};
use super::passage::Passage;
use crate::audit::{Journal, ShownDevice};
use crate::config::{Settings, TrustedProxies};
use crate::facts::{Attributes, Directory};
use crate::identity::client_addr::ClientAddr;
use crate::identity::device::{DeviceReader, Seen};
use crate::identity::session::SessionTable;
use crate::identity::verifiers::Verifiers;
use crate::lookup::Facts;
use crate::model::{Clock, Reason, RequestId, SubjectId};
use crate::policy::{Detail, Judgement};
use crate::request::{BodyLimits, TargetLimits};
use crate::rules::Language;
use crate::telemetry::{CoreMetrics, Level, RouteHandle};
use crate::upstream::Forwarder;
use crate::wire::connection::{ConnectionInfo, Protocol};
use crate::wire::head::{RequestHead, ResponseHead};
use crate::wire::writer::AnswerHead;

/// What all cores share.
pub struct Shared {
    /// Rules and people in force.
    pub in_force: InForce,
    /// Sessions of the applications, bound to people.
    pub sessions: Arc<SessionTable>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Limits of targets and judged bodies.
    pub limits: ReadLimits,
    /// Whether every decision waits until it is on disk, not only those of strict routes.
    pub strict: bool,
    /// Whose forwarding headers are believed.
    pub trusted_proxies: TrustedProxies,
    /// People with the freezes laid over them.
    pub directory: Arc<Directory>,
    /// The value of `Strict-Transport-Security`, where it is sent.
    pub strict_transport: Option<Arc<str>>,
    /// Whether devices are told apart by a cookie.
    pub device_cookie: bool,
    /// The language of pages; `None` goes by `Accept-Language`.
    pub language: Option<Language>,
    /// What lookups have found.
    pub attributes: Arc<Attributes>,
    /// The applications' databases that lookups ask.
    pub databases: Arc<Databases>,
    /// Whom refusal pages tell people to ask where the rules name nobody.
    pub contact: Option<Arc<str>>,
}

/// Limits of what is read of a request.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimits {
    /// Of the target.
    pub target: TargetLimits,
    /// Of a judged body.
    pub body: BodyLimits,
}

impl ReadLimits {
    /// As the settings have them.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let limits = &settings.limits;
        Self {
            target: TargetLimits {
                target_bytes: limits.target,
                parameters: limits.parameters,
                ..TargetLimits::default()
            },
            body: BodyLimits {
                bytes: limits.body,
                parameters: limits.parameters,
                parts: limits.parts,
                depth: limits.depth,
                ..BodyLimits::default()
            },
        }
    }
}

/// What one core keeps. Stays on its thread.
pub struct Core {
    shared: Arc<Shared>,
    outlook: RefCell<Outlook>,
    /// The journal of this core.
    pub journal: Journal,
    /// The way to the applications.
    pub forwarder: Forwarder,
    /// The counters of this core.
    pub metrics: CoreMetrics,
    /// Streams that stay open, to be judged again.
    pub streams: OpenStreams,
    /// What credentials are verified by.
    pub verifiers: Verifiers,
    /// What is being found out just now, and the credentials that it takes.
    pub finder: Finder,
    devices: DeviceReader,
    /// What a request comes from until its fields are read.
    unknown_device: Rc<ShownDevice>,
    prefix: u64,
    count: Cell<u32>,
    /// An empty buffer for what a request writes and lets go of again without waiting.
    spare: Cell<Vec<u8>>,
}

/// Buffers above this are not kept.
const SPARE: usize = 4096;

impl Core {
    /// The core of the calling thread; `prefix` is random and makes its request numbers unique.
    #[must_use]
    pub fn new(
        shared: Arc<Shared>,
        journal: Journal,
        forwarder: Forwarder,
        metrics: CoreMetrics,
        verifiers: Verifiers,
        devices: DeviceReader,
        prefix: u64,
    ) -> Self {
        let outlook = RefCell::default();
        let streams = OpenStreams::default();
        let (finder, unknown_device, count) = (Finder::default(), Rc::default(), Cell::new(0));
        let spare = Cell::default();
        Self {
            shared,
            outlook,
            journal,
            forwarder,
            metrics,
            streams,
            verifiers,
            finder,
            devices,
            unknown_device,
            prefix,
            count,
            spare,
        }
    }

    /// What all cores share.
    #[must_use]
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// What governs a request that begins now, to its end.
    fn governing(&self) -> Rc<Governing> {
        self.outlook.borrow_mut().now(&self.shared.in_force, &self.shared.directory)
    }

    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.shared.clock)
    }

    /// Adds what every answer carries (all are given over TLS: without, there are redirects only), in place of the application's own
    /// in `told`.
    pub(super) fn add_transport(&self, head: &mut AnswerHead, told: Option<&ResponseHead>) {
        const NAME: &str = "strict-transport-security";
        let Some(value) = self.shared.strict_transport.as_deref() else { return };
        if told.is_some_and(|told| told.contains(NAME)) {
            head.remove(NAME);
        }
        // The value is made of digits and names of directives.
        let _ = head.push(NAME, value);
    }

    /// Calls `with` with an empty buffer, which is kept for the next call.
    pub(super) fn with_spare<T>(&self, with: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mut spare = self.spare.take();
        let made = with(&mut spare);
        if spare.capacity() <= SPARE {
            spare.clear();
            self.spare.set(spare);
        }
        made
    }

    fn next_id(&self) -> RequestId {
        let count = self.count.get();
        self.count.set(count.wrapping_add(1));
        RequestId::new(self.prefix, count)
    }

    /// Begins with a request: number, time, rules. Nothing is known of it yet but its connection.
    pub(super) fn begin(&self, connection: &ConnectionInfo) -> Passage {
        let ip = connection.source().to_canonical();
        let stream = connection.tls.as_ref().is_some_and(|tls| tls.protocol == Protocol::Http2);
        Passage {
            id: self.next_id(),
            time: self.shared.clock.now(),
            begun: Instant::now(),
            live: self.governing(),
            client: ClientAddr { ip, chain: smallvec![ip] },
            device: Rc::clone(&self.unknown_device),
            issue: None,
            subject: None,
            source: None,
            session: None,
            app: None,
            route: None,
            facts: Facts::default(),
            forgets: Vec::new(),
            won: Vec::new(),
            cookies: Vec::new(),
            decided: Duration::ZERO,
            open: Some((self.metrics.open(Level::Request), stream.then(|| self.metrics.open(Level::Stream)))),
        }
    }

    /// Notes where a request comes from, and on what.
    ///
    /// # Errors
    /// A refusal, where a trusted proxy's forwarding header cannot be read.
    pub(super) fn place(
        &self,
        passage: &mut Passage,
        connection: &ConnectionInfo,
        last: &LastDevice,
        head: &RequestHead,
    ) -> Result<(), Judgement> {
        let trusted = &self.shared.trusted_proxies;
        passage.client = ClientAddr::derive(
            connection.source(),
            &trusted.networks,
            trusted.header,
            head.values("forwarded"),
            head.values("x-forwarded-for"),
        )
        .map_err(|error| Judgement::refused(error.reason(), Detail::text(error)))?;
        if let Some(device) = last.get(head) {
            passage.device = device;
            return Ok(());
        }
        let tls: Option<CompactString> = connection.tls.as_ref().and_then(|tls| tls.fingerprint.clone());
        let Seen { device, issue, lasting } = self
            .devices
            .read(head.values("user-agent").next(), head.values("cookie"), tls)
            .map_err(|error| Judgement::refused(Reason::InternalFault, Detail::text(error)))?;
        // on a connection of a proxy's anybody may come next
        if lasting && passage.client.chain.len() == 1 {
            passage.device = Rc::new(ShownDevice::written(device));
            last.keep(head, Rc::clone(&passage.device));
        } else {
            passage.device = Rc::new(ShownDevice::from(device));
        }
        passage.issue = issue.filter(|_| self.shared.device_cookie);
        Ok(())
    }

    /// Judges every open stream again under what is in force now, and closes those that are permitted no longer.
    pub fn review_streams(&self) {
        if self.streams.is_empty() {
            return;
        }
        let live = self.governing();
        let (sessions, now) = (&*self.shared.sessions, self.shared.clock.now());
        let closed = self.streams.review(&Review { live: &live, people: live.people_now(), sessions, now });
        if closed > 0 {
            tracing::info!(closed, "open streams were closed: they are permitted no longer");
        }
    }

    /// Whether somebody is frozen at this moment, whatever governs the request.
    pub(super) fn is_frozen(&self, subject: &SubjectId) -> bool {
        self.shared.directory.snapshot().freeze(subject).is_some()
    }

    /// The counters of the route that a request came to.
    pub(super) fn route_metrics(&self, passage: &Passage) -> RouteHandle {
        let app = passage.app.as_ref().map_or("", |app| app.name.as_str());
        let route = passage.route.as_ref().map_or("", |route| route.id.as_str());
        self.metrics.route(app, route)
    }

    /// Counts a decision.
    pub(super) fn count_decision(&self, passage: &Passage, judgement: &Judgement) {
        self.route_metrics(passage).decided(judgement.outcome(), judgement.reason(), passage.decided);
    }
}
