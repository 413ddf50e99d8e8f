//! What one core runs: its listeners, its journal, its way to the applications; shares nothing that changes.

use super::{Inner, setting};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::gateway::{self, Call, Connection, Core, Panicked};
use crate::identity::credential::PasswordVerifier;
use crate::identity::device::{Agents, DeviceReader};
use crate::identity::jwks::KeyRing;
use crate::identity::key::MasterKey;
use crate::identity::verifiers::Verifiers;
use crate::server::accept::{Accept, Admission};
use crate::server::listen::Role;
use crate::server::redirect::Redirect;
use crate::server::serve::{Http, ServiceFactory};
use crate::server::worker::{self, WorkerIndex, Workers};
use crate::upstream::{Forwarder, Upstreams};
use crate::wire::connection::ConnectionInfo;
use crate::wire::server::Answer;

/// How often open streams are judged again.
const REVIEW: Duration = Duration::from_millis(250);

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

impl Inner {
    pub(super) fn spawn_workers(
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
            let devices = DeviceReader::new(&key, Arc::clone(&agents), setting::device_cookie(&inner.settings));
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
