//! What a record says: plain structs for decisions, outcomes and administration, and how they become one JSON line; no I/O.

use super::line::Line;
use crate::model::{Device, Outcome, Reason, RequestId, Timestamp};
use std::net::IpAddr;
use std::ops::Deref;

/// A decision about one request. Everything is borrowed for the call that appends it; nothing is kept.
///
/// Lists are flat pairs; pairs of the same name that stand side by side become one array in the record.
/// The secrets in `target`, `parameters` and `detail` are replaced before they come here.
#[derive(Clone, Copy, Debug)]
pub struct DecisionRecord<'a> {
    /// When the head of the request was complete.
    pub time: Timestamp,
    /// The request.
    pub request: RequestId,
    /// Revision of the rules that decided.
    pub revision: &'a str,
    /// Sequence number of the people data that decided.
    pub people: u64,
    /// Who asked; `None` where that could not be told.
    pub subject: Option<&'a str>,
    /// The identity source that told so.
    pub source: Option<&'a str>,
    /// The role that decided.
    pub role: Option<&'a str>,
    /// The assignment that decided.
    pub assignment: Option<&'a str>,
    /// The application.
    pub app: Option<&'a str>,
    /// The route.
    pub route: Option<&'a str>,
    /// The permission asked for.
    pub permission: Option<&'a str>,
    /// Bound scope values: (dimension, value).
    pub scope: &'a [(&'a str, &'a str)],
    /// The method as sent.
    pub method: &'a str,
    /// Version of HTTP, for example `HTTP/1.1`.
    pub protocol: &'a str,
    /// The host as sent.
    pub host: &'a [u8],
    /// The target with the values of secret parameters replaced; raw bytes where it could not be parsed.
    pub target: &'a [u8],
    /// What was decided.
    pub decision: Outcome,
    /// Why.
    pub reason: Reason,
    /// Details for the administrator; empty where there are none.
    pub detail: &'a str,
    /// The client's address; `None` where the connection has none (a Unix socket).
    pub client: Option<IpAddr>,
    /// The addresses that `client` was derived from, nearest first. A record without them was derived from the connection's own
    /// address, which is `client` then.
    pub chain: &'a [IpAddr],
    /// The device.
    pub device: Option<&'a ShownDevice>,
    /// The keyed hash of the session; its first 128 bits are written, in hex.
    pub session: Option<&'a [u8]>,
    /// Judged parameters other than scope, secrets replaced: (location or name, value).
    pub parameters: &'a [(&'a str, &'a str)],
    /// Parameters that the gateway filled in: (location or name, value).
    pub filled: &'a [(&'a str, &'a str)],
    /// Parameters that the gateway narrowed: (location or name, remaining value).
    pub narrowed: &'a [(&'a str, &'a str)],
    /// What was looked up: (lookup, `key: values (source)`).
    pub lookups: &'a [(&'a str, &'a str)],
    /// Obligations applied.
    pub obligations: &'a [&'a str],
    /// Parameters that the rule does not name and that it refuses: (place, name).
    pub unnamed: &'a [(&'a str, &'a str)],
}

impl<'a> DecisionRecord<'a> {
    /// A record with what every request has; the other fields are empty, to be set by the caller.
    #[must_use]
    pub fn new(time: Timestamp, request: RequestId, decision: Outcome, reason: Reason) -> Self {
        Self {
            time,
            request,
            revision: "",
            people: 0,
            subject: None,
            source: None,
            role: None,
            assignment: None,
            app: None,
            route: None,
            permission: None,
            scope: &[],
            method: "",
            protocol: "",
            host: b"",
            target: b"",
            decision,
            reason,
            detail: "",
            client: None,
            chain: &[],
            device: None,
            session: None,
            parameters: &[],
            filled: &[],
            narrowed: &[],
            lookups: &[],
            obligations: &[],
            unnamed: &[],
        }
    }
}

/// A device as records show it. One that many requests come from is written once for all of them.
#[derive(Clone, Debug, Default)]
pub struct ShownDevice {
    device: Device,
    written: Option<Box<[u8]>>,
}

impl ShownDevice {
    /// The same, written now.
    #[must_use]
    pub fn written(device: Device) -> Self {
        let mut line = Line::new(0);
        line.device(",\"device\":", &device);
        Self { device, written: Some(line.bytes().into()) }
    }
}

impl From<Device> for ShownDevice {
    fn from(device: Device) -> Self {
        Self { device, written: None }
    }
}

impl Deref for ShownDevice {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.device
    }
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Completion {
    /// The whole answer was handed to the client's connection.
    Complete,
    /// The client went away first.
    ClientAborted,
    /// The application broke off its answer; the client saw an aborted stream.
    UpstreamAborted,
    /// A deadline passed in the middle.
    TimedOut,
    /// The gateway closed the stream: rights ended, or it stopped.
    Closed,
    /// Written by recovery: the process ended before the outcome was known.
    Unknown,
}

impl Completion {
    /// The name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::ClientAborted => "client-aborted",
            Self::UpstreamAborted => "upstream-aborted",
            Self::TimedOut => "timed-out",
            Self::Closed => "closed",
            Self::Unknown => "unknown",
        }
    }
}

/// What became of a request, at the end of its answer's body or stream.
#[derive(Clone, Copy, Debug)]
pub struct OutcomeRecord<'a> {
    /// When the exchange ended.
    pub time: Timestamp,
    /// The request.
    pub request: RequestId,
    /// Status of the application's answer; `None` where it was not asked or gave none.
    pub upstream_status: Option<u16>,
    /// The address of the application's server.
    pub upstream: Option<&'a str>,
    /// Status of the answer to the client; `None` where there was none.
    pub answer_status: Option<u16>,
    /// A reason that arose after the decision (an upstream fault, a record that could not be written).
    pub reason: Option<Reason>,
    /// Details for the administrator; empty where there are none.
    pub detail: &'a str,
    /// What a filter did to the answer.
    pub filtered: Option<Filtered>,
    /// Body bytes from the client.
    pub bytes_in: u64,
    /// Body bytes to the client.
    pub bytes_out: u64,
    /// Microseconds from the complete head to the decision.
    pub decision_micros: u64,
    /// Microseconds from the forwarded head to the head of the application's answer.
    pub upstream_micros: Option<u64>,
    /// Microseconds from the complete head to the end.
    pub total_micros: u64,
    /// How it ended.
    pub completion: Completion,
}

/// What a filter did to an answer, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filtered {
    /// Rows that were let through.
    pub kept: u64,
    /// Rows that were left out.
    pub hidden: u64,
    /// Fields that were masked or removed.
    pub masked: u64,
}

impl OutcomeRecord<'_> {
    /// An outcome with nothing counted; the other fields are to be set by the caller.
    #[must_use]
    pub fn new(time: Timestamp, request: RequestId, completion: Completion) -> Self {
        Self {
            time,
            request,
            upstream_status: None,
            upstream: None,
            answer_status: None,
            reason: None,
            detail: "",
            filtered: None,
            bytes_in: 0,
            bytes_out: 0,
            decision_micros: 0,
            upstream_micros: None,
            total_micros: 0,
            completion,
        }
    }
}

/// Bytes of a session's hash that records show: enough to tell all sessions apart. The program compares it with nothing.
const SESSION_BYTES: usize = 16;

/// Something that becomes one line of the journal.
pub(super) trait Entry {
    /// The value of `kind`.
    const KIND: &'static str;
    /// The value of `time`.
    fn time(&self) -> Timestamp;
    /// Writes every further member, each with its leading comma.
    fn members(&self, line: &mut Line);
}

impl Entry for DecisionRecord<'_> {
    const KIND: &'static str = "decision";

    fn time(&self) -> Timestamp {
        self.time
    }

    fn members(&self, line: &mut Line) {
        line.request(self.request);
        line.plain(",\"decision\":\"", self.decision.as_str());
        line.plain("\",\"reason\":\"", self.reason.code());
        line.raw(b"\"");
        line.text_unless_empty(",\"detail\":", self.detail);
        line.text_unless_empty(",\"revision\":", self.revision);
        line.number(",\"people\":", self.people);
        line.optional(",\"subject\":", self.subject);
        line.optional(",\"source\":", self.source);
        line.optional(",\"role\":", self.role);
        line.optional(",\"assignment\":", self.assignment);
        line.optional(",\"app\":", self.app);
        line.optional(",\"route\":", self.route);
        line.optional(",\"permission\":", self.permission);
        line.pairs(",\"scope\":", self.scope);
        line.text(",\"method\":", self.method);
        line.target(",\"host\":", self.host);
        line.target(",\"target\":", self.target);
        line.text_unless_empty(",\"protocol\":", self.protocol);
        if let Some(client) = self.client {
            line.raw(b",\"client\":");
            line.address(client);
        }
        if self.client.is_none_or(|client| self.chain != [client]) {
            line.addresses(",\"chain\":", self.chain);
        }
        match self.device {
            Some(ShownDevice { written: Some(written), .. }) => line.raw(written),
            Some(ShownDevice { device, .. }) => line.device(",\"device\":", device),
            None => {}
        }
        if let Some(session) = self.session {
            line.hex(",\"session\":", session.get(..SESSION_BYTES).unwrap_or(session));
        }
        line.pairs(",\"parameters\":", self.parameters);
        line.pairs(",\"filled\":", self.filled);
        line.pairs(",\"narrowed\":", self.narrowed);
        line.pairs(",\"lookups\":", self.lookups);
        line.list(",\"obligations\":", self.obligations);
        line.pairs(",\"unnamed\":", self.unnamed);
    }
}

impl Entry for OutcomeRecord<'_> {
    const KIND: &'static str = "outcome";

    fn time(&self) -> Timestamp {
        self.time
    }

    fn members(&self, line: &mut Line) {
        line.request(self.request);
        line.plain(",\"completion\":\"", self.completion.as_str());
        line.raw(b"\"");
        if let Some(status) = self.upstream_status {
            line.number(",\"upstream_status\":", status.into());
        }
        line.optional(",\"upstream\":", self.upstream);
        if let Some(status) = self.answer_status {
            line.number(",\"answer_status\":", status.into());
        }
        if let Some(reason) = self.reason {
            line.plain(",\"late_reason\":\"", reason.code());
            line.raw(b"\"");
        }
        line.text_unless_empty(",\"late_detail\":", self.detail);
        if let Some(filtered) = &self.filtered {
            line.number(",\"rows_kept\":", filtered.kept);
            line.number(",\"rows_hidden\":", filtered.hidden);
            line.number(",\"fields_masked\":", filtered.masked);
        }
        line.number(",\"bytes_in\":", self.bytes_in);
        line.number(",\"bytes_out\":", self.bytes_out);
        line.number(",\"decision_micros\":", self.decision_micros);
        if let Some(micros) = self.upstream_micros {
            line.number(",\"upstream_micros\":", micros);
        }
        line.number(",\"total_micros\":", self.total_micros);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(record: &DecisionRecord<'_>) -> serde_json::Value {
        let mut line = Line::new(1024);
        record.members(&mut line);
        let members = std::str::from_utf8(line.bytes()).unwrap().strip_prefix(',').unwrap();
        serde_json::from_str(&format!("{{{members}}}")).unwrap()
    }

    fn record() -> DecisionRecord<'static> {
        DecisionRecord::new(Timestamp::default(), RequestId::new(7, 1), Outcome::Permit, Reason::Granted)
    }

    #[test]
    fn the_addresses_before_the_client_are_written_unless_it_is_the_connection_itself() {
        let (proxy, client) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([192, 0, 2, 7]));
        let chain =
            |chain: &[IpAddr]| written(&DecisionRecord { client: Some(client), chain, ..record() })["chain"].clone();
        assert_eq!(chain(&[client]), serde_json::Value::Null);
        assert_eq!(chain(&[proxy, client]), serde_json::json!(["10.0.0.1", "192.0.2.7"]));
        assert_eq!(chain(&[proxy]), serde_json::json!(["10.0.0.1"]));
    }

    #[test]
    fn a_session_is_shown_by_its_first_128_bits() {
        let hash: Vec<u8> = (0..32).collect();
        let session = |hash| written(&DecisionRecord { session: Some(hash), ..record() })["session"].clone();
        assert_eq!(session(&hash), "000102030405060708090a0b0c0d0e0f");
        assert_eq!(session(&hash[..2]), "0001");
    }
}
