//! The metrics of the whole process: what happens seldom, and the shards of the cores.

use super::core::{CoreMetrics, Shard};
use super::exposition::Exposition;
use super::name;
use super::series::{COARSE, Counter, Gauge, Timing};
use crate::model::{Revision, Timestamp};
use parking_lot::Mutex;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// What is reloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadPart {
    /// Applications, routes, roles.
    Rules,
    /// People and assignments.
    People,
    /// `gateway.yaml`.
    Settings,
    /// Certificates and keys.
    Certificates,
}

impl ReloadPart {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Rules, "rules"),
        (Self::People, "people"),
        (Self::Settings, "settings"),
        (Self::Certificates, "certificates"),
    ];
}

#[derive(Debug, Default)]
struct ReloadSeries {
    succeeded: Counter,
    failed: Counter,
    last_success: Gauge,
    failing_since: Gauge,
    micros: Gauge,
}

/// What a rule set holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCounts {
    /// Routes that are enforced.
    pub enforced: usize,
    /// Routes in observe mode.
    pub observed: usize,
    /// People and service accounts.
    pub subjects: usize,
}

/// The journal's numbers, of all cores together; brought up to date by the journal's own thread.
#[derive(Debug)]
pub struct JournalSeries {
    /// Decision records written.
    pub decisions: Counter,
    /// Outcome records written.
    pub outcomes: Counter,
    /// Administration records and checkpoints written.
    pub others: Counter,
    /// Bytes written.
    pub bytes: Counter,
    /// Bytes that wait.
    pub queued: Gauge,
    /// Requests that wait.
    pub waiting: Gauge,
    /// Failed writes.
    pub write_errors: Counter,
    /// Failed synchronisations.
    pub sync_errors: Counter,
    /// Segments that could not be begun or closed.
    pub segment_errors: Counter,
    /// 0, 1 (strict requests are refused) or 2 (all are).
    pub full: Gauge,
    /// Bytes left on the disk.
    pub free: Gauge,
    sync: Mutex<Timing>,
}

impl JournalSeries {
    fn new() -> Self {
        Self {
            decisions: Counter::default(),
            outcomes: Counter::default(),
            others: Counter::default(),
            bytes: Counter::default(),
            queued: Gauge::default(),
            waiting: Gauge::default(),
            write_errors: Counter::default(),
            sync_errors: Counter::default(),
            segment_errors: Counter::default(),
            full: Gauge::default(),
            free: Gauge::default(),
            sync: Mutex::new(Timing::new(COARSE)),
        }
    }

    /// A group synchronisation took this time.
    pub fn synchronised(&self, took: Duration) {
        self.sync.lock().observe(took);
    }

    fn render(&self, out: &mut Exposition) {
        for (kind, counter) in [("decision", &self.decisions), ("outcome", &self.outcomes), ("other", &self.others)] {
            out.count(&name::JOURNAL_RECORDS, &[kind], counter.get());
        }
        for (operation, counter) in
            [("write", &self.write_errors), ("sync", &self.sync_errors), ("segment", &self.segment_errors)]
        {
            out.count(&name::JOURNAL_ERRORS, &[operation], counter.get());
        }
        out.count(&name::JOURNAL_BYTES, &[], self.bytes.get());
        out.level(&name::JOURNAL_QUEUE, &[], self.queued.get().cast_unsigned());
        out.level(&name::JOURNAL_WAITING, &[], self.waiting.get().cast_unsigned());
        out.level(&name::JOURNAL_FULL, &[], self.full.get().cast_unsigned());
        out.level(&name::JOURNAL_FREE, &[], self.free.get().cast_unsigned());
        out.timing(&name::JOURNAL_SYNC_SECONDS, &[], &self.sync.lock());
    }
}

/// The health of one address of an application, as all cores see it.
#[derive(Debug)]
pub struct HealthSeries {
    app: String,
    address: String,
    /// 1 while active checks find it well, or there are none.
    pub up: Gauge,
    /// 1 while it is left alone.
    pub ejected: Gauge,
    /// How often it was left alone.
    pub ejections: Counter,
    /// Checks that found it well.
    pub checks_passed: Counter,
    /// Checks that did not.
    pub checks_failed: Counter,
}

impl HealthSeries {
    fn render(&self, out: &mut Exposition) {
        let labels = [self.app.as_str(), self.address.as_str()];
        out.level(&name::UPSTREAM_UP, &labels, self.up.get().cast_unsigned());
        out.level(&name::UPSTREAM_EJECTED, &labels, self.ejected.get().cast_unsigned());
        out.count(&name::UPSTREAM_EJECTIONS, &labels, self.ejections.get());
        out.count(&name::UPSTREAM_CHECKS, &[&self.app, &self.address, "passed"], self.checks_passed.get());
        out.count(&name::UPSTREAM_CHECKS, &[&self.app, &self.address, "failed"], self.checks_failed.get());
    }
}

/// The metrics of the process. One value, shared by all threads.
#[derive(Debug)]
pub struct Metrics {
    shards: Mutex<Vec<Arc<Shard>>>,
    route_limit: usize,
    reloads: [ReloadSeries; 4],
    revision: Mutex<Option<(Revision, RuleCounts)>>,
    certificates: Mutex<Vec<(String, Timestamp)>>,
    health: Mutex<Vec<Weak<HealthSeries>>>,
    /// The journal's numbers.
    pub journal: JournalSeries,
}

impl Metrics {
    /// How many routes get a series of their own on a core, unless it is set otherwise.
    pub const ROUTE_LIMIT: usize = 10_000;

    /// Empty metrics; routes beyond `route_limit` on a core are counted together as `other`.
    #[must_use]
    pub fn new(route_limit: usize) -> Arc<Self> {
        Arc::new(Self {
            shards: Mutex::default(),
            route_limit,
            reloads: Default::default(),
            revision: Mutex::default(),
            certificates: Mutex::default(),
            health: Mutex::default(),
            journal: JournalSeries::new(),
        })
    }

    /// The counters of the calling core; called once on each.
    #[must_use]
    pub fn core(&self) -> CoreMetrics {
        let shard = Arc::new(Shard::new());
        self.shards.lock().push(Arc::clone(&shard));
        CoreMetrics::new(shard, self.route_limit)
    }

    /// A reload succeeded at `now` and took `took`.
    pub fn reload_succeeded(&self, part: ReloadPart, now: Timestamp, took: Duration) {
        if let Some(series) = self.reloads.get(part as usize) {
            series.succeeded.increment();
            series.last_success.set(now.as_micros());
            series.failing_since.set(0);
            series.micros.set(i64::try_from(took.as_micros()).unwrap_or(i64::MAX));
        }
    }

    /// A reload failed at `now`; the old state goes on.
    pub fn reload_failed(&self, part: ReloadPart, now: Timestamp) {
        if let Some(series) = self.reloads.get(part as usize) {
            series.failed.increment();
            if series.failing_since.get() == 0 {
                series.failing_since.set(now.as_micros());
            }
        }
    }

    /// Since when reloads of `part` fail; `None` while all is well.
    #[must_use]
    pub fn failing_since(&self, part: ReloadPart) -> Option<Timestamp> {
        let since = self.reloads.get(part as usize)?.failing_since.get();
        (since != 0).then_some(Timestamp::from_micros(since))
    }

    /// The rule set that decides from now on.
    pub fn set_revision(&self, revision: Revision, counts: RuleCounts) {
        *self.revision.lock() = Some((revision, counts));
    }

    /// The certificates that are served from now on, each with its end.
    pub fn set_certificates(&self, certificates: Vec<(String, Timestamp)>) {
        *self.certificates.lock() = certificates;
    }

    /// The health of an address; shown for as long as it is held.
    #[must_use]
    pub fn health(&self, app: &str, address: &str) -> Arc<HealthSeries> {
        let series = Arc::new(HealthSeries {
            app: app.to_owned(),
            address: address.to_owned(),
            up: Gauge::default(),
            ejected: Gauge::default(),
            ejections: Counter::default(),
            checks_passed: Counter::default(),
            checks_failed: Counter::default(),
        });
        series.up.set(1);
        self.health.lock().push(Arc::downgrade(&series));
        series
    }

    /// All metrics in the text format of Prometheus, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let mut out = Exposition::default();
        out.add(&name::BUILD_INFO, &[env!("CARGO_PKG_VERSION")], 1.0);
        for shard in self.shards.lock().iter() {
            shard.render(&mut out);
        }
        for ((_, part), series) in ReloadPart::ALL.iter().zip(&self.reloads) {
            out.count(&name::RELOADS, &[part, "success"], series.succeeded.get());
            out.count(&name::RELOADS, &[part, "failure"], series.failed.get());
            out.add(&name::RELOAD_SUCCESS_TIME, &[part], seconds(series.last_success.get()));
            out.add(&name::RELOAD_FAILING_SINCE, &[part], seconds(series.failing_since.get()));
            out.add(&name::RELOAD_SECONDS, &[part], seconds(series.micros.get()));
        }
        if let Some((revision, counts)) = self.revision.lock().as_ref() {
            out.add(&name::REVISION_INFO, &[revision.as_str()], 1.0);
            out.count(&name::RULE_ROUTES, &["enforce"], count(counts.enforced));
            out.count(&name::RULE_ROUTES, &["observe"], count(counts.observed));
            out.count(&name::RULE_SUBJECTS, &[], count(counts.subjects));
        }
        for (certificate, end) in self.certificates.lock().iter() {
            out.add(&name::CERTIFICATE_EXPIRY, &[certificate], seconds(end.as_micros()));
        }
        self.health.lock().retain(|series| series.upgrade().inspect(|series| series.render(&mut out)).is_some());
        self.journal.render(&mut out);
        out.encode()
    }
}

#[allow(clippy::cast_precision_loss)] // microseconds since 1970 are below 2^53
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Outcome, Reason};
    use crate::telemetry::{Event, Level, UpstreamFailure, name};

    fn text(metrics: &Metrics) -> String {
        String::from_utf8(metrics.render()).unwrap()
    }

    #[test]
    fn the_cores_are_merged() {
        let metrics = Metrics::new(10);
        let (one, two) = (metrics.core(), metrics.core());
        for core in [&one, &two] {
            core.route("wms", "stock.list").decided(Outcome::Permit, Reason::Granted, Duration::from_micros(2));
            core.route("wms", "stock.list").decided(Outcome::Refuse, Reason::OutOfScope, Duration::from_micros(2));
            core.count(Event::Tls13);
        }
        let held = one.open(Level::Request);
        let rendered = text(&metrics);
        for line in [
            r#"scopegate_decisions_total{app="wms",route="stock.list",outcome="permit",reason="granted"} 2"#,
            r#"scopegate_decisions_total{app="wms",route="stock.list",outcome="refuse",reason="out-of-scope"} 2"#,
            r#"scopegate_refusals_total{class="scope"} 2"#,
            r#"scopegate_decision_duration_seconds_bucket{app="wms",le="0.0000025"} 4"#,
            r#"scopegate_decision_duration_seconds_count{app="wms"} 4"#,
            r#"scopegate_tls_handshakes_total{version="1.3"} 2"#,
            "scopegate_requests_in_flight 1",
        ] {
            assert!(rendered.lines().any(|l| l == line), "{line}\n{rendered}");
        }
        drop(held);
        assert!(text(&metrics).contains("\nscopegate_requests_in_flight 0\n"));
    }

    #[test]
    fn label_values_that_run_together_stay_apart() {
        let metrics = Metrics::new(10);
        let core = metrics.core();
        core.route("ab", "c").decided(Outcome::Permit, Reason::Granted, Duration::ZERO);
        core.route("a", "bc").decided(Outcome::Permit, Reason::Granted, Duration::ZERO);
        assert_eq!(text(&metrics).matches("scopegate_decisions_total{").count(), 2);
    }

    #[test]
    fn routes_beyond_the_limit_are_counted_together() {
        let metrics = Metrics::new(2);
        let core = metrics.core();
        for i in 0..50 {
            core.route("wms", &format!("r{i}")).decided(Outcome::Permit, Reason::Public, Duration::ZERO);
        }
        let rendered = text(&metrics);
        assert_eq!(rendered.matches("scopegate_decisions_total{").count(), 3);
        assert!(rendered.contains(r#"route="other",outcome="permit",reason="public"} 48"#), "{rendered}");
    }

    #[test]
    fn a_failed_reload_shows_since_when() {
        let metrics = Metrics::new(1);
        metrics.reload_failed(ReloadPart::Rules, Timestamp::from_micros(5_000_000));
        metrics.reload_failed(ReloadPart::Rules, Timestamp::from_micros(9_000_000));
        assert!(text(&metrics).contains(r#"scopegate_reload_failing_since_timestamp_seconds{part="rules"} 5"#));
        metrics.reload_succeeded(ReloadPart::Rules, Timestamp::from_micros(10_000_000), Duration::from_millis(30));
        assert_eq!(metrics.failing_since(ReloadPart::Rules), None);
        assert!(text(&metrics).contains(r#"scopegate_reload_duration_seconds{part="rules"} 0.03"#));
    }

    #[test]
    fn an_address_is_shown_while_it_is_held() {
        let metrics = Metrics::new(1);
        let core = metrics.core();
        let address = core.address("wms", "http://a:80");
        address.begun(true);
        address.failed(UpstreamFailure::Timeout);
        let health = metrics.health("wms", "http://a:80");
        let rendered = text(&metrics);
        assert!(
            rendered.contains(r#"_failures_total{app="wms",address="http://a:80",cause="timeout"} 1"#),
            "{rendered}"
        );
        assert!(rendered.contains(r#"scopegate_upstream_up{app="wms",address="http://a:80"} 1"#));
        drop((address, health));
        assert!(!text(&metrics).contains("http://a:80"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn cpu_time_is_told_finer_than_in_seconds() {
        let rendered = text(&Metrics::new(1));
        let told =
            rendered.lines().find_map(|line| line.strip_prefix("process_cpu_seconds_total ")?.parse::<f64>().ok());
        assert!(told.is_some_and(|seconds| seconds.fract() > 0.0), "{told:?}");
    }

    #[test]
    fn every_defined_metric_is_rendered() {
        let metrics = Metrics::new(1);
        let core = metrics.core();
        core.route("", "").decided(Outcome::Observed, Reason::NoRoute, Duration::ZERO);
        let _held = (core.address("a", "b"), metrics.health("a", "b"), core.lookup("a", "b"));
        metrics.set_revision(Revision::new("0123"), RuleCounts::default());
        metrics.set_certificates(vec![("wms.example.test".to_owned(), Timestamp::from_micros(1))]);
        let rendered = text(&metrics);
        for definition in name::ALL {
            assert!(rendered.contains(&format!("# TYPE {} ", definition.name)), "{}", definition.name);
        }
        #[cfg(target_os = "linux")]
        for name in name::PROCESS {
            assert!(rendered.contains(&format!("# TYPE {name} ")), "{name}");
        }
    }
}
