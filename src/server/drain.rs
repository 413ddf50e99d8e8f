//! How the process ends: no new connections, then requests in flight until a deadline; and what signals ask for.

use std::future::Future;
use std::io;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::wire::stop::{Stop, StopSource};

/// How far the process is on its way to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Serving.
    Serving,
    /// No new connections; those in flight go on until the deadline.
    Draining {
        /// When what is still open is closed.
        until: Instant,
    },
    /// Everything is closed at once.
    Ended,
}

/// The switch that ends the process, shared by all parts of it.
#[derive(Clone, Debug)]
pub struct Drain {
    phase: watch::Sender<Phase>,
    time: Duration,
    stop: StopSource,
}

impl Drain {
    /// A process that serves; `time` is what requests in flight get once it shall end.
    #[must_use]
    pub fn new(time: Duration) -> Self {
        Self { phase: watch::Sender::new(Phase::Serving), time, stop: StopSource::new() }
    }

    /// The present phase. Readiness fails unless it is [`Phase::Serving`].
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Whether the process shall end.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.phase() != Phase::Serving
    }

    /// Begins to drain; does nothing when that has begun already.
    pub fn begin(&self) {
        let until = Instant::now() + self.time;
        let begun = self.phase.send_if_modified(|phase| {
            let serving = *phase == Phase::Serving;
            if serving {
                *phase = Phase::Draining { until };
            }
            serving
        });
        if begun {
            self.stop.stop();
            tell(&[NotifyState::Stopping]);
        }
    }

    /// Ends everything at once.
    pub fn end(&self) {
        self.phase.send_replace(Phase::Ended);
        self.stop.stop();
    }

    /// The signal by which connections learn that the process shall end.
    #[must_use]
    pub fn stop(&self) -> Stop {
        self.stop.listen()
    }

    /// Waits until the process shall end.
    pub async fn begun(&self) {
        let mut phase = self.phase.subscribe();
        // The sender lives in `self`, so the wait cannot fail.
        let _ = phase.wait_for(|phase| *phase != Phase::Serving).await;
    }

    /// Waits until what is still open must be closed.
    pub async fn over(&self) {
        let mut phase = self.phase.subscribe();
        loop {
            let now = *phase.borrow_and_update();
            match now {
                Phase::Serving => drop(phase.changed().await),
                Phase::Draining { until } => {
                    if tokio::time::timeout_at(until, phase.changed()).await.is_err() {
                        return;
                    }
                }
                Phase::Ended => return,
            }
        }
    }
}

/// The signals that the process obeys.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Takes the signals over from the system's default, which would end the process. Must run in a runtime.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Obeys until the process shall end at once: SIGTERM and SIGINT begin to drain, a second one ends, SIGHUP calls
    /// `reload`. Spawn it on the background runtime.
    pub async fn obey<F, R>(mut self, drain: Drain, reload: F)
    where
        F: Fn() -> R,
        R: Future<Output = ()>,
    {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
                _ = self.hang_up.recv() => {
                    reloading();
                    reload().await;
                    ready();
                    continue;
                }
            }
            if drain.is_draining() {
                tracing::warn!("second signal, ending at once");
                drain.end();
                return;
            }
            tracing::info!(seconds = drain.time.as_secs(), "draining");
            drain.begin();
        }
    }
}

/// Tells the service manager that the gateway serves.
pub fn ready() {
    tell(&[NotifyState::Ready, NotifyState::MainPid(std::process::id())]);
}

/// Tells the service manager that a reload is under way; [`ready`] ends it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "no monotonic clock for the service manager"),
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}
