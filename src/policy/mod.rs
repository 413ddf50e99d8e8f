//! The decision point: what a request may do, the sealed permits that carry it out, explanations and policy tests.
//!
//! Pure: rules, people, time and request come in, judgements go out. It never
//! reads a clock, a file or a socket, and it never answers a request.

pub mod forward;

pub use forward::{BodyPlan, Forwardable, Head, Observed, Parcel, Permit, SideRequest};
