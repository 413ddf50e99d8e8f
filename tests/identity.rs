//! Who is asking: every source alone, all of them together, the watched sign-in and the store behind it.
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

#[path = "identity/api_key.rs"]
mod api_key;
#[path = "identity/basic.rs"]
mod basic;
#[path = "identity/chain.rs"]
mod chain;
#[path = "identity/client_certificate.rs"]
mod client_certificate;
#[path = "identity/hidden_cookie.rs"]
mod hidden_cookie;
#[path = "identity/jwt.rs"]
mod jwt;
#[path = "identity/legacy_session.rs"]
mod legacy_session;
#[path = "identity/store.rs"]
mod store;
#[path = "identity/trusted_header.rs"]
mod trusted_header;
#[path = "identity/world.rs"]
mod world;
