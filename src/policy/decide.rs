//! The decision: rules, people, time and a request in, one judgement out; pure, total, and never silent about its reason.
//!
//! Every way out carries a reason. An error anywhere refuses.

use super::binding::{Binding, elements};
use super::detail::Detail;
use super::judgement::{Bound, Change, ChangeKind, Deciding, Judgement};
use super::scope::{self, Choice, Cut, Fit};
use super::trace::{Relevance, Silent, Step, Trace};
use crate::model::{Device, Effect, Outcome, Reason, SubjectId, Timestamp};
use crate::request::{
    ContentTypes, Location, Misfit, ParamError, ParamType, ParamValues, RequestView, check_override, folds_to,
};
use crate::rules::condition::{device_holds, network_holds};
use crate::rules::{
    App, Assignment, Authority, BodyRule, Condition, DimensionId, Others, PermissionId, Route, RuleSet, ScopeRule,
    Standing, Status, Subject, ValueSet,
};
use compact_str::CompactString;
use smallvec::SmallVec;
use std::net::IpAddr;
use std::sync::Arc;

/// Who is asking, as identity found out.
#[derive(Clone, Copy, Debug)]
pub enum Asker<'a> {
    /// Nobody that any identity source knows.
    Anonymous,
    /// Somebody who is proved to be this, but is not among the people.
    Stranger(&'a SubjectId),
    /// One of the people, as of now: a freeze is already in its status.
    Known(&'a Subject),
}

/// Everything that a decision is made from but the request itself.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The rule set that governs this request.
    pub rules: &'a RuleSet,
    /// The application that the host named.
    pub app: &'a Arc<App>,
    /// The route that the target named.
    pub route: &'a Arc<Route>,
    /// Who is asking.
    pub asker: Asker<'a>,
    /// When.
    pub now: Timestamp,
    /// From which address.
    pub client: IpAddr,
    /// On which device.
    pub device: Option<&'a Device>,
}

/// A request together with what was decided of it. Only this can be sealed, so that nothing else is forwarded than what
/// was judged, to the application that it was judged for.
#[derive(Debug)]
pub struct Judged<'h> {
    pub(super) judgement: Judgement,
    pub(super) view: RequestView<'h>,
    pub(super) app: Arc<App>,
    pub(super) route: Arc<Route>,
}

impl<'h> Judged<'h> {
    /// The judgement.
    #[must_use]
    pub fn judgement(&self) -> &Judgement {
        &self.judgement
    }

    /// The request as it stands now: what was filled in and narrowed is in it.
    #[must_use]
    pub fn view(&self) -> &RequestView<'h> {
        &self.view
    }

    /// The judgement and the request, which can then no longer be sealed.
    #[must_use]
    pub fn into_parts(self) -> (Judgement, RequestView<'h>) {
        (self.judgement, self.view)
    }
}

/// Decides. The view must have been read with the dialect of the application, its captures put in and its body read
/// as far as the route judges it.
#[must_use]
pub fn decide<'h>(question: &Question<'_>, view: RequestView<'h>) -> Judged<'h> {
    decide_traced(question, view, &mut Silent)
}

/// Decides as [`decide()`] does, and lets `trace` see every step.
#[must_use]
pub fn decide_traced<'h, T: Trace>(question: &Question<'_>, mut view: RequestView<'h>, trace: &mut T) -> Judged<'h> {
    let mut changes = Vec::new();
    let judgement = loop {
        let mut pass = Pass::new(question, &view, trace);
        match pass.run() {
            Err(Refusal { reason, detail }) => {
                let mut judgement = Judgement::refused(reason, detail);
                judgement.permission = pass.permission;
                judgement.effect = pass.effect();
                judgement.changes = changes;
                break judgement;
            }
            Ok(grant) if pass.changes.is_empty() => break pass.judgement(grant, changes),
            // INVARIANT: a completed request has nothing left to change; if it had, that would be refused.
            Ok(_) if !changes.is_empty() => {
                break Judgement::refused(Reason::InternalFault, Detail::text("the completed request is not complete"));
            }
            Ok(_) => changes = std::mem::take(&mut pass.changes),
        }
        trace.step(Step::Changed(&changes));
        if let Err(refusal) = apply(question.route, &mut view, &changes) {
            break Judgement::refused(refusal.reason, refusal.detail);
        }
    };
    if judgement.outcome == Outcome::Refuse {
        trace.step(Step::Refused(judgement.reason, &judgement.detail));
    }
    Judged { judgement, view, app: Arc::clone(question.app), route: Arc::clone(question.route) }
}

fn apply(route: &Route, view: &mut RequestView<'_>, changes: &[Change]) -> Result<(), Refusal> {
    for change in changes {
        let kind = route.param(&change.place).and_then(|rule| rule.kind.as_ref()).unwrap_or(&ParamType::Text);
        let done = match change.kind {
            ChangeKind::Removed => view.remove(&change.place),
            ChangeKind::Filled | ChangeKind::Narrowed => view.set(&change.place, kind, &change.values),
        };
        done.map_err(|error| Refusal::parameter(&change.place, error))?;
    }
    Ok(())
}

/// A way out that refuses.
pub(super) struct Refusal {
    pub(super) reason: Reason,
    pub(super) detail: Detail,
}

impl Refusal {
    pub(super) fn new(reason: Reason, detail: Detail) -> Self {
        Self { reason, detail }
    }

    pub(super) fn parameter(place: &Location, error: ParamError) -> Self {
        Self::new(error.reason(), Detail::Parameter { place: Box::new(place.clone()), error: Box::new(error) })
    }

    pub(super) fn repeated(place: &Location) -> Self {
        Self::new(Reason::AmbiguousParameter, Detail::Repeated(Box::new(place.clone())))
    }

    pub(super) fn misfit(place: &Location, misfit: Misfit) -> Self {
        if misfit == Misfit::Several {
            return Self::repeated(place);
        }
        Self::new(Reason::ParameterType, Detail::Misfit { place: Box::new(place.clone()), misfit: Box::new(misfit) })
    }
}

/// The assignments that decide.
type Grant = SmallVec<[Deciding; 2]>;

/// Assignments of the subject by place.
type Places = SmallVec<[u32; 16]>;

/// One judging of the request as it stands.
struct Pass<'a, 'h, T> {
    question: &'a Question<'a>,
    view: &'a RequestView<'h>,
    trace: &'a mut T,
    permission: Option<PermissionId>,
    scope: SmallVec<[Bound; 2]>,
    changes: Vec<Change>,
}

impl<'a, 'h, T: Trace> Pass<'a, 'h, T> {
    fn new(question: &'a Question<'a>, view: &'a RequestView<'h>, trace: &'a mut T) -> Self {
        Self { question, view, trace, permission: None, scope: SmallVec::new(), changes: Vec::new() }
    }

    /// The steps, in the order in which a refusal is told.
    fn run(&mut self) -> Result<Grant, Refusal> {
        // Who may not act at all is told nothing of what the rule expects.
        let subject = match self.question.route.authority {
            Authority::Public => None,
            Authority::Permission(_) | Authority::Selector(_) => Some(self.standing()?),
        };
        self.body()?;
        self.permission = self.operation()?;
        self.parameters()?;
        self.others()?;
        let mut grant = Grant::new();
        if let (Some(permission), Some(subject)) = (self.permission, subject) {
            let granting = self.granting(subject, permission)?;
            let binding = Binding::read(self.question, self.view)?;
            grant = self.reach(subject, &granting, &binding)?;
        }
        self.conditions()?;
        Ok(grant)
    }

    fn effect(&self) -> Effect {
        let catalog = &self.question.rules.catalog;
        self.permission.and_then(|id| catalog.permission(id)).map_or(Effect::Change, |entry| entry.effect)
    }

    fn judgement(self, deciding: Grant, changes: Vec<Change>) -> Judgement {
        let effect = self.effect();
        let reason = if self.permission.is_some() { Reason::Granted } else { Reason::Public };
        let Self { permission, scope, .. } = self;
        Judgement {
            outcome: Outcome::Permit,
            reason,
            detail: Detail::None,
            permission,
            effect,
            deciding,
            scope,
            changes,
        }
    }

    /// A body is one that the rule expects, and was read where the rule judges it.
    fn body(&self) -> Result<(), Refusal> {
        if !self.view.is_body_unread() {
            return Ok(());
        }
        let route = self.question.route;
        let refuse = |text: &str| Err(Refusal::new(Reason::ContentTypeRefused, Detail::text(text)));
        match &route.body {
            BodyRule::None => refuse("the rule expects no body"),
            BodyRule::Judged { .. } => Err(Refusal::new(Reason::InternalFault, Detail::text("the body was not read"))),
            BodyRule::Stream { .. } if let Err(error) = self.view.check_body(&ContentTypes::default()) => {
                Err(Refusal::new(error.reason(), Detail::Body(Box::new(error))))
            }
            BodyRule::Stream { types, .. } if !is_listed(types, self.view)? => {
                refuse("the content type is not among those that the rule streams")
            }
            BodyRule::Stream { .. } if self.view.needs_body(route.params.iter().map(|rule| &rule.location)) => refuse(
                "the application would take parameters that the rule judges, or a method override, from this body: \
                 judge it by `accept`, or say by the dialect that the application does not",
            ),
            BodyRule::Stream { .. } => Ok(()),
        }
    }

    /// Which permission is asked for; `None` on a public route.
    fn operation(&mut self) -> Result<Option<PermissionId>, Refusal> {
        let (place, permission) = match &self.question.route.authority {
            Authority::Public => (None, None),
            Authority::Permission(permission) => (None, Some(*permission)),
            Authority::Selector(selector) => {
                let place = &selector.location;
                let values = self.view.values(place).map_err(|error| Refusal::parameter(place, error))?;
                let (found, value) = match &values {
                    ParamValues::Many(_) => return Err(Refusal::repeated(place)),
                    values if values.is_absent() => (selector.absent, None),
                    ParamValues::Absent => (selector.absent, None),
                    ParamValues::One(value) => (selector.cases.get(*value).copied(), Some(Detail::excerpt(value))),
                };
                let Some(permission) = found else {
                    let detail = Detail::Operation { place: Box::new(place.clone()), value };
                    return Err(Refusal::new(Reason::UnknownOperation, detail));
                };
                (Some(place), Some(permission))
            }
        };
        self.trace.step(Step::Operation { place, permission });
        Ok(permission)
    }

    /// Every parameter that the rule names stands once (or is a list) and is spelled as its type has it.
    fn parameters(&mut self) -> Result<(), Refusal> {
        for rule in &self.question.route.params {
            let place = &rule.location;
            if rule.kind.as_ref().is_some_and(ParamType::is_file) {
                self.view.check_files(place).map_err(|error| Refusal::parameter(place, error))?;
                continue;
            }
            let values = self.view.values(place).map_err(|error| Refusal::parameter(place, error))?;
            if values.is_absent() {
                if !matches!(values, ParamValues::Absent) {
                    self.changes.push(Change { place: place.clone(), kind: ChangeKind::Removed, values: Vec::new() });
                }
                continue;
            }
            elements(place, &values, rule.kind.as_ref())?;
            self.trace.step(Step::Parameter { place, secret: rule.secret, values: values.as_slice() });
        }
        Ok(())
    }

    /// Parameters that the rule does not name are refused where it says so, and everywhere where they change the method.
    fn others(&mut self) -> Result<(), Refusal> {
        let route = self.question.route;
        let named = route.params.iter().map(|rule| &rule.location);
        let unnamed = self.view.unnamed(named.clone());
        // SECURITY: a framework that obeys `X-HTTP-Method-Override` runs another operation than the one that was judged
        // (`a_method_override_never_reaches_the_application`).
        check_override(self.view, named, &unnamed)
            .map_err(|error| Refusal::new(error.reason(), Detail::text(error)))?;
        match (route.others, unnamed.into_iter().next()) {
            (Others::Refuse, Some(unnamed)) => {
                Err(Refusal::new(Reason::UnknownParameter, Detail::Unnamed(Box::new(unnamed))))
            }
            _ => Ok(()),
        }
    }

    /// The subject is known, not frozen, and within the time of its account.
    fn standing(&mut self) -> Result<&'a Subject, Refusal> {
        let subject = match self.question.asker {
            Asker::Anonymous => return Err(Refusal::new(Reason::Unauthenticated, Detail::Nobody)),
            Asker::Stranger(id) => return Err(Refusal::new(Reason::UnknownSubject, Detail::Stranger(id.clone()))),
            Asker::Known(subject) => subject,
        };
        match (subject.status, subject.standing(self.question.now)) {
            (Status::Frozen, _) => return Err(Refusal::new(Reason::Frozen, Detail::None)),
            (_, Standing::Ended) => return Err(Refusal::new(Reason::AccountEnded, ended(subject.until))),
            (_, Standing::NotBegun) => return Err(Refusal::new(Reason::AccountNotBegun, begins(subject.from))),
            (Status::Active, Standing::Valid) => {}
        }
        self.trace.step(Step::Subject(subject));
        Ok(subject)
    }

    /// The assignments that grant the permission now, by place.
    fn granting(&mut self, subject: &'a Subject, permission: PermissionId) -> Result<Places, Refusal> {
        let mut places = Places::new();
        let (mut ended, mut begins) = (None, None);
        for (at, assignment) in (0_u32..).zip(&subject.assignments) {
            let role = self.question.rules.catalog.role(assignment.role);
            let relevance = if role.is_some_and(|role| role.permissions.contains(permission)) {
                match assignment.standing(self.question.now) {
                    Standing::Valid => {
                        places.push(at);
                        continue;
                    }
                    // the latest end and the earliest beginning are the ones worth telling
                    Standing::Ended => {
                        ended = ended.max(assignment.until);
                        Relevance::Ended
                    }
                    Standing::NotBegun => {
                        begins = [begins, assignment.from].into_iter().flatten().min();
                        Relevance::NotBegun
                    }
                }
            } else {
                Relevance::NotGranting
            };
            self.trace.step(Step::Assignment(assignment, relevance));
        }
        match (places.is_empty(), begins, ended) {
            (false, ..) => Ok(places),
            (true, Some(at), _) => Err(Refusal::new(Reason::AssignmentNotBegun, Detail::BeginsAt(at))),
            (true, None, Some(at)) => Err(Refusal::new(Reason::AssignmentEnded, Detail::EndedAt(at))),
            (true, None, None) => Err(Refusal::new(Reason::NotGranted, Detail::NotGranted(permission))),
        }
    }

    /// One box of these assignments, or several united, holds what is bound.
    fn reach(&mut self, subject: &'a Subject, granting: &Places, binding: &Binding<'a>) -> Result<Grant, Refusal> {
        let assignment = |at: u32| subject.assignments.get(at as usize);
        let deciding = |at: u32| assignment(at).map(|found| Deciding { assignment: at, role: found.role });
        let (mut whole, mut limited, mut parts) = (None, None, Places::new());
        for &at in granting {
            let Some(assignment) = assignment(at) else { continue };
            let relevance = self.relevance(assignment, binding);
            self.trace.step(Step::Assignment(assignment, relevance));
            match relevance {
                Relevance::Whole => whole = whole.or(Some(at)),
                Relevance::Part => parts.push(at),
                Relevance::Limited(dimension) => limited = limited.or(Some(dimension)),
                _ => {}
            }
            if whole.is_some() && !T::THOROUGH {
                break;
            }
        }
        if let Some(at) = whole {
            self.scope = binding.bound(None);
            return Ok(deciding(at).into_iter().collect());
        }
        let cut = |&at: &u32| Cut::new(at, &assignment(at)?.scope, binding.asked());
        match scope::choose(parts.iter().filter_map(cut).collect(), binding.asked()) {
            Choice::One(cut) => {
                self.trace.step(Step::United(&cut.from));
                binding.complete(&cut, &mut self.changes)?;
                self.scope = binding.bound(Some(&cut));
                Ok(cut.from.iter().filter_map(|&at| deciding(at)).collect())
            }
            Choice::Several(position) => Err(binding.ambiguous(position)),
            Choice::None => Err(match limited {
                Some(dimension) => Refusal::new(Reason::ScopeUnbound, Detail::Limited(dimension)),
                None => Refusal::new(Reason::OutOfScope, binding.outside(subject, granting)),
            }),
        }
    }

    fn relevance(&self, assignment: &Assignment, binding: &Binding<'_>) -> Relevance {
        match scope::fit(&assignment.scope, binding.asked()) {
            Fit::Omits(dimension) => Relevance::Omits(dimension),
            Fit::Outside(dimension) => Relevance::Outside(dimension),
            fit @ (Fit::Whole | Fit::Part) => match self.loose_limit(assignment) {
                Some(dimension) => Relevance::Limited(dimension),
                None if fit == Fit::Whole => Relevance::Whole,
                None => Relevance::Part,
            },
        }
    }

    /// A dimension that the box limits, and that the route neither binds nor ignores.
    fn loose_limit(&self, assignment: &Assignment) -> Option<DimensionId> {
        let named = |dimension| self.question.route.scope.iter().any(|rule: &ScopeRule| rule.dimension() == dimension);
        let limited = |(_, values): &&(DimensionId, ValueSet)| !matches!(values, ValueSet::All);
        assignment.scope.limits().iter().filter(limited).map(|(dimension, _)| *dimension).find(|&d| !named(d))
    }

    /// Every condition of the rule that counts for the permission holds.
    fn conditions(&mut self) -> Result<(), Refusal> {
        for (at, condition) in self.question.route.conditions.iter().enumerate() {
            let mut inner = condition;
            let mut applies = true;
            while let Condition::On { permission: on, condition } = inner {
                applies &= self.permission == Some(*on);
                inner = condition;
            }
            if applies {
                self.condition(at, inner)?;
            }
            self.trace.step(Step::Condition { at, condition: inner, applies });
        }
        Ok(())
    }

    fn condition(&self, at: usize, condition: &Condition) -> Result<(), Refusal> {
        let holds = match condition {
            Condition::Time(calendar) => calendar.contains(self.question.now),
            Condition::Network(networks) => Ok(network_holds(networks, self.question.client)),
            Condition::Device { known, kinds } => Ok(device_holds(*known, kinds, self.question.device)),
            Condition::Param { location, test, absent } => {
                let values = self.view.values(location).map_err(|error| Refusal::parameter(location, error))?;
                let kind = self.question.route.param(location).and_then(|rule| rule.kind.as_ref());
                let values = elements(location, &values, kind)?;
                if values.is_empty() {
                    Ok(*absent)
                } else {
                    values.iter().try_fold(true, |all, value| Ok(test.holds(value)? && all))
                }
            }
            // INVARIANT: the caller has taken these apart.
            Condition::On { .. } => Ok(false),
        };
        match holds {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::new(Reason::ConditionFailed, Detail::Condition { at, error: None })),
            Err(error) => {
                Err(Refusal::new(Reason::ConditionError, Detail::Condition { at, error: Some(Box::new(error)) }))
            }
        }
    }
}

/// Whether the one content type is among `types`, in which `type/*` and `*/*` stand for many. No body type is none of them.
fn is_listed(types: &[CompactString], view: &RequestView<'_>) -> Result<bool, Refusal> {
    let mut fields = view.fields().filter(|(name, _)| folds_to(name, "content-type"));
    let (Some((_, value)), more) = (fields.next(), fields.next()) else {
        return Ok(types.iter().any(|listed| listed == "*/*"));
    };
    if more.is_some() {
        return Err(Refusal::new(Reason::RepeatedHeader, Detail::text("the content type is given more than once")));
    }
    let essence = value.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    let kind = essence.split(|&byte| byte == b'/').next().unwrap_or_default();
    Ok(types.iter().any(|listed| match listed.strip_suffix("/*") {
        Some("*") => true,
        Some(listed) => listed.as_bytes() == kind,
        None => listed.as_bytes() == essence,
    }))
}

fn ended(until: Option<Timestamp>) -> Detail {
    until.map_or(Detail::None, Detail::EndedAt)
}

fn begins(from: Option<Timestamp>) -> Detail {
    from.map_or(Detail::None, Detail::BeginsAt)
}
