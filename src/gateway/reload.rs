//! From rule files to what is in force: read, compiled, linted, tested, and only then swapped; on failure everything stays as it was.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::live::{InForce, Live};
use crate::diagnostics::Report;
use crate::facts::Directory;
use crate::identity::jwks::KeyRing;
use crate::model::{Clock, Revision};
use crate::policy::suite::{self, Results};
use crate::rules::{App, Before, Loaded, Mode, Source};
use crate::telemetry::{Metrics, ReloadPart, RuleCounts};
use crate::upstream::{Prepared, TlsError, Upstreams};

/// Why rule files are not put in force.
#[derive(Debug)]
pub enum ReloadError {
    /// They do not compile.
    Rules(Report),
    /// Their own policy tests fail.
    Tests(Results),
    /// TLS towards applications cannot be set up: application and error.
    Upstreams(Vec<(String, TlsError)>),
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rules(report) => report.fmt(f),
            Self::Tests(results) => results.fmt(f),
            Self::Upstreams(errors) => {
                for (app, error) in errors {
                    writeln!(f, "application `{app}`: {error}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ReloadError {}

/// Rules and people that passed every test, not yet in force.
pub struct Checked {
    live: Live,
    upstreams: Prepared,
    /// Warnings and notes.
    pub lints: Report,
}

impl Checked {
    /// What would be in force.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.live
    }
}

/// Reads, compiles, lints and tests the files of `source`; takes over what `before` holds of files that did not change.
///
/// # Errors
/// Everything that is wrong at the first step where something is.
pub fn check(
    source: &Source,
    upstreams: &Upstreams,
    sequence: u64,
    before: &mut Before,
) -> Result<Checked, ReloadError> {
    let loaded = crate::rules::load_again(source, sequence, before).map_err(ReloadError::Rules)?;
    let Loaded { set, people, suites, lints } = loaded;
    let results = suite::run(&set, &suites);
    if !results.passed() {
        return Err(ReloadError::Tests(results));
    }
    let prepared = upstreams.prepare(set.apps.iter().map(|app| &app.upstream)).map_err(ReloadError::Upstreams)?;
    Ok(Checked { live: Live { rules: set, people }, upstreams: prepared, lints })
}

/// The last sequence number of people data, and what was compiled last.
#[derive(Default)]
struct Last {
    sequence: u64,
    before: Before,
}

/// Puts rule files in force while requests run.
pub struct Reloader {
    source: Source,
    upstreams: Arc<Upstreams>,
    keys: Arc<KeyRing>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    /// What the last reload left; held while one runs, so that two never cross.
    last: Mutex<Last>,
    /// What was in force before, for as long as some request may be governed by it.
    retired: Mutex<Vec<Arc<Live>>>,
}

impl Reloader {
    /// A reloader of `source`.
    #[must_use]
    pub fn new(
        source: Source,
        upstreams: Arc<Upstreams>,
        keys: Arc<KeyRing>,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { source, upstreams, keys, metrics, clock, last: Mutex::default(), retired: Mutex::default() }
    }

    /// The files that are read.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Checks the files and hands what they hold to `install` for being put in force. Blocks: not for a core.
    ///
    /// # Errors
    /// What is wrong with them; nothing has changed then.
    pub fn run<T>(&self, install: impl FnOnce(Live) -> T) -> Result<(T, Report), ReloadError> {
        let mut last = self.last.lock();
        let begun = Instant::now();
        let sequence = u64::try_from(self.clock.now().as_seconds()).unwrap_or(0).max(last.sequence + 1);
        let checked = check(&self.source, &self.upstreams, sequence, &mut last.before).inspect_err(|_| {
            self.metrics.reload_failed(ReloadPart::Rules, self.clock.now());
        })?;
        last.sequence = sequence;
        let Checked { live, upstreams, lints } = checked;
        self.upstreams.install(upstreams);
        self.keys.want(live.rules.apps.iter().flat_map(|app| app.identity.remote_keys()));
        self.metrics.set_revision(live.rules.revision.clone(), counts(&live));
        self.metrics.reload_succeeded(ReloadPart::Rules, self.clock.now(), begun.elapsed());
        Ok((install(live), lints))
    }

    /// Checks the files and puts them in force at once.
    ///
    /// # Errors
    /// What is wrong with them; the old ones go on then.
    pub fn apply(&self, in_force: &InForce, directory: &Directory) -> Result<(Revision, Report), ReloadError> {
        self.run(|live| {
            let revision = live.rules.revision.clone();
            directory.replace(&live.people);
            self.retired.lock().push(in_force.replace(live));
            self.free_retired();
            revision
        })
    }

    /// Frees what was in force before and governs no request any more. To be called from time to time, and from no core: freeing
    /// 100,000 rules takes some 70 ms, which whoever is on the core of the last request that they governed would have to wait.
    pub fn free_retired(&self) {
        self.retired.lock().retain(|live| Arc::strong_count(live) > 1);
    }
}

fn counts(live: &Live) -> RuleCounts {
    let observed =
        |app: &App| app.routes.iter().filter(|route| route.mode.unwrap_or(app.mode) == Mode::Observe).count();
    let routes: usize = live.rules.apps.iter().map(|app| app.routes.len()).sum();
    let observed = live.rules.apps.iter().map(|app| observed(app)).sum();
    RuleCounts { enforced: routes - observed, observed, subjects: live.people.len() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::MemoryFreezes;
    use crate::identity::key::MasterKey;
    use crate::identity::session::{MemoryStore, SessionSettings, SessionTable};
    use crate::model::SystemClock;
    use crate::upstream::Defaults;

    #[tokio::test]
    async fn what_was_in_force_is_freed_by_the_reloader_and_not_by_the_last_request_that_it_governed() {
        let rules = "app: wms\nhosts: [wms.test]\nupstream: {url: 'http://127.0.0.1:9'}\nidentity: {}\n\
            routes: [{id: start, match: GET /, public: true}]\n";
        let metrics = Metrics::new(10);
        let upstreams = Upstreams::new(Arc::clone(&metrics), Defaults::default(), tokio::runtime::Handle::current());
        let source = Source::Embedded(vec![("wms.yaml", rules)]);
        let reloader = Reloader::new(source, upstreams, Arc::default(), metrics, Arc::new(SystemClock));
        let (live, _) = reloader.run(std::convert::identity).map_err(|error| error.to_string()).unwrap();
        let key = MasterKey::from_bytes(&[1; 32]);
        let sessions =
            SessionTable::open(&key, Arc::<MemoryStore>::default(), SessionSettings::default()).await.unwrap();
        let freezes = Arc::<MemoryFreezes>::default();
        let directory = Directory::open(Arc::clone(&live.people), freezes, sessions).await.unwrap();
        let in_force = InForce::new(live);

        let request = in_force.pin();
        let before = Arc::downgrade(&request);
        reloader.apply(&in_force, &directory).map_err(|error| error.to_string()).unwrap();
        drop(request);
        assert!(before.upgrade().is_some(), "the request freed it");
        reloader.free_retired();
        assert!(before.upgrade().is_none(), "nobody freed it");

        let before = Arc::downgrade(&in_force.pin());
        reloader.apply(&in_force, &directory).map_err(|error| error.to_string()).unwrap();
        assert!(before.upgrade().is_none(), "what governs nothing is freed at once");
    }
}
