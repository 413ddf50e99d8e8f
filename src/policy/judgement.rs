//! What a decision came to, with everything that the record tells of it; says nothing to the person who asked.

use super::detail::Detail;
use crate::lookup::LookupId;
use crate::model::{Effect, Outcome, Reason};
use crate::request::Location;
use crate::rules::{DimensionId, PermissionId, RoleId};
use compact_str::CompactString;
use smallvec::SmallVec;

/// An assignment that took part in a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deciding {
    /// Its place in [`crate::rules::Subject::assignments`].
    pub assignment: u32,
    /// Its role.
    pub role: RoleId,
}

/// The values that were bound in a dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The dimension.
    pub dimension: DimensionId,
    /// The values, in the order of the request.
    pub values: SmallVec<[CompactString; 1]>,
    /// Nothing was given, and the person may see everything.
    pub unlimited: bool,
}

/// What was changed in the request before it was judged again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub place: Location,
    /// How.
    pub kind: ChangeKind,
    /// The values that stand there now; none where it was removed.
    pub values: Vec<CompactString>,
}

/// The kinds of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It was absent, and now holds what the person may see.
    Filled,
    /// It held more than the person may see.
    Narrowed,
    /// It was empty, which counts as absent.
    Removed,
}

impl ChangeKind {
    /// The name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Filled => "filled",
            Self::Narrowed => "narrowed",
            Self::Removed => "removed",
        }
    }
}

/// The object of which only the answer tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// How the answer is read.
    pub lookup: LookupId,
    /// The object, as the request names it.
    pub key: CompactString,
}

/// What a decision came to. One that permits is made only by [`super::decide()`].
#[derive(Clone, Debug)]
pub struct Judgement {
    pub(super) outcome: Outcome,
    pub(super) reason: Reason,
    pub(super) detail: Detail,
    pub(super) permission: Option<PermissionId>,
    pub(super) effect: Effect,
    pub(super) deciding: SmallVec<[Deciding; 2]>,
    pub(super) scope: SmallVec<[Bound; 2]>,
    pub(super) changes: Vec<Change>,
    pub(super) awaited: Option<Box<Awaited>>,
}

impl Judgement {
    /// A refusal that fell before or after the decision proper, for example where no route was found.
    ///
    /// A reason that permits is not believed: it becomes [`Reason::InternalFault`].
    #[must_use]
    pub fn refused(reason: Reason, detail: Detail) -> Self {
        let reason = believable(reason);
        Self {
            outcome: Outcome::Refuse,
            reason,
            detail,
            permission: None,
            effect: Effect::Change,
            deciding: SmallVec::new(),
            scope: SmallVec::new(),
            changes: Vec::new(),
            awaited: None,
        }
    }

    /// The same judgement, turned into a refusal because the request cannot be sent, or its answer not be released.
    ///
    /// A reason that permits is not believed: it becomes [`Reason::InternalFault`].
    #[must_use]
    pub fn into_refusal(self, reason: Reason, detail: Detail) -> Self {
        Self { outcome: Outcome::Refuse, reason: believable(reason), detail, awaited: None, ..self }
    }

    /// The same judgement, with the request sent on all the same.
    pub(super) fn into_observed(self) -> Self {
        Self { outcome: Outcome::Observed, ..self }
    }

    /// Permit, refuse, observed, or held.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// What the record says beyond the reason; written only when it is displayed.
    #[must_use]
    pub fn detail(&self) -> &Detail {
        &self.detail
    }

    /// The permission that was asked for, as far as the decision came to know it.
    #[must_use]
    pub fn permission(&self) -> Option<PermissionId> {
        self.permission
    }

    /// What the operation does; [`Effect::Change`] until the permission is known.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// The assignments that decided: those whose boxes, united, hold what was asked for. Empty for public routes.
    #[must_use]
    pub fn deciding(&self) -> &[Deciding] {
        &self.deciding
    }

    /// The values that were bound, as they are forwarded.
    #[must_use]
    pub fn scope(&self) -> &[Bound] {
        &self.scope
    }

    /// Of what only the answer tells, which must be held until that is judged.
    #[must_use]
    pub fn awaited(&self) -> Option<&Awaited> {
        self.awaited.as_deref()
    }

    /// What was filled in, narrowed and removed.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }
}

/// The reason of a refusal.
const fn believable(reason: Reason) -> Reason {
    match reason {
        Reason::Granted | Reason::Public | Reason::AnswerAwaited => Reason::InternalFault,
        reason => reason,
    }
}
