//! The rule language as YAML spells it; nothing here is checked but its shape.

mod app;
mod form;
mod people;
mod roles;
mod route;
mod test;

pub use app::{RawApp, RawHeaders};
pub use people::{RawAssignment, RawKey, RawPeople, RawPerson, RawValue, RawValues};
pub use roles::{RawDimension, RawPermission, RawRole, RawRoles};
pub use route::{
    RawAbsentParam, RawBinding, RawBody, RawCondition, RawDevice, RawOperation, RawParam, RawRoute, RawTime,
    RawUpgrade, RawWhere,
};
pub use test::{RawExpect, RawForwarded, RawRequest, RawTable, RawTest, RawTestDevice, RawTests};
