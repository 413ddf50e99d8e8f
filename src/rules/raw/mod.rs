//! The rule language as YAML spells it; nothing here is checked but its shape.

mod app;
mod at;
mod binding;
mod condition;
mod form;
mod operation;
mod param;
mod people;
mod roles;
mod route;
mod test;

pub use app::{RawApp, RawHeaders};
pub use at::{RawAt, RawForget};
pub use binding::{RawBinding, RawEnd};
pub use condition::{RawAbsentParam, RawCondition, RawDevice, RawTime};
pub use operation::{RawChoice, RawFieldPlace, RawOperation};
pub use param::RawParam;
pub use people::{RawAssignment, RawKey, RawPeople, RawPerson, RawValue, RawValues};
pub use roles::{RawDimension, RawPermission, RawRole, RawRoles};
pub use route::{RawBody, RawRoute, RawUpgrade, RawWhere};
pub use test::{
    RawExpect, RawExpectAnswer, RawFact, RawForwarded, RawRequest, RawTable, RawTest, RawTestDevice, RawTests,
};
