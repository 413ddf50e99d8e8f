//! Wires everything together and runs it; with its folder the only place that names concrete backends.

mod reload;
mod serving;
mod setting;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::Runtime;

use crate::audit::{AdminAction, AdminRecord, Disk, Ledger};
use crate::config::watch::Contents;
use crate::config::{self, Settings};
use crate::facts::{Attributes, Directory};
use crate::gateway::reload::{ReloadError, Reloader};
use crate::gateway::{Databases, InForce, ReadLimits, Shared};
use crate::identity::credential::{PasswordSettings, PasswordVerifier};
use crate::identity::device::Agents;
use crate::identity::jwks::KeyRing;
use crate::identity::key::MasterKey;
use crate::identity::session::SessionTable;
use crate::model::{Clock, Revision, SystemClock, leave_real_time};
use crate::rules::Source;
use crate::server::admin::{self, Report};
use crate::server::drain::{self, Drain, Signals};
use crate::server::hand_over::{self, HandOver, TakeOver};
use crate::server::listen::{self, Role, Sockets};
use crate::server::tls::Tls;
use crate::server::worker;
use crate::store::sqlite::SqliteStore;
use crate::telemetry::Metrics;
use crate::upstream::Upstreams;

/// Routes that metrics tell apart; further ones are counted together.
const ROUTES_IN_METRICS: usize = 2_000;

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
        .on_thread_start(leave_real_time)
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
        .block_on(SessionTable::open(&key, store.clone(), setting::sessions(&settings)))
        .context("the sessions cannot be read from the store")?;
    let upstreams = Upstreams::new(Arc::clone(&metrics), setting::defaults(&settings), background.handle().clone());
    let keys = Arc::new(KeyRing::default());
    let reloader =
        Reloader::new(rules, Arc::clone(&upstreams), Arc::clone(&keys), Arc::clone(&metrics), Arc::clone(&clock));
    // Before they are first read: what changes from then on is noticed.
    let first = reload::hash(reloader.source(), &mut Contents::default());
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
        setting::journal(&settings),
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
