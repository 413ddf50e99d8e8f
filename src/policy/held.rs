//! What is left of a decision that only the answer completes: the assignments that grant it, and what was asked already. Pure; the
//! answer itself is read elsewhere.

use super::detail::Detail;
use super::judgement::{Bound, Deciding};
use super::pass::Places;
use super::reach::{Reach, reach};
use super::scope::{Ask, Asked};
use super::trace::Silent;
use crate::lookup::Values;
use crate::model::Reason;
use crate::rules::{DimensionId, LookedUp, Route, RuleSet, Subject};
use smallvec::{SmallVec, smallvec};

/// A decision that waits for the answer.
#[derive(Clone, Debug)]
pub struct Held {
    granting: Places,
    asked: SmallVec<[Asked; 3]>,
    open: SmallVec<[(DimensionId, LookedUp); 1]>,
}

/// What the answer completed.
#[derive(Clone, Debug)]
pub struct Completed {
    /// The assignments that decided.
    pub deciding: SmallVec<[Deciding; 2]>,
    /// The values that the answer told.
    pub scope: SmallVec<[Bound; 2]>,
}

impl Held {
    pub(super) fn new(granting: Places, asked: &[Asked], open: &[(DimensionId, LookedUp)]) -> Self {
        Self { granting, asked: asked.into(), open: open.into() }
    }

    /// How the answer is read. One answer tells of one lookup only.
    #[must_use]
    pub fn lookup(&self) -> Option<LookedUp> {
        self.open.first().map(|(_, looked_up)| *looked_up)
    }

    /// Judges what the answer told of the object.
    ///
    /// # Errors
    /// The reason and the detail of the refusal.
    pub fn judge(
        &self,
        rules: &RuleSet,
        route: &Route,
        subject: &Subject,
        values: &Values,
    ) -> Result<Completed, (Reason, Detail)> {
        let mut asked = self.asked.clone();
        let mut told: SmallVec<[Bound; 2]> = SmallVec::new();
        for (id, looked_up) in &self.open {
            let (Some(dimension), Some(value)) =
                (rules.catalog.dimension(*id), values.get(usize::from(looked_up.attribute)))
            else {
                return Err((Reason::LookupFailed, Detail::text("the attribute was not looked up")));
            };
            asked.push(Asked { dimension: *id, ask: Ask::All(smallvec![dimension.value_id(value)]) });
            told.push(Bound { dimension: *id, values: smallvec![value.clone()], unlimited: false });
        }
        let deciding = |&at: &u32| {
            let found = subject.assignments.get(at as usize)?;
            Some(Deciding { assignment: at, role: found.role })
        };
        let deciding = match reach(route, subject, &self.granting, &asked, &mut Silent) {
            Reach::Whole(at) => deciding(&at).into_iter().collect(),
            Reach::United(cut) => cut.from.iter().filter_map(deciding).collect(),
            Reach::Limited(dimension) => return Err((Reason::ScopeUnbound, Detail::Limited(dimension))),
            Reach::Several(_) | Reach::Nowhere => {
                let value = told.first().and_then(|bound| Some((bound.dimension, bound.values.first()?.clone())));
                return Err((Reason::OutOfScope, Detail::Outside(value)));
            }
        };
        Ok(Completed { deciding, scope: told })
    }
}
