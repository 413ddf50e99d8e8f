//! The enforcement point: the life of a request from head to outcome, and the answers that the gateway gives itself.

mod asker;
mod carry;
mod core;
mod device;
mod ending;
mod filtered;
mod hold;
mod incoming;
mod layers;
mod live;
mod lookup;
mod open;
mod passage;
mod pipeline;
mod refuse;
pub mod reload;
pub mod respond;
mod session;
pub mod wording;

pub use core::{Core, ReadLimits, Shared};
pub use layers::Panicked;
pub use live::{InForce, Live};
pub use lookup::sql::Databases;
pub use open::{OpenStreams, Review};
pub use pipeline::{Call, Connection, service};
