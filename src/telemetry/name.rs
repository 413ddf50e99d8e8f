//! The names, kinds, labels and help of all metrics; a name is written nowhere else.

/// What a metric measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
}

/// One metric.
#[derive(Debug)]
pub struct Definition {
    /// The whole name: prefix, subject, base unit.
    pub name: &'static str,
    /// What it measures.
    pub kind: Kind,
    /// The names of its labels, in the order in which values are given.
    pub labels: &'static [&'static str],
    /// What a reader of the dashboard needs to know.
    pub help: &'static str,
}

macro_rules! definitions {
    ($($constant:ident = $name:literal, $kind:ident, [$($label:literal),*], $help:literal;)*) => {
        $(#[doc = $help] pub static $constant: Definition =
            Definition { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help };)*

        /// Every metric of the gateway; those of the process itself are listed in [`PROCESS`].
        pub static ALL: &[&Definition] = &[$(&$constant),*];
    };
}

definitions! {
    BUILD_INFO = "scopegate_build_info", Gauge, ["version"], "The version that runs; always 1.";
    REVISION_INFO = "scopegate_revision_info", Gauge, ["revision"], "The content hash of the rule set that decides; always 1.";
    RULE_ROUTES = "scopegate_rule_routes", Gauge, ["mode"], "Routes of the rule set, by mode; `observe` forwards what it would refuse.";
    RULE_SUBJECTS = "scopegate_rule_subjects", Gauge, [], "People and service accounts that are known.";

    DECISIONS = "scopegate_decisions_total", Counter, ["app", "route", "outcome", "reason"], "Decisions.";
    REFUSALS = "scopegate_refusals_total", Counter, ["class"], "Refusals, by failure class.";
    OBSERVED = "scopegate_observed_total", Counter, ["app", "reason"], "Requests forwarded by observe mode although the rules refuse them.";
    DECISION_SECONDS = "scopegate_decision_duration_seconds", Histogram, ["app"], "From the parsed head to the decision.";
    UPSTREAM_SECONDS = "scopegate_upstream_duration_seconds", Histogram, ["app"], "From the decision's record to the head of the application's answer.";
    REQUEST_SECONDS = "scopegate_request_duration_seconds", Histogram, ["app"], "From the head of the request to the end of the answer.";
    REQUESTS_IN_FLIGHT = "scopegate_requests_in_flight", Gauge, [], "Requests whose answer has not ended.";

    LOOKUPS = "scopegate_lookups_total", Counter, ["app", "lookup", "result"], "Objects looked up, by where it was found, or why it was not.";
    LOOKUP_SECONDS = "scopegate_lookup_duration_seconds", Histogram, ["app", "lookup"], "How long it took to find something out that was not known already.";

    CONNECTIONS = "scopegate_connections_total", Counter, ["protocol"], "Client connections accepted, by protocol.";
    CONNECTIONS_OPEN = "scopegate_connections_open", Gauge, ["protocol"], "Client connections that are open.";
    CONNECTIONS_REFUSED = "scopegate_connections_refused_total", Counter, ["cause"], "Client connections closed before a request was read.";
    CONNECTIONS_CUT = "scopegate_connections_cut_total", Counter, ["cause"], "Client connections ended by the gateway because of what the client did or left undone.";
    STREAMS_OPEN = "scopegate_streams_open", Gauge, [], "HTTP/2 streams that are open.";
    TUNNELS_OPEN = "scopegate_tunnels_open", Gauge, [], "Upgraded connections that are open.";
    TUNNELS_CLOSED = "scopegate_tunnels_closed_total", Counter, ["cause"], "Upgraded connections that ended, by cause.";
    HANDSHAKES = "scopegate_tls_handshakes_total", Counter, ["version"], "TLS handshakes completed, by protocol version.";
    HANDSHAKES_RESUMED = "scopegate_tls_handshakes_resumed_total", Counter, [], "Those TLS handshakes that resumed an earlier session.";
    HANDSHAKE_FAILURES = "scopegate_tls_handshake_failures_total", Counter, ["cause"], "TLS handshakes that failed, by cause.";
    CERTIFICATE_EXPIRY = "scopegate_certificate_expiry_timestamp_seconds", Gauge, ["certificate"], "When a certificate ends, in seconds since 1970.";

    RELOADS = "scopegate_reloads_total", Counter, ["part", "result"], "Reloads of rules, people, settings and certificates.";
    RELOAD_SUCCESS_TIME = "scopegate_reload_last_success_timestamp_seconds", Gauge, ["part"], "When a reload last succeeded, in seconds since 1970.";
    RELOAD_FAILING_SINCE = "scopegate_reload_failing_since_timestamp_seconds", Gauge, ["part"], "Since when reloads fail and the old state goes on, in seconds since 1970; 0 while all is well.";
    RELOAD_SECONDS = "scopegate_reload_duration_seconds", Gauge, ["part"], "How long the last successful reload took.";

    JOURNAL_RECORDS = "scopegate_journal_records_total", Counter, ["kind"], "Records written to the journal.";
    JOURNAL_BYTES = "scopegate_journal_bytes_total", Counter, [], "Bytes written to the journal.";
    JOURNAL_QUEUE = "scopegate_journal_queue_bytes", Gauge, [], "Bytes of records that wait to be written.";
    JOURNAL_WAITING = "scopegate_journal_waiting_requests", Gauge, [], "Requests that wait for their record to be written or synchronised.";
    JOURNAL_ERRORS = "scopegate_journal_errors_total", Counter, ["operation"], "Failures of the journal, by operation.";
    JOURNAL_SYNC_SECONDS = "scopegate_journal_sync_duration_seconds", Histogram, [], "How long a group synchronisation of the journal took.";
    JOURNAL_FULL = "scopegate_journal_full", Gauge, [], "1 while the disk is too full to record strict requests, 2 while it is too full for any.";
    JOURNAL_FREE = "scopegate_journal_free_bytes", Gauge, [], "Bytes left on the disk of the journal.";

    UPSTREAM_REQUESTS = "scopegate_upstream_requests_total", Counter, ["app", "address"], "Requests sent to an address, retries included.";
    UPSTREAM_IN_FLIGHT = "scopegate_upstream_in_flight", Gauge, ["app", "address"], "Requests that an address has not answered to the end.";
    UPSTREAM_FAILURES = "scopegate_upstream_failures_total", Counter, ["app", "address", "cause"], "Attempts that failed, by cause.";
    UPSTREAM_RETRIES = "scopegate_upstream_retries_total", Counter, ["app", "address"], "Attempts that followed a failed one.";
    UPSTREAM_CONNECTIONS = "scopegate_upstream_connections_total", Counter, ["app", "address"], "Connections made to an address.";
    UPSTREAM_REUSED = "scopegate_upstream_reused_total", Counter, ["app", "address"], "Requests sent on a connection from the pool.";
    UPSTREAM_IDLE = "scopegate_upstream_idle_connections", Gauge, ["app", "address"], "Connections that wait in the pool.";
    UPSTREAM_UP = "scopegate_upstream_up", Gauge, ["app", "address"], "1 while active checks find an address well, or there are none.";
    UPSTREAM_EJECTED = "scopegate_upstream_ejected", Gauge, ["app", "address"], "1 while an address is left alone after failures.";
    UPSTREAM_EJECTIONS = "scopegate_upstream_ejections_total", Counter, ["app", "address"], "How often an address was left alone.";
    UPSTREAM_CHECKS = "scopegate_upstream_health_checks_total", Counter, ["app", "address", "result"], "Active checks, by result.";
}

/// The names that the process collector gives (Linux only).
pub static PROCESS: &[&str] = &[
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_max_fds",
    "process_virtual_memory_bytes",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_threads",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_follow_the_conventions() {
        let mut seen = std::collections::BTreeSet::new();
        for definition in ALL {
            let name = definition.name;
            assert!(seen.insert(name), "{name} is defined twice");
            assert!(name.starts_with("scopegate_"), "{name}");
            assert_eq!(name.ends_with("_total"), definition.kind == Kind::Counter, "{name}");
            assert!(definition.kind != Kind::Histogram || name.ends_with("_seconds"), "{name}");
            assert!(definition.help.ends_with('.'), "{name}");
        }
    }
}
