//! Which records somebody asks for: terms on any field, read from the command line; looks at records, reads no files.

use super::line::Line;
use super::read::Kind;
use crate::model::Timestamp;
use ipnet::IpNet;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::net::IpAddr;

/// A record as read: a decision with what is known of its outcome, an outcome alone, or an event of administration.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The members of the record by name.
    pub fields: Map<String, Value>,
}

impl Entry {
    /// Reads a line of the journal; `None` where it is none.
    #[must_use]
    pub fn read(line: &[u8], run: &str) -> Option<Self> {
        let mut fields: Map<String, Value> = serde_json::from_slice(line).ok()?;
        fields.shift_remove("hash");
        fields.insert("run".into(), run.into());
        Some(Self { fields })
    }

    /// Adds what an outcome says.
    pub(super) fn join(&mut self, outcome: Self) {
        for (name, value) in outcome.fields {
            match name.as_str() {
                "kind" | "seq" | "node" | "core" | "request" | "run" => {}
                "time" => drop(self.fields.insert("outcome_time".into(), value)),
                _ => drop(self.fields.insert(name, value)),
            }
        }
    }

    /// The value at a dotted path, for example `scope.warehouse`. Names that hold dots themselves are found too.
    #[must_use]
    pub fn value(&self, path: &str) -> Option<&Value> {
        find(&self.fields, path)
    }

    /// The value at a dotted path as text; lists with commas.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<Cow<'_, str>> {
        Some(plain(self.value(path)?))
    }
}

fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Array(values) => Cow::Owned(values.iter().map(plain).collect::<Vec<_>>().join(",")),
        other => Cow::Owned(other.to_string()),
    }
}

fn find<'a>(fields: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    fields.get(path).or_else(|| {
        path.match_indices('.').find_map(|(dot, _)| {
            let inner = fields.get(path.get(..dot)?)?.as_object()?;
            find(inner, path.get(dot + 1..)?)
        })
    })
}

/// The fields that only an outcome has.
const OF_OUTCOME: &[&str] = &[
    "completion",
    "upstream_status",
    "upstream",
    "answer_status",
    "late_reason",
    "late_detail",
    "bytes_in",
    "bytes_out",
    "decision_micros",
    "upstream_micros",
    "total_micros",
    "outcome_time",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Is,
    IsNot,
    Contains,
    Below,
    AtMost,
    Above,
    AtLeast,
}

/// One condition: `FIELD=VALUE`, or with `!=`, `~` (contains), `<`, `<=`, `>`, `>=`.
///
/// A list matches when one of its elements does. `*` at an end of the value stands for anything, a network (`10.1.0.0/16`) for its
/// addresses, no value at all for an absent field.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    field: String,
    operator: Operator,
    value: String,
    network: Option<IpNet>,
}

/// Why a text is not a condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a condition: write FIELD=VALUE (or !=, ~, <, <=, >, >=), for example `scope.warehouse=HF`")]
pub struct TermError(String);

impl std::str::FromStr for Term {
    type Err = TermError;

    fn from_str(text: &str) -> Result<Self, TermError> {
        let wrong = || TermError(text.to_owned());
        let at = text.find(['=', '!', '~', '<', '>']).ok_or_else(wrong)?;
        let (field, rest) = text.split_at_checked(at).ok_or_else(wrong)?;
        let operators = [
            ("!=", Operator::IsNot),
            ("<=", Operator::AtMost),
            (">=", Operator::AtLeast),
            ("=", Operator::Is),
            ("~", Operator::Contains),
            ("<", Operator::Below),
            (">", Operator::Above),
        ];
        let found = operators.iter().find_map(|(sign, operator)| Some((*operator, rest.strip_prefix(sign)?)));
        let (operator, value) = found.filter(|_| !field.is_empty()).ok_or_else(wrong)?;
        Ok(Self::new(field, operator, value))
    }
}

impl Term {
    fn new(field: &str, operator: Operator, value: &str) -> Self {
        let network = value.contains('/').then(|| value.parse().ok()).flatten();
        Self { field: field.to_owned(), operator, value: value.to_owned(), network }
    }

    /// The condition that a field has a value.
    #[must_use]
    pub fn is(field: &str, value: &str) -> Self {
        Self::new(field, Operator::Is, value)
    }

    /// Whether an outcome must be at hand to judge it.
    pub(super) fn of_outcome(&self) -> bool {
        OF_OUTCOME.contains(&self.field.as_str())
    }

    /// Bytes that every line holds that fulfils the condition.
    fn trace(&self) -> Option<Vec<u8>> {
        let literal = self.operator == Operator::Is && self.network.is_none() && !self.of_outcome();
        let quoted = self.value.parse::<f64>().is_err() && !matches!(self.value.as_str(), "" | "true" | "false");
        // The run is the name of a directory and stands only in the heads of segments.
        (literal && quoted && !self.value.contains('*') && self.field != "run").then(|| {
            let mut line = Line::new(0);
            line.quoted(&self.value);
            line.bytes().to_vec()
        })
    }

    /// Whether a record fulfils the condition.
    #[must_use]
    pub fn matches(&self, entry: &Entry) -> bool {
        let value = entry.value(&self.field);
        match self.operator {
            Operator::IsNot => !self.is_value(value),
            Operator::Is => self.is_value(value),
            _ => value.is_some_and(|value| self.compares(value)),
        }
    }

    fn is_value(&self, value: Option<&Value>) -> bool {
        match value {
            None | Some(Value::Null) => self.value.is_empty(),
            Some(Value::Array(values)) => values.iter().any(|value| self.is_value(Some(value))),
            Some(value) => self.fits(&plain(value)),
        }
    }

    fn fits(&self, text: &str) -> bool {
        if let Some(network) = self.network
            && let Ok(address) = text.parse::<IpAddr>()
        {
            return network.contains(&address);
        }
        match (self.value.strip_prefix('*'), self.value.strip_suffix('*')) {
            (Some(""), _) => true,
            (Some(rest), Some(_)) => text.contains(rest.strip_suffix('*').unwrap_or(rest)),
            (Some(end), None) => text.ends_with(end),
            (None, Some(start)) => text.starts_with(start),
            (None, None) => text == self.value,
        }
    }

    fn compares(&self, value: &Value) -> bool {
        if let Value::Array(values) = value {
            return values.iter().any(|value| self.compares(value));
        }
        let text = plain(value);
        if self.operator == Operator::Contains {
            return text.contains(&self.value);
        }
        let order = match (text.parse::<f64>(), self.value.parse::<f64>()) {
            (Ok(one), Ok(other)) => one.partial_cmp(&other),
            _ => Some(text.as_ref().cmp(self.value.as_str())),
        };
        order.is_some_and(|order| match self.operator {
            Operator::Below => order.is_lt(),
            Operator::AtMost => order.is_le(),
            Operator::Above => order.is_gt(),
            _ => order.is_ge(),
        })
    }
}

/// Everything that is asked of a record.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    terms: Vec<Term>,
    traces: Vec<Vec<u8>>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Filter {
    /// Records that fulfil all `terms`, from `since` (inclusive) to `until` (exclusive).
    #[must_use]
    pub fn new(terms: Vec<Term>, since: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        let traces = terms.iter().filter_map(Term::trace).collect();
        Self { terms, traces, since, until }
    }

    /// The beginning of the time asked for.
    #[must_use]
    pub const fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// The end of the time asked for.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Whether a condition concerns the outcome.
    #[must_use]
    pub(super) fn needs_outcome(&self) -> bool {
        self.terms.iter().any(Term::of_outcome)
    }

    /// Whether a line can match; cheap, and never false for one that does.
    pub(super) fn may_match(&self, line: &[u8], time: Timestamp) -> bool {
        self.since.is_none_or(|since| time >= since)
            && self.until.is_none_or(|until| time < until)
            && self.traces.iter().all(|trace| memchr::memmem::find(line, trace).is_some())
    }

    /// Whether a record fulfils the conditions that need no outcome.
    pub(super) fn matches_decision(&self, entry: &Entry) -> bool {
        self.terms.iter().filter(|term| !term.of_outcome()).all(|term| term.matches(entry))
    }

    /// Whether a record fulfils all conditions.
    #[must_use]
    pub fn matches(&self, entry: &Entry) -> bool {
        self.terms.iter().all(|term| term.matches(entry))
    }
}

/// Which kinds of lines somebody asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// Decisions and administration.
    #[default]
    All,
    /// Decisions only.
    Decisions,
    /// Administration only.
    Administration,
}

impl Wanted {
    pub(super) fn holds(self, kind: Kind) -> bool {
        match self {
            Self::All => matches!(kind, Kind::Decision | Kind::Admin),
            Self::Decisions => kind == Kind::Decision,
            Self::Administration => kind == Kind::Admin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let line = br#"{"kind":"decision","seq":7,"subject":"keeper.hf","client":"10.1.2.3","people":12,
            "scope":{"warehouse":["HF","SH"]},"parameters":{"a.b":["x"]},"device":{"kind":"phone"},"hash":"h"}"#;
        Entry::read(line, "r").unwrap()
    }

    #[test]
    fn terms_match_as_they_read() {
        for yes in [
            "subject=keeper.hf",
            "subject!=picker.hf",
            "subject=keeper.*",
            "subject=*hf",
            "subject=*r.h*",
            "subject~hf",
            "scope.warehouse=HF",
            "scope.warehouse=SH",
            "client=10.1.0.0/16",
            "client=10.1.2.3",
            "people>9",
            "people<=12",
            "device.kind=phone",
            "parameters.a.b=x",
            "role=",
            "run=r",
        ] {
            assert!(yes.parse::<Term>().unwrap().matches(&entry()), "{yes}");
        }
        for no in [
            "subject=keeper",
            "subject=",
            "scope.warehouse=BJ",
            "scope.warehouse!=HF",
            "client=10.2.0.0/16",
            "people>100",
            "role=keeper",
            "role<z",
        ] {
            assert!(!no.parse::<Term>().unwrap().matches(&entry()), "{no}");
        }
        for wrong in ["subject", "=x", "subject!x", ""] {
            assert!(wrong.parse::<Term>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_value_with_a_quote_leaves_the_trace_that_stands_in_the_line() {
        let filter = Filter::new(vec![Term::is("subject", "o\"neil")], None, None);
        let time = Timestamp::from_micros(0);
        assert!(filter.may_match(br#"{"subject":"o\"neil"}"#, time));
        assert!(!filter.may_match(br#"{"subject":"oneil"}"#, time));
    }
}
