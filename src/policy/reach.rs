//! Whose rights reach: the subject's standing, the assignments that grant the permission, and the one box that holds what is asked
//! for. The same for requests and for streams that are judged again; never reads a parameter.

use super::binding::Binding;
use super::decide::{Asker, Question, Refusal};
use super::detail::Detail;
use super::judgement::Deciding;
use super::pass::{Pass, Places};
use super::scope::{self, Asked, Choice, Cut, Fit};
use super::trace::{Relevance, Step, Trace};
use crate::model::{Reason, Timestamp};
use crate::rules::{
    Assignment, Catalog, DimensionId, PermissionId, Route, ScopeRule, Standing, Status, Subject, ValueSet,
};

impl<'a, T: Trace> Pass<'a, '_, T> {
    /// The subject is known, not frozen, and within the time of its account.
    pub(super) fn standing(&mut self) -> Result<&'a Subject, Refusal> {
        let subject = standing(self.question.asker, self.question.now)?;
        self.trace.step(Step::Subject(subject));
        Ok(subject)
    }

    /// Assignments grant the permission now.
    pub(super) fn grants(&mut self, subject: &'a Subject, permission: PermissionId) -> Result<(), Refusal> {
        let Question { rules, now, .. } = self.question;
        granting(&rules.catalog, subject, permission, *now, &mut self.granting, self.trace)
    }

    /// One box of these assignments, or several united, holds what is bound.
    pub(super) fn reach(&mut self, subject: &'a Subject, binding: &Binding<'a>) -> Result<(), Refusal> {
        match reach(self.question.route, subject, &self.granting, binding.asked(), self.trace) {
            Reach::Whole(at) => {
                binding.bound(None, &mut self.scope);
                self.decides(subject, at);
                Ok(())
            }
            Reach::United(cut) => {
                self.trace.step(Step::United(&cut.from));
                binding.complete(&cut, &mut self.changes)?;
                binding.bound(Some(&cut), &mut self.scope);
                cut.from.iter().for_each(|&at| self.decides(subject, at));
                Ok(())
            }
            Reach::Several(position) => Err(binding.ambiguous(position)),
            Reach::Limited(dimension) => Err(Refusal::new(Reason::ScopeUnbound, Detail::Limited(dimension))),
            Reach::Nowhere => {
                Err(Refusal::new(Reason::OutOfScope, binding.outside(self.question.app, subject, &self.granting)))
            }
        }
    }

    /// Notes that an assignment takes part in the decision.
    fn decides(&mut self, subject: &Subject, at: u32) {
        if let Some(found) = subject.assignments.get(at as usize) {
            self.deciding.push(Deciding { assignment: at, role: found.role });
        }
    }
}

/// The subject, where it is known, not frozen, and within the time of its account.
///
/// # Errors
/// Why it may not act.
pub(super) fn standing(asker: Asker<'_>, now: Timestamp) -> Result<&Subject, Refusal> {
    let subject = match asker {
        Asker::Anonymous => return Err(Refusal::new(Reason::Unauthenticated, Detail::Nobody)),
        Asker::Stranger(id) => return Err(Refusal::new(Reason::UnknownSubject, Detail::Stranger(id.clone()))),
        Asker::Known(subject) => subject,
    };
    match (subject.status, subject.standing(now)) {
        (Status::Frozen, _) => Err(Refusal::new(Reason::Frozen, Detail::None)),
        (_, Standing::Ended) => Err(Refusal::new(Reason::AccountEnded, ended(subject.until))),
        (_, Standing::NotBegun) => Err(Refusal::new(Reason::AccountNotBegun, begins(subject.from))),
        (Status::Active, Standing::Valid) => Ok(subject),
    }
}

/// Puts the assignments of `subject` that grant the permission now behind `places`, which are none yet.
///
/// # Errors
/// Where there is none.
pub(super) fn granting<T: Trace>(
    catalog: &Catalog,
    subject: &Subject,
    permission: PermissionId,
    now: Timestamp,
    places: &mut Places,
    trace: &mut T,
) -> Result<(), Refusal> {
    let (mut ended, mut begins) = (None, None);
    for (at, assignment) in (0_u32..).zip(&subject.assignments) {
        let role = catalog.role(assignment.role);
        let relevance = if role.is_some_and(|role| role.permissions.contains(permission)) {
            match assignment.standing(now) {
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
        trace.step(Step::Assignment(assignment, relevance));
    }
    match (places.is_empty(), begins, ended) {
        (false, ..) => Ok(()),
        (true, Some(at), _) => Err(Refusal::new(Reason::AssignmentNotBegun, Detail::BeginsAt(at))),
        (true, None, Some(at)) => Err(Refusal::new(Reason::AssignmentEnded, Detail::EndedAt(at))),
        (true, None, None) => Err(Refusal::new(Reason::NotGranted, Detail::NotGranted(permission))),
    }
}

/// How far the boxes of some assignments reach.
pub(super) enum Reach {
    /// The box of this assignment holds all that is asked for.
    Whole(u32),
    /// This box does, cut to what is asked for and perhaps united from several.
    United(Cut),
    /// Several do, and differ in the bound dimension at this position.
    Several(usize),
    /// None does; one would, but it is limited in a dimension that the route neither binds nor ignores.
    Limited(DimensionId),
    /// None does.
    Nowhere,
}

/// One box of the assignments in `granting`, or several united, that holds what is asked for.
pub(super) fn reach<T: Trace>(
    route: &Route,
    subject: &Subject,
    granting: &Places,
    asked: &[Asked],
    trace: &mut T,
) -> Reach {
    let assignment = |at: u32| subject.assignments.get(at as usize);
    let (mut whole, mut limited, mut parts) = (None, None, Places::new());
    for &at in granting {
        let Some(assignment) = assignment(at) else { continue };
        let relevance = relevance(route, assignment, asked);
        trace.step(Step::Assignment(assignment, relevance));
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
        return Reach::Whole(at);
    }
    let cut = |&at: &u32| Cut::new(at, &assignment(at)?.scope, asked);
    match scope::choose(parts.iter().filter_map(cut).collect(), asked) {
        Choice::One(cut) => Reach::United(cut),
        Choice::Several(position) => Reach::Several(position),
        Choice::None => limited.map_or(Reach::Nowhere, Reach::Limited),
    }
}

fn relevance(route: &Route, assignment: &Assignment, asked: &[Asked]) -> Relevance {
    match scope::fit(&assignment.scope, asked) {
        Fit::Omits(dimension) => Relevance::Omits(dimension),
        Fit::Outside(dimension) => Relevance::Outside(dimension),
        fit @ (Fit::Whole | Fit::Part) => match loose_limit(route, assignment) {
            Some(dimension) => Relevance::Limited(dimension),
            None if let Some(dimension) = rowless(route, assignment) => Relevance::Omits(dimension),
            None if fit == Fit::Whole => Relevance::Whole,
            None => Relevance::Part,
        },
    }
}

/// A dimension by which rows are kept, and of which the box says nothing, so that it would keep none.
fn rowless(route: &Route, assignment: &Assignment) -> Option<DimensionId> {
    let rule = route.answer.as_ref()?;
    rule.dimensions.iter().copied().find(|&dimension| assignment.scope.limit(dimension).is_none())
}

/// A dimension that the box limits, and that the route neither binds nor ignores nor keeps rows by.
fn loose_limit(route: &Route, assignment: &Assignment) -> Option<DimensionId> {
    let named = |dimension| {
        route.keeps_rows_by(dimension) || route.scope.iter().any(|rule: &ScopeRule| rule.dimension() == dimension)
    };
    let limited = |(_, values): &&(DimensionId, ValueSet)| !matches!(values, ValueSet::All);
    assignment.scope.limits().iter().filter(limited).map(|(dimension, _)| *dimension).find(|&d| !named(d))
}

fn ended(until: Option<Timestamp>) -> Detail {
    until.map_or(Detail::None, Detail::EndedAt)
}

fn begins(from: Option<Timestamp>) -> Detail {
    from.map_or(Detail::None, Detail::BeginsAt)
}
