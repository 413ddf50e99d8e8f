//! The vocabulary of the gateway as plain values; no I/O and no clock reads but through [`Clock`].

mod address;
mod clock;
mod device;
mod effect;
mod every;
mod hex;
mod id;
mod outcome;
mod permission;
mod priority;
pub mod quantity;
mod reason;

pub use address::push_address;
pub use clock::{Clock, SystemClock, Timestamp};
pub use device::{Device, DeviceKind};
pub use effect::Effect;
pub use every::every;
pub use hex::{hex_digits, push_hex};
pub use id::{RequestId, Revision, SubjectId};
pub use outcome::Outcome;
pub use permission::{Permission, PermissionError};
pub use priority::leave_real_time;
pub use reason::{FailureClass, Reason};
