//! What is known of one request on its way, gathered stage by stage and told to the record; judges nothing.

use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use compact_str::{CompactString, ToCompactString, format_compact};
use smallvec::SmallVec;
use tokio::time::Instant;

use super::core::Core;
use super::ending::Held;
use super::live::Governing;
use crate::audit::{DecisionRecord, Durability, JournalError, Pending, ShownDevice};
use crate::identity::client_addr::ClientAddr;
use crate::identity::session::SessionKey;
use crate::identity::source::SourceKind;
use crate::lookup::{Fact, Facts, Found, LookupId};
use crate::model::{Outcome, RequestId, SubjectId, Timestamp};
use crate::policy::{ChangeKind, Detail, Judgement, Obligation};
use crate::request::{
    Location, ParamValues, REDACTED, RequestView, SecretNames, Unnamed, redact_target, redact_target_into,
};
use crate::rules::{App, DimensionId, Route, ScopeRule};
use crate::wire::head::{RequestHead, ResponseHead};
use crate::wire::writer::AnswerHead;

/// The judged parameters that records show: where they stand, and their values with secrets replaced.
pub(super) type Parameters = Vec<(CompactString, CompactString)>;

/// One request on its way.
pub(super) struct Passage {
    /// Its number.
    pub id: RequestId,
    /// When its head was complete.
    pub time: Timestamp,
    /// The same on the clock that never jumps.
    pub begun: Instant,
    /// The rules and people that govern it to the end.
    pub live: Rc<Governing>,
    /// Where it comes from.
    pub client: ClientAddr,
    /// What it came on.
    pub device: Rc<ShownDevice>,
    /// The cookie that gives the device its identifier, where it has none yet.
    pub issue: Option<String>,
    /// Who asks.
    pub subject: Option<SubjectId>,
    /// The identity source that told so.
    pub source: Option<SourceKind>,
    /// The session that it came in.
    pub session: Option<SessionKey>,
    /// The application that its host named.
    pub app: Option<Arc<App>>,
    /// The route that its target named.
    pub route: Option<Arc<Route>>,
    /// What is known of the objects that it names.
    pub facts: Facts,
    /// Further objects that it changes; `None` for a key stands for all of a lookup's.
    pub forgets: Vec<(LookupId, Option<CompactString>)>,
    /// The heads of answers that the gateway got in the client's session on the way.
    pub won: Vec<ResponseHead>,
    /// Cookies of the application's that a page of the gateway's own sets.
    pub cookies: Vec<Vec<u8>>,
    /// How long the decision took.
    pub decided: Duration,
    /// Counts it as in flight until its end.
    pub open: Option<Held>,
}

impl Passage {
    /// How durable the decision must be before anything is forwarded.
    pub fn durability(&self, all_strict: bool) -> Durability {
        match self.route.as_ref().map(|route| route.audit) {
            Some(crate::rules::Durability::Strict) => Durability::Strict,
            _ if all_strict => Durability::Strict,
            _ => Durability::Written,
        }
    }

    /// The target of `head` as the record shows it.
    pub fn shown_target(&self, head: &RequestHead) -> String {
        self.redact(head.target())
    }

    /// Appends the target of `head` as the record shows it.
    pub fn show_target(&self, head: &RequestHead, out: &mut Vec<u8>) {
        redact_target_into(out, head.target(), self.secrets(), self.pattern());
    }

    /// A raw target with its secrets replaced: those of its route, or where that is not known of all the application's, or
    /// of all there are.
    pub fn redact(&self, target: &[u8]) -> String {
        redact_target(target, self.secrets(), self.pattern())
    }

    /// The path of its route as the rule writes it.
    fn pattern(&self) -> Option<&str> {
        self.route.as_ref().map(|route| route.pattern.text.as_str())
    }

    fn secrets(&self) -> &SecretNames {
        self.app.as_ref().map_or(&self.live.rules.secrets, |app| &app.secrets)
    }

    /// Gives the device its cookie where it has none yet, and the client the session that the application renewed on the way.
    pub fn add_cookies(&self, head: &mut AnswerHead) {
        for cookie in &self.cookies {
            // One that cannot stand in a head is left out.
            let _ = head.push("set-cookie", cookie);
        }
        if let Some(issue) = &self.issue {
            // The cookie is made of letters, digits and our own attributes.
            let _ = head.push("set-cookie", issue);
        }
    }

    /// What was looked up, as the record shows it: the lookup, and `key: values (source)`.
    fn shown_facts(&self) -> Changed {
        let (Some(app), Some(route)) = (&self.app, &self.route) else { return Changed::new() };
        let secret = |lookup: LookupId| {
            let mut ends = route.ends().filter(|end| end.lookup.is_some_and(|found| found.lookup == lookup));
            ends.any(|end| end.handle.places().any(|place| route.param(place).is_some_and(|rule| rule.secret)))
        };
        let show = |fact: &Fact| {
            let name = app.lookup(fact.lookup)?.name.clone();
            let key = if secret(fact.lookup) { REDACTED } else { fact.key.as_str() };
            // the parameter stands in the record as well
            let (key, cut) = match key.get(..key.floor_char_boundary(LONGEST_KEY)) {
                Some(begin) if begin.len() < key.len() => (begin, "…"),
                _ => (key, ""),
            };
            let (values, source) = match &fact.found {
                Found::Values(values) => (values.join(", "), fact.origin.as_str()),
                Found::Held => ("held".to_owned(), fact.origin.as_str()),
                Found::Unknown(_) => ("unknown".to_owned(), fact.origin.as_str()),
                Found::Failed(reason, _) => (reason.code().to_owned(), fact.origin.as_str()),
            };
            Some((name, format_compact!("{key}{cut}: {values} ({source})")))
        };
        self.facts.iter().filter_map(show).collect()
    }

    /// Appends the decision to the journal of `core`; it is not yet written when this returns.
    ///
    /// # Errors
    /// When the journal cannot hold it; nothing may be forwarded then.
    pub fn append(
        &self,
        core: &Core,
        head: &AskedHead<'_>,
        judgement: &Judgement,
        parameters: &Parameters,
    ) -> Result<Pending, JournalError> {
        let catalog = &self.live.rules.catalog;
        let scope = self.scope_values(judgement);
        let mut changes = Changes::of(judgement, self.secrets());
        let facts = self.shown_facts();
        let deciding = judgement.deciding().first();
        let assignment = deciding.and_then(|deciding| {
            let subject = self.live.people.subject(self.subject.as_ref()?)?;
            subject.assignments.get(usize::try_from(deciding.assignment).ok()?)
        });
        let mut detail = String::new();
        if !judgement.detail().is_none() {
            // Writing to a string cannot fail.
            let _ = write!(detail, "{}", judgement.detail().display(&self.live.rules));
        }
        let parameters: SmallVec<[(&str, &str); 8]> =
            listed(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let permission = judgement.permission().and_then(|id| catalog.permission(id));
        let unnamed: &[Unnamed] = if let Detail::Unnamed(unnamed) = judgement.detail() { unnamed } else { &[] };
        let unnamed: SmallVec<[(&str, &str); 2]> = listed(unnamed.iter().map(|one| (one.place, one.name.as_str())));
        let mut obligations = std::mem::take(&mut changes.removed);
        if let (Outcome::Permit, Some(route), Some(app)) = (judgement.outcome(), &self.route, &self.app) {
            obligations.extend(Obligation::names(route, app, catalog));
        }
        let record = DecisionRecord {
            revision: self.live.rules.revision.as_str(),
            people: self.live.people_now().sequence(),
            subject: self.subject.as_ref().map(SubjectId::as_str),
            source: self.source.map(SourceKind::as_str),
            role: deciding.and_then(|deciding| catalog.role(deciding.role)).map(|role| role.name.as_str()),
            assignment: assignment.map(|assignment| assignment.id.as_str()),
            app: self.app.as_ref().map(|app| app.name.as_str()),
            route: self.route.as_ref().map(|route| route.id.as_str()),
            permission: permission.map(|entry| entry.name.as_str()),
            scope: &scope,
            method: head.method,
            protocol: head.protocol,
            host: head.host,
            target: head.target,
            detail: &detail,
            client: Some(self.client.ip),
            chain: &self.client.chain,
            device: Some(&self.device),
            session: self.session.as_ref().map(|key| key.0.as_slice()),
            parameters: &parameters,
            filled: &Changes::pairs(&changes.filled),
            narrowed: &Changes::pairs(&changes.narrowed),
            lookups: &Changes::pairs(&facts),
            obligations: &listed::<[&str; 2]>(obligations.iter().map(CompactString::as_str)),
            unnamed: &unnamed,
            ..DecisionRecord::new(self.time, self.id, judgement.outcome(), judgement.reason())
        };
        core.journal.append(&record, self.durability(core.shared().strict))
    }

    fn scope_values<'a>(&'a self, judgement: &'a Judgement) -> SmallVec<[(&'a str, &'a str); 4]> {
        let secret = |dimension: DimensionId| {
            let rule = self.route.as_ref().and_then(|route| route.scope_rule(dimension));
            let mut places = rule.into_iter().flat_map(ScopeRule::places);
            places.any(|place| self.secrets().is_secret(place.name()))
        };
        let mut pairs = SmallVec::new();
        for bound in judgement.scope() {
            let dimension = self.live.rules.catalog.dimension(bound.dimension);
            let name = dimension.map_or("?", |dimension| dimension.name.as_str());
            if bound.unlimited {
                pairs.push((name, "*"));
            }
            if !bound.values.is_empty() && secret(bound.dimension) {
                pairs.push((name, REDACTED));
                continue;
            }
            bound.values.iter().for_each(|value| pairs.push((name, value.as_str())));
        }
        pairs
    }
}

/// A short list, for which `collect` does more than there is to put into it: most lists of a record are empty.
fn listed<A: smallvec::Array>(items: impl Iterator<Item = A::Item>) -> SmallVec<A> {
    let mut list = SmallVec::new();
    items.for_each(|item| list.push(item));
    list
}

/// The parts of a head that a record shows; the target with secrets replaced.
pub(super) struct AskedHead<'a> {
    pub method: &'a str,
    pub protocol: &'a str,
    pub host: &'a [u8],
    pub target: &'a [u8],
}

impl<'a> AskedHead<'a> {
    /// Of a head that was read.
    pub fn of(head: &'a RequestHead, target: &'a [u8]) -> Self {
        Self {
            method: head.method(),
            protocol: head.version().as_str(),
            host: head.authority().unwrap_or_default().as_bytes(),
            target,
        }
    }
}

type Changed = Vec<(CompactString, CompactString)>;

/// The bytes of an id that a record shows of what was looked up.
const LONGEST_KEY: usize = 256;

/// What the gateway changed in the request, as records tell it.
#[derive(Default)]
struct Changes {
    filled: Changed,
    narrowed: Changed,
    removed: Vec<CompactString>,
}

impl Changes {
    fn of(judgement: &Judgement, secrets: &SecretNames) -> Self {
        let mut changes = Self::default();
        for change in judgement.changes() {
            let place = change.place.to_compact_string();
            let into = match change.kind {
                ChangeKind::Filled => &mut changes.filled,
                ChangeKind::Narrowed => &mut changes.narrowed,
                ChangeKind::Removed => {
                    changes.removed.push(format_compact!("removed:{place}"));
                    continue;
                }
            };
            let show = |value| CompactString::from(secrets.redact(change.place.name(), value));
            into.extend(change.values.iter().map(|value| (place.clone(), show(value))));
        }
        changes
    }

    fn pairs(changed: &Changed) -> SmallVec<[(&str, &str); 2]> {
        listed(changed.iter().map(|(place, value)| (place.as_str(), value.as_str())))
    }
}

/// The parameters of the body that `route` names, for the record: those of the target are in the target.
pub(super) fn body_parameters(app: &App, route: &Route, view: &RequestView<'_>) -> Parameters {
    let mut found = Parameters::new();
    let in_body = |location: &Location| location.is_in_body() || matches!(location, Location::Param(_));
    for param in route.params.iter().filter(|param| in_body(&param.location)) {
        let name = param.location.name();
        let show =
            |value: &str| CompactString::from(if param.secret { REDACTED } else { app.secrets.redact(name, value) });
        match view.values(&param.location) {
            Ok(ParamValues::One(value)) => found.push((param.location.name().into(), show(value))),
            Ok(ParamValues::Many(values)) => {
                found.extend(values.iter().map(|value| (param.location.name().into(), show(value))));
            }
            // What could not be read is named by the reason of the refusal.
            Ok(ParamValues::Absent) | Err(_) => {}
        }
    }
    found
}
