//! The vocabulary of the gateway as plain values; no I/O and no clock reads but through [`Clock`].

mod clock;
mod device;
mod effect;
mod id;
mod outcome;
mod permission;
pub mod quantity;
mod reason;

pub use clock::{Clock, SystemClock, Timestamp};
pub use device::{Device, DeviceKind};
pub use effect::Effect;
pub use id::{RequestId, Revision, SubjectId};
pub use outcome::Outcome;
pub use permission::{Permission, PermissionError};
pub use reason::{FailureClass, Reason};
