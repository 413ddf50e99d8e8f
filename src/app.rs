//! Wires everything together and runs it; the only file that names concrete backends.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::Runtime;

use crate::audit::{AdminAction, AdminRecord, Disk, JournalSettings, Ledger};
use crate::config::watch::{FolderWatch, content_hash};
use crate::config::{self, SameSite, Settings};
use crate::facts::{Attributes, Directory};
use crate::gateway::reload::{ReloadError, Reloader};
use crate::gateway::{self, Call, Connection, Core, Databases, InForce, Panicked, ReadLimits, Shared};
use crate::identity::chain::Verifiers;
use crate::identity::credential::{PasswordSettings, PasswordVerifier};
use crate::identity::device::{Agents, CookieSettings, DeviceReader};
use crate::identity::jwks::KeyRing;
use crate::identity::key::MasterKey;
use crate::identity::session::{SessionSettings, SessionTable};
use crate::model::{Clock, Revision, SystemClock};
use crate::rules::Source;
use crate::server::accept::{Accept, Admission};
use crate::server::admin::{self, Report};
use crate::server::drain::{self, Drain, Signals};
use crate::server::hand_over::{self, HandOver, TakeOver};
use crate::server::listen::{self, Role, Sockets};
use crate::server::redirect::Redirect;
use crate::server::serve::{Http, ServiceFactory};
use crate::server::tls::Tls;
use crate::server::worker::{self, WorkerIndex, Workers};
use crate::store::sqlite::SqliteStore;
use crate::telemetry::{Metrics, ReloadPart};
use crate::upstream::{Defaults, Forwarder, Upstreams};
use crate::wire::connection::ConnectionInfo;
use crate::wire::server::Answer;

/// Routes that metrics tell apart; further ones are counted together.
const ROUTES_IN_METRICS: usize = 2_000;
/// How often open streams are judged again.
const REVIEW: Duration = Duration::from_millis(250);
/// How often the rule files are looked at where the system tells of no change.
const RULES_POLL: Duration = Duration::from_secs(2);

/// What is to be run.
pub struct Plan {
    /// The settings.
    pub settings: Settings,
    /// The rule files.
    pub rules: Source,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether the sockets of a running process, or of the service manager, are taken over.
    pub inherit: Inherit,
    /// Whether signals are caught from the beginning, for [`Running::obey_signals`]: none that comes while the gateway
    /// starts ends it by the system's default then.
    pub catch_signals: bool,
}

/// Where listening sockets come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inherit {
    /// They are opened.
    #[default]
    Nothing,
    /// The service manager passes them, where it does (socket activation).
    ServiceManager,
    /// A running process hands them over, where one runs.
    Predecessor,
}

impl Plan {
    /// `settings` with the rules of their folder, on the machine's clock.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let rules = Source::Folder(settings.routes.clone());
        Self { settings, rules, clock: Arc::new(SystemClock), inherit: Inherit::Nothing, catch_signals: false }
    }
}

/// A running gateway.
pub struct Running {
    inner: Arc<Inner>,
    workers: worker::Running,
    background: Runtime,
    signals: Option<Signals>,
}

struct Inner {
    settings: Settings,
    shared: Arc<Shared>,
    reloader: Reloader,
    ledger: Arc<Ledger>,
    metrics: Arc<Metrics>,
    sockets: Arc<Sockets>,
    tls: Arc<Tls>,
    drain: Drain,
}

/// Makes the service of each connection of one core.
struct Factory<S> {
    core: Rc<Core>,
    service: S,
}

impl<S> ServiceFactory for Factory<S>
where
    S: tower::Service<Call, Response = Result<Answer, Panicked>> + Clone + 'static,
{
    type Service = Connection<S>;

    fn service(&self, connection: Rc<ConnectionInfo>) -> Rc<Connection<S>> {
        Rc::new(Connection::new(Rc::clone(&self.core), self.service.clone(), connection))
    }
}

/// Starts a gateway; it serves when this returns.
///
/// # Errors
/// What is wrong with settings, rules, certificates, sockets or folders.
pub fn start(plan: Plan) -> anyhow::Result<Running> {
    let Plan { settings, rules, clock, inherit, catch_signals } = plan;
    // A provider that another part of the process has installed serves as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let background = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(settings.background_threads.get())
        .thread_name("background")
        .enable_all()
        .build()
        .context("the background runtime cannot be had")?;
    let signals = if catch_signals { Some(listen_for_signals(&background)?) } else { None };
    std::fs::create_dir_all(&settings.state)
        .with_context(|| format!("cannot make the folder `{}`", settings.state.display()))?;
    let metrics = Metrics::new(ROUTES_IN_METRICS);
    let key = MasterKey::open(&settings.state).context("the key of the state folder cannot be had")?;
    let store = background
        .block_on(SqliteStore::open(&settings.store))
        .with_context(|| format!("cannot open the store `{}`", settings.store.display()))?;
    let store = Arc::new(store);
    let sessions = background
        .block_on(SessionTable::open(&key, store.clone(), session_settings(&settings)))
        .context("the sessions cannot be read from the store")?;
    let upstreams = Upstreams::new(Arc::clone(&metrics), defaults(&settings), background.handle().clone());
    let keys = Arc::new(KeyRing::default());
    let reloader =
        Reloader::new(rules, Arc::clone(&upstreams), Arc::clone(&keys), Arc::clone(&metrics), Arc::clone(&clock));
    // Before they are first read: what changes from then on is noticed.
    let first = rules_hash(reloader.source());
    let (live, lints) = reloader.run(std::convert::identity).map_err(|error| anyhow::anyhow!("{error}"))?;
    if !lints.is_empty() {
        tracing::warn!(count = lints.len(), "the rules have warnings; `scopegate check` shows them");
    }
    let directory = background
        .block_on(Directory::open(Arc::clone(&live.people), store, Arc::clone(&sessions)))
        .context("the freezes cannot be read from the store")?;
    let ledger = Ledger::open(
        &settings.journal.directory,
        &settings.node,
        settings.workers.get(),
        journal_settings(&settings),
        Arc::new(Disk),
        Arc::clone(&clock),
        Arc::clone(&metrics),
    )
    .with_context(|| format!("cannot open the journal in `{}`", settings.journal.directory.display()))?;
    let ledger = Arc::new(ledger);
    let tls = Tls::load(&settings.tls).context("TLS cannot be set up")?;
    let (sockets, predecessor) = sockets(&settings, inherit)?;
    let sockets = Arc::new(sockets);
    let shared = Arc::new(Shared {
        in_force: InForce::new(live),
        sessions: Arc::clone(&sessions),
        directory: Arc::clone(&directory),
        clock: Arc::clone(&clock),
        limits: ReadLimits::new(&settings),
        strict: settings.journal.durability == config::Durability::Synced,
        trusted_proxies: settings.trusted_proxies.clone(),
        strict_transport: settings.tls.strict_transport.clone(),
        device_cookie: settings.device_cookie.enabled,
        language: settings.language,
        contact: settings.contact.clone(),
        attributes: Attributes::new(settings.lookups.values),
        databases: Databases::new(background.handle().clone()),
    });
    let drain = Drain::new(settings.drain);
    let inner = Arc::new(Inner { settings, shared, reloader, ledger, metrics, sockets, tls, drain });
    inner.record(AdminAction::Start, "")?;
    let agents = Arc::new(Agents::default());
    let passwords = Arc::new(PasswordVerifier::new(&key, PasswordSettings::default()));
    let workers = inner.spawn_workers(&upstreams, &key, &agents, &passwords, &keys)?;
    inner.spawn_background(&background, agents, keys, first)?;
    if let Some(predecessor) = predecessor {
        predecessor.ready().context("the predecessor could not be told to end")?;
    }
    let hand_over = {
        let _guard = background.enter();
        HandOver::open(&inner.settings.hand_over_socket())?
    };
    background.spawn(hand_over.serve(Arc::clone(&inner.sockets), inner.drain.clone()));
    drain::ready();
    tracing::info!(
        https = ?inner.sockets.addresses(Role::Https),
        admin = ?inner.sockets.addresses(Role::Admin),
        "the gateway serves"
    );
    Ok(Running { inner, workers, background, signals })
}

fn listen_for_signals(background: &Runtime) -> anyhow::Result<Signals> {
    let _guard = background.enter();
    Signals::listen().context("signals cannot be listened for")
}

impl Inner {
    fn record(&self, action: AdminAction, detail: &str) -> anyhow::Result<()> {
        let live = self.shared.in_force.pin();
        let record = AdminRecord {
            revision: live.rules.revision.as_str(),
            people: Some(self.shared.directory.snapshot().sequence()),
            detail,
            ..AdminRecord::new(self.shared.clock.now(), action)
        };
        self.ledger.admin(&record).context("the journal cannot be written")
    }

    fn spawn_workers(
        self: &Arc<Self>,
        upstreams: &Arc<Upstreams>,
        key: &MasterKey,
        agents: &Arc<Agents>,
        passwords: &Arc<PasswordVerifier>,
        keys: &Arc<KeyRing>,
    ) -> anyhow::Result<worker::Running> {
        let admission = Admission::new(&self.settings, self.drain.clone());
        let (inner, upstreams, key) = (Arc::clone(self), Arc::clone(upstreams), key.clone());
        let (agents, passwords, keys) = (Arc::clone(agents), Arc::clone(passwords), Arc::clone(keys));
        let count = self.settings.workers;
        let blocking_threads = NonZeroUsize::new(4).unwrap_or(NonZeroUsize::MIN);
        let running = worker::run(Workers { count, blocking_threads }, move |index| {
            let (inner, admission) = (Arc::clone(&inner), admission.clone());
            let metrics = inner.metrics.core();
            let verifiers =
                Verifiers::new(Arc::clone(&inner.shared.sessions), Arc::clone(&passwords), Arc::clone(&keys));
            let devices = DeviceReader::new(&key, Arc::clone(&agents), device_cookie(&inner.settings));
            let forwarder = Forwarder::new(Arc::clone(&upstreams), metrics.clone());
            async move {
                if let Err(error) = serve_core(&inner, index, admission, metrics, verifiers, devices, forwarder).await {
                    tracing::error!(worker = index.0, error = format!("{error:#}"), "a worker ended");
                    inner.drain.begin();
                }
            }
        })?;
        Ok(running)
    }

    fn spawn_background(
        self: &Arc<Self>,
        background: &Runtime,
        agents: Arc<Agents>,
        keys: Arc<KeyRing>,
        rules: [u8; 32],
    ) -> anyhow::Result<()> {
        let (clock, drain) = (Arc::clone(&self.shared.clock), self.drain.clone());
        let over = || {
            let drain = self.drain.clone();
            async move { drain.over().await }
        };
        background.spawn_blocking(move || {
            if let Err(error) = agents.prepare() {
                tracing::error!(%error, "user agents are not told apart");
            }
        });
        let ledger = Arc::clone(&self.ledger);
        background.spawn_blocking(move || match ledger.recover() {
            Ok(recovered) if recovered.is_empty() => {}
            Ok(recovered) => tracing::warn!(runs = recovered.len(), "runs that had ended unfinished were closed"),
            Err(error) => tracing::error!(%error, "earlier runs could not be closed"),
        });
        background.spawn(keys.keep(Arc::clone(&clock), over()));
        background.spawn(Arc::clone(&self.shared.sessions).keep(Arc::clone(&clock), over()));
        background.spawn(Arc::clone(&self.shared.directory).keep(over()));
        background.spawn(Arc::clone(&self.tls).watch());
        background.spawn(Arc::clone(self).tell_of_certificates());
        background.spawn(Arc::clone(self).watch_rules(rules));
        let admin_sockets = self.sockets.of_role(Role::Admin)?;
        background.spawn(admin::serve(admin_sockets, Arc::new(Overview(Arc::clone(self)))));
        drop(drain);
        Ok(())
    }

    /// Reads the rules again whenever a file has changed.
    async fn watch_rules(self: Arc<Self>, mut seen: [u8; 32]) {
        let Source::Folder(folder) = self.reloader.source() else { return };
        let mut watch = FolderWatch::new([folder.as_path()], RULES_POLL);
        loop {
            let now = rules_hash(self.reloader.source());
            if now != seen {
                seen = now;
                self.reload_off_core().await;
            }
            watch.changed().await;
        }
    }

    async fn reload_off_core(self: &Arc<Self>) {
        let inner = Arc::clone(self);
        // A panic in it is told by the runtime; the rules stay as they were.
        let _ = tokio::task::spawn_blocking(move || inner.reload()).await;
    }

    /// Reads the rules again; on failure the old ones go on, which log, metrics and journal tell.
    fn reload(&self) -> Result<Revision, ReloadError> {
        drain::reloading();
        let outcome = self.reloader.apply(&self.shared.in_force, &self.shared.directory);
        drain::ready();
        match outcome {
            Ok((revision, lints)) => {
                tracing::info!(%revision, warnings = lints.len(), "new rules are in force");
                if let Err(error) = self.record(AdminAction::Reload, "") {
                    tracing::error!(error = format!("{error:#}"), "the reload is not on record");
                }
                Ok(revision)
            }
            Err(error) => {
                tracing::error!("the rules were not changed, the old ones go on:\n{error}");
                if let Err(fault) = self.record(AdminAction::ReloadFailed, &error.to_string()) {
                    tracing::error!(error = format!("{fault:#}"), "the failed reload is not on record");
                }
                Err(error)
            }
        }
    }

    /// Keeps the certificates' state in metrics and log.
    async fn tell_of_certificates(self: Arc<Self>) {
        let mut status = self.tls.status();
        loop {
            let now = status.borrow_and_update().clone();
            let shown = now.certificates.iter().map(|one| (one.file.display().to_string(), one.not_after));
            self.metrics.set_certificates(shown.collect());
            if now.attempt > 0 {
                match now.problems.as_slice() {
                    [] => {
                        self.metrics.reload_succeeded(ReloadPart::Certificates, self.shared.clock.now(), Duration::ZERO)
                    }
                    problems => {
                        self.metrics.reload_failed(ReloadPart::Certificates, self.shared.clock.now());
                        tracing::error!(
                            "certificates were not exchanged, the old ones go on:\n{}",
                            problems.join("\n")
                        );
                    }
                }
            }
            if status.changed().await.is_err() {
                return;
            }
        }
    }
}

/// Everything that one core does until the gateway has drained.
async fn serve_core(
    inner: &Arc<Inner>,
    index: WorkerIndex,
    admission: Admission,
    metrics: crate::telemetry::CoreMetrics,
    verifiers: Verifiers,
    devices: DeviceReader,
    forwarder: Forwarder,
) -> anyhow::Result<()> {
    let journal = inner.ledger.journal(index.0)?;
    let tending = tokio::task::spawn_local(journal.clone().tend());
    let sweeping = {
        let forwarder = forwarder.clone();
        tokio::task::spawn_local(async move { forwarder.tend().await })
    };
    let mut prefix = [0; 8];
    aws_lc_rs::rand::fill(&mut prefix).map_err(|_| anyhow::anyhow!("the system gives no random bytes"))?;
    let core = Rc::new(Core::new(
        Arc::clone(&inner.shared),
        journal.clone(),
        forwarder,
        metrics.clone(),
        verifiers,
        devices,
        u64::from_ne_bytes(prefix),
    ));
    let reviewing = tokio::task::spawn_local(review(Rc::clone(&core)));
    let settings = &inner.settings;
    let in_flight = settings.limits.requests.div_ceil(settings.workers.get());
    let accept = |tls, serve| Accept {
        admission: admission.clone(),
        tls,
        serve,
        metrics: metrics.clone(),
        clock: Arc::clone(&inner.shared.clock),
        worker: index,
    };
    let stop = inner.drain.stop();
    let http = Http {
        factory: Factory { core: Rc::clone(&core), service: gateway::service(&core, in_flight) },
        h1: settings.h1(),
        h2: settings.h2(),
        stop: stop.clone(),
        metrics: metrics.clone(),
    };
    let secure = accept(Some(Arc::clone(&inner.tls)), http);
    let known = {
        let shared = Arc::clone(&inner.shared);
        Rc::new(move |host: &str| shared.in_force.pin().rules.app_for_host(host).is_some())
    };
    let plain = Accept {
        admission: admission.clone(),
        tls: None,
        serve: Http {
            factory: Redirect::new(known, settings.listeners.public_port),
            h1: settings.h1(),
            h2: settings.h2(),
            stop,
            metrics: metrics.clone(),
        },
        metrics: metrics.clone(),
        clock: Arc::clone(&inner.shared.clock),
        worker: index,
    };
    let of_worker = |role| inner.sockets.of_worker(role, index, settings.workers);
    let (secured, redirected) =
        tokio::join!(secure.run(of_worker(Role::Https)?), plain.run(of_worker(Role::Redirect)?));
    for task in [tending, sweeping, reviewing] {
        task.abort();
    }
    // What could not be written is counted and logged by the journal.
    let _ = journal.flush();
    secured?;
    redirected?;
    Ok(())
}

/// Judges open streams again while they last: after each change of rules and people, and as rights end by themselves.
async fn review(core: Rc<Core>) {
    let mut ticks = tokio::time::interval(REVIEW);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        core.review_streams();
    }
}

/// What the administration listener tells.
struct Overview(Arc<Inner>);

impl Report for Overview {
    fn metrics(&self) -> Vec<u8> {
        self.0.metrics.render()
    }

    fn ready(&self) -> Result<(), Vec<String>> {
        if self.0.drain.is_draining() { Err(vec!["draining".into()]) } else { Ok(()) }
    }
}

impl Running {
    /// The addresses that a role listens on.
    #[must_use]
    pub fn addresses(&self, role: Role) -> Vec<SocketAddr> {
        self.inner.sockets.addresses(role)
    }

    /// The metrics in the text format of Prometheus.
    #[must_use]
    pub fn metrics(&self) -> Vec<u8> {
        self.inner.metrics.render()
    }

    /// The revision in force.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.inner.shared.in_force.pin().rules.revision.clone()
    }

    /// People with their freezes.
    #[must_use]
    pub fn directory(&self) -> &Arc<Directory> {
        &self.inner.shared.directory
    }

    /// The runtime of background work.
    #[must_use]
    pub fn background(&self) -> &Runtime {
        &self.background
    }

    /// Reads the rules again and puts them in force.
    ///
    /// # Errors
    /// What is wrong with them; the old ones go on then.
    pub fn reload(&self) -> Result<Revision, ReloadError> {
        self.inner.reload()
    }

    /// Obeys signals until the gateway has drained: SIGTERM and SIGINT end it, SIGHUP reloads.
    ///
    /// # Errors
    /// When signals cannot be listened for, or the end cannot be recorded.
    pub fn obey_signals(mut self) -> anyhow::Result<()> {
        let signals = match self.signals.take() {
            Some(signals) => signals,
            None => listen_for_signals(&self.background)?,
        };
        let inner = Arc::clone(&self.inner);
        self.background.spawn(signals.obey(self.inner.drain.clone(), move || {
            let inner = Arc::clone(&inner);
            async move {
                inner.reload_off_core().await;
                inner.tls.reload();
            }
        }));
        self.join()
    }

    /// Drains and ends.
    ///
    /// # Errors
    /// When the end cannot be recorded.
    pub fn stop(self) -> anyhow::Result<()> {
        self.inner.drain.begin();
        self.join()
    }

    fn join(self) -> anyhow::Result<()> {
        let Self { inner, workers, background, .. } = self;
        workers.join();
        inner.drain.end();
        inner.sockets.close();
        let recorded = inner.record(AdminAction::Stop, "");
        inner.ledger.stop().context("the journal could not be closed")?;
        background.shutdown_timeout(Duration::from_secs(2));
        recorded
    }
}

fn sockets(settings: &Settings, inherit: Inherit) -> anyhow::Result<(Sockets, Option<TakeOver>)> {
    let (inherited, predecessor) = match inherit {
        Inherit::Nothing => (Vec::new(), None),
        Inherit::ServiceManager => (listen::from_service_manager(&settings.listeners)?, None),
        Inherit::Predecessor => match hand_over::take_over(&settings.hand_over_socket())? {
            Some((inherited, predecessor)) => (inherited, Some(predecessor)),
            None => (Vec::new(), None),
        },
    };
    Ok((Sockets::open(&settings.listeners, settings.workers, inherited)?, predecessor))
}

/// A hash over everything in the folder of the rules; embedded ones never change.
fn rules_hash(source: &Source) -> [u8; 32] {
    let mut files = Vec::new();
    let mut folders = match source {
        Source::Folder(folder) => vec![folder.clone()],
        Source::Embedded(_) => Vec::new(),
    };
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let path: PathBuf = entry.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    content_hash(&files)
}

fn session_settings(settings: &Settings) -> SessionSettings {
    let session = &settings.session;
    SessionSettings {
        capacity: session.capacity,
        idle: session.idle,
        lifetime: session.lifetime,
        ..SessionSettings::default()
    }
}

fn device_cookie(settings: &Settings) -> CookieSettings {
    let cookie = &settings.device_cookie;
    CookieSettings {
        name: cookie.name.as_ref().into(),
        lifetime: cookie.lifetime,
        same_site: match cookie.same_site {
            SameSite::Lax => "Lax",
            SameSite::Strict => "Strict",
            SameSite::None => "None",
        },
    }
}

fn defaults(settings: &Settings) -> Defaults {
    let limits = &settings.limits;
    Defaults {
        connect: limits.upstream_connect_time,
        answer: limits.upstream_answer_time,
        body: limits.upstream_idle_time,
        tunnel: limits.websocket_idle_time,
        message: limits.websocket_message,
        answer_head: limits.upstream_head,
    }
}

fn journal_settings(settings: &Settings) -> JournalSettings {
    let journal = &settings.journal;
    JournalSettings {
        segment_bytes: journal.segment,
        reserve_bytes: journal.reserve,
        sync_every: journal.sync_interval,
        checkpoint_every: journal.checkpoint_interval,
        ..JournalSettings::default()
    }
}
