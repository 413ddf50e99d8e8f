//! Whose rights reach: the subject's standing, the assignments that grant the permission, and the one box that holds what is asked
//! for. Never reads a parameter.

use super::binding::Binding;
use super::decide::{Asker, Refusal};
use super::detail::Detail;
use super::judgement::Deciding;
use super::pass::{Grant, Pass, Places};
use super::scope::{self, Choice, Cut, Fit};
use super::trace::{Relevance, Step, Trace};
use crate::model::{Reason, Timestamp};
use crate::rules::{Assignment, DimensionId, PermissionId, ScopeRule, Standing, Status, Subject, ValueSet};

impl<'a, T: Trace> Pass<'a, '_, T> {
    /// The subject is known, not frozen, and within the time of its account.
    pub(super) fn standing(&mut self) -> Result<&'a Subject, Refusal> {
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
    pub(super) fn granting(&mut self, subject: &'a Subject, permission: PermissionId) -> Result<Places, Refusal> {
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
    pub(super) fn reach(
        &mut self,
        subject: &'a Subject,
        granting: &Places,
        binding: &Binding<'a>,
    ) -> Result<Grant, Refusal> {
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
                None => Refusal::new(Reason::OutOfScope, binding.outside(self.question.app, subject, granting)),
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
}

fn ended(until: Option<Timestamp>) -> Detail {
    until.map_or(Detail::None, Detail::EndedAt)
}

fn begins(from: Option<Timestamp>) -> Detail {
    from.map_or(Detail::None, Detail::BeginsAt)
}
