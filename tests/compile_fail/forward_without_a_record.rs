//! The forwarder takes a permit only out of a recorded decision.
use scopegate::policy::Permit;
use scopegate::upstream::Forwarder;
use scopegate::wire::body::RequestBody;

async fn send(forwarder: &Forwarder, permit: Permit, body: RequestBody) {
    let _ = forwarder.forward(permit, body).await;
}

fn main() {}
