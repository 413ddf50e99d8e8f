//! The rule language: raw YAML in, one immutable compiled rule set and the people out; never a decision.

mod compile;
pub mod condition;
pub mod decimal;
pub mod dimension;
mod lint;
pub mod load;
pub mod pattern;
pub mod people;
pub mod raw;
pub mod role;
pub mod route;
pub mod selector;
pub mod set;
pub mod suite;
pub mod table;
pub mod title;

pub use compile::Before;
pub use condition::Condition;
pub use dimension::{Dimension, DimensionId, ValueId, ValueSet};
pub use load::{Loaded, Source, load, load_again, read_again, sets};
pub use people::{Assignment, People, ScopeBox, Standing, Status, Subject, SubjectKind};
pub use role::{PermissionEntry, PermissionId, PermissionSet, Role, RoleId};
pub use route::{
    Absent, AnswerRule, Authority, BodyRule, Durability, End, Forget, Handle, HiddenKey, LookedUp, Others, ParamRule,
    Route, ScopeRule, Upgrade,
};
pub use selector::{Button, By, Choice, Selector};
pub use set::{App, Catalog, Mode, RuleSet};
pub use table::{Find, PathCaptures, RouteTable};
pub use title::{Language, Title};
