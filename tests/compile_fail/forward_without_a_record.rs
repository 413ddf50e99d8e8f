//! The forwarder takes a permit only out of a recorded decision.
use scopegate::policy::Permit;
use scopegate::upstream::Forwarder;
use scopegate::wire::body::RequestBody;
use tokio::time::Instant;

async fn send(forwarder: &Forwarder, permit: Permit, body: RequestBody, begun: Instant) {
    let _ = forwarder.forward(permit, body, begun).await;
}

fn main() {}
