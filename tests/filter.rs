//! Answer filters against a naive model, wherever the answer is cut, and their bounds; no gateway.
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

#[path = "filter/bound.rs"]
mod bound;
#[path = "filter/head.rs"]
mod head;
#[path = "filter/json.rs"]
mod json;
#[path = "filter/model.rs"]
mod model;
#[path = "filter/support.rs"]
mod support;
