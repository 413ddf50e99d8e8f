//! Raw bytes against the codec: what the service behind it received, and what was answered; no rules, no sockets.
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

#[path = "wire/answers.rs"]
mod answers;
#[path = "wire/application.rs"]
mod application;
#[path = "wire/bodies.rs"]
mod bodies;
#[path = "wire/deadlines.rs"]
mod deadlines;
#[path = "wire/heads.rs"]
mod heads;
#[path = "wire/http2.rs"]
mod http2;
#[path = "wire/support.rs"]
mod support;
#[path = "wire/tunnels.rs"]
mod tunnels;
