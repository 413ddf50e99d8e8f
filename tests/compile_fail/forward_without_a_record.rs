//! The forwarder takes a permit only out of a recorded decision.
use scopegate::policy::Permit;
use scopegate::upstream::Forwarder;
use scopegate::wire::body::RequestBody;
use scopegate::wire::stop::Stop;

async fn send(forwarder: &Forwarder, permit: Permit, body: RequestBody, cancel: &Stop) {
    let _ = forwarder.forward(permit, body, cancel).await;
}

fn main() {}
