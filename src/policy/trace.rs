//! What a decision looks at, step by step, for whoever explains it; the plain decision listens to none of it.

use super::detail::Detail;
use super::judgement::Change;
use crate::lookup::Fact;
use crate::model::Reason;
use crate::request::Location;
use crate::rules::{App, Assignment, Condition, DimensionId, PermissionId, Subject};

/// What an assignment is to the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relevance {
    /// Its role does not grant the permission.
    NotGranting,
    /// It has ended.
    Ended,
    /// It has not begun.
    NotBegun,
    /// It is limited in a dimension that the route neither binds nor ignores.
    Limited(DimensionId),
    /// It omits a dimension that the route binds.
    Omits(DimensionId),
    /// It holds none of the values asked for in this dimension.
    Outside(DimensionId),
    /// It holds a part of what is asked for, or could fill it in.
    Part,
    /// It holds all that is asked for.
    Whole,
}

/// A step of a decision.
#[derive(Debug)]
pub enum Step<'a> {
    /// The permission that is asked for, and the parameter that selected it.
    Operation {
        /// Where the selector looked; `None` where the route asks for one permission always.
        place: Option<&'a Location>,
        /// The permission; `None` for a public route.
        permission: Option<PermissionId>,
    },
    /// A parameter that the rule names was read and has its type.
    Parameter {
        /// Where it stands.
        place: &'a Location,
        /// Whether its values are kept out of records.
        secret: bool,
        /// Its values.
        values: &'a [&'a str],
    },
    /// Something was known of an object that the request names.
    Fact {
        /// The application whose object it is.
        app: &'a App,
        /// What.
        fact: &'a Fact,
    },
    /// The subject may act.
    Subject(&'a Subject),
    /// An assignment was looked at.
    Assignment(&'a Assignment, Relevance),
    /// Boxes of these assignments (by place) were united, and hold what is asked for.
    United(&'a [u32]),
    /// A condition was evaluated and holds.
    Condition {
        /// Its place in the rule, from 0.
        at: usize,
        /// It.
        condition: &'a Condition,
        /// Whether it counts for the permission at all.
        applies: bool,
    },
    /// The request was changed, and is judged again.
    Changed(&'a [Change]),
    /// The decision ends here.
    Refused(Reason, &'a Detail),
}

/// Whoever listens to a decision.
pub trait Trace {
    /// Whether every assignment is looked at even after one has decided.
    const THOROUGH: bool;

    /// Takes up a step.
    fn step(&mut self, step: Step<'_>);
}

/// Nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Trace for Silent {
    const THOROUGH: bool = false;

    #[inline]
    fn step(&mut self, _: Step<'_>) {}
}
