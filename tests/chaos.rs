//! What must hold when things go wrong: the real program, killed, reloaded, starved of disk, replaced and badly served, under
//! load. What counts is what the application received, what the client got, and what the journal says of both.
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
#[path = "chaos/application.rs"]
mod application;
#[path = "chaos/client.rs"]
mod client;
#[path = "chaos/gateway.rs"]
mod gateway;
#[path = "chaos/site.rs"]
mod site;

#[path = "chaos/certificate.rs"]
mod certificate;
#[path = "chaos/disk.rs"]
mod disk;
#[path = "chaos/end.rs"]
mod end;
#[path = "chaos/hand_over.rs"]
mod hand_over;
#[path = "chaos/kill.rs"]
mod kill;
#[path = "chaos/order.rs"]
mod order;
#[path = "chaos/reload.rs"]
mod reload;
#[path = "chaos/strain.rs"]
mod strain;

use std::time::{Duration, Instant};

/// How long anything may take on a busy machine before it counts as never.
const NEVER: Duration = Duration::from_secs(60);

/// Looks until something holds and gives it; the test fails when it never does.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + NEVER;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
