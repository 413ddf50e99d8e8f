//! The decision point: a naive model that must agree, tables of who may do what, and what is forwarded.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::field_reassign_with_default,
    reason = "what stops here fails by stopping"
)]

#[path = "policy/model.rs"]
mod model;
#[path = "policy/random.rs"]
mod random;
#[path = "policy/sealing.rs"]
mod sealing;
#[path = "policy/setting.rs"]
mod setting;
#[path = "policy/table.rs"]
mod table;
