//! Applications that misbehave in every way that was seen, before the whole gateway: a clean refusal or an aborted stream, never
//! somebody else's bytes, never an answer that looks complete and is not.
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

#[path = "faults"]
mod faults {
    mod application;
    mod asking;
    mod every;
    mod script;
    mod tls;
}
