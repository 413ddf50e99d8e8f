//! One judging of a request as it stands: what the rule says of its body, parameters, operation and conditions, in the order in
//! which a refusal is told. Whose rights reach is `reach`'s; what is changed and judged again is `decide`'s.

use super::binding::Binding;
use super::condition::{self, Moment};
use super::decide::{Question, Refusal};
use super::detail::Detail;
use super::handle::{Readings, elements};
use super::judgement::{Awaited, Bound, Change, ChangeKind, Deciding, Judgement};
use super::operation;
use super::trace::{Step, Trace};
use crate::lookup::Found;
use crate::model::{Effect, Outcome, Reason};
use crate::request::{
    ContentTypes, Elements, Location, Noted, ParamType, ParamValues, RequestView, check_override, folds_to,
};
use crate::rules::{Authority, BodyRule, Condition, Others, PermissionId, Subject};
use compact_str::CompactString;
use smallvec::SmallVec;

/// The assignments that decide.
pub(super) type Grant = SmallVec<[Deciding; 2]>;

/// Assignments of the subject by place.
pub(super) type Places = SmallVec<[u32; 16]>;

/// One judging of the request as it stands.
pub(super) struct Pass<'a, 'h, T> {
    pub(super) question: &'a Question<'a>,
    pub(super) view: &'a RequestView<'h>,
    pub(super) trace: &'a mut T,
    readings: Readings<'a>,
    /// The parameters of the query that the route was seen to name.
    noted: Noted,
    pub(super) permission: Option<PermissionId>,
    /// The assignments that grant the permission now.
    pub(super) granting: Places,
    pub(super) deciding: Grant,
    pub(super) scope: SmallVec<[Bound; 2]>,
    pub(super) changes: Vec<Change>,
    pub(super) awaited: Option<Box<Awaited>>,
}

impl<'a, 'h, T: Trace> Pass<'a, 'h, T> {
    pub(super) fn new(question: &'a Question<'a>, view: &'a RequestView<'h>, trace: &'a mut T) -> Self {
        let (readings, noted) = (Readings::default(), Noted::default());
        let (granting, deciding, scope) = (Places::new(), Grant::new(), SmallVec::new());
        let (permission, changes, awaited) = (None, Vec::new(), None);
        Self { question, view, trace, readings, noted, permission, granting, deciding, scope, changes, awaited }
    }

    /// The steps, in the order in which a refusal is told.
    pub(super) fn run(&mut self) -> Result<(), Refusal> {
        if let Some(subject) = self.entitled()? {
            for fact in self.question.facts.iter() {
                self.trace.step(Step::Fact { app: self.question.app, fact });
            }
            let mut binding = Binding::new(self.question.route);
            binding.read(self.question, self.view, &self.readings)?;
            self.reach(subject, &binding)?;
            self.hold(&binding)?;
        }
        self.conditions()
    }

    /// Everything up to the scope: who asks may act, the request is one that the rule expects, and assignments of this subject grant
    /// what it asks for. `None` on a public route.
    pub(super) fn entitled(&mut self) -> Result<Option<&'a Subject>, Refusal> {
        // Who may not act at all is told nothing of what the rule expects.
        let subject = match self.question.route.authority {
            Authority::Public => None,
            Authority::Permission(_) | Authority::Selector(_) => Some(self.standing()?),
        };
        self.body()?;
        self.permission = self.operation()?;
        self.parameters()?;
        self.others()?;
        match (self.permission, subject) {
            (Some(permission), Some(subject)) => {
                self.grants(subject, permission)?;
                Ok(Some(subject))
            }
            _ => Ok(None),
        }
    }

    /// Notes of what only the answer tells.
    fn hold(&mut self, binding: &Binding<'a>) -> Result<(), Refusal> {
        if !binding.is_held() {
            return Ok(());
        }
        let refuse = |text: &str| Err(Refusal::new(Reason::LookupFailed, Detail::text(text)));
        // SECURITY: what changes something has happened by the time that it is answered.
        if self.effect() != Effect::None {
            return refuse("only an operation that changes nothing can be judged by its answer");
        }
        let mut held = self.question.facts.iter().filter(|fact| fact.found == Found::Held);
        let (Some(fact), None) = (held.next(), held.next()) else {
            // SECURITY: what the answer tells of one object says nothing of another (`an_answer_judges_one_object_only`).
            return refuse("the request names several objects, and one answer tells of one");
        };
        self.awaited = Some(Box::new(Awaited { lookup: fact.lookup, key: fact.key.clone() }));
        Ok(())
    }

    pub(super) fn effect(&self) -> Effect {
        let catalog = &self.question.rules.catalog;
        self.permission.and_then(|id| catalog.permission(id)).map_or(Effect::Change, |entry| entry.effect)
    }

    /// The judgement of a request that is complete; a refusal where it asks for what its answer hides.
    pub(super) fn settle(&mut self, changes: Vec<Change>) -> Judgement {
        let (permission, effect) = (self.permission, self.effect());
        let (outcome, reason) = match (&self.awaited, permission) {
            (Some(_), _) => (Outcome::Held, Reason::AnswerAwaited),
            (None, Some(_)) => (Outcome::Permit, Reason::Granted),
            (None, None) => (Outcome::Permit, Reason::Public),
        };
        let judgement = Judgement {
            outcome,
            reason,
            detail: Detail::None,
            permission,
            effect,
            deciding: std::mem::take(&mut self.deciding),
            scope: std::mem::take(&mut self.scope),
            changes,
            awaited: self.awaited.take(),
        };
        match self.keys(&judgement) {
            Ok(()) => judgement,
            Err(Refusal { reason, detail }) => judgement.into_refusal(reason, detail),
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
                let (place, permission) = operation::select(selector, self.question.app, self.view)?;
                (Some(place), Some(permission))
            }
        };
        self.trace.step(Step::Operation { place, permission });
        Ok(permission)
    }

    /// Whether the parameter selects the operation by being there, also where it is empty.
    fn is_button(&self, place: &Location) -> bool {
        matches!(&self.question.route.authority, Authority::Selector(selector) if selector.is_button(place))
    }

    /// Every parameter that the rule names stands once (or is a list) and is spelled as its type has it.
    fn parameters(&mut self) -> Result<(), Refusal> {
        for rule in &self.question.route.params {
            let place = &rule.location;
            if rule.kind.as_ref().is_some_and(ParamType::is_file) {
                self.view.check_files(place).map_err(|error| Refusal::parameter(place, error))?;
                self.readings.push(None);
                continue;
            }
            let values =
                self.view.values_noting(place, &mut self.noted).map_err(|error| Refusal::parameter(place, error))?;
            if values.is_absent() {
                if !matches!(values, ParamValues::Absent) && !self.is_button(place) && !place.is_every() {
                    self.changes.push(Change { place: place.clone(), kind: ChangeKind::Removed, values: Vec::new() });
                }
                self.readings.push(Some(Elements::new()));
                continue;
            }
            self.readings.push(Some(elements(place, &values, rule.kind.as_ref())?));
            let secret = T::THOROUGH && self.question.app.secrets.is_secret(place.name());
            self.trace.step(Step::Parameter { place, secret, values: values.as_slice() });
        }
        Ok(())
    }

    /// The single values that stand at a place.
    pub(super) fn at(&self, place: &Location) -> Result<Elements<'a>, Refusal> {
        self.readings.at(self.question.route, self.view, place)
    }

    /// Parameters that the rule does not name are refused where it says so, and everywhere where they change the method.
    fn others(&mut self) -> Result<(), Refusal> {
        let route = self.question.route;
        let named = route.params.iter().map(|rule| &rule.location);
        let unnamed = self.view.unnamed_but(named.clone(), self.noted);
        // SECURITY: a framework that obeys `X-HTTP-Method-Override` runs another operation than the one that was judged
        // (`a_method_override_never_reaches_the_application`).
        check_override(self.view, named, &unnamed)
            .map_err(|error| Refusal::new(error.reason(), Detail::text(error)))?;
        if route.others == Others::Refuse && !unnamed.is_empty() {
            return Err(Refusal::new(Reason::UnknownParameter, Detail::unnamed(unnamed)));
        }
        Ok(())
    }

    /// Every condition of the rule that counts for the permission holds.
    fn conditions(&mut self) -> Result<(), Refusal> {
        for (at, condition) in self.question.route.conditions.iter().enumerate() {
            let (condition, applies) = condition::within(condition, self.permission);
            if applies {
                self.condition(at, condition)?;
            }
            self.trace.step(Step::Condition { at, condition, applies });
        }
        Ok(())
    }

    fn condition(&self, at: usize, condition: &Condition) -> Result<(), Refusal> {
        let Question { app, now, client, device, .. } = *self.question;
        let shown = |location: &Location, value: &str| Detail::excerpt(app, location, value);
        match condition::holds(condition, &Moment { now, client, device }, |place| self.at(place), shown)? {
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
