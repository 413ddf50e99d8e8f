//! Protocols as their RFCs have them, in raw frames over real TLS through the whole gateway: what comes back, and that nothing
//! malformed reaches the application.
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
#[path = "hygiene/world.rs"]
#[allow(dead_code, reason = "the tests of hygiene use the rest of it")]
mod world;

#[path = "conformance/websocket"]
mod websocket {
    mod case;
    mod through;
}

#[path = "conformance/http2"]
mod http2 {
    mod beginning;
    mod case;
    mod exchange;
    mod field;
    mod flood;
    mod frame;
    mod hpack;
    mod peer;
    mod stream;
}
