//! A compiled route: what it matches, what it asks for, what it binds; never YAML.

use super::condition::Condition;
use super::dimension::DimensionId;
use super::pattern::{MethodSet, Pattern};
use super::role::PermissionId;
use super::selector::Selector;
use super::set::Mode;
use crate::diagnostics::Place;
use crate::filter::{GrantNo, Plan};
use crate::lookup::LookupId;
use crate::request::{ContentTypes, Location, ParamType};
use compact_str::CompactString;
use std::sync::Arc;

/// One `match` of one element of `routes:`; an element with several matches is compiled into as many of these.
#[derive(Clone, Debug)]
pub struct Route {
    /// The name in records.
    pub id: CompactString,
    /// Where it is written.
    pub place: Option<Place>,
    /// The methods.
    pub methods: MethodSet,
    /// The path.
    pub pattern: Pattern,
    /// The parameters that must have certain values for the route to match.
    pub predicates: Vec<Predicate>,
    /// What is asked of the subject.
    pub authority: Authority,
    /// Every parameter the rule names: under `params`, and wherever else it reads one.
    pub params: Vec<ParamRule>,
    /// How each dimension is bound.
    pub scope: Vec<ScopeRule>,
    /// Objects beside those that the scope looks up, of which nothing is believed any more once a change has passed.
    pub forgets: Vec<Forget>,
    /// What else must hold.
    pub conditions: Vec<Condition>,
    /// What becomes of parameters that the rule does not name.
    pub others: Others,
    /// How the body is treated.
    pub body: BodyRule,
    /// What is done to answers; `None` lets them pass as they are.
    pub answer: Option<Arc<AnswerRule>>,
    /// Whether this route only observes; `None` leaves it to the application.
    pub mode: Option<Mode>,
    /// Whether the connection may be upgraded.
    pub upgrade: Upgrade,
    /// How durable the record must be before the request is forwarded.
    pub audit: Durability,
}

/// What is done to the answers of a route.
#[derive(Clone, Debug)]
pub struct AnswerRule {
    /// The filter.
    pub plan: Plan,
    /// The dimension of each [`crate::filter::DimensionNo`].
    pub dimensions: Vec<DimensionId>,
    /// The permission of each [`GrantNo`].
    pub grants: Vec<PermissionId>,
    /// Parameters by which masked fields could be asked for.
    pub keys: Vec<HiddenKey>,
    /// Whether fields of rows are masked, by which an application could search or sort.
    pub masks_fields: bool,
    /// Differs where anything of it does.
    pub print: u64,
}

/// A parameter by which a masked field could be asked for.
#[derive(Clone, Debug)]
pub struct HiddenKey {
    /// Where it stands.
    pub location: Location,
    /// The permission that lets it pass; without one it never does.
    pub grant: Option<GrantNo>,
    /// It is refused where its value holds one of these, in lower case; where there are none, whatever its value.
    pub names: Vec<CompactString>,
}

/// A parameter that must have one of certain values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predicate {
    /// Where it stands.
    pub location: Location,
    /// The values, sorted.
    pub values: Vec<CompactString>,
}

/// What is asked of the subject.
#[derive(Clone, Debug)]
pub enum Authority {
    /// Nothing: decided for the subject `anonymous`, without scope and fill.
    Public,
    /// This permission.
    Permission(PermissionId),
    /// The permission that parameters select.
    Selector(Selector),
}

impl Authority {
    /// Every permission that the route may ask for.
    pub fn permissions(&self) -> impl Iterator<Item = PermissionId> + '_ {
        let mut found = Vec::new();
        match self {
            Self::Public => {}
            Self::Permission(permission) => found.push(*permission),
            Self::Selector(selector) => selector.collect(&mut found),
        }
        found.into_iter()
    }
}

/// A parameter that the rule names.
#[derive(Clone, Debug)]
pub struct ParamRule {
    /// Where it stands.
    pub location: Location,
    /// Its type; `None` takes any one text.
    pub kind: Option<ParamType>,
    /// Whether its value is kept out of records.
    pub secret: bool,
}

/// How a dimension is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeRule {
    /// The values found at every one of `ends` must lie in one box.
    Bound {
        /// The dimension.
        dimension: DimensionId,
        /// Where its values come from: several for both ends of a move.
        ends: Vec<End>,
        /// What becomes of a request without a value.
        absent: Absent,
        /// Whether a list is cut down to what the person may see.
        narrow: bool,
    },
    /// The dimension does not matter here.
    Ignored(DimensionId),
}

impl ScopeRule {
    /// The dimension it speaks of.
    #[must_use]
    pub const fn dimension(&self) -> DimensionId {
        match self {
            Self::Bound { dimension, .. } | Self::Ignored(dimension) => *dimension,
        }
    }

    /// Where its values come from.
    #[must_use]
    pub fn ends(&self) -> &[End] {
        match self {
            Self::Bound { ends, .. } => ends,
            Self::Ignored(_) => &[],
        }
    }

    /// Where its values, or the keys by which they are looked up, stand.
    pub fn places(&self) -> impl Iterator<Item = &Location> {
        self.ends().iter().flat_map(|end| end.handle.places())
    }
}

/// One source of a dimension's values: one end of a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The values.
    pub handle: Handle,
    /// What the values are attributes of, where they are not values of the dimension themselves but name objects.
    pub lookup: Option<LookedUp>,
    /// Whether it may be absent, because the object then stays where it is.
    pub may_stay: bool,
}

/// The places in which a request may name one thing. Those that do must agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle {
    /// The first place, which messages name.
    pub first: Location,
    /// Where the first place stands among the parameters of the route.
    pub param: usize,
    /// Further places.
    pub others: Vec<Location>,
}

impl Handle {
    /// Every place.
    pub fn places(&self) -> impl Iterator<Item = &Location> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// An attribute of the object that a handle names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookedUp {
    /// How it is found.
    pub lookup: LookupId,
    /// Which of the attributes that the lookup finds.
    pub attribute: u16,
}

/// Objects of which nothing is believed any more once the request has passed, because it may change them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forget {
    /// How they are found.
    pub lookup: LookupId,
    /// Where they are named; `None` for all of them.
    pub handle: Option<Handle>,
}

/// What becomes of a request without a value for a bound dimension.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Absent {
    /// It is refused.
    #[default]
    Refuse,
    /// What the person may see is put in.
    Fill,
}

/// What becomes of parameters that no rule names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Others {
    /// The request is refused.
    Refuse,
    /// They are forwarded as they are.
    Forward,
}

/// How the body is treated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyRule {
    /// There must be none.
    None,
    /// It is parsed, judged and forwarded as it was judged.
    Judged {
        /// The kinds accepted.
        accept: ContentTypes,
        /// The largest size in bytes; `None` leaves it to the limits of the gateway.
        cap: Option<usize>,
    },
    /// Nothing reads it: it is streamed untouched.
    Stream {
        /// The content types accepted, in lower case, without parameters; `type/*` and `*/*` stand for many.
        types: Vec<CompactString>,
        /// The largest size in bytes; `None` sets no bound.
        cap: Option<u64>,
    },
}

/// Whether the connection may be upgraded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Upgrade {
    /// It may not.
    #[default]
    None,
    /// To a WebSocket.
    WebSocket {
        /// The origins accepted, in lower case as `scheme://host[:port]`; empty means that of the request's own host.
        origins: Vec<CompactString>,
    },
}

/// How durable the record must be before the request is forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// Written: it survives the end of the process.
    #[default]
    Normal,
    /// On disk: it survives power loss.
    Strict,
}

impl Route {
    /// Whether anything must be looked up to decide.
    #[must_use]
    pub fn looks_up(&self) -> bool {
        self.ends().any(|end| end.lookup.is_some())
    }

    /// Every source of values.
    pub fn ends(&self) -> impl Iterator<Item = &End> {
        self.scope.iter().flat_map(ScopeRule::ends)
    }

    /// The parameter rule for a location, where the rule names it.
    #[must_use]
    pub fn param(&self, location: &Location) -> Option<&ParamRule> {
        self.params.iter().find(|param| param.location == *location)
    }

    /// Whether rows of its answers are kept by the dimension.
    #[must_use]
    pub fn keeps_rows_by(&self, dimension: DimensionId) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.dimensions.contains(&dimension))
    }

    /// Whether the route binds or ignores the dimension.
    #[must_use]
    pub fn scope_rule(&self, dimension: DimensionId) -> Option<&ScopeRule> {
        self.scope.iter().find(|rule| rule.dimension() == dimension)
    }
}
