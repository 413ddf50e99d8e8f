//! Lookups before an application whose answers a test scripts: what the application received, what the person saw, what is on record.
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

#[path = "stories/support/browser.rs"]
#[allow(dead_code, reason = "the stories use the rest of it")]
mod browser;
#[path = "lookup/database.rs"]
mod database;
#[path = "lookup/held.rs"]
mod held;
#[path = "lookup/learned.rs"]
mod learned;
#[path = "conformance/http2/peer.rs"]
#[allow(dead_code, reason = "the conformance tests use the rest of it")]
mod peer;
#[path = "lookup/request.rs"]
mod request;
#[path = "lookup/response.rs"]
mod response;
#[path = "lookup/session.rs"]
mod session;
#[path = "lookup/sql.rs"]
mod sql;
#[path = "lookup/world.rs"]
mod world;
