//! The enforcement point: the life of a request from head to outcome, and the answers that the gateway gives itself.

pub mod respond;
pub mod wording;
