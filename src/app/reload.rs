//! What changes while the gateway runs: rules, when a file or a signal says so, and what is told of certificates.

use super::Inner;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::audit::AdminAction;
use crate::config::watch::{Contents, FolderWatch};
use crate::gateway::reload::ReloadError;
use crate::model::{Clock, Revision};
use crate::rules::Source;
use crate::server::drain;
use crate::telemetry::ReloadPart;

/// How often the rule files are looked at where the system tells of no change.
const RULES_POLL: Duration = Duration::from_secs(2);

impl Inner {
    /// Reads the rules again whenever a file has changed.
    pub(super) async fn watch_rules(self: Arc<Self>, mut seen: [u8; 32]) {
        let Source::Folder(folder) = self.reloader.source() else { return };
        let mut watch = FolderWatch::new([folder.as_path()], RULES_POLL);
        let mut contents = Contents::default();
        loop {
            let now = hash(self.reloader.source(), &mut contents);
            if now != seen {
                seen = now;
                self.reload_off_core().await;
            }
            let inner = Arc::clone(&self);
            // a panic in it is told by the runtime
            let _ = tokio::task::spawn_blocking(move || inner.reloader.free_retired()).await;
            watch.changed().await;
        }
    }

    pub(super) async fn reload_off_core(self: &Arc<Self>) {
        let inner = Arc::clone(self);
        // A panic in it is told by the runtime; the rules stay as they were.
        let _ = tokio::task::spawn_blocking(move || inner.reload()).await;
    }

    /// Reads the rules again; on failure the old ones go on, which log, metrics and journal tell.
    pub(super) fn reload(&self) -> Result<Revision, ReloadError> {
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
    pub(super) async fn tell_of_certificates(self: Arc<Self>) {
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

/// A hash over everything in the folder of the rules; embedded ones never change.
pub(super) fn hash(source: &Source, contents: &mut Contents) -> [u8; 32] {
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
    contents.hash(&files)
}
