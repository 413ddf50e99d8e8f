//! What the record says beyond a reason: kept as data, written as stable English only when somebody reads it.

use crate::lookup::LookupId;
use crate::model::{SubjectId, Timestamp};
use crate::request::{BodyError, Location, Misfit, ParamError, TargetError, Unnamed};
use crate::rules::condition::ConditionError;
use crate::rules::{App, DimensionId, PermissionId, RuleSet};
use compact_str::CompactString;
use std::fmt;

/// The detail of a judgement. Names are looked up, and text is put together, by [`Detail::display`].
#[derive(Clone, Debug, Default)]
pub enum Detail {
    /// The reason says it all.
    #[default]
    None,
    /// A sentence from outside of the decision: a wire error, an identity error.
    Text(Box<str>),
    /// The target could not be read in one way only.
    Target(Box<TargetError>),
    /// The body could not be read in one way only.
    Body(Box<BodyError>),
    /// A parameter could not be read in one way only.
    Parameter {
        /// Where it was looked for.
        place: Box<Location>,
        /// What was in the way.
        error: Box<ParamError>,
    },
    /// A parameter stands several times, and its rule does not make it a list.
    Repeated(Box<Location>),
    /// A value is not spelled as its type has it.
    Misfit {
        /// Where it stands.
        place: Box<Location>,
        /// What is wrong with it.
        misfit: Box<Misfit>,
    },
    /// Two places of one handle name different things.
    Disagreement {
        /// One place.
        one: Box<Location>,
        /// The other.
        other: Box<Location>,
    },
    /// A key is not spelled as its lookup has it.
    Key {
        /// The application.
        app: CompactString,
        /// The lookup.
        lookup: LookupId,
        /// What is wrong with it.
        misfit: Box<Misfit>,
    },
    /// Parameters that no rule names: at most 64, each once.
    Unnamed(Vec<Unnamed>),
    /// The operation is not among the cases.
    Operation {
        /// Where it was looked for.
        place: Box<Location>,
        /// What stands there; `None` where nothing does, and the rule has no case for that.
        value: Option<CompactString>,
    },
    /// Nobody is known under this name.
    Stranger(SubjectId),
    /// Nobody is signed in.
    Nobody,
    /// The account or assignment ended then.
    EndedAt(Timestamp),
    /// The account or assignment begins then.
    BeginsAt(Timestamp),
    /// No assignment grants it.
    NotGranted(PermissionId),
    /// The parameter that binds a dimension is absent.
    Unbound {
        /// The dimension.
        dimension: DimensionId,
        /// Where its value would stand.
        place: Box<Location>,
    },
    /// A value lies in no box that grants the permission; `None` where each value does, but not all of them in one box.
    Outside(Option<(DimensionId, CompactString)>),
    /// Every box that would do is limited in a dimension that the route neither binds nor ignores.
    Limited(DimensionId),
    /// Several boxes could fill in or narrow; this parameter would tell which.
    Give {
        /// The dimension.
        dimension: DimensionId,
        /// Where its value would stand.
        place: Box<Location>,
    },
    /// This parameter searches, sorts or groups by a field that is masked for the person.
    Hidden(Box<Location>),
    /// A condition did not hold, or could not be evaluated.
    Condition {
        /// Its place among the conditions of the route, from 0.
        at: usize,
        /// Why it could not be evaluated; `None` where it was, and did not hold.
        error: Option<Box<ConditionError>>,
    },
}

/// The most parameters without a name in the rule that a record tells.
const MOST_UNNAMED: usize = 64;

impl Detail {
    /// The detail of a sentence.
    #[must_use]
    pub fn text(text: impl fmt::Display) -> Self {
        Self::Text(text.to_string().into())
    }

    /// The detail of these parameters; a name is shortened, so that records stay small.
    pub(super) fn unnamed(all: Vec<Unnamed>) -> Self {
        let mut told: Vec<Unnamed> = Vec::new();
        for Unnamed { place, name } in all {
            let unnamed = Unnamed { place, name: name.chars().take(64).collect() };
            if told.len() < MOST_UNNAMED && !told.contains(&unnamed) {
                told.push(unnamed);
            }
        }
        Self::Unnamed(told)
    }

    /// The detail with names out of the rule set that it was decided by.
    #[must_use]
    pub fn display<'a>(&'a self, rules: &'a RuleSet) -> impl fmt::Display + 'a {
        Displayed { detail: self, rules }
    }

    /// The beginning of the value at `place`, so that records stay small; nothing of it where it is secret.
    pub(super) fn excerpt(app: &App, place: &Location, value: &str) -> CompactString {
        app.secrets.redact(place.name(), value).chars().take(64).collect()
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

struct Displayed<'a> {
    detail: &'a Detail,
    rules: &'a RuleSet,
}

impl fmt::Display for Displayed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let catalog = &self.rules.catalog;
        let dimension = |id: DimensionId| catalog.dimension(id).map_or("?", |dimension| dimension.name.as_str());
        match self.detail {
            Detail::None => Ok(()),
            Detail::Text(text) => f.write_str(text),
            Detail::Target(error) => error.fmt(f),
            Detail::Body(error) => error.fmt(f),
            Detail::Parameter { place, error } => write!(f, "{place}: {error}"),
            Detail::Repeated(place) => write!(f, "{place} stands more than once, and the rule does not make it a list"),
            Detail::Misfit { place, misfit } => write!(f, "{place}: {misfit}"),
            Detail::Disagreement { one, other } => write!(f, "{one} and {other} name different things"),
            Detail::Key { app, lookup, misfit } => {
                let found = self.rules.app(app).and_then(|app| app.lookup(*lookup));
                write!(f, "the key of `{}`: {misfit}", found.map_or("?", |lookup| lookup.name.as_str()))
            }
            Detail::Unnamed(unnamed) => {
                for (at, Unnamed { place, name }) in unnamed.iter().enumerate() {
                    write!(f, "{}`{name}` in the {place}", if at == 0 { "" } else { ", " })?;
                }
                let (verb, thing) = if unnamed.len() == 1 { ("is", "a parameter") } else { ("are", "parameters") };
                write!(f, " {verb} {thing} that the rule does not name")
            }
            Detail::Operation { place, value: Some(value) } => {
                write!(f, "the operation `{value}` in {place} is not among the cases of the rule")
            }
            Detail::Operation { place, value: None } => {
                write!(f, "{place} names no operation, and the rule has no case for its absence")
            }
            Detail::Stranger(subject) => write!(f, "nobody is known as `{subject}`"),
            Detail::Nobody => f.write_str("nobody is signed in"),
            Detail::EndedAt(at) => write!(f, "ended at {at}"),
            Detail::BeginsAt(at) => write!(f, "begins at {at}"),
            Detail::NotGranted(permission) => {
                let name = catalog.permission(*permission).map_or("?", |entry| entry.name.as_str());
                write!(f, "no assignment grants `{name}`")
            }
            Detail::Unbound { dimension: id, place } => write!(f, "{place} gives no {}", dimension(*id)),
            Detail::Outside(Some((id, value))) => {
                write!(f, "{} `{value}` lies in no box that grants the permission", dimension(*id))
            }
            Detail::Outside(None) => {
                f.write_str("no single box that grants the permission holds all that is asked for")
            }
            Detail::Limited(id) => {
                write!(f, "the assignment is limited in {}, which the rule neither binds nor ignores", dimension(*id))
            }
            Detail::Give { dimension: id, place } => {
                write!(f, "several values of {} would do: give one in {place}", dimension(*id))
            }
            Detail::Hidden(place) => write!(f, "{place} asks for a field that is masked for the person"),
            Detail::Condition { at, error: None } => write!(f, "condition {} of the rule does not hold", at + 1),
            Detail::Condition { at, error: Some(error) } => write!(f, "condition {} of the rule: {error}", at + 1),
        }
    }
}
