//! The types of `request` that rules are made of; nothing of this file stays.

pub use crate::request::{Dialect, Location, ParamType, RequestView};
