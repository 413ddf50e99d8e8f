//! The listener over real sockets: TLS, certificates, admission, draining, hand-over. What serves is a mirror that tells
//! what it knows of its connection, so that nothing but the listener is tested.
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

// What is denied in the gateway is how a test fails.
#[path = "server/admission.rs"]
mod admission;
#[path = "server/bench.rs"]
mod bench;
#[path = "server/client_certificate.rs"]
mod client_certificate;
#[path = "server/ending.rs"]
mod ending;
#[path = "server/http.rs"]
mod http;
#[path = "server/reload.rs"]
mod reload;
#[path = "server/tls.rs"]
mod tls;
