//! The decision: rules, people, time and a request in, one judgement out; pure, total, and never silent about its reason.
//!
//! Every way out carries a reason. An error anywhere refuses. One judging of a request is `pass`'s.

use super::binding;
use super::detail::Detail;
use super::judgement::{Change, ChangeKind, Judgement};
use super::obligation::Obligation;
use super::pass::Pass;
use super::trace::{Silent, Step, Trace};
use crate::lookup::Facts;
use crate::model::{Device, Outcome, Reason, SubjectId, Timestamp};
use crate::request::{Location, Misfit, ParamError, ParamType, RequestView};
use crate::rules::{App, Route, RuleSet, Subject};
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
    /// What is known of the objects that the request names.
    pub facts: &'a Facts,
}

/// A request together with what was decided of it. Only this can be sealed, so that nothing else is forwarded than what
/// was judged, to the application that it was judged for.
#[derive(Debug)]
pub struct Judged<'q, 'h> {
    pub(super) judgement: Judgement,
    pub(super) view: RequestView<'h>,
    pub(super) app: &'q Arc<App>,
    pub(super) route: &'q Arc<Route>,
    pub(super) obligation: Option<Obligation>,
}

impl<'h> Judged<'_, 'h> {
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
pub fn decide<'q, 'h>(question: &Question<'q>, view: RequestView<'h>) -> Judged<'q, 'h> {
    decide_traced(question, view, &mut Silent)
}

/// Decides as [`decide()`] does, and lets `trace` see every step.
#[must_use]
pub fn decide_traced<'q, 'h, T: Trace>(
    question: &Question<'q>,
    mut view: RequestView<'h>,
    trace: &mut T,
) -> Judged<'q, 'h> {
    let mut changes = Vec::new();
    let judgement = loop {
        let mut pass = Pass::new(question, &view, trace);
        match pass.run() {
            Err(Refusal { reason, detail }) => {
                let mut judgement = Judgement::refused(reason, detail);
                judgement.permission = pass.permission;
                judgement.effect = pass.effect();
                judgement.scope = binding::wanted(question, &view);
                judgement.changes = changes;
                break judgement;
            }
            Ok(()) if pass.changes.is_empty() => break pass.settle(changes),
            // INVARIANT: a completed request has nothing left to change; if it had, that would be refused.
            Ok(()) if !changes.is_empty() => {
                break Judgement::refused(Reason::InternalFault, Detail::text("the completed request is not complete"));
            }
            Ok(()) => changes = std::mem::take(&mut pass.changes),
        }
        drop(pass);
        trace.step(Step::Changed(&changes));
        if let Err(refusal) = apply(question.route, &mut view, &changes) {
            break Judgement::refused(refusal.reason, refusal.detail);
        }
    };
    if judgement.outcome == Outcome::Refuse {
        trace.step(Step::Refused(judgement.reason, &judgement.detail));
    }
    let obligation = if judgement.outcome() == Outcome::Permit { Obligation::of(question, &judgement) } else { None };
    Judged { judgement, view, app: question.app, route: question.route, obligation }
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
    #[cold]
    pub(super) fn new(reason: Reason, detail: Detail) -> Self {
        Self { reason, detail }
    }

    #[cold]
    pub(super) fn parameter(place: &Location, error: ParamError) -> Self {
        Self::new(error.reason(), Detail::Parameter { place: Box::new(place.clone()), error: Box::new(error) })
    }

    #[cold]
    pub(super) fn repeated(place: &Location) -> Self {
        Self::new(Reason::AmbiguousParameter, Detail::Repeated(Box::new(place.clone())))
    }

    #[cold]
    pub(super) fn misfit(place: &Location, misfit: Misfit) -> Self {
        if misfit == Misfit::Several {
            return Self::repeated(place);
        }
        Self::new(Reason::ParameterType, Detail::Misfit { place: Box::new(place.clone()), misfit: Box::new(misfit) })
    }
}
