//! What must never reach an application, tried through the whole gateway on real sockets: asserted by what the application received.
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

#[path = "hygiene/answer.rs"]
mod answer;
#[path = "hygiene/body.rs"]
mod body;
#[path = "stories/support/browser.rs"]
#[allow(dead_code, reason = "the stories use the rest of it")]
mod browser;
#[path = "hygiene/head.rs"]
mod head;
#[path = "hygiene/host.rs"]
mod host;
#[path = "hygiene/limit.rs"]
mod limit;
#[path = "hygiene/method.rs"]
mod method;
#[path = "hygiene/observe.rs"]
mod observe;
#[path = "hygiene/place.rs"]
mod place;
#[path = "hygiene/record.rs"]
mod record;
#[path = "hygiene/setting.rs"]
mod setting;
#[path = "hygiene/stream.rs"]
mod stream;
#[path = "hygiene/tunnel.rs"]
mod tunnel;
#[path = "hygiene/world.rs"]
mod world;
